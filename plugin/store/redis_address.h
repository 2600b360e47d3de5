/* redis_address: where a Redis is, as the configuration spells it, without user and password:
 *     /path, host:port, redis://host[:port][/db]                   one server
 *     redis-sentinel://host[:port][,host[:port]…]/service[/db]     the primary that Sentinel names
 *     redis-cluster://host[:port][,host[:port]…]                   a Redis Cluster; some of its nodes
 * and the last three with rediss for TLS. Pure; any thread. */
#ifndef CR_REDIS_ADDRESS_H
#define CR_REDIS_ADDRESS_H

#include "common/err.h"

#include <stdbool.h>

enum {
    CR_REDIS_HOST_CAP = 256,
    CR_REDIS_SERVICE_CAP = 65,
    CR_REDIS_HOSTS = 16, /* in one address */
    CR_REDIS_PORT = 6379,
    CR_REDIS_SENTINEL_PORT = 26379,
    CR_REDIS_PORT_MAX = 65535,
};

enum cr_redis_kind { CR_REDIS_SERVER, CR_REDIS_SENTINEL, CR_REDIS_CLUSTER };

struct cr_redis_host {
    char name[CR_REDIS_HOST_CAP]; /* a name or an address, IPv6 without brackets; or the path of a unix socket */
    unsigned port;
};

struct cr_redis_address {
    enum cr_redis_kind kind;
    bool unix_socket; /* host[0].name is its path */
    bool tls;
    unsigned count;   /* of hosts; more than one only for Sentinel and Cluster */
    struct cr_redis_host host[CR_REDIS_HOSTS];
    char service[CR_REDIS_SERVICE_CAP]; /* Sentinel: what it calls the primary and its replicas */
    unsigned db;      /* not for Cluster */
};

/* CR_INVALID: none of these. */
CR_MUST_USE cr_err cr_redis_address_parse(struct cr_redis_address *address, const char *text);

#endif
