#include "common/der.h"
#include "plugin/store/checkpoint.h"
#include "plugin/worker/factory.h"
#include "plugin/worker/issuer_inside.h"

#include <stdlib.h>
#include <string.h>

void cr_trust_free(struct cr_trust *trust)
{
    if (trust == NULL) {
        return;
    }
    for (size_t i = 0; i < CR_ISSUERS_MAX; i++) {
        cr_signer_fini(&trust->signing[i].signer);
    }
    for (size_t i = 0; i < trust->der_count; i++) {
        cr_blob_fini(&trust->ders[i]);
    }
    free(trust->ders);
    free(trust);
}

/* ---- who signs ---- */

unsigned cr_trust_signers(const struct cr_trust *trust)
{
    return trust->signing_count;
}

unsigned cr_trust_signer(const struct cr_trust *trust, int64_t now_s, cr_signer_excluded_fn *excluded, void *ctx)
{
    unsigned best = CR_NO_SIGNER;
    for (unsigned i = 0; i < trust->signing_count; i++) {
        const struct cr_signing *one = &trust->signing[i];
        bool can = one->sign_from <= now_s && one->not_before <= now_s && now_s < one->not_after &&
                   (excluded == NULL || !excluded(ctx, trust->issuer[i].id));
        if (can && (best == CR_NO_SIGNER || one->sign_from >= trust->signing[best].sign_from)) {
            best = i;
        }
    }
    return best;
}

unsigned cr_trust_signer_of(const struct cr_trust *trust, const char *issuer_id)
{
    for (unsigned i = 0; i < trust->signing_count; i++) {
        if (strcmp(trust->issuer[i].id, issuer_id) == 0) {
            return i;
        }
    }
    return CR_NO_SIGNER;
}

void cr_trust_signers_span(const struct cr_trust *trust, int64_t *not_before, int64_t *not_after)
{
    *not_before = INT64_MAX;
    *not_after = INT64_MIN;
    for (unsigned i = 0; i < trust->signing_count; i++) {
        const struct cr_cert_facts *facts = &trust->issuer[i].cert.facts;
        *not_before = facts->not_before < *not_before ? facts->not_before : *not_before;
        *not_after = facts->not_after > *not_after ? facts->not_after : *not_after;
    }
}

const struct cr_cert *cr_issuer_cert(const struct cr_trust *trust, unsigned signer)
{
    return &trust->issuer[signer].cert;
}

const char *cr_issuer_id(const struct cr_trust *trust, unsigned signer)
{
    return trust->issuer[signer].id;
}

struct cr_bytes cr_issuer_chain(const struct cr_trust *trust, unsigned signer)
{
    return trust->signing[signer].chain;
}

/* ---- signing ---- */

cr_err cr_issuer_sign(const struct cr_trust *trust, unsigned signer, const struct cr_profile *profile,
                      const char *device, struct cr_bytes spki, bool san, const struct cr_cert_intent *intent, struct cr_blob *der)
{
    const struct cr_signer *with = &trust->signing[signer].signer;
    const struct cr_cert_request request = {
        .profile = profile,
        .device = device,
        .spki = spki,
        .san = san && profile->san_dns,
    };
    return cr_cert_build(der, &request, intent, cr_issuer_cert(trust, signer), with->alg, with->sign, with->ctx);
}

cr_err cr_issuer_sign_bytes(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    const struct cr_issuer_signing *signing = ctx;
    const struct cr_signer *with = &signing->trust->signing[signing->signer].signer;
    return with->sign(with->ctx, tbs, sig, sig_len);
}

enum cr_sig_alg cr_issuer_sig_alg(const struct cr_trust *trust, unsigned signer)
{
    return trust->signing[signer].signer.alg;
}

cr_err cr_issuer_attest(const struct cr_trust *trust, unsigned signer, struct cr_bytes statement, uint8_t *sig,
                        size_t *sig_len)
{
    const struct cr_signer *with = &trust->signing[signer].signer;
    uint8_t message[CR_CHECKPOINT_MESSAGE_CAP];
    size_t len = 0;
    cr_err err = cr_checkpoint_message(message, &len, statement);
    return err == CR_OK ? with->sign(with->ctx, (struct cr_bytes){ message, len }, sig, sig_len) : err;
}

/* ---- who came ---- */

/* A key that somebody else can know would let that one in. */
static cr_err factory_key_check(const struct cr_trust *trust, const struct cr_cert *cert, enum cr_refusal *why)
{
    struct cr_public_key key;
    bool weak = false, listed = false;
    *why = CR_REFUSAL_KEY_NOT_ALLOWED;
    if (!cr_factory_key(&key, cert->spki)) {
        return CR_DENIED;
    }
    cr_err err = cr_public_key_weak(&weak, &key);
    if (err == CR_OK && !weak) {
        err = cr_weak_list_has(&listed, trust->weak_keys, &key);
    }
    return err == CR_OK && (weak || listed) ? CR_DENIED : err;
}

static cr_err identified(const struct cr_trust *trust, const struct cr_trusted *issuer, const struct cr_cert *cert,
                         struct cr_cert_facts *facts, enum cr_refusal *why)
{
    struct cr_cert_facts known = cert->facts;
    memcpy(known.issuer, issuer->id, sizeof known.issuer);
    known.factory = issuer->factory;
    if (issuer->factory != 0) {
        cr_err err = factory_key_check(trust, cert, why);
        if (err != CR_OK) {
            facts->factory = issuer->factory;
            return err;
        }
        cr_factory_device(known.device, cert, trust->factory[issuer->factory - 1].identity);
    }
    *facts = known;
    *why = CR_REFUSAL_NONE;
    return CR_OK;
}

/* The issuer's name in what may be no certificate for us, but was one for the broker: of version 1, with a serial number
 * that is too long, with extensions that we do not know. */
static bool issuer_name(struct cr_bytes *name, struct cr_bytes cert_der)
{
    struct cr_der outside = cr_der_of(cert_der), inside, tbs;
    struct cr_bytes skipped;
    return cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) == CR_OK &&
           cr_der_enter(&inside, CR_DER_SEQUENCE, &tbs) == CR_OK &&
           (cr_der_peek(&tbs) != (CR_DER_CONTEXT | CR_DER_CONSTRUCTED) ||
            cr_der_any(&tbs, NULL, NULL, &skipped) == CR_OK) &&
           cr_der_any(&tbs, NULL, NULL, &skipped) == CR_OK && cr_der_any(&tbs, NULL, NULL, &skipped) == CR_OK &&
           cr_der_whole(&tbs, CR_DER_SEQUENCE, name) == CR_OK;
}

unsigned cr_trust_factory_claimed(const struct cr_trust *trust, struct cr_bytes cert_der)
{
    struct cr_bytes name;
    if (trust->factory_count == 0 || !issuer_name(&name, cert_der)) {
        return 0;
    }
    for (size_t i = 0; i < trust->issuer_count; i++) {
        if (trust->issuer[i].factory != 0 && cr_bytes_equal(name, trust->issuer[i].cert.subject)) {
            return trust->issuer[i].factory;
        }
    }
    return 0;
}

/* It is nobody's whom we know. Where it says that a factory made it, the broker let it in for that factory's sake. */
static cr_err unknown(const struct cr_trust *trust, struct cr_bytes cert_der, struct cr_cert_facts *facts, cr_err err)
{
    facts->factory = (uint8_t)cr_trust_factory_claimed(trust, cert_der);
    return err;
}

cr_err cr_trust_identify(const struct cr_trust *trust, struct cr_bytes cert_der, struct cr_cert_facts *facts,
                         enum cr_refusal *why)
{
    struct cr_cert cert;
    memset(facts, 0, sizeof *facts);
    *why = CR_REFUSAL_UNTRUSTED_ISSUER;
    cr_err err = cr_cert_parse(&cert, cert_der);
    if (err != CR_OK) {
        return unknown(trust, cert_der, facts, err == CR_INVALID ? CR_DENIED : err);
    }
    if (cert.is_ca || !cert.client_auth) { /* an issuer's own certificate, or a server's, is no device's */
        return unknown(trust, cert_der, facts, CR_DENIED);
    }
    for (size_t i = 0; i < trust->issuer_count; i++) {
        err = cr_cert_verify(&cert, &trust->issuer[i].cert, trust->backend);
        if (err == CR_OK) {
            return identified(trust, &trust->issuer[i], &cert, facts, why);
        }
        if (err != CR_DENIED) {
            return unknown(trust, cert_der, facts, err);
        }
    }
    return unknown(trust, cert_der, facts, CR_DENIED);
}

bool cr_trust_has_key(const struct cr_trust *trust, const uint8_t key_hash[CR_SHA256_LEN])
{
    for (size_t i = 0; i < trust->issuer_count; i++) {
        if (memcmp(trust->issuer[i].cert.facts.key_hash, key_hash, CR_SHA256_LEN) == 0) {
            return true;
        }
    }
    for (unsigned n = 0; n < trust->signing_count; n++) {
        for (size_t i = 0; i < trust->signing[n].chain_count; i++) {
            if (memcmp(trust->signing[n].chain_cert[i].facts.key_hash, key_hash, CR_SHA256_LEN) == 0) {
                return true;
            }
        }
    }
    return false;
}
