/* The watch: about once a second the store is asked which slots of a part of the watch are to be looked at, so that a round
 * takes about a minute. Only slots whose renewal is due are in it: its cost follows what is due, not the fleet.
 *
 * A gateway must get every wake, but no more than it can take: a look may wake its device only when there is room for one
 * more; one for which there is none is put off by the store, not lost. */
#include "plugin/loop/loop.h"

#include <stdio.h>
#include <stdlib.h>

enum { WATCH_ROUND_S = 64, WATCH_MORE_MS = 50 };

struct cr_watch {
    bool asking;            /* an AGENDA job is under way */
    int64_t next_ms;        /* when to ask next */
    unsigned bucket, total; /* where to go on; how many there are, 0: not known yet */
    struct cr_limiter wakes;
};

static const struct cr_limiter_rate wake_rate = { 100, 100, 1000 };

static struct cr_watch *watch_of(struct cr_router *router, int64_t now_ms)
{
    if (router->watch == NULL) {
        router->watch = calloc(1, sizeof *router->watch);
        if (router->watch != NULL) {
            router->watch->next_ms = now_ms + loop_turn_ms(router);
            cr_limiter_init(&router->watch->wakes, &wake_rate, now_ms);
        }
    }
    return router->watch;
}

static void watch_ask(struct cr_router *router, struct cr_watch *watch, unsigned limit)
{
    struct cr_job *job = loop_admit(router, CR_OP_AGENDA, NULL, "", "");

    if (job == NULL) {
        return;
    }
    job->agenda = calloc(1, sizeof *job->agenda);
    if (job->agenda == NULL) {
        loop_abandon(router, job);
        return;
    }
    job->agenda->watch = true;
    job->agenda->bucket = watch->bucket;
    job->agenda->buckets = (watch->total + WATCH_ROUND_S - 1) / WATCH_ROUND_S;
    job->agenda->limit = limit;
    watch->asking = true;
    loop_send(router, job, CR_STAGE_STORE);
}

void loop_watch_tick(struct cr_router *router, int64_t now_ms)
{
    struct cr_watch *watch = watch_of(router, now_ms);
    unsigned limit;

    if (watch == NULL || watch->asking || now_ms < watch->next_ms) {
        return;
    }
    watch->next_ms = now_ms + loop_turn_ms(router);
    limit = loop_clock_ok(router) ? loop_headroom(router) : 0;
    if (limit > 0) {
        watch_ask(router, watch, limit);
    }
}

static void watch_look(struct cr_router *router, struct cr_watch *watch, const struct cr_due *due, int64_t until)
{
    struct cr_job *job = loop_admit(router, CR_OP_LOOK, NULL, due->device, due->slot);

    if (job == NULL) {
        return; /* it is looked at when the claim is over */
    }
    snprintf(job->who, sizeof job->who, "scheduler");
    job->claimed_until = until;
    job->may_begin = cr_limiter_take(&watch->wakes, &wake_rate, loop_now_ms(router), NULL);
    loop_send(router, job, CR_STAGE_STORE);
}

static void watch_claimed(struct cr_router *router, struct cr_watch *watch, const struct cr_job *job)
{
    const struct cr_agenda *agenda = job->agenda;

    watch->asking = false;
    if (job->outcome != CR_OUT_DONE) {
        watch->bucket++; /* should one bucket be damaged, the others go on */
        return;
    }
    watch->bucket = agenda->bucket;
    watch->total = agenda->total;
    for (unsigned i = 0; i < agenda->count; i++) {
        watch_look(router, watch, &agenda->due[i], agenda->until);
    }
    if (agenda->count > 0 && agenda->count == agenda->limit) {
        watch->next_ms = loop_now_ms(router) + WATCH_MORE_MS;
    }
}

void loop_watch_home(struct cr_router *router, const struct cr_job *job)
{
    struct cr_watch *watch = router->watch;

    if (watch == NULL) {
        return;
    }
    if (job->op == CR_OP_AGENDA) {
        watch_claimed(router, watch, job);
    } else if (job->may_begin && (job->told & CR_TOLD_WOKEN) == 0) {
        cr_limiter_give(&watch->wakes, &wake_rate);
    }
}

void loop_watch_fini(struct cr_router *router)
{
    free(router->watch);
    router->watch = NULL;
}
