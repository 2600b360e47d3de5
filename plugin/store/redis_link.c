#include "plugin/store/redis_link.h"

#include "common/random.h"
#include "plugin/store/redis_cluster.h"
#include "plugin/store/redis_sentinel.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 5000,
    SENTINEL_MIN_MS = 100,
    SENTINEL_LOOK_MS = 1000,
};

struct cr_redis_link {
    struct cr_redis_link_options options;
    struct cr_redis_link_stats stats;
    struct cr_redis_tls *tls;       /* NULL: none */
    uv_timer_t timer;               /* back-off; then when to ask Sentinel again */
    struct cr_redis_conn *serving;  /* where commands go; NULL: nowhere, or to the cluster */
    struct cr_redis_conn *conn;     /* to the server, or to the primary; NULL: none */
    struct cr_redis_sentinel *sentinel; /* NULL: none */
    struct cr_redis_cluster *cluster;   /* NULL: none */
    struct cr_redis_call role;
    struct cr_redis_host primary;   /* as Sentinel named it */
    bool trying;                    /* neither closed nor between two attempts */
    bool closed;
    bool served;                    /* since it came up */
    unsigned failures;
    unsigned turn;                  /* of the addresses of a name: what is tried now */
};

/* ---- down ---- */

static void link_connect(struct cr_redis_link *link);

static void on_backoff(uv_timer_t *timer)
{
    link_connect(timer->data);
}

static uint64_t backoff_ms(const struct cr_redis_link *link)
{
    uint64_t wait_ms = BACKOFF_FIRST_MS;
    uint8_t random = 0;
    for (unsigned i = 0; i < link->failures && wait_ms < BACKOFF_MAX_MS; i++) {
        wait_ms *= 2;
    }
    wait_ms = wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS;
    if (cr_random_fill(cr_random_system(), &random, 1) == CR_OK) {
        wait_ms = wait_ms * (192u + random % 128u) / 256u; /* so that brokers do not come back as one */
    }
    return wait_ms;
}

static void link_stop(struct cr_redis_link *link)
{
    struct cr_redis_conn *conn = link->conn;
    link->trying = false;
    link->serving = link->conn = NULL;
    cr_redis_conn_close(conn);
    if (link->sentinel != NULL) {
        cr_redis_sentinel_stop(link->sentinel);
    }
    if (link->cluster != NULL) {
        cr_redis_cluster_stop(link->cluster);
    }
}

static void link_down(struct cr_redis_link *link, const char *why)
{
    if (!link->trying) {
        return;
    }
    link_stop(link);
    if (!link->served) {
        link->turn++;
        if (link->sentinel != NULL) {
            cr_redis_sentinel_doubt(link->sentinel);
        }
    }
    link->served = false;
    (void)uv_timer_start(&link->timer, on_backoff, backoff_ms(link), 0);
    link->failures++;
    link->options.down(link->options.ctx, why);
}

static void on_down(void *ctx, const char *why)
{
    link_down(ctx, why);
}

/* ---- up ---- */

static void link_up(struct cr_redis_link *link)
{
    link->serving = link->conn;
    link->stats.connects++;
    link->options.up(link->options.ctx);
}

/* A primary that was replaced while it lives may serve for ten more seconds before Sentinel gets round to it; all that
 * is written meanwhile is lost there. */
static void on_look(uv_timer_t *timer)
{
    struct cr_redis_link *link = timer->data;
    cr_redis_sentinel_ask(link->sentinel);
}

static void on_role(struct cr_redis_call *call, const redisReply *reply)
{
    struct cr_redis_link *link = (struct cr_redis_link *)((char *)call - offsetof(struct cr_redis_link, role));
    if (reply == NULL || !link->trying) {
        return;
    }
    bool list = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;
    if (list && reply->element[0]->type == REDIS_REPLY_STRING && strcmp(reply->element[0]->str, "master") == 0) {
        (void)uv_timer_start(&link->timer, on_look, SENTINEL_LOOK_MS, SENTINEL_LOOK_MS);
        link_up(link);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        char why[100];
        (void)snprintf(why, sizeof why, "Redis answered: %.70s", reply->str);
        link_down(link, why);
    } else {
        link_down(link, "The server that Sentinel names is not the primary.");
    }
}

static void on_up(void *ctx)
{
    struct cr_redis_link *link = ctx;
    if (link->sentinel == NULL) {
        link_up(link);
        return;
    }
    struct cr_args args;
    cr_args_start(&args, "ROLE");
    link->role.done = on_role;
    if (cr_redis_conn_send(link->conn, &args, &link->role) != CR_OK) {
        link_down(link, "Out of memory while connecting to Redis.");
    }
}

/* ---- connecting ---- */

static void conn_begin(struct cr_redis_link *link, const struct cr_redis_host *host)
{
    const struct cr_redis_link_options *options = &link->options;
    const struct cr_redis_conn_options conn = {
        .loop = options->loop,
        .host = host,
        .unix_socket = options->address.unix_socket,
        .turn = link->turn,
        .tls = link->tls,
        .username = options->username,
        .password = options->password,
        .db = options->address.db,
        .timeout_ms = options->timeout_ms,
        .stats = &link->stats,
        .up = on_up,
        .down = on_down,
        .ctx = link,
    };
    if (cr_redis_conn_new(&link->conn, &conn) != CR_OK) {
        link_down(link, "Out of memory while connecting to Redis.");
    }
}

static void on_primary(void *ctx, const struct cr_redis_host *primary)
{
    struct cr_redis_link *link = ctx;
    bool same = primary->port == link->primary.port && strcmp(primary->name, link->primary.name) == 0;
    if (link->conn == NULL) {
        link->primary = *primary;
        conn_begin(link, primary);
    } else if (!same) {
        link_down(link, "Sentinel names another primary.");
    }
}

static void on_no_primary(void *ctx, const char *why)
{
    struct cr_redis_link *link = ctx;
    if (link->conn == NULL) { /* else the primary serves, whoever watches it */
        link_down(link, why);
    }
}

static void on_cluster_up(void *ctx)
{
    link_up(ctx);
}

static void link_connect(struct cr_redis_link *link)
{
    link->trying = true;
    if (link->cluster != NULL) {
        cr_redis_cluster_start(link->cluster);
    } else if (link->sentinel != NULL) {
        cr_redis_sentinel_ask(link->sentinel);
    } else {
        conn_begin(link, &link->options.address.host[0]);
    }
}

void cr_redis_link_start(struct cr_redis_link *link)
{
    link_connect(link);
}

/* ---- new ---- */

static unsigned sentinel_ms(const struct cr_redis_link_options *options)
{
    return options->timeout_ms / 4 > SENTINEL_MIN_MS ? options->timeout_ms / 4 : SENTINEL_MIN_MS;
}

static cr_err new_sentinel(struct cr_redis_link *link)
{
    const struct cr_redis_sentinel_options sentinel = {
        .loop = link->options.loop,
        .address = &link->options.address,
        .tls = link->tls,
        .username = link->options.username,
        .password = link->options.password,
        .timeout_ms = sentinel_ms(&link->options),
        .found = on_primary,
        .none = on_no_primary,
        .ctx = link,
    };
    return cr_redis_sentinel_new(&link->sentinel, &sentinel);
}

static cr_err new_cluster(struct cr_redis_link *link)
{
    const struct cr_redis_cluster_options cluster = {
        .loop = link->options.loop,
        .address = &link->options.address,
        .tls = link->tls,
        .username = link->options.username,
        .password = link->options.password,
        .timeout_ms = link->options.timeout_ms,
        .stats = &link->stats,
        .up = on_cluster_up,
        .down = on_down,
        .ctx = link,
    };
    return cr_redis_cluster_new(&link->cluster, &cluster);
}

cr_err cr_redis_link_new(struct cr_redis_link **out, const struct cr_redis_link_options *options, char *why,
                         size_t why_cap)
{
    struct cr_redis_link *link = calloc(1, sizeof *link);
    cr_err err = CR_NOMEM;
    *out = NULL;
    (void)snprintf(why, why_cap, "Out of memory.");
    if (link == NULL) {
        return CR_NOMEM;
    }
    link->options = *options;
    if (options->address.tls) {
        CR_TRY(cr_redis_tls_new(&link->tls, options->cafile != NULL ? options->cafile : "", why, why_cap));
    }
    if (options->address.kind == CR_REDIS_SENTINEL) {
        CR_TRY(new_sentinel(link));
    } else if (options->address.kind == CR_REDIS_CLUSTER) {
        CR_TRY(new_cluster(link)); /* the last thing that can fail: it has handles */
    }
    (void)uv_timer_init(options->loop, &link->timer);
    link->timer.data = link;
    *out = link;
    why[0] = '\0';
    return CR_OK;
out:
    cr_redis_link_free(link);
    return err;
}

/* ---- sending ---- */

cr_err cr_redis_link_send(struct cr_redis_link *link, const struct cr_args *args, struct cr_redis_call *call)
{
    if (link->serving != NULL) {
        return cr_redis_conn_send(link->serving, args, call);
    }
    return link->cluster != NULL ? cr_redis_cluster_send(link->cluster, args, call) : CR_UNAVAILABLE;
}

void cr_redis_link_tell(struct cr_redis_link *link, const struct cr_args *args)
{
    if (cr_redis_link_send(link, args, NULL) != CR_OK) {
        link->stats.errors++;
    }
}

unsigned cr_redis_link_parts(const struct cr_redis_link *link)
{
    return link->cluster != NULL ? cr_redis_cluster_parts(link->cluster) : 1;
}

cr_err cr_redis_link_send_part(struct cr_redis_link *link, unsigned part, const struct cr_args *args,
                               struct cr_redis_call *call)
{
    return link->cluster != NULL ? cr_redis_cluster_send_part(link->cluster, part, args, call)
                                 : cr_redis_link_send(link, args, call);
}

void cr_redis_link_flush(struct cr_redis_link *link)
{
    if (link->conn != NULL) {
        cr_redis_conn_flush(link->conn);
    }
    if (link->sentinel != NULL) {
        cr_redis_sentinel_flush(link->sentinel);
    }
    if (link->cluster != NULL) {
        cr_redis_cluster_flush(link->cluster);
    }
}

/* ---- the rest of the contract ---- */

void cr_redis_link_drop(struct cr_redis_link *link, const char *why)
{
    link_down(link, why);
}

void cr_redis_link_good(struct cr_redis_link *link)
{
    link->failures = 0;
    link->served = true;
}

unsigned cr_redis_link_failures(const struct cr_redis_link *link)
{
    return link->failures;
}

struct cr_redis_link_stats cr_redis_link_stats(const struct cr_redis_link *link)
{
    return link->stats;
}

void cr_redis_link_close(struct cr_redis_link *link)
{
    if (link->closed) {
        return;
    }
    link->closed = true;
    link_stop(link);
    if (link->cluster != NULL) {
        cr_redis_cluster_close(link->cluster);
    }
    uv_close((uv_handle_t *)&link->timer, NULL);
}

void cr_redis_link_free(struct cr_redis_link *link)
{
    if (link == NULL) {
        return;
    }
    cr_redis_sentinel_free(link->sentinel);
    cr_redis_cluster_free(link->cluster);
    cr_redis_tls_free(link->tls);
    free(link);
}
