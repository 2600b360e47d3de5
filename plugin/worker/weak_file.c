#include "plugin/worker/weak_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ENTRY_DIGITS = 2 * CR_WEAK_LEN,
    LINE_CAP = 1024,
    CHUNK = 65536,
    MISTAKES_TOLD = 5,
    FILE_MAX = CR_WEAK_LIST_MAX * (ENTRY_DIGITS + 2) + (1 << 20), /* \r\n, and comments */
};

/* Which state of which file was read. */
struct origin {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec modified, changed;
};

struct cr_weak_file {
    atomic_uint refs;
    struct origin origin;
    struct cr_weak_list list;
};

struct loading {
    struct cr_weak_list *list;
    const char *path;
    char *errors;
    size_t errors_cap, errors_len;
    unsigned mistakes;
    size_t line;          /* of the file, from 1 */
    char text[LINE_CAP];  /* the line that is being read */
    size_t len;           /* of it in the file, which may be more than there is room for */
};

static void tell(struct loading *loading, const char *where, const char *sentence)
{
    size_t left = loading->errors_cap - loading->errors_len;
    if (left <= 1) {
        return;
    }
    int len = snprintf(loading->errors + loading->errors_len, left, "%sweak_keys_file %s%s: %s.",
                       loading->errors_len > 0 ? "\n" : "", loading->path, where, sentence);
    if (len > 0) {
        loading->errors_len += (size_t)len < left ? (size_t)len : left - 1;
    }
}

/* A sentence behind the file's name, and the line's number unless that is 0. */
static void complain(struct loading *loading, size_t line, const char *format, ...) CR_PRINTF(3, 4);
static void complain(struct loading *loading, size_t line, const char *format, ...)
{
    char sentence[256], where[32] = "";
    va_list args;
    if (++loading->mistakes > MISTAKES_TOLD) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (line > 0) {
        (void)snprintf(where, sizeof where, ":%zu", line);
    }
    tell(loading, where, sentence);
}

/* Of a file that is something else altogether the first lines say enough. */
static void complain_of_more(struct loading *loading)
{
    char sentence[64];
    if (loading->mistakes > MISTAKES_TOLD) {
        (void)snprintf(sentence, sizeof sentence, "and %u more mistakes", loading->mistakes - MISTAKES_TOLD);
        tell(loading, "", sentence);
    }
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool entry_read(uint8_t entry[CR_WEAK_LEN], const char *text, size_t len)
{
    for (size_t i = 0; i < ENTRY_DIGITS && len == ENTRY_DIGITS; i += 2) {
        int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        entry[i / 2] = (uint8_t)(high << 4 | low);
    }
    return len == ENTRY_DIGITS;
}

/* A line is complete. CR_FULL: one entry too many. */
static cr_err line_end(struct loading *loading)
{
    uint8_t entry[CR_WEAK_LEN];
    size_t len = loading->len;
    loading->line++;
    loading->len = 0;
    if (len > LINE_CAP) {
        complain(loading, loading->line, "is longer than %d bytes", LINE_CAP);
        return CR_OK;
    }
    if (len > 0 && loading->text[len - 1] == '\r') {
        len--;
    }
    if (len == 0 || loading->text[0] == '#') {
        return CR_OK;
    }
    if (!entry_read(entry, loading->text, len)) {
        complain(loading, loading->line, "must be %d lower-case hex digits, the end of the key's SHA-1",
                 ENTRY_DIGITS);
        return CR_OK;
    }
    return cr_weak_list_add(loading->list, entry);
}

static cr_err chunk_take(struct loading *loading, const char *chunk, size_t len)
{
    while (len > 0) {
        const char *end = memchr(chunk, '\n', len);
        size_t part = end != NULL ? (size_t)(end - chunk) : len;
        if (loading->len < LINE_CAP) {
            size_t room = LINE_CAP - loading->len;
            memcpy(loading->text + loading->len, chunk, part < room ? part : room);
        }
        loading->len += part;
        if (end != NULL) {
            cr_err err = line_end(loading);
            if (err != CR_OK) {
                return err;
            }
            part++;
        }
        chunk += part;
        len -= part;
    }
    return CR_OK;
}

/* Takes every line of the first `left` bytes of an open file: it has grown if there are more, and there is no room for
 * them. CR_INVALID: complained. */
static cr_err lines_take(struct loading *loading, int fd, size_t left)
{
    cr_err err = CR_NOMEM;
    char *chunk = malloc(CHUNK);
    if (chunk == NULL) {
        return err;
    }
    while (left > 0) {
        ssize_t got = read(fd, chunk, left < CHUNK ? left : CHUNK);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            complain(loading, 0, "%s", got < 0 ? strerror(errno) : "changed while it was read");
            err = CR_INVALID;
            goto out;
        }
        CR_TRY(chunk_take(loading, chunk, (size_t)got));
        left -= (size_t)got;
    }
    err = loading->len > 0 ? line_end(loading) : CR_OK; /* a last line without an end */
out:
    free(chunk);
    if (err == CR_FULL) {
        complain(loading, loading->line, "is one entry too many: at most %d", CR_WEAK_LIST_MAX);
    }
    if (loading->mistakes == 0 && err == CR_OK && loading->list->count == 0) {
        complain(loading, 0, "holds no entry; take the key out of the configuration if there is to be no list");
    }
    complain_of_more(loading);
    return loading->mistakes > 0 ? CR_INVALID : err;
}

static bool origin_equal(const struct origin *a, const struct origin *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Opens a regular file of bearable size, without waiting for the writer of a FIFO. -1: complained. */
static int file_open(struct loading *loading, struct origin *origin)
{
    struct stat about;
    int fd = open(loading->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &about) != 0) {
        complain(loading, 0, "%s", strerror(errno));
    } else if (!S_ISREG(about.st_mode)) {
        complain(loading, 0, "is not a regular file");
    } else if (about.st_size > FILE_MAX) {
        complain(loading, 0, "is larger than %d MB, too large for a list of at most %d entries", FILE_MAX / 1000000,
                 CR_WEAK_LIST_MAX);
    } else {
        *origin = (struct origin){ about.st_dev, about.st_ino, about.st_size, about.st_mtim, about.st_ctim };
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

/* How many entries a file of this size can hold: each takes its digits and a line end, but the last may do without. */
static size_t entries_at_most(off_t size)
{
    size_t count = ((size_t)size + 1) / (ENTRY_DIGITS + 1);
    return count < CR_WEAK_LIST_MAX ? count : CR_WEAK_LIST_MAX;
}

cr_err cr_weak_file_load(struct cr_weak_file **file, const char *path, struct cr_weak_file *former, char *errors,
                         size_t errors_cap)
{
    cr_err err = CR_INVALID;
    struct cr_weak_file *made = NULL;
    struct origin origin;
    struct loading *loading = calloc(1, sizeof *loading);
    *file = NULL;
    if (errors_cap > 0) {
        errors[0] = '\0';
    }
    if (loading == NULL) {
        return CR_NOMEM;
    }
    *loading = (struct loading){ .path = path, .errors = errors, .errors_cap = errors_cap };
    int fd = file_open(loading, &origin);
    if (fd < 0) {
        goto out;
    }
    if (former != NULL && origin_equal(&former->origin, &origin)) {
        (void)atomic_fetch_add_explicit(&former->refs, 1, memory_order_relaxed);
        *file = former;
        err = CR_OK;
        goto out;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        err = CR_NOMEM;
        goto out;
    }
    atomic_init(&made->refs, 1);
    made->origin = origin;
    loading->list = &made->list;
    CR_TRY(cr_weak_list_init(&made->list, entries_at_most(origin.size)));
    CR_TRY(lines_take(loading, fd, (size_t)origin.size));
    cr_weak_list_sort(&made->list);
    *file = made;
    made = NULL;
out:
    cr_weak_file_drop(made);
    if (fd >= 0) {
        (void)close(fd);
    }
    free(loading);
    return err;
}

void cr_weak_file_drop(struct cr_weak_file *file)
{
    /* Release what this thread did with it, acquire what the others did, before it goes. */
    if (file != NULL && atomic_fetch_sub_explicit(&file->refs, 1, memory_order_acq_rel) == 1) {
        cr_weak_list_fini(&file->list);
        free(file);
    }
}

const struct cr_weak_list *cr_weak_file_list(const struct cr_weak_file *file)
{
    return file != NULL ? &file->list : NULL;
}
