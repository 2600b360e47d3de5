#include "plugin/worker/workers.h"

#include <string.h>

static enum cr_refusal issue_intend(struct cr_job *job, const struct cr_random *random)
{
    const struct cr_trust *trust = job->setup->trust;

    if (cr_trust_has_key(trust, job->csr.key_hash)) {
        return CR_REFUSAL_KEY_REUSED;
    }
    if (job->signer >= cr_trust_signers(trust) ||
        cr_cert_intent_make(&job->intent, job->profile, cr_issuer_cert(trust, job->signer), job->now_s, random) != CR_OK) {
        return CR_REFUSAL_ISSUER_UNAVAILABLE;
    }
    return cr_text_copy(job->issuer, sizeof job->issuer, cr_issuer_id(trust, job->signer)) == CR_OK
               ? CR_REFUSAL_NONE
               : CR_REFUSAL_INTERNAL;
}

static void issue_check(struct cr_job *job, const struct cr_random *random)
{
    const struct cr_key_backend *backend = cr_key_backend(job->setup->config.key_backend);
    const struct cr_weak_list *weak = cr_weak_file_list(job->setup->weak_keys);
    enum cr_refusal refusal = cr_csr_message_parse(&job->request, cr_blob_view(&job->payload));

    if (refusal == CR_REFUSAL_NONE) {
        refusal = cr_csr_accept(&job->csr, cr_blob_view(&job->request.csr_der), job->profile, job->device, weak,
                                backend);
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = issue_intend(job, random);
    }
    cr_blob_fini(&job->payload);
    if (refusal != CR_REFUSAL_NONE) {
        cr_job_refuse(job, refusal, cr_refusal_info(refusal)->retry ? job->setup->config.retry_after_s : 0);
        return;
    }
    job->stage = CR_STAGE_BEGIN;
}

static void issue_sign(struct cr_job *job)
{
    cr_err err = cr_issuer_sign(job->setup->trust, job->signer, job->profile, job->device, job->csr.key.spki,
                                job->csr.san_requested, &job->intent, &job->certificate);

    if (err != CR_OK) {
        cr_job_refuse(job, CR_REFUSAL_ISSUER_UNAVAILABLE, job->setup->config.retry_after_s);
        return;
    }
    job->stage = CR_STAGE_RECORD;
}

void cr_issue_work(struct cr_job *job, const struct cr_random *random)
{
    switch (job->stage) {
    case CR_STAGE_CHECK:
        if (job->op == CR_OP_TRUST) {
            cr_vouch_bundle(job);
        } else {
            issue_check(job, random);
        }
        break;
    case CR_STAGE_SIGN:
        if (job->op == CR_OP_TRUST) {
            cr_vouch_bundle(job);
        } else if (job->op == CR_OP_OCSP) {
            cr_vouch_ocsp(job);
        } else {
            issue_sign(job);
        }
        break;
    case CR_STAGE_BEGIN:
    case CR_STAGE_RECORD:
    case CR_STAGE_STORE:
    case CR_STAGE_DONE:
        cr_job_refuse(job, CR_REFUSAL_INTERNAL, job->setup->config.retry_after_s);
        break;
    }
}
