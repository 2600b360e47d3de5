/* What a list of weak keys costs: bench_weak COUNT makes one of COUNT random entries, sorted as Debian's are, and reads
 * it; then the same in no order. Prints `name value` lines: the CPU time of reading, the memory that the broker grows
 * by, and how long a request waits to know that its RSA key is not on the list, beside what its other checks of
 * weakness take. */
#include "plugin/worker/weak_file.h"
#include "tests/bench/bench_cpu.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_UPS = 20000, CHECKS = 200, MODULUS_LEN = 256 };

/* Entry i of a sequence that looks random (splitmix64), in order when `sorted`. */
static void write_entry(FILE *file, uint64_t i, uint64_t count, bool sorted)
{
    uint64_t z = i * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z ^= z >> 31;
    if (sorted) {
        z = UINT64_MAX / count * i + z % (UINT64_MAX / count);
    }
    if (fprintf(file, "%016" PRIx64 "%04x\n", z, (unsigned)(i & 0xffff)) < 0) {
        bench_die("the list cannot be written");
    }
}

static struct cr_weak_file *measure_load(const char *path, uint64_t count, bool sorted)
{
    char errors[512];
    struct cr_weak_file *list = NULL;
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        bench_die("%s cannot be written", path);
    }
    for (uint64_t i = 0; i < count; i++) {
        write_entry(file, i, count, sorted);
    }
    if (fclose(file) != 0) {
        bench_die("%s cannot be written", path);
    }
    struct mallinfo2 before = mallinfo2();
    double start_us = bench_cpu_us(getpid());
    if (cr_weak_file_load(&list, path, NULL, errors, sizeof errors) != CR_OK) {
        bench_die("%s", errors);
    }
    double took_us = bench_cpu_us(getpid()) - start_us;
    struct mallinfo2 after = mallinfo2();
    size_t bytes = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    printf("%s_load_ms %.1f\n%s_bytes_per_entry %.1f\n", sorted ? "sorted" : "unsorted", took_us / 1e3,
           sorted ? "sorted" : "unsorted", (double)bytes / (double)count);
    return list;
}

static void measure_look_up(const struct cr_weak_list *list)
{
    uint8_t modulus[MODULUS_LEN] = { 0xc5, [MODULUS_LEN - 1] = 0x01 };
    const struct cr_public_key key = { .type = CR_KEY_RSA, .bits = 2048, .modulus = { modulus, sizeof modulus } };
    bool found = false;
    double start_us = bench_now_us();
    for (unsigned i = 0; i < LOOK_UPS; i++) {
        memcpy(modulus + 1, &i, sizeof i);
        if (cr_weak_list_has(&found, list, &key) != CR_OK || found) {
            bench_die("a key was found that is not there");
        }
    }
    printf("look_up_us %.2f\n", (bench_now_us() - start_us) / LOOK_UPS);
    start_us = bench_now_us();
    for (unsigned i = 0; i < CHECKS; i++) {
        memset(modulus + 8, (int)i, 200);
        if (cr_public_key_weak(&found, &key) != CR_OK) {
            bench_die("the other checks failed");
        }
    }
    printf("other_checks_us %.2f\n", (bench_now_us() - start_us) / CHECKS);
}

int main(int argc, char **argv)
{
    char path[] = "/tmp/cr-bench-weak-XXXXXX";
    uint64_t count = argc == 2 ? bench_number("COUNT", argv[1], CR_WEAK_LIST_MAX) : 0;
    int fd = count > 0 ? mkstemp(path) : -1;
    if (fd < 0) {
        bench_die("usage: bench_weak COUNT");
    }
    (void)close(fd);
    struct cr_weak_file *list = measure_load(path, count, true);
    measure_look_up(cr_weak_file_list(list));
    cr_weak_file_drop(list);
    cr_weak_file_drop(measure_load(path, count, false));
    (void)unlink(path);
    return 0;
}
