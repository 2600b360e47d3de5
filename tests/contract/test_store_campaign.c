/* Campaigns on a real Redis: damage, losses, answers that get lost, many buckets. */
#include "tests/contract/campaign_scene.h"
#include "tests/contract/redis_scene.h"

#include "plugin/store/records_campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long long redis_integer(const char *format, const char *id)
{
    return private_redis_integer(&scene_rig.redis, format, id);
}

static void redis_ok(const char *format, const char *id)
{
    redisReply *reply = private_redis_command(&scene_rig.redis, format, id);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

static struct cr_campaign begun(struct rig_broker *broker)
{
    struct cr_campaign full = campaign_full(&scene_rig);
    return campaign_created(broker, &full);
}

static unsigned listed(struct rig_broker *broker)
{
    struct cr_job *job = rig_run(broker, campaign_job(broker, CR_CAMPAIGN_READ, "", NULL));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    unsigned count = job->campaigns->count;
    cr_job_free(job);
    return count;
}

/* ---- damage ---- */

static void hostile_94_damaged_campaigns_are_set_aside(void **state)
{
    (void)state;
    static const char *const damage[] = {
        "DEL cr:{campaigns}:%s",
        "HSET cr:{campaigns}:%s st dancing", "HSET cr:{campaigns}:%s n 9",    "HSET cr:{campaigns}:%s n 0",
        "HSET cr:{campaigns}:%s at 3",       "HSET cr:{campaigns}:%s at -1",  "HSET cr:{campaigns}:%s v x",
        "HDEL cr:{campaigns}:%s v",          "HDEL cr:{campaigns}:%s st",     "HDEL cr:{campaigns}:%s g1",
        "HSET cr:{campaigns}:%s g1 1,2,3",   "HSET cr:{campaigns}:%s g0 1",   "HSET cr:{campaigns}:%s made soon",
        "HSET cr:{campaigns}:%s rate 1e3",   "HSET cr:{campaigns}:%s cur \x01", "HDEL cr:{campaigns}:%s fwithin",
        "HSET cr:{campaigns}:%s by 0123456789012345678901234567890123456789012345678901234567890123456789",
        "HSET cr:{campaigns}:%s g0name 012345678901234567890123456789012345",
    };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_campaign well = begun(broker);
    unsigned alarms = 0;
    for (unsigned i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        struct cr_campaign campaign = begun(broker);
        redis_ok(damage[i], campaign.id);
        if (i == 0) {
            redis_ok("SET cr:{campaigns}:%s x", campaign.id);
        }
        if (i % 2 == 0) { /* met alone, or among all */
            campaign_refused(broker, campaign_job(broker, CR_CAMPAIGN_READ, campaign.id, NULL), CR_REFUSAL_INTERNAL);
        }
        assert_int_equal(listed(broker), 1);
        rig_expect_audits(&scene_rig, "alarm", NULL, ++alarms);
        campaign_refused(broker, campaign_job(broker, CR_CAMPAIGN_READ, campaign.id, NULL),
                         CR_REFUSAL_UNKNOWN_CAMPAIGN);
        assert_int_equal(redis_integer("EXISTS cr:{campaigns}:damaged:%s", campaign.id), 1); /* for who looks into it */
    }
    assert_int_equal(listed(broker), 1);
    campaign_written(broker, &well);
}

/* Written over by something that is no campaign: the write is refused, and nothing is half done. */
static void hostile_89_wrong_types_are_not_written(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_campaign campaign = begun(broker);
    redis_ok("SET cr:{campaigns}:%s x", campaign.id);
    scene_expect_unavailable(rig_run(broker, campaign_job(broker, CR_CAMPAIGN_WRITE, "", &campaign)));
    redis_ok("HSET cr:{campaigns}%s st x", "x");
    redis_ok("SET cr:{campaigns}%s x", "");
    struct cr_campaign full = campaign_full(&scene_rig);
    scene_expect_unavailable(rig_run(broker, campaign_job(broker, CR_CAMPAIGN_CREATE, "", &full)));
    scene_expect_unavailable(rig_run(broker, campaign_job(broker, CR_CAMPAIGN_READ, "", NULL)));
    redis_ok("DEL cr:{campaigns}%s", "");
    assert_int_equal(listed(broker), 0);
    redis_ok("ZADD cr:{campaigns}%s 1 nonsense 2 0badcafe", ""); /* members without a campaign leave */
    assert_int_equal(listed(broker), 0);
    assert_int_equal(redis_integer("ZCARD cr:{campaigns}%s", ""), 0);
    struct cr_campaign next = begun(broker);
    redis_ok("ZREM cr:{campaigns} %s", next.id); /* and what the index has lost comes back with the next write */
    assert_int_equal(listed(broker), 0);
    campaign_written(broker, &next);
    assert_int_equal(listed(broker), 1);
}

static void count_key(char key[CR_REDIS_KEY_CAP], const char *device, const char *id)
{
    struct cr_device_keys keys;
    rig_keys(&scene_rig, &keys, device, scene_slot);
    (void)snprintf(key, CR_REDIS_KEY_CAP, "%.*s:campaign:%s",
                   (int)(strchr(keys.device.text, '}') + 1 - keys.device.text), keys.device.text, id);
}

/* It is lost, told, and keeps nobody from a renewal. */
static void hostile_89_a_damaged_count_stops_nothing(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_campaign campaign = begun(broker);
    char key[CR_REDIS_KEY_CAP];
    count_key(key, scene_device, campaign.id);
    (void)campaign_device(broker, scene_device, 1);
    redis_ok("SET %s x", key);
    (void)campaign_asked(broker, scene_device, campaign.id, 0);
    campaign_expect_counts(broker, campaign.id, 0, "");
    rig_expect_audits(&scene_rig, "alarm", NULL, 1);
    campaign_expect_counts(broker, campaign.id, 0, "");
    rig_expect_audits(&scene_rig, "alarm", NULL, 1);
    redis_ok("HSET %s 0:a many 0:r -3 9:a 1 0:x 1 words 7 0:s 1234567890123", key);
    campaign_expect_counts(broker, campaign.id, 0, "");
    campaign_failed(broker, scene_device);
    campaign_renewed(broker, scene_device, 2);
}

/* ---- memory ---- */

static void what_ended_is_forgotten_in_the_end(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_campaign campaign = begun(broker);
    char key[CR_REDIS_KEY_CAP];
    count_key(key, scene_device, campaign.id);
    (void)campaign_device(broker, scene_device, 1);
    (void)campaign_asked(broker, scene_device, campaign.id, 0);
    assert_in_range(redis_integer("TTL %s", key), CR_CAMPAIGN_KEEP_S - 60, CR_CAMPAIGN_KEEP_S);
    assert_int_equal(redis_integer("TTL cr:{campaigns}:%s", campaign.id), -1);
    campaign.state = CR_CAMPAIGN_DONE;
    campaign_written(broker, &campaign);
    assert_in_range(redis_integer("TTL cr:{campaigns}:%s", campaign.id), CR_CAMPAIGN_KEEP_S - 60,
                    CR_CAMPAIGN_KEEP_S);
    redis_ok("DEL cr:{campaigns}:%s", campaign.id); /* as if its time had come */
    assert_int_equal(listed(broker), 0);
    assert_int_equal(redis_integer("ZCARD cr:{campaigns}%s", ""), 0);
}

/* ---- losses ---- */

static redisReply *dumped(const char *key)
{
    redisReply *reply = private_redis_command(&scene_rig.redis, "DUMP %s", key);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    return reply;
}

static void renewed_member_is_put_back(void **state)
{
    (void)state;
    for (unsigned direct = 0; direct < 2; direct++) { /* with its issuance, or only the confirmation: another issued it */
        struct rig_broker *issuer = rig_open(&scene_rig, "one"), *broker = rig_open(&scene_rig, "two");
        char device[CR_NAME_CAP], key[CR_REDIS_KEY_CAP];
        struct cr_device_keys keys;
        (void)snprintf(device, sizeof device, "meter-%u", direct);
        rig_keys(&scene_rig, &keys, device, scene_slot);
        struct cr_campaign campaign = begun(broker);
        count_key(key, device, campaign.id);
        (void)campaign_device(broker, device, 1 + direct);
        (void)campaign_asked(broker, device, campaign.id, 0);
        redisReply *record = dumped(keys.device.text), *count = dumped(key);
        struct cr_cert_facts facts = campaign_issued(direct ? issuer : broker, device, 10 + direct);
        assert_true(rig_present(broker, scene_slot, &facts));
        campaign_expect_counts(broker, campaign.id, 0, "r1");
        rig_close(issuer);
        rig_close(broker);
        freeReplyObject(private_redis_command(&scene_rig.redis, "RESTORE %s 0 %b REPLACE", keys.device.text,
                                              record->str, (size_t)record->len));
        freeReplyObject(private_redis_command(&scene_rig.redis, "RESTORE %s 0 %b REPLACE", key, count->str,
                                              (size_t)count->len));
        redis_ok("DEL %s", keys.cert.text);
        freeReplyObject(record);
        freeReplyObject(count);
        broker = rig_open(&scene_rig, "two");
        struct cr_slot_record slot = rig_slot(broker, device, scene_slot);
        assert_int_equal(slot.generation, 1);
        assert_int_equal(slot.campaign.state, 'r');
        campaign_expect_counts(broker, campaign.id, 0, "r1");
        rig_close(broker);
    }
}

/* Asked since that certificate was confirmed, though Redis had lost it: what is put back is not its answer. */
static void later_member_is_left_alone(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_campaign campaign = begun(broker);
    struct cr_device_keys keys;
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    (void)campaign_device(broker, scene_device, 1);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, scene_device, scene_slot)));
    redisReply *record = dumped(keys.device.text);
    campaign_renewed(broker, scene_device, 2);
    rig_close(broker);
    freeReplyObject(private_redis_command(&scene_rig.redis, "RESTORE %s 0 %b REPLACE", keys.device.text, record->str,
                                          (size_t)record->len));
    freeReplyObject(record);
    broker = rig_open(&scene_rig, "two");
    for (int i = 0; i < 5; i++) {
        cr_job_free(rig_run(broker, rig_job_trigger(broker, scene_device, scene_slot)));
    }
    (void)campaign_asked(broker, scene_device, campaign.id, 0);
    broker = rig_open(&scene_rig, "one");
    assert_int_equal(rig_slot(broker, scene_device, scene_slot).generation, 1);
    assert_int_equal(rig_slot(broker, scene_device, scene_slot).state, CR_STATE_TRIGGERED);
    campaign_expect_counts(broker, campaign.id, 0, "a1");
}

/* ---- answers that get lost ---- */

enum { WHAT_CAP = 200 };

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
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    (void)snprintf(what, WHAT_CAP, "%s", reply->element[0]->str);
    for (size_t i = 2; i < reply->elements && reply->element[i]->type == REDIS_REPLY_STRING; i++) {
        size_t len = strlen(what);
        (void)snprintf(what + len, WHAT_CAP - len, ", %s", reply->element[i]->str);
    }
    freeReplyObject(reply);
}

static void writes_are_told_again(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    const struct cr_records records = { "cr", RIG_BUCKETS };
    struct cr_campaign campaign = campaign_full(&scene_rig);
    char text[CR_CAMPAIGN_TEXT_CAP], what[WHAT_CAP];
    struct cr_args args;
    (void)snprintf(campaign.id, sizeof campaign.id, "1a2b3c4d");
    assert_int_equal(cr_campaign_write(text, &campaign), CR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cr_args_campaign_write(&args, &records, &campaign, true, "first", text), CR_OK);
        ask(&args, what);
        assert_string_equal(what, "written, 1, ");
    }
    assert_int_equal(cr_args_campaign_write(&args, &records, &campaign, true, "second", text), CR_OK);
    ask(&args, what);
    assert_string_equal(what, "taken");
    campaign.version = 1;
    campaign.state = CR_CAMPAIGN_PAUSED;
    assert_int_equal(cr_campaign_write(text, &campaign), CR_OK);
    for (int i = 0; i < 2; i++) { /* and what it was before, for the audit log */
        assert_int_equal(cr_args_campaign_write(&args, &records, &campaign, false, "third", text), CR_OK);
        ask(&args, what);
        assert_string_equal(what, "written, 2, running deadline 1");
    }
    assert_int_equal(cr_args_campaign_write(&args, &records, &campaign, false, "fourth", text), CR_OK);
    ask(&args, what);
    assert_string_equal(what, "conflict");
    assert_int_equal(campaign_known(broker, "1a2b3c4d").state, CR_CAMPAIGN_PAUSED);
}

static void asking_is_told_again(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    const struct cr_records records = { "cr", RIG_BUCKETS };
    struct cr_campaign campaign = begun(broker);
    char what[WHAT_CAP];
    struct cr_args args;
    for (int under_way = 0; under_way < 2; under_way++) {
        char device[CR_NAME_CAP];
        (void)snprintf(device, sizeof device, "meter-%d", under_way);
        (void)campaign_device(broker, device, 1 + (unsigned)under_way);
        if (under_way) {
            cr_job_free(rig_run(broker, rig_job_trigger(broker, device, scene_slot)));
        }
        struct cr_job *job = rig_job_trigger(broker, device, scene_slot);
        memcpy(job->campaign.id, campaign.id, sizeof campaign.id);
        for (int i = 0; i < 3; i++) { /* the third: another walk's */
            assert_int_equal(cr_args_trigger(&args, &records, job,
                                             i < 2 ? "12345678-2222-4333-8444-555555555555"
                                                   : "87654321-2222-4333-8444-555555555555",
                                             i == 1),
                             CR_OK);
            ask(&args, what);
            assert_string_equal(what, i < 2 ? "triggered" : "record");
        }
        cr_job_free(job);
        assert_int_equal(rig_slot(broker, device, scene_slot).attempt, 1 + under_way);
    }
    campaign_expect_counts(broker, campaign.id, 0, "a2");
}

/* ---- many buckets ---- */

static int set_up_many(void **state)
{
    (void)scene_set_up(state);
    scene_rig.buckets = 300;
    return 0;
}

static void every_bucket_counts(void **state)
{
    (void)state;
    enum { DEVICES = 400 };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_campaign first = begun(broker), second = begun(broker);
    for (unsigned i = 0; i < DEVICES; i++) {
        char device[CR_NAME_CAP];
        (void)snprintf(device, sizeof device, "meter-%u", i);
        (void)campaign_device(broker, device, 1 + i);
        (void)campaign_asked(broker, device, i % 4 == 0 ? second.id : first.id, 0);
    }
    campaign_expect_counts(broker, first.id, 0, "a300");
    campaign_expect_counts(broker, second.id, 0, "a100");

    /* whatever happens to the connection meanwhile: told in full, or not at all */
    unsigned told = 0;
    for (unsigned round = 0; round < 40; round++) {
        enum { AT_ONCE = 8 };
        for (unsigned i = 0; i < AT_ONCE; i++) {
            rig_submit(broker, campaign_job(broker, CR_CAMPAIGN_READ, i % 2 == 0 ? first.id : "", NULL));
        }
        struct cr_job *job = rig_next(broker, RIG_WAIT_MS); /* the others are under way */
        redis_ok(round % 2 == 0 ? "CLIENT KILL TYPE normal SKIPME yes%s" : "SCRIPT FLUSH%s", "");
        for (unsigned i = 0; i < AT_ONCE; i++) {
            job = i == 0 ? job : rig_next(broker, RIG_WAIT_MS);
            assert_non_null(job);
            if (job->outcome == CR_OUT_DONE) {
                for (unsigned k = 0; k < job->campaigns->count; k++) {
                    const struct cr_campaign *campaign = &job->campaigns->campaign[k];
                    bool is_first = strcmp(campaign->id, first.id) == 0;
                    assert_int_equal(campaign->group[0].counts.asked, is_first ? 300 : 100);
                }
                told++;
            } else {
                assert_int_equal(job->refusal, CR_REFUSAL_STORE_UNAVAILABLE);
            }
            cr_job_free(job);
        }
    }
    assert_true(told > 40);
    redis_ok("ACL SETUSER default resetkeys ~cr:{campaigns}*%s", ""); /* and nothing may be asked of the buckets */
    scene_expect_unavailable(rig_run(broker, campaign_job(broker, CR_CAMPAIGN_READ, first.id, NULL)));
    redis_ok("ACL SETUSER default allkeys%s", "");
}

int main(void)
{
#define CAMPAIGN_TEST(TEST) cmocka_unit_test_setup_teardown(TEST, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        CAMPAIGN_TEST(hostile_94_damaged_campaigns_are_set_aside),
        CAMPAIGN_TEST(hostile_89_wrong_types_are_not_written),
        CAMPAIGN_TEST(hostile_89_a_damaged_count_stops_nothing),
        CAMPAIGN_TEST(what_ended_is_forgotten_in_the_end),
        CAMPAIGN_TEST(renewed_member_is_put_back),
        CAMPAIGN_TEST(later_member_is_left_alone),
        CAMPAIGN_TEST(writes_are_told_again),
        CAMPAIGN_TEST(asking_is_told_again),
        cmocka_unit_test_setup_teardown(every_bucket_counts, set_up_many, scene_tear_down),
    };
    return cmocka_run_group_tests_name("store campaign", tests, NULL, NULL);
}
