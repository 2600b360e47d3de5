/* redis_sentinel: asks Sentinels, one after the other, which server is the primary of a service now. Each has a
 * deadline. Who answered last is asked first, over the same connection while it stands.
 *
 * Threads: all on the loop's. Callbacks may ask again, and may stop. */
#ifndef CR_REDIS_SENTINEL_H
#define CR_REDIS_SENTINEL_H

#include "plugin/store/redis_conn.h"

struct cr_redis_sentinel;

struct cr_redis_sentinel_options {
    uv_loop_t *loop;
    const struct cr_redis_address *address; /* lent; its hosts and its service */
    struct cr_redis_tls *tls;     /* NULL: none */
    const char *username, *password; /* lent; for a Sentinel that asks for them */
    unsigned timeout_ms;          /* for each */
    /* The one that answered says so; it may be wrong. */
    void (*found)(void *ctx, const struct cr_redis_host *primary);
    /* All were asked, and none knows. */
    void (*none)(void *ctx, const char *why);
    void *ctx;
};

CR_MUST_USE cr_err cr_redis_sentinel_new(struct cr_redis_sentinel **sentinel,
                                         const struct cr_redis_sentinel_options *options);
/* Begins to ask; nothing changes when it is at it. found or none is called once, unless it is stopped. */
void cr_redis_sentinel_ask(struct cr_redis_sentinel *sentinel);
/* Writes what was asked. Once each turn of the loop. */
void cr_redis_sentinel_flush(struct cr_redis_sentinel *sentinel);
/* Whoever answered was wrong: the next is asked first. */
void cr_redis_sentinel_doubt(struct cr_redis_sentinel *sentinel);
void cr_redis_sentinel_stop(struct cr_redis_sentinel *sentinel);
/* It has no handles: stopped is enough, once the loop has run. NULL is fine. */
void cr_redis_sentinel_free(struct cr_redis_sentinel *sentinel);

/* The answer to SENTINEL get-master-addr-by-name. CR_NOT_FOUND: it does not know the service; CR_INVALID: no such
 * answer. */
CR_MUST_USE cr_err cr_redis_sentinel_read(struct cr_redis_host *primary, const redisReply *reply);

#endif
