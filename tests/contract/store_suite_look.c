/* What every store makes of slots whose renewal is due and not confirmed: who is watched, what a look finds, and what ends
 * it. */
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

enum { ALL = 1000 /* more buckets than there are */, LIFE_S = 200 * RIG_DAY_S };

static struct cr_agenda claim(struct rig_broker *broker, bool watch)
{
    struct cr_job *job = rig_job(broker, CR_OP_AGENDA, "", "");
    job->agenda = calloc(1, sizeof *job->agenda);
    assert_non_null(job->agenda);
    job->agenda->watch = watch;
    job->agenda->buckets = ALL;
    job->agenda->limit = CR_DUE_MAX;
    job->agenda->rate_per_s = watch ? 0 : 50;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    struct cr_agenda agenda = *job->agenda;
    cr_job_free(job);
    return agenda;
}

static struct cr_job *look_only(struct rig_broker *broker, int64_t claimed_until, bool may_wake)
{
    struct cr_job *job = rig_job(broker, CR_OP_LOOK, device, slot);
    job->claimed_until = claimed_until;
    job->may_begin = may_wake;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    return job;
}

/* Claims the one slot that is to be looked at, and looks. What it told. */
static unsigned look(struct rig_broker *broker, bool may_wake)
{
    struct cr_agenda agenda = claim(broker, true);
    assert_int_equal(agenda.count, 1);
    assert_string_equal(agenda.due[0].device, device);
    assert_string_equal(agenda.due[0].slot, slot);
    struct cr_job *job = look_only(broker, agenda.until, may_wake);
    unsigned told = job->told;
    assert_true(job->alert == CR_ALERT_NONE || job->alert == CR_ALERT_UNANSWERED);
    cr_job_free(job);
    return told;
}

/* Waits for the next look; checks when it is. */
static unsigned look_at(struct rig_broker *broker, int64_t when)
{
    struct rig *rig = broker->rig;
    assert_int_equal(rig_watch_at(rig, device, slot), when);
    rig->now_s = when - 1;
    assert_int_equal(claim(broker, true).count, 0);
    rig->now_s = when;
    return look(broker, true);
}

static struct cr_slot_alert alert_of(struct rig_broker *broker)
{
    return rig_slot(broker, device, slot).alert;
}

/* A certificate with so much of its life left, and a renewal that has begun. Returns its end. */
static int64_t begin_with(struct rig_broker *broker, int64_t left_s)
{
    struct rig *rig = broker->rig;
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s + left_s - LIFE_S, rig->now_s + left_s);
    struct cr_job *job = rig_job_present(broker, slot, &facts);
    job->may_begin = false;
    cr_job_free(rig_run(broker, job));
    job = rig_run(broker, rig_job_trigger(broker, device, slot));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    return facts.not_after;
}

/* Once its first attempt was not answered. */
static void first_look(struct rig_broker *broker)
{
    broker->rig->now_s = rig_watch_at(broker->rig, device, slot);
    assert_int_equal(look(broker, true), 0);
}

void store_watch_has_what_is_due(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "one"), *two = rig_open(rig, "two");
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s, rig->now_s + 90 * RIG_DAY_S);
    (void)rig_present(one, slot, &facts);
    assert_int_equal(rig_watch_at(rig, device, slot), 0);
    assert_int_equal(rig_slot(one, device, slot).alert.since, 0);
    rig->now_s = rig_slot(one, device, slot).due;
    struct cr_agenda agenda = claim(one, false);
    struct cr_job *job = rig_job(one, CR_OP_ADVANCE, device, slot);
    job->claimed_until = agenda.until;
    job = rig_run(one, job);
    assert_true(job->triggered);
    int64_t first = job->record->slot[0].due, began = rig->now_s;
    cr_job_free(job);
    assert_int_equal(rig_watch_at(rig, device, slot), first);
    assert_int_equal(alert_of(one).since, began);
    assert_false(rig_shown(rig, device, slot));

    /* an attempt does not put the look off */
    rig->now_s += 60;
    cr_job_free(rig_run(one, rig_job_trigger(one, device, slot)));
    assert_int_equal(rig_watch_at(rig, device, slot), first);
    assert_int_equal(alert_of(one).since, began);

    /* one broker takes it; what is claimed and not looked at is another's after a while */
    rig->now_s = first;
    agenda = claim(one, true);
    assert_int_equal(agenda.count, 1);
    assert_int_equal(agenda.until, first + CR_CLAIM_S);
    assert_int_equal(agenda.total, RIG_BUCKETS);
    assert_true(agenda.round);
    assert_int_equal(claim(two, true).count, 0);
    rig->now_s = agenda.until;
    assert_int_equal(claim(two, true).count, 1);
    job = look_only(one, agenda.until, true); /* too late */
    assert_int_equal(job->told, 0);
    cr_job_free(job);
    assert_int_equal(rig_watch_at(rig, device, slot), agenda.until + CR_CLAIM_S);
}

void store_look_raises_each_threshold_once(void **state)
{
    static const struct {
        int64_t days;
        enum cr_alert_level level;
    } steps[] = { { 67, CR_LEVEL_NOTICE } /* 90 were over when it began */, { 60, CR_LEVEL_NOTICE }, { 30, CR_LEVEL_WARNING },
                  { 14, CR_LEVEL_WARNING }, { 7, CR_LEVEL_CRITICAL }, { 1, CR_LEVEL_CRITICAL } };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    int64_t ends = begin_with(broker, 70 * RIG_DAY_S);
    unsigned raised = 0;
    while (rig_watch_at(rig, device, slot) < ends) {
        unsigned told = look_at(broker, rig_watch_at(rig, device, slot));
        if ((told & CR_TOLD_RAISED) != 0) {
            assert_true(raised < sizeof steps / sizeof steps[0]);
            assert_int_equal(rig->now_s, ends - steps[raised].days * RIG_DAY_S);
            assert_int_equal(alert_of(broker).level, steps[raised].level);
            assert_int_equal(alert_of(broker).step, ++raised);
            assert_true(rig_shown(rig, device, slot));
        }
    }
    assert_int_equal(raised, sizeof steps / sizeof steps[0]);
}

/* The thresholds that were passed when it began: only the newest, and only once an answer is overdue. */
void store_look_is_patient_with_what_has_just_begun(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    int64_t began = rig->now_s, ends = begin_with(broker, 6 * RIG_DAY_S);
    first_look(broker);
    assert_false(rig_shown(rig, device, slot));
    assert_int_equal(look_at(broker, began + (ends - began) / 4), CR_TOLD_RAISED);
    assert_int_equal(alert_of(broker).level, CR_LEVEL_CRITICAL);
    assert_int_equal(alert_of(broker).step, 5);
    rig_expect_audits(rig, "alert", device, 1);
}

void store_look_calls_by_all_means(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    int64_t began = rig->now_s;
    (void)begin_with(broker, 100 * RIG_DAY_S);
    first_look(broker);
    rig->now_s = began + 3 * RIG_DAY_S - 1;
    assert_int_equal(claim(broker, true).count, 0);
    rig->now_s++;
    assert_int_equal(look(broker, false), 0); /* too many wake just now: it is its turn soon */
    assert_int_equal(alert_of(broker).wakes, 0);
    assert_in_range(rig_watch_at(rig, device, slot), rig->now_s + 1, rig->now_s + 10);
    rig->now_s = rig_watch_at(rig, device, slot);
    assert_int_equal(look(broker, true), CR_TOLD_WOKEN);
    assert_int_equal(alert_of(broker).wakes, 1);
    assert_int_equal(alert_of(broker).stage, CR_CALL_WAKE);
    assert_true(rig_shown(rig, device, slot));
    int64_t second = rig->now_s + RIG_DAY_S; /* from this one on, not earlier */
    assert_int_equal(look_at(broker, second), CR_TOLD_WOKEN);
    assert_int_equal(look_at(broker, second + 2 * RIG_DAY_S) & CR_TOLD_WOKEN, CR_TOLD_WOKEN);
    rig_expect_audits(rig, "wake", device, 3);

    /* the field list: a week after the first wake, but not earlier than 60 days before its end; then once */
    unsigned told = 0, field = 0;
    while (rig->now_s < began + 70 * RIG_DAY_S) {
        rig->now_s = rig_watch_at(rig, device, slot);
        told = look(broker, true);
        if ((told & CR_TOLD_FIELD) != 0) {
            assert_int_equal(rig->now_s, began + 40 * RIG_DAY_S);
            field++;
        }
    }
    assert_int_equal(field, 1);
    assert_int_equal(alert_of(broker).stage, CR_CALL_FIELD);
    assert_in_range(alert_of(broker).wakes, 6, 9); /* at last every two weeks */
}

/* A short life: the field list follows as soon as its time without an answer is over. */
void store_look_does_not_wait_for_a_short_life(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    int64_t began = rig->now_s;
    (void)begin_with(broker, 20 * RIG_DAY_S);
    for (unsigned told = 0; (told & CR_TOLD_FIELD) == 0;) {
        rig->now_s = rig_watch_at(rig, device, slot);
        assert_true(rig->now_s <= began + 10 * RIG_DAY_S);
        told = look(broker, true);
    }
    assert_int_equal(rig->now_s, began + 10 * RIG_DAY_S);
}

/* A device that asks for its certificate is called by MQTT again, at once; if it falls silent again, that counts anew. */
void store_answer_ends_the_calls(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)begin_with(broker, 100 * RIG_DAY_S);
    first_look(broker);
    rig->now_s = rig_watch_at(rig, device, slot);
    assert_int_equal(look(broker, true), CR_TOLD_WOKEN);
    rig->now_s += 3600;
    struct cr_job *lost = rig_run(broker, rig_job_csr(broker, device, slot, 2, NULL));
    assert_int_equal(lost->outcome, CR_OUT_NONE);
    cr_job_free(lost);
    int64_t answered = rig->now_s;
    assert_int_equal(look_at(broker, answered), 0);
    struct cr_slot_alert alert = alert_of(broker);
    assert_int_equal(alert.stage, CR_CALL_TRIGGER);
    assert_int_equal(alert.wakes, 0);
    assert_int_equal(alert.since, answered);
    assert_false(rig_shown(rig, device, slot));

    rig->now_s = answered + CR_LEASE_S; /* and nothing came of it */
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
    int64_t next = rig_slot(broker, device, slot).due;
    assert_int_equal(look_at(broker, next), 0); /* not only when the next threshold is */
    assert_int_equal(look_at(broker, answered + 3 * RIG_DAY_S), CR_TOLD_WOKEN);
}

void store_confirming_ends_the_alert(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_slot_record record;
    (void)begin_with(broker, 6 * RIG_DAY_S);
    first_look(broker);
    rig->now_s = rig_watch_at(rig, device, slot);
    assert_int_equal(look(broker, true), CR_TOLD_RAISED);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_shown(rig, device, slot));
    job = rig_run(broker, rig_job_present(broker, slot, &fresh));
    assert_true(job->confirmed);
    assert_string_equal(job->cleared_slot, slot);
    cr_job_free(job);
    record = rig_slot(broker, device, slot);
    assert_int_equal(record.alert.since, 0);
    assert_int_equal(record.alert.level, CR_LEVEL_NONE);
    assert_false(rig_shown(rig, device, slot));
    assert_int_equal(rig_watch_at(rig, device, slot), 0);
    rig_expect_audits(rig, "alert", device, 2);
    job = rig_run(broker, rig_job_present(broker, slot, &fresh));
    assert_string_equal(job->cleared_slot, "");
    cr_job_free(job);
}

/* Being held and expiring are never mixed up. */
void store_held_slot_is_no_alert(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)begin_with(broker, 6 * RIG_DAY_S);
    first_look(broker);
    rig->now_s = rig_watch_at(rig, device, slot);
    assert_int_equal(look(broker, true), CR_TOLD_RAISED);
    struct cr_job *job = rig_job(broker, CR_OP_STEER, device, slot);
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_HOLD;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    assert_int_equal(rig_watch_at(rig, device, slot), 0);
    assert_false(rig_shown(rig, device, slot));
    rig->now_s += 2 * RIG_DAY_S;
    job = rig_job(broker, CR_OP_STEER, device, slot);
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_RELEASE;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    assert_int_equal(look_at(broker, rig->now_s), CR_TOLD_WOKEN); /* its level was told */
    assert_true(rig_shown(rig, device, slot));

    /* put on hold by hand, behind our back */
    rig_hold(rig, device, slot, true);
    rig->now_s = rig_watch_at(rig, device, slot);
    assert_int_equal(look(broker, true), 0);
    assert_int_equal(rig_watch_at(rig, device, slot), 0);
    assert_false(rig_shown(rig, device, slot));
}

/* Whoever notices it first tells it, once, and it stays an alert until it is renewed. */
void store_end_of_a_certificate_is_told_once(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    int64_t ends = begin_with(broker, 6 * RIG_DAY_S);
    rig->now_s = ends; /* nobody was there to look */
    struct cr_agenda agenda = claim(broker, true);
    assert_int_equal(agenda.count, 1);
    struct cr_job *job = look_only(broker, agenda.until, true);
    assert_int_equal(job->told, 0);
    assert_int_equal(job->alert, CR_ALERT_EXPIRED);
    assert_string_equal(job->alert_slot, slot);
    cr_job_free(job);
    assert_int_equal(alert_of(broker).level, CR_LEVEL_CRITICAL);
    assert_int_equal(alert_of(broker).stage, CR_CALL_FIELD);
    assert_int_equal(rig_watch_at(rig, device, slot), 0);
    assert_true(rig_shown(rig, device, slot));
    rig->now_s = ends + 2 * RIG_DAY_S; /* past its deadline */
    cr_job_free(rig_run(broker, rig_job(broker, CR_OP_GET, device, slot)));
    rig->now_s = rig_watch_at(rig, device, slot);
    assert_int_equal(look(broker, true), 0);
    job = rig_run(broker, rig_job(broker, CR_OP_ADVANCE, device, slot));
    assert_int_equal(job->alert, CR_ALERT_NONE);
    cr_job_free(job);
    assert_int_equal(rig_slot(broker, device, slot).due, 0);
    assert_true(rig_shown(rig, device, slot));
    rig_expect_audits(rig, "alert", device, 2); /* expired, unanswered */
}

void store_unanswered_and_failing_are_alerts(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)begin_with(broker, 100 * RIG_DAY_S);
    for (unsigned i = 0; i < 3; i++) {
        char renewal_id[CR_RENEWAL_ID_CAP];
        assert_false(rig_shown(rig, device, slot));
        memcpy(renewal_id, rig_slot(broker, device, slot).renewal_id, sizeof renewal_id);
        cr_job_free(rig_run(broker, rig_job_report(broker, device, slot, renewal_id, CR_REPORT_FAILED)));
    }
    assert_true(rig_shown(rig, device, slot));
    first_look(broker);
    assert_true(rig_shown(rig, device, slot));
    assert_int_equal(alert_of(broker).level, CR_LEVEL_NONE);
    rig->now_s = rig_watch_at(rig, device, slot);
    assert_int_equal(look(broker, true), CR_TOLD_RAISED); /* it answers: it is not woken */
}

void store_cancelled_is_not_called(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)begin_with(broker, 6 * RIG_DAY_S);
    for (unsigned i = 0; i < 2; i++) {
        struct cr_job *job = rig_job(broker, CR_OP_STEER, device, slot);
        job->steer = calloc(1, sizeof *job->steer);
        assert_non_null(job->steer);
        job->steer->verb = CR_STEER_CANCEL;
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        cr_job_free(job);
        if (i == 0) { /* nothing was told yet: nothing is open */
            assert_int_equal(rig_watch_at(rig, device, slot), 0);
            assert_int_equal(alert_of(broker).since, 0);
            cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
            first_look(broker);
            rig->now_s = rig_watch_at(rig, device, slot);
            assert_int_equal(look(broker, true), CR_TOLD_RAISED);
        }
    }
    assert_true(rig_shown(rig, device, slot)); /* its certificate still ends soon */
    int64_t until = rig_slot(broker, device, slot).retry_at;
    assert_true(until > rig->now_s);
    while (rig_watch_at(rig, device, slot) < until) {
        rig->now_s = rig_watch_at(rig, device, slot);
        assert_int_equal(look(broker, true) & CR_TOLD_WOKEN, 0);
    }
}
