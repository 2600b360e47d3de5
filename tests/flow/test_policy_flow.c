/* Shared settings: changed at one broker, in force at all of them; what does not fit changes nothing, and says which. */
#include "common/topic.h"
#include "plugin/loop/policies.h"
#include "tests/support/flow_rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_ONE "admin_username alice\nviewer_username bob\nslot operational\nlifetime 90d\nrenewal_window 30d\n"
#define FILE_TWO "admin_username alice\nslot operational\nlifetime 90d\nslot data\ntls false\n"
#define SET(slot, set) "{\"commands\":[{\"command\":\"setPolicy\"" slot ",\"set\":" set "}]}"
#define OF_SLOT ",\"slot\":\"operational\""
#define GET "{\"commands\":[{\"command\":\"getPolicy\"}]}"
#define STATUS "{\"commands\":[{\"command\":\"getStatus\"}]}"

enum { DAY_S = 86400, BOTH = 2 };

struct scene {
    struct flow_rig rig[BOTH];
    const struct cr_client *alice[BOTH], *bob;
    struct fake_ledger *ledger;
};

static const struct cr_client *named(struct flow_rig *rig, const char *name)
{
    const struct cr_client *client = fake_host_connect(&rig->host, name, (struct cr_bytes){ NULL, 0 }, 4);

    ((struct fake_client *)client->handle)->client.username = name;
    return client;
}

static int start(void **state)
{
    struct scene *s = calloc(1, sizeof *s);

    assert_non_null(s);
    assert_int_equal(fake_ledger_new(&s->ledger), CR_OK);
    flow_rig_start_on(&s->rig[0], FILE_ONE, "one", s->ledger);
    flow_rig_start_on(&s->rig[1], FILE_TWO, "two", s->ledger);
    for (int i = 0; i < BOTH; i++) {
        s->alice[i] = named(&s->rig[i], "alice");
    }
    s->bob = named(&s->rig[0], "bob");
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < BOTH; i++) {
        flow_rig_stop(&s->rig[i]);
    }
    fake_ledger_free(s->ledger);
    free(s);
    return 0;
}

static void expect(const char *reply, const char *part)
{
    if (strstr(reply, part) == NULL) {
        fail_msg("expected %s in %s", part, reply);
    }
}

static const char *command(struct scene *s, int which, const char *json)
{
    return rig_command(&s->rig[which], s->alice[which], json);
}

static const struct cr_config *config_of(const struct scene *s, int which)
{
    return &s->rig[which].router->setup->config;
}

static int64_t lifetime_days(const struct scene *s, int which)
{
    return cr_config_slot(config_of(s, which), "operational")->lifetime_s / DAY_S;
}

static void pass(struct scene *s, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        for (int k = 0; k < BOTH; k++) {
            flow_rig_pass(&s->rig[k], 1);
            flow_rig_pump(&s->rig[k]);
            flow_rig_pump(&s->rig[k]);
        }
    }
}

static unsigned changes(const struct scene *s)
{
    return fake_ledger_audit_count(s->ledger, "policy", NULL);
}

/* ---- changing ---- */

static void what_is_set_at_one_is_in_force_at_both(void **state)
{
    struct scene *s = *state;

    expect(command(s, 0, SET(OF_SLOT, "{\"lifetime\":\"60d\"}")), "\"data\":{\"version\":1,\"changed\":\"2030-");
    assert_int_equal(lifetime_days(s, 0), 60); /* at once */
    assert_int_equal(lifetime_days(s, 1), 90);
    pass(s, 3);
    assert_int_equal(lifetime_days(s, 1), 60);
    expect(command(s, 1, GET), "\"version\":1,\"changed\":\"2030-");
    expect(command(s, 1, GET), "\"changedBy\":\"operator:alice alice@");
    expect(command(s, 1, GET), "\"operational\":{\"lifetime\":{\"value\":\"60d\",\"source\":\"shared\"}");
    expect(command(s, 1, GET), "\"data\":{\"lifetime\":{\"value\":\"90d\",\"source\":\"file\"}");
    expect(command(s, 1, STATUS), "\"policyVersion\":1");
    assert_string_equal(fake_ledger_audit_detail(s->ledger, "policy"), "version 1: operational/lifetime: file -> 60d");
    assert_int_equal(changes(s), 1);

    expect(command(s, 1, SET("", "{\"trigger_rate\":\"7\",\"rate_total\":\"9\"}")), "\"version\":2");
    pass(s, 3);
    assert_int_equal(config_of(s, 0)->trigger_rate_per_s, 7);
    assert_int_equal(s->rig[0].router->begin_rate.per_period, 7);
    assert_int_equal(s->rig[0].router->total_rate.per_period, 9);
    assert_int_equal(lifetime_days(s, 0), 60);
    expect(rig_command(&s->rig[0], s->bob, GET), "\"settings\":{\"rate_device\":{\"value\":\"30\",\"source\":\"file\"}");
    expect(rig_command(&s->rig[0], s->bob, SET("", "{\"trigger_rate\":\"8\"}")), "\"errorCode\":\"not-authorised\"");

    expect(command(s, 0, SET(OF_SLOT, "{\"lifetime\":null}")), "\"version\":3"); /* back to each file's */
    assert_int_equal(lifetime_days(s, 0), 90);
    pass(s, 3);
    assert_int_equal(lifetime_days(s, 1), 90);
    expect(command(s, 1, GET), "\"operational\":{\"lifetime\":{\"value\":\"90d\",\"source\":\"file\"}");
    assert_int_equal(changes(s), 3);
}

static void one_slot_can_be_looked_at(void **state)
{
    struct scene *s = *state;
    const char *reply = command(s, 1, "{\"commands\":[{\"command\":\"getPolicy\",\"slot\":\"data\"}]}");

    expect(reply, "\"slots\":{\"data\":{\"lifetime\":");
    assert_null(strstr(reply, "operational"));
    assert_null(strstr(reply, "trigger_rate"));
    expect(command(s, 0, "{\"commands\":[{\"command\":\"getPolicy\",\"slot\":\"data\"}]}"), "\"errorCode\":\"unknown-slot\"");
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
    struct scene *s = *state;
    struct cr_config before = *config_of(s, 0);
    char part[80];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *reply = command(s, 0, bad[i].json);

        snprintf(part, sizeof part, "\"errorCode\":\"%s\"", bad[i].code);
        expect(reply, part);
        if (bad[i].field != NULL) {
            snprintf(part, sizeof part, "\"field\":\"%s\"", bad[i].field);
            expect(reply, part);
        } else {
            assert_null(strstr(reply, "\"field\""));
        }
    }
    expect(command(s, 0, SET("", "{\"triger_rate\":\"5\"}")), "did you mean trigger_rate?");
    pass(s, 3);
    assert_memory_equal(config_of(s, 0), &before, sizeof before);
    assert_int_equal(changes(s), 0);
    expect(command(s, 0, STATUS), "\"policyVersion\":0");
}

static void what_goes_together_may_be_set_together(void **state)
{
    struct scene *s = *state;

    expect(command(s, 0, SET(OF_SLOT, "{\"renewal_window\":\"7d\",\"lifetime\":\"10d\",\"key_types\":\"EC-P256 RSA\","
                                      "\"rsa_min_bits\":\"3072\"}")), "\"version\":1");
    assert_int_equal(lifetime_days(s, 0), 10);
    assert_int_equal(config_of(s, 0)->slot[0].window_permille, 700);
    /* the window belongs to the lifetime by now: alone it cannot go back to the file's 30 days */
    expect(command(s, 0, SET(OF_SLOT, "{\"renewal_window\":null}")), "\"field\":\"renewal_window\"");
    expect(command(s, 0, SET(OF_SLOT, "{\"renewal_window\":null,\"lifetime\":null}")), "\"version\":2");
    assert_int_equal(config_of(s, 0)->slot[0].window_permille, 334);
    expect(command(s, 0, SET(OF_SLOT, "{\"key_types\":\"EC-P256\"}")), "\"errorCode\":\"policy-not-allowed\"");
}

static void versions_keep_operators_apart(void **state)
{
    struct scene *s = *state;

    expect(command(s, 0, SET(",\"version\":0", "{\"trigger_rate\":\"5\"}")), "\"version\":1");
    /* the other broker has not looked since: it does before it judges */
    expect(command(s, 1, SET(",\"version\":0", "{\"trigger_rate\":\"6\"}")), "\"errorCode\":\"wrong-state\"");
    expect(command(s, 1, SET(",\"version\":1", "{\"trigger_rate\":\"6\"}")), "\"version\":2");
    expect(command(s, 0, SET("", "{\"rate_total\":\"6\"}")), "\"version\":3");
    assert_int_equal(config_of(s, 0)->trigger_rate_per_s, 6);
    expect(command(s, 0, "{\"commands\":[{\"command\":\"setPolicy\",\"set\":{\"rate_total\":\"7\"}},"
                         "{\"command\":\"setPolicy\",\"set\":{\"rate_total\":\"8\"},\"version\":4},"
                         "{\"command\":\"setPolicy\",\"set\":{\"rate_total\":\"9\"},\"version\":4},"
                         "{\"command\":\"setPolicy\",\"set\":{\"rate_total\":\"8\"}}]}"),
           "\"version\":4");
    assert_int_equal(config_of(s, 0)->rate_total_per_s, 8);
    assert_int_equal(changes(s), 5); /* the third came too late, the fourth changed nothing */
}

/* Both have read the same when both write. */
static void who_is_later_goes_by_what_is_there(void **state)
{
    struct scene *s = *state;
    struct cr_request_properties properties = { .user_properties = 0 };
    static const char *const json[] = { SET(OF_SLOT, "{\"lifetime\":\"40d\"}"), SET(OF_SLOT, "{\"renewal_window\":\"39d\"}") };
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
    expect((const char *)reply[0]->payload.data, "\"version\":1");
    expect((const char *)reply[1]->payload.data, "\"field\":\"renewal_window\""); /* alone it would have been all right */
    assert_int_equal(changes(s), 1);
}

static void nothing_is_set_while_the_store_is_away(void **state)
{
    struct scene *s = *state;

    fake_store_fault(s->rig[0].store, FAKE_STORE_DOWN);
    expect(command(s, 0, SET("", "{\"trigger_rate\":\"5\"}")), "\"errorCode\":\"store-unavailable\"");
    expect(command(s, 0, GET), "\"errorCode\":\"store-unavailable\"");
    fake_store_fault(s->rig[0].store, FAKE_STORE_WELL);
    assert_int_equal(config_of(s, 0)->trigger_rate_per_s, 50);
    expect(command(s, 0, SET("", "{\"trigger_rate\":\"5\"}")), "\"version\":1");
}

/* ---- in force ---- */

/* Days from notBefore to notAfter of the certificate that meter-1 was sent. */
static int64_t certified_days(struct scene *s)
{
    const struct fake_publication *sent = fake_host_take(&s->rig[0].host, "meter-1", "/certificate");
    struct cr_blob der = { NULL, 0 };
    struct cr_cert cert;
    int64_t days;

    assert_non_null(sent);
    assert_int_equal(cr_blob_copy(&der, sent->payload.data, sent->payload.len), CR_OK);
    der.len = 4 + (size_t)(der.data[2] << 8 | der.data[3]); /* the leaf of the chain */
    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&der)), CR_OK);
    days = (cert.facts.not_after - cert.facts.not_before) / DAY_S;
    cr_blob_fini(&der);
    return days;
}

static void work_under_way_keeps_its_own(void **state)
{
    static const char topic[] = "$identity/v1/meter-1/operational/csr";
    struct scene *s = *state;
    struct flow_rig *rig = &s->rig[0];
    struct cr_request_properties properties = { .user_properties = 0 };
    struct rig_key key, next[2];
    const struct cr_client *device;
    struct cr_blob cert, csr[2];

    expect(command(s, 0, SET(OF_SLOT, "{\"request_timing\":\"any\",\"lifetime_jitter\":\"0%\"}")), "\"version\":1");
    rig_key_make(&key);
    cert = rig_certify(rig, &key, "meter-1", 90 * DAY_S);
    device = fake_host_connect(&rig->host, "meter-1", cr_blob_view(&cert), 4);
    for (int i = 0; i < 2; i++) {
        rig_key_make(&next[i]);
        csr[i] = rig_csr(&next[i], "meter-1");
    }
    assert_int_equal(cr_router_access(rig->router, device, CR_ACCESS_WRITE, topic), CR_ALLOW);
    flow_rig_pump(rig);
    assert_int_equal(cr_router_message(rig->router, device, topic, cr_blob_view(&csr[0]), &properties), CR_CONSUMED);
    expect(command(s, 0, SET(OF_SLOT, "{\"lifetime\":\"40d\",\"renewal_window\":\"33%\"}")), "\"version\":2");
    assert_int_equal(certified_days(s), 90);
    assert_int_equal(rig_publish(rig, device, topic, cr_blob_view(&csr[1])), CR_CONSUMED);
    assert_int_equal(certified_days(s), 40);
    for (int i = 0; i < 2; i++) {
        rig_key_free(&next[i]);
        cr_blob_fini(&csr[i]);
    }
    rig_key_free(&key);
    cr_blob_fini(&cert);
}

static void a_file_that_is_read_again_is_beneath(void **state)
{
    struct scene *s = *state;

    expect(command(s, 0, SET(OF_SLOT, "{\"lifetime\":\"60d\"}")), "\"version\":1");
    flow_rig_reload(&s->rig[0], FILE_ONE "min_chances 9\n");
    assert_int_equal(lifetime_days(s, 0), 60);
    assert_int_equal(config_of(s, 0)->slot[0].min_chances, 9);
    pass(s, 3);
    assert_int_equal(lifetime_days(s, 0), 60);
    expect(command(s, 0, SET(OF_SLOT, "{\"lifetime\":null}")), "\"version\":2");
    assert_int_equal(lifetime_days(s, 0), 90);
    assert_int_equal(config_of(s, 0)->slot[0].min_chances, 9);
}

static void what_does_not_go_with_a_file_leaves_it_as_it_was(void **state)
{
    struct scene *s = *state;

    /* the second broker's window is a share, the first one's 30 days */
    expect(command(s, 1, SET(OF_SLOT, "{\"min_chances\":\"3\"}")), "\"version\":1");
    pass(s, 3);
    expect(command(s, 1, SET(OF_SLOT, "{\"lifetime\":\"20d\",\"min_chances\":\"4\"}")), "\"version\":2");
    pass(s, 3);
    assert_int_equal(lifetime_days(s, 1), 20);
    assert_int_equal(lifetime_days(s, 0), 90);
    assert_int_equal(config_of(s, 0)->slot[0].min_chances, 3); /* all or none */
    expect(command(s, 0, STATUS), "\"problem\":\"The shared settings do not go with this broker's file: operational: "
                                  "renewal_window must be");
    expect(command(s, 0, GET), "\"lifetime\":{\"value\":\"90d\",\"source\":\"file\"}");
    expect(command(s, 1, STATUS), "\"problem\":\"\"");
    assert_non_null(strstr(s->rig[0].host.last_log, "do not go with"));
    /* a file that goes with them heals it; one that does not waits */
    flow_rig_reload(&s->rig[0], FILE_ONE "min_chances 8\n");
    assert_int_equal(config_of(s, 0)->slot[0].min_chances, 3);
    flow_rig_reload(&s->rig[0], "admin_username alice\nslot operational\nrenewal_window 30%\n");
    assert_int_equal(lifetime_days(s, 0), 20);
    assert_int_equal(config_of(s, 0)->slot[0].min_chances, 4);
    expect(command(s, 0, STATUS), "\"problem\":\"\"");
    /* so does whoever changes the settings */
    flow_rig_reload(&s->rig[0], FILE_ONE);
    assert_int_equal(config_of(s, 0)->slot[0].window_permille, 300);
    expect(command(s, 1, SET(OF_SLOT, "{\"lifetime\":null}")), "\"version\":3");
    pass(s, 3);
    assert_int_equal(config_of(s, 0)->slot[0].window_permille, 334);
    expect(command(s, 0, STATUS), "\"problem\":\"\"");
}

static void what_is_for_other_brokers_is_kept(void **state)
{
    struct scene *s = *state;

    expect(command(s, 1, SET(",\"slot\":\"data\"", "{\"lifetime\":\"7d\"}")), "\"version\":1");
    pass(s, 3);
    assert_non_null(strstr(s->rig[0].host.last_log, "data/lifetime is none for this broker"));
    expect(command(s, 0, SET("", "{\"trigger_rate\":\"5\"}")), "\"version\":2");
    assert_null(strstr(s->rig[0].host.last_log, "data/lifetime")); /* said once */
    pass(s, 3);
    assert_int_equal(cr_config_slot(config_of(s, 1), "data")->lifetime_s, 7 * DAY_S);
}

static void nothing_begins_before_they_are_known(void **state)
{
    struct scene *s = *state;
    struct flow_rig *rig = &s->rig[0];
    struct rig_key key;
    struct cr_blob cert;

    rig->router->policies->known = false;
    rig->router->policies->next_ms = INT64_MAX;
    rig_key_make(&key);
    cert = rig_certify(rig, &key, "meter-1", 4000); /* an hour of it is over */
    cr_router_connected(rig->router, fake_host_connect(&rig->host, "meter-1", cr_blob_view(&cert), 4));
    pass(s, 20);
    assert_null(fake_host_take(&rig->host, "meter-1", "/renew"));
    rig->router->policies->next_ms = 0;
    pass(s, 3);
    assert_non_null(fake_host_take(&rig->host, "meter-1", "/renew"));
    rig_key_free(&key);
    cr_blob_fini(&cert);
}

static void what_is_damaged_leaves_all_as_it_was(void **state)
{
    struct scene *s = *state;
    uint64_t alarms;

    expect(command(s, 0, SET("", "{\"trigger_rate\":\"5\"}")), "\"version\":1");
    alarms = s->rig[0].router->counters.alarms;
    for (int i = 0; i < 2; i++) {
        fake_store_refuse_next(s->rig[0].store, CR_REFUSAL_INTERNAL);
        expect(command(s, 0, GET), "\"errorCode\":\"internal\"");
    }
    assert_true(s->rig[0].router->counters.alarms > alarms);
    expect(command(s, 0, STATUS), "\"problem\":\"The shared settings in Redis are damaged");
    pass(s, 3);
    expect(command(s, 0, STATUS), "\"problem\":\"\"");
    assert_int_equal(config_of(s, 0)->trigger_rate_per_s, 5);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, start, end)

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
        WITH_SCENE(work_under_way_keeps_its_own),
        WITH_SCENE(a_file_that_is_read_again_is_beneath),
        WITH_SCENE(what_does_not_go_with_a_file_leaves_it_as_it_was),
        WITH_SCENE(what_is_for_other_brokers_is_kept),
        WITH_SCENE(nothing_begins_before_they_are_known),
        WITH_SCENE(what_is_damaged_leaves_all_as_it_was),
    };
    return cmocka_run_group_tests_name("policy_flow", tests, NULL, NULL);
}
