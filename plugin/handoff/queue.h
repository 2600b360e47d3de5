/* queue: bounded first-in first-out hand-off of jobs between threads.
 * Threads: put and take from any. One lock inside, held for a few instructions, never while calling out. */
#ifndef CR_QUEUE_H
#define CR_QUEUE_H

#include "plugin/handoff/job.h"

struct cr_queue;

CR_MUST_USE cr_err cr_queue_new(struct cr_queue **queue, unsigned capacity);
/* Frees the queue and the jobs still in it. Nobody may be waiting. */
void cr_queue_free(struct cr_queue *queue);

/* CR_OK: the queue owns the job and *job is NULL; *was_empty (may be NULL) tells whether a sleeper must be woken.
 * CR_FULL: nothing changed; shed load. CR_UNAVAILABLE: closed. */
CR_MUST_USE cr_err cr_queue_put(struct cr_queue *queue, struct cr_job **job, bool *was_empty);

/* Takes all that is there as a list linked by ->next, oldest first; NULL when empty. Never waits. */
struct cr_job *cr_queue_drain(struct cr_queue *queue);
/* Waits for a job; NULL once the queue is closed and empty. */
struct cr_job *cr_queue_take(struct cr_queue *queue);
/* Wakes everybody in take(); later puts are refused. */
void cr_queue_close(struct cr_queue *queue);
unsigned cr_queue_len(struct cr_queue *queue);

#endif
