/* Devices that sleep with a session that the broker keeps, and say nothing when they are back. */
#include "plugin/loop/loop.h"
#include "tests/support/flow_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RENEW_TOPIC "$identity/v1/meter-1/operational/renew"

static void persist(struct scene *s, bool persistent)
{
    ((struct fake_client *)(uintptr_t)s->client->handle)->client.persistent = persistent;
}

/* It was here, with a session that is kept, and left. */
static void fall_asleep(struct scene *s)
{
    persist(s, true);
    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    scene_leave(s);
}

/* It connects; the broker has told nobody yet. */
static void wake_up(struct scene *s, bool persistent)
{
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 4);
    persist(s, persistent);
}

/* 2.0 bids its former session farewell. */
static void resume(struct scene *s)
{
    struct cr_client stale = *s->client;

    stale.address = NULL;
    wake_up(s, true);
    cr_router_disconnected(s->rig.router, &stale);
    cr_router_resumed(s->rig.router, &stale);
    flow_rig_pump(&s->rig);
}

static void appear(struct scene *s)
{
    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
}

static unsigned take_triggers(struct scene *s)
{
    const struct fake_publication *renew;
    unsigned count = 0;

    while ((renew = fake_host_take(&s->rig.host, "meter-1", "/renew")) != NULL) {
        assert_int_equal(renew->qos, 1);
        assert_true(renew->expiry_s > 0 && renew->expiry_s <= s->rig.setup->config.trigger_expiry_s);
        count++;
    }
    return count;
}

static struct cr_slot_record *slot_to_change(struct scene *s)
{
    return (struct cr_slot_record *)(uintptr_t)scene_slot(s);
}

static void who_slept_through_five_attempts_sees_one(void **state)
{
    struct scene *s = *state;

    fall_asleep(s);
    for (unsigned i = 0; i < 5; i++) {
        scene_trigger(s);
        scene_live(s, 60);
    }
    assert_int_equal(take_triggers(s), 1);
    wake_up(s, true);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_READ, RENEW_TOPIC), CR_ALLOW);
    flow_rig_pump(&s->rig); /* the broker delivers what it kept: that is how we notice */
    assert_int_equal(take_triggers(s), 0);
    scene_live(s, 3600);
    assert_int_equal(take_triggers(s), 0);
    scene_trigger(s); /* the next is another matter */
    assert_int_equal(take_triggers(s), 1);
}

static void another_is_queued_when_the_first_has_expired(void **state)
{
    struct scene *s = *state;

    fall_asleep(s);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 1);
    scene_live(s, s->rig.setup->config.trigger_expiry_s - 1);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 0);
    scene_live(s, 1);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 1);
}

/* What was queued is gone with the session. */
static void a_clean_session_is_told_again(void **state)
{
    struct scene *s = *state;

    fall_asleep(s);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 1);
    wake_up(s, false);
    appear(s);
    assert_int_equal(take_triggers(s), 1);
}

/* Without a session expiry, of which we hear nothing, the broker keeps no session of MQTT 5 whatever else was asked for. */
static void what_is_queued_for_mqtt_5_may_be_gone(void **state)
{
    struct scene *s = *state;

    ((struct fake_client *)(uintptr_t)s->client->handle)->client.protocol = 5;
    fall_asleep(s);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 1);
    wake_up(s, true);
    ((struct fake_client *)(uintptr_t)s->client->handle)->client.protocol = 5;
    appear(s);
    assert_int_equal(take_triggers(s), 1);
}

static void nothing_is_queued_for_a_clean_session(void **state)
{
    struct scene *s = *state;

    appear(s);
    scene_leave(s);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 0);
    wake_up(s, false);
    appear(s);
    assert_int_equal(take_triggers(s), 1);
}

/* Another broker, or nobody, triggered it; it resumes and stays silent. */
static void a_silent_resumption_is_told_what_is_outstanding(void **state)
{
    struct scene *s = *state;

    fall_asleep(s);
    slot_to_change(s)->state = CR_STATE_TRIGGERED;
    snprintf(slot_to_change(s)->renewal_id, CR_RENEWAL_ID_CAP, "5a2b0000-0000-4000-8000-000000000001");
    slot_to_change(s)->reason = CR_RENEW_EXPIRY;
    slot_to_change(s)->attempt = 1;
    slot_to_change(s)->deadline = s->rig.clock.wall_s + DAY_S;
    resume(s);
    assert_int_equal(take_triggers(s), 1);
    appear(s); /* and then it does something */
    assert_int_equal(take_triggers(s), 0);
}

static void what_another_broker_did_is_queued(void **state)
{
    struct scene *s = *state;

    fall_asleep(s);
    loop_dormant_pushed(s->rig.router, "meter-1");
    loop_dormant_pushed(s->rig.router, "meter-2");
    flow_rig_pump(&s->rig);
    assert_int_equal(fake_host_left(&s->rig.host), 0); /* there is nothing */
    slot_to_change(s)->state = CR_STATE_TRIGGERED;
    slot_to_change(s)->deadline = s->rig.clock.wall_s + DAY_S;
    slot_to_change(s)->attempt = 1;
    slot_to_change(s)->reason = CR_RENEW_EXPIRY;
    snprintf(slot_to_change(s)->renewal_id, CR_RENEWAL_ID_CAP, "5a2b0000-0000-4000-8000-000000000001");
    for (unsigned i = 0; i < 3; i++) {
        loop_dormant_pushed(s->rig.router, "meter-1");
        flow_rig_pump(&s->rig);
    }
    assert_int_equal(take_triggers(s), 1);
}

static void nothing_outstanding_nothing_said(void **state)
{
    struct scene *s = *state;

    fall_asleep(s);
    resume(s);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

/* SIGHUP makes 2.0 bid farewell to those that are still away, again and again. */
static void farewells_to_those_still_away_queue_one(void **state)
{
    struct scene *s = *state;
    struct cr_client stale;

    fall_asleep(s);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 1);
    stale = *s->client;
    for (unsigned i = 0; i < 5; i++) {
        cr_router_resumed(s->rig.router, &stale);
        flow_rig_pump(&s->rig);
    }
    assert_int_equal(take_triggers(s), 0);
}

/* I10: a client id proves nothing, so no certificate goes to one. */
static void a_certificate_is_never_queued(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *pending;

    persist(s, true);
    cr_router_connected(s->rig.router, s->client);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
    scene_leave(s);
    loop_dormant_pushed(s->rig.router, "meter-1");
    flow_rig_pump(&s->rig);
    assert_int_equal(fake_host_left(&s->rig.host), 0); /* there is no sign that it is back */
    resume(s);
    for (unsigned i = 0; i < 3; i++) { /* it was not back after all */
        cr_router_resumed(s->rig.router, s->client);
        flow_rig_pump(&s->rig);
    }
    assert_null(fake_host_take(&s->rig.host, NULL, "/certificate"));
    pending = fake_host_take(&s->rig.host, "meter-1", "/pending"); /* so that it speaks */
    assert_non_null(pending);
    assert_non_null(strstr((const char *)pending->payload.data, scene_slot(s)->renewal_id));
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    appear(s);
    take_certificate(s);
}

static void a_renewal_that_is_held_or_put_off_is_not_queued(void **state)
{
    struct scene *s = *state;
    struct cr_slot_record record;

    fall_asleep(s);
    record = *scene_slot(s);
    assert_false(loop_dormant_trigger(s->rig.router, "meter-1", &record)); /* quiet */
    record.state = CR_STATE_TRIGGERED;
    record.held = true;
    assert_false(loop_dormant_trigger(s->rig.router, "meter-1", &record));
    record.held = false;
    record.retry_at = s->rig.clock.wall_s + 1;
    assert_false(loop_dormant_trigger(s->rig.router, "meter-1", &record));
    assert_false(loop_dormant_trigger(s->rig.router, "meter-2", &record));
    record.retry_at = 0;
    assert_true(loop_dormant_trigger(s->rig.router, "meter-1", &record));
    assert_int_equal(take_triggers(s), 1);
    wake_up(s, true);
    appear(s);
    record.attempt++;
    assert_false(loop_dormant_trigger(s->rig.router, "meter-1", &record)); /* it is here */
}

/* I12: a store that does not answer holds nobody up, and nothing is lost by it. */
static void a_stalled_store_loses_no_sleeper(void **state)
{
    struct scene *s = *state;

    fall_asleep(s);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 1);
    scene_live(s, s->rig.setup->config.trigger_expiry_s);
    fake_store_fault(s->rig.store, FAKE_STORE_STALLED);
    resume(s);
    assert_int_equal(take_triggers(s), 0);
    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    flow_rig_pump(&s->rig);
    assert_int_equal(take_triggers(s), 1);
}

/* The broker has given the session that it kept to whoever came under its client id. */
static void what_is_for_a_sleeper_does_not_go_to_whoever_has_its_client_id(void **state)
{
    struct scene *s = *state;
    struct cr_blob cert = rig_certify(&s->rig, &s->next, "meter-2", 90 * DAY_S);
    const struct cr_client *other, *nobody;

    fall_asleep(s);
    other = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&cert), 4);
    cr_router_connected(s->rig.router, other);
    flow_rig_pump(&s->rig);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 0);
    fake_host_offline(&s->rig.host, other);
    cr_router_disconnected(s->rig.router, other);
    wake_up(s, true); /* it is told when it is back */
    appear(s);
    assert_int_equal(take_triggers(s), 1);
    scene_leave(s);

    nobody = fake_host_connect(&s->rig.host, "meter-1", (struct cr_bytes){ NULL, 0 }, 4);
    cr_router_connected(s->rig.router, nobody);
    scene_trigger(s);
    assert_int_equal(take_triggers(s), 0);
    cr_blob_fini(&cert);
}

#define WITH_WINDOW(test) cmocka_unit_test_setup_teardown(test, scene_start_in_window, scene_stop)
#define WITH_ANY_TIME(test) cmocka_unit_test_setup_teardown(test, scene_start_any_time, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WINDOW(who_slept_through_five_attempts_sees_one),
        WITH_WINDOW(another_is_queued_when_the_first_has_expired),
        WITH_WINDOW(a_clean_session_is_told_again),
        WITH_WINDOW(what_is_queued_for_mqtt_5_may_be_gone),
        WITH_WINDOW(nothing_is_queued_for_a_clean_session),
        WITH_WINDOW(a_silent_resumption_is_told_what_is_outstanding),
        WITH_WINDOW(what_another_broker_did_is_queued),
        WITH_WINDOW(nothing_outstanding_nothing_said),
        WITH_WINDOW(farewells_to_those_still_away_queue_one),
        WITH_ANY_TIME(a_certificate_is_never_queued),
        WITH_WINDOW(a_renewal_that_is_held_or_put_off_is_not_queued),
        WITH_WINDOW(a_stalled_store_loses_no_sleeper),
        WITH_WINDOW(what_is_for_a_sleeper_does_not_go_to_whoever_has_its_client_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
