/* Presented certificates. What we read, libcrypto must be able to read, and read the same. */
#include "common/cert.h"
#include "common/clock.h"
#include "common/oid.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/forge.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static void within(struct cr_bytes outside, struct cr_bytes inside)
{
    CR_FUZZ_CHECK(inside.len == 0 || (inside.data >= outside.data &&
                                      inside.data + inside.len <= outside.data + outside.len));
}

static int64_t unix_of(const ASN1_TIME *time)
{
    struct tm tm;
    int64_t unix_s = 0;
    CR_FUZZ_CHECK(ASN1_TIME_to_tm(time, &tm) == 1);
    struct cr_civil civil = { tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec };
    CR_FUZZ_CHECK(cr_civil_to_unix(&unix_s, &civil) == CR_OK);
    return unix_s;
}

static void libcrypto_reads_it_too(const struct cr_cert *cert)
{
    const unsigned char *at = cert->der.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)cert->der.len);
    if (x509 == NULL) {
        return; /* it looks into more than we do: object identifiers it cannot print, unique ids … */
    }
    CR_FUZZ_CHECK(at == cert->der.data + cert->der.len);
    CR_FUZZ_CHECK(unix_of(X509_get0_notBefore(x509)) == cert->facts.not_before);
    CR_FUZZ_CHECK(unix_of(X509_get0_notAfter(x509)) == cert->facts.not_after);
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    uint8_t octets[CR_SERIAL_MAX];
    CR_FUZZ_CHECK(number != NULL && BN_num_bytes(number) == cert->facts.serial.len);
    CR_FUZZ_CHECK(BN_bn2bin(number, octets) >= 0);
    CR_FUZZ_CHECK(memcmp(octets, cert->facts.serial.octets, cert->facts.serial.len) == 0);
    BN_free(number);
    uint32_t flags = X509_get_extension_flags(x509);
    if ((flags & EXFLAG_INVALID) == 0) { /* nobody is a CA for us who is none for libcrypto */
        CR_FUZZ_CHECK(!cert->is_ca || (flags & EXFLAG_CA) != 0);
        CR_FUZZ_CHECK(!cert->key_cert_sign || (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) != 0);
    }
    X509_free(x509);
}

static void certificate(struct cr_bytes der)
{
    struct cr_cert cert;
    if (cr_cert_parse(&cert, der) != CR_OK) {
        return;
    }
    within(der, cert.tbs);
    within(cert.tbs, cert.issuer);
    within(cert.tbs, cert.subject);
    within(cert.tbs, cert.spki);
    within(cert.tbs, cert.subject_key_id);
    within(cert.tbs, cert.authority_key_id);
    within(der, cert.signature);
    CR_FUZZ_CHECK(cert.facts.serial.len >= 1 && cert.facts.serial.len <= CR_SERIAL_MAX);
    CR_FUZZ_CHECK(cert.facts.device[0] == '\0' || cr_name_ok(cert.facts.device, strlen(cert.facts.device)));
    CR_FUZZ_CHECK(cr_cert_verify(&cert, &cert, cr_key_libcrypto()) != CR_OK); /* no seed is really signed */
    libcrypto_reads_it_too(&cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cr_bytes rest = { data, len }, one;
    struct cr_blob ders;
    certificate(rest);
    if (cr_cert_from_pem(&ders, rest) == CR_OK) {
        struct cr_bytes decoded = cr_blob_view(&ders);
        while (cr_cert_next(&one, &decoded) == CR_OK) {
            certificate(one);
        }
    }
    cr_blob_fini(&ders);
    while (cr_cert_next(&one, &rest) == CR_OK) {
        certificate(one);
    }
    return 0;
}

static cr_err fixed_signature(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    static const uint8_t rs[] = { 0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01 };
    (void)ctx;
    (void)tbs;
    memcpy(sig, rs, sizeof rs);
    *sig_len = sizeof rs;
    return CR_OK;
}

/* A root, and a leaf with everything that a profile can ask for; the key is the curve's base point. */
static cr_err seed(struct forge *f, unsigned index, struct cr_blob *der)
{
    static const struct cr_cert_intent long_intent = { { { 0x80, 1 }, 2 }, 0, 253402300799 };
    static const struct cr_cert_intent intent = { { { 1, 2, 3 }, 3 }, 1700000000, 2600000000 };
    struct cr_bytes point = HEX(f, "04" "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                   "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    struct cr_bytes spki = SEQ(f, SEQ(f, OID(f, CR_OID_EC_PUBLIC_KEY), OID(f, CR_OID_P256)), forge_bits(f, 0, point));
    const struct cr_ca_request ca_request = { "Root", spki, 3 };
    struct cr_profile profile;
    struct cr_blob ca_der = { NULL, 0 };
    struct cr_cert ca;
    cr_err err = cr_cert_build_ca(&ca_der, &ca_request, &long_intent, NULL, CR_SIG_ECDSA_SHA256, fixed_signature, NULL);
    if (err != CR_OK || index == 0) {
        *der = ca_der;
        return err;
    }
    cr_profile_default(&profile, "operational");
    profile.attr_count = 1;
    profile.attr[0] = (struct cr_subject_attr){ "O", "Acme" };
    profile.ext_key_usage = CR_EKU_CLIENT_AUTH | CR_EKU_SERVER_AUTH;
    snprintf(profile.crl_url, sizeof profile.crl_url, "http://pki.example/ca.crl");
    snprintf(profile.aia_url, sizeof profile.aia_url, "http://pki.example/ca.cer");
    const struct cr_cert_request request = { &profile, "dev-1", spki, true };
    err = cr_cert_parse(&ca, cr_blob_view(&ca_der));
    if (err == CR_OK) {
        err = cr_cert_build(der, &request, &intent, &ca, CR_SIG_ECDSA_SHA256, fixed_signature, NULL);
    }
    cr_blob_fini(&ca_der);
    return err;
}

size_t cr_fuzz_seed(unsigned index, uint8_t *buf)
{
    struct forge f;
    struct cr_blob der = { NULL, 0 };
    size_t len = SIZE_MAX;
    if (index > 3) {
        return SIZE_MAX;
    }
    forge_init(&f);
    if (seed(&f, index % 2, &der) == CR_OK) {
        struct cr_bytes bytes = index < 2 ? cr_blob_view(&der) : forge_pem(&f, "CERTIFICATE", cr_blob_view(&der));
        memcpy(buf, bytes.data, bytes.len);
        len = bytes.len;
    }
    cr_blob_fini(&der);
    forge_fini(&f);
    return len;
}
