/* Who is let in without a certificate of ours: allowances, factories' rules, tokens, and keys. */
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

enum { FACTORY_KEY = 900 };

/* Two factories; the rules of the first one. */
static struct rig_broker *open_with(struct rig *rig, const char *name, enum cr_factory_enroll enroll,
                                    enum cr_factory_reenroll reenroll)
{
    struct rig_broker *broker = rig_open(rig, name);
    struct cr_config *config = &broker->setup->config;
    config->factory_count = 2;
    config->factory[0].enroll = enroll;
    config->factory[0].reenroll = reenroll;
    (void)snprintf(config->factory[0].name, sizeof config->factory[0].name, "acme");
    (void)snprintf(config->factory[1].name, sizeof config->factory[1].name, "other");
    config->slot[0].tls = true;
    return broker;
}

static struct cr_cert_facts factory_cert(const struct rig *rig, unsigned number, unsigned key)
{
    struct cr_cert_facts facts =
        rig_cert(device, 7000 + key, key, rig->now_s - RIG_DAY_S, rig->now_s + 9999 * RIG_DAY_S);
    facts.factory = (uint8_t)number;
    (void)snprintf(facts.issuer, sizeof facts.issuer, "fac0000%u00000000", number);
    return facts;
}

static void trust(struct cr_job *job, const char *ids)
{
    cr_blob_fini(&job->trusted);
    assert_int_equal(cr_blob_copy(&job->trusted, ids, strlen(ids)), CR_OK);
}

static struct cr_job *csr_by(struct rig_broker *broker, unsigned key, const struct cr_cert_facts *factory)
{
    struct cr_job *job = rig_job_csr(broker, device, slot, key, factory);
    job->enrolling = true;
    trust(job, " 00000000000000aa 00000000000000ca ");
    return job;
}

static struct cr_job *csr(struct rig_broker *broker, unsigned key)
{
    struct cr_cert_facts facts = factory_cert(broker->rig, 1, FACTORY_KEY);
    return csr_by(broker, key, &facts);
}

static struct cr_job *csr_token(struct rig_broker *broker, unsigned key, uint8_t token)
{
    struct cr_job *job = rig_job_csr(broker, device, slot, key, NULL);
    job->enrolling = job->has_token = true;
    memset(job->token_hash, token, sizeof job->token_hash);
    return job;
}

static void refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, refusal);
    assert_true(!cr_refusal_info(refusal)->retry || job->retry_after_s > 0);
    cr_job_free(job);
}

/* BEGIN goes on, is signed and recorded; the certificate. */
static struct cr_cert_facts issued(struct rig_broker *broker, struct cr_job *job)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    rig_sign(job);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    struct cr_cert_facts facts = rig_cert_of(job);
    cr_job_free(job);
    return facts;
}

static void confirmed(struct rig_broker *broker, const struct cr_cert_facts *facts)
{
    assert_true(rig_present(broker, slot, facts));
}

static struct cr_job *enrol_job(struct rig_broker *broker, enum cr_enrol_verb verb, const char *factory)
{
    struct cr_job *job = rig_job(broker, CR_OP_ENROL, device, "");
    job->enrol = calloc(1, sizeof *job->enrol);
    assert_non_null(job->enrol);
    job->enrol->verb = verb;
    (void)snprintf(job->enrol->factory, sizeof job->enrol->factory, "%s", factory);
    return job;
}

static bool enrolled(struct rig_broker *broker, struct cr_job *job)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    bool known = job->enrol->known;
    cr_job_free(job);
    return known;
}

static bool allow(struct rig_broker *broker, const char *factory)
{
    return enrolled(broker, enrol_job(broker, CR_ENROL_ALLOW, factory));
}

static void make_token(struct rig_broker *broker, uint8_t token, int64_t lives_s)
{
    struct cr_job *job = enrol_job(broker, CR_ENROL_TOKEN, "");
    memset(job->enrol->token_hash, token, sizeof job->enrol->token_hash);
    job->enrol->expires = broker->rig->now_s + lives_s;
    (void)enrolled(broker, job);
}

/* INSPECT; UNKNOWN_DEVICE: all zero. */
static struct cr_device_record inspect(struct rig_broker *broker)
{
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_INSPECT, device, ""));
    struct cr_device_record record = { .slot_count = 0 };
    if (job->outcome == CR_OUT_RECORD) {
        record = *job->record;
    }
    cr_job_free(job);
    return record;
}

void store_enrol_needs_an_allowance(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    refused(broker, csr(broker, 1), CR_REFUSAL_NOT_ENROLLED);
    assert_int_equal(inspect(broker).enrol.since, 0);
    assert_false(allow(broker, "other"));
    refused(broker, csr(broker, 1), CR_REFUSAL_NOT_ENROLLED); /* of another factory */
    assert_true(allow(broker, "acme"));
    struct cr_device_record record = inspect(broker);
    assert_int_equal(record.enrol.since, rig->now_s);
    assert_string_equal(record.enrol.factory, "acme");
    assert_int_equal(record.slot_count, 0);

    struct cr_cert_facts facts = issued(broker, csr(broker, 1));
    record = inspect(broker);
    assert_int_equal(record.enrol.since, rig->now_s); /* used up only by what was seen to work */
    assert_string_equal(record.factory, "fac00001");
    confirmed(broker, &facts);
    record = inspect(broker);
    assert_int_equal(record.enrol.since, 0);
    assert_string_equal(record.factory, "fac00001");
    assert_int_equal(record.slot[0].generation, 1);
    rig_expect_audits(rig, "enrol-allowed", device, 2);
    rig_expect_audits(rig, "issued", device, 1);
    refused(broker, csr(broker, 2), CR_REFUSAL_ALREADY_ENROLLED);
}

void store_enrol_knows_who_is_known(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 100 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    assert_true(allow(broker, ""));
    struct cr_job *job = enrol_job(broker, CR_ENROL_ALLOW, "");
    (void)snprintf(job->enrol->tags, sizeof job->enrol->tags, ",lab,alpha,");
    assert_true(enrolled(broker, job));
    assert_string_equal(inspect(broker).tags, ",alpha,lab,");
    job = enrol_job(broker, CR_ENROL_ALLOW, "");
    (void)snprintf(job->enrol->tags, sizeof job->enrol->tags, ",%032d,%029d,", 0, 0);
    refused(broker, job, CR_REFUSAL_TOO_LARGE);
    assert_string_equal(inspect(broker).tags, ",alpha,lab,");
}

void store_enrol_is_forbidden_again(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    refused(broker, enrol_job(broker, CR_ENROL_FORBID, ""), CR_REFUSAL_WRONG_STATE);
    (void)allow(broker, "");
    make_token(broker, 1, 3600);
    (void)enrolled(broker, enrol_job(broker, CR_ENROL_FORBID, ""));
    rig_expect_audits(rig, "enrol-forbidden", device, 1);
    refused(broker, csr(broker, 1), CR_REFUSAL_NOT_ENROLLED);
    refused(broker, csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    refused(broker, enrol_job(broker, CR_ENROL_FORBID, ""), CR_REFUSAL_WRONG_STATE);
}

void store_enrol_any_is_once(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_ANY, CR_REENROLL_NEVER);
    struct cr_cert_facts first = issued(broker, csr(broker, 1)), other = factory_cert(rig, 2, FACTORY_KEY + 1);
    struct cr_cert_facts again = issued(broker, csr(broker, 2)); /* it lost the first before it was seen */
    assert_false(cr_serial_equal(&first.serial, &again.serial));
    confirmed(broker, &again);
    refused(broker, csr(broker, 3), CR_REFUSAL_ALREADY_ENROLLED);
    refused(broker, csr_by(broker, 3, &other), CR_REFUSAL_NOT_ENROLLED); /* it is acme's */
    (void)allow(broker, "");
    again = issued(broker, csr(broker, 3)); /* but an operator may say otherwise */
    confirmed(broker, &again);
    assert_int_equal(rig_slot(broker, device, slot).generation, 2);
    refused(broker, csr(broker, 4), CR_REFUSAL_ALREADY_ENROLLED);
}

void store_enrol_same_key_gets_the_same_bytes(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *one = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    struct rig_broker *two = open_with(rig, "two", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    (void)allow(one, "acme");
    struct cr_job *first = rig_run(one, csr(one, 1));
    assert_int_equal(first->outcome, CR_OUT_NONE);
    struct cr_job *second = rig_run(two, csr(two, 1)); /* the lease runs */
    assert_int_equal(second->outcome, CR_OUT_PENDING);
    cr_job_free(second);
    refused(two, csr(two, 2), CR_REFUSAL_RENEWAL_IN_PROGRESS);
    rig_sign(first);
    first = rig_run(one, first);
    assert_int_equal(first->outcome, CR_OUT_CERTIFICATE);
    second = rig_run(two, csr(two, 1));
    assert_int_equal(second->outcome, CR_OUT_CERTIFICATE);
    assert_int_equal(second->certificate.len, first->certificate.len);
    assert_memory_equal(second->certificate.data, first->certificate.data, first->certificate.len);
    cr_job_free(second);
    cr_job_free(first);
    rig_expect_audits(rig, "issued", device, 1);
    (void)enrolled(two, enrol_job(two, CR_ENROL_FORBID, ""));
    refused(two, csr(two, 1), CR_REFUSAL_NOT_ENROLLED);
}

void store_reenrol_when_the_certificate_is_useless(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_EXPIRED);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    refused(broker, csr(broker, 2), CR_REFUSAL_ALREADY_ENROLLED);
    struct cr_job *job = csr(broker, 2);
    trust(job, " 00000000000000aa "); /* its issuer is not among those */
    facts = issued(broker, job);
    confirmed(broker, &facts);
    refused(broker, csr(broker, 3), CR_REFUSAL_ALREADY_ENROLLED);
    rig->now_s = facts.not_after - 1;
    refused(broker, csr(broker, 3), CR_REFUSAL_ALREADY_ENROLLED);
    rig->now_s++;
    facts = issued(broker, csr(broker, 3));
    confirmed(broker, &facts);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.generation, 2);
    assert_true(record.superseded.serial.len > 0);
}

void store_reenrol_always_or_never(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *always = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_ALWAYS);
    struct rig_broker *never = open_with(rig, "two", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(always, slot, &facts));
    rig->now_s += 11 * RIG_DAY_S;
    refused(never, csr(never, 2), CR_REFUSAL_ALREADY_ENROLLED); /* though it expired */
    rig->now_s -= 11 * RIG_DAY_S;
    facts = issued(always, csr(always, 2));
    confirmed(always, &facts);
}

void store_enrol_is_stopped_by_a_hold(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_ANY, CR_REENROLL_ALWAYS);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    rig_hold(rig, device, slot, true);
    refused(broker, csr(broker, 2), CR_REFUSAL_ON_HOLD);
    make_token(broker, 1, 60);
    refused(broker, csr_token(broker, 2, 1), CR_REFUSAL_ON_HOLD);
    rig_hold(rig, device, slot, false);
    (void)issued(broker, csr(broker, 2));
}

void store_token_is_used_by_one_key(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    refused(broker, csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    make_token(broker, 1, 3600);
    assert_int_equal(inspect(broker).enrol.token_expires, rig->now_s + 3600);
    assert_false(inspect(broker).enrol.token_used);
    refused(broker, csr_token(broker, 1, 2), CR_REFUSAL_TOKEN_NOT_VALID);
    refused(broker, csr(broker, 1), CR_REFUSAL_NOT_ENROLLED); /* it is not for factories' certificates */
    struct cr_cert_facts facts = issued(broker, csr_token(broker, 1, 1));
    assert_true(inspect(broker).enrol.token_used);
    refused(broker, csr_token(broker, 2, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    struct cr_job *again = rig_run(broker, csr_token(broker, 1, 1));
    assert_int_equal(again->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(again);
    rig_expect_audits(rig, "token-used", device, 1);
    confirmed(broker, &facts);
    assert_int_equal(inspect(broker).enrol.token_expires, 0);
    refused(broker, csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
}

void store_token_expires(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    make_token(broker, 1, 60);
    rig->now_s += 60;
    refused(broker, csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    rig->now_s--;
    (void)issued(broker, csr_token(broker, 1, 1));
    make_token(broker, 2, 60); /* in its place */
    refused(broker, csr_token(broker, 1, 1), CR_REFUSAL_TOKEN_NOT_VALID);
    (void)issued(broker, csr_token(broker, 3, 2));
}

void store_token_is_for_a_known_device_too(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 100 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    make_token(broker, 1, 60);
    facts = issued(broker, csr_token(broker, 2, 1));
    confirmed(broker, &facts);
}

void store_factory_keys_are_no_other_keys(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_ANY, CR_REENROLL_ALWAYS);
    struct cr_cert_facts own = factory_cert(rig, 1, FACTORY_KEY);
    refused(broker, csr_by(broker, FACTORY_KEY, &own), CR_REFUSAL_KEY_REUSED); /* its very own */
    struct cr_cert_facts facts = issued(broker, csr_by(broker, 1, &own));
    confirmed(broker, &facts);
    rig_expect_audits(rig, "alarm", NULL, 0);

    struct cr_job *job = rig_job_csr(broker, "meter-18", slot, 2, &own); /* another device has it, too */
    job->enrolling = true;
    job = rig_run(broker, job);
    assert_int_equal(job->refusal, CR_REFUSAL_KEY_REUSED);
    assert_int_equal(job->alarm, CR_REFUSAL_KEY_REUSED);
    cr_job_free(job);
    struct cr_cert_facts of_ours = factory_cert(rig, 1, 1); /* a factory certificate for a key of ours */
    refused(broker, csr_by(broker, 3, &of_ours), CR_REFUSAL_KEY_REUSED);
    job = rig_job(broker, CR_OP_GET, device, slot);
    job->presented = of_ours;
    refused(broker, job, CR_REFUSAL_KEY_REUSED);
    job = rig_job(broker, CR_OP_GET, device, slot);
    job->presented = own;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    rig_expect_audits(rig, "alarm", NULL, 3);
    refused(broker, rig_job_csr(broker, device, slot, FACTORY_KEY, &facts), CR_REFUSAL_KEY_REUSED); /* as its own key */
    refused(broker, rig_job_csr(broker, "meter-19", slot, FACTORY_KEY, NULL), CR_REFUSAL_KEY_REUSED);
}

/* Never requested here: only the TLS connection showed them. */
void store_presented_keys_are_claimed_for_ever(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_ANY, CR_REENROLL_ALWAYS);
    struct cr_cert_facts facts = rig_cert(device, 1, 1, rig->now_s - 10 * RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    rig->now_s += 400 * RIG_DAY_S;
    refused(broker, rig_job_csr(broker, device, "data", 1, &facts), CR_REFUSAL_KEY_REUSED);       /* another slot */
    refused(broker, rig_job_csr(broker, "meter-18", slot, 1, NULL), CR_REFUSAL_KEY_REUSED);       /* another device */
    struct cr_cert_facts factory = factory_cert(rig, 1, 1);                                       /* another issuer */
    refused(broker, csr_by(broker, 2, &factory), CR_REFUSAL_KEY_REUSED);
    rig_expect_audits(rig, "alarm", NULL, 3);
    struct cr_cert_facts others = rig_cert("tenant-b:meter-17", 2, 1, rig->now_s, rig->now_s + 10 * RIG_DAY_S);
    (void)snprintf(others.issuer, sizeof others.issuer, "00000000000000cb");
    struct cr_job *job = rig_run(broker, rig_job_present(broker, slot, &others));
    cr_job_free(job);
    rig_expect_audits(rig, "alarm", NULL, 4);
    struct cr_cert_facts newer = rig_cert(device, 3, 5, rig->now_s, rig->now_s + 10 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &newer));
    refused(broker, rig_job_csr(broker, device, slot, 1, &newer), CR_REFUSAL_KEY_REUSED); /* nor its own again */
}

void store_device_without_slots_is_no_trouble(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = open_with(rig, "one", CR_ENROLL_LIST, CR_REENROLL_NEVER);
    make_token(broker, 1, 60);
    struct cr_device_record record = inspect(broker);
    assert_int_equal(record.slot_count, 0);
    assert_int_equal(record.first_seen, 0);
    refused(broker, rig_job_trigger(broker, device, slot), CR_REFUSAL_UNKNOWN_SLOT);
    refused(broker, rig_job_report(broker, device, slot, "00000000-0000-4000-8000-000000000001", CR_REPORT_INSTALLED),
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
    assert_string_equal(inspect(broker).tags, ",lab,");
    job = rig_job(broker, CR_OP_LIST, "", "");
    job->list = calloc(1, sizeof *job->list);
    assert_non_null(job->list);
    job->list->limit = 10;
    job->list->filter.acknowledged = -1;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->list->count, 0);
    cr_job_free(job);
    struct cr_cert_facts facts = issued(broker, csr_token(broker, 1, 1));
    confirmed(broker, &facts);
    assert_int_equal(inspect(broker).first_seen, rig->now_s);
}
