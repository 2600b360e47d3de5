#include "plugin/loop/campaign_decide.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000 };

/* Three groups of 10, 90 and 900, as by 1 %, 9 % and the rest. */
static struct cr_campaign campaign_in(enum cr_campaign_state state, bool walked)
{
    struct cr_campaign c = { .state = state, .walked = walked, .group_count = 3, .start = NOW - 10 };
    static const unsigned share[] = { 10000, 100000, CR_SHARE_ALL }, total[] = { 10, 90, 900 };

    for (unsigned i = 0; i < 3; i++) {
        c.group[i].share = share[i];
        c.group[i].total = total[i];
        c.group[i].success_permille = i < 2 ? 950 : 0;
        c.group[i].error_permille = 50;
    }
    return c;
}

static bool decided(struct cr_campaign *c, enum cr_campaign_event expected)
{
    enum cr_campaign_event event = CR_CAMPAIGN_EVENTS;
    bool changed = cr_campaign_decide(c, NOW, &event);

    assert_int_equal(event, expected);
    return changed;
}

/* Every state, walked or not, before and after its start and its deadline; nobody has failed. */
static void every_cell(void **state)
{
    enum { C = CR_CAMPAIGN_COUNTING, W = CR_CAMPAIGN_WAITING, R = CR_CAMPAIGN_RUNNING, P = CR_CAMPAIGN_PAUSED,
           G = CR_CAMPAIGN_ABORTING, A = CR_CAMPAIGN_ABORTED, D = CR_CAMPAIGN_DONE };
    static const unsigned next[CR_CAMPAIGN_STATES][8] = {
        /*         not walked: early, started, late early, late started; walked: the same */
        [C] = { C, C, P, P, W, R, P, P },
        [W] = { W, R, P, P, W, R, P, P },
        [R] = { R, R, P, P, R, R, P, P },
        [P] = { P, P, P, P, P, P, P, P },
        [G] = { G, G, G, G, A, A, A, A },
        [A] = { A, A, A, A, A, A, A, A },
        [D] = { D, D, D, D, D, D, D, D },
    };

    (void)state;
    for (unsigned from = 0; from < CR_CAMPAIGN_STATES; from++) {
        for (unsigned i = 0; i < 8; i++) {
            struct cr_campaign c = campaign_in((enum cr_campaign_state)from, i >= 4), before;
            enum cr_campaign_event event;
            bool changed;

            c.start = i % 2 == 0 ? NOW + 1 : NOW;
            c.deadline = i % 4 >= 2 ? NOW : NOW + 1;
            c.group[0].counts.asked = 10;
            before = c;
            changed = cr_campaign_decide(&c, NOW, &event);
            assert_int_equal(c.state, next[from][i]);
            assert_int_equal(changed, from != next[from][i]);
            if (!changed) {
                assert_memory_equal(&c, &before, sizeof c);
                assert_int_equal(event, CR_CAMPAIGN_NOTHING);
            }
            if ((unsigned)c.state == P && from != P) {
                assert_int_equal(c.pause, CR_PAUSE_DEADLINE);
                assert_int_equal(c.before_pause, from);
                assert_int_equal(event, CR_CAMPAIGN_PAUSES);
            }
            if ((unsigned)c.state == R && from != R) {
                assert_int_equal(event, CR_CAMPAIGN_STARTED);
                assert_false(c.walked);
            }
        }
    }
}

static void what_each_state_walks_for(void **state)
{
    static const enum cr_campaign_walk walk[CR_CAMPAIGN_STATES] = {
        [CR_CAMPAIGN_COUNTING] = CR_WALK_COUNT,
        [CR_CAMPAIGN_RUNNING] = CR_WALK_TRIGGER,
        [CR_CAMPAIGN_ABORTING] = CR_WALK_CANCEL,
    };

    (void)state;
    for (unsigned from = 0; from < CR_CAMPAIGN_STATES; from++) {
        struct cr_campaign c = campaign_in((enum cr_campaign_state)from, false);

        assert_int_equal(cr_campaign_walk(&c), walk[from]);
        c.walked = true;
        assert_int_equal(cr_campaign_walk(&c), CR_WALK_NONE);
    }
}

static void operators_may(void **state)
{
    static const bool pause[CR_CAMPAIGN_STATES] = { true, true, true, false, false, false, false };
    static const bool resume[CR_CAMPAIGN_STATES] = { false, false, false, true, false, false, false };
    static const bool stops[CR_CAMPAIGN_STATES] = { true, true, true, true, false, false, false };

    (void)state;
    for (unsigned from = 0; from < CR_CAMPAIGN_STATES; from++) {
        struct cr_campaign c = campaign_in((enum cr_campaign_state)from, true), before = c;

        c.before_pause = before.before_pause = CR_CAMPAIGN_RUNNING;
        assert_int_equal(cr_campaign_pause(&c), pause[from]);
        if (pause[from]) {
            assert_int_equal(c.state, CR_CAMPAIGN_PAUSED);
            assert_int_equal(c.pause, CR_PAUSE_OPERATOR);
            assert_true(cr_campaign_resume(&c, NOW));
            assert_int_equal(c.state, from);
            assert_true(c.walked);
            c = before;
        }
        assert_int_equal(cr_campaign_resume(&c, NOW), resume[from]);
        c = before;
        assert_int_equal(cr_campaign_abort(&c), stops[from]);
        if (stops[from]) {
            assert_int_equal(c.state, CR_CAMPAIGN_ABORTING);
            assert_false(c.walked);
        } else {
            assert_memory_equal(&c, &before, sizeof c);
        }
    }
}

static void a_group_follows_at_its_predecessors_success(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_RUNNING, true);

    (void)state;
    c.at = 1;
    c.group[1].total = 100;
    c.group[1].error_permille = 100;
    c.group[1].counts = (struct cr_campaign_counts){ .asked = 6, .renewed = 94 };
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING));
    c.group[1].counts = (struct cr_campaign_counts){ .asked = 5, .renewed = 95 };
    c.walked = false;
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING)); /* not all were asked */
    c.walked = true;
    memcpy(c.cursor, "x", 2);
    assert_true(decided(&c, CR_CAMPAIGN_GROUP));
    assert_int_equal(c.at, 2);
    assert_false(c.walked);
    assert_string_equal(c.cursor, "");
    assert_int_equal(c.state, CR_CAMPAIGN_RUNNING);
}

static void nobody_to_ask_is_a_success(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_RUNNING, true);

    (void)state;
    assert_true(decided(&c, CR_CAMPAIGN_GROUP)); /* 10 had been counted, and none was there */
    assert_int_equal(c.group[0].total, 0);
    assert_int_equal(c.group[2].total, 910);
    c.walked = true;
    c.group[1].counts.skipped = 90; /* all on hold */
    assert_true(decided(&c, CR_CAMPAIGN_GROUP));
    c.walked = true;
    assert_true(decided(&c, CR_CAMPAIGN_ENDS));
    assert_int_equal(c.state, CR_CAMPAIGN_DONE);
}

static void held_and_cancelled_ones_are_not_waited_for(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_RUNNING, true);

    (void)state;
    c.group[0].counts = (struct cr_campaign_counts){ .renewed = 8, .skipped = 1, .cancelled = 1 };
    assert_true(decided(&c, CR_CAMPAIGN_GROUP));
}

static void errors_pause_it(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_RUNNING, false);

    (void)state;
    c.group[0].counts = (struct cr_campaign_counts){ .asked = 2, .failed = 1 }; /* 1 of 10 is more than 5 % */
    assert_true(decided(&c, CR_CAMPAIGN_PAUSES));
    assert_int_equal(c.state, CR_CAMPAIGN_PAUSED);
    assert_int_equal(c.pause, CR_PAUSE_ERRORS);

    c = campaign_in(CR_CAMPAIGN_RUNNING, false);
    c.at = 2;
    c.group[2].total = 1000;
    c.group[2].counts = (struct cr_campaign_counts){ .asked = 1, .failed = 30, .unanswered = 19 };
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING));
    c.group[2].counts.unanswered++;
    assert_true(decided(&c, CR_CAMPAIGN_PAUSES));

    c = campaign_in(CR_CAMPAIGN_RUNNING, false); /* a group before that fails late */
    c.at = 2;
    c.group[0].counts = (struct cr_campaign_counts){ .renewed = 9, .failed = 1 };
    assert_true(decided(&c, CR_CAMPAIGN_PAUSES));

    c = campaign_in(CR_CAMPAIGN_RUNNING, true); /* fewer were there than had been counted */
    c.group[0].total = 40;
    c.group[0].counts = (struct cr_campaign_counts){ .asked = 9, .failed = 1 };
    assert_true(decided(&c, CR_CAMPAIGN_PAUSES));

    c = campaign_in(CR_CAMPAIGN_RUNNING, false);
    c.group[0].error_permille = 0; /* never */
    c.group[0].counts.failed = 10;
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING));
}

static void too_few_renewed_and_nobody_outstanding_pauses_it(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_RUNNING, true);

    (void)state;
    c.group[0].error_permille = 500;
    c.group[0].counts = (struct cr_campaign_counts){ .renewed = 8, .failed = 1, .asked = 1 };
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING));
    c.group[0].counts = (struct cr_campaign_counts){ .renewed = 9, .failed = 1 };
    assert_true(decided(&c, CR_CAMPAIGN_PAUSES));
    assert_int_equal(c.pause, CR_PAUSE_ERRORS);
}

static void what_was_forgiven_neither_pauses_nor_holds_up(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_RUNNING, true);

    (void)state;
    c.group[0].counts = (struct cr_campaign_counts){ .asked = 9, .failed = 1 };
    assert_true(decided(&c, CR_CAMPAIGN_PAUSES));
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING));
    assert_true(cr_campaign_resume(&c, NOW));
    assert_int_equal(c.state, CR_CAMPAIGN_RUNNING);
    assert_int_equal(c.pause, CR_PAUSE_NONE);
    assert_int_equal(c.group[0].forgiven, 1);
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING));
    c.group[0].counts = (struct cr_campaign_counts){ .asked = 8, .failed = 2 };
    assert_true(decided(&c, CR_CAMPAIGN_PAUSES)); /* another one */
    assert_true(cr_campaign_resume(&c, NOW));
    c.group[0].counts = (struct cr_campaign_counts){ .asked = 9, .failed = 1 }; /* one of them has recovered */
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING));
    c.group[0].counts = (struct cr_campaign_counts){ .renewed = 8, .failed = 2 };
    assert_true(decided(&c, CR_CAMPAIGN_GROUP));
}

static void it_is_done_when_nobody_is_outstanding(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_RUNNING, true);

    (void)state;
    c.at = 2;
    c.walked = false;
    c.group[0].counts.renewed = 10;
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING)); /* not all were asked */
    c.walked = true;
    c.deadline = NOW; /* everything is over: it did not miss it */
    c.group[2].counts = (struct cr_campaign_counts){ .renewed = 900 };
    c.group[1].counts = (struct cr_campaign_counts){ .renewed = 89, .asked = 1 };
    c.group[0].counts.renewed = 10;
    assert_true(decided(&c, CR_CAMPAIGN_PAUSES)); /* one of an earlier group is */
    assert_int_equal(c.pause, CR_PAUSE_DEADLINE);
    assert_true(cr_campaign_resume(&c, NOW));
    assert_int_equal(c.deadline, 0);
    assert_false(decided(&c, CR_CAMPAIGN_NOTHING));
    c.deadline = NOW;
    c.group[1].counts = (struct cr_campaign_counts){ .renewed = 90 };
    assert_true(decided(&c, CR_CAMPAIGN_ENDS));
}

static void a_deadline_to_come_stays(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_RUNNING, false);

    (void)state;
    c.deadline = NOW + 1;
    assert_true(cr_campaign_pause(&c));
    assert_true(cr_campaign_resume(&c, NOW));
    assert_int_equal(c.deadline, NOW + 1);
}

static void counting_walks_group_by_group(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_COUNTING, false);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        c.group[i].total = 0;
    }
    assert_false(cr_campaign_counted(&c));
    cr_campaign_page_done(&c, "3:4:meter-1/operational", 6);
    assert_int_equal(c.at, 0);
    assert_string_equal(c.cursor, "3:4:meter-1/operational");
    cr_campaign_page_done(&c, "", 4);
    assert_int_equal(c.at, 1);
    assert_string_equal(c.cursor, "");
    cr_campaign_page_done(&c, "", 100);
    assert_false(c.walked);
    cr_campaign_page_done(&c, "", 1000);
    assert_true(c.walked);
    assert_true(decided(&c, CR_CAMPAIGN_STARTED));
    assert_true(cr_campaign_counted(&c));
    assert_int_equal(c.group[0].total, 10);
    assert_int_equal(c.group[1].total, 90);
    assert_int_equal(c.group[2].total, 900);
    assert_int_equal(c.at, 0);
}

/* A tag, two shares, another tag, the rest. */
static void tags_and_shares_add_up(void **state)
{
    static const unsigned counted[] = { 30, 100, 200, 50, 1000 }, total[] = { 30, 100, 100, 50, 720 };
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_COUNTING, true);

    (void)state;
    c.group_count = 5;
    for (unsigned i = 0; i < 5; i++) {
        c.group[i].total = counted[i];
    }
    c.group[0].tag[0] = c.group[3].tag[0] = 'x';
    assert_true(decided(&c, CR_CAMPAIGN_STARTED));
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(c.group[i].total, total[i]);
    }
}

static void a_walk_that_triggers_or_cancels_stays_in_its_group(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_RUNNING, false);

    (void)state;
    cr_campaign_page_done(&c, "1:1:a/b", 10);
    assert_false(c.walked);
    cr_campaign_page_done(&c, "", 10);
    assert_true(c.walked);
    assert_int_equal(c.at, 0);
    assert_int_equal(c.group[0].total, 10);
}

static void aborted_while_it_is_counted_it_has_no_totals(void **state)
{
    struct cr_campaign c = campaign_in(CR_CAMPAIGN_COUNTING, false);

    (void)state;
    c.at = 1;
    assert_true(cr_campaign_pause(&c));
    assert_true(cr_campaign_abort(&c));
    assert_int_equal(c.at, 0);
    assert_int_equal(c.group[0].total + c.group[1].total + c.group[2].total, 0);
    cr_campaign_page_done(&c, "", 0);
    assert_true(decided(&c, CR_CAMPAIGN_ABORTS));
}

static void words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CR_CAMPAIGN_STATES; i++) {
        assert_int_equal(cr_campaign_state_parse(cr_campaign_state_text((enum cr_campaign_state)i)), i);
    }
    assert_int_equal(cr_campaign_state_parse("over"), CR_CAMPAIGN_STATES);
    assert_int_equal(cr_campaign_state_parse(""), CR_CAMPAIGN_STATES);
    assert_string_equal(cr_campaign_event_text(CR_CAMPAIGN_PAUSES), "paused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell),
        cmocka_unit_test(what_each_state_walks_for),
        cmocka_unit_test(operators_may),
        cmocka_unit_test(a_group_follows_at_its_predecessors_success),
        cmocka_unit_test(nobody_to_ask_is_a_success),
        cmocka_unit_test(held_and_cancelled_ones_are_not_waited_for),
        cmocka_unit_test(errors_pause_it),
        cmocka_unit_test(too_few_renewed_and_nobody_outstanding_pauses_it),
        cmocka_unit_test(what_was_forgiven_neither_pauses_nor_holds_up),
        cmocka_unit_test(it_is_done_when_nobody_is_outstanding),
        cmocka_unit_test(a_deadline_to_come_stays),
        cmocka_unit_test(counting_walks_group_by_group),
        cmocka_unit_test(tags_and_shares_add_up),
        cmocka_unit_test(a_walk_that_triggers_or_cancels_stays_in_its_group),
        cmocka_unit_test(aborted_while_it_is_counted_it_has_no_totals),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
