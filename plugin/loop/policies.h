/* policies: the settings that all brokers share, and what is in force here. Private to loop/.
 *
 * Who owns what: the app has the setup of the configuration file, the base. The router works by `router->setup`, which
 * is the base with the shared settings over it (cr_setup_overlay), or the base alone where there are none. Both are held
 * here and nowhere else; jobs hold the setup that they were admitted under. When either changes, the base by a SIGHUP or
 * the settings by somebody's setPolicy, a new overlay is made. One that is wrong, because this broker's file and the
 * settings do not go together, changes nothing: what was in force stays so, with a problem that getStatus shows.
 *
 * Every two seconds the store is asked whether there is something new. Changes by commands wait in a line: each is
 * judged by what was just read, over this broker's file, and written only if that is what is still there. */
#ifndef CR_POLICIES_H
#define CR_POLICIES_H

#include "plugin/loop/loop.h"

enum { CR_POLICY_TRIES = 5 };

/* As many as there are; owned. */
struct cr_settings {
    unsigned count;
    struct cr_policy_setting *setting;
};

struct cr_policies {
    struct cr_setup *base;          /* held */
    struct cr_settings latest;      /* the store's */
    struct cr_settings in_force;    /* the same, but where they do not go with the file: then the former ones */
    uint64_t version;
    int64_t at;
    char by[CR_ASK_TEXT_CAP];
    bool known;                     /* read, or found damaged */
    bool damaged;
    bool behind;                    /* what is known is not in force yet: memory was short */
    bool asking;                    /* READ without a command */
    bool writing;                   /* WRITE */
    int64_t next_ms;
    struct cr_job *waiting;         /* WRITE jobs of commands, in order; owned */
    struct cr_job *early;           /* requests that came before anything was known; owned */
    char problem[CR_WRONG_CAP + 200]; /* one sentence; "": none */
};

/* Asks the store now, or at the next tick. */
void policies_read(struct cr_router *router);
/* What a job that is home says of the settings is taken, and put in force. */
void policies_take(struct cr_router *router, struct cr_policy *policy);

/* ---- changes by commands (policy_changes.c) ---- */

/* Takes a WRITE job of a command; it is answered later. */
void policies_change(struct cr_router *router, struct cr_job *job);
/* What was read is what is there: the first of the line is judged and sent; those that are wrong are answered. */
void policies_change_next(struct cr_router *router);
/* The store cannot be asked: all of the line are refused. */
void policies_change_fail(struct cr_router *router, enum cr_refusal refusal, unsigned retry_after_s);
/* A WRITE is home. True: it waits again, and is not to be answered. */
bool policies_changed(struct cr_router *router, struct cr_job *job);

/* The setting of that name; NULL: there is none. */
const struct cr_policy_setting *policies_find(const struct cr_settings *settings, const char *slot, const char *key);

#endif
