/* The store on a real Redis that is killed, paused, emptied, filled and forbidden. */
#include "tests/contract/store_rig.h"
#include "tests/support/ledger_check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

static const char device[] = "meter-17", slot[] = "operational";
static struct rig rig;

static int set_up(void **state)
{
    *state = &rig;
    rig_init(&rig, RIG_REDIS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

static int64_t mono_ms(void)
{
    return cr_mono_ms(cr_clock_system());
}

static struct cr_cert_facts old_cert(void)
{
    return rig_cert(device, 1, 1, rig.now_s - 80 * RIG_DAY_S, rig.now_s + 10 * RIG_DAY_S);
}

static void check_ledger(void)
{
    struct ledger_check_options options = { .redis = rig.redis.socket, .out = stderr };
    struct ledger_check_result result;
    static char path[RIG_BROKERS][160];
    int count = 0;
    for (int i = 0; i < RIG_BROKERS; i++) {
        if (rig.broker[i].rig != NULL) {
            (void)snprintf(path[i], sizeof path[i], "%s/journal.jsonl", rig.broker[i].journal_dir);
            options.journal[count++] = path[i];
        }
    }
    assert_int_equal(ledger_check(&result, &options), CR_OK);
    assert_int_equal(result.wrong, 0);
}

static void expect_unavailable(struct cr_job *job)
{
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, CR_REFUSAL_STORE_UNAVAILABLE);
    assert_true(job->retry_after_s > 0);
    cr_job_free(job);
}

/* Health follows at the end of the loop's turn. */
#define EVENTUALLY(CONDITION)                                            \
    for (int64_t end_ms = mono_ms() + RIG_WAIT_MS; !(CONDITION);) {      \
        assert_true(mono_ms() < end_ms);                                 \
    }

/* Asks until it is served. */
static struct cr_job *ask_until_served(struct rig_broker *broker, unsigned key)
{
    struct cr_cert_facts old = old_cert();
    for (int64_t end = mono_ms() + RIG_WAIT_MS;;) {
        struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, key, &old));
        if (job->outcome != CR_OUT_REFUSED || job->refusal != CR_REFUSAL_STORE_UNAVAILABLE) {
            return job;
        }
        cr_job_free(job);
        assert_true(mono_ms() < end);
    }
}

static void redis_away_at_start_is_no_failure(void **state)
{
    (void)state;
    private_redis_kill(&rig.redis);
    struct rig_broker *broker = rig_open_only(&rig, "one");
    struct cr_cert_facts old = old_cert();
    int64_t begun = mono_ms();
    expect_unavailable(rig_run(broker, rig_job_csr(broker, device, slot, 2, &old)));
    expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, device, slot)));
    assert_true(mono_ms() - begun < rig.timeout_ms + 500);
    struct cr_store_health health = rig_health(broker);
    assert_false(health.connected);
    assert_true(health.journal_ok);
    assert_string_not_equal(health.problem, "");
    assert_int_equal(private_redis_start(&rig.redis), CR_OK);
    assert_true(rig_wait_connected(broker, true));
    EVENTUALLY(rig_health(broker).problem[0] == '\0')
    struct cr_job *job = ask_until_served(broker, 2);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
}

/* Once it is known to be away, nobody waits for it. */
static void redis_away_is_told_at_once(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&rig, "one");
    private_redis_kill(&rig.redis);
    expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, device, slot)));
    int64_t begun = mono_ms();
    for (int i = 0; i < 50; i++) {
        expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, device, slot)));
    }
    assert_true(mono_ms() - begun < 1000);
}

static void hostile_92_a_stall_is_bounded(void **state)
{
    (void)state;
    rig.timeout_ms = 300;
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_cert_facts old = old_cert();
    private_redis_pause(&rig.redis);
    int64_t begun = mono_ms();
    for (unsigned i = 0; i < 20; i++) {
        rig_submit(broker, rig_job_csr(broker, device, slot, 2 + i, &old));
    }
    for (unsigned i = 0; i < 20; i++) {
        struct cr_job *job = rig_next(broker, RIG_WAIT_MS);
        assert_non_null(job);
        expect_unavailable(job);
    }
    assert_in_range(mono_ms() - begun, 200, 1300);
    assert_true(rig_wait_connected(broker, false));
    private_redis_resume(&rig.redis);
    assert_true(rig_wait_connected(broker, true));
    rig.now_s += FAKE_LEASE_S; /* one of them may have been carried out after all */
    struct cr_job *job = ask_until_served(broker, 50);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
    check_ledger();
}

/* Signed and in the journal, but Redis does not answer: the device waits, and gets it as soon as Redis has it. */
static void late_record_is_delivered(struct rig_broker *broker, void (*fault)(struct private_redis *),
                                     void (*repair)(struct private_redis *))
{
    struct cr_cert_facts old = old_cert();
    (void)rig_present(broker, slot, &old);
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    rig_sign(job);
    struct cr_blob bytes;
    assert_int_equal(cr_blob_copy(&bytes, job->certificate.data, job->certificate.len), CR_OK);
    fault(&rig.redis);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_PENDING);
    assert_true(job->retry_after_s > 0);
    assert_int_equal(job->certificate.len, 0);
    assert_int_equal(strlen(job->renewal_id), CR_RENEWAL_ID_LEN);
    cr_job_free(job);
    EVENTUALLY(rig_health(broker).unrecorded == 1)
    repair(&rig.redis);
    job = rig_next(broker, RIG_WAIT_MS);
    assert_non_null(job);
    assert_int_equal(job->op, CR_OP_DELIVER);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_string_equal(job->device, device);
    assert_int_equal(job->record->slot[0].state, CR_STATE_ISSUED);
    assert_int_equal(job->record->slot[0].certificate.len, bytes.len);
    assert_memory_equal(job->record->slot[0].certificate.data, bytes.data, bytes.len);
    cr_job_free(job);
    /* and whoever asks again gets the same */
    job = ask_until_served(broker, 2);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    assert_memory_equal(job->certificate.data, bytes.data, bytes.len);
    cr_job_free(job);
    cr_blob_fini(&bytes);
    EVENTUALLY(rig_health(broker).unrecorded == 0)
    check_ledger();
}

static void restart(struct private_redis *redis)
{
    assert_int_equal(private_redis_start(redis), CR_OK);
}

static void late_record_after_a_crash(void **state)
{
    (void)state;
    late_record_is_delivered(rig_open(&rig, "one"), private_redis_kill, restart);
}

static void late_record_after_a_stall(void **state)
{
    (void)state;
    rig.timeout_ms = 300;
    late_record_is_delivered(rig_open(&rig, "one"), private_redis_pause, private_redis_resume);
}

static void config_set(const char *name, const char *value)
{
    redisReply *reply = private_redis_command(&rig.redis, "CONFIG SET %s %s", name, value);
    assert_non_null(reply);
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
}

static void fill(struct private_redis *redis)
{
    (void)redis;
    config_set("maxmemory", "1");
}

static void make_room(struct private_redis *redis)
{
    (void)redis;
    config_set("maxmemory", "0");
}

static void late_record_when_redis_is_full(void **state)
{
    (void)state;
    late_record_is_delivered(rig_open(&rig, "one"), fill, make_room);
}

/* Out of memory, read-only, without its replicas: nothing half done, nothing issued, and well again by itself. */
static void no_write_leaves_half_a_change(void **state)
{
    (void)state;
    static const char *const faults[][3] = {
        { "maxmemory", "1", "0" },
        { "min-replicas-to-write", "1", "0" },
    };
    struct rig_broker *broker = rig_open(&rig, "one");
    for (unsigned i = 0; i < 2; i++) {
        char name[CR_NAME_CAP];
        (void)snprintf(name, sizeof name, "meter-%u", i);
        struct cr_cert_facts old = rig_cert(name, 10 + i, 10 + i, rig.now_s - 80 * RIG_DAY_S, rig.now_s + RIG_DAY_S);
        struct cr_device_keys keys;
        rig_keys(&rig, &keys, name, slot);
        (void)rig_present(broker, slot, &old);
        cr_job_free(rig_run(broker, rig_job_trigger(broker, name, slot)));
        redisReply *before = private_redis_command(&rig.redis, "DUMP %s", keys.device.text);
        config_set(faults[i][0], faults[i][1]);
        expect_unavailable(rig_run(broker, rig_job_csr(broker, name, slot, 2, &old)));
        expect_unavailable(rig_run(broker, rig_job_trigger(broker, name, slot)));
        expect_unavailable(rig_run(broker, rig_job_present(broker, slot, &old)));
        EVENTUALLY(!rig_health(broker).writable)
        /* reading goes on */
        assert_int_equal(rig_slot(broker, name, slot).state, CR_STATE_TRIGGERED);
        redisReply *after = private_redis_command(&rig.redis, "DUMP %s", keys.device.text);
        assert_int_equal(before->len, after->len);
        assert_memory_equal(before->str, after->str, before->len);
        freeReplyObject(before);
        freeReplyObject(after);
        config_set(faults[i][0], faults[i][2]);
        EVENTUALLY(rig_health(broker).writable) /* also when nobody asks */
        struct cr_job *job = rig_run(broker, rig_job_csr(broker, name, slot, 20 + i, &old));
        assert_int_equal(job->outcome, CR_OUT_NONE);
        cr_job_free(job);
    }
}

static void readonly_means_look_elsewhere(void **state)
{
    (void)state;
    struct cr_cert_facts old = old_cert();
    struct rig_broker *broker = rig_open(&rig, "one");
    (void)rig_present(broker, slot, &old);
    freeReplyObject(private_redis_command(&rig.redis, "REPLICAOF 127.0.0.1 1"));
    expect_unavailable(rig_run(broker, rig_job_csr(broker, device, slot, 2, &old)));
    EVENTUALLY(!rig_health(broker).connected)
    freeReplyObject(private_redis_command(&rig.redis, "REPLICAOF NO ONE"));
    struct cr_job *job = ask_until_served(broker, 2);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
}

static void forgotten_scripts_are_loaded_again(void **state)
{
    (void)state;
    struct cr_cert_facts old = old_cert();
    struct rig_broker *broker = rig_open(&rig, "one");
    freeReplyObject(private_redis_command(&rig.redis, "SCRIPT FLUSH"));
    (void)rig_present(broker, slot, &old);
    freeReplyObject(private_redis_command(&rig.redis, "SCRIPT FLUSH"));
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
    assert_int_equal(rig_health(broker).reconnects, 0);
}

static void password_is_needed_and_used(void **state)
{
    (void)state;
    config_set("requirepass", "open sesame");
    struct rig_broker *broker = rig_open_only(&rig, "one");
    expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, device, slot)));
    EVENTUALLY(strstr(rig_health(broker).problem, "NOAUTH") != NULL)
    rig.password = "wrong";
    struct rig_broker *wrong = rig_open_only(&rig, "two");
    expect_unavailable(rig_run(wrong, rig_job(wrong, CR_OP_GET, device, slot)));
    EVENTUALLY(strstr(rig_health(wrong).problem, "WRONGPASS") != NULL)
    rig.password = "open sesame";
    struct rig_broker *right = rig_open(&rig, "three");
    struct cr_job *job = rig_run(right, rig_job(right, CR_OP_GET, device, slot));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    rig.password = NULL;
}

/* ---- what is in Redis ---- */

static void hostile_89_wrong_types_are_quarantined(void **state)
{
    (void)state;
    struct cr_cert_facts old = old_cert();
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_device_keys keys;
    rig_keys(&rig, &keys, device, slot);
    const char *const spoilt[] = { keys.device.text, keys.agenda.text, keys.expiry.text };
    for (unsigned i = 0; i < 3; i++) {
        redisReply *reply = private_redis_command(&rig.redis, "SET %s x", spoilt[i]);
        assert_string_equal(reply->str, "OK");
        freeReplyObject(reply);
        expect_unavailable(rig_run(broker, rig_job_present(broker, slot, &old)));
        if (i < 2) {
            expect_unavailable(rig_run(broker, rig_job_csr(broker, device, slot, 2, &old)));
        }
        assert_int_equal(private_redis_integer(&rig.redis, "DEL %s", spoilt[i]), 1);
        if (i > 0) { /* not even a half was written */
            assert_int_equal(private_redis_integer(&rig.redis, "EXISTS %s", keys.device.text), 0);
        }
    }
    assert_true(rig_audits(&rig, "alarm", device) >= 3);
    assert_true(rig_health(broker).connected);
    (void)rig_present(broker, slot, &old);
}

static void hostile_94_damaged_records_are_quarantined(void **state)
{
    (void)state;
    static const char *const fields[][2] = {
        { "operational:crt", "not a serial" }, { "operational:na", "tomorrow" }, { "operational:gen", "-1" },
        { "operational:st", "dancing" },       { "operational:key", "short" },   { "id", "12345" },
        { "operational:crt", "" },             { "../x:crt", "00@00" },
    };
    struct rig_broker *broker = rig_open(&rig, "one");
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char name[CR_NAME_CAP];
        struct cr_device_keys keys;
        (void)snprintf(name, sizeof name, "damaged-%u", i);
        struct cr_cert_facts facts =
            rig_cert(name, 100 + i, 100 + i, rig.now_s - 80 * RIG_DAY_S, rig.now_s + 10 * RIG_DAY_S);
        (void)rig_present(broker, slot, &facts);
        rig_keys(&rig, &keys, name, slot);
        (void)private_redis_integer(&rig.redis, "HSET %s %s %s", keys.device.text, fields[i][0], fields[i][1]);
        expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_INSPECT, name, slot)));
        expect_unavailable(rig_run(broker, rig_job_present(broker, slot, &facts)));
        rig_expect_audits(&rig, "alarm", name, 2);
    }
    struct cr_cert_facts old = old_cert();
    (void)rig_present(broker, slot, &old); /* others are fine */
}

static void hostile_94_a_record_that_strayed_is_quarantined(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_cert_facts old = old_cert();
    struct cr_device_keys from, to;
    (void)rig_present(broker, slot, &old);
    rig_keys(&rig, &from, device, slot);
    rig_keys(&rig, &to, "meter-18", slot);
    assert_int_equal(private_redis_integer(&rig.redis, "COPY %s %s", from.device.text, to.device.text), 1);
    expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_INSPECT, "meter-18", slot)));
    expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, "meter-18", slot)));
    expect_unavailable(rig_run(broker, rig_job_csr(broker, "meter-18", slot, 2, &old)));
    rig_expect_audits(&rig, "alarm", "meter-18", 3);
}

static void lost_certificate_comes_back_from_the_journal(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_cert_facts old = old_cert();
    struct cr_device_keys keys;
    (void)rig_present(broker, slot, &old);
    struct cr_job *issued = rig_issue(broker, device, slot, 2);
    rig_keys(&rig, &keys, device, slot);
    assert_int_equal(private_redis_integer(&rig.redis, "DEL %s", keys.cert.text), 1);
    /* asked for by its key, it is put back at once */
    struct cr_job *again = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    assert_int_equal(again->outcome, CR_OUT_CERTIFICATE);
    assert_memory_equal(again->certificate.data, issued->certificate.data, issued->certificate.len);
    cr_job_free(again);
    /* missed by a connection, within a second */
    assert_int_equal(private_redis_integer(&rig.redis, "DEL %s", keys.cert.text), 1);
    for (int64_t end = mono_ms() + RIG_WAIT_MS;;) {
        struct cr_job *job = rig_run(broker, rig_job_present(broker, slot, &old));
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        bool back = job->record->slot[0].certificate.len == issued->certificate.len;
        cr_job_free(job);
        if (back) {
            break;
        }
        assert_true(mono_ms() < end);
    }
    cr_job_free(issued);
    assert_true(rig_audits(&rig, "alarm", device) >= 1);
}

static void hostile_95_flushall_is_put_back(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_cert_facts old = old_cert();
    (void)rig_present(broker, slot, &old);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &fresh));
    rig.now_s += 85 * RIG_DAY_S;
    struct cr_job *waiting = rig_issue(broker, device, slot, 3); /* generation 1, another one waits */
    struct cr_slot_record before = rig_slot(broker, device, slot);
    freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));

    /* the key that was certified is not certified again, not even in the second before the loss is noticed */
    struct cr_job *again = rig_run(broker, rig_job_csr(broker, device, slot, 3, &fresh));
    assert_int_equal(again->outcome, CR_OUT_CERTIFICATE);
    assert_memory_equal(again->certificate.data, waiting->certificate.data, waiting->certificate.len);
    cr_job_free(again);
    for (int64_t end = mono_ms() + RIG_WAIT_MS;;) {
        struct cr_slot_record after = rig_slot(broker, device, slot);
        if (after.generation == before.generation && after.state == before.state && after.current.serial.len > 0) {
            assert_true(cr_serial_equal(&after.current.serial, &before.current.serial));
            assert_true(cr_serial_equal(&after.pending.serial, &before.pending.serial));
            assert_string_equal(after.renewal_id, before.renewal_id);
            break;
        }
        assert_true(mono_ms() < end);
    }
    check_ledger();
    struct cr_job *reused = rig_run(broker, rig_job_csr(broker, device, slot, 2, &fresh));
    assert_int_equal(reused->refusal, CR_REFUSAL_KEY_REUSED);
    cr_job_free(reused);
    struct cr_cert_facts newest = rig_cert_of(waiting);
    cr_job_free(waiting);
    assert_true(rig_present(broker, slot, &newest));
    assert_int_equal(rig_slot(broker, device, slot).generation, 2);
}

/* A failover to a replica that had not everything: an older state is there, and is brought forward. */
static void hostile_95_an_older_state_is_brought_forward(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_cert_facts old = old_cert();
    struct cr_device_keys keys;
    rig_keys(&rig, &keys, device, slot);
    (void)rig_present(broker, slot, &old);
    redisReply *before = private_redis_command(&rig.redis, "DUMP %s", keys.device.text);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    for (int confirmed = 0; confirmed < 2; confirmed++) {
        rig_close(broker);
        redisReply *reply = private_redis_command(&rig.redis, "RESTORE %s 0 %b REPLACE", keys.device.text, before->str,
                                                  (size_t)before->len);
        assert_string_equal(reply->str, "OK");
        freeReplyObject(reply);
        broker = rig_open(&rig, "one");
        struct cr_slot_record record = rig_slot(broker, device, slot);
        if (!confirmed) {
            assert_int_equal(record.state, CR_STATE_ISSUED);
            assert_true(cr_serial_equal(&record.pending.serial, &fresh.serial));
            assert_true(rig_present(broker, slot, &fresh));
        } else {
            assert_int_equal(record.state, CR_STATE_QUIET);
            assert_int_equal(record.generation, 1);
            assert_true(cr_serial_equal(&record.current.serial, &fresh.serial));
        }
        check_ledger();
    }
    freeReplyObject(before);
    cr_job_free(job);
}

/* What is newer in Redis than in the journal stays: another broker has gone on. */
static void newer_state_is_left_alone(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one");
    struct cr_cert_facts old = old_cert();
    (void)rig_present(one, slot, &old);
    struct cr_job *job = rig_issue(one, device, slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    rig_close(one);
    struct rig_broker *two = rig_open(&rig, "two");
    assert_true(rig_present(two, slot, &fresh));
    rig.now_s += 85 * RIG_DAY_S;
    job = rig_issue(two, device, slot, 3);
    cr_job_free(job);
    struct cr_slot_record before = rig_slot(two, device, slot);
    one = rig_open(&rig, "one");
    struct cr_slot_record after = rig_slot(one, device, slot);
    assert_memory_equal(&before, &after, sizeof before);
    check_ledger();
}

/* ---- the journal ---- */

/* Like a full disk: files may grow no further. */
static void hostile_108_no_room_for_the_journal(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_cert_facts old = old_cert();
    struct rlimit former;
    (void)rig_present(broker, slot, &old);
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    rig_sign(job);
    rig_expect_audits(&rig, "intent", device, 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    char path[160];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/journal.jsonl", broker->journal_dir);
    assert_int_equal(stat(path, &st), 0);
    struct rlimit tight = { (rlim_t)st.st_size + 100, former.rlim_max }; /* a part of the line fits, the whole does not */
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    expect_unavailable(rig_run(broker, job));
    EVENTUALLY(!rig_health(broker).journal_ok)
    rig.now_s += FAKE_LEASE_S;
    expect_unavailable(rig_run(broker, rig_job_csr(broker, device, slot, 3, &old)));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_ISSUING);
    job = ask_until_served(broker, 3);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    rig_sign(job);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
    rig_expect_audits(&rig, "issued", device, 1);
    check_ledger(); /* also: the chain is whole */
    rig_close(broker);
    (void)rig_open(&rig, "one");
}

static void weak_persistence_is_told(void **state)
{
    (void)state;
    config_set("appendonly", "no");
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_cert_facts old = old_cert();
    struct cr_store_health health = rig_health(broker);
    assert_false(health.durable);
    assert_non_null(strstr(health.problem, "appendonly"));
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    assert_int_equal(job->outcome, CR_OUT_NONE); /* a warning, unless told otherwise */
    cr_job_free(job);
    rig.require_durable = true;
    struct rig_broker *strict = rig_open(&rig, "two");
    expect_unavailable(rig_run(strict, rig_job_csr(strict, "meter-18", slot, 3, &old)));
    config_set("appendonly", "yes");
    config_set("maxmemory-policy", "allkeys-lru");
    struct rig_broker *third = rig_open(&rig, "three");
    assert_non_null(strstr(rig_health(third).problem, "maxmemory-policy"));
}

/* All that is inside comes home when the store ends, whatever Redis does. */
static void ending_gives_everything_back(void **state)
{
    (void)state;
    rig.timeout_ms = 300;
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_cert_facts old = old_cert();
    private_redis_pause(&rig.redis);
    for (unsigned i = 0; i < 30; i++) {
        rig_submit(broker, rig_job_csr(broker, device, slot, 2 + i, &old));
    }
    int64_t begun = mono_ms();
    cr_store_free(broker->store);
    assert_true(mono_ms() - begun < 1500);
    unsigned home = 0;
    for (struct cr_job *job = broker->done; job != NULL; job = job->next) {
        home++;
    }
    assert_int_equal(home, 30);
    private_redis_resume(&rig.redis);
    for (struct cr_job *job = broker->done, *next; job != NULL; job = next) {
        next = job->next;
        cr_job_free(job);
    }
    broker->store = NULL;
    cr_setup_drop(broker->setup);
}

int main(void)
{
#define REDIS_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        REDIS_TEST(redis_away_at_start_is_no_failure),
        REDIS_TEST(redis_away_is_told_at_once),
        REDIS_TEST(hostile_92_a_stall_is_bounded),
        REDIS_TEST(late_record_after_a_crash),
        REDIS_TEST(late_record_after_a_stall),
        REDIS_TEST(late_record_when_redis_is_full),
        REDIS_TEST(no_write_leaves_half_a_change),
        REDIS_TEST(readonly_means_look_elsewhere),
        REDIS_TEST(forgotten_scripts_are_loaded_again),
        REDIS_TEST(password_is_needed_and_used),
        REDIS_TEST(hostile_89_wrong_types_are_quarantined),
        REDIS_TEST(hostile_94_damaged_records_are_quarantined),
        REDIS_TEST(hostile_94_a_record_that_strayed_is_quarantined),
        REDIS_TEST(lost_certificate_comes_back_from_the_journal),
        REDIS_TEST(hostile_95_flushall_is_put_back),
        REDIS_TEST(hostile_95_an_older_state_is_brought_forward),
        REDIS_TEST(newer_state_is_left_alone),
        REDIS_TEST(hostile_108_no_room_for_the_journal),
        REDIS_TEST(weak_persistence_is_told),
        REDIS_TEST(ending_gives_everything_back),
    };
    return cmocka_run_group_tests_name("store on Redis", tests, NULL, NULL);
}
