/* A Redis Cluster that changes while devices renew: slots move between primaries that are known and to one that is new,
 * a node dies and comes back, a replica takes its place, also one that has not all that was written. */
#include "tests/contract/cluster_scene.h"

#include "plugin/store/redis_slots.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* redis_timeout: where nobody hangs so long that a stall of the machine ends no connection, else short. */
enum { RECOVERY_MS = 60000, ROUNDS = 6, PATIENT_MS = 8000, SHORT_MS = 2000 };

static struct renewers *const all = &cluster_renewers;
static unsigned slot;
static int from, to;

static int set_up(void **state)
{
    (void)state;
    cluster_start(false);
    cluster_rig(&scene_rig);
    scene_rig.timeout_ms = PATIENT_MS;
    return 0;
}

static int set_up_with_replicas(void **state)
{
    (void)state;
    cluster_start(true);
    cluster_rig(&scene_rig);
    scene_rig.timeout_ms = SHORT_MS;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&scene_rig);
    cluster_stop();
    return 0;
}

static void rounds(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        assert_int_equal(renewers_round(all, NULL), 0);
    }
}

static void start_renewers(void)
{
    renewers_init(all, rig_open(&scene_rig, "one"));
    rounds();
    slot = cluster_device_slot(all->device[0].name);
    from = redis_group_owner(&cluster, slot);
    assert_in_range(from, 0, 2);
    to = (from + 1) % 3;
}

static void expect_all_is_well(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        renewers_until_served(all, RECOVERY_MS);
        renewers_check(all);
    }
    cluster_check_ledger();
}

/* ---- slots move ---- */

/* Everything of a device's slot, behind the store's back: it is told MOVED, and follows without a word. */
static void slot_that_moved_is_followed(void **state)
{
    (void)state;
    start_renewers();
    cluster_move_begin(slot, from, to);
    assert_true(cluster_move_keys(slot, from, to, 1000) > 0);
    cluster_move_end(slot, from, to);
    unsigned moved = cluster_errors(from, "MOVED");
    rounds();
    assert_true(cluster_errors(from, "MOVED") > moved);
    moved = cluster_errors(from, "MOVED");
    rounds();
    assert_int_equal(cluster_errors(from, "MOVED"), moved); /* once is enough */
    assert_int_equal(rig_health(all->broker).reconnects, 0);
    expect_all_is_well();
}

static void move_one_key(void)
{
    (void)cluster_move_keys(slot, from, to, 1);
}

/* The same while devices renew: one key after the other. Those of this slot may have to wait (TRYAGAIN). */
static void slot_moves_while_devices_renew(void **state)
{
    (void)state;
    scene_rig.timeout_ms = SHORT_MS;
    start_renewers();
    cluster_move_begin(slot, from, to);
    for (unsigned i = 0; i < 5; i++) {
        (void)renewers_round(all, move_one_key);
    }
    while (cluster_move_keys(slot, from, to, 1000) > 0) {
    }
    (void)renewers_round(all, NULL);
    assert_true(cluster_errors(from, "ASK") > 0);
    cluster_move_end(slot, from, to);
    expect_all_is_well();
    assert_int_equal(rig_health(all->broker).reconnects, 0);
}

static unsigned told_to_try_again(void)
{
    return cluster_errors(from, "TRYAGAIN") + cluster_errors(to, "TRYAGAIN");
}

static void move_the_rest_when_somebody_waits(void)
{
    for (int64_t end = scene_mono_ms() + RIG_WAIT_MS; told_to_try_again() == 0;) {
        assert_true(scene_mono_ms() < end);
    }
    while (cluster_move_keys(slot, from, to, 1000) > 0) {
    }
    cluster_move_end(slot, from, to);
}

/* Over before redis_timeout is: they waited, and nobody was refused. */
static void slot_that_moves_quickly_is_not_noticed(void **state)
{
    (void)state;
    struct cr_device_keys keys;
    start_renewers();
    cluster_move_begin(slot, from, to);
    rig_keys(&scene_rig, &keys, all->device[0].name, scene_slot); /* half of what every script there needs */
    redisReply *reply = private_redis_command(&cluster.node[from].redis, "MIGRATE 127.0.0.1 %u %s 0 5000",
                                              cluster.node[to].port, keys.agenda.text);
    assert_non_null(reply);
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
    assert_int_equal(renewers_round(all, move_the_rest_when_somebody_waits), 0);
    assert_int_equal(rig_health(all->broker).reconnects, 0);
    expect_all_is_well();
}

static unsigned claim_slot(struct rig_broker *broker, const char *device, unsigned key)
{
    const struct cr_records records = { "cr", RIG_BUCKETS };
    struct cr_claim claim;
    struct cr_job *job = rig_job_csr(broker, device, scene_slot, key, NULL);
    assert_int_equal(cr_records_claim(&claim, &records, job->csr.key_hash, device, scene_slot), CR_OK);
    cr_job_free(job);
    return cr_redis_slot((struct cr_bytes){ (const uint8_t *)claim.shard.text, claim.shard.len });
}

/* A key that is not there yet belongs to the slot's new primary: asked there, once, and nobody waits. */
static void ask_is_followed(void **state, bool to_a_new_node)
{
    (void)state;
    start_renewers();
    const char *device = all->device[0].name;
    to = to_a_new_node ? redis_group_join(&cluster) : -1;
    for (unsigned key = 5000; key < 5008; key++) {
        unsigned at = claim_slot(all->broker, device, key);
        from = redis_group_owner(&cluster, at);
        to = to_a_new_node ? to : (from + 1) % 3;
        assert_true(to >= 0 && from >= 0 && from != to);
        unsigned asked = cluster_errors(from, "ASK");
        cluster_move_begin(at, from, to);
        struct cr_job *job = rig_job_csr(all->broker, device, scene_slot, key, NULL);
        job->profile = &scene_rig.eager;
        cr_job_free(rig_run(all->broker, job));
        assert_true(cluster_errors(from, "ASK") > asked);
        assert_int_equal(private_redis_integer(&cluster.node[from].redis, "CLUSTER COUNTKEYSINSLOT %u", at), 0);
        assert_int_equal(private_redis_integer(&cluster.node[to].redis, "CLUSTER COUNTKEYSINSLOT %u", at), 1);
        cluster_move_end(at, from, to);
        scene_rig.now_s += FAKE_LEASE_S;
    }
    assert_int_equal(rig_health(all->broker).reconnects, 0);
}

static void ask_is_followed_to_a_node_that_is_known(void **state)
{
    ask_is_followed(state, false);
}

static void ask_is_followed_to_a_node_that_is_new(void **state)
{
    ask_is_followed(state, true);
}

/* A node joins and gets a device's slot: it has none of our scripts, and is not in the map. */
static void slot_moves_to_a_new_node(void **state)
{
    (void)state;
    scene_rig.timeout_ms = SHORT_MS;
    start_renewers();
    to = redis_group_join(&cluster);
    assert_int_equal(to, 3);
    cluster_move_begin(slot, from, to);
    for (unsigned i = 0; i < 3; i++) {
        (void)renewers_round(all, move_one_key);
    }
    while (cluster_move_keys(slot, from, to, 1000) > 0) {
    }
    (void)renewers_round(all, NULL);
    cluster_move_end(slot, from, to);
    expect_all_is_well();
    assert_true(private_redis_integer(&cluster.node[3].redis, "DBSIZE") > 0);
}

/* ---- nodes die ---- */

static void kill_node(void)
{
    private_redis_kill(&cluster.node[from].redis);
}

static void node_killed_and_back(void **state)
{
    (void)state;
    scene_rig.timeout_ms = SHORT_MS;
    start_renewers();
    (void)renewers_round(all, kill_node);
    assert_true(renewers_round(all, NULL) > 0);
    assert_int_equal(private_redis_start(&cluster.node[from].redis), CR_OK);
    expect_all_is_well();
    assert_true(rig_health(all->broker).reconnects > 0);
}

/* It comes back empty: what the journal has is put back there (hostile 95). */
static void hostile_95_node_back_without_its_data(void **state)
{
    (void)state;
    scene_rig.timeout_ms = SHORT_MS;
    start_renewers();
    freeReplyObject(private_redis_command(&cluster.node[from].redis, "FLUSHALL"));
    kill_node();
    (void)renewers_round(all, NULL);
    assert_int_equal(private_redis_start(&cluster.node[from].redis), CR_OK);
    renewers_until_served(all, RECOVERY_MS);
    renewers_check_keys(all); /* also of devices whose record is in another node */
    expect_all_is_well();
    assert_true(rig_audits(&scene_rig, "restored", NULL) > 0);
}

static void node_that_hangs(void **state)
{
    (void)state;
    scene_rig.timeout_ms = SHORT_MS;
    start_renewers();
    private_redis_pause(&cluster.node[from].redis);
    assert_true(renewers_round(all, NULL) > 0);
    assert_true(rig_wait_connected(all->broker, false));
    private_redis_resume(&cluster.node[from].redis);
    expect_all_is_well();
}

static void replica_takes_over(void **state)
{
    (void)state;
    start_renewers();
    (void)renewers_round(all, kill_node);
    expect_all_is_well();
    assert_int_equal(redis_group_owner(&cluster, slot), from + 3);
}

static void hostile_95_replica_without_the_last_writes(void **state)
{
    (void)state;
    start_renewers();
    private_redis_kill(&cluster.node[from + 3].redis);
    rounds(); /* only the primary hears of these */
    kill_node();
    assert_int_equal(private_redis_start(&cluster.node[from + 3].redis), CR_OK);
    expect_all_is_well();
    assert_int_equal(redis_group_owner(&cluster, slot), from + 3);
    assert_true(rig_audits(&scene_rig, "restored", NULL) > 0);
}

/* An operator makes the replica the primary; nobody dies, and the store is told MOVED to somebody it does not know. */
static void failover_by_hand(void **state)
{
    (void)state;
    start_renewers();
    int64_t again = 0; /* Redis gives it up after five seconds */
    for (int64_t end = scene_mono_ms() + RECOVERY_MS; redis_group_owner(&cluster, slot) != from + 3;) {
        if (scene_mono_ms() >= again) {
            redisReply *reply = private_redis_command(&cluster.node[from + 3].redis, "CLUSTER FAILOVER");
            assert_non_null(reply);
            freeReplyObject(reply);
            again = scene_mono_ms() + 10000;
        }
        (void)renewers_round(all, NULL);
        assert_true(scene_mono_ms() < end);
    }
    expect_all_is_well();
    assert_true(rig_health(all->broker).reconnects > 0);
}

int main(void)
{
#define MOVE_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
#define REPLICA_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up_with_replicas, tear_down)
    const struct CMUnitTest tests[] = {
        MOVE_TEST(slot_that_moved_is_followed),
        MOVE_TEST(slot_moves_while_devices_renew),
        MOVE_TEST(slot_that_moves_quickly_is_not_noticed),
        MOVE_TEST(ask_is_followed_to_a_node_that_is_known),
        MOVE_TEST(ask_is_followed_to_a_node_that_is_new),
        MOVE_TEST(slot_moves_to_a_new_node),
        MOVE_TEST(node_killed_and_back),
        MOVE_TEST(hostile_95_node_back_without_its_data),
        MOVE_TEST(node_that_hangs),
        REPLICA_TEST(replica_takes_over),
        REPLICA_TEST(hostile_95_replica_without_the_last_writes),
        REPLICA_TEST(failover_by_hand),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* of connections that a node ended */
    return cmocka_run_group_tests_name("a Cluster that changes", tests, NULL, NULL);
}
