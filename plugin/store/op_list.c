/* LIST: a page of the slots that match a filter. One bucket after the other is looked through (list.lua), some slots a
 * call, so that nobody else waits long; until the page is full or half of the operation's time is gone. The cursor moves
 * on with every answer: asked again after a lost connection, it goes on from there. */
#include "plugin/store/redis_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 256 /* at one call */ };

static void ask(struct store_op *op);

static void list_done(struct store_op *op)
{
    op->job->outcome = CR_OUT_DONE;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

/* Half of its time is gone. */
static bool list_is_late(const struct store_op *op)
{
    return store_now_ms() + op->store->config->redis_timeout_ms / 2 > op->deadline_ms;
}

/* The pairs of a row, and the slot's time in the agenda as one more. CR_INVALID: there is no sense in it. */
static cr_err row_pairs(struct cr_answer *answer, const redisReply *row, char at_name[CR_NAME_CAP + 4])
{
    struct cr_bytes member, at;
    char device[CR_NAME_CAP], slot[CR_NAME_CAP];
    if (row->type != REDIS_REPLY_ARRAY || row->elements != 3 || row->element[2]->type != REDIS_REPLY_ARRAY ||
        row->element[2]->elements + 2 > CR_ANSWER_PAIRS || row->element[2]->elements % 2 != 0) {
        return CR_INVALID;
    }
    member = store_reply_bytes(row->element[0]);
    at = store_reply_bytes(row->element[1]);
    if (!cr_list_member_read(member, device, slot)) {
        return CR_INVALID;
    }
    answer->pair_count = 0;
    for (size_t i = 0; i < row->element[2]->elements; i++) {
        answer->pair[answer->pair_count++] = store_reply_bytes(row->element[2]->element[i]);
    }
    if (at.len > 0) {
        int len = snprintf(at_name, CR_NAME_CAP + 4, "%s:at", slot);
        answer->pair[answer->pair_count++] = (struct cr_bytes){ (const uint8_t *)at_name, (size_t)len };
        answer->pair[answer->pair_count++] = at;
    }
    return CR_OK;
}

/* CR_NOMEM, or CR_OK, also for what is passed over. */
static cr_err take_row(struct store_op *op, const redisReply *row)
{
    struct cr_list *list = op->job->list;
    struct cr_answer answer;
    char at_name[CR_NAME_CAP + 4];
    cr_err err = row_pairs(&answer, row, at_name);
    if (err == CR_OK) {
        err = cr_list_row_read(&list->row[list->count], &op->store->records, &answer,
                               store_reply_bytes(row->element[0]), op->job->now_s);
    }
    if (err == CR_OK) {
        list->count++;
        list->matched++;
        return CR_OK;
    }
    if (err == CR_INVALID && op->job->alarm == CR_REFUSAL_NONE) { /* one line, however many there are */
        struct cr_bytes member = row->type == REDIS_REPLY_ARRAY && row->elements > 0 ? store_reply_bytes(row->element[0])
                                                                                     : (struct cr_bytes){ NULL, 0 };
        char detail[CR_AUDIT_DETAIL_CAP];
        (void)snprintf(detail, sizeof detail, "listing: the record of %.*s is damaged, or another device's",
                       (int)(member.len < 100 ? member.len : 100), member.len > 0 ? (const char *)member.data : "");
        store_audit_alarm(op, CR_REFUSAL_INTERNAL, detail);
    }
    return err == CR_NOMEM ? CR_NOMEM : CR_OK;
}

/* Where the next call begins. False: that was all. */
static bool move_on(struct store_op *op, struct cr_list_place *place, const redisReply *score, const redisReply *member)
{
    struct cr_list *list = op->job->list;
    struct cr_bytes digits = store_reply_bytes(score), name = store_reply_bytes(member);
    char text[32] = "";
    list->cursor[0] = '\0';
    if (name.len > 0) {
        struct cr_list_place next = { .bucket = place->bucket };
        if (digits.len > 0 && digits.len < sizeof text && name.len < sizeof next.member) {
            memcpy(text, digits.data, digits.len);
            memcpy(next.member, name.data, name.len);
        }
        next.score = strtoll(text, NULL, 10);
        *place = next;
    } else {
        *place = (struct cr_list_place){ .bucket = place->bucket + 1 };
    }
    if (place->bucket >= op->store->records.buckets) {
        return false;
    }
    cr_list_place_write(list->cursor, place);
    return true;
}

static void on_listed(struct store_op *op, const redisReply *reply)
{
    enum { HEAD = 4 };
    struct cr_list *list = op->job->list;
    struct cr_list_place place;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < HEAD || reply->element[0]->type != REDIS_REPLY_INTEGER ||
        reply->element[1]->type != REDIS_REPLY_INTEGER || reply->elements - HEAD > list->limit - list->count ||
        !cr_list_place_read(&place, list->cursor, op->store->records.buckets)) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    list->looked += (unsigned)reply->element[0]->integer;
    if (list->count_only) {
        list->matched += (unsigned)reply->element[1]->integer;
    }
    for (size_t i = HEAD; i < reply->elements; i++) {
        if (take_row(op, reply->element[i]) != CR_OK) {
            store_op_refuse(op, CR_REFUSAL_BUSY, 0);
            return;
        }
    }
    if (!move_on(op, &place, reply->element[2], reply->element[3]) || list->count == list->limit || list_is_late(op)) {
        list_done(op);
    } else {
        ask(op);
    }
}

static void ask(struct store_op *op)
{
    const struct cr_list *list = op->job->list;
    struct cr_list_place place;
    struct cr_args args;
    if (!cr_list_place_read(&place, list->cursor, op->store->records.buckets)) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_CURSOR, 0);
    } else if (cr_args_list(&args, &op->store->records, list, &place, op->job->now_s, LOOKS,
                            list->count_only ? 0 : list->limit - list->count) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    } else {
        store_op_send(op, &args, on_listed);
    }
}

void store_list_start(struct store_op *op)
{
    struct cr_list *list = op->job->list;
    if (list == NULL) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    list->limit = list->limit == 0 || list->limit > CR_PAGE_MAX ? CR_PAGE_MAX : list->limit;
    if (list->row == NULL && !list->count_only) {
        list->row = calloc(list->limit, sizeof *list->row);
        if (list->row == NULL) {
            store_op_refuse(op, CR_REFUSAL_BUSY, 0);
            return;
        }
    }
    ask(op);
}
