/* Deadlines come in their order, whoever is set, moved and cleared meanwhile. */
#include "plugin/loop/deadlines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 2000, STEPS = 200000 };

struct cr_session { /* no more is looked at here */
    int number;
};

static struct cr_session session[MANY];
static struct cr_deadline deadline[MANY];

static void test_order(void **state)
{
    (void)state;
    static const int64_t at_ms[] = { 50, 10, 40, 10, 30, INT64_MIN, 10 };
    static const int order[] = { 5, 1, 3, 6, 4, 2, 0 };
    struct cr_deadline *list = NULL;

    for (int i = 0; i < 7; i++) {
        cr_deadline_set(&list, &deadline[i], &session[i], at_ms[i]);
    }
    assert_ptr_equal(cr_deadline_take(&list, INT64_MIN), &session[5]);
    assert_null(cr_deadline_take(&list, 9));
    for (int i = 1; i < 7; i++) {
        assert_ptr_equal(cr_deadline_take(&list, 50), &session[order[i]]); /* of one time: who was set first */
    }
    assert_null(list);
    for (int i = 0; i < 7; i++) {
        assert_false(cr_deadline_is_set(&deadline[i]));
    }
}

/* The earliest that is set, by looking at all. */
static int earliest(void)
{
    int found = -1;
    for (int i = 0; i < MANY; i++) {
        if (cr_deadline_is_set(&deadline[i]) &&
            (found < 0 || deadline[i].at_ms < deadline[found].at_ms ||
             (deadline[i].at_ms == deadline[found].at_ms && deadline[i].turn < deadline[found].turn))) {
            found = i;
        }
    }
    return found;
}

static void test_any_order_of_steps(void **state)
{
    (void)state;
    uint32_t dice = 1;
    struct cr_deadline *list = NULL;

    for (int step = 0; step < STEPS; step++) {
        dice = dice * 1664525 + 1013904223;
        int i = (int)(dice >> 8) % MANY;
        switch (dice >> 28) {
        case 0:
        case 1:
        case 2:
            cr_deadline_clear(&deadline[i]);
            break;
        case 3:
            if (step % 64 == 0) {
                int first = earliest();
                struct cr_session *taken = cr_deadline_take(&list, INT64_MAX);
                assert_ptr_equal(taken, first < 0 ? NULL : &session[first]);
                break;
            }
            (void)cr_deadline_take(&list, (int64_t)(dice % 1000));
            break;
        default:
            cr_deadline_set(&list, &deadline[i], &session[i], (int64_t)(dice % 1000));
            break;
        }
    }
    int64_t before = INT64_MIN;
    while (list != NULL) {
        int first = earliest();
        assert_ptr_equal(cr_deadline_take(&list, INT64_MAX), &session[first]);
        assert_true(deadline[first].at_ms >= before);
        before = deadline[first].at_ms;
    }
    assert_int_equal(earliest(), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_any_order_of_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
