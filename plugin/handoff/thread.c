#include "plugin/handoff/thread.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ThreadSanitizer takes a descriptor's number for the same file in every thread. */
#if defined(__SANITIZE_THREAD__)
#define MODELS_ONE_TABLE true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MODELS_ONE_TABLE true
#endif
#endif
#ifndef MODELS_ONE_TABLE
#define MODELS_ONE_TABLE false
#endif

enum { NICENESS = 10 };

struct start {
    struct cr_thread_options options;
    sem_t settled;
};

/* Whether a descriptor of this thread is also one of the process' first thread, which is where we are started from. */
static bool is_shared(int fd)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return access(path, F_OK) == 0;
}

/* Closes this thread's descriptors that are regular files, should they really be its own: a debugger around us may take the
 * system call and do nothing. Without /proc they stay, which costs disk space at most. */
static void regular_files_close(int keep_fd)
{
    struct rlimit limit;
    DIR *dir = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? opendir("/proc/thread-self/fd") : NULL;
    if (dir == NULL) {
        return;
    }
    bool shared = is_shared(dirfd(dir));
    for (struct dirent *entry = readdir(dir); entry != NULL && !shared; entry = readdir(dir)) {
        struct stat info;
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        /* Above the limit are those of a debugger. */
        if (*end == '\0' && fd > STDERR_FILENO && (rlim_t)fd < limit.rlim_cur && fd != keep_fd && fd != dirfd(dir) &&
            fstat((int)fd, &info) == 0 && S_ISREG(info.st_mode)) {
            (void)close((int)fd);
        }
    }
    (void)closedir(dir);
}

/* The loop goes first: where cores are few, a burst of signatures would otherwise make everybody else's messages wait for a
 * time slice or more. Nothing here hurries more than the broker does. Both take effect for the calling thread alone, and
 * need no privilege. */
static void give_way(void)
{
    const struct sched_param param = { 0 };
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &param);
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
}

static void *thread_begin(void *arg)
{
    struct start *start = arg;
    const struct cr_thread_options options = start->options;
    give_way();
    /* Closes nothing: unshares. unshare(2) does the same, but containers forbid it to everybody but the mightiest. */
    if (options.own_files && !MODELS_ONE_TABLE && close_range(UINT_MAX, UINT_MAX, CLOSE_RANGE_UNSHARE) == 0) {
        regular_files_close(options.keep_fd);
    }
    (void)sem_post(&start->settled); /* from here on *start is gone */
    return options.run(options.arg);
}

cr_err cr_thread_start(pthread_t *thread, const struct cr_thread_options *options)
{
    struct start start = { .options = *options };
    sigset_t all, former;
    if (sem_init(&start.settled, 0, 0) != 0) {
        return CR_NOMEM;
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &former);
    int status = pthread_create(thread, NULL, thread_begin, &start);
    (void)pthread_sigmask(SIG_SETMASK, &former, NULL);
    while (status == 0 && sem_wait(&start.settled) != 0 && errno == EINTR) { /* a few system calls away, no more */
    }
    (void)sem_destroy(&start.settled);
    return status == 0 ? CR_OK : CR_NOMEM;
}
