#include "tests/bench/meters_stations.h"

/* A job went on from a station, or home. Where it went on to it has been counted already. */
static void left_station(struct meters_stations *stations)
{
    if (atomic_fetch_sub(&stations->inside, 1) == 1) {
        cr_wake_ring(stations->pipeline.wake);
    }
}

/* ---- the store ---- */

static cr_err store_submit(struct cr_store *base, struct cr_job **job)
{
    struct meters_counted_store *store = (struct meters_counted_store *)base;
    atomic_fetch_add(&store->stations->inside, 1);
    cr_err err = cr_store_submit(store->real, job);
    if (err != CR_OK) {
        atomic_fetch_sub(&store->stations->inside, 1);
    }
    return err;
}

static void store_health(struct cr_store *base, struct cr_store_health *health)
{
    cr_store_health_get(((struct meters_counted_store *)base)->real, health);
}

static void store_free(struct cr_store *base)
{
    cr_store_free(((struct meters_counted_store *)base)->real);
}

void meters_stations_stored(void *ctx, struct cr_job *job)
{
    struct meters_stations *stations = ctx;
    bool made_there = cr_job_is_news(job);
    cr_pipeline_stored(&stations->pipeline, job);
    if (!made_there) {
        left_station(stations);
    }
}

void meters_stations_set_store(struct meters_stations *stations, struct cr_store *store)
{
    static const struct cr_store_ops ops = { store_submit, store_health, store_free };
    stations->store = (struct meters_counted_store){ { &ops }, store, stations };
    stations->pipeline.store = &stations->store.store;
}

/* ---- the workers ---- */

static cr_err workers_submit(struct cr_workers *base, struct cr_job **job)
{
    struct meters_counted_workers *workers = (struct meters_counted_workers *)base;
    atomic_fetch_add(&workers->stations->inside, 1);
    cr_err err = cr_workers_submit(workers->real, job);
    if (err != CR_OK) {
        atomic_fetch_sub(&workers->stations->inside, 1);
    }
    return err;
}

static void workers_stop(struct cr_workers *base)
{
    cr_workers_stop(((struct meters_counted_workers *)base)->real);
}

static void workers_free(struct cr_workers *base)
{
    cr_workers_free(((struct meters_counted_workers *)base)->real);
}

void meters_stations_worked(void *ctx, struct cr_job *job)
{
    struct meters_stations *stations = ctx;
    cr_pipeline_worked(&stations->pipeline, job);
    left_station(stations);
}

void meters_stations_set_workers(struct meters_stations *stations, struct cr_workers *workers)
{
    static const struct cr_workers_ops ops = { workers_submit, workers_stop, workers_free };
    stations->workers = (struct meters_counted_workers){ { &ops }, workers, stations };
    stations->pipeline.workers = &stations->workers.workers;
}

/* ---- both ---- */

cr_err meters_stations_init(struct meters_stations *stations, unsigned max_in_flight, struct cr_wake *wake)
{
    atomic_init(&stations->inside, 0);
    return cr_pipeline_init(&stations->pipeline, max_in_flight, wake);
}

bool meters_stations_idle(const struct meters_stations *stations)
{
    return atomic_load(&stations->inside) == 0 && cr_queue_len(stations->pipeline.completions) == 0;
}

void meters_stations_stop(struct meters_stations *stations)
{
    cr_workers_stop(stations->pipeline.workers);
    cr_store_free(stations->pipeline.store);
    cr_workers_free(stations->pipeline.workers);
}

void meters_stations_fini(struct meters_stations *stations)
{
    cr_pipeline_fini(&stations->pipeline);
}
