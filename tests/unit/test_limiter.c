#include "plugin/loop/limiter.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

static const struct cr_limiter_rate six_a_minute = { 3, 6, 60000 };

static void a_burst_then_the_rate(void **state)
{
    struct cr_limiter limiter;
    int64_t wait_ms = 0;

    (void)state;
    cr_limiter_init(&limiter, &six_a_minute, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(cr_limiter_take(&limiter, &six_a_minute, 0, &wait_ms));
    }
    assert_false(cr_limiter_take(&limiter, &six_a_minute, 0, &wait_ms));
    assert_int_equal(wait_ms, 10000);
    assert_false(cr_limiter_take(&limiter, &six_a_minute, 9999, &wait_ms));
    assert_int_equal(wait_ms, 1);
    assert_true(cr_limiter_take(&limiter, &six_a_minute, 10000, &wait_ms));
    assert_false(cr_limiter_take(&limiter, &six_a_minute, 10000, NULL));
}

static void many_small_steps_lose_nothing(void **state)
{
    struct cr_limiter limiter;
    int taken = 0;

    (void)state;
    cr_limiter_init(&limiter, &six_a_minute, 0);
    for (int64_t now_ms = 0; now_ms <= 60000; now_ms++) {
        taken += cr_limiter_take(&limiter, &six_a_minute, now_ms, NULL);
    }
    assert_int_equal(taken, 3 + 6);
}

static void a_bucket_fills_up_and_no_further(void **state)
{
    struct cr_limiter limiter;

    (void)state;
    cr_limiter_init(&limiter, &six_a_minute, 0);
    assert_true(cr_limiter_take(&limiter, &six_a_minute, 0, NULL));
    assert_false(cr_limiter_full(&limiter, &six_a_minute, 5000));
    assert_true(cr_limiter_full(&limiter, &six_a_minute, INT64_MAX / 2));
    for (int i = 0; i < 3; i++) {
        assert_true(cr_limiter_take(&limiter, &six_a_minute, INT64_MAX / 2, NULL));
    }
    assert_false(cr_limiter_take(&limiter, &six_a_minute, INT64_MAX / 2, NULL));
}

static void a_clock_that_steps_back_gives_nothing(void **state)
{
    struct cr_limiter limiter;

    (void)state;
    cr_limiter_init(&limiter, &six_a_minute, 100000);
    for (int i = 0; i < 3; i++) {
        assert_true(cr_limiter_take(&limiter, &six_a_minute, 100000, NULL));
    }
    assert_false(cr_limiter_take(&limiter, &six_a_minute, 0, NULL));
}

static void a_rate_of_nothing_never_refills(void **state)
{
    static const struct cr_limiter_rate never = { 1, 0, 60000 };
    struct cr_limiter limiter;
    int64_t wait_ms = 0;

    (void)state;
    cr_limiter_init(&limiter, &never, 0);
    assert_true(cr_limiter_take(&limiter, &never, 0, NULL));
    assert_false(cr_limiter_take(&limiter, &never, 1000000000, &wait_ms));
    assert_true(wait_ms > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_then_the_rate),
        cmocka_unit_test(many_small_steps_lose_nothing),
        cmocka_unit_test(a_bucket_fills_up_and_no_further),
        cmocka_unit_test(a_clock_that_steps_back_gives_nothing),
        cmocka_unit_test(a_rate_of_nothing_never_refills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
