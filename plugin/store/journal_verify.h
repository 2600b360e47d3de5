/* journal_verify: reads a journal as a stream, file after file, and says everything that is wrong with it, line by
 * line: changed, missing, repeated, moved and cut lines, and checkpoints whose signature does not fit. It goes on
 * behind a fault where the next line lets it. Bounded memory. Pure; one thread.
 *
 * WHAT IS PROVED. Every line carries the hash of the one before it, so a line is as good as the next one, and what is
 * signed vouches for all before it, back to the last fault. Without an issuer's certificate nothing is proved: whoever
 * can write the files can write such a chain. Lines behind the last checkpoint can be changed, or cut off with or
 * without it, and nothing in the files tells: `last` is for comparing with another copy, or with the stream cr:audit.
 */
#ifndef CR_JOURNAL_VERIFY_H
#define CR_JOURNAL_VERIFY_H

#include "common/clock.h"
#include "plugin/store/checkpoint.h"

enum cr_verify_kind {
    CR_VERIFY_DAMAGED, /* it does not look like a line */
    CR_VERIFY_CHANGED, /* its hash is not what the next line says */
    CR_VERIFY_MISSING, /* lines `seq` to `until` */
    CR_VERIFY_REPEATED,
    CR_VERIFY_MOVED, /* it comes behind a later one */
    CR_VERIFY_CUT,   /* the file ends within it */
    CR_VERIFY_SIGNATURE,
};
/* "damaged", "changed", … */
const char *cr_verify_kind_text(enum cr_verify_kind kind);

enum { CR_VERIFY_TEXT_CAP = 224, CR_VERIFY_RANGES_MAX = 32 };

struct cr_verify_fault {
    enum cr_verify_kind kind;
    uint64_t seq, until; /* the line's number in the chain; 0: it has none */
    const char *file;    /* where it showed: */
    uint64_t file_line, byte;
    char text[CR_VERIFY_TEXT_CAP]; /* one sentence */
};
/* Called for each fault, in the order of the files. */
typedef void cr_verify_fault_fn(void *ctx, const struct cr_verify_fault *fault);

struct cr_verify_line {
    uint64_t seq; /* 0: there is none */
    uint8_t digest[CR_SHA256_LEN];
    char time[CR_TIME_TEXT];
};

struct cr_verify_range {
    uint64_t from, to;
};

struct cr_verify {
    /* the caller's */
    const struct cr_cert *issuer; /* whose signatures count */
    size_t issuers;               /* 0: signatures are not looked at */
    const struct cr_key_backend *backend;
    cr_verify_fault_fn *fault;
    void *ctx;

    /* the result */
    uint64_t lines, faults;
    uint64_t first_seq;               /* of the first line; more than 1: it continues a file that was not given */
    struct cr_verify_line last;       /* the last line of the chain */
    uint64_t checkpoints, unchecked;  /* good ones, and those whose signature was not looked at */
    struct cr_verify_line checkpoint; /* the last of them */
    char signer[CR_ISSUER_ID_TEXT];   /* and who signed it */
    struct cr_verify_range proved[CR_VERIFY_RANGES_MAX]; /* vouched for by good checkpoints */
    size_t proved_count;
    uint64_t consistent_seq; /* until the first fault: the last line that a next one confirms */
    uint64_t trusted_seq;    /* until the first fault: the last good checkpoint */

    /* its own */
    const char *file;
    uint64_t file_line, byte; /* of the line that is read */
    struct cr_chain chain;
    uint64_t run_first; /* the first line behind the last fault */
    uint64_t damaged;   /* lines in a row that were none */
    bool file_began, too_long;
    uint8_t part[CR_JOURNAL_LINE_MAX];
    size_t part_len;
    uint64_t skipped;
};

/* A file begins; `name` stays until the next one. */
void cr_verify_file(struct cr_verify *verify, const char *name);
/* Its next bytes, as many or few as there are. */
void cr_verify_bytes(struct cr_verify *verify, const uint8_t *data, size_t len);
/* It ends. */
void cr_verify_file_end(struct cr_verify *verify);

/* Whether nothing is wrong; and, where there are issuers to check, something is signed. */
bool cr_verify_ok(const struct cr_verify *verify);

#endif
