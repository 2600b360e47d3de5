#include "common/bytes.h"

#include <mbedtls/md.h>
#include <stdlib.h>
#include <string.h>

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

cr_err cr_blob_copy(struct cr_blob *blob, const void *data, size_t len)
{
    *blob = (struct cr_blob){ NULL, 0 };
    if (len == SIZE_MAX) {
        return CR_NOMEM;
    }
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL) {
        return CR_NOMEM;
    }
    if (len > 0) {
        memcpy(copy, data, len);
    }
    copy[len] = 0;
    *blob = (struct cr_blob){ copy, len };
    return CR_OK;
}

void cr_blob_fini(struct cr_blob *blob)
{
    free(blob->data);
    *blob = (struct cr_blob){ NULL, 0 };
}

void cr_blob_move(struct cr_blob *to, struct cr_blob *from)
{
    *to = *from;
    *from = (struct cr_blob){ NULL, 0 };
}

cr_err cr_text_copy(char *to, size_t cap, const char *from)
{
    if (cap == 0) {
        return CR_FULL;
    }
    size_t len = strnlen(from, cap);
    if (len == cap) {
        to[0] = '\0';
        return CR_FULL;
    }
    memcpy(to, from, len + 1);
    return CR_OK;
}

void cr_hex_encode(char *text, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *text++ = digits[data[i] >> 4];
        *text++ = digits[data[i] & 15];
    }
    *text = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

cr_err cr_hex_decode(uint8_t *data, size_t cap, size_t *len, const char *text)
{
    *len = 0;
    size_t n = 0;
    for (; text[0] != '\0'; text += 2, n++) {
        int high = hex_value(text[0]);
        int low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0) {
            return CR_INVALID;
        }
        if (n == cap) {
            return CR_FULL;
        }
        data[n] = (uint8_t)(high << 4 | low);
    }
    *len = n;
    return CR_OK;
}

/* Three bytes to four digits; a shorter tail gives len + 1 digits. Returns behind the last digit. */
static char *base64_digits_put(char *text, const uint8_t *data, size_t len, const char digits[65])
{
    for (; len >= 3; data += 3, len -= 3) {
        *text++ = digits[data[0] >> 2];
        *text++ = digits[(data[0] & 3) << 4 | data[1] >> 4];
        *text++ = digits[(data[1] & 15) << 2 | data[2] >> 6];
        *text++ = digits[data[2] & 63];
    }
    if (len == 1) {
        *text++ = digits[data[0] >> 2];
        *text++ = digits[(data[0] & 3) << 4];
    } else if (len == 2) {
        *text++ = digits[data[0] >> 2];
        *text++ = digits[(data[0] & 3) << 4 | data[1] >> 4];
        *text++ = digits[(data[1] & 15) << 2];
    }
    return text;
}

cr_err cr_base64_encode(char *text, size_t cap, const uint8_t *data, size_t len)
{
    if (len > SIZE_MAX / 2 || cap < CR_BASE64_LEN(len)) {
        return CR_FULL;
    }
    char *end = base64_digits_put(text, data, len, base64_digits);
    for (size_t tail = len % 3; tail > 0 && tail < 3; tail++) {
        *end++ = '=';
    }
    *end = '\0';
    return CR_OK;
}

void cr_base64url_encode(char *text, const uint8_t *data, size_t len)
{
    *base64_digits_put(text, data, len, base64url_digits) = '\0';
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

cr_err cr_base64_decode(uint8_t *data, size_t cap, size_t *len, const char *text, size_t text_len)
{
    *len = 0;
    if (text_len % 4 != 0) {
        return CR_INVALID;
    }
    size_t digits = text_len;
    for (int pad = 0; pad < 2 && digits > 0 && text[digits - 1] == '='; pad++) {
        digits--;
    }
    size_t total = text_len / 4 * 3 - (text_len - digits);
    if (data != NULL && total > cap) {
        return CR_FULL;
    }
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;
    for (size_t i = 0; i < digits; i++) {
        int value = base64_value(text[i]);
        if (value < 0) {
            return CR_INVALID;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            if (data != NULL) {
                data[n] = (uint8_t)(bits >> held);
            }
            n++;
            bits &= (1u << held) - 1;
        }
    }
    if (bits != 0) { /* canonical: the bits that no byte uses are zero */
        return CR_INVALID;
    }
    *len = n;
    return CR_OK;
}

cr_err cr_sha256(uint8_t digest[CR_SHA256_LEN], const void *data, size_t len)
{
    static const uint8_t nothing[1];
    /* mbedtls_md is the call that 2.28 and 3.x spell alike. */
    int rc = mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data == NULL ? nothing : data, len, digest);
    if (rc != 0) {
        memset(digest, 0, CR_SHA256_LEN);
        return CR_CRYPTO;
    }
    return CR_OK;
}

cr_err cr_hash64(uint64_t *hash, const void *data, size_t len)
{
    uint8_t digest[CR_SHA256_LEN];
    *hash = 0;
    cr_err err = cr_sha256(digest, data, len);
    if (err != CR_OK) {
        return err;
    }
    for (int i = 0; i < 8; i++) {
        *hash = *hash << 8 | digest[i];
    }
    return CR_OK;
}
