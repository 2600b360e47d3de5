#include "tests/contract/enrol_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char device[] = ENROL_DEVICE, slot[] = ENROL_SLOT;

/* Two factories; the rules of the first one. */
struct rig_broker *enrol_open(struct rig *rig, const char *name, enum cr_factory_enroll enroll,
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

struct cr_cert_facts enrol_factory_cert(const struct rig *rig, unsigned number, unsigned key)
{
    struct cr_cert_facts facts =
        rig_cert(device, 7000 + key, key, rig->now_s - RIG_DAY_S, rig->now_s + 9999 * RIG_DAY_S);
    facts.factory = (uint8_t)number;
    (void)snprintf(facts.issuer, sizeof facts.issuer, "fac0000%u00000000", number);
    return facts;
}

void enrol_trust(struct cr_job *job, const char *ids)
{
    cr_blob_fini(&job->trusted);
    assert_int_equal(cr_blob_copy(&job->trusted, ids, strlen(ids)), CR_OK);
}

struct cr_job *enrol_csr_by(struct rig_broker *broker, unsigned key, const struct cr_cert_facts *factory)
{
    struct cr_job *job = rig_job_csr(broker, device, slot, key, factory);
    job->enrolling = true;
    enrol_trust(job, " 00000000000000aa 00000000000000ca ");
    return job;
}

struct cr_job *enrol_csr(struct rig_broker *broker, unsigned key)
{
    struct cr_cert_facts facts = enrol_factory_cert(broker->rig, 1, FACTORY_KEY);
    return enrol_csr_by(broker, key, &facts);
}

struct cr_job *enrol_csr_token(struct rig_broker *broker, unsigned key, uint8_t token)
{
    struct cr_job *job = rig_job_csr(broker, device, slot, key, NULL);
    job->enrolling = job->has_token = true;
    memset(job->token_hash, token, sizeof job->token_hash);
    return job;
}

void enrol_refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, refusal);
    assert_true(!cr_refusal_info(refusal)->retry || job->retry_after_s > 0);
    cr_job_free(job);
}

/* BEGIN goes on, is signed and recorded; the certificate. */
struct cr_cert_facts enrol_issued(struct rig_broker *broker, struct cr_job *job)
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

void enrol_confirmed(struct rig_broker *broker, const struct cr_cert_facts *facts)
{
    assert_true(rig_present(broker, slot, facts));
}

struct cr_job *enrol_job(struct rig_broker *broker, enum cr_enrol_verb verb, const char *factory)
{
    struct cr_job *job = rig_job(broker, CR_OP_ENROL, device, "");
    job->enrol = calloc(1, sizeof *job->enrol);
    assert_non_null(job->enrol);
    job->enrol->verb = verb;
    (void)snprintf(job->enrol->factory, sizeof job->enrol->factory, "%s", factory);
    return job;
}

bool enrol_done(struct rig_broker *broker, struct cr_job *job)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    bool known = job->enrol->known;
    cr_job_free(job);
    return known;
}

bool enrol_allow(struct rig_broker *broker, const char *factory)
{
    return enrol_done(broker, enrol_job(broker, CR_ENROL_ALLOW, factory));
}

void enrol_make_token(struct rig_broker *broker, uint8_t token, int64_t lives_s)
{
    struct cr_job *job = enrol_job(broker, CR_ENROL_TOKEN, "");
    memset(job->enrol->token_hash, token, sizeof job->enrol->token_hash);
    job->enrol->expires = broker->rig->now_s + lives_s;
    (void)enrol_done(broker, job);
}

/* INSPECT; UNKNOWN_DEVICE: all zero. */
struct cr_device_record enrol_inspect(struct rig_broker *broker)
{
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_INSPECT, device, ""));
    struct cr_device_record record = { .slot_count = 0 };
    if (job->outcome == CR_OUT_RECORD) {
        record = *job->record;
    }
    cr_job_free(job);
    return record;
}
