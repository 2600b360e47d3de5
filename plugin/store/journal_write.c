/* What the pool's thread does: a batch becomes lines of the file, with what the journal adds itself. */
#include "plugin/store/journal_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIGN_AGAIN_LINES = 100 };

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

/* What a batch is about to become: nothing of it counts before all of it is written. */
struct draft {
    struct cr_chain chain;
    size_t len;
    uint64_t signed_seq; /* of its checkpoint; 0: it has none */
};

static int draft_start(struct cr_journal *journal, struct draft *draft, size_t cap)
{
    void *out = journal->out;
    cr_err err = journal_grow(&out, &journal->out_cap, cap, 1, 65536);
    journal->out = out;
    *draft = (struct draft){ .chain = journal->chain };
    return err == CR_OK ? 0 : ENOMEM;
}

static int draft_line(struct cr_journal *journal, struct draft *draft, const char *fields, size_t len)
{
    size_t line_len = 0;
    if (cr_chain_write(&draft->chain, journal->out + draft->len, &line_len, fields, len) != CR_OK) {
        return EIO;
    }
    draft->len += line_len;
    return 0;
}

static int draft_checkpoint(struct cr_journal *journal, struct draft *draft)
{
    char text[CR_CHECKPOINT_CAP - CR_JOURNAL_HEAD_CAP];
    struct cr_line fields;
    cr_line_start(&fields, text, sizeof text);
    cr_err err = cr_checkpoint_fields(&fields, &draft->chain, cr_wall_s(journal->options.clock), journal->broker,
                                      &journal->options.signer);
    if (err != CR_OK) {
        journal->event.sign_error = err == CR_NOT_FOUND ? CR_OK : err;
        journal->sign_again_seq = draft->chain.seq + SIGN_AGAIN_LINES;
        return 0;
    }
    int error = draft_line(journal, draft, fields.text, fields.len);
    draft->signed_seq = error == 0 ? draft->chain.seq : 0;
    return error;
}

/* All of it reaches the file, or none does. */
static int draft_write(struct cr_journal *journal, const struct draft *draft, bool sync)
{
    if (journal->dirty && ftruncate(journal->fd, (off_t)journal->size) != 0) {
        return errno;
    }
    journal->dirty = true; /* until it is known to be good */
    int error = write_all(journal->fd, journal->out, draft->len);
    if (error == 0 && sync && fdatasync(journal->fd) != 0) {
        error = errno;
    }
    if (error != 0) {
        if (ftruncate(journal->fd, (off_t)journal->size) == 0) {
            journal->dirty = false;
        }
        return error;
    }
    journal->dirty = false;
    if (journal->size == 0 && draft->len > 0) {
        journal->first_seq = journal->chain.seq + 1;
    }
    journal->size += draft->len;
    journal->chain = draft->chain;
    if (draft->signed_seq != 0) {
        journal->signed_seq = draft->signed_seq;
        journal->event.checkpoint_seq = draft->signed_seq;
        memcpy(journal->event.checkpoint_digest, draft->chain.digest, CR_SHA256_LEN);
    }
    return 0;
}

/* ---- a file is set aside ---- */

/* The last line is a checkpoint where one can be had, and all lines are durable. */
static int rotate_finish(struct cr_journal *journal)
{
    struct draft draft;
    int error = draft_start(journal, &draft, CR_CHECKPOINT_CAP);
    if (error == 0 && journal->signed_seq != journal->chain.seq) {
        error = draft_checkpoint(journal, &draft);
    }
    return error == 0 ? draft_write(journal, &draft, true) : error;
}

/* From here on what `fresh` is, is written to. The number stays, so that a thread with files of its own knows it. */
static int rotate_switch(struct cr_journal *journal, int fresh)
{
    int error = 0;
    uv_mutex_lock(&journal->lock);
    if (journal_past_add(journal, journal->first_seq, journal->size) != CR_OK) {
        error = ENOMEM;
    } else if (dup3(fresh, journal->fd, O_CLOEXEC) < 0) {
        error = errno;
        journal->base = journal->past[--journal->past_count].base;
    }
    uv_mutex_unlock(&journal->lock);
    return error;
}

/* The path is still that of the file that is written to, and nothing is replaced: once a step could neither be done nor
 * undone, the file has its new name already, and stays as it is until the next start. */
static int rotate_check(const struct cr_journal *journal, const char *path, const char *archive)
{
    struct stat written, named, other;
    if (fstat(journal->fd, &written) != 0 || lstat(path, &named) != 0) {
        return errno;
    }
    if (written.st_ino != named.st_ino || written.st_dev != named.st_dev || lstat(archive, &other) == 0) {
        return EEXIST;
    }
    return errno == ENOENT ? 0 : errno;
}

static int rotate_files(struct cr_journal *journal)
{
    char path[CR_JOURNAL_PATH_CAP], archive[CR_JOURNAL_PATH_CAP];
    if (cr_journal_path(path, journal->dir) != CR_OK ||
        cr_journal_archive_path(archive, journal->dir, journal->first_seq) != CR_OK) {
        return ENAMETOOLONG;
    }
    int error = rotate_check(journal, path, archive);
    if (error != 0 || rename(path, archive) != 0) {
        return error != 0 ? error : errno;
    }
    int fresh = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fresh < 0 || flock(fresh, LOCK_EX | LOCK_NB) != 0) {
        error = errno;
    } else {
        error = rotate_switch(journal, fresh);
    }
    if (fresh >= 0) {
        (void)close(fresh);
    }
    if (error != 0) {
        /* Back to how it was. Should even that fail, lines go on into the file under its new name: open() finds them.
         */
        (void)rename(archive, path);
    }
    return error;
}

static void rotate(struct cr_journal *journal)
{
    uint64_t first_seq = journal->first_seq;
    int error = rotate_finish(journal);
    if (error == 0) {
        error = rotate_files(journal);
    }
    journal->event.rotate_error = error;
    if (error != 0) {
        journal->rotate_at = journal->size + journal->options.max_size / 16;
        return;
    }
    journal->event.rotated_seq = first_seq;
    journal->size = journal->first_seq = 0;
    journal->rotate_at = journal->options.max_size;
    journal->dir_dirty = true;
}

/* ---- a batch ---- */

/* A file that continues another says which. */
static int draft_continues(struct cr_journal *journal, struct draft *draft)
{
    char text[512], path[CR_JOURNAL_PATH_CAP], detail[64];
    struct cr_line fields;
    if (journal->size > 0 || journal->chain.seq == 0 || journal->past_count == 0) {
        return 0;
    }
    if (cr_journal_archive_path(path, "", journal->past[journal->past_count - 1].first_seq) != CR_OK) {
        return ENAMETOOLONG;
    }
    snprintf(detail, sizeof detail, "continues %.40s", path + 1);
    cr_line_start(&fields, text, sizeof text);
    cr_line_time(&fields, "time", cr_wall_s(journal->options.clock));
    cr_line_string(&fields, "broker", journal->broker);
    cr_line_string(&fields, "what", "journal");
    cr_line_string(&fields, "detail", detail);
    return draft_line(journal, draft, fields.text, fields.len);
}

static bool checkpoint_due(const struct cr_journal *journal, uint64_t seq)
{
    return seq > journal->signed_seq && seq >= journal->sign_again_seq &&
           (journal->checkpoint_now || seq - journal->signed_seq >= CR_CHECKPOINT_LINES);
}

static int draft_batch(struct cr_journal *journal, struct draft *draft)
{
    struct journal_batch *batch = &journal->writing;
    int error =
        draft_start(journal, draft, batch->len + batch->count * CR_JOURNAL_HEAD_CAP + 2 * (size_t)CR_CHECKPOINT_CAP);
    if (error == 0) {
        error = draft_continues(journal, draft);
    }
    for (size_t i = 0; i < batch->count && error == 0; i++) {
        struct journal_entry *entry = &batch->entry[i];
        size_t at = draft->len;
        error = draft_line(journal, draft, batch->text + entry->at, entry->len);
        entry->offset = journal->base + journal->size + at;
        entry->written = draft->len - at - 1;
    }
    if (error == 0 && checkpoint_due(journal, draft->chain.seq)) {
        error = draft_checkpoint(journal, draft);
    }
    return error;
}

int journal_batch_write(struct cr_journal *journal)
{
    struct draft draft;
    journal->event = (struct cr_journal_event){ .checkpoint_seq = 0 };
    if (journal->size >= journal->rotate_at && journal->first_seq != 0) {
        rotate(journal);
    }
    if (journal->dir_dirty) {
        int error = cr_journal_sync_dir(journal->dir);
        if (error != 0) {
            return error;
        }
        journal->dir_dirty = false;
    }
    int error = draft_batch(journal, &draft);
    if (error == 0 && draft.len > 0) {
        /* What nobody waits for becomes durable with the next line that somebody does, or with a checkpoint. */
        error = draft_write(journal, &draft, journal->writing.waits > 0 || draft.signed_seq != 0);
    }
    return error;
}
