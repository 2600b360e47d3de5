/* redis_address: where a Redis is, as the configuration spells it: /path, host:port, redis://host[:port][/db] or
 * rediss://…, without user and password. Pure; any thread. */
#ifndef CR_REDIS_ADDRESS_H
#define CR_REDIS_ADDRESS_H

#include "common/err.h"

#include <stdbool.h>

enum { CR_REDIS_HOST_CAP = 256, CR_REDIS_PORT = 6379 };

struct cr_redis_address {
    bool unix_socket;             /* host is its path */
    bool tls;
    char host[CR_REDIS_HOST_CAP]; /* a name or an address, IPv6 without brackets */
    unsigned port;
    unsigned db;
};

/* CR_INVALID: none of these. */
CR_MUST_USE cr_err cr_redis_address_parse(struct cr_redis_address *address, const char *text);

#endif
