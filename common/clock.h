/* clock: where time comes from, and how it is written.
 *
 * Nobody else calls time() or clock_gettime(): whoever needs time is handed a cr_clock, so that tests hold the hands.
 * Wall time is Unix seconds (int64_t, UTC); monotonic time is milliseconds. Any thread. */
#ifndef CR_CLOCK_H
#define CR_CLOCK_H

#include "common/err.h"

#include <stdint.h>

struct cr_clock {
    int64_t (*wall_s)(const struct cr_clock *clock);
    int64_t (*mono_ms)(const struct cr_clock *clock);
};

/* The system's clocks. */
const struct cr_clock *cr_clock_system(void);

static inline int64_t cr_wall_s(const struct cr_clock *clock)
{
    return clock->wall_s(clock);
}
static inline int64_t cr_mono_ms(const struct cr_clock *clock)
{
    return clock->mono_ms(clock);
}

/* RFC 3339, UTC, whole seconds: "2026-11-21T09:00:00Z", 20 characters and a NUL. Years 1970-9999; anything else is
 * written as the nearest bound. */
enum { CR_TIME_TEXT = 21 };
void cr_time_text(char text[CR_TIME_TEXT], int64_t unix_s);
/* Exactly that form. CR_INVALID otherwise. */
CR_MUST_USE cr_err cr_time_parse(int64_t *unix_s, const char *text);

/* The civil date of a Unix time and back (proleptic Gregorian), without the C library's time zones. */
struct cr_civil {
    int year, month, day, hour, minute, second;
};
void cr_civil_from_unix(struct cr_civil *civil, int64_t unix_s);
CR_MUST_USE cr_err cr_civil_to_unix(int64_t *unix_s, const struct cr_civil *civil);

#endif
