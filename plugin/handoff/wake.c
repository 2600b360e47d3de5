#include "plugin/handoff/wake.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct cr_wake {
    pthread_t loop;
    atomic_bool rung;
    struct sigaction former;
};

static void wake_noticed(int signal_number)
{
    (void)signal_number; /* its only purpose is to interrupt the wait */
}

cr_err cr_wake_new(struct cr_wake **wake)
{
    struct sigaction action = { .sa_handler = wake_noticed, .sa_flags = SA_RESTART };
    struct cr_wake *w = calloc(1, sizeof *w);
    sigset_t set;

    *wake = NULL;
    if (w == NULL) {
        return CR_NOMEM;
    }
    w->loop = pthread_self();
    atomic_init(&w->rung, false);
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGURG, &action, &w->former) != 0) {
        free(w);
        return CR_IO;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    *wake = w;
    return CR_OK;
}

void cr_wake_ring(struct cr_wake *wake)
{
    if (!atomic_exchange(&wake->rung, true)) {
        pthread_kill(wake->loop, SIGURG);
    }
}

bool cr_wake_clear(struct cr_wake *wake)
{
    return atomic_load_explicit(&wake->rung, memory_order_relaxed) && atomic_exchange(&wake->rung, false);
}

void cr_wake_free(struct cr_wake *wake)
{
    if (wake == NULL) {
        return;
    }
    sigaction(SIGURG, &wake->former, NULL);
    free(wake);
}
