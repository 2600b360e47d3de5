/* The store on a primary that Sentinel names: a primary, a replica and three Sentinels, all real. The primary dies
 * while devices renew, or is replaced by a replica that has not all that was written; nothing that was issued is lost. */
#include "tests/contract/renewers.h"
#include "tests/contract/redis_scene.h"
#include "tests/support/ledger_check.h"
#include "tests/support/redis_group.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 12 };

static struct redis_group group;
static struct renewers all;

static int set_up(void **state)
{
    (void)state;
    rig_init(&scene_rig, RIG_REDIS); /* its own Redis is not used, but the directory is */
    assert_int_equal(redis_group_sentinel(&group), CR_OK);
    scene_rig.address = group.address;
    scene_rig.timeout_ms = 8000; /* nobody hangs here but a Sentinel, and a stall of the machine ends no connection */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&scene_rig);
    redis_group_free(&group);
    return 0;
}

static void check_ledger(int node)
{
    char path[160], address[40];
    struct ledger_check_result result;
    (void)snprintf(path, sizeof path, "%s/one/journal.jsonl", scene_rig.redis.dir);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", group.node[node].port);
    const struct ledger_check_options options = { .journal = { path }, .redis = address, .out = stderr };
    assert_int_equal(ledger_check(&result, &options), CR_OK);
    assert_int_equal(result.wrong, 0);
    assert_int_equal(result.devices, RENEWERS);
}

static void start_renewers(void)
{
    renewers_init(&all, rig_open(&scene_rig, "one"));
    for (unsigned i = 0; i < ROUNDS; i++) {
        assert_int_equal(renewers_round(&all, NULL), 0);
    }
}

static void kill_primary(void)
{
    private_redis_kill(&group.node[0].redis);
}

static bool role_is(int node, const char *role)
{
    redisReply *reply = private_redis_command(&group.node[node].redis, "ROLE");
    bool is = reply != NULL && reply->type == REDIS_REPLY_ARRAY && strcmp(reply->element[0]->str, role) == 0;
    if (reply != NULL) { /* Sentinel ends connections when it makes one a replica */
        freeReplyObject(reply);
    }
    return is;
}

/* All goes on at the other node, and nothing is missing there. */
static void expect_recovery(void)
{
    renewers_until_served(&all, REDIS_GROUP_ACT_MS);
    for (int64_t end = scene_mono_ms() + REDIS_GROUP_ACT_MS; redis_group_primary(&group) != 1;) { /* some lag */
        assert_true(scene_mono_ms() < end);
    }
    renewers_check(&all);
    for (unsigned i = 0; i < ROUNDS; i++) {
        renewers_until_served(&all, REDIS_GROUP_ACT_MS);
    }
    renewers_check(&all);
    check_ledger(1);
}

static void primary_killed_while_devices_renew(void **state)
{
    (void)state;
    start_renewers();
    (void)renewers_round(&all, kill_primary);
    expect_recovery();
    assert_true(all.refused > 0);
    assert_true(rig_health(all.broker).reconnects > 0);
}

/* It comes back, not knowing that it was replaced: Sentinel makes it a replica, and the store stays where it is. */
static void former_primary_returns(void **state)
{
    (void)state;
    start_renewers();
    (void)renewers_round(&all, kill_primary);
    renewers_until_served(&all, REDIS_GROUP_ACT_MS);
    uint64_t reconnects = rig_health(all.broker).reconnects;
    assert_int_equal(private_redis_start(&group.node[0].redis), CR_OK);
    for (int64_t end = scene_mono_ms() + REDIS_GROUP_ACT_MS; !role_is(0, "slave");) {
        (void)renewers_round(&all, NULL);
        assert_true(scene_mono_ms() < end);
    }
    assert_int_equal(rig_health(all.broker).reconnects, reconnects);
    expect_recovery();
}

/* The replica takes over without what was written last: the journal puts it back (hostile 95). */
static void hostile_95_failover_that_lost_writes(void **state)
{
    (void)state;
    start_renewers();
    private_redis_kill(&group.node[1].redis);
    for (unsigned i = 0; i < ROUNDS; i++) {
        assert_int_equal(renewers_round(&all, NULL), 0); /* only the primary hears of these */
    }
    unsigned before = rig_audits(&scene_rig, "restored", NULL);
    kill_primary();
    assert_int_equal(private_redis_start(&group.node[1].redis), CR_OK);
    expect_recovery();
    assert_true(rig_audits(&scene_rig, "restored", NULL) >= before + RENEWERS);
}

static void node_command(int node, const char *command)
{
    redisReply *reply = private_redis_command(&group.node[node].redis, command);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_STATUS);
    freeReplyObject(reply);
}

/* Devices renew until Sentinel has moved the primary to node 1. It may refuse: a replica that has just come is not good
 * enough yet; and give up: it is told again when that is certain. */
static void move_by_hand(void)
{
    enum { AGAIN_MS = 15000 };
    int64_t end = scene_mono_ms() + REDIS_GROUP_ACT_MS, again = 0;
    while (redis_group_primary(&group) != 1) {
        if (scene_mono_ms() >= again && redis_group_primary(&group) == 0) {
            redisReply *reply = private_redis_command(&group.node[2].redis, "SENTINEL FAILOVER main");
            assert_non_null(reply);
            again = reply->type == REDIS_REPLY_STATUS ? scene_mono_ms() + AGAIN_MS : again;
            freeReplyObject(reply);
        }
        (void)renewers_round(&all, NULL);
        assert_true(scene_mono_ms() < end);
    }
}

/* An operator moves the primary; nobody dies. The former one serves on until Sentinel makes it a replica, which takes
 * up to twenty seconds, and here it never does; what is written there is lost. The store notices by itself that another one is
 * named, and the journal has what was lost. */
static void failover_by_hand(void **state)
{
    (void)state;
    start_renewers();
    node_command(0, "ACL SETUSER default -replicaof -slaveof");
    move_by_hand();
    for (int64_t end = scene_mono_ms() + RIG_WAIT_MS; rig_health(all.broker).reconnects == 0;) {
        (void)renewers_round(&all, NULL);
        assert_true(scene_mono_ms() < end);
    }
    assert_true(role_is(0, "master")); /* nobody ended the connection */
    expect_recovery();
}

/* The first two do not answer: one is gone, one hangs. */
static void dead_sentinels_are_passed_over(void **state)
{
    (void)state;
    private_redis_kill(&group.node[2].redis);
    private_redis_pause(&group.node[3].redis);
    start_renewers();
    private_redis_resume(&group.node[3].redis);
    check_ledger(0);
}

static void no_sentinel_knows(void **state)
{
    (void)state;
    char address[300];
    (void)snprintf(address, sizeof address, "redis-sentinel://127.0.0.1:%u/other", group.node[2].port);
    scene_rig.address = address;
    struct rig_broker *broker = rig_open_only(&scene_rig, "one");
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    EVENTUALLY(strstr(rig_health(broker).problem, "does not know that name") != NULL)
}

/* What Sentinel names is not the primary (yet, or any more): it is not used, not even to read. */
static void replica_is_not_served_from(void **state)
{
    (void)state;
    for (unsigned i = 3; i < 5; i++) {
        private_redis_kill(&group.node[i].redis); /* one alone changes nothing */
    }
    redisReply *reply = private_redis_command(&group.node[0].redis, "REPLICAOF 127.0.0.1 %u", group.node[1].port);
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
    struct rig_broker *broker = rig_open_only(&scene_rig, "one");
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    EVENTUALLY(strstr(rig_health(broker).problem, "not the primary") != NULL)
    reply = private_redis_command(&group.node[0].redis, "REPLICAOF NO ONE");
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
    assert_true(rig_wait_connected(broker, true));
}

int main(void)
{
#define SENTINEL_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SENTINEL_TEST(primary_killed_while_devices_renew),
        SENTINEL_TEST(former_primary_returns),
        SENTINEL_TEST(hostile_95_failover_that_lost_writes),
        SENTINEL_TEST(failover_by_hand),
        SENTINEL_TEST(dead_sentinels_are_passed_over),
        SENTINEL_TEST(no_sentinel_knows),
        SENTINEL_TEST(replica_is_not_served_from),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* of a connection that Sentinel ended */
    return cmocka_run_group_tests_name("store behind Sentinel", tests, NULL, NULL);
}
