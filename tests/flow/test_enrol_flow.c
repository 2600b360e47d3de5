/* Onboarding: what a session with a factory certificate, or with a token, gets, and that it gets nothing else. */
#include "plugin/loop/loop.h"
#include "tests/support/flow_scene.h"
#include "tests/support/test_factory.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CERTIFICATE_TOPIC "$identity/v1/meter-1/operational/certificate"
#define ALLOW_METER "{\"commands\":[{\"command\":\"enrollDevice\",\"device\":\"meter-1\"}]}"

struct enrolment {
    struct scene *scene;
    struct test_dir dir;
    struct test_ca ca;
    struct cr_blob factory_cert;
    const struct cr_client *factory;
    char config[1200];
};

static struct enrolment *begin(const char *rules)
{
    struct enrolment *e = calloc(1, sizeof *e);
    const struct test_factory_leaf leaf = { .serial_number = "meter-1" };
    void *scene = NULL;
    const struct cr_blob *ders[] = { NULL, NULL };

    assert_non_null(e);
    test_dir_make(&e->dir);
    test_ca_make(&e->ca, "Acme Factory CA", NULL, CR_KEY_EC_P256);
    ders[0] = &e->ca.der;
    test_file_write_certs(test_dir_file(&e->dir, "acme.pem"), ders);
    test_factory_leaf_make(&e->factory_cert, NULL, &e->ca, &leaf);
    (void)snprintf(e->config, sizeof e->config,
                   "default_access allow\nadmin_identity boss\nadmin_username enroll:meter-1\nfactory_cafile %s\n"
                   "factory_identity serial-number\n%s\nslot operational\nslot data\n",
                   test_dir_file(&e->dir, "acme.pem"), rules);
    assert_int_equal(scene_start_with(&scene, e->config), 0);
    e->scene = scene;
    return e;
}

static int with_list(void **state)
{
    *state = begin("factory_reenroll expired\nenroll_tokens true");
    return 0;
}

static int with_any(void **state)
{
    *state = begin("factory_enroll any");
    return 0;
}

static int end(void **state)
{
    struct enrolment *e = *state;
    void *scene = e->scene;

    assert_int_equal(scene_stop(&scene), 0);
    test_ca_fini(&e->ca);
    cr_blob_fini(&e->factory_cert);
    test_dir_remove(&e->dir);
    free(e);
    return 0;
}

/* Its factory certificate connects; the scene's client is it from now on. */
static void come(struct enrolment *e, const char *client_id)
{
    e->scene->client = e->factory =
        fake_host_connect(&e->scene->rig.host, client_id, cr_blob_view(&e->factory_cert), 4);
}

static void login_as(const struct cr_client *client, const char *username)
{
    struct fake_client *fake = (struct fake_client *)(uintptr_t)client->handle;

    fake->client.username = username;
    fake->client.handle = client->handle;
}

static void send_csr(struct scene *s)
{
    assert_int_equal(rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr)), CR_CONSUMED);
}

static const char *order(struct scene *s, const char *json)
{
    return rig_command(&s->rig, s->boss, json);
}

static void ordered(struct scene *s, const char *json, const char *part)
{
    const char *reply = order(s, json);

    if (strstr(reply, part) == NULL) {
        fail_msg("expected %s for %s\n but got %s", part, json, reply);
    }
}

static const char *rejection(struct scene *s)
{
    const struct fake_publication *p = fake_host_take(&s->rig.host, s->client->id, "/rejected");

    return p != NULL ? (const char *)p->payload.data : "";
}

static struct cr_blob kept(struct cr_bytes view)
{
    struct cr_blob blob = { NULL, 0 };

    assert_int_equal(cr_blob_copy(&blob, view.data, view.len), CR_OK);
    return blob;
}

/* ---- a factory certificate ---- */

static void factory_certificate_brings_the_first_of_ours(void **state)
{
    struct enrolment *e = *state;
    struct scene *s = e->scene;
    struct cr_blob first;
    const struct cr_slot_record *slot;

    come(e, "meter-1");
    send_csr(s);
    expect_rejected(s, "not-enrolled");
    ordered(s, ALLOW_METER, "\"known\":false");
    ordered(s, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"meter-1\"}]}", "\"enrol\":{\"since\":");
    ordered(s, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"meter-1\"}]}", "\"slots\":[]");
    send_csr(s);
    first = kept(leaf_of(take_certificate(s)));
    assert_non_null(scene_slot(s));
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "seen", "meter-1"), 0);

    reconnect(s, cr_blob_view(&first));
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    slot = scene_slot(s);
    assert_int_equal(slot->generation, 1);
    assert_int_equal(slot->state, CR_STATE_QUIET);
    assert_null(strstr(order(s, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"meter-1\"}]}"), "\"enrol\""));
    come(e, "factory-connection");
    send_csr(s);
    assert_non_null(strstr(rejection(s), "already-enrolled"));
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "enrolling", "meter-1"), 1);
    cr_blob_fini(&first);
}

static void factory_certificate_can_do_nothing_else(void **state)
{
    static const char *const closed[] = { "some/topic", "$SYS/broker/uptime", "$CONTROL/cert-renewal/v1",
                                          "$CONTROL/dynamic-security/v1", "$identity/v1/meter-2/operational/csr",
                                          "$identity/v1/meter-1/data/csr", "$identity/v1/meter-1/operational/report",
                                          "$identity/v1/meter-1/ca/report", "$identity/v1/meter-1/operational/renew" };
    static const char *const filters[] = { "#", "+/topic", "some/topic", "$SYS/#", "$share/g/some/topic", "$CONTROL/#",
                                           "$identity/v1/+/#", "$identity/v1/meter-2/#" };
    static const char *const unread[] = { "some/topic", "$CONTROL/cert-renewal/v1/event/alert",
                                          "$identity/v1/meter-1/data/certificate", "$identity/v1/meter-1/ca/trust" };
    struct enrolment *e = *state;
    struct scene *s = e->scene;
    enum cr_verdict verdict;

    ordered(s, ALLOW_METER, "\"known\"");
    come(e, "meter-1");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
            assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, closed[i]), CR_DENY);
            assert_false(cr_router_passes(s->rig.router, s->client->handle, closed[i], &verdict));
        }
        for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
            assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_SUBSCRIBE, filters[i]), CR_DENY);
        }
        for (size_t i = 0; i < sizeof unread / sizeof unread[0]; i++) {
            assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_READ, unread[i]), CR_DENY);
        }
        assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_READ, CERTIFICATE_TOPIC), CR_ALLOW);
        assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
        flow_rig_reload(&s->rig, e->config); /* SIGHUP changes none of it */
        flow_rig_pump(&s->rig);
    }
    /* also past the access check */
    assert_int_equal(cr_router_message(s->rig.router, s->client, REPORT_TOPIC, rig_text("{}"),
                                       &(struct cr_request_properties){ .user_properties = 0 }), CR_REFUSED);
    flow_rig_pump(&s->rig);
    assert_true(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "denied", "meter-1") > 0);
    scene_live(s, 120);
    assert_null(scene_slot(s)); /* never presented */
    assert_int_equal(s->rig.host.kicks, 0);
    scene_leave(s);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "its/will"), CR_DENY);
}

static void factory_connection_gets_answers_and_no_triggers(void **state)
{
    struct enrolment *e = *state;
    struct scene *s = e->scene;

    reconnect(s, cr_blob_view(&s->cert)); /* a device of ours ... */
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    cr_router_disconnected(s->rig.router, s->client);
    come(e, "factory");
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    assert_non_null(fake_host_take(&s->rig.host, "factory", "/status"));
    scene_trigger(s);
    scene_live(s, 10);
    assert_null(fake_host_take(&s->rig.host, "factory", "/renew"));
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    assert_null(fake_host_take(&s->rig.host, "factory", "/renew"));
    assert_non_null(fake_host_take(&s->rig.host, "factory", "/status"));
    assert_int_equal(s->rig.router->sessions.devices, 0);
    scene_live(s, 3600);
    assert_int_equal(s->rig.host.kicks, 0);
}

static void any_device_of_the_factory_may(void **state)
{
    struct enrolment *e = *state;
    struct scene *s = e->scene;
    struct cr_blob first;

    come(e, "meter-1");
    send_csr(s);
    first = kept(leaf_of(take_certificate(s)));
    send_csr(s); /* again: the same */
    assert_memory_equal(leaf_of(take_certificate(s)).data, first.data, first.len);
    cr_blob_fini(&first);
    /* a certificate without an id where the rules say */
    const struct test_factory_leaf nameless = { .cn = "meter-1" };
    struct cr_blob der;
    test_factory_leaf_make(&der, NULL, &e->ca, &nameless);
    s->client = fake_host_connect(&s->rig.host, "nameless", cr_blob_view(&der), 4);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "some/topic"), CR_DENY);
    cr_blob_fini(&der);
}

static void factory_that_goes_takes_its_sessions_along(void **state)
{
    struct enrolment *e = *state;
    struct scene *s = e->scene;

    come(e, "meter-1");
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
    flow_rig_reload(&s->rig, "default_access allow\nadmin_identity boss\nslot operational\n");
    cr_router_tick(s->rig.router);
    assert_int_equal(s->rig.host.kicks, 1);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "some/topic"), CR_DENY);
}

/* ---- tokens ---- */

/* What createToken told; 44 bytes. */
static void make_token(struct scene *s, char token[CR_TOKEN_CAP])
{
    const char *reply =
        order(s, "{\"commands\":[{\"command\":\"createToken\",\"device\":\"meter-1\",\"expires\":\"1h\"}]}");
    const char *at = strstr(reply, "\"token\":\"");

    assert_non_null(at);
    assert_non_null(strstr(reply, "\"username\":\"enroll:meter-1\""));
    memcpy(token, at + strlen("\"token\":\""), CR_TOKEN_LEN);
    token[CR_TOKEN_LEN] = '\0';
    assert_int_equal(strlen(token), CR_TOKEN_LEN);
}

static enum cr_login login(struct scene *s, const char *client_id, const char *token)
{
    struct cr_bytes none = { NULL, 0 };

    s->client = fake_host_connect(&s->rig.host, client_id, none, 4);
    login_as(s->client, "enroll:meter-1");
    return cr_router_login(s->rig.router, s->client, token);
}

static void token_brings_the_first_certificate_once(void **state)
{
    struct enrolment *e = *state;
    struct scene *s = e->scene;
    const struct fake_publication *answer;
    char token[CR_TOKEN_CAP];

    make_token(s, token);
    assert_int_equal(login(s, "a", token), CR_LOGIN_ALLOW);
    assert_int_equal(cr_router_login(s->rig.router, s->client, token), CR_LOGIN_ALLOW); /* SIGHUP before it spoke */
    send_csr(s);
    answer = fake_host_take(&s->rig.host, "a", "/certificate");
    assert_non_null(answer);
    assert_int_equal(cr_router_login(s->rig.router, s->client, token), CR_LOGIN_ALLOW);
    flow_rig_reload(&s->rig, e->config);
    send_csr(s);
    assert_non_null(fake_host_take(&s->rig.host, "a", "/certificate"));

    assert_int_equal(login(s, "b", token), CR_LOGIN_ALLOW);
    struct rig_key other;
    rig_key_make(&other);
    struct cr_blob csr = rig_csr(&other, "meter-1");
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&csr));
    assert_non_null(strstr(rejection(s), "token-not-valid"));
    scene_live(s, 2);
    assert_string_equal(s->rig.host.last_kick, "b");
    cr_blob_fini(&csr);
    rig_key_free(&other);
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "token-used", "meter-1"), 1);
    for (unsigned i = 0; i < s->rig.host.publication_count; i++) {
        const struct fake_publication *p = &s->rig.host.publication[i];

        if (p->payload.data != NULL && strstr(p->topic, "/response") == NULL) {
            assert_null(memmem(p->payload.data, p->payload.len, token, CR_TOKEN_LEN));
        }
    }
}

static void token_session_can_do_nothing_else(void **state)
{
    static const char *const closed[] = { "some/topic", "$CONTROL/cert-renewal/v1",
                                          "$identity/v1/meter-2/operational/csr", "$identity/v1/meter-1/data/csr", "$identity/v1/meter-1/operational/get",
                                          "$identity/v1/meter-1/operational/report" };
    struct enrolment *e = *state;
    struct scene *s = e->scene;
    char token[CR_TOKEN_CAP];

    memset(token, 'A', CR_TOKEN_LEN);
    token[CR_TOKEN_LEN] = '\0';
    assert_int_equal(login(s, "x", token), CR_LOGIN_ALLOW); /* on trial */
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, closed[i]), CR_DENY);
    }
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_SUBSCRIBE, "#"), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_READ, "some/topic"), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_SUBSCRIBE, CERTIFICATE_TOPIC), CR_ALLOW);
    scene_live(s, 58);
    assert_int_equal(s->rig.host.kicks, 0);
    scene_live(s, 4);
    assert_int_equal(s->rig.host.kicks, 1);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_DENY);
    scene_leave(s);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "its/will"), CR_DENY);

    flow_rig_pass(&s->rig, 60);
    assert_int_equal(login(s, "silent", token), CR_LOGIN_ALLOW);
    scene_live(s, 61);
    assert_string_equal(s->rig.host.last_kick, "silent"); /* though it did nothing */
    flow_rig_pass(&s->rig, 60);
    assert_int_equal(login(s, "willing", token), CR_LOGIN_ALLOW);
    fake_host_offline(&s->rig.host, s->client); /* before the broker tells that it left */
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "its/will"), CR_DENY);
    cr_router_disconnected(s->rig.router, s->client);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "its/will"), CR_DENY);
}

static void wrong_tokens_are_limited_and_told(void **state)
{
    struct enrolment *e = *state;
    struct scene *s = e->scene;
    char token[CR_TOKEN_CAP];
    unsigned allowed = 0;

    memset(token, 'A', CR_TOKEN_LEN);
    token[CR_TOKEN_LEN] = '\0';
    for (int i = 0; i < 10; i++) {
        if (login(s, "x", token) == CR_LOGIN_ALLOW) {
            allowed++;
            send_csr(s);
            assert_non_null(strstr(rejection(s), "token-not-valid"));
        }
    }
    assert_int_equal(allowed, 6);
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "alarm", "meter-1"), 2);
    flow_rig_pass(&s->rig, 11);
    assert_int_equal(login(s, "x", token), CR_LOGIN_ALLOW);
    assert_int_equal(login(s, "x", "short"), CR_LOGIN_DENY);
    assert_int_equal(login(s, "x", NULL), CR_LOGIN_DENY);
}

static void token_does_not_take_a_client_id(void **state)
{
    struct enrolment *e = *state;
    struct scene *s = e->scene;
    char token[CR_TOKEN_CAP];

    make_token(s, token);
    reconnect(s, cr_blob_view(&s->cert));
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    assert_int_equal(login(s, "meter-1", token), CR_LOGIN_DENY);
    assert_int_equal(login(s, "other", token), CR_LOGIN_ALLOW);
}

static void tokens_are_off_unless_configured(void **state)
{
    struct enrolment *e = *state; /* factory_enroll any, no enroll_tokens */
    struct scene *s = e->scene;
    char token[CR_TOKEN_CAP];

    memset(token, 'A', CR_TOKEN_LEN);
    token[CR_TOKEN_LEN] = '\0';
    assert_int_equal(login(s, "x", token), CR_LOGIN_DEFER);
    ordered(s, "{\"commands\":[{\"command\":\"createToken\",\"device\":\"meter-1\"}]}", "wrong-state");
}

/* ---- commands ---- */

static void lists_are_all_right_or_change_nothing(void **state)
{
    struct enrolment *e = *state;
    struct scene *s = e->scene;

    ordered(s, "{\"commands\":[{\"command\":\"enrollDevices\",\"devices\":[{\"device\":\"a\"},"
               "{\"device\":\"b\",\"factory\":\"nobody\"}]}]}",
            "entry 2: No factory of this name");
    ordered(s, "{\"commands\":[{\"command\":\"enrollDevices\",\"devices\":[{\"device\":\"a\"},{\"device\":\"b c\"}]}]}",
            "entry 2:");
    ordered(s, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"a\"}]}", "unknown-device");
    ordered(s, "{\"commands\":[{\"command\":\"enrollDevices\",\"devices\":[{\"device\":\"a\",\"tags\":[\"lab\"]},"
               "{\"device\":\"b\",\"factory\":\"acme\"}]}]}", "\"enrolled\":2,\"refused\":[]");
    ordered(s, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"b\"}]}", "\"factory\":\"acme\"");
    ordered(s, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"a\"}]}", "\"tags\":[\"lab\"]");
    ordered(s, "{\"commands\":[{\"command\":\"forbidDevice\",\"device\":\"b\"}]}", "\"device\":\"b\"");
    ordered(s, "{\"commands\":[{\"command\":\"forbidDevice\",\"device\":\"b\"}]}", "wrong-state");
    ordered(s, "{\"commands\":[{\"command\":\"createToken\",\"device\":\"b\",\"expires\":\"59s\"}]}", "malformed-json");
    ordered(s, "{\"commands\":[{\"command\":\"createToken\",\"device\":\"b\",\"expires\":\"31d\"}]}", "malformed-json");
}

#define WITH(test, start) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(factory_certificate_brings_the_first_of_ours, with_list),
        WITH(factory_certificate_can_do_nothing_else, with_list),
        WITH(factory_connection_gets_answers_and_no_triggers, with_list),
        WITH(any_device_of_the_factory_may, with_any),
        WITH(factory_that_goes_takes_its_sessions_along, with_list),
        WITH(token_brings_the_first_certificate_once, with_list),
        WITH(token_session_can_do_nothing_else, with_list),
        WITH(wrong_tokens_are_limited_and_told, with_list),
        WITH(token_does_not_take_a_client_id, with_list),
        WITH(tokens_are_off_unless_configured, with_any),
        WITH(lists_are_all_right_or_change_nothing, with_list),
    };
    return cmocka_run_group_tests_name("enrol_flow", tests, NULL, NULL);
}
