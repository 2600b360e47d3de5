/* The fields of a device that are of no slot. */
#include "plugin/store/records.h"
#include "plugin/store/records_words.h"

#include <string.h>

struct cr_bytes cr_word_next(struct cr_bytes *rest)
{
    const uint8_t *blank = rest->len > 0 ? memchr(rest->data, ' ', rest->len) : NULL;
    struct cr_bytes word = { rest->data, blank != NULL ? (size_t)(blank - rest->data) : rest->len };
    rest->data += blank != NULL ? word.len + 1 : word.len;
    rest->len -= blank != NULL ? word.len + 1 : word.len;
    return word;
}

cr_err cr_word_text(char *text, size_t cap, struct cr_bytes word)
{
    text[0] = '\0';
    if (word.data == NULL || word.len >= cap || memchr(word.data, '\0', word.len) != NULL) {
        return CR_INVALID;
    }
    memcpy(text, word.data, word.len);
    text[word.len] = '\0';
    return CR_OK;
}

cr_err cr_word_number(int64_t *number, struct cr_bytes word)
{
    enum { DIGITS_MAX = 18 };
    *number = 0;
    if (word.data == NULL || word.len == 0 || word.len > DIGITS_MAX) {
        return CR_INVALID;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '9') {
            return CR_INVALID;
        }
        *number = *number * 10 + (word.data[i] - '0');
    }
    return CR_OK;
}

/* ---- the fields ---- */

static cr_err take_fs(struct cr_device_record *record, struct cr_bytes value)
{
    return cr_word_number(&record->first_seen, value);
}

static cr_err take_ls(struct cr_device_record *record, struct cr_bytes value)
{
    return cr_word_number(&record->last_seen, value);
}

static cr_err take_gap(struct cr_device_record *record, struct cr_bytes value)
{
    return cr_word_number(&record->gap_s, value);
}

static cr_err take_br(struct cr_device_record *record, struct cr_bytes value)
{
    return cr_word_text(record->broker, sizeof record->broker, value);
}

static cr_err take_tags(struct cr_device_record *record, struct cr_bytes value)
{
    return cr_word_text(record->tags, sizeof record->tags, value);
}

static cr_err take_tb(struct cr_device_record *record, struct cr_bytes value)
{
    int64_t version;
    cr_err err = cr_word_number(&version, value);
    record->trust_version = (uint64_t)version;
    return err;
}

static const struct {
    const char *name;
    cr_err (*take)(struct cr_device_record *record, struct cr_bytes value);
} fields[] = {
    { "fs", take_fs },   { "ls", take_ls },   { "gap", take_gap }, { "br", take_br }, { "tags", take_tags },
    { "tb", take_tb },
};

cr_err cr_record_device_field(struct cr_device_record *record, struct cr_bytes name, struct cr_bytes value)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strlen(fields[i].name) == name.len && memcmp(fields[i].name, name.data, name.len) == 0) {
            return value.data == NULL ? CR_INVALID : fields[i].take(record, value);
        }
    }
    return cr_enrol_field(record, name, value); /* CR_OK of id, the scripts' own, and of what a later version may add */
}
