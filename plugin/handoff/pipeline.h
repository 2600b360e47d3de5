/* pipeline: which station a job goes to next, and the way home.
 *
 * Ends with the completion queue: the loop is woken and takes what is there. Since the loop admits at most max_in_flight
 * jobs and every queue is at least that long, a job on its way never meets a full queue; should it all the same, it comes
 * home refused as busy.
 *
 * Threads: forward, worked and stored from any; drain on the loop. */
#ifndef CR_PIPELINE_H
#define CR_PIPELINE_H

#include "plugin/handoff/job.h"
#include "plugin/handoff/queue.h"
#include "plugin/handoff/wake.h"
#include "plugin/store/store.h"
#include "plugin/worker/workers.h"

struct cr_pipeline {
    struct cr_workers *workers;
    struct cr_store *store;
    struct cr_queue *completions; /* owned */
    struct cr_wake *wake;         /* NULL: nobody to wake (tests) */
};

/* workers and store are set by the owner afterwards: their done functions need the pipeline first. */
CR_MUST_USE cr_err cr_pipeline_init(struct cr_pipeline *pipeline, unsigned max_in_flight, struct cr_wake *wake);
void cr_pipeline_fini(struct cr_pipeline *pipeline);

/* Takes the job and sends it to its stage's station. */
void cr_pipeline_forward(struct cr_pipeline *pipeline, struct cr_job *job);

/* The done functions of the workers and of the store; ctx is the pipeline. */
void cr_pipeline_worked(void *ctx, struct cr_job *job);
void cr_pipeline_stored(void *ctx, struct cr_job *job);

/* All completions so far, oldest first, linked by ->next. */
struct cr_job *cr_pipeline_drain(struct cr_pipeline *pipeline);

#endif
