/* The trust bundle: what operators may set, and how it reaches devices. */
#include "tests/flow/rotation_scene.h"

#include "plugin/loop/bundles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COMMAND_CAP = 32768 };

/* "certificates":"…" of these, as JSON has it. */
static void set_text(char text[COMMAND_CAP], const struct cr_blob *const *ders, const char *more)
{
    char pem[8192] = "";
    size_t len = (size_t)snprintf(text, COMMAND_CAP, "\"command\":\"setTrustBundle\"%s,\"certificates\":\"", more);

    for (; *ders != NULL; ders++) {
        assert_int_equal(cr_cert_to_pem(pem, sizeof pem, cr_blob_view(*ders)), CR_OK);
    }
    for (const char *c = pem; *c != '\0' && len < COMMAND_CAP - 4; c++) {
        if (*c == '\n') {
            text[len++] = '\\';
        }
        text[len++] = *c == '\n' ? 'n' : *c;
    }
    text[len++] = '"';
    text[len] = '\0';
}

static int set_bundle(struct rotation *s, const struct cr_blob *const *ders, const char *more)
{
    char text[COMMAND_CAP];
    int version;

    set_text(text, ders, more);
    version = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(rotation_command(s, text), "version"));
    rotation_pass(s, 3);
    return version;
}

static void refused(struct rotation *s, const struct cr_blob *const *ders, const char *more, const char *code,
                    const char *part)
{
    char text[COMMAND_CAP];
    const char *said;

    set_text(text, ders, more);
    said = cJSON_GetStringValue(cJSON_GetObjectItem(rotation_refused(s, text, code), "error"));
    if (said == NULL || strstr(said, part) == NULL) {
        fail_msg("expected %s, got %s", part, said);
    }
}

static const struct fake_publication *sent(struct rotation *s, const char *device)
{
    return fake_host_take(&s->rig.host, device, "/ca/trust");
}

static void report(struct rotation *s, const struct rotation_device *d, const char *payload)
{
    char topic[60];

    snprintf(topic, sizeof topic, "$identity/v1/%s/ca/report", d->name);
    assert_int_equal(rig_publish(&s->rig, d->client, topic, rig_text(payload)), CR_CONSUMED);
}

static const struct cr_blob *const *only(const struct cr_blob *der)
{
    static const struct cr_blob *list[2];

    list[0] = der;
    return list;
}

/* A list of PEM texts. */
static struct cr_blob der_of(const cJSON *list)
{
    struct cr_blob der = { NULL, 0 };
    const cJSON *item;
    char pem[8192] = "";

    cJSON_ArrayForEach(item, list)
    {
        assert_true(strlen(pem) + strlen(item->valuestring) < sizeof pem);
        memcpy(pem + strlen(pem), item->valuestring, strlen(item->valuestring) + 1);
    }
    assert_int_equal(cr_cert_from_pem(&der, rig_text(pem)), CR_OK);
    return der;
}

/* As a device does: the signature is the signer's over what is in the message. */
static void expect_signed(const struct fake_publication *message, int version, const char *mode, const struct cr_blob *signer)
{
    cJSON *json = cJSON_Parse((const char *)message->payload.data);
    const char *signature = cJSON_GetStringValue(cJSON_GetObjectItem(json, "signature"));
    struct cr_blob certs = der_of(cJSON_GetObjectItem(json, "certificates"));
    struct cr_blob first = der_of(cJSON_GetObjectItem(json, "signer")), bytes;
    uint8_t sig[512];
    size_t sig_len = 0;
    struct cr_cert cert;
    struct cr_public_key key;

    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(json, "version")), version);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "mode")), mode);
    assert_int_equal(first.len, signer->len);
    assert_memory_equal(first.data, signer->data, first.len);
    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&first)), CR_OK);
    assert_int_equal(cr_base64_decode(sig, sizeof sig, &sig_len, signature, strlen(signature)), CR_OK);
    assert_int_equal(cr_bundle_message(&bytes, (uint64_t)version, cr_trust_mode_parse(mode), cr_blob_view(&certs)), CR_OK);
    assert_int_equal(cr_public_key_parse(&key, cert.spki), CR_OK);
    assert_int_equal(cr_key_libcrypto()->verify(&key, CR_SIG_ECDSA_SHA256, cr_blob_view(&bytes),
                                                (struct cr_bytes){ sig, sig_len }),
                     CR_OK);
    bytes.data[sizeof CR_BUNDLE_TITLE + 7] ^= 1; /* of another version it is not */
    assert_int_equal(cr_key_libcrypto()->verify(&key, CR_SIG_ECDSA_SHA256, cr_blob_view(&bytes),
                                                (struct cr_bytes){ sig, sig_len }),
                     CR_DENIED);
    cr_blob_fini(&bytes);
    cr_blob_fini(&certs);
    cr_blob_fini(&first);
    cJSON_Delete(json);
}

static void it_reaches_whoever_is_here_and_whoever_comes(void **state)
{
    struct rotation *s = *state;
    struct rotation_device *here = rotation_add(s), *later;
    const struct fake_publication *message;

    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(
                         rotation_command(s, "\"command\":\"getTrustBundle\""), "version")), 0);
    assert_int_equal(set_bundle(s, only(&s->rig.ca_der), ""), 1);
    message = sent(s, here->name);
    assert_non_null(message);
    assert_string_equal(message->topic, "$identity/v1/d0/ca/trust");
    assert_int_equal(message->qos, 1);
    assert_int_equal(message->expiry_s, s->rig.setup->config.trigger_expiry_s);
    expect_signed(message, 1, "add", &s->rig.ca_der);
    rotation_pass(s, 10);
    assert_null(sent(s, here->name)); /* once a connection */

    later = rotation_add(s);
    assert_non_null(sent(s, later->name));
    report(s, later, "{\"version\":1,\"outcome\":\"installed\"}");
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "trust-confirmed", later->name), 1);
    rotation_reconnect(s, later, cr_blob_view(&later->cert));
    rotation_pass(s, 3);
    assert_null(sent(s, later->name)); /* it has it */
    rotation_reconnect(s, here, cr_blob_view(&here->cert));
    assert_non_null(sent(s, here->name)); /* it has not said so */

    const cJSON *data = rotation_command(s, "\"command\":\"getTrustBundle\",\"count\":true");
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(data, "confirmed")), 1);
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(data, "unconfirmed")), 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(data, "by")), "alice");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(data, "mode")), "add");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(data, "certificates")), 1);
    assert_non_null(strstr(cJSON_GetArrayItem(cJSON_GetObjectItem(data, "subjects"), 0)->valuestring, "rig CA"));

    assert_int_equal(set_bundle(s, only(&s->rig.ca_der), ",\"mode\":\"replace\""), 2);
    message = sent(s, later->name); /* a new one is for all again */
    assert_non_null(message);
    expect_signed(message, 2, "replace", &s->rig.ca_der);
}

static void what_cannot_be_believed_is_refused(void **state)
{
    struct rotation *s = *state;
    struct rotation_device *d = rotation_add(s);
    const struct cr_blob *const twice[] = { &s->rig.ca_der, &s->rig.ca_der, NULL }, *const none[] = { NULL };
    const struct cr_blob *nine[10] = { NULL };
    char text[COMMAND_CAP];

    refused(s, only(&s->new_der), "", "policy-not-allowed", "chains to none of these");
    refused(s, only(&d->cert), "", "policy-not-allowed", "Certificate 1 is not a CA's");
    refused(s, twice, "", "policy-not-allowed", "Certificates 1 and 2 are the same");
    for (unsigned i = 0; i < 9; i++) {
        nine[i] = &s->new_der;
    }
    refused(s, nine, "", "too-large", "at most 8 certificates");
    refused(s, none, "", "malformed-json", "\"certificates\" must be");
    refused(s, only(&s->rig.ca_der), ",\"mode\":\"both\"", "malformed-json", "add or replace");
    set_text(text, only(&s->rig.ca_der), "");
    memcpy(strstr(text, "\\n-----END"), "\\n=====END", strlen("\\n=====END"));
    rotation_refused(s, text, "malformed-pem");
    rotation_refused(s, "\"command\":\"setTrustBundle\",\"certificates\":[\"\"]", "malformed-json");
    rotation_refused(s, "\"command\":\"setTrustBundle\",\"certificates\":[]", "malformed-json");
    rotation_refused(s, "\"command\":\"setTrustBundle\",\"certificates\":\"certificate\"", "malformed-pem");
    s->rig.clock.wall_s += 3000 * (int64_t)DAY_S + 3600; /* that of the scene has ended, the rig's has not */
    const struct cr_blob *const both[] = { &s->rig.ca_der, &s->new_der, NULL };
    refused(s, both, "", "policy-not-allowed", "Certificate 2 is not valid any more");
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(
                         rotation_command(s, "\"command\":\"getTrustBundle\""), "version")), 0);
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "trust-bundle", NULL), 0);
}

static void every_issuer_that_may_sign_must_be_believed(void **state)
{
    struct rotation *s = *state;
    const struct cr_blob *const both[] = { &s->new_der, &s->rig.ca_der, NULL };
    char text[160];

    (void)rotation_add(s);
    rotation_reload(s, s->rig.clock.wall_s + 5, "");
    refused(s, only(&s->rig.ca_der), "", "policy-not-allowed", s->new_id);
    assert_int_equal(set_bundle(s, both, ""), 1);
    assert_non_null(sent(s, "d0"));
    rotation_pass(s, 10);
    assert_null(sent(s, "d0"));
    rotation_reconnect(s, &s->device[0], cr_blob_view(&s->device[0].cert));
    const struct fake_publication *message = sent(s, "d0"); /* by whoever signs now */
    assert_non_null(message);
    expect_signed(message, 1, "add", &s->new_der);
    refused(s, only(&s->new_der), "", "policy-not-allowed", s->old_id);
    snprintf(text, sizeof text, "\"command\":\"retireIssuer\",\"issuer\":\"%s\",\"force\":true", s->old_id);
    (void)rotation_command(s, text);
    rotation_pass(s, 3);
    assert_int_equal(set_bundle(s, only(&s->new_der), ",\"mode\":\"replace\""), 2);
}

static void a_failure_is_told_and_it_is_sent_again(void **state)
{
    struct rotation *s = *state;
    struct rotation_device *d = rotation_add(s);
    const struct fake_publication *event;

    (void)set_bundle(s, only(&s->rig.ca_der), "");
    assert_non_null(sent(s, d->name));
    report(s, d, "{\"version\":1,\"outcome\":\"failed\",\"reason\":\"no room\"}");
    event = fake_host_take(&s->rig.host, NULL, "/event/trust");
    assert_non_null(event);
    assert_non_null(strstr((const char *)event->payload.data, "\"device\":\"d0\",\"version\":1,\"outcome\":\"failed\","
                                                              "\"reason\":\"no room\""));
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "trust-failed", d->name), 1);
    rotation_reconnect(s, d, cr_blob_view(&d->cert));
    assert_non_null(sent(s, d->name));
}

static void expect_rejected(struct rotation *s, const char *device, const char *code)
{
    const struct fake_publication *rejected = fake_host_take(&s->rig.host, device, "/ca/rejected");

    assert_non_null(rejected);
    if (strstr((const char *)rejected->payload.data, code) == NULL) {
        fail_msg("expected %s, got %s", code, (const char *)rejected->payload.data);
    }
}

static void the_slot_ca_has_nothing_else(void **state)
{
    struct rotation *s = *state;
    struct rotation_device *d = rotation_add(s), *other = rotation_add(s);
    struct cr_blob csr = rig_csr(&d->key, d->name);

    (void)set_bundle(s, only(&s->rig.ca_der), "");
    assert_int_equal(rig_publish(&s->rig, d->client, "$identity/v1/d0/ca/csr", cr_blob_view(&csr)), CR_CONSUMED);
    expect_rejected(s, d->name, "unknown-slot");
    assert_int_equal(rig_publish(&s->rig, d->client, "$identity/v1/d0/ca/get", rig_text("")), CR_CONSUMED);
    expect_rejected(s, d->name, "unknown-slot");
    report(s, d, "{\"version\":2,\"outcome\":\"installed\"}"); /* there is no such version */
    expect_rejected(s, d->name, "wrong-state");
    report(s, d, "{\"version\":\"1\",\"outcome\":\"installed\"}");
    expect_rejected(s, d->name, "malformed-json");
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "trust-confirmed", NULL), 0);

    assert_int_equal(rig_publish(&s->rig, d->client, "$identity/v1/d0/ca/trust", rig_text("{}")), CR_REFUSED);
    assert_int_equal(rig_publish(&s->rig, other->client, "$identity/v1/d0/ca/report",
                                 rig_text("{\"version\":1,\"outcome\":\"installed\"}")), CR_REFUSED);
    assert_int_equal(cr_router_access(s->rig.router, d->client, CR_ACCESS_READ, "$identity/v1/d0/ca/trust"), CR_ALLOW);
    assert_int_equal(cr_router_access(s->rig.router, d->client, CR_ACCESS_READ, "$identity/v1/d0/operational/trust"), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, other->client, CR_ACCESS_READ, "$identity/v1/d0/ca/trust"), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, d->client, CR_ACCESS_SUBSCRIBE, "$identity/v1/d0/ca/trust"), CR_ALLOW);
    cr_blob_fini(&csr);
}

/* No faster than renewals begin, and nobody is left out. */
static void those_that_are_here_get_it_one_after_the_other(void **state)
{
    struct rotation *s = *state;
    unsigned got = 0;

    rotation_command(s, "\"command\":\"setPolicy\",\"set\":{\"trigger_rate\":\"2\"}");
    rotation_pass(s, 3);
    for (unsigned i = 0; i < ROTATION_DEVICES; i++) {
        (void)rotation_add(s);
    }
    char text[COMMAND_CAP];
    set_text(text, only(&s->rig.ca_der), "");
    (void)rotation_command(s, text);
    for (unsigned second = 0; second < 10 && got < ROTATION_DEVICES; second++) {
        unsigned now = 0;

        rotation_pass(s, 1);
        while (sent(s, NULL) != NULL) {
            now++;
        }
        assert_true(now <= 4); /* a full bucket, and what came back */
        got += now;
        if (second == 1) { /* the walk goes on past one that leaves */
            const struct cr_session *next = s->rig.router->sessions.walk;

            assert_non_null(next);
            for (unsigned i = 0; i < ROTATION_DEVICES; i++) {
                if (strcmp(s->device[i].client->id, next->client_id) == 0) {
                    fake_host_offline(&s->rig.host, s->device[i].client);
                    cr_router_disconnected(s->rig.router, s->device[i].client);
                    break;
                }
            }
            assert_ptr_not_equal(s->rig.router->sessions.walk, next);
        }
    }
    assert_int_equal(got, ROTATION_DEVICES - 1); /* all but that one */
}

/* A new connection, not noticed yet: 2.0 tells of none. */
static void come_back(struct rotation *s, struct rotation_device *d)
{
    fake_host_offline(&s->rig.host, d->client);
    cr_router_disconnected(s->rig.router, d->client);
    d->client = fake_host_connect(&s->rig.host, d->name, cr_blob_view(&d->cert), 4);
}

/* mosquitto_rr takes the first message for its answer: that is never the bundle. */
static void whoever_is_asking_gets_the_answer_first(void **state)
{
    struct rotation *s = *state;
    struct rotation_device *d = rotation_add(s);
    struct rig_key key;
    struct cr_blob csr;

    (void)set_bundle(s, only(&s->rig.ca_der), "");
    assert_non_null(sent(s, d->name));
    come_back(s, d);
    assert_int_equal(cr_router_access(s->rig.router, d->client, CR_ACCESS_SUBSCRIBE, "$identity/v1/d0/operational/certificate"),
                     CR_ALLOW);
    flow_rig_pump(&s->rig);
    assert_null(sent(s, d->name)); /* it is about to ask */
    rotation_pass(s, 3);
    assert_non_null(sent(s, d->name)); /* it did not */

    rig_key_make(&key);
    csr = rig_csr(&key, d->name);
    come_back(s, d);
    assert_int_equal(rig_publish(&s->rig, d->client, "$identity/v1/d0/operational/csr", cr_blob_view(&csr)), CR_CONSUMED);
    assert_null(sent(s, d->name));
    assert_non_null(fake_host_take(&s->rig.host, d->name, "/operational/certificate"));
    rotation_pass(s, 3);
    assert_non_null(sent(s, d->name));
    cr_blob_fini(&csr);
    rig_key_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_reaches_whoever_is_here_and_whoever_comes, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(what_cannot_be_believed_is_refused, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(every_issuer_that_may_sign_must_be_believed, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(a_failure_is_told_and_it_is_sent_again, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(the_slot_ca_has_nothing_else, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(those_that_are_here_get_it_one_after_the_other, rotation_start, rotation_stop),
        cmocka_unit_test_setup_teardown(whoever_is_asking_gets_the_answer_first, rotation_start, rotation_stop),
    };
    return cmocka_run_group_tests_name("bundle_flow", tests, NULL, NULL);
}
