#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    int64_t unix_s;
    const char *text; /* from `date -u -d @…` */
} known[] = {
    { 0, "1970-01-01T00:00:00Z" },
    { 86399, "1970-01-01T23:59:59Z" },
    { 68169600, "1972-02-29T00:00:00Z" },
    { 951782400, "2000-02-29T00:00:00Z" },
    { 951868800, "2000-03-01T00:00:00Z" },
    { 1795251600, "2026-11-21T09:00:00Z" },
    { 2147483647, "2038-01-19T03:14:07Z" },
    { 2147483648, "2038-01-19T03:14:08Z" },
    { 2524607999, "2049-12-31T23:59:59Z" },
    { 2524608000, "2050-01-01T00:00:00Z" },
    { 4107542399, "2100-02-28T23:59:59Z" },
    { 4107542400, "2100-03-01T00:00:00Z" },
    { 253402300799, "9999-12-31T23:59:59Z" },
};

static void known_times_go_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[CR_TIME_TEXT];
        int64_t back = -1;
        cr_time_text(text, known[i].unix_s);
        assert_string_equal(text, known[i].text);
        assert_int_equal(cr_time_parse(&back, text), CR_OK);
        assert_int_equal(back, known[i].unix_s);
    }
}

static void times_out_of_range_are_clamped(void **state)
{
    (void)state;
    char text[CR_TIME_TEXT];
    cr_time_text(text, -1);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    cr_time_text(text, INT64_MIN);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    cr_time_text(text, 253402300800);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    cr_time_text(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "2026", "2026-11-21", "2026-11-21T09:00:00", "2026-11-21T09:00:00+00:00", "2026-11-21T09:00:00.0Z",
        "2026-11-21 09:00:00Z", "2026-11-21t09:00:00z", "2026-11-21T09:00:00ZZ", " 2026-11-21T09:00:00Z",
        "2026-1-21T09:00:00Z", "2026-13-21T09:00:00Z", "2026-00-21T09:00:00Z", "2026-11-31T09:00:00Z",
        "2026-11-00T09:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T09:60:00Z", "2026-11-21T09:00:60Z",
        "2027-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
        "-026-11-21T09:00:00Z", "2026-11-21T09:00:0\xb2Z", "20261121T090000Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t unix_s = 99;
        if (cr_time_parse(&unix_s, bad[i]) != CR_INVALID) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_int_equal(unix_s, 0);
    }
}

/* Every day of the calendar follows the one before, from year 0 to 9999, and comes back. */
static void every_day_follows_the_last(void **state)
{
    (void)state;
    int64_t expected = -62167219200; /* 0000-01-01 */
    struct cr_civil last = { .year = 0, .month = 1, .day = 1 };
    int64_t unix_s = 0;
    assert_int_equal(cr_civil_to_unix(&unix_s, &last), CR_OK);
    assert_int_equal(unix_s, expected);
    unsigned long bad = 0, days = 1;
    for (;; days++) {
        struct cr_civil civil;
        expected += 86400;
        if (expected > 253402300799) {
            break;
        }
        cr_civil_from_unix(&civil, expected + 3723);
        bad += civil.hour != 1 || civil.minute != 2 || civil.second != 3;
        bool next_day = civil.year == last.year && civil.month == last.month && civil.day == last.day + 1;
        bool next_month = civil.year == last.year && civil.month == last.month + 1 && civil.day == 1 && last.day >= 28;
        bool next_year = civil.year == last.year + 1 && civil.month == 1 && civil.day == 1 && last.month == 12 &&
                         last.day == 31;
        bad += !next_day && !next_month && !next_year;
        bad += cr_civil_to_unix(&unix_s, &civil) != CR_OK || unix_s != expected + 3723;
        last = civil;
    }
    assert_int_equal(bad, 0);
    assert_int_equal(days, 25UL * 146097); /* 25 cycles of 400 years */
    assert_int_equal(last.year, 9999);
}

static void dates_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const struct cr_civil bad[] = {
        { -1, 1, 1, 0, 0, 0 },    { 10000, 1, 1, 0, 0, 0 }, { 2026, 0, 1, 0, 0, 0 },  { 2026, 13, 1, 0, 0, 0 },
        { 2026, 1, 0, 0, 0, 0 },  { 2026, 4, 31, 0, 0, 0 }, { 1900, 2, 29, 0, 0, 0 }, { 2026, 1, 1, -1, 0, 0 },
        { 2026, 1, 1, 24, 0, 0 }, { 2026, 1, 1, 0, 60, 0 }, { 2026, 1, 1, 0, 0, 60 }, { 2026, 1, 1, 0, 0, -1 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t unix_s = 99;
        assert_int_equal(cr_civil_to_unix(&unix_s, &bad[i]), CR_INVALID);
        assert_int_equal(unix_s, 0);
    }
}

static void the_systems_clocks_run(void **state)
{
    (void)state;
    const struct cr_clock *clock = cr_clock_system();
    assert_true(cr_wall_s(clock) > 1700000000);
    int64_t before = cr_mono_ms(clock);
    assert_true(before > 0);
    assert_true(cr_mono_ms(clock) >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times_go_both_ways),
        cmocka_unit_test(times_out_of_range_are_clamped),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(every_day_follows_the_last),
        cmocka_unit_test(dates_that_do_not_exist_are_refused),
        cmocka_unit_test(the_systems_clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
