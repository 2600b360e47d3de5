/* workers: who parses, verifies and signs. A pool of threads (pool.c), or, in flow tests, whoever pumps
 * (tests/support). Workers never touch the broker or Redis.
 *
 * Threads: submit() from any thread, never waiting. done() is called on a worker's thread and takes the job; each job
 * that was taken comes back exactly once. */
#ifndef CR_WORKERS_H
#define CR_WORKERS_H

#include "common/random.h"
#include "plugin/handoff/job.h"

struct cr_workers;
typedef void cr_workers_done_fn(void *ctx, struct cr_job *job);

struct cr_workers_ops {
    /* CR_OK: taken, *job is NULL. CR_FULL, CR_UNAVAILABLE: nothing changed. */
    cr_err (*submit)(struct cr_workers *workers, struct cr_job **job);
    /* Works off what is queued and ends the threads; submit() is CR_UNAVAILABLE from now on. */
    void (*stop)(struct cr_workers *workers);
    /* After stop(), once nobody can submit any more. */
    void (*free)(struct cr_workers *workers);
};

struct cr_workers {
    const struct cr_workers_ops *ops;
};

struct cr_pool_options {
    unsigned threads, capacity;
    const struct cr_random *random;
    cr_workers_done_fn *done;
    void *done_ctx;
};

/* Starts the threads, with every signal blocked: those are the broker's. */
CR_MUST_USE cr_err cr_pool_new(struct cr_workers **workers, const struct cr_pool_options *options);

static inline CR_MUST_USE cr_err cr_workers_submit(struct cr_workers *workers, struct cr_job **job)
{
    return workers->ops->submit(workers, job);
}
static inline void cr_workers_stop(struct cr_workers *workers)
{
    if (workers != NULL) {
        workers->ops->stop(workers);
    }
}
static inline void cr_workers_free(struct cr_workers *workers)
{
    if (workers != NULL) {
        workers->ops->free(workers);
    }
}

/* The work itself (issue.c): CHECK reads the request and applies every rule that needs neither the store nor the clock's
 * past (cr_csr_accept(), and that the key is no issuer's) and chooses serial and validity; SIGN makes the certificate.
 * Settles the outcome, or leaves it for the next station. Pure but for the heap and `random`; any thread. */
void cr_issue_work(struct cr_job *job, const struct cr_random *random);

/* Stage SIGN of TRUST and of OCSP; each leaves the job at DONE. Stage CHECK of TRUST: whether devices may be told to
 * believe in what is in job->payload; it is then bundle->certs. What is wrong with it is in audit_detail, a sentence.
 * Private to this folder. */
void cr_vouch_bundle(struct cr_job *job);
void cr_vouch_ocsp(struct cr_job *job);

#endif
