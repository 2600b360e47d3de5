/* A renewal from the device's CSR to its confirmation, and everything that can come between. */
#include "tests/support/flow_rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CSR_TOPIC "$identity/v1/meter-1/operational/csr"
#define GET_TOPIC "$identity/v1/meter-1/operational/get"
#define REPORT_TOPIC "$identity/v1/meter-1/operational/report"
#define ANY_TIME "admin_identity boss\nslot operational\nrequest_timing any\n"
#define IN_WINDOW "admin_identity boss\nslot operational\nrequest_timing window\n"

enum { DAY_S = 86400 };

/* One device with its first certificate, and an operator. */
struct scene {
    struct flow_rig rig;
    struct rig_key key, next;
    struct cr_blob cert, csr, boss_cert;
    const struct cr_client *client, *boss;
};

static void scene_start(struct scene *s, const char *config)
{
    struct rig_key boss;

    memset(s, 0, sizeof *s);
    flow_rig_start(&s->rig, config);
    rig_key_make(&s->key);
    rig_key_make(&s->next);
    rig_key_make(&boss);
    s->cert = rig_certify(&s->rig, &s->key, "meter-1", 90 * DAY_S);
    s->boss_cert = rig_certify(&s->rig, &boss, "boss", 90 * DAY_S);
    s->csr = rig_csr(&s->next, "meter-1");
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 4);
    s->boss = fake_host_connect(&s->rig.host, "boss-client", cr_blob_view(&s->boss_cert), 5);
    rig_key_free(&boss);
}

static void scene_stop(struct scene *s)
{
    flow_rig_stop(&s->rig);
    rig_key_free(&s->key);
    rig_key_free(&s->next);
    cr_blob_fini(&s->cert);
    cr_blob_fini(&s->csr);
    cr_blob_fini(&s->boss_cert);
}

static void *scene_new(const char *config)
{
    struct scene *s = malloc(sizeof *s);

    assert_non_null(s);
    scene_start(s, config);
    return s;
}

static int start_any_time(void **state)
{
    *state = scene_new(ANY_TIME);
    return 0;
}

static int start_in_window(void **state)
{
    *state = scene_new(IN_WINDOW);
    return 0;
}

static int scene_end(void **state)
{
    scene_stop(*state);
    free(*state);
    return 0;
}

static const struct cr_slot_record *scene_slot(struct scene *s)
{
    return fake_ledger_slot(fake_store_ledger(s->rig.store), "meter-1", "operational");
}

static void expect_rejected(struct scene *s, const char *code)
{
    const struct fake_publication *rejected = fake_host_take(&s->rig.host, "meter-1", "/rejected");
    char field[80];

    assert_non_null(rejected);
    snprintf(field, sizeof field, "\"errorCode\":\"%s\"", code);
    if (strstr((const char *)rejected->payload.data, field) == NULL) {
        fail_msg("expected %s, got %s", code, (const char *)rejected->payload.data);
    }
}

static struct cr_bytes take_certificate(struct scene *s)
{
    const struct fake_publication *certificate = fake_host_take(&s->rig.host, "meter-1", "/certificate");

    if (certificate == NULL) {
        certificate = fake_host_take(&s->rig.host, NULL, "");
        fail_msg("no certificate, but %s", certificate != NULL ? (const char *)certificate->payload.data : "nothing");
    }
    assert_true(certificate->expiry_s > 0);
    return cr_blob_view(&certificate->payload);
}

static struct cr_bytes leaf_of(struct cr_bytes chain)
{
    struct cr_bytes leaf;

    assert_int_equal(cr_cert_next(&leaf, &chain), CR_OK);
    return leaf;
}

static void reconnect(struct scene *s, struct cr_bytes certificate)
{
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
    s->client = fake_host_connect(&s->rig.host, "meter-1", certificate, 4);
    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
}

static void a_csr_becomes_a_certificate(void **state)
{
    struct scene *s = *state;
    struct cr_cert leaf;
    struct cr_csr csr;

    assert_int_equal(rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr)), CR_CONSUMED);
    assert_int_equal(cr_cert_parse(&leaf, leaf_of(take_certificate(s))), CR_OK);
    assert_int_equal(cr_csr_parse(&csr, cr_blob_view(&s->csr)), CR_REFUSAL_NONE);
    assert_string_equal(leaf.facts.device, "meter-1");
    assert_memory_equal(leaf.facts.key_hash, csr.key_hash, CR_SHA256_LEN);
    assert_int_equal(cr_cert_verify(&leaf, &s->rig.ca, cr_key_libcrypto()), CR_OK);
    assert_int_equal(scene_slot(s)->state, CR_STATE_ISSUED);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

static void the_same_request_gets_the_same_bytes(void **state)
{
    struct scene *s = *state;
    struct cr_bytes first, again;

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    first = take_certificate(s);
    for (int i = 0; i < 3; i++) {
        rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
        again = take_certificate(s);
        assert_int_equal(again.len, first.len);
        assert_memory_equal(again.data, first.data, first.len);
    }
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "issued", "meter-1"), 1);
}

static void hostile_28_another_signature_is_the_same_renewal(void **state)
{
    struct scene *s = *state;
    struct cr_blob other = rig_csr(&s->next, "meter-1"); /* ECDSA: another signature over the same request */
    struct cr_bytes first, again;

    assert_true(other.len != s->csr.len || memcmp(other.data, s->csr.data, other.len) != 0);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    first = take_certificate(s);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&other));
    again = take_certificate(s);
    assert_int_equal(again.len, first.len);
    assert_memory_equal(again.data, first.data, first.len);
    cr_blob_fini(&other);
}

static void the_new_certificate_at_a_connect_confirms(void **state)
{
    struct scene *s = *state;
    struct cr_blob leaf;
    struct cr_bytes view;

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    view = leaf_of(take_certificate(s));
    assert_int_equal(cr_blob_copy(&leaf, view.data, view.len), CR_OK);
    assert_int_equal(scene_slot(s)->generation, 0);
    reconnect(s, cr_blob_view(&leaf));
    assert_int_equal(scene_slot(s)->generation, 1);
    assert_int_equal(scene_slot(s)->state, CR_STATE_QUIET);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    cr_blob_fini(&leaf);
}

static void a_waiting_certificate_is_delivered_at_the_next_appearance(void **state)
{
    struct scene *s = *state;
    struct cr_bytes first, again;

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    first = take_certificate(s);
    reconnect(s, cr_blob_view(&s->cert));
    again = take_certificate(s);
    assert_int_equal(again.len, first.len);
    assert_memory_equal(again.data, first.data, first.len);
}

static void hostile_39_the_current_key_is_refused(void **state)
{
    struct scene *s = *state;
    struct cr_blob csr = rig_csr(&s->key, "meter-1");

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&csr));
    expect_rejected(s, "key-reused");
    assert_int_equal(scene_slot(s)->state, CR_STATE_QUIET);
    cr_blob_fini(&csr);
}

static void hostile_40_another_devices_key_is_refused_with_an_alarm(void **state)
{
    struct scene *s = *state;
    struct cr_blob csr = rig_csr(&s->key, "meter-2"), cert;
    struct rig_key other;
    const struct cr_client *second;
    const struct fake_publication *rejected;

    cr_router_connected(s->rig.router, s->client); /* meter-1's key is known from here on */
    rig_key_make(&other);
    cert = rig_certify(&s->rig, &other, "meter-2", 90 * DAY_S);
    second = fake_host_connect(&s->rig.host, "meter-2", cr_blob_view(&cert), 4);
    rig_publish(&s->rig, second, "$identity/v1/meter-2/operational/csr", cr_blob_view(&csr));
    rejected = fake_host_take(&s->rig.host, "meter-2", "/rejected");
    assert_non_null(rejected);
    assert_non_null(strstr((const char *)rejected->payload.data, "\"errorCode\":\"key-reused\""));
    assert_non_null(fake_host_take(&s->rig.host, NULL, "/event/security"));
    rig_key_free(&other);
    cr_blob_fini(&csr);
    cr_blob_fini(&cert);
}

static void hostile_40_the_key_of_the_ca_is_refused_with_an_alarm(void **state)
{
    struct scene *s = *state;
    struct cr_blob csr = rig_csr(&s->rig.ca_key, "meter-1");

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&csr));
    expect_rejected(s, "key-reused");
    assert_non_null(fake_host_take(&s->rig.host, NULL, "/event/security"));
    cr_blob_fini(&csr);
}

static void hostile_51_another_devices_name_is_refused_with_an_alarm(void **state)
{
    struct scene *s = *state;
    struct cr_blob csr = rig_csr(&s->next, "meter-2");

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&csr));
    expect_rejected(s, "wrong-identity");
    assert_non_null(fake_host_take(&s->rig.host, NULL, "/event/security"));
    cr_blob_fini(&csr);
}

static void hostile_65_another_devices_topic_is_denied_with_an_alarm(void **state)
{
    struct scene *s = *state;

    assert_int_equal(rig_publish(&s->rig, s->client, "$identity/v1/meter-2/operational/csr", cr_blob_view(&s->csr)),
                     CR_REFUSED);
    assert_non_null(fake_host_take(&s->rig.host, NULL, "/event/security"));
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

static void hostile_78_before_the_window_is_too_early(void **state)
{
    struct scene *s = *state;

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    expect_rejected(s, "too-early");
    flow_rig_pass(&s->rig, 80 * DAY_S);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
}

static void hostile_79_a_flood_is_limited_and_counted(void **state)
{
    struct scene *s = *state;
    unsigned limited = 0;

    for (int i = 0; i < 200; i++) {
        rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    }
    for (const struct fake_publication *p; (p = fake_host_take(&s->rig.host, "meter-1", "/rejected")) != NULL;) {
        limited += strstr((const char *)p->payload.data, "\"rate-limited\"") != NULL;
        assert_non_null(strstr((const char *)p->payload.data, "\"retryAfter\":"));
    }
    assert_in_range(limited, 1, 199);
    flow_rig_pass(&s->rig, 3600);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
}

static void a_trigger_reaches_a_connected_device(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *renew;
    const char *reply;

    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    reply = rig_command(&s->rig, s->boss,
                        "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\",\"correlationData\":\"7\"}]}");
    assert_non_null(strstr(reply, "\"state\":\"triggered\""));
    assert_non_null(strstr(reply, "\"delivered\":1"));
    assert_non_null(strstr(reply, "\"correlationData\":\"7\""));
    renew = fake_host_take(&s->rig.host, "meter-1", "/renew");
    assert_non_null(renew);
    assert_non_null(strstr((const char *)renew->payload.data, "\"reason\":\"operator\""));
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr)); /* outside its window, but triggered */
    take_certificate(s);
}

static void a_trigger_waits_for_a_sleeping_device(void **state)
{
    struct scene *s = *state;

    reconnect(s, cr_blob_view(&s->cert));
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
    rig_command(&s->rig, s->boss, "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\"}]}");
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    reconnect(s, cr_blob_view(&s->cert));
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

static void a_get_on_a_fresh_connection_is_answered_once(void **state)
{
    struct scene *s = *state;

    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text("{\"requestId\":\"abcd\"}"));
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/status"));
    rig_command(&s->rig, s->boss, "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\"}]}");
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 4);
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

static void who_is_about_to_ask_is_not_told_to(void **state)
{
    struct scene *s = *state;

    reconnect(s, cr_blob_view(&s->cert));
    rig_command(&s->rig, s->boss, "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\"}]}");
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 4);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_SUBSCRIBE,
                                      "$identity/v1/meter-1/operational/certificate"),
                     CR_ALLOW);
    flow_rig_pump(&s->rig);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    flow_rig_pass(&s->rig, 2); /* it did not ask after all */
    cr_router_tick(s->rig.router);
    flow_rig_pump(&s->rig);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
}

static void a_failed_report_triggers_again(void **state)
{
    struct scene *s = *state;
    char report[200];

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
    snprintf(report, sizeof report, "{\"renewalId\":\"%s\",\"outcome\":\"failed\",\"reason\":\"flash full\"}",
             scene_slot(s)->renewal_id);
    rig_publish(&s->rig, s->client, REPORT_TOPIC, rig_text(report));
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/status"));
    assert_int_equal(scene_slot(s)->state, CR_STATE_TRIGGERED);
    rig_publish(&s->rig, s->client, REPORT_TOPIC,
                rig_text("{\"renewalId\":\"00000000-0000-4000-8000-000000000000\",\"outcome\":\"failed\"}"));
    expect_rejected(s, "unknown-renewal");
}

static void redis_down_tells_when_to_retry(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *rejected;

    fake_store_fault(s->rig.store, FAKE_STORE_DOWN);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    rejected = fake_host_take(&s->rig.host, "meter-1", "/rejected");
    assert_non_null(rejected);
    assert_non_null(strstr((const char *)rejected->payload.data, "\"errorCode\":\"store-unavailable\""));
    assert_non_null(strstr((const char *)rejected->payload.data, "\"retryAfter\":"));
    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    flow_rig_pass(&s->rig, 5);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
    assert_non_null(scene_slot(s)); /* the presentation that failed was made up for */
    assert_true(scene_slot(s)->current.serial.len > 0);
}

static void too_much_under_way_is_busy(void **state)
{
    struct scene *s = *state;
    struct cr_request_properties properties = { .user_properties = 0 };
    const struct fake_publication *rejected;

    flow_rig_reload(&s->rig, "rate_device_burst 1000\n" ANY_TIME);
    s->rig.setup->config.max_in_flight = 3;
    fake_store_fault(s->rig.store, FAKE_STORE_STALLED);
    for (int i = 0; i < 10; i++) { /* no pump: nothing comes home */
        assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
        cr_router_message(s->rig.router, s->client, CSR_TOPIC, cr_blob_view(&s->csr), &properties);
    }
    rejected = fake_host_take(&s->rig.host, "meter-1", "/rejected");
    assert_non_null(rejected);
    assert_non_null(strstr((const char *)rejected->payload.data, "\"errorCode\":\"busy\""));
    assert_non_null(strstr((const char *)rejected->payload.data, "\"retryAfter\":"));
    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    flow_rig_pump(&s->rig);
    take_certificate(s);
}

static void hostile_107_without_random_numbers_nothing_is_issued(void **state)
{
    struct scene *s = *state;

    s->rig.random_fails = true;
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    expect_rejected(s, "issuer-unavailable");
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "issued", NULL), 0);
    s->rig.random_fails = false;
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
}

static void an_asker_that_left_gets_it_on_its_next_connection(void **state)
{
    struct scene *s = *state;
    struct cr_request_properties properties = { .user_properties = 0 };

    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
    cr_router_message(s->rig.router, s->client, CSR_TOPIC, cr_blob_view(&s->csr), &properties);
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 4);
    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    take_certificate(s);
}

static void an_expired_certificate_may_do_nothing(void **state)
{
    struct scene *s = *state;

    flow_rig_pass(&s->rig, 91 * DAY_S);
    assert_int_equal(rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr)), CR_REFUSED);
    assert_null(fake_host_take(&s->rig.host, "meter-1", "/certificate"));
}

static void a_client_without_certificate_may_do_nothing(void **state)
{
    struct scene *s = *state;
    const struct cr_client *anonymous = fake_host_connect(&s->rig.host, "meter-1", (struct cr_bytes){ NULL, 0 }, 4);

    assert_int_equal(rig_publish(&s->rig, anonymous, CSR_TOPIC, cr_blob_view(&s->csr)), CR_REFUSED);
    assert_int_equal(cr_router_access(s->rig.router, anonymous, CR_ACCESS_READ,
                                      "$identity/v1/meter-1/operational/certificate"),
                     CR_DENY);
}

static void unknown_slots_and_verbs_are_refused(void **state)
{
    struct scene *s = *state;

    assert_int_equal(rig_publish(&s->rig, s->client, "$identity/v1/meter-1/nothing/csr", cr_blob_view(&s->csr)),
                     CR_CONSUMED);
    expect_rejected(s, "unknown-slot");
    assert_int_equal(rig_publish(&s->rig, s->client, "$identity/v1/meter-1/operational/certificate", rig_text("x")),
                     CR_REFUSED);
    assert_int_equal(rig_publish(&s->rig, s->client, "$identity/v1/meter-1/operational/steal", rig_text("x")),
                     CR_REFUSED);
}

#define WITH_ANY_TIME(test) cmocka_unit_test_setup_teardown(test, start_any_time, scene_end)
#define WITH_WINDOW(test) cmocka_unit_test_setup_teardown(test, start_in_window, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ANY_TIME(a_csr_becomes_a_certificate),
        WITH_ANY_TIME(the_same_request_gets_the_same_bytes),
        WITH_ANY_TIME(hostile_28_another_signature_is_the_same_renewal),
        WITH_ANY_TIME(the_new_certificate_at_a_connect_confirms),
        WITH_ANY_TIME(a_waiting_certificate_is_delivered_at_the_next_appearance),
        WITH_ANY_TIME(hostile_39_the_current_key_is_refused),
        WITH_ANY_TIME(hostile_40_another_devices_key_is_refused_with_an_alarm),
        WITH_ANY_TIME(hostile_40_the_key_of_the_ca_is_refused_with_an_alarm),
        WITH_ANY_TIME(hostile_51_another_devices_name_is_refused_with_an_alarm),
        WITH_ANY_TIME(hostile_65_another_devices_topic_is_denied_with_an_alarm),
        WITH_WINDOW(hostile_78_before_the_window_is_too_early),
        WITH_ANY_TIME(hostile_79_a_flood_is_limited_and_counted),
        WITH_WINDOW(a_trigger_reaches_a_connected_device),
        WITH_WINDOW(a_trigger_waits_for_a_sleeping_device),
        WITH_WINDOW(a_get_on_a_fresh_connection_is_answered_once),
        WITH_WINDOW(who_is_about_to_ask_is_not_told_to),
        WITH_ANY_TIME(a_failed_report_triggers_again),
        WITH_ANY_TIME(redis_down_tells_when_to_retry),
        WITH_ANY_TIME(too_much_under_way_is_busy),
        WITH_ANY_TIME(hostile_107_without_random_numbers_nothing_is_issued),
        WITH_ANY_TIME(an_asker_that_left_gets_it_on_its_next_connection),
        WITH_ANY_TIME(an_expired_certificate_may_do_nothing),
        WITH_ANY_TIME(a_client_without_certificate_may_do_nothing),
        WITH_ANY_TIME(unknown_slots_and_verbs_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
