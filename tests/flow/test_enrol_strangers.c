/* Onboarding, and those that it is not for: who would become an operator, and who only wants to be heard. */
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

struct enrolment {
    struct scene *scene;
    struct test_dir dir;
    struct test_ca ca;
    struct cr_blob factory_cert;
};

static int begin(void **state)
{
    struct enrolment *e = calloc(1, sizeof *e);
    const struct test_factory_leaf leaf = { .serial_number = "boss" };
    void *scene = NULL;
    const struct cr_blob *ders[] = { NULL, NULL };
    static char config[600];

    assert_non_null(e);
    test_dir_make(&e->dir);
    test_ca_make(&e->ca, "Acme Factory CA", NULL, CR_KEY_EC_P256);
    ders[0] = &e->ca.der;
    test_file_write_certs(test_dir_file(&e->dir, "acme.pem"), ders);
    test_factory_leaf_make(&e->factory_cert, NULL, &e->ca, &leaf);
    (void)snprintf(config, sizeof config,
                   "default_access allow\nadmin_identity boss\nfactory_cafile %s\nfactory_identity serial-number\n"
                   "factory_enroll any\nenroll_tokens true\nslot operational\n",
                   test_dir_file(&e->dir, "acme.pem"));
    assert_int_equal(scene_start_with(&scene, config), 0);
    e->scene = scene;
    *state = e;
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

/* It would be one by its first certificate. */
static void nobody_is_made_an_operator(void **state)
{
    struct enrolment *e = *state;
    struct scene *s = e->scene;

    s->client = fake_host_connect(&s->rig.host, "thief", cr_blob_view(&e->factory_cert), 4);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "$identity/v1/boss/operational/csr"),
                     CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "some/topic"), CR_DENY);
    assert_non_null(strstr(rig_command(&s->rig, s->boss, "{\"commands\":[{\"command\":\"createToken\",\"device\":\"boss\"}]}"),
                           "name of an admin"));
    assert_non_null(strstr(rig_command(&s->rig, s->boss, "{\"commands\":[{\"command\":\"enrollDevice\",\"device\":\"boss\"}]}"),
                           "name of an admin"));
}

static void strangers_do_not_fill_the_audit_log(void **state)
{
    enum { LOGINS = 90, REQUESTS = 3 };
    static char username[LOGINS][32], device[LOGINS][16];
    struct enrolment *e = *state;
    struct scene *s = e->scene;
    char token[CR_TOKEN_CAP], topic[96];
    unsigned lines = 0, answers = 0;

    memset(token, 'A', CR_TOKEN_LEN);
    token[CR_TOKEN_LEN] = '\0';
    for (int i = 0; i < LOGINS; i++) {
        (void)snprintf(device[i], sizeof device[i], "m-%d", i);
        (void)snprintf(username[i], sizeof username[i], "enroll:m-%d", i);
        (void)snprintf(topic, sizeof topic, "$identity/v1/m-%d/operational/csr", i);
        s->client = fake_host_connect(&s->rig.host, device[i], (struct cr_bytes){ NULL, 0 }, 4);
        ((struct fake_client *)(uintptr_t)s->client->handle)->client.username = username[i];
        assert_int_equal(cr_router_login(s->rig.router, s->client, token), CR_LOGIN_ALLOW);
        for (int n = 0; n < REQUESTS + 1; n++) { /* the last is one too many */
            assert_int_equal(rig_publish(&s->rig, s->client, topic, n % 2 == 0 ? rig_text("nothing") : cr_blob_view(&s->csr)),
                             CR_CONSUMED);
            answers += fake_host_take(&s->rig.host, s->client->id, "/rejected") != NULL;
        }
        lines += fake_ledger_audit_count(fake_store_ledger(s->rig.store), "refused", device[i]);
    }
    assert_int_equal(answers, LOGINS * (REQUESTS + 1));
    assert_in_range(lines, 90, 110);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_is_made_an_operator, begin, end),
        cmocka_unit_test_setup_teardown(strangers_do_not_fill_the_audit_log, begin, end),
    };
    return cmocka_run_group_tests_name("enrol_strangers", tests, NULL, NULL);
}
