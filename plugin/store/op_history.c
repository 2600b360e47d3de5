/* HISTORY: a page of the audit stream. So many entries at a time are fetched and looked at here; other operations go on
 * in between. It ends early rather than late: half of its time is for whoever asks for the next page.
 *
 * A device that is not in the inventory is sought in the whole stream until a line of it is found, whatever else was
 * asked for: is there none, it is unknown. A cursor's SOUGHT at the end says that none was found up to there. */
#include "plugin/store/redis_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY_STEP = 200, HISTORY_FIELDS = 64, HISTORY_VALUE = 2048, ID_CAP = 44, SOUGHT = '/' };

static void history_ask(struct store_op *op);

static void history_done(struct store_op *op)
{
    struct cr_history *history = op->job->history;
    size_t len = strlen(history->cursor);
    if (history->sought && len > 0 && len + 1 < sizeof history->cursor) {
        history->cursor[len] = SOUGHT;
        history->cursor[len + 1] = '\0';
    }
    op->job->outcome = CR_OUT_DONE;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

/* ---- ids: "<milliseconds>-<number>" ---- */

static bool id_number(const char **text, uint64_t *number)
{
    enum { DIGITS_MAX = 19 };
    unsigned digits = 0;
    for (*number = 0; **text >= '0' && **text <= '9' && digits < DIGITS_MAX; (*text)++, digits++) {
        *number = *number * 10 + (uint64_t)(**text - '0');
    }
    return digits > 0;
}

static bool id_read(const char *text, uint64_t *ms)
{
    uint64_t number;
    return id_number(&text, ms) && *text++ == '-' && id_number(&text, &number) && *text == '\0';
}

/* ---- an entry ---- */

static struct cr_bytes entry_field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        struct cr_bytes key = store_reply_bytes(fields->element[i]);
        if (key.len == strlen(name) && memcmp(key.data, name, key.len) == 0) {
            return store_reply_bytes(fields->element[i + 1]);
        }
    }
    return (struct cr_bytes){ NULL, 0 };
}

static bool entry_is(const redisReply *fields, const char *name, const char *wanted, bool whole)
{
    struct cr_bytes value = entry_field(fields, name);
    size_t len = strlen(wanted);
    return len == 0 || (value.len >= len && (!whole || value.len == len) && memcmp(value.data, wanted, len) == 0);
}

static bool entry_matches(const struct cr_history *history, uint64_t ms, const redisReply *fields)
{
    int64_t at_s = (int64_t)(ms / 1000);
    return (history->since <= 0 || at_s >= history->since) && (history->until <= 0 || at_s <= history->until) &&
           entry_is(fields, "device", history->device, true) && entry_is(fields, "slot", history->slot, true) &&
           entry_is(fields, "what", history->what, true) && entry_is(fields, "who", history->who, false);
}

/* A part of an entry; none of ours is longer. */
static struct cr_bytes entry_part(const redisReply *reply)
{
    struct cr_bytes part = store_reply_bytes(reply);
    part.len = part.len < HISTORY_VALUE ? part.len : HISTORY_VALUE;
    return part;
}

/* name NUL value NUL … */
static cr_err entry_take(struct cr_history_entry *entry, const char *id, const redisReply *fields)
{
    size_t count = fields->elements < 2 * HISTORY_FIELDS ? fields->elements : 2 * HISTORY_FIELDS, len = 0;
    cr_err err = cr_text_copy(entry->id, sizeof entry->id, id);
    for (size_t i = 0; i < count; i++) {
        len += entry_part(fields->element[i]).len + 1;
    }
    entry->fields.data = err == CR_OK ? malloc(len + 1) : NULL;
    if (entry->fields.data == NULL) {
        return err == CR_OK ? CR_NOMEM : err;
    }
    for (size_t i = 0; i < count; i++) {
        struct cr_bytes part = entry_part(fields->element[i]);
        for (size_t k = 0; k < part.len; k++) { /* none of ours has a NUL; a stranger's is not to shift the others */
            entry->fields.data[entry->fields.len++] = part.data[k] != '\0' ? part.data[k] : '?';
        }
        entry->fields.data[entry->fields.len++] = '\0';
    }
    return CR_OK;
}

/* ---- steps ---- */

/* Half of its time is gone. */
static bool history_is_late(const struct store_op *op)
{
    return store_now_ms() + op->store->config->redis_timeout_ms / 2 > op->deadline_ms;
}

/* One entry; the cursor is on it then. CR_FULL: the page is full. */
static cr_err history_look(struct cr_history *history, const redisReply *element)
{
    uint64_t ms;
    cr_err err = CR_INVALID;
    if (element->type != REDIS_REPLY_ARRAY || element->elements != 2 ||
        element->element[0]->type != REDIS_REPLY_STRING || !id_read(element->element[0]->str, &ms) ||
        cr_text_copy(history->cursor, sizeof history->cursor, element->element[0]->str) != CR_OK) {
        return CR_INVALID;
    }
    const redisReply *fields = element->element[1];
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements % 2 != 0) {
        return CR_OK; /* deleted meanwhile */
    }
    history->sought = history->sought && !entry_is(fields, "device", history->device, true);
    if (!entry_matches(history, ms, fields)) {
        return CR_OK;
    }
    CR_TRY(entry_take(&history->entry[history->count], history->cursor, fields));
    history->count++;
    err = history->count == history->limit ? CR_FULL : CR_OK;
out:
    return err;
}

static void on_entries(struct store_op *op, const redisReply *reply)
{
    struct cr_history *history = op->job->history;
    cr_err err = reply->type == REDIS_REPLY_ARRAY && reply->elements <= HISTORY_STEP ? CR_OK : CR_INVALID;
    size_t at = 0;
    while (err == CR_OK && at < reply->elements) {
        err = history_look(history, reply->element[at++]);
    }
    if (err != CR_OK && err != CR_FULL) {
        store_op_quarantine(op, "the audit stream holds something that is no entry");
        return;
    }
    if (at == reply->elements && reply->elements < HISTORY_STEP) {
        history->cursor[0] = '\0'; /* that was all */
        if (history->sought) {
            store_op_refuse(op, CR_REFUSAL_UNKNOWN_DEVICE, 0);
        } else {
            history_done(op);
        }
    } else if (err == CR_FULL || history_is_late(op)) {
        history_done(op);
    } else {
        history_ask(op);
    }
}

/* From the cursor on, without it, to the last that can match. */
static void history_ask(struct store_op *op)
{
    const struct cr_history *history = op->job->history;
    char from[ID_CAP] = "-", to[ID_CAP] = "+", *begin = history->oldest_first ? from : to;
    struct cr_args args;
    if (history->since > 0 && !history->sought) {
        (void)snprintf(from, sizeof from, "%lld", (long long)history->since * 1000);
    }
    if (history->until > 0 && !history->sought) {
        (void)snprintf(to, sizeof to, "%lld", (long long)history->until * 1000 + 999);
    }
    if (history->cursor[0] != '\0') {
        (void)snprintf(begin, ID_CAP, "(%.42s", history->cursor);
    }
    cr_args_start(&args, history->oldest_first ? "XRANGE" : "XREVRANGE");
    cr_args_bytes(&args, op->store->stream.text, op->store->stream.len);
    cr_args_text(&args, history->oldest_first ? from : to);
    cr_args_text(&args, history->oldest_first ? to : from);
    cr_args_text(&args, "COUNT");
    cr_args_number(&args, HISTORY_STEP);
    store_op_send(op, &args, on_entries);
}

/* Whether the device is in the inventory. */
static void on_exists(struct store_op *op, const redisReply *reply)
{
    op->job->history->sought = reply->type == REDIS_REPLY_INTEGER && reply->integer == 0;
    history_ask(op);
}

static void history_seek(struct store_op *op)
{
    struct cr_device_keys keys;
    struct cr_args args;
    if (cr_records_keys(&keys, &op->store->records, op->job->history->device, "") != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    cr_args_start(&args, "EXISTS");
    cr_args_bytes(&args, keys.device.text, keys.device.len);
    store_op_send(op, &args, on_exists);
}

/* Where to go on. False: that was no cursor. */
static bool history_cursor(struct cr_history *history)
{
    size_t len = strlen(history->cursor);
    uint64_t ms;
    if (len > 0 && history->cursor[len - 1] == SOUGHT && history->device[0] != '\0') {
        history->cursor[len - 1] = '\0';
        history->sought = true;
    }
    return len == 0 || id_read(history->cursor, &ms);
}

void store_history_start(struct store_op *op)
{
    struct cr_history *history = op->job->history;
    if (history == NULL) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    if (!history_cursor(history)) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_CURSOR, 0);
        return;
    }
    if (history->entry == NULL) { /* else the connection was lost on the way: it goes on where it was */
        history->limit = history->limit == 0 || history->limit > CR_PAGE_MAX ? CR_PAGE_MAX : history->limit;
        history->count = 0;
        history->entry = calloc(history->limit, sizeof *history->entry);
        if (history->entry == NULL) {
            store_op_refuse(op, CR_REFUSAL_BUSY, 0);
            return;
        }
    }
    if (history->device[0] != '\0' && history->cursor[0] == '\0') {
        history_seek(op);
    } else {
        history_ask(op);
    }
}
