/* What is in Redis is damaged, lost or newer, and the journal has no room: the store on a real Redis. */
#include "tests/contract/redis_scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void hostile_89_wrong_types_are_quarantined(void **state)
{
    (void)state;
    struct cr_cert_facts old = scene_old_cert();
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_device_keys keys;
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    const char *const spoilt[] = { keys.device.text, keys.agenda.text, keys.expiry.text };
    for (unsigned i = 0; i < 3; i++) {
        redisReply *reply = private_redis_command(&scene_rig.redis, "SET %s x", spoilt[i]);
        assert_string_equal(reply->str, "OK");
        freeReplyObject(reply);
        scene_expect_unavailable(rig_run(broker, rig_job_present(broker, scene_slot, &old)));
        if (i < 2) {
            scene_expect_unavailable(rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 2, &old)));
        }
        assert_int_equal(private_redis_integer(&scene_rig.redis, "DEL %s", spoilt[i]), 1);
        if (i > 0) { /* not even a half was written */
            assert_int_equal(private_redis_integer(&scene_rig.redis, "EXISTS %s", keys.device.text), 0);
        }
    }
    rig_expect_audits(&scene_rig, "alarm", scene_device, 5);
    assert_true(rig_health(broker).connected);
    (void)rig_present(broker, scene_slot, &old);
}

static struct cr_job *history(struct rig_broker *broker)
{
    struct cr_job *job = rig_job(broker, CR_OP_HISTORY, "", "");
    job->history = calloc(1, sizeof *job->history);
    assert_non_null(job->history);
    job->history->oldest_first = true;
    return rig_run(broker, job);
}

static void hostile_89_an_audit_stream_of_strangers(void **state)
{
    (void)state;
    static const char odd[] = "a\0b";
    redisReply *reply =
        private_redis_command(&scene_rig.redis, "XADD cr:audit 1-1 what %b x %b", odd, sizeof odd - 1, "", (size_t)0);
    assert_string_equal(reply->str, "1-1");
    freeReplyObject(reply);
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_job *job = history(broker);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_true(job->history->count > 0);
    assert_memory_equal(job->history->entry[0].fields.data, "what\0a?b\0x\0", sizeof "what\0a?b\0x\0");
    cr_job_free(job);
    char *huge = calloc(1, 1000001);
    assert_non_null(huge);
    memset(huge, 'h', 1000000);
    for (int i = 0; i < 50; i++) {
        freeReplyObject(private_redis_command(&scene_rig.redis, "XADD cr:audit * what %s", huge));
    }
    free(huge);
    job = history(broker);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_in_range(job->history->count, 50, 100);
    assert_in_range(job->history->entry[job->history->count - 1].fields.len, 5, 4096);
    cr_job_free(job);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "DEL cr:audit"), 1);
    reply = private_redis_command(&scene_rig.redis, "SET cr:audit x");
    freeReplyObject(reply);
    scene_expect_unavailable(history(broker));
    assert_int_equal(private_redis_integer(&scene_rig.redis, "DEL cr:audit"), 1);
    cr_job_free(history(broker));
    assert_true(rig_health(broker).connected);
}

static void hostile_94_damaged_records_are_quarantined(void **state)
{
    (void)state;
    enum { DECIDING = 7 };
    static const char *const fields[][2] = {
        { "operational:crt", "not a serial" }, { "operational:na", "tomorrow" }, { "operational:gen", "-1" },
        { "operational:st", "dancing" },       { "operational:try", "1e3" },     { "id", "12345" },
        { "operational:crt", "" },             { "operational:key", "short" },   /* the first DECIDING: a CSR depends on it */
        { "../x:crt", "00@00" },              { "gap", "long" },
        { "ls", "lately" },                    { "operational:miss", "many" }, { "operational:fail", "-1" },
        { "operational:ret", "soon" },         { "operational:oldat", "" },    { "operational:cmp", "x" },
    };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char name[CR_NAME_CAP];
        struct cr_device_keys keys;
        (void)snprintf(name, sizeof name, "damaged-%u", i);
        struct cr_cert_facts facts =
            rig_cert(name, 100 + i, 100 + i, scene_rig.now_s - 80 * RIG_DAY_S, scene_rig.now_s + 10 * RIG_DAY_S);
        (void)rig_present(broker, scene_slot, &facts);
        rig_keys(&scene_rig, &keys, name, scene_slot);
        (void)private_redis_integer(&scene_rig.redis, "HSET %s %s %s", keys.device.text, fields[i][0], fields[i][1]);
        scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_INSPECT, name, scene_slot)));
        scene_expect_unavailable(rig_run(broker, rig_job_present(broker, scene_slot, &facts)));
        rig_expect_audits(&scene_rig, "alarm", name, 2);
        if (i < DECIDING) {
            scene_expect_unavailable(rig_run(broker, rig_job_csr(broker, name, scene_slot, 200 + i, &facts)));
        }
    }
    struct cr_cert_facts old = scene_old_cert();
    (void)rig_present(broker, scene_slot, &old); /* others are fine */
}

static void hostile_94_a_record_that_strayed_is_quarantined(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    struct cr_device_keys from, to;
    (void)rig_present(broker, scene_slot, &old);
    rig_keys(&scene_rig, &from, scene_device, scene_slot);
    rig_keys(&scene_rig, &to, "meter-18", scene_slot);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "COPY %s %s", from.device.text, to.device.text), 1);
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_INSPECT, "meter-18", scene_slot)));
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, "meter-18", scene_slot)));
    scene_expect_unavailable(rig_run(broker, rig_job_csr(broker, "meter-18", scene_slot, 2, &old)));
    rig_expect_audits(&scene_rig, "alarm", "meter-18", 3);
}

static void lost_certificate_comes_back_from_the_journal(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    struct cr_device_keys keys;
    (void)rig_present(broker, scene_slot, &old);
    struct cr_job *issued = rig_issue(broker, scene_device, scene_slot, 2);
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "DEL %s", keys.cert.text), 1);
    /* asked for by its key, it is put back at once */
    struct cr_job *again = rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 2, &old));
    assert_int_equal(again->outcome, CR_OUT_CERTIFICATE);
    assert_memory_equal(again->certificate.data, issued->certificate.data, issued->certificate.len);
    cr_job_free(again);
    /* missed by a connection, within a second */
    assert_int_equal(private_redis_integer(&scene_rig.redis, "DEL %s", keys.cert.text), 1);
    for (int64_t end = scene_mono_ms() + RIG_WAIT_MS;;) {
        struct cr_job *job = rig_run(broker, rig_job_present(broker, scene_slot, &old));
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        bool back = job->record->slot[0].certificate.len == issued->certificate.len;
        cr_job_free(job);
        if (back) {
            break;
        }
        assert_true(scene_mono_ms() < end);
    }
    cr_job_free(issued);
    assert_true(rig_audits(&scene_rig, "alarm", scene_device) >= 1);
}

/* A broker ends when its certificate is in the journal and not yet in Redis; another one certifies the key. */
static void certificate_that_was_never_recorded_is_void(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    struct cr_device_keys keys;
    (void)rig_present(one, scene_slot, &old);
    cr_job_free(rig_issue(one, scene_device, scene_slot, 2));
    rig_close(one);
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    (void)private_redis_integer(&scene_rig.redis, "HSET %s operational:st issuing", keys.device.text);
    assert_int_equal(private_redis_integer(&scene_rig.redis, "DEL %s", keys.cert.text), 1);
    scene_rig.now_s += CR_LEASE_S + 1;
    struct rig_broker *two = rig_open(&scene_rig, "two");
    struct cr_job *issued = rig_issue(two, scene_device, scene_slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(issued);
    rig_expect_audits(&scene_rig, "void", scene_device, 0);
    one = rig_open(&scene_rig, "one");
    rig_expect_audits(&scene_rig, "void", scene_device, 1);
    struct cr_job *again = rig_run(one, rig_job_csr(one, scene_device, scene_slot, 2, &old));
    assert_int_equal(again->outcome, CR_OUT_CERTIFICATE);
    assert_memory_equal(again->certificate.data, issued->certificate.data, issued->certificate.len);
    cr_job_free(again);
    cr_job_free(issued);
    rig_close(one); /* once more, and once the other one is confirmed */
    assert_true(rig_present(two, scene_slot, &fresh));
    (void)rig_open(&scene_rig, "one");
    rig_expect_audits(&scene_rig, "void", scene_device, 1);
    scene_check_ledger();
}

static void hostile_95_flushall_is_put_back(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    (void)rig_present(broker, scene_slot, &old);
    struct cr_job *job = rig_issue(broker, scene_device, scene_slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, scene_slot, &fresh));
    scene_rig.now_s += 85 * RIG_DAY_S;
    struct cr_job *waiting = rig_issue(broker, scene_device, scene_slot, 3); /* generation 1, another one waits */
    struct cr_slot_record before = rig_slot(broker, scene_device, scene_slot);
    freeReplyObject(private_redis_command(&scene_rig.redis, "FLUSHALL"));

    /* the key that was certified is not certified again, not even in the second before the loss is noticed */
    struct cr_job *again = rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 3, &fresh));
    assert_int_equal(again->outcome, CR_OUT_CERTIFICATE);
    assert_memory_equal(again->certificate.data, waiting->certificate.data, waiting->certificate.len);
    cr_job_free(again);
    for (int64_t end = scene_mono_ms() + RIG_WAIT_MS;;) {
        struct cr_slot_record after = rig_slot(broker, scene_device, scene_slot);
        if (after.generation == before.generation && after.state == before.state && after.current.serial.len > 0) {
            assert_true(cr_serial_equal(&after.current.serial, &before.current.serial));
            assert_true(cr_serial_equal(&after.pending.serial, &before.pending.serial));
            assert_string_equal(after.renewal_id, before.renewal_id);
            break;
        }
        assert_true(scene_mono_ms() < end);
    }
    scene_check_ledger();
    struct cr_job *reused = rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 2, &fresh));
    assert_int_equal(reused->refusal, CR_REFUSAL_KEY_REUSED);
    cr_job_free(reused);
    struct cr_cert_facts newest = rig_cert_of(waiting);
    cr_job_free(waiting);
    assert_true(rig_present(broker, scene_slot, &newest));
    assert_int_equal(rig_slot(broker, scene_device, scene_slot).generation, 2);
}

/* A failover to a replica that had not everything: an older state is there, and is brought forward. */
static void hostile_95_an_older_state_is_brought_forward(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    struct cr_device_keys keys;
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    (void)rig_present(broker, scene_slot, &old);
    redisReply *before = private_redis_command(&scene_rig.redis, "DUMP %s", keys.device.text);
    struct cr_job *job = rig_issue(broker, scene_device, scene_slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    for (int confirmed = 0; confirmed < 2; confirmed++) {
        rig_close(broker);
        redisReply *reply = private_redis_command(&scene_rig.redis, "RESTORE %s 0 %b REPLACE", keys.device.text,
                                                  before->str, (size_t)before->len);
        assert_string_equal(reply->str, "OK");
        freeReplyObject(reply);
        broker = rig_open(&scene_rig, "one");
        struct cr_slot_record record = rig_slot(broker, scene_device, scene_slot);
        if (!confirmed) {
            assert_int_equal(record.state, CR_STATE_ISSUED);
            assert_true(cr_serial_equal(&record.pending.serial, &fresh.serial));
            assert_true(rig_present(broker, scene_slot, &fresh));
        } else {
            assert_int_equal(record.state, CR_STATE_QUIET);
            assert_int_equal(record.generation, 1);
            assert_true(cr_serial_equal(&record.current.serial, &fresh.serial));
        }
        scene_check_ledger();
    }
    freeReplyObject(before);
    cr_job_free(job);
}

/* What is newer in Redis than in the journal stays: another broker has gone on. */
static void newer_state_is_left_alone(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    (void)rig_present(one, scene_slot, &old);
    struct cr_job *job = rig_issue(one, scene_device, scene_slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    rig_close(one);
    struct rig_broker *two = rig_open(&scene_rig, "two");
    assert_true(rig_present(two, scene_slot, &fresh));
    scene_rig.now_s += 85 * RIG_DAY_S;
    job = rig_issue(two, scene_device, scene_slot, 3);
    cr_job_free(job);
    struct cr_slot_record before = rig_slot(two, scene_device, scene_slot);
    one = rig_open(&scene_rig, "one");
    struct cr_slot_record after = rig_slot(one, scene_device, scene_slot);
    assert_memory_equal(&before, &after, sizeof before);
    scene_check_ledger();
}

/* ---- the journal ---- */

/* Like a full disk: files may grow no further. */
static void hostile_108_no_room_for_the_journal(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    struct rlimit former;
    (void)rig_present(broker, scene_slot, &old);
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 2, &old));
    rig_sign(job);
    rig_expect_audits(&scene_rig, "intent", scene_device, 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    char path[160];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/journal.jsonl", broker->journal_dir);
    assert_int_equal(stat(path, &st), 0);
    struct rlimit tight = { (rlim_t)st.st_size + 100,
                            former.rlim_max }; /* a part of the line fits, the whole does not */
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    scene_expect_unavailable(rig_run(broker, job));
    EVENTUALLY(!rig_health(broker).journal_ok)
    scene_rig.now_s += FAKE_LEASE_S;
    scene_expect_unavailable(rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 3, &old)));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    assert_int_equal(rig_slot(broker, scene_device, scene_slot).state, CR_STATE_ISSUING);
    job = scene_ask_until_served(broker, 3);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    rig_sign(job);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
    rig_expect_audits(&scene_rig, "issued", scene_device, 1);
    scene_check_ledger(); /* also: the chain is whole */
    rig_close(broker);
    (void)rig_open(&scene_rig, "one");
}

static long long claims(void)
{
    return private_redis_integer(&scene_rig.redis, "EVAL %s 0", "return #redis.call('KEYS', 'cr:{k*')");
}

/* A device may ask as often as its rate allows, with a new key each time: what is refused leaves nothing behind. What is
 * certified stays claimed. */
static void refused_keys_leave_nothing(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts young =
        rig_cert(scene_device, 1, 1, scene_rig.now_s - RIG_DAY_S, scene_rig.now_s + 89 * RIG_DAY_S);
    (void)rig_present(broker, scene_slot, &young);
    EVENTUALLY(claims() == 1)
    for (unsigned i = 0; i < 20; i++) {
        struct cr_job *job = rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 100 + i, &young));
        assert_int_equal(job->refusal, CR_REFUSAL_TOO_EARLY);
        cr_job_free(job);
    }
    EVENTUALLY(claims() == 1)
    cr_job_free(rig_run(broker, rig_job_trigger(broker, scene_device, scene_slot)));
    cr_job_free(rig_issue(broker, scene_device, scene_slot, 2));
    EVENTUALLY(claims() == 2)
}

static void weak_persistence_is_told(void **state)
{
    (void)state;
    scene_config_set("appendonly", "no");
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    struct cr_store_health health = rig_health(broker);
    assert_false(health.durable);
    assert_non_null(strstr(health.problem, "appendonly"));
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, 2, &old));
    assert_int_equal(job->outcome, CR_OUT_NONE); /* a warning, unless told otherwise */
    cr_job_free(job);
    scene_rig.require_durable = true;
    struct rig_broker *strict = rig_open(&scene_rig, "two");
    scene_expect_unavailable(rig_run(strict, rig_job_csr(strict, "meter-18", scene_slot, 3, &old)));
    scene_config_set("appendonly", "yes");
    scene_config_set("maxmemory-policy", "allkeys-lru");
    struct rig_broker *third = rig_open(&scene_rig, "three");
    assert_non_null(strstr(rig_health(third).problem, "maxmemory-policy"));
}

int main(void)
{
#define REDIS_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        REDIS_TEST(hostile_89_wrong_types_are_quarantined),
        REDIS_TEST(hostile_89_an_audit_stream_of_strangers),
        REDIS_TEST(hostile_94_damaged_records_are_quarantined),
        REDIS_TEST(hostile_94_a_record_that_strayed_is_quarantined),
        REDIS_TEST(lost_certificate_comes_back_from_the_journal),
        REDIS_TEST(certificate_that_was_never_recorded_is_void),
        REDIS_TEST(hostile_95_flushall_is_put_back),
        REDIS_TEST(hostile_95_an_older_state_is_brought_forward),
        REDIS_TEST(newer_state_is_left_alone),
        REDIS_TEST(hostile_108_no_room_for_the_journal),
        REDIS_TEST(refused_keys_leave_nothing),
        REDIS_TEST(weak_persistence_is_told),
    };
    return cmocka_run_group_tests_name("store and its data", tests, NULL, NULL);
}
