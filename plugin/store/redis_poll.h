/* redis_poll: what hiredis' asynchronous client wants of an event loop, on libuv, and bounds on what it may allocate.
 *
 * hiredis ships such an adapter; this one writes what was gathered once each turn of the loop instead of waiting for
 * the socket to be writable first, which spares two system calls and a turn for each pipeline. Loop's thread. */
#ifndef CR_REDIS_POLL_H
#define CR_REDIS_POLL_H

#include "common/err.h"

#include <hiredis/async.h>
#include <uv.h>

struct cr_redis_poll;

/* Attaches to a new context. The context owns *poll from now on: it is gone when the context is. */
CR_MUST_USE cr_err cr_redis_poll_attach(struct cr_redis_poll **poll, redisAsyncContext *context, uv_loop_t *loop);
/* The connection stands. */
void cr_redis_poll_connected(struct cr_redis_poll *poll);
/* Writes what was gathered; what the kernel does not take now follows by itself. May end the context. */
void cr_redis_poll_flush(struct cr_redis_poll *poll);

#endif
