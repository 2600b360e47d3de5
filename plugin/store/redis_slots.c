#include "plugin/store/redis_slots.h"

#include <string.h>

enum { NOBODYS = 255 };

/* ---- which slot ---- */

uint16_t cr_redis_crc16(struct cr_bytes bytes)
{
    /* Four bits at a time: x^16 + x^12 + x^5 + 1, most significant bit first, from 0. */
    static const uint16_t table[16] = { 0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
                                        0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef };
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        crc = (crc << 4 ^ table[(crc >> 12 ^ bytes.data[i] >> 4) & 15]) & 0xffff;
        crc = (crc << 4 ^ table[(crc >> 12 ^ bytes.data[i]) & 15]) & 0xffff;
    }
    return (uint16_t)crc;
}

unsigned cr_redis_slot(struct cr_bytes key)
{
    const uint8_t *open = key.len > 0 ? memchr(key.data, '{', key.len) : NULL;
    if (open != NULL) {
        size_t rest = key.len - (size_t)(open + 1 - key.data);
        const uint8_t *end = rest > 0 ? memchr(open + 1, '}', rest) : NULL;
        if (end != NULL && end > open + 1) {
            key = (struct cr_bytes){ open + 1, (size_t)(end - open - 1) };
        }
    }
    return cr_redis_crc16(key) % CR_REDIS_SLOTS;
}

/* ---- the map ---- */

bool cr_redis_host_equal(const struct cr_redis_host *a, const struct cr_redis_host *b)
{
    return a->port == b->port && strcmp(a->name, b->name) == 0;
}

/* A name as a node tells it; none means where it was asked. */
static cr_err host_name(struct cr_redis_host *host, struct cr_bytes name, const struct cr_redis_host *asked)
{
    if (name.len >= sizeof host->name || (name.len > 0 && memchr(name.data, '\0', name.len) != NULL) ||
        (name.len == 1 && name.data[0] == '?')) {
        return CR_INVALID;
    }
    if (name.len == 0) {
        memcpy(host->name, asked->name, sizeof host->name);
        return CR_OK;
    }
    memcpy(host->name, name.data, name.len);
    host->name[name.len] = '\0';
    return CR_OK;
}

/* The primary of { first, last, { name, port … }, replicas … } */
static cr_err range_host(struct cr_redis_host *host, const redisReply *range, const struct cr_redis_host *asked)
{
    const redisReply *node = range->element[2];
    if (node->type != REDIS_REPLY_ARRAY || node->elements < 2 || node->element[1]->type != REDIS_REPLY_INTEGER ||
        node->element[1]->integer < 1 || node->element[1]->integer > CR_REDIS_PORT_MAX) {
        return CR_INVALID;
    }
    const redisReply *name = node->element[0];
    struct cr_bytes text = { NULL, 0 };
    if (name->type == REDIS_REPLY_STRING) {
        text = (struct cr_bytes){ (const uint8_t *)name->str, (size_t)name->len };
    } else if (name->type != REDIS_REPLY_NIL) {
        return CR_INVALID;
    }
    host->port = (unsigned)node->element[1]->integer;
    return host_name(host, text, asked);
}

static cr_err node_index(struct cr_redis_slots *slots, const struct cr_redis_host *host, unsigned *index)
{
    for (*index = 0; *index < slots->count; ++*index) {
        if (cr_redis_host_equal(&slots->node[*index], host)) {
            return CR_OK;
        }
    }
    if (slots->count == CR_REDIS_NODES) {
        return CR_FULL;
    }
    slots->node[slots->count++] = *host;
    return CR_OK;
}

static cr_err range_read(struct cr_redis_slots *slots, const redisReply *range, const struct cr_redis_host *asked)
{
    cr_err err = CR_INVALID;
    struct cr_redis_host host;
    unsigned index;
    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3 || range->element[0]->type != REDIS_REPLY_INTEGER ||
        range->element[1]->type != REDIS_REPLY_INTEGER) {
        return CR_INVALID;
    }
    long long first = range->element[0]->integer, last = range->element[1]->integer;
    if (first < 0 || last < first || last >= CR_REDIS_SLOTS) {
        return CR_INVALID;
    }
    CR_TRY(range_host(&host, range, asked));
    CR_TRY(node_index(slots, &host, &index));
    memset(slots->owner + first, (int)index, (size_t)(last - first + 1));
out:
    return err;
}

cr_err cr_redis_slots_read(struct cr_redis_slots *slots, const redisReply *reply, const struct cr_redis_host *asked)
{
    cr_err err = CR_INVALID;
    slots->count = 0;
    memset(slots->owner, NOBODYS, sizeof slots->owner);
    if (reply->type != REDIS_REPLY_ARRAY) {
        return CR_INVALID;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        CR_TRY(range_read(slots, reply->element[i], asked));
    }
    err = memchr(slots->owner, NOBODYS, sizeof slots->owner) == NULL ? CR_OK : CR_UNAVAILABLE;
out:
    return err;
}

/* ---- redirections ---- */

static bool word_take(struct cr_bytes *text, const char *word)
{
    size_t len = strlen(word);
    if (text->len < len || memcmp(text->data, word, len) != 0) {
        return false;
    }
    text->data += len;
    text->len -= len;
    return true;
}

static bool digits_take(struct cr_bytes *text, unsigned *number, unsigned max)
{
    size_t at = 0;
    *number = 0;
    while (at < text->len && text->data[at] >= '0' && text->data[at] <= '9' && *number <= max) {
        *number = *number * 10 + text->data[at++] - '0';
    }
    text->data += at;
    text->len -= at;
    return at > 0 && *number <= max;
}

/* 3999 127.0.0.1:6381; the port follows the last colon, the name can be empty. */
static bool target_read(struct cr_redis_host *to, unsigned *slot, struct cr_bytes text,
                        const struct cr_redis_host *asked)
{
    if (!digits_take(&text, slot, CR_REDIS_SLOTS - 1) || !word_take(&text, " ")) {
        return false;
    }
    size_t colon = text.len;
    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return false;
    }
    struct cr_bytes name = { text.data, colon - 1 }, port = { text.data + colon, text.len - colon };
    return digits_take(&port, &to->port, CR_REDIS_PORT_MAX) && port.len == 0 && to->port > 0 &&
           host_name(to, name, asked) == CR_OK;
}

enum cr_redis_redirect cr_redis_redirect_read(struct cr_redis_host *to, unsigned *slot, struct cr_bytes error,
                                            const struct cr_redis_host *asked)
{
    struct cr_bytes text = error;
    bool moved = word_take(&text, "MOVED ");
    if (moved || word_take(&text, "ASK ")) {
        if (!target_read(to, slot, text, asked)) {
            return CR_REDIRECT_LATER;
        }
        return moved ? CR_REDIRECT_MOVED : CR_REDIRECT_ASK;
    }
    return word_take(&text, "TRYAGAIN") || word_take(&text, "CLUSTERDOWN") ? CR_REDIRECT_LATER : CR_REDIRECT_NONE;
}
