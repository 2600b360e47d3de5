#include "plugin/store/journal_revoked.h"

#include "common/clock.h"
#include "plugin/store/journal_line.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 64 };

void cr_undone_free(struct cr_undone_list *list)
{
    free(list->one);
    *list = (struct cr_undone_list){ .count = 0 };
}

cr_err cr_undone_add(struct cr_undone_list *list, const struct cr_undone *one)
{
    if (list->count == list->cap && list->cap < CR_UNDONE_MAX) {
        unsigned cap = list->cap > 0 ? list->cap * 2 : FIRST;
        struct cr_undone *bigger = realloc(list->one, cap * sizeof *bigger);
        if (bigger == NULL) {
            return CR_NOMEM;
        }
        list->one = bigger;
        list->cap = cap;
    }
    list->one[list->next++ % list->cap] = *one;
    list->count += list->count < list->cap;
    return CR_OK;
}

const struct cr_undone *cr_undone_get(const struct cr_undone_list *list, unsigned index)
{
    return index < list->count ? &list->one[(list->next - list->count + index) % list->cap] : NULL;
}

void cr_undone_released(struct cr_undone_list *list, const char *device, const char *slot)
{
    for (unsigned i = 0; i < list->count; i++) {
        struct cr_undone *one = &list->one[i];
        if (strcmp(one->entry.device, device) == 0 && strcmp(one->slot, slot) == 0) {
            one->slot[0] = '\0';
            one->gone = one->entry.reason == CR_REASON_CERTIFICATE_HOLD || one->entry.serial.len == 0;
        }
    }
}

/* ---- lines ---- */

static cr_err text_field(struct cr_bytes line, const char *name, char *text, size_t cap)
{
    struct cr_bytes value = cr_line_field(line, name);
    text[0] = '\0';
    if (value.len >= cap) {
        return CR_INVALID;
    }
    if (value.len > 0) {
        memcpy(text, value.data, value.len);
    }
    text[value.len] = '\0';
    return CR_OK;
}

static cr_err time_field(struct cr_bytes line, const char *name, int64_t *unix_s)
{
    char text[CR_TIME_TEXT];
    cr_err err = text_field(line, name, text, sizeof text);
    return err == CR_OK ? cr_time_parse(unix_s, text) : err;
}

static cr_err undone_read(struct cr_undone *one, struct cr_bytes line)
{
    char serial[CR_SERIAL_TEXT], reason[32];
    struct cr_bytes version = cr_line_field(line, "version");
    cr_err err = CR_INVALID;
    CR_TRY(text_field(line, "device", one->entry.device, sizeof one->entry.device));
    CR_TRY(text_field(line, "slot", one->slot, sizeof one->slot));
    CR_TRY(text_field(line, "issuer", one->entry.issuer, sizeof one->entry.issuer));
    CR_TRY(text_field(line, "reason", reason, sizeof reason));
    CR_TRY(time_field(line, "since", &one->entry.at));
    CR_TRY(text_field(line, "serial", serial, sizeof serial));
    if (serial[0] != '\0') {
        CR_TRY(cr_serial_parse(&one->entry.serial, serial));
        CR_TRY(time_field(line, "notAfter", &one->entry.not_after));
    }
    for (size_t i = 0; i < version.len && i < 18; i++) {
        one->version = one->version * 10 + (uint64_t)(version.data[i] - '0');
    }
    one->entry.reason = cr_revoke_reason_parse(reason);
    err = one->entry.reason < CR_REASON_COUNT ? CR_OK : CR_INVALID;
out:
    return err;
}

static bool what_is(struct cr_bytes what, const char *text)
{
    return what.len == strlen(text) && memcmp(what.data, text, what.len) == 0;
}

cr_err cr_undone_line(struct cr_undone_list *list, struct cr_bytes line)
{
    static const struct {
        const char *what;
        bool issuer;
        enum cr_issuer_state state;
    } kinds[] = {
        { "revoked", false, CR_ISSUER_TRUSTED },       { "issuer-revoked", true, CR_ISSUER_REVOKED },
        { "issuer-retired", true, CR_ISSUER_RETIRED }, { "issuer-restored", true, CR_ISSUER_TRUSTED },
    };
    struct cr_bytes what = cr_line_field(line, "what");
    char device[CR_NAME_CAP], slot[CR_NAME_CAP];
    if (what_is(what, "released")) {
        if (text_field(line, "device", device, sizeof device) == CR_OK &&
            text_field(line, "slot", slot, sizeof slot) == CR_OK) {
            cr_undone_released(list, device, slot);
        }
        return CR_OK;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (what_is(what, kinds[i].what)) {
            struct cr_undone one = { .issuer = kinds[i].issuer, .state = kinds[i].state };
            cr_err err = undone_read(&one, line);
            return err == CR_OK ? cr_undone_add(list, &one) : err;
        }
    }
    return CR_OK;
}
