/* DESIGN: cJSON reads more than JSON (any control character as white space, "01", "1.", text behind a \u0000), and it
 * recurses. So a small recogniser of RFC 8259 walks the text first and lets nothing else through; what it cannot see
 * without decoding (duplicate keys, the size of numbers) is checked on the tree. */
#include "common/message.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

enum {
    OBJECT_KEYS_MAX = 64, /* keeps the search for duplicates short; no object of ours has half as many */
    DEPTH_LIMIT = 64,     /* whatever a caller asks for: the walk below recurses */
};

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

static bool keys_unique(const cJSON *object)
{
    const char *key[OBJECT_KEYS_MAX];
    size_t count = 0;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (count == OBJECT_KEYS_MAX) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (strcmp(key[i], item->string) == 0) {
                return false;
            }
        }
        key[count++] = item->string;
    }
    return true;
}

/* The depth of the tree is bounded by now. */
static bool tree_ok(const cJSON *value)
{
    if (cJSON_IsNumber(value)) {
        return isfinite(value->valuedouble);
    }
    if (cJSON_IsObject(value) && !keys_unique(value)) {
        return false;
    }
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        if (!tree_ok(item)) {
            return false;
        }
    }
    return true;
}

struct cJSON *cr_json_parse_strict(struct cr_bytes text, size_t max_len, unsigned depth)
{
    if (text.len == 0 || text.len > max_len || depth > DEPTH_LIMIT) {
        return NULL;
    }
    struct scan scan = { text.data, text.data + text.len };
    if (!take_value(&scan, depth) || scan.at != scan.end) {
        return NULL;
    }
    cJSON *tree = cJSON_ParseWithLength((const char *)text.data, text.len);
    if (tree != NULL && (!cJSON_IsObject(tree) || !tree_ok(tree))) {
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}

bool cr_json_only_keys(const struct cJSON *object, const char *const *keys)
{
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        const char *const *key = keys;
        while (*key != NULL && strcmp(*key, item->string) != 0) {
            key++;
        }
        if (*key == NULL) {
            return false;
        }
    }
    return true;
}
