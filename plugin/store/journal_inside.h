/* journal_inside: what journal.c, journal_open.c and journal_write.c share; nobody else includes it. */
#ifndef CR_JOURNAL_INSIDE_H
#define CR_JOURNAL_INSIDE_H

#include "common/identity.h"
#include "plugin/store/journal.h"
#include "plugin/store/journal_files.h"

/* Where a line of a batch begins in its text, and who waits for it. */
struct journal_entry {
    size_t at, len;
    struct cr_journal_wait *wait;
    uint64_t offset; /* once written */
    size_t written;
};

struct journal_batch {
    char *text;
    size_t len, cap;
    struct journal_entry *entry;
    size_t count, entry_cap;
    size_t waits;
};

/* A file that was set aside: the offset of its first byte, as the journal counts. */
struct journal_past {
    uint64_t base, first_seq;
};

struct cr_journal {
    struct cr_journal_options options; /* dir and broker are these: */
    char dir[CR_JOURNAL_PATH_CAP], broker[CR_NAME_CAP];
    uint64_t torn, lost;
    int error;
    struct journal_batch waiting, writing;
    bool busy;
    bool checkpoint_wanted;
    int64_t uncovered_since_s; /* lines that no checkpoint covers were first seen; 0: there are none */
    uv_work_t work;

    /* while busy the pool's, else the loop's */
    uint64_t size;           /* of the file, what is good and durable, or at least written */
    uint64_t first_seq;      /* of the file's first line; 0: it has none */
    uint64_t rotate_at;      /* the size at which it is set aside */
    struct cr_chain chain;   /* after its last line */
    uint64_t signed_seq;     /* of the last checkpoint */
    uint64_t sign_again_seq; /* after a failure: not before this line */
    bool dirty;              /* a failed batch may have left bytes behind `size` */
    bool dir_dirty;          /* the directory is not synced since the file was made */
    bool checkpoint_now;
    char *out; /* the batch as it goes to the file */
    size_t out_cap;
    int work_error;
    struct cr_journal_event event;

    uv_mutex_t lock; /* guards what cr_journal_read() needs while a batch is written: */
    int fd;
    uint64_t base;             /* offset of the file's first byte, as the journal counts */
    struct journal_past *past; /* ascending */
    size_t past_count, past_cap;
};

CR_MUST_USE cr_err journal_grow(void **data, size_t *cap, size_t need, size_t unit, size_t first);
/* The file so far becomes one of the past; the next byte is another file's first. The lock is the caller's. */
CR_MUST_USE cr_err journal_past_add(struct cr_journal *journal, uint64_t first_seq, uint64_t size);

/* journal_write.c: writes the batch `writing`. errno, 0: all of it is in the file, and durable where somebody waits. */
int journal_batch_write(struct cr_journal *journal);

#endif
