#include "common/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, DAYS_PER_400_YEARS = 146097 };

/* The bounds of what has a civil date here: 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
#define CIVIL_MIN_S (-62167219200)
#define CIVIL_MAX_S 253402300799

static int64_t system_wall_s(const struct cr_clock *clock)
{
    (void)clock;
    struct timespec now;
    /* A clock that cannot be read is one that stands in 1970: nothing is issued then. */
    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? (int64_t)now.tv_sec : 0;
}

static int64_t system_mono_ms(const struct cr_clock *clock)
{
    (void)clock;
    struct timespec now;
    return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 : 0;
}

static const struct cr_clock system_clock = { system_wall_s, system_mono_ms };

const struct cr_clock *cr_clock_system(void)
{
    return &system_clock;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month)
{
    static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 0000-01-01 to the first day of a year, 0-10000. */
static int64_t year_start(int year)
{
    if (year == 0) {
        return 0;
    }
    int before = year - 1; /* the last whole year; year 0 was a leap year, hence the 1 */
    return (int64_t)year * 365 + before / 4 - before / 100 + before / 400 + 1;
}

void cr_civil_from_unix(struct cr_civil *civil, int64_t unix_s)
{
    if (unix_s < CIVIL_MIN_S) {
        unix_s = CIVIL_MIN_S;
    } else if (unix_s > CIVIL_MAX_S) {
        unix_s = CIVIL_MAX_S;
    }
    int64_t since = unix_s - CIVIL_MIN_S;
    int64_t day = since / DAY_S;
    int second = (int)(since % DAY_S);

    /* The mean year's length gives a guess that is off by one at most. */
    int year = (int)(day * 400 / DAYS_PER_400_YEARS);
    while (year_start(year + 1) <= day) {
        year++;
    }
    while (year_start(year) > day) {
        year--;
    }
    int rest = (int)(day - year_start(year));
    int month = 1;
    while (rest >= month_days(year, month)) {
        rest -= month_days(year, month);
        month++;
    }
    *civil = (struct cr_civil){ year, month, rest + 1, second / 3600, second / 60 % 60, second % 60 };
}

cr_err cr_civil_to_unix(int64_t *unix_s, const struct cr_civil *civil)
{
    *unix_s = 0;
    if (civil->year < 0 || civil->year > 9999 || civil->month < 1 || civil->month > 12 || civil->day < 1 ||
        civil->day > month_days(civil->year, civil->month) || civil->hour < 0 || civil->hour > 23 ||
        civil->minute < 0 || civil->minute > 59 || civil->second < 0 || civil->second > 59) {
        return CR_INVALID;
    }
    int64_t day = year_start(civil->year) + civil->day - 1;
    for (int month = 1; month < civil->month; month++) {
        day += month_days(civil->year, month);
    }
    *unix_s = CIVIL_MIN_S + day * DAY_S + civil->hour * 3600 + civil->minute * 60 + civil->second;
    return CR_OK;
}

void cr_time_text(char text[CR_TIME_TEXT], int64_t unix_s)
{
    struct cr_civil civil;
    cr_civil_from_unix(&civil, unix_s < 0 ? 0 : unix_s);
    const unsigned field[6] = { (unsigned)civil.year, (unsigned)civil.month,  (unsigned)civil.day,
                                (unsigned)civil.hour, (unsigned)civil.minute, (unsigned)civil.second };
    /* The remainders tell the compiler what cr_civil_from_unix promises: that it fits. */
    snprintf(text, CR_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ", field[0] % 10000, field[1] % 100, field[2] % 100,
             field[3] % 100, field[4] % 100, field[5] % 100);
}

cr_err cr_time_parse(int64_t *unix_s, const char *text)
{
    static const char form[CR_TIME_TEXT] = "dddd-dd-ddTdd:dd:ddZ";
    *unix_s = 0;
    int field[6] = { 0 };
    int at = 0;
    for (int i = 0; i < CR_TIME_TEXT; i++) { /* the NUL is part of the form */
        if (form[i] == 'd') {
            if (text[i] < '0' || text[i] > '9') {
                return CR_INVALID;
            }
            field[at] = field[at] * 10 + (text[i] - '0');
        } else if (text[i] != form[i]) {
            return CR_INVALID;
        } else {
            at++;
        }
    }
    if (field[0] < 1970) {
        return CR_INVALID;
    }
    return cr_civil_to_unix(unix_s, &(struct cr_civil){ field[0], field[1], field[2], field[3], field[4], field[5] });
}
