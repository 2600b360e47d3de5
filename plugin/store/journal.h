/* journal: the broker's own record of what it signed and decided: a chain of lines (journal_line.h) that is only ever
 * added to, in one or more files (journal_files.h). What waits is written in batches on libuv's thread pool, with one
 * fdatasync for a whole batch, while the store's thread goes on.
 *
 * A batch that cannot be written (disk full) fails as a whole: whatever part of it reached the file is cut off again,
 * its waiters are told, and the next batch tries afresh. A line that a power cut tore is cut off at the next start; any
 * other damage is for people to look at, so the journal does not open then.
 *
 * CHECKPOINTS (checkpoint.h) are signed lines: one for every CR_CHECKPOINT_LINES lines, one an hour while there are new
 * lines, one at the end of each file and one at an orderly stop. They are signed where the batch is written: only there
 * is it known what the chain's hash is and that no line comes between, and the pool's thread waits for a disk anyway,
 * next to which a signature is little. When it cannot be signed the lines are written all the same.
 *
 * ROTATION. A file that has grown beyond max_size gets a checkpoint, is synced, renamed and followed by a new one; the
 * directory is synced before anything is written to that, and its first line says which file it continues, and has, as
 * every line, the hash of the line before it. A death between any two of these steps leaves the old file, or the old
 * one set aside and none or an empty one in its place; open() then goes on behind the old one.
 *
 * Threads: open on any; all else on the loop's thread. The signer is called on the pool's. One process at a time
 * (flock). */
#ifndef CR_JOURNAL_H
#define CR_JOURNAL_H

#include "common/clock.h"
#include "plugin/store/checkpoint.h"
#include "plugin/store/journal_line.h"

#include <uv.h>

enum { CR_CHECKPOINT_LINES = 1000, CR_CHECKPOINT_S = 3600 };
enum { CR_JOURNAL_BACK_MAX = 1024 * 1024 * 1024 };

struct cr_journal;

/* Called for every line there is, oldest first, with where it is, as cr_journal_read() takes it. */
typedef void cr_journal_visit_fn(void *ctx, struct cr_bytes line, uint64_t offset);

/* What a batch did beside writing lines. */
struct cr_journal_event {
    uint64_t checkpoint_seq;                  /* number of the last checkpoint that it wrote; 0: none */
    uint8_t checkpoint_digest[CR_SHA256_LEN]; /* of that line */
    uint64_t rotated_seq;                     /* number of the first line of the file that was set aside; 0: none was */
    int rotate_error;                         /* errno: it should have been, and could not; tried again later */
    cr_err sign_error;                        /* a checkpoint was due and was not signed; tried again later */
};

struct cr_journal_options {
    const char *dir, *broker;
    cr_journal_visit_fn *visit;
    void *ctx;                            /* of visit and told */
    /* How far back to visit: all of journal.jsonl, and as many of the files set aside as it takes to have `enough`
     * lines that count, at most about CR_JOURNAL_BACK_MAX bytes of them. counts NULL: only what the chain needs. */
    bool (*counts)(struct cr_bytes line);
    uint64_t enough;
    uint64_t max_size;                    /* bytes of a file; 0: no limit */
    const struct cr_clock *clock;         /* for the lines that it adds itself */
    struct cr_checkpoint_signer signer;   /* zeroed: no checkpoints */
    /* On the loop's thread, after the batch's waiters were told. NULL: nobody listens. */
    void (*told)(void *ctx, const struct cr_journal_event *event);
};

/* Opens, or makes, <dir>/journal.jsonl (and the directory), checks the chain as far as it is read, and visits its
 * lines. On failure `why` is a sentence: CR_INVALID for a broken chain or another broker's journal, CR_IO for the rest,
 * CR_NOMEM. */
CR_MUST_USE cr_err cr_journal_open(struct cr_journal **journal, const struct cr_journal_options *options, char *why,
                                   size_t why_cap);
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
/* The next batch ends with a checkpoint, when there are lines that none covers; if need be it is made for its sake. */
void cr_journal_checkpoint(struct cr_journal *journal);
/* Asks for one when the oldest line without is CR_CHECKPOINT_S old. Now and then. */
void cr_journal_tick(struct cr_journal *journal, int64_t now_s);
/* Nothing is being written. */
bool cr_journal_rests(const struct cr_journal *journal);
/* Nothing is being written or waits for it. */
bool cr_journal_idle(const struct cr_journal *journal);

/* errno of the last batch; 0: it was written. */
int cr_journal_error(const struct cr_journal *journal);
/* Lines without a waiter that could not be written, since this was last asked. */
uint64_t cr_journal_lost_take(struct cr_journal *journal);

/* Reads a line back, without its end, into at least `len` bytes. CR_IO. */
CR_MUST_USE cr_err cr_journal_read(struct cr_journal *journal, uint64_t offset, char *text, size_t len);

/* Its descriptor, for a thread that keeps no other file (handoff/thread.h). It stays the same number. */
int cr_journal_fd(const struct cr_journal *journal);

/* No batch may be under way. Harmless on NULL. */
void cr_journal_close(struct cr_journal *journal);

#endif
