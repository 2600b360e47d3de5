/* agent_json: reads fields of one JSON object (RFC 8259) without building anything. Pure; no heap; bounded depth. */
#ifndef AGENT_JSON_H
#define AGENT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raw text of one value, within the payload. */
struct agent_span {
    const char *text;
    size_t len;
};

/* Whether this is exactly one object, well-formed, nested no deeper than 8, with nothing behind it but white space. */
bool agent_json_object(const char *text, size_t len);

/* The raw value of a top-level key; the first, should there be two. Only after agent_json_object(). */
bool agent_json_find(struct agent_span *value, const char *text, size_t len, const char *key);

/* The string's characters with a NUL. False: not a string, longer than cap-1, or not plain ASCII (escapes other than
 * \" \\ \/ included): no field that the agent reads needs them. */
bool agent_json_text(char *out, size_t cap, struct agent_span value);
/* A non-negative integer. */
bool agent_json_uint(uint32_t *out, struct agent_span value);
/* Takes the next element off an array: start with *rest = the array's raw value. False at its end, or no array. */
bool agent_json_next(struct agent_span *element, struct agent_span *rest);

#endif
