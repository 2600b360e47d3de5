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

__attribute__((noinline)) static void stack_wipe(void)
{
    uint8_t frames[STACK_DEPTH];
    explicit_bzero(frames, sizeof frames);
}

void cr_undumped_leave(void)
{
    stack_wipe();
    pthread_mutex_lock(&lock);
    if (--inside == 0 && formerly == CAN_BE_DUMPED) {
        (void)prctl(PR_SET_DUMPABLE, CAN_BE_DUMPED);
    }
    pthread_mutex_unlock(&lock);
}
