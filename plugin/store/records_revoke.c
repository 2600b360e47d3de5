/* What is revoked: the arguments of revoke.lua, revoked.lua and revoked_page.lua, and the lines in their answers. */
#include "plugin/store/records.h"
#include "plugin/store/records_words.h"

#include <stdio.h>
#include <string.h>

/* ---- arguments ---- */

cr_err cr_args_revoke(struct cr_args *args, const struct cr_records *records, const char *device, const char *slot,
                      int64_t now_s, int64_t lately_s, unsigned reason, const char *only, uint64_t version)
{
    char hold[CR_HOLD_CAP];
    const char *text = cr_revoke_reason_text(reason);
    cr_err err = cr_args_script(args, CR_SCRIPT_REVOKE, records, device, slot, now_s);
    if (err != CR_OK || text == NULL) {
        return err != CR_OK ? err : CR_INVALID;
    }
    (void)snprintf(hold, sizeof hold, "revoked: %s", text);
    cr_args_number(args, (int64_t)reason);
    cr_args_copy(args, hold);
    cr_args_copy(args, only);
    if (version > 0) {
        cr_args_number(args, (int64_t)version);
    } else {
        cr_args_text(args, "");
    }
    cr_args_number(args, lately_s);
    return args->overflow ? CR_FULL : CR_OK;
}

/* A script about what is revoked; its verb and the like follow. */
static void revoked_start(struct cr_args *args, enum cr_script script, const struct cr_records *records)
{
    struct cr_redis_key *meta = &args->keys.device;
    cr_records_plain_key(meta, records, "{revoked}:meta");
    cr_args_start(args, "EVALSHA");
    args->script = script;
    cr_args_text(args, ""); /* the script's SHA-1, by who sends it */
    cr_args_text(args, "1");
    cr_args_bytes(args, meta->text, meta->len);
}

cr_err cr_args_revoked_add(struct cr_args *args, const struct cr_records *records, int64_t at, unsigned reason,
                           const char *device, struct cr_bytes certificates, bool put_back)
{
    revoked_start(args, CR_SCRIPT_REVOKED, records);
    cr_args_text(args, "add");
    cr_args_number(args, at);
    cr_args_number(args, (int64_t)reason);
    cr_args_text(args, device[0] != '\0' ? device : "-");
    cr_args_bytes(args, certificates.data, certificates.len);
    cr_args_text(args, put_back ? "1" : "0");
    return args->overflow ? CR_FULL : CR_OK;
}

cr_err cr_args_revoked_gone(struct cr_args *args, const struct cr_records *records, int64_t now_s,
                            struct cr_bytes certificates)
{
    revoked_start(args, CR_SCRIPT_REVOKED, records);
    cr_args_text(args, "gone");
    cr_args_number(args, now_s);
    cr_args_bytes(args, certificates.data, certificates.len);
    return args->overflow ? CR_FULL : CR_OK;
}

static const char *const states[] = {
    [CR_ISSUER_TRUSTED] = "trusted",
    [CR_ISSUER_RETIRED] = "retired",
    [CR_ISSUER_REVOKED] = "revoked",
};

cr_err cr_args_revoked_issuer(struct cr_args *args, const struct cr_records *records,
                              const struct cr_issuer_mark *mark, bool put_back)
{
    revoked_start(args, CR_SCRIPT_REVOKED, records);
    cr_args_text(args, "issuer");
    cr_args_number(args, mark->at);
    cr_args_text(args, mark->id);
    cr_args_text(args, states[mark->state]);
    cr_args_number(args, (int64_t)mark->reason);
    cr_args_text(args, put_back ? "1" : "0");
    cr_args_number(args, CR_ISSUER_MARKS_MAX);
    return args->overflow ? CR_FULL : CR_OK;
}

cr_err cr_args_revoked_prune(struct cr_args *args, const struct cr_records *records, int64_t now_s)
{
    revoked_start(args, CR_SCRIPT_REVOKED, records);
    cr_args_text(args, "prune");
    cr_args_number(args, now_s);
    return args->overflow ? CR_FULL : CR_OK;
}

cr_err cr_args_revoked_page(struct cr_args *args, const struct cr_records *records, uint64_t after, unsigned looks,
                            unsigned limit, const char *issuer, bool gone, int64_t now_s)
{
    revoked_start(args, CR_SCRIPT_REVOKED_PAGE, records);
    cr_args_number(args, (int64_t)after);
    cr_args_number(args, (int64_t)looks);
    cr_args_number(args, (int64_t)limit);
    cr_args_text(args, issuer);
    cr_args_text(args, gone ? "1" : "0");
    cr_args_number(args, now_s);
    return args->overflow ? CR_FULL : CR_OK;
}

/* ---- answers ---- */

/* The next line, as words with a blank between each; too many are a failure, as is a line without an end. */
static bool line_take(struct cr_bytes *word, unsigned *count, unsigned max, struct cr_bytes *rest)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    *count = 0;
    if (end == NULL) {
        return false;
    }
    const uint8_t *at = rest->data;
    while (*count < max) {
        const uint8_t *blank = memchr(at, ' ', (size_t)(end - at));
        const uint8_t *stop = blank != NULL ? blank : end;
        word[(*count)++] = (struct cr_bytes){ at, (size_t)(stop - at) };
        at = stop;
        if (blank == NULL) {
            break;
        }
        at++;
    }
    if (at != end) {
        return false;
    }
    rest->len -= (size_t)(end + 1 - rest->data);
    rest->data = end + 1;
    return true;
}

static bool number_take(int64_t *number, struct cr_bytes word)
{
    return cr_word_number(number, word) == CR_OK;
}

static bool text_take(char *text, size_t cap, struct cr_bytes word)
{
    return word.len > 0 && cr_word_text(text, cap, word) == CR_OK;
}

static bool word_is(struct cr_bytes word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.data, text, word.len) == 0;
}

static bool reason_take(unsigned *reason, struct cr_bytes word)
{
    int64_t number;
    bool taken = number_take(&number, word) && number < CR_REASON_COUNT;
    *reason = taken ? (unsigned)number : 0;
    return taken && cr_revoke_reason_text(*reason) != NULL;
}

bool cr_withdrawn_read(struct cr_withdrawn *one, struct cr_bytes *rest)
{
    enum { SLOT, CRT, NOT_AFTER, KEY, VERSION, WORDS };
    int64_t version = 0;
    struct cr_bytes word[WORDS];
    unsigned count;
    struct cr_bytes line = *rest;
    *one = (struct cr_withdrawn){ .has_key = false };
    if (!line_take(word, &count, WORDS, &line) || count != WORDS ||
        !text_take(one->slot, sizeof one->slot, word[SLOT]) ||
        !number_take(&one->entry.not_after, word[NOT_AFTER]) || !number_take(&version, word[VERSION])) {
        return false;
    }
    if (!word_is(word[CRT], "-") &&
        (cr_records_crt_parse(&one->entry, word[CRT]) != CR_OK || one->entry.issuer[0] == '\0')) {
        return false;
    }
    one->version = (uint64_t)version;
    one->has_key = !word_is(word[KEY], "-");
    if (one->has_key && cr_records_hash_parse(one->entry.key_hash, word[KEY]) != CR_OK) {
        return false;
    }
    *rest = line;
    return true;
}

cr_err cr_withdrawn_write(char *text, size_t cap, const char *slot, const struct cr_serial *serial, const char *issuer,
                          int64_t not_after)
{
    char crt[CR_CRT_CAP];
    cr_records_crt(crt, serial, issuer);
    int len = snprintf(text, cap, "%s %s %lld - 0\n", slot[0] != '\0' ? slot : "-", crt, (long long)not_after);
    return len > 0 && (size_t)len < cap ? CR_OK : CR_FULL;
}

bool cr_revocation_read(struct cr_revocation *one, struct cr_bytes *rest)
{
    enum { CRT, REASON, AT, NOT_AFTER, DEVICE, WORDS };
    struct cr_bytes word[WORDS];
    struct cr_cert_entry entry = { .not_after = 0 };
    unsigned count;
    struct cr_bytes line = *rest;
    *one = (struct cr_revocation){ .gone = false };
    if (!line_take(word, &count, WORDS, &line) || count < 2 || cr_records_crt_parse(&entry, word[CRT]) != CR_OK ||
        entry.issuer[0] == '\0') {
        return false;
    }
    one->serial = entry.serial;
    memcpy(one->issuer, entry.issuer, sizeof one->issuer);
    one->gone = count == 2 && word_is(word[REASON], "-");
    if (!one->gone &&
        (count != WORDS || !reason_take(&one->reason, word[REASON]) || !number_take(&one->at, word[AT]) ||
         !number_take(&one->not_after, word[NOT_AFTER]) || !text_take(one->device, sizeof one->device, word[DEVICE]))) {
        return false;
    }
    if (strcmp(one->device, "-") == 0) {
        one->device[0] = '\0';
    }
    *rest = line;
    return true;
}

bool cr_issuer_mark_read(struct cr_issuer_mark *mark, struct cr_bytes *rest)
{
    enum { ID, STATE, REASON, AT, WORDS };
    struct cr_bytes word[WORDS];
    unsigned count, state = 0;
    struct cr_bytes line = *rest;
    *mark = (struct cr_issuer_mark){ .at = 0 };
    if (!line_take(word, &count, WORDS, &line) || count != WORDS || !text_take(mark->id, sizeof mark->id, word[ID]) ||
        !reason_take(&mark->reason, word[REASON]) || !number_take(&mark->at, word[AT])) {
        return false;
    }
    while (state < sizeof states / sizeof states[0] && !word_is(word[STATE], states[state])) {
        state++;
    }
    mark->state = (enum cr_issuer_state)state;
    *rest = line;
    return state < sizeof states / sizeof states[0];
}
