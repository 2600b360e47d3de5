#include "plugin/store/journal_scan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    JOURNAL_PATH_CAP = 600,
    JOURNAL_WAITING_MAX = 16 * 1024 * 1024, /* bytes that may wait for a batch */
};

/* Where a line of a batch begins in its text, and who waits for it. */
struct entry {
    size_t at, len;
    struct cr_journal_wait *wait;
    uint64_t offset; /* in the file, once written */
    size_t written;
};

struct batch {
    char *text;
    size_t len, cap;
    struct entry *entry;
    size_t count, entry_cap;
    size_t waits;
};

struct cr_journal {
    int fd;
    uint64_t size;          /* bytes that are good and durable, or at least written */
    struct cr_chain chain;  /* after them */
    uint64_t torn, lost;
    int error;
    bool dirty;             /* a failed batch may have left bytes behind `size` */
    struct batch waiting, writing;
    bool busy;
    uv_work_t work;
    char *out;              /* the pool's: the batch as it goes to the file */
    size_t out_cap;
    int work_error;
};

/* ---- opening ---- */

static cr_err open_file(struct cr_journal *journal, const char *dir, char *why, size_t why_cap)
{
    char path[JOURNAL_PATH_CAP];
    int len = snprintf(path, sizeof path, "%s/journal.jsonl", dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        snprintf(why, why_cap, "journal_dir is too long.");
        return CR_INVALID;
    }
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        snprintf(why, why_cap, "The directory '%s' cannot be made: %s. Make it, and give it to the broker's user.", dir,
                 strerror(errno));
        return CR_IO;
    }
    journal->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->fd < 0) {
        snprintf(why, why_cap, "The journal '%s' cannot be opened: %s. The broker's user must be able to write in journal_dir.",
                 path, strerror(errno));
        return CR_IO;
    }
    if (flock(journal->fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(why, why_cap, "The journal '%s' is in use by another broker: each broker has its own.", path);
        return CR_IO;
    }
    /* A new file is there after a power cut only if its directory entry is. */
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd >= 0) {
        (void)fsync(dir_fd);
        (void)close(dir_fd);
    }
    return CR_OK;
}

cr_err cr_journal_open(struct cr_journal **out, const char *dir, const char *broker, cr_journal_visit_fn *visit,
                       void *ctx, char *why, size_t why_cap)
{
    struct cr_journal_scan scan;
    cr_err err = CR_NOMEM;
    struct cr_journal *journal = calloc(1, sizeof *journal);
    *out = NULL;
    if (journal == NULL) {
        snprintf(why, why_cap, "Out of memory.");
        return CR_NOMEM;
    }
    journal->fd = -1;
    CR_TRY(open_file(journal, dir, why, why_cap));
    CR_TRY(cr_journal_scan(&scan, journal->fd, broker, visit, ctx, why, why_cap));
    if (scan.torn > 0 && (ftruncate(journal->fd, (off_t)scan.size) != 0 || fdatasync(journal->fd) != 0)) {
        snprintf(why, why_cap, "The journal's torn last line cannot be cut off: %s.", strerror(errno));
        err = CR_IO;
        goto out;
    }
    journal->size = scan.size;
    journal->chain = scan.chain;
    journal->torn = scan.torn;
    *out = journal;
    journal = NULL;
    err = CR_OK;
out:
    cr_journal_close(journal);
    return err;
}

uint64_t cr_journal_torn(const struct cr_journal *journal)
{
    return journal->torn;
}

static void batch_fini(struct batch *batch)
{
    free(batch->text);
    free(batch->entry);
}

int cr_journal_fd(const struct cr_journal *journal)
{
    return journal->fd;
}

void cr_journal_close(struct cr_journal *journal)
{
    if (journal == NULL) {
        return;
    }
    assert(!journal->busy);
    if (journal->fd >= 0) {
        (void)flock(journal->fd, LOCK_UN); /* threads with files of their own may have copies of the descriptor */
        (void)close(journal->fd);
    }
    batch_fini(&journal->waiting);
    batch_fini(&journal->writing);
    free(journal->out);
    free(journal);
}

/* ---- gathering ---- */

static cr_err grow(void **data, size_t *cap, size_t need, size_t unit, size_t first)
{
    if (need <= *cap) {
        return CR_OK;
    }
    size_t want = *cap > 0 ? *cap : first;
    while (want < need) {
        want *= 2;
    }
    void *bigger = realloc(*data, want * unit);
    if (bigger == NULL) {
        return CR_NOMEM;
    }
    *data = bigger;
    *cap = want;
    return CR_OK;
}

cr_err cr_journal_append(struct cr_journal *journal, const struct cr_line *line, struct cr_journal_wait *wait)
{
    struct batch *batch = &journal->waiting;
    void *text = batch->text, *entry = batch->entry;
    if (line->overflow || line->len + CR_JOURNAL_HEAD_CAP > CR_JOURNAL_LINE_MAX ||
        batch->len + line->len > JOURNAL_WAITING_MAX) {
        journal->lost += wait == NULL;
        return CR_FULL;
    }
    cr_err err = grow(&text, &batch->cap, batch->len + line->len, 1, 65536);
    batch->text = text;
    if (err == CR_OK) {
        err = grow(&entry, &batch->entry_cap, batch->count + 1, sizeof *batch->entry, 64);
        batch->entry = entry;
    }
    if (err != CR_OK) {
        journal->lost += wait == NULL;
        return err;
    }
    memcpy(batch->text + batch->len, line->text, line->len);
    batch->entry[batch->count++] = (struct entry){ .at = batch->len, .len = line->len, .wait = wait };
    batch->len += line->len;
    batch->waits += wait != NULL;
    return CR_OK;
}

/* ---- writing, on the pool ---- */

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, data, len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? errno : EIO;
        }
        data += put;
        len -= (size_t)put;
    }
    return 0;
}

/* Chains the batch's lines and writes them. The journal's own chain and size move only when all of it went well. */
static int batch_write(struct cr_journal *journal)
{
    struct batch *batch = &journal->writing;
    struct cr_chain chain = journal->chain;
    void *out = journal->out;
    cr_err err = grow(&out, &journal->out_cap, batch->len + batch->count * CR_JOURNAL_HEAD_CAP, 1, 65536);
    journal->out = out;
    if (err != CR_OK) {
        return ENOMEM;
    }
    size_t len = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct entry *entry = &batch->entry[i];
        size_t line_len = 0;
        if (cr_chain_write(&chain, journal->out + len, &line_len, batch->text + entry->at, entry->len) != CR_OK) {
            return EIO;
        }
        entry->offset = journal->size + len;
        entry->written = line_len - 1;
        len += line_len;
    }
    if (journal->dirty && ftruncate(journal->fd, (off_t)journal->size) != 0) {
        return errno;
    }
    journal->dirty = true; /* until it is known to be good */
    int error = write_all(journal->fd, journal->out, len);
    /* What nobody waits for becomes durable with the next line that somebody does. */
    if (error == 0 && batch->waits > 0 && fdatasync(journal->fd) != 0) {
        error = errno;
    }
    if (error == 0) {
        journal->dirty = false;
        journal->size += len;
        journal->chain = chain;
    } else if (ftruncate(journal->fd, (off_t)journal->size) == 0) {
        journal->dirty = false;
    }
    return error;
}

static void on_work(uv_work_t *work)
{
    struct cr_journal *journal = work->data;
    journal->work_error = batch_write(journal);
}

static void batch_tell(struct cr_journal *journal, int error)
{
    struct batch *batch = &journal->writing;
    for (size_t i = 0; i < batch->count; i++) {
        const struct entry *entry = &batch->entry[i];
        if (entry->wait != NULL) {
            entry->wait->done(entry->wait, error == 0 ? CR_OK : CR_IO, entry->offset, entry->written);
        } else {
            journal->lost += error != 0;
        }
    }
    batch->len = batch->count = batch->waits = 0;
}

static void on_worked(uv_work_t *work, int status)
{
    struct cr_journal *journal = work->data;
    uv_loop_t *loop = work->loop;
    journal->busy = false;
    journal->error = status == 0 ? journal->work_error : ECANCELED;
    batch_tell(journal, journal->error);
    cr_journal_flush(journal, loop);
}

void cr_journal_flush(struct cr_journal *journal, uv_loop_t *loop)
{
    if (journal->busy || journal->waiting.count == 0) {
        return;
    }
    struct batch batch = journal->writing;
    journal->writing = journal->waiting;
    journal->waiting = batch;
    journal->work.data = journal;
    journal->busy = true;
    if (uv_queue_work(loop, &journal->work, on_work, on_worked) != 0) {
        journal->busy = false;
        journal->error = EAGAIN;
        batch_tell(journal, EAGAIN);
    }
}

bool cr_journal_idle(const struct cr_journal *journal)
{
    return !journal->busy && journal->waiting.count == 0;
}

int cr_journal_error(const struct cr_journal *journal)
{
    return journal->error;
}

uint64_t cr_journal_lost_take(struct cr_journal *journal)
{
    uint64_t lost = journal->lost;
    journal->lost = 0;
    return lost;
}

cr_err cr_journal_read(const struct cr_journal *journal, uint64_t offset, char *text, size_t len)
{
    while (len > 0) {
        ssize_t got = pread(journal->fd, text, len, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return CR_IO;
        }
        text += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return CR_OK;
}
