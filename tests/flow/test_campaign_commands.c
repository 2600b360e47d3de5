/* Commands about campaigns: what they take, what they refuse, and what they tell. */
#include "tests/flow/campaign_fleet.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

    return text != NULL ? text : "";
}

static void a_wrong_field_is_named(void **state)
{
    static const struct {
        const char *fields, *sentence;
    } wrong[] = {
        { "\"name\":\"\"", "\"name\"" },
        { "\"name\":7", "\"name\"" },
        { "\"name\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"", "\"name\"" },
        { "\"rate\":0", "\"rate\"" },
        { "\"rate\":1.5", "\"rate\"" },
        { "\"rate\":\"5\"", "\"rate\"" },
        { "\"start\":\"tomorrow\"", "\"start\"" },
        { "\"deadline\":\"2030-13-01T00:00:00Z\"", "\"deadline\"" },
        { "\"deadline\":\"2001-01-01T00:00:00Z\"", "\"deadline\" must lie in the future" },
        { "\"start\":\"2031-02-01T00:00:00Z\",\"deadline\":\"2031-01-01T00:00:00Z\"", "\"deadline\" must be after" },
        { "\"reason\":\"because\"", "\"reason\"" },
        { "\"reason\":1", "\"reason\"" },
        { "\"filter\":[]", "\"filter\"" },
        { "\"filter\":{\"colour\":\"red\"}", "\"filter\"" },
        { "\"filter\":{\"state\":\"lazy\"}", "\"state\"" },
        { "\"slot\":7", "\"slot\"" },
        { "\"slot\":\"operational\",\"filter\":{\"slot\":\"data\"}", "\"slot\"" },
        { "\"groups\":{}", "\"groups\"" },
        { "\"groups\":[]", "\"groups\"" },
        { "\"groups\":[7]", "In group 1" },
        { "\"groups\":[{\"share\":\"1%\"},{\"share\":\"0%\"}]", "In group 2 of \"groups\": \"share\"" },
        { "\"groups\":[{\"share\":\"1%\",\"colour\":\"red\"}]", "In group 1" },
        { "\"groups\":[{\"share\":5}]", "\"share\"" },
        { "\"groups\":[{\"share\":\"101%\"}]", "\"share\"" },
        { "\"groups\":[{\"share\":\"60%\"},{\"share\":\"40.1%\"}]", "add up to 100%" },
        { "\"groups\":[{\"share\":\"1%\",\"tag\":\"lab\"}]", "exclude each other" },
        { "\"groups\":[{\"tag\":\"a b\"}]", "\"tag\"" },
        { "\"groups\":[{\"tag\":\"0123456789012345678901234567890123456789\"}]", "\"tag\"" },
        { "\"groups\":[{\"name\":\"a b\"}]", "\"name\"" },
        { "\"groups\":[{\"success\":\"200%\"}]", "\"success\"" },
        { "\"groups\":[{\"error\":5}]", "\"error\"" },
        { "\"groups\":[{},{\"share\":\"1%\"}]", "must be the last" },
        { "\"groups\":[{\"tag\":\"a\"},{\"tag\":\"a\"},{\"tag\":\"a\"},{\"tag\":\"a\"},{\"tag\":\"a\"},{\"tag\":\"a\"},"
          "{\"tag\":\"a\"},{\"tag\":\"a\"}]", "at most 8" },
        { "\"groups\":[{\"tag\":\"a\"},{\"tag\":\"a\"},{\"tag\":\"a\"},{\"tag\":\"a\"},{\"tag\":\"a\"},{\"tag\":\"a\"},"
          "{\"tag\":\"a\"},{\"tag\":\"a\"},{}]", "at most 8" },
        { "\"colour\":\"red\"", "field" },
    };
    struct fleet *f = *state;
    char text[512];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(text, sizeof text, "\"command\":\"createCampaign\",%s", wrong[i].fields);
        fleet_refused(f, text, "malformed-json", wrong[i].sentence);
    }
    fleet_refused(f, "\"command\":\"createCampaign\",\"slot\":\"ota\"", "unknown-slot", "");
    fleet_refused(f, "\"command\":\"createCampaign\",\"filter\":{\"slot\":\"ota\"}", "unknown-slot", "");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(fleet_command(f, 0, "\"command\":\"listCampaigns\""),
                                                            "campaigns")), 0);
}

static void what_was_given_is_told(void **state)
{
    static const char given[] =
        "\"name\":\"Fr\xc3\xbchling\",\"reason\":\"policy\",\"filter\":{\"idPrefix\":\"d\",\"expiresWithin\":\"900d\"},"
        "\"rate\":7,\"start\":\"2031-02-01T00:00:00Z\",\"deadline\":\"2031-03-01T00:00:00Z\","
        "\"groups\":[{\"name\":\"canary\",\"share\":\"2.5%\",\"success\":\"100%\",\"error\":\"0%\"},"
        "{\"tag\":\"lab\"},{\"share\":\"10%\",\"success\":\"12.3%\"},"
        "{\"name\":\"all\",\"success\":\"50%\"}]";
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];
    const cJSON *c, *groups, *filter;

    fleet_add(f, 3);
    fleet_create(f, id, given);
    fleet_live(f, 3);
    c = fleet_campaign(f, id);
    filter = cJSON_GetObjectItem(c, "filter");
    groups = cJSON_GetObjectItem(c, "groups");
    assert_string_equal(text_of(c, "campaign"), id);
    assert_string_equal(text_of(c, "name"), "Fr\xc3\xbchling");
    assert_string_equal(text_of(c, "reason"), "policy");
    assert_string_equal(text_of(c, "state"), "waiting");
    assert_string_equal(text_of(c, "start"), "2031-02-01T00:00:00Z");
    assert_string_equal(text_of(c, "deadline"), "2031-03-01T00:00:00Z");
    assert_string_equal(text_of(filter, "slot"), "operational");
    assert_string_equal(text_of(filter, "idPrefix"), "d");
    assert_string_equal(text_of(filter, "expiresWithin"), "900d");
    assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(c, "rate")), 7);
    assert_int_equal(cJSON_GetArraySize(groups), 4);
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 0), "share"), "2.5%");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 0), "success"), "100%");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 0), "error"), "0%");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 1), "tag"), "lab");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 1), "name"), "group-2");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 1), "success"), "95%");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 1), "error"), "5%");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 2), "share"), "10%");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 2), "success"), "12.3%");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 3), "name"), "all");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 3), "share"), "");
    assert_string_equal(text_of(cJSON_GetArrayItem(groups, 3), "success"), "50%");
}

static void the_defaults(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP], now[CR_TIME_TEXT];
    const cJSON *c, *rest;

    cr_time_text(now, f->now_s);
    fleet_create(f, id, "\"start\":\"2001-01-01T00:00:00Z\"");
    c = fleet_campaign(f, id);
    rest = cJSON_GetArrayItem(cJSON_GetObjectItem(c, "groups"), 0);
    assert_string_equal(text_of(c, "start"), now);
    assert_string_equal(text_of(c, "created"), now);
    assert_string_equal(text_of(c, "reason"), "campaign");
    assert_null(cJSON_GetObjectItem(c, "rate"));
    assert_null(cJSON_GetObjectItem(c, "deadline"));
    assert_string_equal(text_of(rest, "name"), "rest");
    assert_string_equal(text_of(rest, "success"), "0%");
    assert_string_equal(text_of(rest, "error"), "5%");
    fleet_create(f, id, "\"groups\":[{\"share\":\"50%\"},{\"share\":\"50%\"}]"); /* nothing is left for a third */
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(fleet_campaign(f, id), "groups")), 2);
}

static void an_unknown_campaign_is_an_error(void **state)
{
    static const char *const commands[] = { "getCampaign", "pauseCampaign", "resumeCampaign", "abortCampaign" };
    static const char *const ids[] = { "00000099", "*", "0000009", "000000999", "../../cr", "ABCDEF01" };
    struct fleet *f = *state;
    char text[128];

    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < sizeof ids / sizeof ids[0]; k++) {
            bool name = cr_name_ok(ids[k], strlen(ids[k]));

            snprintf(text, sizeof text, "\"command\":\"%s\",\"campaign\":\"%s\"", commands[i], ids[k]);
            fleet_refused(f, text, name ? "unknown-campaign" : "malformed-json", name ? "" : "\"campaign\"");
        }
        snprintf(text, sizeof text, "\"command\":\"%s\"", commands[i]);
        fleet_refused(f, text, "malformed-json", "\"campaign\"");
    }
    fleet_refused(f, "\"command\":\"listCampaigns\",\"state\":\"over\"", "malformed-json", "\"state\"");
}

static void they_are_listed_newest_first_and_by_state(void **state)
{
    struct fleet *f = *state;
    char id[3][CR_CAMPAIGN_ID_CAP], text[128];
    const cJSON *list;

    for (unsigned i = 0; i < 3; i++) {
        fleet_create(f, id[i], i == 1 ? "\"start\":\"2031-02-01T00:00:00Z\"" : "");
        fleet_live(f, 5);
    }
    list = cJSON_GetObjectItem(fleet_command(f, 0, "\"command\":\"listCampaigns\""), "campaigns");
    assert_int_equal(cJSON_GetArraySize(list), 3);
    assert_string_equal(text_of(cJSON_GetArrayItem(list, 0), "campaign"), id[2]);
    assert_string_equal(text_of(cJSON_GetArrayItem(list, 2), "campaign"), id[0]);
    list = cJSON_GetObjectItem(fleet_command(f, 0, "\"command\":\"listCampaigns\",\"state\":\"waiting\""), "campaigns");
    assert_int_equal(cJSON_GetArraySize(list), 1);
    assert_string_equal(text_of(cJSON_GetArrayItem(list, 0), "campaign"), id[1]);
    for (unsigned i = 0; i < 120; i++) {
        fleet_create(f, id[0], "\"start\":\"2031-02-01T00:00:00Z\"");
    }
    fleet_live(f, 5);
    list = cJSON_GetObjectItem(fleet_command(f, 0, "\"command\":\"listCampaigns\""), "campaigns");
    assert_int_equal(cJSON_GetArraySize(list), 100);
    snprintf(text, sizeof text, "\"command\":\"abortCampaign\",\"campaign\":\"%s\"", id[1]);
    (void)fleet_command(f, 0, text);
    fleet_live(f, 5);
    assert_string_equal(fleet_state(f, id[1]), "aborted");
}

static void viewers_only_look(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP], text[256];

    fleet_create(f, id, "");
    snprintf(text, sizeof text,
             "{\"commands\":[{\"command\":\"pauseCampaign\",\"campaign\":\"%s\"},{\"command\":\"createCampaign\"},"
             "{\"command\":\"listCampaigns\"}]}", id);
    cJSON_Delete(f->reply);
    f->reply = cJSON_Parse(rig_command(&f->rig[0], f->viewer[0], text));
    for (int i = 0; i < 3; i++) {
        const cJSON *answer = cJSON_GetArrayItem(cJSON_GetObjectItem(f->reply, "responses"), i);

        assert_string_equal(text_of(answer, "errorCode"), i < 2 ? "not-authorised" : "");
    }
}

/* Each is answered, whatever becomes of its second job. */
static void the_store_fails_between_reading_and_writing(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP], text[128];

    fleet_create(f, id, "\"start\":\"2031-02-01T00:00:00Z\"");
    fleet_live(f, 3);
    snprintf(text, sizeof text, "\"command\":\"pauseCampaign\",\"campaign\":\"%s\"", id);
    fake_store_fail_next(f->rig[0].store, 2); /* the audit line, and the read */
    fleet_refused(f, text, "store-unavailable", "");
    fake_store_fault(f->rig[0].store, FAKE_STORE_FULL);
    fleet_refused(f, text, "busy", "");
    fake_store_fault(f->rig[0].store, FAKE_STORE_WELL);
    assert_string_equal(fleet_state(f, id), "waiting");
    (void)fleet_command(f, 0, text);
    assert_string_equal(fleet_state(f, id), "paused");
    assert_int_equal(fake_ledger_audit_count(f->ledger, "campaign", NULL), 2);
    assert_true(fake_ledger_audit_count(f->ledger, "operator", NULL) >= 2);
}

static void who_was_quicker_is_not_overwritten(void **state)
{
    struct cr_request_properties properties = { .user_properties = 0 };
    struct fleet *f = *state;
    struct flow_rig *rig = &f->rig[0];
    char id[CR_CAMPAIGN_ID_CAP], text[128];

    fleet_create(f, id, "\"start\":\"2031-02-01T00:00:00Z\"");
    fleet_live(f, 3);
    snprintf(text, sizeof text, "{\"commands\":[{\"command\":\"pauseCampaign\",\"campaign\":\"%s\"}]}", id);
    cr_router_control(rig->router, f->boss[0], rig_text(text), &properties);
    assert_true(fake_store_pump(rig->store) > 0);
    cr_router_tick(rig->router); /* it is read, and about to be written */
    fleet_touch(f, id);
    flow_rig_pump(rig);
    assert_non_null(strstr((const char *)fake_host_take(&rig->host, f->boss[0]->id, "/response")->payload.data,
                           "\"state\":\"paused\""));
    assert_string_equal(fleet_state(f, id), "paused");
}

int main(void)
{
#define FLEET_TEST(test) cmocka_unit_test_setup_teardown(test, fleet_start, fleet_stop)
    const struct CMUnitTest tests[] = {
        FLEET_TEST(a_wrong_field_is_named),
        FLEET_TEST(what_was_given_is_told),
        FLEET_TEST(the_defaults),
        FLEET_TEST(an_unknown_campaign_is_an_error),
        FLEET_TEST(they_are_listed_newest_first_and_by_state),
        FLEET_TEST(viewers_only_look),
        FLEET_TEST(who_was_quicker_is_not_overwritten),
        FLEET_TEST(the_store_fails_between_reading_and_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
