#include "plugin/handoff/pipeline.h"

enum { PUSHES_MAX = 256 };

cr_err cr_pipeline_init(struct cr_pipeline *pipeline, unsigned max_in_flight, struct cr_wake *wake)
{
    *pipeline = (struct cr_pipeline){ .wake = wake };
    /* Besides the admitted jobs there are late deliveries that the store makes: at most as many again as were admitted
     * while the former ones were late. Room for all of them, and some. */
    return cr_queue_new(&pipeline->completions, 4 * max_in_flight);
}

void cr_pipeline_fini(struct cr_pipeline *pipeline)
{
    cr_queue_free(pipeline->completions);
    pipeline->completions = NULL;
}

static void pipeline_complete(struct cr_pipeline *pipeline, struct cr_job *job)
{
    job->stage = CR_STAGE_DONE;
    if (job->op == CR_OP_PUSH && cr_queue_len(pipeline->completions) >= PUSHES_MAX) {
        cr_job_free(job); /* the loop has more to do than to listen to others: the agenda finds what this is about */
        return;
    }
    if (cr_queue_put(pipeline->completions, &job, NULL) != CR_OK) {
        /* Only what the store makes can get here. What a late delivery brings waits in Redis for the device's next
         * appearance; what is revoked is told again. */
        if (job->revoked != NULL) {
            job->revoked->lost = true;
        }
        cr_job_free(job);
        return;
    }
    if (pipeline->wake != NULL) {
        cr_wake_ring(pipeline->wake);
    }
}

void cr_pipeline_forward(struct cr_pipeline *pipeline, struct cr_job *job)
{
    cr_err err = CR_BUG;

    switch (job->stage) {
    case CR_STAGE_CHECK:
    case CR_STAGE_SIGN:
        err = cr_workers_submit(pipeline->workers, &job);
        break;
    case CR_STAGE_BEGIN:
    case CR_STAGE_RECORD:
    case CR_STAGE_STORE:
        err = cr_store_submit(pipeline->store, &job);
        break;
    case CR_STAGE_DONE:
        pipeline_complete(pipeline, job);
        return;
    }
    if (err != CR_OK) {
        cr_job_refuse(job, err == CR_BUG ? CR_REFUSAL_INTERNAL : CR_REFUSAL_BUSY, job->setup->config.retry_after_s);
        pipeline_complete(pipeline, job);
    }
}

void cr_pipeline_worked(void *ctx, struct cr_job *job)
{
    cr_pipeline_forward(ctx, job);
}

void cr_pipeline_stored(void *ctx, struct cr_job *job)
{
    /* Only what is signed next leaves the outcome open, and what becomes of it is not audited yet: everything else that the
     * store does settles it. */
    if ((job->op == CR_OP_CSR || job->op == CR_OP_OCSP) && job->outcome == CR_OUT_NONE) {
        job->stage = CR_STAGE_SIGN;
        job->audited = false;
    } else {
        job->stage = CR_STAGE_DONE;
    }
    cr_pipeline_forward(ctx, job);
}

struct cr_job *cr_pipeline_drain(struct cr_pipeline *pipeline)
{
    if (pipeline->wake != NULL && !cr_wake_clear(pipeline->wake)) {
        return NULL; /* whoever completes rings, so nothing can be there */
    }
    return cr_queue_drain(pipeline->completions);
}
