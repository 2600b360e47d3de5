#include "plugin/store/redis_conn.h"

#include "plugin/store/redis_poll.h"

#include <netdb.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_CAP = 256 };

struct cr_redis_conn {
    struct cr_redis_conn_options options;
    struct cr_redis_host host;
    redisAsyncContext *context; /* NULL: none */
    struct cr_redis_poll *poll; /* the context's */
    bool connected;             /* the context's socket is */
    bool risen;                 /* up() was called */
    bool answered;              /* something came back on it */
    bool ended;                 /* down() was called, or will be by the timer */
    bool closed, timer_closed;
    uv_timer_t timer;           /* looks how long nothing was answered, four times per timeout */
    uv_getaddrinfo_t lookup;
    bool looking_up;
    unsigned waiting;           /* commands that were not answered */
    uint64_t progress_ms;       /* when something was last answered, or began to wait */
    struct cr_redis_call access; /* AUTH, SELECT */
    char why[WHY_CAP];
};

/* ---- its end ---- */

static void let_go(struct cr_redis_conn *conn)
{
    redisAsyncContext *context = conn->context;
    conn->context = NULL;
    conn->connected = false;
    if (context != NULL) {
        redisAsyncFree(context); /* tells the calls, now or when the callback we are in returns */
    }
}

/* Tells the owner. `why` may be in conn->why. */
static void end_now(struct cr_redis_conn *conn, const char *why)
{
    if (conn->ended) {
        return;
    }
    conn->ended = true;
    (void)uv_timer_stop(&conn->timer);
    let_go(conn);
    if (!conn->closed) {
        conn->options.down(conn->options.ctx, why);
    }
}

static void on_ended(uv_timer_t *timer)
{
    struct cr_redis_conn *conn = timer->data;
    conn->options.down(conn->options.ctx, conn->why);
}

/* Tells the owner at the loop's next turn. */
/* format NULL: conn->why was said. */
static void CR_PRINTF(2, 3) end_soon(struct cr_redis_conn *conn, const char *format, ...)
{
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(conn->why, sizeof conn->why, format, args);
        va_end(args);
    }
    conn->ended = true;
    let_go(conn);
    (void)uv_timer_start(&conn->timer, on_ended, 0, 0);
}

static void free_when_done(struct cr_redis_conn *conn)
{
    if (conn->timer_closed && !conn->looking_up) {
        free(conn);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct cr_redis_conn *conn = handle->data;
    conn->timer_closed = true;
    free_when_done(conn);
}

void cr_redis_conn_close(struct cr_redis_conn *conn)
{
    if (conn == NULL || conn->closed) {
        return;
    }
    conn->closed = true;
    if (conn->looking_up) {
        (void)uv_cancel((uv_req_t *)&conn->lookup);
    }
    uv_close((uv_handle_t *)&conn->timer, on_timer_closed);
    let_go(conn);
}

/* ---- answers ---- */

static void on_reply(redisAsyncContext *context, void *data, void *privdata)
{
    struct cr_redis_conn *conn = context->data;
    const redisReply *reply = data;
    struct cr_redis_call *call = privdata;
    uint64_t now_ns = uv_hrtime();
    if (conn->waiting > 0) {
        conn->waiting--;
    }
    conn->progress_ms = now_ns / 1000000;
    conn->answered = conn->answered || reply != NULL;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && conn->options.stats != NULL) {
        conn->options.stats->errors++;
    }
    if (call != NULL) {
        if (reply != NULL && conn->options.stats != NULL) {
            conn->options.stats->latency_us = (unsigned)((now_ns - call->sent_ns) / 1000);
        }
        call->done(call, reply);
    }
}

/* ---- password and database ---- */

static void on_access(struct cr_redis_call *call, const redisReply *reply)
{
    struct cr_redis_conn *conn =
        (struct cr_redis_conn *)((char *)call - offsetof(struct cr_redis_conn, access));
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && !conn->closed) {
        (void)snprintf(conn->why, sizeof conn->why, "Redis answered: %.70s", reply->str);
        end_now(conn, conn->why);
    }
}

static void ask_access(struct cr_redis_conn *conn)
{
    const struct cr_redis_conn_options *options = &conn->options;
    struct cr_args args;
    conn->access.done = on_access;
    cr_err err = CR_OK;
    if (options->password != NULL && options->password[0] != '\0') {
        cr_args_start(&args, "AUTH");
        if (options->username != NULL && options->username[0] != '\0') {
            cr_args_text(&args, options->username);
        }
        cr_args_text(&args, options->password);
        err = cr_redis_conn_send(conn, &args, &conn->access);
    }
    if (err == CR_OK && options->db != 0) {
        cr_args_start(&args, "SELECT");
        cr_args_number(&args, options->db);
        err = cr_redis_conn_send(conn, &args, &conn->access);
    }
    if (err != CR_OK) {
        end_soon(conn, "Out of memory while connecting to Redis.");
    }
}

/* ---- connecting ---- */

static void on_watch(uv_timer_t *timer)
{
    struct cr_redis_conn *conn = timer->data;
    if (conn->connected && !conn->risen) { /* not told in hiredis' callback: there its context must not be given up */
        conn->risen = true;
        ask_access(conn);
        if (!conn->ended) {
            conn->options.up(conn->options.ctx);
        }
        return;
    }
    uint64_t since_ms = uv_hrtime() / 1000000 - conn->progress_ms;
    if ((conn->waiting > 0 || !conn->connected) && since_ms >= conn->options.timeout_ms) {
        end_now(conn, "Redis did not answer in time."); /* always the same words: it is logged once */
    }
}

static void say_unreachable(struct cr_redis_conn *conn, const char *problem)
{
    if (conn->options.unix_socket) {
        (void)snprintf(conn->why, sizeof conn->why, "Redis cannot be reached at %.108s: %.100s.", conn->host.name,
                       problem);
    } else {
        (void)snprintf(conn->why, sizeof conn->why, "Redis cannot be reached at %.108s, port %u: %.80s.",
                       conn->host.name, (unsigned)conn->host.port, problem);
    }
}

static void on_connected(const redisAsyncContext *context, int status)
{
    struct cr_redis_conn *conn = context->data;
    if (context != conn->context) {
        return;
    }
    if (status != REDIS_OK) {
        say_unreachable(conn, context->errstr);
        conn->context = NULL; /* hiredis frees it when this returns */
        end_now(conn, conn->why);
        return;
    }
    conn->connected = true;
    conn->progress_ms = uv_hrtime() / 1000000;
    cr_redis_poll_connected(conn->poll);
    (void)uv_timer_start(&conn->timer, on_watch, 0, conn->options.timeout_ms / 4 + 1);
}

static void on_disconnected(const redisAsyncContext *context, int status)
{
    struct cr_redis_conn *conn = context->data;
    if (context != conn->context) {
        return; /* given up by ourselves */
    }
    conn->context = NULL;
    bool tls = conn->options.tls != NULL && !conn->answered; /* most likely the handshake failed */
    (void)snprintf(conn->why, sizeof conn->why, "The connection to Redis was lost: %s.",
                   tls ? "no TLS handshake; look at redis_cafile and at the name in Redis' certificate"
                   : status == REDIS_OK || context->errstr == NULL ? "it was closed"
                                                                   : context->errstr);
    end_now(conn, conn->why);
}

/* host: an address; NULL: a unix socket. */
static void conn_open(struct cr_redis_conn *conn, const char *host)
{
    redisAsyncContext *context = host == NULL ? redisAsyncConnectUnix(conn->host.name)
                                              : redisAsyncConnect(host, (int)conn->host.port);
    if (context == NULL) {
        end_soon(conn, "Out of memory while connecting to Redis.");
        return;
    }
    context->data = conn;
    if (context->err != 0 || cr_redis_poll_attach(&conn->poll, context, conn->options.loop) != CR_OK) {
        say_unreachable(conn, context->err != 0 ? context->errstr : "no resources");
        end_soon(conn, NULL);
        redisAsyncFree(context);
        return;
    }
    conn->context = context;
    if (host != NULL) {
        (void)redisEnableKeepAlive(&context->c);
    }
    if (conn->options.tls != NULL && cr_redis_tls_begin(conn->options.tls, &context->c, conn->host.name) != CR_OK) {
        end_soon(conn, "Redis cannot be reached, or TLS cannot begin.");
        return;
    }
    (void)redisAsyncSetDisconnectCallback(context, on_disconnected);
    (void)redisAsyncSetConnectCallback(context, on_connected);
}

/* A name may have several addresses, and not all need to serve ("localhost" has two). */
static const struct addrinfo *choose(const struct addrinfo *found, unsigned turn)
{
    unsigned count = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        count++;
    }
    for (unsigned i = 0; count > 0 && i < turn % count; i++) {
        found = found->ai_next;
    }
    return found;
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct cr_redis_conn *conn = lookup->data;
    char host[NI_MAXHOST];
    conn->looking_up = false;
    if (conn->closed) {
        uv_freeaddrinfo(found);
        free_when_done(conn);
        return;
    }
    const struct addrinfo *chosen = status == 0 ? choose(found, conn->options.turn) : NULL;
    if (conn->ended) {
        /* it took too long */
    } else if (chosen == NULL ||
               getnameinfo(chosen->ai_addr, chosen->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0) {
        end_soon(conn, "The name of Redis' host cannot be resolved: %s.",
                 status != 0 ? uv_strerror(status) : "no address");
    } else {
        conn_open(conn, host);
    }
    uv_freeaddrinfo(found);
}

cr_err cr_redis_conn_new(struct cr_redis_conn **out, const struct cr_redis_conn_options *options)
{
    struct cr_redis_conn *conn = calloc(1, sizeof *conn);
    *out = NULL;
    if (conn == NULL) {
        return CR_NOMEM;
    }
    conn->options = *options;
    conn->host = *options->host;
    conn->options.host = &conn->host;
    (void)uv_timer_init(options->loop, &conn->timer);
    conn->timer.data = conn;
    conn->progress_ms = uv_hrtime() / 1000000;
    uint64_t look_ms = options->timeout_ms / 4 + 1;
    (void)uv_timer_start(&conn->timer, on_watch, look_ms, look_ms);
    *out = conn;
    if (options->unix_socket) {
        conn_open(conn, NULL);
        return CR_OK;
    }
    /* hiredis would resolve the name itself, and wait for it. */
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    conn->lookup.data = conn;
    conn->looking_up = true;
    if (uv_getaddrinfo(options->loop, &conn->lookup, on_looked_up, conn->host.name, NULL, &hints) != 0) {
        conn->looking_up = false;
        end_soon(conn, "The name of Redis' host cannot be resolved.");
    }
    return CR_OK;
}

/* ---- sending ---- */

static cr_err sent(struct cr_redis_conn *conn, int status, struct cr_redis_call *call)
{
    if (status != REDIS_OK) {
        return CR_UNAVAILABLE;
    }
    uint64_t now_ns = uv_hrtime();
    if (call != NULL) {
        call->sent_ns = now_ns;
    }
    if (conn->waiting++ == 0) {
        conn->progress_ms = now_ns / 1000000;
    }
    if (conn->options.stats != NULL) {
        conn->options.stats->commands++;
    }
    return CR_OK;
}

cr_err cr_redis_conn_send(struct cr_redis_conn *conn, const struct cr_args *args, struct cr_redis_call *call)
{
    if (!conn->connected || args->overflow) {
        return CR_UNAVAILABLE;
    }
    const char **arg = (const char **)args->arg; /* hiredis' own idea of const */
    return sent(conn, redisAsyncCommandArgv(conn->context, on_reply, call, (int)args->count, arg, args->len), call);
}

cr_err cr_redis_conn_send_text(struct cr_redis_conn *conn, const char *text, size_t len, struct cr_redis_call *call)
{
    if (!conn->connected) {
        return CR_UNAVAILABLE;
    }
    return sent(conn, redisAsyncFormattedCommand(conn->context, on_reply, call, text, len), call);
}

void cr_redis_conn_flush(struct cr_redis_conn *conn)
{
    if (conn->connected) {
        cr_redis_poll_flush(conn->poll);
    }
}

const struct cr_redis_host *cr_redis_conn_host(const struct cr_redis_conn *conn)
{
    return &conn->host;
}
