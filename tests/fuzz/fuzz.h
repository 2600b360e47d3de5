/* fuzz: what a fuzz target has. Built with clang and CR_FUZZ it is a libFuzzer program; without, replay.c runs the
 * same function over the seeds and over mutations of them, the same ones each time.
 *
 * Seeds are made in code, so that each can be read. `replay_<name> --write DIR` writes them for libFuzzer's corpus. */
#ifndef CR_TESTS_FUZZ_H
#define CR_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

enum { CR_FUZZ_INPUT_MAX = 16384 };

/* One input. Aborts when a promise of the code under test is broken; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Writes seed number `index` to buf, at most CR_FUZZ_INPUT_MAX bytes, and returns its length. SIZE_MAX: no more. */
size_t cr_fuzz_seed(unsigned index, uint8_t *buf);

/* Like assert, whatever NDEBUG says. */
#define CR_FUZZ_CHECK(condition)                                                                                       \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            __builtin_trap();                                                                                          \
        }                                                                                                              \
    } while (0)

#endif
