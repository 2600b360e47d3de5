/* wake: ends the broker's wait, so that a completion reaches the loop in microseconds.
 *
 * The broker offers no way to wake its loop: it sleeps in epoll_wait for up to 100 ms (2.1 without websockets: for as long
 * as next_ms says). But it blocks only INT, TERM, USR1, USR2 and HUP there, so any other signal sent to its thread ends the
 * wait with EINTR, and the loop goes once round and ticks. SIGURG is that signal: its default action is to be ignored, so a
 * signal that comes before the handler stands, or after it is gone, does no harm, and SA_RESTART keeps every other system
 * call of the loop going.
 *
 * A signal that comes between the loop's tick and its next wait is lost; that costs one poll, at most. The tick's
 * next_ms is the fallback.
 *
 * Threads: init, clear and fini on the loop; ring from any thread. */
#ifndef CR_WAKE_H
#define CR_WAKE_H

#include "common/err.h"

#include <stdbool.h>

struct cr_wake;

/* Remembers the calling thread as the loop. CR_IO: no handler could be set. */
CR_MUST_USE cr_err cr_wake_new(struct cr_wake **wake);
/* Wakes the loop; further rings until clear() cost nothing. */
void cr_wake_ring(struct cr_wake *wake);
/* The loop is awake and about to look at its completions. Whether anybody rang since the last time. */
bool cr_wake_clear(struct cr_wake *wake);
/* No thread may ring any more. The former handler is put back. */
void cr_wake_free(struct cr_wake *wake);

#endif
