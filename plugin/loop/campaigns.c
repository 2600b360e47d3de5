/* Campaigns: those that this broker carries on. */
#include "plugin/loop/campaign_run.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    CAMPAIGNS_IDLE_TURNS = 5,  /* so much more seldom while there is none */
    COUNTED_BUCKETS = 256,     /* counts of so many more are asked for a second later */
    CAMPAIGN_LEASE_S = 15,     /* how long a runner may be silent */
    CAMPAIGN_SKEW_S = 300,     /* between the brokers' clocks */
    CAMPAIGN_PAGE_MS = 200,    /* from page to page */
    CAMPAIGN_AGAIN_MS = 1000,  /* after something that could not be done */
};

struct cr_campaigns *campaigns_of(struct cr_router *router)
{
    if (router->campaigns == NULL) {
        router->campaigns = calloc(1, sizeof *router->campaigns);
    }
    return router->campaigns;
}

void loop_campaigns_fini(struct cr_router *router)
{
    struct cr_run *run, *next_run;
    struct cr_order *order, *next_order;

    if (router->campaigns == NULL) {
        return;
    }
    LL_FOREACH_SAFE(router->campaigns->runs, run, next_run)
    {
        free(run);
    }
    LL_FOREACH_SAFE(router->campaigns->orders, order, next_order)
    {
        free(order);
    }
    free(router->campaigns);
    router->campaigns = NULL;
}

void loop_campaigns_look(struct cr_router *router)
{
    struct cr_campaigns *campaigns = campaigns_of(router);
    struct cr_run *run;

    if (campaigns != NULL) {
        campaigns->next_ms = 0;
        LL_FOREACH(campaigns->runs, run)
        {
            run->next_ms = 0;
        }
    }
}

struct cr_job *campaigns_job(struct cr_router *router, enum cr_campaign_verb verb, const struct cr_session *session,
                             const char *id)
{
    struct cr_job *job = loop_admit(router, CR_OP_CAMPAIGN, session, "", "");

    if (job == NULL) {
        return NULL;
    }
    job->campaigns = calloc(1, sizeof *job->campaigns);
    if (job->campaigns != NULL && verb != CR_CAMPAIGN_READ) {
        job->campaigns->campaign = calloc(1, sizeof *job->campaigns->campaign);
        job->campaigns->count = job->campaigns->campaign != NULL;
    }
    if (job->campaigns == NULL || (verb != CR_CAMPAIGN_READ && job->campaigns->campaign == NULL) ||
        cr_text_copy(job->campaigns->id, sizeof job->campaigns->id, id) != CR_OK) {
        loop_abandon(router, job);
        return NULL;
    }
    job->campaigns->verb = verb;
    return job;
}

/* ---- events ---- */

static void tell_detail(char *text, size_t cap, const struct cr_campaign *campaign, enum cr_campaign_event event)
{
    const struct cr_campaign_group *group = &campaign->group[campaign->at];
    unsigned failed = 0, unanswered = 0, renewed = 0, total = 0;

    for (unsigned i = 0; i < campaign->group_count; i++) {
        failed += campaign->group[i].counts.failed;
        unanswered += campaign->group[i].counts.unanswered;
        renewed += campaign->group[i].counts.renewed;
        total += campaign->group[i].total;
    }
    if (event == CR_CAMPAIGN_PAUSES && campaign->pause == CR_PAUSE_ERRORS) {
        (void)snprintf(text, cap, "in group %s %u of %u failed and %u did not answer: read their reasons in the audit log, "
                       "then resume or abort it", group->name, group->counts.failed, group->total,
                       group->counts.unanswered);
    } else if (event == CR_CAMPAIGN_PAUSES && campaign->pause == CR_PAUSE_DEADLINE) {
        (void)snprintf(text, cap, "its deadline passed with %u of %u renewed: resume it without a deadline, or abort it",
                       renewed, total);
    } else if (event == CR_CAMPAIGN_GROUP || event == CR_CAMPAIGN_STARTED) {
        (void)snprintf(text, cap, "group %s begins: %u of %u", group->name, group->total, total);
    } else {
        (void)snprintf(text, cap, "%u of %u renewed, %u failed, %u did not answer", renewed, total, failed, unanswered);
    }
}

static char *tell_json(struct cr_router *router, const struct cr_campaign *campaign, enum cr_campaign_event event,
                       const char *detail)
{
    char now[CR_TIME_TEXT], *text = NULL;
    cJSON *json = cJSON_CreateObject();

    cr_time_text(now, cr_wall_s(router->clock));
    if (json != NULL && cJSON_AddStringToObject(json, "time", now) != NULL &&
        cJSON_AddStringToObject(json, "broker", router->setup->config.broker_name) != NULL &&
        cJSON_AddStringToObject(json, "campaign", campaign->id) != NULL &&
        cJSON_AddStringToObject(json, "name", campaign->name) != NULL &&
        cJSON_AddStringToObject(json, "event", cr_campaign_event_text(event)) != NULL &&
        cJSON_AddNumberToObject(json, "group", campaign->at) != NULL &&
        cJSON_AddStringToObject(json, "detail", detail) != NULL) {
        text = cJSON_PrintUnformatted(json);
    }
    cJSON_Delete(json);
    return text;
}

void campaigns_tell(struct cr_router *router, const struct cr_campaign *campaign, enum cr_campaign_event event)
{
    struct cr_publication publication = { .topic = CR_TOPIC_CONTROL_EVENT "/campaign", .qos = 1 };
    bool alert = event == CR_CAMPAIGN_PAUSES && campaign->pause != CR_PAUSE_OPERATOR;
    char detail[200], *text;

    if (event == CR_CAMPAIGN_NOTHING) {
        return;
    }
    router->counters.alerts += alert;
    tell_detail(detail, sizeof detail, campaign, event);
    loop_log(router, alert ? 'w' : 'n', "campaign %s %s: %s: %s", campaign->id, campaign->name,
             cr_campaign_event_text(event), detail);
    text = tell_json(router, campaign, event, detail);
    if (text != NULL) {
        publication.payload = (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
        if (router->host->ops->publish(router->host, &publication) != CR_OK) {
            router->counters.audits_lost++;
        }
    }
    cJSON_free(text);
}

/* ---- runs ---- */

static struct cr_run *run_of(const struct cr_campaigns *campaigns, const char *id)
{
    struct cr_run *run;

    LL_FOREACH(campaigns->runs, run)
    {
        if (strcmp(run->now.id, id) == 0) {
            return run;
        }
    }
    return NULL;
}

static void run_end(struct cr_router *router, struct cr_run *run)
{
    LL_DELETE(router->campaigns->runs, run);
    free(run);
}

static void run_idle(struct cr_router *router, struct cr_run *run, int64_t wait_ms)
{
    run->step = CR_RUN_IDLE;
    run->next_ms = loop_now_ms(router) + wait_ms;
}

static bool run_ours(const struct cr_router *router, const struct cr_campaign *campaign)
{
    return strcmp(campaign->runner, router->setup->config.broker_name) == 0;
}

/* Whether another broker carries it on. One whose clock is far ahead of ours is not believed for long. */
static bool run_others(const struct cr_router *router, const struct cr_campaign *campaign, int64_t now_s)
{
    return campaign->runner[0] != '\0' && campaign->runner_until > now_s &&
           campaign->runner_until <= now_s + CAMPAIGN_SKEW_S && !run_ours(router, campaign);
}

static bool run_needed(const struct cr_router *router, const struct cr_campaign *campaign, int64_t now_s)
{
    return !run_others(router, campaign, now_s) && cr_campaign_needs_runner(campaign, now_s);
}

/* Counting asks every bucket. */
static int64_t run_count_ms(const struct cr_router *router)
{
    return loop_turn_ms(router) * (1 + router->agenda.total / COUNTED_BUCKETS);
}

static void run_read(struct cr_router *router, struct cr_run *run, int64_t now_ms)
{
    struct cr_job *job = campaigns_job(router, CR_CAMPAIGN_READ, NULL, run->now.id);

    if (job == NULL) {
        run_idle(router, run, CAMPAIGN_AGAIN_MS);
        return;
    }
    run->counted = now_ms >= run->count_ms;
    job->campaigns->uncounted = !run->counted;
    run->step = CR_RUN_READING;
    loop_send(router, job, CR_STAGE_STORE);
}

/* As changed, by the version that was read. */
static void run_write(struct cr_router *router, struct cr_run *run)
{
    struct cr_job *job = campaigns_job(router, CR_CAMPAIGN_WRITE, NULL, run->now.id);

    if (job == NULL) {
        run_idle(router, run, CAMPAIGN_AGAIN_MS);
        return;
    }
    (void)snprintf(run->now.runner, sizeof run->now.runner, "%s", router->setup->config.broker_name);
    run->now.runner_until = cr_wall_s(router->clock) + CAMPAIGN_LEASE_S;
    job->campaigns->campaign[0] = run->now;
    (void)snprintf(job->who, sizeof job->who, "scheduler");
    run->step = CR_RUN_WRITING;
    loop_send(router, job, CR_STAGE_STORE);
}

/* It was read just now: what is to be done? */
static void run_consider(struct cr_router *router, struct cr_run *run)
{
    int64_t now_s = cr_wall_s(router->clock);
    bool knows = run->counted || run->now.state != CR_CAMPAIGN_RUNNING;

    if (!loop_clock_ok(router) || !loop_policy_known(router) || !run_needed(router, &run->now, now_s)) {
        run_end(router, run); /* should something follow later, it is found again */
        return;
    }
    run->event = CR_CAMPAIGN_NOTHING;
    if ((knows && cr_campaign_decide(&run->now, now_s, &run->event)) || !run_ours(router, &run->now) ||
        run->now.runner_until < now_s + CAMPAIGN_LEASE_S / 2) {
        run_write(router, run);
        return;
    }
    if (cr_campaign_walk(&run->now) == CR_WALK_NONE) { /* it waits for devices */
        run_idle(router, run, CAMPAIGN_AGAIN_MS);
        return;
    }
    run_page(router, run);
    if (run->step != CR_RUN_LISTING) {
        run_idle(router, run, CAMPAIGN_PAGE_MS);
    }
}

static void run_read_home(struct cr_router *router, struct cr_run *run, const struct cr_job *job)
{
    if (job->outcome == CR_OUT_DONE && job->campaigns->count == 1) {
        run->now = job->campaigns->campaign[0];
        run->count_ms = run->counted ? loop_now_ms(router) + run_count_ms(router) : run->count_ms;
        run_consider(router, run);
    } else if (job->outcome == CR_OUT_DONE || job->refusal == CR_REFUSAL_UNKNOWN_CAMPAIGN) {
        run_end(router, run);
    } else {
        run_idle(router, run, CAMPAIGN_AGAIN_MS);
    }
}

static void run_written(struct cr_router *router, struct cr_run *run, const struct cr_job *job)
{
    unsigned rate = run_rate(router, run);

    if (job->outcome == CR_OUT_DONE) {
        campaigns_tell(router, &run->now, run->event);
    }
    if (job->outcome == CR_OUT_DONE || job->refusal == CR_REFUSAL_WRONG_STATE) {
        /* What follows is decided by what is read then: counts change meanwhile. */
        run_idle(router, run, run->walk != CR_WALK_TRIGGER || run->more     ? 0
                              : 1000 / (int64_t)rate > CAMPAIGN_PAGE_MS     ? 1000 / (int64_t)rate
                                                                            : CAMPAIGN_PAGE_MS);
    } else {
        run_idle(router, run, CAMPAIGN_AGAIN_MS);
    }
    run->event = CR_CAMPAIGN_NOTHING;
    run->walk = CR_WALK_NONE;
}

static void run_begin(struct cr_router *router, const struct cr_campaign *campaign)
{
    struct cr_run *run = calloc(1, sizeof *run);

    if (run == NULL) {
        return;
    }
    run->now = *campaign;
    run->limiter.updated_ms = loop_now_ms(router); /* with an empty bucket */
    run->next_ms = run->limiter.updated_ms;
    LL_PREPEND(router->campaigns->runs, run);
}

/* ---- all of them ---- */

static void campaigns_read(struct cr_router *router)
{
    struct cr_job *job = campaigns_job(router, CR_CAMPAIGN_READ, NULL, "");

    if (job != NULL) {
        job->campaigns->uncounted = true;
        router->campaigns->reading = true;
        loop_send(router, job, CR_STAGE_STORE);
    }
}

static void campaigns_read_home(struct cr_router *router, const struct cr_job *job)
{
    struct cr_campaigns *campaigns = router->campaigns;
    int64_t now_s = cr_wall_s(router->clock);

    campaigns->reading = false;
    if (job->outcome != CR_OUT_DONE) {
        return;
    }
    campaigns->active = false;
    for (unsigned i = 0; i < job->campaigns->count; i++) {
        const struct cr_campaign *campaign = &job->campaigns->campaign[i];

        campaigns->active = campaigns->active || !cr_campaign_ended(campaign->state);
        if (run_of(campaigns, campaign->id) == NULL && run_needed(router, campaign, now_s)) {
            run_begin(router, campaign);
        }
    }
}

void loop_campaigns_tick(struct cr_router *router, int64_t now_ms)
{
    struct cr_campaigns *campaigns = campaigns_of(router);
    struct cr_run *run, *next;

    if (campaigns == NULL) {
        return;
    }
    if (!campaigns->reading && now_ms >= campaigns->next_ms) {
        campaigns->next_ms = now_ms + loop_turn_ms(router) * (campaigns->active ? 1 : CAMPAIGNS_IDLE_TURNS);
        campaigns_read(router);
    }
    LL_FOREACH_SAFE(campaigns->runs, run, next)
    {
        if (run->step == CR_RUN_IDLE && now_ms >= run->next_ms) {
            run_read(router, run, now_ms);
        }
    }
}

/* ---- jobs that are home ---- */

void loop_campaign_home(struct cr_router *router, const struct cr_job *job)
{
    struct cr_campaigns *campaigns = router->campaigns;
    bool about = job->op == CR_OP_CAMPAIGN;
    struct cr_run *run;

    if (campaigns == NULL) {
        return;
    }
    if (about && job->campaigns->id[0] == '\0') {
        campaigns_read_home(router, job);
        return;
    }
    run = run_of(campaigns, about ? job->campaigns->id : job->campaign.id);
    if (run == NULL) {
        return;
    }
    if (!about) {
        if (run_page_home(router, run, job)) {
            if (run->again) {
                run_idle(router, run, CAMPAIGN_AGAIN_MS);
            } else {
                run_write(router, run);
            }
        }
    } else if (job->campaigns->verb == CR_CAMPAIGN_READ) {
        run_read_home(router, run, job);
    } else {
        run_written(router, run, job);
    }
}
