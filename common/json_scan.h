/* json_scan: recognises JSON (RFC 8259) strictly, and reads flat objects without cJSON.
 *
 * The payloads of devices are flat objects of strings, and workers read them: without cJSON, to which a broker may have
 * given an allocator that counts without locks (Mosquitto 2.1 does). Any thread. */
#ifndef CR_JSON_SCAN_H
#define CR_JSON_SCAN_H

#include "common/bytes.h"

/* Whether the text is exactly one JSON value with white space around it: UTF-8, no NUL in any spelling, no half
 * surrogate pairs, at most `depth` levels of objects and arrays (64 at most). Duplicate keys are not looked for. */
bool cr_json_recognise(struct cr_bytes text, unsigned depth);

/* Each byte that is no part of a character in UTF-8 becomes a question mark: for JSON made of what others wrote. */
void cr_json_mend(char *text, size_t len);

struct cr_json_field {
    const char *key;   /* set by the caller */
    bool present;
    const char *text;  /* its value, decoded, when that is a string; NULL otherwise. Owned by the fields */
    struct cr_bytes other; /* its value as it is written, when that is no string. Lent by the text that was read */
};

/* The fields that an object may have; the caller lists them. */
struct cr_json_fields {
    struct cr_json_field *field;
    size_t count;
    bool unknown;      /* there was a key that is not in the list */
    char *strings;     /* what the texts point into */
};

/* Reads an object. CR_INVALID: not an object in strict JSON, or one of the listed keys twice. CR_NOMEM. Nothing is
 * owned then. */
CR_MUST_USE cr_err cr_json_fields_read(struct cr_json_fields *fields, struct cr_bytes text, unsigned depth);
/* Frees the texts; harmless twice. */
void cr_json_fields_fini(struct cr_json_fields *fields);

#endif
