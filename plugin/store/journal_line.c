#include "plugin/store/journal_line.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>

void cr_line_start(struct cr_line *line, char *text, size_t cap)
{
    *line = (struct cr_line){ text, cap, 0, false };
}

static void line_put(struct cr_line *line, const char *data, size_t len)
{
    if (line->cap - line->len < len) {
        line->overflow = true;
        return;
    }
    memcpy(line->text + line->len, data, len);
    line->len += len;
}

static void line_name(struct cr_line *line, const char *name)
{
    if (line->len > 0) {
        line_put(line, ",", 1);
    }
    line_put(line, "\"", 1);
    line_put(line, name, strlen(name));
    line_put(line, "\":", 2);
}

/* The length of the UTF-8 sequence at the text's start (RFC 3629), 0 when there is none. */
static size_t utf8_len(const uint8_t *s)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t len = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
                 : s[0] >= 0xe0 && s[0] <= 0xef ? 3
                 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                : 0;
    if (s[0] == 0xe0) {
        low = 0xa0;
    } else if (s[0] == 0xed) {
        high = 0x9f;
    } else if (s[0] == 0xf0) {
        low = 0x90;
    } else if (s[0] == 0xf4) {
        high = 0x8f;
    }
    for (size_t i = 1; i < len; i++, low = 0x80, high = 0xbf) {
        if (s[i] < low || s[i] > high) { /* the text's NUL too */
            return 0;
        }
    }
    return len;
}

static void line_escaped(struct cr_line *line, const char *value)
{
    const uint8_t *at = (const uint8_t *)value;
    while (*at != '\0') {
        size_t plain = 0;
        while (at[plain] >= 0x20 && at[plain] < 0x7f && at[plain] != '"' && at[plain] != '\\') {
            plain++;
        }
        line_put(line, (const char *)at, plain);
        at += plain;
        if (*at == '\0') {
            break;
        }
        size_t len = *at >= 0x80 ? utf8_len(at) : 0;
        if (len > 0) {
            line_put(line, (const char *)at, len);
        } else if (*at >= 0x80) {
            line_put(line, "?", 1);
            len = 1;
        } else if (*at == '"' || *at == '\\') {
            line_put(line, "\\", 1);
            line_put(line, (const char *)at, 1);
            len = 1;
        } else {
            char code[7];
            snprintf(code, sizeof code, "\\u%04x", *at);
            line_put(line, code, 6);
            len = 1;
        }
        at += len;
    }
}

void cr_line_string(struct cr_line *line, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return;
    }
    line_name(line, name);
    line_put(line, "\"", 1);
    line_escaped(line, value);
    line_put(line, "\"", 1);
}

void cr_line_number(struct cr_line *line, const char *name, uint64_t value)
{
    char digits[21];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    line_name(line, name);
    line_put(line, digits + at, sizeof digits - at);
}

void cr_line_time(struct cr_line *line, const char *name, int64_t unix_s)
{
    char text[CR_TIME_TEXT];
    cr_time_text(text, unix_s);
    cr_line_string(line, name, text);
}

void cr_line_base64(struct cr_line *line, const char *name, const uint8_t *data, size_t len)
{
    line_name(line, name);
    line_put(line, "\"", 1);
    if (cr_base64_encode(line->text + line->len, line->cap - line->len, data, len) != CR_OK) {
        line->overflow = true;
        return;
    }
    line->len += CR_BASE64_LEN(len) - 1;
    line_put(line, "\"", 1);
}

size_t cr_chain_head(const struct cr_chain *chain, char head[CR_JOURNAL_HEAD_CAP])
{
    char prev[2 * CR_SHA256_LEN + 1];
    cr_hex_encode(prev, chain->digest, CR_SHA256_LEN);
    return (size_t)snprintf(head, CR_JOURNAL_HEAD_CAP, "{\"seq\":%llu,\"prev\":\"%s\",",
                            (unsigned long long)chain->seq + 1, prev);
}

cr_err cr_chain_write(struct cr_chain *chain, char *out, size_t *out_len, const char *fields, size_t fields_len)
{
    uint8_t digest[CR_SHA256_LEN];
    size_t len = cr_chain_head(chain, out);
    memcpy(out + len, fields, fields_len);
    len += fields_len;
    out[len++] = '}';
    cr_err err = cr_sha256(digest, out, len);
    if (err != CR_OK) {
        return err;
    }
    out[len++] = '\n';
    *out_len = len;
    chain->seq++;
    memcpy(chain->digest, digest, sizeof digest);
    return CR_OK;
}

/* We escape control characters: two lines run together, or a hole. */
static bool has_control(struct cr_bytes line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < 0x20) {
            return true;
        }
    }
    return false;
}

cr_err cr_chain_check(struct cr_chain *chain, struct cr_bytes line)
{
    char head[CR_JOURNAL_HEAD_CAP];
    size_t head_len = cr_chain_head(chain, head);
    if (line.len < head_len + 1 || memcmp(line.data, head, head_len) != 0 || line.data[line.len - 1] != '}' ||
        has_control(line)) {
        return CR_INVALID;
    }
    chain->seq++;
    return cr_sha256(chain->digest, line.data, line.len);
}

cr_err cr_chain_read(struct cr_bytes line, uint64_t *seq, uint8_t prev[CR_SHA256_LEN])
{
    static const char begin[] = "{\"seq\":", middle[] = ",\"prev\":\"";
    char head[CR_JOURNAL_HEAD_CAP], hex[2 * CR_SHA256_LEN + 1];
    struct cr_chain before = { .seq = 0 };
    size_t at = sizeof begin - 1, len = 0;
    if (line.len < at + 1 || memcmp(line.data, begin, at) != 0) {
        return CR_INVALID;
    }
    for (*seq = 0; at < line.len && line.data[at] >= '0' && line.data[at] <= '9' && *seq < UINT64_MAX / 100; at++) {
        *seq = *seq * 10 + (uint64_t)(line.data[at] - '0');
    }
    at += sizeof middle - 1;
    if (*seq == 0 || line.len < at + 2 * CR_SHA256_LEN + 3 || line.data[line.len - 1] != '}' || has_control(line)) {
        return CR_INVALID;
    }
    memcpy(hex, line.data + at, sizeof hex - 1);
    hex[sizeof hex - 1] = '\0';
    if (cr_hex_decode(prev, CR_SHA256_LEN, &len, hex) != CR_OK || len != CR_SHA256_LEN) {
        return CR_INVALID;
    }
    /* Numbers and digits can be written in several ways; ours in one. */
    before.seq = *seq - 1;
    memcpy(before.digest, prev, CR_SHA256_LEN);
    len = cr_chain_head(&before, head);
    return line.len > len && memcmp(line.data, head, len) == 0 ? CR_OK : CR_INVALID;
}

struct cr_bytes cr_line_field(struct cr_bytes line, const char *name)
{
    char pattern[40];
    const struct cr_bytes none = { NULL, 0 };
    int len = snprintf(pattern, sizeof pattern, ",\"%s\":", name);
    if (len < 0 || (size_t)len >= sizeof pattern || line.len == 0) {
        return none;
    }
    const uint8_t *at = memmem(line.data, line.len, pattern, (size_t)len);
    if (at == NULL) {
        return none;
    }
    const uint8_t *end = line.data + line.len;
    const uint8_t *value = at + len;
    const uint8_t *stop = value;
    if (value < end && *value == '"') {
        for (stop = ++value; stop < end && *stop != '"'; stop++) {
            if (*stop == '\\' && stop + 1 < end) {
                stop++;
            }
        }
    } else {
        while (stop < end && *stop >= '0' && *stop <= '9') {
            stop++;
        }
    }
    return stop < end ? (struct cr_bytes){ value, (size_t)(stop - value) } : none;
}

bool cr_line_continues(struct cr_bytes line)
{
    static const char begin[] = "continues ";
    struct cr_bytes what = cr_line_field(line, "what"), detail = cr_line_field(line, "detail");
    return what.len == 7 && memcmp(what.data, "journal", 7) == 0 && detail.len >= sizeof begin - 1 &&
           memcmp(detail.data, begin, sizeof begin - 1) == 0;
}
