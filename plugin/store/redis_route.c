/* How a command finds the primary of a Redis Cluster that owns its slot. Each is kept as it goes over the wire until
 * its answer comes, since it may have to be sent again:
 *     MOVED        the slot is another's now: sent there; the whole map is asked for anew
 *     ASK          this one key has moved already: sent there after ASKING
 *     TRYAGAIN, CLUSTERDOWN   not now: sent again a little later, until its time is over; then the error is the answer */
#include "plugin/store/redis_cluster_inside.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { LATER_MS = 20, HOPS_MAX = 8, ERROR_CAP = 100 };

struct cluster_route {
    struct cr_redis_call call;
    struct cr_redis_call *asker; /* NULL: nobody waits */
    struct cr_redis_cluster *cluster;
    struct cluster_route *next;  /* that waits */
    char *text;                  /* the command, hiredis' */
    size_t len;
    unsigned slot;
    unsigned node;               /* where it is, or goes next */
    bool asking;                 /* sent there after ASKING */
    unsigned hops;
    uint64_t until_ms;
    char error[ERROR_CAP];       /* why it waits */
};

static void on_later(uv_timer_t *timer);

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* ---- its end ---- */

static void route_end(struct cluster_route *route, const redisReply *reply)
{
    struct cr_redis_call *asker = route->asker;
    redisFreeCommand(route->text);
    free(route);
    if (asker != NULL) {
        asker->done(asker, reply);
    }
}

static void route_give_up(struct cluster_route *route)
{
    char error[ERROR_CAP];
    memcpy(error, route->error, sizeof error);
    redisReply reply = { .type = REDIS_REPLY_ERROR, .str = error };
    reply.len = strlen(error);
    route_end(route, &reply);
}

/* ---- its way ---- */

static void route_later(struct cluster_route *route)
{
    struct cr_redis_cluster *cluster = route->cluster;
    route->next = NULL;
    *cluster->waiting_tail = route;
    cluster->waiting_tail = &route->next;
    if (!uv_is_active((uv_handle_t *)&cluster->later)) {
        (void)uv_timer_start(&cluster->later, on_later, LATER_MS, 0);
    }
}

static cr_err route_send(struct cluster_route *route)
{
    static const char asking[] = "*1\r\n$6\r\nASKING\r\n";
    struct cluster_node *node = &route->cluster->node[route->node];
    if (route->cluster->phase != CLUSTER_UP || !node->up) {
        return CR_UNAVAILABLE;
    }
    if (route->asking && cr_redis_conn_send_text(node->conn, asking, sizeof asking - 1, NULL) != CR_OK) {
        return CR_UNAVAILABLE;
    }
    return cr_redis_conn_send_text(node->conn, route->text, route->len, &route->call);
}

static void route_go_on(struct cluster_route *route)
{
    if (route_send(route) != CR_OK) {
        route_later(route); /* the node is being connected to, or all is about to end */
    }
}

static void on_later(uv_timer_t *timer)
{
    struct cr_redis_cluster *cluster = timer->data;
    struct cluster_route *list = cluster->waiting;
    uint64_t at_ms = now_ms();
    cluster->waiting = NULL;
    cluster->waiting_tail = &cluster->waiting;
    for (struct cluster_route *route = list, *next; route != NULL; route = next) {
        next = route->next;
        if (cluster->phase != CLUSTER_UP) {
            route_end(route, NULL);
        } else if (route->until_ms <= at_ms) {
            route_give_up(route);
        } else {
            route_go_on(route);
        }
    }
}

static void route_moved(struct cluster_route *route, const struct cr_redis_host *to, unsigned slot)
{
    struct cr_redis_cluster *cluster = route->cluster;
    struct cluster_node *node = cluster_find(cluster, to);
    if (node == NULL) { /* a replica that took over, perhaps: what it may lack is put back first */
        cluster_fail(cluster, "The cluster has another primary now.");
        route_end(route, NULL);
        return;
    }
    route->node = (unsigned)(node - cluster->node);
    route->asking = false;
    cluster->owner[slot] = (uint8_t)route->node;
    cluster_refresh(cluster, node);
    route_go_on(route);
}

static void route_ask(struct cluster_route *route, const struct cr_redis_host *to)
{
    struct cr_redis_cluster *cluster = route->cluster;
    struct cluster_node *node = cluster_find(cluster, to);
    if (node == NULL) {
        node = cluster_add(cluster, to); /* it owns nothing yet: it is not in the map */
    }
    if (node != NULL) {
        route->node = (unsigned)(node - cluster->node);
        route->asking = true;
    }
    route_go_on(route);
}

static void route_answered(struct cr_redis_call *call, const redisReply *reply)
{
    struct cluster_route *route =
        (struct cluster_route *)((char *)call - offsetof(struct cluster_route, call));
    struct cr_redis_cluster *cluster = route->cluster;
    struct cr_redis_host to;
    unsigned slot = 0;
    if (reply == NULL || reply->type != REDIS_REPLY_ERROR || cluster->phase != CLUSTER_UP) {
        route_end(route, reply);
        return;
    }
    struct cr_bytes error = { (const uint8_t *)reply->str, (size_t)reply->len };
    enum cr_redis_redirect redirect =
        cr_redis_redirect_read(&to, &slot, error, &cluster->node[route->node].host);
    if (redirect == CR_REDIRECT_NONE || (redirect != CR_REDIRECT_LATER && ++route->hops > HOPS_MAX)) {
        route_end(route, reply);
        return;
    }
    size_t len = error.len < sizeof route->error ? error.len : sizeof route->error - 1;
    memcpy(route->error, error.data, len);
    route->error[len] = '\0';
    switch (redirect) {
    case CR_REDIRECT_MOVED:
        route_moved(route, &to, slot);
        return;
    case CR_REDIRECT_ASK:
        route_ask(route, &to);
        return;
    case CR_REDIRECT_LATER:
    case CR_REDIRECT_NONE:
        route->node = cluster->owner[route->slot];
        route->asking = false;
        route_later(route);
        return;
    }
}

/* ---- where it begins ---- */

/* data NULL: it has none. */
static struct cr_bytes key_of(const struct cr_args *args)
{
    static const char *const keyless[] = { "SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "PUBLISH",
                                           "PING",      "SCRIPT",     "CONFIG",      "INFO",         "TIME" };
    const char *name = args->arg[0];
    unsigned at = 1;
    if ((args->len[0] == strlen("EVALSHA") && memcmp(name, "EVALSHA", args->len[0]) == 0) ||
        (args->len[0] == strlen("EVAL") && memcmp(name, "EVAL", args->len[0]) == 0)) {
        at = args->count > 2 && args->len[2] == 1 && args->arg[2][0] == '0' ? args->count : 3;
    }
    for (size_t i = 0; i < sizeof keyless / sizeof keyless[0]; i++) {
        if (args->len[0] == strlen(keyless[i]) && memcmp(name, keyless[i], args->len[0]) == 0) {
            at = args->count;
        }
    }
    if (at >= args->count) {
        return (struct cr_bytes){ NULL, 0 };
    }
    return (struct cr_bytes){ (const uint8_t *)args->arg[at], args->len[at] };
}

cr_err cr_redis_cluster_send(struct cr_redis_cluster *cluster, const struct cr_args *args, struct cr_redis_call *call)
{
    struct cr_bytes key = key_of(args);
    if (cluster->phase != CLUSTER_UP || args->overflow) {
        return CR_UNAVAILABLE;
    }
    if (key.data == NULL) {
        return cr_redis_cluster_send_part(cluster, 0, args, call);
    }
    struct cluster_route *route = calloc(1, sizeof *route);
    if (route == NULL) {
        return CR_UNAVAILABLE;
    }
    const char **arg = (const char **)args->arg; /* hiredis' own idea of const */
    long long len = redisFormatCommandArgv(&route->text, (int)args->count, arg, args->len);
    if (len < 0) {
        free(route);
        return CR_UNAVAILABLE;
    }
    route->call.done = route_answered;
    route->asker = call;
    route->cluster = cluster;
    route->len = (size_t)len;
    route->slot = cr_redis_slot(key);
    route->node = cluster->owner[route->slot];
    route->until_ms = now_ms() + cluster->options.timeout_ms;
    cr_err err = route_send(route);
    if (call != NULL) {
        call->sent_ns = route->call.sent_ns;
    }
    if (err != CR_OK) {
        redisFreeCommand(route->text);
        free(route);
    }
    return err;
}

cr_err cr_redis_cluster_send_part(struct cr_redis_cluster *cluster, unsigned part, const struct cr_args *args,
                                  struct cr_redis_call *call)
{
    if (cluster->phase != CLUSTER_UP || part >= cluster->node_count || !cluster->node[part].up) {
        return CR_UNAVAILABLE;
    }
    return cr_redis_conn_send(cluster->node[part].conn, args, call);
}

unsigned cr_redis_cluster_parts(const struct cr_redis_cluster *cluster)
{
    return cluster->node_count;
}

/* ---- all of them ---- */

void cluster_routes_init(struct cr_redis_cluster *cluster)
{
    (void)uv_timer_init(cluster->options.loop, &cluster->later);
    cluster->later.data = cluster;
    cluster->waiting_tail = &cluster->waiting;
}

void cluster_routes_end(struct cr_redis_cluster *cluster)
{
    if (!uv_is_closing((uv_handle_t *)&cluster->later)) {
        (void)uv_timer_stop(&cluster->later);
    }
    while (cluster->waiting != NULL) {
        struct cluster_route *route = cluster->waiting;
        cluster->waiting = route->next;
        if (cluster->waiting == NULL) {
            cluster->waiting_tail = &cluster->waiting;
        }
        route_end(route, NULL);
    }
}
