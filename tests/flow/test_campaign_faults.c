/* Campaigns and what befalls their brokers: restarts, deaths, company, a store that is away, a clock that jumps. */
#include "plugin/loop/campaign_run.h"
#include "tests/flow/campaign_fleet.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_broker_restarts_in_the_middle(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];
    unsigned asked;

    fleet_add(f, 100);
    fleet_create(f, id, "\"rate\":10");
    fleet_live(f, 5);
    asked = fleet_triggers(f);
    assert_in_range(asked, 10, 60);
    cr_router_tick(f->rig[0].router);
    fleet_kill(f, 0);
    fleet_broker(f, 0, "");
    fleet_live(f, 15);
    assert_int_equal(fleet_triggers(f), 100);
    assert_int_equal(fleet_number(f, id, "asked"), 100);
    (void)fleet_renew_all(f);
    fleet_live(f, 8);
    assert_string_equal(fleet_state(f, id), "done");
}

static void two_brokers_trigger_each_device_once(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];

    fleet_broker(f, 1, "");
    fleet_add(f, 120);
    fleet_create(f, id, "\"rate\":10");
    fleet_live(f, 5);
    fleet_kill(f, 0);
    fleet_live(f, 5); /* its claim still holds */
    assert_in_range(fleet_triggers(f), 10, 60);
    fleet_live(f, 40);
    assert_int_equal(fleet_triggers(f), 120);
    (void)fleet_renew_all(f);
    fleet_live(f, 8);
    assert_string_equal(fleet_state(f, id), "done");
    fleet_expect_event(f, 1, "done");
}

/* It stands still between finding a page and asking for its renewals, for longer than it may be silent; meanwhile an
 * operator aborts the campaign at another broker, which sees to that. */
static void a_runner_that_stood_still_asks_for_nothing_more(void **state)
{
    struct fleet *f = *state;
    struct flow_rig *frozen = &f->rig[0];
    char id[CR_CAMPAIGN_ID_CAP];
    unsigned listed, asked;

    fleet_add(f, 200);
    fleet_create(f, id, "\"rate\":10");
    fleet_live(f, 5);
    asked = fleet_triggers(f);
    assert_in_range(asked, 10, 60);
    listed = cr_queue_len(frozen->pipeline.completions);
    for (unsigned i = 0; i < 8 && listed < 1; i++) { /* until the page is found: it reads the campaign before */
        flow_rig_pass(frozen, i == 0);
        cr_router_tick(frozen->router);
        (void)fake_store_pump(frozen->store);
        listed = f->rig[0].router->campaigns->runs->step == CR_RUN_LISTING;
    }
    assert_int_equal(listed, 1);
    assert_int_equal(fleet_triggers(f), asked);

    fleet_broker(f, 1, "");
    f->runs[0] = false;
    fleet_steer(f, 1, "abort", id);
    fleet_live(f, 30);
    assert_int_equal(fleet_ledger_campaign(f, id)->state, CR_CAMPAIGN_ABORTED);
    assert_int_equal(fleet_triggers(f), asked);

    f->runs[0] = true;
    flow_rig_pass(frozen, 40);
    flow_rig_pump(frozen);
    fleet_live(f, 10);
    assert_int_equal(fleet_triggers(f), asked);
    assert_int_equal(fleet_number(f, id, "asked"), 0);
}

static void its_runner_keeps_it_while_devices_answer(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];

    fleet_broker(f, 1, "");
    fleet_add(f, 20);
    fleet_create(f, id, "");
    fleet_live(f, 3);
    for (unsigned i = 0; i < 40; i++) {
        const struct cr_campaign *c = fleet_ledger_campaign(f, id);

        assert_string_equal(c->runner, "first");
        assert_true(c->runner_until > f->now_s);
        fleet_live(f, 1);
    }
}

static void another_brokers_operator_is_obeyed(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];
    unsigned asked;

    fleet_broker(f, 1, "");
    fleet_add(f, 100);
    fleet_create(f, id, "\"rate\":5");
    fleet_live(f, 5);
    fleet_steer(f, 1, "pause", id);
    asked = fleet_triggers(f);
    fleet_live(f, 10);
    assert_in_range(fleet_triggers(f), asked, asked + 5);
    fleet_steer(f, 1, "resume", id);
    fleet_live(f, 5);
    assert_true(fleet_triggers(f) > asked + 10);
    fleet_steer(f, 1, "abort", id);
    fleet_live(f, 25);
    assert_string_equal(fleet_state(f, id), "aborted");
}

static void the_store_is_away_in_the_middle(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];
    unsigned asked;

    fleet_add(f, 100);
    fleet_create(f, id, "\"rate\":10");
    fleet_live(f, 3);
    fake_store_fault(f->rig[0].store, FAKE_STORE_DOWN);
    asked = fleet_triggers(f);
    fleet_live(f, 10);
    assert_int_equal(fleet_triggers(f), asked);
    fake_store_fault(f->rig[0].store, FAKE_STORE_WELL);
    fleet_live(f, 3);
    for (unsigned i = 0; i < 10; i++) { /* answers get lost, whatever they answer */
        fake_store_lose_next(f->rig[0].store, i);
        fleet_live(f, 3);
    }
    fleet_live(f, 10);
    assert_int_equal(fleet_triggers(f), 100);
    assert_int_equal(fleet_number(f, id, "asked"), 100);
    (void)fleet_renew_all(f);
    fleet_live(f, 8);
    assert_string_equal(fleet_state(f, id), "done");
}

/* Their page is repeated. */
static void triggers_that_failed_are_made_later(void **state)
{
    struct fleet *f = *state;
    struct cr_store_health health;
    char id[CR_CAMPAIGN_ID_CAP];
    unsigned failed = 0;

    fleet_add(f, 60);
    fleet_create(f, id, "\"rate\":20");
    while (failed < 3) {
        f->now_s++;
        flow_rig_pass(&f->rig[0], 1);
        cr_router_tick(f->rig[0].router);
        do {
            cr_store_health_get(f->rig[0].store, &health);
            if (health.in_flight >= 10) { /* a page */
                fake_store_fail_next(f->rig[0].store, 7);
                failed++;
            }
        } while (fake_store_pump(f->rig[0].store) > 0 && cr_router_tick(f->rig[0].router) > 0);
    }
    fleet_live(f, 15);
    assert_int_equal(fleet_triggers(f), 60);
    assert_int_equal(fleet_number(f, id, "asked"), 60);
}

static void nothing_begins_while_the_clock_is_odd(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];
    unsigned asked;

    fleet_add(f, 100);
    fleet_create(f, id, "\"rate\":10");
    fleet_live(f, 3);
    asked = fleet_triggers(f);
    f->rig[0].clock.wall_s -= 3600;
    fleet_live(f, 20);
    assert_int_equal(fleet_triggers(f), asked);
    fleet_live(f, 60);
    assert_true(fleet_triggers(f) > asked);
}

/* One of the things that happen. */
static void misfortune(struct fleet *f, const char *id, unsigned dice)
{
    unsigned broker = dice / 16 % 2, device = dice / 32 % f->count;
    char text[128];

    if (!f->runs[broker]) {
        fleet_broker(f, broker, "");
        return;
    }
    switch (dice % 16) {
    case 0:
        fake_store_lose_next(f->rig[broker].store, dice / 32 % 13);
        break;
    case 1:
        fake_store_fail_next(f->rig[broker].store, dice / 32 % 13);
        break;
    case 2:
        if (f->runs[1 - broker]) {
            cr_router_tick(f->rig[broker].router);
            fleet_kill(f, broker);
        }
        break;
    case 3:
    case 4:
        snprintf(text, sizeof text, "\"command\":\"%sCampaign\",\"campaign\":\"%s\"",
                 dice % 16 == 3 ? "pause" : "resume", id);
        (void)fleet_tried(f, broker, text);
        break;
    case 5:
        fake_store_fault(f->rig[broker].store, dice / 32 % 3 == 0 ? FAKE_STORE_DOWN : FAKE_STORE_WELL);
        break;
    case 6:
        if (fleet_slot(f, device)->state == CR_STATE_TRIGGERED) {
            fleet_fail(f, device);
        }
        break;
    default:
        if (fleet_slot(f, device)->state == CR_STATE_TRIGGERED) {
            fleet_renew(f, device);
        }
        break;
    }
}

static void whatever_befalls_it_each_device_is_asked_once(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP], text[128];
    uint32_t random = 1;

    fleet_broker(f, 1, "");
    fleet_add(f, 150);
    fleet_create(f, id, "\"rate\":3,\"groups\":[{\"share\":\"10%\"},{\"share\":\"30%\"},{}]");
    for (unsigned i = 0; i < 400; i++) {
        random = random * 1664525 + 1013904223;
        misfortune(f, id, random >> 8);
        fleet_live(f, 1);
        (void)fleet_triggers(f);
    }
    for (unsigned i = 0; i < FLEET_BROKERS; i++) {
        if (f->runs[i]) {
            fake_store_fault(f->rig[i].store, FAKE_STORE_WELL);
            fake_store_fail_next(f->rig[i].store, 0);
            fake_store_lose_next(f->rig[i].store, 0);
        }
    }
    snprintf(text, sizeof text, "\"command\":\"resumeCampaign\",\"campaign\":\"%s\"", id);
    for (unsigned i = 0; i < 40 && strcmp(fleet_state(f, id), "done") != 0; i++) {
        (void)fleet_tried(f, f->runs[0] ? 0 : 1, text);
        (void)fleet_renew_all(f);
        fleet_live(f, 10);
    }
    assert_string_equal(fleet_state(f, id), "done");
    (void)fleet_renew_all(f);
    assert_int_equal(fleet_triggers(f), 150);
    assert_int_equal(fleet_number(f, id, "renewed"), 150);
    assert_int_equal(fleet_number(f, id, "total"), 150);
}

int main(void)
{
#define FLEET_TEST(test) cmocka_unit_test_setup_teardown(test, fleet_start, fleet_stop)
    const struct CMUnitTest tests[] = {
        FLEET_TEST(a_broker_restarts_in_the_middle),
        FLEET_TEST(two_brokers_trigger_each_device_once),
        FLEET_TEST(a_runner_that_stood_still_asks_for_nothing_more),
        FLEET_TEST(its_runner_keeps_it_while_devices_answer),
        FLEET_TEST(another_brokers_operator_is_obeyed),
        FLEET_TEST(the_store_is_away_in_the_middle),
        FLEET_TEST(triggers_that_failed_are_made_later),
        FLEET_TEST(nothing_begins_while_the_clock_is_odd),
        FLEET_TEST(whatever_befalls_it_each_device_is_asked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
