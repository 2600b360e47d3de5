/* campaign_run: what the files about campaigns share. Private to loop/.
 *
 * Every broker reads all campaigns about once a second while there may be any under way, without the counts, which are kept
 * bucket by bucket. One that needs a runner and has no living one is carried on by whoever writes its name into it first.
 * Its runner reads it before each page, so that what operators did counts, and about once a second with the counts; it
 * writes it back by version after each page, and often enough that nobody takes it for dead. */
#ifndef CR_CAMPAIGN_RUN_H
#define CR_CAMPAIGN_RUN_H

#include "plugin/loop/campaign_decide.h"
#include "plugin/loop/loop.h"

enum cr_run_step { CR_RUN_IDLE, CR_RUN_READING, CR_RUN_LISTING, CR_RUN_PAGE, CR_RUN_WRITING };

/* A campaign that this broker carries on. */
struct cr_run {
    struct cr_run *next;
    struct cr_campaign now;          /* as it was read, then as it will be written */
    enum cr_run_step step;
    int64_t next_ms;                 /* idle: when to go on */
    int64_t count_ms;                /* when to ask for its counts */
    bool counted;                    /* it was read with them */
    enum cr_campaign_event event;    /* told when what was changed is written */
    struct cr_limiter limiter;
    /* the page under way */
    enum cr_campaign_walk walk;
    unsigned open;                   /* its jobs that are not home */
    unsigned matched;
    bool again;                      /* something of it could not be done */
    bool more;                       /* it was short: the next one follows at once */
    char cursor[CR_CURSOR_CAP];      /* of the next one */
};

/* A command about campaigns that is under way (control_campaigns.c). */
struct cr_order {
    struct cr_order *next;
    uint64_t command;
    enum cr_order_what { CR_ORDER_SHOW, CR_ORDER_LIST, CR_ORDER_PAUSE, CR_ORDER_RESUME, CR_ORDER_ABORT } what;
    enum cr_campaign_state state;    /* LIST: only these; CR_CAMPAIGN_STATES: all */
    unsigned tries;
};

struct cr_campaigns {
    bool reading;
    int64_t next_ms;
    bool active;                     /* there was one that had not ended when they were read last */
    struct cr_run *runs;
    struct cr_order *orders;
};

/* NULL: out of memory. */
struct cr_campaigns *campaigns_of(struct cr_router *router);
/* A job about campaigns with room for one (READ: with counts); NULL: there is no room for it now. `id` is for READ. */
struct cr_job *campaigns_job(struct cr_router *router, enum cr_campaign_verb verb, const struct cr_session *session,
                             const char *id);
/* Tells operators. */
void campaigns_tell(struct cr_router *router, const struct cr_campaign *campaign, enum cr_campaign_event event);

/* ---- pages (campaign_page.c) ---- */

/* Begins the next page of its walk, if there is room for one now. */
void run_page(struct cr_router *router, struct cr_run *run);
/* LIST, TRIGGER and STEER are home. True: the page is over, and run->now is to be written unless run->again. */
bool run_page_home(struct cr_router *router, struct cr_run *run, const struct cr_job *job);
/* How many triggers a second. */
unsigned run_rate(const struct cr_router *router, const struct cr_run *run);

#endif
