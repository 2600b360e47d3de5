/* The trust bundle: the bytes that are signed, and the messages about it. */
#include "common/bundle.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cr_bytes text_of(const char *text)
{
    return (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
}

static void the_bytes_that_are_signed(void **state)
{
    static const uint8_t certs[] = { 0x30, 0x02, 0x05, 0x00, 0x30, 0x03, 0x02, 0x01, 0x07 };
    static const uint8_t expected[] = "mosquitto-cert-renewal trust bundle v1\0"
                                      "\x00\x00\x01\x02\x03\x04\x05\x06"
                                      "\x01"
                                      "\x00\x00\x00\x04\x30\x02\x05\x00"
                                      "\x00\x00\x00\x05\x30\x03\x02\x01\x07";
    struct cr_blob message;
    (void)state;
    assert_int_equal(cr_bundle_message(&message, 0x010203040506, CR_TRUST_REPLACE, (struct cr_bytes){ certs, sizeof certs }),
                     CR_OK);
    assert_int_equal(message.len, sizeof expected - 1);
    assert_memory_equal(message.data, expected, message.len);
    cr_blob_fini(&message);
    assert_int_equal(cr_bundle_message(&message, 1, CR_TRUST_ADD, (struct cr_bytes){ certs, 4 }), CR_OK);
    assert_int_equal(message.data[sizeof CR_BUNDLE_TITLE + 8], 0);
    cr_blob_fini(&message);

    assert_int_equal(cr_bundle_message(&message, 1, CR_TRUST_ADD, (struct cr_bytes){ certs, 0 }), CR_INVALID);
    assert_int_equal(cr_bundle_message(&message, 1, CR_TRUST_ADD, (struct cr_bytes){ certs, 3 }), CR_INVALID);
    assert_int_equal(cr_bundle_message(&message, 1, CR_TRUST_ADD, (struct cr_bytes){ certs, 8 }), CR_INVALID);
    assert_int_equal(cr_bundle_message(&message, 1, CR_TRUST_MODES, (struct cr_bytes){ certs, sizeof certs }), CR_INVALID);
    assert_null(message.data);
}

static void modes_have_names(void **state)
{
    (void)state;
    assert_string_equal(cr_trust_mode_text(CR_TRUST_ADD), "add");
    assert_string_equal(cr_trust_mode_text(CR_TRUST_REPLACE), "replace");
    assert_string_equal(cr_trust_mode_text(CR_TRUST_MODES), "");
    assert_int_equal(cr_trust_mode_parse("add"), CR_TRUST_ADD);
    assert_int_equal(cr_trust_mode_parse("replace"), CR_TRUST_REPLACE);
    assert_int_equal(cr_trust_mode_parse("Add"), CR_TRUST_MODES);
}

static void the_message_for_devices(void **state)
{
    struct test_ca root, middle;
    struct cr_blob json, both = { NULL, 0 };
    (void)state;
    test_ca_make(&root, "Root", NULL, CR_KEY_EC_P256);
    test_ca_make(&middle, "Middle", &root, CR_KEY_EC_P256);
    both.data = malloc(root.der.len + middle.der.len);
    assert_non_null(both.data);
    memcpy(both.data, root.der.data, root.der.len);
    memcpy(both.data + root.der.len, middle.der.data, middle.der.len);
    both.len = root.der.len + middle.der.len;
    struct cr_trust_message message = { 18446744073709551615u, CR_TRUST_ADD, cr_blob_view(&both),
                                        cr_blob_view(&middle.der), { (const uint8_t *)"\xff\xfe\xfd", 3 } };
    assert_int_equal(cr_trust_message_write(&json, &message), CR_OK);
    const char *text = (const char *)json.data;
    assert_non_null(strstr(text, "{\"version\":18446744073709551615,\"mode\":\"add\",\"certificates\":[\"-----BEGIN"));
    assert_non_null(strstr(text, "\"],\"signer\":[\"-----BEGIN"));
    assert_non_null(strstr(text, "\"],\"signature\":\"//79\"}"));
    unsigned blocks = 0;
    for (const char *at = text; (at = strstr(at, "-----BEGIN CERTIFICATE-----\\n")) != NULL; at++) {
        blocks++;
    }
    assert_int_equal(blocks, 3);
    cr_blob_fini(&json);

    message.signature.len = 0;
    assert_int_equal(cr_trust_message_write(&json, &message), CR_INVALID);
    message.signature.len = 3;
    message.certs.len--;
    assert_int_equal(cr_trust_message_write(&json, &message), CR_INVALID);
    message.certs.len++;
    message.signer_chain.len = 0;
    assert_int_equal(cr_trust_message_write(&json, &message), CR_INVALID);
    assert_null(json.data);
    cr_blob_fini(&both);
    test_ca_fini(&root);
    test_ca_fini(&middle);
}

static void reports_are_read(void **state)
{
    struct cr_trust_report report;
    (void)state;
    assert_int_equal(cr_trust_report_parse(&report, text_of("{\"version\":3,\"outcome\":\"installed\"}")), CR_REFUSAL_NONE);
    assert_int_equal(report.version, 3);
    assert_int_equal(report.outcome, CR_REPORT_INSTALLED);
    assert_string_equal(report.reason, "");
    assert_int_equal(cr_trust_report_parse(&report, text_of("{ \"reason\" : \"no room\" , \"version\" : 12 \n, "
                                                            "\"outcome\":\"rolled-back\"} ")), CR_REFUSAL_NONE);
    assert_int_equal(report.version, 12);
    assert_int_equal(report.outcome, CR_REPORT_ROLLED_BACK);
    assert_string_equal(report.reason, "no room");
}

static void reports_that_are_none(void **state)
{
    static const char *const wrong[] = {
        "", "7", "[]", "{}", "{\"version\":3}", "{\"outcome\":\"installed\"}", "{\"version\":\"3\",\"outcome\":\"installed\"}",
        "{\"version\":0,\"outcome\":\"installed\"}", "{\"version\":-1,\"outcome\":\"installed\"}",
        "{\"version\":1.0,\"outcome\":\"installed\"}", "{\"version\":1e2,\"outcome\":\"installed\"}",
        "{\"version\":1234567890123456,\"outcome\":\"installed\"}", "{\"version\":null,\"outcome\":\"installed\"}",
        "{\"version\":[3],\"outcome\":\"installed\"}", "{\"version\":3,\"outcome\":\"done\"}",
        "{\"version\":3,\"outcome\":7}", "{\"version\":3,\"outcome\":\"installed\",\"x\":1}",
        "{\"version\":3,\"version\":3,\"outcome\":\"installed\"}", "{\"version\":03,\"outcome\":\"installed\"}",
        "{\"version\":3,\"outcome\":\"failed\",\"reason\":\"a\\u0007\"}", "{\"version\":3,\"outcome\":\"failed\",\"reason\":7}",
    };
    struct cr_trust_report report;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (cr_trust_report_parse(&report, text_of(wrong[i])) == CR_REFUSAL_NONE || report.version != 0) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_that_are_signed), cmocka_unit_test(modes_have_names),
        cmocka_unit_test(the_message_for_devices),   cmocka_unit_test(reports_are_read),
        cmocka_unit_test(reports_that_are_none),
    };
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
