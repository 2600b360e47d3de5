#include "plugin/handoff/job.h"

#include <stdlib.h>

cr_err cr_job_new(struct cr_job **job, enum cr_op op, struct cr_setup *setup)
{
    *job = calloc(1, sizeof **job);
    if (*job == NULL) {
        return CR_NOMEM;
    }
    (*job)->op = op;
    (*job)->stage = op == CR_OP_CSR ? CR_STAGE_CHECK : CR_STAGE_STORE;
    (*job)->setup = cr_setup_hold(setup);
    return CR_OK;
}

void cr_job_free(struct cr_job *job)
{
    if (job == NULL) {
        return;
    }
    cr_blob_fini(&job->payload);
    cr_csr_message_fini(&job->request);
    cr_blob_fini(&job->certificate);
    cr_blob_fini(&job->trusted);
    cr_device_record_free(job->record);
    free(job->agenda);
    cr_list_free(job->list);
    free(job->steer);
    cr_campaign_ask_free(job->campaigns);
    cr_history_free(job->history);
    cr_policy_free(job->policy);
    free(job->survey);
    cr_revoke_free(job->revoke);
    cr_revocations_free(job->revoked);
    free(job->crl);
    cr_enrol_free(job->enrol);
    cr_bundle_free(job->bundle);
    free(job->ocsp);
    free(job->census);
    free(job->deliveries);
    cr_setup_drop(job->setup);
    free(job);
}

bool cr_job_is_news(const struct cr_job *job)
{
    return job->op == CR_OP_DELIVER || job->op == CR_OP_PUSH || job->op == CR_OP_REVOKED || job->op == CR_OP_CRL ||
           (job->op == CR_OP_TRUST && job->bundle != NULL && job->bundle->verb == CR_TRUST_NEWS);
}

void cr_job_refuse(struct cr_job *job, enum cr_refusal refusal, unsigned retry_after_s)
{
    /* A refused job must not carry anything that could be handed out by mistake. */
    cr_blob_fini(&job->certificate);
    cr_device_record_free(job->record);
    job->record = NULL;
    job->outcome = CR_OUT_REFUSED;
    job->refusal = refusal;
    job->retry_after_s = retry_after_s;
    job->stage = CR_STAGE_DONE;
}
