/* Tokens; and whose key is whose. */
#include "tests/contract/enrol_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char device[] = ENROL_DEVICE, slot[] = ENROL_SLOT;

void store_token_is_used_by_one_key(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    enrol_refused(broker, enrol_csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    enrol_make_token(broker, 1, 3600);
    assert_int_equal(enrol_inspect(broker).enrol.token_expires, rig->now_s + 3600);
    assert_false(enrol_inspect(broker).enrol.token_used);
    enrol_refused(broker, enrol_csr_token(broker, 1, 2), CR_REFUSAL_TOKEN_NOT_VALID);
    enrol_refused(broker, enrol_csr(broker, 1), CR_REFUSAL_NOT_ENROLLED); /* it is not for factories' certificates */
    struct cr_cert_facts facts = enrol_issued(broker, enrol_csr_token(broker, 1, 1));
    assert_true(enrol_inspect(broker).enrol.token_used);
    enrol_refused(broker, enrol_csr_token(broker, 2, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    struct cr_job *again = rig_run(broker, enrol_csr_token(broker, 1, 1));
    assert_int_equal(again->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(again);
    rig_expect_audits(rig, "token-used", device, 1);
    enrol_confirmed(broker, &facts);
    assert_int_equal(enrol_inspect(broker).enrol.token_expires, 0);
    enrol_refused(broker, enrol_csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
}

void store_token_expires(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    enrol_make_token(broker, 1, 60);
    rig->now_s += 60;
    enrol_refused(broker, enrol_csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    rig->now_s--;
    (void)enrol_issued(broker, enrol_csr_token(broker, 1, 1));
    enrol_make_token(broker, 2, 60); /* in its place */
    enrol_refused(broker, enrol_csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    (void)enrol_issued(broker, enrol_csr_token(broker, 3, 2));
}

void store_token_is_for_a_known_device_too(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 100 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    enrol_make_token(broker, 1, 60);
    facts = enrol_issued(broker, enrol_csr_token(broker, 2, 1));
    enrol_confirmed(broker, &facts);
}

void store_factory_keys_are_no_other_keys(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_ANY, CR_REENROLL_ALWAYS);
    struct cr_cert_facts own = enrol_factory_cert(rig, 1, FACTORY_KEY);
    enrol_refused(broker, enrol_csr_by(broker, FACTORY_KEY, &own), CR_REFUSAL_KEY_REUSED); /* its very own */
    struct cr_cert_facts facts = enrol_issued(broker, enrol_csr_by(broker, 1, &own));
    enrol_confirmed(broker, &facts);
    rig_expect_audits(rig, "alarm", NULL, 0);

    struct cr_job *job = rig_job_csr(broker, "meter-18", slot, 2, &own); /* another device has it, too */
    job->enrolling = true;
    job = rig_run(broker, job);
    assert_int_equal(job->refusal, CR_REFUSAL_KEY_REUSED);
    assert_int_equal(job->alarm, CR_REFUSAL_KEY_REUSED);
    cr_job_free(job);
    struct cr_cert_facts of_ours = enrol_factory_cert(rig, 1, 1); /* a factory certificate for a key of ours */
    enrol_refused(broker, enrol_csr_by(broker, 3, &of_ours), CR_REFUSAL_KEY_REUSED);
    job = rig_job(broker, CR_OP_GET, device, slot);
    job->presented = of_ours;
    enrol_refused(broker, job, CR_REFUSAL_KEY_REUSED);
    job = rig_job(broker, CR_OP_GET, device, slot);
    job->presented = own;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    rig_expect_audits(rig, "alarm", NULL, 3);
    enrol_refused(broker, rig_job_csr(broker, device, slot, FACTORY_KEY, &facts), CR_REFUSAL_KEY_REUSED); /* as its own key */
    enrol_refused(broker, rig_job_csr(broker, "meter-19", slot, FACTORY_KEY, NULL), CR_REFUSAL_KEY_REUSED);
}

/* Never requested here: only the TLS connection showed them. */
void store_presented_keys_are_claimed_for_ever(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_ANY, CR_REENROLL_ALWAYS);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - 10 * RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    rig->now_s += 400 * RIG_DAY_S;
    enrol_refused(broker, rig_job_csr(broker, device, "data", 1, &facts), CR_REFUSAL_KEY_REUSED);       /* another slot */
    enrol_refused(broker, rig_job_csr(broker, "meter-18", slot, 1, NULL), CR_REFUSAL_KEY_REUSED);       /* another device */
    struct cr_cert_facts factory = enrol_factory_cert(rig, 1, 1);                                       /* another issuer */
    enrol_refused(broker, enrol_csr_by(broker, 2, &factory), CR_REFUSAL_KEY_REUSED);
    rig_expect_audits(rig, "alarm", NULL, 3);
    struct cr_cert_facts others = rig_cert("tenant-b:meter-17", 2, 1, rig->now_s, rig->now_s + 10 * RIG_DAY_S);
    (void)snprintf(others.issuer, sizeof others.issuer, "00000000000000cb");
    struct cr_job *job = rig_run(broker, rig_job_present(broker, slot, &others));
    cr_job_free(job);
    rig_expect_audits(rig, "alarm", NULL, 4);
    struct cr_cert_facts newer = rig_cert(device, 3, 5, rig->now_s, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &newer));
    enrol_refused(broker, rig_job_csr(broker, device, slot, 1, &newer), CR_REFUSAL_KEY_REUSED); /* nor its own again */
}

/* Two that come with the same new key at the same time: one of them is told of. */
void store_presented_keys_have_one_owner(void **state)
{
    enum { PAIRS = 20, KEYS = 500 };
    struct rig *rig = *state;
    struct rig_broker *broker = enrol_open(rig, "one", CR_ENROLL_ANY, CR_REENROLL_ALWAYS);
    for (unsigned i = 0; i < 2 * PAIRS; i++) {
        char name[CR_NAME_CAP];
        (void)snprintf(name, sizeof name, "meter-%u", i);
        struct cr_cert_facts facts = rig_cert(name, i + 1, KEYS + i / 2, rig->now_s, rig->now_s + RIG_DAY_S);
        rig_submit(broker, rig_job_present(broker, slot, &facts));
    }
    for (unsigned i = 0; i < 2 * PAIRS; i++) {
        struct cr_job *job = rig_next(broker, RIG_WAIT_MS);
        assert_non_null(job);
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        cr_job_free(job);
    }
    rig_expect_audits(rig, "alarm", NULL, PAIRS);
}
