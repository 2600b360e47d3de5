/* redis_slots: who owns which hash slot of a Redis Cluster, and what its redirections say. Pure; any thread. */
#ifndef CR_REDIS_SLOTS_H
#define CR_REDIS_SLOTS_H

#include "common/bytes.h"
#include "plugin/store/redis_address.h"

#include <hiredis/hiredis.h>

enum {
    CR_REDIS_SLOTS = 16384,
    CR_REDIS_NODES = 64,      /* primaries of one cluster */
};

/* CRC-16/XMODEM. */
uint16_t cr_redis_crc16(struct cr_bytes bytes);
/* Of the key, or of what its first braces hold, unless that is nothing. */
unsigned cr_redis_slot(struct cr_bytes key);

struct cr_redis_slots {
    unsigned count;
    struct cr_redis_host node[CR_REDIS_NODES];
    uint8_t owner[CR_REDIS_SLOTS]; /* an index of node */
};

bool cr_redis_host_equal(const struct cr_redis_host *a, const struct cr_redis_host *b);

/* The answer to CLUSTER SLOTS of the node at `asked`. CR_INVALID: it is no such answer. CR_FULL: more nodes than that.
 * CR_UNAVAILABLE: some slot has no owner. */
CR_MUST_USE cr_err cr_redis_slots_read(struct cr_redis_slots *slots, const redisReply *reply,
                                       const struct cr_redis_host *asked);

enum cr_redis_redirect {
    CR_REDIRECT_NONE, /* or an error that says nothing of the cluster */
    CR_REDIRECT_MOVED, /* to `to`, for good */
    CR_REDIRECT_ASK,   /* at `to`, this once */
    CR_REDIRECT_LATER, /* TRYAGAIN, CLUSTERDOWN */
};

/* What an error of the node at `asked` says. A redirection that cannot be read is CR_REDIRECT_LATER. */
enum cr_redis_redirect cr_redis_redirect_read(struct cr_redis_host *to, unsigned *slot, struct cr_bytes error,
                                            const struct cr_redis_host *asked);

#endif
