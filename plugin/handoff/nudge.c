#include "plugin/handoff/nudge.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* glibc has had the field for long, but its name only since 2.38. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum {
    FIRST_NS = 20000,   /* the loop is waiting by then, or nearly always */
    AGAIN_NS = 5000000, /* rare, and seldom enough not to hold up a loop that has something better to do */
};

struct cr_nudge {
    timer_t timer;
    bool running;
};

cr_err cr_nudge_new(struct cr_nudge **nudge)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG };
    event.sigev_notify_thread_id = gettid();
    *nudge = calloc(1, sizeof **nudge);
    if (*nudge == NULL) {
        return CR_NOMEM;
    }
    if (timer_create(CLOCK_MONOTONIC, &event, &(*nudge)->timer) != 0) {
        free(*nudge);
        *nudge = NULL;
        return CR_IO;
    }
    return CR_OK;
}

static void nudge_set(struct cr_nudge *nudge, long first_ns, long again_ns)
{
    struct itimerspec times = { .it_value.tv_nsec = first_ns, .it_interval.tv_nsec = again_ns };
    /* It cannot fail with a timer of ours and times in range; if it did, the broker's own poll delivers. */
    nudge->running = timer_settime(nudge->timer, 0, &times, NULL) == 0 && first_ns > 0;
}

void cr_nudge_start(struct cr_nudge *nudge)
{
    nudge_set(nudge, FIRST_NS, AGAIN_NS);
}

void cr_nudge_over(struct cr_nudge *nudge)
{
    if (nudge->running) {
        nudge_set(nudge, 0, 0);
    }
}

void cr_nudge_free(struct cr_nudge *nudge)
{
    if (nudge != NULL) {
        (void)timer_delete(nudge->timer);
        free(nudge);
    }
}
