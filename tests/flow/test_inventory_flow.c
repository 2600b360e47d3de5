/* The fleet as operators see it: pages, filters, and renewals of many at once. */
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

/* ---- listing ---- */

static void the_fleet_comes_in_pages(void **state)
{
    struct scene *s = *state;
    char fields[400] = "", cursor[CR_CURSOR_CAP], part[40];
    unsigned seen[COUNT] = { 0 }, pages = 0, rows = 0;

    fleet_seed_all(s);
    do {
        const char *reply = fleet_ask(s, "listDevices", fields);

        rows = times_in(reply, "\"device\":");
        assert_true(rows <= 50); /* unless told otherwise */
        for (unsigned i = 0; i < COUNT; i++) {
            snprintf(part, sizeof part, "\"device\":\"m-%03u\"", i);
            seen[i] += times_in(reply, part);
        }
        cursor_of(cursor, reply);
        snprintf(fields, sizeof fields, "\"cursor\":\"%s\"", cursor);
        assert_true(++pages < 10);
    } while (cursor[0] != '\0');
    assert_int_equal(pages, 3);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_int_equal(times_in(fleet_ask(s, "listDevices", "\"limit\":7"), "\"device\":"), 7);
    assert_int_equal(times_in(fleet_ask(s, "listDevices", "\"limit\":100"), "\"device\":"), 100);
}

static void a_row_tells_what_is_known(void **state)
{
    struct scene *s = *state;

    expect_part(fleet_ask(s, "listDevices", ""), "\"data\":{\"devices\":[]}");
    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    snprintf(fake_device_find(fleet_ledger(s), "meter-1")->tags, CR_TAGS_CAP, ",lab,hall-2,");
    const char *row = fleet_ask(s, "listDevices", "");

    expect_part(row, "\"device\":\"meter-1\",\"firstSeen\":\"2030-03-17T");
    expect_part(row, "\"broker\":\"rig\"");
    expect_part(row, "\"tags\":[\"lab\",\"hall-2\"]");
    expect_part(row, "\"slot\":\"operational\",\"state\":\"quiet\",\"held\":false,\"generation\":0,\"serialNumber\":\"");
    expect_part(row, "\"notAfter\":\"2030-06-");
    expect_part(row, "\"nextRenewal\":\"");
    assert_int_equal(times_in(row, "\"cursor\""), 0);
    scene_trigger(s);
    row = fleet_ask(s, "listDevices", "\"filter\":{\"state\":\"triggered\"}");
    expect_part(row, "\"renewal\":{\"renewalId\":\"");
    expect_part(row, "\"reason\":\"operator\"");
    expect_part(fleet_ask(s, "getDevice", "\"device\":\"meter-1\""), "\"broker\":\"rig\"");
    expect_part(fleet_ask(s, "getDevice", "\"device\":\"meter-1\""), "\"tags\":[\"lab\",\"hall-2\"]");
}

static void filters_are_taken_from_the_command(void **state)
{
    static const struct {
        const char *filter;
        unsigned found;
    } wanted[] = {
        { "\"filter\":{}", 12 },
        { "\"filter\":{\"state\":\"quiet\"}", 12 },
        { "\"filter\":{\"state\":\"held\"}", 1 },
        { "\"filter\":{\"slot\":\"data\"}", 2 },
        { "\"filter\":{\"issuer\":\"00000000000000ca\"}", 12 },
        { "\"filter\":{\"issuer\":\"00000000000000cb\"}", 0 },
        { "\"filter\":{\"tag\":\"lab\"}", 1 },
        { "\"filter\":{\"idPrefix\":\"m-00\",\"slot\":\"operational\"}", 10 },
        { "\"filter\":{\"expiresWithin\":\"11d\"}", 4 },
        { "\"filter\":{\"expiresWithin\":\"9d\"}", 0 },
        { "\"filter\":{\"notSeenFor\":\"24h\"}", 12 },
        { "\"filter\":{\"notSeenFor\":\"25h\"}", 0 },
        { "\"filter\":{\"level\":\"notice\"}", 1 },
        { "\"filter\":{\"level\":\"field\"}", 0 },
    };
    struct scene *s = *state;

    for (unsigned i = 0; i < 10; i++) {
        (void)fleet_seed(s, i, s->rig.clock.wall_s + (10 + i) * DAY_S, i < 2 ? 2 : 1);
    }
    assert_true(fake_ledger_hold(fleet_ledger(s), "m-003", "operational", true));
    snprintf(fake_device_find(fleet_ledger(s), "m-004")->tags, CR_TAGS_CAP, ",lab,");
    fake_device_find(fleet_ledger(s), "m-005")->slot[0].view.alert =
        (struct cr_slot_alert){ .since = s->rig.clock.wall_s, .level = CR_LEVEL_WARNING };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const char *reply = fleet_ask(s, "listDevices", wanted[i].filter);

        if (times_in(reply, "\"device\":") != wanted[i].found) {
            fail_msg("%s found %u", wanted[i].filter, times_in(reply, "\"device\":"));
        }
    }
}

static void hostile_82_filters_and_pages_that_are_none(void **state)
{
    static const struct {
        const char *fields, *named;
    } bad[] = {
        { "\"filter\":[]", "\\\"filter\\\"" },
        { "\"filter\":\"all\"", "\\\"filter\\\"" },
        { "\"filter\":{\"colour\":\"red\"}", "\\\"filter\\\"" },
        { "\"filter\":{\"state\":\"asleep\"}", "\\\"state\\\"" },
        { "\"filter\":{\"state\":7}", "\\\"state\\\"" },
        { "\"filter\":{\"level\":\"high\"}", "\\\"level\\\"" },
        { "\"filter\":{\"tag\":\"a,b\"}", "\\\"tag\\\"" },
        { "\"filter\":{\"tag\":\"012345678901234567890123456789012\"}", "\\\"tag\\\"" },
        { "\"filter\":{\"idPrefix\":\"m-*\"}", "\\\"idPrefix\\\"" },
        { "\"filter\":{\"issuer\":\"%\"}", "\\\"issuer\\\"" },
        { "\"filter\":{\"expiresWithin\":30}", "\\\"expiresWithin\\\"" },
        { "\"filter\":{\"expiresWithin\":\"-1d\"}", "\\\"expiresWithin\\\"" },
        { "\"filter\":{\"notSeenFor\":\"soon\"}", "\\\"notSeenFor\\\"" },
        { "\"limit\":0", "\\\"limit\\\"" },
        { "\"limit\":101", "\\\"limit\\\"" },
        { "\"limit\":1.5", "\\\"limit\\\"" },
        { "\"limit\":\"5\"", "\\\"limit\\\"" },
        { "\"cursor\":\"\"", "\\\"cursor\\\"" },
        { "\"cursor\":5", "\\\"cursor\\\"" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *reply = fleet_ask(s, "listDevices", bad[i].fields);

        expect_part(reply, "\"errorCode\":\"malformed-json\"");
        expect_part(reply, bad[i].named);
    }
}

static void hostile_86_what_is_not_there_is_an_error(void **state)
{
    static const char *const cursors[] = { "x", "../../etc", "0:0:*", "77:0:", "1:0:{b01}", "0:1800000000:m" };
    struct scene *s = *state;
    char fields[80];

    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        snprintf(fields, sizeof fields, "\"cursor\":\"%s\"", cursors[i]);
        expect_part(fleet_ask(s, "listDevices", fields), "\"errorCode\":\"unknown-cursor\"");
        snprintf(fields, sizeof fields, "\"filter\":{},\"cursor\":\"%s\"", cursors[i]);
        expect_part(fleet_ask(s, "triggerRenewal", fields), "\"errorCode\":\"unknown-cursor\"");
    }
    expect_part(fleet_ask(s, "listDevices", "\"filter\":{\"slot\":\"nope\"}"), "\"errorCode\":\"unknown-slot\"");
    expect_part(fleet_ask(s, "triggerRenewal", "\"filter\":{\"slot\":\"nope\"}"), "\"errorCode\":\"unknown-slot\"");
    expect_part(fleet_ask(s, "triggerRenewal", "\"devices\":[\"m-001\"],\"slot\":\"nope\""), "\"errorCode\":\"unknown-slot\"");
}

/* Members are found by their campaign; one that there never was is an error, though nobody is its member. */
static void a_campaign_finds_its_members(void **state)
{
    struct scene *s = *state;
    char id[CR_CAMPAIGN_ID_CAP], fields[100];

    for (unsigned i = 0; i < 5; i++) {
        (void)fleet_seed(s, i, s->rig.clock.wall_s + 80 * DAY_S, 1);
    }
    const char *at = strstr(fleet_ask(s, "createCampaign", "\"name\":\"some\""), "\"campaign\":\"");
    assert_non_null(at);
    snprintf(id, sizeof id, "%.8s", at + strlen("\"campaign\":\""));
    snprintf(fields, sizeof fields, "\"filter\":{\"campaign\":\"%s\"}", id);
    expect_part(fleet_ask(s, "listDevices", fields), "\"devices\":[]");
    expect_part(fleet_ask(s, "triggerRenewal", fields), "\"triggered\":0,");
    snprintf(fake_device_find(fleet_ledger(s), "m-003")->slot[0].view.campaign.id, CR_CAMPAIGN_ID_CAP, "%s", id);
    assert_int_equal(times_in(fleet_ask(s, "listDevices", fields), "\"device\":\"m-003\""), 1);
    expect_part(fleet_ask(s, "triggerRenewal", fields), "\"triggered\":1,");
    expect_part(fleet_ask(s, "listDevices", "\"filter\":{\"campaign\":\"ffffffff\"}"), "\"errorCode\":\"unknown-campaign\"");
    expect_part(fleet_ask(s, "triggerRenewal", "\"filter\":{\"campaign\":\"ffffffff\"}"), "\"errorCode\":\"unknown-campaign\"");
    expect_part(fleet_ask(s, "listDevices", "\"filter\":{\"campaign\":\"x*\"}"), "\"errorCode\":\"malformed-json\"");
}

/* ---- triggering ---- */

static void several_devices_are_triggered_at_once(void **state)
{
    struct scene *s = *state;

    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    for (unsigned i = 1; i <= 4; i++) {
        (void)fleet_seed(s, i, s->rig.clock.wall_s + 80 * DAY_S, 1);
    }
    assert_true(fake_ledger_hold(fleet_ledger(s), "m-002", "operational", true));
    fake_device_find(fleet_ledger(s), "m-003")->slot[0].view.state = CR_STATE_ISSUING;
    fake_device_find(fleet_ledger(s), "m-003")->slot[0].lease = INT64_MAX;
    const char *reply = fleet_ask(s, "triggerRenewal",
                            "\"devices\":[\"m-001\",\"m-002\",\"m-003\",\"m-004\",\"nobody\",\"meter-1\"],\"reason\":\"policy\"");

    expect_part(reply, "\"triggered\":3,\"delivered\":1,\"refused\":[{");
    expect_part(reply, "{\"device\":\"m-002\",\"slot\":\"operational\",\"errorCode\":\"on-hold\"}");
    expect_part(reply, "{\"device\":\"m-003\",\"slot\":\"operational\",\"errorCode\":\"renewal-in-progress\"}");
    expect_part(reply, "{\"device\":\"nobody\",\"slot\":\"operational\",\"errorCode\":\"unknown-device\"}");
    assert_int_equal(times_in(reply, "errorCode"), 3);
    assert_int_equal(fleet_slot(s, 1)->state, CR_STATE_TRIGGERED);
    assert_int_equal(fleet_slot(s, 1)->reason, CR_RENEW_POLICY);
    assert_int_equal(fleet_slot(s, 4)->state, CR_STATE_TRIGGERED);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    assert_int_equal(fake_ledger_audit_count(fleet_ledger(s), "operator", NULL), 1);

    reply = fleet_ask(s, "triggerRenewal", "\"devices\":[\"m-004\"],\"slot\":\"data\""); /* has no such slot */
    expect_part(reply, "\"triggered\":0,\"delivered\":0,\"refused\":[{\"device\":\"m-004\",\"slot\":\"data\",\"errorCode\":\"unknown-slot\"}]");
}

static void those_that_a_filter_finds_are_triggered(void **state)
{
    struct scene *s = *state;
    char cursor[CR_CURSOR_CAP], fields[300];

    fleet_seed_all(s);
    (void)fleet_seed(s, 500, s->rig.clock.wall_s + 70 * DAY_S, 2); /* its slot data is not asked for */
    (void)fake_device_make(fleet_ledger(s), "other-1");
    const char *reply = fleet_ask(s, "triggerRenewal", "\"filter\":{\"idPrefix\":\"m-\"},\"limit\":100,\"reason\":\"ca-rotation\"");

    expect_part(reply, "\"triggered\":100,\"delivered\":0,\"refused\":[],\"cursor\":\"");
    cursor_of(cursor, reply);
    snprintf(fields, sizeof fields, "\"filter\":{\"idPrefix\":\"m-\"},\"cursor\":\"%s\"", cursor);
    reply = fleet_ask(s, "triggerRenewal", fields);
    expect_part(reply, "\"triggered\":21,\"delivered\":0,\"refused\":[]}");
    assert_int_equal(times_in(reply, "\"cursor\""), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(fleet_slot(s, i)->state, CR_STATE_TRIGGERED);
        assert_int_equal(fleet_slot(s, i)->attempt, 1);
    }
    assert_int_equal(fake_ledger_slot(fleet_ledger(s), "m-500", "data")->state, CR_STATE_QUIET);
    expect_part(fleet_ask(s, "triggerRenewal", "\"filter\":{\"slot\":\"data\"}"), "\"triggered\":1,");
    expect_part(fleet_ask(s, "triggerRenewal", "\"filter\":{\"state\":\"held\"}"), "\"triggered\":0,\"delivered\":0,\"refused\":[]}");
}

static void hostile_82_what_is_to_be_triggered_must_be_said_well(void **state)
{
    static const char *const bad[] = {
        "", "\"devices\":[]", "\"devices\":null", "\"devices\":\"m-001\"", "\"devices\":{}", "\"devices\":[1]", "\"devices\":[null]",
        "\"devices\":[\"m-001\",\"m-001\"]", "\"devices\":[\"a b\"]", "\"devices\":[\"\"]", "\"devices\":[[\"m-001\"]]",
        "\"device\":\"m-001\",\"devices\":[\"m-002\"]", "\"device\":\"m-001\",\"filter\":{}", "\"devices\":[\"m-001\"],\"filter\":{}",
        "\"device\":\"m-001\",\"limit\":5", "\"devices\":[\"m-001\"],\"cursor\":\"0:0:\"", "\"filter\":7",
        "\"filter\":{\"slot\":\"data\"},\"slot\":\"operational\"", "\"device\":\"m-001\",\"reason\":\"fun\"",
        "\"device\":\"m-001\",\"reason\":7", "\"filter\":{},\"Limit\":5",
    };
    struct scene *s = *state;
    char many[TEXT_CAP / 2];

    (void)fleet_seed(s, 1, s->rig.clock.wall_s + 80 * DAY_S, 2);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_part(fleet_ask(s, "triggerRenewal", bad[i]), "\"errorCode\":\"malformed-json\"");
    }
    size_t len = (size_t)snprintf(many, sizeof many, "\"devices\":[\"x\"");
    for (unsigned i = 0; i < CR_PAGE_MAX; i++) { /* hostile 85: one too many */
        len += (size_t)snprintf(many + len, sizeof many - len, ",\"y-%u\"", i);
    }
    (void)snprintf(many + len, sizeof many - len, "]");
    expect_part(fleet_ask(s, "triggerRenewal", many), "\"errorCode\":\"malformed-json\"");
    assert_int_equal(fleet_slot(s, 1)->state, CR_STATE_QUIET);
    assert_int_equal(fake_ledger_audit_count(fleet_ledger(s), "operator", NULL), 0);
}

static void viewers_list_but_do_not_trigger(void **state)
{
    struct scene *s = *state;
    struct rig_key key;

    rig_key_make(&key);
    struct cr_blob cert = rig_certify(&s->rig, &key, "watcher", 90 * DAY_S);
    const struct cr_client *viewer = fake_host_connect(&s->rig.host, "c-watcher", cr_blob_view(&cert), 4);
    (void)fleet_seed(s, 1, s->rig.clock.wall_s + 80 * DAY_S, 1);
    expect_part(rig_command(&s->rig, viewer, "{\"commands\":[{\"command\":\"listDevices\"}]}"), "\"device\":\"m-001\"");
    expect_part(rig_command(&s->rig, viewer, "{\"commands\":[{\"command\":\"triggerRenewal\",\"filter\":{}}]}"),
           "\"errorCode\":\"not-authorised\"");
    expect_part(rig_command(&s->rig, viewer, "{\"commands\":[{\"command\":\"triggerRenewal\",\"devices\":[\"m-001\"]}]}"),
           "\"errorCode\":\"not-authorised\"");
    expect_part(rig_command(&s->rig, s->client, "{\"commands\":[{\"command\":\"listDevices\"}]}"), "\"errorCode\":\"not-authorised\"");
    assert_int_equal(fleet_slot(s, 1)->state, CR_STATE_QUIET);
    rig_key_free(&key);
    cr_blob_fini(&cert);
}

#define WITH(test, how) cmocka_unit_test_setup_teardown(test, how, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(the_fleet_comes_in_pages, start),
        WITH(a_row_tells_what_is_known, start),
        WITH(filters_are_taken_from_the_command, start),
        WITH(hostile_82_filters_and_pages_that_are_none, start),
        WITH(hostile_86_what_is_not_there_is_an_error, start),
        WITH(a_campaign_finds_its_members, start),
        WITH(several_devices_are_triggered_at_once, start),
        WITH(those_that_a_filter_finds_are_triggered, start),
        WITH(hostile_82_what_is_to_be_triggered_must_be_said_well, start),
        WITH(viewers_list_but_do_not_trigger, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
