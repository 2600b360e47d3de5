#include "plugin/store/redis_cluster_inside.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUIDE_MIN_MS = 100 };

static void ask_next(struct cr_redis_cluster *cluster);

/* ---- its end ---- */

static void guide_close(struct cr_redis_cluster *cluster)
{
    struct cr_redis_conn *guide = cluster->guide;
    cluster->guide = NULL;
    cr_redis_conn_close(guide);
}

void cr_redis_cluster_stop(struct cr_redis_cluster *cluster)
{
    cluster->phase = CLUSTER_DOWN;
    cluster->refreshing = false;
    guide_close(cluster);
    while (cluster->node_count > 0) { /* calls are told, and could stop us again */
        struct cluster_node *node = &cluster->node[--cluster->node_count];
        struct cr_redis_conn *conn = node->conn;
        node->conn = NULL;
        node->up = false;
        cr_redis_conn_close(conn);
    }
    cluster_routes_end(cluster);
}

void cluster_fail(struct cr_redis_cluster *cluster, const char *why)
{
    if (cluster->phase == CLUSTER_DOWN) {
        return;
    }
    cluster->first += cluster->phase != CLUSTER_UP;
    if (why != cluster->why) {
        (void)snprintf(cluster->why, sizeof cluster->why, "%s", why);
    }
    cr_redis_cluster_stop(cluster);
    cluster->options.down(cluster->options.ctx, cluster->why);
}

/* ---- the primaries ---- */

static void on_node_up(void *ctx)
{
    struct cluster_node *node = ctx;
    struct cr_redis_cluster *cluster = node->cluster;
    bool all = true;
    node->up = true;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        all = all && cluster->node[i].up;
    }
    if (all && cluster->phase == CLUSTER_JOINING) {
        cluster->phase = CLUSTER_UP;
        cluster->options.up(cluster->options.ctx);
    }
}

static void on_node_down(void *ctx, const char *why)
{
    struct cluster_node *node = ctx;
    struct cr_redis_cluster *cluster = node->cluster;
    (void)snprintf(cluster->why, sizeof cluster->why, "Node %.100s:%u: %.80s", node->host.name, node->host.port, why);
    cluster_fail(cluster, cluster->why);
}

static cr_err node_connect(struct cr_redis_cluster *cluster, struct cr_redis_conn **conn,
                           const struct cr_redis_conn_options *what)
{
    struct cr_redis_conn_options options = *what;
    options.loop = cluster->options.loop;
    options.tls = cluster->options.tls;
    options.username = cluster->options.username;
    options.password = cluster->options.password;
    return cr_redis_conn_new(conn, &options);
}

struct cluster_node *cluster_find(struct cr_redis_cluster *cluster, const struct cr_redis_host *host)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        if (cr_redis_host_equal(&cluster->node[i].host, host)) {
            return &cluster->node[i];
        }
    }
    return NULL;
}

struct cluster_node *cluster_add(struct cr_redis_cluster *cluster, const struct cr_redis_host *host)
{
    if (cluster->node_count == CR_REDIS_NODES) {
        return NULL;
    }
    struct cluster_node *node = &cluster->node[cluster->node_count];
    *node = (struct cluster_node){ .cluster = cluster, .host = *host };
    const struct cr_redis_conn_options options = {
        .host = &node->host,
        .turn = cluster->first,
        .timeout_ms = cluster->options.timeout_ms,
        .stats = cluster->options.stats,
        .up = on_node_up,
        .down = on_node_down,
        .ctx = node,
    };
    if (node_connect(cluster, &node->conn, &options) != CR_OK) {
        return NULL;
    }
    cluster->node_count++;
    return node;
}

/* ---- the map ---- */

/* The map's owners as nodes of ours. CR_NOT_FOUND: one of them is not. */
static cr_err take_owners(struct cr_redis_cluster *cluster)
{
    uint8_t index[CR_REDIS_NODES];
    for (unsigned i = 0; i < cluster->map.count; i++) {
        const struct cluster_node *node = cluster_find(cluster, &cluster->map.node[i]);
        if (node == NULL) {
            return CR_NOT_FOUND;
        }
        index[i] = (uint8_t)(node - cluster->node);
    }
    for (unsigned slot = 0; slot < CR_REDIS_SLOTS; slot++) {
        cluster->owner[slot] = index[cluster->map.owner[slot]];
    }
    return CR_OK;
}

static void join(struct cr_redis_cluster *cluster)
{
    cluster->known = cluster->map.count;
    cluster->phase = CLUSTER_JOINING;
    for (unsigned i = 0; i < cluster->map.count; i++) {
        if (cluster_add(cluster, &cluster->map.node[i]) == NULL) {
            cluster_fail(cluster, "Out of memory while connecting to Redis.");
            return;
        }
    }
    if (take_owners(cluster) != CR_OK) {
        cluster_fail(cluster, "The cluster's map of slots is damaged.");
    }
}

/* Reads the map; *why says what is wrong with it. */
static cr_err map_read(struct cr_redis_cluster *cluster, const redisReply *reply, const char **why)
{
    cluster->known = 0;
    cr_err err = cr_redis_slots_read(&cluster->map, reply, &cluster->guide_host);
    *why = err == CR_UNAVAILABLE ? "not every slot of the cluster has an owner"
           : err == CR_FULL      ? "the cluster has too many primaries"
                                 : "an answer that is none";
    return err;
}

static void on_refreshed(struct cr_redis_cluster *cluster, const redisReply *reply)
{
    const char *why;
    cluster->refreshing = false;
    if (reply->type == REDIS_REPLY_ERROR) {
        return; /* the next MOVED asks again */
    }
    cr_err err = map_read(cluster, reply, &why);
    if (err == CR_UNAVAILABLE) {
        return;
    }
    if (err != CR_OK) {
        cluster_fail(cluster, "The cluster's map of slots is damaged.");
        return;
    }
    cluster->known = cluster->map.count;
    if (take_owners(cluster) != CR_OK) {
        cluster_fail(cluster, "The cluster has another primary now.");
    }
}

static void on_map(struct cr_redis_call *call, const redisReply *reply)
{
    struct cr_redis_cluster *cluster =
        (struct cr_redis_cluster *)((char *)call - offsetof(struct cr_redis_cluster, ask));
    const char *why;
    if (reply == NULL || (cluster->guide == NULL && !cluster->refreshing)) {
        return; /* its connection's end follows, or it was stopped */
    }
    if (cluster->refreshing) {
        on_refreshed(cluster, reply);
        return;
    }
    guide_close(cluster);
    if (map_read(cluster, reply, &why) == CR_OK) {
        join(cluster);
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        (void)snprintf(cluster->why, sizeof cluster->why, "Redis answered: %.70s", reply->str);
    } else {
        (void)snprintf(cluster->why, sizeof cluster->why, "Node %.100s:%u: %s.", cluster->guide_host.name,
                       cluster->guide_host.port, why);
    }
    ask_next(cluster);
}

static cr_err ask_map(struct cr_redis_cluster *cluster, struct cr_redis_conn *conn)
{
    struct cr_args args;
    cr_args_start(&args, "CLUSTER");
    cr_args_text(&args, "SLOTS");
    cluster->ask.done = on_map;
    cluster->guide_host = *cr_redis_conn_host(conn);
    return cr_redis_conn_send(conn, &args, &cluster->ask);
}

void cluster_refresh(struct cr_redis_cluster *cluster, struct cluster_node *node)
{
    if (!cluster->refreshing && node->up) {
        cluster->refreshing = ask_map(cluster, node->conn) == CR_OK;
    }
}

/* ---- whom to ask for it ---- */

static void on_guide_down(void *ctx, const char *why)
{
    struct cr_redis_cluster *cluster = ctx;
    (void)snprintf(cluster->why, sizeof cluster->why, "%.120s", why);
    guide_close(cluster);
    ask_next(cluster);
}

static void on_guide_up(void *ctx)
{
    struct cr_redis_cluster *cluster = ctx;
    if (ask_map(cluster, cluster->guide) != CR_OK) {
        on_guide_down(cluster, "Out of memory while connecting to Redis.");
    }
}

static void ask_next(struct cr_redis_cluster *cluster)
{
    const struct cr_redis_address *address = cluster->options.address;
    unsigned count = cluster->known + address->count;
    if (cluster->asked >= count) {
        cluster_fail(cluster, cluster->why);
        return;
    }
    unsigned index = (cluster->first + cluster->asked++) % count;
    unsigned timeout_ms = cluster->options.timeout_ms / 4;
    const struct cr_redis_conn_options options = {
        .host = index < cluster->known ? &cluster->map.node[index] : &address->host[index - cluster->known],
        .turn = cluster->first,
        .timeout_ms = timeout_ms > GUIDE_MIN_MS ? timeout_ms : GUIDE_MIN_MS,
        .up = on_guide_up,
        .down = on_guide_down,
        .ctx = cluster,
    };
    if (node_connect(cluster, &cluster->guide, &options) != CR_OK) {
        cluster_fail(cluster, "Out of memory while connecting to Redis.");
    }
}

/* ---- the contract ---- */

cr_err cr_redis_cluster_new(struct cr_redis_cluster **out, const struct cr_redis_cluster_options *options)
{
    struct cr_redis_cluster *cluster = calloc(1, sizeof *cluster);
    *out = cluster;
    if (cluster == NULL) {
        return CR_NOMEM;
    }
    cluster->options = *options;
    cluster_routes_init(cluster);
    return CR_OK;
}

void cr_redis_cluster_start(struct cr_redis_cluster *cluster)
{
    if (cluster->phase != CLUSTER_DOWN) {
        return;
    }
    cluster->phase = CLUSTER_ASKING;
    cluster->asked = 0;
    ask_next(cluster);
}

void cr_redis_cluster_close(struct cr_redis_cluster *cluster)
{
    cr_redis_cluster_stop(cluster);
    uv_close((uv_handle_t *)&cluster->later, NULL);
}

void cr_redis_cluster_free(struct cr_redis_cluster *cluster)
{
    free(cluster);
}

void cr_redis_cluster_flush(struct cr_redis_cluster *cluster)
{
    if (cluster->guide != NULL) {
        cr_redis_conn_flush(cluster->guide);
    }
    for (unsigned i = 0; i < cluster->node_count; i++) {
        cr_redis_conn_flush(cluster->node[i].conn);
    }
}
