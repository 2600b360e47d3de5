/* der: reading and writing DER (X.690 section 10), and nothing looser, over mbedTLS's ASN.1 primitives.
 *
 * mbedTLS reads BER leniently: lengths with leading zeros, integers of any padding, whatever lies behind. This reader
 * takes only what has one encoding. A reader is a window on bytes that the caller keeps alive; views point into them.
 * The writer works backwards, as ASN.1 is best written: the last value first, headers when their content stands.
 * Pure; any thread; no allocation. */
#ifndef CR_DER_H
#define CR_DER_H

#include "common/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum cr_der_tag {
    CR_DER_BOOLEAN = 0x01,
    CR_DER_INTEGER = 0x02,
    CR_DER_BIT_STRING = 0x03,
    CR_DER_OCTET_STRING = 0x04,
    CR_DER_NULL = 0x05,
    CR_DER_OID = 0x06,
    CR_DER_ENUMERATED = 0x0a,
    CR_DER_UTF8_STRING = 0x0c,
    CR_DER_PRINTABLE_STRING = 0x13,
    CR_DER_IA5_STRING = 0x16,
    CR_DER_UTC_TIME = 0x17,
    CR_DER_GENERALIZED_TIME = 0x18,
    CR_DER_SEQUENCE = 0x30,
    CR_DER_SET = 0x31,
    CR_DER_CONTEXT = 0x80,     /* | number: primitive, as in an IMPLICIT string */
    CR_DER_CONSTRUCTED = 0x20, /* | CR_DER_CONTEXT | number */
};

struct cr_der {
    const uint8_t *at, *end;
};

/* Reads from the first of these bytes. */
struct cr_der cr_der_of(struct cr_bytes bytes);
bool cr_der_at_end(const struct cr_der *reader);
/* The next value's tag; -1 at the end. */
int cr_der_peek(const struct cr_der *reader);

/* Takes the next value, of any tag: *value views it with its header, *content (may be NULL) without. CR_INVALID: no
 * whole value with a minimal definite length; the reader has not moved, here and below. */
CR_MUST_USE cr_err cr_der_any(struct cr_der *reader, int *tag, struct cr_bytes *value, struct cr_bytes *content);
/* Takes the content of the next value, which must have this tag. */
CR_MUST_USE cr_err cr_der_get(struct cr_der *reader, int tag, struct cr_bytes *content);
/* As get, to go on reading inside. */
CR_MUST_USE cr_err cr_der_enter(struct cr_der *reader, int tag, struct cr_der *inside);
/* As get, with the header. */
CR_MUST_USE cr_err cr_der_whole(struct cr_der *reader, int tag, struct cr_bytes *value);
/* A minimal INTEGER that is not negative, without its sign octet: zero is one octet 0. */
CR_MUST_USE cr_err cr_der_uint(struct cr_der *reader, struct cr_bytes *magnitude);
/* The same within 0 … max. */
CR_MUST_USE cr_err cr_der_small(struct cr_der *reader, unsigned *value, unsigned max);
CR_MUST_USE cr_err cr_der_bool(struct cr_der *reader, bool *value);
/* A BIT STRING; the unused bits are zero. */
CR_MUST_USE cr_err cr_der_bits(struct cr_der *reader, struct cr_bytes *octets, unsigned *unused);
/* CR_OK at the end, CR_INVALID when something is left. */
CR_MUST_USE cr_err cr_der_finish(const struct cr_der *reader);

/* Walks one value through all constructed values in it: single-octet tags, minimal definite lengths, nothing behind,
 * BOOLEAN, INTEGER, BIT STRING, NULL, OBJECT IDENTIFIER and SET OF as DER has them, at most depth_max values nested.
 * CR_INVALID otherwise. What OCTET STRINGs wrap is not looked into. */
CR_MUST_USE cr_err cr_der_check(struct cr_bytes der, unsigned depth_max);

bool cr_bytes_equal(struct cr_bytes a, struct cr_bytes b);
bool cr_bytes_equal_text(struct cr_bytes a, const char *text);

/* Writes backwards into the caller's buffer. Running out of room is remembered, not reported, until the end. */
struct cr_der_writer {
    uint8_t *start, *at, *end;
    bool overflow;
};
void cr_der_write_init(struct cr_der_writer *writer, uint8_t *buf, size_t cap);
/* How much stands by now: handed to wrap() later. */
size_t cr_der_write_mark(const struct cr_der_writer *writer);
/* Puts bytes before what stands. */
void cr_der_write_raw(struct cr_der_writer *writer, struct cr_bytes bytes);
void cr_der_write_octet(struct cr_der_writer *writer, uint8_t octet);
/* Puts a header before what was written since the mark, and so makes a value of it. */
void cr_der_write_wrap(struct cr_der_writer *writer, int tag, size_t mark);
/* Puts a value with this content. */
void cr_der_write_value(struct cr_der_writer *writer, int tag, struct cr_bytes content);
/* An INTEGER from a magnitude: minimal, with a sign octet where needed. */
void cr_der_write_uint(struct cr_der_writer *writer, struct cr_bytes magnitude);
void cr_der_write_small(struct cr_der_writer *writer, uint8_t value);
void cr_der_write_bool(struct cr_der_writer *writer, bool value);
/* A BIT STRING with no unused bits. */
void cr_der_write_bits(struct cr_der_writer *writer, struct cr_bytes octets);
/* A named bit list (X.690 section 11.2.2): bit n of the BIT STRING is 1 << n of `bits`, trailing zeros left out. */
void cr_der_write_named_bits(struct cr_der_writer *writer, unsigned bits);
/* What stands, as a view into the buffer. CR_FULL when it did not fit. */
CR_MUST_USE cr_err cr_der_write_done(const struct cr_der_writer *writer, struct cr_bytes *der);

#endif
