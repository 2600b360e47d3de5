/* Shared settings: changed at one broker, in force at both; what is wrong changes nothing, and says which. */
#include "common/topic.h"
#include "tests/flow/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void what_is_set_at_one_is_in_force_at_both(void **state)
{
    struct policy_scene *s = *state;

    policy_expect(policy_command(s, 0, SET(OF_SLOT, "{\"lifetime\":\"60d\"}")),
                  "\"data\":{\"version\":1,\"changed\":\"2030-");
    assert_int_equal(policy_lifetime_days(s, 0), 60); /* at once */
    assert_int_equal(policy_lifetime_days(s, 1), 90);
    policy_pass(s, 3);
    assert_int_equal(policy_lifetime_days(s, 1), 60);
    policy_expect(policy_command(s, 1, GET), "\"version\":1,\"changed\":\"2030-");
    policy_expect(policy_command(s, 1, GET), "\"changedBy\":\"operator:alice alice@");
    policy_expect(policy_command(s, 1, GET), "\"operational\":{\"lifetime\":{\"value\":\"60d\",\"source\":\"shared\"}");
    policy_expect(policy_command(s, 1, GET), "\"data\":{\"lifetime\":{\"value\":\"90d\",\"source\":\"file\"}");
    policy_expect(policy_command(s, 1, STATUS), "\"policyVersion\":1");
    assert_string_equal(fake_ledger_audit_detail(s->ledger, "policy"), "version 1: operational/lifetime: file -> 60d");
    assert_int_equal(policy_changes(s), 1);

    policy_expect(policy_command(s, 1, SET("", "{\"trigger_rate\":\"7\",\"rate_total\":\"9\"}")), "\"version\":2");
    policy_pass(s, 3);
    assert_int_equal(policy_config(s, 0)->trigger_rate_per_s, 7);
    assert_int_equal(s->rig[0].router->begin_rate.per_period, 7);
    assert_int_equal(s->rig[0].router->total_rate.per_period, 9);
    assert_int_equal(policy_lifetime_days(s, 0), 60);
    policy_expect(rig_command(&s->rig[0], s->bob, GET),
                  "\"settings\":{\"rate_device\":{\"value\":\"30\",\"source\":\"file\"}");
    policy_expect(rig_command(&s->rig[0], s->bob, SET("", "{\"trigger_rate\":\"8\"}")),
                  "\"errorCode\":\"not-authorised\"");

    policy_expect(policy_command(s, 0, SET(OF_SLOT, "{\"lifetime\":null}")), "\"version\":3"); /* back to each file's */
    assert_int_equal(policy_lifetime_days(s, 0), 90);
    policy_pass(s, 3);
    assert_int_equal(policy_lifetime_days(s, 1), 90);
    policy_expect(policy_command(s, 1, GET), "\"operational\":{\"lifetime\":{\"value\":\"90d\",\"source\":\"file\"}");
    assert_int_equal(policy_changes(s), 3);
}

static void one_slot_can_be_looked_at(void **state)
{
    struct policy_scene *s = *state;
    const char *reply = policy_command(s, 1, "{\"commands\":[{\"command\":\"getPolicy\",\"slot\":\"data\"}]}");

    policy_expect(reply, "\"slots\":{\"data\":{\"lifetime\":");
    assert_null(strstr(reply, "operational"));
    assert_null(strstr(reply, "trigger_rate"));
    policy_expect(policy_command(s, 0, "{\"commands\":[{\"command\":\"getPolicy\",\"slot\":\"data\"}]}"),
                  "\"errorCode\":\"unknown-slot\"");
}

static void a_bad_policy_changes_nothing_and_says_which_field(void **state)
{
    static const struct {
        const char *json, *code, *field;
    } bad[] = {
        { SET(OF_SLOT, "{\"lifetime\":\"5s\"}"), "policy-not-allowed", "lifetime" },
        { SET(OF_SLOT, "{\"min_chances\":\"9\",\"lifetime\":\"soon\"}"), "policy-not-allowed", "lifetime" },
        { SET(OF_SLOT, "{\"lifetime\":90}"), "policy-not-allowed", "lifetime" },
        { SET(OF_SLOT, "{\"lifetime\":\"\"}"), "policy-not-allowed", "lifetime" },
        { SET(OF_SLOT, "{\"lifetime\":\"30d\\n\"}"), "policy-not-allowed", "lifetime" },
        { SET(OF_SLOT, "{\"lifetime\":\"30d\",\"renewal_window\":\"29d\"}"), "policy-not-allowed", "renewal_window" },
        { SET(OF_SLOT, "{\"lifetime\":\"31d\"}"), "policy-not-allowed", "lifetime" }, /* the file's window is 30 days */
        { SET(OF_SLOT, "{\"ext_key_usage\":\"serverAuth\"}"), "policy-not-allowed", "ext_key_usage" },
        { SET(OF_SLOT, "{\"key_usage\":\"keyEncipherment\"}"), "policy-not-allowed", "key_usage" },
        { SET(OF_SLOT, "{\"rsa_min_bits\":\"3072\"}"), "policy-not-allowed", "rsa_min_bits" },
        { SET(OF_SLOT, "{\"tls\":\"false\"}"), "policy-not-allowed", "tls" },
        { SET(OF_SLOT, "{\"trigger_rate\":\"5\"}"), "policy-not-allowed", "trigger_rate" },
        { SET(OF_SLOT, "{\"lifetme\":\"5d\"}"), "policy-not-allowed", "lifetme" },
        { SET("", "{\"lifetime\":\"5d\"}"), "policy-not-allowed", "lifetime" },
        { SET("", "{\"redis\":\"evil:1\"}"), "policy-not-allowed", "redis" },
        { SET("", "{\"admin_username\":\"eve\"}"), "policy-not-allowed", "admin_username" },
        { SET("", "{\"trigger_rate\":\"50\",\"workers\":null}"), "policy-not-allowed", "workers" },
        { SET("", "{}"), "malformed-json", NULL },
        { SET("", "{\"a=b\\nc\":\"1\"}"), "malformed-json", NULL },
        { SET("", "{\"/trigger_rate\":\"1\"}"), "malformed-json", NULL },
        { SET(",\"version\":\"1\"", "{\"trigger_rate\":\"1\"}"), "malformed-json", NULL },
        { SET(",\"slot\":\"data\"", "{\"lifetime\":\"1d\"}"), "unknown-slot", NULL },
        { "{\"commands\":[{\"command\":\"setPolicy\"}]}", "malformed-json", NULL },
        { SET(",\"version\":3", "{\"trigger_rate\":\"1\"}"), "wrong-state", NULL },
    };
    struct policy_scene *s = *state;
    struct cr_config before = *policy_config(s, 0);
    char part[80];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *reply = policy_command(s, 0, bad[i].json);

        snprintf(part, sizeof part, "\"errorCode\":\"%s\"", bad[i].code);
        policy_expect(reply, part);
        if (bad[i].field != NULL) {
            snprintf(part, sizeof part, "\"field\":\"%s\"", bad[i].field);
            policy_expect(reply, part);
        } else {
            assert_null(strstr(reply, "\"field\""));
        }
    }
    policy_expect(policy_command(s, 0, SET("", "{\"triger_rate\":\"5\"}")), "did you mean trigger_rate?");
    policy_pass(s, 3);
    assert_memory_equal(policy_config(s, 0), &before, sizeof before);
    assert_int_equal(policy_changes(s), 0);
    policy_expect(policy_command(s, 0, STATUS), "\"policyVersion\":0");
}

static void what_goes_together_may_be_set_together(void **state)
{
    struct policy_scene *s = *state;

    policy_expect(
        policy_command(s, 0,
                       SET(OF_SLOT, "{\"renewal_window\":\"7d\",\"lifetime\":\"10d\",\"key_types\":\"EC-P256 RSA\","
                                    "\"rsa_min_bits\":\"3072\"}")),
        "\"version\":1");
    assert_int_equal(policy_lifetime_days(s, 0), 10);
    assert_int_equal(policy_config(s, 0)->slot[0].window_permille, 700);
    /* the window belongs to the lifetime by now: alone it cannot go back to the file's 30 days */
    policy_expect(policy_command(s, 0, SET(OF_SLOT, "{\"renewal_window\":null}")), "\"field\":\"renewal_window\"");
    policy_expect(policy_command(s, 0, SET(OF_SLOT, "{\"renewal_window\":null,\"lifetime\":null}")), "\"version\":2");
    assert_int_equal(policy_config(s, 0)->slot[0].window_permille, 334);
    policy_expect(policy_command(s, 0, SET(OF_SLOT, "{\"key_types\":\"EC-P256\"}")),
                  "\"errorCode\":\"policy-not-allowed\"");
}

static void versions_keep_operators_apart(void **state)
{
    struct policy_scene *s = *state;

    policy_expect(policy_command(s, 0, SET(",\"version\":0", "{\"trigger_rate\":\"5\"}")), "\"version\":1");
    /* the other broker has not looked since: it does before it judges */
    policy_expect(policy_command(s, 1, SET(",\"version\":0", "{\"trigger_rate\":\"6\"}")),
                  "\"errorCode\":\"wrong-state\"");
    policy_expect(policy_command(s, 1, SET(",\"version\":1", "{\"trigger_rate\":\"6\"}")), "\"version\":2");
    policy_expect(policy_command(s, 0, SET("", "{\"rate_total\":\"6\"}")), "\"version\":3");
    assert_int_equal(policy_config(s, 0)->trigger_rate_per_s, 6);
    policy_expect(policy_command(s, 0,
                                 "{\"commands\":[{\"command\":\"setPolicy\",\"set\":{\"rate_total\":\"7\"}},"
                                 "{\"command\":\"setPolicy\",\"set\":{\"rate_total\":\"8\"},\"version\":4},"
                                 "{\"command\":\"setPolicy\",\"set\":{\"rate_total\":\"9\"},\"version\":4},"
                                 "{\"command\":\"setPolicy\",\"set\":{\"rate_total\":\"8\"}}]}"),
                  "\"version\":4");
    assert_int_equal(policy_config(s, 0)->rate_total_per_s, 8);
    assert_int_equal(policy_changes(s), 5); /* the third came too late, the fourth changed nothing */
}

/* Both have read the same when both write. */
static void who_is_later_goes_by_what_is_there(void **state)
{
    struct policy_scene *s = *state;
    struct cr_request_properties properties = { .user_properties = 0 };
    static const char *const json[] = { SET(OF_SLOT, "{\"lifetime\":\"40d\"}"),
                                        SET(OF_SLOT, "{\"renewal_window\":\"39d\"}") };
    const struct fake_publication *reply[BOTH];

    for (int i = 0; i < BOTH; i++) {
        assert_int_equal(cr_router_access(s->rig[i].router, s->alice[i], CR_ACCESS_WRITE, CR_TOPIC_CONTROL), CR_ALLOW);
        cr_router_control(s->rig[i].router, s->alice[i], rig_text(json[i]), &properties);
    }
    for (int step = 0; step < 3; step++) { /* read, write, read again … */
        for (int i = 0; i < BOTH; i++) {
            (void)fake_store_pump(s->rig[i].store);
            (void)cr_router_tick(s->rig[i].router);
        }
    }
    for (int i = 0; i < BOTH; i++) {
        flow_rig_pump(&s->rig[i]);
        reply[i] = fake_host_take(&s->rig[i].host, "alice", "/response");
        assert_non_null(reply[i]);
    }
    policy_expect((const char *)reply[0]->payload.data, "\"version\":1");
    policy_expect((const char *)reply[1]->payload.data,
                  "\"field\":\"renewal_window\""); /* alone it would have been all right */
    assert_int_equal(policy_changes(s), 1);
}

static void nothing_is_set_while_the_store_is_away(void **state)
{
    struct policy_scene *s = *state;

    fake_store_fault(s->rig[0].store, FAKE_STORE_DOWN);
    policy_expect(policy_command(s, 0, SET("", "{\"trigger_rate\":\"5\"}")), "\"errorCode\":\"store-unavailable\"");
    policy_expect(policy_command(s, 0, GET), "\"errorCode\":\"store-unavailable\"");
    fake_store_fault(s->rig[0].store, FAKE_STORE_WELL);
    assert_int_equal(policy_config(s, 0)->trigger_rate_per_s, 50);
    policy_expect(policy_command(s, 0, SET("", "{\"trigger_rate\":\"5\"}")), "\"version\":1");
}

/* Each is judged by all settings together, which takes a while: the loop does other things in between. */
static void a_flood_of_wrong_ones_is_judged_bit_by_bit(void **state)
{
    enum { MANY = 100, ROUNDS = 5 };
    struct policy_scene *s = *state;
    struct flow_rig *rig = &s->rig[0];
    struct cr_request_properties properties = { .user_properties = 0 };
    static const char part[] = "{\"command\":\"setPolicy\",\"set\":{\"trigger_rate\":\"none\"}}";
    char batch[MANY * sizeof part + 32] = "{\"commands\":[";
    const struct fake_publication *reply;
    unsigned rounds = 0, refused = 0;

    for (size_t i = 0, len = strlen(batch); i < MANY; i++) {
        len += (size_t)snprintf(batch + len, sizeof batch - len, "%s%s", part, i + 1 < MANY ? "," : "]}");
    }
    cr_router_control(rig->router, s->alice[0], rig_text(batch), &properties);
    while ((reply = fake_host_take(&rig->host, s->alice[0]->id, "/response")) == NULL) {
        (void)fake_store_pump(rig->store);
        cr_router_tick(rig->router);
        assert_true(rounds++ < MANY);
    }
    assert_in_range(rounds, ROUNDS, MANY);
    for (const char *at = (const char *)reply->payload.data; (at = strstr(at, "policy-not-allowed")) != NULL; at++) {
        refused++;
    }
    assert_int_equal(refused, MANY);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, policy_start, policy_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(what_is_set_at_one_is_in_force_at_both),
        WITH_SCENE(one_slot_can_be_looked_at),
        WITH_SCENE(a_bad_policy_changes_nothing_and_says_which_field),
        WITH_SCENE(what_goes_together_may_be_set_together),
        WITH_SCENE(versions_keep_operators_apart),
        WITH_SCENE(who_is_later_goes_by_what_is_there),
        WITH_SCENE(nothing_is_set_while_the_store_is_away),
        WITH_SCENE(a_flood_of_wrong_ones_is_judged_bit_by_bit),
    };
    return cmocka_run_group_tests_name("policy_flow", tests, NULL, NULL);
}
