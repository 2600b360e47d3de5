/* What a store makes of devices that appear seldom, of those that did not answer, and of their other slots. */
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <string.h>

static const char device[] = "meter-17", slot[] = "operational", data[] = "data";

/* A certificate of 90 days that was made just now. */
static struct cr_cert_facts new_cert(const struct rig *rig)
{
    return rig_cert(device, 1, 1, rig->now_s, rig->now_s + 90 * RIG_DAY_S);
}

/* Presents it; the slot's record after that. */
static struct cr_slot_record seen(struct rig_broker *broker, const struct cr_cert_facts *facts, bool may_begin)
{
    struct cr_job *job = rig_job_present(broker, slot, facts);
    job->may_begin = may_begin;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    const struct cr_slot_record *found = cr_device_record_slot(job->record, slot);
    assert_non_null(found);
    struct cr_slot_record copy = *found;
    copy.certificate = (struct cr_blob){ NULL, 0 };
    cr_job_free(job);
    return copy;
}

static int64_t gap_after(struct rig_broker *broker, const struct cr_cert_facts *facts, int64_t away_s, bool appeared)
{
    broker->rig->now_s += away_s;
    struct cr_job *job = rig_job_present(broker, slot, facts);
    job->appeared = appeared;
    job->may_begin = false;
    job = rig_run(broker, job);
    int64_t gap_s = job->record->gap_s;
    cr_job_free(job);
    job = rig_run(broker, rig_job(broker, CR_OP_INSPECT, device, slot));
    assert_int_equal(job->record->gap_s, gap_s);
    cr_job_free(job);
    return gap_s;
}

/* The data slot gets a certificate of 90 days. */
static void enrol_data(struct rig_broker *broker, unsigned key)
{
    struct cr_job *job = rig_issue(broker, device, data, key);
    char renewal_id[CR_RENEWAL_ID_CAP];
    memcpy(renewal_id, job->renewal_id, sizeof renewal_id);
    cr_job_free(job);
    job = rig_run(broker, rig_job_report(broker, device, data, renewal_id, CR_REPORT_INSTALLED));
    assert_true(job->confirmed);
    cr_job_free(job);
}

void store_learns_how_seldom_a_device_appears(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s, rig->now_s + 3650 * (int64_t)RIG_DAY_S);
    assert_int_equal(gap_after(broker, &facts, 0, true), 0);
    assert_int_equal(gap_after(broker, &facts, 0, true), 0);
    assert_int_equal(gap_after(broker, &facts, 40000, true), 40000);
    assert_int_equal(gap_after(broker, &facts, 0, true), 40000);
    assert_int_equal(gap_after(broker, &facts, 40000, true), 39000); /* a fortieth down */
    assert_int_equal(gap_after(broker, &facts, 80000, true), 47775); /* nine fortieths up */
    assert_int_equal(gap_after(broker, &facts, 48000, true), 48000); /* but not over what was seen */
    assert_int_equal(gap_after(broker, &facts, 90000, false), 48000); /* it did not go away */

    /* where it settles: nine of ten gaps are at most so long. Here four of five are a day, one is three */
    unsigned longer = 0;
    int64_t gap_s = 0;
    for (unsigned i = 0; i < 400; i++) {
        gap_s = gap_after(broker, &facts, i % 5 == 0 ? 3 * RIG_DAY_S : RIG_DAY_S, true);
        longer += i >= 200 && gap_s > 3 * RIG_DAY_S;
    }
    assert_int_equal(longer, 0);
    assert_in_range(gap_s, 2 * RIG_DAY_S, 3 * RIG_DAY_S);
}

void store_window_opens_early_for_who_appears_seldom(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = new_cert(rig);
    int64_t due = seen(broker, &facts, true).due;
    assert_true(due >= facts.not_after - 30 * RIG_DAY_S);
    rig->now_s += RIG_DAY_S;
    assert_int_equal(seen(broker, &facts, true).due, due); /* daily: it has its chances anyway */
    rig->now_s += 8 * RIG_DAY_S;
    assert_int_equal(seen(broker, &facts, true).due, due); /* one long absence says little */

    /* another one was first seen when half of its certificate's life was over, and then stayed away for nine days */
    struct cr_cert_facts other = rig_cert("meter-18", 2, 2, rig->now_s - 40 * RIG_DAY_S, rig->now_s + 50 * RIG_DAY_S);
    (void)rig_present(broker, slot, &other);
    rig->now_s += 9 * RIG_DAY_S;
    int64_t opens = other.not_after - 5 * 9 * RIG_DAY_S;
    assert_true(opens <= rig->now_s);
    struct cr_job *job = rig_job_present(broker, slot, &other);
    job->may_begin = false;
    job = rig_run(broker, job);
    assert_int_equal(job->record->gap_s, 9 * RIG_DAY_S);
    assert_int_equal(job->record->slot[0].state, CR_STATE_QUIET);
    assert_int_equal(job->record->slot[0].due, opens);
    cr_job_free(job);
    assert_int_equal(rig_slot(broker, "meter-18", slot).due, opens); /* whoever reads the agenda sees it too */
    job = rig_run(broker, rig_job_present(broker, slot, &other));
    assert_true(job->triggered);
    assert_int_equal(job->record->slot[0].reason, CR_RENEW_EXPIRY);
    cr_job_free(job);
    rig_expect_audits(rig, "triggered", "meter-18", 1);
}

void store_early_window_has_its_bounds(void **state)
{
    struct rig *rig = *state;
    rig->operational.min_chances = 1000;
    rig->data.min_chances = 0;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = new_cert(rig);
    (void)seen(broker, &facts, true);
    enrol_data(broker, 5);
    int64_t due = rig_slot(broker, device, data).due;
    rig->now_s += 2 * RIG_DAY_S;
    assert_int_equal(seen(broker, &facts, true).due, facts.not_before + 9 * RIG_DAY_S); /* a tenth of its life */
    assert_int_equal(rig_slot(broker, device, data).due, due);                          /* 0: no earlier than others */
    rig->now_s = facts.not_before + 9 * RIG_DAY_S - 1;
    assert_int_equal(seen(broker, &facts, true).state, CR_STATE_QUIET);

    /* the device need not wait to be asked either */
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, 2, NULL));
    assert_int_equal(job->refusal, CR_REFUSAL_TOO_EARLY);
    assert_int_equal(job->retry_after_s, 1);
    cr_job_free(job);
    rig->now_s++;
    job = rig_run(broker, rig_job_csr(broker, device, slot, 2, NULL));
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
}

void store_early_window_holds_for_what_comes_next(void **state)
{
    struct rig *rig = *state;
    rig->operational.min_chances = 10;
    rig->data.min_chances = 10;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = new_cert(rig);
    (void)seen(broker, &facts, true);
    rig->now_s += 6 * RIG_DAY_S;
    (void)seen(broker, &facts, true);
    rig->now_s += 60 * RIG_DAY_S;
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    job = rig_run(broker, rig_job_present(broker, slot, &fresh));
    assert_true(job->confirmed);
    int64_t gap_s = job->record->gap_s;
    assert_true(gap_s > 7 * RIG_DAY_S);
    assert_int_equal(job->record->slot[0].state, CR_STATE_QUIET);
    assert_int_equal(job->record->slot[0].due, fresh.not_after - 10 * gap_s);
    cr_job_free(job);
    enrol_data(broker, 5);
    struct cr_slot_record record = rig_slot(broker, device, data);
    assert_int_equal(record.due, record.current.not_after - 10 * gap_s);
}

void store_other_slots_begin_too(void **state)
{
    struct rig *rig = *state;
    rig->operational.min_chances = rig->data.min_chances = 0;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s, rig->now_s + 900 * RIG_DAY_S);
    (void)seen(broker, &facts, true);
    enrol_data(broker, 5);
    rig->now_s = rig_slot(broker, device, data).due;

    struct cr_job *job = rig_job_present(broker, slot, &facts);
    job->may_begin = false;
    job = rig_run(broker, job);
    assert_false(job->triggered);
    cr_job_free(job);
    rig_hold(rig, device, data, true);
    assert_int_equal(seen(broker, &facts, true).state, CR_STATE_QUIET);
    assert_int_equal(rig_slot(broker, device, data).state, CR_STATE_QUIET);
    facts = rig_cert(device, 3, 3, rig->now_s, rig->now_s + 900 * RIG_DAY_S); /* nor with a certificate that is new */
    struct cr_slot_record renewed = seen(broker, &facts, true);
    assert_true(cr_serial_equal(&renewed.current.serial, &facts.serial));
    assert_int_equal(rig_slot(broker, device, data).state, CR_STATE_QUIET);
    rig_hold(rig, device, data, false);

    job = rig_run(broker, rig_job_present(broker, slot, &facts));
    assert_true(job->triggered);
    assert_int_equal(job->record->slot_count, 2);
    const struct cr_slot_record *other = cr_device_record_slot(job->record, data);
    assert_int_equal(other->state, CR_STATE_TRIGGERED);
    assert_int_equal(other->reason, CR_RENEW_EXPIRY);
    assert_int_equal(other->attempt, 1);
    assert_int_equal(other->deadline, rig->now_s + 7 * RIG_DAY_S);
    assert_int_equal(strlen(other->renewal_id), CR_RENEWAL_ID_LEN);
    assert_int_equal(cr_device_record_slot(job->record, slot)->state, CR_STATE_QUIET);
    cr_job_free(job);
    rig_expect_audits(rig, "triggered", device, 1);
    job = rig_run(broker, rig_job_present(broker, slot, &facts)); /* it is under way */
    assert_false(job->triggered);
    cr_job_free(job);

    /* both at once, each with an id of its own; the other one's first attempt was not answered */
    rig->now_s = facts.not_after - 10;
    job = rig_run(broker, rig_job_present(broker, slot, &facts));
    const struct cr_slot_record *one = cr_device_record_slot(job->record, slot);
    other = cr_device_record_slot(job->record, data);
    assert_int_equal(one->state, CR_STATE_TRIGGERED);
    assert_int_equal(other->state, CR_STATE_TRIGGERED);
    assert_int_equal(other->unanswered, 1);
    assert_string_not_equal(one->renewal_id, other->renewal_id);
    assert_string_equal(job->renewal_id, one->renewal_id);
    assert_int_equal(job->alert, CR_ALERT_UNANSWERED);
    assert_string_equal(job->alert_slot, data);
    cr_job_free(job);
    rig_expect_audits(rig, "expired", device, 1);
    rig_expect_audits(rig, "triggered", device, 3);
}

void store_other_slots_need_a_profile(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s, rig->now_s + 900 * RIG_DAY_S);
    (void)seen(broker, &facts, true);
    enrol_data(broker, 5);
    rig_close(broker);
    snprintf(rig->data.slot, sizeof rig->data.slot, "ota");
    broker = rig_open(rig, "two");
    rig->now_s += 85 * RIG_DAY_S;
    struct cr_job *job = rig_run(broker, rig_job_present(broker, slot, &facts));
    assert_int_equal(cr_device_record_slot(job->record, data)->state, CR_STATE_QUIET);
    assert_null(cr_device_record_slot(job->record, "ota")); /* nothing is known of it, so it is not due */
    cr_job_free(job);
}

void store_unanswered_begins_anew_when_it_appears(void **state)
{
    struct rig *rig = *state;
    rig->operational.min_chances = 0;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = new_cert(rig);
    struct cr_slot_record first = seen(broker, &facts, true);
    rig->now_s = first.due;
    first = seen(broker, &facts, true);
    assert_int_equal(first.state, CR_STATE_TRIGGERED);

    /* its deadline passes while it sleeps: the agenda does not ask for it again and again */
    rig->now_s += 7 * RIG_DAY_S;
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_GET, device, slot));
    assert_int_equal(job->record->slot[0].state, CR_STATE_QUIET);
    assert_int_equal(job->record->slot[0].unanswered, 1);
    assert_int_equal(job->record->slot[0].due, facts.not_after);
    cr_job_free(job);
    rig_expect_audits(rig, "expired", device, 1);
    rig_expect_audits(rig, "alert", device, 1);

    /* it is here, but too much begins just now: then soon */
    rig->now_s += RIG_DAY_S;
    struct cr_slot_record record = seen(broker, &facts, false);
    assert_int_equal(record.state, CR_STATE_QUIET);
    assert_int_equal(record.due, rig->now_s);
    rig->now_s++;
    struct cr_slot_record second = seen(broker, &facts, true);
    assert_int_equal(second.state, CR_STATE_TRIGGERED);
    assert_int_equal(second.attempt, 1);
    assert_int_equal(second.unanswered, 1);
    assert_string_not_equal(second.renewal_id, first.renewal_id);

    job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &fresh));
    record = seen(broker, &fresh, true);
    assert_int_equal(record.state, CR_STATE_QUIET);
    assert_int_equal(record.unanswered, 0);
    assert_true(record.due > rig->now_s);
}

void store_agenda_gets_back_what_it_lost(void **state)
{
    struct rig *rig = *state;
    rig->operational.min_chances = 0;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = new_cert(rig);
    int64_t due = seen(broker, &facts, true).due;
    rig_unplan(rig, device, slot);
    assert_int_equal(rig_slot(broker, device, slot).due, 0);
    assert_int_equal(seen(broker, &facts, true).due, due);
    assert_int_equal(rig_slot(broker, device, slot).due, due);
    rig_unplan(rig, device, slot);
    rig->now_s = due;
    assert_int_equal(seen(broker, &facts, true).state, CR_STATE_TRIGGERED);
}

void store_expired_certificate_begins_at_once(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - 91 * RIG_DAY_S, rig->now_s - RIG_DAY_S);
    assert_int_equal(seen(broker, &facts, false).state, CR_STATE_QUIET);
    struct cr_slot_record record = seen(broker, &facts, true);
    assert_int_equal(record.state, CR_STATE_TRIGGERED);
    rig->now_s += 7 * RIG_DAY_S; /* not answered, and its end cannot be waited for */
    struct cr_slot_record again = seen(broker, &facts, true);
    assert_int_equal(again.state, CR_STATE_TRIGGERED);
    assert_string_not_equal(again.renewal_id, record.renewal_id);

    /* the agenda may have given it up */
    struct cr_cert_facts other = rig_cert("meter-18", 2, 2, rig->now_s - 91 * RIG_DAY_S, rig->now_s - RIG_DAY_S);
    struct cr_job *job = rig_job_present(broker, slot, &other);
    job->may_begin = false;
    cr_job_free(rig_run(broker, job));
    rig_unplan(rig, "meter-18", slot);
    assert_int_equal(rig_slot(broker, "meter-18", slot).due, 0);
    job = rig_run(broker, rig_job_present(broker, slot, &other));
    assert_true(job->triggered);
    cr_job_free(job);
}
