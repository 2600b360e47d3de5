/* figures: what a run measured and counted. Main thread only. */
#ifndef DEVICE_SIM_FIGURES_H
#define DEVICE_SIM_FIGURES_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SAMPLES_MAX = 65536 };
enum { FIGURES_REASON_CAP = 40, FIGURES_REASONS_MAX = 24, FIGURES_VERSIONS_MAX = 8 };

/* All of them up to SAMPLES_MAX, from then on as many that stand for all: any one is kept as likely as any other. */
struct samples {
    double *at;
    size_t len, cap;
    uint64_t count;  /* of all */
    double sum;      /* of all */
    uint64_t dice;
};
/* A sample that finds no memory is counted, but not kept: the run goes on. */
void samples_add(struct samples *samples, double value);
void samples_fini(struct samples *samples);
/* Nearest rank; 0 without samples. Sorts. */
double samples_percentile(struct samples *samples, double percent);
/* Of all; 0 without samples. */
double samples_mean(const struct samples *samples);

struct reason_count {
    char reason[FIGURES_REASON_CAP];
    unsigned count;
};

/* How many devices have a version; the last one collects what found no room. */
struct version_count {
    unsigned version, count;
};

/* Why a run ended: all devices are done, or not all. */
enum run_end { RUN_DONE, RUN_TIMEOUT, RUN_INTERRUPTED };

/* Every device ends in exactly one of renewed, pending, failed. */
struct figures {
    unsigned devices, renewed, pending, failed;
    struct reason_count failed_by[FIGURES_REASONS_MAX]; /* the last one collects what found no room */
    unsigned renewals;               /* certificates installed and reported, of all devices */
    /* what was done to the devices */
    unsigned power_losses, corrupted, wrong_clocks, never_wake, cannot_install;
    /* what they went through and survived */
    unsigned rejected, refused, rolled_back;
    unsigned turned_away;            /* connections that the broker refused */
    /* first certificates by the factory's identity or a token, and later ones */
    unsigned enrolled, enrolled_again;
    unsigned trust_installed, trust_failed, trust_rolled_back; /* trust bundles */
    struct version_count trust_versions[FIGURES_VERSIONS_MAX]; /* what the devices believe in at the end; ascending */
    /* per renewal, milliseconds and bytes; device_notes.h says from when to when */
    struct samples awake_ms, exchange_ms, confirm_ms, sent, received;
    struct samples connect_ms; /* per connection */
    /* devices that were asked to renew: by the operator of --trigger, otherwise by the plugin when it was time */
    bool by_operator;
    unsigned triggered, asleep_when_triggered;
    unsigned woke_and_renewed;                 /* of those asleep */
    double duration_s;
    enum run_end end;
};

void figures_failed(struct figures *figures, const char *reason);
void figures_trust(struct figures *figures, unsigned version);
void figures_fini(struct figures *figures);

#endif
