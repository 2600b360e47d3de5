/* Listing on a real Redis: what is missing, damaged or another device's; the order of members; time that runs out. */
#include "tests/contract/list_scene.h"
#include "tests/contract/redis_scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void spoil(unsigned number, const char *command)
{
    struct cr_device_keys keys;
    char name[CR_NAME_CAP], text[300];
    fleet_name(name, number);
    rig_keys(&scene_rig, &keys, name, fleet_slot);
    snprintf(text, sizeof text, "%.*s %s%s", (int)strcspn(command, " "), command, keys.device.text,
             command + strcspn(command, " "));
    redisReply *reply = private_redis_command(&scene_rig.redis, text);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

/* One damaged record does not hide the others, and is not passed over in silence. */
static void hostile_94_damaged_records_are_passed_over(void **state)
{
    static const char *const damage[] = {
        "DEL", "HSET id 12345", "HDEL id", "HSET operational:na tomorrow", "HSET ls lately", "HSET operational:st dancing",
        "HSET operational:crt x", "HDEL operational:crt",
    };
    enum { COUNT = 20, DAMAGED = sizeof damage / sizeof damage[0] };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        (void)fleet_known(broker, i, scene_rig.now_s + (90 + i) * RIG_DAY_S);
    }
    for (unsigned i = 0; i < DAMAGED; i++) {
        spoil(i, damage[i]);
    }
    spoil(DAMAGED, "DEL");
    spoil(DAMAGED, "SET x"); /* not even a hash */
    fleet_finds(broker, &(struct cr_list){ .limit = 3 }, "9 10 11 12 13 14 15 16 17 18 19");
    EVENTUALLY(rig_audits(&scene_rig, "alarm", NULL) >= 1);
    struct cr_job *job = fleet_page(broker, &(struct cr_list){ .limit = 100 });
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->list->matched, 11);
    assert_int_equal(job->list->looked, COUNT);
    assert_int_equal(job->alarm, CR_REFUSAL_INTERNAL);
    cr_job_free(job);
}

static void hostile_89_an_index_of_another_type_is_quarantined(void **state)
{
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    redisReply *reply = private_redis_command(&scene_rig.redis, "SET cr:{b00}:expiry x");
    (void)state;
    freeReplyObject(reply);
    scene_expect_unavailable(fleet_page(broker, &(struct cr_list){ .limit = 100 }));
    assert_int_equal(private_redis_integer(&scene_rig.redis, "DEL cr:{b00}:expiry"), 1);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "ZADD cr:{b00}:expiry 5 nonsense 6 a/b/c 7 a*/b"), 3);
    fleet_finds(broker, &(struct cr_list){ .limit = 100 }, "");
}

/* Redis orders members by their bytes, whatever the locale says of upper and lower case, or of points. */
static void members_are_taken_in_the_order_of_their_bytes(void **state)
{
    static const char *const names[] = { "B", "a", "A", "b", "a.b", "a-b", "aB", "a_b", "a:b", "Ab", "ab", "10", "9", "1" };
    enum { COUNT = sizeof names / sizeof names[0] };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    int64_t end = scene_rig.now_s + 90 * RIG_DAY_S;
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        struct cr_cert_facts facts = rig_cert(names[i], i + 1, i + 1, scene_rig.now_s - 1, end);
        (void)rig_present(broker, fleet_slot, &facts);
    }
    for (unsigned gone = 0; gone < COUNT; gone++) { /* the cursor's member is in its place no more */
        struct cr_list next = { .limit = 100 };
        struct cr_device_keys keys;
        unsigned before = 0, after = 0;
        rig_keys(&scene_rig, &keys, names[gone], fleet_slot);
        unsigned bucket = (unsigned)(keys.device.text[6] - '0');
        for (unsigned i = 0; i < COUNT; i++) {
            struct cr_device_keys other;
            rig_keys(&scene_rig, &other, names[i], fleet_slot);
            before += strncmp(other.device.text, keys.device.text, 8) < 0 ||
                      (strncmp(other.device.text, keys.device.text, 8) == 0 && strcmp(names[i], names[gone]) < 0);
        }
        assert_int_equal(private_redis_integer(&scene_rig.redis, "ZADD %s %lld %s/%s", keys.expiry.text, (long long)end + 1,
                                               names[gone], fleet_slot), 0);
        snprintf(next.cursor, sizeof next.cursor, "%u:%lld:%s/%s", bucket, (long long)end, names[gone], fleet_slot);
        struct cr_job *job = fleet_page(broker, &next);
        after = job->list->count;
        assert_string_equal(job->list->cursor, "");
        cr_job_free(job);
        assert_int_equal(before + after, COUNT); /* it comes again, behind those of its own time */
        assert_int_equal(private_redis_integer(&scene_rig.redis, "ZADD %s %lld %s/%s", keys.expiry.text, (long long)end,
                                               names[gone], fleet_slot), 0);
    }
}

/* A page that takes long is short: half of the operation's time is for looking. */
static void a_page_ends_before_its_time_does(void **state)
{
    enum { BUCKETS = RIG_BUCKETS, SLOTS = 60000, PART = 3000, COUNT = SLOTS / 15 };
    (void)state;
    scene_rig.timeout_ms = 200;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    for (unsigned i = 0; i < BUCKETS * SLOTS / PART; i++) { /* in parts, so that Redis answers others meanwhile */
        assert_int_equal(private_redis_integer(&scene_rig.redis, "EVAL %s 0 %u %u %u",
                                               "local base = 'cr:{b0' .. ARGV[1] .. '}:' "
                                               "for i = ARGV[2] + 1, ARGV[2] + ARGV[3] do "
                                               "local n = string.format('m-%05d', i) "
                                               "redis.call('ZADD', base .. 'expiry', 1900000000 + i, n .. '/operational') "
                                               "if i % 15 == 0 then redis.call('HSET', base .. 'device:' .. n, 'id', '1', "
                                               "'operational:crt', '0a@ca') end end return 1",
                                               i % BUCKETS, i / BUCKETS * PART, PART), 1);
    }
    assert_true(rig_wait_connected(broker, true)); /* that took its time */
    struct cr_list next = { .count_only = true };
    unsigned matched = 0, looked = 0, pages = 0, tries = 0;
    for (bool more = true; more;) {
        struct cr_job *job = fleet_page(broker, &next);
        if (job->outcome == CR_OUT_DONE) {
            matched += job->list->matched;
            looked += job->list->looked;
            memcpy(next.cursor, job->list->cursor, sizeof next.cursor);
            more = next.cursor[0] != '\0';
            pages++;
        } else { /* Redis took longer than that: the machine is busy with other things */
            assert_int_equal(job->refusal, CR_REFUSAL_STORE_UNAVAILABLE);
            assert_true(rig_wait_connected(broker, true));
        }
        cr_job_free(job);
        assert_true(++tries < 100);
    }
    assert_int_equal(matched, BUCKETS * COUNT);
    assert_int_equal(looked, BUCKETS * SLOTS);
    assert_true(pages > 1);
    rig_close(broker);
    scene_rig.timeout_ms = 2000;
    broker = rig_open(&scene_rig, "one");
    /* what has not ended by then is not even looked at */
    struct cr_job *job = fleet_page(broker, &(struct cr_list){ .count_only = true, .filter.expires_within_s = 100000030 });
    assert_int_equal(job->list->looked, BUCKETS * 30);
    assert_int_equal(job->list->matched, BUCKETS * 2);
    assert_string_equal(job->list->cursor, "");
    cr_job_free(job);
}

/* The connection is lost between two answers: what was found stays, and nothing is found twice. */
static void a_lost_connection_is_gone_on_from(void **state)
{
    enum { COUNT = 90 };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        (void)fleet_known(broker, i, scene_rig.now_s + (90 + i % 4) * RIG_DAY_S);
    }
    for (unsigned i = 0; i < 40; i++) {
        struct cr_job *job = rig_job(broker, CR_OP_LIST, "", "");
        job->list = calloc(1, sizeof *job->list);
        assert_non_null(job->list);
        uint64_t id = job->id;
        rig_submit(broker, job);
        (void)private_redis_integer(&scene_rig.redis, "CLIENT KILL TYPE normal SKIPME yes");
        job = rig_next(broker, RIG_WAIT_MS);
        assert_non_null(job);
        assert_int_equal(job->id, id);
        if (job->outcome == CR_OUT_DONE) {
            unsigned seen[COUNT] = { 0 }, number = 0;
            for (unsigned k = 0; k < job->list->count; k++) {
                assert_int_equal(sscanf(job->list->row[k].device, "meter-%u", &number), 1);
                assert_int_equal(seen[number]++, 0);
            }
            assert_true(job->list->count == COUNT || job->list->cursor[0] != '\0');
        } else {
            assert_int_equal(job->refusal, CR_REFUSAL_STORE_UNAVAILABLE);
        }
        cr_job_free(job);
        assert_true(rig_wait_connected(broker, true));
    }
}

/* Looking is no write: it works where Redis takes none, and says nothing about whether it does. */
static void listing_needs_no_writes(void **state)
{
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    (void)state;
    (void)fleet_known(broker, 1, scene_rig.now_s + 90 * RIG_DAY_S);
    scene_config_set("maxmemory", "1");
    struct cr_cert_facts facts = rig_cert("meter-002", 2, 2, scene_rig.now_s, scene_rig.now_s + 90 * RIG_DAY_S);
    scene_expect_unavailable(rig_run(broker, rig_job_present(broker, fleet_slot, &facts)));
    EVENTUALLY(!rig_health(broker).writable);
    fleet_finds(broker, &(struct cr_list){ .limit = 5 }, "1");
    assert_false(rig_health(broker).writable);
    scene_config_set("maxmemory", "0");
}

/* ---- many that look at once ---- */

/* As an operator's command; of one step, since there is so little. */
static struct cr_job *look_job(struct rig_broker *broker, unsigned number)
{
    static const enum cr_op ops[] = { CR_OP_LIST, CR_OP_HISTORY, CR_OP_CAMPAIGN };
    struct cr_job *job = rig_job(broker, ops[number % 3], "", "");
    job->command = number + 1;
    job->list = job->op == CR_OP_LIST ? calloc(1, sizeof *job->list) : NULL;
    job->history = job->op == CR_OP_HISTORY ? calloc(1, sizeof *job->history) : NULL;
    job->campaigns = job->op == CR_OP_CAMPAIGN ? calloc(1, sizeof *job->campaigns) : NULL;
    assert_true(job->list != NULL || job->history != NULL || job->campaigns != NULL);
    return job;
}

static bool look_succeeds(struct rig_broker *broker, unsigned number)
{
    struct cr_job *job = rig_run(broker, look_job(broker, number));
    bool done = job->outcome == CR_OUT_DONE;
    cr_job_free(job);
    return done;
}

/* A device waits for a few of them, not for all; and all come home. */
static void who_looks_takes_turns(void **state)
{
    enum { LOOKS = 300, FEW = 30 };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    unsigned before = 0, home = 0;
    bool device = false;
    (void)state;
    (void)fleet_known(broker, 1, scene_rig.now_s + 90 * RIG_DAY_S);
    for (unsigned i = 0; i < LOOKS; i++) {
        rig_submit(broker, look_job(broker, i));
    }
    rig_submit(broker, rig_job(broker, CR_OP_GET, "meter-001", fleet_slot));
    while (home < LOOKS + 1) {
        struct cr_job *job = rig_next(broker, RIG_WAIT_MS);
        assert_non_null(job);
        assert_true(job->op == CR_OP_GET ? job->outcome != CR_OUT_REFUSED : job->outcome == CR_OUT_DONE);
        device = device || job->op == CR_OP_GET;
        before += !device;
        home++;
        cr_job_free(job);
    }
    assert_in_range(before, 0, FEW);
}

/* Redis stands still: those in line are told that they had no turn, and the ones after them get theirs. */
static void whoever_had_no_turn_is_told(void **state)
{
    enum { LOOKS = 100 };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    unsigned busy = 0, unavailable = 0;
    (void)state;
    assert_int_equal(kill(scene_rig.redis.pid, SIGSTOP), 0);
    for (unsigned i = 0; i < LOOKS; i++) {
        rig_submit(broker, look_job(broker, i));
    }
    for (unsigned i = 0; i < LOOKS; i++) {
        struct cr_job *job = rig_next(broker, RIG_WAIT_MS);
        assert_non_null(job);
        assert_int_equal(job->outcome, CR_OUT_REFUSED);
        busy += job->refusal == CR_REFUSAL_BUSY;
        unavailable += job->refusal == CR_REFUSAL_STORE_UNAVAILABLE;
        cr_job_free(job);
    }
    assert_int_equal(kill(scene_rig.redis.pid, SIGCONT), 0);
    assert_int_equal(busy + unavailable, LOOKS);
    assert_in_range(unavailable, 1, 16);
    for (unsigned i = 0; i < 8; i++) {
        EVENTUALLY(look_succeeds(broker, i))
    }
    assert_int_equal(rig_audits(&scene_rig, "refused", NULL), 0); /* nothing was done */
}

#define SCENE(TEST) cmocka_unit_test_setup_teardown(TEST, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(hostile_94_damaged_records_are_passed_over),
        SCENE(hostile_89_an_index_of_another_type_is_quarantined),
        SCENE(members_are_taken_in_the_order_of_their_bytes),
        SCENE(a_page_ends_before_its_time_does),
        SCENE(a_lost_connection_is_gone_on_from),
        SCENE(listing_needs_no_writes),
        SCENE(who_looks_takes_turns),
        SCENE(whoever_had_no_turn_is_told),
    };
    return cmocka_run_group_tests_name("store_list", tests, NULL, NULL);
}
