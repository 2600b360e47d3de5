/* pem: textual encodings (RFC 7468), strictly: a BEGIN line, base64 lines, an END line; no headers, no blanks, no empty
 * lines. Line ends are LF or CRLF. Pure; any thread. */
#ifndef CR_PEM_H
#define CR_PEM_H

#include "common/bytes.h"

/* Takes the block with this label ("CERTIFICATE") that the text starts with; *text is then what follows it. Allocates
 * *der. CR_NOT_FOUND: the text starts with something else. CR_INVALID: such a block, but broken; *text stays. */
CR_MUST_USE cr_err cr_pem_take(struct cr_bytes *text, const char *label, struct cr_blob *der);

/* Appends a block to a NUL-terminated text of capacity cap, LF line ends. CR_FULL: nothing was appended. */
CR_MUST_USE cr_err cr_pem_append(char *text, size_t cap, const char *label, struct cr_bytes der);

#endif
