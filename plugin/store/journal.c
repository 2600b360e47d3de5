#include "plugin/store/journal_inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { JOURNAL_WAITING_MAX = 16 * 1024 * 1024 }; /* bytes that may wait for a batch */

uint64_t cr_journal_torn(const struct cr_journal *journal)
{
    return journal->torn;
}

static void batch_fini(struct journal_batch *batch)
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
    uv_mutex_destroy(&journal->lock);
    free(journal->past);
    free(journal->out);
    free(journal);
}

/* ---- gathering ---- */

cr_err journal_grow(void **data, size_t *cap, size_t need, size_t unit, size_t first)
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
    struct journal_batch *batch = &journal->waiting;
    void *text = batch->text, *entry = batch->entry;
    if (line->overflow || line->len + CR_JOURNAL_HEAD_CAP > CR_JOURNAL_LINE_MAX ||
        batch->len + line->len > JOURNAL_WAITING_MAX) {
        journal->lost += wait == NULL;
        return CR_FULL;
    }
    cr_err err = journal_grow(&text, &batch->cap, batch->len + line->len, 1, 65536);
    batch->text = text;
    if (err == CR_OK) {
        err = journal_grow(&entry, &batch->entry_cap, batch->count + 1, sizeof *batch->entry, 64);
        batch->entry = entry;
    }
    if (err != CR_OK) {
        journal->lost += wait == NULL;
        return err;
    }
    memcpy(batch->text + batch->len, line->text, line->len);
    batch->entry[batch->count++] = (struct journal_entry){ .at = batch->len, .len = line->len, .wait = wait };
    batch->len += line->len;
    batch->waits += wait != NULL;
    return CR_OK;
}

/* ---- writing ---- */

static void on_work(uv_work_t *work)
{
    struct cr_journal *journal = work->data;
    journal->work_error = journal_batch_write(journal);
}

static void batch_tell(struct cr_journal *journal, int error)
{
    struct journal_batch *batch = &journal->writing;
    for (size_t i = 0; i < batch->count; i++) {
        const struct journal_entry *entry = &batch->entry[i];
        if (entry->wait != NULL) {
            entry->wait->done(entry->wait, error == 0 ? CR_OK : CR_IO, entry->offset, entry->written);
        } else {
            journal->lost += error != 0;
        }
    }
    batch->len = batch->count = batch->waits = 0;
}

static void tell_event(struct cr_journal *journal)
{
    const struct cr_journal_event event = journal->event;
    if (event.checkpoint_seq != 0) {
        journal->uncovered_since_s = 0;
    }
    if (journal->options.told != NULL && (event.checkpoint_seq != 0 || event.rotated_seq != 0 ||
                                          event.rotate_error != 0 || event.sign_error != CR_OK)) {
        journal->options.told(journal->options.ctx, &event);
    }
}

static void on_worked(uv_work_t *work, int status)
{
    struct cr_journal *journal = work->data;
    uv_loop_t *loop = work->loop;
    journal->busy = false;
    journal->error = status == 0 ? journal->work_error : ECANCELED;
    batch_tell(journal, journal->error);
    if (status == 0) {
        tell_event(journal);
    }
    cr_journal_flush(journal, loop);
}

void cr_journal_flush(struct cr_journal *journal, uv_loop_t *loop)
{
    if (journal->busy) {
        return;
    }
    journal->checkpoint_now =
        journal->checkpoint_wanted && journal->chain.seq + journal->waiting.count > journal->signed_seq;
    journal->checkpoint_wanted = false;
    if (journal->waiting.count == 0 && !journal->checkpoint_now) {
        return;
    }
    struct journal_batch batch = journal->writing;
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

void cr_journal_checkpoint(struct cr_journal *journal)
{
    journal->checkpoint_wanted = journal->options.signer.sign != NULL;
}

void cr_journal_tick(struct cr_journal *journal, int64_t now_s)
{
    if (journal->busy || journal->chain.seq == journal->signed_seq) {
        return;
    }
    if (journal->uncovered_since_s == 0 || journal->uncovered_since_s > now_s) { /* or the clock was set back */
        journal->uncovered_since_s = now_s;
    } else if (now_s - journal->uncovered_since_s >= CR_CHECKPOINT_S) {
        journal->uncovered_since_s = now_s; /* should it fail, not at once again */
        cr_journal_checkpoint(journal);
    }
}

bool cr_journal_rests(const struct cr_journal *journal)
{
    return !journal->busy;
}

bool cr_journal_idle(const struct cr_journal *journal)
{
    return !journal->busy && journal->waiting.count == 0 && !journal->checkpoint_wanted;
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

/* ---- reading back ---- */

cr_err journal_past_add(struct cr_journal *journal, uint64_t first_seq, uint64_t size)
{
    void *past = journal->past;
    cr_err err = journal_grow(&past, &journal->past_cap, journal->past_count + 1, sizeof *journal->past, 16);
    journal->past = past;
    if (err == CR_OK) {
        journal->past[journal->past_count++] = (struct journal_past){ journal->base, first_seq };
        journal->base += size;
    }
    return err;
}

static cr_err read_all(int fd, uint64_t offset, char *text, size_t len)
{
    while (len > 0) {
        ssize_t got = pread(fd, text, len, (off_t)offset);
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

static cr_err read_past(const struct cr_journal *journal, const struct journal_past *past, uint64_t offset, char *text,
                        size_t len)
{
    char path[CR_JOURNAL_PATH_CAP];
    if (cr_journal_archive_path(path, journal->dir, past->first_seq) != CR_OK) {
        return CR_IO;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return CR_IO;
    }
    cr_err err = read_all(fd, offset - past->base, text, len);
    (void)close(fd);
    return err;
}

cr_err cr_journal_read(struct cr_journal *journal, uint64_t offset, char *text, size_t len)
{
    struct journal_past past = { 0, 0 };
    cr_err err = CR_OK;
    uv_mutex_lock(&journal->lock);
    if (offset >= journal->base) {
        err = read_all(journal->fd, offset - journal->base, text, len);
    } else {
        for (size_t i = 0; i < journal->past_count && journal->past[i].base <= offset; i++) {
            past = journal->past[i];
        }
    }
    uv_mutex_unlock(&journal->lock);
    return past.first_seq != 0 ? read_past(journal, &past, offset, text, len) : err;
}
