#include "device-sim/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* xorshift64*: which ones are kept need not be a secret. */
static uint64_t roll(struct samples *samples)
{
    uint64_t x = samples->dice != 0 ? samples->dice : 0x9e3779b97f4a7c15u;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    samples->dice = x;
    return x * 0x2545f4914f6cdd1du;
}

void samples_add(struct samples *samples, double value)
{
    samples->count++;
    samples->sum += value;
    if (samples->len == SAMPLES_MAX) {
        uint64_t place = roll(samples) % samples->count; /* each of all has the same chance to be among those kept */
        if (place < SAMPLES_MAX) {
            samples->at[place] = value;
        }
        return;
    }
    if (samples->len == samples->cap) {
        size_t cap = samples->cap == 0 ? 256 : samples->cap * 2;
        double *more = realloc(samples->at, cap * sizeof *more);
        if (more == NULL) {
            return;
        }
        samples->at = more;
        samples->cap = cap;
    }
    samples->at[samples->len++] = value;
}

void samples_fini(struct samples *samples)
{
    free(samples->at);
    *samples = (struct samples){ 0 };
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double samples_percentile(struct samples *samples, double percent)
{
    if (samples->len == 0) {
        return 0;
    }
    qsort(samples->at, samples->len, sizeof *samples->at, ascending);
    double rank = percent / 100 * (double)samples->len;
    size_t at = (size_t)rank;
    at = (double)at < rank || at == 0 ? at + 1 : at; /* rounded up, from 1 */
    return samples->at[at - 1];
}

double samples_mean(const struct samples *samples)
{
    return samples->count > 0 ? samples->sum / (double)samples->count : 0;
}

void figures_failed(struct figures *figures, const char *reason)
{
    struct reason_count *row = figures->failed_by, *last = row + FIGURES_REASONS_MAX - 1;
    while (row < last && row->count > 0 && strcmp(row->reason, reason) != 0) {
        row++;
    }
    (void)snprintf(row->reason, sizeof row->reason, "%s", row == last ? "other" : reason);
    row->count++;
    figures->failed++;
}

void figures_trust(struct figures *figures, unsigned version)
{
    struct version_count *row = figures->trust_versions, *last = row + FIGURES_VERSIONS_MAX - 1;
    while (row < last && row->count > 0 && row->version < version) {
        row++;
    }
    if (row->count > 0 && row->version != version) {
        row = last->count == 0 ? row : last;
        memmove(row + 1, row, (size_t)(last - row) * sizeof *row);
        row->count = row == last ? row->count : 0;
    }
    row->version = version;
    row->count++;
}

void figures_fini(struct figures *figures)
{
    samples_fini(&figures->awake_ms);
    samples_fini(&figures->exchange_ms);
    samples_fini(&figures->confirm_ms);
    samples_fini(&figures->connect_ms);
    samples_fini(&figures->sent);
    samples_fini(&figures->received);
}
