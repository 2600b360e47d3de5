/* Greeting a connection: what this Redis already holds (schema, buckets), how durable it is, and the scripts; all in
 * one pipeline. Of a Cluster each primary is asked how durable it is, and told the scripts. */
#include "plugin/store/redis_store.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

static void greet_failed(struct cr_redis_store *store, const char *sentence)
{
    cr_redis_link_drop(store->link, sentence);
}

/* ---- what came back ---- */

static bool text_is(const redisReply *reply, const char *text)
{
    struct cr_bytes bytes = store_reply_bytes(reply);
    return bytes.data != NULL && bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

/* HSETNX: anything but an error is fine. */
static void take_field(struct store_greeting *greeting, const redisReply *reply)
{
    (void)greeting;
    (void)reply;
}

/* HMGET cr:meta schema buckets epoch */
static void take_meta(struct store_greeting *greeting, const redisReply *reply)
{
    struct cr_redis_store *store = greeting->store;
    char sentence[120], schema[12];
    snprintf(schema, sizeof schema, "%d", CR_SCHEMA);
    if (reply->elements != 3 || store_reply_bytes(reply->element[0]).data == NULL) {
        greet_failed(store, "Redis holds something else under our prefix: choose another redis_prefix.");
        return;
    }
    if (!text_is(reply->element[0], schema)) {
        struct cr_bytes theirs = store_reply_bytes(reply->element[0]);
        snprintf(sentence, sizeof sentence, "Redis holds records of schema %.*s, this version writes schema %d.",
                 (int)(theirs.len < 20 ? theirs.len : 20), (const char *)theirs.data, CR_SCHEMA);
        greet_failed(store, sentence);
        return;
    }
    struct cr_bytes buckets = store_reply_bytes(reply->element[1]), epoch = store_reply_bytes(reply->element[2]);
    char *end = NULL;
    unsigned long count = buckets.data != NULL ? strtoul((const char *)buckets.data, &end, 10) : 0;
    if (count == 0 || count > 1000000 || *end != '\0' || epoch.data == NULL || epoch.len >= sizeof store->epoch) {
        greet_failed(store, "Redis' record of itself is damaged: look at the key meta under redis_prefix.");
        return;
    }
    store->records.buckets = (unsigned)count;
    memcpy(store->epoch, epoch.data, epoch.len);
    store->epoch[epoch.len] = '\0';
}

/* CONFIG GET appendonly save maxmemory-policy, one after the other; refused by an ACL is unknown, and that is fine. */
static void take_config(struct store_greeting *greeting, const redisReply *reply)
{
    struct cr_redis_store *store = greeting->store;
    if (reply->elements != 2) {
        return;
    }
    if (text_is(reply->element[0], "appendonly") && !text_is(reply->element[1], "yes")) {
        store->durable = false;
        snprintf(store->weakness, sizeof store->weakness,
                 "Redis keeps no append-only file: set appendonly yes, or renewals can be forgotten.");
    } else if (text_is(reply->element[0], "maxmemory-policy") && text_is(reply->element[1], "noeviction") == false &&
               store_reply_bytes(reply->element[1]).len > 7 &&
               memcmp(reply->element[1]->str, "allkeys", 7) == 0) {
        store->durable = false;
        snprintf(store->weakness, sizeof store->weakness,
                 "Redis may evict our records when memory is short: set maxmemory-policy noeviction.");
    }
}

static void take_script(struct store_greeting *greeting, const redisReply *reply)
{
    struct cr_redis_store *store = greeting->store;
    struct cr_bytes sha = store_reply_bytes(reply);
    if (sha.data == NULL || sha.len != CR_SHA1_TEXT - 1) {
        greet_failed(store, "Redis did not take a script.");
        return;
    }
    memcpy(store->sha[greeting->script], sha.data, sha.len);
    store->sha[greeting->script][sha.len] = '\0';
}

static void on_greeting(struct cr_redis_call *call, const redisReply *reply)
{
    struct store_greeting *greeting = (struct store_greeting *)((char *)call - offsetof(struct store_greeting, call));
    struct cr_redis_store *store = greeting->store;
    if (reply == NULL || store->phase != STORE_GREETING) {
        return; /* of a connection that is gone */
    }
    store->greet_left--;
    if (reply->type != REDIS_REPLY_ERROR) {
        greeting->take(greeting, reply);
    } else if (!greeting->optional) {
        char sentence[100];
        snprintf(sentence, sizeof sentence, "Redis answered: %.70s", reply->str);
        if (cr_redis_trouble(store_reply_bytes(reply)) == CR_TROUBLE_WRITES) {
            store->writable = false;
        }
        greet_failed(store, sentence);
    }
    if (store->greet_left == 0 && store->phase == STORE_GREETING) {
        store->writable = true;
        store_reconcile(store);
    }
}

/* ---- what is asked ---- */

/* part: which server; ONE: the one whose key it is. */
enum { ONE = UINT_MAX };

static cr_err ask(struct store_greeting *greeting, unsigned part, const struct cr_args *args)
{
    struct cr_redis_store *store = greeting->store;
    cr_err err = part == ONE ? cr_redis_link_send(store->link, args, &greeting->call)
                             : cr_redis_link_send_part(store->link, part, args, &greeting->call);
    store->greet_left += err == CR_OK;
    return err;
}

static cr_err ask_meta_field(struct cr_redis_store *store, const char *field, const char *value)
{
    struct cr_args args;
    cr_args_start(&args, "HSETNX");
    cr_args_bytes(&args, store->meta.text, store->meta.len);
    cr_args_text(&args, field);
    cr_args_text(&args, value);
    return ask(&store->greet_field, ONE, &args);
}

static cr_err ask_meta(struct cr_redis_store *store)
{
    char number[12], epoch[CR_INSTANCE_CAP];
    uuid_t uuid;
    struct cr_args args;
    cr_err err = CR_INVALID;
    uuid_generate_random(uuid);
    uuid_unparse_lower(uuid, epoch);
    snprintf(number, sizeof number, "%d", CR_SCHEMA);
    CR_TRY(ask_meta_field(store, "schema", number));
    snprintf(number, sizeof number, "%u", store->config->buckets > 0 ? store->config->buckets : 1);
    CR_TRY(ask_meta_field(store, "buckets", number));
    CR_TRY(ask_meta_field(store, "epoch", epoch));
    cr_args_start(&args, "HMGET");
    cr_args_bytes(&args, store->meta.text, store->meta.len);
    cr_args_text(&args, "schema");
    cr_args_text(&args, "buckets");
    cr_args_text(&args, "epoch");
    CR_TRY(ask(&store->greet_meta, ONE, &args));
out:
    return err;
}

static cr_err ask_config(struct cr_redis_store *store, unsigned part, const char *name)
{
    struct cr_args args;
    cr_args_start(&args, "CONFIG");
    cr_args_text(&args, "GET");
    cr_args_text(&args, name);
    return ask(&store->greet_config, part, &args);
}

static void script_args(struct cr_args *args, unsigned script)
{
    cr_args_start(args, "SCRIPT");
    cr_args_text(args, "LOAD");
    cr_args_text(args, cr_script_text[script]);
}

static cr_err ask_part(struct cr_redis_store *store, unsigned part)
{
    cr_err err = CR_INVALID;
    CR_TRY(ask_config(store, part, "appendonly"));
    CR_TRY(ask_config(store, part, "maxmemory-policy"));
    for (unsigned i = 0; i < CR_SCRIPT_COUNT; i++) {
        struct cr_args args;
        script_args(&args, i);
        CR_TRY(ask(&store->greet_script[i], part, &args));
    }
out:
    return err;
}

static struct store_greeting greeting(struct cr_redis_store *store,
                                      void (*take)(struct store_greeting *greeting, const redisReply *reply))
{
    return (struct store_greeting){ .call = { .done = on_greeting }, .store = store, .take = take };
}

static void greet_start(struct cr_redis_store *store)
{
    store->phase = STORE_GREETING;
    store->greet_left = 0;
    store->durable = true;
    store->weakness[0] = '\0';
    store->greet_field = greeting(store, take_field);
    store->greet_meta = greeting(store, take_meta);
    store->greet_config = greeting(store, take_config);
    store->greet_config.optional = true;
    for (unsigned i = 0; i < CR_SCRIPT_COUNT; i++) {
        store->greet_script[i] = greeting(store, take_script);
        store->greet_script[i].script = i;
    }
}

void store_greet(struct cr_redis_store *store)
{
    cr_err err = CR_INVALID;
    greet_start(store);
    CR_TRY(ask_meta(store));
    for (unsigned part = 0; part < cr_redis_link_parts(store->link); part++) {
        CR_TRY(ask_part(store, part));
    }
out:
    if (err != CR_OK) {
        greet_failed(store, "Redis could not be greeted: out of memory.");
    }
}

void store_load_scripts(struct cr_redis_store *store)
{
    /* Their names are the hashes of their texts: they are what they were. Whatever is sent next comes after them. */
    for (unsigned part = 0; part < cr_redis_link_parts(store->link); part++) {
        for (unsigned i = 0; i < CR_SCRIPT_COUNT; i++) {
            struct cr_args args;
            script_args(&args, i);
            if (cr_redis_link_send_part(store->link, part, &args, NULL) != CR_OK) {
                store->op_errors++;
            }
        }
    }
}

/* ---- once a second ---- */

static void on_beat(struct cr_redis_call *call, const redisReply *reply)
{
    struct cr_redis_store *store =
        (struct cr_redis_store *)((char *)call - offsetof(struct cr_redis_store, beat_call));
    store->beating = false;
    if (reply == NULL || store->phase != STORE_READY) {
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        char sentence[100];
        snprintf(sentence, sizeof sentence, "Redis answered: %.70s", reply->str);
        enum cr_redis_trouble trouble = cr_redis_trouble(store_reply_bytes(reply));
        if (trouble == CR_TROUBLE_WRITES || trouble == CR_TROUBLE_LATER) {
            store->writable = trouble != CR_TROUBLE_WRITES && store->writable;
            store_trouble(store, sentence);
        } else {
            cr_redis_link_drop(store->link, sentence);
        }
        return;
    }
    if (reply->type == REDIS_REPLY_INTEGER) { /* a write was taken */
        store->writable = true;
        store_trouble(store, "");
    } else if (!text_is(reply, store->epoch)) {
        store_log(store, 'w', "Redis lost its data, or another takes its place: what the journal knows is put back.");
        store_greet(store);
    } else if (store->lost) {
        store_reconcile(store);
    } else if (store->trouble[0] != '\0' && store->writable) {
        store_trouble(store, "");
    }
}

void store_beat(struct cr_redis_store *store)
{
    if (store->phase != STORE_READY || store->beating) {
        return;
    }
    store_record_catch_up(store);
    struct cr_args args;
    cr_args_start(&args,
                  store->writable ? "HGET" : "HSETNX"); /* also a HSETNX that changes nothing counts as a write */
    cr_args_bytes(&args, store->meta.text, store->meta.len);
    cr_args_text(&args, "epoch");
    if (!store->writable) {
        cr_args_text(&args, store->epoch);
    }
    store->beat_call.done = on_beat;
    store->beating = cr_redis_link_send(store->link, &args, &store->beat_call) == CR_OK;
}
