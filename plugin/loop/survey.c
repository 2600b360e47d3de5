/* Counts the fleet, for the forecast and for the figures. Of the brokers that share a Redis the one that claims it does
 * so; the others read what it kept. A page at a time, and slowly: a million slots take a quarter of an hour and more,
 * and Redis hardly notices. */
#include "plugin/store/survey.h"
#include "plugin/loop/figures.h"

#include <stdlib.h>
#include <string.h>

enum {
    SURVEY_PAGE_MS = 120,   /* between two pages, on the average … */
    SURVEY_BEHIND_MS = 500, /* … where ticks come more seldom; this much is made up for */
    SURVEY_LOAD_MS = 30000, /* between two looks at who counts */
    SURVEY_AGAIN_MS = 1000, /* when the store is busy, or away */
};

static bool survey_may(const struct cr_router *router)
{
    const struct cr_config *config = &router->setup->config;
    struct cr_store_health health;

    cr_store_health_get(router->pipeline->store, &health);
    return health.connected && !router->agenda.clock_odd && router->in_flight < config->max_in_flight / 2 &&
           health.latency_us / 1000 <= config->redis_timeout_ms / 4;
}

static bool survey_send(struct cr_router *router, const struct cr_survey_round *round, enum cr_survey_verb verb)
{
    struct cr_job *job = loop_admit(router, CR_OP_SURVEY, NULL, "", "");

    if (job == NULL) {
        return false;
    }
    job->survey = calloc(1, sizeof *job->survey);
    if (job->survey == NULL) {
        loop_abandon(router, job);
        return false;
    }
    job->survey->verb = verb;
    if (verb == CR_SURVEY_PAGE) {
        memcpy(job->survey->cursor, round->cursor, sizeof round->cursor);
    } else if (verb == CR_SURVEY_SAVE) {
        job->survey->counts = round->sum;
        job->survey->at = job->now_s;
    }
    loop_send(router, job, CR_STAGE_STORE);
    return true;
}

void survey_tick(struct cr_router *router, struct cr_survey_round *round, int64_t now_ms)
{
    bool load = !round->counting || now_ms >= round->load_ms;

    if (round->asking || now_ms < round->next_ms) {
        return;
    }
    round->asking = survey_may(router) && survey_send(router, round, load ? CR_SURVEY_LOAD : CR_SURVEY_PAGE);
    if (!round->asking) {
        round->next_ms = now_ms + SURVEY_AGAIN_MS;
    }
}

/* ---- what came back ---- */

static void survey_know(struct cr_survey_round *round, const struct cr_survey *survey)
{
    if (survey->at > 0) {
        round->fleet = survey->counts;
        round->fleet_at = survey->at;
    }
}

static void survey_loaded(struct cr_survey_round *round, const struct cr_survey *survey, int64_t now_ms)
{
    survey_know(round, survey);
    if (survey->ours && !round->counting) {
        round->cursor[0] = '\0';
        memset(&round->sum, 0, sizeof round->sum);
    }
    round->counting = survey->ours;
    round->load_ms = now_ms + SURVEY_LOAD_MS;
    round->next_ms = round->counting ? now_ms : round->load_ms;
}

static void survey_counted(struct cr_router *router, struct cr_survey_round *round, const struct cr_survey *survey,
                           int64_t now_ms)
{
    cr_survey_add(&round->sum, &survey->counts);
    memcpy(round->cursor, survey->cursor, sizeof round->cursor);
    round->next_ms += SURVEY_PAGE_MS;
    if (round->next_ms < now_ms - SURVEY_BEHIND_MS) {
        round->next_ms = now_ms - SURVEY_BEHIND_MS;
    }
    if (survey->cursor[0] == '\0') {
        round->counting = false; /* should it not be kept, counting begins anew */
        round->next_ms = now_ms + SURVEY_LOAD_MS;
        round->asking = survey_send(router, round, CR_SURVEY_SAVE);
    }
}

void survey_home(struct cr_router *router, struct cr_survey_round *round, const struct cr_job *job)
{
    const struct cr_survey *survey = job->survey;
    int64_t now_ms = loop_now_ms(router);

    round->asking = false;
    if (job->outcome != CR_OUT_DONE || survey == NULL) {
        round->next_ms = now_ms + SURVEY_AGAIN_MS;
        return;
    }
    switch (survey->verb) {
    case CR_SURVEY_LOAD:
        survey_loaded(round, survey, now_ms);
        break;
    case CR_SURVEY_PAGE:
        survey_counted(router, round, survey, now_ms);
        break;
    case CR_SURVEY_SAVE:
        survey_know(round, survey);
        break;
    case CR_SURVEY_READ:
        break;
    }
}
