/* thread: what a thread of ours has of signals and files. */
#include "plugin/handoff/thread.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
    int log_fd, kept_fd, pipe_fd; /* opened before the thread: two regular files and a pipe's end */
    bool log, kept, piped;        /* whether the thread has them */
    int opened;                   /* what the thread opens for itself */
    sigset_t blocked;
    int policy, niceness;
};

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static bool is_device(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISCHR(info.st_mode);
}

static void *look(void *arg)
{
    struct seen *seen = arg;
    seen->log = is_open(seen->log_fd);
    seen->kept = is_open(seen->kept_fd);
    seen->piped = write(seen->pipe_fd, "x", 1) == 1;
    seen->opened = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
    seen->policy = sched_getscheduler(0);
    seen->niceness = getpriority(PRIO_PROCESS, 0);
    return NULL;
}

static int file_open(void)
{
    char path[] = "/tmp/cr-test-thread-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    return fd;
}

/* Lets a thread look, and closes what was opened for it here; whether the pipe carried its byte is checked. */
static void run(struct seen *seen, bool own_files)
{
    int ends[2];
    pthread_t thread;
    char byte;
    assert_int_equal(pipe(ends), 0);
    *seen = (struct seen){ .log_fd = file_open(), .kept_fd = file_open(), .pipe_fd = ends[1] };
    const struct cr_thread_options options = { look, seen, own_files, seen->kept_fd };
    assert_int_equal(cr_thread_start(&thread, &options), CR_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(seen->piped);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_true(is_open(seen->log_fd)); /* here nothing was closed */
    assert_true(is_open(seen->kept_fd));
    (void)close(seen->log_fd);
    (void)close(seen->kept_fd);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void signals_are_blocked(void **state)
{
    (void)state;
    struct seen seen;
    sigset_t mine;
    run(&seen, false);
    assert_int_equal(sigismember(&seen.blocked, SIGTERM), 1);
    assert_int_equal(sigismember(&seen.blocked, SIGHUP), 1);
    assert_int_equal(sigismember(&seen.blocked, SIGURG), 1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
    assert_int_equal(sigismember(&mine, SIGTERM), 0);
}

static void gives_way(void **state)
{
    (void)state;
    struct seen seen;
    int policy = sched_getscheduler(0), niceness = getpriority(PRIO_PROCESS, 0);
    run(&seen, false);
    assert_int_equal(seen.policy, SCHED_BATCH);
    assert_true(niceness >= 10 || seen.niceness > niceness);
    assert_int_equal(sched_getscheduler(0), policy); /* it alone */
    assert_int_equal(getpriority(PRIO_PROCESS, 0), niceness);
}

static void files_are_shared_unless_told(void **state)
{
    (void)state;
    struct seen seen;
    run(&seen, false);
    assert_true(seen.log);
    assert_true(seen.kept);
    assert_true(is_device(seen.opened));
    (void)close(seen.opened);
}

static void own_files_are_its_own(void **state)
{
    (void)state;
    struct seen seen;
#if defined(__SANITIZE_THREAD__)
    print_message("SKIPPED: under ThreadSanitizer threads share their files\n");
    skip();
#endif
    if (close_range(UINT_MAX, UINT_MAX, CLOSE_RANGE_UNSHARE) != 0) {
        print_message("SKIPPED: this kernel does not unshare files\n");
        skip();
    }
    run(&seen, true);
    assert_false(seen.log);
    assert_true(seen.kept);
    assert_true(seen.opened >= 0);
    assert_false(is_device(seen.opened)); /* nothing, or a regular file of that number that we inherited and the thread closed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_are_blocked),
        cmocka_unit_test(gives_way),
        cmocka_unit_test(files_are_shared_unless_told),
        cmocka_unit_test(own_files_are_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
