#include "plugin/store/redis_sentinel.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cr_redis_sentinel {
    struct cr_redis_sentinel_options options;
    struct cr_redis_conn *conn; /* to the one that is asked, or was last; NULL: none */
    bool up;                    /* the connection is */
    bool asking;
    struct cr_redis_call call, access;
    unsigned next;              /* to be asked */
    unsigned asked;             /* so far, this time */
    bool admitted;              /* the password was sent */
    char why[160];              /* the last one did not answer */
};

static void ask_next(struct cr_redis_sentinel *sentinel);

/* ---- an answer ---- */

static struct cr_bytes text_of(const redisReply *reply)
{
    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        return (struct cr_bytes){ NULL, 0 };
    }
    return (struct cr_bytes){ (const uint8_t *)reply->str, (size_t)reply->len };
}

cr_err cr_redis_sentinel_read(struct cr_redis_host *primary, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL || (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0)) {
        return CR_NOT_FOUND;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        return CR_INVALID;
    }
    struct cr_bytes name = text_of(reply->element[0]), port = text_of(reply->element[1]);
    if (name.len == 0 || name.len >= sizeof primary->name || memchr(name.data, '\0', name.len) != NULL ||
        port.len == 0 || port.len > 5) {
        return CR_INVALID;
    }
    memcpy(primary->name, name.data, name.len);
    primary->name[name.len] = '\0';
    primary->port = 0;
    for (size_t i = 0; i < port.len; i++) {
        if (port.data[i] < '0' || port.data[i] > '9') {
            return CR_INVALID;
        }
        primary->port = primary->port * 10 + port.data[i] - '0';
    }
    return primary->port > 0 && primary->port <= CR_REDIS_PORT_MAX ? CR_OK : CR_INVALID;
}

/* ---- asking ---- */

static void try_another(struct cr_redis_sentinel *sentinel)
{
    cr_redis_sentinel_doubt(sentinel);
    ask_next(sentinel);
}

static cr_err ask(struct cr_redis_sentinel *sentinel)
{
    struct cr_args args;
    cr_args_start(&args, "SENTINEL");
    cr_args_text(&args, "get-master-addr-by-name");
    cr_args_text(&args, sentinel->options.address->service);
    return cr_redis_conn_send(sentinel->conn, &args, &sentinel->call);
}

static void on_admitted(struct cr_redis_call *call, const redisReply *reply)
{
    (void)call; /* if it was refused, the question that follows is as well */
    (void)reply;
}

static cr_err ask_with_password(struct cr_redis_sentinel *sentinel)
{
    struct cr_args args;
    sentinel->admitted = true;
    sentinel->access.done = on_admitted;
    cr_args_start(&args, "AUTH");
    if (sentinel->options.username != NULL && sentinel->options.username[0] != '\0') {
        cr_args_text(&args, sentinel->options.username);
    }
    cr_args_text(&args, sentinel->options.password);
    cr_err err = cr_redis_conn_send(sentinel->conn, &args, &sentinel->access);
    return err == CR_OK ? ask(sentinel) : err;
}

static bool wants_password(const struct cr_redis_sentinel *sentinel, const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0 && !sentinel->admitted &&
           sentinel->options.password != NULL && sentinel->options.password[0] != '\0';
}

static void on_answer(struct cr_redis_call *call, const redisReply *reply)
{
    struct cr_redis_sentinel *sentinel =
        (struct cr_redis_sentinel *)((char *)call - offsetof(struct cr_redis_sentinel, call));
    struct cr_redis_host primary;
    if (reply == NULL || !sentinel->asking) {
        return; /* on_down follows, or it was stopped */
    }
    if (wants_password(sentinel, reply) && ask_with_password(sentinel) == CR_OK) {
        return;
    }
    cr_err err = cr_redis_sentinel_read(&primary, reply);
    if (err == CR_OK) {
        sentinel->asking = false;
        sentinel->options.found(sentinel->options.ctx, &primary);
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        (void)snprintf(sentinel->why, sizeof sentinel->why, "it answered: %.70s", reply->str);
    } else {
        (void)snprintf(sentinel->why, sizeof sentinel->why, "it %s",
                       err == CR_NOT_FOUND ? "does not know that name" : "gave an answer that is none");
    }
    try_another(sentinel);
}

static void on_up(void *ctx)
{
    struct cr_redis_sentinel *sentinel = ctx;
    sentinel->up = true;
    if (ask(sentinel) != CR_OK) {
        try_another(sentinel);
    }
}

static void on_down(void *ctx, const char *why)
{
    struct cr_redis_sentinel *sentinel = ctx;
    (void)snprintf(sentinel->why, sizeof sentinel->why, "%.120s", why);
    if (sentinel->asking) {
        try_another(sentinel);
    } else {
        cr_redis_sentinel_stop(sentinel);
    }
}

static void ask_next(struct cr_redis_sentinel *sentinel)
{
    const struct cr_redis_sentinel_options *options = &sentinel->options;
    if (sentinel->asked < options->address->count) {
        sentinel->asked++;
        sentinel->admitted = false;
        sentinel->call.done = on_answer;
        const struct cr_redis_conn_options conn = {
            .loop = options->loop,
            .host = &options->address->host[sentinel->next],
            .tls = options->tls,
            .timeout_ms = options->timeout_ms,
            .up = on_up,
            .down = on_down,
            .ctx = sentinel,
        };
        if (cr_redis_conn_new(&sentinel->conn, &conn) == CR_OK) {
            return;
        }
    }
    char why[300];
    sentinel->asking = false;
    (void)snprintf(why, sizeof why, "No Sentinel names a primary of %s; the last: %s", options->address->service,
                   sentinel->why);
    options->none(options->ctx, why);
}

/* ---- the contract ---- */

cr_err cr_redis_sentinel_new(struct cr_redis_sentinel **out, const struct cr_redis_sentinel_options *options)
{
    struct cr_redis_sentinel *sentinel = calloc(1, sizeof *sentinel);
    *out = sentinel;
    if (sentinel == NULL) {
        return CR_NOMEM;
    }
    sentinel->options = *options;
    return CR_OK;
}

void cr_redis_sentinel_ask(struct cr_redis_sentinel *sentinel)
{
    if (sentinel->asking) {
        return;
    }
    sentinel->asking = true;
    if (sentinel->up) {
        sentinel->asked = 0; /* whoever is asked again does not count */
        if (ask(sentinel) != CR_OK) {
            try_another(sentinel);
        }
        return;
    }
    cr_redis_sentinel_stop(sentinel);
    sentinel->asking = true;
    sentinel->asked = 0;
    ask_next(sentinel);
}

void cr_redis_sentinel_flush(struct cr_redis_sentinel *sentinel)
{
    if (sentinel->conn != NULL) {
        cr_redis_conn_flush(sentinel->conn);
    }
}

static void hang_up(struct cr_redis_sentinel *sentinel)
{
    struct cr_redis_conn *conn = sentinel->conn;
    sentinel->conn = NULL;
    sentinel->up = false;
    cr_redis_conn_close(conn);
}

void cr_redis_sentinel_doubt(struct cr_redis_sentinel *sentinel)
{
    hang_up(sentinel);
    sentinel->next = (sentinel->next + 1) % sentinel->options.address->count;
}

void cr_redis_sentinel_stop(struct cr_redis_sentinel *sentinel)
{
    sentinel->asking = false;
    hang_up(sentinel);
}

void cr_redis_sentinel_free(struct cr_redis_sentinel *sentinel)
{
    free(sentinel);
}
