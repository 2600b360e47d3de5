#include "common/bytes.h"
#include "common/identity.h"
#include "common/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 86400 };
static const int64_t start_s = 1795251600; /* 2026-11-21T09:00:00Z */

static void names(void **state)
{
    (void)state;
    char longest[CR_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest);
    assert_true(cr_name_ok(longest, CR_NAME_MAX));
    assert_false(cr_name_ok(longest, CR_NAME_MAX + 1));
    assert_false(cr_name_ok("", 0));
    assert_true(cr_name_ok("Az09._:-", 8));
    assert_true(cr_name_ok("meter-17/x", 8)); /* only the bytes given count */
    /* Each of the 256 bytes: 66 are fine. */
    int fine = 0;
    for (int c = 0; c < 256; c++) {
        char name[3] = { 'a', (char)c, 'b' };
        fine += cr_name_ok(name, 3);
    }
    assert_int_equal(fine, 66);
    assert_false(cr_name_ok("a\0b", 3));
}

static void defaults(void **state)
{
    (void)state;
    struct cr_profile profile;
    cr_profile_default(&profile, "operational");
    assert_string_equal(profile.slot, "operational");
    assert_int_equal(profile.lifetime_s, 90 * DAY_S);
    assert_int_equal(profile.jitter_permille, 100);
    assert_int_equal(profile.skew_s, 300);
    assert_int_equal(profile.window_permille, 333);
    assert_int_equal(profile.spread_permille, 500);
    assert_int_equal(profile.key_types, CR_ALLOW_EC_P256 | CR_ALLOW_EC_P384);
    assert_int_equal(profile.key_usage, CR_KU_DIGITAL_SIGNATURE);
    assert_int_equal(profile.ext_key_usage, CR_EKU_CLIENT_AUTH);
    assert_true(profile.tls);
    assert_false(profile.allow_same_key);
    assert_false(profile.request_any_time);
    assert_string_equal(profile.crl_url, "");
    cr_profile_default(&profile, "data");
    assert_false(profile.tls);
    char longer[CR_NAME_MAX + 2];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    cr_profile_default(&profile, longer);
    assert_string_equal(profile.slot, "");
}

/* The formula, in floating point and so only to within a second. */
static void due_is_as_the_formula_says(void **state)
{
    (void)state;
    struct cr_profile profile;
    cr_profile_default(&profile, "operational");
    int64_t end_s = start_s + 90 * DAY_S;
    int64_t window_s = (int64_t)90 * DAY_S * 333 / 1000;
    assert_int_equal(cr_profile_window_opens(&profile, start_s, end_s), end_s - window_s);
    for (int i = 0; i < 1000; i++) {
        char device[CR_NAME_CAP], name[2 * CR_NAME_CAP];
        uint64_t hash;
        snprintf(device, sizeof device, "meter-%d", i);
        snprintf(name, sizeof name, "%s/operational", device);
        assert_int_equal(cr_hash64(&hash, name, strlen(name)), CR_OK);
        double h = (double)hash / 18446744073709551616.0;
        int64_t expected = end_s - window_s + (int64_t)((double)window_s * 0.5 * h);
        int64_t due = cr_profile_due(&profile, device, start_s, end_s);
        assert_in_range(due - expected + 1, 0, 2);
    }
}

/* A value computed with sha256sum and bc: other brokers, other builds must come to the same second. */
static void due_is_the_same_everywhere(void **state)
{
    (void)state;
    struct cr_profile profile;
    cr_profile_default(&profile, "operational");
    assert_int_equal(cr_profile_due(&profile, "meter-17", start_s, start_s + 90 * DAY_S), 1800850288);
}

static void due_spreads_a_fleet_evenly(void **state)
{
    (void)state;
    struct cr_profile profile;
    cr_profile_default(&profile, "operational");
    int64_t end_s = start_s + 90 * DAY_S;
    int64_t opens = cr_profile_window_opens(&profile, start_s, end_s);
    int64_t half = (end_s - opens) / 2;
    int tenth[10] = { 0 };
    for (int i = 0; i < 10000; i++) {
        char device[CR_NAME_CAP];
        snprintf(device, sizeof device, "sensor-%d", i);
        int64_t due = cr_profile_due(&profile, device, start_s, end_s);
        assert_true(due >= opens && due < opens + half + 1);
        tenth[(due - opens) * 10 / (half + 1)]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(tenth[i], 850, 1150); /* five standard deviations */
    }
}

static void due_depends_on_the_slot(void **state)
{
    (void)state;
    struct cr_profile a, b;
    cr_profile_default(&a, "operational");
    cr_profile_default(&b, "data");
    int64_t end_s = start_s + 90 * DAY_S;
    int64_t due = cr_profile_due(&a, "meter-17", start_s, end_s);
    assert_int_not_equal(due, cr_profile_due(&b, "meter-17", start_s, end_s));
}

static void bounds(void **state)
{
    (void)state;
    struct cr_profile profile;
    cr_profile_default(&profile, "operational");
    /* A certificate without any lifetime, or with times the wrong way round. */
    assert_int_equal(cr_profile_due(&profile, "d", start_s, start_s), start_s);
    assert_int_equal(cr_profile_due(&profile, "d", start_s, start_s - 1), start_s);
    assert_int_equal(cr_profile_due(&profile, "d", INT64_MAX, INT64_MIN), INT64_MAX);
    assert_int_equal(cr_profile_window_opens(&profile, start_s, 0), start_s);
    /* The longest that fits. */
    int64_t due = cr_profile_due(&profile, "d", INT64_MIN, INT64_MAX);
    assert_true(due <= INT64_MAX && due > 0);
    /* A window of the whole lifetime, and shares that make no sense. */
    profile.window_permille = 1000;
    profile.spread_permille = 0;
    assert_int_equal(cr_profile_due(&profile, "d", start_s, start_s + 1000), start_s);
    profile.window_permille = 5000;
    profile.spread_permille = 5000;
    due = cr_profile_due(&profile, "d", start_s, start_s + 1000);
    assert_true(due >= start_s && due < start_s + 1000);
    profile.window_permille = 1000; /* the window is the lifetime: due is spread over all of it */
    profile.spread_permille = 1000;
    assert_true(cr_profile_due(&profile, "d", start_s, start_s + 1000) < start_s + 1000);
    profile.window_permille = 0;
    assert_int_equal(cr_profile_due(&profile, "d", start_s, start_s + 1000), start_s + 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(defaults),
        cmocka_unit_test(due_is_as_the_formula_says),
        cmocka_unit_test(due_is_the_same_everywhere),
        cmocka_unit_test(due_spreads_a_fleet_evenly),
        cmocka_unit_test(due_depends_on_the_slot),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
