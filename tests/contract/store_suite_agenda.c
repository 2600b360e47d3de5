/* What every store makes of slots whose time has come: claiming them, and their next step. */
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

enum { ALL = 1000 /* more buckets than there are */, RATE = 50 };

/* Claims; frees the job. */
static struct cr_agenda claim(struct rig_broker *broker, unsigned limit, unsigned rate)
{
    struct cr_job *job = rig_job(broker, CR_OP_AGENDA, "", "");
    job->agenda = calloc(1, sizeof *job->agenda);
    assert_non_null(job->agenda);
    job->agenda->buckets = ALL;
    job->agenda->limit = limit;
    job->agenda->rate_per_s = rate;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_true(job->agenda->count <= limit);
    struct cr_agenda agenda = *job->agenda;
    cr_job_free(job);
    return agenda;
}

static struct cr_job *advance_only(struct rig_broker *broker, const char *name, int64_t claimed_until)
{
    struct cr_job *job = rig_job(broker, CR_OP_ADVANCE, name, slot);
    job->claimed_until = claimed_until;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot_count, 1);
    return job;
}

/* Claims the one slot that is due, and advances it. */
static struct cr_job *advance(struct rig_broker *broker)
{
    struct cr_agenda agenda = claim(broker, CR_DUE_MAX, RATE);
    assert_int_equal(agenda.count, 1);
    assert_string_equal(agenda.due[0].device, device);
    assert_string_equal(agenda.due[0].slot, slot);
    assert_true(agenda.until > broker->rig->now_s);
    return advance_only(broker, device, agenda.until);
}

static void advance_is(struct rig_broker *broker, bool triggered, enum cr_alert alert, enum cr_state state)
{
    struct cr_job *job = advance(broker);
    assert_int_equal(job->triggered, triggered);
    assert_int_equal(job->alert, alert);
    assert_int_equal(job->record->slot[0].state, state);
    if (alert != CR_ALERT_NONE) {
        assert_string_equal(job->alert_slot, slot);
    }
    cr_job_free(job);
}

static struct cr_cert_facts known_as(struct rig_broker *broker, const char *name, unsigned number)
{
    struct rig *rig = broker->rig;
    struct cr_cert_facts facts = rig_cert(name, number, number, rig->now_s, rig->now_s + 90 * RIG_DAY_S);
    (void)rig_present(broker, slot, &facts);
    return facts;
}

/* Presents it, and waits until it is due. */
static struct cr_cert_facts due(struct rig_broker *broker)
{
    struct cr_cert_facts facts = known_as(broker, device, 1);
    broker->rig->now_s = rig_slot(broker, device, slot).due;
    return facts;
}

void store_agenda_claims_what_is_due(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)known_as(broker, device, 1);
    int64_t when = rig_slot(broker, device, slot).due;
    rig->now_s = when - 1;
    struct cr_agenda agenda = claim(broker, CR_DUE_MAX, RATE);
    assert_int_equal(agenda.count, 0);
    assert_true(agenda.round);
    assert_int_equal(agenda.total, RIG_BUCKETS);
    rig->now_s = when;
    agenda = claim(broker, CR_DUE_MAX, RATE);
    assert_int_equal(agenda.count, 1);
    assert_string_equal(agenda.due[0].device, device);
    assert_int_equal(agenda.until, when + CR_CLAIM_S);
    assert_int_equal(claim(broker, CR_DUE_MAX, RATE).count, 0); /* it is claimed */
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_QUIET);
}

/* A broker that claims and dies loses nothing: another one takes it when the claim is over, not before. */
void store_agenda_claim_ends(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "one"), *two = rig_open(rig, "two");
    (void)due(one);
    struct cr_agenda first = claim(one, CR_DUE_MAX, RATE);
    assert_int_equal(first.count, 1);
    rig_close(one);
    rig->now_s += CR_CLAIM_S - 1;
    assert_int_equal(claim(two, CR_DUE_MAX, RATE).count, 0);
    rig->now_s += 1;
    advance_is(two, true, CR_ALERT_NONE, CR_STATE_TRIGGERED);

    /* what the first one had on its way all the same comes too late */
    struct cr_job *job = advance_only(two, device, first.until);
    assert_false(job->triggered);
    assert_int_equal(job->record->slot[0].attempt, 1);
    cr_job_free(job);
    rig_expect_audits(rig, "triggered", device, 1);
}

/* Two brokers that look at the same time trigger once. */
void store_agenda_triggers_once(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "one"), *two = rig_open(rig, "two");
    (void)due(one);
    struct cr_agenda first = claim(one, CR_DUE_MAX, RATE);
    assert_int_equal(first.count + claim(two, CR_DUE_MAX, RATE).count, 1);
    struct cr_job *job = advance_only(one, device, first.until), *again = advance_only(two, device, first.until);
    assert_true(job->triggered);
    assert_false(again->triggered);
    assert_string_equal(job->record->slot[0].renewal_id, again->record->slot[0].renewal_id);
    assert_int_equal(again->record->slot[0].attempt, 1);
    cr_job_free(job);
    cr_job_free(again);
    rig_expect_audits(rig, "triggered", device, 1);
}

/* The device appeared between the claim and what follows: its renewal has begun, and is not begun again. */
void store_agenda_gives_way_to_what_happened(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)due(broker);
    struct cr_agenda agenda = claim(broker, CR_DUE_MAX, RATE);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
    struct cr_job *job = advance_only(broker, device, agenda.until);
    assert_false(job->triggered);
    assert_int_equal(job->record->slot[0].reason, CR_RENEW_OPERATOR);
    assert_int_equal(job->record->slot[0].attempt, 1);
    cr_job_free(job);
}

/* At most so many of the whole fleet each second. */
void store_agenda_keeps_the_rate(void **state)
{
    enum { DEVICES = 30, SLOW = 5 };
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "one"), *two = rig_open(rig, "two");
    char name[CR_NAME_CAP];
    for (unsigned i = 0; i < DEVICES; i++) {
        (void)snprintf(name, sizeof name, "meter-%u", i);
        (void)known_as(one, name, 1 + i);
    }
    rig->now_s += 90 * RIG_DAY_S - 1;
    assert_int_equal(claim(one, 3, SLOW).count, 3);
    assert_int_equal(claim(two, CR_DUE_MAX, SLOW).count, SLOW - 3);
    assert_int_equal(claim(one, CR_DUE_MAX, SLOW).count, 0);
    rig->now_s++;
    assert_int_equal(claim(two, CR_DUE_MAX, SLOW).count, SLOW);
    assert_int_equal(claim(one, CR_DUE_MAX, SLOW).count, 0);
    rig->now_s += 10; /* what was not used is lost */
    assert_int_equal(claim(one, CR_DUE_MAX, SLOW).count, SLOW);
    rig->now_s++;
    struct cr_agenda agenda = claim(one, CR_DUE_MAX, 1000);
    assert_int_equal(agenda.count, DEVICES - 3 * SLOW);
    assert_true(agenda.round);
    rig->now_s++;
    assert_int_equal(claim(one, CR_DUE_MAX, 1).count, 0); /* all are claimed */
}

/* A part of the buckets at a time comes round to all of them. */
void store_agenda_goes_round(void **state)
{
    enum { DEVICES = 20 };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    char name[CR_NAME_CAP];
    unsigned found = 0, rounds = 0, bucket = 7 * RIG_BUCKETS + 2;
    for (unsigned i = 0; i < DEVICES; i++) {
        (void)snprintf(name, sizeof name, "meter-%u", i);
        (void)known_as(broker, name, 1 + i);
    }
    rig->now_s += 90 * RIG_DAY_S - 1;
    for (unsigned i = 0; i < RIG_BUCKETS + DEVICES; i++) {
        struct cr_job *job = rig_job(broker, CR_OP_AGENDA, "", "");
        job->agenda = calloc(1, sizeof *job->agenda);
        assert_non_null(job->agenda);
        job->agenda->bucket = bucket;
        job->agenda->buckets = 1;
        job->agenda->limit = 3;
        job->agenda->rate_per_s = 1000000;
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        found += job->agenda->count;
        rounds += job->agenda->round;
        bucket = job->agenda->bucket;
        assert_true(bucket < RIG_BUCKETS);
        cr_job_free(job);
    }
    assert_int_equal(found, DEVICES);
    assert_true(rounds > 1);
}

void store_advance_begins_tries_again_and_gives_up(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = due(broker);
    int64_t deadline = rig->now_s + 7 * RIG_DAY_S, last_s = 0;
    struct cr_job *job = advance(broker);
    assert_true(job->triggered);
    const struct cr_slot_record *record = &job->record->slot[0];
    assert_int_equal(record->state, CR_STATE_TRIGGERED);
    assert_int_equal(record->reason, CR_RENEW_EXPIRY);
    assert_int_equal(record->attempt, 1);
    assert_int_equal(record->deadline, deadline);
    assert_string_equal(record->renewal_id, job->renewal_id);
    char renewal_id[CR_RENEWAL_ID_CAP];
    memcpy(renewal_id, job->renewal_id, sizeof renewal_id);
    unsigned attempts = 1;
    for (int64_t next = record->due; next < deadline; next = record->due) {
        assert_true(next > rig->now_s + last_s / 2); /* longer each time, but for chance and the longest */
        last_s = next - rig->now_s < RIG_DAY_S / 2 ? next - rig->now_s : 0;
        cr_job_free(job);
        rig->now_s = next - 1;
        assert_int_equal(claim(broker, CR_DUE_MAX, RATE).count, 0);
        rig->now_s = next;
        job = advance(broker);
        record = &job->record->slot[0];
        assert_true(job->triggered);
        assert_int_equal(record->attempt, ++attempts);
        assert_int_equal(record->deadline, deadline); /* attempts do not put it off */
        assert_string_equal(record->renewal_id, renewal_id);
    }
    cr_job_free(job);
    assert_in_range(attempts, 8, 16); /* 1 h, 2 h … 16 h, then a day each */
    rig_expect_audits(rig, "triggered", device, attempts);

    rig->now_s = deadline;
    advance_is(broker, false, CR_ALERT_UNANSWERED, CR_STATE_QUIET);
    rig_expect_audits(rig, "expired", device, 1);
    rig_expect_audits(rig, "alert", device, 1);
    assert_int_equal(rig_slot(broker, device, slot).due, facts.not_after);
    assert_int_equal(rig_slot(broker, device, slot).unanswered, 1);

    /* the device is not triggered while it sleeps; when it appears, it is */
    rig->now_s += RIG_DAY_S;
    assert_int_equal(claim(broker, CR_DUE_MAX, RATE).count, 0);
    job = rig_run(broker, rig_job_present(broker, slot, &facts));
    assert_true(job->triggered);
    assert_string_not_equal(job->renewal_id, renewal_id);
    cr_job_free(job);
    job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &fresh));
    assert_int_equal(rig_slot(broker, device, slot).unanswered, 0);
}

/* Nothing pending vanishes: what nobody renews ends with an alert, once. */
void store_advance_tells_when_a_certificate_ends(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = due(broker);
    advance_is(broker, true, CR_ALERT_NONE, CR_STATE_TRIGGERED);
    rig->now_s += 7 * RIG_DAY_S;
    cr_job_free(rig_run(broker, rig_job(broker, CR_OP_GET, device, slot))); /* whoever notices it */
    rig_expect_audits(rig, "alert", device, 1);
    rig->now_s = facts.not_after - 1;
    assert_int_equal(claim(broker, CR_DUE_MAX, RATE).count, 0);
    rig->now_s++;
    advance_is(broker, false, CR_ALERT_EXPIRED, CR_STATE_QUIET);
    rig_expect_audits(rig, "alert", device, 2);
    rig->now_s += RIG_DAY_S;
    assert_int_equal(claim(broker, CR_DUE_MAX, RATE).count, 0);
    assert_int_equal(rig_slot(broker, device, slot).due, 0);

    /* also when the deadline lies behind the end */
    rig->now_s = RIG_NOW_S + 100 * RIG_DAY_S;
    struct cr_cert_facts other =
        rig_cert(device, 5, 5, rig->now_s - 88 * RIG_DAY_S, rig->now_s + 2 * RIG_DAY_S);
    cr_job_free(rig_run(broker, rig_job_present(broker, slot, &other)));
    rig->now_s += 8 * RIG_DAY_S;
    cr_job_free(rig_run(broker, rig_job(broker, CR_OP_GET, device, slot)));
    advance_is(broker, false, CR_ALERT_EXPIRED, CR_STATE_QUIET);
    assert_int_equal(rig_slot(broker, device, slot).due, 0);
}

/* A worker or broker that dies with an intent: the trigger is repeated, and the intent's serial never used. */
void store_advance_ends_a_lost_issuance(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)due(broker);
    advance_is(broker, true, CR_ALERT_NONE, CR_STATE_TRIGGERED);
    int64_t next = rig_slot(broker, device, slot).due, deadline = rig_slot(broker, device, slot).deadline;
    rig->now_s = next - 1;
    struct cr_job *lost = rig_run(broker, rig_job_csr(broker, device, slot, 2, NULL));
    assert_int_equal(lost->outcome, CR_OUT_NONE);
    rig->now_s = next;
    advance_is(broker, false, CR_ALERT_NONE, CR_STATE_ISSUING); /* it may be signed just now */
    assert_int_equal(rig_slot(broker, device, slot).due, next - 1 + CR_LEASE_S);
    rig->now_s = next - 1 + CR_LEASE_S;
    struct cr_job *job = advance(broker);
    assert_true(job->triggered);
    assert_int_equal(job->record->slot[0].state, CR_STATE_TRIGGERED);
    assert_int_equal(job->record->slot[0].attempt, 2);
    assert_int_equal(job->record->slot[0].deadline, deadline);
    assert_int_equal(job->record->slot[0].pending.serial.len, 0);
    assert_string_equal(job->renewal_id, lost->renewal_id);
    cr_job_free(job);
    rig_sign(lost);
    lost = rig_run(broker, lost);
    assert_int_equal(lost->outcome, CR_OUT_PENDING); /* too late: it was replaced */
    cr_job_free(lost);
    job = rig_issue(broker, device, slot, 2);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);

    /* past its deadline it ends instead */
    rig->now_s = deadline - 1;
    lost = rig_run(broker, rig_job_csr(broker, device, slot, 3, NULL));
    assert_int_equal(lost->outcome, CR_OUT_NONE);
    cr_job_free(lost);
    rig->now_s = deadline - 1 + CR_LEASE_S;
    advance_is(broker, false, CR_ALERT_UNANSWERED, CR_STATE_QUIET);
    rig_expect_audits(rig, "expired", device, 1);
}

void store_advance_brings_the_certificate_again(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)due(broker);
    advance_is(broker, true, CR_ALERT_NONE, CR_STATE_TRIGGERED);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    int64_t ends = job->intent.not_after;
    cr_job_free(job);
    rig->now_s = rig_slot(broker, device, slot).due;
    job = advance(broker);
    assert_false(job->triggered);
    assert_int_equal(job->record->slot[0].state, CR_STATE_ISSUED);
    assert_true(job->record->slot[0].certificate.len > 0);
    assert_in_range(job->record->slot[0].due, rig->now_s + 5400, rig->now_s + 9000);
    cr_job_free(job);
    rig->now_s = rig_slot(broker, device, slot).due;
    cr_job_free(advance(broker));
    assert_in_range(rig_slot(broker, device, slot).due, rig->now_s + 10800, rig->now_s + 18000); /* less and less often */

    /* it was never fetched, and now it is of no use */
    rig->now_s = ends;
    job = advance(broker);
    assert_true(job->triggered);
    assert_int_equal(job->record->slot[0].state, CR_STATE_TRIGGERED);
    assert_int_equal(job->record->slot[0].attempt, 1);
    assert_int_equal(job->record->slot[0].deadline, ends + 7 * RIG_DAY_S);
    cr_job_free(job);
}

void store_advance_touches_nothing_held_or_unknown(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = due(broker);

    /* no such slot is configured: an alarm, nothing begins, and it is looked at again while there is time */
    struct cr_agenda agenda = claim(broker, CR_DUE_MAX, RATE);
    struct cr_job *job = rig_job(broker, CR_OP_ADVANCE, device, slot);
    job->claimed_until = agenda.until;
    job->profile = NULL;
    job = rig_run(broker, job);
    assert_false(job->triggered);
    assert_int_equal(job->alarm, CR_REFUSAL_UNKNOWN_SLOT);
    assert_int_equal(job->record->slot[0].due, rig->now_s + (facts.not_after - rig->now_s) / 4);
    rig->now_s = job->record->slot[0].due; /* configured again, or it always was at another broker */
    cr_job_free(job);
    rig_expect_audits(rig, "alarm", device, 1);
    job = advance_only(broker, device, 0);
    assert_true(job->triggered);
    cr_job_free(job);

    /* on hold: out of the agenda */
    struct cr_cert_facts other = rig_cert("meter-18", 2, 2, rig->now_s, rig->now_s + 90 * RIG_DAY_S);
    (void)rig_present(broker, slot, &other);
    rig_hold(rig, "meter-18", slot, true);
    rig->now_s = rig_slot(broker, "meter-18", slot).due;
    job = advance_only(broker, "meter-18", 0);
    assert_false(job->triggered);
    assert_int_equal(job->record->slot[0].state, CR_STATE_QUIET);
    assert_int_equal(job->record->slot[0].due, 0);
    cr_job_free(job);

    /* nothing is known of it */
    job = advance_only(broker, "meter-19", 0);
    assert_false(job->triggered);
    assert_int_equal(job->record->slot[0].current.serial.len, 0);
    cr_job_free(job);
}
