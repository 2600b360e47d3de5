/* OCSP responses: what is built is read again, and nothing else. */
#include "common/ocsp.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

enum { NOW = TEST_PKI_NOW };

struct pki {
    struct test_ca ca, other, same_name;
};

static int set_up(void **state)
{
    static struct pki pki;
    test_ca_make(&pki.ca, "Issuing CA 1", NULL, CR_KEY_EC_P256);
    test_ca_make(&pki.other, "Issuing CA 2", NULL, CR_KEY_EC_P256);
    test_ca_make(&pki.same_name, "Issuing CA 1", NULL, CR_KEY_EC_P256);
    *state = &pki;
    return 0;
}

static int tear_down(void **state)
{
    struct pki *pki = *state;
    test_ca_fini(&pki->ca);
    test_ca_fini(&pki->other);
    test_ca_fini(&pki->same_name);
    return 0;
}

static const struct cr_ocsp_answer good = { .serial = { { 0x80, 1, 2 }, 3 }, .produced_at = NOW, .this_update = NOW - 60,
                                            .next_update = NOW + 86400 };

static void build(struct cr_blob *der, const struct cr_ocsp_answer *answer, struct test_ca *ca)
{
    assert_int_equal(cr_ocsp_build(der, answer, &ca->cert, CR_SIG_ECDSA_SHA256, test_ca_sign, ca), CR_OK);
}

static void what_is_built_is_read_again(void **state)
{
    struct pki *pki = *state;
    const struct cr_key_backend *const backends[] = { cr_key_libcrypto(), cr_key_mbedtls() };
    static const uint8_t reasons[] = { 0, 1, 6, 10 };
    for (unsigned i = 0; i < 5; i++) {
        struct cr_ocsp_answer answer = good, read;
        struct cr_blob der;
        answer.revoked = i > 0;
        answer.reason = i > 0 ? reasons[i - 1] : 0;
        answer.revoked_at = i > 0 ? NOW - 3600 : 0;
        build(&der, &answer, &pki->ca);
        for (unsigned b = 0; b < 2; b++) {
            assert_int_equal(cr_ocsp_read(&read, cr_blob_view(&der), &pki->ca.cert, backends[b]), CR_OK);
            assert_true(cr_serial_equal(&read.serial, &answer.serial));
            assert_int_equal(read.revoked, answer.revoked);
            assert_int_equal(read.reason, answer.reason);
            assert_int_equal(read.revoked_at, answer.revoked_at);
            assert_int_equal(read.produced_at, answer.produced_at);
            assert_int_equal(read.this_update, answer.this_update);
            assert_int_equal(read.next_update, answer.next_update);
        }
        cr_blob_fini(&der);
    }
}

static void what_makes_no_sense_is_not_signed(void **state)
{
    struct pki *pki = *state;
    struct cr_ocsp_answer wrong[4] = { good, good, good, good };
    struct cr_blob der;
    wrong[0].serial.len = 0;
    wrong[1].next_update = wrong[1].this_update;
    wrong[2].revoked = true;
    wrong[2].reason = 7;
    wrong[3].this_update = -1;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(cr_ocsp_build(&der, &wrong[i], &pki->ca.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &pki->ca),
                         CR_INVALID);
    }
}

static void a_wrong_one_is_refused(void **state)
{
    struct pki *pki = *state;
    struct cr_ocsp_answer read;
    struct cr_blob der;
    build(&der, &good, &pki->ca);
    assert_int_equal(cr_ocsp_read(&read, cr_blob_view(&der), &pki->other.cert, cr_key_libcrypto()), CR_DENIED);
    assert_int_equal(cr_ocsp_read(&read, cr_blob_view(&der), &pki->same_name.cert, cr_key_libcrypto()), CR_DENIED);
    for (size_t len = 0; len < der.len; len++) {
        assert_int_equal(cr_ocsp_read(&read, (struct cr_bytes){ der.data, len }, &pki->ca.cert, cr_key_libcrypto()),
                         CR_INVALID);
    }
    assert_int_equal(cr_ocsp_read(&read, (struct cr_bytes){ der.data, der.len + 1 }, &pki->ca.cert, cr_key_libcrypto()),
                     CR_INVALID);
    for (size_t i = 0; i < der.len; i++) {
        der.data[i] ^= 0x01;
        assert_int_not_equal(cr_ocsp_read(&read, cr_blob_view(&der), &pki->ca.cert, cr_key_libcrypto()), CR_OK);
        der.data[i] ^= 0x01;
    }
    cr_blob_fini(&der);
    struct test_ca impostor = pki->ca; /* the name and the certificate, but not the key */
    impostor.key = pki->other.key;
    build(&der, &good, &impostor);
    assert_int_equal(cr_ocsp_read(&read, cr_blob_view(&der), &pki->ca.cert, cr_key_libcrypto()), CR_DENIED);
    cr_blob_fini(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_is_read_again),
        cmocka_unit_test(what_makes_no_sense_is_not_signed),
        cmocka_unit_test(a_wrong_one_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
