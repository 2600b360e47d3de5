/* Runs a fuzz target without libFuzzer: every seed, every truncation of it, and a fixed number of random mutations,
 * drawn from a generator with a fixed start, so that a failure comes again. On a crash the input is in the last
 * words: "seed 3, mutation 4711". */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MUTATIONS_PER_SEED = 3000, EDITS_MAX = 8 };

static char where[64];
static uint64_t generator;

/* xorshift64 (Marsaglia 2003): any fixed sequence would do. */
static uint64_t next_random(void)
{
    generator ^= generator << 13;
    generator ^= generator >> 7;
    generator ^= generator << 17;
    return generator;
}

static size_t below(size_t bound)
{
    return (size_t)(next_random() % bound);
}

static void on_crash(int number)
{
    if (write(STDERR_FILENO, where, strlen(where)) < 0) {
        _exit(2);
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* The input lies alone on the heap, so that a sanitizer or valgrind sees a read behind its end. */
static void run(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL) {
        abort();
    }
    if (len > 0) {
        memcpy(copy, data, len);
    }
    (void)LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

/* One edit in place; `other` is a second seed to take bytes from. Returns the new length. */
static size_t edit(uint8_t *data, size_t len, const uint8_t *other, size_t other_len)
{
    static const uint8_t awkward[] = { 0x00, 0x01, 0x02, 0x04, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xa0, 0xff,
                                       '"', '\\', '{', '[', '/', '+', '#', '$', '-', '\n' };
    size_t at = len > 0 ? below(len) : 0;
    size_t run_len = 1 + below(16);
    switch (len > 0 ? below(13) % 7 : 4) {
    case 0:
        data[at] = (uint8_t)(data[at] ^ 1u << below(8));
        return len;
    case 1:
        data[at] = awkward[below(sizeof awkward)];
        return len;
    case 2: /* a length or a count, off by a little */
        data[at] = (uint8_t)(data[at] + below(5) - 2);
        return len;
    case 3: /* bytes taken out */
        run_len = run_len < len - at ? run_len : len - at;
        memmove(data + at, data + at + run_len, len - at - run_len);
        return len - run_len;
    case 4: /* bytes of another seed put in */
        if (other_len == 0 || len + run_len > CR_FUZZ_INPUT_MAX) {
            return len;
        }
        memmove(data + at + run_len, data + at, len - at);
        for (size_t i = 0, from = below(other_len); i < run_len; i++) {
            data[at + i] = other[(from + i) % other_len];
        }
        return len + run_len;
    case 5: /* bytes repeated */
        run_len = run_len < len - at ? run_len : len - at;
        if (len + run_len > CR_FUZZ_INPUT_MAX) {
            return len;
        }
        memmove(data + at + run_len, data + at, len - at);
        return len + run_len;
    default: /* cut off; half as often as the others, it leaves least */
        return at;
    }
}

static void replay_seed(unsigned index, const uint8_t *seed, size_t seed_len, unsigned seeds)
{
    static uint8_t data[CR_FUZZ_INPUT_MAX], other[CR_FUZZ_INPUT_MAX];
    size_t step = seed_len / 1500 + 1; /* a long seed is cut at some places only */
    for (size_t len = 0; len <= seed_len; len += step) {
        snprintf(where, sizeof where, "seed %u, cut to %zu\n", index, len);
        run(seed, len);
    }
    snprintf(where, sizeof where, "seed %u\n", index);
    run(seed, seed_len);
    generator = 0x9e3779b97f4a7c15u + index;
    for (unsigned mutation = 0; mutation < MUTATIONS_PER_SEED; mutation++) {
        memcpy(data, seed, seed_len);
        size_t len = seed_len;
        size_t other_len = cr_fuzz_seed((unsigned)below(seeds), other);
        for (size_t edits = 1 + below(EDITS_MAX); edits > 0; edits--) {
            len = edit(data, len, other, other_len);
        }
        snprintf(where, sizeof where, "seed %u, mutation %u\n", index, mutation);
        run(data, len);
    }
}

static bool write_seed(const char *dir, unsigned index, const uint8_t *seed, size_t len)
{
    char path[4096];
    int path_len = snprintf(path, sizeof path, "%s/seed-%u", dir, index);
    FILE *file = path_len > 0 && (size_t)path_len < sizeof path ? fopen(path, "wb") : NULL;
    if (file == NULL) {
        return false;
    }
    bool written = fwrite(seed, 1, len, file) == len;
    return fclose(file) == 0 && written;
}

int main(int argc, char **argv)
{
    static uint8_t seed[CR_FUZZ_INPUT_MAX];
    bool write_only = argc == 3 && strcmp(argv[1], "--write") == 0;
    if (argc != 1 && !write_only) {
        fprintf(stderr, "usage: %s [--write DIR]\n", argv[0]);
        return 2;
    }
    unsigned seeds = 0;
    while (cr_fuzz_seed(seeds, seed) != SIZE_MAX) {
        seeds++;
    }
    signal(SIGSEGV, on_crash);
    signal(SIGABRT, on_crash);
    signal(SIGILL, on_crash);
    signal(SIGTRAP, on_crash);
    for (unsigned i = 0; i < seeds; i++) {
        size_t len = cr_fuzz_seed(i, seed);
        if (!write_only) {
            replay_seed(i, seed, len, seeds);
        } else if (!write_seed(argv[2], i, seed, len)) {
            fprintf(stderr, "%s: cannot write seed %u to %s\n", argv[0], i, argv[2]);
            return 1;
        }
    }
    printf("%u seeds\n", seeds);
    return seeds > 0 ? 0 : 1;
}
