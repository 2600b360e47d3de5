#include "tests/contract/store_suite.h"

#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

/* A certificate from elsewhere whose window is open at the rig's time. */
static struct cr_cert_facts open_window(const struct rig *rig)
{
    return rig_cert(device, 1, 1, rig->now_s - 80 * RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
}

static struct cr_cert_facts closed_window(const struct rig *rig)
{
    return rig_cert(device, 1, 1, rig->now_s - 10 * RIG_DAY_S, rig->now_s + 80 * RIG_DAY_S);
}

static bool same_serial(const struct cr_cert_entry *entry, const struct cr_cert_facts *facts)
{
    return cr_serial_equal(&entry->serial, &facts->serial) && strcmp(entry->issuer, facts->issuer) == 0;
}

/* Asks, and expects this refusal. Returns retry_after_s. */
static unsigned refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, refusal);
    assert_int_equal(job->stage, CR_STAGE_DONE);
    assert_null(job->record);
    assert_int_equal(job->certificate.len, 0);
    assert_true(job->audited);
    unsigned retry_after_s = job->retry_after_s;
    assert_true(retry_after_s > 0 || !cr_refusal_info(refusal)->retry);
    cr_job_free(job);
    return retry_after_s;
}

void store_present_fills_the_inventory(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = closed_window(rig);
    struct cr_job *job = rig_run(broker, rig_job_present(broker, slot, &facts));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_string_equal(job->record->device, device);
    assert_int_equal(job->record->first_seen, rig->now_s);
    assert_int_equal(job->record->slot_count, 1);
    const struct cr_slot_record *record = cr_device_record_slot(job->record, slot);
    assert_non_null(record);
    assert_int_equal(record->state, CR_STATE_QUIET);
    assert_int_equal(record->generation, 0);
    assert_true(same_serial(&record->current, &facts));
    assert_memory_equal(record->current.key_hash, facts.key_hash, CR_SHA256_LEN);
    assert_int_equal(record->current.not_before, facts.not_before);
    assert_int_equal(record->current.not_after, facts.not_after);
    assert_int_equal(record->due, cr_profile_due(&rig->operational, device, facts.not_before, facts.not_after));
    cr_job_free(job);
    rig_expect_audits(rig, "seen", device, 1);

    rig->now_s += 3600;
    job = rig_run(broker, rig_job_present(broker, slot, &facts));
    assert_int_equal(job->record->first_seen, rig->now_s - 3600);
    assert_int_equal(job->record->last_seen, rig->now_s);
    assert_false(job->confirmed);
    cr_job_free(job);
    rig_expect_audits(rig, "seen", device, 1);
}

void store_present_prefers_the_newer_of_foreign_certificates(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts first = rig_cert(device, 1, 1, rig->now_s - 20, rig->now_s + 1000);
    struct cr_cert_facts older = rig_cert(device, 2, 2, rig->now_s - 30, rig->now_s + 2000);
    struct cr_cert_facts newer = rig_cert(device, 3, 3, rig->now_s - 10, rig->now_s + 3000);
    assert_false(rig_present(broker, slot, &first));
    assert_false(rig_present(broker, slot, &older));
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_true(same_serial(&record.current, &first));
    assert_false(rig_present(broker, slot, &newer));
    record = rig_slot(broker, device, slot);
    assert_true(same_serial(&record.current, &newer));
    assert_int_equal(record.current.not_after, newer.not_after);
    assert_int_equal(record.due, cr_profile_due(&rig->operational, device, newer.not_before, newer.not_after));
}

void store_window_decides_when_a_device_may_ask(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = closed_window(rig);
    int64_t opens = cr_profile_window_opens(&rig->operational, facts.not_before, facts.not_after);
    /* before the device was presented, its connection's certificate counts */
    assert_int_equal(refused(broker, rig_job_csr(broker, device, slot, 2, &facts), CR_REFUSAL_TOO_EARLY),
                     opens - rig->now_s);
    (void)rig_present(broker, slot, &facts);
    assert_int_equal(refused(broker, rig_job_csr(broker, device, slot, 2, NULL), CR_REFUSAL_TOO_EARLY),
                     opens - rig->now_s);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_QUIET);
    rig_expect_audits(rig, "refused", device, 2);

    struct cr_job *job = rig_job_csr(broker, device, slot, 2, NULL);
    job->profile = &rig->eager;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);

    rig->now_s = opens;
    struct cr_cert_facts other = rig_cert("meter-18", 9, 9, facts.not_before, facts.not_after);
    (void)rig_present(broker, slot, &other);
    job = rig_run(broker, rig_job_csr(broker, "meter-18", slot, 10, &other));
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
}

void store_issues_and_confirms(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);

    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    assert_int_equal(job->outcome, CR_OUT_NONE);
    assert_int_equal(job->stage, CR_STAGE_SIGN);
    assert_int_equal(strlen(job->renewal_id), CR_RENEWAL_ID_LEN);
    assert_int_equal(job->generation, 0);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.state, CR_STATE_ISSUING);
    assert_true(cr_serial_equal(&record.pending.serial, &job->intent.serial));
    assert_string_equal(record.renewal_id, job->renewal_id);
    rig_expect_audits(rig, "intent", device, 1);

    rig_sign(job);
    struct cr_blob bytes;
    assert_int_equal(cr_blob_copy(&bytes, job->certificate.data, job->certificate.len), CR_OK);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    assert_int_equal(job->stage, CR_STAGE_DONE);
    assert_int_equal(job->certificate.len, bytes.len);
    assert_memory_equal(job->certificate.data, bytes.data, bytes.len);
    assert_int_equal(strlen(job->renewal_id), CR_RENEWAL_ID_LEN);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);

    /* whoever asks finds it waiting */
    job = rig_run(broker, rig_job(broker, CR_OP_GET, device, slot));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot_count, 1);
    assert_int_equal(job->record->slot[0].state, CR_STATE_ISSUED);
    assert_int_equal(job->record->slot[0].format, CR_FORMAT_DER);
    assert_true(same_serial(&job->record->slot[0].pending, &fresh));
    assert_true(same_serial(&job->record->slot[0].current, &old));
    assert_int_equal(job->record->slot[0].certificate.len, bytes.len);
    assert_memory_equal(job->record->slot[0].certificate.data, bytes.data, bytes.len);
    cr_job_free(job);
    job = rig_run(broker, rig_job_present(broker, slot, &old));
    assert_false(job->confirmed || job->regressed);
    assert_int_equal(job->record->slot[0].certificate.len, bytes.len);
    cr_job_free(job);
    cr_blob_fini(&bytes);

    rig->now_s += 60;
    assert_true(rig_present(broker, slot, &fresh));
    record = rig_slot(broker, device, slot);
    assert_int_equal(record.state, CR_STATE_QUIET);
    assert_int_equal(record.generation, 1);
    assert_true(same_serial(&record.current, &fresh));
    assert_memory_equal(record.current.key_hash, fresh.key_hash, CR_SHA256_LEN);
    assert_true(cr_serial_equal(&record.superseded.serial, &old.serial));
    assert_int_equal(record.superseded.not_after, rig->now_s);
    assert_int_equal(record.pending.serial.len, 0);
    assert_string_equal(record.renewal_id, "");
    assert_int_equal(record.due, cr_profile_due(&rig->operational, device, fresh.not_before, fresh.not_after));
    rig_expect_audits(rig, "issued", device, 1);
    rig_expect_audits(rig, "confirmed", device, 1);
    assert_false(rig_present(broker, slot, &fresh)); /* once is enough */
    rig_expect_audits(rig, "confirmed", device, 1);
}

void store_same_key_gets_the_same_bytes(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    struct cr_job *first = rig_issue(broker, device, slot, 2);
    assert_int_equal(first->outcome, CR_OUT_CERTIFICATE);
    struct rig_broker *other = rig_open(rig, "two");
    for (int i = 0; i < 2; i++) {
        struct rig_broker *asked = i == 0 ? broker : other;
        struct cr_job *again = rig_run(asked, rig_job_csr(asked, device, slot, 2, &old));
        assert_int_equal(again->outcome, CR_OUT_CERTIFICATE);
        assert_true(cr_serial_equal(&again->intent.serial, &first->intent.serial));
        assert_int_equal(again->intent.not_before, first->intent.not_before);
        assert_int_equal(again->intent.not_after, first->intent.not_after);
        assert_string_equal(again->issuer, first->issuer);
        assert_string_equal(again->renewal_id, first->renewal_id);
        assert_int_equal(again->certificate.len, first->certificate.len);
        assert_memory_equal(again->certificate.data, first->certificate.data, first->certificate.len);
        cr_job_free(again);
    }
    cr_job_free(first);
    rig_expect_audits(rig, "issued", device, 1);
}

void store_second_asker_waits_while_issuing(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    struct cr_job *first = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    assert_int_equal(first->outcome, CR_OUT_NONE);

    rig->now_s += 10;
    struct cr_job *same = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    assert_int_equal(same->outcome, CR_OUT_PENDING);
    assert_int_equal(same->stage, CR_STAGE_DONE);
    assert_int_equal(same->retry_after_s, FAKE_LEASE_S - 10);
    assert_string_equal(same->renewal_id, first->renewal_id);
    cr_job_free(same);
    assert_int_equal(refused(broker, rig_job_csr(broker, device, slot, 3, &old), CR_REFUSAL_RENEWAL_IN_PROGRESS),
                     FAKE_LEASE_S - 10);

    /* the very same intent, asked again because its answer got lost, goes on */
    struct cr_job *again = rig_job_csr(broker, device, slot, 2, &old);
    again->intent = first->intent;
    again = rig_run(broker, again);
    assert_int_equal(again->outcome, CR_OUT_NONE);
    assert_string_equal(again->renewal_id, first->renewal_id);
    cr_job_free(again);

    rig_sign(first);
    first = rig_run(broker, first);
    assert_int_equal(first->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(first);
}

void store_lease_over_means_a_new_serial(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    struct cr_job *first = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    rig->now_s += FAKE_LEASE_S;
    struct cr_job *second = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    assert_int_equal(second->outcome, CR_OUT_NONE);
    assert_string_equal(second->renewal_id, first->renewal_id);
    rig_sign(first);
    first = rig_run(broker, first);
    assert_int_equal(first->outcome, CR_OUT_PENDING); /* not handed out: another serial is on its way */
    assert_int_equal(first->certificate.len, 0);
    assert_true(first->retry_after_s > 0);
    cr_job_free(first);
    rig_expect_audits(rig, "void", device, 1);
    rig_sign(second);
    second = rig_run(broker, second);
    assert_int_equal(second->outcome, CR_OUT_CERTIFICATE);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_true(cr_serial_equal(&record.pending.serial, &second->intent.serial));
    cr_job_free(second);
}

void store_earlier_life_is_taken_over_at_once(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    struct cr_job *first = rig_run(broker, rig_job_csr(broker, device, slot, 2, &old));
    assert_int_equal(first->outcome, CR_OUT_NONE);
    struct cr_serial serial = first->intent.serial;
    cr_job_free(first);
    rig_close(broker);
    broker = rig_open(rig, "one");
    struct cr_job *second = rig_issue(broker, device, slot, 2);
    assert_int_equal(second->outcome, CR_OUT_CERTIFICATE);
    assert_false(cr_serial_equal(&second->intent.serial, &serial));
    cr_job_free(second);
}

void store_other_broker_waits_for_the_lease(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "one"), *two = rig_open(rig, "two");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(one, slot, &old);
    struct cr_job *first = rig_run(one, rig_job_csr(one, device, slot, 2, &old));
    assert_int_equal(first->outcome, CR_OUT_NONE);
    struct cr_job *second = rig_run(two, rig_job_csr(two, device, slot, 2, &old));
    assert_int_equal(second->outcome, CR_OUT_PENDING);
    cr_job_free(second);
    (void)refused(two, rig_job_csr(two, device, slot, 3, &old), CR_REFUSAL_RENEWAL_IN_PROGRESS);
    rig->now_s += FAKE_LEASE_S;
    second = rig_issue(two, device, slot, 2);
    assert_int_equal(second->outcome, CR_OUT_CERTIFICATE);
    rig_sign(first);
    first = rig_run(one, first);
    assert_int_equal(first->outcome, CR_OUT_PENDING);
    cr_job_free(first);
    first = rig_run(one, rig_job_csr(one, device, slot, 2, &old));
    assert_int_equal(first->outcome, CR_OUT_CERTIFICATE);
    assert_memory_equal(first->certificate.data, second->certificate.data, second->certificate.len);
    cr_job_free(first);
    cr_job_free(second);
}

void store_key_of_another_is_refused(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    struct cr_cert_facts other = rig_cert("meter-18", 2, 2, old.not_before, old.not_after);
    (void)rig_present(broker, slot, &old);
    (void)rig_present(broker, slot, &other);
    (void)refused(broker, rig_job_csr(broker, device, slot, 2, &old), CR_REFUSAL_KEY_REUSED);
    rig_expect_audits(rig, "alarm", device, 1);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_TRIGGERED); /* as it was: it is due */
    (void)refused(broker, rig_job_csr(broker, device, "data", 1, &old), CR_REFUSAL_KEY_REUSED); /* of another slot */
    /* who comes with another's key is known by it, and alarmed about */
    struct cr_cert_facts thief = rig_cert("meter-19", 3, 2, old.not_before, old.not_after);
    (void)rig_present(broker, slot, &thief);
    rig_expect_audits(rig, "alarm", "meter-19", 1);
}

void store_current_key_is_refused_unless_allowed(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    (void)refused(broker, rig_job_csr(broker, device, slot, 1, &old), CR_REFUSAL_KEY_REUSED);
    struct cr_job *job = rig_job_csr(broker, device, slot, 1, &old);
    job->profile = &rig->eager;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
}

void store_former_key_is_refused(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    for (unsigned key = 2; key < 4; key++) {
        struct cr_job *job = rig_issue(broker, device, slot, key);
        struct cr_cert_facts fresh = rig_cert_of(job);
        assert_int_equal(job->generation, key - 2);
        cr_job_free(job);
        assert_true(rig_present(broker, slot, &fresh));
        rig->now_s += 85 * RIG_DAY_S;
    }
    /* last year's requests: of the certificate from elsewhere, and of one of ours */
    (void)refused(broker, rig_job_csr(broker, device, slot, 1, &old), CR_REFUSAL_KEY_REUSED);
    (void)refused(broker, rig_job_csr(broker, device, slot, 2, &old), CR_REFUSAL_KEY_REUSED);
    (void)refused(broker, rig_job_csr(broker, device, slot, 3, &old), CR_REFUSAL_KEY_REUSED);
    assert_int_equal(rig_slot(broker, device, slot).generation, 2);
}

void store_new_key_replaces_what_waits(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    struct cr_job *first = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts lost = rig_cert_of(first);
    struct cr_job *second = rig_issue(broker, device, slot, 3);
    assert_int_equal(second->outcome, CR_OUT_CERTIFICATE);
    assert_string_equal(second->renewal_id, first->renewal_id);
    struct cr_cert_facts fresh = rig_cert_of(second);
    assert_false(rig_present(broker, slot, &lost));
    assert_true(rig_present(broker, slot, &fresh));
    assert_int_equal(rig_slot(broker, device, slot).generation, 1);
    cr_job_free(first);
    cr_job_free(second);
}

void store_late_certificate_is_not_handed_out(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    rig->now_s = job->intent.not_after; /* it slept that long */
    cr_job_free(job);
    (void)refused(broker, rig_job_csr(broker, device, slot, 2, NULL), CR_REFUSAL_KEY_REUSED);
    job = rig_issue(broker, device, slot, 3);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
}

void store_regression_is_told(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &fresh));
    struct cr_slot_record before = rig_slot(broker, device, slot);
    job = rig_job_present(broker, slot, &old);
    job->may_begin = false;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_true(job->regressed);
    assert_false(job->confirmed);
    assert_false(job->triggered);
    cr_job_free(job);
    struct cr_slot_record after = rig_slot(broker, device, slot);
    assert_memory_equal(&before, &after, sizeof before);
    rig_expect_audits(rig, "regression", device, 1);
}

void store_stranger_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts old = open_window(rig);
    (void)rig_present(broker, slot, &old);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts fresh = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &fresh));
    struct cr_slot_record before = rig_slot(broker, device, slot);
    struct cr_cert_facts stranger = rig_cert(device, 77, 77, rig->now_s, rig->now_s + 1000 * RIG_DAY_S);
    static const enum cr_refusal alarms[] = { CR_REFUSAL_UNKNOWN_CERTIFICATE, CR_REFUSAL_CERTIFICATE_OUTDATED };
    for (unsigned i = 0; i < 2; i++) { /* of the same issuer, then of another one */
        stranger.issuer[0] = (char)('0' + i);
        job = rig_run(broker, rig_job_present(broker, slot, &stranger));
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        assert_int_equal(job->alarm, alarms[i]);
        cr_job_free(job);
        struct cr_slot_record after = rig_slot(broker, device, slot);
        assert_memory_equal(&before, &after, sizeof before);
        rig_expect_audits(rig, "alarm", device, i + 1);
    }
}
