/* The operator channel: who may, what bad batches get, and that every command is answered. */
#include "common/topic.h"
#include "tests/support/flow_rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 86400 };

struct scene {
    struct flow_rig rig;
    struct cr_blob cert[3];
    const struct cr_client *admin, *viewer, *device, *named;
};

static int start(void **state)
{
    static const char *const names[] = { "boss", "watcher", "meter-1" };
    struct scene *s = calloc(1, sizeof *s);
    struct rig_key key;

    assert_non_null(s);
    flow_rig_start(&s->rig, "admin_identity boss\nviewer_identity watcher\nadmin_username alice\n");
    for (int i = 0; i < 3; i++) {
        rig_key_make(&key);
        s->cert[i] = rig_certify(&s->rig, &key, names[i], 90 * DAY_S);
        rig_key_free(&key);
    }
    s->admin = fake_host_connect(&s->rig.host, "c-boss", cr_blob_view(&s->cert[0]), 5);
    s->viewer = fake_host_connect(&s->rig.host, "c-watcher", cr_blob_view(&s->cert[1]), 4);
    s->device = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert[2]), 4);
    s->named = fake_host_connect(&s->rig.host, "c-alice", (struct cr_bytes){ NULL, 0 }, 4);
    ((struct fake_client *)s->named->handle)->client.username = "alice";
    *state = s;
    return 0;
}

static int scene_end(void **state)
{
    struct scene *s = *state;

    flow_rig_stop(&s->rig);
    for (int i = 0; i < 3; i++) {
        cr_blob_fini(&s->cert[i]);
    }
    free(s);
    return 0;
}

static void expect(const char *reply, const char *part)
{
    if (strstr(reply, part) == NULL) {
        fail_msg("expected %s in %s", part, reply);
    }
}

static void roles_decide_who_may_what(void **state)
{
    struct scene *s = *state;
    const char *trigger = "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\"}]}";
    const char *status = "{\"commands\":[{\"command\":\"getStatus\"}]}";

    cr_router_connected(s->rig.router, s->device);
    flow_rig_pump(&s->rig);
    expect(rig_command(&s->rig, s->viewer, status), "\"data\":{");
    expect(rig_command(&s->rig, s->viewer, trigger), "\"errorCode\":\"not-authorised\"");
    expect(rig_command(&s->rig, s->named, trigger), "\"state\":\"triggered\"");
    expect(rig_command(&s->rig, s->admin, trigger), "\"state\":\"triggered\"");
}

static void hostile_87_a_device_is_no_operator(void **state)
{
    struct scene *s = *state;

    expect(rig_command(&s->rig, s->device, "{\"commands\":[{\"command\":\"getStatus\"}]}"),
           "\"errorCode\":\"not-authorised\"");
    assert_true(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "denied", NULL) > 0);
    for (int i = 0; i < 100; i++) { /* who may not command may not fill the audit log either */
        rig_command(&s->rig, s->device, "{\"commands\":[{\"command\":\"x\"},{\"command\":\"y\"}]}");
    }
    assert_in_range(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "denied", NULL), 1, 10);
    flow_rig_reload(&s->rig, ""); /* nobody is configured: nobody may */
    expect(rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":\"getStatus\"}]}"),
           "\"errorCode\":\"not-authorised\"");
}

/* TLS looks at a certificate when a connection begins, and an operator's may last for months. */
static void an_operators_role_ends_with_its_certificate(void **state)
{
    static const char status[] = "{\"commands\":[{\"command\":\"getStatus\"}]}";
    static const char trigger[] = "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\"}]}";
    static const char events[] = CR_TOPIC_CONTROL_EVENT "/security";
    struct scene *s = *state;
    /* As with use_identity_as_username: the name comes from a certificate. */
    const struct cr_client *both = fake_host_connect(&s->rig.host, "c-both", cr_blob_view(&s->cert[2]), 4);
    /* And from one that is not of an issuer of devices: a CA's own is none. */
    const struct cr_client *foreign = fake_host_connect(&s->rig.host, "c-foreign", cr_blob_view(&s->rig.ca_der), 4);
    unsigned denied;

    ((struct fake_client *)both->handle)->client.username = "alice";
    ((struct fake_client *)foreign->handle)->client.username = "alice";
    cr_router_connected(s->rig.router, s->device); /* the device that is triggered */
    flow_rig_pump(&s->rig);
    expect(rig_command(&s->rig, s->viewer, status), "\"data\":{");
    expect(rig_command(&s->rig, both, status), "\"data\":{");
    flow_rig_pass(&s->rig, 90 * DAY_S - 3600); /* its last second */
    expect(rig_command(&s->rig, s->admin, trigger), "\"state\":\"triggered\"");
    assert_int_equal(cr_router_access(s->rig.router, s->viewer, CR_ACCESS_READ, events), CR_ALLOW);
    denied = fake_ledger_audit_count(fake_store_ledger(s->rig.store), "denied", NULL);

    flow_rig_pass(&s->rig, 1);
    expect(rig_command(&s->rig, s->admin, trigger), "\"errorCode\":\"certificate-not-valid\"");
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "denied", NULL), denied + 1);
    expect(rig_command(&s->rig, s->viewer, status), "\"errorCode\":\"certificate-not-valid\"");
    expect(rig_command(&s->rig, both, trigger), "\"errorCode\":\"certificate-not-valid\"");
    assert_int_equal(cr_router_access(s->rig.router, s->viewer, CR_ACCESS_READ, events), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->viewer, CR_ACCESS_SUBSCRIBE, events), CR_DENY);
    expect(rig_command(&s->rig, s->device, status), "\"errorCode\":\"not-authorised\""); /* expired, and a stranger */
    expect(rig_command(&s->rig, s->named, status), "\"data\":{");                       /* has no certificate */

    flow_rig_reload(&s->rig, "admin_identity boss\nadmin_username alice\n"); /* judged anew: still over */
    expect(rig_command(&s->rig, s->admin, trigger), "\"errorCode\":\"certificate-not-valid\"");

    expect(rig_command(&s->rig, foreign, status), "\"data\":{");
    flow_rig_pass(&s->rig, s->rig.ca.facts.not_after - s->rig.clock.wall_s + 1);
    expect(rig_command(&s->rig, foreign, status), "\"errorCode\":\"certificate-not-valid\"");
}

static void hostile_81_what_is_no_batch_gets_an_error(void **state)
{
    static const char *const bad[] = {
        "", "{", "[]", "{}", "null", "\"commands\"", "{\"commands\":{}}", "{\"commands\":[]}", "{\"commands\":null}",
        "{\"commands\":[{\"command\":\"getStatus\"}],\"more\":1}", "{\"commands\":[{\"command\":\"getStatus\"}]} x",
        "{\"commands\":[{\"command\":\"getStatus\"}],\"commands\":[{\"command\":\"getStatus\"}]}",
    };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect(rig_command(&s->rig, s->admin, bad[i]), "\"errorCode\":\"malformed-json\"");
    }
}

static void hostile_82_wrong_types_get_an_error_each(void **state)
{
    static const char *const bad[] = {
        "{\"command\":\"getDevice\",\"device\":7}", "{\"command\":\"getDevice\"}", "{\"command\":\"getDevice\",\"device\":null}",
        "{\"command\":\"triggerRenewal\",\"device\":\"meter-1\",\"slot\":[]}",
        "{\"command\":\"triggerRenewal\",\"device\":\"meter-1\",\"reason\":\"because\"}",
        "{\"command\":\"triggerRenewal\",\"device\":\"meter-1\",\"reason\":3}",
        "{\"command\":\"getStatus\",\"device\":\"meter-1\"}",
    };
    struct scene *s = *state;
    char batch[300];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *reply;

        snprintf(batch, sizeof batch, "{\"commands\":[%s,{\"command\":\"getStatus\"}]}", bad[i]);
        reply = rig_command(&s->rig, s->admin, batch);
        expect(reply, "\"errorCode\":\"malformed-json\"");
        expect(reply, "\"uptime\":"); /* the one behind it is answered all the same */
    }
}

static void hostile_83_an_unknown_command_after_authorisation(void **state)
{
    struct scene *s = *state;

    expect(rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":\"rm\"}]}"), "\"errorCode\":\"malformed-command\"");
    expect(rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":7}]}"), "\"errorCode\":\"malformed-command\"");
    expect(rig_command(&s->rig, s->admin, "{\"commands\":[7]}"), "\"errorCode\":\"malformed-command\"");
    expect(rig_command(&s->rig, s->device, "{\"commands\":[{\"command\":\"rm\"}]}"), "\"errorCode\":\"not-authorised\"");
}

static char *repeat(const char *head, const char *part, unsigned count, const char *tail)
{
    size_t part_len = strlen(part), len = strlen(head) + count * part_len + strlen(tail) + 1;
    char *text = malloc(len), *at;

    assert_non_null(text);
    at = text + snprintf(text, len, "%s", head);
    for (unsigned i = 0; i < count; i++, at += part_len) {
        memcpy(at, part, part_len);
    }
    snprintf(at, len - (size_t)(at - text), "%s", tail);
    return text;
}

static void hostile_84_depth_size_and_oddities_get_an_error(void **state)
{
    struct scene *s = *state;
    char *deep = repeat("{\"commands\":", "[", 30000, "");
    char *large = repeat("{\"commands\":[{\"command\":\"", "x", 10 * 1024 * 1024, "\"}]}");

    expect(rig_command(&s->rig, s->admin, deep), "\"errorCode\":\"malformed-json\"");
    expect(rig_command(&s->rig, s->admin, large), "\"errorCode\":\"too-large\"");
    expect(rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":\"getStatus\",\"x\":1e999}]}"),
           "\"errorCode\":\"malformed-json\"");
    expect(rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":\"\\ud800\"}]}"), "\"errorCode\":\"malformed-json\"");
    free(deep);
    free(large);
}

static void hostile_85_too_many_commands_are_not_begun(void **state)
{
    struct scene *s = *state;
    char *many = repeat("{\"commands\":[{\"command\":\"getStatus\"}", ",{\"command\":\"getStatus\"}", 200, "]}");

    expect(rig_command(&s->rig, s->admin, many), "\"errorCode\":\"too-large\"");
    free(many);
}

static void hostile_86_what_is_no_device_is_an_error(void **state)
{
    static const char *const bad[] = { "*", "../x", "a b", "", "{b01}", "a\\r\\nb", "+", "#", "x/y" };
    struct scene *s = *state;
    char batch[200];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(batch, sizeof batch, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"%s\"}]}", bad[i]);
        expect(rig_command(&s->rig, s->admin, batch), "\"errorCode\":\"malformed-json\"");
    }
    expect(rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"nobody\"}]}"),
           "\"errorCode\":\"unknown-device\"");
    expect(rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"nobody\"}]}"),
           "\"errorCode\":\"unknown-device\"");
}

static void hostile_88_answers_and_events_cannot_be_forged(void **state)
{
    struct scene *s = *state;

    assert_int_equal(cr_router_access(s->rig.router, s->admin, CR_ACCESS_WRITE, CR_TOPIC_CONTROL_RESPONSE), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->admin, CR_ACCESS_WRITE, CR_TOPIC_CONTROL_EVENT "/security"), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->device, CR_ACCESS_SUBSCRIBE, CR_TOPIC_CONTROL_EVENT "/#"), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->device, CR_ACCESS_READ, CR_TOPIC_CONTROL_RESPONSE), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->viewer, CR_ACCESS_SUBSCRIBE, CR_TOPIC_CONTROL_EVENT "/#"), CR_ALLOW);
    assert_int_equal(cr_router_access(s->rig.router, s->viewer, CR_ACCESS_READ, CR_TOPIC_CONTROL_EVENT "/security"), CR_ALLOW);
}

static void a_batch_is_answered_in_its_order(void **state)
{
    struct scene *s = *state;
    const char *reply, *a, *b, *c;

    cr_router_connected(s->rig.router, s->device);
    flow_rig_pump(&s->rig);
    reply = rig_command(&s->rig, s->admin,
                        "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"meter-1\",\"correlationData\":\"a\"},"
                        "{\"command\":\"rm\",\"correlationData\":\"b\"},"
                        "{\"command\":\"getDevice\",\"device\":\"meter-1\",\"correlationData\":\"c\"}]}");
    a = strstr(reply, "\"correlationData\":\"a\"");
    b = strstr(reply, "\"correlationData\":\"b\"");
    c = strstr(reply, "\"correlationData\":\"c\"");
    assert_true(a != NULL && b != NULL && c != NULL && a < b && b < c);
    expect(reply, "\"state\":\"quiet\"");
    expect(reply, "\"notAfter\":\"2030-");
}

static void refusals_are_counted(void **state)
{
    struct scene *s = *state;

    cr_router_connected(s->rig.router, s->device);
    flow_rig_pump(&s->rig);
    (void)rig_command(&s->rig, s->device, "{\"commands\":[{\"command\":\"getStatus\"}]}");
    (void)rig_command(&s->rig, s->admin, "nonsense");
    (void)rig_command(&s->rig, s->admin,
                      "{\"commands\":[{\"command\":\"rm\"},{\"command\":\"getDevice\",\"device\":\"nobody\"},"
                      "{\"command\":\"holdDevice\",\"device\":\"nobody\"},{\"command\":\"getDevice\"}]}");
    expect(rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":\"getStatus\"}]}"),
           "\"refused\":{\"malformed-json\":2,\"malformed-command\":1,\"not-authorised\":1,\"unknown-device\":2}");
}

static const char *device_shown(struct scene *s)
{
    return rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"meter-1\"}]}");
}

static void what_is_left_of_a_device_is_shown(void **state)
{
    struct scene *s = *state;
    const char *trigger = "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\"}]}";
    static const char topic[] = "$identity/v1/meter-1/operational/report";
    const char *id;
    char report[160];

    cr_router_connected(s->rig.router, s->device);
    flow_rig_pump(&s->rig);
    assert_null(strstr(device_shown(s), "gapSeconds"));
    assert_null(strstr(device_shown(s), "chancesLeft"));
    cr_router_disconnected(s->rig.router, s->device);
    flow_rig_pass(&s->rig, 4 * DAY_S);
    cr_router_connected(s->rig.router, s->device);
    flow_rig_pump(&s->rig);
    expect(device_shown(s), "\"gapSeconds\":345600");
    expect(device_shown(s), "\"chancesLeft\":21"); /* 90 days less an hour, and the four */
    assert_null(strstr(device_shown(s), "failures"));
    assert_null(strstr(device_shown(s), "unanswered"));
    assert_null(strstr(device_shown(s), "retryAt"));

    id = strstr(rig_command(&s->rig, s->admin, trigger), "\"renewalId\":\"");
    assert_non_null(id);
    snprintf(report, sizeof report, "{\"renewalId\":\"%.36s\",\"outcome\":\"failed\"}", id + strlen("\"renewalId\":\""));
    (void)rig_publish(&s->rig, s->device, topic, rig_text(report));
    flow_rig_pump(&s->rig);
    expect(device_shown(s), "\"failures\":1");
    expect(device_shown(s), "\"retryAt\":\"");
    cr_router_disconnected(s->rig.router, s->device);
    flow_rig_pass(&s->rig, 7 * DAY_S);
    expect(device_shown(s), "\"unanswered\":1");
    assert_null(strstr(device_shown(s), "retryAt"));
    flow_rig_pass(&s->rig, 77 * DAY_S); /* less than the gap before the end, also of the operator's certificate */
    expect(device_shown(s), "\"chancesLeft\":0");
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, start, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(roles_decide_who_may_what),
        WITH_SCENE(an_operators_role_ends_with_its_certificate),
        WITH_SCENE(hostile_81_what_is_no_batch_gets_an_error),
        WITH_SCENE(hostile_82_wrong_types_get_an_error_each),
        WITH_SCENE(hostile_83_an_unknown_command_after_authorisation),
        WITH_SCENE(hostile_84_depth_size_and_oddities_get_an_error),
        WITH_SCENE(hostile_85_too_many_commands_are_not_begun),
        WITH_SCENE(hostile_86_what_is_no_device_is_an_error),
        WITH_SCENE(hostile_87_a_device_is_no_operator),
        WITH_SCENE(hostile_88_answers_and_events_cannot_be_forged),
        WITH_SCENE(a_batch_is_answered_in_its_order),
        WITH_SCENE(refusals_are_counted),
        WITH_SCENE(what_is_left_of_a_device_is_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
