/* The trust bundle: checked before it is stored, and signed before it is sent. */
#include "common/pem.h"
#include "plugin/worker/issuer_info.h"
#include "plugin/worker/workers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- checking ---- */

struct vouch_list {
    unsigned count;
    struct cr_cert cert[CR_BUNDLE_CERTS];
};

/* It is refused, and the detail says why. */
static bool vouch_wrong(struct cr_job *job, enum cr_refusal refusal, const char *format, ...) CR_PRINTF(3, 4);
static bool vouch_wrong(struct cr_job *job, enum cr_refusal refusal, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(job->audit_detail, sizeof job->audit_detail, format, args);
    va_end(args);
    cr_job_refuse(job, refusal, 0);
    return false;
}

static bool vouch_append(struct cr_blob *certs, struct cr_bytes der)
{
    uint8_t *larger = realloc(certs->data, certs->len + der.len);

    if (larger == NULL) {
        return false;
    }
    memcpy(larger + certs->len, der.data, der.len);
    *certs = (struct cr_blob){ larger, certs->len + der.len };
    return true;
}

/* PEM into bundle->certs: certificates and nothing else. */
static bool vouch_read(struct cr_job *job)
{
    struct cr_bundle *bundle = job->bundle;
    struct cr_bytes text = cr_blob_view(&job->payload);
    unsigned count = 0;

    while (text.len > 0) {
        struct cr_blob der = { NULL, 0 };
        cr_err err = cr_pem_take(&text, "CERTIFICATE", &der);
        bool room = err == CR_OK && count < CR_BUNDLE_CERTS && bundle->certs.len + der.len <= CR_BUNDLE_MAX;
        bool kept = room && vouch_append(&bundle->certs, cr_blob_view(&der));

        cr_blob_fini(&der);
        if (err == CR_NOMEM || (room && !kept)) {
            cr_job_refuse(job, CR_REFUSAL_BUSY, job->setup->config.retry_after_s);
            return false;
        }
        if (err != CR_OK) {
            return vouch_wrong(job, CR_REFUSAL_MALFORMED_PEM,
                               "Behind %u certificates comes what is no PEM certificate; nothing else may stand there.", count);
        }
        if (!room) {
            return vouch_wrong(job, CR_REFUSAL_TOO_LARGE, "A bundle has at most %d certificates and %d bytes of DER.",
                               CR_BUNDLE_CERTS, CR_BUNDLE_MAX);
        }
        count++;
    }
    return count > 0 || vouch_wrong(job, CR_REFUSAL_MALFORMED_PEM, "There is no certificate in it.");
}

static bool vouch_same(const struct cr_cert *a, const struct cr_cert *b)
{
    return a->der.len == b->der.len && memcmp(a->der.data, b->der.data, a->der.len) == 0;
}

/* Each is a CA's and valid now, none is there twice. */
static bool vouch_list_read(struct cr_job *job, struct vouch_list *list)
{
    struct cr_bytes der, rest = cr_blob_view(&job->bundle->certs);

    while (cr_cert_next(&der, &rest) == CR_OK && list->count < CR_BUNDLE_CERTS) {
        struct cr_cert *cert = &list->cert[list->count];
        unsigned number = ++list->count;

        if (cr_cert_parse(cert, der) != CR_OK) {
            return vouch_wrong(job, CR_REFUSAL_MALFORMED_REQUEST, "Certificate %u is not a well-formed X.509 certificate.",
                               number);
        }
        if (!cert->is_ca || !cert->key_cert_sign) {
            return vouch_wrong(job, CR_REFUSAL_POLICY_NOT_ALLOWED, "Certificate %u is not a CA's.", number);
        }
        if (cert->facts.not_before > job->now_s || cert->facts.not_after < job->now_s) {
            return vouch_wrong(job, CR_REFUSAL_POLICY_NOT_ALLOWED, "Certificate %u is not valid %s.", number,
                               cert->facts.not_before > job->now_s ? "yet" : "any more");
        }
        for (unsigned i = 0; i + 1 < number; i++) {
            if (vouch_same(&list->cert[i], cert)) {
                return vouch_wrong(job, CR_REFUSAL_POLICY_NOT_ALLOWED, "Certificates %u and %u are the same.", i + 1, number);
            }
        }
    }
    return list->count > 0 || vouch_wrong(job, CR_REFUSAL_MALFORMED_PEM, "There is no certificate in it.");
}

/* It is in the list, or signed by one that is. */
static bool vouch_anchored(const struct cr_cert *cert, const struct vouch_list *list, const struct cr_key_backend *backend)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (vouch_same(cert, &list->cert[i]) || cr_cert_verify(cert, &list->cert[i], backend) == CR_OK) {
            return true;
        }
    }
    return false;
}

/* What devices are sent with their certificates leads to one of the list. */
static bool vouch_chains(const struct cr_trust *trust, unsigned signer, const struct vouch_list *list,
                         const struct cr_key_backend *backend)
{
    struct cr_bytes der, rest = cr_issuer_chain(trust, signer);
    struct cr_cert cert;

    if (vouch_anchored(cr_issuer_cert(trust, signer), list, backend)) {
        return true;
    }
    while (cr_cert_next(&der, &rest) == CR_OK) { /* each is signed by the next: that was checked when it was loaded */
        if (cr_cert_parse(&cert, der) == CR_OK && vouch_anchored(&cert, list, backend)) {
            return true;
        }
    }
    return false;
}

static void vouch_check(struct cr_job *job)
{
    const struct cr_key_backend *backend = cr_key_backend(job->setup->config.key_backend);
    const struct cr_trust *trust = job->setup->trust;
    struct vouch_list list = { .count = 0 };

    if (!vouch_read(job) || !vouch_list_read(job, &list)) {
        return;
    }
    for (unsigned signer = 0; signer < cr_trust_signers(trust); signer++) {
        if ((job->bundle->signers >> signer & 1) != 0 && !vouch_chains(trust, signer, &list, backend)) {
            (void)vouch_wrong(job, CR_REFUSAL_POLICY_NOT_ALLOWED,
                              "Issuer %s signs, and chains to none of these: what it signs would not be believed.",
                              cr_issuer_id(trust, signer));
            return;
        }
    }
    cr_blob_fini(&job->payload);
    job->stage = CR_STAGE_STORE;
}

/* ---- signing ---- */

static cr_err vouch_sign(struct cr_job *job)
{
    const struct cr_bundle *bundle = job->bundle;
    const struct cr_trust *trust = job->setup->trust;
    struct cr_issuer_signing signing = { trust, job->signer };
    uint8_t signature[CR_SIGNATURE_MAX];
    size_t signature_len = sizeof signature;
    struct cr_blob message = { NULL, 0 };
    struct cr_bytes chain = cr_issuer_chain(trust, job->signer);
    cr_err err = CR_INVALID;

    CR_TRY(cr_bundle_message(&message, bundle->version, bundle->mode, cr_blob_view(&bundle->certs)));
    CR_TRY(cr_issuer_sign_bytes(&signing, cr_blob_view(&message), signature, &signature_len));
    cr_blob_fini(&job->payload);
    CR_TRY(cr_trust_message_write(&job->payload, &(struct cr_trust_message){
        .version = bundle->version,
        .mode = bundle->mode,
        .certs = cr_blob_view(&bundle->certs),
        .signer_chain = chain.len > 0 ? chain : cr_issuer_cert(trust, job->signer)->der, /* empty where a root signs */
        .signature = { signature, signature_len },
    }));
out:
    cr_blob_fini(&message);
    return err;
}

void cr_vouch_bundle(struct cr_job *job)
{
    if (job->bundle == NULL) {
        cr_job_refuse(job, CR_REFUSAL_INTERNAL, 0);
    } else if (job->stage == CR_STAGE_CHECK) {
        vouch_check(job);
    } else if (job->signer >= cr_trust_signers(job->setup->trust) || vouch_sign(job) != CR_OK) {
        cr_job_refuse(job, CR_REFUSAL_ISSUER_UNAVAILABLE, job->setup->config.retry_after_s);
    } else {
        job->outcome = CR_OUT_DONE;
        job->stage = CR_STAGE_DONE;
    }
}
