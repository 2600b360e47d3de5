#include "common/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID "01234567-89ab-4cde-8f01-23456789abcd"
#define PEM_LINES "-----BEGIN CERTIFICATE REQUEST-----\nMAIFAA==\n-----END CERTIFICATE REQUEST-----\n"
#define PEM_JSON "-----BEGIN CERTIFICATE REQUEST-----\\nMAIFAA==\\n-----END CERTIFICATE REQUEST-----\\n"

/* Allocations left before one fails; negative: none fails. The linker puts this in the way. */
static int allocations_left = -1;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    if (allocations_left >= 0 && allocations_left-- == 0) {
        return NULL;
    }
    return __real_malloc(size);
}

static struct cr_bytes view(const char *text)
{
    return (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
}

/* The stand-in for a request: SEQUENCE { NULL }. Whether it is one is not this module's question. */
static const uint8_t der[] = { 0x30, 0x02, 0x05, 0x00 };

static void assert_csr(struct cr_csr_message *message, enum cr_csr_format format)
{
    assert_int_equal(message->format, format);
    assert_int_equal(message->csr_der.len, sizeof der);
    assert_memory_equal(message->csr_der.data, der, sizeof der);
}

static void csr_comes_in_three_formats(void **state)
{
    (void)state;
    struct cr_csr_message message;
    assert_int_equal(cr_csr_message_parse(&message, view(PEM_LINES)), CR_REFUSAL_NONE);
    assert_csr(&message, CR_FORMAT_PEM);
    cr_csr_message_fini(&message);
    assert_null(message.csr_der.data);
    cr_csr_message_fini(&message);

    assert_int_equal(cr_csr_message_parse(&message, (struct cr_bytes){ der, sizeof der }), CR_REFUSAL_NONE);
    assert_csr(&message, CR_FORMAT_DER);
    cr_csr_message_fini(&message);

    assert_int_equal(cr_csr_message_parse(&message, view("{\"csr\":\"" PEM_JSON "\"}")), CR_REFUSAL_NONE);
    assert_csr(&message, CR_FORMAT_JSON);
    assert_string_equal(message.request_id, "");
    assert_string_equal(message.renewal_id, "");
    cr_csr_message_fini(&message);

    assert_int_equal(cr_csr_message_parse(
                         &message, view("{\"requestId\":\"AZaz-09\",\"csr\":\"MAIFAA==\",\"renewalId\":\"" ID "\"}")),
                     CR_REFUSAL_NONE);
    assert_csr(&message, CR_FORMAT_JSON);
    assert_string_equal(message.request_id, "AZaz-09");
    assert_string_equal(message.renewal_id, ID);
    cr_csr_message_fini(&message);
}

/* What is refused, why, and with which request id. */
static const struct {
    const char *payload;
    enum cr_refusal refusal;
    const char *request_id;
} bad_csrs[] = {
    { "", CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "x", CR_REFUSAL_MALFORMED_REQUEST, "" },
    { " {}", CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "\xef\xbb\xbf" PEM_LINES, CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "[]", CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "-", CR_REFUSAL_MALFORMED_PEM, "" },
    { "{", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"requestId\":\"r-17\"}", CR_REFUSAL_MALFORMED_JSON, "r-17" },
    { "{\"csr\":1,\"requestId\":\"r-17\"}", CR_REFUSAL_MALFORMED_JSON, "r-17" },
    { "{\"csr\":null}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":[\"MAIFAA==\"]}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":\"MAIFAA==\",\"Csr\":1}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":\"MAIFAA==\",\"extra\":1,\"requestId\":\"r-17\"}", CR_REFUSAL_MALFORMED_JSON, "r-17" },
    { "{\"csr\":\"MAIFAA==\",\"csr\":\"MAIFAA==\"}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":\"MAIFAA==\",\"c\\u0073r\":\"MAIFAA==\"}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":\"MAIFAA==\",\"requestId\":\"r-17\",\"x\":[[[[[[[[1]]]]]]]]}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":\"MAIFAA==\",\"requestId\":\"r-17\\u0000\"}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":\"MAIFAA==\",\"requestId\":\"r-17\\ud800\"}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":1e999,\"requestId\":\"r-17\"}", CR_REFUSAL_MALFORMED_JSON, "r-17" },
    { "{\"csr\":\"MAIFAA==\"} x", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":\"MAIFAA==\",\"requestId\":7}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":\"MAIFAA==\",\"requestId\":\"\"}", CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "{\"csr\":\"MAIFAA==\",\"requestId\":\"abc\"}", CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "{\"csr\":\"MAIFAA==\",\"requestId\":\"ab_cd\"}", CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "{\"csr\":\"MAIFAA==\",\"requestId\":\"0123456789012345678901234567890123456\"}",
      CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "{\"csr\":\"MAIFAA==\",\"renewalId\":false}", CR_REFUSAL_MALFORMED_JSON, "" },
    { "{\"csr\":\"MAIFAA==\",\"renewalId\":\"\"}", CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "{\"csr\":\"MAIFAA==\",\"renewalId\":\"01234567-89AB-4cde-8f01-23456789abcd\",\"requestId\":\"r-17\"}",
      CR_REFUSAL_MALFORMED_REQUEST, "r-17" },
    { "{\"csr\":\"MAIFAA==\",\"renewalId\":\"01234567-89ab-4cde-8f01-23456789abc\"}",
      CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "{\"csr\":\"MAIFAA==\",\"renewalId\":\"0123456789ab-4cde-8f01-23456789abcd-\"}",
      CR_REFUSAL_MALFORMED_REQUEST, "" },
    { "{\"csr\":\"\",\"requestId\":\"r-17\"}", CR_REFUSAL_MALFORMED_CSR, "r-17" },
    { "{\"csr\":\"MAIFAA\"}", CR_REFUSAL_MALFORMED_CSR, "" },
    { "{\"csr\":\"MAIF\\nAA==\"}", CR_REFUSAL_MALFORMED_CSR, "" },
    { "{\"csr\":\"-----BEGIN CERTIFICATE REQUEST-----\\n\",\"requestId\":\"r-17\"}", CR_REFUSAL_MALFORMED_PEM, "r-17" },
};

static void hostile_81_82_bad_csr_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_csrs / sizeof bad_csrs[0]; i++) {
        struct cr_csr_message message;
        enum cr_refusal refusal = cr_csr_message_parse(&message, view(bad_csrs[i].payload));
        if (refusal != bad_csrs[i].refusal) {
            fail_msg("%s: %s", bad_csrs[i].payload, cr_refusal_info(refusal)->error_code);
        }
        assert_string_equal(message.request_id, bad_csrs[i].request_id);
        assert_string_equal(message.renewal_id, "");
        assert_null(message.csr_der.data);
        cr_csr_message_fini(&message);
    }
}

static void hostile_1_2_sizes(void **state)
{
    (void)state;
    struct cr_csr_message csr;
    struct cr_get_message get;
    struct cr_report_message report;
    size_t len = 1u << 20;
    char *payload = malloc(len);
    assert_non_null(payload);
    static const char first[] = { '-', 0x30, '{', 'x' };
    for (size_t i = 0; i < sizeof first; i++) {
        memset(payload, ' ', len);
        payload[0] = first[i];
        assert_int_equal(cr_csr_message_parse(&csr, (struct cr_bytes){ (uint8_t *)payload, len }),
                         CR_REFUSAL_TOO_LARGE);
        assert_int_equal(cr_csr_message_parse(&csr, (struct cr_bytes){ (uint8_t *)payload, CR_CSR_MAX + 1 }),
                         CR_REFUSAL_TOO_LARGE);
        assert_int_not_equal(cr_csr_message_parse(&csr, (struct cr_bytes){ (uint8_t *)payload, 1 }),
                             CR_REFUSAL_TOO_LARGE);
        cr_csr_message_fini(&csr);
    }
    /* The largest that is allowed, in JSON and in DER. */
    memset(payload, ' ', len);
    memcpy(payload, "{\"csr\":\"MAIFAA==\"}", strlen("{\"csr\":\"MAIFAA==\"}"));
    assert_int_equal(cr_csr_message_parse(&csr, (struct cr_bytes){ (uint8_t *)payload, CR_CSR_MAX }), CR_REFUSAL_NONE);
    cr_csr_message_fini(&csr);
    payload[0] = 0x30;
    assert_int_equal(cr_csr_message_parse(&csr, (struct cr_bytes){ (uint8_t *)payload, CR_CSR_MAX }), CR_REFUSAL_NONE);
    assert_int_equal(csr.csr_der.len, CR_CSR_MAX);
    cr_csr_message_fini(&csr);
    memset(payload, ' ', len);
    memcpy(payload, "{}", 2);
    struct cr_bytes all = { (uint8_t *)payload, CR_JSON_MAX };
    assert_int_equal(cr_get_message_parse(&get, all), CR_REFUSAL_NONE);
    all.len++;
    assert_int_equal(cr_get_message_parse(&get, all), CR_REFUSAL_TOO_LARGE);
    assert_int_equal(cr_report_message_parse(&report, all), CR_REFUSAL_TOO_LARGE);
    free(payload);
}

static void hostile_19_a_private_key(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-----BEGIN PRIVATE KEY-----\nMAIFAA==\n-----END PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nMAIFAA==\n-----END EC PRIVATE KEY-----\n",
        PEM_LINES "-----BEGIN PRIVATE KEY-----\nMAIFAA==\n-----END PRIVATE KEY-----\n",
        "# my key\n-----BEGIN RSA PRIVATE KEY-----\n",
        "{\"csr\":\"-----BEGIN PRIVATE KEY-----\\nMAIFAA==\\n-----END PRIVATE KEY-----\\n\"}",
        "{\"csr\":\"" PEM_JSON "-----BEGIN ENCRYPTED PRIVATE KEY-----\\n\"}",
        "{\"csr\":\"MAIFAA==\",\"key\":\"-----BEGIN PRIVATE KEY-----\\n\"}",
        "{not JSON -----BEGIN PRIVATE KEY-----",
        "{\"csr\":\"MAsCAQAwAAQEAAAAAA==\"}", /* PKCS#8 as base64 of DER */
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cr_csr_message message;
        if (cr_csr_message_parse(&message, view(texts[i])) != CR_REFUSAL_PRIVATE_KEY_SENT) {
            fail_msg("not noticed: %s", texts[i]);
        }
        assert_null(message.csr_der.data);
    }
    static const uint8_t pkcs8[] = { 0x30, 0x0b, 0x02, 0x01, 0x00, 0x30, 0x00, 0x04, 0x04, 0, 0, 0, 0 };
    static const uint8_t sec1[] = { 0x30, 0x81, 0x07, 0x02, 0x01, 0x01, 0x04, 0x02, 1, 2 };
    static const uint8_t pkcs1[] = { 0x30, 0x82, 0x00, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 3 };
    static const uint8_t shortest[] = { 0x30, 0x80, 0x02, 0x01, 0x00, 0x04 };
    struct cr_csr_message message;
    assert_int_equal(cr_csr_message_parse(&message, (struct cr_bytes){ shortest, sizeof shortest }),
                     CR_REFUSAL_PRIVATE_KEY_SENT);
    assert_int_equal(cr_csr_message_parse(&message, (struct cr_bytes){ pkcs8, sizeof pkcs8 }),
                     CR_REFUSAL_PRIVATE_KEY_SENT);
    assert_int_equal(cr_csr_message_parse(&message, (struct cr_bytes){ sec1, sizeof sec1 }),
                     CR_REFUSAL_PRIVATE_KEY_SENT);
    assert_int_equal(cr_csr_message_parse(&message, (struct cr_bytes){ pkcs1, sizeof pkcs1 }),
                     CR_REFUSAL_PRIVATE_KEY_SENT);
}

/* What merely looks a little like one is not an alarm: the request's own checks refuse it. */
static void not_a_private_key(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint8_t data[8];
    } others[] = {
        { 1, { 0x30 } },
        { 2, { 0x30, 0x00 } },
        { 2, { 0x30, 0xff } },
        { 5, { 0x30, 0x03, 0x02, 0x01, 0x00 } },
        { 7, { 0x30, 0x05, 0x02, 0x01, 0x03, 0x30, 0x00 } }, /* PKCS#12 is version 3 */
        { 7, { 0x30, 0x05, 0x02, 0x02, 0x01, 0x00, 0x04 } },
        { 7, { 0x30, 0x05, 0x30, 0x01, 0x00, 0x04, 0x00 } },
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct cr_csr_message message;
        uint8_t *copy = malloc(others[i].len);
        assert_non_null(copy);
        memcpy(copy, others[i].data, others[i].len);
        assert_int_equal(cr_csr_message_parse(&message, (struct cr_bytes){ copy, others[i].len }), CR_REFUSAL_NONE);
        assert_int_equal(message.csr_der.len, others[i].len);
        cr_csr_message_fini(&message);
        free(copy);
    }
}

static void get_is_empty_or_an_object(void **state)
{
    (void)state;
    struct cr_get_message get = { .request_id = "stale" };
    assert_int_equal(cr_get_message_parse(&get, (struct cr_bytes){ NULL, 0 }), CR_REFUSAL_NONE);
    assert_string_equal(get.request_id, "");
    assert_int_equal(cr_get_message_parse(&get, view("{}")), CR_REFUSAL_NONE);
    assert_int_equal(cr_get_message_parse(&get, view("{\"requestId\":\"0123456789-0123456789-abcdefghijklmn\"}")),
                     CR_REFUSAL_NONE);
    assert_string_equal(get.request_id, "0123456789-0123456789-abcdefghijklmn");
    assert_int_equal(cr_get_message_parse(&get, view("get")), CR_REFUSAL_MALFORMED_JSON);
    assert_int_equal(cr_get_message_parse(&get, view("[]")), CR_REFUSAL_MALFORMED_JSON);
    assert_int_equal(cr_get_message_parse(&get, view("{\"requestId\":\"a b c\"}")), CR_REFUSAL_MALFORMED_REQUEST);
    assert_string_equal(get.request_id, "");
    assert_int_equal(cr_get_message_parse(&get, view("{\"requestId\":\"r-17\",\"slot\":\"x\"}")),
                     CR_REFUSAL_MALFORMED_JSON);
    assert_string_equal(get.request_id, "r-17");
}

static void reports_are_read(void **state)
{
    (void)state;
    for (int outcome = 0; outcome < CR_REPORT_COUNT; outcome++) {
        char text[160];
        struct cr_report_message report;
        snprintf(text, sizeof text, "{\"renewalId\":\"" ID "\",\"outcome\":\"%s\",\"reason\":\"flash ~ full\"}",
                 cr_report_outcome_text((enum cr_report_outcome)outcome));
        assert_int_equal(cr_report_message_parse(&report, view(text)), CR_REFUSAL_NONE);
        assert_string_equal(report.renewal_id, ID);
        assert_int_equal(report.outcome, outcome);
        assert_string_equal(report.reason, "flash ~ full");
    }
    assert_string_equal(cr_report_outcome_text(CR_REPORT_COUNT), "");
    struct cr_report_message report;
    assert_int_equal(cr_report_message_parse(&report, view("{\"renewalId\":\"" ID "\",\"outcome\":\"failed\"}")),
                     CR_REFUSAL_NONE);
    assert_string_equal(report.reason, "");
}

static void bad_reports_are_refused_whole(void **state)
{
    (void)state;
#define WITH_ID "{\"renewalId\":\"" ID "\","
    static const struct {
        const char *text;
        enum cr_refusal refusal;
    } bad[] = {
        { "", CR_REFUSAL_MALFORMED_JSON },
        { "{}", CR_REFUSAL_MALFORMED_JSON },
        { WITH_ID "\"reason\":\"x\"}", CR_REFUSAL_MALFORMED_JSON },
        { "{\"outcome\":\"installed\"}", CR_REFUSAL_MALFORMED_JSON },
        { "{\"renewalId\":null,\"outcome\":\"installed\"}", CR_REFUSAL_MALFORMED_JSON },
        { "{\"renewalId\":\"\",\"outcome\":\"installed\"}", CR_REFUSAL_MALFORMED_REQUEST },
        { "{\"renewalId\":\"17\",\"outcome\":\"installed\"}", CR_REFUSAL_MALFORMED_REQUEST },
        { WITH_ID "\"outcome\":1}", CR_REFUSAL_MALFORMED_JSON },
        { WITH_ID "\"outcome\":\"Installed\"}", CR_REFUSAL_MALFORMED_REQUEST },
        { WITH_ID "\"outcome\":\"\"}", CR_REFUSAL_MALFORMED_REQUEST },
        { WITH_ID "\"outcome\":\"failed\",\"reason\":7}", CR_REFUSAL_MALFORMED_JSON },
        { WITH_ID "\"outcome\":\"failed\",\"reason\":\"line\\nline\"}", CR_REFUSAL_MALFORMED_REQUEST },
        { WITH_ID "\"outcome\":\"failed\",\"reason\":\"caf\xc3\xa9\"}", CR_REFUSAL_MALFORMED_REQUEST },
        { WITH_ID "\"outcome\":\"failed\",\"requestId\":\"r-17\"}", CR_REFUSAL_MALFORMED_JSON },
        { WITH_ID "\"outcome\":\"failed\",\"outcome\":\"installed\"}", CR_REFUSAL_MALFORMED_JSON },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cr_report_message report;
        enum cr_refusal refusal = cr_report_message_parse(&report, view(bad[i].text));
        if (refusal != bad[i].refusal) {
            fail_msg("%s: %s", bad[i].text, cr_refusal_info(refusal)->error_code);
        }
        assert_string_equal(report.renewal_id, "");
        assert_string_equal(report.reason, "");
        assert_int_equal(report.outcome, CR_REPORT_COUNT);
    }
    char reason[CR_REASON_MAX + 2], text[256];
    struct cr_report_message report;
    memset(reason, 'r', sizeof reason);
    reason[CR_REASON_MAX + 1] = '\0';
    snprintf(text, sizeof text, WITH_ID "\"outcome\":\"failed\",\"reason\":\"%s\"}", reason);
    assert_int_equal(cr_report_message_parse(&report, view(text)), CR_REFUSAL_MALFORMED_REQUEST);
    reason[CR_REASON_MAX] = '\0';
    snprintf(text, sizeof text, WITH_ID "\"outcome\":\"failed\",\"reason\":\"%s\"}", reason);
    assert_int_equal(cr_report_message_parse(&report, view(text)), CR_REFUSAL_NONE);
    assert_string_equal(report.reason, reason);
}

static void memory_runs_out_while_parsing(void **state)
{
    (void)state;
    static const char text[] = "{\"csr\":\"MAIFAA==\",\"requestId\":\"r-17\",\"renewalId\":\"" ID "\"}";
    enum cr_refusal refusal = CR_REFUSAL_BUSY;
    int failures = 0;
    for (; refusal != CR_REFUSAL_NONE && failures < 1000; failures++) {
        struct cr_csr_message message;
        allocations_left = failures;
        refusal = cr_csr_message_parse(&message, view(text));
        allocations_left = -1;
        if (refusal != CR_REFUSAL_NONE) {
            assert_null(message.csr_der.data);
        }
        cr_csr_message_fini(&message);
    }
    assert_int_equal(failures, 3); /* the texts, the DER, and the time that nothing failed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csr_comes_in_three_formats),
        cmocka_unit_test(hostile_81_82_bad_csr_messages),
        cmocka_unit_test(hostile_1_2_sizes),
        cmocka_unit_test(hostile_19_a_private_key),
        cmocka_unit_test(not_a_private_key),
        cmocka_unit_test(get_is_empty_or_an_object),
        cmocka_unit_test(reports_are_read),
        cmocka_unit_test(bad_reports_are_refused_whole),
        cmocka_unit_test(memory_runs_out_while_parsing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
