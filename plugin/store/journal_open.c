/* Opening: which files there are, how many of them are read, and where the chain goes on. */
#include "plugin/store/journal_inside.h"
#include "plugin/store/journal_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct opening {
    struct cr_journal *journal;
    uint64_t *archive;     /* numbers of the first lines, ascending */
    size_t archives, from; /* read from this one on */
    bool empty;            /* journal.jsonl has no whole line: the chain goes on behind the last archive */
    struct cr_journal_scan scan;
    char *why;
    size_t why_cap;
};

static cr_err open_fail(struct opening *o, const char *what, const char *path)
{
    snprintf(o->why, o->why_cap, "%s '%s': %s.", what, path, strerror(errno));
    return CR_IO;
}

static cr_err open_current(struct opening *o)
{
    char path[CR_JOURNAL_PATH_CAP];
    struct cr_journal *journal = o->journal;
    if (cr_journal_path(path, journal->dir) != CR_OK) {
        snprintf(o->why, o->why_cap, "journal_dir is too long.");
        return CR_INVALID;
    }
    if (mkdir(journal->dir, 0700) != 0 && errno != EEXIST) {
        snprintf(o->why, o->why_cap,
                 "The directory '%s' cannot be made: %s. Make it, and give it to the broker's user.", journal->dir,
                 strerror(errno));
        return CR_IO;
    }
    journal->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->fd < 0) {
        snprintf(o->why, o->why_cap,
                 "The journal '%s' cannot be opened: %s. The broker's user must be able to write in journal_dir.", path,
                 strerror(errno));
        return CR_IO;
    }
    if (flock(journal->fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(o->why, o->why_cap, "The journal '%s' is in use by another broker: each broker has its own.", path);
        return CR_IO;
    }
    /* A new file is there after a power cut only if its directory entry is. */
    (void)cr_journal_sync_dir(journal->dir);
    if (cr_journal_archives(&o->archive, &o->archives, journal->dir) != CR_OK) {
        return open_fail(o, "What is in this directory cannot be read:", journal->dir);
    }
    return CR_OK;
}

/* ---- how far back ---- */

struct counting {
    const struct cr_journal_options *options;
    uint64_t lines, count;
};

static void count_line(void *ctx, struct cr_bytes line, uint64_t offset)
{
    struct counting *counting = ctx;
    (void)offset;
    counting->lines++;
    counting->count += counting->options->counts != NULL && counting->options->counts(line);
}

static int archive_open(struct opening *o, size_t n, int flags, char path[CR_JOURNAL_PATH_CAP])
{
    if (cr_journal_archive_path(path, o->journal->dir, o->archive[n]) != CR_OK) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, flags | O_CLOEXEC | O_NOFOLLOW);
}

static cr_err choose_archives(struct opening *o)
{
    struct counting counting = { .options = &o->journal->options };
    uint64_t bytes = 0;
    cr_err err = cr_journal_lines(o->journal->fd, count_line, &counting, o->why, o->why_cap);
    o->empty = counting.lines == 0;
    o->from = o->archives;
    while (err == CR_OK && o->from > 0 && bytes < CR_JOURNAL_BACK_MAX &&
           ((o->empty && o->from == o->archives) ||
            (counting.options->counts != NULL && counting.count < counting.options->enough))) {
        char path[CR_JOURNAL_PATH_CAP];
        struct stat st;
        int fd = archive_open(o, o->from - 1, O_RDONLY, path);
        if (fd < 0 || fstat(fd, &st) != 0) {
            err = open_fail(o, "This part of the journal cannot be opened:", path);
        } else {
            bytes += (uint64_t)st.st_size;
            err = cr_journal_lines(fd, count_line, &counting, o->why, o->why_cap);
            o->from--;
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    return err;
}

/* ---- reading ---- */

static cr_err scan_file(struct opening *o, int fd)
{
    const struct cr_journal_options *options = &o->journal->options;
    return cr_journal_scan(&o->scan, fd, o->journal->broker, options->visit, options->ctx, o->why, o->why_cap);
}

static cr_err cut_torn(struct opening *o, int fd)
{
    if (o->scan.torn == 0) {
        return CR_OK;
    }
    o->journal->torn = o->scan.torn;
    if (ftruncate(fd, (off_t)o->scan.size) != 0 || fdatasync(fd) != 0) {
        return open_fail(o, "A torn last line cannot be cut off in", o->scan.name);
    }
    return CR_OK;
}

static cr_err scan_archive(struct opening *o, size_t n)
{
    char path[CR_JOURNAL_PATH_CAP];
    /* Only the last one can be torn, and only when it could not be followed: then it was still written to. */
    bool last = o->empty && n + 1 == o->archives;
    int fd = archive_open(o, n, last ? O_RDWR : O_RDONLY, path);
    if (fd < 0) {
        return open_fail(o, "This part of the journal cannot be opened:", path);
    }
    o->scan.name = strrchr(path, '/') + 1;
    o->scan.anywhere = n == o->from;
    cr_err err = scan_file(o, fd);
    if (err == CR_OK && (o->scan.first_seq != o->archive[n] || (o->scan.torn > 0 && !last))) {
        snprintf(o->why, o->why_cap,
                 "The journal's file '%s' %s. Keep it for investigation and start with an empty "
                 "journal_dir.",
                 path, o->scan.torn > 0 ? "ends within a line" : "does not hold what its name says");
        err = CR_INVALID;
    }
    if (err == CR_OK) {
        err = cut_torn(o, fd);
    }
    if (err == CR_OK) {
        err = journal_past_add(o->journal, o->archive[n], o->scan.size);
        o->scan.base = o->journal->base;
    }
    (void)close(fd);
    return err;
}

static cr_err scan_all_files(struct opening *o)
{
    cr_err err = CR_OK;
    struct cr_journal *journal = o->journal;
    for (size_t n = o->from; n < o->archives && err == CR_OK; n++) {
        err = scan_archive(o, n);
    }
    if (err == CR_OK && lseek(journal->fd, 0, SEEK_SET) != 0) {
        err = open_fail(o, "The journal cannot be read:", journal->dir);
    }
    if (err == CR_OK) {
        o->scan.name = "journal.jsonl";
        o->scan.anywhere = o->from == o->archives;
        err = scan_file(o, journal->fd);
    }
    return err == CR_OK ? cut_torn(o, journal->fd) : err;
}

cr_err cr_journal_open(struct cr_journal **out, const struct cr_journal_options *options, char *why, size_t why_cap)
{
    struct opening o = { .why = why, .why_cap = why_cap };
    cr_err err = CR_NOMEM;
    struct cr_journal *journal = calloc(1, sizeof *journal);
    *out = NULL;
    if (journal == NULL || uv_mutex_init(&journal->lock) != 0) {
        snprintf(why, why_cap, "Out of memory.");
        free(journal);
        return CR_NOMEM;
    }
    o.journal = journal;
    journal->fd = -1;
    journal->options = *options;
    journal->options.dir = journal->dir;
    journal->options.broker = journal->broker;
    if (cr_text_copy(journal->dir, sizeof journal->dir, options->dir) != CR_OK ||
        cr_text_copy(journal->broker, sizeof journal->broker, options->broker) != CR_OK) {
        snprintf(why, why_cap, "journal_dir or broker_name is too long.");
        err = CR_INVALID;
        goto out;
    }
    CR_TRY(open_current(&o));
    CR_TRY(choose_archives(&o));
    CR_TRY(scan_all_files(&o));
    journal->size = o.scan.size;
    journal->first_seq = o.scan.first_seq;
    journal->chain = o.scan.chain;
    journal->signed_seq = o.scan.signed_seq;
    journal->rotate_at = options->max_size > 0 ? options->max_size : UINT64_MAX;
    *out = journal;
    journal = NULL;
out:
    if (err != CR_OK && why[0] == '\0') {
        snprintf(why, why_cap, "The journal cannot be opened: %s.", cr_err_text(err));
    }
    free(o.archive);
    cr_journal_close(journal);
    return err;
}
