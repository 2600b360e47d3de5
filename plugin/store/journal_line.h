/* journal_line: one line of the journal, a JSON object: written, chained, checked and read. Pure; any thread.
 *
 *     {"seq":7,"prev":"<SHA-256 of line 6, hex>","time":"…Z","broker":"…","what":"issued","device":"…",…}
 *
 * The hash is over the line without its line end, so `sed -n 6p | tr -d '\n' | sha256sum` gives it. The first line's
 * prev is all zeros. Field names are ours and values are escaped, so that `,"name":"` occurs only as a field. */
#ifndef CR_JOURNAL_LINE_H
#define CR_JOURNAL_LINE_H

#include "common/bytes.h"

enum {
    CR_JOURNAL_LINE_MAX = 8192,
    CR_JOURNAL_HEAD_CAP = 112, /* {"seq":…,"prev":"…", */
};

/* A line's fields behind seq and prev, gathered in the caller's buffer. Overflow is remembered. */
struct cr_line {
    char *text;
    size_t cap, len;
    bool overflow;
};
void cr_line_start(struct cr_line *line, char *text, size_t cap);
void cr_line_string(struct cr_line *line, const char *name, const char *value); /* "" is left out */
void cr_line_number(struct cr_line *line, const char *name, uint64_t value);
void cr_line_time(struct cr_line *line, const char *name, int64_t unix_s);
void cr_line_base64(struct cr_line *line, const char *name, const uint8_t *data, size_t len);

/* Where the chain stands: the last line's number and hash. Zeroed: before the first. */
struct cr_chain {
    uint64_t seq;
    uint8_t digest[CR_SHA256_LEN];
};

/* How the next line begins, {"seq":…,"prev":"…", ; its length. */
size_t cr_chain_head(const struct cr_chain *chain, char head[CR_JOURNAL_HEAD_CAP]);
/* Writes the next line, with its line end, and moves the chain on. `out` holds fields_len + CR_JOURNAL_HEAD_CAP.
 * CR_CRYPTO: nothing changed. */
CR_MUST_USE cr_err cr_chain_write(struct cr_chain *chain, char *out, size_t *out_len, const char *fields,
                                  size_t fields_len);
/* Checks that this line (without its end) is the next one, and moves the chain on. CR_INVALID: it is not. */
CR_MUST_USE cr_err cr_chain_check(struct cr_chain *chain, struct cr_bytes line);

/* What a line says of itself: its number and the hash of the one before it. CR_INVALID: it does not look like one. */
CR_MUST_USE cr_err cr_chain_read(struct cr_bytes line, uint64_t *seq, uint8_t prev[CR_SHA256_LEN]);

/* The value of a field as it stands in the line: a string without its quotes (escapes untouched), or digits. data NULL:
 * the line has no such field. */
struct cr_bytes cr_line_field(struct cr_bytes line, const char *name);
/* Whether the line begins a file that goes on where another was set aside: its first line, unless that is number 1. */
bool cr_line_continues(struct cr_bytes line);

#endif
