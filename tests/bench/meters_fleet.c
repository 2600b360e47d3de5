#include "tests/bench/meters_fleet.h"

#include "tests/bench/bench_cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_S = 86400, MINUTE_S = 60 };

/* SplitMix64's finaliser over everything that tells this throw from others. */
static uint64_t thrown(const struct meters_fleet *fleet, uint32_t number, uint32_t what)
{
    uint64_t x = fleet->seed * 0x9e3779b97f4a7c15u + ((uint64_t)number << 32 | what);
    for (int i = 0; i < 2; i++) {
        x += 0x9e3779b97f4a7c15u;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 27) * 0x94d049bb133111ebu;
        x ^= x >> 31;
    }
    return x;
}

/* Evenly from 0 to below - 1. */
static uint32_t chance(const struct meters_fleet *fleet, uint32_t number, uint32_t what, uint32_t below)
{
    return (uint32_t)((thrown(fleet, number, what) >> 32) * below >> 32);
}

/* Throws are told apart by minute; those about the whole life of a meter come before every minute's. */
enum { THROW_EXPIRY = 1, THROW_MINUTE, THROW_DARK, THROW_DARK_FROM, THROW_DARK_TO, THROW_SLEEPS = 16 };

void meters_name(char name[METERS_NAME_CAP], uint32_t number)
{
    (void)snprintf(name, METERS_NAME_CAP, "meter-%07u", number % 10000000);
}

static void line_up(struct meters_fleet *fleet, uint32_t number, uint32_t minute)
{
    if (minute < fleet->minutes) {
        fleet->meter[number].next = fleet->first[minute];
        fleet->first[minute] = number;
    }
}

/* A stretch of the campaign, between two minutes that are both thrown evenly. */
static void meter_dark(struct meters_fleet *fleet, uint32_t number)
{
    struct meter *meter = &fleet->meter[number];
    uint32_t opens = (uint32_t)((meter->expires_s - fleet->window_s - fleet->begin_s) / MINUTE_S);
    uint32_t length = (uint32_t)(fleet->window_s / MINUTE_S);
    uint32_t a = opens + chance(fleet, number, THROW_DARK_FROM, length);
    uint32_t b = opens + chance(fleet, number, THROW_DARK_TO, length);
    meter->dark_from = a < b ? a : b;
    meter->dark_to = a < b ? b : a;
}

static void meter_make(struct meters_fleet *fleet, uint32_t number, const struct meters_ca *ca,
                       const struct cr_profile *profile)
{
    struct meter *meter = &fleet->meter[number];
    char name[METERS_NAME_CAP];
    meters_name(name, number);
    meter->expires_s =
        METERS_DAY_0_S + fleet->window_s + chance(fleet, number, THROW_EXPIRY, METERS_PROVISIONED_D * DAY_S);
    int64_t not_before = meter->expires_s - (int64_t)METERS_LIFETIME_D * DAY_S;
    meter->due_s = cr_profile_due(profile, name, not_before, meter->expires_s);
    meter->certificate = meters_certify(ca, profile, name, not_before, meter->expires_s);
    meter->minute = (uint16_t)chance(fleet, number, THROW_MINUTE, METERS_DAY_MIN);
    if (chance(fleet, number, THROW_DARK, 100) < METERS_DARK_PERCENT) {
        meter_dark(fleet, number);
    }
    line_up(fleet, number, meter->minute);
}

void meters_fleet_make(struct meters_fleet *fleet, uint32_t count, uint64_t seed, const struct meters_ca *ca,
                       const struct cr_profile *profile)
{
    int64_t lifetime_s = (int64_t)METERS_LIFETIME_D * DAY_S;
    *fleet = (struct meters_fleet){ .count = count, .seed = seed };
    fleet->window_s = lifetime_s - cr_profile_window_opens(profile, 0, lifetime_s);
    fleet->begin_s = METERS_DAY_0_S - (int64_t)METERS_WARM_UP_D * DAY_S;
    fleet->minutes = (uint32_t)(METERS_WARM_UP_D + METERS_PROVISIONED_D) * METERS_DAY_MIN +
                     (uint32_t)(fleet->window_s / MINUTE_S) + 1;
    fleet->meter = calloc(count, sizeof *fleet->meter);
    fleet->first = malloc(fleet->minutes * sizeof *fleet->first);
    if (fleet->meter == NULL || fleet->first == NULL) {
        bench_die("out of memory");
    }
    for (uint32_t i = 0; i < fleet->minutes; i++) {
        fleet->first[i] = METERS_NOBODY;
    }
    for (uint32_t i = 0; i < count; i++) {
        meter_make(fleet, i, ca, profile);
    }
}

void meters_fleet_fini(struct meters_fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->count; i++) {
        cr_blob_fini(&fleet->meter[i].certificate);
    }
    free(fleet->meter);
    free(fleet->first);
}

void meters_fleet_next(struct meters_fleet *fleet, uint32_t number, uint32_t minute)
{
    const struct meter *meter = &fleet->meter[number];
    uint32_t days = 1, what = THROW_SLEEPS + 2 * minute;
    if (chance(fleet, number, what, 100) < METERS_SLEEP_PERCENT) {
        days = chance(fleet, number, what + 1, METERS_SLEEP_MAX_MIN) / METERS_DAY_MIN + 1;
    }
    uint32_t next = minute + days * METERS_DAY_MIN;
    if (next >= meter->dark_from && next < meter->dark_to) { /* then the first time after the stretch */
        uint32_t left = meter->dark_to - next;
        next += (left + METERS_DAY_MIN - 1) / METERS_DAY_MIN * METERS_DAY_MIN;
    }
    line_up(fleet, number, next);
}
