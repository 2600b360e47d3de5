/* ENROL, and who may be enrolled. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ENROL ---- */

static bool enrol_tag(struct fake_device *device, const struct cr_job *job)
{
    struct cr_job *tag;
    bool fits = true;
    if (job->enrol->tags[0] == '\0') {
        return true;
    }
    if (cr_job_new(&tag, CR_OP_STEER, job->setup) != CR_OK) {
        abort();
    }
    tag->steer = calloc(1, sizeof *tag->steer);
    if (tag->steer == NULL) {
        abort();
    }
    snprintf(tag->steer->add, sizeof tag->steer->add, "%s", job->enrol->tags);
    fits = fake_tags_change(device, tag->steer);
    cr_job_free(tag);
    return fits;
}

static enum cr_refusal enrol_forbid(struct fake_device *device, int64_t now_s)
{
    struct cr_device_enrol *enrol = device != NULL ? &device->enrol : NULL;
    bool token = enrol != NULL && enrol->token_expires > 0 && (!enrol->token_used || enrol->token_expires <= now_s);
    if (enrol == NULL || (enrol->since == 0 && !token)) {
        return CR_REFUSAL_WRONG_STATE;
    }
    enrol->since = 0;
    enrol->factory[0] = '\0';
    device->enrol_used = false;
    if (token) {
        enrol->token_expires = 0;
        enrol->token_used = false;
    }
    return CR_REFUSAL_NONE;
}

static bool has_certificate(struct fake_device *device, const struct cr_config *config)
{
    for (unsigned i = 0; i < config->slot_count; i++) {
        const struct fake_slot *slot = fake_slot_find(device, config->slot[i].slot);
        if (config->slot[i].tls && slot != NULL && slot->view.current.serial.len > 0) {
            return true;
        }
    }
    return false;
}

static void enrol_let_in(struct fake_device *device, struct cr_job *job)
{
    struct cr_enrol *ask = job->enrol;
    ask->known = device->enrol.since > 0 || has_certificate(device, &job->setup->config);
    if (ask->verb == CR_ENROL_ALLOW) {
        device->enrol.since = job->now_s;
        snprintf(device->enrol.factory, sizeof device->enrol.factory, "%s", ask->factory);
        device->enrol_used = false;
    } else {
        memcpy(device->token_hash, ask->token_hash, sizeof device->token_hash);
        device->enrol.token_expires = ask->expires;
        device->enrol.token_used = false;
    }
}

void fake_ledger_enrol(struct fake_ledger *ledger, struct cr_job *job)
{
    static const char *const lines[] = { "enrol-allowed", "enrol-forbidden", "token-made" };
    struct fake_device *device = fake_device_find(ledger, job->device);
    enum cr_refusal refusal = CR_REFUSAL_NONE;
    if (job->enrol->verb == CR_ENROL_FORBID) {
        refusal = enrol_forbid(device, job->now_s);
    } else {
        device = fake_device_make(ledger, job->device);
        refusal = enrol_tag(device, job) ? CR_REFUSAL_NONE : CR_REFUSAL_TOO_LARGE;
    }
    if (refusal != CR_REFUSAL_NONE) {
        fake_refuse(ledger, job, refusal, 0);
        return;
    }
    if (job->enrol->verb != CR_ENROL_FORBID) {
        enrol_let_in(device, job);
    }
    fake_audit_job(ledger, lines[job->enrol->verb], job, "");
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}

/* ---- BEGIN ---- */

static bool is_trusted(const struct cr_job *job, const char *issuer)
{
    char name[CR_ISSUER_ID_TEXT + 2];
    if (job->trusted.len == 0) {
        return true;
    }
    size_t len = (size_t)snprintf(name, sizeof name, " %s ", issuer);
    for (size_t i = 0; i + len <= job->trusted.len; i++) {
        if (memcmp(job->trusted.data + i, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool token_fits(const struct fake_device *device, const struct cr_job *job)
{
    return device != NULL && device->enrol.token_expires > job->now_s &&
           memcmp(device->token_hash, job->token_hash, CR_SHA256_LEN) == 0 &&
           (!device->enrol.token_used || memcmp(device->token_key, job->csr.key_hash, CR_SHA256_LEN) == 0);
}

static bool is_allowed(const struct fake_device *device, const struct cr_config_factory *factory)
{
    return device != NULL && device->enrol.since > 0 &&
           (device->enrol.factory[0] == '\0' || strcmp(device->enrol.factory, factory->name) == 0);
}

enum cr_refusal fake_enrol_refusal(struct fake_ledger *ledger, const struct cr_job *job, const struct fake_slot *slot,
                                   int64_t *seconds)
{
    const struct fake_device *device = fake_device_find(ledger, job->device);
    const struct cr_config_factory *factory = cr_job_factory(job);
    const struct cr_cert_entry *current = &slot->view.current;
    char id[CR_FACTORY_ID_CAP];
    *seconds = 0;
    if (!job->enrolling) {
        return CR_REFUSAL_NONE;
    }
    if (job->has_token) {
        return token_fits(device, job) ? CR_REFUSAL_NONE : CR_REFUSAL_TOKEN_NOT_VALID;
    }
    if (factory == NULL) {
        return CR_REFUSAL_INTERNAL;
    }
    if (is_allowed(device, factory)) {
        return CR_REFUSAL_NONE;
    }
    cr_factory_id(id, job->presented.issuer);
    if (device != NULL && device->factory[0] != '\0' && strcmp(device->factory, id) != 0) {
        return CR_REFUSAL_NOT_ENROLLED;
    }
    if (current->serial.len == 0) {
        return factory->enroll == CR_ENROLL_ANY ? CR_REFUSAL_NONE : CR_REFUSAL_NOT_ENROLLED;
    }
    if (factory->reenroll == CR_REENROLL_ALWAYS ||
        (factory->reenroll == CR_REENROLL_EXPIRED &&
         (current->not_after <= job->now_s || !is_trusted(job, current->issuer) ||
          fake_is_revoked(ledger, &current->serial, current->issuer)))) {
        return CR_REFUSAL_NONE;
    }
    *seconds = current->not_after - job->now_s;
    *seconds = *seconds < 86400 ? *seconds : 86400;
    return CR_REFUSAL_ALREADY_ENROLLED;
}

bool fake_enrol_key(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_key *key;
    if (job->presented.factory == 0 || (job->op == CR_OP_CSR && !job->enrolling)) {
        return true;
    }
    if (job->op == CR_OP_CSR && memcmp(job->csr.key_hash, job->presented.key_hash, CR_SHA256_LEN) == 0) {
        fake_refuse(ledger, job, CR_REFUSAL_KEY_REUSED, 0);
        return false;
    }
    if (!fake_key_claim(ledger, job->presented.key_hash, job->device, CR_FACTORY_SLOT, &key)) {
        fake_alarm_job(ledger, job, CR_REFUSAL_KEY_REUSED, "presents a factory certificate whose key is another's");
        fake_refuse(ledger, job, CR_REFUSAL_KEY_REUSED, 0);
        return false;
    }
    key->used = true;
    return true;
}

void fake_enrol_intended(struct fake_ledger *ledger, struct fake_device *device, struct cr_job *job)
{
    const struct cr_config_factory *factory = cr_job_factory(job);
    if (!job->enrolling) {
        return;
    }
    if (job->has_token) {
        if (!device->enrol.token_used) {
            fake_audit_job(ledger, "token-used", job, "");
        }
        device->enrol.token_used = true;
        memcpy(device->token_key, job->csr.key_hash, CR_SHA256_LEN);
        return;
    }
    cr_factory_id(device->factory, job->presented.issuer);
    if (is_allowed(device, factory)) {
        device->enrol_used = true;
        memcpy(device->enrol_key, job->csr.key_hash, CR_SHA256_LEN);
    }
}

void fake_enrol_confirmed(struct fake_device *device, const struct fake_slot *slot)
{
    const uint8_t *key = slot->view.current.key_hash;
    if (device != NULL && ((device->enrol_used && memcmp(device->enrol_key, key, CR_SHA256_LEN) == 0) ||
                           (device->enrol.token_used && memcmp(device->token_key, key, CR_SHA256_LEN) == 0))) {
        device->enrol = (struct cr_device_enrol){ .since = 0 };
        device->enrol_used = false;
    }
}
