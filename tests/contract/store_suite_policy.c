/* POLICY: the settings that all brokers share: read, and changed by whoever knows what is there. */
#include "tests/contract/store_suite.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cr_job *policy_job(struct rig_broker *broker, enum cr_policy_verb verb, uint64_t version, int64_t at)
{
    struct cr_job *job = rig_job(broker, CR_OP_POLICY, "", "");
    job->policy = calloc(1, sizeof *job->policy);
    assert_non_null(job->policy);
    job->policy->verb = verb;
    job->policy->version = version;
    job->policy->at = at;
    (void)snprintf(job->policy->by, sizeof job->policy->by, "alice@10.0.0.1");
    return job;
}

/* changes: slot, key, value, … NULL */
static struct cr_job *write_job(struct rig_broker *broker, uint64_t version, const char *const *changes)
{
    struct cr_job *job = policy_job(broker, CR_POLICY_WRITE, version, 0);
    job->policy->setting = calloc(CR_POLICY_MAX, sizeof *job->policy->setting);
    assert_non_null(job->policy->setting);
    for (; changes[0] != NULL; changes += 3) {
        struct cr_policy_setting *setting = &job->policy->setting[job->policy->count++];
        assert_int_equal(cr_text_copy(setting->slot, sizeof setting->slot, changes[0]), CR_OK);
        assert_int_equal(cr_text_copy(setting->key, sizeof setting->key, changes[1]), CR_OK);
        assert_int_equal(cr_text_copy(setting->value, sizeof setting->value, changes[2]), CR_OK);
    }
    return job;
}

static void written(struct rig_broker *broker, uint64_t version, const char *const *changes, uint64_t becomes)
{
    struct cr_job *job = rig_run(broker, write_job(broker, version, changes));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->policy->version, becomes);
    assert_true(job->policy->changed);
    cr_job_free(job);
}

static struct cr_job *read_all(struct rig_broker *broker)
{
    struct cr_job *job = rig_run(broker, policy_job(broker, CR_POLICY_READ, 0, 1));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_true(job->policy->changed);
    return job;
}

/* NULL: it is not set. Valid until the next call. */
static const char *value_of(struct rig_broker *broker, const char *slot, const char *key)
{
    static char value[CR_POLICY_VALUE_CAP];
    struct cr_job *job = read_all(broker);
    const char *found = NULL;
    for (unsigned i = 0; i < job->policy->count; i++) {
        const struct cr_policy_setting *setting = &job->policy->setting[i];
        if (strcmp(setting->slot, slot) == 0 && strcmp(setting->key, key) == 0) {
            assert_null(found);
            memcpy(value, setting->value, sizeof value);
            found = value;
        }
    }
    cr_job_free(job);
    return found;
}

/* How many 'policy' lines say this: the fake keeps the newest, Redis' broker has a journal. */
static void expect_line(struct rig_broker *broker, const char *part)
{
    char path[160], line[16384];
    bool found = false;
    if (broker->rig->backend == RIG_FAKE) {
        const char *detail = fake_ledger_audit_detail(broker->rig->ledger, "policy");
        if (strstr(detail, part) == NULL) {
            fail_msg("expected %s in %s", part, detail);
        }
        return;
    }
    (void)snprintf(path, sizeof path, "%s/journal.jsonl", broker->journal_dir);
    const struct cr_clock *clock = cr_clock_system();
    for (int64_t end = cr_mono_ms(clock) + RIG_WAIT_MS; !found && cr_mono_ms(clock) < end; (void)poll(NULL, 0, 1)) {
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        while (fgets(line, sizeof line, file) != NULL) {
            found = found || (strstr(line, "\"what\":\"policy\"") != NULL && strstr(line, part) != NULL &&
                              strstr(line, "\"who\":\"alice@10.0.0.1\"") != NULL);
        }
        (void)fclose(file);
    }
    if (!found) {
        fail_msg("no line with %s", part);
    }
}

static struct cr_job *by_alice(struct cr_job *job)
{
    (void)snprintf(job->who, sizeof job->who, "alice@10.0.0.1");
    return job;
}

void store_policy_is_nothing_at_first(void **state)
{
    struct rig_broker *broker = rig_open(*state, "one");
    struct cr_job *job = rig_run(broker, policy_job(broker, CR_POLICY_READ, 0, 0));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_false(job->policy->changed);
    assert_int_equal(job->policy->version, 0);
    assert_int_equal(job->policy->count, 0);
    cr_job_free(job);
}

void store_policy_is_shared(void **state)
{
    static const char *const first[] = { "operational", "lifetime", "60d", "", "trigger_rate", "10", NULL };
    static const char *const second[] = { "operational", "lifetime", "",         "",   "trigger_rate",
                                          "11",          "data",     "lifetime", "1d", NULL };
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "one"), *two = rig_open(rig, "two");
    written(one, CR_POLICY_ANY, first, 1);
    assert_string_equal(value_of(two, "operational", "lifetime"), "60d");
    assert_string_equal(value_of(two, "", "trigger_rate"), "10");
    struct cr_job *job = read_all(two);
    assert_int_equal(job->policy->version, 1);
    assert_int_equal(job->policy->at, rig->now_s);
    assert_string_equal(job->policy->by, "alice@10.0.0.1");
    cr_job_free(job);

    rig->now_s += 60;
    written(two, CR_POLICY_ANY, second, 2);
    assert_null(value_of(one, "operational", "lifetime"));
    assert_string_equal(value_of(one, "", "trigger_rate"), "11");
    assert_string_equal(value_of(one, "data", "lifetime"), "1d");
    job = rig_run(one, policy_job(one, CR_POLICY_READ, 2, rig->now_s));
    assert_false(job->policy->changed); /* known already */
    assert_int_equal(job->policy->count, 0);
    cr_job_free(job);
    job = rig_run(one, policy_job(one, CR_POLICY_READ, 2, rig->now_s - 60));
    assert_true(job->policy->changed); /* another history with the same number */
    cr_job_free(job);
    rig_expect_audits(rig, "policy", NULL, 2);
}

void store_policy_goes_by_its_version(void **state)
{
    static const char *const change[] = { "", "trigger_rate", "10", NULL }, *const other[] = { "", "trigger_rate", "12",
                                                                                               NULL };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    static const uint64_t versions[] = { 0, 1, 3 }; /* those that were, and one that is not yet */
    written(broker, 0, change, 1);
    written(broker, 1, other, 2);
    for (int i = 0; i < 3; i++) {
        struct cr_job *job = rig_run(broker, write_job(broker, versions[i], change));
        assert_int_equal(job->outcome, CR_OUT_REFUSED);
        assert_int_equal(job->refusal, CR_REFUSAL_WRONG_STATE);
        assert_int_equal(job->policy->version, 2);
        assert_string_equal(job->policy->setting[0].value, "10"); /* what was asked for is still there */
        cr_job_free(job);
    }
    assert_string_equal(value_of(broker, "", "trigger_rate"), "12");
    written(broker, 2, other, 2); /* changes nothing */
    rig_expect_audits(rig, "policy", NULL, 2);
}

void store_policy_says_what_changed(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    char value[CR_POLICY_VALUE_CAP] = "http://";
    memset(value + 7, 'x', sizeof value - 8);
    const char *const change[] = { "operational", "crl_url", value, NULL };
    static const char *const back[] = { "operational", "crl_url", "", NULL };
    static const char *const rate[] = { "", "trigger_rate", "7", NULL };
    cr_job_free(rig_run(broker, by_alice(write_job(broker, CR_POLICY_ANY, change))));
    assert_string_equal(value_of(broker, "operational", "crl_url"), value);
    expect_line(broker, "version 1: operational/crl_url: file -> http://xxx");
    cr_job_free(rig_run(broker, by_alice(write_job(broker, CR_POLICY_ANY, rate))));
    expect_line(broker, "version 2: trigger_rate: file -> 7");
    static const char *const more[] = { "", "trigger_rate", "8", NULL };
    cr_job_free(rig_run(broker, by_alice(write_job(broker, CR_POLICY_ANY, more))));
    expect_line(broker, "version 3: trigger_rate: 7 -> 8");
    cr_job_free(rig_run(broker, by_alice(write_job(broker, CR_POLICY_ANY, back))));
    expect_line(broker, "version 4: operational/crl_url: http://xxx");
    assert_null(value_of(broker, "operational", "crl_url"));
}

void store_policy_has_its_bound(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    static const char *const none[] = { NULL }, *const one[] = { "", "one_more", "1", NULL },
                             *const swap[] = { "", "one_more", "1", "", "key_0", "", NULL };
    struct cr_job *job = write_job(broker, CR_POLICY_ANY, none);
    for (unsigned i = 0; i < CR_POLICY_MAX; i++) {
        (void)snprintf(job->policy->setting[i].key, sizeof job->policy->setting[i].key, "key_%u", i);
        (void)snprintf(job->policy->setting[i].value, sizeof job->policy->setting[i].value, "%0200u", i);
    }
    job->policy->count = CR_POLICY_MAX;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    cr_job_free(job);
    job = read_all(broker);
    assert_int_equal(job->policy->count, CR_POLICY_MAX);
    cr_job_free(job);
    job = rig_run(broker, write_job(broker, CR_POLICY_ANY, one));
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, CR_REFUSAL_TOO_LARGE);
    cr_job_free(job);
    assert_null(value_of(broker, "", "one_more"));
    written(broker, 1, swap, 2);
    assert_null(value_of(broker, "", "key_0"));
    assert_string_equal(value_of(broker, "", "one_more"), "1");
}

/* 89: what is there is not what we would have written. */
void store_policy_damaged_is_refused(void **state)
{
    static const char *const damage[] = {
        "SET cr:policy x",
        "HSET cr:policy version three",
        "HSET cr:policy version 3 at x",
        "HSET cr:policy version 3 at 5 a/b/c x",
        "HSET cr:policy version -3 at 5",
    };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    for (size_t i = 0; rig->backend == RIG_REDIS && i < sizeof damage / sizeof damage[0]; i++) {
        freeReplyObject(private_redis_command(&rig->redis, "DEL cr:policy"));
        freeReplyObject(private_redis_command(&rig->redis, damage[i]));
        struct cr_job *job = rig_run(broker, policy_job(broker, CR_POLICY_READ, 0, 1));
        assert_int_equal(job->outcome, CR_OUT_REFUSED);
        assert_int_equal(job->refusal, CR_REFUSAL_INTERNAL);
        cr_job_free(job);
    }
    rig_expect_audits(rig, "alarm", NULL, 0); /* the loop's business: it is asked every few seconds */
}
