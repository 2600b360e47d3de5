#include "tests/contract/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

enum { RIG_RETRY_S = 7 };

/* ---- the rig ---- */

static int64_t mono_ms(void)
{
    return cr_mono_ms(cr_clock_system());
}

static void nap(void)
{
    const struct timespec look = { 0, 1000000L };
    (void)nanosleep(&look, NULL);
}

static void rig_common(struct rig *rig)
{
    rig->now_s = RIG_NOW_S;
    rig->timeout_ms = 2000;
    rig->max_jobs = 512;
    cr_profile_default(&rig->operational, "operational");
    cr_profile_default(&rig->data, "data");
    cr_profile_default(&rig->eager, "operational");
    rig->eager.request_any_time = rig->eager.allow_same_key = true;
}

void rig_init(struct rig *rig, enum rig_backend backend)
{
    memset(rig, 0, sizeof *rig);
    rig->backend = backend;
    rig_common(rig);
    if (backend == RIG_FAKE) {
        assert_int_equal(fake_ledger_new(&rig->ledger), CR_OK);
    } else {
        assert_int_equal(private_redis_new(&rig->redis, NULL), CR_OK);
    }
}

void rig_init_redis(struct rig *rig, const char *const *extra)
{
    memset(rig, 0, sizeof *rig);
    rig->backend = RIG_REDIS;
    rig_common(rig);
    assert_int_equal(private_redis_new(&rig->redis, extra), CR_OK);
}

void rig_fini(struct rig *rig)
{
    for (int i = 0; i < RIG_BROKERS; i++) {
        rig_close(&rig->broker[i]);
    }
    fake_ledger_free(rig->ledger);
    private_redis_free(&rig->redis);
}

/* ---- brokers ---- */

static void on_done(void *ctx, struct cr_job *job)
{
    struct rig_broker *broker = ctx;
    (void)pthread_mutex_lock(&broker->lock);
    if (job->op == CR_OP_TRUST && cr_job_is_news(job)) {
        cr_job_free(broker->bundle);
        broker->bundle = job;
    } else if (job->op == CR_OP_PUSH) {
        job->next = broker->pushed;
        broker->pushed = job;
        broker->pushes++;
    } else if (job->op == CR_OP_REVOKED) {
        rig_revoked_take(&broker->revoked, job);
    } else {
        job->next = NULL;
        *broker->done_tail = job;
        broker->done_tail = &job->next;
    }
    (void)pthread_cond_signal(&broker->cond);
    (void)pthread_mutex_unlock(&broker->lock);
}

static void on_log(void *ctx, char level, const char *text)
{
    (void)ctx;
    if (getenv("CR_TEST_LOG") != NULL) {
        fprintf(stderr, "[%c] %s\n", level, text);
    }
}

static struct cr_setup *setup_new(const struct rig *rig, const char *name)
{
    struct cr_setup *setup = calloc(1, sizeof *setup);
    assert_non_null(setup);
    atomic_init(&setup->refs, 1);
    struct cr_config *config = &setup->config;
    snprintf(config->redis, sizeof config->redis, "%s", rig->address != NULL ? rig->address : rig->redis.socket);
    snprintf(config->redis_password, sizeof config->redis_password, "%s", rig->password != NULL ? rig->password : "");
    snprintf(config->redis_prefix, sizeof config->redis_prefix, "cr");
    snprintf(config->redis_cafile, sizeof config->redis_cafile, "%s", rig->cafile != NULL ? rig->cafile : "");
    config->redis_timeout_ms = rig->timeout_ms;
    config->redis_require_durable = rig->require_durable;
    config->buckets = rig->buckets != 0 ? rig->buckets : RIG_BUCKETS;
    snprintf(config->broker_name, sizeof config->broker_name, "%s", name);
    snprintf(config->journal_dir, sizeof config->journal_dir, "%s/%s", rig->redis.dir, name);
    config->retry_after_s = RIG_RETRY_S;
    config->renewal_deadline_s = 7 * RIG_DAY_S;
    config->retry_first_s = 3600;
    config->retry_max_s = RIG_DAY_S;
    config->failures_alert = 3;
    config->wake_after_s = 3 * RIG_DAY_S;
    config->wake_retry_s = RIG_DAY_S;
    config->wake_retry_max_s = 14 * RIG_DAY_S;
    config->field_after_s = 7 * RIG_DAY_S;
    config->field_before_s = 60 * RIG_DAY_S;
    config->max_in_flight = rig->max_jobs;
    config->slot_count = 2;
    config->slot[0] = rig->operational;
    config->slot[1] = rig->data;
    return setup;
}

static cr_err store_new(struct rig_broker *broker, const char *name)
{
    char why[200] = "";
    struct rig *rig = broker->rig;
    if (rig->backend == RIG_FAKE) {
        const struct fake_store_options options = { rig->ledger, name, rig->max_jobs, on_done, broker };
        return fake_store_new(&broker->store, &options);
    }
    const struct cr_store_redis_options options = {
        .setup = broker->setup,
        .clock = cr_clock_system(),
        .max_jobs = rig->max_jobs,
        .done = on_done,
        .done_ctx = broker,
        .log = on_log,
    };
    cr_err err = cr_store_redis_new(&broker->store, &options, why, sizeof why);
    if (err != CR_OK) {
        print_message("%s\n", why);
    }
    return err;
}

struct rig_broker *rig_open_only(struct rig *rig, const char *name)
{
    int i = 0;
    while (i < RIG_BROKERS - 1 && rig->broker[i].store != NULL) {
        i++;
    }
    struct rig_broker *broker = &rig->broker[i];
    assert_null(broker->store);
    *broker = (struct rig_broker){ .rig = rig, .revoked.hold = rig->hold_pages };
    broker->done_tail = &broker->done;
    broker->setup = setup_new(rig, name);
    memcpy(broker->journal_dir, broker->setup->config.journal_dir, sizeof broker->journal_dir);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&broker->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&broker->lock, NULL);
    if (store_new(broker, name) != CR_OK) {
        assert_true(rig->may_fail);
        cr_setup_drop(broker->setup);
        return NULL;
    }
    return broker;
}

struct rig_broker *rig_open(struct rig *rig, const char *name)
{
    struct rig_broker *broker = rig_open_only(rig, name);
    assert_true(rig_wait_connected(broker, true));
    return broker;
}

static void free_all(struct cr_job **list)
{
    while (*list != NULL) {
        struct cr_job *job = *list;
        *list = job->next;
        cr_job_free(job);
    }
}

void rig_close(struct rig_broker *broker)
{
    if (broker->store == NULL) {
        return;
    }
    cr_store_free(broker->store);
    broker->store = NULL;
    free_all(&broker->done);
    free_all(&broker->pushed);
    cr_job_free(broker->bundle);
    broker->bundle = NULL;
    rig_revoked_fini(&broker->revoked);
    cr_setup_drop(broker->setup);
    (void)pthread_cond_destroy(&broker->cond);
    (void)pthread_mutex_destroy(&broker->lock);
}

struct cr_store_health rig_health(struct rig_broker *broker)
{
    struct cr_store_health health;
    cr_store_health_get(broker->store, &health);
    return health;
}

bool rig_wait_connected(struct rig_broker *broker, bool connected)
{
    for (int64_t end = mono_ms() + RIG_WAIT_MS; mono_ms() < end; nap()) {
        if (rig_health(broker).connected == connected) {
            return true;
        }
    }
    return false;
}

/* ---- jobs ---- */

static void serial_of(struct cr_serial *serial, unsigned number)
{
    *serial = (struct cr_serial){ .len = 16 };
    memset(serial->octets, 0x5a, 16);
    serial->octets[12] = (uint8_t)(number >> 24);
    serial->octets[13] = (uint8_t)(number >> 16);
    serial->octets[14] = (uint8_t)(number >> 8);
    serial->octets[15] = (uint8_t)number;
}

static void key_of(uint8_t hash[CR_SHA256_LEN], unsigned key)
{
    assert_int_equal(cr_sha256(hash, &key, sizeof key), CR_OK);
}

static void issuer_of(char issuer[CR_ISSUER_ID_TEXT])
{
    snprintf(issuer, CR_ISSUER_ID_TEXT, "00000000000000ca");
}

struct cr_cert_facts rig_cert(const char *device, unsigned serial, unsigned key, int64_t not_before, int64_t not_after)
{
    struct cr_cert_facts facts = { .not_before = not_before, .not_after = not_after };
    snprintf(facts.device, sizeof facts.device, "%s", device);
    serial_of(&facts.serial, serial);
    issuer_of(facts.issuer);
    key_of(facts.key_hash, key);
    return facts;
}

struct cr_cert_facts rig_cert_of(const struct cr_job *job)
{
    struct cr_cert_facts facts = { .not_before = job->intent.not_before, .not_after = job->intent.not_after };
    memcpy(facts.device, job->device, sizeof facts.device);
    facts.serial = job->intent.serial;
    memcpy(facts.issuer, job->issuer, sizeof facts.issuer);
    memcpy(facts.key_hash, job->csr.key_hash, sizeof facts.key_hash);
    return facts;
}

struct cr_job *rig_job(struct rig_broker *broker, enum cr_op op, const char *device, const char *slot)
{
    struct cr_job *job;
    assert_int_equal(cr_job_new(&job, op, broker->setup), CR_OK);
    job->id = ++broker->rig->jobs;
    job->now_s = broker->rig->now_s;
    snprintf(job->device, sizeof job->device, "%s", device);
    snprintf(job->slot, sizeof job->slot, "%s", slot);
    snprintf(job->who, sizeof job->who, "device:%s", device);
    job->profile = cr_config_slot(&broker->setup->config, slot);
    return job;
}

struct cr_job *rig_job_present(struct rig_broker *broker, const char *slot, const struct cr_cert_facts *facts)
{
    struct cr_job *job = rig_job(broker, CR_OP_PRESENT, facts->device, slot);
    job->presented = *facts;
    job->appeared = job->may_begin = true;
    return job;
}

struct cr_job *rig_job_csr(struct rig_broker *broker, const char *device, const char *slot, unsigned key,
                           const struct cr_cert_facts *presented)
{
    struct cr_job *job = rig_job(broker, CR_OP_CSR, device, slot);
    job->stage = CR_STAGE_BEGIN;
    job->request.format = CR_FORMAT_DER;
    key_of(job->csr.key_hash, key);
    serial_of(&job->intent.serial, 0x01000000u + ++broker->rig->serials);
    job->intent.not_before = job->now_s - 300;
    job->intent.not_after = job->now_s + 90 * RIG_DAY_S;
    issuer_of(job->issuer);
    if (presented != NULL) {
        job->presented = *presented;
    }
    return job;
}

struct cr_job *rig_job_report(struct rig_broker *broker, const char *device, const char *slot, const char *renewal_id,
                              enum cr_report_outcome outcome)
{
    struct cr_job *job = rig_job(broker, CR_OP_REPORT, device, slot);
    snprintf(job->report.renewal_id, sizeof job->report.renewal_id, "%s", renewal_id);
    job->report.outcome = outcome;
    return job;
}

struct cr_job *rig_job_trigger(struct rig_broker *broker, const char *device, const char *slot)
{
    struct cr_job *job = rig_job(broker, CR_OP_TRIGGER, device, slot);
    job->reason = CR_RENEW_OPERATOR;
    return job;
}

void rig_sign(struct cr_job *job)
{
    char text[400], serial[CR_SERIAL_TEXT], key[2 * CR_SHA256_LEN + 1];
    cr_serial_text(serial, &job->intent.serial);
    cr_hex_encode(key, job->csr.key_hash, CR_SHA256_LEN);
    int len = snprintf(text, sizeof text, "certificate %s of %s/%s for %s, job %llu", serial, job->device, job->slot,
                       key, (unsigned long long)job->id);
    text[11] = '\0'; /* as binary as DER is */
    assert_int_equal(job->outcome, CR_OUT_NONE);
    assert_int_equal(job->stage, CR_STAGE_SIGN);
    assert_int_equal(cr_blob_copy(&job->certificate, text, (size_t)len), CR_OK);
    job->stage = CR_STAGE_RECORD;
}

/* ---- running ---- */

void rig_submit(struct rig_broker *broker, struct cr_job *job)
{
    assert_int_equal(cr_store_submit(broker->store, &job), CR_OK);
    assert_null(job);
}

struct cr_job *rig_next(struct rig_broker *broker, int wait_ms)
{
    if (broker->rig->backend == RIG_FAKE) {
        (void)fake_store_pump(broker->store);
    }
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    int status = 0;
    (void)pthread_mutex_lock(&broker->lock);
    while (broker->done == NULL && status == 0 && broker->rig->backend == RIG_REDIS) {
        status = pthread_cond_timedwait(&broker->cond, &broker->lock, &until);
    }
    struct cr_job *job = broker->done;
    if (job != NULL) {
        broker->done = job->next;
        broker->done_tail = broker->done == NULL ? &broker->done : broker->done_tail;
        job->next = NULL;
    }
    (void)pthread_mutex_unlock(&broker->lock);
    return job;
}

bool rig_pushed(struct rig_broker *broker, const char *device, int wait_ms)
{
    bool found = false;
    for (int64_t end = mono_ms() + wait_ms; !found; nap()) {
        (void)pthread_mutex_lock(&broker->lock);
        for (const struct cr_job *job = broker->pushed; job != NULL; job = job->next) {
            found = found || strcmp(job->device, device) == 0;
        }
        free_all(&broker->pushed);
        (void)pthread_mutex_unlock(&broker->lock);
        if (mono_ms() >= end) {
            break;
        }
    }
    return found;
}

struct cr_job *rig_run(struct rig_broker *broker, struct cr_job *job)
{
    uint64_t id = job->id;
    rig_submit(broker, job);
    struct cr_job *home = rig_next(broker, RIG_WAIT_MS);
    assert_non_null(home);
    assert_int_equal(home->id, id);
    return home;
}

struct cr_job *rig_issue(struct rig_broker *broker, const char *device, const char *slot, unsigned key)
{
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, key, NULL));
    rig_sign(job);
    return rig_run(broker, job);
}

bool rig_present(struct rig_broker *broker, const char *slot, const struct cr_cert_facts *facts)
{
    struct cr_job *job = rig_run(broker, rig_job_present(broker, slot, facts));
    bool confirmed = job->confirmed;
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->stage, CR_STAGE_DONE);
    cr_job_free(job);
    return confirmed;
}

struct cr_slot_record rig_slot(struct rig_broker *broker, const char *device, const char *slot)
{
    struct cr_slot_record copy = { .state = CR_STATE_QUIET };
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_INSPECT, device, slot));
    if (job->outcome == CR_OUT_RECORD) {
        const struct cr_slot_record *found = cr_device_record_slot(job->record, slot);
        if (found != NULL) {
            copy = *found;
        }
    } else {
        assert_int_equal(job->refusal, CR_REFUSAL_UNKNOWN_DEVICE);
    }
    cr_job_free(job);
    return copy;
}
