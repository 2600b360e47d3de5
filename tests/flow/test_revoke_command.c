/* What the commands that revoke take for a mistake: they reach no device that was not meant, and leave none out. */
#include "plugin/worker/issuer.h"
#include "tests/support/flow_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int start(void **state)
{
    return scene_start_with(state, "default_access allow\nadmin_identity boss\nslot operational\n");
}

static void expect_answer(struct scene *s, const char *json, const char *part)
{
    char batch[500];
    const char *answer;

    (void)snprintf(batch, sizeof batch, "{\"commands\":[%s]}", json);
    answer = rig_command(&s->rig, s->boss, batch);
    if (strstr(answer, part) == NULL) {
        fail_msg("expected %s in %s", part, answer);
    }
}

/* A time that a script could not tell is often the beginning of all times: nobody's certificate is older. */
static void a_filter_with_the_first_second_is_no_filter_for_all(void **state)
{
    struct scene *s = *state;

    reconnect(s, cr_blob_view(&s->cert));
    expect_answer(s, "{\"command\":\"revokeDevices\",\"filter\":{\"issuedBefore\":\"1970-01-01T00:00:00Z\"}}",
                  "\"revoked\":0,\"devices\":0");
    flow_rig_pump(&s->rig);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
}

/* Its entry would go with the next look, and the certificate, which lives longer than was said, come back. */
static void what_is_said_to_be_over_is_not_revoked(void **state)
{
    struct scene *s = *state;
    char json[200];

    (void)snprintf(json, sizeof json,
                   "{\"command\":\"revokeCertificate\",\"serialNumber\":\"0a0b\",\"issuer\":\"%s\","
                   "\"notAfter\":\"2020-01-01T00:00:00Z\"}", cr_issuer_id(s->rig.setup->trust, 0));
    expect_answer(s, json, "\"errorCode\":\"malformed-json\"");
    expect_answer(s, "{\"command\":\"listRevoked\"}", "\"revoked\":[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_filter_with_the_first_second_is_no_filter_for_all, start, scene_stop),
        cmocka_unit_test_setup_teardown(what_is_said_to_be_over_is_not_revoked, start, scene_stop),
    };
    return cmocka_run_group_tests_name("revoke_command", tests, NULL, NULL);
}
