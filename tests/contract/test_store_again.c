/* An answer gets lost on its way, and the same is asked again: each script recognises what it has done already, says the
 * same, and does nothing more. Here the scripts are asked directly, as the store asks them. */
#include "tests/contract/redis_scene.h"

#include <stdio.h>
#include <string.h>

enum { WHAT_CAP = 200 };

static const char data[] = "data", new_id[] = "12345678-2222-4333-8444-555555555555";
static const struct cr_records records = { "cr", RIG_BUCKETS };

/* Sends it; code and note of its answer, and its third part where that is a text, a line each. */
static void ask(struct cr_args *args, char what[WHAT_CAP])
{
    redisReply *reply = private_redis_command(&scene_rig.redis, "SCRIPT LOAD %s", cr_script_text[args->script]);
    char sha[48];
    (void)snprintf(sha, sizeof sha, "%s", reply->str);
    freeReplyObject(reply);
    args->arg[1] = sha;
    args->len[1] = strlen(sha);
    reply = redisCommandArgv(scene_rig.redis.context, (int)args->count, args->arg, args->len);
    assert_non_null(reply);
    if (reply->type != REDIS_REPLY_ARRAY) {
        fail_msg("%s", reply->str);
    }
    assert_true(reply->elements >= 2);
    bool more = reply->elements > 2 && reply->element[2]->type == REDIS_REPLY_STRING;
    (void)snprintf(what, WHAT_CAP, "%s\n%s%s", reply->element[0]->str, reply->element[1]->str,
                   more ? reply->element[2]->str : "");
    freeReplyObject(reply);
}

static void ask_present(struct rig_broker *broker, const struct cr_cert_facts *facts, bool again, char what[WHAT_CAP])
{
    struct cr_args args;
    struct cr_job *job = rig_job_present(broker, scene_slot, facts);
    assert_int_equal(cr_args_present(&args, &records, job, new_id, again), CR_OK);
    ask(&args, what);
    cr_job_free(job);
}

/* Presents it twice, the second time as one whose answer was lost. */
static void presented_twice(struct rig_broker *broker, const struct cr_cert_facts *facts, const char *expected)
{
    char what[WHAT_CAP];
    ask_present(broker, facts, false, what);
    assert_string_equal(what, expected);
    struct cr_slot_record one = rig_slot(broker, scene_device, scene_slot), other = rig_slot(broker, scene_device, data);
    ask_present(broker, facts, true, what);
    assert_string_equal(what, expected);
    struct cr_slot_record one_after = rig_slot(broker, scene_device, scene_slot);
    struct cr_slot_record other_after = rig_slot(broker, scene_device, data);
    assert_memory_equal(&one, &one_after, sizeof one);
    assert_memory_equal(&other, &other_after, sizeof other);
}

static void beginning_is_told_again(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts facts =
        rig_cert(scene_device, 1, 1, scene_rig.now_s, scene_rig.now_s + 90 * RIG_DAY_S);
    (void)rig_present(broker, scene_slot, &facts);
    struct cr_job *job = rig_issue(broker, scene_device, data, 2);
    char renewal_id[CR_RENEWAL_ID_CAP];
    memcpy(renewal_id, job->renewal_id, sizeof renewal_id);
    cr_job_free(job);
    cr_job_free(rig_run(broker, rig_job_report(broker, scene_device, data, renewal_id, CR_REPORT_INSTALLED)));
    scene_rig.now_s += 89 * RIG_DAY_S;
    presented_twice(broker, &facts, "known\nbegan operational\nbegan data\n");
    assert_string_equal(rig_slot(broker, scene_device, scene_slot).renewal_id, new_id);
    assert_int_equal(rig_slot(broker, scene_device, data).state, CR_STATE_TRIGGERED);
    assert_string_not_equal(rig_slot(broker, scene_device, data).renewal_id, new_id);
}

static void confirm_and_regression_are_told_again(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    (void)rig_present(broker, scene_slot, &old);
    struct cr_job *job = rig_issue(broker, scene_device, scene_slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    presented_twice(broker, &fresh, "confirmed\n");
    assert_int_equal(rig_slot(broker, scene_device, scene_slot).generation, 1);
    presented_twice(broker, &old, "regressed\nbegan operational\n");
    scene_rig.now_s += scene_rig.operational.superseded_grace_s;
    presented_twice(broker, &old, "outdated\n");
}

static void failure_is_counted_once(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    (void)rig_present(broker, scene_slot, &old);
    struct cr_slot_record before = rig_slot(broker, scene_device, scene_slot);
    assert_int_equal(before.state, CR_STATE_TRIGGERED);
    for (int i = 0; i < 3; i++) { /* lost twice */
        struct cr_args args;
        char what[WHAT_CAP];
        struct cr_job *job = rig_job_report(broker, scene_device, scene_slot, before.renewal_id, CR_REPORT_FAILED);
        assert_int_equal(cr_args_report(&args, &records, job, i > 0), CR_OK);
        ask(&args, what);
        assert_string_equal(what, "failed\n1");
        cr_job_free(job);
    }
    struct cr_slot_record after = rig_slot(broker, scene_device, scene_slot);
    assert_int_equal(after.attempt, before.attempt + 1);
    assert_int_equal(after.failures, 1);
}

static void steered_twice(struct rig_broker *broker, enum cr_steer_verb verb, const char *slot, const char *expected,
                          const char *expected_again)
{
    char what[WHAT_CAP];
    for (int i = 0; i < 2; i++) {
        struct cr_args args;
        struct cr_steer steer = { .verb = verb, .text = "x" };
        struct cr_job *job = rig_job(broker, CR_OP_STEER, scene_device, slot);
        job->steer = &steer;
        assert_int_equal(cr_args_steer(&args, &records, job, i > 0), CR_OK);
        ask(&args, what);
        job->steer = NULL;
        cr_job_free(job);
        assert_string_equal(what, i == 0 ? expected : expected_again);
    }
}

static void steering_is_told_again(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    char cancelled[WHAT_CAP];
    (void)rig_present(broker, scene_slot, &old);
    struct cr_slot_record before = rig_slot(broker, scene_device, scene_slot);
    assert_int_equal(before.state, CR_STATE_TRIGGERED);
    steered_twice(broker, CR_STEER_HOLD, "", "done\nheld operational\n", "done\nheld operational\n");
    steered_twice(broker, CR_STEER_RELEASE, "", "done\nreleased operational\n", "done\nreleased operational\n");
    (void)snprintf(cancelled, sizeof cancelled, "done\ncancelled operational %s\n", before.renewal_id);
    steered_twice(broker, CR_STEER_CANCEL, scene_slot, cancelled, "done\ncancelled operational\n");
    steered_twice(broker, CR_STEER_ACKNOWLEDGE, scene_slot, "no-alert\n", "no-alert\n");
}

static void looked_twice(struct rig_broker *broker, int64_t now_s, const char *expected)
{
    scene_rig.now_s = now_s;
    for (int again = 0; again < 2; again++) {
        struct cr_args args;
        char what[WHAT_CAP];
        struct cr_job *job = rig_job(broker, CR_OP_LOOK, scene_device, scene_slot);
        job->may_begin = true;
        assert_int_equal(cr_args_look(&args, &records, job, again != 0), CR_OK);
        ask(&args, what);
        assert_string_equal(what, expected);
        cr_job_free(job);
    }
}

/* Each thing that a look found. */
static void looks_are_told_again(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    broker->setup->config.renewal_deadline_s = 100 * RIG_DAY_S;
    int64_t now_s = scene_rig.now_s, ends = now_s + 88 * RIG_DAY_S;
    struct cr_cert_facts facts = rig_cert(scene_device, 1, 1, ends - 200 * RIG_DAY_S, ends);
    (void)rig_present(broker, scene_slot, &facts);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, scene_device, scene_slot)));
    looked_twice(broker, now_s + RIG_DAY_S, "record\n");
    looked_twice(broker, now_s + 3 * RIG_DAY_S, "record\nraised operational\nwoken operational\n");
    looked_twice(broker, now_s + 4 * RIG_DAY_S, "record\nwoken operational\n");
    looked_twice(broker, ends - 60 * RIG_DAY_S, "record\nraised operational\nwoken operational\nfield operational\n");
    looked_twice(broker, ends, "record\nended operational\n");
}

static void write_policy(const char *version, const char *id, char what[WHAT_CAP])
{
    struct cr_args args;
    cr_args_start(&args, "EVALSHA");
    args.script = CR_SCRIPT_POLICY;
    static const char *const before[] = { "", "1", "cr:policy", "write" };
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        cr_args_text(&args, before[i]);
    }
    cr_args_text(&args, version);
    cr_args_number(&args, scene_rig.now_s);
    cr_args_text(&args, "alice");
    cr_args_text(&args, id);
    cr_args_text(&args, "200");
    cr_args_text(&args, "/trigger_rate=5\ndata/lifetime=7d\n");
    ask(&args, what);
}

static void a_policy_is_written_once(void **state)
{
    (void)state;
    char what[WHAT_CAP];
    (void)rig_open(&scene_rig, "one");
    write_policy("0", new_id, what);
    assert_string_equal(what, "written\n/trigger_rate=\ndata/lifetime=1"); /* the former values, and the version */
    for (int i = 0; i < 2; i++) {
        write_policy("0", new_id, what);
        assert_string_equal(what, "again\n1");
    }
    write_policy("0", "another", what);
    assert_string_equal(what, "stale\n1");
    write_policy("1", "another", what);
    assert_string_equal(what, "unchanged\n1");
}

#define AGAIN_TEST(TEST) cmocka_unit_test_setup_teardown(TEST, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AGAIN_TEST(beginning_is_told_again),
        AGAIN_TEST(confirm_and_regression_are_told_again),
        AGAIN_TEST(failure_is_counted_once),
        AGAIN_TEST(a_policy_is_written_once),
        AGAIN_TEST(steering_is_told_again),
        AGAIN_TEST(looks_are_told_again),
    };
    return cmocka_run_group_tests_name("store again", tests, NULL, NULL);
}
