/* What is refused on its way through the plugin, how, and that nothing is lost by it. */
#include "tests/support/flow_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A list of weak keys, with this key on it unless it is NULL. */
static void weak_list_write(const char *path, const struct rig_key *key)
{
    static const char others[] = "# a list\n00005890bc78bcbee3ca\nffffbae22fb5042dae07\n";
    struct cr_public_key public_key;
    uint8_t entry[CR_WEAK_LEN];
    char line[2 * CR_WEAK_LEN + 1] = "";
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    if (key != NULL) {
        assert_int_equal(cr_public_key_parse(&public_key, cr_blob_view(&key->spki)), CR_OK);
        assert_int_equal(cr_weak_fingerprint(entry, &public_key), CR_OK);
        cr_hex_encode(line, entry, sizeof entry);
    }
    assert_true(fprintf(file, "%s%s\n", others, line) > 0);
    assert_int_equal(fclose(file), 0);
}

/* The list is changed under way, as SIGHUP tells it; nothing else about the key would have it refused. */
static void hostile_38_a_listed_key_is_refused(void **state)
{
    struct scene *s = *state;
    const struct cr_weak_list *list;
    struct rig_key weak;
    struct cr_blob csr;
    char path[80], config[256];

    snprintf(path, sizeof path, "%s/weak", s->rig.dir);
    snprintf(config, sizeof config, "weak_keys_file %s\n" ANY_TIME "key_types EC-P256 RSA\n", path);
    assert_int_equal(cr_key_libcrypto()->private_make(&weak.key, CR_KEY_RSA, 2048), CR_OK);
    assert_int_equal(cr_key_libcrypto()->private_spki(weak.key, &weak.spki), CR_OK);
    csr = rig_csr(&weak, "meter-1");
    weak_list_write(path, &weak);
    flow_rig_reload(&s->rig, config);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&csr));
    expect_rejected(s, "key-not-allowed");
    assert_int_equal(scene_slot(s)->state, CR_STATE_QUIET);
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "issued", NULL), 0);
    list = cr_weak_file_list(s->rig.setup->weak_keys);
    flow_rig_reload(&s->rig, config);
    assert_ptr_equal(cr_weak_file_list(s->rig.setup->weak_keys), list); /* taken over from the setup before */
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&csr));
    expect_rejected(s, "key-not-allowed");
    weak_list_write(path, NULL);
    flow_rig_reload(&s->rig, config);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&csr));
    take_certificate(s);
    unlink(path);
    cr_blob_fini(&csr);
    rig_key_free(&weak);
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
    for (int i = 0; i < 200; i++) { /* also what is refused for itself comes no faster, nor does its audit line */
        static uint8_t large[CR_CSR_MAX + 1];

        rig_publish(&s->rig, s->client, CSR_TOPIC, (struct cr_bytes){ large, sizeof large });
    }
    assert_in_range(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "refused", "meter-1"), 1, 50);
    flow_rig_pass(&s->rig, 3600);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
}

/* Who looks for a cause has only the line. */
static void an_audit_line_says_why(void **state)
{
    struct scene *s = *state;
    struct fake_ledger *ledger = fake_store_ledger(s->rig.store);

    rig_publish(&s->rig, s->client, CSR_TOPIC, rig_text("junk"));
    assert_string_equal(fake_ledger_audit_detail(ledger, "refused"), "malformed-request");
    rig_publish(&s->rig, s->client, CSR_TOPIC, rig_text("-----BEGIN CERTIFICATE REQUEST-----\n"));
    assert_string_equal(fake_ledger_audit_detail(ledger, "refused"), "malformed-pem");
    rig_publish(&s->rig, s->client, "$identity/v1/meter-1/nowhere/csr", rig_text("junk"));
    assert_string_equal(fake_ledger_audit_detail(ledger, "refused"), "unknown-slot");
    rig_publish(&s->rig, s->client, "$identity/v1/meter-2/operational/csr", cr_blob_view(&s->csr));
    assert_string_equal(fake_ledger_audit_detail(ledger, "alarm"),
                        "wrong-identity: published to the topic of another device");
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
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "refused", "meter-1"), 1);
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
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "refused", "meter-1"), 1);
    s->rig.random_fails = false;
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
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

/* Mosquitto 2.0 asks about each message that is queued for a client that is away, too, and still gives its address. */
static void who_is_away_is_no_session(void **state)
{
    struct scene *s = *state;
    static const char status[] = "{\"commands\":[{\"command\":\"getStatus\"}]}";
    const struct cr_client *away = fake_host_connect(&s->rig.host, "sleeper", (struct cr_bytes){ NULL, 0 }, 4);

    assert_non_null(strstr(rig_command(&s->rig, s->boss, status), "\"connected\":1,"));
    assert_int_equal(cr_router_access(s->rig.router, away, CR_ACCESS_READ, "some/topic"), CR_DEFER);
    assert_int_equal(cr_router_access(s->rig.router, away, CR_ACCESS_READ, "$some/topic"), CR_DEFER);
    assert_non_null(strstr(rig_command(&s->rig, s->boss, status), "\"connected\":1,"));
    assert_int_equal(cr_router_access(s->rig.router, away, CR_ACCESS_WRITE, "some/topic"), CR_DEFER);
    assert_non_null(strstr(rig_command(&s->rig, s->boss, status), "\"connected\":2,"));
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

#define WITH_ANY_TIME(test) cmocka_unit_test_setup_teardown(test, scene_start_any_time, scene_stop)
#define WITH_WINDOW(test) cmocka_unit_test_setup_teardown(test, scene_start_in_window, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ANY_TIME(hostile_38_a_listed_key_is_refused),
        WITH_ANY_TIME(hostile_39_the_current_key_is_refused),
        WITH_ANY_TIME(hostile_40_another_devices_key_is_refused_with_an_alarm),
        WITH_ANY_TIME(hostile_40_the_key_of_the_ca_is_refused_with_an_alarm),
        WITH_ANY_TIME(hostile_51_another_devices_name_is_refused_with_an_alarm),
        WITH_ANY_TIME(hostile_65_another_devices_topic_is_denied_with_an_alarm),
        WITH_WINDOW(hostile_78_before_the_window_is_too_early),
        WITH_ANY_TIME(hostile_79_a_flood_is_limited_and_counted),
        WITH_ANY_TIME(an_audit_line_says_why),
        WITH_ANY_TIME(redis_down_tells_when_to_retry),
        WITH_ANY_TIME(too_much_under_way_is_busy),
        WITH_ANY_TIME(hostile_107_without_random_numbers_nothing_is_issued),
        WITH_ANY_TIME(an_expired_certificate_may_do_nothing),
        WITH_ANY_TIME(a_client_without_certificate_may_do_nothing),
        WITH_ANY_TIME(who_is_away_is_no_session),
        WITH_ANY_TIME(unknown_slots_and_verbs_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
