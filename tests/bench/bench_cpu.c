#include "tests/bench/bench_cpu.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void bench_die(const char *what, ...)
{
    va_list args;
    va_start(args, what);
    (void)fprintf(stderr, "%s: ", program_invocation_short_name);
    (void)vfprintf(stderr, what, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1);
}

unsigned bench_number(const char *name, const char *text, unsigned max)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < 1 || value > max) {
        (void)fprintf(stderr, "%s: %s is a number from 1 to %u, not '%s'\n", program_invocation_short_name, name, max, text);
        exit(2);
    }
    return (unsigned)value;
}

double bench_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Nanoseconds on a processor, the first number of a thread's schedstat. */
static bool thread_ns(const char *path, double *ns)
{
    unsigned long long value;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool ok = fscanf(file, "%llu", &value) == 1;
    (void)fclose(file);
    *ns = (double)value;
    return ok;
}

/* Kernels without schedstat: user and system time of the process in ticks. */
static double stat_us(int pid)
{
    char path[64], line[1024];
    unsigned long user, system;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(line, sizeof line, file) == NULL) {
        bench_die("process %d is gone", pid);
    }
    (void)fclose(file);
    const char *behind = strrchr(line, ')'); /* the name may hold anything */
    if (behind == NULL || sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) {
        bench_die("%s cannot be read", path);
    }
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

double bench_cpu_us(int pid)
{
    char path[320];
    double sum_ns = 0, ns;
    (void)snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        bench_die("process %d is gone", pid);
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
        if (thread_ns(path, &ns)) {
            sum_ns += ns;
        }
    }
    (void)closedir(dir);
    return sum_ns > 0 ? sum_ns / 1e3 : stat_us(pid);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_percentile(double *samples, size_t n, double p)
{
    if (n == 0) {
        return 0;
    }
    qsort(samples, n, sizeof *samples, by_size);
    size_t at = (size_t)(p / 100.0 * (double)(n - 1) + 0.5);
    return samples[at];
}
