/* Who signs, as the loop has it: nobody until an issuer's moment comes; and a factory certificate makes no operator. */
#include "plugin/loop/loop.h"
#include "tests/support/flow_scene.h"
#include "tests/support/test_factory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *reply, const char *part)
{
    if (strstr(reply, part) == NULL) {
        fail_msg("expected %s in %s", part, reply);
    }
}

/* RIG_START_S is 17:46:40. */
static int start_before_the_moment(void **state)
{
    return scene_start_with(state, "issuer_sign_from 2030-03-17T18:46:40Z\n" ANY_TIME);
}

static void nothing_is_issued_before_the_moment(void **state)
{
    static const char status[] = "{\"commands\":[{\"command\":\"getStatus\"}]}";
    struct scene *s = *state;
    const char *reply = rig_command(&s->rig, s->boss, status);

    expect(reply, "\"kind\":\"own\",\"signing\":false,\"signFrom\":\"2030-03-17T18:46:40Z\"");
    expect(reply, "\"problem\":\"No issuer can sign now");
    assert_int_equal(rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr)), CR_CONSUMED);
    expect_rejected(s, "issuer-unavailable");
    flow_rig_pass(&s->rig, 3600);
    reply = rig_command(&s->rig, s->boss, status);
    expect(reply, "\"signing\":true");
    assert_null(strstr(reply, "No issuer can sign"));
    assert_int_equal(rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr)), CR_CONSUMED);
    assert_true(take_certificate(s).len > 0);
}

static enum cr_role role_of(struct flow_rig *rig, const char *client_id, const char *username, struct cr_bytes der)
{
    const struct cr_client *client = fake_host_connect(&rig->host, client_id, der, 4);

    ((struct fake_client *)client->handle)->client.username = username;
    cr_router_connected(rig->router, client);
    flow_rig_pump(rig);
    return loop_role(rig->router, cr_sessions_find(&rig->router->sessions, client));
}

static void a_factory_certificate_makes_no_operator(void **state)
{
    struct test_dir dir;
    struct test_ca ca;
    struct cr_blob by_factory, by_issuer;
    struct rig_key key;
    struct flow_rig rig;
    char extra[256];

    (void)state;
    test_dir_make(&dir);
    test_ca_make(&ca, "Acme", NULL, CR_KEY_EC_P256);
    test_file_write_certs(test_dir_file(&dir, "acme.pem"), (const struct cr_blob *const[]){ &ca.der, NULL });
    snprintf(extra, sizeof extra, "factory_cafile %s\nadmin_identity boss\nadmin_username alice\n",
             test_dir_file(&dir, "acme.pem"));
    flow_rig_start(&rig, extra);
    rig_key_make(&key);
    by_issuer = rig_certify(&rig, &key, "boss", 90 * DAY_S);
    test_factory_leaf_make(&by_factory, NULL, &ca, &(struct test_factory_leaf){ .cn = "boss" });
    assert_int_equal(role_of(&rig, "c-1", NULL, cr_blob_view(&by_issuer)), CR_ROLE_ADMIN);
    assert_int_equal(role_of(&rig, "c-2", NULL, cr_blob_view(&by_factory)), CR_ROLE_NONE);
    assert_int_equal(role_of(&rig, "c-3", "alice", cr_blob_view(&by_issuer)), CR_ROLE_ADMIN);
    assert_int_equal(role_of(&rig, "c-4", "alice", cr_blob_view(&by_factory)), CR_ROLE_NONE);
    flow_rig_stop(&rig);
    rig_key_free(&key);
    cr_blob_fini(&by_issuer);
    cr_blob_fini(&by_factory);
    test_ca_fini(&ca);
    test_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_issued_before_the_moment, start_before_the_moment, scene_stop),
        cmocka_unit_test(a_factory_certificate_makes_no_operator),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
