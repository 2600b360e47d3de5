/* A page of a campaign's walk: slots are counted, triggered, or what is under way for them is cancelled. */
#include "plugin/loop/campaign_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned run_rate(const struct cr_router *router, const struct cr_run *run)
{
    return run->now.rate_per_s > 0 ? run->now.rate_per_s : router->setup->config.trigger_rate_per_s;
}

static struct cr_limiter_rate page_rate(const struct cr_router *router, const struct cr_run *run)
{
    unsigned rate = run_rate(router, run);

    return (struct cr_limiter_rate){ rate, rate, 1000 };
}

/* How many slots may be taken now; what the rate has room for is taken from it. */
static unsigned page_room(struct cr_router *router, struct cr_run *run)
{
    struct cr_limiter_rate rate = page_rate(router, run);
    unsigned most = loop_headroom(router), room = 0;

    if (run->walk != CR_WALK_TRIGGER) {
        return most;
    }
    while (room < most && cr_limiter_take(&run->limiter, &rate, loop_now_ms(router), NULL)) {
        room++;
    }
    return room;
}

static void page_give_back(struct cr_router *router, struct cr_run *run, unsigned count)
{
    struct cr_limiter_rate rate = page_rate(router, run);

    while (run->walk == CR_WALK_TRIGGER && count-- > 0) {
        cr_limiter_give(&run->limiter, &rate);
    }
}

static struct cr_job *page_job(struct cr_router *router, enum cr_op op, const struct cr_run *run, const char *device,
                               const char *slot)
{
    struct cr_job *job = loop_admit(router, op, NULL, device, slot);

    if (job != NULL) {
        memcpy(job->campaign.id, run->now.id, sizeof job->campaign.id);
        job->campaign.group = run->now.at;
        (void)snprintf(job->who, sizeof job->who, "campaign:%s", run->now.id);
    }
    return job;
}

void run_page(struct cr_router *router, struct cr_run *run)
{
    const struct cr_campaign_group *group = &run->now.group[run->now.at];
    unsigned room;
    struct cr_job *job;

    run->walk = cr_campaign_walk(&run->now);
    room = page_room(router, run);
    if (room == 0 || (job = page_job(router, CR_OP_LIST, run, "", "")) == NULL) {
        page_give_back(router, run, room);
        return;
    }
    job->list = calloc(1, sizeof *job->list);
    if (job->list == NULL) {
        page_give_back(router, run, room);
        loop_abandon(router, job);
        return;
    }
    if (run->walk == CR_WALK_CANCEL) {
        job->list->filter = (struct cr_filter){ .state = CR_FILTER_TRIGGERED, .acknowledged = -1 };
        memcpy(job->list->filter.campaign, run->now.id, sizeof job->list->filter.campaign);
    } else {
        job->list->filter = run->now.filter;
        job->list->filter.acknowledged = -1;
        memcpy(job->list->pick.campaign, run->now.id, sizeof job->list->pick.campaign);
        memcpy(job->list->pick.tag, group->tag, sizeof job->list->pick.tag);
        job->list->pick.share = group->share;
        job->list->count_only = run->walk == CR_WALK_COUNT;
    }
    job->list->limit = room;
    memcpy(job->list->cursor, run->now.cursor, sizeof job->list->cursor);
    run->open = run->matched = 0;
    run->again = run->more = false;
    run->step = CR_RUN_LISTING;
    loop_send(router, job, CR_STAGE_STORE);
}

/* ---- one of its slots ---- */

static void page_take(struct cr_router *router, struct cr_run *run, const struct cr_row *row)
{
    bool cancel = run->walk == CR_WALK_CANCEL;
    struct cr_job *job = page_job(router, cancel ? CR_OP_STEER : CR_OP_TRIGGER, run, row->device, row->slot.slot);

    if (job == NULL) {
        run->again = true;
        return;
    }
    job->reason = run->now.reason;
    if (cancel) {
        job->steer = calloc(1, sizeof *job->steer);
        if (job->steer == NULL) {
            run->again = true;
            loop_abandon(router, job);
            return;
        }
        job->steer->verb = CR_STEER_CANCEL;
    }
    run->open++;
    loop_send(router, job, CR_STAGE_STORE);
}

static void page_triggered(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_slot_record *record = job->record != NULL ? cr_device_record_slot(job->record, job->slot) : NULL;

    if (record != NULL) {
        router->counters.triggered++;
        (void)loop_dormant_trigger(router, job->device, record);
        (void)loop_deliver(router, job->device, record);
    }
}

/* ---- what came back ---- */

static void page_listed(struct cr_router *router, struct cr_run *run, const struct cr_job *job)
{
    const struct cr_list *list = job->list;

    run->step = CR_RUN_PAGE;
    if (job->outcome != CR_OUT_DONE) {
        run->again = job->refusal != CR_REFUSAL_UNKNOWN_CURSOR;
        if (!run->again) { /* how the fleet is spread has changed: from the start, members are passed over */
            run->now.cursor[0] = '\0';
            if (run->walk == CR_WALK_COUNT) {
                run->now.group[run->now.at].total = 0;
            }
        }
        return;
    }
    if (cr_wall_s(router->clock) >= run->now.runner_until) { /* we stood still: by now it may be another's, or aborted */
        page_give_back(router, run, list->limit);
        run->again = true;
        return;
    }
    memcpy(run->cursor, list->cursor, sizeof run->cursor);
    run->matched = list->matched;
    if (!list->count_only) {
        page_give_back(router, run, list->limit > list->count ? list->limit - list->count : 0);
        run->more = list->count < list->limit;
        for (unsigned i = 0; i < list->count; i++) {
            page_take(router, run, &list->row[i]);
        }
    }
}

/* What cannot be helped is passed over: held, gone, or nothing to cancel any more. */
static bool page_retried(const struct cr_job *job)
{
    return job->outcome == CR_OUT_REFUSED &&
           (job->refusal == CR_REFUSAL_STORE_UNAVAILABLE || job->refusal == CR_REFUSAL_BUSY);
}

bool run_page_home(struct cr_router *router, struct cr_run *run, const struct cr_job *job)
{
    bool listed = job->op == CR_OP_LIST, anew = listed && job->refusal == CR_REFUSAL_UNKNOWN_CURSOR;

    if (listed) {
        page_listed(router, run, job);
    } else {
        run->open--;
        run->again = run->again || page_retried(job);
        if (job->op == CR_OP_TRIGGER && job->outcome == CR_OUT_RECORD) {
            page_triggered(router, job);
        }
    }
    if (run->open > 0) {
        return false;
    }
    if (!run->again && !anew) {
        cr_campaign_page_done(&run->now, run->cursor, run->matched);
    }
    return true;
}
