/* send: something that is asked for many devices, a hundred in a command and a few commands at a time, and what became of
 * it: those refused in a table as they come, sums at the end. Each command can be repeated: what was done stays done.
 * Devices that the broker was too busy for are sent again, later. One thread. */
#ifndef CR_CTL_SEND_H
#define CR_CTL_SEND_H

#include "plugin/renewalctl/rows.h"
#include "plugin/renewalctl/run.h"

struct ctl_send {
    struct ctl_run *run;
    const struct ctl_rows *rows;
    /* The command for these rows; false: out of memory. */
    bool (*build)(struct cJSON *command, const struct ctl_send *send, const uint32_t *index, size_t count);
    const char *field;        /* of the answer: for how many devices it was done */
    const char *certificates; /* of the answer: to how many certificates; NULL: that is not counted */
    const char *done;         /* "enrolled" */
    /* what came of it */
    double devices, revoked, refused, lost; /* lost: in no answer */
    double expected;                        /* 0: not known */
    struct ctl_progress progress;
    struct ctl_table table;
};

/* Whether what was refused with this code may go better another time. */
bool ctl_refusal_passes(const char *code);

void ctl_send_begin(struct ctl_send *send);
/* Adds up an answer's data about these rows (count 0: about others) and shows who was refused. Rows that are to be sent
 * again are put into `again`; returns how many. Deletes the data. */
size_t ctl_send_answer(struct ctl_send *send, struct cJSON *data, const uint32_t *index, size_t count, uint32_t *again);
/* How far it is, on a terminal. */
void ctl_send_show(struct ctl_send *send);
/* The sums; returns the exit code: rc, or CTL_FAILED when some were refused. */
int ctl_send_end(struct ctl_send *send, int rc);

/* All of the rows: from begin to end. */
int ctl_send_rows(struct ctl_send *send);

/* The rows of a file, or of the words when there is no path (""). What is wrong has been told: an enum ctl_exit.
 * ctl_rows_fini in any case. (enroll.c) */
int ctl_rows_collect(struct ctl_rows *rows, struct ctl_run *run, const char *path, enum ctl_rows_kind kind);

#endif
