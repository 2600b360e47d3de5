/* Certificates: what is built, what is read back, whose signature counts. */
#include "common/der.h"
#include "common/oid.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cr_cert_intent intent = { { { 0x0a, 0x01 }, 2 }, TEST_PKI_NOW - 300, TEST_PKI_NOW + 7776000 };

struct pki {
    struct test_ca root, issuing, other;
};

static int set_up(void **state)
{
    static struct pki pki;
    test_ca_make(&pki.root, "Root", NULL, CR_KEY_EC_P384);
    test_ca_make(&pki.issuing, "Issuing", &pki.root, CR_KEY_EC_P256);
    test_ca_make(&pki.other, "Issuing", &pki.root, CR_KEY_EC_P256); /* the same name, another key */
    *state = &pki;
    return 0;
}

static int tear_down(void **state)
{
    struct pki *pki = *state;
    test_ca_fini(&pki->root);
    test_ca_fini(&pki->issuing);
    test_ca_fini(&pki->other);
    return 0;
}

static struct cr_profile profile_of(const char *slot)
{
    struct cr_profile profile;
    cr_profile_default(&profile, slot);
    return profile;
}

static bool contains(struct cr_bytes all, struct cr_bytes part)
{
    return memmem(all.data, all.len, part.data, part.len) != NULL;
}

static void a_leaf_says_what_was_asked(void **state)
{
    struct pki *pki = *state;
    struct cr_profile profile = profile_of("operational");
    struct cr_blob der, spki;
    struct cr_cert cert;
    test_leaf_make(&der, &spki, &pki->issuing, &profile, "meter-17", &intent);
    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&der)), CR_OK);
    assert_string_equal(cert.facts.device, "meter-17");
    assert_true(cr_serial_equal(&cert.facts.serial, &intent.serial));
    assert_int_equal(cert.facts.not_before, intent.not_before);
    assert_int_equal(cert.facts.not_after, intent.not_after);
    assert_string_equal(cert.facts.issuer, "");
    assert_true(cr_bytes_equal(cert.spki, cr_blob_view(&spki)));
    assert_true(cr_bytes_equal(cert.issuer, pki->issuing.cert.subject));
    assert_true(cr_bytes_equal(cert.authority_key_id, pki->issuing.cert.subject_key_id));
    assert_int_equal(cert.subject_key_id.len, 20);
    assert_false(cert.is_ca);
    assert_false(cert.self_issued);
    assert_false(cert.key_cert_sign);
    assert_true(cert.client_auth);
    assert_int_equal(cert.sig_alg, CR_SIG_ECDSA_SHA256);
    uint8_t hash[CR_SHA256_LEN];
    assert_int_equal(cr_sha256(hash, spki.data, spki.len), CR_OK);
    assert_memory_equal(hash, cert.facts.key_hash, sizeof hash);
    assert_false(contains(cert.der, cr_oid(CR_OID_SUBJECT_ALT_NAME)));
    assert_false(contains(cert.der, cr_oid(CR_OID_CRL_POINTS)));
    assert_false(contains(cert.der, cr_oid(CR_OID_AUTHORITY_INFO)));
    cr_blob_fini(&der);
    cr_blob_fini(&spki);
}

static void options_of_the_profile_are_written(void **state)
{
    struct pki *pki = *state;
    struct cr_profile profile = profile_of("operational");
    struct cr_blob der;
    struct cr_cert cert;
    profile.attr_count = 2;
    profile.attr[0] = (struct cr_subject_attr){ "C", "DE" };
    profile.attr[1] = (struct cr_subject_attr){ "O", "Acme" };
    profile.ext_key_usage = CR_EKU_SERVER_AUTH;
    profile.san_dns = true;
    snprintf(profile.crl_url, sizeof profile.crl_url, "http://pki.example/ca.crl");
    snprintf(profile.aia_url, sizeof profile.aia_url, "http://pki.example/ca.cer");
    test_leaf_make(&der, NULL, &pki->issuing, &profile, "meter-17", &intent);
    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&der)), CR_OK);
    assert_string_equal(cert.facts.device, "meter-17");
    assert_false(cert.client_auth);
    /* C, O, CN in this order, the country as PrintableString */
    static const uint8_t c_and_o[] = { 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x02, 'D', 'E',
                                       0x31, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x04, 'A', 'c', 'm',
                                       'e', 0x31 };
    assert_memory_equal(cert.subject.data + 2, c_and_o, sizeof c_and_o);
    assert_true(contains(cert.der, (struct cr_bytes){ (const uint8_t *)"\x82\x08meter-17", 10 }));
    assert_true(contains(cert.der, (struct cr_bytes){ (const uint8_t *)"\x86\x19http://pki.example/ca.crl", 27 }));
    assert_true(contains(cert.der, (struct cr_bytes){ (const uint8_t *)"\x86\x19http://pki.example/ca.cer", 27 }));
    cr_blob_fini(&der);
}

/* All that a signer is asked to sign. */
struct seen {
    struct test_ca *ca;
    struct cr_blob tbs;
};

static cr_err note_and_sign(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    struct seen *seen = ctx;
    assert_int_equal(cr_blob_copy(&seen->tbs, tbs.data, tbs.len), CR_OK);
    return test_ca_sign(seen->ca, tbs, sig, sig_len);
}

static void the_same_intent_gives_the_same_bytes_to_sign(void **state)
{
    struct pki *pki = *state;
    struct cr_profile profile = profile_of("operational");
    struct cr_cert_request request = { &profile, "meter-17", cr_blob_view(&pki->root.spki), false };
    struct seen first = { &pki->issuing, { NULL, 0 } }, second = { &pki->issuing, { NULL, 0 } };
    struct cr_blob one, two;
    struct cr_cert cert;
    assert_int_equal(cr_cert_build(&one, &request, &intent, &pki->issuing.cert, CR_SIG_ECDSA_SHA256, note_and_sign,
                                   &first), CR_OK);
    assert_int_equal(cr_cert_build(&two, &request, &intent, &pki->issuing.cert, CR_SIG_ECDSA_SHA256, note_and_sign,
                                   &second), CR_OK);
    assert_true(cr_bytes_equal(cr_blob_view(&first.tbs), cr_blob_view(&second.tbs)));
    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&one)), CR_OK);
    assert_true(cr_bytes_equal(cert.tbs, cr_blob_view(&first.tbs)));
    cr_blob_fini(&first.tbs);
    cr_blob_fini(&second.tbs);
    cr_blob_fini(&one);
    cr_blob_fini(&two);
}

static cr_err cannot_sign(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    (void)ctx;
    (void)tbs;
    (void)sig;
    *sig_len = 0;
    return CR_UNAVAILABLE;
}

static void a_signer_that_fails_leaves_nothing(void **state)
{
    struct pki *pki = *state;
    struct cr_profile profile = profile_of("operational");
    struct cr_cert_request request = { &profile, "meter-17", cr_blob_view(&pki->root.spki), false };
    struct cr_blob der = { (uint8_t *)"x", 1 };
    assert_int_equal(cr_cert_build(&der, &request, &intent, &pki->issuing.cert, CR_SIG_ECDSA_SHA256, cannot_sign, NULL),
                     CR_UNAVAILABLE);
    assert_null(der.data);
    request.device = "not a name";
    assert_int_equal(cr_cert_build(&der, &request, &intent, &pki->issuing.cert, CR_SIG_ECDSA_SHA256, cannot_sign, NULL),
                     CR_INVALID);
    request.device = "meter-17";
    request.spki = (struct cr_bytes){ (const uint8_t *)"\x30\x00", 2 };
    assert_int_equal(cr_cert_build(&der, &request, &intent, &pki->issuing.cert, CR_SIG_ECDSA_SHA256, cannot_sign, NULL),
                     CR_INVALID);
}

static void signatures_count_only_up_the_chain(void **state)
{
    struct pki *pki = *state;
    struct cr_profile profile = profile_of("operational");
    struct cr_blob der;
    struct cr_cert cert, altered;
    const struct cr_key_backend *const backends[] = { cr_key_libcrypto(), cr_key_mbedtls() };
    test_leaf_make(&der, NULL, &pki->issuing, &profile, "meter-17", &intent);
    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&der)), CR_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(cr_cert_verify(&cert, &pki->issuing.cert, backends[i]), CR_OK);
        assert_int_equal(cr_cert_verify(&pki->issuing.cert, &pki->root.cert, backends[i]), CR_OK);
        assert_int_equal(cr_cert_verify(&pki->root.cert, &pki->root.cert, backends[i]), CR_OK);
        assert_int_equal(cr_cert_verify(&cert, &pki->root.cert, backends[i]), CR_DENIED);
        assert_int_equal(cr_cert_verify(&cert, &cert, backends[i]), CR_DENIED);
        assert_int_equal(cr_cert_verify(&pki->root.cert, &pki->issuing.cert, backends[i]), CR_DENIED);
        /* hostile 101: the issuer's name, another key; with key ids, and as if there were none */
        altered = pki->other.cert;
        assert_int_equal(cr_cert_verify(&cert, &altered, backends[i]), CR_DENIED);
        altered.subject_key_id = (struct cr_bytes){ NULL, 0 };
        assert_int_equal(cr_cert_verify(&cert, &altered, backends[i]), CR_DENIED);
        /* the right name and key under another key id */
        altered = pki->issuing.cert;
        altered.subject_key_id = pki->root.cert.subject_key_id;
        assert_int_equal(cr_cert_verify(&cert, &altered, backends[i]), CR_DENIED);
        /* a CA that may not sign certificates, and no CA */
        altered = pki->issuing.cert;
        altered.key_cert_sign = false;
        assert_int_equal(cr_cert_verify(&cert, &altered, backends[i]), CR_DENIED);
        altered = pki->issuing.cert;
        altered.is_ca = false;
        assert_int_equal(cr_cert_verify(&cert, &altered, backends[i]), CR_DENIED);
    }
    for (size_t at = 0; at < der.len; at++) { /* every byte is either signed or part of the signature */
        der.data[at] ^= 0x01;
        if (cr_cert_parse(&altered, cr_blob_view(&der)) == CR_OK) {
            assert_int_equal(cr_cert_verify(&altered, &pki->issuing.cert, cr_key_libcrypto()), CR_DENIED);
        }
        der.data[at] ^= 0x01;
    }
    cr_blob_fini(&der);
}

static void truncated_certificates_are_refused(void **state)
{
    struct pki *pki = *state;
    struct cr_cert cert;
    for (size_t len = 0; len < pki->issuing.der.len; len++) {
        struct cr_blob part;
        assert_int_equal(cr_blob_copy(&part, pki->issuing.der.data, len), CR_OK);
        assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&part)), CR_INVALID);
        cr_blob_fini(&part);
    }
}

static void pem_goes_there_and_back(void **state)
{
    struct pki *pki = *state;
    static char text[8192];
    struct cr_blob ders;
    struct cr_bytes rest, der;
    assert_int_equal(snprintf(text, sizeof text, "issued by hand\n"), 15);
    assert_int_equal(cr_cert_to_pem(text, sizeof text, cr_blob_view(&pki->issuing.der)), CR_OK);
    assert_int_equal(cr_cert_to_pem(text, sizeof text, cr_blob_view(&pki->root.der)), CR_OK);
    size_t len = strlen(text);
    assert_memory_equal(text + len - 26, "-----END CERTIFICATE-----\n", 26);
    assert_null(strchr(text, '\r'));
    assert_int_equal(cr_cert_from_pem(&ders, (struct cr_bytes){ (const uint8_t *)text, len }), CR_OK);
    rest = cr_blob_view(&ders);
    assert_int_equal(cr_cert_next(&der, &rest), CR_OK);
    assert_true(cr_bytes_equal(der, cr_blob_view(&pki->issuing.der)));
    assert_int_equal(cr_cert_next(&der, &rest), CR_OK);
    assert_true(cr_bytes_equal(der, cr_blob_view(&pki->root.der)));
    assert_int_equal(cr_cert_next(&der, &rest), CR_NOT_FOUND);
    cr_blob_fini(&ders);
    /* No room: nothing is appended. */
    assert_int_equal(cr_cert_to_pem(text, len + 100, cr_blob_view(&pki->root.der)), CR_FULL);
    assert_int_equal(strlen(text), len);
    /* A broken block, and none. */
    text[len - 60] = '*';
    assert_int_equal(cr_cert_from_pem(&ders, (struct cr_bytes){ (const uint8_t *)text, len }), CR_INVALID);
    assert_null(ders.data);
    assert_int_equal(cr_cert_from_pem(&ders, (struct cr_bytes){ (const uint8_t *)text, 15 }), CR_NOT_FOUND);
}

static void serials_as_text(void **state)
{
    (void)state;
    struct cr_serial serial;
    char text[CR_SERIAL_TEXT];
    assert_int_equal(cr_serial_parse(&serial, "0A01"), CR_OK);
    assert_true(cr_serial_equal(&serial, &intent.serial));
    cr_serial_text(text, &serial);
    assert_string_equal(text, "0a01");
    static const char *const bad[] = { "", "0", "00", "000a", "0g", "0a0", "-1",
                                       "ffffffffffffffffffffffffffffffffffffffff",     /* 20 octets and a sign */
                                       "010203040506070809101112131415161718192021" }; /* 21 octets */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(cr_serial_parse(&serial, bad[i]), CR_INVALID);
        assert_int_equal(serial.len, 0);
    }
    assert_int_equal(cr_serial_parse(&serial, "7fffffffffffffffffffffffffffffffffffffff"), CR_OK);
    assert_int_equal(serial.len, 20);
}

static void intents_are_spread_within_the_profile(void **state)
{
    struct pki *pki = *state;
    struct cr_profile profile = profile_of("operational");
    struct cr_cert_intent made, last = { { { 0 }, 0 }, 0, 0 };
    int64_t least = INT64_MAX, most = 0;
    profile.lifetime_s = 90LL * 86400;
    profile.jitter_permille = 100;
    for (int i = 0; i < 500; i++) {
        assert_int_equal(cr_cert_intent_make(&made, &profile, &pki->issuing.cert, TEST_PKI_NOW, cr_random_system()),
                         CR_OK);
        assert_int_equal(made.not_before, TEST_PKI_NOW - profile.skew_s);
        assert_false(cr_serial_equal(&made.serial, &last.serial));
        least = made.not_after < least ? made.not_after : least;
        most = made.not_after > most ? made.not_after : most;
        last = made;
    }
    assert_true(most <= TEST_PKI_NOW + profile.lifetime_s);
    assert_true(least >= TEST_PKI_NOW + profile.lifetime_s - profile.lifetime_s / 10);
    assert_true(most - least > profile.lifetime_s / 20); /* half of the jitter at the very least */
    profile.jitter_permille = 0;
    assert_int_equal(cr_cert_intent_make(&made, &profile, &pki->issuing.cert, TEST_PKI_NOW, cr_random_system()), CR_OK);
    assert_int_equal(made.not_after, TEST_PKI_NOW + profile.lifetime_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaf_says_what_was_asked),
        cmocka_unit_test(options_of_the_profile_are_written),
        cmocka_unit_test(the_same_intent_gives_the_same_bytes_to_sign),
        cmocka_unit_test(a_signer_that_fails_leaves_nothing),
        cmocka_unit_test(signatures_count_only_up_the_chain),
        cmocka_unit_test(truncated_certificates_are_refused),
        cmocka_unit_test(pem_goes_there_and_back),
        cmocka_unit_test(serials_as_text),
        cmocka_unit_test(intents_are_spread_within_the_profile),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
