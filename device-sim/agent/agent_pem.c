#include "agent_pem.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char begin[] = "-----BEGIN CERTIFICATE-----";
static const char end[] = "-----END CERTIFICATE-----";

static void add(struct agent_text *text, const char *data, size_t len)
{
    if (text->full || text->cap - text->len < len) {
        text->full = true;
        return;
    }
    memcpy(text->at + text->len, data, len);
    text->len += len;
}

void agent_text_add(struct agent_text *text, const char *string)
{
    add(text, string, strlen(string));
}

void agent_text_base64(struct agent_text *text, const uint8_t *data, size_t len, size_t line)
{
    size_t column = 0;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)data[i] << 16;
        group |= i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0;
        group |= i + 2 < len ? data[i + 2] : 0;
        char four[4] = { alphabet[group >> 18], alphabet[(group >> 12) & 63], '=', '=' };
        if (i + 1 < len) {
            four[2] = alphabet[(group >> 6) & 63];
        }
        if (i + 2 < len) {
            four[3] = alphabet[group & 63];
        }
        add(text, four, sizeof four);
        column += sizeof four;
        if (line != 0 && (column >= line || i + 3 >= len)) {
            add(text, "\n", 1);
            column = 0;
        }
    }
}

/* The next character that is not white space, JSON's escapes resolved; '\0' at the end. */
static char next_char(const char **at, const char *stop)
{
    while (*at < stop) {
        char ch = *(*at)++;
        if (ch == '\\' && *at < stop) {
            ch = *(*at)++;
            if (ch == 'n' || ch == 'r' || ch == 't') {
                continue;
            }
        }
        if (ch != ' ' && ch != '\n' && ch != '\r' && ch != '\t') {
            return ch;
        }
    }
    return '\0';
}

/* Whether the armour line comes next, after white space. */
static bool take_line(const char **at, const char *stop, const char *line)
{
    const char *mark = *at;
    if (next_char(&mark, stop) != '-') {
        return false;
    }
    mark--; /* the armour's own blanks matter: compare its bytes */
    size_t len = strlen(line);
    if ((size_t)(stop - mark) < len || memcmp(mark, line, len) != 0) {
        return false;
    }
    *at = mark + len;
    return true;
}

/* Up to four digits on their way to three octets. */
struct group {
    uint32_t bits;
    unsigned digits, padding;
};

static bool digit_add(struct group *group, char ch, uint8_t *data, size_t cap, size_t *len)
{
    const char *found = ch == '\0' ? NULL : strchr(alphabet, ch);
    if (ch == '=') {
        group->padding++;
    } else if (found == NULL || group->padding > 0) {
        return false;
    }
    group->bits = group->bits << 6 | (found != NULL ? (uint32_t)(found - alphabet) : 0);
    if (++group->digits < 4) {
        return true;
    }
    size_t octets = 3 - group->padding;
    if (group->padding > 2 || cap - *len < octets) {
        return false;
    }
    for (size_t i = 0; i < octets; i++) {
        data[(*len)++] = (uint8_t)(group->bits >> (16 - 8 * i));
    }
    *group = (struct group){ .padding = group->padding }; /* nothing follows padding */
    return true;
}

static bool block(uint8_t *der, size_t cap, size_t *len, const char **at, const char *stop)
{
    struct group group = { 0 };
    while (!take_line(at, stop, end)) {
        if (!digit_add(&group, next_char(at, stop), der, cap, len)) {
            return false;
        }
    }
    return group.digits == 0;
}

bool agent_base64_read(uint8_t *data, size_t cap, size_t *len, const char *text, size_t text_len)
{
    const char *at = text, *stop = text + text_len;
    struct group group = { 0 };
    char ch;
    *len = 0;
    while ((ch = next_char(&at, stop)) != '\0') {
        if (!digit_add(&group, ch, data, cap, len)) {
            return false;
        }
    }
    return group.digits == 0;
}

bool agent_pem_chain(uint8_t *der, size_t cap, size_t *len, const char *pem, size_t pem_len)
{
    const char *at = pem, *stop = pem + pem_len;
    *len = 0;
    do {
        if (!take_line(&at, stop, begin) || !block(der, cap, len, &at, stop)) {
            return false;
        }
    } while (take_line(&(const char *){ at }, stop, begin));
    return next_char(&at, stop) == '\0' && *len > 0;
}
