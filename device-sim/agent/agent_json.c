#include "agent_json.h"

#include <string.h>

enum { DEPTH_MAX = 8 };

struct cursor {
    const char *at, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) {
        c->at++;
    }
}

static bool take(struct cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted) {
        return false;
    }
    c->at++;
    return true;
}

static bool digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool hex(char ch)
{
    return digit(ch) || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');
}

static bool skip_string(struct cursor *c)
{
    if (!take(c, '"')) {
        return false;
    }
    while (c->at < c->end && *c->at != '"') {
        if ((unsigned char)*c->at < 0x20) {
            return false;
        }
        if (*c->at++ != '\\') {
            continue;
        }
        if (c->at == c->end || *c->at == '\0' || strchr("\"\\/bfnrtu", *c->at) == NULL) {
            return false;
        }
        if (*c->at++ == 'u') {
            for (int i = 0; i < 4; i++, c->at++) {
                if (c->at == c->end || !hex(*c->at)) {
                    return false;
                }
            }
        }
    }
    if (c->at == c->end) {
        return false;
    }
    c->at++;
    return true;
}

static bool skip_digits(struct cursor *c)
{
    const char *start = c->at;
    while (c->at < c->end && digit(*c->at)) {
        c->at++;
    }
    return c->at > start;
}

static bool skip_number(struct cursor *c)
{
    if (c->at < c->end && *c->at == '-') {
        c->at++;
    }
    bool zero = c->at < c->end && *c->at == '0';
    const char *start = c->at;
    if (!skip_digits(c) || (zero && c->at - start > 1)) {
        return false;
    }
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!skip_digits(c)) {
            return false;
        }
    }
    if (c->at < c->end && (*c->at == 'e' || *c->at == 'E')) {
        c->at++;
        if (c->at < c->end && (*c->at == '+' || *c->at == '-')) {
            c->at++;
        }
        return skip_digits(c);
    }
    return true;
}

static bool skip_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0) {
        return false;
    }
    c->at += len;
    return true;
}

static bool skip_value(struct cursor *c, int depth);

static bool skip_container(struct cursor *c, int depth, bool object)
{
    char close = object ? '}' : ']';
    c->at++;
    if (depth == 0) {
        return false;
    }
    if (take(c, close)) {
        return true;
    }
    do {
        if (object && (!skip_string(c) || !take(c, ':'))) {
            return false;
        }
        if (!skip_value(c, depth - 1)) {
            return false;
        }
    } while (take(c, ','));
    return take(c, close);
}

/* Recursion is bounded by depth. */
static bool skip_value(struct cursor *c, int depth)
{
    skip_space(c);
    if (c->at == c->end) {
        return false;
    }
    switch (*c->at) {
    case '{': return skip_container(c, depth, true);
    case '[': return skip_container(c, depth, false);
    case '"': return skip_string(c);
    case 't': return skip_word(c, "true");
    case 'f': return skip_word(c, "false");
    case 'n': return skip_word(c, "null");
    default: return skip_number(c);
    }
}

bool agent_json_object(const char *text, size_t len)
{
    struct cursor c = { text, text + len };
    skip_space(&c);
    if (c.at == c.end || *c.at != '{' || !skip_value(&c, DEPTH_MAX)) {
        return false;
    }
    skip_space(&c);
    return c.at == c.end;
}

bool agent_json_find(struct agent_span *value, const char *text, size_t len, const char *key)
{
    struct cursor c = { text, text + len };
    size_t key_len = strlen(key);
    if (!take(&c, '{') || take(&c, '}')) {
        return false;
    }
    do {
        skip_space(&c);
        const char *name = c.at;
        if (!skip_string(&c)) {
            return false;
        }
        bool wanted = (size_t)(c.at - name) == key_len + 2 && memcmp(name + 1, key, key_len) == 0;
        if (!take(&c, ':')) {
            return false;
        }
        skip_space(&c);
        const char *start = c.at;
        if (!skip_value(&c, DEPTH_MAX)) {
            return false;
        }
        if (wanted) {
            *value = (struct agent_span){ start, (size_t)(c.at - start) };
            return true;
        }
    } while (take(&c, ','));
    return false;
}

bool agent_json_text(char *out, size_t cap, struct agent_span value)
{
    size_t len = 0;
    out[0] = '\0';
    if (value.len < 2 || value.text[0] != '"') {
        return false;
    }
    for (size_t i = 1; i < value.len - 1; i++) {
        char ch = value.text[i];
        if (ch == '\\') {
            ch = value.text[++i];
            if (ch != '"' && ch != '\\' && ch != '/') {
                out[0] = '\0';
                return false;
            }
        }
        if ((unsigned char)ch > 0x7e || len + 1 >= cap) {
            out[0] = '\0';
            return false;
        }
        out[len++] = ch;
    }
    out[len] = '\0';
    return true;
}

bool agent_json_uint(uint32_t *out, struct agent_span value)
{
    uint32_t number = 0;
    if (value.len == 0) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!digit(value.text[i])) {
            return false;
        }
        uint32_t step = (uint32_t)(value.text[i] - '0');
        if (number > (UINT32_MAX - step) / 10) {
            return false;
        }
        number = number * 10 + step;
    }
    *out = number;
    return true;
}

bool agent_json_next(struct agent_span *element, struct agent_span *rest)
{
    struct cursor c = { rest->text, rest->text + rest->len };
    skip_space(&c);
    if (c.at == c.end || (*c.at != '[' && *c.at != ',')) {
        return false;
    }
    c.at++;
    skip_space(&c);
    const char *start = c.at;
    if (!skip_value(&c, DEPTH_MAX)) {
        return false; /* an empty array's ']' is no value either */
    }
    *element = (struct agent_span){ start, (size_t)(c.at - start) };
    skip_space(&c);
    *rest = (struct agent_span){ c.at, (size_t)(c.end - c.at) };
    return true;
}
