/* Is there another trust bundle? Its version is asked for once a second, and the whole of it when that is another one, or
 * when the loop has not been told of any yet. */
#include "plugin/store/redis_store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct store_bundle {
    struct cr_redis_store *store; /* NULL: the store ends; freed with the last answer */
    struct cr_redis_call call;
    bool asking, again;
    bool told;                    /* the loop knows this one: */
    int64_t version, at;
};

static void bundle_ask(struct store_bundle *bundle, bool whole);

static struct store_bundle *bundle_of(struct cr_redis_call *call)
{
    return (struct store_bundle *)((char *)call - offsetof(struct store_bundle, call));
}

/* Digits; nothing there: 0. False: something else. */
static bool bundle_number(int64_t *number, const redisReply *reply)
{
    struct cr_bytes text = store_reply_bytes(reply);
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || text.len > 15) {
            return false;
        }
        *number = *number * 10 + (text.data[i] - '0');
    }
    return reply->type == REDIS_REPLY_NIL || text.len > 0;
}

static bool bundle_text(char *to, size_t cap, const redisReply *reply)
{
    struct cr_bytes text = store_reply_bytes(reply);
    if (text.len >= cap || (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)) {
        return false;
    }
    if (text.len > 0) {
        memcpy(to, text.data, text.len);
    }
    to[text.len] = '\0';
    return true;
}

/* Of version, at, mode, by, der. */
static bool bundle_read(struct cr_bundle *news, redisReply *const *field)
{
    char mode[16];
    int64_t version = 0;
    if (!bundle_number(&version, field[0]) || !bundle_number(&news->at, field[1])) {
        return false;
    }
    news->version = (uint64_t)version;
    if (version == 0) {
        return true;
    }
    struct cr_bytes der = store_reply_bytes(field[4]);
    if (!bundle_text(mode, sizeof mode, field[2]) || !bundle_text(news->by, sizeof news->by, field[3]) || der.len == 0 ||
        der.len > CR_BUNDLE_MAX || cr_blob_copy(&news->certs, der.data, der.len) != CR_OK) {
        return false;
    }
    news->mode = cr_trust_mode_parse(mode);
    return news->mode < CR_TRUST_MODES;
}

/* Damaged, or no memory: said by the next look, too, as nothing is remembered of it. */
static void bundle_tell(struct store_bundle *bundle, redisReply *const *field)
{
    struct cr_redis_store *store = bundle->store;
    struct cr_bundle *news = calloc(1, sizeof *news);
    struct cr_job *job = NULL;
    if (news == NULL || !bundle_read(news, field) ||
        cr_job_new(&job, CR_OP_TRUST, store->options.setup) != CR_OK) {
        cr_bundle_free(news);
        store->op_errors++;
        return;
    }
    bundle->told = true;
    bundle->version = (int64_t)news->version;
    bundle->at = news->at;
    news->verb = CR_TRUST_NEWS;
    job->bundle = news;
    job->now_s = cr_wall_s(store->options.clock);
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
    store->options.done(store->options.done_ctx, job);
}

static void on_bundle(struct cr_redis_call *call, const redisReply *reply)
{
    struct store_bundle *bundle = bundle_of(call);
    int64_t version, at;
    bundle->asking = false;
    if (bundle->store == NULL) {
        free(bundle);
        return;
    }
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || (reply->elements != 2 && reply->elements != 5)) {
        return;
    }
    if (reply->elements == 5) {
        bundle_tell(bundle, reply->element);
    } else if (!bundle_number(&version, reply->element[0]) || !bundle_number(&at, reply->element[1])) {
        bundle->store->op_errors++;
    } else if (!bundle->told || version != bundle->version || at != bundle->at) {
        bundle_ask(bundle, true);
        return;
    }
    if (bundle->again) {
        bundle->again = false;
        bundle_ask(bundle, false);
    }
}

static void bundle_ask(struct store_bundle *bundle, bool whole)
{
    struct cr_redis_key key;
    struct cr_args args;
    cr_records_plain_key(&key, &bundle->store->records, CR_BUNDLE_KEY);
    cr_args_start(&args, "HMGET");
    cr_args_bytes(&args, key.text, key.len);
    cr_args_text(&args, "version");
    cr_args_text(&args, "at");
    if (whole) {
        cr_args_text(&args, "mode");
        cr_args_text(&args, "by");
        cr_args_text(&args, "der");
    }
    bundle->call.done = on_bundle;
    bundle->asking = cr_redis_link_send(bundle->store->link, &args, &bundle->call) == CR_OK;
}

void store_bundle_look(struct cr_redis_store *store)
{
    if (store->bundle == NULL) {
        store->bundle = calloc(1, sizeof *store->bundle);
        if (store->bundle == NULL) {
            return;
        }
        store->bundle->store = store;
    }
    if (store->phase != STORE_READY || store->closing) {
        return;
    }
    if (store->bundle->asking) {
        store->bundle->again = true;
        return;
    }
    bundle_ask(store->bundle, false);
}

void store_bundle_end(struct cr_redis_store *store)
{
    struct store_bundle *bundle = store->bundle;
    store->bundle = NULL;
    if (bundle != NULL && bundle->asking) {
        bundle->store = NULL;
    } else {
        free(bundle);
    }
}
