/* push: brokers that share a Redis tell each other which device something was done for, on the channel <prefix>:push, as
 * '<broker's life> <device>' ('!' is in no device's name: what begins so is about none). A broker that holds the device's connection then looks what it is.
 *
 * It only saves time: what nobody hears is found by the agenda and at the device's next appearance. So the second
 * connection that it needs has no part in the store's health, and comes back by itself. Store thread only. */
#ifndef CR_PUSH_H
#define CR_PUSH_H

#include "plugin/store/redis_link.h"

struct cr_redis_store;

/* In place of a device, whose name never begins so: what everybody is to look at. */
#define STORE_PUSH_REVOKED "!revoked"
#define STORE_PUSH_CRL "!crl"
#define STORE_PUSH_TRUST "!trust"

struct store_push {
    struct cr_redis_link *link;
    struct cr_redis_call subscription;
    struct cr_redis_key channel;
    bool started;
    uint64_t heard, odd; /* messages of others; of no shape that we know */
};

/* options: those of the store's own link. CR_INVALID, CR_NOMEM as cr_redis_link_new. */
CR_MUST_USE cr_err store_push_new(struct cr_redis_store *store, const struct cr_redis_link_options *options, char *why,
                                  size_t why_cap);
/* Begins to listen once the store serves. Call it now and then. */
void store_push_listen(struct cr_redis_store *store);
/* Tells the others: a device, or '!revoked', '!crl', '!trust' for what all brokers keep a copy of. Lost when Redis is
 * away. */
void store_push_tell(struct cr_redis_store *store, const char *device);
/* Reads '<life> <device>', or '<life> !<what>'. False: our own, or no such message. */
bool store_push_read(struct cr_redis_store *store, struct cr_bytes message, char device[CR_NAME_CAP]);

#endif
