/* nudge: sends the loop round once more.
 *
 * Brokers since 2.1 take what a plugin published at the top of their loop, then tick, then wait: what is published in a
 * tick would lie there for a whole wait, up to 100 ms, and no call says "do not wait". So a timer sends the loop's
 * thread the signal of wake.h a moment after the tick, and again, should the loop not have waited yet, until it ticks.
 *
 * Threads: all of it on the loop. */
#ifndef CR_NUDGE_H
#define CR_NUDGE_H

#include "common/err.h"

struct cr_nudge;

/* For the calling thread. CR_IO: the system gives no timer. */
CR_MUST_USE cr_err cr_nudge_new(struct cr_nudge **nudge);
/* From now on, until it is over. */
void cr_nudge_start(struct cr_nudge *nudge);
/* At the next tick; costs nothing when it was not started. */
void cr_nudge_over(struct cr_nudge *nudge);
/* Harmless on NULL. */
void cr_nudge_free(struct cr_nudge *nudge);

#endif
