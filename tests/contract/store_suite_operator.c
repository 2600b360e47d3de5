#include "tests/contract/store_suite.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

static void known(struct rig_broker *broker)
{
    struct rig *rig = broker->rig;
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - 10 * RIG_DAY_S, rig->now_s + 80 * RIG_DAY_S);
    (void)rig_present(broker, slot, &facts);
}

static void refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, refusal);
    cr_job_free(job);
}

static void triggered(struct rig_broker *broker, const char *name, char renewal_id[CR_RENEWAL_ID_CAP])
{
    struct cr_job *job = rig_run(broker, rig_job_trigger(broker, device, name));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot[0].state, CR_STATE_TRIGGERED);
    memcpy(renewal_id, job->renewal_id, CR_RENEWAL_ID_CAP);
    cr_job_free(job);
}

void store_trigger_needs_a_known_slot(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    refused(broker, rig_job_trigger(broker, device, slot), CR_REFUSAL_UNKNOWN_DEVICE);
    known(broker);
    refused(broker, rig_job_trigger(broker, device, "data"), CR_REFUSAL_UNKNOWN_SLOT);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_QUIET);
    rig_expect_audits(rig, "refused", device, 2);
}

void store_trigger_opens_a_renewal(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    char renewal_id[CR_RENEWAL_ID_CAP];
    known(broker);
    struct cr_job *job = rig_run(broker, rig_job_trigger(broker, device, slot));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot_count, 1);
    const struct cr_slot_record *record = &job->record->slot[0];
    assert_int_equal(record->state, CR_STATE_TRIGGERED);
    assert_int_equal(record->reason, CR_RENEW_OPERATOR);
    assert_int_equal(record->attempt, 1);
    assert_int_equal(record->deadline, rig->now_s + 7 * RIG_DAY_S);
    assert_int_equal(strlen(record->renewal_id), CR_RENEWAL_ID_LEN);
    assert_string_equal(record->renewal_id, job->renewal_id);
    memcpy(renewal_id, record->renewal_id, sizeof renewal_id);
    cr_job_free(job);

    rig->now_s += 100;
    job = rig_run(broker, rig_job_trigger(broker, device, slot));
    assert_int_equal(job->record->slot[0].attempt, 2);
    assert_string_equal(job->record->slot[0].renewal_id, renewal_id);
    cr_job_free(job);
    rig_expect_audits(rig, "triggered", device, 2);

    job = rig_issue(broker, device, slot, 2); /* outside the window, but asked for */
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    assert_string_equal(job->renewal_id, renewal_id);
    cr_job_free(job);
}

void store_trigger_leaves_what_is_under_way(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    char renewal_id[CR_RENEWAL_ID_CAP];
    known(broker);
    triggered(broker, slot, renewal_id);
    struct cr_job *csr = rig_run(broker, rig_job_csr(broker, device, slot, 2, NULL));
    struct cr_job *job = rig_run(broker, rig_job_trigger(broker, device, slot));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot[0].state, CR_STATE_ISSUING);
    assert_int_equal(job->record->slot[0].attempt, 1);
    cr_job_free(job);
    rig_sign(csr);
    csr = rig_run(broker, csr);
    job = rig_run(broker, rig_job_trigger(broker, device, slot));
    assert_int_equal(job->record->slot[0].state, CR_STATE_ISSUED);
    assert_int_equal(job->record->slot[0].certificate.len, csr->certificate.len); /* waits, and is told */
    cr_job_free(job);
    rig_expect_audits(rig, "triggered", device, 1);

    rig->now_s = csr->intent.not_after;
    job = rig_run(broker, rig_job_trigger(broker, device, slot)); /* what waits is of no use any more */
    assert_int_equal(job->record->slot[0].state, CR_STATE_TRIGGERED);
    assert_string_not_equal(job->renewal_id, renewal_id);
    cr_job_free(job);
    cr_job_free(csr);
}

void store_trigger_ends_with_its_deadline(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    char renewal_id[CR_RENEWAL_ID_CAP];
    known(broker);
    triggered(broker, slot, renewal_id);
    assert_in_range(rig_slot(broker, device, slot).due, rig->now_s + 2700, rig->now_s + 4500); /* the next attempt */
    rig->now_s += 7 * RIG_DAY_S;
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_GET, device, slot));
    assert_int_equal(job->record->slot[0].state, CR_STATE_QUIET);
    assert_string_equal(job->record->slot[0].renewal_id, "");
    assert_int_equal(job->record->slot[0].due, job->record->slot[0].current.not_after);
    assert_int_equal(job->record->slot[0].unanswered, 1);
    assert_int_equal(job->alert, CR_ALERT_UNANSWERED);
    assert_string_equal(job->alert_slot, slot);
    cr_job_free(job);
    rig_expect_audits(rig, "expired", device, 1);
    rig_expect_audits(rig, "alert", device, 1);
    refused(broker, rig_job_csr(broker, device, slot, 2, NULL), CR_REFUSAL_TOO_EARLY);
    refused(broker, rig_job_report(broker, device, slot, renewal_id, CR_REPORT_FAILED), CR_REFUSAL_UNKNOWN_RENEWAL);

    /* the same at the first thing that happens: a request, and another trigger */
    triggered(broker, slot, renewal_id);
    rig->now_s += 7 * RIG_DAY_S;
    refused(broker, rig_job_csr(broker, device, slot, 2, NULL), CR_REFUSAL_TOO_EARLY);
    triggered(broker, slot, renewal_id);
    rig->now_s += 7 * RIG_DAY_S;
    char other[CR_RENEWAL_ID_CAP];
    triggered(broker, slot, other);
    assert_string_not_equal(other, renewal_id);
    assert_int_equal(rig_slot(broker, device, slot).attempt, 1);
    rig_expect_audits(rig, "expired", device, 3);
}

void store_hold_stops_all(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    char renewal_id[CR_RENEWAL_ID_CAP];
    known(broker);
    triggered(broker, slot, renewal_id);
    rig_hold(rig, device, slot, true);
    refused(broker, rig_job_csr(broker, device, slot, 2, NULL), CR_REFUSAL_ON_HOLD);
    refused(broker, rig_job_trigger(broker, device, slot), CR_REFUSAL_ON_HOLD);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_true(record.held);
    assert_int_equal(record.state, CR_STATE_TRIGGERED);
    assert_int_equal(record.attempt, 1);
    rig_hold(rig, device, slot, false);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
    rig_hold(rig, device, slot, true); /* what waits is not handed out either */
    refused(broker, rig_job_csr(broker, device, slot, 2, NULL), CR_REFUSAL_ON_HOLD);
}

void store_report_failed_triggers_again(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    char renewal_id[CR_RENEWAL_ID_CAP];
    known(broker);
    triggered(broker, slot, renewal_id);
    cr_job_free(rig_issue(broker, device, slot, 2));
    rig->now_s += 50;
    struct cr_job *job = rig_run(broker, rig_job_report(broker, device, slot, renewal_id, CR_REPORT_FAILED));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_false(job->confirmed);
    cr_job_free(job);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.state, CR_STATE_TRIGGERED);
    assert_int_equal(record.attempt, 2);
    assert_string_equal(record.renewal_id, renewal_id);
    assert_int_equal(record.pending.serial.len, 0);
    assert_int_equal(record.deadline, rig->now_s + 7 * RIG_DAY_S);
    rig_expect_audits(rig, "report", device, 1);
    /* one certificate for a key and a generation, no second */
    refused(broker, rig_job_csr(broker, device, slot, 2, NULL), CR_REFUSAL_KEY_REUSED);
    job = rig_issue(broker, device, slot, 3);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
    job = rig_run(broker, rig_job_report(broker, device, slot, renewal_id, CR_REPORT_ROLLED_BACK));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    cr_job_free(job);
    assert_int_equal(rig_slot(broker, device, slot).attempt, 3);
}

void store_report_installed_confirms_other_slots(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    known(broker);
    struct cr_job *job = rig_issue(broker, device, "data", 2); /* nothing known of it: nothing to be early for */
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    char renewal_id[CR_RENEWAL_ID_CAP];
    memcpy(renewal_id, job->renewal_id, sizeof renewal_id);
    struct cr_serial serial = job->intent.serial;
    cr_job_free(job);
    for (int i = 0; i < 2; i++) { /* the second time it is the renewal confirmed last */
        job = rig_run(broker, rig_job_report(broker, device, "data", renewal_id, CR_REPORT_INSTALLED));
        assert_int_equal(job->outcome, CR_OUT_DONE);
        assert_int_equal(job->confirmed, i == 0);
        cr_job_free(job);
    }
    struct cr_slot_record record = rig_slot(broker, device, "data");
    assert_int_equal(record.state, CR_STATE_QUIET);
    assert_int_equal(record.generation, 1);
    assert_true(cr_serial_equal(&record.current.serial, &serial));
    rig_expect_audits(rig, "confirmed", device, 1);

    /* a slot that is used for connections waits for one */
    char operational[CR_RENEWAL_ID_CAP];
    triggered(broker, slot, operational);
    cr_job_free(rig_issue(broker, device, slot, 3));
    job = rig_run(broker, rig_job_report(broker, device, slot, operational, CR_REPORT_INSTALLED));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_false(job->confirmed);
    cr_job_free(job);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_ISSUED);
}

void store_report_must_name_the_renewal(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    static const char stray[] = "11111111-2222-4333-8444-555555555555";
    char renewal_id[CR_RENEWAL_ID_CAP];
    refused(broker, rig_job_report(broker, device, slot, stray, CR_REPORT_FAILED), CR_REFUSAL_UNKNOWN_RENEWAL);
    known(broker);
    refused(broker, rig_job_report(broker, device, slot, stray, CR_REPORT_INSTALLED), CR_REFUSAL_UNKNOWN_RENEWAL);
    triggered(broker, slot, renewal_id);
    struct cr_slot_record before = rig_slot(broker, device, slot);
    refused(broker, rig_job_report(broker, device, slot, stray, CR_REPORT_FAILED), CR_REFUSAL_UNKNOWN_RENEWAL);
    refused(broker, rig_job_report(broker, "meter-18", slot, renewal_id, CR_REPORT_FAILED), CR_REFUSAL_UNKNOWN_RENEWAL);
    struct cr_slot_record after = rig_slot(broker, device, slot);
    assert_memory_equal(&before, &after, sizeof before);
}

void store_get_answers_for_unknown_devices(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_GET, device, slot));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot_count, 1);
    assert_string_equal(job->record->slot[0].slot, slot);
    assert_int_equal(job->record->slot[0].state, CR_STATE_QUIET);
    assert_int_equal(job->record->slot[0].current.serial.len, 0);
    cr_job_free(job);
    refused(broker, rig_job(broker, CR_OP_INSPECT, device, slot), CR_REFUSAL_UNKNOWN_DEVICE);
}

void store_inspect_shows_all_slots(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    known(broker);
    cr_job_free(rig_issue(broker, device, "data", 2));
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_INSPECT, device, ""));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot_count, 2);
    const struct cr_slot_record *data = cr_device_record_slot(job->record, "data");
    assert_non_null(data);
    assert_int_equal(data->state, CR_STATE_ISSUED);
    assert_int_equal(data->certificate.len, 0);
    assert_true(data->due > 0);
    const struct cr_slot_record *operational = cr_device_record_slot(job->record, slot);
    assert_non_null(operational);
    assert_int_equal(operational->state, CR_STATE_QUIET);
    assert_int_equal(job->record->first_seen, rig->now_s);
    cr_job_free(job);

    /* a connection brings what waits for all slots */
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - 10 * RIG_DAY_S, rig->now_s + 80 * RIG_DAY_S);
    job = rig_run(broker, rig_job_present(broker, slot, &facts));
    assert_int_equal(job->record->slot_count, 2);
    assert_true(cr_device_record_slot(job->record, "data")->certificate.len > 0);
    cr_job_free(job);
}

void store_slots_are_apart(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    char renewal_id[CR_RENEWAL_ID_CAP];
    known(broker);
    triggered(broker, slot, renewal_id);
    struct cr_slot_record before = rig_slot(broker, device, slot);
    cr_job_free(rig_issue(broker, device, "data", 2));
    struct cr_slot_record after = rig_slot(broker, device, slot);
    assert_memory_equal(&before, &after, sizeof before);
}

void store_audit_writes_a_line(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_job *job = rig_job(broker, CR_OP_AUDIT, device, slot);
    (void)snprintf(job->audit_what, sizeof job->audit_what, "%s", "denied");
    (void)snprintf(job->audit_detail, sizeof job->audit_detail, "%s", "says \"so\"\n\x01");
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_true(job->audited);
    cr_job_free(job);
    rig_expect_audits(rig, "denied", device, 1);
}

void store_takes_no_more_than_its_bound(void **state)
{
    struct rig *rig = *state;
    rig->max_jobs = 4;
    struct rig_broker *broker = rig_open(rig, "one");
    if (rig->backend == RIG_REDIS) {
        private_redis_pause(&rig->redis);
    }
    for (unsigned i = 0; i < 4; i++) {
        rig_submit(broker, rig_job(broker, CR_OP_GET, device, slot));
    }
    struct cr_job *fifth = rig_job(broker, CR_OP_GET, device, slot), *kept = fifth;
    assert_int_equal(cr_store_submit(broker->store, &fifth), CR_FULL);
    assert_ptr_equal(fifth, kept);
    cr_job_free(fifth);
    assert_int_equal(rig_health(broker).in_flight, 4);
    if (rig->backend == RIG_REDIS) {
        private_redis_resume(&rig->redis);
    }
    for (unsigned i = 0; i < 4; i++) {
        struct cr_job *job = rig_next(broker, RIG_WAIT_MS);
        assert_non_null(job);
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        cr_job_free(job);
    }
}

/* A job is counted until a moment after it was handed back. */
static bool wait_idle(struct rig_broker *broker)
{
    const struct cr_clock *clock = cr_clock_system();
    for (int64_t end = cr_mono_ms(clock) + RIG_WAIT_MS; cr_mono_ms(clock) < end; (void)poll(NULL, 0, 1)) {
        if (rig_health(broker).in_flight == 0) {
            return true;
        }
    }
    return false;
}

void store_many_at_once(void **state)
{
    enum { MANY = 200 };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_job *job;
    char name[MANY][CR_NAME_CAP];
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name[i], sizeof name[i], "meter-%u", i);
        struct cr_cert_facts facts =
            rig_cert(name[i], 1000 + i, 1000 + i, rig->now_s - 80 * RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
        rig_submit(broker, rig_job_present(broker, slot, &facts));
        rig_submit(broker, rig_job_csr(broker, name[i], slot, 5000 + i, &facts));
    }
    unsigned begun = 0, issued = 0;
    while (issued < MANY && (job = rig_next(broker, RIG_WAIT_MS)) != NULL) {
        if (job->op == CR_OP_CSR && job->outcome == CR_OUT_NONE) {
            begun++;
            rig_sign(job);
            rig_submit(broker, job);
            continue;
        }
        issued += job->op == CR_OP_CSR && job->outcome == CR_OUT_CERTIFICATE;
        cr_job_free(job);
    }
    assert_int_equal(begun, MANY);
    assert_int_equal(issued, MANY);
    assert_true(wait_idle(broker));
    rig_expect_audits(rig, "issued", NULL, MANY);
}
