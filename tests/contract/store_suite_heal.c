/* What a store makes of certificates that were superseded, and of devices that report failures. */
#include "tests/contract/store_suite.h"

#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

/* Hands it in; the refusal. */
static enum cr_refusal presented(struct rig_broker *broker, struct cr_job *job, struct cr_job **home)
{
    *home = rig_run(broker, job);
    assert_int_equal((*home)->outcome,
                     (*home)->refusal == CR_REFUSAL_NONE ? CR_OUT_RECORD : CR_OUT_REFUSED);
    return (*home)->refusal;
}

static struct cr_cert_facts enrolled(struct rig_broker *broker)
{
    struct rig *rig = broker->rig;
    struct cr_cert_facts old = rig_cert(device, 1, 1, rig->now_s - 80 * RIG_DAY_S, rig->now_s + 900 * RIG_DAY_S);
    (void)rig_present(broker, slot, &old);
    return old;
}

/* A request of the device's own, or the answer to a trigger, up to the certificate. */
static struct cr_cert_facts issued(struct rig_broker *broker, unsigned key)
{
    struct cr_job *job = rig_job_csr(broker, device, slot, key, NULL);
    job->profile = &broker->rig->eager;
    job = rig_run(broker, job);
    rig_sign(job);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    struct cr_cert_facts facts = rig_cert_of(job);
    cr_job_free(job);
    return facts;
}

static struct cr_cert_facts renewed(struct rig_broker *broker, unsigned key)
{
    struct cr_cert_facts facts = issued(broker, key);
    assert_true(rig_present(broker, slot, &facts));
    return facts;
}

void store_old_certificate_works_until_its_grace_is_over(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = enrolled(broker);
    struct cr_cert_facts fresh = issued(broker, 2);
    struct cr_job *job;
    rig->now_s += 30 * RIG_DAY_S; /* the new one was never seen: the old one is as good as ever */
    assert_int_equal(presented(broker, rig_job_present(broker, slot, &old), &job), CR_REFUSAL_NONE);
    assert_false(job->regressed);
    assert_int_equal(cr_device_record_slot(job->record, slot)->state, CR_STATE_ISSUED);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &fresh));
    int64_t over = rig->now_s + rig->operational.superseded_grace_s;

    rig->now_s = over - 1;
    struct cr_job *look = rig_job_present(broker, slot, &old);
    look->may_begin = false;
    assert_int_equal(presented(broker, look, &job), CR_REFUSAL_NONE);
    assert_true(job->regressed);
    cr_job_free(job);

    rig->now_s = over;
    struct cr_slot_record before = rig_slot(broker, device, slot);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(presented(broker, rig_job_present(broker, slot, &old), &job), CR_REFUSAL_CERTIFICATE_OUTDATED);
        assert_true(job->regressed);
        assert_true(job->audited);
        assert_false(job->triggered);
        assert_null(job->record);
        cr_job_free(job);
    }
    struct cr_slot_record after = rig_slot(broker, device, slot);
    assert_memory_equal(&before, &after, sizeof before);
    job = rig_run(broker, rig_job(broker, CR_OP_INSPECT, device, slot));
    assert_int_equal(job->record->last_seen, over - 1);
    cr_job_free(job);
    rig_expect_audits(rig, "refused", device, 2);
    rig_expect_audits(rig, "regression", device, 1);

    assert_int_equal(presented(broker, rig_job_present(broker, slot, &fresh), &job), CR_REFUSAL_NONE);
    cr_job_free(job);
}

void store_without_grace_the_old_is_refused_at_once(void **state)
{
    struct rig *rig = *state;
    rig->operational.superseded_grace_s = 0;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = enrolled(broker);
    struct cr_job *job;
    (void)renewed(broker, 2);
    assert_int_equal(presented(broker, rig_job_present(broker, slot, &old), &job), CR_REFUSAL_CERTIFICATE_OUTDATED);
    cr_job_free(job);
}

void store_regression_is_healed(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = enrolled(broker);
    char renewal_id[CR_RENEWAL_ID_CAP];
    struct cr_job *job;
    (void)renewed(broker, 2);
    rig->now_s += RIG_DAY_S;
    for (int i = 0; i < 2; i++) { /* the second time it is only told again */
        assert_int_equal(presented(broker, rig_job_present(broker, slot, &old), &job), CR_REFUSAL_NONE);
        assert_true(job->regressed);
        assert_int_equal(job->triggered, i == 0);
        const struct cr_slot_record *record = cr_device_record_slot(job->record, slot);
        assert_int_equal(record->state, CR_STATE_TRIGGERED);
        assert_int_equal(record->reason, CR_RENEW_REGRESSION);
        assert_int_equal(record->attempt, 1);
        assert_int_equal(record->generation, 1);
        assert_int_equal(record->deadline, rig->now_s + 7 * RIG_DAY_S);
        if (i == 0) {
            assert_string_equal(job->renewal_id, record->renewal_id);
            memcpy(renewal_id, record->renewal_id, sizeof renewal_id);
        }
        assert_string_equal(record->renewal_id, renewal_id);
        cr_job_free(job);
    }
    rig_expect_audits(rig, "regression", device, 2);
    rig_expect_audits(rig, "triggered", device, 1);

    struct cr_cert_facts healed = renewed(broker, 3);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.generation, 2);
    assert_int_equal(record.state, CR_STATE_QUIET);
    assert_int_equal(presented(broker, rig_job_present(broker, slot, &healed), &job), CR_REFUSAL_NONE);
    assert_int_equal(job->alarm, CR_REFUSAL_NONE); /* it has one identity again */
    cr_job_free(job);
}

void store_much_older_certificate_regresses_too(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = enrolled(broker);
    struct cr_job *job;
    (void)renewed(broker, 2);
    rig->now_s += RIG_DAY_S;
    (void)renewed(broker, 3);
    assert_int_equal(presented(broker, rig_job_present(broker, slot, &old), &job), CR_REFUSAL_NONE);
    assert_true(job->regressed);
    assert_true(job->triggered);
    assert_int_equal(job->alarm, CR_REFUSAL_NONE);
    assert_int_equal(cr_device_record_slot(job->record, slot)->generation, 2);
    cr_job_free(job);
    rig->now_s += rig->operational.superseded_grace_s;
    assert_int_equal(presented(broker, rig_job_present(broker, slot, &old), &job), CR_REFUSAL_CERTIFICATE_OUTDATED);
    cr_job_free(job);
}

void store_regression_waits_for_who_may_not_begin(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = enrolled(broker);
    struct cr_job *job;
    (void)renewed(broker, 2);
    rig_hold(rig, device, slot, true);
    assert_int_equal(presented(broker, rig_job_present(broker, slot, &old), &job), CR_REFUSAL_NONE);
    assert_true(job->regressed);
    assert_false(job->triggered);
    cr_job_free(job);
    rig_hold(rig, device, slot, false);
    struct cr_job *paced = rig_job_present(broker, slot, &old);
    paced->may_begin = false;
    assert_int_equal(presented(broker, paced, &job), CR_REFUSAL_NONE);
    assert_false(job->triggered);
    cr_job_free(job);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_QUIET);
    assert_int_equal(presented(broker, rig_job_present(broker, slot, &old), &job), CR_REFUSAL_NONE);
    assert_true(job->triggered);
    cr_job_free(job);
}

void store_older_connection_is_no_regression(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = enrolled(broker);
    struct cr_cert_facts fresh = renewed(broker, 2);
    struct cr_job *job, *look = rig_job_present(broker, slot, &old);
    look->appeared = false; /* looked at again, while another connection has confirmed the new one */
    assert_int_equal(presented(broker, look, &job), CR_REFUSAL_NONE);
    assert_false(job->regressed);
    assert_false(job->triggered);
    cr_job_free(job);
    assert_int_equal(presented(broker, rig_job_present(broker, slot, &fresh), &job), CR_REFUSAL_NONE);
    assert_int_equal(job->alarm, CR_REFUSAL_NONE);
    cr_job_free(job);
    rig_expect_audits(rig, "regression", device, 0);

    rig->now_s += rig->operational.superseded_grace_s;
    look = rig_job_present(broker, slot, &old);
    look->appeared = false;
    assert_int_equal(presented(broker, look, &job), CR_REFUSAL_CERTIFICATE_OUTDATED);
    cr_job_free(job);
}

void store_split_identity_is_told(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = enrolled(broker);
    struct cr_cert_facts fresh = renewed(broker, 2);
    for (unsigned i = 1; i <= 2; i++) {
        struct cr_job *job;
        assert_int_equal(presented(broker, rig_job_present(broker, slot, &old), &job), CR_REFUSAL_NONE);
        assert_int_equal(job->alarm, CR_REFUSAL_NONE); /* the loop makes one of job->regressed */
        cr_job_free(job);
        assert_int_equal(presented(broker, rig_job_present(broker, slot, &fresh), &job), CR_REFUSAL_NONE);
        assert_int_equal(job->alarm, CR_REFUSAL_SPLIT_IDENTITY);
        assert_true(strlen(job->audit_detail) > 0);
        assert_false(job->regressed);
        cr_job_free(job);
        assert_int_equal(presented(broker, rig_job_present(broker, slot, &fresh), &job), CR_REFUSAL_NONE);
        assert_int_equal(job->alarm, CR_REFUSAL_NONE); /* once for each turn */
        cr_job_free(job);
        rig_expect_audits(rig, "split-identity", device, i);
        rig_expect_audits(rig, "regression", device, i);
    }
}

static struct cr_job *report(struct rig_broker *broker, enum cr_report_outcome outcome)
{
    struct cr_slot_record record = rig_slot(broker, device, slot);
    struct cr_job *job = rig_run(broker, rig_job_report(broker, device, slot, record.renewal_id, outcome));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    return job;
}

void store_failures_wait_and_alert(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)enrolled(broker);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
    int64_t wait_s = 0;
    for (unsigned i = 1; i <= 6; i++) {
        if (i > 1) { /* the first time it fails before it even asks */
            (void)issued(broker, 10 + i);
            assert_int_equal(rig_slot(broker, device, slot).retry_at, 0);
        }
        struct cr_job *job = report(broker, i % 2 == 0 ? CR_REPORT_FAILED : CR_REPORT_ROLLED_BACK);
        assert_int_equal(job->alert, i % 3 == 0 ? CR_ALERT_FAILING : CR_ALERT_NONE);
        assert_string_equal(job->alert_slot, i % 3 == 0 ? slot : "");
        cr_job_free(job);
        struct cr_slot_record record = rig_slot(broker, device, slot);
        assert_int_equal(record.state, CR_STATE_TRIGGERED);
        assert_int_equal(record.pending.serial.len, 0);
        assert_int_equal(record.attempt, 1 + i);
        assert_int_equal(record.failures, i);
        assert_int_equal(record.retry_at, record.due);
        assert_true(record.retry_at - rig->now_s > wait_s || i > 4); /* twice as long, up to a day */
        wait_s = record.retry_at - rig->now_s;
        rig_expect_audits(rig, "report", device, i);
        rig_expect_audits(rig, "alert", device, i / 3);
    }
    (void)renewed(broker, 30);
    assert_int_equal(rig_slot(broker, device, slot).failures, 0);
    assert_int_equal(rig_slot(broker, device, slot).retry_at, 0);
}

void store_failure_waits_only_for_itself(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)enrolled(broker);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
    cr_job_free(report(broker, CR_REPORT_FAILED));
    assert_true(rig_slot(broker, device, slot).retry_at > rig->now_s);
    struct cr_job *job = rig_run(broker, rig_job_trigger(broker, device, slot)); /* an operator knows better */
    assert_int_equal(job->record->slot[0].retry_at, 0);
    assert_int_equal(job->record->slot[0].failures, 1);
    cr_job_free(job);

    cr_job_free(report(broker, CR_REPORT_FAILED));
    rig->now_s += 7 * RIG_DAY_S; /* over: no renewal, nothing to wait for */
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.state, CR_STATE_QUIET);
    assert_int_equal(record.retry_at, 0);
    assert_int_equal(record.unanswered, 1);

    job = rig_run(broker, rig_job_csr(broker, device, slot, 40, NULL)); /* while it is being issued it cannot have failed */
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    cr_job_free(job);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
    cr_job_free(rig_run(broker, rig_job_csr(broker, device, slot, 41, NULL)));
    cr_job_free(report(broker, CR_REPORT_FAILED));
    assert_int_equal(rig_slot(broker, device, slot).failures, 2);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_ISSUING);
}

void store_generation_never_decreases(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts seen[4] = { enrolled(broker) };
    uint64_t generation = 0;
    for (unsigned round = 1; round < 4; round++) {
        seen[round] = renewed(broker, 10 * round);
        assert_int_equal(rig_slot(broker, device, slot).generation, round);
        for (unsigned i = 0; i < 40; i++) { /* whatever comes back, fails, or stays away */
            struct cr_job *job = NULL;
            switch (i % 4) {
            case 0: (void)presented(broker, rig_job_present(broker, slot, &seen[i / 4 % round]), &job); break;
            case 1: job = rig_run(broker, rig_job_trigger(broker, device, slot)); break;
            case 2: job = report(broker, i % 8 == 2 ? CR_REPORT_FAILED : CR_REPORT_ROLLED_BACK); break;
            case 3: (void)presented(broker, rig_job_present(broker, slot, &seen[round]), &job); break;
            }
            cr_job_free(job);
            rig->now_s += i * 3600;
            struct cr_slot_record record = rig_slot(broker, device, slot);
            assert_true(record.generation >= generation);
            assert_true(cr_serial_equal(&record.current.serial, &seen[round].serial));
            generation = record.generation;
        }
    }
    assert_int_equal(generation, 3);
}
