/* POLICY: the settings that all brokers share. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cr_policy_setting *fake_setting(const struct cr_policy *policy, const struct cr_policy_setting *like)
{
    for (unsigned i = 0; i < policy->count; i++) {
        if (strcmp(policy->setting[i].slot, like->slot) == 0 && strcmp(policy->setting[i].key, like->key) == 0) {
            return &policy->setting[i];
        }
    }
    return NULL;
}

static void fake_drop(struct cr_policy *policy, struct cr_policy_setting *setting)
{
    *setting = policy->setting[--policy->count];
}

static void fake_add(struct cr_policy *policy, const struct cr_policy_setting *setting)
{
    if (policy->setting == NULL) {
        policy->setting = calloc(2 * CR_POLICY_MAX, sizeof *policy->setting); /* a write adds before it drops */
        if (policy->setting == NULL) {
            abort();
        }
    }
    policy->setting[policy->count++] = *setting;
}

/* Whether the changes fit, and whether they change anything. */
static bool fake_fits(const struct cr_policy *policy, const struct cr_policy *changes, bool *any)
{
    unsigned count = policy->count;

    *any = false;
    for (unsigned i = 0; i < changes->count; i++) {
        const struct cr_policy_setting *change = &changes->setting[i], *former = fake_setting(policy, change);

        *any = *any || strcmp(former != NULL ? former->value : "", change->value) != 0;
        count += former == NULL && change->value[0] != '\0';
        count -= former != NULL && change->value[0] == '\0';
    }
    return count <= CR_POLICY_MAX;
}

static void fake_write(struct fake_ledger *ledger, struct cr_job *job, struct cr_policy *policy)
{
    char detail[2 * CR_POLICY_VALUE_CAP + 200];

    policy->version++;
    policy->at = job->now_s;
    memcpy(policy->by, job->policy->by, sizeof policy->by);
    for (unsigned i = 0; i < job->policy->count; i++) {
        const struct cr_policy_setting *change = &job->policy->setting[i];
        struct cr_policy_setting *former = fake_setting(policy, change);

        snprintf(detail, sizeof detail, "version %llu: %s%s%s: %s -> %s", (unsigned long long)policy->version,
                 change->slot, change->slot[0] != '\0' ? "/" : "", change->key, former != NULL ? former->value : "file",
                 change->value[0] != '\0' ? change->value : "file");
        if (former != NULL) {
            fake_drop(policy, former);
        }
        if (change->value[0] != '\0') {
            fake_add(policy, change);
        }
    }
    fake_audit_job(ledger, "policy", job, detail);
}

/* The ledger's settings into the job. */
static void fake_answer_policy(struct cr_job *job, const struct cr_policy *policy)
{
    struct cr_policy *out = job->policy;

    free(out->setting);
    out->setting = calloc(policy->count > 0 ? policy->count : 1, sizeof *out->setting);
    if (out->setting == NULL) {
        abort();
    }
    for (unsigned i = 0; i < policy->count; i++) {
        out->setting[i] = policy->setting[i];
    }
    out->count = policy->count;
    out->changed = true;
    out->version = policy->version;
    out->at = policy->at;
    memcpy(out->by, policy->by, sizeof out->by);
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}

void fake_policy(struct fake_ledger *ledger, struct cr_job *job)
{
    struct cr_policy *policy = fake_policy_of(ledger), *ask = job->policy;
    bool any;

    if (ask->verb == CR_POLICY_READ && ask->version == policy->version && ask->at == policy->at) {
        ask->changed = false;
        memcpy(ask->by, policy->by, sizeof ask->by);
        job->outcome = CR_OUT_DONE;
        job->stage = CR_STAGE_DONE;
        return;
    }
    if (ask->verb == CR_POLICY_WRITE) {
        if (ask->version != CR_POLICY_ANY && ask->version != policy->version) {
            ask->version = policy->version;
            fake_refuse(ledger, job, CR_REFUSAL_WRONG_STATE, 0);
            return;
        }
        if (!fake_fits(policy, ask, &any)) {
            fake_refuse(ledger, job, CR_REFUSAL_TOO_LARGE, 0);
            return;
        }
        if (any) {
            fake_write(ledger, job, policy);
        }
    }
    fake_answer_policy(job, policy);
}
