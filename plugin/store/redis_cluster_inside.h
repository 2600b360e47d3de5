/* redis_cluster_inside: what redis_cluster.c (connections) and redis_route.c (commands) share. Private to them. */
#ifndef CR_REDIS_CLUSTER_INSIDE_H
#define CR_REDIS_CLUSTER_INSIDE_H

#include "plugin/store/redis_cluster.h"
#include "plugin/store/redis_slots.h"

struct cluster_node {
    struct cr_redis_cluster *cluster;
    struct cr_redis_host host;
    struct cr_redis_conn *conn;
    bool up;
};

struct cluster_route; /* a command on its way */

enum cluster_phase {
    CLUSTER_DOWN,
    CLUSTER_ASKING,  /* a node, for the map */
    CLUSTER_JOINING, /* all primaries */
    CLUSTER_UP,
};

struct cr_redis_cluster {
    struct cr_redis_cluster_options options;
    enum cluster_phase phase;
    struct cluster_node node[CR_REDIS_NODES];
    unsigned node_count;
    uint8_t owner[CR_REDIS_SLOTS]; /* of each slot, an index of node */
    struct cr_redis_slots map;     /* as last told */
    struct cr_redis_conn *guide;   /* the node that is asked for the map; NULL: none is */
    struct cr_redis_call ask;      /* for the map */
    unsigned first, asked;         /* whom to ask: those of the map, then those of the address */
    unsigned known;                /* nodes of the map that can be asked */
    struct cr_redis_host guide_host;
    bool refreshing;               /* the map, while up */
    uv_timer_t later;              /* for the commands that wait */
    struct cluster_route *waiting, **waiting_tail;
    char why[200];
};

/* ---- redis_cluster.c ---- */

/* Stops, and tells the owner. */
void cluster_fail(struct cr_redis_cluster *cluster, const char *why);
/* The node at this address; NULL: not one of ours. */
struct cluster_node *cluster_find(struct cr_redis_cluster *cluster, const struct cr_redis_host *host);
/* A further one, which begins to connect. NULL: too many, or no memory. */
struct cluster_node *cluster_add(struct cr_redis_cluster *cluster, const struct cr_redis_host *host);
/* Asks this node for the map, while up. */
void cluster_refresh(struct cr_redis_cluster *cluster, struct cluster_node *node);

/* ---- redis_route.c ---- */

void cluster_routes_init(struct cr_redis_cluster *cluster);
/* NULL to all that wait. */
void cluster_routes_end(struct cr_redis_cluster *cluster);

#endif
