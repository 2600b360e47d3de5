/* Devices that appear, many at once and one for long: whose renewal begins when, what is sent once, and who is shown out. */
#include "plugin/loop/loop.h"
#include "tests/support/flow_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SLOW_BEGIN "trigger_rate 5\nmax_in_flight 16\nadmin_identity boss\nslot operational\n"

enum { FLEET = 20 };

/* ---- many at once ---- */

struct fleet {
    char id[FLEET][16];
    struct rig_key key[FLEET];
    struct cr_blob cert[FLEET];
    const struct cr_client *client[FLEET];
};

/* All of them due, or none. */
static void fleet_make(struct scene *s, struct fleet *fleet, bool due)
{
    for (unsigned i = 0; i < FLEET; i++) {
        snprintf(fleet->id[i], sizeof fleet->id[i], "%s-%u", due ? "due" : "early", i);
        rig_key_make(&fleet->key[i]);
        fleet->cert[i] = rig_certify(&s->rig, &fleet->key[i], fleet->id[i], due ? 7200 : 90 * DAY_S);
        fleet->client[i] = fake_host_connect(&s->rig.host, fleet->id[i], cr_blob_view(&fleet->cert[i]), 4);
    }
}

static void fleet_appear(struct scene *s, const struct fleet *fleet)
{
    for (unsigned i = 0; i < FLEET; i++) {
        cr_router_connected(s->rig.router, fleet->client[i]);
    }
}

static void fleet_free(struct fleet *fleet)
{
    for (unsigned i = 0; i < FLEET; i++) {
        rig_key_free(&fleet->key[i]);
        cr_blob_fini(&fleet->cert[i]);
    }
}

static unsigned take_all_triggers(struct scene *s)
{
    unsigned count = 0;

    while (fake_host_take(&s->rig.host, NULL, "/renew") != NULL) {
        count++;
    }
    return count;
}

static int start_slow(void **state)
{
    return scene_start_with(state, SLOW_BEGIN);
}

/* Certificates of 2 hours, nearly over: due at once whatever the spread. The scheduler may begin as many beside. */
static void who_appears_at_once_begins_one_after_the_other(void **state)
{
    struct scene *s = *state;
    struct fleet fleet;
    unsigned begun, total;

    fleet_make(s, &fleet, true);
    flow_rig_pass(&s->rig, 3000);
    flow_rig_pump(&s->rig); /* the scheduler has just looked, and found nobody */
    fleet_appear(s, &fleet);
    flow_rig_pump(&s->rig);
    total = begun = take_all_triggers(s);
    assert_int_equal(begun, 5);
    for (unsigned second = 1; second <= 3 && total < FLEET; second++) {
        scene_live(s, 1);
        begun = take_all_triggers(s);
        total += begun;
        assert_in_range(begun, total < FLEET ? 5 : 1, 10);
    }
    scene_live(s, 300);
    assert_int_equal(total + take_all_triggers(s), FLEET); /* everybody was asked, once */
    fleet_free(&fleet);
}

static void first_come_first_served(void **state)
{
    struct scene *s = *state;
    struct cr_blob cert = rig_certify(&s->rig, &s->key, "meter-1", 7200);
    const struct cr_client *late;
    struct fleet fleet;

    fleet_make(s, &fleet, true);
    flow_rig_pass(&s->rig, 3000);
    flow_rig_pump(&s->rig); /* the scheduler has just looked, and found nobody */
    fleet_appear(s, &fleet);
    flow_rig_pump(&s->rig);
    assert_int_equal(take_all_triggers(s), 5);
    flow_rig_pass(&s->rig, 1); /* there is room again, and a newcomer is the first to see it */
    late = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&cert), 4);
    cr_router_connected(s->rig.router, late);
    flow_rig_pump(&s->rig);
    flow_rig_pump(&s->rig);
    assert_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    assert_in_range(take_all_triggers(s), 5, 10);
    scene_live(s, 4);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    fleet_free(&fleet);
    cr_blob_fini(&cert);
}

static void who_is_not_due_takes_nobodys_turn(void **state)
{
    struct scene *s = *state;
    struct fleet early, due;

    fleet_make(s, &early, false);
    fleet_make(s, &due, true);
    flow_rig_pass(&s->rig, 3000);
    flow_rig_pump(&s->rig); /* the scheduler has just looked, and found nobody */
    fleet_appear(s, &early);
    flow_rig_pump(&s->rig);
    assert_int_equal(take_all_triggers(s), 0);
    fleet_appear(s, &due);
    flow_rig_pump(&s->rig);
    assert_int_equal(take_all_triggers(s), 5);
    fleet_free(&early);
    fleet_free(&due);
}

/* What one has to wait for is nothing to the next: neither who is about to ask, nor who finds too much under way. */
static void who_waits_longer_does_not_hold_up_others(void **state)
{
    struct scene *s = *state;
    struct cr_blob cert = rig_certify(&s->rig, &s->key, "meter-1", 7200);
    const struct cr_client *asking;
    struct fleet fleet;

    fleet_make(s, &fleet, true);
    flow_rig_pass(&s->rig, 3000);
    flow_rig_pump(&s->rig);
    asking = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&cert), 4);
    assert_int_equal(cr_router_access(s->rig.router, asking, CR_ACCESS_SUBSCRIBE, "$identity/v1/meter-1/operational/certificate"),
                     CR_ALLOW);
    flow_rig_pump(&s->rig);
    assert_int_equal(take_all_triggers(s), 0); /* it is given a second to ask by itself */
    fleet_appear(s, &fleet);                   /* more than can be under way */
    flow_rig_pump(&s->rig);
    s->rig.clock.mono_ms += 500;
    flow_rig_pump(&s->rig);
    flow_rig_pump(&s->rig);
    for (unsigned i = 0; i < FLEET; i++) {
        char request[120];
        snprintf(request, sizeof request, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"%s\"}]}", fleet.id[i]);
        assert_non_null(strstr(rig_command(&s->rig, s->boss, request), "\"data\":{"));
    }
    cr_blob_fini(&cert);
    fleet_free(&fleet);
}

static void a_device_that_leaves_gives_up_its_turn(void **state)
{
    struct scene *s = *state;
    struct fleet fleet;

    fleet_make(s, &fleet, true);
    flow_rig_pass(&s->rig, 3000);
    flow_rig_pump(&s->rig); /* the scheduler has just looked, and found nobody */
    fleet_appear(s, &fleet);
    flow_rig_pump(&s->rig);
    assert_int_equal(take_all_triggers(s), 5);
    for (unsigned i = 0; i < FLEET; i++) {
        fake_host_offline(&s->rig.host, fleet.client[i]);
        cr_router_disconnected(s->rig.router, fleet.client[i]);
    }
    scene_live(s, 10);
    assert_int_equal(take_all_triggers(s), 0);
    fleet_free(&fleet);
}

/* Where the store is slow, nothing new is begun. */
static void nothing_begins_while_much_is_under_way(void **state)
{
    struct scene *s = *state;
    struct fleet fleet;
    unsigned at_once;

    flow_rig_reload(&s->rig, "trigger_rate 1000\nmax_in_flight 16\nadmin_identity boss\nslot operational\n");
    flow_rig_pass(&s->rig, 10);
    fleet_make(s, &fleet, true);
    flow_rig_pass(&s->rig, 3000);
    fake_store_fault(s->rig.store, FAKE_STORE_STALLED);
    fleet_appear(s, &fleet);
    flow_rig_pump(&s->rig);
    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    (void)fake_store_pump(s->rig.store);
    (void)cr_router_tick(s->rig.router);
    at_once = take_all_triggers(s);
    assert_in_range(at_once, 8, 9); /* half of 16 */
    scene_live(s, 3);
    assert_int_equal(at_once + take_all_triggers(s), FLEET);
    fleet_free(&fleet);
}

/* ---- once ---- */

static void an_attempt_is_sent_to_a_connection_once(void **state)
{
    struct scene *s = *state;

    reconnect(s, cr_blob_view(&s->cert));
    scene_trigger(s);
    assert_int_equal(take_all_triggers(s), 1);
    for (unsigned i = 0; i < 5; i++) {
        loop_notice(s->rig.router, s->client)->look_again_s = s->rig.clock.wall_s;
        scene_live(s, 150);
    }
    assert_int_equal(take_all_triggers(s), 0);
    scene_trigger(s); /* another attempt */
    assert_int_equal(take_all_triggers(s), 1);
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text("")); /* who asks is told */
    assert_int_equal(take_all_triggers(s), 1);
    assert_int_equal(loop_deliver(s->rig.router, "meter-1", scene_slot(s)), 0); /* another broker says the same */
    reconnect(s, cr_blob_view(&s->cert)); /* another connection */
    assert_int_equal(take_all_triggers(s), 1);
}

static struct cr_slot_record *slot_to_change(struct scene *s)
{
    return (struct cr_slot_record *)(uintptr_t)scene_slot(s);
}

static void who_failed_is_left_alone_for_a_while(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *status;
    char when[CR_TIME_TEXT];

    reconnect(s, cr_blob_view(&s->cert));
    scene_trigger(s);
    assert_int_equal(take_all_triggers(s), 1);
    slot_to_change(s)->retry_at = s->rig.clock.wall_s + 3600;
    reconnect(s, cr_blob_view(&s->cert));
    assert_int_equal(take_all_triggers(s), 0);
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    assert_int_equal(take_all_triggers(s), 0);
    status = fake_host_take(&s->rig.host, "meter-1", "/status");
    assert_non_null(status);
    cr_time_text(when, scene_slot(s)->retry_at);
    assert_non_null(strstr((const char *)status->payload.data, when));
    scene_live(s, 3500);
    assert_int_equal(take_all_triggers(s), 0);
    scene_live(s, 300); /* it stayed connected */
    assert_in_range(take_all_triggers(s), 1, 2); /* the next attempt may be due, too */
}

/* ---- shown out ---- */

static void an_outdated_certificate_is_shown_out(void **state)
{
    struct scene *s = *state;

    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, GET_TOPIC), CR_ALLOW);
    fake_store_refuse_next(s->rig.store, CR_REFUSAL_CERTIFICATE_OUTDATED);
    flow_rig_pump(&s->rig);
    assert_int_equal(s->rig.host.kicks, 1);
    assert_string_equal(s->rig.host.last_kick, "meter-1");
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, GET_TOPIC), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "some/topic"), CR_DENY);
    assert_non_null(fake_host_take(&s->rig.host, NULL, "/event/security"));
    flow_rig_reload(&s->rig, IN_WINDOW); /* nor does a reload give it another try */
    scene_live(s, 300);
    assert_int_equal(s->rig.host.kicks, 1);
}

static void nobody_is_shown_out_twice(void **state)
{
    struct scene *s = *state;
    struct cr_session *session;

    cr_router_connected(s->rig.router, s->client);
    session = loop_notice(s->rig.router, s->client);
    loop_close(s->rig.router, session, "for one reason");
    loop_close(s->rig.router, session, "for another");
    flow_rig_pump(&s->rig);
    loop_close(s->rig.router, session, "again");
    scene_live(s, 10);
    assert_int_equal(s->rig.host.kicks, 1);
}

static void a_store_that_is_away_shows_nobody_out(void **state)
{
    struct scene *s = *state;

    fake_store_fault(s->rig.store, FAKE_STORE_DOWN);
    reconnect(s, cr_blob_view(&s->cert));
    scene_live(s, 30);
    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    scene_live(s, 30);
    assert_int_equal(s->rig.host.kicks, 0);
    assert_non_null(scene_slot(s));
}

/* Its record is damaged; somebody may repair it. */
static void who_cannot_be_presented_keeps_nobody_waiting(void **state)
{
    struct scene *s = *state;
    struct cr_blob cert = rig_certify(&s->rig, &s->next, "meter-2", 90 * DAY_S);
    const struct cr_client *damaged = fake_host_connect(&s->rig.host, "meter-2", cr_blob_view(&cert), 4);
    struct cr_session *session;

    reconnect(s, cr_blob_view(&s->cert));
    fake_store_refuse_next(s->rig.store, CR_REFUSAL_INTERNAL);
    cr_router_connected(s->rig.router, damaged);
    flow_rig_pump(&s->rig);
    session = loop_notice(s->rig.router, damaged);
    assert_false(session->presented);

    slot_to_change(s)->due = s->rig.clock.wall_s;
    scene_live(s, 10); /* the scheduler begins it; then the device is presented again, and told */
    assert_int_equal(take_all_triggers(s), 1);
    assert_false(session->presented);
    for (unsigned i = 0; i < 600; i++) { /* clients that come and go wake the broker meanwhile */
        flow_rig_pass(&s->rig, 1);
        flow_rig_pump(&s->rig);
    }
    assert_true(session->presented);
    cr_blob_fini(&cert);
}

#define WITH(start, test) cmocka_unit_test_setup_teardown(test, start, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(start_slow, who_appears_at_once_begins_one_after_the_other),
        WITH(start_slow, first_come_first_served),
        WITH(start_slow, who_is_not_due_takes_nobodys_turn),
        WITH(start_slow, who_waits_longer_does_not_hold_up_others),
        WITH(start_slow, a_device_that_leaves_gives_up_its_turn),
        WITH(start_slow, nothing_begins_while_much_is_under_way),
        WITH(scene_start_in_window, an_attempt_is_sent_to_a_connection_once),
        WITH(scene_start_in_window, who_failed_is_left_alone_for_a_while),
        WITH(scene_start_in_window, an_outdated_certificate_is_shown_out),
        WITH(scene_start_in_window, nobody_is_shown_out_twice),
        WITH(scene_start_in_window, a_store_that_is_away_shows_nobody_out),
        WITH(scene_start_in_window, who_cannot_be_presented_keeps_nobody_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
