/* A long walk through every operation in every state, on both stores at once: they must say the same and remember the
 * same at each step. The walk is pseudo-random, from a fixed seed; CR_WALK_SEED and CR_WALK_STEPS change it. */
#include "tests/contract/store_rig.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DEVICES = 3, SLOTS = 2, KEYS = 5, PENDING_MAX = 8, VISITS_SHARE = 40 };

static const char *const slot_name[SLOTS] = { "operational", "data" };

/* What the walker knows of one place: the certificates it has seen, to present them again. */
struct place {
    struct cr_cert_facts seen[4];
    unsigned count;
};

struct walk {
    struct rig rig[2]; /* fake, Redis */
    struct rig_broker *broker[2][2];
    uint64_t random;
    struct place place[DEVICES][SLOTS];
    struct cr_job *signing[2][PENDING_MAX]; /* begun on both, not recorded */
    unsigned signing_count;
    char renewal[2][64][CR_RENEWAL_ID_CAP]; /* the same renewals as either store names them */
    unsigned renewals;
    unsigned visits[CR_STATE_COUNT];
    unsigned regressed, split, outdated, begun, unanswered, failing, told, cleared;
    uint64_t generation[DEVICES][SLOTS];
    bool was_held[DEVICES][SLOTS];
};

static uint32_t dice(struct walk *walk, uint32_t sides)
{
    walk->random ^= walk->random << 13;
    walk->random ^= walk->random >> 7;
    walk->random ^= walk->random << 17;
    return (uint32_t)(walk->random >> 33) % sides;
}

/* ---- comparing ---- */

static void same_renewal(struct walk *walk, const char *fake, const char *real)
{
    if (fake[0] == '\0' || real[0] == '\0') {
        assert_string_equal(fake, real);
        return;
    }
    for (unsigned i = 0; i < walk->renewals && i < 64; i++) {
        bool match = strcmp(walk->renewal[0][i], fake) == 0;
        assert_int_equal(match, strcmp(walk->renewal[1][i], real) == 0);
        if (match) {
            return;
        }
    }
    unsigned at = walk->renewals++ % 64;
    (void)snprintf(walk->renewal[0][at], CR_RENEWAL_ID_CAP, "%s", fake);
    (void)snprintf(walk->renewal[1][at], CR_RENEWAL_ID_CAP, "%s", real);
}

static void same_entry(const struct cr_cert_entry *fake, const struct cr_cert_entry *real)
{
    assert_true(cr_serial_equal(&fake->serial, &real->serial));
    if (fake->serial.len > 0) {
        assert_string_equal(fake->issuer, real->issuer);
        assert_memory_equal(fake->key_hash, real->key_hash, CR_SHA256_LEN);
        assert_int_equal(fake->not_before, real->not_before);
        assert_int_equal(fake->not_after, real->not_after);
    }
}

static void same_slot(struct walk *walk, const struct cr_slot_record *fake, const struct cr_slot_record *real)
{
    assert_string_equal(fake->slot, real->slot);
    assert_int_equal(fake->state, real->state);
    assert_int_equal(fake->held, real->held);
    assert_int_equal(fake->generation, real->generation);
    assert_int_equal(fake->version, real->version);
    same_entry(&fake->current, &real->current);
    same_entry(&fake->pending, &real->pending);
    assert_true(cr_serial_equal(&fake->superseded.serial, &real->superseded.serial));
    assert_int_equal(fake->due, real->due);
    same_renewal(walk, fake->renewal_id, real->renewal_id);
    assert_int_equal(fake->reason, real->reason);
    assert_int_equal(fake->attempt, real->attempt);
    assert_int_equal(fake->deadline, real->deadline);
    assert_int_equal(fake->failures, real->failures);
    assert_int_equal(fake->unanswered, real->unanswered);
    assert_int_equal(fake->retry_at, real->retry_at);
    assert_int_equal(fake->superseded.not_after, real->superseded.not_after);
    assert_memory_equal(&fake->alert, &real->alert, offsetof(struct cr_slot_alert, by));
    assert_int_equal(fake->certificate.len, real->certificate.len);
    if (fake->certificate.len > 0) {
        assert_memory_equal(fake->certificate.data, real->certificate.data, fake->certificate.len);
        assert_int_equal(fake->format, real->format);
    }
}

static void same_record(struct walk *walk, const struct cr_device_record *fake, const struct cr_device_record *real)
{
    assert_int_equal(fake != NULL, real != NULL);
    if (fake == NULL) {
        return;
    }
    assert_string_equal(fake->device, real->device);
    assert_int_equal(fake->gap_s, real->gap_s);
    assert_int_equal(fake->last_seen, real->last_seen);
    assert_int_equal(fake->slot_count, real->slot_count);
    for (unsigned i = 0; i < fake->slot_count; i++) {
        const struct cr_slot_record *other = cr_device_record_slot(real, fake->slot[i].slot);
        assert_non_null(other);
        same_slot(walk, &fake->slot[i], other);
    }
}

static void same_job(struct walk *walk, const struct cr_job *fake, const struct cr_job *real)
{
    assert_int_equal(fake->outcome, real->outcome);
    assert_int_equal(fake->stage, real->stage);
    assert_int_equal(fake->refusal, real->refusal);
    assert_int_equal(fake->retry_after_s, real->retry_after_s);
    assert_int_equal(fake->confirmed, real->confirmed);
    assert_int_equal(fake->regressed, real->regressed);
    assert_int_equal(fake->triggered, real->triggered);
    assert_int_equal(fake->alarm, real->alarm);
    assert_int_equal(fake->alert, real->alert);
    assert_string_equal(fake->alert_slot, real->alert_slot);
    assert_int_equal(fake->told, real->told);
    assert_string_equal(fake->cleared_slot, real->cleared_slot);
    walk->told |= fake->told;
    walk->cleared += fake->cleared_slot[0] != '\0';
    walk->regressed += fake->regressed;
    walk->split += fake->alarm == CR_REFUSAL_SPLIT_IDENTITY;
    walk->outdated += fake->refusal == CR_REFUSAL_CERTIFICATE_OUTDATED;
    walk->begun += fake->triggered;
    walk->unanswered += fake->alert == CR_ALERT_UNANSWERED;
    walk->failing += fake->alert == CR_ALERT_FAILING;
    if (fake->outcome == CR_OUT_NONE || fake->outcome == CR_OUT_CERTIFICATE) {
        assert_int_equal(fake->generation, real->generation);
    }
    if (fake->outcome != CR_OUT_REFUSED && fake->op != CR_OP_PRESENT) {
        same_renewal(walk, fake->renewal_id, real->renewal_id);
    }
    assert_int_equal(fake->certificate.len, real->certificate.len);
    if (fake->certificate.len > 0) {
        assert_memory_equal(fake->certificate.data, real->certificate.data, fake->certificate.len);
    }
    same_record(walk, fake->record, real->record);
}

/* I8: whatever is under way, and every certificate that still counts, has its time in the agenda. A hold takes a slot out
 * of it, and here nobody puts it back. */
static void nothing_vanishes(const struct walk *walk, unsigned device, const struct cr_device_record *record)
{
    for (unsigned i = 0; record != NULL && i < record->slot_count; i++) {
        const struct cr_slot_record *slot = &record->slot[i];
        bool was_held = walk->was_held[device][strcmp(slot->slot, slot_name[0]) != 0];
        bool counts = slot->current.serial.len > 0 && slot->current.not_after > walk->rig[0].now_s;
        if (!was_held && (counts || slot->state != CR_STATE_QUIET)) {
            assert_true(slot->due > 0);
        }
    }
}

static void same_watch(const struct walk *walk, const char *device)
{
    for (unsigned s = 0; s < SLOTS; s++) {
        const char *slot = slot_name[s];
        assert_int_equal(rig_watch_at(&walk->rig[0], device, slot), rig_watch_at(&walk->rig[1], device, slot));
        assert_int_equal(rig_shown(&walk->rig[0], device, slot), rig_shown(&walk->rig[1], device, slot));
    }
}

static void compare_all(struct walk *walk)
{
    for (unsigned d = 0; d < DEVICES; d++) {
        char device[CR_NAME_CAP];
        struct cr_job *job[2];
        (void)snprintf(device, sizeof device, "walker-%u", d);
        for (int k = 0; k < 2; k++) {
            job[k] = rig_run(walk->broker[k][0], rig_job(walk->broker[k][0], CR_OP_INSPECT, device, ""));
        }
        same_job(walk, job[0], job[1]);
        for (unsigned s = 0; s < SLOTS && job[0]->record != NULL; s++) { /* a generation never decreases */
            const struct cr_slot_record *record = cr_device_record_slot(job[1]->record, slot_name[s]);
            if (record != NULL) {
                assert_true(record->generation >= walk->generation[d][s]);
                walk->generation[d][s] = record->generation;
            }
        }
        nothing_vanishes(walk, d, job[1]->record);
        same_watch(walk, device);
        cr_job_free(job[0]);
        cr_job_free(job[1]);
    }
}

/* ---- steps ---- */

/* The same job for both. */
typedef struct cr_job *make_fn(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot);

struct choice { /* rolled once, used for both */
    unsigned key, serial, cert, outcome;
    bool eager, stray, appeared, may_begin;
    int64_t not_before, not_after;
    char renewal[2][CR_RENEWAL_ID_CAP];
    unsigned device;
    int which;
};
static struct choice choice;

static struct cr_job *make_present(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    const struct place *place = &walk->place[choice.device][slot];
    struct cr_cert_facts facts = choice.cert < place->count
                                     ? place->seen[choice.cert]
                                     : rig_cert(device, choice.serial, choice.key, choice.not_before, choice.not_after);
    struct cr_job *job = rig_job_present(broker, slot_name[slot], &facts);
    job->appeared = choice.appeared;
    job->may_begin = choice.may_begin;
    return job;
}

static struct cr_job *make_csr(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    (void)walk;
    struct cr_job *job = rig_job_csr(broker, device, slot_name[slot], choice.key, NULL);
    if (choice.eager) {
        job->profile = &broker->rig->eager;
    }
    return job;
}

static struct cr_job *make_get(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    (void)walk;
    return rig_job(broker, CR_OP_GET, device, slot_name[slot]);
}

static struct cr_job *make_trigger(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    (void)walk;
    return rig_job_trigger(broker, device, slot_name[slot]);
}

static struct cr_job *make_report(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    (void)walk;
    return rig_job_report(broker, device, slot_name[slot], choice.renewal[choice.which],
                          (enum cr_report_outcome)choice.outcome);
}

static struct cr_job *make_advance(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    (void)walk;
    struct cr_job *job = rig_job(broker, CR_OP_ADVANCE, device, slot_name[slot]);
    if (choice.stray) {
        job->profile = NULL;
    }
    return job;
}

static struct cr_job *make_look(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    (void)walk;
    struct cr_job *job = rig_job(broker, CR_OP_LOOK, device, slot_name[slot]);
    job->may_begin = choice.may_begin;
    return job;
}

static void remember(struct walk *walk, unsigned slot, const struct cr_cert_facts *facts)
{
    struct place *place = &walk->place[choice.device][slot];
    if (place->count == 4) {
        memmove(&place->seen[0], &place->seen[1], 3 * sizeof place->seen[0]);
        place->count = 3;
    }
    place->seen[place->count++] = *facts;
}

static void roll(struct walk *walk, const char *device, unsigned slot)
{
    int64_t age = (int64_t)dice(walk, 90);
    choice.key =
        1000 * (dice(walk, 12) == 0 ? 9 : choice.device * SLOTS + slot) + dice(walk, KEYS) + walk->renewals / 3;
    choice.serial = 100000 + dice(walk, 1000000);
    choice.cert = dice(walk, 5);
    choice.eager = dice(walk, 6) == 0;
    choice.outcome = dice(walk, CR_REPORT_COUNT);
    choice.not_before = walk->rig[0].now_s - age * RIG_DAY_S;
    choice.not_after = choice.not_before + 90 * RIG_DAY_S;
    choice.stray = dice(walk, 4) == 0;
    choice.appeared = dice(walk, 4) != 0;
    choice.may_begin = dice(walk, 4) != 0;
    for (int k = 0; k < 2; k++) {
        struct cr_slot_record record = rig_slot(walk->broker[k][0], device, slot_name[slot]);
        (void)snprintf(choice.renewal[k], CR_RENEWAL_ID_CAP, "%s",
                       choice.stray || record.renewal_id[0] == '\0' ? "11111111-2222-4333-8444-555555555555"
                                                                    : record.renewal_id);
        if (k == 0) {
            walk->visits[record.state]++;
        }
    }
}

static void step_run(struct walk *walk, make_fn *make, const char *device, unsigned slot, unsigned life)
{
    struct cr_job *job[2];
    for (choice.which = 0; choice.which < 2; choice.which++) {
        struct rig_broker *broker = walk->broker[choice.which][life];
        job[choice.which] = rig_run(broker, make(walk, broker, device, slot));
    }
    if (getenv("CR_WALK_TRACE") != NULL) {
        print_message("op %d of %s/%s: outcome %d, refusal %d, renewal %s\n", job[0]->op, device, slot_name[slot],
                      job[0]->outcome, job[0]->refusal, job[0]->renewal_id);
    }
    same_job(walk, job[0], job[1]);
    if (job[0]->op == CR_OP_PRESENT) {
        remember(walk, slot, &job[0]->presented);
    }
    if (job[0]->outcome == CR_OUT_NONE && walk->signing_count < PENDING_MAX) {
        walk->signing[0][walk->signing_count] = job[0];
        walk->signing[1][walk->signing_count++] = job[1];
        return;
    }
    cr_job_free(job[0]);
    cr_job_free(job[1]);
}

static void step_record(struct walk *walk)
{
    if (walk->signing_count == 0) {
        return;
    }
    unsigned at = dice(walk, walk->signing_count), last = --walk->signing_count;
    struct cr_job *job[2];
    for (int k = 0; k < 2; k++) {
        job[k] = walk->signing[k][at];
        walk->signing[k][at] = walk->signing[k][last];
        rig_sign(job[k]);
        job[k] = rig_run(walk->broker[k][0], job[k]);
    }
    if (getenv("CR_WALK_TRACE") != NULL) {
        print_message("record of %s/%s: outcome %d, %d\n", job[0]->device, job[0]->slot, job[0]->outcome,
                      job[1]->outcome);
    }
    if (job[0]->outcome == CR_OUT_PENDING) {
        job[1]->retry_after_s = job[0]->retry_after_s; /* advice, not a promise */
    }
    same_job(walk, job[0], job[1]);
    for (unsigned d = 0; d < DEVICES; d++) {
        char device[CR_NAME_CAP];
        (void)snprintf(device, sizeof device, "walker-%u", d);
        if (strcmp(device, job[0]->device) == 0 && job[0]->outcome == CR_OUT_CERTIFICATE) {
            struct cr_cert_facts facts = rig_cert_of(job[0]);
            choice.device = d;
            remember(walk, strcmp(job[0]->slot, slot_name[0]) == 0 ? 0 : 1, &facts);
        }
    }
    cr_job_free(job[0]);
    cr_job_free(job[1]);
}

static void step_hold(struct walk *walk, const char *device, unsigned slot)
{
    struct cr_slot_record record = rig_slot(walk->broker[0][0], device, slot_name[slot]);
    (void)rig_slot(walk->broker[1][0], device, slot_name[slot]); /* so that both count the same jobs */
    if (record.slot[0] != '\0' && (record.held || dice(walk, 4) == 0)) {
        walk->was_held[choice.device][slot] = true;
        rig_hold(&walk->rig[0], device, slot_name[slot], !record.held);
        rig_hold(&walk->rig[1], device, slot_name[slot], !record.held);
    }
}

static void step(struct walk *walk)
{
    static make_fn *const makers[] = { make_present, make_present, make_csr,     make_csr,
                                       make_csr,     make_get,     make_trigger, make_report,
                                       make_advance, make_look,    make_look };
    char device[CR_NAME_CAP];
    choice.device = dice(walk, DEVICES);
    unsigned slot = dice(walk, SLOTS), what = dice(walk, 17), life = dice(walk, 8) == 0;
    (void)snprintf(device, sizeof device, "walker-%u", choice.device);
    roll(walk, device, slot);
    if (what < 11) {
        step_run(walk, makers[what], device, slot, life);
    } else if (what < 14) {
        step_record(walk);
    } else if (what == 14 && choice.device == 0) { /* the others are never held: nothing_vanishes */
        step_hold(walk, device, slot);
    } else {
        static const int64_t leaps[] = { 0, 1, FAKE_LEASE_S - 1, FAKE_LEASE_S, 3600, RIG_DAY_S, 8 * RIG_DAY_S };
        int64_t leap = leaps[dice(walk, 7)];
        walk->rig[0].now_s += leap;
        walk->rig[1].now_s += leap;
    }
    compare_all(walk);
}

static void both_walk_alike(void **state)
{
    (void)state;
    static struct walk walk;
    const char *seed = getenv("CR_WALK_SEED"), *steps = getenv("CR_WALK_STEPS");
    walk.random = 0x9e3779b97f4a7c15u ^ (seed != NULL ? strtoul(seed, NULL, 10) : 1);
    unsigned long count = steps != NULL ? strtoul(steps, NULL, 10) : 3000;
    rig_init(&walk.rig[0], RIG_FAKE);
    rig_init(&walk.rig[1], RIG_REDIS);
    for (int k = 0; k < 2; k++) {
        walk.broker[k][0] = rig_open(&walk.rig[k], "one");
        walk.broker[k][1] = rig_open(&walk.rig[k], "two");
    }
    for (unsigned long i = 0; i < count; i++) {
        if (getenv("CR_WALK_TRACE") != NULL) {
            print_message("step %lu\n", i);
        }
        step(&walk);
    }
    for (int s = 0; s < CR_STATE_COUNT; s++) {
        assert_true(walk.visits[s] >= count / VISITS_SHARE); /* no state was left out */
    }
    if (getenv("CR_WALK_TRACE") != NULL) {
        print_message("regressed %u, split %u, outdated %u, begun %u, unanswered %u, failing %u\n", walk.regressed,
                      walk.split, walk.outdated, walk.begun, walk.unanswered, walk.failing);
    }
    if (count >= 3000) { /* nor anything that is rare */
        assert_true(walk.regressed > 0 && walk.split > 0 && walk.outdated > 0);
        assert_true(walk.begun > 0 && walk.unanswered > 0 && walk.failing > 0);
        assert_true(walk.told == (CR_TOLD_RAISED | CR_TOLD_WOKEN | CR_TOLD_FIELD) && walk.cleared > 0);
    }
    for (unsigned i = 0; i < walk.signing_count; i++) {
        cr_job_free(walk.signing[0][i]);
        cr_job_free(walk.signing[1][i]);
    }
    rig_fini(&walk.rig[0]);
    rig_fini(&walk.rig[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(both_walk_alike) };
    return cmocka_run_group_tests_name("store walk", tests, NULL, NULL);
}
