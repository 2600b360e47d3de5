#include "plugin/store/push.h"

#include "plugin/store/redis_store.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

void store_push_tell(struct cr_redis_store *store, const char *device)
{
    char text[CR_INSTANCE_CAP + CR_NAME_CAP];
    struct cr_args args;
    if (store->phase != STORE_READY) {
        return;
    }
    (void)snprintf(text, sizeof text, "%s %s", store->owner.instance, device);
    cr_args_start(&args, "PUBLISH");
    cr_args_bytes(&args, store->push.channel.text, store->push.channel.len);
    cr_args_text(&args, text);
    cr_redis_link_tell(store->link, &args);
}

/* ---- listening ---- */

void store_push_listen(struct cr_redis_store *store)
{
    if (store->phase == STORE_READY && !store->push.started && !store->closing) {
        store->push.started = true;
        cr_redis_link_start(store->push.link);
    }
}

bool store_push_read(struct cr_redis_store *store, struct cr_bytes message, char device[CR_NAME_CAP])
{
    const size_t life = CR_INSTANCE_CAP - 1;
    const size_t mark = message.len > life + 2 && message.data[life + 1] == '!';
    if (message.data == NULL || message.len <= life + 1 || message.data[life] != ' ' || message.len - life > CR_NAME_CAP ||
        !cr_name_ok((const char *)message.data + life + 1 + mark, message.len - life - 1 - mark)) {
        store->push.odd++;
        return false;
    }
    if (memcmp(message.data, store->owner.instance, life) == 0) {
        return false;
    }
    memcpy(device, message.data + life + 1, message.len - life - 1);
    device[message.len - life - 1] = '\0';
    return true;
}

/* A CRL may be due with it. */
static void push_revoked(struct cr_redis_store *store)
{
    store_revoked_look(store);
    store_crl_look(store);
}

/* What is about no device: what all brokers keep a copy of has changed. */
static const struct {
    const char *name;
    void (*look)(struct cr_redis_store *store);
} news[] = {
    { STORE_PUSH_REVOKED, push_revoked },
    { STORE_PUSH_CRL, store_crl_look },
    { STORE_PUSH_TRUST, store_bundle_look },
};

/* True: it is such a message, of ours or another's. */
static bool push_news(struct cr_redis_store *store, struct cr_bytes message)
{
    const size_t life = CR_INSTANCE_CAP - 1;
    if (message.data == NULL || message.len <= life + 1 || message.data[life] != ' ' || message.data[life + 1] != '!') {
        return false;
    }
    bool ours = memcmp(message.data, store->owner.instance, life) == 0;
    for (size_t i = 0; i < sizeof news / sizeof news[0] && !ours; i++) {
        if (message.len - life - 1 == strlen(news[i].name) &&
            memcmp(message.data + life + 1, news[i].name, message.len - life - 1) == 0) {
            store->push.heard++;
            news[i].look(store);
        }
    }
    return true; /* also what only a later version says */
}

static void push_heard(struct cr_redis_store *store, struct cr_bytes message)
{
    char device[CR_NAME_CAP];
    struct cr_job *job;
    if (store->closing || push_news(store, message)) {
        return;
    }
    if (!store_push_read(store, message, device) ||
        cr_job_new(&job, CR_OP_PUSH, store->options.setup) != CR_OK) {
        return;
    }
    store->push.heard++;
    memcpy(job->device, device, sizeof job->device);
    job->now_s = cr_wall_s(store->options.clock);
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
    store->options.done(store->options.done_ctx, job);
}

static struct store_push *push_of(struct cr_redis_call *call, size_t offset)
{
    return (struct store_push *)((char *)call - offset);
}

static struct cr_redis_store *store_of(struct store_push *push)
{
    return (struct cr_redis_store *)((char *)push - offsetof(struct cr_redis_store, push));
}

/* Called for the subscription's own answer and then for each message. */
static void on_message(struct cr_redis_call *call, const redisReply *reply)
{
    struct store_push *push = push_of(call, offsetof(struct store_push, subscription));
    if (reply == NULL) {
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
        push->odd++;
        cr_redis_link_drop(push->link, "Redis took no subscription.");
        return;
    }
    struct cr_bytes kind = store_reply_bytes(reply->element[0]);
    if (kind.len == 7 && memcmp(kind.data, "message", 7) == 0) {
        push_heard(store_of(push), store_reply_bytes(reply->element[2]));
    } else {
        cr_redis_link_good(push->link);
    }
}

static void on_up(void *ctx)
{
    struct cr_redis_store *store = ctx;
    struct store_push *push = &store->push;
    struct cr_args args;
    push->subscription.done = on_message;
    cr_args_start(&args, "SUBSCRIBE");
    cr_args_bytes(&args, push->channel.text, push->channel.len);
    /* What is published on one node of a Cluster is heard on all. */
    if (cr_redis_link_send_part(push->link, 0, &args, &push->subscription) != CR_OK) {
        cr_redis_link_drop(push->link, "Redis could not be asked.");
    }
}

static void on_down(void *ctx, const char *why)
{
    (void)ctx;
    (void)why; /* if anything is wrong with Redis, the store's own link says so */
}

cr_err store_push_new(struct cr_redis_store *store, const struct cr_redis_link_options *options, char *why,
                      size_t why_cap)
{
    struct cr_redis_link_options own = *options;
    cr_records_plain_key(&store->push.channel, &store->records, "push");
    own.up = on_up;
    own.down = on_down;
    own.ctx = store;
    return cr_redis_link_new(&store->push.link, &own, why, why_cap);
}
