/* Campaigns: groups in order, thresholds, and what operators do to them. */
#include "tests/flow/campaign_fleet.h"
#include "tests/support/fake_inside.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CANARY "\"name\":\"spring\",\"groups\":[{\"name\":\"canary\",\"share\":\"10%\"},{\"share\":\"30%\"},{}]"

static const cJSON *group_of(struct fleet *f, const char *id, int group)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItem(fleet_campaign(f, id), "groups"), group);
}

static int group_number(struct fleet *f, const char *id, int group, const char *name)
{
    return (int)cJSON_GetNumberValue(cJSON_GetObjectItem(group_of(f, id, group), name));
}

static const char *group_text(struct fleet *f, const char *id, int group, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(group_of(f, id, group), name));
}

static void groups_follow_each_other_by_success(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];
    unsigned canary, second;

    fleet_add(f, 200);
    fleet_live(f, 21); /* nobody looks often while there is no campaign */
    fleet_create(f, id, CANARY);
    fleet_live(f, 2);
    assert_string_equal(fleet_state(f, id), "running");
    fleet_expect_event(f, 0, "started");
    canary = (unsigned)group_number(f, id, 0, "total");
    second = (unsigned)group_number(f, id, 1, "total");
    assert_in_range(canary, 8, 40);
    assert_in_range(second, 35, 90);
    assert_int_equal(fleet_number(f, id, "total"), 200);
    assert_string_equal(group_text(f, id, 0, "state"), "running");
    assert_string_equal(group_text(f, id, 1, "state"), "waiting");
    assert_string_equal(group_text(f, id, 0, "share"), "10%");
    assert_string_equal(group_text(f, id, 1, "share"), "30%");
    assert_null(group_text(f, id, 2, "share"));

    fleet_live(f, 30); /* nobody has answered: nobody else is asked */
    assert_int_equal(fleet_members(f, 0), canary);
    assert_int_equal(fleet_triggers(f), canary);
    assert_int_equal(fleet_number(f, id, "asked"), canary);
    for (unsigned i = 0; i < f->count; i++) {
        if (fleet_slot(f, i)->state == CR_STATE_TRIGGERED) {
            assert_int_equal(fleet_slot(f, i)->reason, CR_RENEW_CAMPAIGN);
        }
    }

    assert_int_equal(fleet_renew_all(f), canary);
    fleet_live(f, 5);
    fleet_expect_event(f, 0, "group");
    assert_int_equal(fleet_number(f, id, "group"), 1);
    assert_string_equal(group_text(f, id, 0, "state"), "done");
    assert_int_equal(fleet_members(f, 1), second);
    assert_int_equal(fleet_renew_all(f), second);
    fleet_live(f, 5);
    assert_int_equal(fleet_number(f, id, "group"), 2);
    fleet_expect_event(f, 0, "group");
    assert_int_equal(fleet_members(f, 2), 200 - canary - second);
    assert_string_equal(fleet_state(f, id), "running");
    (void)fleet_renew_all(f);
    fleet_live(f, 5);
    assert_string_equal(fleet_state(f, id), "done");
    fleet_expect_event(f, 0, "done");
    assert_int_equal(fleet_number(f, id, "renewed"), 200);
    assert_int_equal(fleet_triggers(f), 200);
    assert_string_equal(fleet_event(f, 0), "");
    assert_int_equal(fake_ledger_audit_count(f->ledger, "campaign", NULL), 5); /* created, started, two groups, done */
}

static void errors_pause_everything_until_resumed(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];
    unsigned broken = 0, canary;

    fleet_add(f, 100);
    fleet_create(f, id, CANARY);
    fleet_live(f, 4);
    canary = fleet_members(f, 0);
    while (fleet_slot(f, broken)->state != CR_STATE_TRIGGERED) {
        broken++;
    }
    fleet_fail(f, broken);
    fleet_live(f, 3);
    assert_string_equal(fleet_state(f, id), "paused");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(fleet_campaign(f, id), "pausedBy")), "errors");
    fleet_expect_event(f, 0, "started");
    fleet_expect_event(f, 0, "paused");
    assert_true(f->rig[0].host.warnings > 0);
    for (unsigned i = 0; i < f->count; i++) {
        if (i != broken && fleet_slot(f, i)->state == CR_STATE_TRIGGERED) {
            fleet_renew(f, i);
        }
    }
    fleet_live(f, 30);
    assert_int_equal(fleet_triggers(f), canary);
    assert_int_equal(fleet_number(f, id, "failed"), 1);

    fleet_steer(f, 0, "resume", id);
    fleet_expect_event(f, 0, "resumed");
    fleet_live(f, 5);
    assert_string_equal(fleet_state(f, id), "running");
    assert_int_equal(fleet_number(f, id, "group"), 1);
    for (int i = 0; i < 3; i++) {
        (void)fleet_renew_all(f); /* the broken one, too */
        fleet_live(f, 5);
    }
    assert_string_equal(fleet_state(f, id), "done");
    assert_int_equal(fleet_number(f, id, "renewed"), 100);
    assert_int_equal(fleet_number(f, id, "failed"), 0);
    assert_int_equal(fleet_triggers(f), 100);
}

static void who_does_not_answer_is_an_error(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];

    fleet_add(f, 20);
    fleet_create(f, id, "");
    fleet_live(f, 3);
    assert_int_equal(fleet_triggers(f), 20);
    f->now_s += 7 * 86400;
    flow_rig_pass(&f->rig[0], 7 * 86400);
    fleet_live(f, 120); /* a clock that jumped is believed after a minute */
    assert_string_equal(fleet_state(f, id), "paused");
    assert_int_equal(fleet_number(f, id, "unanswered"), 20);
}

static void operators_pause_resume_and_abort(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP], text[128];
    unsigned asked;

    fleet_add(f, 100);
    fleet_create(f, id, "\"rate\":5");
    fleet_live(f, 5);
    fleet_expect_event(f, 0, "started");
    fleet_steer(f, 0, "pause", id);
    fleet_expect_event(f, 0, "paused");
    assert_string_equal(fleet_state(f, id), "paused");
    asked = fleet_triggers(f);
    assert_in_range(asked, 5, 30);
    fleet_live(f, 10);
    assert_int_equal(fleet_triggers(f), asked);
    snprintf(text, sizeof text, "\"command\":\"pauseCampaign\",\"campaign\":\"%s\"", id);
    fleet_refused(f, text, "wrong-state", "");
    fleet_steer(f, 0, "resume", id);
    fleet_expect_event(f, 0, "resumed");
    fleet_live(f, 3);
    assert_true(fleet_triggers(f) > asked);
    asked = fleet_triggers(f);
    fleet_steer(f, 0, "abort", id);
    fleet_live(f, 5);
    assert_string_equal(fleet_state(f, id), "aborted");
    fleet_expect_event(f, 0, "aborted");
    for (unsigned i = 0; i < f->count; i++) {
        assert_int_equal(fleet_slot(f, i)->state, CR_STATE_QUIET);
    }
    assert_int_equal(fleet_number(f, id, "asked"), 0);
    fleet_live(f, 20);
    assert_in_range(fleet_triggers(f), asked, asked + 5);
    snprintf(text, sizeof text, "\"command\":\"resumeCampaign\",\"campaign\":\"%s\"", id);
    fleet_refused(f, text, "wrong-state", "");
    snprintf(text, sizeof text, "\"command\":\"abortCampaign\",\"campaign\":\"%s\"", id);
    fleet_refused(f, text, "wrong-state", "");
}

static void the_rate_is_kept(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];

    fleet_add(f, 100);
    fleet_create(f, id, "\"rate\":4");
    for (unsigned seconds = 1; seconds <= 30; seconds++) {
        fleet_live(f, 1);
        assert_true(fleet_triggers(f) <= 4 * seconds);
    }
    assert_int_equal(fleet_triggers(f), 100);
}

static void it_begins_at_its_start_and_ends_at_its_deadline(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP], start[CR_TIME_TEXT], deadline[CR_TIME_TEXT], text[128];

    fleet_add(f, 50);
    cr_time_text(start, f->now_s + 20);
    cr_time_text(deadline, f->now_s + 60);
    snprintf(text, sizeof text, "\"start\":\"%s\",\"deadline\":\"%s\",\"rate\":1", start, deadline);
    fleet_create(f, id, text);
    fleet_live(f, 15);
    assert_string_equal(fleet_state(f, id), "waiting");
    assert_int_equal(fleet_number(f, id, "total"), 50);
    assert_int_equal(fleet_triggers(f), 0);
    fleet_live(f, 10);
    assert_string_equal(fleet_state(f, id), "running");
    fleet_live(f, 40);
    assert_string_equal(fleet_state(f, id), "paused");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(fleet_campaign(f, id), "pausedBy")), "deadline");
    assert_in_range(fleet_triggers(f), 20, 45);
    fleet_steer(f, 0, "resume", id);
    fleet_live(f, 40);
    assert_int_equal(fleet_triggers(f), 50);
    assert_null(cJSON_GetObjectItem(fleet_campaign(f, id), "deadline"));
}

static void held_ones_are_skipped_and_tags_make_groups(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP], name[16];

    fleet_add(f, 30);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "d%u", i);
        snprintf(fake_device_find(f->ledger, name)->tags, CR_TAGS_CAP, ",lab,");
    }
    assert_true(fake_ledger_hold(f->ledger, "d3", "operational", true));
    fleet_create(f, id, "\"groups\":[{\"tag\":\"lab\"}],\"reason\":\"ca-rotation\"");
    fleet_live(f, 5);
    assert_int_equal(fleet_triggers(f), 9);
    assert_string_equal(group_text(f, id, 0, "tag"), "lab");
    assert_int_equal(group_number(f, id, 0, "total"), 10);
    assert_int_equal(group_number(f, id, 1, "total"), 20);
    assert_string_equal(group_text(f, id, 1, "name"), "rest");
    assert_int_equal(fleet_number(f, id, "skipped"), 1);
    assert_int_equal(fleet_slot(f, 0)->reason, CR_RENEW_CA_ROTATION);
    (void)fleet_renew_all(f);
    fleet_live(f, 5);
    assert_int_equal(fleet_triggers(f), 29);
}

static void a_filter_says_whom_it_is_about(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];

    fleet_add(f, FLEET_MAX); /* more than one page */
    fleet_create(f, id, "\"filter\":{\"idPrefix\":\"d1\"}");
    fleet_live(f, 5);
    assert_int_equal(fleet_triggers(f), 111); /* d1, d10 … d19, d100 … d199 */
    assert_int_equal(fleet_number(f, id, "total"), 111);
    fleet_create(f, id, "\"filter\":{\"idPrefix\":\"nobody\"}");
    fleet_live(f, 8);
    assert_string_equal(fleet_state(f, id), "done");
}

static void a_device_that_is_connected_is_asked_at_once(void **state)
{
    struct fleet *f = *state;
    char id[CR_CAMPAIGN_ID_CAP];
    struct rig_key key;
    struct cr_blob cert;
    const struct cr_client *client;
    const struct fake_publication *renew;

    rig_key_make(&key);
    cert = rig_certify(&f->rig[0], &key, "meter-1", 90 * 86400);
    client = fake_host_connect(&f->rig[0].host, "meter-1", cr_blob_view(&cert), 4);
    cr_router_connected(f->rig[0].router, client);
    flow_rig_pump(&f->rig[0]);
    fleet_create(f, id, "");
    fleet_live(f, 3);
    renew = fake_host_take(&f->rig[0].host, "meter-1", "/renew");
    assert_non_null(renew);
    assert_non_null(strstr((const char *)renew->payload.data, "\"reason\":\"campaign\""));
    fleet_live(f, 10);
    assert_null(fake_host_take(&f->rig[0].host, "meter-1", "/renew"));
    rig_key_free(&key);
    cr_blob_fini(&cert);
}

int main(void)
{
#define FLEET_TEST(test) cmocka_unit_test_setup_teardown(test, fleet_start, fleet_stop)
    const struct CMUnitTest tests[] = {
        FLEET_TEST(groups_follow_each_other_by_success),
        FLEET_TEST(errors_pause_everything_until_resumed),
        FLEET_TEST(who_does_not_answer_is_an_error),
        FLEET_TEST(operators_pause_resume_and_abort),
        FLEET_TEST(the_rate_is_kept),
        FLEET_TEST(it_begins_at_its_start_and_ends_at_its_deadline),
        FLEET_TEST(held_ones_are_skipped_and_tags_make_groups),
        FLEET_TEST(a_filter_says_whom_it_is_about),
        FLEET_TEST(a_device_that_is_connected_is_asked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
