/* Signatures: what every key backend must do, run over each of them. */
#include "common/der.h"
#include "common/sig_alg.h"
#include "tests/contract/key_suite.h"

#include <pthread.h>
#include <string.h>

static void sign_and_verify(struct pair *pair, enum cr_sig_alg alg)
{
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    assert_int_equal(backend_under_test->sign(pair->key, alg, message, sig, &sig_len), CR_OK);
    assert_in_range(sig_len, 1, CR_SIGNATURE_MAX);
    struct cr_bytes view = { sig, sig_len };
    assert_int_equal(backend_under_test->verify(&pair->pub, alg, message, view), CR_OK);
    assert_int_equal(other_backend()->verify(&pair->pub, alg, message, view), CR_OK);
}

static void signatures_verify_with_either_backend(void **state)
{
    (void)state;
    static const enum cr_sig_alg ecdsa[] = { CR_SIG_ECDSA_SHA256, CR_SIG_ECDSA_SHA384, CR_SIG_ECDSA_SHA512 };
    static const enum cr_sig_alg rsa[] = { CR_SIG_RSA_SHA256, CR_SIG_RSA_SHA384, CR_SIG_RSA_SHA512 };
    EVP_PKEY *const keys[] = { p256, p384, rsa2048 };
    for (size_t k = 0; k < 3; k++) {
        struct pair pair;
        pair_load(&pair, backend_under_test, keys[k]);
        for (size_t a = 0; a < 3; a++) {
            sign_and_verify(&pair, keys[k] == rsa2048 ? rsa[a] : ecdsa[a]);
        }
        pair_fini(&pair, backend_under_test);
    }
}

static void rsa_of_2048_to_4096_bits(void **state)
{
    (void)state;
    for (unsigned bits = 3072; bits <= 4096; bits += 1024) {
        struct pair pair;
        pair_load(&pair, backend_under_test, forge_key_rsa(f, bits, 65537));
        assert_int_equal(pair.pub.bits, bits);
        sign_and_verify(&pair, CR_SIG_RSA_SHA256);
        pair_fini(&pair, backend_under_test);
    }
}

static void an_empty_message_can_be_signed(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    struct cr_bytes nothing = { NULL, 0 };
    pair_load(&pair, backend_under_test, p256);
    assert_int_equal(backend_under_test->sign(pair.key, CR_SIG_ECDSA_SHA256, nothing, sig, &sig_len), CR_OK);
    struct cr_bytes view = { sig, sig_len };
    assert_int_equal(other_backend()->verify(&pair.pub, CR_SIG_ECDSA_SHA256, nothing, view), CR_OK);
    pair_fini(&pair, backend_under_test);
}

static void keys_are_made(void **state)
{
    (void)state;
    static const struct {
        enum cr_key_type type;
        unsigned bits;
    } kinds[] = { { CR_KEY_EC_P256, 256 }, { CR_KEY_EC_P384, 384 }, { CR_KEY_RSA, 2048 } };
    for (size_t i = 0; i < 3; i++) {
        struct cr_private_key *key = NULL;
        struct pair pair;
        assert_int_equal(backend_under_test->private_make(&key, kinds[i].type, 2048), CR_OK);
        pair_of(&pair, backend_under_test, key);
        assert_int_equal(pair.pub.type, kinds[i].type);
        assert_int_equal(pair.pub.bits, kinds[i].bits);
        sign_and_verify(&pair, cr_sig_alg_for(kinds[i].type));
        pair_fini(&pair, backend_under_test);
    }
    struct cr_private_key *none = NULL;
    assert_int_equal(backend_under_test->private_make(&none, CR_KEY_NONE, 0), CR_INVALID);
    assert_null(none);
    backend_under_test->private_free(NULL);
}

static void the_algorithm_must_fit_the_key(void **state)
{
    (void)state;
    struct pair ec, rsa;
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    pair_load(&ec, backend_under_test, p256);
    pair_load(&rsa, backend_under_test, rsa2048);
    assert_int_equal(backend_under_test->sign(ec.key, CR_SIG_RSA_SHA256, message, sig, &sig_len), CR_INVALID);
    assert_int_equal(backend_under_test->sign(rsa.key, CR_SIG_ECDSA_SHA256, message, sig, &sig_len), CR_INVALID);
    assert_int_equal(backend_under_test->sign(ec.key, CR_SIG_NONE, message, sig, &sig_len), CR_INVALID);
    assert_int_equal(backend_under_test->sign(ec.key, CR_SIG_ECDSA_SHA256, message, sig, &sig_len), CR_OK);
    struct cr_bytes view = { sig, sig_len };
    assert_int_equal(backend_under_test->verify(&ec.pub, CR_SIG_ECDSA_SHA384, message, view), CR_DENIED);
    assert_int_equal(backend_under_test->verify(&ec.pub, CR_SIG_RSA_SHA256, message, view), CR_DENIED);
    assert_int_equal(backend_under_test->verify(&ec.pub, CR_SIG_NONE, message, view), CR_DENIED);
    assert_int_equal(backend_under_test->verify(&rsa.pub, CR_SIG_ECDSA_SHA256, message, view), CR_DENIED);
    pair_fini(&ec, backend_under_test);
    pair_fini(&rsa, backend_under_test);
}

static void a_small_buffer_is_not_overrun(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { p256, rsa2048 };
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        uint8_t sig[40];
        size_t sig_len = 16;
        memset(sig, 0xa5, sizeof sig);
        pair_load(&pair, backend_under_test, keys[i]);
        assert_int_not_equal(backend_under_test->sign(pair.key, cr_sig_alg_for(pair.pub.type), message, sig, &sig_len),
                             CR_OK);
        for (size_t at = 16; at < sizeof sig; at++) {
            assert_int_equal(sig[at], 0xa5);
        }
        pair_fini(&pair, backend_under_test);
    }
}

static void any_changed_bit_is_noticed(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { p256, p384, rsa2048 };
    for (size_t k = 0; k < 3; k++) {
        struct pair pair;
        uint8_t sig[CR_SIGNATURE_MAX];
        size_t sig_len = sizeof sig;
        pair_load(&pair, backend_under_test, keys[k]);
        enum cr_sig_alg alg = cr_sig_alg_for(pair.pub.type);
        assert_int_equal(backend_under_test->sign(pair.key, alg, message, sig, &sig_len), CR_OK);
        struct cr_bytes view = { sig, sig_len };
        for (size_t at = 0; at < message.len; at++) {
            expect_denied(&pair.pub, alg, forge_flip(f, message, at, 0x01), view);
        }
        for (size_t at = 0; at < sig_len; at += 3) {
            expect_denied(&pair.pub, alg, message, forge_flip(f, view, at, 0x80));
        }
        pair_fini(&pair, backend_under_test);
    }
}

static void another_key_does_not_verify(void **state)
{
    (void)state;
    struct pair one, two;
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    pair_load(&one, backend_under_test, p256);
    pair_load(&two, backend_under_test, forge_key_ec(f, "P-256"));
    assert_int_equal(backend_under_test->sign(one.key, CR_SIG_ECDSA_SHA256, message, sig, &sig_len), CR_OK);
    expect_denied(&two.pub, CR_SIG_ECDSA_SHA256, message, (struct cr_bytes){ sig, sig_len });
    pair_fini(&one, backend_under_test);
    pair_fini(&two, backend_under_test);
}

static void malformed_signatures_are_denied(void **state)
{
    (void)state;
    static const char order[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"; /* of P-256 */
    struct pair pair;
    struct cr_bytes r, s, good = forge_sign(f, p256, "SHA256", message), n = HEX(f, order);
    struct cr_der outside = cr_der_of(good), inside;
    pair_load(&pair, backend_under_test, p256);
    assert_int_equal(cr_der_enter(&outside, CR_DER_SEQUENCE, &inside), CR_OK);
    assert_int_equal(cr_der_uint(&inside, &r), CR_OK);
    assert_int_equal(cr_der_uint(&inside, &s), CR_OK);
    struct cr_bytes ri = forge_uint(f, r), si = forge_uint(f, s), zero = forge_int(f, 0), numbers = JOIN(f, ri, si);
    assert_int_equal(backend_under_test->verify(&pair.pub, CR_SIG_ECDSA_SHA256, message, SEQ(f, ri, si)), CR_OK);
    const struct cr_bytes bad[] = {
        NOTHING,
        TEXT("\x30"),
        SEQ(f, NOTHING),
        SEQ(f, ri),
        SEQ(f, zero, si),
        SEQ(f, ri, zero),
        SEQ(f, zero, zero),
        SEQ(f, forge_uint(f, n), si),                              /* not less than the order */
        SEQ(f, ri, forge_uint(f, n)),
        SEQ(f, ri, si, zero),
        JOIN(f, good, TEXT("\0")),
        forge_value_long(f, CR_DER_SEQUENCE, numbers, 2),          /* BER */
        forge_value_long(f, CR_DER_SEQUENCE, numbers, 0),
        SEQ(f, VALUE(f, CR_DER_INTEGER, TEXT("\0\0"), r), si),     /* padded */
        SEQ(f, VALUE(f, CR_DER_INTEGER, TEXT("\x80"), r), si),     /* negative */
        SEQ(f, VALUE(f, CR_DER_INTEGER, TEXT("\x01"), r, s), si),  /* longer than the order */
        SEQ(f, VALUE(f, CR_DER_OCTET_STRING, r), si),
        JOIN(f, r, s),                                             /* as JOSE has it */
        VALUE(f, CR_DER_SET, ri, si),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect_denied(&pair.pub, CR_SIG_ECDSA_SHA256, message, bad[i]);
    }
    for (size_t len = 0; len < good.len; len++) {
        expect_denied(&pair.pub, CR_SIG_ECDSA_SHA256, message, forge_copy(f, good.data, len));
    }
    pair_fini(&pair, backend_under_test);
}

static void malformed_rsa_signatures_are_denied(void **state)
{
    (void)state;
    struct pair pair;
    struct cr_bytes good = forge_sign(f, rsa2048, "SHA256", message);
    uint8_t ones[256];
    memset(ones, 0xff, sizeof ones);
    pair_load(&pair, backend_under_test, rsa2048);
    assert_int_equal(backend_under_test->verify(&pair.pub, CR_SIG_RSA_SHA256, message, good), CR_OK);
    const struct cr_bytes bad[] = {
        NOTHING,
        { good.data, good.len - 1 },
        JOIN(f, good, TEXT("\0")),
        JOIN(f, TEXT("\0"), good),
        { ones, sizeof ones },               /* not less than the modulus */
        forge_copy(f, (uint8_t[256]){ 0 }, 256),
        pair.pub.modulus,
        forge_sign(f, rsa2048, "SHA1", message),
        forge_sign(f, rsa2048, "SHA384", message),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect_denied(&pair.pub, CR_SIG_RSA_SHA256, message, bad[i]);
    }
    pair_fini(&pair, backend_under_test);
}

static void points_off_the_curve_are_denied(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { p256, p384 };
    for (size_t k = 0; k < 2; k++) {
        struct cr_bytes spki = forge_spki(f, keys[k], "uncompressed", "named_curve");
        struct cr_bytes sig = forge_sign(f, keys[k], "SHA256", message);
        struct cr_public_key key;
        size_t octets = k == 0 ? 32 : 48;
        for (unsigned variant = 0; variant < 4; variant++) {
            struct cr_bytes bad = forge_copy(f, spki.data, spki.len);
            uint8_t *x = (uint8_t *)bad.data + bad.len - 2 * octets;
            switch (variant) {
            case 0: x[2 * octets - 1] ^= 1; break;      /* y */
            case 1: x[octets - 1] ^= 1; break;          /* x */
            case 2: memset(x, 0, 2 * octets); break;
            default: memset(x, 0xff, octets); break;    /* x not less than the field's prime */
            }
            assert_int_equal(cr_public_key_parse(&key, bad), CR_OK);
            expect_denied(&key, CR_SIG_ECDSA_SHA256, message, sig);
        }
    }
}

enum { SIGNERS = 4, SIGNATURES = 25 };

static void *sign_many(void *ctx)
{
    struct pair *pair = ctx;
    intptr_t failures = 0;
    for (int i = 0; i < SIGNATURES; i++) {
        uint8_t sig[CR_SIGNATURE_MAX];
        size_t sig_len = sizeof sig;
        enum cr_sig_alg alg = cr_sig_alg_for(pair->pub.type);
        if (backend_under_test->sign(pair->key, alg, message, sig, &sig_len) != CR_OK ||
            cr_key_libcrypto()->verify(&pair->pub, alg, message, (struct cr_bytes){ sig, sig_len }) != CR_OK) {
            failures++;
        }
    }
    return (void *)failures;
}

static void one_key_signs_on_several_threads(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { p256, rsa2048 };
    for (size_t k = 0; k < 2; k++) {
        struct pair pair;
        pthread_t threads[SIGNERS];
        pair_load(&pair, backend_under_test, keys[k]);
        for (int i = 0; i < SIGNERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &pair), 0);
        }
        for (int i = 0; i < SIGNERS; i++) {
            void *failures = &threads;
            assert_int_equal(pthread_join(threads[i], &failures), 0);
            assert_null(failures);
        }
        pair_fini(&pair, backend_under_test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_verify_with_either_backend),
        cmocka_unit_test(rsa_of_2048_to_4096_bits),
        cmocka_unit_test(an_empty_message_can_be_signed),
        cmocka_unit_test(keys_are_made),
        cmocka_unit_test(the_algorithm_must_fit_the_key),
        cmocka_unit_test(a_small_buffer_is_not_overrun),
        cmocka_unit_test(any_changed_bit_is_noticed),
        cmocka_unit_test(another_key_does_not_verify),
        cmocka_unit_test(malformed_signatures_are_denied),
        cmocka_unit_test(malformed_rsa_signatures_are_denied),
        cmocka_unit_test(points_off_the_curve_are_denied),
        cmocka_unit_test(one_key_signs_on_several_threads),
    };
    return key_suite_run(tests);
}
