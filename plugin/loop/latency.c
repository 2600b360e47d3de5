#include "plugin/loop/latency.h"

#include <string.h>

/* What is counted at a step took less than this, and no less than the step before. */
static const double below_ms[CR_LATENCY_STEPS] = { 1,   2,   3,   5,   8,   12,   20,   30,   50,    80,
                                                   120, 200, 300, 500, 800, 1200, 2000, 4000, 10000, 60000 };

static void turn(struct cr_latency *latency, int64_t now_ms)
{
    int64_t age_ms = now_ms - latency->begun_ms;

    if (age_ms < CR_LATENCY_HALF_MS) {
        return;
    }
    if (age_ms < 2 * CR_LATENCY_HALF_MS) {
        memcpy(latency->before, latency->now, sizeof latency->before);
    } else {
        memset(latency->before, 0, sizeof latency->before);
    }
    memset(latency->now, 0, sizeof latency->now);
    latency->begun_ms = now_ms;
}

void cr_latency_note(struct cr_latency *latency, int64_t now_ms, int64_t took_ms)
{
    unsigned step = 0;

    turn(latency, now_ms);
    while (step < CR_LATENCY_STEPS - 1 && (double)took_ms >= below_ms[step]) {
        step++;
    }
    latency->now[step]++;
}

double cr_latency_percentile(struct cr_latency *latency, int64_t now_ms, unsigned percent)
{
    uint64_t all = 0, below = 0;

    turn(latency, now_ms);
    for (unsigned i = 0; i < CR_LATENCY_STEPS; i++) {
        all += latency->now[i] + latency->before[i];
    }
    if (all == 0) {
        return -1;
    }
    for (unsigned i = 0; i < CR_LATENCY_STEPS; i++) {
        uint64_t here = latency->now[i] + latency->before[i];

        if ((below + here) * 100 >= all * percent && here > 0) {
            double from = i > 0 ? below_ms[i - 1] : 0;
            double share = ((double)all * percent / 100 - (double)below) / (double)here;

            return from + (below_ms[i] - from) * (share > 0 ? share : 0);
        }
        below += here;
    }
    return below_ms[CR_LATENCY_STEPS - 1];
}
