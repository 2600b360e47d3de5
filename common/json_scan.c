#include "common/json_scan.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_LIMIT = 64 }; /* whatever a caller asks for: the walk recurses */

struct scan {
    const uint8_t *at, *end;
};

static bool take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != (uint8_t)c) {
        return false;
    }
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    while (*word != '\0' && take(scan, *word)) {
        word++;
    }
    return *word == '\0';
}

static void skip_space(struct scan *scan)
{
    while (take(scan, ' ') || take(scan, '\n') || take(scan, '\r') || take(scan, '\t')) {
    }
}

static bool is_digit(const struct scan *scan)
{
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static bool take_digits(struct scan *scan)
{
    bool any = is_digit(scan);
    while (is_digit(scan)) {
        scan->at++;
    }
    return any;
}

static bool take_number(struct scan *scan)
{
    (void)take(scan, '-');
    if (!take(scan, '0') && !take_digits(scan)) {
        return false;
    }
    if (take(scan, '.') && !take_digits(scan)) {
        return false;
    }
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+')) {
            (void)take(scan, '-');
        }
        return take_digits(scan);
    }
    return true;
}

static bool take_hex4(struct scan *scan, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        if (scan->at == scan->end) {
            return false;
        }
        unsigned c = *scan->at;
        unsigned lower = c | 32;
        if (c >= '0' && c <= '9') {
            *value = *value << 4 | (c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            *value = *value << 4 | (lower - 'a' + 10);
        } else {
            return false;
        }
    }
    return true;
}

/* What follows a backslash. NUL would end a C string early; half a surrogate pair is no character. */
static bool take_escape(struct scan *scan)
{
    if (scan->at < scan->end && *scan->at != '\0' && strchr("\"\\/bfnrt", *scan->at) != NULL) {
        scan->at++;
        return true;
    }
    unsigned high, low;
    if (!take(scan, 'u') || !take_hex4(scan, &high) || high == 0 || (high >= 0xdc00 && high <= 0xdfff)) {
        return false;
    }
    if (high < 0xd800 || high > 0xdbff) {
        return true;
    }
    return take_word(scan, "\\u") && take_hex4(scan, &low) && low >= 0xdc00 && low <= 0xdfff;
}

/* One character of more than one byte: shortest form, no surrogates, at most U+10FFFF (RFC 3629 section 3). */
static bool take_utf8(struct scan *scan)
{
    uint8_t lead = *scan->at++;
    unsigned more = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (more == 0 || (size_t)(scan->end - scan->at) < more) {
        return false;
    }
    uint8_t second_min = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t second_max = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (scan->at[0] < second_min || scan->at[0] > second_max) {
        return false;
    }
    for (unsigned i = 1; i < more; i++) {
        if (scan->at[i] < 0x80 || scan->at[i] > 0xbf) {
            return false;
        }
    }
    scan->at += more;
    return true;
}

static bool take_string(struct scan *scan)
{
    if (!take(scan, '"')) {
        return false;
    }
    while (scan->at < scan->end) {
        uint8_t c = *scan->at;
        bool ok = true;
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\') {
            scan->at++;
            ok = take_escape(scan);
        } else if (c >= 0x80) {
            ok = take_utf8(scan);
        } else {
            ok = c >= 0x20;
            scan->at++;
        }
        if (!ok) {
            return false;
        }
    }
    return false;
}

static bool take_value(struct scan *scan, unsigned depth);

/* An object or an array: `depth` more levels are allowed, this one included. */
static bool take_container(struct scan *scan, char close, unsigned depth)
{
    scan->at++;
    skip_space(scan);
    if (depth == 0 || take(scan, close)) {
        return depth != 0;
    }
    for (;;) {
        if (close == '}') {
            if (!take_string(scan)) {
                return false;
            }
            skip_space(scan);
            if (!take(scan, ':')) {
                return false;
            }
        }
        if (!take_value(scan, depth - 1)) {
            return false;
        }
        if (take(scan, close)) {
            return true;
        }
        if (!take(scan, ',')) {
            return false;
        }
        skip_space(scan);
    }
}

/* One value with the white space around it. */
static bool take_value(struct scan *scan, unsigned depth)
{
    skip_space(scan);
    if (scan->at == scan->end) {
        return false;
    }
    bool ok = false;
    switch (*scan->at) {
    case '{': ok = take_container(scan, '}', depth); break;
    case '[': ok = take_container(scan, ']', depth); break;
    case '"': ok = take_string(scan); break;
    case 't': ok = take_word(scan, "true"); break;
    case 'f': ok = take_word(scan, "false"); break;
    case 'n': ok = take_word(scan, "null"); break;
    default: ok = take_number(scan); break;
    }
    skip_space(scan);
    return ok;
}

bool cr_json_recognise(struct cr_bytes text, unsigned depth)
{
    if (text.len == 0 || depth > DEPTH_LIMIT) {
        return false;
    }
    struct scan scan = { text.data, text.data + text.len };
    return take_value(&scan, depth) && scan.at == scan.end;
}

void cr_json_mend(char *text, size_t len)
{
    struct scan scan = { .at = (const uint8_t *)text, .end = (const uint8_t *)text + len };
    while (scan.at < scan.end) {
        size_t at = (size_t)(scan.at - (const uint8_t *)text);
        if (*scan.at < 0x80) {
            scan.at++;
        } else if (!take_utf8(&scan)) {
            text[at] = '?';
            scan.at = (const uint8_t *)text + at + 1;
        }
    }
}

static char *put_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xe0 | code >> 12);
        } else {
            *to++ = (char)(0xf0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *to++ = (char)(0x80 | (code & 0x3f));
    return to;
}

/* Decodes a string that was recognised, behind its opening quote and past the closing one. What comes out is never
 * longer than what went in. Returns behind the NUL. */
static char *decode_string(char *to, struct scan *scan)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    while (!take(scan, '"')) {
        if (!take(scan, '\\')) {
            *to++ = (char)*scan->at++;
        } else if (!take(scan, 'u')) {
            *to++ = meanings[strchr(names, *scan->at++) - names];
        } else {
            unsigned code = 0, low = 0;
            (void)take_hex4(scan, &code);
            if (code >= 0xd800 && code <= 0xdbff) {
                scan->at += 2; /* the \u of the second half */
                (void)take_hex4(scan, &low);
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
            to = put_utf8(to, code);
        }
    }
    *to++ = '\0';
    return to;
}

static size_t key_find(const struct cr_json_fields *fields, const char *key)
{
    size_t i = 0;
    while (i < fields->count && strcmp(fields->field[i].key, key) != 0) {
        i++;
    }
    return i;
}

/* Without the white space behind it. */
static struct cr_bytes trimmed(const uint8_t *begin, const uint8_t *end)
{
    while (end > begin && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t')) {
        end--;
    }
    return (struct cr_bytes){ begin, (size_t)(end - begin) };
}

/* Reads the members of an object that was recognised. `to` has room for every string in it. */
static cr_err members_read(struct cr_json_fields *fields, struct scan *scan, char *to)
{
    skip_space(scan);
    (void)take(scan, '{');
    skip_space(scan);
    while (take(scan, '"')) {
        const char *key = to;
        to = decode_string(to, scan);
        skip_space(scan);
        (void)take(scan, ':');
        skip_space(scan);
        const char *value = NULL;
        const uint8_t *begin = scan->at;
        if (take(scan, '"')) {
            value = to;
            to = decode_string(to, scan);
            skip_space(scan);
        } else if (!take_value(scan, DEPTH_LIMIT)) {
            return CR_BUG;
        }
        size_t i = key_find(fields, key);
        if (i == fields->count) {
            fields->unknown = true;
        } else if (fields->field[i].present) {
            return CR_INVALID;
        } else {
            fields->field[i].present = true;
            fields->field[i].text = value;
            fields->field[i].other = value == NULL ? trimmed(begin, scan->at) : (struct cr_bytes){ NULL, 0 };
        }
        (void)take(scan, ',');
        skip_space(scan);
    }
    return CR_OK;
}

cr_err cr_json_fields_read(struct cr_json_fields *fields, struct cr_bytes text, unsigned depth)
{
    fields->strings = NULL;
    fields->unknown = false;
    for (size_t i = 0; i < fields->count; i++) {
        fields->field[i].present = false;
        fields->field[i].text = NULL;
        fields->field[i].other = (struct cr_bytes){ NULL, 0 };
    }
    struct scan scan = { text.data, text.data + text.len };
    if (!cr_json_recognise(text, depth)) {
        return CR_INVALID;
    }
    skip_space(&scan);
    if (*scan.at != '{') {
        return CR_INVALID;
    }
    fields->strings = malloc(text.len);
    cr_err err = fields->strings != NULL ? members_read(fields, &scan, fields->strings) : CR_NOMEM;
    if (err != CR_OK) {
        cr_json_fields_fini(fields);
    }
    return err;
}

void cr_json_fields_fini(struct cr_json_fields *fields)
{
    free(fields->strings);
    fields->strings = NULL;
    for (size_t i = 0; i < fields->count; i++) {
        fields->field[i].text = NULL;
    }
}
