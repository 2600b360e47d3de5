/* The CA is changed under a living fleet: the next one signs from a moment on, a campaign moves the devices, and the old
 * one is given up once the census allows. */
#include "tests/flow/rotation_scene.h"

#include "plugin/loop/loop.h"
#include "tests/support/test_factory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

    return text != NULL ? text : "";
}

static const cJSON *issuer_row(struct rotation *s, const char *id)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, cJSON_GetObjectItem(rotation_command(s, "\"command\":\"listIssuers\""), "issuers"))
    {
        if (strcmp(text_of(item, "issuer"), id) == 0) {
            return item;
        }
    }
    fail_msg("issuer %s is not listed", id);
    return NULL;
}

static void retire(char text[120], const char *issuer, const char *more)
{
    snprintf(text, 120, "\"command\":\"retireIssuer\",\"issuer\":\"%s\"%s", issuer, more);
}

static void fleet_of(struct rotation *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)rotation_add(s);
    }
}

static const char *campaign(struct rotation *s, const char *reason, const char *filter)
{
    char text[200];

    snprintf(text, sizeof text, "\"command\":\"createCampaign\",\"name\":\"move\",\"reason\":\"%s\",\"filter\":{%s}", reason,
             filter);
    return text_of(rotation_command(s, text), "campaign");
}

static const struct fake_publication *expect_trigger(struct rotation *s, const struct rotation_device *d, const char *part)
{
    const struct fake_publication *renew = fake_host_take(&s->rig.host, d->name, "/renew");

    if (renew == NULL || strstr((const char *)renew->payload.data, part) == NULL) {
        fail_msg("%s was sent %s", d->name, renew != NULL ? (const char *)renew->payload.data : "nothing");
    }
    return renew;
}

static void the_fleet_moves_and_the_old_issuer_goes(void **state)
{
    struct rotation *s = *state;
    char text[120], filter[60];
    struct cr_blob old_cert = { NULL, 0 };
    const cJSON *refused;

    fleet_of(s, 12);
    assert_int_equal(rotation_census(s, s->old_id, "live"), 12);
    retire(text, s->old_id, ",\"force\":true");
    rotation_refused(s, text, "issuer-in-use"); /* it signs, whoever forces it */

    rotation_reload(s, s->rig.clock.wall_s + 10, "");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(issuer_row(s, s->old_id), "signing")));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(issuer_row(s, s->new_id), "signing")));
    assert_string_equal(text_of(issuer_row(s, s->new_id), "kind"), "own");
    assert_string_not_equal(text_of(issuer_row(s, s->new_id), "signFrom"), "");
    assert_string_equal(rotation_renew(s, &s->device[0], CR_KEY_EC_P256), s->old_id);
    rotation_pass(s, 11);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(issuer_row(s, s->new_id), "signing")));

    retire(text, s->old_id, "");
    refused = rotation_refused(s, text, "issuer-in-use");
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(refused, "live")), 12);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(refused, "devices")), 10);
    assert_non_null(strstr(text_of(refused, "error"), "12 devices still need this issuer, among them d"));
    assert_string_equal(text_of(issuer_row(s, s->old_id), "state"), "trusted");

    snprintf(filter, sizeof filter, "\"issuer\":\"%s\"", s->old_id);
    (void)campaign(s, "ca-rotation", filter);
    rotation_pass(s, 30);
    assert_int_equal(cr_blob_copy(&old_cert, s->device[3].cert.data, s->device[3].cert.len), CR_OK);
    for (unsigned i = 0; i < 12; i++) {
        expect_trigger(s, &s->device[i], "\"reason\":\"ca-rotation\"");
        assert_string_equal(rotation_renew(s, &s->device[i], CR_KEY_EC_P256), s->new_id);
        assert_int_equal(rotation_census(s, s->old_id, "live"), 11 - (int)i);
        assert_int_equal(rotation_census(s, s->new_id, "live"), 1 + (int)i);
        if (i == 10) {
            refused = rotation_refused(s, text, "issuer-in-use");
            assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(refused, "live")), 1);
            assert_string_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(refused, "devices"), 0)->valuestring, "d11");
        }
    }
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(rotation_command(s, text), "live")), 0);
    flow_rig_pump(&s->rig);
    assert_string_equal(text_of(issuer_row(s, s->old_id), "state"), "retired");
    rotation_refused(s, text, "wrong-state");

    /* The image of a device is put back, with the certificate that was good before. */
    rotation_reconnect(s, &s->device[3], cr_blob_view(&old_cert));
    assert_null(cr_sessions_presence(&s->rig.router->sessions, "d3")->first);
    rotation_reconnect(s, &s->device[3], cr_blob_view(&s->device[3].cert));
    assert_non_null(cr_sessions_presence(&s->rig.router->sessions, "d3")->first);
    cr_blob_fini(&old_cert);
}

static void what_waits_for_its_device_counts(void **state)
{
    struct rotation *s = *state;
    struct rotation_device *d;
    struct rig_key key;
    struct cr_blob csr;
    char text[120];

    s->lifetime_s = 10 * DAY_S;
    d = rotation_add(s);

    rig_key_make(&key);
    csr = rig_csr(&key, d->name);
    assert_int_equal(rig_publish(&s->rig, d->client, "$identity/v1/d0/operational/csr", cr_blob_view(&csr)), CR_CONSUMED);
    assert_non_null(fake_host_take(&s->rig.host, "d0", "/certificate"));
    assert_int_equal(rotation_census(s, s->old_id, "live"), 1);
    assert_int_equal(rotation_census(s, s->old_id, "pending"), 1);

    /* Its current certificate ends, the waiting one does not yet. */
    rotation_reload(s, 0, "");
    flow_rig_pass(&s->rig, 10 * (int64_t)DAY_S);
    flow_rig_pump(&s->rig);
    retire(text, s->old_id, "");
    assert_int_equal(rotation_census(s, s->old_id, "live"), 1);
    rotation_refused(s, text, "issuer-in-use");
    assert_int_equal(rotation_census(s, s->old_id, "expired"), 1);
    rig_key_free(&key);
    cr_blob_fini(&csr);
}

static void forced_it_goes_whoever_needs_it(void **state)
{
    struct rotation *s = *state;
    char text[120];

    fleet_of(s, 3);
    rotation_reload(s, 0, "");
    retire(text, s->old_id, ",\"force\":true");
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(rotation_command(s, text), "live")), 3);
    rotation_pass(s, 3);
    assert_true(s->rig.host.kicks > 0);
    rotation_reconnect(s, &s->device[0], cr_blob_view(&s->device[0].cert));
    assert_null(cr_sessions_presence(&s->rig.router->sessions, "d0")->first);
}

static void nobody_can_be_given_up_that_is_not_there(void **state)
{
    struct rotation *s = *state;

    rotation_refused(s, "\"command\":\"retireIssuer\",\"issuer\":\"0123456789abcdef\"", "unknown-issuer");
    rotation_refused(s, "\"command\":\"retireIssuer\",\"issuer\":\"0123456789ABCDEF\"", "malformed-json");
    rotation_refused(s, "\"command\":\"retireIssuer\"", "malformed-json");
    rotation_refused(s, "\"command\":\"census\",\"issuer\":\"7\"", "malformed-json");
}

/* Who gives up the issuer of its own certificate would not be let in any more. */
static void an_operator_does_not_lock_itself_out(void **state)
{
    struct rotation *s = *state;
    const struct cr_client *alice = s->admin;
    struct rig_key key;
    struct cr_blob cert;
    char text[120];

    rig_key_make(&key);
    cert = rig_certify(&s->rig, &key, "alice-1", 90 * DAY_S);
    s->admin = fake_host_connect(&s->rig.host, "c-alice-1", cr_blob_view(&cert), 5);
    ((struct fake_client *)s->admin->handle)->client.username = "alice";
    flow_rig_pump(&s->rig);
    rotation_reload(s, 0, "");
    retire(text, s->old_id, "");
    assert_non_null(strstr(text_of(rotation_refused(s, text, "issuer-in-use"), "error"), "Your own certificate"));
    assert_string_equal(text_of(issuer_row(s, s->old_id), "state"), "trusted");
    snprintf(text, sizeof text, "\"command\":\"revokeIssuer\",\"issuer\":\"%s\"", s->old_id);
    assert_non_null(strstr(text_of(rotation_refused(s, text, "issuer-in-use"), "error"), "Your own certificate"));
    retire(text, s->old_id, ",\"force\":true");
    (void)rotation_command(s, text);
    s->admin = alice;
    assert_string_equal(text_of(issuer_row(s, s->old_id), "state"), "retired");
    cr_blob_fini(&cert);
    rig_key_free(&key);
}

static void a_count_that_takes_too_long_is_no_number(void **state)
{
    struct rotation *s = *state;
    struct cr_request_properties properties = { .user_properties = 0 };
    char text[160];
    const struct fake_publication *reply;

    fleet_of(s, 3);
    rotation_reload(s, 0, "");
    snprintf(text, sizeof text, "{\"commands\":[{\"command\":\"retireIssuer\",\"issuer\":\"%s\"}]}", s->old_id);
    cr_router_control(s->rig.router, s->admin, rig_text(text), &properties);
    (void)fake_store_pump(s->rig.store); /* a part is counted */
    flow_rig_pass(&s->rig, 61);
    flow_rig_pump(&s->rig);
    reply = fake_host_take(&s->rig.host, s->admin->id, "/response");
    assert_non_null(reply);
    assert_non_null(strstr((const char *)reply->payload.data, "\"errorCode\":\"busy\""));
    assert_non_null(strstr((const char *)reply->payload.data, "within a minute"));
    assert_string_equal(text_of(issuer_row(s, s->old_id), "state"), "trusted");

    cr_router_control(s->rig.router, s->admin, rig_text(text), &properties);
    (void)fake_store_pump(s->rig.store);
    cr_router_tick(s->rig.router); /* the next part is on its way */
    fake_store_fail_next(s->rig.store, 1);
    flow_rig_pump(&s->rig);
    reply = fake_host_take(&s->rig.host, s->admin->id, "/response");
    assert_non_null(reply); /* nor is a part of one a number */
    assert_non_null(strstr((const char *)reply->payload.data, "\"errorCode\":\"store-unavailable\""));
    assert_int_equal(s->rig.router->command_jobs, 0);
}

static void who_is_only_trusted_renews_into_the_new_one(void **state)
{
    struct rotation *s = *state;

    fleet_of(s, 2);
    rotation_reload_trusting(s, "");
    assert_string_equal(text_of(issuer_row(s, s->old_id), "kind"), "trusted");
    rotation_reconnect(s, &s->device[0], cr_blob_view(&s->device[0].cert));
    assert_string_equal(rotation_renew(s, &s->device[0], CR_KEY_EC_P256), s->new_id);
    assert_string_equal(rotation_renew(s, &s->device[1], CR_KEY_EC_P256), s->new_id); /* it stayed connected */
    assert_int_equal(rotation_census(s, s->old_id, "live"), 0);
}

static void what_is_due_moves_by_itself(void **state)
{
    struct rotation *s = *state;
    struct rotation_device *d = rotation_add(s);

    rotation_reload(s, 0, "");
    flow_rig_pass(&s->rig, 75 * (int64_t)DAY_S);
    rotation_pass(s, 5);
    expect_trigger(s, d, "\"reason\":\"expiry\"");
    assert_string_equal(rotation_renew(s, d, CR_KEY_EC_P256), s->new_id);
}

static void another_type_of_key_is_the_same_operation(void **state)
{
    struct rotation *s = *state;

    fleet_of(s, 3);
    rotation_command(s, "\"command\":\"setPolicy\",\"slot\":\"operational\",\"set\":{\"key_types\":\"EC-P384\"}");
    rotation_pass(s, 3);
    rotation_reconnect(s, &s->device[0], cr_blob_view(&s->device[0].cert)); /* what it has stays good */
    assert_non_null(cr_sessions_presence(&s->rig.router->sessions, "d0")->first);
    (void)campaign(s, "policy", "");
    rotation_pass(s, 30);
    for (unsigned i = 0; i < 3; i++) {
        const struct fake_publication *renew = expect_trigger(s, &s->device[i], "\"reason\":\"policy\"");

        assert_non_null(strstr((const char *)renew->payload.data, "\"keyAlgorithms\":[\"EC-P384\"]"));
        (void)rotation_renew(s, &s->device[i], CR_KEY_EC_P384);
        assert_non_null(cr_sessions_presence(&s->rig.router->sessions, s->device[i].name)->first);
    }
}

/* The old issuer's key is in other hands: its certificates are worth nothing at once, and devices come back with those of
 * their factory. */
static void devices_of_a_revoked_issuer_come_back_by_their_factory(void **state)
{
    struct rotation *s = *state;
    struct rotation_device *d = rotation_add(s), factory = { .name = "f0" };
    const struct test_factory_leaf leaf = { .cn = "d0" };
    const struct fake_publication *answer;
    struct test_dir dir;
    struct test_ca ca;
    struct rig_key key;
    struct cr_blob cert, csr, first = { NULL, 0 };
    struct cr_cert_facts facts;
    struct cr_bytes chain, der;
    enum cr_refusal why;
    char text[160], lines[300];

    test_dir_make(&dir);
    test_ca_make(&ca, "Acme Factory CA", NULL, CR_KEY_EC_P256);
    const struct cr_blob *const ders[] = { &ca.der, NULL };
    test_file_write_certs(test_dir_file(&dir, "acme.pem"), ders);
    test_factory_leaf_make(&cert, NULL, &ca, &leaf);
    snprintf(lines, sizeof lines, "factory_cafile %s\nfactory_reenroll expired\nslot operational\nrequest_timing any\n",
             test_dir_file(&dir, "acme.pem"));
    rotation_reload(s, 0, lines);
    factory.client = fake_host_connect(&s->rig.host, factory.name, cr_blob_view(&cert), 4);
    rig_key_make(&key);
    csr = rig_csr(&key, d->name);
    assert_int_equal(rig_publish(&s->rig, factory.client, "$identity/v1/d0/operational/csr", cr_blob_view(&csr)), CR_CONSUMED);
    answer = fake_host_take(&s->rig.host, factory.name, "/rejected");
    assert_non_null(answer);
    assert_non_null(strstr((const char *)answer->payload.data, "already-enrolled"));

    snprintf(text, sizeof text, "\"command\":\"revokeIssuer\",\"issuer\":\"%s\",\"reason\":\"keyCompromise\"", s->old_id);
    (void)rotation_command(s, text);
    rotation_pass(s, 3);
    assert_true(s->rig.host.kicks > 0);
    assert_string_equal(text_of(issuer_row(s, s->old_id), "state"), "revoked");
    assert_string_equal(text_of(issuer_row(s, s->old_id), "reason"), "keyCompromise");
    rotation_reconnect(s, d, cr_blob_view(&d->cert));
    assert_null(cr_sessions_presence(&s->rig.router->sessions, "d0")->first);

    assert_int_equal(rig_publish(&s->rig, factory.client, "$identity/v1/d0/operational/csr", cr_blob_view(&csr)), CR_CONSUMED);
    answer = fake_host_take(&s->rig.host, factory.name, "/certificate");
    if (answer == NULL) {
        answer = fake_host_take(&s->rig.host, factory.name, "/rejected");
        fail_msg("no certificate, but %s", answer != NULL ? (const char *)answer->payload.data : "nothing");
    }
    chain = cr_blob_view(&answer->payload);
    assert_int_equal(cr_cert_next(&der, &chain), CR_OK);
    assert_int_equal(cr_blob_copy(&first, der.data, der.len), CR_OK);
    assert_int_equal(cr_trust_identify(s->rig.setup->trust, cr_blob_view(&first), &facts, &why), CR_OK);
    assert_string_equal(facts.issuer, s->new_id);
    rotation_reconnect(s, d, cr_blob_view(&first));
    assert_non_null(cr_sessions_presence(&s->rig.router->sessions, "d0")->first);
    assert_int_equal(rotation_census(s, s->new_id, "live"), 1);
    rig_key_free(&key);
    cr_blob_fini(&csr);
    cr_blob_fini(&cert);
    cr_blob_fini(&first);
    test_ca_fini(&ca);
    test_dir_remove(&dir);
}

/* Operators are in no census, and whose certificate goes gives no more commands. */
static void nobody_shuts_themselves_out_unawares(void **state)
{
    struct rotation *s = *state;
    const struct cr_client *alice = s->admin;
    const char *said;
    char text[120], revoke[120];
    struct cr_blob cert;
    struct rig_key key;

    rotation_reload(s, 0, "");
    rig_key_make(&key);
    cert = rig_certify(&s->rig, &key, "alice", 90 * DAY_S);
    s->admin = fake_host_connect(&s->rig.host, "c-alice-2", cr_blob_view(&cert), 5);
    ((struct fake_client *)s->admin->handle)->client.username = "alice";
    flow_rig_pump(&s->rig);
    retire(text, s->old_id, "");
    snprintf(revoke, sizeof revoke, "\"command\":\"revokeIssuer\",\"issuer\":\"%s\"", s->old_id);
    said = text_of(rotation_refused(s, text, "issuer-in-use"), "error");
    assert_non_null(strstr(said, "Your own certificate is of this issuer"));
    rotation_refused(s, revoke, "issuer-in-use");
    assert_string_equal(text_of(issuer_row(s, s->old_id), "state"), "trusted");
    retire(text, s->old_id, ",\"force\":true");
    (void)rotation_command(s, text);
    s->admin = alice;
    rotation_pass(s, 2);
    assert_string_equal(text_of(issuer_row(s, s->old_id), "state"), "retired");
    cr_blob_fini(&cert);
    rig_key_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_fleet_moves_and_the_old_issuer_goes, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(what_waits_for_its_device_counts, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(forced_it_goes_whoever_needs_it, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(nobody_can_be_given_up_that_is_not_there, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(an_operator_does_not_lock_itself_out, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(a_count_that_takes_too_long_is_no_number, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(who_is_only_trusted_renews_into_the_new_one, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(nobody_shuts_themselves_out_unawares, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(what_is_due_moves_by_itself, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(devices_of_a_revoked_issuer_come_back_by_their_factory, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(another_type_of_key_is_the_same_operation, rotation_start, rotation_stop),
    };
    return cmocka_run_group_tests_name("rotation_flow", tests, NULL, NULL);
}
