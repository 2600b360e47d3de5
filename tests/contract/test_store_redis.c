/* The store on a real Redis that is away, killed, paused, full or forbidden. */
#include "tests/contract/redis_scene.h"

#include <stdio.h>
#include <string.h>

/* What a machine that is busy with other things may add; and so many jobs that it shows when each waits for itself. */
enum { STALL_MS = 8000, JOBS = 40 };

static void redis_away_at_start_is_no_failure(void **state)
{
    (void)state;
    private_redis_kill(&scene_rig.redis);
    struct rig_broker *broker = rig_open_only(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    int64_t begun = scene_mono_ms();
    scene_expect_unavailable(rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 2, &old)));
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    assert_true(scene_mono_ms() - begun < scene_rig.timeout_ms + STALL_MS);
    struct cr_store_health health = rig_health(broker);
    assert_false(health.connected);
    assert_true(health.journal_ok);
    assert_string_not_equal(health.problem, "");
    assert_int_equal(private_redis_start(&scene_rig.redis), CR_OK);
    assert_true(rig_wait_connected(broker, true));
    EVENTUALLY(rig_health(broker).problem[0] == '\0')
    struct cr_job *job = scene_ask_until_served(broker, 2);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
}

/* Once it is known to be away, nobody waits for it. */
static void redis_away_is_told_at_once(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    private_redis_kill(&scene_rig.redis);
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    int64_t begun = scene_mono_ms();
    for (int i = 0; i < 50; i++) {
        scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    }
    assert_true(scene_mono_ms() - begun < STALL_MS); /* 50 that wait take 100 s */
}

/* What a connection presents is presented again each second: no line each time, or an outage of an hour fills the disk
 * that the journal needs. A device that asked is told, and has its line. */
static void redis_away_does_not_fill_the_journal(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    private_redis_kill(&scene_rig.redis);
    for (int i = 0; i < 20; i++) {
        scene_expect_unavailable(rig_run(broker, rig_job_present(broker, scene_slot, &old)));
    }
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    rig_expect_audits(&scene_rig, "refused", scene_device, 1);
    rig_close(broker);
    assert_int_equal(rig_audits(&scene_rig, "refused", scene_device), 1);
}

static void hostile_92_a_stall_is_bounded(void **state)
{
    (void)state;
    scene_rig.timeout_ms = 300;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    private_redis_pause(&scene_rig.redis);
    int64_t begun = scene_mono_ms();
    for (unsigned i = 0; i < JOBS; i++) {
        rig_submit(broker, rig_job_csr(broker, scene_device, scene_slot, 2 + i, &old));
    }
    for (unsigned i = 0; i < JOBS; i++) {
        struct cr_job *job = rig_next(broker, RIG_WAIT_MS);
        assert_non_null(job);
        scene_expect_unavailable(job);
    }
    assert_in_range(scene_mono_ms() - begun, 200, STALL_MS); /* 12 s, if one waited behind the other */
    assert_true(rig_wait_connected(broker, false));
    private_redis_resume(&scene_rig.redis);
    assert_true(rig_wait_connected(broker, true));
    scene_rig.now_s += FAKE_LEASE_S; /* one of them may have been carried out after all */
    struct cr_job *job = scene_ask_until_served(broker, 50);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
    scene_check_ledger();
}

/* Signed and in the journal, but Redis does not answer: the device waits, and gets it as soon as Redis has it. */
static void late_record_is_delivered(struct rig_broker *broker, void (*fault)(struct private_redis *),
                                     void (*repair)(struct private_redis *))
{
    struct cr_cert_facts old = scene_old_cert();
    (void)rig_present(broker, scene_slot, &old);
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 2, &old));
    rig_sign(job);
    struct cr_blob bytes;
    assert_int_equal(cr_blob_copy(&bytes, job->certificate.data, job->certificate.len), CR_OK);
    fault(&scene_rig.redis);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_PENDING);
    assert_true(job->retry_after_s > 0);
    assert_int_equal(job->certificate.len, 0);
    assert_int_equal(strlen(job->renewal_id), CR_RENEWAL_ID_LEN);
    cr_job_free(job);
    EVENTUALLY(rig_health(broker).unrecorded == 1)
    repair(&scene_rig.redis);
    job = rig_next(broker, RIG_WAIT_MS);
    assert_non_null(job);
    assert_int_equal(job->op, CR_OP_DELIVER);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_string_equal(job->device, scene_device);
    assert_int_equal(job->record->slot[0].state, CR_STATE_ISSUED);
    assert_int_equal(job->record->slot[0].certificate.len, bytes.len);
    assert_memory_equal(job->record->slot[0].certificate.data, bytes.data, bytes.len);
    cr_job_free(job);
    /* and whoever asks again gets the same */
    job = scene_ask_until_served(broker, 2);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    assert_memory_equal(job->certificate.data, bytes.data, bytes.len);
    cr_job_free(job);
    cr_blob_fini(&bytes);
    EVENTUALLY(rig_health(broker).unrecorded == 0)
    scene_check_ledger();
}

static void restart(struct private_redis *redis)
{
    assert_int_equal(private_redis_start(redis), CR_OK);
}

static void late_record_after_a_crash(void **state)
{
    (void)state;
    late_record_is_delivered(rig_open(&scene_rig, "one"), private_redis_kill, restart);
}

static void late_record_after_a_stall(void **state)
{
    (void)state;
    scene_rig.timeout_ms = 300;
    late_record_is_delivered(rig_open(&scene_rig, "one"), private_redis_pause, private_redis_resume);
}

static void fill(struct private_redis *redis)
{
    (void)redis;
    scene_config_set("maxmemory", "1");
}

static void make_room(struct private_redis *redis)
{
    (void)redis;
    scene_config_set("maxmemory", "0");
}

static void late_record_when_redis_is_full(void **state)
{
    (void)state;
    late_record_is_delivered(rig_open(&scene_rig, "one"), fill, make_room);
}

/* Out of memory, read-only, without its replicas: nothing half done, nothing issued, and well again by itself. */
static void no_write_leaves_half_a_change(void **state)
{
    (void)state;
    static const char *const faults[][3] = {
        { "maxmemory", "1", "0" },
        { "min-replicas-to-write", "1", "0" },
    };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    for (unsigned i = 0; i < 2; i++) {
        char name[CR_NAME_CAP];
        (void)snprintf(name, sizeof name, "meter-%u", i);
        struct cr_cert_facts old =
            rig_cert(name, 10 + i, 10 + i, scene_rig.now_s - 80 * RIG_DAY_S, scene_rig.now_s + RIG_DAY_S);
        struct cr_device_keys keys;
        rig_keys(&scene_rig, &keys, name, scene_slot);
        (void)rig_present(broker, scene_slot, &old);
        cr_job_free(rig_run(broker, rig_job_trigger(broker, name, scene_slot)));
        redisReply *before = private_redis_command(&scene_rig.redis, "DUMP %s", keys.device.text);
        scene_config_set(faults[i][0], faults[i][1]);
        scene_expect_unavailable(rig_run(broker, rig_job_csr(broker, name, scene_slot, 2, &old)));
        scene_expect_unavailable(rig_run(broker, rig_job_trigger(broker, name, scene_slot)));
        scene_expect_unavailable(rig_run(broker, rig_job_present(broker, scene_slot, &old)));
        EVENTUALLY(!rig_health(broker).writable)
        /* reading goes on */
        assert_int_equal(rig_slot(broker, name, scene_slot).state, CR_STATE_TRIGGERED);
        redisReply *after = private_redis_command(&scene_rig.redis, "DUMP %s", keys.device.text);
        assert_int_equal(before->len, after->len);
        assert_memory_equal(before->str, after->str, before->len);
        freeReplyObject(before);
        freeReplyObject(after);
        scene_config_set(faults[i][0], faults[i][2]);
        EVENTUALLY(rig_health(broker).writable) /* also when nobody asks */
        struct cr_job *job = rig_run(broker, rig_job_csr(broker, name, scene_slot, 20 + i, &old));
        assert_int_equal(job->outcome, CR_OUT_NONE);
        cr_job_free(job);
    }
}

static void readonly_means_look_elsewhere(void **state)
{
    (void)state;
    struct cr_cert_facts old = scene_old_cert();
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    (void)rig_present(broker, scene_slot, &old);
    freeReplyObject(private_redis_command(&scene_rig.redis, "REPLICAOF 127.0.0.1 1"));
    scene_expect_unavailable(rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 2, &old)));
    EVENTUALLY(!rig_health(broker).connected)
    freeReplyObject(private_redis_command(&scene_rig.redis, "REPLICAOF NO ONE"));
    struct cr_job *job = scene_ask_until_served(broker, 2);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
}

static void forgotten_scripts_are_loaded_again(void **state)
{
    (void)state;
    struct cr_cert_facts old = scene_old_cert();
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    freeReplyObject(private_redis_command(&scene_rig.redis, "SCRIPT FLUSH"));
    (void)rig_present(broker, scene_slot, &old);
    freeReplyObject(private_redis_command(&scene_rig.redis, "SCRIPT FLUSH"));
    struct cr_job *job = rig_issue(broker, scene_device, scene_slot, 2);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
    assert_int_equal(rig_health(broker).reconnects, 0);
}

static void password_is_needed_and_used(void **state)
{
    (void)state;
    scene_config_set("requirepass", "open sesame");
    struct rig_broker *broker = rig_open_only(&scene_rig, "one");
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    EVENTUALLY(strstr(rig_health(broker).problem, "NOAUTH") != NULL)
    scene_rig.password = "wrong";
    struct rig_broker *wrong = rig_open_only(&scene_rig, "two");
    scene_expect_unavailable(rig_run(wrong, rig_job(wrong, CR_OP_GET, scene_device, scene_slot)));
    EVENTUALLY(strstr(rig_health(wrong).problem, "WRONGPASS") != NULL)
    scene_rig.password = "open sesame";
    struct rig_broker *right = rig_open(&scene_rig, "three");
    struct cr_job *job = rig_run(right, rig_job(right, CR_OP_GET, scene_device, scene_slot));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    scene_rig.password = NULL;
}

/* All that is inside comes home when the store ends, whatever Redis does. */
static void ending_gives_everything_back(void **state)
{
    (void)state;
    scene_rig.timeout_ms = 300;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    private_redis_pause(&scene_rig.redis);
    for (unsigned i = 0; i < JOBS; i++) {
        rig_submit(broker, rig_job_csr(broker, scene_device, scene_slot, 2 + i, &old));
    }
    int64_t begun = scene_mono_ms();
    cr_store_free(broker->store);
    assert_true(scene_mono_ms() - begun < STALL_MS);
    unsigned home = 0;
    for (struct cr_job *job = broker->done; job != NULL; job = job->next) {
        home++;
    }
    assert_int_equal(home, JOBS);
    private_redis_resume(&scene_rig.redis);
    for (struct cr_job *job = broker->done, *next; job != NULL; job = next) {
        next = job->next;
        cr_job_free(job);
    }
    broker->store = NULL;
    cr_setup_drop(broker->setup);
}

int main(void)
{
#define REDIS_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        REDIS_TEST(redis_away_at_start_is_no_failure),
        REDIS_TEST(redis_away_is_told_at_once),
        REDIS_TEST(redis_away_does_not_fill_the_journal),
        REDIS_TEST(hostile_92_a_stall_is_bounded),
        REDIS_TEST(late_record_after_a_crash),
        REDIS_TEST(late_record_after_a_stall),
        REDIS_TEST(late_record_when_redis_is_full),
        REDIS_TEST(no_write_leaves_half_a_change),
        REDIS_TEST(readonly_means_look_elsewhere),
        REDIS_TEST(forgotten_scripts_are_loaded_again),
        REDIS_TEST(password_is_needed_and_used),
        REDIS_TEST(ending_gives_everything_back),
    };
    return cmocka_run_group_tests_name("store on Redis", tests, NULL, NULL);
}
