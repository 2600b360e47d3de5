#include "plugin/handoff/queue.h"

#include <pthread.h>
#include <stdlib.h>

struct cr_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct cr_job *first, *last;
    unsigned len, capacity;
    bool closed;
};

cr_err cr_queue_new(struct cr_queue **queue, unsigned capacity)
{
    struct cr_queue *q = calloc(1, sizeof *q);

    *queue = NULL;
    if (q == NULL) {
        return CR_NOMEM;
    }
    if (pthread_mutex_init(&q->lock, NULL) != 0) {
        free(q);
        return CR_NOMEM;
    }
    if (pthread_cond_init(&q->filled, NULL) != 0) {
        pthread_mutex_destroy(&q->lock);
        free(q);
        return CR_NOMEM;
    }
    q->capacity = capacity;
    *queue = q;
    return CR_OK;
}

void cr_queue_free(struct cr_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    for (struct cr_job *job = queue->first, *next; job != NULL; job = next) {
        next = job->next;
        cr_job_free(job);
    }
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

cr_err cr_queue_put(struct cr_queue *queue, struct cr_job **job, bool *was_empty)
{
    cr_err err = CR_OK;
    bool empty = false;

    pthread_mutex_lock(&queue->lock);
    if (queue->closed) {
        err = CR_UNAVAILABLE;
    } else if (queue->len >= queue->capacity) {
        err = CR_FULL;
    } else {
        empty = queue->first == NULL;
        (*job)->next = NULL;
        if (empty) {
            queue->first = *job;
        } else {
            queue->last->next = *job;
        }
        queue->last = *job;
        queue->len++;
        *job = NULL;
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->lock);
    if (was_empty != NULL) {
        *was_empty = empty;
    }
    return err;
}

struct cr_job *cr_queue_drain(struct cr_queue *queue)
{
    struct cr_job *first;

    pthread_mutex_lock(&queue->lock);
    first = queue->first;
    queue->first = queue->last = NULL;
    queue->len = 0;
    pthread_mutex_unlock(&queue->lock);
    return first;
}

struct cr_job *cr_queue_take(struct cr_queue *queue)
{
    struct cr_job *job;

    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->closed) {
        pthread_cond_wait(&queue->filled, &queue->lock);
    }
    job = queue->first;
    if (job != NULL) {
        queue->first = job->next;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
        queue->len--;
        job->next = NULL;
    }
    pthread_mutex_unlock(&queue->lock);
    return job;
}

void cr_queue_close(struct cr_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

unsigned cr_queue_len(struct cr_queue *queue)
{
    unsigned len;

    pthread_mutex_lock(&queue->lock);
    len = queue->len;
    pthread_mutex_unlock(&queue->lock);
    return len;
}
