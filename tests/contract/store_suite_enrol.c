/* Who is let in without a certificate of ours: allowances, and factories' rules. */
#include "tests/contract/enrol_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char device[] = ENROL_DEVICE, slot[] = ENROL_SLOT;

void store_enrol_needs_an_allowance(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    enrol_refused(broker, enrol_csr(broker, 1), CR_REFUSAL_NOT_ENROLLED);
    assert_int_equal(enrol_inspect(broker).enrol.since, 0);
    assert_false(enrol_allow(broker, "other"));
    enrol_refused(broker, enrol_csr(broker, 1), CR_REFUSAL_NOT_ENROLLED); /* of another factory */
    assert_true(enrol_allow(broker, "acme"));
    struct cr_device_record record = enrol_inspect(broker);
    assert_int_equal(record.enrol.since, rig->now_s);
    assert_string_equal(record.enrol.factory, "acme");
    assert_int_equal(record.slot_count, 0);

    struct cr_cert_facts facts = enrol_issued(broker, enrol_csr(broker, 1));
    record = enrol_inspect(broker);
    assert_int_equal(record.enrol.since, rig->now_s); /* used up only by what was seen to work */
    assert_string_equal(record.factory, "fac00001");
    enrol_confirmed(broker, &facts);
    record = enrol_inspect(broker);
    assert_int_equal(record.enrol.since, 0);
    assert_string_equal(record.factory, "fac00001");
    assert_int_equal(record.slot[0].generation, 1);
    rig_expect_audits(rig, "enrol-allowed", device, 2);
    rig_expect_audits(rig, "issued", device, 1);
    enrol_refused(broker, enrol_csr(broker, 2), CR_REFUSAL_ALREADY_ENROLLED);
}

void store_enrol_knows_who_is_known(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 100 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    assert_true(enrol_allow(broker, ""));
    struct cr_job *job = enrol_job(broker, CR_ENROL_ALLOW, "");
    (void)snprintf(job->enrol->tags, sizeof job->enrol->tags, ",lab,alpha,");
    assert_true(enrol_done(broker, job));
    assert_string_equal(enrol_inspect(broker).tags, ",alpha,lab,");
    job = enrol_job(broker, CR_ENROL_ALLOW, "");
    (void)snprintf(job->enrol->tags, sizeof job->enrol->tags, ",%032d,%029d,", 0, 0);
    enrol_refused(broker, job, CR_REFUSAL_TOO_LARGE);
    assert_string_equal(enrol_inspect(broker).tags, ",alpha,lab,");
}

void store_enrol_is_forbidden_again(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    enrol_refused(broker, enrol_job(broker, CR_ENROL_FORBID, ""), CR_REFUSAL_WRONG_STATE);
    (void)enrol_allow(broker, "");
    enrol_make_token(broker, 1, 3600);
    (void)enrol_done(broker, enrol_job(broker, CR_ENROL_FORBID, ""));
    rig_expect_audits(rig, "enrol-forbidden", device, 1);
    enrol_refused(broker, enrol_csr(broker, 1), CR_REFUSAL_NOT_ENROLLED);
    enrol_refused(broker, enrol_csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    enrol_refused(broker, enrol_job(broker, CR_ENROL_FORBID, ""), CR_REFUSAL_WRONG_STATE);
}

void store_enrol_any_is_once(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_ANY, CR_REENROLL_NEVER);
    struct cr_cert_facts first = enrol_issued(broker, enrol_csr(broker, 1)), other = enrol_factory_cert(rig, 2, FACTORY_KEY + 1);
    struct cr_cert_facts again = enrol_issued(broker, enrol_csr(broker, 2)); /* it lost the first before it was seen */
    assert_false(cr_serial_equal(&first.serial, &again.serial));
    enrol_confirmed(broker, &again);
    enrol_refused(broker, enrol_csr(broker, 3), CR_REFUSAL_ALREADY_ENROLLED);
    enrol_refused(broker, enrol_csr_by(broker, 3, &other), CR_REFUSAL_NOT_ENROLLED); /* it is acme's */
    (void)enrol_allow(broker, "");
    again = enrol_issued(broker, enrol_csr(broker, 3)); /* but an operator may say otherwise */
    enrol_confirmed(broker, &again);
    assert_int_equal(rig_slot(broker, device, slot).generation, 2);
    enrol_refused(broker, enrol_csr(broker, 4), CR_REFUSAL_ALREADY_ENROLLED);
}

void store_enrol_same_key_gets_the_same_bytes(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *one = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    struct rig_broker *two = enrol_open(rig, "two", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    (void)enrol_allow(one, "acme");
    struct cr_job *first = rig_run(one, enrol_csr(one, 1));
    assert_int_equal(first->outcome, CR_OUT_NONE);
    struct cr_job *second = rig_run(two, enrol_csr(two, 1)); /* the lease runs */
    assert_int_equal(second->outcome, CR_OUT_PENDING);
    cr_job_free(second);
    enrol_refused(two, enrol_csr(two, 2), CR_REFUSAL_RENEWAL_IN_PROGRESS);
    rig_sign(first);
    first = rig_run(one, first);
    assert_int_equal(first->outcome, CR_OUT_CERTIFICATE);
    second = rig_run(two, enrol_csr(two, 1));
    assert_int_equal(second->outcome, CR_OUT_CERTIFICATE);
    assert_int_equal(second->certificate.len, first->certificate.len);
    assert_memory_equal(second->certificate.data, first->certificate.data, first->certificate.len);
    cr_job_free(second);
    cr_job_free(first);
    rig_expect_audits(rig, "issued", device, 1);
    (void)enrol_done(two, enrol_job(two, CR_ENROL_FORBID, ""));
    enrol_refused(two, enrol_csr(two, 1), CR_REFUSAL_NOT_ENROLLED);
}

void store_reenrol_when_the_certificate_is_useless(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_EXPIRED);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    enrol_refused(broker, enrol_csr(broker, 2), CR_REFUSAL_ALREADY_ENROLLED);
    struct cr_job *job = enrol_csr(broker, 2);
    enrol_trust(job, " 00000000000000aa "); /* its issuer is not among those */
    facts = enrol_issued(broker, job);
    enrol_confirmed(broker, &facts);
    enrol_refused(broker, enrol_csr(broker, 3), CR_REFUSAL_ALREADY_ENROLLED);
    rig->now_s = facts.not_after - 1;
    enrol_refused(broker, enrol_csr(broker, 3), CR_REFUSAL_ALREADY_ENROLLED);
    rig->now_s++;
    facts = enrol_issued(broker, enrol_csr(broker, 3));
    enrol_confirmed(broker, &facts);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.generation, 2);
    assert_true(record.superseded.serial.len > 0);
}

/* What was revoked is no use to the device, though its time is not over; and it is for an operator to release it. */
void store_reenrol_after_a_revocation(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_EXPIRED);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    enrol_refused(broker, enrol_csr(broker, 2), CR_REFUSAL_ALREADY_ENROLLED);
    assert_int_equal(rig_revoke(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, device, "", CR_REASON_KEY_COMPROMISE)), 1);
    enrol_refused(broker, enrol_csr(broker, 2), CR_REFUSAL_REVOKED);
    enrol_make_token(broker, 1, 60);
    enrol_refused(broker, enrol_csr_token(broker, 2, 1), CR_REFUSAL_REVOKED);
    struct cr_job *job = rig_job(broker, CR_OP_STEER, device, "");
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_RELEASE;
    job->command = 1;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    enrol_refused(broker, enrol_csr(broker, 1), CR_REFUSAL_REVOKED); /* the very key */
    facts = enrol_issued(broker, enrol_csr(broker, 2));
    enrol_confirmed(broker, &facts);
    enrol_refused(broker, enrol_csr(broker, 3), CR_REFUSAL_ALREADY_ENROLLED);
}

void store_reenrol_always_or_never(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *always = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_ALWAYS);
    struct rig_broker *never = enrol_open(rig, "two", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(always, slot, &facts));
    rig->now_s += 11 * RIG_DAY_S;
    enrol_refused(never, enrol_csr(never, 2), CR_REFUSAL_ALREADY_ENROLLED); /* though it expired */
    rig->now_s -= 11 * RIG_DAY_S;
    facts = enrol_issued(always, enrol_csr(always, 2));
    enrol_confirmed(always, &facts);
}

void store_enrol_is_stopped_by_a_hold(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_ANY, CR_REENROLL_ALWAYS);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    rig_hold(rig, device, slot, true);
    enrol_refused(broker, enrol_csr(broker, 2), CR_REFUSAL_ON_HOLD);
    enrol_make_token(broker, 1, 60);
    enrol_refused(broker, enrol_csr_token(broker, 2, 1), CR_REFUSAL_ON_HOLD);
    rig_hold(rig, device, slot, false);
    (void)enrol_issued(broker, enrol_csr(broker, 2));
}

void store_device_without_slots_is_no_trouble(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    enrol_make_token(broker, 1, 60);
    struct cr_device_record record = enrol_inspect(broker);
    assert_int_equal(record.slot_count, 0);
    assert_int_equal(record.first_seen, 0);
    enrol_refused(broker, rig_job_trigger(broker, device, slot), CR_REFUSAL_UNKNOWN_SLOT);
    enrol_refused(broker, rig_job_report(broker, device, slot, "00000000-0000-4000-8000-000000000001", CR_REPORT_INSTALLED),
            CR_REFUSAL_UNKNOWN_RENEWAL);
    cr_job_free(rig_run(broker, rig_job(broker, CR_OP_ADVANCE, device, slot)));
    cr_job_free(rig_run(broker, rig_job(broker, CR_OP_LOOK, device, slot)));
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_GET, device, slot));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot[0].state, CR_STATE_QUIET);
    cr_job_free(job);
    job = rig_job(broker, CR_OP_STEER, device, "");
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_TAG;
    (void)snprintf(job->steer->add, sizeof job->steer->add, ",lab,");
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    assert_string_equal(enrol_inspect(broker).tags, ",lab,");
    job = rig_job(broker, CR_OP_LIST, "", "");
    job->list = calloc(1, sizeof *job->list);
    assert_non_null(job->list);
    job->list->limit = 10;
    job->list->filter.acknowledged = -1;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->list->count, 0);
    cr_job_free(job);
    struct cr_cert_facts facts = enrol_issued(broker, enrol_csr_token(broker, 1, 1));
    enrol_confirmed(broker, &facts);
    assert_int_equal(enrol_inspect(broker).first_seen, rig->now_s);
}
