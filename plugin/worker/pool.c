#include "plugin/handoff/queue.h"
#include "plugin/handoff/thread.h"
#include "plugin/worker/workers.h"

#include <pthread.h>
#include <stdlib.h>

struct pool {
    struct cr_workers workers; /* first: the interface */
    struct cr_pool_options options;
    struct cr_queue *queue;
    unsigned started;
    pthread_t thread[];
};

static void *pool_run(void *arg)
{
    struct pool *pool = arg;
    struct cr_job *job;

    while ((job = cr_queue_take(pool->queue)) != NULL) {
        cr_issue_work(job, pool->options.random);
        pool->options.done(pool->options.done_ctx, job);
    }
    return NULL;
}

static cr_err pool_submit(struct cr_workers *workers, struct cr_job **job)
{
    struct pool *pool = (struct pool *)workers;

    return cr_queue_put(pool->queue, job, NULL);
}

static void pool_stop(struct cr_workers *workers)
{
    struct pool *pool = (struct pool *)workers;

    cr_queue_close(pool->queue);
    for (unsigned i = 0; i < pool->started; i++) {
        pthread_join(pool->thread[i], NULL);
    }
    pool->started = 0;
}

static void pool_free(struct cr_workers *workers)
{
    struct pool *pool = (struct pool *)workers;

    cr_queue_free(pool->queue);
    free(pool);
}

static const struct cr_workers_ops pool_ops = { pool_submit, pool_stop, pool_free };

cr_err cr_pool_new(struct cr_workers **workers, const struct cr_pool_options *options)
{
    struct pool *pool = calloc(1, sizeof *pool + options->threads * sizeof pool->thread[0]);
    const struct cr_thread_options thread = { .run = pool_run, .arg = pool, .own_files = true, .keep_fd = -1 };
    cr_err err;

    *workers = NULL;
    if (pool == NULL) {
        return CR_NOMEM;
    }
    pool->workers.ops = &pool_ops;
    pool->options = *options;
    err = cr_queue_new(&pool->queue, options->capacity);
    if (err != CR_OK) {
        free(pool);
        return err;
    }
    while (err == CR_OK && pool->started < options->threads) {
        err = cr_thread_start(&pool->thread[pool->started], &thread);
        pool->started += err == CR_OK;
    }
    if (err != CR_OK) {
        pool_stop(&pool->workers);
        pool_free(&pool->workers);
        return err;
    }
    *workers = &pool->workers;
    return CR_OK;
}
