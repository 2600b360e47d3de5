/* Listing: where a page goes on, what list.lua is asked, and its rows. */
#include "plugin/store/records.h"

#include <stdio.h>
#include <string.h>

/* "device/slot" */
bool cr_list_member_read(struct cr_bytes member, char device[CR_NAME_CAP], char slot[CR_NAME_CAP])
{
    const uint8_t *slash = member.len > 0 ? memchr(member.data, '/', member.len) : NULL;
    if (slash == NULL) {
        return false;
    }
    size_t device_len = (size_t)(slash - member.data), slot_len = member.len - device_len - 1;
    if (!cr_name_ok((const char *)member.data, device_len) || !cr_name_ok((const char *)slash + 1, slot_len)) {
        return false;
    }
    memcpy(device, member.data, device_len);
    device[device_len] = '\0';
    memcpy(slot, slash + 1, slot_len);
    slot[slot_len] = '\0';
    return true;
}

void cr_list_place_write(char cursor[CR_CURSOR_CAP], const struct cr_list_place *place)
{
    (void)snprintf(cursor, CR_CURSOR_CAP, "%u:%lld:%s", place->bucket, (long long)place->score, place->member);
}

/* Digits up to a colon. */
static bool place_number(const char **text, unsigned digits_max, int64_t *number)
{
    unsigned digits = 0;
    for (*number = 0; **text >= '0' && **text <= '9' && digits < digits_max; (*text)++, digits++) {
        *number = *number * 10 + (**text - '0');
    }
    return digits > 0 && *(*text)++ == ':';
}

bool cr_list_place_read(struct cr_list_place *place, const char *cursor, unsigned buckets)
{
    enum { BUCKET_DIGITS = 6, SCORE_DIGITS = 15 };
    char device[CR_NAME_CAP], slot[CR_NAME_CAP];
    int64_t bucket = 0;
    *place = (struct cr_list_place){ .bucket = 0 };
    if (cursor[0] == '\0') {
        return true;
    }
    if (!place_number(&cursor, BUCKET_DIGITS, &bucket) || bucket >= (int64_t)buckets ||
        !place_number(&cursor, SCORE_DIGITS, &place->score)) {
        return false;
    }
    place->bucket = (unsigned)bucket;
    size_t len = strlen(cursor);
    if (len >= sizeof place->member ||
        (len > 0 && !cr_list_member_read((struct cr_bytes){ (const uint8_t *)cursor, len }, device, slot))) {
        return false;
    }
    memcpy(place->member, cursor, len + 1);
    return true;
}

/* ---- arguments ---- */

static const char *state_text(enum cr_filter_state state)
{
    static const char *const text[] = {
        [CR_FILTER_ANY] = "",
        [CR_FILTER_QUIET] = "quiet",
        [CR_FILTER_TRIGGERED] = "triggered",
        [CR_FILTER_ISSUING] = "issuing",
        [CR_FILTER_ISSUED] = "issued",
        [CR_FILTER_HELD] = "held",
    };
    return (unsigned)state < sizeof text / sizeof text[0] ? text[state] : "";
}

static void number_if(struct cr_args *args, bool given, int64_t number)
{
    if (given) {
        cr_args_number(args, number);
    } else {
        cr_args_text(args, "");
    }
}

cr_err cr_args_list(struct cr_args *args, const struct cr_records *records, const struct cr_list *list,
                    const struct cr_list_place *place, int64_t now_s, unsigned looks, unsigned rows)
{
    const struct cr_filter *filter = &list->filter;
    struct cr_device_keys *keys = &args->keys;
    bool alerts = list->source == CR_LIST_ALERTS;
    cr_err err = CR_FULL;
    cr_args_start(args, "EVALSHA");
    args->script = CR_SCRIPT_LIST;
    CR_TRY(cr_records_bucket_key(&keys->expiry, records, place->bucket, alerts ? "alerts" : "expiry"));
    CR_TRY(cr_records_bucket_key(&keys->agenda, records, place->bucket, "agenda"));
    CR_TRY(cr_records_bucket_key(&keys->device, records, place->bucket, "device:"));
    cr_args_text(args, ""); /* the script's SHA-1, by who sends it */
    cr_args_text(args, "2");
    cr_args_bytes(args, keys->expiry.text, keys->expiry.len);
    cr_args_bytes(args, keys->agenda.text, keys->agenda.len);
    cr_args_number(args, now_s);
    cr_args_number(args, place->score);
    cr_args_text(args, place->member);
    cr_args_number(args, looks);
    cr_args_number(args, rows);
    cr_args_bytes(args, keys->device.text, keys->device.len);
    cr_args_text(args, state_text(filter->state));
    cr_args_text(args, filter->slot);
    cr_args_text(args, filter->issuer);
    cr_args_text(args, filter->tag);
    cr_args_text(args, filter->prefix);
    cr_args_text(args, filter->campaign);
    number_if(args, filter->expires_within_s > 0, now_s + filter->expires_within_s);
    number_if(args, filter->not_seen_for_s > 0, now_s - filter->not_seen_for_s);
    number_if(args, filter->level > CR_LEVEL_NONE, (int64_t)filter->level);
    number_if(args, alerts && filter->acknowledged >= 0, filter->acknowledged != 0);
    cr_args_text(args, list->pick.campaign);
    cr_args_number(args, list->pick.share);
    cr_args_text(args, list->pick.tag);
    number_if(args, filter->issued_after > 0, filter->issued_after);
    number_if(args, filter->issued_before > 0, filter->issued_before);
    cr_args_text(args, filter->factory);
    cr_args_bytes(args, &filter->revoked, filter->revoked != '\0');
    number_if(args, filter->trust_before > 0, (int64_t)filter->trust_before);
    err = args->overflow ? CR_FULL : CR_OK;
out:
    return err;
}

/* ---- a row ---- */

static bool is_device(const struct cr_records *records, const struct cr_answer *answer, const char *device)
{
    struct cr_device_keys keys;
    if (cr_records_keys(&keys, records, device, "") != CR_OK) {
        return false;
    }
    for (unsigned i = 0; i + 1 < answer->pair_count; i += 2) {
        struct cr_bytes name = answer->pair[i], mark = answer->pair[i + 1];
        if (name.len == 2 && memcmp(name.data, "id", 2) == 0) {
            return mark.len == strlen(keys.mark) && memcmp(mark.data, keys.mark, mark.len) == 0;
        }
    }
    return false;
}

cr_err cr_list_row_read(struct cr_row *row, const struct cr_records *records, const struct cr_answer *answer,
                        struct cr_bytes member, int64_t now_s)
{
    char device[CR_NAME_CAP], slot[CR_NAME_CAP];
    struct cr_device_record *record;
    if (!cr_list_member_read(member, device, slot) || !is_device(records, answer, device)) {
        return CR_INVALID;
    }
    cr_err err = cr_answer_record(answer, device, slot, now_s, &record);
    if (err != CR_OK) {
        return err;
    }
    if (record->slot_count == 1 && record->slot[0].current.serial.len > 0) {
        *row = (struct cr_row){
            .first_seen = record->first_seen,
            .last_seen = record->last_seen,
            .gap_s = record->gap_s,
            .trust_version = record->trust_version,
            .slot = record->slot[0], /* nothing of it is on the heap: no certificate was asked for */
        };
        memcpy(row->device, record->device, sizeof row->device);
        memcpy(row->broker, record->broker, sizeof row->broker);
        memcpy(row->tags, record->tags, sizeof row->tags);
        memcpy(row->factory, record->factory, sizeof row->factory);
    } else {
        err = CR_NOT_FOUND;
    }
    cr_device_record_free(record);
    return err;
}
