/* redis_conn: one connection to one Redis server: name, socket, TLS, password, database, and a watch over silence; with
 * hiredis' asynchronous client on a libuv loop. It is made once and does not come back: whoever owns it makes another.
 *
 * Commands are gathered and written by flush, once each turn of the loop.
 *
 * Threads: all on the loop's. Callbacks may send, and may close this connection or any other. */
#ifndef CR_REDIS_CONN_H
#define CR_REDIS_CONN_H

#include "plugin/store/records.h"
#include "plugin/store/redis_address.h"
#include "plugin/store/redis_tls.h"

#include <hiredis/hiredis.h>
#include <uv.h>

struct cr_redis_conn;

/* A command that waits for its answer; part of the sender's memory until done is called. */
struct cr_redis_call {
    /* reply NULL: the connection was lost; whether the command was carried out is unknown. The reply is lent. */
    void (*done)(struct cr_redis_call *call, const redisReply *reply);
    uint64_t sent_ns;
};

struct cr_redis_link_stats {
    uint64_t commands, errors, connects;
    unsigned latency_us; /* of the last answer */
};

struct cr_redis_conn_options {
    uv_loop_t *loop;
    const struct cr_redis_host *host; /* copied */
    bool unix_socket;
    unsigned turn;                /* a name can have several addresses: which of them */
    struct cr_redis_tls *tls;     /* NULL: none */
    const char *username, *password; /* lent; password NULL or "": none */
    unsigned db;
    unsigned timeout_ms;          /* to connect, and for each answer */
    struct cr_redis_link_stats *stats; /* counted here; NULL: nowhere */
    /* It stands; password and database were sent. Not from within new. */
    void (*up)(void *ctx);
    /* It is gone, or could not be made; `why` is a sentence. Once, not from within new; then only close is left. Calls
     * that were waiting are told before or after. */
    void (*down)(void *ctx, const char *why);
    void *ctx;
};

/* Begins to connect. CR_NOMEM. */
CR_MUST_USE cr_err cr_redis_conn_new(struct cr_redis_conn **conn, const struct cr_redis_conn_options *options);
/* Ends it, without a word but NULL to its calls. It is freed by the loop, which has to run once more. NULL is fine. */
void cr_redis_conn_close(struct cr_redis_conn *conn);

/* Sends. CR_UNAVAILABLE: it does not stand; call->done will not be called. The arguments are copied. call NULL: nobody
 * waits for the answer. */
CR_MUST_USE cr_err cr_redis_conn_send(struct cr_redis_conn *conn, const struct cr_args *args,
                                      struct cr_redis_call *call);
/* The same for a command as it goes over the wire. */
CR_MUST_USE cr_err cr_redis_conn_send_text(struct cr_redis_conn *conn, const char *text, size_t len,
                                           struct cr_redis_call *call);
/* Writes what was sent. */
void cr_redis_conn_flush(struct cr_redis_conn *conn);
/* The address that its name came out as, for answers that say "where you asked". */
const struct cr_redis_host *cr_redis_conn_host(const struct cr_redis_conn *conn);

#endif
