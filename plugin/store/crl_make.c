/* The next CRL of an issuer: what is revoked is read, page by page; built on the pool; stored, if nobody was faster. */
#include "plugin/store/crl_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000 };

static bool entry_read(struct cr_crl_entry *entry, struct cr_bytes serial, struct cr_bytes value, int64_t now_s)
{
    char text[CR_SERIAL_TEXT], said[80];
    unsigned reason = 0;
    long long at = 0;
    *entry = (struct cr_crl_entry){ .at = now_s };
    if (serial.len >= sizeof text || serial.len == 0) {
        return false;
    }
    memcpy(text, serial.data, serial.len);
    text[serial.len] = '\0';
    if (cr_serial_parse(&entry->serial, text) != CR_OK) {
        return false;
    }
    /* A damaged value takes nothing back: it is revoked. */
    size_t len = value.len < sizeof said ? value.len : sizeof said - 1;
    memcpy(said, value.len > 0 ? value.data : (const uint8_t *)"", len);
    said[len] = '\0';
    if (sscanf(said, "%2u %12lld ", &reason, &at) == 2 && cr_revoke_reason_text(reason) != NULL && at >= 0) {
        entry->reason = (uint8_t)reason;
        entry->at = at;
    }
    return true;
}

static bool entry_room(struct store_crl *crl, size_t more)
{
    size_t need = crl->entry_count + more;
    if (need <= crl->entry_room) {
        return true;
    }
    size_t room = need < 4096 ? 4096 : need + need / 2;
    struct cr_crl_entry *larger = realloc(crl->entry, room * sizeof *larger);
    if (larger != NULL) {
        crl->entry = larger;
        crl->entry_room = room;
    }
    return larger != NULL;
}

static int by_serial(const void *left, const void *right)
{
    const struct cr_serial *a = &((const struct cr_crl_entry *)left)->serial;
    const struct cr_serial *b = &((const struct cr_crl_entry *)right)->serial;
    return a->len != b->len ? (a->len < b->len ? -1 : 1) : memcmp(a->octets, b->octets, a->len);
}

/* A scan may meet the same entry twice. */
static void drop_repeated(struct store_crl *crl)
{
    size_t kept = 0;
    if (crl->entry_count > 1) {
        qsort(crl->entry, crl->entry_count, sizeof *crl->entry, by_serial);
    }
    for (size_t i = 0; i < crl->entry_count; i++) {
        if (kept == 0 || by_serial(&crl->entry[kept - 1], &crl->entry[i]) != 0) {
            crl->entry[kept++] = crl->entry[i];
        }
    }
    crl->entry_count = kept;
}

static void build(struct store_crl *crl)
{
    struct crl_issuer *issuer = crl_turn(crl);
    struct crl_task *task = crl_task_of_one(crl, CRL_BUILD);
    uint64_t former = issuer->there.number > issuer->list.number ? issuer->there.number : issuer->list.number;
    if (task == NULL) {
        crl_give_up(crl);
        crl_round_next(crl);
        return;
    }
    drop_repeated(crl);
    task->list[0] = (struct crl_list){
        .number = former + 1,
        .version = issuer->there.changed,
        .this_update = task->now_s,
        .next_update = task->now_s + task->setup->config.crl_lifetime_s,
    };
    task->entry = crl->entry;
    task->entry_count = crl->entry_count;
    crl->entry = NULL; /* the task's */
    crl->entry_count = crl->entry_room = 0;
    if (!crl_task_send(task)) {
        crl_give_up(crl);
        crl_round_next(crl);
    }
}

static void scan(struct store_crl *crl);

static void on_page(struct store_crl *crl, const redisReply *reply)
{
    const redisReply *page = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 ? reply->element[1] : NULL;
    struct cr_bytes cursor = page != NULL ? store_reply_bytes(reply->element[0]) : (struct cr_bytes){ NULL, 0 };
    if (page == NULL || page->type != REDIS_REPLY_ARRAY || page->elements % 2 != 0 || cursor.len == 0 ||
        cursor.len >= sizeof crl->cursor) {
        crl_give_up(crl);
        crl_damaged(crl);
        return;
    }
    if (crl->entry_count + page->elements / 2 > CR_CRL_ENTRIES_MAX || !entry_room(crl, page->elements / 2)) {
        crl_give_up(crl);
        crl_fails(crl, crl_turn(crl), "there are too many entries for one, or too little memory.");
        crl_round_next(crl);
        return;
    }
    int64_t now_s = cr_wall_s(crl->store->options.clock);
    for (size_t i = 0; i < page->elements; i += 2) {
        bool good = entry_read(&crl->entry[crl->entry_count], store_reply_bytes(page->element[i]),
                               store_reply_bytes(page->element[i + 1]), now_s);
        crl->entry_count += good;
        crl->odd += !good;
    }
    memcpy(crl->cursor, cursor.data, cursor.len);
    crl->cursor[cursor.len] = '\0';
    if (strcmp(crl->cursor, "0") != 0) {
        scan(crl);
    } else {
        build(crl);
    }
}

static void scan(struct store_crl *crl)
{
    struct cr_args args;
    cr_args_start(&args, "HSCAN");
    cr_args_bytes(&args, crl->of.text, crl->of.len);
    cr_args_text(&args, crl->cursor);
    cr_args_text(&args, "COUNT");
    cr_args_number(&args, PAGE);
    crl_ask(crl, &args, on_page);
}

/* What changes from here on is in the next one. */
static void on_claimed(struct store_crl *crl, const redisReply *reply)
{
    struct crl_issuer *issuer = crl_turn(crl);
    struct crl_there now;
    struct cr_answer answer;
    char name[40];
    if (!crl_there_read(&now, &answer, reply)) {
        crl_damaged(crl);
        return;
    }
    if (!cr_answer_is(&answer, "claimed")) { /* another makes it */
        crl_round_next(crl);
        return;
    }
    crl->claimed = true;
    if (now.number != issuer->there.number) {
        crl_give_up(crl);
        crl_round_next(crl);
        return;
    }
    issuer->there = now;
    (void)snprintf(name, sizeof name, "{revoked}:of:%s", issuer->id);
    cr_records_plain_key(&crl->of, &crl->store->records, name);
    (void)snprintf(crl->cursor, sizeof crl->cursor, "0");
    crl->odd = 0;
    scan(crl);
}

void crl_claim(struct store_crl *crl)
{
    struct cr_args args;
    struct cr_redis_key keys[3];
    crl_script_args(crl, &args, keys, "claim");
    cr_args_text(&args, crl->store->owner.instance);
    cr_args_number(&args, CRL_CLAIM_MS);
    crl_ask(crl, &args, on_claimed);
}

/* It is in force once Redis has it. */
static void on_stored(struct store_crl *crl, const redisReply *reply)
{
    struct crl_issuer *issuer = crl_turn(crl);
    struct cr_answer answer;
    crl->claimed = false;
    if (store_answer_read(&answer, reply) == CR_OK && cr_answer_is(&answer, "stored")) {
        issuer->not_before_ms = store_now_ms() + CRL_PAUSE_MS;
        crl_take(crl, issuer, &crl->next);
        crl_tell_made(crl, issuer);
        if (crl->odd > 0) {
            crl_tell_failure(crl, issuer, "what is revoked has entries without a serial number; they are left out.");
        }
        store_push_tell(crl->store, STORE_PUSH_CRL);
    }
    cr_blob_fini(&crl->next.der);
    crl_round_next(crl);
}

void crl_built(struct store_crl *crl, struct crl_task *task)
{
    struct crl_issuer *issuer = crl_turn(crl);
    struct cr_args args;
    struct cr_redis_key keys[3];
    if (task->err != CR_OK) {
        crl_give_up(crl);
        crl_fails(crl, issuer, task->why);
        crl_round_next(crl);
        return;
    }
    crl->next = task->list[0];
    task->list[0].der = (struct cr_blob){ NULL, 0 };
    crl_script_args(crl, &args, keys, "store");
    cr_args_text(&args, crl->store->owner.instance);
    cr_args_number(&args, (int64_t)issuer->there.number);
    cr_args_number(&args, (int64_t)crl->next.number);
    cr_args_number(&args, (int64_t)crl->next.version);
    cr_args_number(&args, crl->next.this_update);
    cr_args_number(&args, crl->next.next_update);
    cr_args_number(&args, (int64_t)crl->next.count);
    cr_args_bytes(&args, crl->next.der.data, crl->next.der.len);
    crl_ask(crl, &args, on_stored);
}
