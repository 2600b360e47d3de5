/* meters_replay: a fleet's whole campaign, from a week before the first renewal window opens until the last certificate
 * that was provisioned has expired. One thread, with those of the plugin beside it. */
#ifndef CR_METERS_REPLAY_H
#define CR_METERS_REPLAY_H

#include "tests/bench/meters_fleet.h"

struct meters_options {
    uint32_t devices;
    uint64_t seed;
    unsigned spread_percent; /* renewal_spread; 0: everybody is due when its window opens */
    const char *title;       /* of the progress bar */
};

struct meters_result {
    uint32_t devices, renewed;
    uint32_t stranded;           /* expired without having renewed */
    uint32_t stranded_reachable; /* of these, who appeared three times or more since they were due */
    uint32_t stranded_seen;      /* of these, who did since their window opened, due or not */
    uint64_t appearances, triggers, rejected;
    uint64_t warnings; /* in the broker's log, alerts included */
    uint32_t days;                        /* since the first window opened */
    uint32_t *per_hour;                   /* renewals, 24 a day; owned */
    double redis_bytes;                   /* per device, before the first is due */
    double loop_us, threads_us, redis_us; /* CPU of the plugin and of Redis, per device */
    double wall_s;
};

void meters_replay(struct meters_result *result, const struct meters_options *options);
void meters_result_fini(struct meters_result *result);

#endif
