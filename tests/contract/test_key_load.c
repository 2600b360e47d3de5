/* Private keys in their many forms: what every key backend must read and write, run over each of them. */
#include "tests/contract/key_suite.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static void public_halves_are_the_same_bytes(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { p256, p384, rsa2048 };
    for (size_t k = 0; k < 3; k++) {
        struct pair mine, others;
        pair_load(&mine, backend_under_test, keys[k]);
        pair_load(&others, other_backend(), keys[k]);
        assert_int_equal(mine.spki.len, others.spki.len);
        assert_memory_equal(mine.spki.data, others.spki.data, mine.spki.len);
        pair_fini(&mine, backend_under_test);
        pair_fini(&others, other_backend());
    }
}

static void written_keys_are_read_by_either_backend(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { p256, p384, rsa2048 };
    for (size_t k = 0; k < 3; k++) {
        struct pair pair, again;
        struct cr_blob pem;
        struct cr_private_key *key = NULL;
        pair_load(&pair, backend_under_test, keys[k]);
        assert_int_equal(backend_under_test->private_pem(pair.key, &pem), CR_OK);
        assert_memory_equal(pem.data, "-----BEGIN PRIVATE KEY-----\n", 28);
        assert_int_equal(other_backend()->private_load(&key, cr_blob_view(&pem), NULL), CR_OK);
        pair_of(&again, other_backend(), key);
        assert_memory_equal(pair.spki.data, again.spki.data, pair.spki.len);
        cr_blob_fini(&pem);
        pair_fini(&pair, backend_under_test);
        pair_fini(&again, other_backend());
    }
}

/* openssl's older formats: SEC 1 and PKCS#1, encrypted as PEM when there is a passphrase. */
static struct cr_bytes traditional(EVP_PKEY *key, const char *passphrase)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    int len = passphrase == NULL ? 0 : (int)strlen(passphrase);
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, passphrase == NULL ? NULL : EVP_aes_256_cbc(),
                                                          (unsigned char *)passphrase, len, NULL, NULL), 1);
    struct cr_bytes pem = forge_copy(f, text, 0);
    long text_len = BIO_get_mem_data(bio, &text);
    pem = forge_copy(f, text, (size_t)text_len);
    BIO_free(bio);
    return pem;
}

static struct cr_bytes with_crlf(struct cr_bytes text)
{
    struct cr_bytes all = NOTHING;
    for (size_t i = 0; i < text.len; i++) {
        all = JOIN(f, all, { (const uint8_t *)"\r", text.data[i] == '\n' ? 1 : 0 }, { text.data + i, 1 });
    }
    return all;
}

static void expect_load(struct cr_bytes text, const char *passphrase, cr_err expected)
{
    struct cr_private_key *key = NULL;
    /* A copy with nothing behind it, so that a sanitizer sees a read too far. */
    uint8_t *exact = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(exact);
    memcpy(exact, text.data == NULL ? (const uint8_t *)"" : text.data, text.len);
    struct cr_bytes view = { exact, text.len };
    assert_int_equal(backend_under_test->private_load(&key, view, passphrase), expected);
    free(exact);
    if (expected == CR_OK) {
        assert_non_null(key);
    } else {
        assert_null(key);
    }
    backend_under_test->private_free(key);
}

static void keys_load_in_every_usual_form(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { p256, p384, rsa2048 };
    for (size_t k = 0; k < 3; k++) {
        expect_load(forge_private(f, keys[k], true, NULL), NULL, CR_OK);
        expect_load(forge_private(f, keys[k], false, NULL), NULL, CR_OK);
        expect_load(traditional(keys[k], NULL), NULL, CR_OK);
        expect_load(with_crlf(traditional(keys[k], NULL)), NULL, CR_OK);
        expect_load(forge_private(f, keys[k], true, "passphrase"), "passphrase", CR_OK);
        expect_load(forge_private(f, keys[k], false, "passphrase"), "passphrase", CR_OK);
        expect_load(traditional(keys[k], "passphrase"), "passphrase", CR_OK);
        expect_load(forge_private(f, keys[k], true, NULL), "not needed", CR_OK);
        expect_load(forge_private(f, keys[k], false, NULL), "not needed", CR_OK);
    }
    /* openssl ecparam -genkey without -noout */
    struct cr_bytes parameters = forge_pem(f, "EC PARAMETERS", OID(f, CR_OID_P256));
    expect_load(JOIN(f, parameters, traditional(p256, NULL)), NULL, CR_OK);
}

static void what_is_no_key_does_not_load(void **state)
{
    (void)state;
    struct cr_bytes pem = forge_private(f, p256, true, NULL), der = forge_private(f, p256, false, NULL);
    expect_load(forge_private(f, p256, true, "right"), "wrong", CR_INVALID);
    expect_load(forge_private(f, p256, false, "right"), "wrong", CR_INVALID);
    expect_load(traditional(p256, "right"), "wrong", CR_INVALID);
    expect_load(forge_private(f, p256, true, "right"), NULL, CR_INVALID); /* and nobody is asked at a terminal */
    expect_load(traditional(p256, "right"), NULL, CR_INVALID);
    expect_load(forge_private(f, p256, true, "right"), "", CR_INVALID);
    expect_load(NOTHING, NULL, CR_INVALID);
    expect_load(TEXT("-"), NULL, CR_INVALID);
    expect_load(TEXT("0"), NULL, CR_INVALID);
    expect_load(TEXT("hello"), NULL, CR_INVALID);
    expect_load(TEXT("\0\0\0"), NULL, CR_INVALID);
    expect_load(forge_pem(f, "PUBLIC KEY", forge_spki(f, p256, "uncompressed", "named_curve")), NULL, CR_INVALID);
    expect_load(forge_pem(f, "PRIVATE KEY", TEXT("0")), NULL, CR_INVALID);
    expect_load(forge_pem(f, "CERTIFICATE", der), NULL, CR_INVALID);
    for (size_t len = 0; len < pem.len - 2; len += 7) {
        expect_load((struct cr_bytes){ pem.data, len }, NULL, CR_INVALID);
    }
    for (size_t len = 0; len < der.len; len++) {
        expect_load((struct cr_bytes){ der.data, len }, NULL, CR_INVALID);
    }
}

static void keys_of_other_kinds_do_not_load(void **state)
{
    (void)state;
    EVP_PKEY *ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    expect_load(forge_private(f, forge_key_ec(f, "P-521"), true, NULL), NULL, CR_INVALID);
    expect_load(forge_private(f, forge_key_ec(f, "secp256k1"), true, NULL), NULL, CR_INVALID);
    expect_load(forge_private(f, ed25519, true, NULL), NULL, CR_INVALID);
    EVP_PKEY_free(ed25519);
}

/* SEC 1 of a private number, with no public half. */
static struct cr_bytes sec1(struct cr_bytes number)
{
    return SEQ(f, forge_int(f, 1), OCTETS(f, number), VALUE(f, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, OID(f, CR_OID_P256)));
}

static void private_numbers_must_be_in_range(void **state)
{
    (void)state;
    struct cr_bytes order = HEX(f, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    struct cr_bytes less = HEX(f, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550");
    uint8_t octets[33] = { 0 };
    expect_load(sec1(less), NULL, CR_OK);
    expect_load(sec1(order), NULL, CR_INVALID);
    expect_load(sec1((struct cr_bytes){ octets, 32 }), NULL, CR_INVALID);
    octets[31] = 1;
    expect_load(sec1((struct cr_bytes){ octets, 32 }), NULL, CR_OK);
    expect_load(sec1(NOTHING), NULL, CR_INVALID);
}

/* The broker's TLS reads the same queue on the same thread. */
static void libcryptos_error_queue_is_left_alone(void **state)
{
    (void)state;
    struct cr_bytes spki = forge_spki(f, p256, "uncompressed", "named_curve");
    struct cr_public_key key;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 4711);
    assert_int_equal(cr_public_key_parse(&key, forge_flip(f, spki, spki.len - 1, 1)), CR_OK);
    expect_denied(&key, CR_SIG_ECDSA_SHA256, message, forge_sign(f, p256, "SHA256", message));
    what_is_no_key_does_not_load(state);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 4711);
    assert_int_equal(ERR_get_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_halves_are_the_same_bytes),
        cmocka_unit_test(written_keys_are_read_by_either_backend),
        cmocka_unit_test(keys_load_in_every_usual_form),
        cmocka_unit_test(what_is_no_key_does_not_load),
        cmocka_unit_test(keys_of_other_kinds_do_not_load),
        cmocka_unit_test(private_numbers_must_be_in_range),
        cmocka_unit_test(libcryptos_error_queue_is_left_alone),
    };
    return key_suite_run(tests);
}
