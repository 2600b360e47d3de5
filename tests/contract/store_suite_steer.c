/* What an operator does to one device: holding, releasing, cancelling, tagging, acknowledging. */
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

/* Its certificate's window is open when `due`. */
static struct cr_cert_facts known(struct rig_broker *broker, bool due)
{
    const struct rig *rig = broker->rig;
    int64_t from = due ? rig->now_s - 89 * RIG_DAY_S : rig->now_s - 10 * RIG_DAY_S;
    struct cr_cert_facts facts = rig_cert(device, 1, 1, from, from + 100 * RIG_DAY_S);
    struct cr_job *job = rig_job_present(broker, slot, &facts);
    job->may_begin = false;
    cr_job_free(rig_run(broker, job));
    return facts;
}

static struct cr_job *steer(struct rig_broker *broker, enum cr_steer_verb verb, const char *name, const char *text)
{
    struct cr_job *job = rig_job(broker, CR_OP_STEER, device, name);
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = verb;
    (void)snprintf(job->steer->text, sizeof job->steer->text, "%s", text);
    (void)snprintf(job->steer->by, sizeof job->steer->by, "alice");
    (void)snprintf(job->who, sizeof job->who, "operator:alice c@127.0.0.1");
    return job;
}

static void refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, refusal);
    cr_job_free(job);
}

/* Done; how many slots it changed. */
static unsigned done(struct rig_broker *broker, struct cr_job *job)
{
    unsigned changed = 0;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    for (unsigned i = 0; i < job->record->slot_count; i++) {
        changed += (job->steer->changed & 1u << i) != 0;
    }
    cr_job_free(job);
    return changed;
}

static void triggered(struct rig_broker *broker, char renewal_id[CR_RENEWAL_ID_CAP])
{
    struct cr_job *job = rig_run(broker, rig_job_trigger(broker, device, slot));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    memcpy(renewal_id, job->renewal_id, CR_RENEWAL_ID_CAP);
    cr_job_free(job);
}

/* Presents, and says whether a renewal began. */
static bool begins(struct rig_broker *broker, const struct cr_cert_facts *facts)
{
    struct cr_job *job = rig_run(broker, rig_job_present(broker, slot, facts));
    bool begun = job->triggered;
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    return begun;
}

/* The agenda's next step of the slot; whether it triggered. */
static bool advanced(struct rig_broker *broker)
{
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_ADVANCE, device, slot));
    bool begun = job->triggered;
    cr_job_free(job);
    return begun;
}

void store_steer_needs_a_known_device(void **state)
{
    static const enum cr_steer_verb verbs[] = { CR_STEER_HOLD, CR_STEER_RELEASE, CR_STEER_CANCEL, CR_STEER_TAG,
                                                CR_STEER_ACKNOWLEDGE };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        refused(broker, steer(broker, verbs[i], slot, "x"), CR_REFUSAL_UNKNOWN_DEVICE);
    }
    (void)known(broker, false);
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        refused(broker, steer(broker, verbs[i], "data", "x"), CR_REFUSAL_UNKNOWN_SLOT);
    }
    rig_expect_audits(rig, "refused", device, 10);
    rig_expect_audits(rig, "held", NULL, 0);
}

void store_held_slot_begins_nothing(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, true);
    assert_int_equal(done(broker, steer(broker, CR_STEER_HOLD, slot, "stolen?")), 1);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_true(record.held);
    assert_string_equal(record.hold, "stolen?");
    assert_false(begins(broker, &facts));
    assert_false(advanced(broker));
    refused(broker, rig_job_trigger(broker, device, slot), CR_REFUSAL_ON_HOLD);
    refused(broker, rig_job_csr(broker, device, slot, 2, &facts), CR_REFUSAL_ON_HOLD);
    assert_int_equal(rig_slot(broker, device, slot).due, 0); /* its time came */
    rig_expect_audits(rig, "held", device, 1);

    assert_int_equal(done(broker, steer(broker, CR_STEER_HOLD, "", "really")), 1); /* says it anew */
    assert_string_equal(rig_slot(broker, device, slot).hold, "really");

    assert_int_equal(done(broker, steer(broker, CR_STEER_RELEASE, slot, "")), 1);
    record = rig_slot(broker, device, slot);
    assert_false(record.held);
    assert_int_equal(record.due, rig->now_s);
    rig_expect_audits(rig, "released", device, 1);
    refused(broker, steer(broker, CR_STEER_RELEASE, slot, ""), CR_REFUSAL_WRONG_STATE);
    refused(broker, steer(broker, CR_STEER_RELEASE, "", ""), CR_REFUSAL_WRONG_STATE);
    assert_true(advanced(broker));
}

void store_release_leaves_what_is_not_due(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)known(broker, false);
    int64_t due = rig_slot(broker, device, slot).due;
    assert_true(due > rig->now_s);
    (void)done(broker, steer(broker, CR_STEER_HOLD, slot, "operator"));
    assert_int_equal(done(broker, steer(broker, CR_STEER_RELEASE, slot, "")), 1);
    assert_int_equal(rig_slot(broker, device, slot).due, due);
}

void store_hold_is_about_one_slot_or_all(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, false), data = facts;
    data.serial.octets[15] ^= 0x7f;
    data.key_hash[0] ^= 0x7f;
    assert_false(rig_present(broker, "data", &data));
    assert_int_equal(done(broker, steer(broker, CR_STEER_HOLD, "data", "x")), 1);
    assert_false(rig_slot(broker, device, slot).held);
    assert_true(rig_slot(broker, device, "data").held);
    assert_int_equal(done(broker, steer(broker, CR_STEER_HOLD, "", "y")), 2);
    assert_true(rig_slot(broker, device, slot).held);
    assert_int_equal(done(broker, steer(broker, CR_STEER_RELEASE, slot, "")), 1);
    assert_true(rig_slot(broker, device, "data").held);
    assert_int_equal(done(broker, steer(broker, CR_STEER_RELEASE, "", "")), 1);
    assert_false(rig_slot(broker, device, "data").held);
    rig_expect_audits(rig, "held", device, 3);
    rig_expect_audits(rig, "released", device, 2);
}

/* A trigger that could not be answered is no trigger that was not answered. */
void store_held_trigger_gets_its_time_back(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, true);
    char renewal_id[CR_RENEWAL_ID_CAP];
    triggered(broker, renewal_id);
    (void)done(broker, steer(broker, CR_STEER_HOLD, "", "x"));
    rig->now_s += 8 * RIG_DAY_S; /* past its deadline */
    assert_false(begins(broker, &facts));
    refused(broker, rig_job_csr(broker, device, slot, 2, &facts), CR_REFUSAL_ON_HOLD);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.state, CR_STATE_TRIGGERED);
    assert_string_equal(record.renewal_id, renewal_id);
    assert_int_equal(record.unanswered, 0);
    rig_expect_audits(rig, "expired", device, 0);
    (void)done(broker, steer(broker, CR_STEER_RELEASE, "", ""));
    record = rig_slot(broker, device, slot);
    assert_int_equal(record.deadline, rig->now_s + 7 * RIG_DAY_S);
    assert_in_range(record.due, 1, rig->now_s);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    assert_string_equal(job->renewal_id, renewal_id);
    cr_job_free(job);
}

/* What was signed while the hold came is kept, and handed out after the release. */
void store_hold_keeps_what_is_signed(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, true);
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, 2, &facts));
    assert_int_equal(job->stage, CR_STAGE_SIGN);
    (void)done(broker, steer(broker, CR_STEER_HOLD, slot, "x"));
    rig_sign(job);
    struct cr_cert_facts issued = rig_cert_of(job);
    refused(broker, job, CR_REFUSAL_ON_HOLD);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_ISSUED);
    rig_expect_audits(rig, "issued", device, 1);
    refused(broker, rig_job_csr(broker, device, slot, 2, &facts), CR_REFUSAL_ON_HOLD);
    (void)done(broker, steer(broker, CR_STEER_RELEASE, slot, ""));
    job = rig_run(broker, rig_job_csr(broker, device, slot, 2, &facts));
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    assert_true(cr_serial_equal(&job->intent.serial, &issued.serial));
    cr_job_free(job);
    /* one that it has already is confirmed: it is in its hands */
    (void)done(broker, steer(broker, CR_STEER_HOLD, slot, "x"));
    assert_true(rig_present(broker, slot, &issued));
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_true(record.held);
    assert_int_equal(record.generation, 1);
}

void store_cancel_ends_a_trigger(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, true);
    char renewal_id[CR_RENEWAL_ID_CAP];
    refused(broker, steer(broker, CR_STEER_CANCEL, slot, ""), CR_REFUSAL_UNKNOWN_RENEWAL);
    triggered(broker, renewal_id);
    struct cr_job *job = rig_run(broker, steer(broker, CR_STEER_CANCEL, slot, ""));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_string_equal(job->renewal_id, renewal_id);
    assert_int_equal(job->record->slot_count, 1);
    assert_int_equal(job->record->slot[0].state, CR_STATE_QUIET);
    cr_job_free(job);
    rig_expect_audits(rig, "cancelled", device, 1);
    refused(broker, steer(broker, CR_STEER_CANCEL, slot, ""), CR_REFUSAL_UNKNOWN_RENEWAL);

    /* it stays so, though the slot is due: for half of the 11 days that its certificate has left */
    int64_t again = rig->now_s + 11 * RIG_DAY_S / 2;
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.due, again);
    assert_int_equal(record.retry_at, again);
    assert_int_equal(record.unanswered, 0);
    assert_false(begins(broker, &facts));
    assert_false(advanced(broker));
    rig->now_s = again - 1;
    assert_false(begins(broker, &facts));
    assert_int_equal(rig_slot(broker, device, slot).due, again);
    rig->now_s = again;
    assert_true(begins(broker, &facts));
    record = rig_slot(broker, device, slot);
    assert_int_equal(record.state, CR_STATE_TRIGGERED);
    assert_int_equal(record.retry_at, 0);
    assert_string_not_equal(record.renewal_id, renewal_id);
}

void store_cancel_keeps_a_later_plan(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, false);
    char renewal_id[CR_RENEWAL_ID_CAP];
    int64_t due = rig_slot(broker, device, slot).due;
    triggered(broker, renewal_id);
    assert_int_equal(done(broker, steer(broker, CR_STEER_CANCEL, slot, "")), 0);
    assert_int_equal(rig_slot(broker, device, slot).due, due);
    triggered(broker, renewal_id); /* an operator may, at once */
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_TRIGGERED);
    cr_job_free(rig_issue(broker, device, slot, 2));
    refused(broker, steer(broker, CR_STEER_CANCEL, slot, ""), CR_REFUSAL_WRONG_STATE);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_ISSUED);
    (void)facts;
}

/* It is not in seconds undone by a device that did not answer before, or whose window opens early. */
void store_cancel_holds_for_who_appears_seldom(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, false);
    char renewal_id[CR_RENEWAL_ID_CAP];
    rig->now_s += 25 * RIG_DAY_S; /* it has 65 days left, and would appear twice */
    assert_true(begins(broker, &facts));
    assert_int_equal(done(broker, steer(broker, CR_STEER_CANCEL, slot, "")), 0);
    assert_false(begins(broker, &facts));
    assert_int_equal(rig_slot(broker, device, slot).due, rig->now_s + 7 * RIG_DAY_S);
    triggered(broker, renewal_id);
    rig->now_s += 8 * RIG_DAY_S; /* nobody answers that */
    assert_true(begins(broker, &facts));
    (void)done(broker, steer(broker, CR_STEER_CANCEL, slot, ""));
    assert_int_equal(rig_slot(broker, device, slot).unanswered, 1);
    assert_false(begins(broker, &facts));
    rig->now_s += 7 * RIG_DAY_S;
    assert_true(begins(broker, &facts));
}

void store_cancel_waits_for_an_issuance(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, true);
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, 2, &facts));
    refused(broker, steer(broker, CR_STEER_CANCEL, slot, ""), CR_REFUSAL_WRONG_STATE);
    rig_sign(job);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
}

static struct cr_job *tag(struct rig_broker *broker, const char *add, const char *drop)
{
    struct cr_job *job = steer(broker, CR_STEER_TAG, "", "");
    (void)snprintf(job->steer->add, sizeof job->steer->add, "%s", add);
    (void)snprintf(job->steer->drop, sizeof job->steer->drop, "%s", drop);
    return job;
}

static void expect_tags(struct rig_broker *broker, struct cr_job *job, const char *tags)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_string_equal(job->record->tags, tags);
    cr_job_free(job);
}

void store_tags_are_sorted_and_bounded(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)known(broker, false);
    expect_tags(broker, tag(broker, ",lab,east,", ""), ",east,lab,");
    expect_tags(broker, tag(broker, ",lab,alpha,", ",west,"), ",alpha,east,lab,");
    expect_tags(broker, tag(broker, "", ",alpha,lab,"), ",east,");
    expect_tags(broker, tag(broker, ",east,", ",east,"), ",east,"); /* adding comes last */
    expect_tags(broker, tag(broker, ",12345678901234567890123456789012,x23456789012345678901234,", ""),
                ",12345678901234567890123456789012,east,x23456789012345678901234,");
    refused(broker, tag(broker, ",z,", ""), CR_REFUSAL_TOO_LARGE);
    expect_tags(broker, tag(broker, "", ""), ",12345678901234567890123456789012,east,x23456789012345678901234,");
    expect_tags(broker, tag(broker, "", ",12345678901234567890123456789012,east,x23456789012345678901234,"), "");
    rig_expect_audits(rig, "tagged", device, 7);
}

void store_acknowledge_needs_an_alert(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)known(broker, false);
    refused(broker, steer(broker, CR_STEER_ACKNOWLEDGE, slot, ""), CR_REFUSAL_UNKNOWN_ALERT);
    rig_alert(rig, device, slot, 0, 't');
    refused(broker, steer(broker, CR_STEER_ACKNOWLEDGE, slot, ""), CR_REFUSAL_UNKNOWN_ALERT);
    rig_alert(rig, device, slot, 0, 'f');
    (void)done(broker, steer(broker, CR_STEER_ACKNOWLEDGE, slot, ""));
    rig_alert(rig, device, slot, 2, 't');
    struct cr_job *job = steer(broker, CR_STEER_ACKNOWLEDGE, slot, "");
    memset(job->steer->by, 'w', sizeof job->steer->by - 1);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot[0].alert.acknowledged, rig->now_s);
    assert_int_equal(strlen(job->record->slot[0].alert.by), 50);
    cr_job_free(job);
    rig_expect_audits(rig, "acknowledged", device, 2);
}
