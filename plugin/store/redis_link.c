#include "plugin/store/redis_link.h"

#include "common/random.h"
#include "plugin/store/redis_poll.h"
#include "plugin/store/redis_tls.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 5000,
    UNREACHABLE_CAP = 256,
};

struct cr_redis_link {
    struct cr_redis_link_options options;
    redisAsyncContext *context; /* NULL: none */
    bool connected;             /* the context's socket is */
    bool answered;              /* something came back on it */
    bool rising, fell;          /* up() runs; it was told to drop the connection meanwhile */
    struct cr_redis_poll *poll; /* the context's */
    bool closed;
    uv_timer_t timer;           /* back-off; then how long nothing was answered */
    uv_getaddrinfo_t lookup;
    bool looking_up;
    unsigned failures;
    unsigned choice, attempt;   /* of the addresses of a name: what served last, what is tried now */
    unsigned waiting;           /* commands that were not answered */
    uint64_t progress_ms;       /* when something was last answered, or began to wait */
    struct cr_redis_link_stats stats;
    struct cr_redis_tls *tls;   /* NULL: none */
};

static void link_connect(struct cr_redis_link *link);
static void link_down(struct cr_redis_link *link, const char *why);

/* ---- answers ---- */

static void on_reply(redisAsyncContext *context, void *data, void *privdata)
{
    struct cr_redis_link *link = context->data;
    const redisReply *reply = data;
    struct cr_redis_call *call = privdata;
    uint64_t now_ns = uv_hrtime();
    if (link->waiting > 0) {
        link->waiting--;
    }
    link->progress_ms = now_ns / 1000000;
    link->answered = link->answered || reply != NULL;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        link->stats.errors++;
    }
    if (call != NULL) {
        if (reply != NULL) {
            link->stats.latency_us = (unsigned)((now_ns - call->sent_ns) / 1000);
        }
        call->done(call, reply);
    }
}

/* ---- connecting ---- */

static void link_unreachable(char why[UNREACHABLE_CAP], const struct cr_redis_link *link, const char *problem)
{
    const struct cr_redis_address *address = &link->options.address;
    if (address->unix_socket) {
        snprintf(why, UNREACHABLE_CAP, "Redis cannot be reached at %.108s: %.100s.", address->host, problem);
    } else {
        snprintf(why, UNREACHABLE_CAP, "Redis cannot be reached at %.108s, port %u: %.80s.", address->host,
                 (unsigned)address->port, problem);
    }
}

static void on_connected(const redisAsyncContext *context, int status)
{
    struct cr_redis_link *link = context->data;
    if (context != link->context) {
        return;
    }
    if (status != REDIS_OK) {
        char why[UNREACHABLE_CAP];
        link_unreachable(why, link, context->errstr);
        link->context = NULL; /* hiredis frees it when this returns */
        link_down(link, why);
        return;
    }
    link->connected = true;
    cr_redis_poll_connected(link->poll);
    link->stats.connects++;
    link->progress_ms = uv_hrtime() / 1000000;
    link->rising = true;
    link->options.up(link->options.ctx);
    link->rising = false;
}

static void on_disconnected(const redisAsyncContext *context, int status)
{
    struct cr_redis_link *link = context->data;
    char why[160];
    if (context != link->context) {
        return; /* given up by ourselves */
    }
    link->context = NULL;
    bool tls = link->tls != NULL && !link->answered; /* most likely the handshake failed */
    snprintf(why, sizeof why, "The connection to Redis was lost: %s.",
             tls ? "no TLS handshake; look at redis_cafile and at the name in Redis' certificate"
             : status == REDIS_OK || context->errstr == NULL ? "it was closed"
                                                             : context->errstr);
    link_down(link, why);
}

/* How long nothing was answered, looked at four times per timeout. */
static void on_watch(uv_timer_t *timer)
{
    struct cr_redis_link *link = timer->data;
    uint64_t now_ms = uv_hrtime() / 1000000;
    uint64_t since_ms = now_ms - link->progress_ms;
    if ((link->waiting > 0 || !link->connected) && since_ms >= link->options.timeout_ms) {
        cr_redis_link_drop(link, "Redis did not answer in time."); /* always the same words: it is logged once */
    }
}

static void on_backoff(uv_timer_t *timer)
{
    link_connect(timer->data);
}

static void link_down(struct cr_redis_link *link, const char *why)
{
    link->connected = false;
    link->waiting = 0;
    if (link->closed) {
        return;
    }
    uint64_t wait_ms = BACKOFF_FIRST_MS;
    for (unsigned i = 0; i < link->failures && wait_ms < BACKOFF_MAX_MS; i++) {
        wait_ms *= 2;
    }
    wait_ms = wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS;
    uint8_t random = 0;
    if (cr_random_fill(cr_random_system(), &random, 1) == CR_OK) {
        wait_ms = wait_ms * (192u + random % 128u) / 256u; /* so that brokers do not come back as one */
    }
    link->failures++;
    (void)uv_timer_start(&link->timer, on_backoff, wait_ms, 0);
    link->options.down(link->options.ctx, why);
}

static void link_open(struct cr_redis_link *link, const char *host)
{
    const struct cr_redis_address *address = &link->options.address;
    redisAsyncContext *context = address->unix_socket ? redisAsyncConnectUnix(address->host)
                                                      : redisAsyncConnect(host, (int)address->port);
    if (context == NULL) {
        link_down(link, "Out of memory while connecting to Redis.");
        return;
    }
    context->data = link;
    if (context->err != 0 || cr_redis_poll_attach(&link->poll, context, link->options.loop) != CR_OK) {
        char why[UNREACHABLE_CAP];
        link_unreachable(why, link, context->err != 0 ? context->errstr : "no resources");
        redisAsyncFree(context);
        link_down(link, why);
        return;
    }
    link->context = context;
    link->connected = link->answered = false;
    link->progress_ms = uv_hrtime() / 1000000;
    if (!address->unix_socket) {
        (void)redisEnableKeepAlive(&context->c);
    }
    if (link->tls != NULL && cr_redis_tls_begin(link->tls, &context->c, address->host) != CR_OK) {
        cr_redis_link_drop(link, "Redis cannot be reached, or TLS cannot begin.");
        return;
    }
    (void)redisAsyncSetDisconnectCallback(context, on_disconnected);
    (void)redisAsyncSetConnectCallback(context, on_connected);
    uint64_t look_ms = link->options.timeout_ms / 4 + 1;
    (void)uv_timer_start(&link->timer, on_watch, look_ms, look_ms);
}

/* A name may have several addresses, and not all need to serve ("localhost" has two): each attempt takes the next one. */
static const struct addrinfo *link_choose(struct cr_redis_link *link, const struct addrinfo *found)
{
    unsigned count = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        count++;
    }
    link->attempt = count > 0 ? (link->choice + link->failures) % count : 0;
    for (unsigned i = 0; i < link->attempt; i++) {
        found = found->ai_next;
    }
    return found;
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct cr_redis_link *link = lookup->data;
    char host[NI_MAXHOST];
    link->looking_up = false;
    if (link->closed) {
        uv_freeaddrinfo(found);
        return;
    }
    const struct addrinfo *chosen = status == 0 ? link_choose(link, found) : NULL;
    if (chosen == NULL ||
        getnameinfo(chosen->ai_addr, chosen->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0) {
        char why[160];
        snprintf(why, sizeof why, "The name of Redis' host cannot be resolved: %s.",
                 status != 0 ? uv_strerror(status) : "no address");
        link_down(link, why);
    } else {
        link_open(link, host);
    }
    uv_freeaddrinfo(found);
}

static void link_connect(struct cr_redis_link *link)
{
    if (link->options.address.unix_socket) {
        link_open(link, NULL);
        return;
    }
    /* hiredis would resolve the name itself, and wait for it. */
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    link->lookup.data = link;
    link->looking_up = true;
    int status =
        uv_getaddrinfo(link->options.loop, &link->lookup, on_looked_up, link->options.address.host, NULL, &hints);
    if (status != 0) {
        link->looking_up = false;
        link_down(link, "The name of Redis' host cannot be resolved.");
    }
}

/* ---- the rest of the contract ---- */

cr_err cr_redis_link_new(struct cr_redis_link **out, const struct cr_redis_link_options *options, char *why,
                         size_t why_cap)
{
    struct cr_redis_link *link = calloc(1, sizeof *link);
    *out = NULL;
    if (link == NULL) {
        snprintf(why, why_cap, "Out of memory.");
        return CR_NOMEM;
    }
    link->options = *options;
    if (options->address.tls) {
        cr_err err = cr_redis_tls_new(&link->tls, options->cafile != NULL ? options->cafile : "", why, why_cap);
        if (err != CR_OK) {
            free(link);
            return err;
        }
    }
    (void)uv_timer_init(options->loop, &link->timer);
    link->timer.data = link;
    *out = link;
    return CR_OK;
}

void cr_redis_link_start(struct cr_redis_link *link)
{
    link_connect(link);
}

static void link_sent(struct cr_redis_link *link, struct cr_redis_call *call)
{
    uint64_t now_ns = uv_hrtime();
    if (call != NULL) {
        call->sent_ns = now_ns;
    }
    if (link->waiting++ == 0) {
        link->progress_ms = now_ns / 1000000;
    }
    link->stats.commands++;
}

cr_err cr_redis_link_send(struct cr_redis_link *link, const struct cr_args *args, struct cr_redis_call *call)
{
    if (link->context == NULL || !link->connected || args->overflow) {
        return CR_UNAVAILABLE;
    }
    const char **arg = (const char **)args->arg; /* hiredis' own idea of const */
    if (redisAsyncCommandArgv(link->context, on_reply, call, (int)args->count, arg, args->len) != REDIS_OK) {
        return CR_UNAVAILABLE;
    }
    link_sent(link, call);
    return CR_OK;
}

void cr_redis_link_tell(struct cr_redis_link *link, const struct cr_args *args)
{
    if (cr_redis_link_send(link, args, NULL) != CR_OK) {
        link->stats.errors++;
    }
}

void cr_redis_link_flush(struct cr_redis_link *link)
{
    if (link->fell) {
        link->fell = false;
        cr_redis_link_drop(link, "The connection to Redis could not be used.");
    } else if (link->context != NULL && link->connected) {
        cr_redis_poll_flush(link->poll);
    }
}

void cr_redis_link_drop(struct cr_redis_link *link, const char *why)
{
    redisAsyncContext *context = link->context;
    if (context == NULL) {
        return;
    }
    if (link->rising) {
        link->fell = true; /* hiredis goes on with the context when we return: at the next flush */
        return;
    }
    link->context = NULL;
    redisAsyncFree(context); /* tells the calls, now or when the callback we are in returns */
    link_down(link, why);
}

void cr_redis_link_good(struct cr_redis_link *link)
{
    link->failures = 0;
    link->choice = link->attempt;
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
    redisAsyncContext *context = link->context;
    link->context = NULL;
    if (context != NULL) {
        redisAsyncFree(context);
    }
    if (link->looking_up) {
        (void)uv_cancel((uv_req_t *)&link->lookup);
    }
    uv_close((uv_handle_t *)&link->timer, NULL);
}

void cr_redis_link_free(struct cr_redis_link *link)
{
    if (link == NULL) {
        return;
    }
    cr_redis_tls_free(link->tls);
    free(link);
}
