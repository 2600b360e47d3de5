/* The writers, read back by the strict parser: a message of ours that we would refuse ourselves is a bug. */
#include "common/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define ID "01234567-89ab-4cde-8f01-23456789abcd"

/* Fails the n-th enlargement of a text; negative: none. The linker puts this in the way. */
static int reallocs_left = -1;
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size)
{
    if (reallocs_left >= 0 && reallocs_left-- == 0) {
        return NULL;
    }
    return __real_realloc(old, size);
}

/* Compares and frees; the text must also be strict JSON. */
static void assert_json(struct cr_blob *json, const char *expected)
{
    assert_non_null(json->data);
    assert_int_equal(json->len, strlen((const char *)json->data));
    assert_string_equal((const char *)json->data, expected);
    cJSON *tree = cr_json_parse_strict(cr_blob_view(json), json->len, 2);
    assert_non_null(tree);
    cJSON_Delete(tree);
    cr_blob_fini(json);
}

static void renew(void **state)
{
    (void)state;
    struct cr_blob json;
    struct cr_renew_message message = {
        .renewal_id = ID, .slot = "operational", .reason = CR_RENEW_CA_ROTATION, .attempt = 2,
        .not_after = 1795251600, .deadline = 1795255200, .key_types = CR_ALLOW_EC_P256 | CR_ALLOW_EC_P384,
    };
    assert_int_equal(cr_renew_message_write(&json, &message), CR_OK);
    assert_json(&json, "{\"renewalId\":\"" ID "\",\"slot\":\"operational\",\"reason\":\"ca-rotation\",\"attempt\":2,"
                       "\"notAfter\":\"2026-11-21T09:00:00Z\",\"deadline\":\"2026-11-21T10:00:00Z\","
                       "\"keyAlgorithms\":[\"EC-P256\",\"EC-P384\"]}");
    message = (struct cr_renew_message){ .renewal_id = ID, .slot = "data", .reason = CR_RENEW_EXPIRY, .attempt = 1,
                                         .key_types = CR_ALLOW_RSA };
    assert_int_equal(cr_renew_message_write(&json, &message), CR_OK);
    assert_json(&json, "{\"renewalId\":\"" ID "\",\"slot\":\"data\",\"reason\":\"expiry\",\"attempt\":1,"
                       "\"keyAlgorithms\":[\"RSA\"]}");
    message.key_types = 0;
    assert_int_equal(cr_renew_message_write(&json, &message), CR_OK);
    assert_json(&json, "{\"renewalId\":\"" ID "\",\"slot\":\"data\",\"reason\":\"expiry\",\"attempt\":1}");
}

static void renew_reasons_go_both_ways(void **state)
{
    (void)state;
    for (int reason = CR_RENEW_NONE + 1; reason < CR_RENEW_COUNT; reason++) {
        assert_int_equal(cr_renew_reason_parse(cr_renew_reason_text((enum cr_renew_reason)reason)), reason);
    }
    assert_string_equal(cr_renew_reason_text(CR_RENEW_NONE), "");
    assert_string_equal(cr_renew_reason_text(CR_RENEW_COUNT), "");
    assert_int_equal(cr_renew_reason_parse(""), CR_RENEW_COUNT);
    assert_int_equal(cr_renew_reason_parse("Expiry"), CR_RENEW_COUNT);
}

static void pending(void **state)
{
    (void)state;
    struct cr_blob json;
    assert_int_equal(cr_pending_message_write(&json, ID, "r-17", 4000000000u), CR_OK);
    assert_json(&json, "{\"renewalId\":\"" ID "\",\"requestId\":\"r-17\",\"retryAfter\":4000000000}");
    assert_int_equal(cr_pending_message_write(&json, ID, "", 0), CR_OK);
    assert_json(&json, "{\"renewalId\":\"" ID "\",\"retryAfter\":0}");
    assert_int_equal(cr_pending_message_write(&json, ID, NULL, 5), CR_OK);
    assert_json(&json, "{\"renewalId\":\"" ID "\",\"retryAfter\":5}");
}

static void rejected(void **state)
{
    (void)state;
    struct cr_blob json;
    struct cr_rejected_message message = { .refusal = CR_REFUSAL_RATE_LIMITED, .request_id = "r-17", .renewal_id = ID,
                                           .retry_after_s = 60 };
    assert_int_equal(cr_rejected_message_write(&json, &message), CR_OK);
    assert_json(&json, "{\"statusCode\":429,\"errorCode\":\"rate-limited\",\"errorMessage\":"
                       "\"Too many requests; wait as told.\",\"requestId\":\"r-17\","
                       "\"renewalId\":\"" ID "\",\"retryAfter\":60}");
    /* Each reason gives JSON that reads back as that reason. */
    for (int i = CR_REFUSAL_NONE + 1; i < CR_REFUSAL_COUNT; i++) {
        message = (struct cr_rejected_message){ .refusal = (enum cr_refusal)i };
        assert_int_equal(cr_rejected_message_write(&json, &message), CR_OK);
        cJSON *tree = cr_json_parse_strict(cr_blob_view(&json), CR_JSON_MAX, 1);
        assert_non_null(tree);
        assert_int_equal(cJSON_GetArraySize(tree), 3);
        assert_int_equal(cr_refusal_from_code(cJSON_GetObjectItemCaseSensitive(tree, "errorCode")->valuestring), i);
        cJSON_Delete(tree);
        cr_blob_fini(&json);
    }
}

static const struct cr_serial serial = { { 0x0a, 0xff, 0x01 }, 3 };

static void status(void **state)
{
    (void)state;
    struct cr_blob json;
    struct cr_status_message message = { .request_id = "r-17", .serial = &serial, .not_after = 1795251600,
                                         .next_renewal = 1795255200 };
    assert_int_equal(cr_status_message_write(&json, &message), CR_OK);
    assert_json(&json, "{\"requestId\":\"r-17\",\"serialNumber\":\"0aff01\",\"notAfter\":\"2026-11-21T09:00:00Z\","
                       "\"nextRenewal\":\"2026-11-21T10:00:00Z\"}");
    message = (struct cr_status_message){ .serial = NULL };
    assert_int_equal(cr_status_message_write(&json, &message), CR_OK);
    assert_json(&json, "{}");
    message.serial = &(struct cr_serial){ .len = 0 };
    assert_int_equal(cr_status_message_write(&json, &message), CR_OK);
    assert_json(&json, "{}");
}

/* Stand-ins for certificates: SEQUENCE { NULL }, one after the other. */
static const uint8_t chain[] = { 0x30, 0x02, 0x05, 0x00, 0x30, 0x02, 0x05, 0x00 };

static void certificate(void **state)
{
    (void)state;
    struct cr_blob json;
    struct cr_certificate_message message = {
        .renewal_id = ID, .request_id = "r-17", .serial = &serial, .not_before = 1795251600,
        .not_after = 1795255200, .chain_der = { chain, sizeof chain },
    };
#define PEM "\"-----BEGIN CERTIFICATE-----\\nMAIFAA==\\n-----END CERTIFICATE-----\\n\""
    assert_int_equal(cr_certificate_message_write(&json, &message), CR_OK);
    assert_json(&json, "{\"renewalId\":\"" ID "\",\"requestId\":\"r-17\",\"serialNumber\":\"0aff01\","
                       "\"notBefore\":\"2026-11-21T09:00:00Z\",\"notAfter\":\"2026-11-21T10:00:00Z\","
                       "\"certificates\":[" PEM "," PEM "]}");
    /* No chain, and a chain that is cut off: nothing is handed out. */
    message.chain_der.len = 0;
    assert_int_not_equal(cr_certificate_message_write(&json, &message), CR_OK);
    assert_null(json.data);
    for (size_t len = 1; len < sizeof chain; len++) {
        message.chain_der.len = len;
        if (len != 4) {
            assert_int_not_equal(cr_certificate_message_write(&json, &message), CR_OK);
            assert_null(json.data);
        }
    }
}

/* What a caller should not pass is still written as JSON. */
static void text_is_escaped(void **state)
{
    (void)state;
    struct cr_blob json;
    assert_int_equal(cr_pending_message_write(&json, "a\"b\\c\nd\x01\x1f\x7f\xc3\xa9", "\"", 1), CR_OK);
    assert_json(&json, "{\"renewalId\":\"a\\\"b\\\\c\\nd\\u0001\\u001f\x7f\xc3\xa9\",\"requestId\":\"\\\"\","
                       "\"retryAfter\":1}");
}

static void memory_runs_out(void **state)
{
    (void)state;
    char longest[3000]; /* makes the text grow more than once */
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct cr_certificate_message message = { .renewal_id = longest, .request_id = longest, .serial = &serial,
                                              .chain_der = { chain, sizeof chain } };
    int failures = 0;
    cr_err err = CR_NOMEM;
    for (; err != CR_OK && failures < 100; failures++) {
        struct cr_blob json = { NULL, 0 };
        reallocs_left = failures;
        err = cr_certificate_message_write(&json, &message);
        reallocs_left = -1;
        assert_true(err == CR_OK || (err == CR_NOMEM && json.data == NULL));
        cr_blob_fini(&json);
    }
    assert_in_range(failures, 3, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renew),
        cmocka_unit_test(renew_reasons_go_both_ways),
        cmocka_unit_test(pending),
        cmocka_unit_test(rejected),
        cmocka_unit_test(status),
        cmocka_unit_test(certificate),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
