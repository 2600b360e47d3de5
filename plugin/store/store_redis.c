#include "plugin/store/redis_store.h"

#include "plugin/handoff/thread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

enum { BEAT_MS = 1000 };

static struct cr_redis_store *redis_of(struct cr_store *store)
{
    return (struct cr_redis_store *)store; /* its first member */
}

uint64_t store_now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* ---- what people are told ---- */

void store_log(struct cr_redis_store *store, char level, const char *format, ...)
{
    char text[256];
    va_list args;
    if (store->options.log == NULL) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    store->options.log(store->options.log_ctx, level, text);
}

void store_trouble(struct cr_redis_store *store, const char *sentence)
{
    if (strcmp(store->trouble, sentence) == 0) {
        return;
    }
    snprintf(store->trouble, sizeof store->trouble, "%s", sentence);
    if (sentence[0] != '\0') {
        store_log(store, 'w', "%s", sentence);
    } else {
        store_log(store, 'n', "Redis serves.");
    }
}

static void health_update(struct cr_redis_store *store)
{
    struct cr_redis_link_stats stats = cr_redis_link_stats(store->link);
    int journal_error = cr_journal_error(store->journal);
    struct cr_store_health health = {
        .connected = store->phase == STORE_READY,
        .writable = store->phase == STORE_READY && store->writable,
        .durable = store->durable,
        .journal_ok = journal_error == 0,
        .unrecorded = store->late_count,
        .commands = stats.commands,
        .errors = stats.errors + store->op_errors,
        .reconnects = stats.connects > 0 ? stats.connects - 1 : 0,
        .latency_us = stats.latency_us,
    };
    if (journal_error != 0) {
        snprintf(health.problem, sizeof health.problem, "The journal cannot be written: %s.", strerror(journal_error));
    } else if (store->trouble[0] != '\0') {
        snprintf(health.problem, sizeof health.problem, "%s", store->trouble);
    } else if (!health.connected) {
        snprintf(health.problem, sizeof health.problem, "Redis is not connected yet.");
    } else {
        snprintf(health.problem, sizeof health.problem, "%s", store->weakness);
    }
    (void)pthread_mutex_lock(&store->lock);
    store->shared = health;
    (void)pthread_mutex_unlock(&store->lock);
}

/* ---- the connection ---- */

static void on_up(void *ctx)
{
    store_greet(ctx);
}

static void on_down(void *ctx, const char *why)
{
    struct cr_redis_store *store = ctx;
    store->phase = STORE_AWAY;
    store_reconcile_abandon(store);
    store_trouble(store, why);
    if (cr_redis_link_failures(store->link) > 1) {
        store_ops_give_up(store); /* it did not just blink */
    }
}

/* ---- the loop ---- */

static void on_async(uv_async_t *async)
{
    struct cr_redis_store *store = async->data;
    (void)pthread_mutex_lock(&store->lock);
    struct cr_job *list = store->inbox;
    store->inbox = NULL;
    store->inbox_tail = &store->inbox;
    bool stopping = store->stopping;
    (void)pthread_mutex_unlock(&store->lock);
    while (list != NULL) {
        struct cr_job *job = list;
        list = job->next;
        job->next = NULL;
        store_signer_know(store, job->setup);
        store_op_begin(store, job);
    }
    if (stopping && !store->closing) {
        store->closing = true;
        if (store->phase != STORE_READY) {
            store_ops_give_up(store);
        }
    }
}

static void on_deadline(uv_timer_t *timer)
{
    store_ops_time_out(timer->data, store_now_ms());
}

static void on_heartbeat(uv_timer_t *timer)
{
    struct cr_redis_store *store = timer->data;
    if (cr_journal_error(store->journal) != 0) { /* is there room again? */
        store_audit(store, &(struct cr_audit){ .what = "journal",
                                               .now_s = cr_wall_s(store->options.clock),
                                               .detail = "could not be written for a while" });
    }
    store_audit_lost(store);
    cr_journal_tick(store->journal, cr_wall_s(store->options.clock));
    store_push_listen(store);
    store_crl_look(store);
    store_beat(store);
    store_revoked_look(store);
    store_bundle_look(store);
}

static void close_all(struct cr_redis_store *store)
{
    store_ops_end(store);
    store_bundle_end(store);
    store_reconcile_abandon(store);
    store_crl_end(store);
    store->phase = STORE_AWAY;
    store_revoked_end(store);
    cr_redis_link_close(store->link);
    cr_redis_link_close(store->push.link);
    uv_close((uv_handle_t *)&store->async, NULL);
    uv_close((uv_handle_t *)&store->prepare, NULL);
    uv_close((uv_handle_t *)&store->deadline, NULL);
    uv_close((uv_handle_t *)&store->heartbeat, NULL);
}

/* Before each wait for events: all that this turn gathered leaves. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct cr_redis_store *store = prepare->data;
    cr_redis_link_flush(store->link);
    store_signer_use(store);
    cr_redis_link_flush(store->push.link);
    cr_journal_flush(store->journal, &store->loop);
    if (store->first != NULL && !uv_is_active((uv_handle_t *)&store->deadline)) {
        uint64_t now_ms = store_now_ms(), at_ms = store->first->deadline_ms;
        (void)uv_timer_start(&store->deadline, on_deadline, at_ms > now_ms ? at_ms - now_ms : 0, 0);
    }
    health_update(store);
    if (store->closing && atomic_load(&store->inside) == 0 && cr_journal_idle(store->journal) &&
        store_journal_finish(store)) {
        close_all(store);
    }
}

static void *thread_main(void *arg)
{
    struct cr_redis_store *store = arg;
    cr_redis_link_start(store->link);
    while (uv_run(&store->loop, UV_RUN_DEFAULT) != 0) {
    }
    return NULL;
}

/* ---- the contract ---- */

static cr_err redis_submit(struct cr_store *base, struct cr_job **job)
{
    struct cr_redis_store *store = redis_of(base);
    cr_err err = CR_FULL;
    (void)pthread_mutex_lock(&store->lock);
    if (!store->stopping && atomic_load(&store->inside) < store->options.max_jobs) {
        bool wake = store->inbox == NULL;
        (*job)->next = NULL;
        *store->inbox_tail = *job;
        store->inbox_tail = &(*job)->next;
        *job = NULL;
        atomic_fetch_add(&store->inside, 1);
        if (wake) {
            (void)uv_async_send(&store->async);
        }
        err = CR_OK;
    }
    (void)pthread_mutex_unlock(&store->lock);
    return err;
}

static void redis_health(struct cr_store *base, struct cr_store_health *health)
{
    struct cr_redis_store *store = redis_of(base);
    (void)pthread_mutex_lock(&store->lock);
    *health = store->shared;
    (void)pthread_mutex_unlock(&store->lock);
    health->in_flight = atomic_load(&store->inside);
}

/* After the thread ended, or before it began. */
static void redis_release(struct cr_redis_store *store)
{
    store_ops_free(store);
    store_revoked_free(store);
    store_crl_free(store);
    cr_redis_link_free(store->link);
    cr_redis_link_free(store->push.link);
    (void)uv_loop_close(&store->loop);
    cr_journal_close(store->journal);
    store_signer_end(store);
    cr_tail_free(store->tail);
    (void)pthread_mutex_destroy(&store->lock);
    cr_setup_drop(store->options.setup);
    free(store);
}

static void redis_free(struct cr_store *base)
{
    struct cr_redis_store *store = redis_of(base);
    (void)pthread_mutex_lock(&store->lock);
    store->stopping = true;
    (void)uv_async_send(&store->async);
    (void)pthread_mutex_unlock(&store->lock);
    (void)pthread_join(store->thread, NULL);
    redis_release(store);
}

/* ---- starting ---- */

static cr_err start_link(struct cr_redis_store *store, char *why, size_t why_cap)
{
    struct cr_redis_link_options options = {
        .loop = &store->loop,
        .cafile = store->config->redis_cafile,
        .username = store->config->redis_username,
        .password = store->config->redis_password,
        .timeout_ms = store->config->redis_timeout_ms,
        .up = on_up,
        .down = on_down,
        .ctx = store,
    };
    if (cr_redis_address_parse(&options.address, store->config->redis) != CR_OK) {
        snprintf(why, why_cap, "redis is no address of a Redis, of Sentinels or of a Redis Cluster.");
        return CR_INVALID;
    }
    cr_err err = store_push_new(store, &options, why, why_cap);
    return err == CR_OK ? cr_redis_link_new(&store->link, &options, why, why_cap) : err;
}

static void start_handles(struct cr_redis_store *store)
{
    (void)uv_async_init(&store->loop, &store->async, on_async);
    (void)uv_prepare_init(&store->loop, &store->prepare);
    (void)uv_timer_init(&store->loop, &store->deadline);
    (void)uv_timer_init(&store->loop, &store->heartbeat);
    store->async.data = store->prepare.data = store->deadline.data = store->heartbeat.data = store;
    (void)uv_prepare_start(&store->prepare, on_prepare);
    (void)uv_timer_start(&store->heartbeat, on_heartbeat, BEAT_MS, BEAT_MS);
}

/* What this thread has of signals and files, libuv's pool has too: it starts the pool. */
static cr_err start_thread(struct cr_redis_store *store)
{
    return cr_thread_start(&store->thread, &(struct cr_thread_options){ .run = thread_main,
                                                                        .arg = store,
                                                                        .own_files = store->options.own_files,
                                                                        .keep_fd = cr_journal_fd(store->journal) });
}

static cr_err start_names(struct cr_redis_store *store)
{
    uuid_t uuid;
    cr_err err = CR_INVALID;
    uuid_generate_random(uuid);
    uuid_unparse_lower(uuid, store->owner.instance);
    CR_TRY(cr_text_copy(store->owner.broker, sizeof store->owner.broker, store->config->broker_name));
    CR_TRY(cr_text_copy(store->records.prefix, sizeof store->records.prefix, store->config->redis_prefix));
    cr_records_plain_key(&store->meta, &store->records, "meta");
    cr_records_plain_key(&store->stream, &store->records, "audit");
out:
    return err;
}

cr_err cr_store_redis_new(struct cr_store **out, const struct cr_store_redis_options *options, char *why,
                          size_t why_cap)
{
    static const struct cr_store_ops ops = { redis_submit, redis_health, redis_free };
    struct cr_redis_store *store = calloc(1, sizeof *store);
    cr_err err = CR_NOMEM;
    *out = NULL;
    if (store == NULL || uv_loop_init(&store->loop) != 0) {
        free(store);
        snprintf(why, why_cap, "Out of memory.");
        return CR_NOMEM;
    }
    store->store.ops = &ops;
    store->options = *options;
    store->options.setup = cr_setup_hold(options->setup);
    store->config = &options->setup->config;
    store->inbox_tail = &store->inbox;
    store->waiting_tail = &store->waiting;
    store->writable = store->durable = true;
    snprintf(store->shared.problem, sizeof store->shared.problem, "Redis is not connected yet.");
    store->shared.durable = store->shared.journal_ok = true;
    (void)pthread_mutex_init(&store->lock, NULL);
    err = start_names(store);
    if (err != CR_OK) {
        snprintf(why, why_cap, "broker_name or redis_prefix is too long.");
        goto fail;
    }
    err = store_journal_start(store, why, why_cap);
    if (err != CR_OK) {
        goto fail;
    }
    err = start_link(store, why, why_cap);
    if (err != CR_OK) {
        goto fail;
    }
    start_handles(store);
    err = start_thread(store);
    if (err != CR_OK) {
        snprintf(why, why_cap, "The store's thread cannot be started.");
        close_all(store);
        (void)uv_run(&store->loop, UV_RUN_DEFAULT);
        goto fail;
    }
    *out = &store->store;
    return CR_OK;
fail:
    redis_release(store);
    return err;
}
