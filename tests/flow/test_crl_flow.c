/* CRLs on the loop: published for everybody; and OCSP responses for operators. */
#include "common/ocsp.h"
#include "plugin/loop/loop.h"
#include "tests/support/flow_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ISSUER "0123456789abcdef"
#define TOPIC "$SYS/broker/cert-renewal/crl/" ISSUER

static int start_silent(void **state)
{
    return scene_start_with(state, "admin_identity boss\ncrl_publish false\nslot operational\n");
}

/* As the store hands it over. */
static void hand_over(struct scene *s, const char *payload, uint64_t number, enum cr_refusal alarm)
{
    struct cr_job *job;

    assert_int_equal(cr_job_new(&job, CR_OP_CRL, s->rig.setup), CR_OK);
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
    job->alarm = alarm;
    if (payload != NULL) {
        job->crl = calloc(1, sizeof *job->crl);
        assert_non_null(job->crl);
        snprintf(job->crl->issuer, sizeof job->crl->issuer, ISSUER);
        job->crl->number = number;
        assert_int_equal(cr_blob_copy(&job->payload, payload, strlen(payload)), CR_OK);
    } else {
        snprintf(job->audit_detail, sizeof job->audit_detail, "CRL files: No space left on device");
    }
    cr_pipeline_stored(&s->rig.pipeline, job);
    flow_rig_pump(&s->rig);
}

static enum cr_verdict may(struct scene *s, enum cr_access access, const char *topic)
{
    return cr_router_access(s->rig.router, s->client, access, topic);
}

static void a_crl_is_for_everybody_to_read(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *out;

    assert_null(loop_crl(s->rig.router, ISSUER));
    for (unsigned number = 7; number < 9; number++) {
        hand_over(s, number == 7 ? "seven" : "eight", number, CR_REFUSAL_NONE);
        out = fake_host_take(&s->rig.host, NULL, TOPIC);
        assert_non_null(out);
        assert_true(out->retain);
        assert_string_equal(out->client_id, "");
        assert_string_equal((const char *)out->payload.data, number == 7 ? "seven" : "eight");
        assert_int_equal(loop_crl(s->rig.router, ISSUER)->number, number);
    }
    /* Whatever other ACLs say; but nobody may write there, and it opens nothing else. */
    assert_int_equal(may(s, CR_ACCESS_READ, TOPIC), CR_ALLOW);
    assert_int_equal(may(s, CR_ACCESS_SUBSCRIBE, TOPIC), CR_ALLOW);
    assert_int_equal(may(s, CR_ACCESS_SUBSCRIBE, "$SYS/broker/cert-renewal/crl/#"), CR_ALLOW);
    assert_int_not_equal(may(s, CR_ACCESS_WRITE, TOPIC), CR_ALLOW);
    assert_int_equal(may(s, CR_ACCESS_SUBSCRIBE, "$SYS/#"), CR_DEFER);
    assert_int_equal(may(s, CR_ACCESS_READ, "$SYS/broker/cert-renewal/crls/x"), CR_DEFER);
    assert_int_equal(may(s, CR_ACCESS_READ, "$SYS/broker/uptime"), CR_DEFER);
}

static void where_it_is_not_wanted_it_is_not_published(void **state)
{
    struct scene *s = *state;

    hand_over(s, "seven", 7, CR_REFUSAL_NONE);
    assert_null(fake_host_take(&s->rig.host, NULL, TOPIC));
    assert_int_equal(loop_crl(s->rig.router, ISSUER)->number, 7);
    assert_int_equal(may(s, CR_ACCESS_READ, TOPIC), CR_DEFER);
}

static void operators_hear_of_what_went_wrong(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *out;

    hand_over(s, NULL, 0, CR_REFUSAL_CRL_FAILED);
    out = fake_host_take(&s->rig.host, NULL, "/event/security");
    assert_non_null(out);
    assert_non_null(strstr((const char *)out->payload.data, "\"alarm\":\"crl-failed\""));
    assert_non_null(strstr((const char *)out->payload.data, "No space left"));
    assert_null(fake_host_take(&s->rig.host, NULL, TOPIC));
}

static const char *ask(struct scene *s, const char *fields)
{
    char batch[300];

    snprintf(batch, sizeof batch, "{\"commands\":[{\"command\":\"getOcspResponse\",\"device\":\"meter-1\"%s}]}", fields);
    return rig_command(&s->rig, s->boss, batch);
}

static void operators_get_a_signed_answer(void **state)
{
    struct scene *s = *state;
    struct cr_ocsp_answer answer;
    struct cr_cert cert;
    char serial[CR_SERIAL_TEXT], fields[120];
    uint8_t der[CR_OCSP_MAX];
    size_t len = sizeof der;

    cr_router_connected(s->rig.router, s->client);
    scene_live(s, 2);
    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&s->cert)), CR_OK);
    cr_serial_text(serial, &cert.facts.serial);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(fields, sizeof fields, ",\"serialNumber\":\"%s\"", serial);
        const char *reply = ask(s, i == 0 ? "" : fields), *at = strstr(reply, "\"response\":\"");
        assert_non_null(strstr(reply, "\"status\":\"good\""));
        assert_non_null(strstr(reply, "\"slot\":\"operational\""));
        assert_non_null(at);
        at += strlen("\"response\":\"");
        len = sizeof der;
        assert_int_equal(cr_base64_decode(der, sizeof der, &len, at, strcspn(at, "\"")), CR_OK);
        assert_int_equal(cr_ocsp_read(&answer, (struct cr_bytes){ der, len }, &s->rig.ca, cr_key_libcrypto()), CR_OK);
        assert_true(cr_serial_equal(&answer.serial, &cert.facts.serial));
        assert_false(answer.revoked);
        assert_int_equal(answer.next_update - answer.this_update, 86400);
    }
    assert_non_null(strstr(ask(s, ",\"serialNumber\":\"0a0b\""), "\"unknown-certificate\""));
    assert_non_null(strstr(ask(s, ",\"serialNumber\":\"none\""), "\"malformed"));
    assert_non_null(strstr(ask(s, ",\"slot\":\"data\""), "\"unknown-slot\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_crl_is_for_everybody_to_read, scene_start_in_window, scene_stop),
        cmocka_unit_test_setup_teardown(where_it_is_not_wanted_it_is_not_published, start_silent, scene_stop),
        cmocka_unit_test_setup_teardown(operators_hear_of_what_went_wrong, scene_start_in_window, scene_stop),
        cmocka_unit_test_setup_teardown(operators_get_a_signed_answer, scene_start_in_window, scene_stop),
    };

    return cmocka_run_group_tests_name("crl_flow", tests, NULL, NULL);
}
