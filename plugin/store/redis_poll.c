#include "plugin/store/redis_poll.h"

#include <stdbool.h>
#include <stdlib.h>

enum { REPLY_ELEMENTS_MAX = 16384 }; /* more than any of our answers can have: a cluster has that many slots */

/* Outlives its context until libuv lets go of the handle. */
struct cr_redis_poll {
    uv_poll_t handle;
    redisAsyncContext *context; /* NULL: gone */
    int events;
    bool connected, dirty, flushing;
    redisReplyObjectFunctions reply, reply_default;
};

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct cr_redis_poll *poll = handle->data;
    /* A broken socket is reported as an error status: let hiredis read it and see for itself. */
    if (poll->context != NULL && (status != 0 || (events & UV_READABLE) != 0)) {
        redisAsyncHandleRead(poll->context);
    }
    if (poll->context != NULL && (events & UV_WRITABLE) != 0) {
        redisAsyncHandleWrite(poll->context);
    }
}

static void poll_want(struct cr_redis_poll *poll, int events)
{
    if (poll->events == events) {
        return;
    }
    poll->events = events;
    if (events != 0) {
        (void)uv_poll_start(&poll->handle, events, on_poll);
    } else {
        (void)uv_poll_stop(&poll->handle);
    }
}

static void wants_read(void *data)
{
    struct cr_redis_poll *poll = data;
    poll_want(poll, poll->events | UV_READABLE);
}

static void wants_no_read(void *data)
{
    struct cr_redis_poll *poll = data;
    poll_want(poll, poll->events & ~UV_READABLE);
}

/* On a standing connection nobody waits for the socket to be writable: flush() just writes, and only what the kernel
 * did not take then waits. That spares two system calls and a turn of the loop. */
static void wants_write(void *data)
{
    struct cr_redis_poll *poll = data;
    if (poll->connected && !poll->flushing) {
        poll->dirty = true;
    } else {
        poll_want(poll, poll->events | UV_WRITABLE);
    }
}

static void wants_no_write(void *data)
{
    struct cr_redis_poll *poll = data;
    poll_want(poll, poll->events & ~UV_WRITABLE);
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void wants_nothing_more(void *data)
{
    struct cr_redis_poll *poll = data;
    poll->context = NULL;
    uv_close((uv_handle_t *)&poll->handle, on_poll_closed);
}

#if HIREDIS_MAJOR >= 1
typedef size_t reply_count;
#else
typedef int reply_count;
#endif

/* An answer that claims to have a billion elements must not make us allocate for them. */
static void *reply_array(const redisReadTask *task, reply_count elements)
{
    const struct cr_redis_poll *poll = task->privdata;
    return elements > (reply_count)REPLY_ELEMENTS_MAX ? NULL : poll->reply_default.createArray(task, elements);
}

cr_err cr_redis_poll_attach(struct cr_redis_poll **out, redisAsyncContext *context, uv_loop_t *loop)
{
    struct cr_redis_poll *poll = calloc(1, sizeof *poll);
    if (poll == NULL) {
        return CR_NOMEM;
    }
    if (uv_poll_init(loop, &poll->handle, context->c.fd) != 0) {
        free(poll);
        return CR_IO;
    }
    poll->handle.data = poll;
    poll->context = context;
    poll->reply_default = *context->c.reader->fn;
    poll->reply = poll->reply_default;
    poll->reply.createArray = reply_array;
    context->c.reader->fn = &poll->reply;
    context->c.reader->privdata = poll;
    context->ev.data = poll;
    context->ev.addRead = wants_read;
    context->ev.delRead = wants_no_read;
    context->ev.addWrite = wants_write;
    context->ev.delWrite = wants_no_write;
    context->ev.cleanup = wants_nothing_more;
    *out = poll;
    return CR_OK;
}

void cr_redis_poll_connected(struct cr_redis_poll *poll)
{
    poll->connected = true;
}

void cr_redis_poll_flush(struct cr_redis_poll *poll)
{
    if (!poll->dirty || poll->context == NULL) {
        return;
    }
    poll->dirty = false;
    poll->flushing = true;
    redisAsyncHandleWrite(poll->context);
    poll->flushing = false;
}
