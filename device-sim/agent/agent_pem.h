/* agent_pem: PEM (RFC 7468) and base64 in caller's buffers. Pure; no heap. */
#ifndef AGENT_PEM_H
#define AGENT_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text that is appended to a buffer, without a NUL; what does not fit sets `full` and is left out. */
struct agent_text {
    char *at;
    size_t len, cap;
    bool full;
};
void agent_text_add(struct agent_text *text, const char *string);
/* Base64 with padding; a line end after every `line` characters (0: none) and after the last. */
void agent_text_base64(struct agent_text *text, const uint8_t *data, size_t len, size_t line);

/* Decodes base64 with padding; white space and JSON's escapes of it and '/' are passed over. False: not base64, or more
 * than `cap` bytes. */
bool agent_base64_read(uint8_t *data, size_t cap, size_t *len, const char *text, size_t text_len);

/* Decodes every CERTIFICATE block of a PEM text, one after another, into `der`. JSON's escapes of white space and '/'
 * in a string are understood, so that a string of a JSON payload can be given as it is. False: not such a text, no
 * certificate in it, or more than `cap` bytes. */
bool agent_pem_chain(uint8_t *der, size_t cap, size_t *len, const char *pem, size_t pem_len);

#endif
