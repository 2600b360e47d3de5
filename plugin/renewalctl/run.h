/* run: how commands are carried out: asking, paging, confirming, watching. What it asks goes through a link, so that
 * all of it runs without a broker. Errors are told on `err` in one line each; what is returned is the exit code. One
 * thread. */
#ifndef CR_CTL_RUN_H
#define CR_CTL_RUN_H

#include "plugin/renewalctl/command.h"
#include "plugin/renewalctl/request.h"
#include "plugin/renewalctl/sheet.h"

#include "common/clock.h"

#include <signal.h>

struct cJSON;

enum { CTL_WINDOW = 4 };

/* The connection to the broker. */
struct ctl_link {
    void *ctx;
    /* Sends a request and takes its response, whose correlation data is given, within the options' timeout; connects
     * when there is no connection. CR_OK: *response is the caller's. CR_UNAVAILABLE: no connection; CR_TIMEOUT: no answer;
     * CR_DENIED: the broker did not take the request; CR_INVALID: the answer cannot be read; CR_NOMEM. `why` is then
     * one line. What is to stop ends this early, too: CR_TIMEOUT. */
    cr_err (*ask)(void *ctx, struct cJSON **response, struct cr_bytes request, const char *correlation,
                  char why[CTL_WHY_CAP]);
    /* From now on on_event is called from within wait() for what arrives below this topic. */
    cr_err (*listen)(void *ctx, const char *topic,
                     void (*on_event)(void *owner, const char *kind, struct cr_bytes payload), void *owner,
                     char why[CTL_WHY_CAP]);
    /* Lets so much time pass, or less when it is to stop. CR_UNAVAILABLE: the connection was lost; it still waited. */
    cr_err (*wait)(void *ctx, unsigned wait_ms, char why[CTL_WHY_CAP]);
    /* Ends the connection: the next ask or listen makes a new one. */
    void (*drop)(void *ctx);
    /* Sends a request without waiting for its response, as ask does; at most CTL_WINDOW of them are under way. */
    cr_err (*send)(void *ctx, struct cr_bytes request, const char *correlation, char why[CTL_WHY_CAP]);
    /* Takes the response to one that was sent, whichever comes next, and its correlation data. Errors as of ask; no other
     * response will come after CR_UNAVAILABLE and CR_TIMEOUT. */
    cr_err (*take)(void *ctx, struct cJSON **response, char correlation[CTL_CORRELATION_CAP], char why[CTL_WHY_CAP]);
};

struct ctl_run {
    const struct ctl_options *options;
    const struct ctl_link *link;
    const struct cr_clock *clock;
    FILE *in, *err;
    struct ctl_sheet sheet;          /* `out` is its */
    bool in_terminal, err_terminal;
    const volatile sig_atomic_t *stop; /* set by Ctrl-C, where it does not just end the program; NULL: never */
    unsigned asked;
    bool in_array;                   /* with --json: rows are being written, and nothing else may be */
};

/* ---- one each for the table of commands ---- */

int ctl_run_one(struct ctl_run *run);
int ctl_run_pages(struct ctl_run *run);
int ctl_run_trigger(struct ctl_run *run);
int ctl_run_policy_set(struct ctl_run *run);
int ctl_run_audit(struct ctl_run *run);
int ctl_run_watch(struct ctl_run *run);
int ctl_run_events(struct ctl_run *run);
int ctl_run_verify(struct ctl_run *run);
int ctl_run_enroll(struct ctl_run *run);
int ctl_run_revoke(struct ctl_run *run);
int ctl_run_trust_set(struct ctl_run *run);
int ctl_run_ocsp(struct ctl_run *run);
int ctl_run_crl(struct ctl_run *run);
int ctl_run_help(struct ctl_run *run);
int ctl_run_version(struct ctl_run *run);

/* ---- parts (run.c) ---- */

/* "renewalctl: <line>" on err; returns the code. */
int ctl_complain(const struct ctl_run *run, enum ctl_exit code, const char *line);
/* Asks a command, which it takes. CTL_DONE: *data is the caller's, an object. Else it has been told why. */
int ctl_ask(struct ctl_run *run, struct cJSON *command, struct cJSON **data);
/* The same, but a connection that fails is told to the caller alone: the code is CTL_NO_CONNECTION, and `why` says. */
int ctl_ask_quiet(struct ctl_run *run, struct cJSON *command, struct cJSON **data, char why[CTL_WHY_CAP]);
/* The command's own request, on the heap. NULL: out of memory. */
struct cJSON *ctl_command_json(const struct ctl_options *options);
/* CTL_DONE: yes. Asks on the terminal; without one --yes is needed. */
int ctl_confirm(struct ctl_run *run, const char *question);
/* The connection failed, `tries` times in a row now: says so the first time, drops it and waits before the next, longer
 * each time. False: that was enough, which has been told, or it is to stop. (watch.c) */
bool ctl_try_again(struct ctl_run *run, unsigned tries, const char *why);
bool ctl_stopped(const struct ctl_run *run);
/* An answer's data, as text or as JSON; takes it. */
int ctl_show(struct ctl_run *run, struct cJSON *data);
/* Counts the certificates that the filter selects, up to a thousand; *more: there are more. (trigger.c) */
int ctl_matches_count(struct ctl_run *run, unsigned *count, bool *more);
/* Writes a file whole or not at all; "-" is the output. (output.c) */
int ctl_output_write(struct ctl_run *run, const char *path, struct cr_bytes bytes);
/* Opens a file that is read, "-": standard input. NULL: it has been told why. */
FILE *ctl_input_open(struct ctl_run *run, const char *path);
/* What was written has arrived: CTL_DONE. */
int ctl_written(struct ctl_run *run);
/* {"limit":…,"cursor":…} into a request; false: out of memory. */
bool ctl_page_put(struct cJSON *command, unsigned limit, const char *cursor);
/* The answer's cursor, taken; "" when that was all. False: it is none. */
bool ctl_cursor_take(char cursor[CTL_TEXT_CAP], struct cJSON *data);
/* Rows as elements of one JSON array: before the first, between, and at the end. */
void ctl_array_row(const struct ctl_run *run, const struct cJSON *row, bool first);

/* ---- progress.c: on a terminal, when something takes longer than a second ---- */

struct ctl_progress {
    int64_t began_ms, shown_ms; /* shown_ms 0: nothing is shown */
};
void ctl_progress_begin(struct ctl_progress *progress, const struct ctl_run *run);
/* total 0: not known; what: "certificates". */
void ctl_progress_show(struct ctl_progress *progress, const struct ctl_run *run, double done, double total,
                       const char *what);
void ctl_progress_clear(struct ctl_progress *progress, const struct ctl_run *run);

#endif
