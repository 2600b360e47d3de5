/* What other people's tools say of the certificates we build: openssl and, where it is installed, certtool. */
#include "common/clock.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const int64_t ca_begins = 1577836800, ca_ends = 2840140800; /* 2020 to 2060 */
static char output[65536];

struct files {
    struct test_dir dir;
    struct test_ca root, issuing;
    char root_pem[80], issuing_pem[80], leaf_pem[80], chain_pem[80];
};

static int set_up(void **state)
{
    static struct files files;
    test_dir_make(&files.dir);
    test_ca_make_at(&files.root, "Root of all", NULL, CR_KEY_EC_P384, ca_begins, ca_ends);
    test_ca_make_at(&files.issuing, "Issuing CA 1", &files.root, CR_KEY_EC_P256, ca_begins, ca_ends);
    snprintf(files.root_pem, sizeof files.root_pem, "%s", test_dir_file(&files.dir, "root.pem"));
    snprintf(files.issuing_pem, sizeof files.issuing_pem, "%s", test_dir_file(&files.dir, "issuing.pem"));
    snprintf(files.leaf_pem, sizeof files.leaf_pem, "%s", test_dir_file(&files.dir, "leaf.pem"));
    snprintf(files.chain_pem, sizeof files.chain_pem, "%s", test_dir_file(&files.dir, "chain.pem"));
    test_file_write_certs(files.root_pem, (const struct cr_blob *const[]){ &files.root.der, NULL });
    test_file_write_certs(files.issuing_pem, (const struct cr_blob *const[]){ &files.issuing.der, NULL });
    *state = &files;
    return 0;
}

static int tear_down(void **state)
{
    struct files *files = *state;
    test_ca_fini(&files->root);
    test_ca_fini(&files->issuing);
    test_dir_remove(&files->dir);
    return 0;
}

/* The plainest leaf, and one with everything that a profile can ask for. */
static void write_leaf_at(const struct files *files, bool with_all, int64_t now_s)
{
    const struct cr_cert_intent intent = { { { 0x0a, 0x01 }, 2 }, now_s - 300, now_s + 7776000 };
    struct cr_profile profile;
    struct cr_blob der;
    cr_profile_default(&profile, "operational");
    if (with_all) {
        profile.attr_count = 3;
        profile.attr[0] = (struct cr_subject_attr){ "C", "DE" };
        profile.attr[1] = (struct cr_subject_attr){ "O", "Acme" };
        profile.attr[2] = (struct cr_subject_attr){ "OU", "Meters" };
        profile.key_usage = CR_KU_DIGITAL_SIGNATURE | CR_KU_KEY_AGREEMENT | CR_KU_KEY_ENCIPHERMENT;
        profile.ext_key_usage = CR_EKU_CLIENT_AUTH | CR_EKU_SERVER_AUTH | CR_EKU_CODE_SIGNING;
        profile.san_dns = true;
        snprintf(profile.crl_url, sizeof profile.crl_url, "http://pki.example/ca.crl");
        snprintf(profile.aia_url, sizeof profile.aia_url, "http://pki.example/ca.cer");
    }
    test_leaf_make(&der, NULL, &files->issuing, &profile, "meter-17", &intent);
    test_file_write_certs(files->leaf_pem, (const struct cr_blob *const[]){ &der, NULL });
    const struct cr_blob *const chain[] = { &der, &files->issuing.der, &files->root.der, NULL };
    test_file_write_certs(files->chain_pem, chain);
    cr_blob_fini(&der);
}

static void write_leaf(const struct files *files, bool with_all)
{
    write_leaf_at(files, with_all, TEST_PKI_NOW);
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

static void openssl_verifies_the_chain(void **state)
{
    const struct files *files = *state;
    for (int with_all = 0; with_all < 2; with_all++) {
        write_leaf(files, with_all != 0);
        int status = RUN("openssl", "verify", "-x509_strict", "-check_ss_sig", "-policy_check", "-purpose", "sslclient",
                         "-attime", "1800000000", "-CAfile", files->root_pem, "-untrusted", files->issuing_pem,
                         files->leaf_pem);
        if (status != 0) {
            fail_msg("openssl verify: %s", output);
        }
        /* Without the issuing CA there is no way up. */
        assert_int_not_equal(RUN("openssl", "verify", "-attime", "1800000000", "-CAfile", files->root_pem,
                                 files->leaf_pem), 0);
    }
}

static void openssl_reads_what_was_meant(void **state)
{
    const struct files *files = *state;
    write_leaf(files, false);
    assert_int_equal(RUN("openssl", "x509", "-in", files->leaf_pem, "-noout", "-text", "-certopt", "no_pubkey", "-nameopt",
                         "RFC2253"), 0);
    EXPECT("Version: 3 (0x2)", "Serial Number: 2561 (0xa01)", "Signature Algorithm: ecdsa-with-SHA256",
           "Issuer: CN=Issuing CA 1", "Not Before: Jan 15 07:55:00 2027 GMT", "Not After : Apr 15 08:00:00 2027 GMT",
           "Subject: CN=meter-17", "X509v3 Basic Constraints: critical\n                CA:FALSE",
           "X509v3 Key Usage: critical\n                Digital Signature\n",
           "X509v3 Extended Key Usage:", "                TLS Web Client Authentication\n",
           "X509v3 Subject Key Identifier:", "X509v3 Authority Key Identifier:");
    write_leaf(files, true);
    assert_int_equal(RUN("openssl", "x509", "-in", files->leaf_pem, "-noout", "-text", "-certopt", "no_pubkey", "-nameopt",
                         "RFC2253"), 0);
    /* keyEncipherment is nothing that an EC key can do */
    EXPECT("Subject: CN=meter-17,OU=Meters,O=Acme,C=DE",
           "X509v3 Key Usage: critical\n                Digital Signature, Key Agreement\n",
           "TLS Web Client Authentication, TLS Web Server Authentication, Code Signing", "DNS:meter-17",
           "X509v3 CRL Distribution Points:", "URI:http://pki.example/ca.crl",
           "CA Issuers - URI:http://pki.example/ca.cer");
    assert_int_equal(RUN("openssl", "x509", "-in", files->issuing_pem, "-noout", "-text"), 0);
    EXPECT("X509v3 Basic Constraints: critical\n                CA:TRUE",
           "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n");
    assert_int_equal(RUN("openssl", "asn1parse", "-in", files->leaf_pem, "-noout"), 0);
}

/* Read and written again, it is the same, byte for byte: it was DER. */
static void openssl_writes_the_same_bytes(void **state)
{
    const struct files *files = *state;
    static char before[16384];
    write_leaf(files, true);
    FILE *file = fopen(files->leaf_pem, "r");
    assert_non_null(file);
    before[fread(before, 1, sizeof before - 1, file)] = '\0';
    fclose(file);
    assert_int_equal(RUN("openssl", "x509", "-in", files->leaf_pem), 0);
    assert_string_equal(output, before);
}

static void certtool_verifies_the_chain(void **state)
{
    const struct files *files = *state;
    if (RUN("certtool", "--version") == -1) {
        print_message("certtool is not installed (gnutls-bin): skipped\n");
        skip();
    }
    for (int with_all = 0; with_all < 2; with_all++) {
        /* It knows no time but now. */
        write_leaf_at(files, with_all != 0, cr_wall_s(cr_clock_system()));
        assert_int_equal(RUN("certtool", "--certificate-info", "--infile", files->leaf_pem), 0);
        EXPECT("Certificate Authority (CA): FALSE", "Digital signature.", "TLS WWW Client.");
        if (strstr(output, "warning") != NULL || strstr(output, "rror") != NULL) {
            fail_msg("certtool --certificate-info: %s", output);
        }
        int status = RUN("certtool", "--verify-chain", "--infile", files->chain_pem);
        if (status != 0) {
            fail_msg("certtool --verify-chain: %s", output);
        }
        EXPECT("Chain verification output: Verified. The certificate is trusted.");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_verifies_the_chain),
        cmocka_unit_test(openssl_reads_what_was_meant),
        cmocka_unit_test(openssl_writes_the_same_bytes),
        cmocka_unit_test(certtool_verifies_the_chain),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
