#include "common/der.h"

#include <mbedtls/asn1.h>
#include <string.h>

struct cr_der cr_der_of(struct cr_bytes bytes)
{
    static const uint8_t nothing[1];
    const uint8_t *at = bytes.data == NULL ? nothing : bytes.data;
    return (struct cr_der){ at, at + bytes.len };
}

bool cr_der_at_end(const struct cr_der *reader)
{
    return reader->at == reader->end;
}

int cr_der_peek(const struct cr_der *reader)
{
    return cr_der_at_end(reader) ? -1 : *reader->at;
}

/* The octets that DER spends on a length. */
static size_t length_octets(size_t len)
{
    size_t octets = 1;
    if (len >= 0x80) {
        for (; len > 0; len >>= 8) {
            octets++;
        }
    }
    return octets;
}

cr_err cr_der_any(struct cr_der *reader, int *tag, struct cr_bytes *value, struct cr_bytes *content)
{
    size_t left = (size_t)(reader->end - reader->at);
    if (left < 2 || (*reader->at & 0x1f) == 0x1f) { /* a tag of several octets: nothing of ours has one */
        return CR_INVALID;
    }
    unsigned char *at = (unsigned char *)reader->at + 1; /* mbedTLS only moves it */
    size_t len = 0;
    if (mbedtls_asn1_get_len(&at, reader->end, &len) != 0 ||
        (size_t)(at - reader->at) - 1 != length_octets(len)) { /* BER's other ways to write the same length */
        return CR_INVALID;
    }
    if (tag != NULL) {
        *tag = *reader->at;
    }
    if (value != NULL) {
        *value = (struct cr_bytes){ reader->at, (size_t)(at - reader->at) + len };
    }
    if (content != NULL) {
        *content = (struct cr_bytes){ at, len };
    }
    reader->at = at + len;
    return CR_OK;
}

cr_err cr_der_get(struct cr_der *reader, int tag, struct cr_bytes *content)
{
    if (cr_der_peek(reader) != tag) {
        return CR_INVALID;
    }
    return cr_der_any(reader, NULL, NULL, content);
}

cr_err cr_der_enter(struct cr_der *reader, int tag, struct cr_der *inside)
{
    struct cr_bytes content;
    cr_err err = cr_der_get(reader, tag, &content);
    if (err == CR_OK) {
        *inside = cr_der_of(content);
    }
    return err;
}

cr_err cr_der_whole(struct cr_der *reader, int tag, struct cr_bytes *value)
{
    if (cr_der_peek(reader) != tag) {
        return CR_INVALID;
    }
    return cr_der_any(reader, NULL, value, NULL);
}

static bool integer_minimal(struct cr_bytes content)
{
    if (content.len == 0) {
        return false;
    }
    if (content.len == 1) {
        return true;
    }
    bool top = (content.data[1] & 0x80) != 0;
    return !(content.data[0] == 0x00 && !top) && !(content.data[0] == 0xff && top);
}

cr_err cr_der_uint(struct cr_der *reader, struct cr_bytes *magnitude)
{
    struct cr_der ahead = *reader;
    struct cr_bytes content;
    if (cr_der_get(&ahead, CR_DER_INTEGER, &content) != CR_OK || !integer_minimal(content) ||
        (content.data[0] & 0x80) != 0) {
        return CR_INVALID;
    }
    if (content.len > 1 && content.data[0] == 0) {
        content.data++;
        content.len--;
    }
    *magnitude = content;
    *reader = ahead;
    return CR_OK;
}

cr_err cr_der_small(struct cr_der *reader, unsigned *value, unsigned max)
{
    struct cr_der ahead = *reader;
    struct cr_bytes magnitude;
    if (cr_der_uint(&ahead, &magnitude) != CR_OK || magnitude.len > 2) {
        return CR_INVALID;
    }
    unsigned number = 0;
    for (size_t i = 0; i < magnitude.len; i++) {
        number = number << 8 | magnitude.data[i];
    }
    if (number > max) {
        return CR_INVALID;
    }
    *value = number;
    *reader = ahead;
    return CR_OK;
}

static bool boolean_ok(struct cr_bytes content)
{
    return content.len == 1 && (content.data[0] == 0x00 || content.data[0] == 0xff);
}

cr_err cr_der_bool(struct cr_der *reader, bool *value)
{
    struct cr_der ahead = *reader;
    struct cr_bytes content;
    if (cr_der_get(&ahead, CR_DER_BOOLEAN, &content) != CR_OK || !boolean_ok(content)) {
        return CR_INVALID;
    }
    *value = content.data[0] != 0;
    *reader = ahead;
    return CR_OK;
}

static bool bit_string_ok(struct cr_bytes content)
{
    if (content.len == 0 || content.data[0] > 7) {
        return false;
    }
    if (content.len == 1) {
        return content.data[0] == 0;
    }
    unsigned padding = (1u << content.data[0]) - 1;
    return (content.data[content.len - 1] & padding) == 0;
}

cr_err cr_der_bits(struct cr_der *reader, struct cr_bytes *octets, unsigned *unused)
{
    struct cr_der ahead = *reader;
    struct cr_bytes content;
    if (cr_der_get(&ahead, CR_DER_BIT_STRING, &content) != CR_OK || !bit_string_ok(content)) {
        return CR_INVALID;
    }
    *unused = content.data[0];
    *octets = (struct cr_bytes){ content.data + 1, content.len - 1 };
    *reader = ahead;
    return CR_OK;
}

cr_err cr_der_finish(const struct cr_der *reader)
{
    return cr_der_at_end(reader) ? CR_OK : CR_INVALID;
}

static bool oid_ok(struct cr_bytes content)
{
    if (content.len == 0 || (content.data[content.len - 1] & 0x80) != 0) {
        return false;
    }
    bool first = true; /* of a component, which never starts with a zero digit to base 128 */
    for (size_t i = 0; i < content.len; i++) {
        if (first && content.data[i] == 0x80) {
            return false;
        }
        first = (content.data[i] & 0x80) == 0;
    }
    return true;
}

static bool primitive_ok(int tag, struct cr_bytes content)
{
    switch (tag) {
    case CR_DER_BOOLEAN: return boolean_ok(content);
    case CR_DER_INTEGER:
    case CR_DER_ENUMERATED: return integer_minimal(content);
    case CR_DER_BIT_STRING: return bit_string_ok(content);
    case CR_DER_NULL: return content.len == 0;
    case CR_DER_OID: return oid_ok(content);
    case 0: return false; /* BER's end of contents */
    default: return true;
    }
}

/* X.690 section 11.6: the values of a SET OF ascend, the shorter first where one starts like the other. */
static bool ascends(struct cr_bytes before, struct cr_bytes next)
{
    size_t len = before.len < next.len ? before.len : next.len;
    int order = len == 0 ? 0 : memcmp(before.data, next.data, len);
    return order < 0 || (order == 0 && before.len <= next.len);
}

static cr_err check_all(struct cr_der reader, unsigned depth_left, bool in_set)
{
    struct cr_bytes before = { NULL, 0 };
    while (!cr_der_at_end(&reader)) {
        int tag = 0;
        struct cr_bytes value, content;
        if (depth_left == 0 || cr_der_any(&reader, &tag, &value, &content) != CR_OK ||
            (in_set && !ascends(before, value))) {
            return CR_INVALID;
        }
        before = value;
        bool constructed = (tag & CR_DER_CONSTRUCTED) != 0;
        bool universal = (tag & 0xc0) == 0;
        bool must = tag == CR_DER_SEQUENCE || tag == CR_DER_SET ||
                    tag == (CR_DER_SEQUENCE & ~CR_DER_CONSTRUCTED) || tag == (CR_DER_SET & ~CR_DER_CONSTRUCTED);
        if (universal && constructed != must) { /* BER's strings in pieces, or a sequence that claims to be a string */
            return CR_INVALID;
        }
        cr_err inside = constructed ? check_all(cr_der_of(content), depth_left - 1, tag == CR_DER_SET)
                                    : primitive_ok(tag, content) ? CR_OK : CR_INVALID;
        if (inside != CR_OK) {
            return CR_INVALID;
        }
    }
    return CR_OK;
}

cr_err cr_der_check(struct cr_bytes der, unsigned depth_max)
{
    struct cr_der reader = cr_der_of(der);
    if (cr_der_any(&reader, NULL, NULL, NULL) != CR_OK || !cr_der_at_end(&reader)) {
        return CR_INVALID;
    }
    return check_all(cr_der_of(der), depth_max, false);
}

bool cr_bytes_equal(struct cr_bytes a, struct cr_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool cr_bytes_equal_text(struct cr_bytes a, const char *text)
{
    return cr_bytes_equal(a, (struct cr_bytes){ (const uint8_t *)text, strlen(text) });
}
