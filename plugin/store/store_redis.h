/* store_redis: the store on Redis (asynchronous hiredis on a libuv loop, one thread) and a journal file.
 *
 * Keys, all under a configurable prefix (here cr), bNN the bucket of the device:
 *     cr:{bNN}:device:<id>            hash: the device and its slots
 *     cr:{bNN}:cert:<id>/<slot>       the pending certificate, DER; deleted when confirmed
 *     cr:{bNN}:agenda, …:expiry       sorted sets of <id>/<slot> by next action and by notAfter
 *     cr:{kNNNN}:keys                 hash: first 16 octets of a key hash → whose key it is
 *     cr:meta, cr:revoked, cr:issuers, cr:audit, cr:pace
 * and the channel cr:push.
 */
#ifndef CR_STORE_REDIS_H
#define CR_STORE_REDIS_H

#include "common/clock.h"
#include "plugin/store/store.h"

/* A line for the broker's log; may be called on the store's thread. level: 'e', 'w', 'n', 'd'. */
typedef void cr_store_log_fn(void *ctx, char level, const char *text);

struct cr_store_redis_options {
    struct cr_setup *setup;       /* redis, journal_dir, broker_name … ; held */
    const struct cr_clock *clock;
    unsigned max_jobs;
    bool own_files;               /* handoff/thread.h; for one store in a process: libuv's one pool goes with its files */
    cr_store_done_fn *done;
    void *done_ctx;
    cr_store_log_fn *log;
    void *log_ctx;
};

/* Opens the journal, starts the thread and begins to connect. Redis being down is no failure (health says so); a journal
 * that cannot be opened or whose chain is broken is: CR_IO or CR_INVALID with a sentence in `why`. */
CR_MUST_USE cr_err cr_store_redis_new(struct cr_store **store, const struct cr_store_redis_options *options, char *why,
                                      size_t why_cap);

#endif
