/* A long walk through every operation in every state, on both stores at once: they must say the same and remember the
 * same at each step. The walk is pseudo-random, from a fixed seed; CR_WALK_SEED and CR_WALK_STEPS change it. */
#include "tests/contract/campaign_scene.h"
#include "tests/contract/walk.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    DEVICES = WALK_DEVICES,
    SLOTS = WALK_SLOTS,
    KEYS = 5,
    VISITS_SHARE = 40,
    VERBS = CR_STEER_ACKNOWLEDGE + 1,
};

#define slot_name walk_slot_name

static uint32_t dice(struct walk *walk, uint32_t sides)
{
    walk->random ^= walk->random << 13;
    walk->random ^= walk->random >> 7;
    walk->random ^= walk->random << 17;
    return (uint32_t)(walk->random >> 33) % sides;
}

/* ---- steps ---- */

/* The same job for both. */
typedef struct cr_job *make_fn(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot);

struct choice { /* rolled once, used for both */
    unsigned key, serial, cert, outcome;
    bool eager, stray, appeared, may_begin;
    int64_t not_before, not_after;
    char renewal[2][CR_RENEWAL_ID_CAP];
    unsigned device, campaign, group;
    enum cr_steer_verb verb;
    const char *text, *add, *drop;
    bool whole; /* all of the device's slots */
    unsigned why;
    int which;
};
static struct choice choice;

static struct cr_job *make_present(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    const struct walk_place *place = &walk->place[choice.device][slot];
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
    struct cr_job *job = rig_job_trigger(broker, device, slot_name[slot]);
    if (choice.campaign < WALK_CAMPAIGNS) {
        memcpy(job->campaign.id, walk->campaign[choice.which][choice.campaign], sizeof job->campaign.id);
        job->campaign.group = choice.group;
    }
    return job;
}

static struct cr_job *make_steer(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    (void)walk;
    bool whole = choice.whole && (choice.verb == CR_STEER_HOLD || choice.verb == CR_STEER_RELEASE);
    struct cr_job *job = rig_job(broker, CR_OP_STEER, device, whole ? "" : slot_name[slot]);
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = choice.verb;
    (void)snprintf(job->steer->text, sizeof job->steer->text, "%s", choice.text);
    (void)snprintf(job->steer->by, sizeof job->steer->by, "alice-%u", choice.key % 3);
    (void)snprintf(job->steer->add, sizeof job->steer->add, "%s", choice.add);
    (void)snprintf(job->steer->drop, sizeof job->steer->drop, "%s", choice.drop);
    return job;
}

static struct cr_job *make_revoke(struct walk *walk, struct rig_broker *broker, const char *device, unsigned slot)
{
    const struct walk_place *place = &walk->place[choice.device][slot];
    if (choice.cert < place->count && !choice.whole) {
        return rig_job_revoke_certificate(broker, choice.stray ? "" : device, &place->seen[choice.cert], choice.why);
    }
    return rig_job_revoke(broker, CR_REVOKE_DEVICE, device, choice.whole ? "" : slot_name[slot], choice.why);
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
    struct walk_place *place = &walk->place[choice.device][slot];
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
    static const char *const texts[] = { "operator", "stolen, so they say: ask 0123456789 before 17:00", "" };
    static const char *const tags[] = { "", ",lab,", ",north,lab,", ",abcdefghijklmnopqrstuvwxyz012345,",
                                        ",ABCDEFGHIJKLMNOPQRSTUVWXYZ01234,x," };
    choice.campaign = dice(walk, WALK_CAMPAIGNS + 1);
    choice.group = dice(walk, 3);
    unsigned verb = dice(walk, VERBS + 2); /* there is seldom an alert */
    choice.verb = verb < VERBS ? (enum cr_steer_verb)verb : CR_STEER_ACKNOWLEDGE;
    choice.text = texts[dice(walk, 2)];
    choice.add = tags[dice(walk, 5)];
    choice.drop = tags[dice(walk, 5)];
    static const unsigned reasons[] = { CR_REASON_UNSPECIFIED, CR_REASON_KEY_COMPROMISE, CR_REASON_CERTIFICATE_HOLD };
    choice.whole = dice(walk, 3) == 0;
    choice.why = reasons[dice(walk, 3)];
    for (int k = 0; k < 2; k++) {
        struct cr_slot_record record = rig_slot(walk->broker[k][0], device, slot_name[slot]);
        (void)snprintf(choice.renewal[k], CR_RENEWAL_ID_CAP, "%s",
                       choice.stray || record.renewal_id[0] == '\0' ? "11111111-2222-4333-8444-555555555555"
                                                                    : record.renewal_id);
        if (k == 0) {
            walk->visits[record.state]++;
            walk->held[record.state] += record.held;
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
    walk_same_job(walk, job[0], job[1]);
    if (job[0]->op == CR_OP_STEER) {
        for (unsigned i = 0; job[0]->record != NULL && i < job[0]->record->slot_count; i++) {
            const struct cr_slot_record *other = cr_device_record_slot(job[1]->record, job[0]->record->slot[i].slot);
            assert_int_equal(job[0]->steer->changed >> i & 1u,
                             job[1]->steer->changed >> (other - job[1]->record->slot) & 1u);
        }
        unsigned *count = job[0]->outcome == CR_OUT_REFUSED ? walk->refused : walk->steered;
        count[choice.verb]++;
    }
    if (job[0]->op == CR_OP_REVOKE) {
        walk->revoked += job[0]->outcome == CR_OUT_DONE ? job[0]->revoke->count : 0;
    }
    if (job[0]->op == CR_OP_PRESENT) {
        remember(walk, slot, &job[0]->presented);
    }
    if (job[0]->outcome == CR_OUT_NONE && walk->signing_count < WALK_PENDING_MAX) {
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
    walk_same_job(walk, job[0], job[1]);
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

static void step(struct walk *walk)
{
    static make_fn *const makers[] = { make_present, make_present, make_csr,     make_csr,
                                       make_csr,     make_get,     make_trigger, make_report,
                                       make_advance, make_look,    make_look,    make_steer,
                                       make_trigger, make_steer };
    char device[CR_NAME_CAP];
    choice.device = dice(walk, DEVICES);
    unsigned slot = dice(walk, SLOTS), what = dice(walk, 22), life = dice(walk, 8) == 0;
    (void)snprintf(device, sizeof device, "walker-%u", choice.device);
    roll(walk, device, slot);
    if (what < 14) {
        step_run(walk, makers[what], device, slot, life);
    } else if (what < 17) {
        step_record(walk);
    } else if (what == 21) {
        if (dice(walk, 3) == 0) {
            step_run(walk, make_revoke, device, slot, life);
        } else { /* or it would soon be all that is left */
            choice.verb = CR_STEER_RELEASE;
            step_run(walk, make_steer, device, slot, life);
        }
        walk_compare_revoked(walk);
    } else {
        static const int64_t leaps[] = { 0, 1, FAKE_LEASE_S - 1, FAKE_LEASE_S, 3600, RIG_DAY_S, 8 * RIG_DAY_S };
        int64_t leap = leaps[dice(walk, 7)];
        walk->rig[0].now_s += leap;
        walk->rig[1].now_s += leap;
    }
    walk_compare(walk);
}

static void both_walk_alike(void **state)
{
    (void)state;
    static struct walk walk;
    const char *seed = getenv("CR_WALK_SEED"), *steps = getenv("CR_WALK_STEPS");
    walk.random = 0x9e3779b97f4a7c15u ^ (seed != NULL ? strtoul(seed, NULL, 10) : 1);
    unsigned long count = steps != NULL ? strtoul(steps, NULL, 10) : 8000;
    rig_init(&walk.rig[0], RIG_FAKE);
    rig_init(&walk.rig[1], RIG_REDIS);
    for (int k = 0; k < 2; k++) {
        walk.broker[k][0] = rig_open(&walk.rig[k], "one");
        walk.broker[k][1] = rig_open(&walk.rig[k], "two");
        for (unsigned i = 0; i < WALK_CAMPAIGNS; i++) {
            struct cr_campaign full = campaign_full(&walk.rig[k]), made = campaign_created(walk.broker[k][0], &full);
            memcpy(walk.campaign[k][i], made.id, sizeof made.id);
        }
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
    if (count >= 8000) { /* nor anything that is rare */
        assert_true(walk.regressed > 0 && walk.split > 0 && walk.outdated > 0);
        assert_true(walk.begun > 0 && walk.unanswered > 0 && walk.failing > 0);
        for (int s = 0; s < CR_STATE_COUNT; s++) {
            assert_true(walk.held[s] > 0);
        }
        for (unsigned verb = 0; verb < VERBS; verb++) {
            assert_true(walk.steered[verb] > 0 && (verb == CR_STEER_HOLD || walk.refused[verb] > 0));
        }
        assert_true(walk.revoked > 0 && walk.taken_back > 0);
        assert_true(walk.most.asked > 0 && walk.most.renewed > 0 && walk.most.failed > 0);
        assert_true(walk.most.unanswered > 0 && walk.most.cancelled > 0 && walk.most.skipped > 0);
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
