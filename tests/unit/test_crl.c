/* CRLs: what is built, and what is refused. */
#include "common/crl.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
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

static struct cr_crl_entry entry_of(const char *serial, unsigned reason, int64_t at)
{
    struct cr_crl_entry entry = { .reason = (uint8_t)reason, .at = at };
    assert_int_equal(cr_serial_parse(&entry.serial, serial), CR_OK);
    return entry;
}

static void build(struct cr_blob *der, struct test_ca *ca, struct cr_crl_entry *entry, size_t count, uint64_t number)
{
    const struct cr_crl_request request = { number, NOW, NOW + 7 * 86400, entry, count };
    assert_int_equal(cr_crl_build(der, &request, &ca->cert, CR_SIG_ECDSA_SHA256, test_ca_sign, ca), CR_OK);
}

static cr_err check(const struct cr_blob *der, const struct test_ca *ca, int64_t now_s, uint64_t number_min,
                    const char **why)
{
    const struct cr_crl_expect expect = { &ca->cert, cr_key_libcrypto(), now_s, true, number_min };
    struct cr_crl crl;
    return cr_crl_check(&crl, cr_blob_view(der), &expect, why);
}

static void expect_refused(const struct cr_blob *der, const struct test_ca *ca, int64_t now_s, uint64_t number_min,
                           const char *what)
{
    const char *why = "";
    assert_int_not_equal(check(der, ca, now_s, number_min, &why), CR_OK);
    if (strstr(why, what) == NULL) {
        fail_msg("refused for another reason: %s", why);
    }
}

static void what_is_built_is_read_again(void **state)
{
    struct pki *pki = *state;
    struct cr_crl_entry entries[] = { entry_of("0b01", 1, NOW - 5), entry_of("7f", 0, NOW - 9),
                                      entry_of("ff00112233445566778899aabbccddee", 6, 2556144000), /* 2051 */
                                      entry_of("0a", 10, NOW) };
    static const char *const order[] = { "0a", "7f", "0b01", "ff00112233445566778899aabbccddee" };
    static const unsigned reasons[] = { 10, 0, 1, 6 };
    static const int64_t times[] = { NOW, NOW - 9, NOW - 5, 2556144000 };
    const struct cr_key_backend *const backends[] = { cr_key_libcrypto(), cr_key_mbedtls() };
    struct cr_crl_entry entry;
    struct cr_blob der;
    struct cr_crl crl;
    const char *why;
    build(&der, &pki->ca, entries, 4, 0x80);
    for (unsigned i = 0; i < 2; i++) {
        const struct cr_crl_expect expect = { &pki->ca.cert, backends[i], NOW, true, 0x80 };
        assert_int_equal(cr_crl_check(&crl, cr_blob_view(&der), &expect, &why), CR_OK);
    }
    assert_int_equal(crl.number, 0x80);
    assert_int_equal(crl.count, 4);
    assert_true(crl.sorted);
    assert_int_equal(crl.this_update, NOW);
    assert_int_equal(crl.next_update, NOW + 7 * 86400);
    struct cr_der reader = cr_der_of(crl.entries);
    for (unsigned i = 0; i < 4; i++) {
        char serial[CR_SERIAL_TEXT];
        assert_int_equal(cr_crl_next(&reader, &entry), CR_OK);
        cr_serial_text(serial, &entry.serial);
        assert_string_equal(serial, order[i]);
        assert_int_equal(entry.reason, reasons[i]);
        assert_int_equal(entry.at, times[i]);
    }
    assert_int_equal(cr_crl_next(&reader, &entry), CR_NOT_FOUND);
    assert_int_equal(cr_crl_find(&crl, &entries[1].serial, &entry), CR_OK);
    assert_int_equal(cr_crl_find(&crl, &(struct cr_serial){ { 9 }, 1 }, &entry), CR_NOT_FOUND);
    cr_blob_fini(&der);
}

static void an_empty_one_has_no_list(void **state)
{
    struct pki *pki = *state;
    struct cr_blob der;
    struct cr_crl crl;
    build(&der, &pki->ca, NULL, 0, 1);
    assert_int_equal(cr_crl_parse(&crl, cr_blob_view(&der)), CR_OK);
    assert_int_equal(crl.count, 0);
    assert_null(crl.entries.data);
    cr_blob_fini(&der);
}

static void what_cannot_be_signed_is_refused(void **state)
{
    struct pki *pki = *state;
    struct cr_crl_entry twice[] = { entry_of("0a", 0, NOW), entry_of("0b", 0, NOW), entry_of("0a", 1, NOW) };
    struct cr_crl_entry none[] = { { .at = NOW } }, reason[] = { entry_of("0a", 7, NOW) }, before[] = { entry_of("0a", 0, -1) };
    struct cr_crl_request request = { 1, NOW, NOW + 60, twice, 3 };
    struct cr_cert no_crls = pki->ca.cert;
    struct cr_blob der;
    no_crls.crl_sign = false;
    assert_int_equal(cr_crl_build(&der, &request, &pki->ca.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &pki->ca), CR_INVALID);
    request = (struct cr_crl_request){ 1, NOW, NOW + 60, none, 1 };
    assert_int_equal(cr_crl_build(&der, &request, &pki->ca.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &pki->ca), CR_INVALID);
    request.entry = reason;
    assert_int_equal(cr_crl_build(&der, &request, &pki->ca.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &pki->ca), CR_INVALID);
    request.entry = before;
    assert_int_equal(cr_crl_build(&der, &request, &pki->ca.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &pki->ca), CR_INVALID);
    request = (struct cr_crl_request){ 1, NOW, NOW, NULL, 0 };
    assert_int_equal(cr_crl_build(&der, &request, &pki->ca.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &pki->ca), CR_INVALID);
    request.next_update = NOW + 1;
    assert_int_equal(cr_crl_build(&der, &request, &no_crls, CR_SIG_ECDSA_SHA256, test_ca_sign, &pki->ca), CR_INVALID);
    request.count = CR_CRL_ENTRIES_MAX + 1;
    assert_int_equal(cr_crl_build(&der, &request, &pki->ca.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &pki->ca), CR_FULL);
    assert_null(der.data);
}

/* What a broker must never be given in place of a good one. */
static void a_wrong_one_is_refused(void **state)
{
    struct pki *pki = *state;
    struct cr_crl_entry entries[] = { entry_of("0a", 0, NOW), entry_of("0b", 1, NOW) };
    struct cr_blob der, longer;
    const char *why;
    build(&der, &pki->ca, entries, 2, 7);
    assert_int_equal(check(&der, &pki->ca, NOW, 7, &why), CR_OK);
    expect_refused(&der, &pki->other, NOW, 7, "another issuer");
    expect_refused(&der, &pki->same_name, NOW, 7, "another key");
    expect_refused(&der, &pki->ca, NOW, 8, "number is lower");
    expect_refused(&der, &pki->ca, NOW + 7 * 86400, 7, "nextUpdate has passed");
    expect_refused(&der, &pki->ca, NOW - 301, 7, "thisUpdate is in the future");
    assert_int_equal(check(&der, &pki->ca, NOW - 300, 7, &why), CR_OK);
    struct test_ca no_crls = pki->ca;
    no_crls.cert.crl_sign = false;
    expect_refused(&der, &no_crls, NOW, 7, "cRLSign");
    assert_int_equal(cr_blob_copy(&longer, der.data, der.len), CR_OK);
    longer.len++; /* the NUL behind it */
    expect_refused(&longer, &pki->ca, NOW, 7, "no CRL");
    cr_blob_fini(&longer);
    for (size_t len = 0; len < der.len; len++) { /* cut anywhere */
        expect_refused(&(struct cr_blob){ der.data, len }, &pki->ca, NOW, 7, "no CRL");
    }
    for (size_t i = 0; i < der.len; i++) { /* a bit of it flipped, anywhere */
        der.data[i] ^= 0x01;
        assert_int_not_equal(check(&der, &pki->ca, NOW, 0, &why), CR_OK);
        der.data[i] ^= 0x01;
    }
    assert_int_equal(check(&der, &pki->ca, NOW, 7, &why), CR_OK);
    cr_blob_fini(&der);
}

/* Signed, but not as we make them: a serial twice, or out of order, made by exchanging two serials before signing. */
struct meddler {
    struct test_ca *ca;
    uint8_t from, to;
};

static cr_err meddle_and_sign(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    const struct meddler *meddler = ctx;
    const uint8_t serial[] = { CR_DER_INTEGER, 1, meddler->from, CR_DER_UTC_TIME };
    uint8_t *found = memmem(tbs.data, tbs.len, serial, sizeof serial);
    assert_non_null(found);
    found[2] = meddler->to;
    return test_ca_sign(meddler->ca, tbs, sig, sig_len);
}

static void order_counts(void **state)
{
    struct pki *pki = *state;
    static const uint8_t to[] = { 0x0a, 0x09, 0x0c };
    for (unsigned i = 0; i < 3; i++) {
        struct cr_crl_entry entries[] = { entry_of("0a", 0, NOW), entry_of("0b", 0, NOW), entry_of("0d", 0, NOW) };
        const struct cr_crl_request request = { 1, NOW, NOW + 60, entries, 3 };
        struct meddler meddler = { &pki->ca, 0x0b, to[i] };
        struct cr_blob der;
        const char *why;
        assert_int_equal(cr_crl_build(&der, &request, &pki->ca.cert, CR_SIG_ECDSA_SHA256, meddle_and_sign, &meddler), CR_OK);
        if (i == 2) {
            assert_int_equal(check(&der, &pki->ca, NOW, 1, &why), CR_OK);
        } else {
            expect_refused(&der, &pki->ca, NOW, 1, "order of their serials");
            const struct cr_crl_expect lax = { &pki->ca.cert, cr_key_libcrypto(), NOW, false, 0 };
            struct cr_crl crl;
            assert_int_equal(cr_crl_check(&crl, cr_blob_view(&der), &lax, &why), CR_OK); /* others need not sort */
        }
        cr_blob_fini(&der);
    }
}

static void without_an_issuer_the_rest_is_judged(void **state)
{
    struct pki *pki = *state;
    struct cr_crl_expect expect = { .now_s = NOW };
    struct cr_blob der;
    struct cr_crl crl;
    const char *why;
    build(&der, &pki->ca, NULL, 0, 1);
    assert_int_equal(cr_crl_check(&crl, cr_blob_view(&der), &expect, &why), CR_OK);
    expect.now_s = NOW + 8 * 86400;
    assert_int_equal(cr_crl_check(&crl, cr_blob_view(&der), &expect, &why), CR_DENIED);
    expect = (struct cr_crl_expect){ .now_s = NOW, .ours = true };
    assert_int_equal(cr_crl_check(&crl, cr_blob_view(&der), &expect, &why), CR_DENIED);
    cr_blob_fini(&der);
}

static void pem_and_back(void **state)
{
    struct pki *pki = *state;
    struct cr_blob der, back;
    char text[4096] = "some words\n";
    build(&der, &pki->ca, NULL, 0, 1);
    assert_true(cr_crl_pem_cap(der.len) < sizeof text / 2);
    assert_int_equal(cr_crl_to_pem(text, sizeof text, cr_blob_view(&der)), CR_OK);
    assert_int_equal(cr_crl_to_pem(text, sizeof text, cr_blob_view(&der)), CR_OK);
    struct cr_bytes rest = { (const uint8_t *)text, strlen(text) };
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(cr_crl_from_pem(&back, &rest), CR_OK);
        assert_true(cr_bytes_equal(cr_blob_view(&back), cr_blob_view(&der)));
        cr_blob_fini(&back);
    }
    assert_int_equal(cr_crl_from_pem(&back, &rest), CR_NOT_FOUND);
    rest = (struct cr_bytes){ (const uint8_t *)text, strlen(text) / 3 };
    assert_int_equal(cr_crl_from_pem(&back, &rest), CR_INVALID);
    char exact[4096] = "";
    assert_int_equal(cr_crl_to_pem(exact, cr_crl_pem_cap(der.len), cr_blob_view(&der)), CR_OK);
    cr_blob_fini(&der);
}

/* RSA-2048 and P-384 sign too. */
static void other_keys_sign(void **state)
{
    (void)state;
    static const enum cr_key_type types[] = { CR_KEY_EC_P384, CR_KEY_RSA };
    for (unsigned i = 0; i < 2; i++) {
        struct test_ca ca;
        struct cr_crl_entry entries[] = { entry_of("0a", 0, NOW) };
        struct cr_blob der;
        const char *why;
        test_ca_make(&ca, "Issuing CA", NULL, types[i]);
        const struct cr_crl_request request = { 1, NOW, NOW + 60, entries, 1 };
        assert_int_equal(cr_crl_build(&der, &request, &ca.cert, cr_sig_alg_for(types[i]), test_ca_sign, &ca), CR_OK);
        assert_int_equal(check(&der, &ca, NOW, 1, &why), CR_OK);
        cr_blob_fini(&der);
        test_ca_fini(&ca);
    }
}

/* So many that sorting or reading each against each would never end. */
static void many_entries(void **state)
{
    struct pki *pki = *state;
    enum { MANY = 20000 };
    struct cr_crl_entry *entries = calloc(MANY, sizeof *entries);
    struct cr_blob der;
    const char *why;
    assert_non_null(entries);
    for (unsigned i = 0; i < MANY; i++) {
        uint32_t mixed = i * 2654435761u; /* odd: no two are the same */
        entries[i] = (struct cr_crl_entry){ .serial = { { 0x7f, (uint8_t)(mixed >> 24), (uint8_t)(mixed >> 16),
                                                          (uint8_t)(mixed >> 8), (uint8_t)mixed }, 5 },
                                            .reason = 1, .at = NOW };
    }
    build(&der, &pki->ca, entries, MANY, 1);
    assert_int_equal(check(&der, &pki->ca, NOW, 1, &why), CR_OK);
    cr_blob_fini(&der);
    free(entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_is_read_again),
        cmocka_unit_test(an_empty_one_has_no_list),
        cmocka_unit_test(what_cannot_be_signed_is_refused),
        cmocka_unit_test(a_wrong_one_is_refused),
        cmocka_unit_test(order_counts),
        cmocka_unit_test(without_an_issuer_the_rest_is_judged),
        cmocka_unit_test(pem_and_back),
        cmocka_unit_test(other_keys_sign),
        cmocka_unit_test(many_entries),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
