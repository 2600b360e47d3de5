/* The longest of everything at once: names, tags, reasons, campaigns, settings. */
#include "tests/contract/store_suite.h"

#include "tests/contract/campaign_scene.h"
#include "tests/support/bucket_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill(char *text, size_t cap, char first)
{
    memset(text, first, cap - 1);
    text[cap - 1] = '\0';
}

static struct cr_job *steered(struct rig_broker *broker, const char *device, enum cr_steer_verb verb, const char *slot)
{
    struct cr_job *job = rig_job(broker, CR_OP_STEER, device, slot);
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = verb;
    fill(job->steer->text, sizeof job->steer->text, '!');
    fill(job->steer->by, sizeof job->steer->by, 'b');
    (void)snprintf(job->steer->add, sizeof job->steer->add, ",%.32s,%.29s,", "tttttttttttttttttttttttttttttttt",
                   "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu");
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    return job;
}

static void no_record_is_long(const struct rig *rig)
{
    for (unsigned bucket = 0; bucket < RIG_BUCKETS && rig->backend == RIG_REDIS; bucket++) {
        char base[16];
        (void)snprintf(base, sizeof base, "cr:{b%02u}:", bucket);
        assert_int_equal(bucket_check(rig->redis.context, base, rig->now_s, stderr), 0);
    }
}

void store_longest_names_fit(void **state)
{
    struct rig *rig = *state;
    char broker_name[CR_NAME_CAP], device[CR_NAME_CAP], slot[CR_NAME_CAP];
    fill(broker_name, sizeof broker_name, 'B');
    fill(device, sizeof device, 'D');
    fill(slot, sizeof slot, 's');
    (void)snprintf(rig->operational.slot, sizeof rig->operational.slot, "%s", slot);
    struct rig_broker *broker = rig_open(rig, broker_name);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - 80 * RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    (void)rig_present(broker, slot, &facts);
    struct cr_campaign full = campaign_full(rig), made = campaign_created(broker, &full);

    struct cr_job *job = rig_job_trigger(broker, device, slot);
    memcpy(job->campaign.id, made.id, sizeof made.id);
    job->campaign.group = CR_CAMPAIGN_GROUPS - 1;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    for (unsigned i = 0; i < 30; i++) { /* thresholds, wakes, the field list */
        int64_t at = rig_watch_at(rig, device, slot);
        rig->now_s = at > rig->now_s && at < facts.not_after ? at : rig->now_s;
        job = rig_job(broker, CR_OP_LOOK, device, slot);
        job->may_begin = true;
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        cr_job_free(job);
        no_record_is_long(rig);
    }
    assert_true(rig_shown(rig, device, slot));
    cr_job_free(steered(broker, device, CR_STEER_ACKNOWLEDGE, slot));
    no_record_is_long(rig);
    job = steered(broker, device, CR_STEER_TAG, slot);
    assert_int_equal(strlen(job->record->tags), CR_TAGS_CAP - 1);
    cr_job_free(job);
    job = steered(broker, device, CR_STEER_HOLD, slot);
    assert_int_equal(strlen(job->record->slot[0].hold), CR_HOLD_CAP - 1);
    assert_string_equal(job->record->broker, broker_name);
    cr_job_free(job);
    no_record_is_long(rig);

    /* and a cursor holds its place */
    for (unsigned i = 0; i < 2; i++) {
        job = rig_job(broker, CR_OP_LIST, "", "");
        job->list = calloc(1, sizeof *job->list);
        assert_non_null(job->list);
        job->list->limit = 1;
        if (i == 0) {
            fill(job->list->filter.tag, sizeof job->list->filter.tag, 't');
            memcpy(job->list->filter.prefix, device, sizeof device);
            memcpy(job->list->filter.slot, slot, sizeof slot);
            memcpy(job->list->filter.campaign, made.id, sizeof made.id);
            fill(job->list->filter.issuer, sizeof job->list->filter.issuer, '0');
            memcpy(job->list->filter.issuer, facts.issuer, sizeof facts.issuer);
            job->list->filter.state = CR_FILTER_HELD;
        }
        unsigned rows = 0;
        do {
            job->list->count = 0;
            job->stage = CR_STAGE_STORE;
            job = rig_run(broker, job);
            assert_int_equal(job->outcome, CR_OUT_DONE);
            rows += job->list->count;
        } while (job->list->cursor[0] != '\0');
        assert_int_equal(rows, 1);
        cr_job_free(job);
    }
}

void store_longest_campaign_fits(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign full = campaign_full(rig);
    fill(full.name, sizeof full.name, '"');
    fill(full.by, sizeof full.by, '\\');
    fill(full.filter.slot, sizeof full.filter.slot, 's');
    fill(full.filter.issuer, sizeof full.filter.issuer, 'f');
    fill(full.filter.tag, sizeof full.filter.tag, 't');
    fill(full.filter.prefix, sizeof full.filter.prefix, 'p');
    fill(full.filter.campaign, sizeof full.filter.campaign, 'a');
    fill(full.cursor, sizeof full.cursor, 'c');
    fill(full.runner, sizeof full.runner, 'r');
    full.created = full.start = full.deadline = full.runner_until = 99999999999;
    full.filter.expires_within_s = full.filter.not_seen_for_s = 99999999999;
    full.rate_per_s = UINT32_MAX;
    full.group_count = CR_CAMPAIGN_GROUPS;
    full.at = CR_CAMPAIGN_GROUPS - 1;
    for (unsigned i = 0; i < CR_CAMPAIGN_GROUPS; i++) {
        fill(full.group[i].name, sizeof full.group[i].name, 'n');
        fill(full.group[i].tag, sizeof full.group[i].tag, 't');
        full.group[i].share = CR_SHARE_ALL;
        full.group[i].success_permille = full.group[i].error_permille = 1000;
        full.group[i].total = full.group[i].forgiven = UINT32_MAX;
    }
    struct cr_campaign made = campaign_created(broker, &full), read = campaign_known(broker, made.id);
    campaign_expect(&read, &full);
}

void store_longest_policy_fits(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    for (unsigned round = 0; round < 2; round++) { /* the second changes every one of them */
        struct cr_job *job = rig_job(broker, CR_OP_POLICY, "", "");
        job->policy = calloc(1, sizeof *job->policy);
        assert_non_null(job->policy);
        job->policy->verb = CR_POLICY_WRITE;
        job->policy->version = CR_POLICY_ANY;
        job->policy->count = CR_POLICY_MAX;
        job->policy->setting = calloc(CR_POLICY_MAX, sizeof *job->policy->setting);
        assert_non_null(job->policy->setting);
        fill(job->policy->by, sizeof job->policy->by, 'b');
        for (unsigned i = 0; i < CR_POLICY_MAX; i++) {
            struct cr_policy_setting *setting = &job->policy->setting[i];
            fill(setting->slot, sizeof setting->slot, 's');
            fill(setting->key, sizeof setting->key, 'k');
            (void)snprintf(setting->key, sizeof setting->key, "k%063u", i);
            fill(setting->value, sizeof setting->value, (char)('v' + round));
        }
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        assert_int_equal(job->policy->count, CR_POLICY_MAX);
        assert_int_equal(job->policy->version, round + 1);
        for (unsigned i = 0; i < CR_POLICY_MAX; i++) {
            assert_int_equal(strlen(job->policy->setting[i].value), CR_POLICY_VALUE_CAP - 1);
            assert_int_equal(job->policy->setting[i].value[0], 'v' + (int)round);
        }
        cr_job_free(job);
    }
}
