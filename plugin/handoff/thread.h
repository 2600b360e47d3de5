/* thread: how a thread of ours starts: with every signal blocked, for the broker's signals are the broker's; giving way
 * to the broker's loop when a core is wanted by both; and, where it is told so, with file descriptors of its own.
 *
 * Linux looks a descriptor up without atomic operations only while no other thread uses the same table. A broker makes
 * about ten look-ups for each message that passes through it, and pays six per cent of its CPU when other threads share
 * its table, however idle they are (tests/bench/bench_broker.c). So ours leave it.
 *
 * A thread with descriptors of its own has copies of those that were open when it started, by the same numbers: what one
 * thread closes stays open in the other, and what is opened later exists only where it was opened. Regular files are not
 * kept, so that a log file that was moved away can go. Threads that such a thread starts share with it. */
#ifndef CR_THREAD_H
#define CR_THREAD_H

#include "common/err.h"

#include <pthread.h>
#include <stdbool.h>

struct cr_thread_options {
    void *(*run)(void *arg);
    void *arg;
    bool own_files; /* where the kernel lets it; else it shares as threads do */
    int keep_fd;    /* the one regular file that an own_files thread keeps; -1: none */
};

/* Starts it, and waits until it has what is its own: descriptors that the caller opens afterwards are not copied.
 * CR_NOMEM: there is no thread. */
CR_MUST_USE cr_err cr_thread_start(pthread_t *thread, const struct cr_thread_options *options);

#endif
