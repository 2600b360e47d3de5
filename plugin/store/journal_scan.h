/* journal_scan: reads a journal from its start, checks the chain, and finds where a torn last line begins. */
#ifndef CR_JOURNAL_SCAN_H
#define CR_JOURNAL_SCAN_H

#include "plugin/store/journal.h"

struct cr_journal_scan {
    /* in, zeroed for a journal of one file */
    bool anywhere;          /* what it continues is not there: its first line says where the chain stands */
    uint64_t base;          /* what visit is told as the offset of the file's first byte */
    const char *name;       /* for the sentence; NULL: the journal */
    /* in: what the file continues; out: after its last good line */
    struct cr_chain chain;
    /* out */
    uint64_t first_seq;     /* of its first line; 0: it has none */
    uint64_t signed_seq;    /* of its last checkpoint; as it was: it has none */
    uint64_t size;          /* bytes of good lines */
    uint64_t torn;          /* bytes behind them: a line that was never finished */
};

/* Reads all of fd. CR_INVALID with a sentence in `why`: the chain is broken, or the journal is another broker's. */
CR_MUST_USE cr_err cr_journal_scan(struct cr_journal_scan *scan, int fd, const char *broker, cr_journal_visit_fn *visit,
                                   void *ctx, char *why, size_t why_cap);

/* Only visits every whole line of fd, whatever it holds. */
CR_MUST_USE cr_err cr_journal_lines(int fd, cr_journal_visit_fn *visit, void *ctx, char *why, size_t why_cap);

#endif
