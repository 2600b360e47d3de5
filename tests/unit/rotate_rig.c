#include "tests/unit/rotate_rig.h"

#include "plugin/store/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct rotate_scene rotate_scene;

/* A process ends as by kill -9, and leaves a word. */
static _Noreturn void die(int code)
{
    rotate_scene.shared->code = code;
    (void)kill(getpid(), SIGKILL);
    abort();
}

/* ---- system calls ---- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);
int __real_dup3(int from, int to, int flags);
int __wrap_dup3(int from, int to, int flags);

/* Whether this call fails; or the process ends here. */
static bool strikes(void)
{
    unsigned step = rotate_scene.armed ? ++rotate_scene.step : 0;
    if (step == rotate_scene.at && rotate_scene.armed && rotate_scene.mode == DIE_BEFORE) {
        die(DIED);
    }
    return rotate_scene.armed &&
           ((rotate_scene.mode == FAIL_ONCE && step == rotate_scene.at) ||
            (rotate_scene.mode == FAIL_TWICE && (step == rotate_scene.at || step == rotate_scene.at + 1)));
}

static int failure(void)
{
    errno = ENOSPC;
    return -1;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(args, unsigned) : 0;
    va_end(args);
    return strikes() ? failure() : __real_open(path, flags, mode);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    if (strikes()) {
        return failure();
    }
    if (rotate_scene.armed && rotate_scene.mode == DIE_HALFWAY && rotate_scene.step == rotate_scene.at) {
        (void)!__real_write(fd, data, len / 2);
        die(DIED);
    }
    return __real_write(fd, data, len);
}

/* What a process wrote outlives it; only power cuts are about these two. */
int __wrap_fsync(int fd)
{
    (void)fd;
    return strikes() ? failure() : 0;
}
int __wrap_fdatasync(int fd)
{
    (void)fd;
    return strikes() ? failure() : 0;
}
int __wrap_rename(const char *from, const char *to)
{
    return strikes() ? failure() : __real_rename(from, to);
}
int __wrap_ftruncate(int fd, off_t len)
{
    return strikes() ? failure() : __real_ftruncate(fd, len);
}
int __wrap_dup3(int from, int to, int flags)
{
    return strikes() ? failure() : __real_dup3(from, to, flags);
}

/* ---- a journal ---- */

static int64_t wall_s(const struct cr_clock *clock)
{
    (void)clock;
    return rotate_scene.now_s;
}
static const struct cr_clock still = { .wall_s = wall_s };

static cr_err sign_or_not(void *ctx, const char *as, struct cr_bytes statement, uint8_t *sig, size_t *sig_len)
{
    (void)ctx;
    return rotate_scene.signer_fails ? CR_TIMEOUT
                                     : rotate_scene.signer.sign(&rotate_scene.ca, as, statement, sig, sig_len);
}

static const char *issuer(void *ctx)
{
    (void)ctx;
    return rotate_scene.signer.issuer(&rotate_scene.ca);
}

static bool is_numbered(struct cr_bytes line)
{
    return cr_line_field(line, "slot").data != NULL;
}

static void on_visit(void *ctx, struct cr_bytes line, uint64_t offset)
{
    char number[12];
    (void)ctx;
    if (!is_numbered(line)) {
        return;
    }
    struct cr_bytes slot = cr_line_field(line, "slot");
    assert_true(slot.len < sizeof number && rotate_scene.visited < VISITS_MAX);
    memcpy(number, slot.data, slot.len);
    number[slot.len] = '\0';
    if (rotate_scene.visited > 0 || rotate_scene.enough == ALL) {
        assert_int_equal(strtol(number, NULL, 10), rotate_scene.number + 1);
    }
    rotate_scene.number = (unsigned)strtol(number, NULL, 10);
    rotate_scene.offset[rotate_scene.visited++] = offset;
}

static void on_event(void *ctx, const struct cr_journal_event *event)
{
    (void)ctx;
    rotate_scene.shared->checkpoints += event->checkpoint_seq != 0;
    rotate_scene.shared->rotations += event->rotated_seq != 0;
    rotate_scene.shared->rotate_errors += event->rotate_error != 0;
    rotate_scene.shared->sign_errors += event->sign_error != CR_OK;
    rotate_scene.shared->last_checkpoint =
        event->checkpoint_seq != 0 ? event->checkpoint_seq : rotate_scene.shared->last_checkpoint;
}

cr_err rotate_open(void)
{
    const struct cr_journal_options options = {
        .dir = rotate_scene.journal_dir,
        .broker = "one",
        .visit = on_visit,
        .counts = is_numbered,
        .enough = rotate_scene.enough,
        .max_size = rotate_scene.max_size,
        .clock = &still,
        .signer = { issuer, sign_or_not, NULL },
        .told = on_event,
    };
    rotate_scene.visited = rotate_scene.number = 0;
    rotate_scene.why[0] = '\0';
    return cr_journal_open(&rotate_scene.journal, &options, rotate_scene.why, sizeof rotate_scene.why);
}

void rotate_close(void)
{
    cr_journal_close(rotate_scene.journal);
    rotate_scene.journal = NULL;
}

struct waiter {
    struct cr_journal_wait wait;
    cr_err err;
    uint64_t offset;
    size_t len;
};

static void on_done(struct cr_journal_wait *wait, cr_err err, uint64_t offset, size_t len)
{
    struct waiter *waiter = (struct waiter *)wait;
    waiter->err = err;
    waiter->offset = offset;
    waiter->len = len;
}

void rotate_run(void)
{
    cr_journal_flush(rotate_scene.journal, &rotate_scene.loop);
    (void)uv_run(&rotate_scene.loop, UV_RUN_DEFAULT);
}

/* Line `number`; whether it became durable. */
/* It is where the waiter was told. */
static bool is_there(const struct waiter *waiter, const char *slot)
{
    char text[1024];
    bool armed = rotate_scene.armed;
    rotate_scene.armed = false;
    if (waiter->len > sizeof text ||
        cr_journal_read(rotate_scene.journal, waiter->offset, text, waiter->len) != CR_OK) {
        die(4);
    }
    struct cr_bytes found = cr_line_field((struct cr_bytes){ (uint8_t *)text, waiter->len }, "slot");
    if (found.len != strlen(slot) || memcmp(found.data, slot, found.len) != 0) {
        die(5);
    }
    rotate_scene.armed = armed;
    return true;
}

bool rotate_add(unsigned number)
{
    char text[1024], slot[12];
    struct cr_line line;
    struct waiter waiter = { .wait = { .done = on_done }, .err = CR_BUG };
    (void)snprintf(slot, sizeof slot, "%u", number);
    cr_line_start(&line, text, sizeof text);
    const struct cr_audit audit = {
        .what = "refused", .now_s = rotate_scene.now_s, .device = "meter-17", .slot = slot
    };
    cr_audit_line(&audit, "one", &line);
    if (cr_journal_append(rotate_scene.journal, &line, &waiter.wait) != CR_OK) {
        return false;
    }
    rotate_run();
    return waiter.err == CR_OK && is_there(&waiter, slot);
}

/* ---- a child that writes until it is hit ---- */

static void child(unsigned from, unsigned to)
{
    rotate_scene.armed = true;
    if (uv_loop_init(&rotate_scene.loop) != 0) {
        die(1);
    }
    while (rotate_open() != CR_OK) {
        if (rotate_scene.mode < FAIL_ONCE || rotate_scene.step > rotate_scene.at + 2) {
            (void)fprintf(stderr, "%s\n", rotate_scene.why);
            die(2);
        }
    }
    for (unsigned number = from; number <= to; number++) {
        for (unsigned tries = 0; !rotate_add(number); tries++) {
            rotate_scene.shared->failed++;
            if (tries > 4) {
                die(3);
            }
        }
        rotate_scene.shared->acknowledged = number;
    }
    cr_journal_checkpoint(rotate_scene.journal);
    rotate_run();
    rotate_close();
    die(0);
}

/* Its exit code: DIED when it was hit. */
int rotate_child(enum mode mode, unsigned at, unsigned from, unsigned to)
{
    int status = 0;
    rotate_scene.mode = mode;
    rotate_scene.at = at;
    rotate_scene.step = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        child(from, to);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return rotate_scene.shared->code;
}

/* ---- what must be so afterwards ---- */

static void on_fault(void *ctx, const struct cr_verify_fault *fault)
{
    (void)ctx;
    fail_msg("step %u, %s: %s", rotate_scene.at, fault->file, fault->text);
}

static void verify_file(const char *path)
{
    static uint8_t text[1 << 20];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    cr_verify_file(&rotate_scene.verify, path);
    cr_verify_bytes(&rotate_scene.verify, text, len);
    cr_verify_file_end(&rotate_scene.verify);
}

static void verify_all(void)
{
    char path[CR_JOURNAL_PATH_CAP];
    uint64_t *seq;
    size_t count;
    memset(&rotate_scene.verify, 0, sizeof rotate_scene.verify);
    rotate_scene.verify.issuer = &rotate_scene.ca.cert;
    rotate_scene.verify.issuers = 1;
    rotate_scene.verify.backend = cr_key_libcrypto();
    rotate_scene.verify.fault = on_fault;
    assert_int_equal(cr_journal_archives(&seq, &count, rotate_scene.journal_dir), CR_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cr_journal_archive_path(path, rotate_scene.journal_dir, seq[i]), CR_OK);
        verify_file(path);
    }
    free(seq);
    assert_int_equal(cr_journal_path(path, rotate_scene.journal_dir), CR_OK);
    verify_file(path);
}

/* Opens it, and looks at every line there is, also through cr_journal_read(). */
void rotate_look(void)
{
    char line[64];
    rotate_scene.mode = NEVER;
    if (rotate_open() != CR_OK) {
        fail_msg("step %u: %s", rotate_scene.at, rotate_scene.why);
    }
    for (unsigned i = 0; i < rotate_scene.visited; i++) {
        assert_int_equal(cr_journal_read(rotate_scene.journal, rotate_scene.offset[i], line, 8), CR_OK);
        assert_memory_equal(line, "{\"seq\":", 7);
    }
    rotate_close();
    verify_all();
}

void rotate_empty(void)
{
    uint64_t *seq;
    size_t count;
    char path[CR_JOURNAL_PATH_CAP];
    memset(rotate_scene.shared, 0, sizeof *rotate_scene.shared);
    if (cr_journal_archives(&seq, &count, rotate_scene.journal_dir) != CR_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cr_journal_archive_path(path, rotate_scene.journal_dir, seq[i]), CR_OK);
        assert_int_equal(unlink(path), 0);
    }
    free(seq);
    assert_int_equal(cr_journal_path(path, rotate_scene.journal_dir), CR_OK);
    (void)unlink(path);
}

int rotate_set_up(void **state)
{
    (void)state;
    memset(&rotate_scene, 0, sizeof rotate_scene);
    test_dir_make(&rotate_scene.dir);
    (void)snprintf(rotate_scene.journal_dir, sizeof rotate_scene.journal_dir, "%s/journal", rotate_scene.dir.path);
    test_ca_make(&rotate_scene.ca, "Test CA", NULL, CR_KEY_EC_P256);
    rotate_scene.signer = journal_signer(&rotate_scene.ca);
    rotate_scene.shared =
        mmap(NULL, sizeof *rotate_scene.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(rotate_scene.shared != MAP_FAILED);
    rotate_scene.max_size = MAX_SIZE;
    rotate_scene.enough = ALL;
    rotate_scene.now_s = TEST_PKI_NOW;
    return 0;
}

int rotate_tear_down(void **state)
{
    (void)state;
    rotate_close();
    rotate_empty();
    (void)rmdir(rotate_scene.journal_dir);
    (void)munmap(rotate_scene.shared, sizeof *rotate_scene.shared);
    test_ca_fini(&rotate_scene.ca);
    test_dir_remove(&rotate_scene.dir);
    return 0;
}
