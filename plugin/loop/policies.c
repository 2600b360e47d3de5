/* The settings that all brokers share: read, and put in force. policies.h says who owns what. */
#include "plugin/loop/policies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { READ_EVERY_MS = 2000, READ_AGAIN_MS = 500 };

cr_err loop_policies_init(struct cr_router *router, struct cr_setup *setup)
{
    router->policies = calloc(1, sizeof *router->policies);
    if (router->policies == NULL) {
        return CR_NOMEM;
    }
    router->policies->base = cr_setup_hold(setup);
    return CR_OK;
}

static void policies_free_jobs(struct cr_job *list)
{
    for (struct cr_job *job = list, *next; job != NULL; job = next) {
        next = job->next;
        cr_job_free(job);
    }
}

void loop_policies_fini(struct cr_router *router)
{
    struct cr_policies *policies = router->policies;

    if (policies == NULL) {
        return;
    }
    policies_free_jobs(policies->waiting);
    policies_free_jobs(policies->early);
    cr_setup_drop(policies->base);
    free(policies->latest.setting);
    free(policies->in_force.setting);
    free(policies);
    router->policies = NULL;
}

bool loop_policy_known(const struct cr_router *router)
{
    return router->policies->known;
}

uint64_t loop_policy_version(const struct cr_router *router)
{
    return router->policies->version;
}

const char *loop_policy_problem(const struct cr_router *router)
{
    return router->policies->problem;
}

const struct cr_policy_setting *policies_find(const struct cr_settings *settings, const char *slot, const char *key)
{
    for (unsigned i = 0; i < settings->count; i++) {
        if (strcmp(settings->setting[i].slot, slot) == 0 && strcmp(settings->setting[i].key, key) == 0) {
            return &settings->setting[i];
        }
    }
    return NULL;
}

/* ---- in force ---- */

static void policies_wrong(struct cr_router *router, const struct cr_config_wrong *wrong)
{
    struct cr_policies *policies = router->policies;
    char problem[sizeof policies->problem];

    snprintf(problem, sizeof problem,
             "The shared settings do not go with this broker's file: %s%s%s; what was in force stays.", wrong->slot,
             wrong->slot[0] != '\0' ? ": " : "", wrong->text);
    if (strcmp(problem, policies->problem) != 0) {
        memcpy(policies->problem, problem, sizeof problem);
        loop_log(router, 'e', "%s", problem);
    }
}

static cr_err settings_copy(struct cr_settings *to, const struct cr_settings *from)
{
    struct cr_policy_setting *setting = calloc(from->count > 0 ? from->count : 1, sizeof *setting);

    if (setting == NULL) {
        return CR_NOMEM;
    }
    for (unsigned i = 0; i < from->count; i++) {
        setting[i] = from->setting[i];
    }
    free(to->setting);
    *to = (struct cr_settings){ from->count, setting };
    return CR_OK;
}

/* The base with the latest settings. What is wrong, or lacks memory, changes nothing. */
static void policies_put_in_force(struct cr_router *router)
{
    struct cr_policies *policies = router->policies;
    struct cr_setup *next = policies->base;
    struct cr_settings in_force = { 0, NULL };
    struct cr_config_wrong wrong;
    cr_err err = settings_copy(&in_force, &policies->latest);

    if (err == CR_OK && policies->latest.count > 0) {
        err = cr_setup_overlay(&next, policies->base, in_force.setting, in_force.count, &wrong);
    } else if (err == CR_OK) {
        cr_setup_hold(next);
    }
    policies->behind = err == CR_NOMEM;
    if (err != CR_OK) {
        free(in_force.setting);
        if (err == CR_INVALID) {
            policies_wrong(router, &wrong);
        }
        return;
    }
    free(policies->in_force.setting);
    policies->in_force = in_force;
    policies->problem[0] = '\0';
    loop_use_setup(router, next);
    cr_setup_drop(next);
}

void loop_policies_base(struct cr_router *router, struct cr_setup *setup)
{
    struct cr_policies *policies = router->policies;

    cr_setup_hold(setup);
    cr_setup_drop(policies->base);
    policies->base = setup;
    policies_put_in_force(router);
}

/* Settings that are none for this broker are kept, and said once. */
static void policies_tell_passed(struct cr_router *router, const struct cr_settings *former)
{
    const struct cr_policies *policies = router->policies;

    for (unsigned i = 0; i < policies->latest.count; i++) {
        const struct cr_policy_setting *setting = &policies->latest.setting[i];

        if (!cr_config_takes(&policies->base->config, setting) &&
            policies_find(former, setting->slot, setting->key) == NULL) {
            loop_log(router, 'w', "the shared setting %s%s%s is none for this broker and is ignored here: %s",
                     setting->slot, setting->slot[0] != '\0' ? "/" : "", setting->key,
                     setting->slot[0] != '\0' && cr_config_slot(&policies->base->config, setting->slot) == NULL
                         ? "it has no such slot"
                         : "there is no such key, or it is each broker's own");
        }
    }
}

static void policies_tell_version(struct cr_router *router, const struct cr_policy *policy)
{
    const struct cr_policies *policies = router->policies;

    if (policy->version < policies->version) {
        loop_log(router, 'w',
                 "the shared settings in Redis went back from version %llu to %llu: it lost data; they are taken as "
                 "they are",
                 (unsigned long long)policies->version, (unsigned long long)policy->version);
    } else if (policies->known && policy->version > 0) {
        loop_log(router, 'n', "shared settings, version %llu by %s", (unsigned long long)policy->version, policy->by);
    }
}

void policies_take(struct cr_router *router, struct cr_policy *policy)
{
    struct cr_policies *policies = router->policies;
    struct cr_settings former = policies->latest;
    bool newer = policy->version != policies->version || policy->at != policies->at;

    if (!policy->changed) {
        return;
    }
    if (newer) {
        policies_tell_version(router, policy);
    }
    policies->latest = (struct cr_settings){ policy->count, policy->setting };
    policy->setting = NULL;
    policy->count = 0;
    policies->version = policy->version;
    policies->at = policy->at;
    memcpy(policies->by, policy->by, sizeof policies->by);
    policies_tell_passed(router, &former);
    free(former.setting);
    if (newer || policies->problem[0] != '\0') {
        policies_put_in_force(router);
    }
}

/* ---- requests that come before they are known ---- */

void loop_policy_send(struct cr_router *router, struct cr_job *job)
{
    if (router->policies->known) {
        loop_send(router, job, CR_STAGE_CHECK);
    } else if (router->in_flight >=
               router->setup->config.max_in_flight) { /* asking for the settings takes a place, too */
        cr_job_refuse(job, CR_REFUSAL_BUSY, router->setup->config.retry_after_s);
        loop_send(router, job, CR_STAGE_DONE);
    } else {
        LL_APPEND(router->policies->early, job);
    }
}

/* By what is in force now; NONE: they are known, otherwise they are refused. */
static void policies_early(struct cr_router *router, enum cr_refusal refusal, unsigned retry_after_s)
{
    struct cr_job *list = router->policies->early, *job, *next;

    router->policies->early = NULL;
    LL_FOREACH_SAFE(list, job, next)
    {
        job->next = NULL;
        cr_setup_drop(job->setup);
        job->setup = cr_setup_hold(router->setup);
        job->profile = cr_config_slot(&job->setup->config, job->slot);
        if (refusal != CR_REFUSAL_NONE || job->profile == NULL) {
            cr_job_refuse(job, refusal != CR_REFUSAL_NONE ? refusal : CR_REFUSAL_UNKNOWN_SLOT, retry_after_s);
            loop_send(router, job, CR_STAGE_DONE);
        } else {
            loop_send(router, job, CR_STAGE_CHECK);
        }
    }
}

/* ---- reading ---- */

void policies_read(struct cr_router *router)
{
    struct cr_policies *policies = router->policies;
    struct cr_job *job;

    policies->next_ms = loop_now_ms(router);
    if (policies->asking || policies->writing) {
        return;
    }
    job = loop_admit(router, CR_OP_POLICY, NULL, "", "");
    if (job == NULL) {
        return; /* at the next tick */
    }
    job->policy = calloc(1, sizeof *job->policy);
    if (job->policy == NULL) {
        loop_abandon(router, job);
        return;
    }
    job->policy->version = policies->version;
    job->policy->at = policies->at;
    policies->asking = true;
    loop_send(router, job, CR_STAGE_STORE);
}

void loop_policies_tick(struct cr_router *router, int64_t now_ms)
{
    struct cr_policies *policies = router->policies;

    if (policies->behind) {
        policies_put_in_force(router);
    }
    if (now_ms >= policies->next_ms) {
        policies_read(router);
    }
}

static void policies_damaged(struct cr_router *router)
{
    struct cr_policies *policies = router->policies;

    if (policies->damaged) {
        return;
    }
    policies->damaged = policies->known = true;
    snprintf(policies->problem, sizeof policies->problem,
             "The shared settings in Redis are damaged; what was in force stays.");
    loop_alarm(router, NULL, "", CR_REFUSAL_INTERNAL, policies->problem);
}

/* A READ, of a command or without one. */
static void policies_home(struct cr_router *router, struct cr_job *job)
{
    struct cr_policies *policies = router->policies;

    if (job->outcome != CR_OUT_DONE) {
        if (job->refusal == CR_REFUSAL_INTERNAL) {
            policies_damaged(router);
        }
        return;
    }
    policies_take(router, job->policy);
    if (policies->damaged) {
        policies->damaged = false;
        policies->problem[0] = '\0';
        policies_put_in_force(router);
    }
    policies->known = true;
}

bool loop_policy_home(struct cr_router *router, struct cr_job *job)
{
    struct cr_policies *policies = router->policies;
    bool poll = job->command == 0;

    if (job->policy != NULL && job->policy->verb == CR_POLICY_WRITE) {
        policies->writing = false;
        return policies_changed(router, job);
    }
    policies_home(router, job);
    if (poll) {
        policies_early(router, policies->known ? CR_REFUSAL_NONE : job->refusal, job->retry_after_s);
        policies->asking = false;
        policies->next_ms = loop_now_ms(router) + (policies->known ? READ_EVERY_MS : READ_AGAIN_MS);
        if (job->outcome == CR_OUT_DONE) {
            policies_change_next(router);
        } else {
            policies_change_fail(router, job->refusal, job->retry_after_s);
        }
    }
    return false;
}
