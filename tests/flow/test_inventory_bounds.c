/* What bounds operators who ask for much, and what they get when something is away. */
#include "plugin/loop/control.h"
#include "tests/flow/inventory_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int start(void **state)
{
    return scene_start_with(state, INVENTORY_CONFIG);
}

static int start_small(void **state)
{
    return scene_start_with(state, "max_in_flight 64\n" INVENTORY_CONFIG);
}

/* Whatever does not fit into the operators' part of the work under way is told, device by device; then there is room again. */
static void hostile_85_many_triggers_leave_room_for_devices(void **state)
{
    struct scene *s = *state;

    fleet_seed_all(s);
    for (unsigned round = 1; round <= 3; round++) {
        const char *reply = fleet_ask(s, "triggerRenewal", "\"filter\":{},\"limit\":100");

        expect_part(reply, "\"triggered\":16,");
        assert_int_equal(times_in(reply, "\"errorCode\":\"busy\""), 84);
    }
    char *text = repeated("{\"commands\":[{\"command\":\"getStatus\"}", ",{\"command\":\"getDevice\",\"device\":\"m-000\"}",
                          40, "]}");
    const char *reply = rig_command(&s->rig, s->boss, text);
    assert_int_equal(times_in(reply, "\"slots\":"), 16);
    assert_int_equal(times_in(reply, "\"errorCode\":\"busy\""), 24);
    free(text);
    assert_int_equal(s->rig.router->command_jobs, 0);
    assert_int_equal(s->rig.router->in_flight, 0);
}

/* A hundred full pages are as much as is under way at a time. */
static void hostile_85_pages_under_way_are_bounded(void **state)
{
    struct cr_request_properties properties = { .user_properties = 0 };
    struct scene *s = *state;
    char *text = repeated("{\"commands\":[{\"command\":\"listDevices\",\"limit\":100}", ",{\"command\":\"listDevices\",\"limit\":100}",
                          99, "]}");

    fleet_seed_all(s);
    cr_router_control(s->rig.router, s->boss, rig_text(text), &properties);
    cr_router_control(s->rig.router, s->boss, rig_text("{\"commands\":[{\"command\":\"listDevices\",\"limit\":1}]}"), &properties);
    const struct fake_publication *reply = fake_host_take(&s->rig.host, s->boss->id, "/response");
    assert_non_null(reply); /* that one at once */
    expect_part((const char *)reply->payload.data, "\"errorCode\":\"busy\"");
    flow_rig_pump(&s->rig);
    reply = fake_host_take(&s->rig.host, s->boss->id, "/response");
    assert_non_null(reply);
    assert_int_equal(times_in((const char *)reply->payload.data, "\"device\":"), 10000);
    free(text);
    assert_int_equal(s->rig.router->command_rows, 0);
    assert_int_equal(times_in(fleet_ask(s, "listDevices", "\"limit\":100"), "\"device\":"), 100);
}

/* Who asked may be gone when a page is home: what was asked for is done all the same. */
static void an_operator_may_leave(void **state)
{
    struct cr_request_properties properties = { .user_properties = 0 };
    struct scene *s = *state;

    fleet_seed_all(s);
    cr_router_control(s->rig.router, s->boss,
                      rig_text("{\"commands\":[{\"command\":\"triggerRenewal\",\"filter\":{},\"limit\":10}]}"), &properties);
    fake_host_offline(&s->rig.host, s->boss);
    cr_router_disconnected(s->rig.router, s->boss);
    flow_rig_pump(&s->rig);
    unsigned triggered = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        triggered += fleet_slot(s, i)->state == CR_STATE_TRIGGERED;
    }
    assert_int_equal(triggered, 10);
    assert_null(fake_host_take(&s->rig.host, "boss-client", "/response"));
    assert_int_equal(s->rig.router->batch_count, 0);
    assert_int_equal(s->rig.router->command_jobs, 0);
    assert_int_equal(s->rig.router->in_flight, 0);
}

static void a_store_that_is_away_is_told(void **state)
{
    struct scene *s = *state;

    fleet_seed_all(s);
    fake_store_fault(s->rig.store, FAKE_STORE_DOWN);
    expect_part(fleet_ask(s, "listDevices", ""), "\"errorCode\":\"store-unavailable\"");
    expect_part(fleet_ask(s, "triggerRenewal", "\"filter\":{}"), "\"errorCode\":\"store-unavailable\"");
    const char *reply = fleet_ask(s, "triggerRenewal", "\"devices\":[\"m-001\",\"m-002\"]");
    expect_part(reply, "\"triggered\":0,");
    assert_int_equal(times_in(reply, "\"errorCode\":\"store-unavailable\""), 2);
    fake_store_fault(s->rig.store, FAKE_STORE_FULL);
    expect_part(fleet_ask(s, "listDevices", ""), "\"errorCode\":\"busy\"");
    assert_int_equal(times_in(fleet_ask(s, "triggerRenewal", "\"devices\":[\"m-001\",\"m-002\"]"), "\"errorCode\":\"busy\""), 2);
    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    expect_part(fleet_ask(s, "triggerRenewal", "\"devices\":[\"m-001\",\"m-002\"]"), "\"triggered\":2,");
}

static void a_mixed_batch_is_answered_in_its_order(void **state)
{
    struct scene *s = *state;

    fleet_seed_all(s);
    const char *reply = rig_command(&s->rig, s->boss,
                                    "{\"commands\":["
                                    "{\"command\":\"triggerRenewal\",\"filter\":{\"idPrefix\":\"m-01\"},\"correlationData\":\"a\"},"
                                    "{\"command\":\"listDevices\",\"limit\":1,\"correlationData\":\"b\"},"
                                    "{\"command\":\"triggerRenewal\",\"devices\":[],\"correlationData\":\"c\"},"
                                    "{\"command\":\"triggerRenewal\",\"devices\":[\"m-099\"],\"correlationData\":\"d\"},"
                                    "{\"command\":\"getStatus\",\"correlationData\":\"e\"},"
                                    "{\"command\":\"listDevices\",\"cursor\":\"x\",\"correlationData\":\"f\"}]}");
    static const char *const parts[] = {
        "\"triggered\":10,", "\"correlationData\":\"a\"", "\"devices\":[", "\"correlationData\":\"b\"", "malformed-json",
        "\"correlationData\":\"c\"", "\"triggered\":1,", "\"correlationData\":\"d\"", "\"uptime\"", "\"correlationData\":\"e\"",
        "unknown-cursor", "\"correlationData\":\"f\"",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        expect_part(reply, parts[i]);
        reply = strstr(reply, parts[i]);
    }
}

#define WITH(test, how) cmocka_unit_test_setup_teardown(test, how, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(hostile_85_many_triggers_leave_room_for_devices, start_small),
        WITH(hostile_85_pages_under_way_are_bounded, start),
        WITH(an_operator_may_leave, start),
        WITH(a_store_that_is_away_is_told, start),
        WITH(a_mixed_batch_is_answered_in_its_order, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
