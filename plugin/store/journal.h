/* journal: the broker's own record of what it signed and decided: one file of chained lines (journal_line.h) that is
 * only ever appended to. What waits is written in batches on libuv's thread pool, with one fdatasync for a whole batch,
 * while the store's thread goes on.
 *
 * A batch that cannot be written (disk full) fails as a whole: whatever part of it reached the file is cut off again,
 * its waiters are told, and the next batch tries afresh. A line that a power cut tore is cut off at the next start; any
 * other damage is for people to look at, so the journal does not open then.
 *
 * Threads: open on any; all else on the loop's thread. One process at a time (flock). */
#ifndef CR_JOURNAL_H
#define CR_JOURNAL_H

#include "plugin/store/journal_line.h"

#include <uv.h>

struct cr_journal;

/* Called for every line there is, oldest first, with the offset of its first byte. */
typedef void cr_journal_visit_fn(void *ctx, struct cr_bytes line, uint64_t offset);

/* Opens, or makes, <dir>/journal.jsonl (and the directory), checks the whole chain and visits its lines. On failure
 * `why` is a sentence: CR_INVALID for a broken chain or another broker's journal, CR_IO for the rest, CR_NOMEM. */
CR_MUST_USE cr_err cr_journal_open(struct cr_journal **journal, const char *dir, const char *broker,
                                   cr_journal_visit_fn *visit, void *ctx, char *why, size_t why_cap);
/* Bytes of a torn last line that open() cut off. */
uint64_t cr_journal_torn(const struct cr_journal *journal);

/* Someone who waits for a line to be durable; part of the waiter's own memory until done is called. */
struct cr_journal_wait {
    struct cr_journal_wait *next;
    /* CR_OK: the line is on disk, `len` bytes at `offset`. Anything else: it is not, and never will be. */
    void (*done)(struct cr_journal_wait *wait, cr_err err, uint64_t offset, size_t len);
};

/* Adds a line; it is written by the next flush that finds no batch under way. wait NULL: nobody waits, and a failure
 * only counts as a lost line. CR_FULL: too much waits already, or the line overflowed; CR_NOMEM. On failure `wait` is
 * free. */
CR_MUST_USE cr_err cr_journal_append(struct cr_journal *journal, const struct cr_line *line,
                                     struct cr_journal_wait *wait);
/* Starts a batch when there is something to write and none is under way. Once each turn of the loop. */
void cr_journal_flush(struct cr_journal *journal, uv_loop_t *loop);
bool cr_journal_idle(const struct cr_journal *journal);

/* errno of the last batch; 0: it was written. */
int cr_journal_error(const struct cr_journal *journal);
/* Lines without a waiter that could not be written, since this was last asked. */
uint64_t cr_journal_lost_take(struct cr_journal *journal);

/* Reads a line back, without its end, into at least `len` bytes. CR_IO. */
CR_MUST_USE cr_err cr_journal_read(const struct cr_journal *journal, uint64_t offset, char *text, size_t len);

/* Its descriptor, for a thread that keeps no other file (handoff/thread.h). */
int cr_journal_fd(const struct cr_journal *journal);

/* No batch may be under way. Harmless on NULL. */
void cr_journal_close(struct cr_journal *journal);

#endif
