/* Checkpoints, and what every line of the journal begins with, read with suspicion. */
#include "plugin/store/checkpoint.h"
#include "tests/unit/journal_signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_CAP = 640 };

/* Two checkpoints, one behind the other. */
static struct {
    struct test_ca ca;
    char line[2][LINE_CAP]; /* with their ends */
    size_t len[2];
} scene;

static int set_up(void **state)
{
    char text[LINE_CAP];
    struct cr_line fields;
    struct cr_chain chain = { .seq = 0 };
    (void)state;
    test_ca_make(&scene.ca, "Test CA", NULL, CR_KEY_EC_P256);
    const struct cr_checkpoint_signer signer = journal_signer(&scene.ca);
    for (int i = 0; i < 2; i++) {
        cr_line_start(&fields, text, sizeof text - CR_JOURNAL_HEAD_CAP);
        assert_int_equal(cr_checkpoint_fields(&fields, &chain, TEST_PKI_NOW, "one", &signer), CR_OK);
        assert_int_equal(cr_chain_write(&chain, scene.line[i], &scene.len[i], fields.text, fields.len), CR_OK);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_ca_fini(&scene.ca);
    return 0;
}

/* Under the real issuer's id, with its signature over something else: another checkpoint's. */
static void a_signature_is_good_for_one_line_only(void **state)
{
    (void)state;
    char text[LINE_CAP];
    struct cr_checkpoint first, second;
    assert_int_equal(cr_checkpoint_read(&first, (struct cr_bytes){ (uint8_t *)scene.line[0], scene.len[0] - 1 }),
                     CR_OK);
    assert_int_equal(cr_checkpoint_verify(&first, &scene.ca.cert, cr_key_libcrypto()), CR_OK);
    assert_int_equal(cr_checkpoint_read(&second, (struct cr_bytes){ (uint8_t *)scene.line[1], scene.len[1] - 1 }),
                     CR_OK);
    memcpy(first.signature, second.signature, sizeof first.signature);
    first.signature_len = second.signature_len;
    assert_int_equal(cr_checkpoint_verify(&first, &scene.ca.cert, cr_key_libcrypto()), CR_DENIED);
    /* and the bare statement is not what was signed */
    struct cr_public_key key;
    uint8_t message[CR_CHECKPOINT_MESSAGE_CAP];
    size_t len;
    assert_int_equal(cr_public_key_parse(&key, scene.ca.cert.spki), CR_OK);
    assert_int_equal(cr_key_libcrypto()->verify(&key, CR_SIG_ECDSA_SHA256, second.statement,
                                                (struct cr_bytes){ second.signature, second.signature_len }),
                     CR_DENIED);
    assert_int_equal(cr_checkpoint_message(message, &len, second.statement), CR_OK);
    assert_int_not_equal(message[0], 0x30);                                          /* no certificate begins so */
    assert_memory_equal(message, "mosquitto-cert-renewal journal checkpoint 1", 44); /* with its NUL */
    assert_int_equal(cr_key_mbedtls()->verify(&key, CR_SIG_ECDSA_SHA256, (struct cr_bytes){ message, len },
                                              (struct cr_bytes){ second.signature, second.signature_len }),
                     CR_OK);
    /* nothing may stand behind the signature */
    (void)snprintf(text, sizeof text, "%.*s,\"x\":1}", (int)scene.len[0] - 2, scene.line[0]);
    assert_int_equal(cr_checkpoint_read(&first, (struct cr_bytes){ (uint8_t *)text, strlen(text) }), CR_INVALID);
    (void)snprintf(text, sizeof text, "%.*s}", (int)scene.len[0] - 1, scene.line[0]);
    assert_int_equal(cr_checkpoint_read(&first, (struct cr_bytes){ (uint8_t *)text, strlen(text) }), CR_INVALID);
}

static void a_number_is_written_in_one_way(void **state)
{
    (void)state;
    static const char *const others[] = { "01", "+1", "1 ", "", "0", "99999999999999999999999", "1e0", "-1" };
    char text[LINE_CAP];
    uint64_t seq;
    uint8_t prev[CR_SHA256_LEN];
    const char *rest = scene.line[0] + strlen("{\"seq\":1");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        int len = snprintf(text, sizeof text, "{\"seq\":%s%.*s", others[i], (int)scene.len[0] - 9, rest);
        assert_int_equal(cr_chain_read((struct cr_bytes){ (uint8_t *)text, (size_t)len }, &seq, prev), CR_INVALID);
    }
    assert_int_equal(cr_chain_read((struct cr_bytes){ (uint8_t *)scene.line[0], scene.len[0] - 1 }, &seq, prev), CR_OK);
    assert_int_equal(seq, 1);
    for (size_t len = 0; len < scene.len[0] - 1; len++) { /* and read no further than there is */
        char *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, scene.line[0], len);
        assert_int_equal(cr_chain_read((struct cr_bytes){ (uint8_t *)exact, len }, &seq, prev), CR_INVALID);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signature_is_good_for_one_line_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_is_written_in_one_way, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
