/* Cutover and expiry: who stays on a connection that outlives its certificate, or should have come back with another. */
#include "tests/support/flow_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TWO_SLOTS                                                                                                 \
    "cutover_ask 5m\ncutover_close 15m\nadmin_identity boss\nslot operational\nrequest_timing any\n"                \
    "slot data\nrequest_timing any\n"

static unsigned take_all_triggers(struct scene *s)
{
    unsigned count = 0;

    while (fake_host_take(&s->rig.host, NULL, "/renew") != NULL) {
        count++;
    }
    return count;
}

static struct cr_slot_record *slot_to_change(struct scene *s, const char *slot)
{
    return (struct cr_slot_record *)(uintptr_t)fake_ledger_slot(fake_store_ledger(s->rig.store), "meter-1", slot);
}

static void get_certificate(struct scene *s)
{
    cr_router_connected(s->rig.router, s->client);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
}

static int start_two_slots(void **state)
{
    return scene_start_with(state, TWO_SLOTS);
}

static void who_stays_on_the_old_certificate_is_asked_then_closed(void **state)
{
    struct scene *s = *state;

    get_certificate(s);
    scene_live(s, 290);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    scene_live(s, 20);
    take_certificate(s); /* once more */
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    scene_live(s, 580);
    assert_int_equal(s->rig.host.kicks, 0);
    scene_live(s, 20);
    assert_int_equal(s->rig.host.kicks, 1);
    assert_string_equal(s->rig.host.last_kick, "meter-1");
    scene_live(s, 3600);
    assert_int_equal(s->rig.host.kicks, 1); /* once for a session */
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

static void who_changes_over_is_left_alone(void **state)
{
    struct scene *s = *state;
    struct cr_bytes view;
    struct cr_blob leaf;

    cr_router_connected(s->rig.router, s->client);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    view = leaf_of(take_certificate(s));
    assert_int_equal(cr_blob_copy(&leaf, view.data, view.len), CR_OK);
    reconnect(s, cr_blob_view(&leaf));
    scene_live(s, 3600);
    assert_int_equal(s->rig.host.kicks, 0);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    cr_blob_fini(&leaf);
}

static void its_other_connections_are_to_follow(void **state)
{
    struct scene *s = *state;
    const struct cr_client *other = fake_host_connect(&s->rig.host, "meter-1-too", cr_blob_view(&s->cert), 5);
    struct cr_bytes view;
    struct cr_blob leaf;

    cr_router_connected(s->rig.router, other);
    cr_router_connected(s->rig.router, s->client);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    view = leaf_of(take_certificate(s));
    assert_int_equal(cr_blob_copy(&leaf, view.data, view.len), CR_OK);
    reconnect(s, cr_blob_view(&leaf));
    scene_live(s, 890);
    assert_int_equal(s->rig.host.kicks, 0);
    scene_live(s, 20);
    assert_int_equal(s->rig.host.kicks, 1);
    assert_string_equal(s->rig.host.last_kick, "meter-1-too");
    cr_blob_fini(&leaf);
}

static void who_failed_to_install_it_is_not_closed(void **state)
{
    struct scene *s = *state;
    char report[200];

    get_certificate(s);
    snprintf(report, sizeof report, "{\"renewalId\":\"%s\",\"outcome\":\"failed\"}", scene_slot(s)->renewal_id);
    rig_publish(&s->rig, s->client, REPORT_TOPIC, rig_text(report));
    scene_live(s, 3600);
    assert_int_equal(s->rig.host.kicks, 0);
}

static void nobody_is_closed_in_the_middle_of_something(void **state)
{
    struct scene *s = *state;
    struct rig_key key;
    struct cr_blob csr;

    rig_key_make(&key);
    csr = rig_csr(&key, "meter-1");
    get_certificate(s);
    scene_live(s, 880);
    /* a certificate for another slot, whose trigger it has, and whose recording is still under way */
    rig_publish(&s->rig, s->client, "$identity/v1/meter-1/data/csr", cr_blob_view(&csr));
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/data/certificate"));
    rig_command(&s->rig, s->boss,
                "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\",\"slot\":\"data\"}]}");
    slot_to_change(s, "data")->state = CR_STATE_ISSUING;
    scene_live(s, 600);
    assert_int_equal(s->rig.host.kicks, 0);
    slot_to_change(s, "data")->state = CR_STATE_QUIET;
    scene_live(s, 100);
    assert_int_equal(s->rig.host.kicks, 1);
    rig_key_free(&key);
    cr_blob_fini(&csr);
}

static void a_host_that_is_busy_closes_it_later(void **state)
{
    struct scene *s = *state;

    get_certificate(s);
    s->rig.host.kick_full = true;
    scene_live(s, 1000);
    assert_int_equal(s->rig.host.kicks, 0);
    s->rig.host.kick_full = false;
    scene_live(s, 1);
    assert_int_equal(s->rig.host.kicks, 1);
}

static void after_a_restart_of_the_broker_it_is_the_same(void **state)
{
    struct scene *s = *state;

    get_certificate(s);
    reconnect(s, cr_blob_view(&s->cert)); /* to this one it is new */
    take_certificate(s);
    scene_live(s, 1000);
    assert_int_equal(s->rig.host.kicks, 1);
}

/* ---- certificates that run out ---- */

/* meter-1 with a certificate for two hours, its renewal triggered long ago and not answered. */
static void connect_for_two_hours(struct scene *s)
{
    struct cr_blob cert = rig_certify(&s->rig, &s->key, "meter-1", 3600 + 7200);

    reconnect(s, cr_blob_view(&cert));
    cr_blob_fini(&cert);
}

static void a_certificate_that_runs_out_gets_a_last_chance(void **state)
{
    struct scene *s = *state;

    connect_for_two_hours(s);
    assert_int_equal(take_all_triggers(s), 0);
    scene_live(s, 7200 - 1080 - 60); /* a tenth of three hours before its end */
    assert_int_equal(take_all_triggers(s), 1); /* when it was due */
    scene_live(s, 120);
    assert_int_equal(take_all_triggers(s), 1); /* once more, though nothing is new */
    scene_live(s, 1020);
    assert_int_equal(s->rig.host.kicks, 0); /* it is valid up to and with its last second */
    scene_live(s, 2);
    assert_int_equal(s->rig.host.kicks, 1);
    assert_int_equal(take_all_triggers(s), 0);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_DENY);
    scene_live(s, 300);
    assert_int_equal(s->rig.host.kicks, 1);
}

static void what_is_under_way_at_the_end_is_brought_to_it(void **state)
{
    struct scene *s = *state;
    struct cr_request_properties properties = { .user_properties = 0 };

    connect_for_two_hours(s);
    scene_live(s, 7190);
    take_all_triggers(s);
    fake_store_fault(s->rig.store, FAKE_STORE_STALLED);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
    cr_router_message(s->rig.router, s->client, CSR_TOPIC, cr_blob_view(&s->csr), &properties);
    flow_rig_pump(&s->rig);
    scene_live(s, 40);
    assert_int_equal(s->rig.host.kicks, 0);
    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    flow_rig_pump(&s->rig);
    take_certificate(s);
    scene_live(s, 2);
    assert_int_equal(s->rig.host.kicks, 1);
}

static void but_not_for_ever(void **state)
{
    struct scene *s = *state;
    struct cr_request_properties properties = { .user_properties = 0 };

    connect_for_two_hours(s);
    scene_live(s, 7190);
    fake_store_fault(s->rig.store, FAKE_STORE_STALLED);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
    cr_router_message(s->rig.router, s->client, CSR_TOPIC, cr_blob_view(&s->csr), &properties);
    flow_rig_pump(&s->rig);
    scene_live(s, 100);
    assert_int_equal(s->rig.host.kicks, 1);
}

#define WITH(start, test) cmocka_unit_test_setup_teardown(test, start, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(start_two_slots, who_stays_on_the_old_certificate_is_asked_then_closed),
        WITH(start_two_slots, who_changes_over_is_left_alone),
        WITH(start_two_slots, its_other_connections_are_to_follow),
        WITH(start_two_slots, who_failed_to_install_it_is_not_closed),
        WITH(start_two_slots, nobody_is_closed_in_the_middle_of_something),
        WITH(start_two_slots, a_host_that_is_busy_closes_it_later),
        WITH(start_two_slots, after_a_restart_of_the_broker_it_is_the_same),
        WITH(scene_start_any_time, a_certificate_that_runs_out_gets_a_last_chance),
        WITH(scene_start_any_time, what_is_under_way_at_the_end_is_brought_to_it),
        WITH(scene_start_any_time, but_not_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
