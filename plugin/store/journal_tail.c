#include "plugin/store/journal_tail.h"

#include "common/clock.h"
#include "plugin/store/journal_line.h"

#include <stdlib.h>
#include <string.h>

enum { TAIL_FIRST = 64, INDEX_CHAINS = 4096 };

struct cr_tail {
    struct cr_tail_entry *entry; /* a ring once it has grown to its capacity: number n is at (n - 1) % cap */
    unsigned cap, capacity;
    uint64_t first, next;
    struct cr_undone_list undone;
    uint64_t chain[INDEX_CHAINS]; /* by key: number of the newest entry; what is older than first has gone */
};

cr_err cr_tail_new(struct cr_tail **tail, unsigned capacity)
{
    *tail = calloc(1, sizeof **tail);
    if (*tail == NULL) {
        return CR_NOMEM;
    }
    (*tail)->capacity = capacity > 0 ? capacity : 1;
    (*tail)->first = (*tail)->next = 1;
    return CR_OK;
}

void cr_tail_free(struct cr_tail *tail)
{
    if (tail != NULL) {
        free(tail->entry);
        cr_undone_free(&tail->undone);
        free(tail);
    }
}

static struct cr_tail_entry *tail_at(const struct cr_tail *tail, uint64_t number)
{
    return &tail->entry[(number - 1) % tail->cap];
}

static unsigned chain_of(const uint8_t key_hash[CR_SHA256_LEN])
{
    return (unsigned)(key_hash[0] << 8 | key_hash[1]) % INDEX_CHAINS;
}

cr_err cr_tail_add(struct cr_tail *tail, const struct cr_restore *restore, uint64_t offset, size_t len)
{
    if (tail->next - tail->first == tail->cap && tail->cap < tail->capacity) {
        /* It grows only before it goes round, so every entry keeps its place. */
        unsigned cap = tail->cap > 0 ? tail->cap * 2 : TAIL_FIRST;
        cap = cap < tail->capacity ? cap : tail->capacity;
        struct cr_tail_entry *bigger = realloc(tail->entry, cap * sizeof *bigger);
        if (bigger == NULL) {
            return CR_NOMEM;
        }
        tail->entry = bigger;
        tail->cap = cap;
    }
    if (tail->next - tail->first == tail->cap) {
        tail->first++;
    }
    uint64_t *chain = &tail->chain[chain_of(restore->entry.key_hash)];
    *tail_at(tail, tail->next) =
        (struct cr_tail_entry){ .restore = *restore, .offset = offset, .len = (uint32_t)len, .older = *chain };
    *chain = tail->next++;
    return CR_OK;
}

uint64_t cr_tail_first(const struct cr_tail *tail)
{
    return tail->first;
}

uint64_t cr_tail_next(const struct cr_tail *tail)
{
    return tail->next;
}

const struct cr_tail_entry *cr_tail_get(const struct cr_tail *tail, uint64_t number)
{
    return number >= tail->first && number < tail->next ? tail_at(tail, number) : NULL;
}

const struct cr_tail_entry *cr_tail_find_key(const struct cr_tail *tail, const uint8_t key_hash[CR_SHA256_LEN])
{
    const struct cr_tail_entry *entry = cr_tail_get(tail, tail->chain[chain_of(key_hash)]);
    while (entry != NULL && memcmp(entry->restore.entry.key_hash, key_hash, CR_SHA256_LEN) != 0) {
        entry = cr_tail_get(tail, entry->older);
    }
    return entry;
}

void cr_tail_void(struct cr_tail *tail, const struct cr_serial *serial)
{
    for (uint64_t number = tail->next; number-- > tail->first;) {
        struct cr_tail_entry *entry = tail_at(tail, number);
        if (!entry->restore.confirmed && cr_serial_equal(&entry->restore.entry.serial, serial)) {
            entry->gone = true;
            return;
        }
    }
}

struct cr_undone_list *cr_tail_undone(struct cr_tail *tail)
{
    return &tail->undone;
}

/* ---- reading lines ---- */

static cr_err text_field(struct cr_bytes line, const char *name, char *text, size_t cap)
{
    struct cr_bytes value = cr_line_field(line, name);
    text[0] = '\0';
    if (value.data == NULL || value.len >= cap) {
        return CR_INVALID;
    }
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    return CR_OK;
}

static cr_err time_field(struct cr_bytes line, const char *name, int64_t *unix_s)
{
    char text[CR_TIME_TEXT];
    cr_err err = text_field(line, name, text, sizeof text);
    return err == CR_OK ? cr_time_parse(unix_s, text) : err;
}

static cr_err number_field(struct cr_bytes line, const char *name, uint64_t *number)
{
    struct cr_bytes value = cr_line_field(line, name);
    *number = 0;
    if (value.data == NULL || value.len == 0 || value.len > 18) {
        return CR_INVALID;
    }
    for (size_t i = 0; i < value.len; i++) {
        *number = *number * 10 + (uint64_t)(value.data[i] - '0');
    }
    return CR_OK;
}

static cr_err serial_field(struct cr_bytes line, struct cr_serial *serial)
{
    char text[CR_SERIAL_TEXT];
    cr_err err = text_field(line, "serial", text, sizeof text);
    return err == CR_OK ? cr_serial_parse(serial, text) : err;
}

static cr_err key_field(struct cr_bytes line, uint8_t hash[CR_SHA256_LEN])
{
    char text[2 * CR_SHA256_LEN + 1];
    size_t len = 0;
    cr_err err = text_field(line, "key", text, sizeof text);
    if (err == CR_OK) {
        err = cr_hex_decode(hash, CR_SHA256_LEN, &len, text);
    }
    return err == CR_OK && len != CR_SHA256_LEN ? CR_INVALID : err;
}

cr_err cr_restore_read(struct cr_restore *restore, struct cr_bytes line)
{
    cr_err err = CR_INVALID;
    struct cr_bytes format = cr_line_field(line, "format");
    CR_TRY(text_field(line, "device", restore->device, sizeof restore->device));
    CR_TRY(text_field(line, "slot", restore->slot, sizeof restore->slot));
    CR_TRY(text_field(line, "issuer", restore->entry.issuer, sizeof restore->entry.issuer));
    CR_TRY(serial_field(line, &restore->entry.serial));
    CR_TRY(key_field(line, restore->entry.key_hash));
    CR_TRY(time_field(line, "notBefore", &restore->entry.not_before));
    CR_TRY(time_field(line, "notAfter", &restore->entry.not_after));
    CR_TRY(time_field(line, "due", &restore->due));
    CR_TRY(number_field(line, "generation", &restore->generation));
    CR_TRY(number_field(line, "version", &restore->version));
    (void)text_field(line, "renewalId", restore->renewal_id, sizeof restore->renewal_id);
    if (format.data != NULL) {
        restore->format = cr_csr_format_parse(format);
    }
out:
    return err;
}

static bool what_is(struct cr_bytes line, const char *text)
{
    struct cr_bytes what = cr_line_field(line, "what");
    return what.len == strlen(text) && memcmp(what.data, text, what.len) == 0;
}

bool cr_tail_takes(struct cr_bytes line)
{
    return what_is(line, "issued") || what_is(line, "confirmed");
}

cr_err cr_tail_line(struct cr_tail *tail, struct cr_bytes line, uint64_t offset)
{
    struct cr_restore restore = { .confirmed = false };
    if (what_is(line, "void")) {
        cr_err err = serial_field(line, &restore.entry.serial);
        if (err == CR_OK) {
            cr_tail_void(tail, &restore.entry.serial);
        }
        return err;
    }
    if (!cr_tail_takes(line)) {
        return cr_undone_line(&tail->undone, line);
    }
    restore.confirmed = what_is(line, "confirmed");
    cr_err err = cr_restore_read(&restore, line);
    return err == CR_OK ? cr_tail_add(tail, &restore, offset, line.len) : err;
}

cr_err cr_tail_der(struct cr_blob *der, struct cr_bytes line)
{
    uint8_t bytes[CR_CERT_MAX];
    size_t len = 0;
    struct cr_bytes text = cr_line_field(line, "certificate");
    *der = (struct cr_blob){ NULL, 0 };
    if (text.data == NULL) {
        return CR_NOT_FOUND;
    }
    cr_err err = cr_base64_decode(bytes, sizeof bytes, &len, (const char *)text.data, text.len);
    return err == CR_OK ? cr_blob_copy(der, bytes, len) : err;
}
