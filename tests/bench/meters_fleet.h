/* meters_fleet: the meters, and when they appear. Reproducible: what a meter does follows from the seed and its number,
 * whatever happens around it. One thread. Time is counted in minutes since the replay's beginning. */
#ifndef CR_METERS_FLEET_H
#define CR_METERS_FLEET_H

#include "tests/bench/meters_pki.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    METERS_DAY_MIN = 1440,
    METERS_LIFETIME_D = 1095,
    METERS_PROVISIONED_D = 14, /* all were provisioned within so many days */
    METERS_CAMPAIGN_D = 90,    /* the renewal window */
    METERS_WARM_UP_D = 7,      /* the plugin sees the fleet so long before the first window opens */
    METERS_SLEEP_MAX_MIN = 72 * 60,
    METERS_SLEEP_PERCENT = 20,   /* of a meter's days that end in a deep sleep of up to so long */
    METERS_DARK_PERCENT = 7,     /* of the meters are unreachable for a stretch of their campaign */
    METERS_DAY_0_S = 1924992000, /* 2031-01-01T00:00:00Z: the first window opens */
};
#define METERS_NOBODY UINT32_MAX

struct meter {
    struct cr_blob certificate; /* the one it connects with */
    int64_t due_s;              /* of the certificate it was provisioned with */
    int64_t expires_s;
    uint8_t asked_key[8];        /* beginning of the hash of the key that it asked for last */
    uint32_t next;               /* in the list of those who appear in the same minute */
    uint32_t dark_from, dark_to; /* minutes; the same: never */
    uint16_t minute;             /* of the day, its own */
    uint16_t chances;            /* appearances since it was due, until it renewed */
    uint16_t seen;               /* appearances since its window opened, until it renewed */
    bool renewed;
};

struct meters_fleet {
    struct meter *meter;
    uint32_t count;
    uint64_t seed;
    int64_t begin_s; /* minute 0 */
    int64_t window_s;
    uint32_t minutes; /* the replay's length: until the last certificate has expired */
    uint32_t *first;  /* by minute: who appears first; then ->next */
};

/* Makes the meters and their certificates, and lines up their first appearances. */
void meters_fleet_make(struct meters_fleet *fleet, uint32_t count, uint64_t seed, const struct meters_ca *ca,
                       const struct cr_profile *profile);
void meters_fleet_fini(struct meters_fleet *fleet);

/* After an appearance in this minute: lines up the next one. */
void meters_fleet_next(struct meters_fleet *fleet, uint32_t number, uint32_t minute);

/* "meter-0000017" */
enum { METERS_NAME_CAP = 16 };
void meters_name(char name[METERS_NAME_CAP], uint32_t number);

#endif
