/* follow: audit --follow: the last entries of the audit log, then each new one.
 *
 * Entries have the ids of Redis' stream, which only grow, and any id is a cursor, so that "what is behind this one" needs
 * no clock at all. With the id of the last entry that was shown the question is put one id lower: the answer then begins
 * with that very entry, and when it does not the stream was trimmed beyond it, or lost.
 *
 * With a filter the last entry that matched may be far back, and all since then would be looked at each second. So now and
 * then, before the question, the newest entry of all is asked for: once the answer has come, nothing up to it is open.
 *
 * One thread. Errors are told where they occur; what is returned is an enum ctl_exit, CTL_INTERRUPTED when it is to stop. */
#ifndef CR_CTL_FOLLOW_H
#define CR_CTL_FOLLOW_H

#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/run.h"

enum { CTL_FOLLOW_EACH_MS = 1000, CTL_ENTRY_CAP = 44 };

/* An entry's id: "<milliseconds>-<number>"; 0-0: none. */
struct ctl_entry_id {
    uint64_t ms, seq;
};

struct ctl_follow {
    struct ctl_run *run;
    const struct ctl_columns *columns;
    struct ctl_table table;
    struct ctl_entry_id at; /* all up to it was shown, or does not match; 0-0: nothing was there */
    bool filtered;
    bool anchored;      /* the entry `at` itself matches */
    bool lost;          /* `at` is in the stream no more, which was told */
    bool seen;          /* an answer has come */
    bool away;          /* it cannot be answered for now, which was told */
    unsigned tries;     /* of a connection, in a row */
    unsigned looked;    /* so many questions ago */
};

/* ---- ids (follow_ask.c) ---- */

bool ctl_entry_read(struct ctl_entry_id *id, const char *text);
/* Of an entry of an answer. */
bool ctl_entry_of(struct ctl_entry_id *id, const struct cJSON *row);
int ctl_entry_compare(struct ctl_entry_id one, struct ctl_entry_id other);
bool ctl_entry_none(struct ctl_entry_id id);
struct ctl_entry_id ctl_entry_before(struct ctl_entry_id id);
void ctl_entry_text(char text[CTL_ENTRY_CAP], struct ctl_entry_id id);

/* ---- asking (follow_ask.c): until there is an answer, once one has come ---- */

/* Entries of the filter, the oldest or the newest first, from behind the cursor on ("": all). CTL_DONE: *data is the
 * caller's. */
int ctl_follow_page(struct ctl_follow *f, bool oldest, unsigned limit, const char *cursor, struct cJSON **data);
/* One entry of all: the newest, or the first from `from` on; none: 0-0. */
int ctl_follow_one(struct ctl_follow *f, const struct ctl_entry_id *from, struct ctl_entry_id *found);
/* The answer makes no sense: says so. */
int ctl_follow_odd(const struct ctl_follow *f);

#endif
