/* Reads the files, in the order of their lines, in pieces, and shows how far it has come when that takes a while. */
#include "plugin/renewalctl/audit.h"

#include "plugin/store/journal_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, ISSUER_FILE_MAX = 256 * 1024, PROGRESS_FIRST_MS = 1000, PROGRESS_EACH_MS = 200, BAR = 40, WAIT_MS = 50, WAITS_MAX = 10 };

struct file {
    const char *path;
    uint64_t first_seq; /* what it is sorted by */
    int fd;             /* of one that may be renamed meanwhile; -1: it is opened when it is read */
    dev_t dev;
    ino_t ino;
};

struct audit {
    struct ctl_audit_options options;
    struct cr_verify verify;
    struct ctl_audit_report report;
    struct file *file;
    const char **name; /* of the files as sorted */
    struct cr_blob issuers[CTL_AUDIT_ISSUERS_MAX];
    struct cr_cert cert[CTL_AUDIT_ISSUERS_MAX];
    uint8_t piece[PIECE];
    uint64_t done, total;       /* bytes */
    int64_t began_ms, shown_ms; /* shown 0: no progress is on the terminal */
    char why[CTL_WHY_CAP];
};

static int complain(int code, const char *line)
{
    (void)fprintf(stderr, "renewalctl: %s\n", line);
    return code;
}

/* ---- issuers ---- */

static cr_err issuer_certs(struct audit *audit, const char *path, struct cr_blob *ders)
{
    struct cr_bytes rest = cr_blob_view(ders), der;
    while (cr_cert_next(&der, &rest) == CR_OK) {
        if (audit->verify.issuers == CTL_AUDIT_ISSUERS_MAX ||
            cr_cert_parse(&audit->cert[audit->verify.issuers], der) != CR_OK) {
            (void)snprintf(audit->why, sizeof audit->why,
                           "--issuer %.150s holds too many certificates, or one that is none", path);
            return CR_INVALID;
        }
        audit->verify.issuers++;
    }
    return CR_OK;
}

static cr_err issuer_read(struct audit *audit, size_t n)
{
    const char *path = audit->options.issuer[n];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)snprintf(audit->why, sizeof audit->why, "--issuer %.150s cannot be read: %.60s", path, strerror(errno));
        return CR_IO;
    }
    size_t len = fread(audit->piece, 1, ISSUER_FILE_MAX, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed || cr_cert_from_pem(&audit->issuers[n], (struct cr_bytes){ audit->piece, len }) != CR_OK) {
        (void)snprintf(audit->why, sizeof audit->why, "--issuer %.150s holds no certificate in PEM", path);
        return CR_INVALID;
    }
    return issuer_certs(audit, path, &audit->issuers[n]);
}

/* ---- files ---- */

/* The number of its first line; where that cannot be read, the one of its name; else it comes last. */
static uint64_t first_seq_of(struct audit *audit, const struct file *file, int fd)
{
    const char *slash = strrchr(file->path, '/');
    uint8_t prev[CR_SHA256_LEN];
    uint64_t seq;
    ssize_t len = pread(fd, audit->piece, CR_JOURNAL_LINE_MAX, 0);
    const uint8_t *end = len > 0 ? memchr(audit->piece, '\n', (size_t)len) : NULL;
    if (end != NULL &&
        cr_chain_read((struct cr_bytes){ audit->piece, (size_t)(end - audit->piece) }, &seq, prev) == CR_OK) {
        return seq;
    }
    seq = cr_journal_archive_seq(slash != NULL ? slash + 1 : file->path);
    return seq != 0 ? seq : UINT64_MAX;
}

static cr_err file_fail(struct audit *audit, const char *path)
{
    (void)snprintf(audit->why, sizeof audit->why, "%.150s cannot be read: %.60s", path, strerror(errno));
    return CR_IO;
}

static cr_err file_take(struct audit *audit, size_t n, int fd)
{
    struct file *file = &audit->file[n];
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return file_fail(audit, file->path);
    }
    if (!S_ISREG(st.st_mode)) {
        (void)snprintf(audit->why, sizeof audit->why, "%.150s is not a file", file->path);
        return CR_IO;
    }
    for (size_t i = 0; i < n; i++) {
        if (audit->file[i].dev == st.st_dev && audit->file[i].ino == st.st_ino) {
            (void)snprintf(audit->why, sizeof audit->why, "%.100s and %.100s are the same file", audit->file[i].path,
                           file->path);
            return CR_DENIED;
        }
    }
    file->dev = st.st_dev;
    file->ino = st.st_ino;
    file->first_seq = first_seq_of(audit, file, fd);
    audit->total += (uint64_t)st.st_size;
    return CR_OK;
}

/* What was set aside stays what it is, and is opened again when it is read: there may be more files than descriptors. */
static cr_err file_look(struct audit *audit, size_t n)
{
    struct file *file = &audit->file[n];
    file->path = audit->options.file[n];
    const char *slash = strrchr(file->path, '/');
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return file_fail(audit, file->path);
    }
    cr_err err = file_take(audit, n, fd);
    if (err == CR_OK && cr_journal_archive_seq(slash != NULL ? slash + 1 : file->path) == 0) {
        file->fd = fd;
    } else {
        (void)close(fd);
    }
    return err;
}

static int by_first_seq(const void *a, const void *b)
{
    const struct file *one = a, *two = b;
    return (one->first_seq > two->first_seq) - (one->first_seq < two->first_seq);
}

/* ---- progress ---- */

static void progress_clear(struct audit *audit)
{
    if (audit->shown_ms != 0) {
        (void)fputs("\r\033[K", stderr);
        audit->shown_ms = 0;
    }
}

static void progress_show(struct audit *audit)
{
    int64_t now_ms = cr_mono_ms(cr_clock_system());
    int64_t next_ms = audit->shown_ms != 0 ? audit->shown_ms + PROGRESS_EACH_MS : audit->began_ms + PROGRESS_FIRST_MS;
    if (now_ms < next_ms || audit->total == 0 || !isatty(STDERR_FILENO)) {
        return;
    }
    char bar[BAR + 1];
    uint64_t done = audit->done < audit->total ? audit->done : audit->total;
    size_t full = (size_t)(done * BAR / audit->total);
    memset(bar, '.', BAR);
    memset(bar, '#', full);
    bar[BAR] = '\0';
    (void)fprintf(stderr, "\r[%s] %3u %%  %llu lines", bar, (unsigned)(done * 100 / audit->total),
                  (unsigned long long)audit->verify.lines);
    audit->shown_ms = now_ms;
}

/* ---- the whole ---- */

static void on_fault(void *ctx, const struct cr_verify_fault *fault)
{
    struct audit *audit = ctx;
    progress_clear(audit);
    ctl_audit_report_fault(&audit->report, fault);
}

/* A line that is only half there may be one that the broker is writing. */
static bool may_grow(const struct audit *audit, const struct file *file, unsigned *waits)
{
    const struct timespec wait = { 0, WAIT_MS * 1000000L };
    if (file->fd < 0 || audit->verify.part_len == 0 || (*waits)++ == WAITS_MAX) {
        return false;
    }
    (void)nanosleep(&wait, NULL);
    return true;
}

static cr_err file_pieces(struct audit *audit, const struct file *file, int fd)
{
    unsigned waits = 0;
    for (;;) {
        ssize_t got = read(fd, audit->piece, sizeof audit->piece);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return file_fail(audit, file->path);
        }
        if (got == 0 && !may_grow(audit, file, &waits)) {
            return CR_OK;
        }
        cr_verify_bytes(&audit->verify, audit->piece, (size_t)got);
        audit->done += (uint64_t)got;
        progress_show(audit);
    }
}

static cr_err file_verify(struct audit *audit, const struct file *file)
{
    int fd = file->fd >= 0 ? file->fd : open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return file_fail(audit, file->path);
    }
    cr_verify_file(&audit->verify, file->path);
    cr_err err = file_pieces(audit, file, fd);
    if (file->fd < 0) {
        (void)close(fd);
    }
    if (err == CR_OK) {
        cr_verify_file_end(&audit->verify);
    }
    return err;
}

static cr_err audit_run(struct audit *audit)
{
    cr_err err = CR_OK;
    size_t files = audit->options.files;
    audit->verify.issuer = audit->cert;
    audit->verify.backend = cr_key_libcrypto();
    audit->verify.fault = on_fault;
    audit->verify.ctx = audit;
    audit->report.out = stdout;
    audit->report.json = audit->options.json;
    for (size_t i = 0; i < audit->options.issuers && err == CR_OK; i++) {
        err = issuer_read(audit, i);
    }
    for (size_t i = 0; i < files && err == CR_OK; i++) {
        err = file_look(audit, i);
    }
    if (err != CR_OK) {
        return err;
    }
    qsort(audit->file, files, sizeof *audit->file, by_first_seq);
    audit->began_ms = cr_mono_ms(cr_clock_system());
    for (size_t i = 0; i < files && err == CR_OK; i++) {
        audit->name[i] = audit->file[i].path;
        err = file_verify(audit, &audit->file[i]);
    }
    progress_clear(audit);
    return err == CR_OK ? ctl_audit_report_end(&audit->report, &audit->verify, audit->name, files) : err;
}

static int audit_start(struct audit *audit)
{
    audit->file = calloc(audit->options.files, sizeof *audit->file);
    audit->name = calloc(audit->options.files, sizeof *audit->name);
    if (audit->file == NULL || audit->name == NULL) {
        return complain(CTL_CANNOT_READ, "out of memory");
    }
    for (size_t i = 0; i < audit->options.files; i++) {
        audit->file[i].fd = -1;
    }
    cr_err err = audit_run(audit);
    if (err == CR_DENIED) {
        return complain(CTL_USAGE, audit->why);
    }
    if (err != CR_OK) {
        return complain(CTL_CANNOT_READ, audit->why[0] != '\0' ? audit->why : cr_err_text(err));
    }
    return cr_verify_ok(&audit->verify) ? CTL_DONE : CTL_FAILED;
}

static void audit_free(struct audit *audit)
{
    for (size_t i = 0; audit->file != NULL && i < audit->options.files; i++) {
        if (audit->file[i].fd >= 0) {
            (void)close(audit->file[i].fd);
        }
    }
    for (size_t i = 0; i < CTL_AUDIT_ISSUERS_MAX; i++) {
        cr_blob_fini(&audit->issuers[i]);
    }
    free(audit->file);
    free(audit->name);
    free(audit);
}

int ctl_audit_verify(int argc, char *const *argv)
{
    struct audit *audit = calloc(1, sizeof *audit);
    int rc;
    if (audit == NULL) {
        return complain(CTL_CANNOT_READ, "out of memory");
    }
    if (ctl_audit_options(&audit->options, argc, argv, audit->why) != CR_OK) {
        rc = complain(CTL_USAGE, audit->why);
    } else if (audit->options.help) {
        (void)fputs(ctl_audit_help, stdout);
        rc = CTL_DONE;
    } else {
        rc = audit_start(audit);
    }
    audit_free(audit);
    return rc;
}
