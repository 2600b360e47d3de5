/* CENSUS: who needs which issuer. Some slots of one bucket after the other are counted (census.lua), until half of the
 * operation's time is gone; each command touches keys of one bucket. The cursor moves on with every answer: asked again
 * after a lost connection, it goes on from there, and nothing is counted twice. */
#include "plugin/store/redis_store.h"

#include <string.h>

enum { LOOKS = 256 /* at one call */ };

static void census_ask(struct store_op *op);

static void census_done(struct store_op *op)
{
    op->job->outcome = CR_OUT_DONE;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

/* Half of its time is gone. */
static bool census_is_late(const struct store_op *op)
{
    return store_now_ms() + op->store->config->redis_timeout_ms / 2 > op->deadline_ms;
}

static bool census_number(uint64_t *number, const redisReply *reply)
{
    struct cr_bytes text = store_reply_bytes(reply);
    *number = 0;
    for (size_t i = 0; i < text.len && text.len <= 15; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.len > 0 && text.len <= 15;
}

static bool census_text(char *to, size_t cap, const redisReply *reply)
{
    struct cr_bytes text = store_reply_bytes(reply);
    if (text.len == 0 || text.len >= cap || !cr_name_ok((const char *)text.data, text.len)) {
        return false;
    }
    memcpy(to, text.data, text.len);
    to[text.len] = '\0';
    return true;
}

/* Issuer, live, held, pending, expired, last seen. */
static bool census_row(struct cr_census *census, redisReply *const *row)
{
    char issuer[CR_ISSUER_ID_TEXT];
    uint64_t number[5];
    for (unsigned i = 0; i < 5; i++) {
        if (!census_number(&number[i], row[i + 1])) {
            return false;
        }
    }
    struct cr_census_issuer *count = census_text(issuer, sizeof issuer, row[0]) ? cr_census_of(census, issuer) : NULL;
    if (count == NULL) {
        return false;
    }
    count->live += number[0];
    count->held += number[1];
    count->pending += number[2];
    count->expired += number[3];
    count->last_seen = (int64_t)number[4] > count->last_seen ? (int64_t)number[4] : count->last_seen;
    return true;
}

static bool census_take(struct cr_census *census, const redisReply *reply)
{
    enum { ROW = 6 };
    const redisReply *rows = reply->element[3], *names = reply->element[4];
    char name[CR_NAME_CAP];
    if (reply->element[1]->type != REDIS_REPLY_INTEGER || reply->element[2]->type != REDIS_REPLY_INTEGER ||
        rows->type != REDIS_REPLY_ARRAY || rows->elements % ROW != 0 || names->type != REDIS_REPLY_ARRAY) {
        return false;
    }
    for (size_t i = 0; i < rows->elements; i += ROW) {
        if (!census_row(census, &rows->element[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < names->elements; i++) {
        if (census_text(name, sizeof name, names->element[i])) {
            cr_census_name(census, name);
        }
    }
    census->confirmed += (uint64_t)reply->element[1]->integer;
    census->unconfirmed += (uint64_t)reply->element[2]->integer;
    return true;
}

static void on_counted(struct store_op *op, const redisReply *reply)
{
    struct cr_census *census = op->job->census;
    struct cr_census_place place;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 5 ||
        !cr_census_place_read(&place, census->cursor, op->store->records.buckets) ||
        !cr_census_place_move(&place, store_reply_bytes(reply->element[0])) || !census_take(census, reply)) {
        store_op_quarantine(op, "an answer of Redis that is none, or more issuers than can be counted");
        return;
    }
    cr_census_place_write(census->cursor, &place, op->store->records.buckets);
    if (census->cursor[0] == '\0' || census_is_late(op)) {
        census_done(op);
    } else {
        census_ask(op);
    }
}

static void census_ask(struct store_op *op)
{
    const struct cr_census *census = op->job->census;
    struct cr_census_place place;
    struct cr_args args;
    if (!cr_census_place_read(&place, census->cursor, op->store->records.buckets)) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_CURSOR, 0);
    } else if (cr_args_census(&args, &op->store->records, census, &place, op->job->now_s, LOOKS) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    } else {
        store_op_send(op, &args, on_counted);
    }
}

void store_census_start(struct store_op *op)
{
    if (op->job->census == NULL || op->store->records.buckets == 0) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    census_ask(op);
}
