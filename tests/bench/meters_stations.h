/* meters_stations: the plugin's pipeline with a counter in front of its store and of its workers, so that the replay
 * knows when nothing is under way any more. Threads: as those of a pipeline; idle() on the loop. */
#ifndef CR_METERS_STATIONS_H
#define CR_METERS_STATIONS_H

#include "plugin/handoff/pipeline.h"

#include <stdatomic.h>
#include <stdbool.h>

struct meters_stations {
    struct cr_pipeline pipeline;
    struct meters_counted_store {
        struct cr_store store; /* first */
        struct cr_store *real;
        struct meters_stations *stations;
    } store;
    struct meters_counted_workers {
        struct cr_workers workers; /* first */
        struct cr_workers *real;
        struct meters_stations *stations;
    } workers;
    atomic_uint inside; /* jobs at a station */
};

CR_MUST_USE cr_err meters_stations_init(struct meters_stations *stations, unsigned max_in_flight, struct cr_wake *wake);
/* Stops and frees store and workers, as far as they were set: nothing is under way any more. */
void meters_stations_stop(struct meters_stations *stations);
/* After the router has gone. */
void meters_stations_fini(struct meters_stations *stations);

/* The done functions of the real ones; ctx is the stations. */
void meters_stations_stored(void *ctx, struct cr_job *job);
void meters_stations_worked(void *ctx, struct cr_job *job);
/* Puts the real ones in their places. Owns them. */
void meters_stations_set_store(struct meters_stations *stations, struct cr_store *store);
void meters_stations_set_workers(struct meters_stations *stations, struct cr_workers *workers);

/* Whether no job is at a station, or home and not taken. The wake rings when the last one leaves. */
bool meters_stations_idle(const struct meters_stations *stations);

#endif
