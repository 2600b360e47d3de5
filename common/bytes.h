/* bytes: borrowed views, owned blobs, and the text encodings of bytes. Pure; any thread. */
#ifndef CR_BYTES_H
#define CR_BYTES_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view of bytes that somebody else owns and keeps alive. */
struct cr_bytes {
    const uint8_t *data;
    size_t len;
};

/* Bytes on the heap, with an owner: whoever holds the struct. {NULL, 0} is empty. */
struct cr_blob {
    uint8_t *data;
    size_t len;
};

/* Copies `len` bytes to the heap and adds a NUL that `len` does not count. CR_NOMEM: *blob is empty. */
CR_MUST_USE cr_err cr_blob_copy(struct cr_blob *blob, const void *data, size_t len);
/* Frees and empties; harmless when empty. */
void cr_blob_fini(struct cr_blob *blob);
/* Moves *from into *to, which must be empty. */
void cr_blob_move(struct cr_blob *to, struct cr_blob *from);

static inline struct cr_bytes cr_blob_view(const struct cr_blob *blob)
{
    return (struct cr_bytes){ blob->data, blob->len };
}

/* Copies a NUL-terminated string of at most cap-1 bytes. CR_FULL: it does not fit, *to is "". */
CR_MUST_USE cr_err cr_text_copy(char *to, size_t cap, const char *from);

/* Lower-case hex with a NUL: `text` holds at least 2·len+1. */
void cr_hex_encode(char *text, const uint8_t *data, size_t len);
/* Both cases; an even number of digits; CR_INVALID for anything else, CR_FULL when over cap. */
CR_MUST_USE cr_err cr_hex_decode(uint8_t *data, size_t cap, size_t *len, const char *text);

/* Base64 of RFC 4648 section 4, with padding and a NUL; `cap` at least CR_BASE64_LEN(len). CR_FULL otherwise. */
#define CR_BASE64_LEN(len) ((((len) + 2) / 3) * 4 + 1)
CR_MUST_USE cr_err cr_base64_encode(char *text, size_t cap, const uint8_t *data, size_t len);
/* Strict: no white space, canonical padding. `data` may be NULL to learn *len. */
CR_MUST_USE cr_err cr_base64_decode(uint8_t *data, size_t cap, size_t *len, const char *text, size_t text_len);
/* Base64url of RFC 4648 section 5, no padding, with a NUL: 43 characters for 32 bytes. */
void cr_base64url_encode(char *text, const uint8_t *data, size_t len);

enum { CR_SHA256_LEN = 32 };
/* SHA-256 of one run of bytes. CR_CRYPTO when the library fails. */
CR_MUST_USE cr_err cr_sha256(uint8_t digest[CR_SHA256_LEN], const void *data, size_t len);

/* The first eight bytes of SHA-256, big-endian: spreads devices over buckets and times the same way on every broker. */
CR_MUST_USE cr_err cr_hash64(uint64_t *hash, const void *data, size_t len);

#endif
