/* A renewal from the device's CSR to its confirmation, and everything that can come between. */
#include "tests/support/flow_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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

static void who_is_due_is_asked_at_its_next_appearance(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *renew;

    reconnect(s, cr_blob_view(&s->cert));
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
    flow_rig_pass(&s->rig, scene_slot(s)->due - s->rig.clock.wall_s);
    reconnect(s, cr_blob_view(&s->cert));
    renew = fake_host_take(&s->rig.host, "meter-1", "/renew");
    assert_non_null(renew);
    assert_non_null(strstr((const char *)renew->payload.data, "\"reason\":\"expiry\""));
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
}

static void tick_for_a_minute(struct scene *s)
{
    for (unsigned i = 0; i < 64; i++) {
        flow_rig_pass(&s->rig, 1);
        flow_rig_pump(&s->rig);
    }
}

static void who_is_due_while_it_stays_connected_is_asked(void **state)
{
    struct scene *s = *state;

    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    flow_rig_pass(&s->rig, scene_slot(s)->due - s->rig.clock.wall_s - 100);
    tick_for_a_minute(s);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    tick_for_a_minute(s);
    tick_for_a_minute(s);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    tick_for_a_minute(s);
    assert_int_equal(fake_host_left(&s->rig.host), 0); /* once */
    flow_rig_pass(&s->rig, s->rig.setup->config.renewal_deadline_s);
    tick_for_a_minute(s);
    tick_for_a_minute(s);
    assert_non_null(fake_host_take(&s->rig.host, NULL, "/event/alert"));
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew")); /* the first one's deadline is over */
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

static void who_asks_anew_is_not_sent_the_former_certificate(void **state)
{
    struct scene *s = *state;
    struct rig_key third;
    struct cr_blob csr;
    struct cr_bytes first, second;

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    first = take_certificate(s);
    rig_key_make(&third);
    csr = rig_csr(&third, "meter-1");
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 4);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_SUBSCRIBE,
                                      "$identity/v1/meter-1/operational/certificate"),
                     CR_ALLOW);
    flow_rig_pump(&s->rig);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&csr));
    second = take_certificate(s);
    assert_true(first.len != second.len || memcmp(first.data, second.data, first.len) != 0);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    rig_key_free(&third);
    cr_blob_fini(&csr);
}

static void a_reload_forgets_nobody(void **state)
{
    struct scene *s = *state;
    struct cr_request_properties properties = { .user_properties = 0 };

    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    flow_rig_reload(&s->rig, ANY_TIME);
    rig_command(&s->rig, s->boss, "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\"}]}");
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew")); /* it did nothing since, and is still there */
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
    cr_router_message(s->rig.router, s->client, CSR_TOPIC, cr_blob_view(&s->csr), &properties);
    flow_rig_reload(&s->rig, ANY_TIME); /* with its request under way */
    flow_rig_pump(&s->rig);
    take_certificate(s);
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

#define WITH_ANY_TIME(test) cmocka_unit_test_setup_teardown(test, scene_start_any_time, scene_stop)
#define WITH_WINDOW(test) cmocka_unit_test_setup_teardown(test, scene_start_in_window, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ANY_TIME(a_csr_becomes_a_certificate),
        WITH_ANY_TIME(the_same_request_gets_the_same_bytes),
        WITH_ANY_TIME(hostile_28_another_signature_is_the_same_renewal),
        WITH_ANY_TIME(the_new_certificate_at_a_connect_confirms),
        WITH_ANY_TIME(a_waiting_certificate_is_delivered_at_the_next_appearance),
        WITH_WINDOW(a_trigger_reaches_a_connected_device),
        WITH_WINDOW(a_trigger_waits_for_a_sleeping_device),
        WITH_WINDOW(who_is_due_is_asked_at_its_next_appearance),
        WITH_WINDOW(who_is_due_while_it_stays_connected_is_asked),
        WITH_WINDOW(a_get_on_a_fresh_connection_is_answered_once),
        WITH_WINDOW(who_is_about_to_ask_is_not_told_to),
        WITH_ANY_TIME(who_asks_anew_is_not_sent_the_former_certificate),
        WITH_ANY_TIME(a_reload_forgets_nobody),
        WITH_ANY_TIME(a_failed_report_triggers_again),
        WITH_ANY_TIME(an_asker_that_left_gets_it_on_its_next_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
