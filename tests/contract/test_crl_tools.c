/* What other people's tools say of the CRLs and OCSP responses we build: openssl, mbedTLS and, where it is installed,
 * certtool. */
#include "common/crl.h"
#include "common/ocsp.h"
#include "tests/support/test_pki.h"

#include <mbedtls/x509_crl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { NOW = TEST_PKI_NOW };

static char output[65536];

struct files {
    struct test_dir dir;
    struct test_ca ca[3];
    char ca_pem[80], crl_pem[80], leaf_pem[80], ocsp_der[80];
};

static const enum cr_key_type types[] = { CR_KEY_EC_P256, CR_KEY_EC_P384, CR_KEY_RSA };

static int set_up(void **state)
{
    static struct files files;
    test_dir_make(&files.dir);
    for (unsigned i = 0; i < 3; i++) {
        test_ca_make_at(&files.ca[i], "Issuing CA 1", NULL, types[i], 1577836800, 2840140800);
    }
    snprintf(files.ca_pem, sizeof files.ca_pem, "%s", test_dir_file(&files.dir, "ca.pem"));
    snprintf(files.crl_pem, sizeof files.crl_pem, "%s", test_dir_file(&files.dir, "crl.pem"));
    snprintf(files.leaf_pem, sizeof files.leaf_pem, "%s", test_dir_file(&files.dir, "leaf.pem"));
    snprintf(files.ocsp_der, sizeof files.ocsp_der, "%s", test_dir_file(&files.dir, "ocsp.der"));
    *state = &files;
    return 0;
}

static int tear_down(void **state)
{
    struct files *files = *state;
    for (unsigned i = 0; i < 3; i++) {
        test_ca_fini(&files->ca[i]);
    }
    test_dir_remove(&files->dir);
    return 0;
}

#define RUN(...) test_run(output, sizeof output, (const char *const[]){ __VA_ARGS__, NULL })

static void expect_text(const char *const *parts)
{
    for (; *parts != NULL; parts++) {
        if (strstr(output, *parts) == NULL) {
            fail_msg("\"%s\" is missing in:\n%s", *parts, output);
        }
    }
}
#define EXPECT(...) expect_text((const char *const[]){ __VA_ARGS__, NULL })

/* Of the n-th CA; count entries. */
static void write_crl(struct files *files, unsigned n, size_t count)
{
    struct cr_crl_entry entries[] = { { { { 0x0a, 0x02 }, 2 }, 1, NOW - 60 },
                                      { { { 0xff, 0x00 }, 2 }, 0, NOW - 30 },
                                      { { { 0x0b }, 1 }, 6, 2556144000 } };
    const struct cr_crl_request request = { 4711, NOW, NOW + 7 * 86400, entries, count };
    struct test_ca *ca = &files->ca[n];
    struct cr_blob der;
    static char pem[8192];
    assert_int_equal(cr_crl_build(&der, &request, &ca->cert, cr_sig_alg_for(types[n]), test_ca_sign, ca), CR_OK);
    pem[0] = '\0';
    assert_int_equal(cr_crl_to_pem(pem, sizeof pem, cr_blob_view(&der)), CR_OK);
    test_file_write(files->crl_pem, pem, strlen(pem), 0644);
    test_file_write_certs(files->ca_pem, (const struct cr_blob *const[]){ &ca->der, NULL });
    cr_blob_fini(&der);
}

static void openssl_reads_and_verifies_crls(void **state)
{
    struct files *files = *state;
    for (unsigned n = 0; n < 3; n++) {
        write_crl(files, n, 3);
        assert_int_equal(RUN("openssl", "crl", "-in", files->crl_pem, "-noout", "-text", "-verify", "-CAfile", files->ca_pem),
                         0);
        EXPECT("verify OK", "Version 2 (0x1)", "Issuing CA 1", "Last Update: Jan 15 08:00:00 2027 GMT",
               "Next Update: Jan 22 08:00:00 2027 GMT", "X509v3 Authority Key Identifier:", "X509v3 CRL Number:", "4711",
               "Serial Number: 0B", "Serial Number: 0A02", "Serial Number: FF00", "Key Compromise", "Certificate Hold",
               "Jan  1 00:00:00 2051 GMT");
        write_crl(files, n, 0);
        assert_int_equal(RUN("openssl", "crl", "-in", files->crl_pem, "-noout", "-text", "-verify", "-CAfile", files->ca_pem),
                         0);
        EXPECT("verify OK", "No Revoked Certificates.");
        assert_int_equal(RUN("openssl", "asn1parse", "-in", files->crl_pem, "-noout"), 0);
    }
}

/* A chain is checked with it, as a broker does. */
static void openssl_refuses_what_it_lists(void **state)
{
    struct files *files = *state;
    static const struct { struct cr_serial serial; bool revoked; } leaves[] = { { { { 0x0a, 0x02 }, 2 }, true },
                                                                                { { { 0x0a, 0x03 }, 2 }, false } };
    write_crl(files, 0, 3);
    for (unsigned i = 0; i < 2; i++) {
        struct cr_cert_intent intent = { leaves[i].serial, NOW - 300, NOW + 90 * 86400 };
        struct cr_profile profile;
        struct cr_blob der;
        cr_profile_default(&profile, "operational");
        test_leaf_make(&der, NULL, &files->ca[0], &profile, "meter-17", &intent);
        test_file_write_certs(files->leaf_pem, (const struct cr_blob *const[]){ &der, NULL });
        cr_blob_fini(&der);
        int status = RUN("openssl", "verify", "-x509_strict", "-attime", "1800000060", "-crl_check", "-CRLfile", files->crl_pem,
                         "-CAfile", files->ca_pem, files->leaf_pem);
        assert_int_equal(status == 0, !leaves[i].revoked);
        EXPECT(leaves[i].revoked ? "certificate revoked" : "OK");
    }
}

static void mbedtls_reads_crls(void **state)
{
    struct files *files = *state;
    for (unsigned n = 0; n < 3; n++) {
        mbedtls_x509_crl crl;
        unsigned count = 0;
        write_crl(files, n, 3);
        mbedtls_x509_crl_init(&crl);
        assert_int_equal(mbedtls_x509_crl_parse_file(&crl, files->crl_pem), 0);
        assert_int_equal(crl.version, 2);
        assert_int_equal(crl.this_update.year, 2027);
        for (const mbedtls_x509_crl_entry *entry = &crl.entry; entry != NULL && entry->serial.len > 0; entry = entry->next) {
            count++;
        }
        assert_int_equal(count, 3);
        mbedtls_x509_crl_free(&crl);
    }
}

static void certtool_finds_nothing_to_say(void **state)
{
    struct files *files = *state;
    if (RUN("certtool", "--version") == -1) {
        print_message("certtool (gnutls-bin) is not installed: not asked\n");
        skip();
    }
    for (unsigned n = 0; n < 3; n++) {
        write_crl(files, n, 3);
        assert_int_equal(RUN("certtool", "--crl-info", "--infile", files->crl_pem), 0);
        EXPECT("Version: 2", "CRL Number (not critical): 1267", "Revoked certificates (3)", "0a02", "00ff00");
        assert_null(strstr(output, "rror"));
        write_crl(files, n, 0);
        assert_int_equal(RUN("certtool", "--crl-info", "--infile", files->crl_pem), 0);
        EXPECT("No revoked certificates.");
    }
}

static void openssl_takes_ocsp_responses(void **state)
{
    struct files *files = *state;
    for (unsigned i = 0; i < 6; i++) {
        struct test_ca *ca = &files->ca[i % 3];
        struct cr_cert_intent intent = { { { 0x7f, (uint8_t)i }, 2 }, NOW - 300, NOW + 90 * 86400 };
        const struct cr_ocsp_answer answer = { intent.serial, i >= 3, i >= 3 ? 1 : 0, NOW - 60, NOW, NOW, NOW + 86400 };
        struct cr_profile profile;
        struct cr_blob leaf, der;
        cr_profile_default(&profile, "operational");
        test_leaf_make(&leaf, NULL, ca, &profile, "meter-17", &intent);
        test_file_write_certs(files->leaf_pem, (const struct cr_blob *const[]){ &leaf, NULL });
        test_file_write_certs(files->ca_pem, (const struct cr_blob *const[]){ &ca->der, NULL });
        assert_int_equal(cr_ocsp_build(&der, &answer, &ca->cert, cr_sig_alg_for(types[i % 3]), test_ca_sign, ca), CR_OK);
        test_file_write(files->ocsp_der, der.data, der.len, 0644);
        assert_int_equal(RUN("openssl", "ocsp", "-respin", files->ocsp_der, "-issuer", files->ca_pem, "-cert", files->leaf_pem,
                             "-CAfile", files->ca_pem, "-no_nonce", "-attime", "1800000060", "-validity_period", "100000000"),
                         0);
        EXPECT("Response verify OK", i >= 3 ? ": revoked" : ": good", "This Update: Jan 15 08:00:00 2027 GMT",
               "Next Update: Jan 16 08:00:00 2027 GMT");
        if (i >= 3) {
            EXPECT("Reason: keyCompromise", "Revocation Time: Jan 15 07:59:00 2027 GMT");
        }
        cr_blob_fini(&leaf);
        cr_blob_fini(&der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_reads_and_verifies_crls), cmocka_unit_test(openssl_refuses_what_it_lists),
        cmocka_unit_test(mbedtls_reads_crls),              cmocka_unit_test(certtool_finds_nothing_to_say),
        cmocka_unit_test(openssl_takes_ocsp_responses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
