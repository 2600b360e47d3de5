/* The agenda on a real Redis: damaged entries, lost answers, and what brokers tell each other. */
#include "tests/contract/redis_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <stdlib.h>
#include <string.h>

static struct cr_job *claim(struct rig_broker *broker)
{
    struct cr_job *job = rig_job(broker, CR_OP_AGENDA, "", "");
    job->agenda = calloc(1, sizeof *job->agenda);
    assert_non_null(job->agenda);
    job->agenda->buckets = RIG_BUCKETS;
    job->agenda->limit = CR_DUE_MAX;
    job->agenda->rate_per_s = 50;
    return rig_run(broker, job);
}

static void due(struct rig_broker *broker)
{
    struct cr_cert_facts facts =
        rig_cert(scene_device, 1, 1, scene_rig.now_s, scene_rig.now_s + 90 * RIG_DAY_S);
    (void)rig_present(broker, scene_slot, &facts);
    scene_rig.now_s = rig_slot(broker, scene_device, scene_slot).due;
}

static void hostile_94_what_is_no_slot_leaves_the_agenda(void **state)
{
    (void)state;
    static const char *const odd[] = { "meter-17", "/operational", "meter-17/", "a/b/c", "meter 17/operational",
                                       "*/operational", "" };
    enum { ODD = sizeof odd / sizeof odd[0] };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_device_keys keys;
    char too_long[CR_NAME_CAP + 20];
    due(broker);
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    for (unsigned i = 0; i < ODD; i++) {
        assert_int_equal(private_redis_integer(&scene_rig.redis, "ZADD %s 1 %s", keys.agenda.text, odd[i]), 1);
    }
    memset(too_long, 'a', sizeof too_long);
    memcpy(too_long + CR_NAME_CAP, "/b", 3);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "ZADD %s 1 %s", keys.agenda.text, too_long), 1);
    struct cr_job *job = claim(broker);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->agenda->count, 1);
    assert_string_equal(job->agenda->due[0].device, scene_device);
    assert_int_equal(job->alarm, CR_REFUSAL_INTERNAL);
    cr_job_free(job);
    rig_expect_audits(&scene_rig, "alarm", NULL, ODD + 1);
    EVENTUALLY(private_redis_integer(&scene_rig.redis, "ZCARD %s", keys.agenda.text) == 1)
}

/* One bucket that is damaged does not hide the others: the loop goes on with the next one. */
static void hostile_89_a_damaged_bucket_is_told(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_device_keys keys;
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    freeReplyObject(private_redis_command(&scene_rig.redis, "SET %s nonsense", keys.agenda.text));
    struct cr_job *job = claim(broker);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    cr_job_free(job);
    assert_true(rig_health(broker).connected);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "DEL %s", keys.agenda.text), 1);

    /* and a damaged pace is made anew */
    due(broker);
    freeReplyObject(private_redis_command(&scene_rig.redis, "LPUSH cr:pace x"));
    job = claim(broker);
    assert_int_equal(job->agenda->count, 1);
    cr_job_free(job);
    freeReplyObject(private_redis_command(&scene_rig.redis, "SET cr:pace 9000000000000000"));
    scene_rig.now_s += CR_CLAIM_S;
    job = claim(broker);
    assert_int_equal(job->agenda->count, 1);
    cr_job_free(job);
}

/* Its device's record is gone: so is its place in the agenda. */
static void whose_record_is_gone_leaves_the_agenda(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_device_keys keys;
    due(broker);
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "DEL %s", keys.device.text), 1);
    struct cr_job *job = claim(broker);
    struct cr_job *advance = rig_job(broker, CR_OP_ADVANCE, scene_device, scene_slot);
    advance->claimed_until = job->agenda->until;
    cr_job_free(job);
    advance = rig_run(broker, advance);
    assert_int_equal(advance->outcome, CR_OUT_RECORD);
    assert_false(advance->triggered);
    cr_job_free(advance);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "ZCARD %s", keys.agenda.text), 0);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "EXISTS %s", keys.device.text), 0);
}

/* Somebody put it back into the agenda by hand: a device that did not answer is not asked before it appears. */
static void who_did_not_answer_waits_for_the_device(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_device_keys keys;
    due(broker);
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, scene_device, scene_slot)));
    scene_rig.now_s += 7 * RIG_DAY_S;
    cr_job_free(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    (void)private_redis_integer(&scene_rig.redis, "ZADD %s 1 %s/%s", keys.agenda.text, scene_device, scene_slot);
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_ADVANCE, scene_device, scene_slot));
    assert_false(job->triggered);
    assert_int_equal(job->alert, CR_ALERT_NONE);
    assert_int_equal(job->record->slot[0].state, CR_STATE_QUIET);
    assert_int_equal(job->record->slot[0].due, job->record->slot[0].current.not_after);
    cr_job_free(job);
}

/* Redis loses everything: what the journal puts back is looked at again. */
static void what_is_put_back_is_in_the_agenda(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    (void)rig_present(broker, scene_slot, &old);
    cr_job_free(rig_issue(broker, scene_device, scene_slot, 2));
    freeReplyObject(private_redis_command(&scene_rig.redis, "FLUSHALL"));
    EVENTUALLY(rig_slot(broker, scene_device, scene_slot).state == CR_STATE_ISSUED)
    scene_rig.now_s = rig_slot(broker, scene_device, scene_slot).due;
    assert_true(scene_rig.now_s > 0);
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_ADVANCE, scene_device, scene_slot));
    assert_int_equal(job->record->slot[0].state, CR_STATE_ISSUED);
    assert_true(job->record->slot[0].certificate.len > 0);
    assert_true(job->record->slot[0].due > scene_rig.now_s);
    cr_job_free(job);
}

/* ---- lost answers: the script itself, asked once more ---- */

static redisReply *ask_again(struct rig_broker *broker, const struct cr_job *job, const char *renewal_id)
{
    const struct cr_records records = { "cr", RIG_BUCKETS };
    struct cr_args args;
    redisReply *loaded = private_redis_command(&scene_rig.redis, "SCRIPT LOAD %s", cr_script_text[CR_SCRIPT_ADVANCE]);
    (void)broker;
    assert_int_equal(cr_args_advance(&args, &records, job, renewal_id, true), CR_OK);
    args.arg[1] = loaded->str;
    args.len[1] = loaded->len;
    redisReply *reply = redisCommandArgv(scene_rig.redis.context, (int)args.count, (const char **)args.arg, args.len);
    freeReplyObject(loaded);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    return reply;
}

/* A claimed slot is advanced, then asked about again: the same is told, nothing is done twice. */
static void advanced_once(struct rig_broker *broker, const char *code, const char *note)
{
    struct cr_job *job = claim(broker), *advance = rig_job(broker, CR_OP_ADVANCE, scene_device, scene_slot);
    struct cr_device_keys keys;
    assert_int_equal(job->agenda->count, 1);
    advance->claimed_until = job->agenda->until;
    cr_job_free(job);
    advance = rig_run(broker, advance);
    assert_int_equal(advance->outcome, CR_OUT_RECORD);
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    redisReply *before = private_redis_command(&scene_rig.redis, "DUMP %s", keys.device.text);
    redisReply *reply = ask_again(broker, advance, advance->renewal_id);
    redisReply *after = private_redis_command(&scene_rig.redis, "DUMP %s", keys.device.text);
    assert_string_equal(reply->element[0]->str, code);
    assert_string_equal(reply->element[1]->str, note);
    assert_int_equal(before->len, after->len);
    assert_memory_equal(before->str, after->str, before->len);
    freeReplyObject(before);
    freeReplyObject(after);
    freeReplyObject(reply);
    cr_job_free(advance);
}

static void hostile_93_a_lost_answer_changes_nothing_twice(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    due(broker);
    advanced_once(broker, "triggered", "");
    scene_rig.now_s = rig_slot(broker, scene_device, scene_slot).due;
    advanced_once(broker, "triggered", "");
    assert_int_equal(rig_slot(broker, scene_device, scene_slot).attempt, 2);
    scene_rig.now_s = rig_slot(broker, scene_device, scene_slot).deadline;
    advanced_once(broker, "record", "expired  operational\n");
    assert_int_equal(rig_slot(broker, scene_device, scene_slot).unanswered, 1);
    scene_rig.now_s = rig_slot(broker, scene_device, scene_slot).due;
    advanced_once(broker, "ended", "");
}

/* ---- what brokers tell each other ---- */

static struct cr_cert_facts due_now(void)
{
    return rig_cert(scene_device, 1, 1, scene_rig.now_s - 80 * RIG_DAY_S, scene_rig.now_s + 10 * RIG_DAY_S);
}

/* From when on `two` hears what `one` does. */
static void wait_until_heard(struct rig_broker *one, struct rig_broker *two)
{
    EVENTUALLY((cr_job_free(rig_run(one, rig_job_trigger(one, scene_device, scene_slot))),
                rig_pushed(two, scene_device, 100)))
}

#define LIFE "11111111-2222-4333-8444-555555555555" /* of no broker here */

/* All that a broker said has reached Redis: what it asks now comes behind. */
static void say_all(struct rig_broker *broker)
{
    for (int i = 0; i < 2; i++) { /* what a job says goes out when it has come home */
        cr_job_free(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    }
}

/* A broker that listens has heard all that was said before, and this. Returns how often it heard anything, ever. */
static unsigned hear_all(struct rig_broker *broker)
{
    static unsigned words;
    char last[20], message[80];
    (void)snprintf(last, sizeof last, "last-%u", ++words); /* those of before are heard by everybody, too */
    (void)snprintf(message, sizeof message, LIFE " %s", last);
    assert_true(private_redis_integer(&scene_rig.redis, "PUBLISH cr:push %s", message) >= 2);
    assert_true(rig_pushed(broker, last, RIG_WAIT_MS));
    (void)pthread_mutex_lock(&broker->lock);
    unsigned pushes = broker->pushes;
    (void)pthread_mutex_unlock(&broker->lock);
    return pushes;
}

static void others_hear_of_it(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&scene_rig, "one"), *two = rig_open(&scene_rig, "two");
    struct cr_cert_facts facts = due_now();
    (void)rig_present(one, scene_slot, &facts);
    wait_until_heard(one, two);
    wait_until_heard(two, one);
    say_all(one); /* whatever was still on its way */
    say_all(two);
    unsigned heard = hear_all(two);

    /* what is only looked at, nobody need hear of */
    say_all(one);
    assert_int_equal(hear_all(two), heard + 1);
    heard = hear_all(one);

    /* an attempt, and a report */
    scene_rig.now_s = rig_slot(one, scene_device, scene_slot).due;
    struct cr_job *job = rig_run(one, rig_job(one, CR_OP_ADVANCE, scene_device, scene_slot));
    assert_true(job->triggered);
    cr_job_free(job);
    assert_true(rig_pushed(two, scene_device, RIG_WAIT_MS));
    struct cr_slot_record slot = rig_slot(one, scene_device, scene_slot);
    cr_job_free(rig_run(one, rig_job_report(one, scene_device, scene_slot, slot.renewal_id, CR_REPORT_FAILED)));
    assert_true(rig_pushed(two, scene_device, RIG_WAIT_MS));

    /* what an operator stops */
    job = rig_job(one, CR_OP_STEER, scene_device, scene_slot);
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_HOLD;
    job = rig_run(one, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    assert_true(rig_pushed(two, scene_device, RIG_WAIT_MS));
    say_all(one);
    assert_int_equal(hear_all(one), heard + 1); /* and never of what one did itself */
}

static void odd_messages_are_ignored(void **state)
{
    (void)state;
    static const char *const odd[] = { "", "x", LIFE,
                                       LIFE " ",
                                       LIFE " a/b",
                                       LIFE " a b",
                                       LIFE " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
    struct rig_broker *one = rig_open(&scene_rig, "one"), *two = rig_open(&scene_rig, "two");
    struct cr_cert_facts facts = due_now();
    (void)rig_present(one, scene_slot, &facts);
    wait_until_heard(one, two);
    wait_until_heard(two, one);
    say_all(one);
    say_all(two);
    unsigned before = hear_all(two);
    for (unsigned i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        (void)private_redis_integer(&scene_rig.redis, "PUBLISH cr:push %s", odd[i]);
    }
    assert_int_equal(hear_all(two), before + 1);
}

/* The subscription is lost and comes back; the store does not notice. */
static void listening_goes_on(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&scene_rig, "one"), *two = rig_open(&scene_rig, "two");
    struct cr_cert_facts facts = due_now();
    (void)rig_present(one, scene_slot, &facts);
    wait_until_heard(one, two);
    assert_true(private_redis_integer(&scene_rig.redis, "CLIENT KILL TYPE pubsub") >= 2);
    wait_until_heard(one, two);
    struct cr_store_health health = rig_health(two);
    assert_true(health.connected);
    assert_int_equal(health.reconnects, 0);
    assert_string_equal(health.problem, "");

    /* with Redis itself away for a while */
    private_redis_kill(&scene_rig.redis);
    assert_true(rig_wait_connected(two, false));
    assert_int_equal(private_redis_start(&scene_rig.redis), CR_OK);
    assert_true(rig_wait_connected(one, true));
    assert_true(rig_wait_connected(two, true));
    wait_until_heard(one, two);
}

static void listening_needs_the_password(void **state)
{
    (void)state;
    scene_config_set("requirepass", "open sesame");
    scene_rig.password = "open sesame";
    struct rig_broker *one = rig_open(&scene_rig, "one"), *two = rig_open(&scene_rig, "two");
    struct cr_cert_facts facts = due_now();
    (void)rig_present(one, scene_slot, &facts);
    wait_until_heard(one, two);
    scene_rig.password = NULL;
}

int main(void)
{
#define AGENDA_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        AGENDA_TEST(hostile_94_what_is_no_slot_leaves_the_agenda),
        AGENDA_TEST(hostile_89_a_damaged_bucket_is_told),
        AGENDA_TEST(whose_record_is_gone_leaves_the_agenda),
        AGENDA_TEST(who_did_not_answer_waits_for_the_device),
        AGENDA_TEST(what_is_put_back_is_in_the_agenda),
        AGENDA_TEST(hostile_93_a_lost_answer_changes_nothing_twice),
        AGENDA_TEST(others_hear_of_it),
        AGENDA_TEST(odd_messages_are_ignored),
        AGENDA_TEST(listening_goes_on),
        AGENDA_TEST(listening_needs_the_password),
    };
    return cmocka_run_group_tests_name("agenda on Redis", tests, NULL, NULL);
}
