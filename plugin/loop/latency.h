/* latency: how long answers took lately: counts by length, in two halves of a window, so that what is older than both
 * is forgotten. Pure; one thread. */
#ifndef CR_LATENCY_H
#define CR_LATENCY_H

#include <stdint.h>

enum {
    CR_LATENCY_STEPS = 20, /* up to 10 s; the last one is all that took longer */
    CR_LATENCY_HALF_MS = 150000,
};

/* All zero: nothing yet. */
struct cr_latency {
    uint64_t now[CR_LATENCY_STEPS], before[CR_LATENCY_STEPS];
    int64_t begun_ms; /* when the newer half began */
};

void cr_latency_note(struct cr_latency *latency, int64_t now_ms, int64_t took_ms);
/* How long `percent` of the answers took at most, in milliseconds, of those noted in the last two and a half to five
 * minutes; negative: there were none. Between two steps it is as exact as if all in there were evenly spread. */
double cr_latency_percentile(struct cr_latency *latency, int64_t now_ms, unsigned percent);

#endif
