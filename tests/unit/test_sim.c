/* The simulator's parts without a network: its pauses, what it keeps of its samples, its line for logs, its options. */
#include "device-sim/figures.h"
#include "device-sim/options.h"
#include "device-sim/pause.h"
#include "device-sim/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double almost_1 = 0.999999;

/* --- pauses --- */

static void a_patient_device_waits_longer_each_time_up_to_a_minute(void **state)
{
    (void)state;
    for (unsigned failures = 0; failures < 40; failures++) {
        double least = pause_connect_ms(failures, true, 0), most = pause_connect_ms(failures, true, almost_1);
        assert_true(least >= 500 && most <= 60000);
        assert_true(most > 1.99 * least); /* spread over half of it, whatever its length */
        assert_true(failures >= 5 || pause_connect_ms(failures + 1, true, 0) == 2 * least);
    }
    assert_true(pause_connect_ms(UINT32_MAX, true, 0) == 30000);
    assert_true(pause_renewal_ms(UINT32_MAX, true, almost_1) <= 60000);
    assert_true(pause_renewal_ms(0, true, almost_1) <= 1500);
}

static void a_measured_device_comes_back_soon(void **state)
{
    (void)state;
    assert_true(pause_connect_ms(0, false, 0.5) == 200);
    assert_true(pause_connect_ms(3, false, 0.5) == 1600);
    assert_true(pause_connect_ms(UINT32_MAX, false, 0.5) == 3200);
    assert_true(pause_renewal_ms(9, false, 0.5) == 1500);
}

/* --- samples --- */

static void all_samples_count_and_some_are_kept(void **state)
{
    (void)state;
    enum { MANY = 10 * SAMPLES_MAX };
    struct samples samples = { 0 };
    for (unsigned i = 0; i < MANY; i++) {
        samples_add(&samples, i);
    }
    assert_true(samples.count == MANY);
    assert_true(samples.len == SAMPLES_MAX && samples.cap == SAMPLES_MAX);
    assert_true(samples_mean(&samples) == (MANY - 1) / 2.0);
    /* Those kept stand for all: their percentiles lie where those of all do. */
    for (int percent = 5; percent <= 95; percent += 15) {
        double all = MANY * (percent / 100.0), kept = samples_percentile(&samples, percent);
        assert_true(kept > all - 0.01 * MANY && kept < all + 0.01 * MANY);
    }
    samples_fini(&samples);
}

static void few_samples_are_all_kept(void **state)
{
    (void)state;
    struct samples samples = { 0 };
    assert_true(samples_mean(&samples) == 0 && samples_percentile(&samples, 50) == 0);
    for (int i = 100; i >= 1; i--) {
        samples_add(&samples, i);
    }
    assert_true(samples_percentile(&samples, 50) == 50 && samples_percentile(&samples, 99) == 99);
    assert_true(samples_percentile(&samples, 100) == 100 && samples_mean(&samples) == 50.5);
    samples_fini(&samples);
}

/* --- the line --- */

static void line_is(const struct figures *figures, const struct figures *now, const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    assert_non_null(to);
    const struct report_moment moment = { .time = "2026-11-22T02:30:00Z", .figures = figures, .now = now, .awake = 18 };
    report_line(to, &moment);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void the_line_of_a_report(void **state)
{
    (void)state;
    struct figures figures = { .renewals = 412, .enrolled = 28, .enrolled_again = 2, .rejected = 3, .turned_away = 4 };
    struct figures now = { .devices = 30, .renewals = 15 };
    line_is(&figures, &now, "2026-11-22T02:30:00Z  30 devices, 18 awake; renewals 412 (+15), enrolled 30; "
                            "failing 0, refused 7\n");
    figures_failed(&now, "unreachable");
    figures_failed(&now, "connection-refused");
    figures_failed(&now, "unreachable");
    line_is(&figures, &now, "2026-11-22T02:30:00Z  30 devices, 18 awake; renewals 412 (+15), enrolled 30; "
                            "failing 3 (unreachable 2, connection-refused 1), refused 7\n");
}

/* --- options --- */

/* The status that a command line ends with; -1: it is a good one. */
static int run_status(struct run_options *options, const char *line)
{
    static char text[256]; /* the options point into it, as into main's arguments */
    char *argv[24];
    int argc = 0, status = -1;
    (void)snprintf(text, sizeof text, "run %s", line);
    for (char *save = NULL, *word = text; (word = strtok_r(argc == 0 ? text : NULL, " ", &save)) != NULL;) {
        assert_true(argc < 23);
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    return run_options_parse(options, argc, argv, &status) == 0 ? -1 : status;
}

static void a_fleet_for_long(void **state)
{
    (void)state;
    struct run_options options;
    assert_int_equal(run_status(&options, "--dir d --claim --forever --count 30 --report 0.5 --alive /run/alive"), -1);
    assert_true(options.claim && options.forever && options.report_s == 0.5 && options.count == 30);
    assert_string_equal(options.alive, "/run/alive");
    assert_int_equal(run_status(&options, "--dir d"), -1);
    assert_true(!options.claim && !options.forever && options.report_s == 0 && options.alive == NULL);
    assert_true(options.renewals == 1 && options.timeout_s == 300);
}

static void what_does_not_go_together(void **state)
{
    (void)state;
    struct run_options options;
    static const char *const wrong[] = {
        "--dir d --forever --renewals 2", "--dir d --forever --timeout 20", "--dir d --forever --trust-version 1",
        "--dir d --forever --request", "--dir d --forever --mqtt 5 --session persistent", "--dir d --report 0",
        "--dir d --report nan", "--dir d --report 1e9", "--dir d --alive",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(run_status(&options, wrong[i]), 2);
    }
    assert_int_equal(run_status(&options, "--dir d --forever --mqtt 5"), -1);
    assert_int_equal(run_status(&options, "--dir d --forever --trigger"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patient_device_waits_longer_each_time_up_to_a_minute),
        cmocka_unit_test(a_measured_device_comes_back_soon),
        cmocka_unit_test(all_samples_count_and_some_are_kept),
        cmocka_unit_test(few_samples_are_all_kept),
        cmocka_unit_test(the_line_of_a_report),
        cmocka_unit_test(a_fleet_for_long),
        cmocka_unit_test(what_does_not_go_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
