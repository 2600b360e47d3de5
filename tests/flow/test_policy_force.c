/* Shared settings in force: work under way, files that are read again or do not go with them, starts, damage. */
#include "common/topic.h"
#include "tests/flow/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Days from notBefore to notAfter of the certificate that meter-1 was sent. */
static int64_t certified_days(struct policy_scene *s)
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
    struct policy_scene *s = *state;
    struct flow_rig *rig = &s->rig[0];
    struct cr_request_properties properties = { .user_properties = 0 };
    struct rig_key key, next[2];
    const struct cr_client *device;
    struct cr_blob cert, csr[2];

    policy_expect(policy_command(s, 0, SET(OF_SLOT, "{\"request_timing\":\"any\",\"lifetime_jitter\":\"0%\"}")),
                  "\"version\":1");
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
    policy_expect(policy_command(s, 0, SET(OF_SLOT, "{\"lifetime\":\"40d\",\"renewal_window\":\"33%\"}")),
                  "\"version\":2");
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
    struct policy_scene *s = *state;

    policy_expect(policy_command(s, 0, SET(OF_SLOT, "{\"lifetime\":\"60d\"}")), "\"version\":1");
    flow_rig_reload(&s->rig[0], FILE_ONE "min_chances 9\n");
    assert_int_equal(policy_lifetime_days(s, 0), 60);
    assert_int_equal(policy_config(s, 0)->slot[0].min_chances, 9);
    policy_pass(s, 3);
    assert_int_equal(policy_lifetime_days(s, 0), 60);
    policy_expect(policy_command(s, 0, SET(OF_SLOT, "{\"lifetime\":null}")), "\"version\":2");
    assert_int_equal(policy_lifetime_days(s, 0), 90);
    assert_int_equal(policy_config(s, 0)->slot[0].min_chances, 9);
}

static void what_does_not_go_with_a_file_leaves_it_as_it_was(void **state)
{
    struct policy_scene *s = *state;

    /* the second broker's window is a share, the first one's 30 days */
    policy_expect(policy_command(s, 1, SET(OF_SLOT, "{\"min_chances\":\"3\"}")), "\"version\":1");
    policy_pass(s, 3);
    policy_expect(policy_command(s, 1, SET(OF_SLOT, "{\"lifetime\":\"20d\",\"min_chances\":\"4\"}")), "\"version\":2");
    policy_pass(s, 3);
    assert_int_equal(policy_lifetime_days(s, 1), 20);
    assert_int_equal(policy_lifetime_days(s, 0), 90);
    assert_int_equal(policy_config(s, 0)->slot[0].min_chances, 3); /* all or none */
    policy_expect(policy_command(s, 0, STATUS),
                  "\"problem\":\"The shared settings do not go with this broker's file: operational: "
                  "renewal_window must be");
    policy_expect(policy_command(s, 0, GET), "\"lifetime\":{\"value\":\"90d\",\"source\":\"file\"}");
    policy_expect(policy_command(s, 1, STATUS), "\"problem\":\"\"");
    assert_non_null(strstr(s->rig[0].host.last_log, "do not go with"));
    /* a file that goes with them heals it; one that does not waits */
    flow_rig_reload(&s->rig[0], FILE_ONE "min_chances 8\n");
    assert_int_equal(policy_config(s, 0)->slot[0].min_chances, 3);
    flow_rig_reload(&s->rig[0], "admin_username alice\nslot operational\nrenewal_window 30%\n");
    assert_int_equal(policy_lifetime_days(s, 0), 20);
    assert_int_equal(policy_config(s, 0)->slot[0].min_chances, 4);
    policy_expect(policy_command(s, 0, STATUS), "\"problem\":\"\"");
    /* so does whoever changes the settings */
    flow_rig_reload(&s->rig[0], FILE_ONE);
    assert_int_equal(policy_config(s, 0)->slot[0].window_permille, 300);
    policy_expect(policy_command(s, 1, SET(OF_SLOT, "{\"lifetime\":null}")), "\"version\":3");
    policy_pass(s, 3);
    assert_int_equal(policy_config(s, 0)->slot[0].window_permille, 334);
    policy_expect(policy_command(s, 0, STATUS), "\"problem\":\"\"");
}

static void what_is_for_other_brokers_is_kept(void **state)
{
    struct policy_scene *s = *state;

    policy_expect(policy_command(s, 1, SET(",\"slot\":\"data\"", "{\"lifetime\":\"7d\"}")), "\"version\":1");
    policy_pass(s, 3);
    assert_non_null(strstr(s->rig[0].host.last_log, "data/lifetime is none for this broker"));
    policy_expect(policy_command(s, 0, SET("", "{\"trigger_rate\":\"5\"}")), "\"version\":2");
    assert_null(strstr(s->rig[0].host.last_log, "data/lifetime")); /* said once */
    policy_pass(s, 3);
    assert_int_equal(cr_config_slot(policy_config(s, 1), "data")->lifetime_s, 7 * DAY_S);
}

static void nothing_begins_before_they_are_known(void **state)
{
    struct policy_scene *s = *state;
    struct flow_rig *rig = &s->rig[0];
    struct rig_key key;
    struct cr_blob cert;

    rig->router->policies->known = false;
    rig->router->policies->next_ms = INT64_MAX;
    rig_key_make(&key);
    cert = rig_certify(rig, &key, "meter-1", 4000); /* an hour of it is over */
    cr_router_connected(rig->router, fake_host_connect(&rig->host, "meter-1", cr_blob_view(&cert), 4));
    policy_pass(s, 20);
    assert_null(fake_host_take(&rig->host, "meter-1", "/renew"));
    rig->router->policies->next_ms = 0;
    policy_pass(s, 3);
    assert_non_null(fake_host_take(&rig->host, "meter-1", "/renew"));
    rig_key_free(&key);
    cr_blob_fini(&cert);
}

/* Nor is anything certified by the file alone. */
static void requests_wait_until_they_are_known(void **state)
{
    static const char topic[] = "$identity/v1/meter-1/operational/csr";
    struct policy_scene *s = *state;
    struct flow_rig *rig = &s->rig[0];
    struct rig_key key, next;
    const struct cr_client *device;
    struct cr_blob cert, csr;

    policy_expect(
        policy_command(s, 1,
                       SET(OF_SLOT, "{\"lifetime\":\"40d\",\"renewal_window\":\"33%\",\"request_timing\":\"any\"}")),
        "\"version\":1");
    rig_key_make(&key);
    rig_key_make(&next);
    cert = rig_certify(rig, &key, "meter-1", 90 * DAY_S);
    csr = rig_csr(&next, "meter-1");
    device = fake_host_connect(&rig->host, "meter-1", cr_blob_view(&cert), 4);
    rig->router->policies->known = false;
    fake_store_fault(rig->store, FAKE_STORE_DOWN);
    assert_int_equal(rig_publish(rig, device, topic, cr_blob_view(&csr)), CR_CONSUMED);
    assert_null(fake_host_take(&rig->host, "meter-1", "/rejected"));
    policy_pass(s, 3); /* then it is told, and its place is free */
    assert_non_null(
        strstr((const char *)fake_host_take(&rig->host, "meter-1", "/rejected")->payload.data, "store-unavailable"));
    assert_null(rig->router->policies->early);
    fake_store_fault(rig->store, FAKE_STORE_WELL);
    rig->router->policies->next_ms = INT64_MAX;
    assert_int_equal(rig_publish(rig, device, topic, cr_blob_view(&csr)), CR_CONSUMED);
    assert_null(fake_host_take(&rig->host, "meter-1", "/certificate"));
    rig->router->policies->next_ms = 0;
    policy_pass(s, 1);
    assert_in_range(certified_days(s), 36, 40);
    assert_int_equal(rig->router->in_flight, 0);
    rig_key_free(&key);
    rig_key_free(&next);
    cr_blob_fini(&cert);
    cr_blob_fini(&csr);
}

static void what_is_damaged_leaves_all_as_it_was(void **state)
{
    struct policy_scene *s = *state;
    uint64_t alarms;

    policy_expect(policy_command(s, 0, SET("", "{\"trigger_rate\":\"5\"}")), "\"version\":1");
    alarms = s->rig[0].router->counters.alarms;
    for (int i = 0; i < 2; i++) {
        fake_store_refuse_next(s->rig[0].store, CR_REFUSAL_INTERNAL);
        policy_expect(policy_command(s, 0, GET), "\"errorCode\":\"internal\"");
    }
    assert_true(s->rig[0].router->counters.alarms > alarms);
    policy_expect(policy_command(s, 0, STATUS), "\"problem\":\"The shared settings in Redis are damaged");
    policy_pass(s, 3);
    policy_expect(policy_command(s, 0, STATUS), "\"problem\":\"\"");
    assert_int_equal(policy_config(s, 0)->trigger_rate_per_s, 5);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, policy_start, policy_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(work_under_way_keeps_its_own),
        WITH_SCENE(a_file_that_is_read_again_is_beneath),
        WITH_SCENE(what_does_not_go_with_a_file_leaves_it_as_it_was),
        WITH_SCENE(what_is_for_other_brokers_is_kept),
        WITH_SCENE(nothing_begins_before_they_are_known),
        WITH_SCENE(requests_wait_until_they_are_known),
        WITH_SCENE(what_is_damaged_leaves_all_as_it_was),
    };
    return cmocka_run_group_tests_name("policy_force", tests, NULL, NULL);
}
