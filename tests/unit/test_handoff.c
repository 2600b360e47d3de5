/* The queue between threads, and the signal that wakes the loop. */
#include "plugin/handoff/queue.h"
#include "plugin/handoff/wake.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

enum { JOBS = 20000, PRODUCERS = 3, DEADLINE_MS = 10000 };

static struct cr_setup setup = { .refs = 1 };

static struct cr_job *job_make(uint64_t id)
{
    struct cr_job *job = NULL;

    assert_int_equal(cr_job_new(&job, CR_OP_AUDIT, &setup), CR_OK);
    job->id = id;
    return job;
}

static void first_in_first_out_up_to_a_bound(void **state)
{
    struct cr_queue *queue;
    struct cr_job *job;
    bool was_empty;

    (void)state;
    assert_int_equal(cr_queue_new(&queue, 2), CR_OK);
    job = job_make(1);
    assert_int_equal(cr_queue_put(queue, &job, &was_empty), CR_OK);
    assert_null(job);
    assert_true(was_empty);
    job = job_make(2);
    assert_int_equal(cr_queue_put(queue, &job, &was_empty), CR_OK);
    assert_false(was_empty);
    job = job_make(3);
    assert_int_equal(cr_queue_put(queue, &job, &was_empty), CR_FULL);
    assert_non_null(job); /* still ours */
    cr_job_free(job);
    job = cr_queue_take(queue);
    assert_int_equal(job->id, 1);
    cr_job_free(job);
    cr_queue_close(queue);
    job = job_make(4);
    assert_int_equal(cr_queue_put(queue, &job, NULL), CR_UNAVAILABLE);
    cr_job_free(job);
    job = cr_queue_take(queue); /* what was in it still comes out */
    assert_int_equal(job->id, 2);
    cr_job_free(job);
    assert_null(cr_queue_take(queue));
    cr_queue_free(queue);
}

static void what_is_left_is_freed(void **state)
{
    struct cr_queue *queue;
    struct cr_job *job = job_make(1);

    (void)state;
    assert_int_equal(cr_queue_new(&queue, 2), CR_OK);
    assert_int_equal(cr_queue_put(queue, &job, NULL), CR_OK);
    cr_queue_free(queue); /* a leak is the sanitizer's to find */
}

static void *produce(void *arg)
{
    struct cr_queue *queue = arg;

    for (uint64_t i = 0; i < JOBS; i++) {
        struct cr_job *job = NULL;

        if (cr_job_new(&job, CR_OP_AUDIT, &setup) != CR_OK) {
            return queue;
        }
        job->id = i;
        while (cr_queue_put(queue, &job, NULL) == CR_FULL) {
            poll(NULL, 0, 0);
        }
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    pthread_t producer[PRODUCERS];
    struct cr_queue *queue;
    unsigned count = 0;
    uint64_t sum = 0;

    (void)state;
    assert_int_equal(cr_queue_new(&queue, 64), CR_OK);
    for (int i = 0; i < PRODUCERS; i++) {
        assert_int_equal(pthread_create(&producer[i], NULL, produce, queue), 0);
    }
    while (count < PRODUCERS * JOBS) {
        struct cr_job *job = count % 2 == 0 ? cr_queue_take(queue) : cr_queue_drain(queue);

        for (struct cr_job *next; job != NULL; job = next) {
            next = job->next;
            sum += job->id;
            count++;
            cr_job_free(job);
        }
    }
    for (int i = 0; i < PRODUCERS; i++) {
        void *failed;

        pthread_join(producer[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(sum, PRODUCERS * ((uint64_t)JOBS * (JOBS - 1) / 2));
    assert_int_equal(cr_queue_len(queue), 0);
    cr_queue_free(queue);
}

static void *ring(void *arg)
{
    for (int i = 0; i < DEADLINE_MS; i++) { /* until the waiter is surely in its wait; it clears, so each one rings */
        (void)cr_wake_clear(arg);
        cr_wake_ring(arg);
        poll(NULL, 0, 1);
    }
    return NULL;
}

static void a_ring_ends_the_wait(void **state)
{
    struct cr_wake *wake;
    pthread_t ringer;
    int rc;

    (void)state;
    assert_int_equal(cr_wake_new(&wake), CR_OK);
    assert_int_equal(pthread_create(&ringer, NULL, ring, wake), 0);
    rc = poll(NULL, 0, DEADLINE_MS);
    assert_int_equal(rc, -1);
    assert_int_equal(errno, EINTR);
    pthread_cancel(ringer);
    pthread_join(ringer, NULL);
    cr_wake_free(wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out_up_to_a_bound),
        cmocka_unit_test(what_is_left_is_freed),
        cmocka_unit_test(nothing_is_lost_between_threads),
        cmocka_unit_test(a_ring_ends_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
