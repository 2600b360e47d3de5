/* Listing: where a page goes on. */
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
