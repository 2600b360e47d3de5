/* What a store makes of a device that appears when its slot is due. */
#include "tests/contract/store_suite.h"

#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

/* Presents it; whether a renewal began. */
static bool begins(struct rig_broker *broker, const struct cr_cert_facts *facts, char renewal_id[CR_RENEWAL_ID_CAP])
{
    struct cr_job *job = rig_run(broker, rig_job_present(broker, slot, facts));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    bool begun = job->triggered;
    const struct cr_slot_record *record = cr_device_record_slot(job->record, slot);
    assert_non_null(record);
    if (begun) {
        assert_int_equal(record->state, CR_STATE_TRIGGERED);
        assert_int_equal(record->reason, CR_RENEW_EXPIRY);
        assert_int_equal(record->attempt, 1);
        assert_int_equal(record->deadline, broker->rig->now_s + 7 * RIG_DAY_S);
        assert_string_equal(record->renewal_id, job->renewal_id);
        memcpy(renewal_id, job->renewal_id, CR_RENEWAL_ID_CAP);
    }
    cr_job_free(job);
    return begun;
}

void store_present_begins_what_is_due(void **state)
{
    struct rig *rig = *state;
    rig->operational.min_chances = 0;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s, rig->now_s + 90 * RIG_DAY_S);
    char first[CR_RENEWAL_ID_CAP], second[CR_RENEWAL_ID_CAP];
    assert_false(begins(broker, &facts, first));
    int64_t due = rig_slot(broker, device, slot).due;
    rig->now_s = due - 1;
    assert_false(begins(broker, &facts, first));
    rig->now_s = due;
    assert_true(begins(broker, &facts, first));
    rig_expect_audits(rig, "triggered", device, 1);

    /* it waits for its answer; once its deadline has passed, the device's next appearance begins another */
    rig->now_s += 6 * RIG_DAY_S;
    assert_false(begins(broker, &facts, second));
    assert_string_equal(rig_slot(broker, device, slot).renewal_id, first);
    rig->now_s += 1 * RIG_DAY_S;
    assert_true(begins(broker, &facts, second));
    assert_string_not_equal(second, first);
    rig_expect_audits(rig, "expired", device, 1);
    rig_expect_audits(rig, "triggered", device, 2);

    /* and it may answer that, and is quiet again when it comes with the new certificate */
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    assert_string_equal(job->renewal_id, second);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    assert_false(begins(broker, &fresh, second));
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_QUIET);
    assert_true(rig_slot(broker, device, slot).due > rig->now_s);
}

void store_present_begins_nothing_for_others(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 2, 1, rig->now_s - 80 * RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    struct cr_cert_facts older = rig_cert(device, 1, 2, rig->now_s - 81 * RIG_DAY_S, rig->now_s + 9 * RIG_DAY_S);
    char renewal_id[CR_RENEWAL_ID_CAP];

    /* of a slot that has no profile any more */
    struct cr_job *job = rig_job_present(broker, slot, &facts);
    job->profile = NULL;
    rig->now_s += 10 * RIG_DAY_S;
    job->now_s = rig->now_s;
    job = rig_run(broker, job);
    assert_false(job->triggered);
    cr_job_free(job);

    /* on hold */
    rig_hold(rig, device, slot, true);
    assert_false(begins(broker, &facts, renewal_id));
    rig_hold(rig, device, slot, false);

    /* who comes with another certificate than the one that is due */
    assert_false(begins(broker, &older, renewal_id));
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_QUIET);
    assert_true(begins(broker, &facts, renewal_id));
    rig_expect_audits(rig, "triggered", device, 1);
}

void store_what_came_to_nothing_begins_anew(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one"), *other = rig_open(rig, "two");
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - 80 * RIG_DAY_S, rig->now_s + 200 * RIG_DAY_S);
    char first[CR_RENEWAL_ID_CAP], second[CR_RENEWAL_ID_CAP];
    (void)begins(broker, &facts, first);

    /* an intent whose broker never comes back: by an appearance, and by an operator */
    for (unsigned k = 0; k < 2; k++) {
        rig->now_s = rig_slot(broker, device, slot).due > rig->now_s ? rig_slot(broker, device, slot).due : rig->now_s;
        struct cr_job *lost = rig_run(broker, rig_job_csr(broker, device, slot, 2 + k, NULL));
        assert_int_equal(lost->outcome, CR_OUT_NONE);
        cr_job_free(lost);
        rig->now_s += CR_LEASE_S - 1;
        assert_false(begins(other, &facts, first));
        rig->now_s += 1;
        if (k == 0) {
            assert_true(begins(other, &facts, second));
        } else {
            struct cr_job *job = rig_run(other, rig_job_trigger(other, device, slot));
            assert_int_equal(job->record->slot[0].state, CR_STATE_TRIGGERED);
            assert_string_not_equal(job->renewal_id, second);
            cr_job_free(job);
        }
    }

    /* a certificate that ended before the device came back with it */
    struct cr_job *job = rig_issue(broker, device, slot, 5);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    int64_t ends = job->intent.not_after;
    cr_job_free(job);
    rig->now_s = ends - 1;
    assert_false(begins(broker, &facts, second));
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_ISSUED);
    rig->now_s = ends;
    assert_true(begins(broker, &facts, second));
    assert_int_equal(rig_slot(broker, device, slot).pending.serial.len, 0);
}

/* The certificate of another slot ended before it was seen: that is all that is thrown away. */
void store_what_waits_stays_when_another_slots_ended(void **state)
{
    static const char data[] = "data";
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s, rig->now_s + 900 * RIG_DAY_S);
    char renewal_id[CR_RENEWAL_ID_CAP];
    assert_false(begins(broker, &facts, renewal_id));
    struct cr_job *job = rig_issue(broker, device, data, 5);
    memcpy(renewal_id, job->renewal_id, sizeof renewal_id);
    cr_job_free(job);
    cr_job_free(rig_run(broker, rig_job_report(broker, device, data, renewal_id, CR_REPORT_INSTALLED)));
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, data)));
    job = rig_issue(broker, device, data, 6);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    int64_t ends = job->intent.not_after;
    cr_job_free(job);

    rig->now_s = ends - 1;
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
    job = rig_issue(broker, device, slot, 7);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    size_t len = job->certificate.len;
    cr_job_free(job);

    rig->now_s = ends;
    job = rig_run(broker, rig_job_present(broker, slot, &facts));
    assert_true(job->triggered);
    cr_job_free(job);
    assert_int_equal(rig_slot(broker, device, data).state, CR_STATE_TRIGGERED);
    job = rig_run(broker, rig_job(broker, CR_OP_GET, device, slot));
    assert_int_equal(job->record->slot[0].state, CR_STATE_ISSUED);
    assert_int_equal(job->record->slot[0].certificate.len, len);
    cr_job_free(job);
    job = rig_run(broker, rig_job(broker, CR_OP_GET, device, data));
    assert_int_equal(job->record->slot[0].certificate.len, 0);
    cr_job_free(job);
    if (rig->backend == RIG_REDIS) {
        struct cr_device_keys keys;
        rig_keys(rig, &keys, device, data);
        assert_int_equal(private_redis_integer(&rig->redis, "EXISTS %s", keys.cert.text), 0);
    }
}
