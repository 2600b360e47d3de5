#include "tests/bench/meters_progress.h"

#include "tests/bench/bench_cpu.h"
#include "tests/bench/meters_fleet.h"

#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 40, FIRST_US = 1000000, EVERY_US = 100000, LOOK_EVERY = 16 };

void meters_progress_begin(struct meters_progress *progress, const char *title)
{
    *progress = (struct meters_progress){ .title = title, .begun_us = bench_now_us() };
    progress->terminal = isatty(STDERR_FILENO) == 1;
}

void meters_progress_show(struct meters_progress *progress, uint32_t done, uint32_t all, uint32_t renewed)
{
    static const char full[] = "########################################",
                      none[] = "........................................";
    _Static_assert(sizeof full == WIDTH + 1 && sizeof none == WIDTH + 1, "as wide as the bar");
    if (!progress->terminal || done % LOOK_EVERY != 0) {
        return;
    }
    double now_us = bench_now_us(), passed_us = now_us - progress->begun_us;
    if (passed_us < FIRST_US || now_us - progress->shown_us < EVERY_US || done == 0) {
        return;
    }
    int filled = (int)((uint64_t)done * WIDTH / all);
    double left_s = passed_us / 1e6 * (double)(all - done) / done;
    progress->shown_us = now_us;
    progress->visible = true;
    (void)fprintf(stderr, "\r%-20s [%.*s%.*s] %3u%%  day %3d  %9u renewed  %5.0f s left ", progress->title, filled,
                  full, WIDTH - filled, none, (unsigned)((uint64_t)done * 100 / all), (int)(done / METERS_DAY_MIN) - METERS_WARM_UP_D, renewed,
                  left_s);
}

void meters_progress_end(struct meters_progress *progress)
{
    if (progress->visible) {
        (void)fprintf(stderr, "\r%*s\r", 110, "");
    }
}
