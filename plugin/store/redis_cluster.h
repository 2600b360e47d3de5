/* redis_cluster: connections to the primaries of a Redis Cluster, and the way of each command to the one that owns its
 * slot. Learns the map of slots from any node, follows MOVED and ASK, and repeats what the cluster cannot do at this
 * moment (TRYAGAIN, CLUSTERDOWN) until timeout_ms is over.
 *
 * A slot that moves between primaries that are known is followed without a word. When a connection is lost, or a
 * primary appears that was not there before (it may have been a replica, and may not have all that its former primary
 * had), it goes down as a whole; connecting again is up to whoever owns it.
 *
 * Threads: all on the loop's. Callbacks may send, and may stop. */
#ifndef CR_REDIS_CLUSTER_H
#define CR_REDIS_CLUSTER_H

#include "plugin/store/redis_conn.h"

struct cr_redis_cluster;

struct cr_redis_cluster_options {
    uv_loop_t *loop;
    const struct cr_redis_address *address; /* lent; the nodes to ask first */
    struct cr_redis_tls *tls;     /* NULL: none */
    const char *username, *password; /* lent */
    unsigned timeout_ms;
    struct cr_redis_link_stats *stats; /* counted here */
    void (*up)(void *ctx);
    void (*down)(void *ctx, const char *why); /* it is stopped */
    void *ctx;
};

CR_MUST_USE cr_err cr_redis_cluster_new(struct cr_redis_cluster **cluster,
                                        const struct cr_redis_cluster_options *options);
/* Begins to connect; up or down follows, perhaps before this returns. */
void cr_redis_cluster_start(struct cr_redis_cluster *cluster);
/* Ends all connections without a word but NULL to the calls; can be started again. */
void cr_redis_cluster_stop(struct cr_redis_cluster *cluster);
/* Closes its handles too; the loop has to run once more before free. */
void cr_redis_cluster_close(struct cr_redis_cluster *cluster);
void cr_redis_cluster_free(struct cr_redis_cluster *cluster);

/* As those of redis_link.h. */
CR_MUST_USE cr_err cr_redis_cluster_send(struct cr_redis_cluster *cluster, const struct cr_args *args,
                                         struct cr_redis_call *call);
CR_MUST_USE cr_err cr_redis_cluster_send_part(struct cr_redis_cluster *cluster, unsigned part,
                                              const struct cr_args *args, struct cr_redis_call *call);
unsigned cr_redis_cluster_parts(const struct cr_redis_cluster *cluster);
void cr_redis_cluster_flush(struct cr_redis_cluster *cluster);

#endif
