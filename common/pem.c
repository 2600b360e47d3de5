#include "common/pem.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_DIGITS = 64, BOUNDARY_CAP = 64 };

static bool starts_with(struct cr_bytes text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && memcmp(text.data, start, len) == 0;
}

static void skip(struct cr_bytes *text, size_t len)
{
    text->data += len;
    text->len -= len;
}

/* A line end, or the text's end where that is allowed. */
static bool skip_line_end(struct cr_bytes *text, bool end_ok)
{
    if (text->len == 0) {
        return end_ok;
    }
    if (starts_with(*text, "\r\n")) {
        skip(text, 2);
        return true;
    }
    if (text->data[0] == '\n') {
        skip(text, 1);
        return true;
    }
    return false;
}

/* Moves the digits of one line to `digits`. A line without any is no base64 line. */
static bool take_line(struct cr_bytes *text, char *digits, size_t *count)
{
    size_t len = 0;
    while (len < text->len && text->data[len] != '\r' && text->data[len] != '\n') {
        len++;
    }
    if (len == 0) {
        return false;
    }
    memcpy(digits + *count, text->data, len);
    *count += len;
    skip(text, len);
    return skip_line_end(text, false);
}

cr_err cr_pem_take(struct cr_bytes *text, const char *label, struct cr_blob *der)
{
    char begin[BOUNDARY_CAP], end[BOUNDARY_CAP];
    *der = (struct cr_blob){ NULL, 0 };
    if (snprintf(begin, sizeof begin, "-----BEGIN %s-----", label) >= BOUNDARY_CAP ||
        snprintf(end, sizeof end, "-----END %s-----", label) >= BOUNDARY_CAP) {
        return CR_BUG;
    }
    struct cr_bytes rest = *text;
    if (!starts_with(rest, begin)) {
        return CR_NOT_FOUND;
    }
    skip(&rest, strlen(begin));
    if (!skip_line_end(&rest, false)) {
        return CR_INVALID;
    }
    cr_err err = CR_INVALID;
    size_t count = 0;
    char *digits = malloc(rest.len + 1);
    if (digits == NULL) {
        return CR_NOMEM;
    }
    while (!starts_with(rest, "-")) {
        if (!take_line(&rest, digits, &count)) {
            goto out;
        }
    }
    if (!starts_with(rest, end)) {
        goto out;
    }
    skip(&rest, strlen(end));
    if (!skip_line_end(&rest, true)) {
        goto out;
    }
    /* Decoded in place: the bytes never overtake the digits. */
    CR_TRY(cr_base64_decode((uint8_t *)digits, count, &count, digits, count));
    CR_TRY(cr_blob_copy(der, digits, count));
    *text = rest;
out:
    free(digits);
    return err;
}

cr_err cr_pem_append(char *text, size_t cap, const char *label, struct cr_bytes der)
{
    size_t len = strlen(text);
    size_t digits = CR_BASE64_LEN(der.len) - 1;
    size_t lines = (digits + LINE_DIGITS - 1) / LINE_DIGITS;
    size_t need = strlen("-----BEGIN -----\n-----END -----\n") + 2 * strlen(label) + digits + lines;
    if (len >= cap || need >= cap - len) {
        return CR_FULL;
    }
    char *at = text + len, *limit = text + cap;
    at += snprintf(at, (size_t)(limit - at), "-----BEGIN %s-----\n", label);
    while (der.len > 0) {
        size_t piece = der.len < LINE_DIGITS / 4 * 3 ? der.len : LINE_DIGITS / 4 * 3;
        cr_err err = cr_base64_encode(at, (size_t)(limit - at), der.data, piece);
        if (err != CR_OK) {
            text[len] = '\0';
            return err;
        }
        at += CR_BASE64_LEN(piece) - 1;
        *at++ = '\n';
        skip(&der, piece);
    }
    snprintf(at, (size_t)(limit - at), "-----END %s-----\n", label);
    return CR_OK;
}
