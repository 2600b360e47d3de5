/* Steering one device: what is sent to a live connection and what is not, and the lines that tell of it. */
#include "tests/support/flow_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *command(struct scene *s, const char *fields)
{
    char batch[400];

    snprintf(batch, sizeof batch, "{\"commands\":[{%s}]}", fields);
    return rig_command(&s->rig, s->boss, batch);
}

static void expect(const char *reply, const char *part)
{
    if (strstr(reply, part) == NULL) {
        fail_msg("expected %s in %s", part, reply);
    }
}

static unsigned lines(struct scene *s, const char *what)
{
    return fake_ledger_audit_count(fake_store_ledger(s->rig.store), what, "meter-1");
}

static bool sent(struct scene *s, const char *suffix)
{
    return fake_host_take(&s->rig.host, "meter-1", suffix) != NULL;
}

static void appear(struct scene *s)
{
    cr_router_connected(s->rig.router, s->client);
    scene_live(s, 2);
}

static void a_held_device_is_sent_nothing(void **state)
{
    struct scene *s = *state;

    appear(s);
    scene_trigger(s);
    assert_true(sent(s, "/renew"));
    expect(command(s, "\"command\":\"holdDevice\",\"device\":\"meter-1\",\"reason\":\"stolen?\""),
           "\"slots\":[\"operational\"]");
    expect(command(s, "\"command\":\"getDevice\",\"device\":\"meter-1\""), "\"hold\":\"stolen?\"");
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    flow_rig_pump(&s->rig);
    assert_true(sent(s, "/status"));
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    expect_rejected(s, "on-hold");
    reconnect(s, cr_blob_view(&s->cert));
    scene_live(s, 8 * DAY_S); /* attempts, and the trigger's deadline */
    assert_false(sent(s, "/renew"));
    assert_int_equal(lines(s, "expired"), 0);
    assert_int_equal(scene_slot(s)->state, CR_STATE_TRIGGERED);

    expect(command(s, "\"command\":\"releaseDevice\",\"device\":\"meter-1\",\"slot\":\"operational\""),
           "\"slots\":[\"operational\"]");
    scene_live(s, 20);
    assert_true(sent(s, "/renew"));
    expect(command(s, "\"command\":\"releaseDevice\",\"device\":\"meter-1\""), "\"errorCode\":\"wrong-state\"");
}

/* The hold comes while its certificate is being signed. */
static void a_certificate_waits_for_the_release(void **state)
{
    struct scene *s = *state;
    struct cr_slot_record *slot;

    appear(s);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
    slot = (struct cr_slot_record *)(uintptr_t)scene_slot(s);
    assert_int_equal(slot->state, CR_STATE_ISSUED);
    (void)command(s, "\"command\":\"holdDevice\",\"device\":\"meter-1\"");
    assert_string_equal(slot->hold, "operator");
    reconnect(s, cr_blob_view(&s->cert));
    scene_live(s, 3600);
    assert_false(sent(s, "/certificate"));
    assert_int_equal(s->rig.host.kicks, 0); /* nor is it driven to use it */
    (void)command(s, "\"command\":\"releaseDevice\",\"device\":\"meter-1\"");
    scene_live(s, 20);
    assert_true(sent(s, "/certificate"));
}

static void a_cancelled_renewal_stays_away(void **state)
{
    struct scene *s = *state;
    const char *reply;

    flow_rig_pass(&s->rig, 80 * DAY_S); /* it is due */
    scene_live(s, 120); /* the clock has jumped */
    appear(s);
    assert_true(sent(s, "/renew"));
    reply = command(s, "\"command\":\"cancelRenewal\",\"device\":\"meter-1\"");
    expect(reply, "\"state\":\"quiet\"");
    expect(reply, "\"renewalId\":\"");
    expect(reply, "\"nextRenewal\":\"");
    reconnect(s, cr_blob_view(&s->cert));
    scene_live(s, DAY_S);
    assert_false(sent(s, "/renew"));
    expect(command(s, "\"command\":\"cancelRenewal\",\"device\":\"meter-1\""), "\"errorCode\":\"unknown-renewal\"");
    scene_live(s, 5 * DAY_S);
    assert_true(sent(s, "/renew"));
    assert_int_equal(lines(s, "cancelled"), 1);
}

static void bad_input_changes_nothing(void **state)
{
    static const char *const bad[] = {
        "\"command\":\"holdDevice\"",
        "\"command\":\"holdDevice\",\"device\":7",
        "\"command\":\"holdDevice\",\"device\":\"meter-1\",\"reason\":\"\"",
        "\"command\":\"holdDevice\",\"device\":\"meter-1\",\"reason\":7",
        "\"command\":\"holdDevice\",\"device\":\"meter-1\",\"reason\":\"\xc3\xa4\"",
        "\"command\":\"holdDevice\",\"device\":\"meter-1\",\"reason\":\"1234567890123456789012345678901234567890123456789\"",
        "\"command\":\"holdDevice\",\"device\":\"meter-1\",\"slot\":\"a/b\"",
        "\"command\":\"releaseDevice\",\"device\":\"*\"",
        "\"command\":\"cancelRenewal\",\"device\":\"meter-1\",\"why\":1",
        "\"command\":\"tagDevice\",\"device\":\"meter-1\"",
        "\"command\":\"tagDevice\",\"device\":\"meter-1\",\"add\":\"lab\"",
        "\"command\":\"tagDevice\",\"device\":\"meter-1\",\"add\":[7]",
        "\"command\":\"tagDevice\",\"device\":\"meter-1\",\"add\":[\"\"]",
        "\"command\":\"tagDevice\",\"device\":\"meter-1\",\"add\":[\"a,b\"]",
        "\"command\":\"tagDevice\",\"device\":\"meter-1\",\"remove\":[\"123456789012345678901234567890123\"]",
        "\"command\":\"getAudit\",\"order\":\"random\"",
        "\"command\":\"getAudit\",\"limit\":101",
        "\"command\":\"getAudit\",\"since\":\"now\"",
        "\"command\":\"getAudit\",\"device\":\"meter-1\",\"slot\":\"s\",\"what\":\"w\",\"who\":\"w\",\"order\":\"oldest\",\"x\":1",
    };
    struct scene *s = *state;

    appear(s);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect(command(s, bad[i]), "\"errorCode\":\"malformed-json\"");
    }
    expect(command(s, "\"command\":\"tagDevice\",\"device\":\"meter-1\",\"add\":[\"12345678901234567890123456789012\","
                      "\"1234567890123456789012345678901\"]"), "\"errorCode\":\"too-large\"");
    expect(command(s, "\"command\":\"getAudit\",\"cursor\":\"7\""), "\"errorCode\":\"unknown-cursor\"");
    expect(command(s, "\"command\":\"holdDevice\",\"device\":\"nobody\""), "\"errorCode\":\"unknown-device\"");
    expect(command(s, "\"command\":\"holdDevice\",\"device\":\"meter-1\",\"slot\":\"data\""), "\"errorCode\":\"unknown-slot\"");
    assert_int_equal(lines(s, "held") + lines(s, "tagged") + lines(s, "operator"), 1); /* well-formed */
    expect(command(s, "\"command\":\"tagDevice\",\"device\":\"meter-1\",\"add\":[\"lab\"]"), "\"tags\":[\"lab\"]");
    expect(command(s, "\"command\":\"tagDevice\",\"device\":\"meter-1\",\"remove\":[\"lab\"]"), "\"tags\":[]");
}

/* A line for each, in its time, and by whom. */
static void deliveries_are_told(void **state)
{
    struct scene *s = *state;
    const char *reply;

    appear(s);
    scene_trigger(s);
    scene_live(s, 1);
    assert_int_equal(lines(s, "delivered"), 1);
    assert_string_equal(fake_ledger_audit_detail(fake_store_ledger(s->rig.store), "delivered"), "trigger");
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
    s->rig.host.publish_fails = true; /* what was not handed over was not delivered */
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    flow_rig_pump(&s->rig);
    s->rig.host.publish_fails = false;
    scene_live(s, 1);
    assert_int_equal(lines(s, "delivered"), 2);
    assert_string_equal(fake_ledger_audit_detail(fake_store_ledger(s->rig.store), "delivered"), "certificate");
    reply = command(s, "\"command\":\"getAudit\",\"device\":\"meter-1\",\"what\":\"delivered\",\"order\":\"oldest\"");
    expect(reply, "\"who\":\"meter-1@");
    expect(reply, "\"time\":\"2030-");
    expect(command(s, "\"command\":\"getStatus\""), "\"delivered\":2,");
    reply = command(s, "\"command\":\"getAudit\",\"what\":\"triggered\",\"who\":\"operator:boss boss-client@\"");
    expect(reply, "\"device\":\"meter-1\"");
}

/* More at once than one batch of lines holds. */
static void no_delivery_is_forgotten(void **state)
{
    enum { MANY = 3 * CR_DELIVERIES_MAX };
    struct scene *s = *state;

    appear(s);
    scene_trigger(s);
    for (unsigned i = 0; i < MANY; i++) {
        rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    }
    flow_rig_pump(&s->rig);
    cr_router_flush(s->rig.router);
    flow_rig_pump(&s->rig);
    assert_int_equal(lines(s, "delivered"), 1 + MANY);
}

static int start_many(void **state)
{
    return scene_start_with(state, "admin_identity boss\nrate_device 1000000\nrate_device_burst 1000\n");
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start_in_window, scene_stop)
#define ANY_TIME_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start_any_time, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(a_held_device_is_sent_nothing),
        ANY_TIME_SCENE(a_certificate_waits_for_the_release),
        WITH_SCENE(a_cancelled_renewal_stays_away),
        WITH_SCENE(bad_input_changes_nothing),
        WITH_SCENE(deliveries_are_told),
        cmocka_unit_test_setup_teardown(no_delivery_is_forgotten, start_many, scene_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
