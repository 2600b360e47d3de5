/* CRLs and OCSP responses. Of CRLs: what we read, libcrypto must be able to read, and read the same. */
#include "common/clock.h"
#include "common/crl.h"
#include "common/ocsp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/forge.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
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

static void libcrypto_reads_it_too(const struct cr_crl *crl)
{
    const unsigned char *at = crl->der.data;
    X509_CRL *other = d2i_X509_CRL(NULL, &at, (long)crl->der.len);
    if (other == NULL) {
        return; /* it looks into more than we do: object identifiers that it cannot print … */
    }
    CR_FUZZ_CHECK(at == crl->der.data + crl->der.len);
    CR_FUZZ_CHECK(unix_of(X509_CRL_get0_lastUpdate(other)) == crl->this_update);
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(other);
    CR_FUZZ_CHECK((next != NULL ? unix_of(next) : 0) == crl->next_update);
    int revoked = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(other)); /* -1: there is no list */
    CR_FUZZ_CHECK((size_t)(revoked < 0 ? 0 : revoked) == crl->count);
    X509_CRL_free(other);
}

static void list(struct cr_bytes der)
{
    struct cr_crl crl;
    struct cr_crl_entry entry;
    if (cr_crl_parse(&crl, der) != CR_OK) {
        return;
    }
    within(der, crl.tbs);
    within(crl.tbs, crl.issuer);
    within(crl.tbs, crl.authority_key_id);
    within(crl.tbs, crl.entries);
    within(der, crl.signature);
    struct cr_der entries = cr_der_of(crl.entries);
    size_t count = 0;
    while (cr_crl_next(&entries, &entry) == CR_OK) {
        CR_FUZZ_CHECK(entry.serial.len >= 1 && entry.serial.len <= CR_SERIAL_MAX && entry.reason <= CR_CRL_REASON_MAX);
        count++;
    }
    CR_FUZZ_CHECK(count == crl.count);
    libcrypto_reads_it_too(&crl);
}

/* ---- an issuer; its key is the curve's base point ---- */

static cr_err fixed_signature(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    static const uint8_t rs[] = { 0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01 };
    (void)ctx;
    (void)tbs;
    memcpy(sig, rs, sizeof rs);
    *sig_len = sizeof rs;
    return CR_OK;
}

static cr_err issuer_make(struct forge *f, struct cr_blob *der, struct cr_cert *cert)
{
    static const struct cr_cert_intent intent = { { { 1 }, 1 }, 0, 253402300799 };
    struct cr_bytes point = HEX(f, "04" "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                   "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    struct cr_bytes spki = SEQ(f, SEQ(f, OID(f, CR_OID_EC_PUBLIC_KEY), OID(f, CR_OID_P256)), forge_bits(f, 0, point));
    const struct cr_ca_request request = { "Issuing CA", spki, -1 };
    cr_err err = cr_cert_build_ca(der, &request, &intent, NULL, CR_SIG_ECDSA_SHA256, fixed_signature, NULL);
    return err == CR_OK ? cr_cert_parse(cert, cr_blob_view(der)) : err;
}

static void response(struct cr_bytes der)
{
    static struct cr_blob issuer_der;
    static struct cr_cert issuer;
    struct cr_ocsp_answer answer;
    if (issuer_der.data == NULL) {
        struct forge f;
        forge_init(&f);
        CR_FUZZ_CHECK(issuer_make(&f, &issuer_der, &issuer) == CR_OK);
        forge_fini(&f);
    }
    CR_FUZZ_CHECK(cr_ocsp_read(&answer, der, &issuer, cr_key_libcrypto()) != CR_OK); /* no seed is really signed */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cr_bytes rest = { data, len };
    struct cr_blob der;
    list(rest);
    response(rest);
    while (cr_crl_from_pem(&der, &rest) == CR_OK) {
        list(cr_blob_view(&der));
        cr_blob_fini(&der);
    }
    return 0;
}

static cr_err seed(struct forge *f, unsigned index, struct cr_blob *der)
{
    static struct cr_crl_entry entries[] = {
        { { { 0x0a }, 1 }, 0, 1700000000 },
        { { { 0x80, 1 }, 2 }, 1, 1700000001 },
        { { { 0x80, 2 }, 2 }, 10, 2556144000 },
    };
    static const struct cr_crl_request requests[] = { { 1, 1700000000, 1700604800, NULL, 0 },
                                                      { 0x0102030405, 1700000000, 2600000000, entries, 3 } };
    static const struct cr_ocsp_answer answers[] = {
        { { { 0x80, 1 }, 2 }, false, 0, 0, 1700000000, 1700000000, 1700086400 },
        { { { 0x0a }, 1 }, true, 1, 1700000000, 1700000000, 1700000000, 1700086400 },
    };
    struct cr_blob issuer_der = { NULL, 0 };
    struct cr_cert issuer;
    cr_err err = issuer_make(f, &issuer_der, &issuer);
    if (err == CR_OK) {
        err = index < 2 ? cr_crl_build(der, &requests[index], &issuer, CR_SIG_ECDSA_SHA256, fixed_signature, NULL)
                        : cr_ocsp_build(der, &answers[index - 2], &issuer, CR_SIG_ECDSA_SHA256, fixed_signature, NULL);
    }
    cr_blob_fini(&issuer_der);
    return err;
}

/* Two CRLs, two responses, and the CRLs as PEM. */
size_t cr_fuzz_seed(unsigned index, uint8_t *buf)
{
    struct forge f;
    struct cr_blob der = { NULL, 0 };
    size_t len = SIZE_MAX;
    if (index > 5) {
        return SIZE_MAX;
    }
    forge_init(&f);
    if (seed(&f, index < 4 ? index : index - 4, &der) == CR_OK) {
        struct cr_bytes bytes = index < 4 ? cr_blob_view(&der) : forge_pem(&f, "X509 CRL", cr_blob_view(&der));
        memcpy(buf, bytes.data, bytes.len);
        len = bytes.len;
    }
    cr_blob_fini(&der);
    forge_fini(&f);
    return len;
}
