#include "tests/contract/renewers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char slot[] = "operational";

void renewers_init(struct renewers *all, struct rig_broker *broker)
{
    memset(all, 0, sizeof *all);
    all->broker = broker;
    all->keys = 1000;
    broker->rig->eager.allow_same_key = false;
    for (unsigned i = 0; i < RENEWERS; i++) {
        struct renewer *device = &all->device[i];
        (void)snprintf(device->name, sizeof device->name, "meter-%u", i);
        device->current = rig_cert(device->name, i + 1, i + 1, RIG_NOW_S - 80 * RIG_DAY_S, RIG_NOW_S + 10 * RIG_DAY_S);
    }
}

/* ---- a step ---- */

static struct cr_job *ask(struct renewers *all, struct renewer *device)
{
    if (device->key == 0) {
        device->key = ++all->keys;
        device->len = 0;
    }
    struct cr_job *job = rig_job_csr(all->broker, device->name, slot, device->key, &device->current);
    job->profile = &all->broker->rig->eager; /* at any time, but never the same key twice */
    return job;
}

static struct cr_job *step(struct renewers *all, unsigned i)
{
    struct renewer *device = &all->device[i];
    if (device->len > 0 && (device->tried || (all->rounds + i) % 3 != 0)) {
        device->tried = true;
        return rig_job_present(all->broker, slot, &device->next);
    }
    return ask(all, device);
}

static bool unavailable(const struct cr_job *job)
{
    return job->outcome == CR_OUT_REFUSED && job->refusal == CR_REFUSAL_STORE_UNAVAILABLE;
}

static void received(struct renewer *device, const struct cr_job *job)
{
    assert_in_range(job->certificate.len, 1, RENEWER_BYTES);
    if (device->len > 0) {
        assert_int_equal(device->len, job->certificate.len);
        assert_memory_equal(device->bytes, job->certificate.data, device->len);
    }
    memcpy(device->bytes, job->certificate.data, job->certificate.len);
    device->len = job->certificate.len;
    device->next = rig_cert_of(job);
}

static void confirmed(struct renewer *device, const struct cr_job *job)
{
    const struct cr_slot_record *record = cr_device_record_slot(job->record, slot);
    assert_non_null(record);
    assert_true(cr_serial_equal(&record->current.serial, &device->next.serial));
    device->current = device->next;
    device->current_key = device->key;
    device->key = 0;
    device->len = 0;
    device->tried = false;
    device->renewed++;
}

static struct renewer *whose(struct renewers *all, const struct cr_job *job)
{
    for (unsigned i = 0; i < RENEWERS; i++) {
        if (strcmp(all->device[i].name, job->device) == 0) {
            return &all->device[i];
        }
    }
    fail_msg("a job of nobody");
    return NULL;
}

/* True: it was the last of this device's step. */
static bool came_home(struct renewers *all, struct cr_job *job, unsigned *refused)
{
    struct renewer *device = whose(all, job);
    if (job->op == CR_OP_DELIVER) { /* the device asks by itself */
        cr_job_free(job);
        return false;
    }
    if (job->op == CR_OP_CSR && job->outcome == CR_OUT_NONE) {
        rig_sign(job);
        rig_submit(all->broker, job);
        return false;
    }
    bool waits = job->outcome == CR_OUT_PENDING ||
                 (job->outcome == CR_OUT_REFUSED && job->refusal == CR_REFUSAL_RENEWAL_IN_PROGRESS);
    if (unavailable(job) || waits) {
        if (getenv("CR_TEST_LOG") != NULL) {
            fprintf(stderr, "round %u, %s, op %d: %s\n", all->rounds, job->device, (int)job->op,
                    job->outcome == CR_OUT_REFUSED ? cr_refusal_info(job->refusal)->error_code : "pending");
        }
        ++*refused;
        all->broker->rig->now_s += waits ? FAKE_LEASE_S : 0; /* it waits as it was told */
    } else if (job->op == CR_OP_CSR) {
        assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
        received(device, job);
    } else {
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        confirmed(device, job);
    }
    cr_job_free(job);
    return true;
}

unsigned renewers_round(struct renewers *all, void (*during)(void))
{
    unsigned refused = 0;
    all->broker->rig->now_s++;
    for (unsigned i = 0; i < RENEWERS; i++) {
        rig_submit(all->broker, step(all, i));
    }
    if (during != NULL) {
        during();
    }
    for (unsigned home = 0; home < RENEWERS;) {
        struct cr_job *job = rig_next(all->broker, RIG_WAIT_MS);
        assert_non_null(job);
        home += came_home(all, job, &refused);
    }
    all->rounds++;
    all->refused += refused;
    if (refused > 0) { /* they do not ask again at once, as they were told */
        const struct timespec rest = { 0, 10000000L };
        (void)nanosleep(&rest, NULL);
    }
    return refused;
}

void renewers_until_served(struct renewers *all, int64_t deadline_ms)
{
    const struct cr_clock *clock = cr_clock_system();
    int64_t end_ms = cr_mono_ms(clock) + deadline_ms;
    while (renewers_round(all, NULL) > 0) {
        assert_true(cr_mono_ms(clock) < end_ms);
    }
}

/* ---- looking ---- */

/* Home with an answer, not counting what is delivered by itself. */
static struct cr_job *run(struct renewers *all, struct cr_job *job)
{
    uint64_t id = job->id;
    rig_submit(all->broker, job);
    for (;;) {
        struct cr_job *home = rig_next(all->broker, RIG_WAIT_MS);
        assert_non_null(home);
        if (home->op != CR_OP_DELIVER) {
            assert_int_equal(home->id, id);
            return home;
        }
        cr_job_free(home);
    }
}

void renewers_check(struct renewers *all)
{
    for (unsigned i = 0; i < RENEWERS; i++) {
        struct renewer *device = &all->device[i];
        if (device->tried) {
            struct cr_job *job = run(all, rig_job_present(all->broker, slot, &device->next));
            assert_int_equal(job->outcome, CR_OUT_RECORD);
            confirmed(device, job);
            cr_job_free(job);
        }
        if (device->len > 0) {
            struct cr_job *job = run(all, ask(all, device));
            assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
            received(device, job); /* which compares */
            cr_job_free(job);
        }
        struct cr_job *job = run(all, rig_job(all->broker, CR_OP_INSPECT, device->name, slot));
        if (device->renewed > 0) {
            assert_int_equal(job->outcome, CR_OUT_RECORD);
            const struct cr_slot_record *record = cr_device_record_slot(job->record, slot);
            assert_non_null(record);
            assert_true(cr_serial_equal(&record->current.serial, &device->current.serial));
            assert_int_equal(record->generation, device->renewed);
        }
        cr_job_free(job);
    }
}

void renewers_check_keys(struct renewers *all)
{
    for (unsigned i = 0; i < RENEWERS; i++) {
        if (all->device[i].current_key != 0) {
            struct cr_job *job = rig_job_csr(all->broker, "thief", slot, all->device[i].current_key, NULL);
            job->profile = &all->broker->rig->eager;
            job = run(all, job);
            assert_int_equal(job->outcome, CR_OUT_REFUSED);
            assert_int_equal(job->refusal, CR_REFUSAL_KEY_REUSED);
            cr_job_free(job);
        }
    }
}
