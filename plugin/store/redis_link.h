/* redis_link: one connection to Redis, kept up: hiredis' asynchronous client on a libuv loop.
 *
 * It connects, and after a loss connects again with back-off, for as long as it lives. A connection on which nothing is
 * answered for timeout_ms is given up. Commands are gathered and written once each turn of the loop (flush): what many
 * jobs ask at once travels as one pipeline. A link that sends SUBSCRIBE gets each message through that call's done, and
 * is used for nothing else.
 *
 * Threads: all on the loop's. Callbacks may send, and may drop the connection; they must not free the link. */
#ifndef CR_REDIS_LINK_H
#define CR_REDIS_LINK_H

#include "plugin/store/records.h"
#include "plugin/store/redis_address.h"

#include <hiredis/hiredis.h>
#include <uv.h>

struct cr_redis_link;

/* A command that waits for its answer; part of the sender's memory until done is called. */
struct cr_redis_call {
    /* reply NULL: the connection was lost; whether the command was carried out is unknown. The reply is lent. */
    void (*done)(struct cr_redis_call *call, const redisReply *reply);
    uint64_t sent_ns;
};

struct cr_redis_link_options {
    uv_loop_t *loop;
    struct cr_redis_address address;
    const char *cafile;   /* TLS; "": the system's */
    unsigned timeout_ms;
    /* The connection stands; nothing was sent on it yet. */
    void (*up)(void *ctx);
    /* It is gone, or could not be made; `why` is a sentence. Calls that were waiting are told before or after. */
    void (*down)(void *ctx, const char *why);
    void *ctx;
};

struct cr_redis_link_stats {
    uint64_t commands, errors, connects;
    unsigned latency_us; /* of the last answer */
};

/* CR_INVALID: TLS is asked for and this build has none, or cafile cannot be used; `why` says so. */
CR_MUST_USE cr_err cr_redis_link_new(struct cr_redis_link **link, const struct cr_redis_link_options *options,
                                     char *why, size_t why_cap);
/* Begins to connect. */
void cr_redis_link_start(struct cr_redis_link *link);

/* Sends. CR_UNAVAILABLE: there is no connection; call->done will not be called. The arguments are copied. */
CR_MUST_USE cr_err cr_redis_link_send(struct cr_redis_link *link, const struct cr_args *args,
                                      struct cr_redis_call *call);
/* Sends, if there is a connection; nobody waits for the answer, which is only counted. */
void cr_redis_link_tell(struct cr_redis_link *link, const struct cr_args *args);
/* Writes what was sent. Once each turn of the loop. */
void cr_redis_link_flush(struct cr_redis_link *link);

/* Gives the connection up and connects again after a while. */
void cr_redis_link_drop(struct cr_redis_link *link, const char *why);
/* It serves: the next loss starts with a short back-off again. */
void cr_redis_link_good(struct cr_redis_link *link);
/* Attempts that failed since it last served. */
unsigned cr_redis_link_failures(const struct cr_redis_link *link);
struct cr_redis_link_stats cr_redis_link_stats(const struct cr_redis_link *link);

/* Ends the connection and closes its handles; the loop has to run once more before free. Nothing is called back but
 * calls, with NULL. */
void cr_redis_link_close(struct cr_redis_link *link);
void cr_redis_link_free(struct cr_redis_link *link);

#endif
