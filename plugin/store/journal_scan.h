/* journal_scan: reads a journal from its start, checks the chain, and finds where a torn last line begins. */
#ifndef CR_JOURNAL_SCAN_H
#define CR_JOURNAL_SCAN_H

#include "plugin/store/journal.h"

struct cr_journal_scan {
    struct cr_chain chain;  /* after the last good line */
    uint64_t size;          /* bytes of good lines */
    uint64_t torn;          /* bytes behind them: a line that was never finished */
};

/* Reads all of fd. CR_INVALID with a sentence in `why`: the chain is broken, or the journal is another broker's. */
CR_MUST_USE cr_err cr_journal_scan(struct cr_journal_scan *scan, int fd, const char *broker, cr_journal_visit_fn *visit,
                                   void *ctx, char *why, size_t why_cap);

#endif
