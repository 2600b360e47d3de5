/* Figures of this broker and of the fleet: taken every figures_interval, published where they changed, a few in each
 * tick, and written to metrics_file by the store. */
#include "plugin/loop/figures.h"
#include "plugin/loop/campaign_run.h"
#include "plugin/worker/issuer_info.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIGURES_AFTER_MS = 1000, /* the start: until then Redis is hardly reached */
    FIGURES_PER_TICK = 24,
    FIGURES_MINUTE_MS = 60000,
    FIGURES_TEN_S_MS = 10000,
};

/* ---- taking them ---- */

static void figures_remember(struct cr_figures *figures, uint64_t issued, int64_t now_ms)
{
    if (now_ms - figures->issued_ms[0] < FIGURES_TEN_S_MS) {
        return;
    }
    memmove(figures->issued + 1, figures->issued, sizeof figures->issued - sizeof figures->issued[0]);
    memmove(figures->issued_ms + 1, figures->issued_ms, sizeof figures->issued_ms - sizeof figures->issued_ms[0]);
    figures->issued[0] = issued;
    figures->issued_ms[0] = now_ms;
}

/* In a whole minute, or in as much of one as there was. */
static double figures_per_minute(const struct cr_figures *figures, uint64_t issued, int64_t now_ms)
{
    unsigned oldest = CR_FIGURES_MINUTE - 1;

    while (oldest > 0 && (figures->issued_ms[oldest] == 0 ||
                          now_ms - figures->issued_ms[oldest] > FIGURES_MINUTE_MS + FIGURES_TEN_S_MS)) {
        oldest--;
    }
    return (double)(issued - figures->issued[oldest]);
}

static void figures_of_store(struct cr_figure_facts *facts, struct cr_router *router)
{
    struct cr_store_health health = { 0 };

    cr_store_health_get(router->pipeline->store, &health);
    facts->store_jobs = health.in_flight;
    facts->connected = health.connected;
    facts->writable = health.writable;
    facts->durable = health.durable;
    facts->latency_s = health.latency_us / 1e6;
    facts->commands = (double)health.commands;
    facts->errors = (double)health.errors;
    facts->reconnects = (double)health.reconnects;
    facts->unrecorded = health.unrecorded;
    facts->journal_ok = health.journal_ok;
}

static unsigned figures_campaigns(const struct cr_router *router)
{
    unsigned count = 0;

    for (const struct cr_run *run = router->campaigns != NULL ? router->campaigns->runs : NULL; run != NULL;
         run = run->next) {
        count++;
    }
    return count;
}

/* 0: none can sign, which is as bad as one that has ended. */
static double figures_signer_not_after(const struct cr_router *router)
{
    const struct cr_trust *trust = router->setup->trust;
    unsigned signer = loop_signer(router);

    return signer != CR_NO_SIGNER ? (double)cr_issuer_cert(trust, signer)->facts.not_after : 0;
}

static void figures_of_fleet(struct cr_figure_facts *facts, const struct cr_survey_round *round)
{
    facts->fleet_at = facts->slots = facts->held = facts->expired = facts->alerted = NAN;
    if (round->fleet_at > 0) {
        facts->fleet = &round->fleet;
        facts->fleet_at = (double)round->fleet_at;
        facts->slots = (double)round->fleet.slots;
        facts->held = (double)round->fleet.held;
        facts->expired = (double)round->fleet.expired;
        facts->alerted = (double)round->fleet.alerts;
    }
}

static void figures_of_revocation(struct cr_figure_facts *facts, const struct cr_router *router)
{
    struct cr_revoked_state state;

    loop_revoked_state(router, &state);
    facts->revoked = state.known ? (double)state.entries : NAN;
    facts->distrusted = state.known ? (double)state.issuers : NAN;
    facts->revoked_closed = (double)router->counters.revoked_closed;
    facts->revoked_refused = (double)router->counters.revoked_refused;
    facts->crl = loop_crls(router, &facts->crls);
}

static void figures_gather(struct cr_figure_facts *facts, struct cr_router *router, int64_t now_ms)
{
    static const unsigned percent[CR_PERCENTILES] = { 50, 99 };
    struct cr_figures *figures = router->figures;
    const struct cr_counters *counters = &router->counters;

    *facts = (struct cr_figure_facts){
        .uptime_s = (double)((now_ms - router->started_mono_ms) / 1000),
        .sessions = router->sessions.count,
        .devices = router->sessions.devices,
        .jobs = router->in_flight,
        .jobs_limit = router->setup->config.max_in_flight,
        .campaigns = figures_campaigns(router),
        .issued = (double)counters->issued,
        .issued_per_minute = figures_per_minute(figures, counters->issued, now_ms),
        .confirmed = (double)counters->confirmed,
        .triggered = (double)counters->triggered,
        .delivered = (double)counters->delivered,
        .alarms = (double)counters->alarms,
        .alerts = (double)counters->alerts,
        .audits_lost = (double)counters->audits_lost,
        .file_errors = router->setup->config.metrics_file[0] != '\0' ? (double)figures->file_errors : NAN,
        .clock_ok = !router->agenda.clock_odd,
        .signer_not_after = figures_signer_not_after(router),
        .counters = counters,
        .trust = router->setup->trust,
    };
    for (unsigned i = 0; i < CR_PERCENTILES; i++) {
        double took_ms = cr_latency_percentile(&figures->requests, now_ms, percent[i]);

        facts->request_s[i] = took_ms < 0 ? NAN : took_ms / 1000;
    }
    figures_of_store(facts, router);
    figures_of_revocation(facts, router);
    figures_of_fleet(facts, &figures->survey);
}

/* ---- publishing them ---- */

static const struct cr_figure_sample *sample_find(const struct cr_figure_sample *samples, unsigned count,
                                                  unsigned guess, const struct cr_figure_sample *like)
{
    for (unsigned i = 0; i < count; i++) {
        const struct cr_figure_sample *sample = &samples[(guess + i) % count];

        if (sample->figure == like->figure && strcmp(sample->label, like->label) == 0) {
            return sample;
        }
    }
    return NULL;
}

/* What was published stays so where it is still right; what is no more is to be taken back. */
static void figures_replace(struct cr_figures *figures, struct cr_figure_sample next[CR_FIGURES_MAX], unsigned count)
{
    unsigned kept = count;

    for (unsigned i = 0; i < count; i++) {
        const struct cr_figure_sample *was = sample_find(figures->sample, figures->count, i, &next[i]);

        next[i].sent =
            next[i].figure->topic == NULL || (was != NULL && was->sent && !was->gone && was->value == next[i].value);
    }
    for (unsigned i = 0; i < figures->count && kept < CR_FIGURES_MAX; i++) {
        const struct cr_figure_sample *was = &figures->sample[i];

        if (was->figure->topic != NULL && !(was->gone && was->sent) && sample_find(next, count, i, was) == NULL) {
            next[kept] = *was;
            next[kept].gone = true;
            next[kept++].sent = false;
        }
    }
    memcpy(figures->sample, next, kept * sizeof next[0]);
    figures->count = kept;
    figures->all_sent = false;
}

static bool figures_publish_one(struct cr_router *router, const struct cr_figure_sample *sample)
{
    struct cr_publication publication = { .qos = 0, .retain = true };
    char topic[128], value[CR_FIGURE_VALUE_CAP] = "";
    const char *place = strstr(sample->figure->topic, "%s");
    int before = place != NULL ? (int)(place - sample->figure->topic) : 0;

    if (place != NULL) {
        (void)snprintf(topic, sizeof topic, CR_FIGURES_TOPIC "%.*s%s%s", before, sample->figure->topic, sample->label,
                       place + 2);
    } else {
        (void)snprintf(topic, sizeof topic, CR_FIGURES_TOPIC "%s", sample->figure->topic);
    }
    if (!sample->gone) {
        cr_figure_value(value, sample->value);
    }
    publication.topic = topic;
    publication.payload = (struct cr_bytes){ (const uint8_t *)value, strlen(value) };
    return router->host->ops->publish(router->host, &publication) == CR_OK;
}

static void figures_publish(struct cr_router *router, struct cr_figures *figures)
{
    unsigned sent = 0;

    for (unsigned i = 0; i < figures->count; i++) {
        struct cr_figure_sample *sample = &figures->sample[i];

        if (sample->sent) {
            continue;
        }
        if (sent++ == FIGURES_PER_TICK || !figures_publish_one(router, sample)) {
            return; /* the rest in the next tick */
        }
        sample->sent = true;
    }
    figures->all_sent = true;
}

/* ---- the file ---- */

static void figures_write(struct cr_router *router, struct cr_figures *figures)
{
    struct cr_job *job;

    if (router->setup->config.metrics_file[0] == '\0' || figures->writing) {
        return;
    }
    job = loop_admit(router, CR_OP_FIGURES, NULL, "", "");
    if (job == NULL) {
        return;
    }
    if (cr_figures_render(&job->payload, figures->sample, figures->count, router->setup->config.broker_name) != CR_OK) {
        loop_abandon(router, job);
        return;
    }
    figures->writing = true;
    loop_send(router, job, CR_STAGE_STORE);
}

static void figures_written(struct cr_router *router, struct cr_figures *figures, const struct cr_job *job)
{
    bool broken = job->outcome != CR_OUT_DONE;
    const char *path = job->setup->config.metrics_file;

    figures->writing = false;
    figures->file_errors += broken;
    if (broken && !figures->broken) {
        loop_log(router, 'w', "metrics_file %s cannot be written: %s", path,
                 job->audit_detail[0] != '\0' ? job->audit_detail : "it took too long");
    } else if (!broken && figures->broken) {
        loop_log(router, 'n', "metrics_file %s is written again", path);
    }
    figures->broken = broken;
}

/* ---- from outside ---- */

static void figures_renew(struct cr_router *router, struct cr_figures *figures, int64_t now_ms, bool on)
{
    struct cr_figure_sample *next = calloc(CR_FIGURES_MAX, sizeof *next);
    struct cr_figure_facts facts;
    unsigned count = 0;

    if (next == NULL) {
        return;
    }
    if (on) {
        figures_gather(&facts, router, now_ms);
        count = cr_figures_take(next, &facts);
    }
    figures_replace(figures, next, count);
    free(next);
    if (on) {
        figures_write(router, figures);
    }
}

void loop_figures_tick(struct cr_router *router, int64_t now_ms)
{
    int64_t every_ms = (int64_t)router->setup->config.figures_interval_s * 1000;
    struct cr_figures *figures = router->figures;

    if (figures == NULL) {
        if (every_ms == 0 || (figures = calloc(1, sizeof *figures)) == NULL) {
            return;
        }
        router->figures = figures;
        figures->next_ms = figures->survey.next_ms = now_ms + FIGURES_AFTER_MS;
        figures->issued_ms[0] = now_ms;
    }
    if (every_ms > 0) {
        figures_remember(figures, router->counters.issued, now_ms);
        survey_tick(router, &figures->survey, now_ms);
    }
    if (every_ms == 0 && figures->next_ms != INT64_MAX) { /* switched off: what was published is taken back */
        figures->next_ms = INT64_MAX;
        figures_renew(router, figures, now_ms, false);
    } else if (every_ms > 0 && (now_ms >= figures->next_ms || figures->next_ms > now_ms + every_ms)) {
        figures->next_ms = now_ms + every_ms;
        figures_renew(router, figures, now_ms, true);
    }
    if (!figures->all_sent) {
        figures_publish(router, figures);
    }
}

void loop_figures_home(struct cr_router *router, const struct cr_job *job)
{
    struct cr_figures *figures = router->figures;

    if (figures == NULL) {
        return;
    }
    if (job->op == CR_OP_FIGURES) {
        figures_written(router, figures, job);
    } else {
        survey_home(router, &figures->survey, job);
    }
}

void loop_figures_answered(struct cr_router *router, const struct cr_job *job)
{
    if (router->figures != NULL) {
        int64_t now_ms = loop_now_ms(router);

        cr_latency_note(&router->figures->requests, now_ms, now_ms - job->admitted_ms);
    }
}

const struct cr_survey_counts *loop_fleet(const struct cr_router *router, int64_t *at)
{
    *at = router->figures != NULL ? router->figures->survey.fleet_at : 0;
    return *at > 0 ? &router->figures->survey.fleet : NULL;
}

void loop_figures_fini(struct cr_router *router)
{
    free(router->figures);
    router->figures = NULL;
}
