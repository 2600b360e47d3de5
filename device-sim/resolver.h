/* resolver: the addresses of the broker's name, asked for again and again: a broker that comes back in another
 * container has another address. The loop never waits: getaddrinfo() runs in a thread of its own, one question at a
 * time, and at the end nobody waits for it. A name that cannot be resolved is asked for again after a pause.
 * All functions on the loop's thread. */
#ifndef DEVICE_SIM_RESOLVER_H
#define DEVICE_SIM_RESOLVER_H

#include "common/err.h"

#include <stdbool.h>
#include <uv.h>

enum { RESOLVER_ADDRESSES_MAX = 16, RESOLVER_ADDRESS_CAP = 64, RESOLVER_DEAD_MAX = 8 };

struct resolver_answer {
    char address[RESOLVER_ADDRESSES_MAX][RESOLVER_ADDRESS_CAP]; /* numeric */
    unsigned count;
    const char *problem; /* constant; NULL: there are addresses */
};

struct resolver {
    const char *host;
    /* An answer came, or why there is none (and again when that changes). Not from within resolver_ask(). */
    void (*answered)(void *ctx, const char *problem);
    void *ctx;
    bool numeric;        /* host is an address: there is nothing to ask */
    struct resolver_answer answer;
    uint64_t answered_ms;
    unsigned failures, turn;
    struct {
        char address[RESOLVER_ADDRESS_CAP];
        uint64_t at_ms;
    } dead[RESOLVER_DEAD_MAX]; /* where lately nobody answered */
    unsigned deaths;
    struct resolver_question *question; /* under way; NULL: none */
    uv_async_t told;     /* initialised here, closed by the owner */
    uv_timer_t again;
};

/* All pointers are lent. CR_IO: libuv refused. */
CR_MUST_USE cr_err resolver_init(struct resolver *resolver, uv_loop_t *loop, const char *host,
                                 void (*answered)(void *ctx, const char *problem), void *ctx);
/* Whether the addresses are of the last second. */
bool resolver_fresh(const struct resolver *resolver);
/* Asks, unless a question is under way, or a pause after a failure. */
void resolver_ask(struct resolver *resolver);
/* One address after another, round and round, those left out for some seconds where nobody answered, as long as there
 * are others; NULL: there is none. The text is the resolver's until the next answer. */
const char *resolver_next(struct resolver *resolver);
/* Nobody answered there. */
void resolver_dead(struct resolver *resolver, const char *address);
/* Whether there is an address left of which that is not known. */
bool resolver_hopes(const struct resolver *resolver);
/* Before its handles are closed; harmless on one that is all zeros. */
void resolver_fini(struct resolver *resolver);

#endif
