#include "plugin/worker/undumped.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

enum { CAN_BE_DUMPED = 1, STACK_DEPTH = 32768 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned inside;
static int formerly;

void cr_undumped_enter(void)
{
    pthread_mutex_lock(&lock);
    if (inside++ == 0) {
        formerly = prctl(PR_GET_DUMPABLE);
        if (formerly != 0) {
            (void)prctl(PR_SET_DUMPABLE, 0);
        }
    }
    pthread_mutex_unlock(&lock);
}

/* A core has each thread's registers, too, and copying a number leaves its octets in those of the vector unit: until
 * something else comes along, which for a thread that waits is never. All of them are the callee's to change. */
__attribute__((noinline)) static void registers_wipe(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx")) {
        __asm__ volatile("vzeroall");
    }
    if (__builtin_cpu_supports("avx512f")) {
        __asm__ volatile("vpxord %zmm16, %zmm16, %zmm16\n\tvpxord %zmm17, %zmm17, %zmm17\n\t"
                         "vpxord %zmm18, %zmm18, %zmm18\n\tvpxord %zmm19, %zmm19, %zmm19\n\t"
                         "vpxord %zmm20, %zmm20, %zmm20\n\tvpxord %zmm21, %zmm21, %zmm21\n\t"
                         "vpxord %zmm22, %zmm22, %zmm22\n\tvpxord %zmm23, %zmm23, %zmm23\n\t"
                         "vpxord %zmm24, %zmm24, %zmm24\n\tvpxord %zmm25, %zmm25, %zmm25\n\t"
                         "vpxord %zmm26, %zmm26, %zmm26\n\tvpxord %zmm27, %zmm27, %zmm27\n\t"
                         "vpxord %zmm28, %zmm28, %zmm28\n\tvpxord %zmm29, %zmm29, %zmm29\n\t"
                         "vpxord %zmm30, %zmm30, %zmm30\n\tvpxord %zmm31, %zmm31, %zmm31");
    }
#endif
}

/* Also the registers that the C library copies with, on whatever machine: zeros are copied, of each size that it treats
 * in a way of its own. */
__attribute__((noinline)) static void stack_wipe(void)
{
    uint8_t frames[STACK_DEPTH];
    explicit_bzero(frames, sizeof frames);
    for (size_t len = 16; len <= sizeof frames / 2; len *= 2) {
        memmove(frames, frames + sizeof frames / 2, len);
        __asm__ volatile("" : : "r"(frames) : "memory"); /* it looks useless, and must be done */
    }
}

void cr_undumped_leave(void)
{
    stack_wipe();
    registers_wipe();
    pthread_mutex_lock(&lock);
    if (--inside == 0 && formerly == CAN_BE_DUMPED) {
        (void)prctl(PR_SET_DUMPABLE, CAN_BE_DUMPED);
    }
    pthread_mutex_unlock(&lock);
}
