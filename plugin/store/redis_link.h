/* redis_link: one logical Redis, kept up: a server, the primary that Sentinel names, or a Cluster. Whoever sends does
 * not know which.
 *
 * It connects, and after a loss connects again with back-off, for as long as it lives. A connection on which nothing is
 * answered for timeout_ms is given up. Commands are gathered and written once each turn of the loop (flush): what many
 * jobs ask at once travels as one pipeline. A link that sends SUBSCRIBE gets each message through that call's done, and
 * is used for nothing else.
 *
 * A Cluster is up when a connection to every one of its primaries stands, and down as soon as one of them is lost: what
 * a primary, or the replica that took its place, lost is put back before anybody is served. A command goes to the
 * primary that owns its first key; all its keys must be in that key's hash slot. A command without a key goes to the
 * first part.
 *
 * Threads: all on the loop's. Callbacks may send, and may drop the connection; they must not free the link. */
#ifndef CR_REDIS_LINK_H
#define CR_REDIS_LINK_H

#include "plugin/store/redis_conn.h"

struct cr_redis_link;

struct cr_redis_link_options {
    uv_loop_t *loop;
    struct cr_redis_address address;
    const char *cafile;   /* TLS; "" or NULL: the system's */
    /* Lent, also to every connection, which begins with them; password NULL or "": none. The address says which
     * database. */
    const char *username, *password;
    unsigned timeout_ms;
    /* It stands; nothing but password and database was sent on it yet. */
    void (*up)(void *ctx);
    /* It is gone, or could not be made; `why` is a sentence. Calls that were waiting are told before or after. */
    void (*down)(void *ctx, const char *why);
    void *ctx;
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

/* Of how many servers it consists: 1, or a Cluster's primaries. For what each of them must be told or asked. */
unsigned cr_redis_link_parts(const struct cr_redis_link *link);
/* As send, to one of them whatever the command; call NULL: as tell. */
CR_MUST_USE cr_err cr_redis_link_send_part(struct cr_redis_link *link, unsigned part, const struct cr_args *args,
                                           struct cr_redis_call *call);

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
