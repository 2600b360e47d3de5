/* Signing OCSP responses. Each is read again before it leaves. */
#include "common/ocsp.h"
#include "plugin/worker/workers.h"

void cr_vouch_ocsp(struct cr_job *job)
{
    const struct cr_ocsp *ocsp = job->ocsp;
    const struct cr_trust *trust = job->setup->trust;
    struct cr_ocsp_answer answer, read;
    cr_err err = CR_NOT_FOUND;

    if (ocsp == NULL || !ocsp->known) {
        cr_job_refuse(job, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    struct cr_issuer_signing signing = { trust, cr_trust_signer_of(trust, ocsp->issuer) };
    answer = (struct cr_ocsp_answer){
        .serial = ocsp->serial,
        .revoked = ocsp->revoked,
        .reason = (uint8_t)ocsp->reason,
        .revoked_at = ocsp->revoked_at,
        .produced_at = ocsp->this_update,
        .this_update = ocsp->this_update,
        .next_update = ocsp->next_update,
    };
    job->signer = signing.signer;
    if (signing.signer != CR_NO_SIGNER) {
        const struct cr_cert *issuer = cr_issuer_cert(trust, signing.signer);
        err = cr_ocsp_build(&job->certificate, &answer, issuer, cr_issuer_sig_alg(trust, signing.signer),
                            cr_issuer_sign_bytes, &signing);
        if (err == CR_OK) {
            err = cr_ocsp_read(&read, cr_blob_view(&job->certificate), issuer,
                               cr_key_backend(job->setup->config.key_backend));
        }
    }
    if (err != CR_OK) { /* an issuer whose key is elsewhere, for one */
        cr_job_refuse(job, CR_REFUSAL_ISSUER_UNAVAILABLE, job->setup->config.retry_after_s);
        return;
    }
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}
