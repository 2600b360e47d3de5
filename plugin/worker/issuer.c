#include "plugin/store/checkpoint.h"
#include "plugin/worker/issuer_inside.h"

#include <stdlib.h>
#include <string.h>

void cr_trust_free(struct cr_trust *trust)
{
    if (trust == NULL) {
        return;
    }
    cr_signer_fini(&trust->signer);
    for (size_t i = 0; i < trust->der_count; i++) {
        cr_blob_fini(&trust->ders[i]);
    }
    free(trust->ders);
    free(trust);
}

unsigned cr_trust_signers(const struct cr_trust *trust)
{
    (void)trust;
    return 1;
}

unsigned cr_trust_signer(const struct cr_trust *trust, int64_t now_s, cr_signer_excluded_fn *excluded, void *ctx)
{
    (void)now_s;
    return excluded != NULL && excluded(ctx, trust->issuer[0].id) ? CR_NO_SIGNER : 0;
}

unsigned cr_trust_signer_of(const struct cr_trust *trust, const char *issuer_id)
{
    return strcmp(trust->issuer[0].id, issuer_id) == 0 ? 0 : CR_NO_SIGNER;
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
    (void)signer;
    return trust->chain;
}

cr_err cr_issuer_sign(const struct cr_trust *trust, unsigned signer, const struct cr_profile *profile,
                      const char *device, struct cr_bytes spki, bool san, const struct cr_cert_intent *intent, struct cr_blob *der)
{
    const struct cr_cert_request request = {
        .profile = profile,
        .device = device,
        .spki = spki,
        .san = san && profile->san_dns,
    };
    return cr_cert_build(der, &request, intent, cr_issuer_cert(trust, signer), trust->signer.alg, trust->signer.sign,
                         trust->signer.ctx);
}

cr_err cr_issuer_sign_bytes(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    const struct cr_issuer_signing *signing = ctx;
    return signing->trust->signer.sign(signing->trust->signer.ctx, tbs, sig, sig_len);
}

enum cr_sig_alg cr_issuer_sig_alg(const struct cr_trust *trust, unsigned signer)
{
    (void)signer;
    return trust->signer.alg;
}

cr_err cr_issuer_attest(const struct cr_trust *trust, unsigned signer, struct cr_bytes statement, uint8_t *sig,
                        size_t *sig_len)
{
    (void)signer;
    uint8_t message[CR_CHECKPOINT_MESSAGE_CAP];
    size_t len = 0;
    cr_err err = cr_checkpoint_message(message, &len, statement);
    return err == CR_OK ? trust->signer.sign(trust->signer.ctx, (struct cr_bytes){ message, len }, sig, sig_len) : err;
}

cr_err cr_trust_identify(const struct cr_trust *trust, struct cr_bytes cert_der, struct cr_cert_facts *facts,
                         enum cr_refusal *why)
{
    struct cr_cert cert;
    memset(facts, 0, sizeof *facts);
    *why = CR_REFUSAL_UNTRUSTED_ISSUER;
    cr_err err = cr_cert_parse(&cert, cert_der);
    if (err != CR_OK) {
        return err == CR_INVALID ? CR_DENIED : err;
    }
    if (cert.is_ca || !cert.client_auth) { /* an issuer's own certificate, or a server's, is no device's */
        return CR_DENIED;
    }
    for (size_t i = 0; i < trust->issuer_count; i++) {
        err = cr_cert_verify(&cert, &trust->issuer[i].cert, trust->backend);
        if (err == CR_OK) {
            *facts = cert.facts;
            memcpy(facts->issuer, trust->issuer[i].id, sizeof facts->issuer);
            *why = CR_REFUSAL_NONE;
            return CR_OK;
        }
        if (err != CR_DENIED) {
            return err;
        }
    }
    return CR_DENIED;
}

bool cr_trust_has_key(const struct cr_trust *trust, const uint8_t key_hash[CR_SHA256_LEN])
{
    for (size_t i = 0; i < trust->issuer_count; i++) {
        if (memcmp(trust->issuer[i].cert.facts.key_hash, key_hash, CR_SHA256_LEN) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < trust->chain_count; i++) {
        if (memcmp(trust->chain_cert[i].facts.key_hash, key_hash, CR_SHA256_LEN) == 0) {
            return true;
        }
    }
    return false;
}
