/* redis_group: several redis-servers of a test's own that belong together: a primary with a replica and the Sentinels
 * that watch them, or a Cluster. On loopback; they die with the test. One thread. */
#ifndef REDIS_GROUP_H
#define REDIS_GROUP_H

#include "tests/support/private_redis.h"

enum { REDIS_GROUP_NODES = 8, REDIS_GROUP_ARG = 80, REDIS_GROUP_WAIT_MS = 60000 };

struct redis_group_node {
    struct private_redis redis;
    unsigned port;
    const char *extra[PRIVATE_REDIS_ARGS];
    char arg[PRIVATE_REDIS_ARGS][REDIS_GROUP_ARG];
    char id[48]; /* a Cluster's */
};

struct redis_group {
    struct redis_group_node node[REDIS_GROUP_NODES];
    unsigned count; /* a new group is all zero */
    char address[300]; /* as the configuration of the plugin spells it */
};

/* Node 0 a primary, node 1 its replica, nodes 2 to 4 Sentinels that call them "main" and wait a second and a half before
 * they act, so that they do not on a machine that stalls. Returns when all of them know each other. */
CR_MUST_USE cr_err redis_group_sentinel(struct redis_group *group);
/* What Sentinel does itself may take so long: a failover that it gave up is repeated after ten seconds, and where its
 * clocks cannot be set a former primary is made a replica ten to twenty seconds after it came back, and a stall of two
 * seconds makes it trust nothing that it sees (TILT) for half a minute. */
enum { REDIS_GROUP_ACT_MS = 120000 };
/* The node that the Sentinels that run name as the primary; -1: none of ours, or they disagree. */
int redis_group_primary(struct redis_group *group);

/* So many primaries, with equal shares of the slots, each with a replica (nodes `primaries` and up) if told so. Returns
 * when the cluster serves. */
CR_MUST_USE cr_err redis_group_cluster(struct redis_group *group, unsigned primaries, bool replicas);
/* A further node of the cluster, without slots. Its number; -1: it did not work. */
int redis_group_join(struct redis_group *group);
/* Every node that runs says that all slots are served. */
bool redis_group_serves(struct redis_group *group);
/* Which node has the slot, by what the first that runs says; -1: none of ours. */
int redis_group_owner(struct redis_group *group, unsigned slot);

void redis_group_free(struct redis_group *group);

#endif
