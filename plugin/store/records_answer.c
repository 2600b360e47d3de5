#include "plugin/store/records.h"
#include "plugin/store/records_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cr_answer_is(const struct cr_answer *answer, const char *code)
{
    size_t len = strlen(code);
    return answer->code.len == len && memcmp(answer->code.data, code, len) == 0;
}

static cr_err counter_take(uint64_t *counter, struct cr_bytes from)
{
    int64_t number;
    cr_err err = cr_word_number(&number, from);
    *counter = (uint64_t)number;
    return err;
}

cr_err cr_records_hash_parse(uint8_t hash[CR_SHA256_LEN], struct cr_bytes from)
{
    char text[CR_HASH_TEXT + 1];
    size_t len = 0;
    if (from.len != CR_HASH_TEXT - 1) {
        return CR_INVALID;
    }
    for (size_t i = 0; i < from.len; i++) {
        char c = (char)from.data[i];
        if (c == '+' || c == '/') {
            return CR_INVALID;
        }
        text[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    text[from.len] = '=';
    text[from.len + 1] = '\0';
    cr_err err = cr_base64_decode(hash, CR_SHA256_LEN, &len, text, from.len + 1);
    return err == CR_OK && len == CR_SHA256_LEN ? CR_OK : CR_INVALID;
}

cr_err cr_answer_text(const struct cr_answer *answer, unsigned part, char *text, size_t cap)
{
    text[0] = '\0';
    return part < answer->part_count ? cr_word_text(text, cap, answer->part[part]) : CR_INVALID;
}

cr_err cr_answer_number(const struct cr_answer *answer, unsigned part, int64_t *number)
{
    *number = 0;
    return part < answer->part_count ? cr_word_number(number, answer->part[part]) : CR_INVALID;
}

static const char *const format_text[] = {
    [CR_FORMAT_PEM] = "pem",
    [CR_FORMAT_DER] = "der",
    [CR_FORMAT_JSON] = "json",
};

const char *cr_csr_format_text(enum cr_csr_format format)
{
    return (unsigned)format < sizeof format_text / sizeof format_text[0] ? format_text[format] : "pem";
}

enum cr_csr_format cr_csr_format_parse(struct cr_bytes text)
{
    for (unsigned i = 0; i < sizeof format_text / sizeof format_text[0]; i++) {
        if (text.len == strlen(format_text[i]) && memcmp(text.data, format_text[i], text.len) == 0) {
            return (enum cr_csr_format)i;
        }
    }
    return CR_FORMAT_PEM;
}

/* ---- a slot's fields: a table of names and what takes them ---- */

typedef cr_err field_take_fn(struct cr_slot_record *slot, struct cr_bytes value);

static cr_err take_crt(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_records_crt_parse(&slot->current, value);
}

static cr_err take_key(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_records_hash_parse(slot->current.key_hash, value);
}

static cr_err take_nb(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_word_number(&slot->current.not_before, value);
}

static cr_err take_na(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_word_number(&slot->current.not_after, value);
}

static cr_err take_gen(struct cr_slot_record *slot, struct cr_bytes value)
{
    return counter_take(&slot->generation, value);
}

static cr_err take_ver(struct cr_slot_record *slot, struct cr_bytes value)
{
    return counter_take(&slot->version, value);
}

static cr_err take_old(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_records_crt_parse(&slot->superseded, value);
}

static cr_err take_oldat(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_word_number(&slot->superseded.not_after, value);
}

static cr_err take_hold(struct cr_slot_record *slot, struct cr_bytes value)
{
    slot->held = true;
    return cr_word_text(slot->hold, sizeof slot->hold, value);
}

/* "<reason> <since>" */
static cr_err take_rev(struct cr_slot_record *slot, struct cr_bytes value)
{
    int64_t reason = 0;
    cr_err err = CR_INVALID;
    CR_TRY(cr_word_number(&reason, cr_word_next(&value)));
    CR_TRY(cr_word_number(&slot->revoked.at, value));
    slot->revoked.reason = reason < CR_REASON_COUNT ? (unsigned)reason : CR_REASON_COUNT;
    slot->held = true;
    err = slot->revoked.at > 0 && cr_revoke_reason_text(slot->revoked.reason) != NULL ? CR_OK : CR_INVALID;
out:
    return err;
}

static cr_err take_st(struct cr_slot_record *slot, struct cr_bytes value)
{
    for (int state = CR_STATE_TRIGGERED; state < CR_STATE_COUNT; state++) {
        const char *text = cr_state_text((enum cr_state)state);
        if (value.len == strlen(text) && memcmp(value.data, text, value.len) == 0) {
            slot->state = (enum cr_state)state;
            return CR_OK;
        }
    }
    return CR_INVALID;
}

static cr_err take_rid(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_word_text(slot->renewal_id, sizeof slot->renewal_id, value);
}

static cr_err take_why(struct cr_slot_record *slot, struct cr_bytes value)
{
    char text[CR_NAME_CAP];
    cr_err err = cr_word_text(text, sizeof text, value);
    slot->reason = cr_renew_reason_parse(text);
    if (slot->reason == CR_RENEW_COUNT) {
        slot->reason = CR_RENEW_POLICY; /* a newer broker's reason; ours to pass on, not to judge */
    }
    return err;
}

static cr_err count_take(unsigned *count, struct cr_bytes from)
{
    int64_t number;
    cr_err err = cr_word_number(&number, from);
    *count = number > 1000000 ? 1000000 : (unsigned)number;
    return err;
}

static cr_err take_try(struct cr_slot_record *slot, struct cr_bytes value)
{
    return count_take(&slot->attempt, value);
}

static cr_err take_miss(struct cr_slot_record *slot, struct cr_bytes value)
{
    return count_take(&slot->unanswered, value);
}

static cr_err take_fail(struct cr_slot_record *slot, struct cr_bytes value)
{
    return count_take(&slot->failures, value);
}

static cr_err take_ret(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_word_number(&slot->retry_at, value);
}

static cr_err take_end(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_word_number(&slot->deadline, value);
}

static cr_err take_pcrt(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_records_crt_parse(&slot->pending, value);
}

static cr_err take_pkey(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_records_hash_parse(slot->pending.key_hash, value);
}

static cr_err take_pend(struct cr_slot_record *slot, struct cr_bytes value)
{
    cr_err err = CR_INVALID;
    int64_t due, lease; /* the scripts' own */
    CR_TRY(cr_word_number(&slot->pending.not_before, cr_word_next(&value)));
    CR_TRY(cr_word_number(&slot->pending.not_after, cr_word_next(&value)));
    CR_TRY(cr_word_number(&due, cr_word_next(&value)));
    CR_TRY(cr_word_number(&lease, cr_word_next(&value)));
    slot->format = cr_csr_format_parse(value);
out:
    return err;
}

/* "<id> <group> <state>" */
static cr_err take_cmp(struct cr_slot_record *slot, struct cr_bytes value)
{
    struct cr_bytes id = cr_word_next(&value), group = cr_word_next(&value);
    cr_err err = CR_INVALID;
    CR_TRY(cr_word_text(slot->campaign.id, sizeof slot->campaign.id, id));
    CR_TRY(count_take(&slot->campaign.group, group));
    slot->campaign.state = value.len == 1 ? (char)value.data[0] : 'a';
out:
    return err;
}

/* "<since> <level> <step> <stage> <wakes>" */
static cr_err take_al(struct cr_slot_record *slot, struct cr_bytes value)
{
    struct cr_slot_alert *alert = &slot->alert;
    unsigned level = 0;
    cr_err err = CR_INVALID;
    CR_TRY(cr_word_number(&alert->since, cr_word_next(&value)));
    CR_TRY(count_take(&level, cr_word_next(&value)));
    CR_TRY(count_take(&alert->step, cr_word_next(&value)));
    struct cr_bytes stage = cr_word_next(&value);
    alert->level = level > CR_LEVEL_CRITICAL ? CR_LEVEL_CRITICAL : (enum cr_alert_level)level;
    alert->stage = stage.len != 1           ? CR_CALL_TRIGGER
                   : stage.data[0] == 'f' ? CR_CALL_FIELD
                   : stage.data[0] == 'w' ? CR_CALL_WAKE
                                          : CR_CALL_TRIGGER;
    CR_TRY(count_take(&alert->wakes, value));
out:
    return err;
}

/* "<when> <who>" */
static cr_err take_ack(struct cr_slot_record *slot, struct cr_bytes value)
{
    cr_err err = cr_word_number(&slot->alert.acknowledged, cr_word_next(&value));
    return err == CR_OK ? cr_word_text(slot->alert.by, sizeof slot->alert.by, value) : err;
}

static cr_err take_at(struct cr_slot_record *slot, struct cr_bytes value)
{
    return cr_word_number(&slot->due, value);
}

static cr_err take_der(struct cr_slot_record *slot, struct cr_bytes value)
{
    cr_blob_fini(&slot->certificate);
    return value.len > CR_CERT_MAX ? CR_INVALID : cr_blob_copy(&slot->certificate, value.data, value.len);
}

static const struct {
    const char *name;
    field_take_fn *take;
} fields[] = {
    { "crt", take_crt },   { "key", take_key },     { "nb", take_nb },     { "na", take_na },     { "gen", take_gen },
    { "ver", take_ver },   { "old", take_old },     { "oldat", take_oldat }, { "hold", take_hold }, { "st", take_st },
    { "rid", take_rid },   { "why", take_why },     { "try", take_try },   { "end", take_end },   { "pcrt", take_pcrt },
    { "pkey", take_pkey }, { "pend", take_pend },   { "at", take_at },     { "der", take_der },
    { "miss", take_miss }, { "fail", take_fail },   { "ret", take_ret },
    { "rev", take_rev },   { "cmp", take_cmp },   { "al", take_al },       { "ack", take_ack },
};

static cr_err slot_field(struct cr_slot_record *slot, struct cr_bytes name, struct cr_bytes value)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strlen(fields[i].name) == name.len && memcmp(fields[i].name, name.data, name.len) == 0) {
            return value.data == NULL ? CR_INVALID : fields[i].take(slot, value);
        }
    }
    return CR_OK; /* lr, due, own, reg: the scripts' own; and what a later version may add */
}

static struct cr_slot_record *slot_of(struct cr_device_record *record, struct cr_bytes name)
{
    for (unsigned i = 0; i < record->slot_count; i++) {
        struct cr_slot_record *slot = &record->slot[i];
        if (strlen(slot->slot) == name.len && memcmp(slot->slot, name.data, name.len) == 0) {
            return slot;
        }
    }
    if (record->slot_count == CR_RECORD_SLOTS) {
        return NULL;
    }
    struct cr_slot_record *slot = &record->slot[record->slot_count++];
    memcpy(slot->slot, name.data, name.len);
    return slot;
}

static cr_err record_field(struct cr_device_record *record, const char *only, struct cr_bytes name,
                           struct cr_bytes value)
{
    const uint8_t *colon = name.len > 0 ? memrchr(name.data, ':', name.len) : NULL;
    if (colon != NULL) {
        size_t len = (size_t)(colon - name.data);
        if (only != NULL && (strlen(only) != len || memcmp(only, name.data, len) != 0)) {
            return CR_OK;
        }
        if (!cr_name_ok((const char *)name.data, len)) {
            return CR_INVALID;
        }
        struct cr_slot_record *slot = slot_of(record, (struct cr_bytes){ name.data, len });
        return slot == NULL ? CR_OK /* there is no room to show it */
                            : slot_field(slot, (struct cr_bytes){ colon + 1, name.len - len - 1 }, value);
    }
    return cr_record_device_field(record, name, value);
}

/* A trigger past its deadline is quiet; Redis learns that when something next happens to the slot. */
static void slot_settle(struct cr_slot_record *slot, int64_t now_s)
{
    if (slot->state == CR_STATE_TRIGGERED && slot->deadline <= now_s && !slot->held) {
        slot->state = CR_STATE_QUIET;
        slot->renewal_id[0] = '\0';
        slot->reason = CR_RENEW_NONE;
        slot->attempt = 0;
        slot->deadline = 0;
        slot->retry_at = 0;
        slot->unanswered++;
    } else if (slot->state == CR_STATE_QUIET) {
        slot->pending = (struct cr_cert_entry){ .not_after = 0 }; /* what was under way when it was revoked */
    } else { /* unless told otherwise, the device asked by itself */
        slot->attempt = slot->attempt == 0 ? 1 : slot->attempt;
        slot->reason = slot->reason == CR_RENEW_NONE ? CR_RENEW_EXPIRY : slot->reason;
    }
}

static int by_slot(const void *a, const void *b)
{
    return strcmp(((const struct cr_slot_record *)a)->slot, ((const struct cr_slot_record *)b)->slot);
}

cr_err cr_answer_record(const struct cr_answer *answer, const char *device, const char *only, int64_t now_s,
                        struct cr_device_record **record)
{
    struct cr_device_record *made;
    cr_err err = cr_device_record_new(&made);
    *record = NULL;
    if (err != CR_OK) {
        return err;
    }
    CR_TRY(cr_text_copy(made->device, sizeof made->device, device));
    for (unsigned i = 0; i + 1 < answer->pair_count; i += 2) {
        CR_TRY(record_field(made, only, answer->pair[i], answer->pair[i + 1]));
    }
    for (unsigned i = 0; i < made->slot_count; i++) {
        slot_settle(&made->slot[i], now_s);
    }
    qsort(made->slot, made->slot_count, sizeof made->slot[0], by_slot); /* Redis' order of fields is no order */
    *record = made;
    made = NULL;
out:
    cr_device_record_free(made);
    return err;
}
