/* Changes of the shared settings by commands: one after the other, each judged by what was just read. */
#include "plugin/loop/policies.h"

#include "plugin/loop/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { JUDGED_AT_ONCE = 16 };

/* Its command is answered with a sentence of its own, and with the setting that is wrong ("": none in particular). */
static void change_refuse(struct cr_router *router, struct cr_job *job, enum cr_refusal refusal, const char *text,
                          const char *field)
{
    cr_job_refuse(job, refusal, 0);
    loop_command_failed(router, job, text, field);
    loop_release(router, job);
}

void policies_change(struct cr_router *router, struct cr_job *job)
{
    LL_APPEND(router->policies->waiting, job);
    policies_read(router);
}

void policies_change_fail(struct cr_router *router, enum cr_refusal refusal, unsigned retry_after_s)
{
    struct cr_job *list = router->policies->waiting, *job, *next;

    router->policies->waiting = NULL;
    LL_FOREACH_SAFE(list, job, next)
    {
        cr_job_refuse(job, refusal, retry_after_s);
        loop_command_failed(router, job, NULL, "");
        loop_release(router, job);
    }
}

/* ---- judging ---- */

/* Why this is no setting for this broker; false: it is one. */
static bool change_is_none(const struct cr_router *router, const struct cr_policy_setting *change, char *text,
                           size_t cap)
{
    const struct cr_policies *policies = router->policies;
    const struct cr_config_key *key = cr_config_key_find(change->key);
    const struct cr_config_key *near = key == NULL ? cr_config_key_nearest(change->key) : NULL;

    if (cr_config_takes(&policies->base->config, change) ||
        (change->value[0] == '\0' && policies_find(&policies->latest, change->slot, change->key) != NULL)) {
        return false; /* what is there may be taken away by whichever broker */
    }
    if (key == NULL) {
        snprintf(text, cap, "There is no key %s%s%s%s.", change->key, near != NULL ? "; did you mean " : "",
                 near != NULL ? near->name : "", near != NULL ? "?" : "");
    } else if (key->shared == NULL) {
        snprintf(text, cap, "%s is each broker's own: set it in the configuration file.", change->key);
    } else if (key->in_slot && change->slot[0] == '\0') {
        snprintf(text, cap, "%s belongs to a slot: say which with \"slot\".", change->key);
    } else {
        snprintf(text, cap, "%s is no slot's: leave \"slot\" out.", change->key);
    }
    return true;
}

/* The latest settings with the changes. */
static cr_err change_result(const struct cr_router *router, const struct cr_policy *changes, struct cr_settings *result)
{
    const struct cr_settings *latest = &router->policies->latest;

    result->count = 0;
    result->setting = calloc(latest->count + changes->count + 1, sizeof *result->setting);
    if (result->setting == NULL) {
        return CR_NOMEM;
    }
    for (unsigned i = 0; i < latest->count; i++) {
        const struct cr_settings of_changes = { changes->count, changes->setting };

        if (policies_find(&of_changes, latest->setting[i].slot, latest->setting[i].key) == NULL) {
            result->setting[result->count++] = latest->setting[i];
        }
    }
    for (unsigned i = 0; i < changes->count; i++) {
        if (changes->setting[i].value[0] != '\0') {
            result->setting[result->count++] = changes->setting[i];
        }
    }
    return CR_OK;
}

/* Which of the changes is named: the one that is wrong, or else the first of them. */
static const char *change_named(const struct cr_policy *changes, const char *key)
{
    for (unsigned i = 0; i < changes->count; i++) {
        if (strcmp(changes->setting[i].key, key) == 0) {
            return changes->setting[i].key;
        }
    }
    return changes->setting[0].key;
}

/* Whether it may be written: all of it together, as a result. False: it was answered. */
static bool change_ok(struct cr_router *router, struct cr_job *job)
{
    struct cr_policy *changes = job->policy;
    struct cr_settings result = { 0, NULL };
    struct cr_config_wrong wrong;
    struct cr_setup *setup = NULL;
    char text[CR_WRONG_CAP + CR_NAME_CAP + 10];
    cr_err err;

    for (unsigned i = 0; i < changes->count; i++) {
        if (change_is_none(router, &changes->setting[i], text, sizeof text)) {
            change_refuse(router, job, CR_REFUSAL_POLICY_NOT_ALLOWED, text, changes->setting[i].key);
            return false;
        }
    }
    err = change_result(router, changes, &result);
    if (err == CR_OK) {
        err = cr_setup_overlay(&setup, router->policies->base, result.setting, result.count, &wrong);
    }
    cr_setup_drop(setup);
    free(result.setting);
    if (err == CR_INVALID) {
        snprintf(text, sizeof text, "%s.", wrong.text);
        change_refuse(router, job, CR_REFUSAL_POLICY_NOT_ALLOWED, text, change_named(changes, wrong.key));
    } else if (err != CR_OK) {
        change_refuse(router, job, CR_REFUSAL_BUSY, NULL, "");
    }
    return err == CR_OK;
}

/* ---- writing ---- */

void policies_change_next(struct cr_router *router)
{
    struct cr_policies *policies = router->policies;

    for (unsigned judged = 0; policies->waiting != NULL && !policies->writing && !policies->asking; judged++) {
        struct cr_job *job = policies->waiting;

        if (judged == JUDGED_AT_ONCE) { /* each takes the loop half a millisecond: the rest after another look */
            policies_read(router);
            return;
        }
        LL_DELETE(policies->waiting, job);
        job->next = NULL;
        if (!job->policy->whatever && job->policy->version != policies->version) {
            change_refuse(router, job, CR_REFUSAL_WRONG_STATE,
                          "The settings have another version by now.", "");
            continue;
        }
        if (!change_ok(router, job)) {
            continue;
        }
        job->policy->version = policies->version;
        snprintf(job->policy->by, sizeof job->policy->by, "%.*s", (int)sizeof job->policy->by - 1, job->who);
        job->now_s = cr_wall_s(router->clock);
        policies->writing = true;
        loop_send(router, job, CR_STAGE_STORE);
    }
}

bool policies_changed(struct cr_router *router, struct cr_job *job)
{
    struct cr_policies *policies = router->policies;

    if (job->outcome == CR_OUT_DONE) {
        policies_take(router, job->policy);
        policies_change_next(router);
        return false;
    }
    if (job->refusal == CR_REFUSAL_WRONG_STATE && job->policy->whatever && ++job->policy->tries < CR_POLICY_TRIES) {
        job->outcome = CR_OUT_NONE; /* somebody else was quicker: once more, by what is there now */
        job->refusal = CR_REFUSAL_NONE;
        LL_PREPEND(policies->waiting, job);
        policies_read(router);
        return true;
    }
    if (policies->waiting != NULL) {
        policies_read(router);
    }
    return false;
}
