#include "agent_mbedtls.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <string.h>

enum { CHAIN_CERTS_MAX = 4, SIGNATURE_CAP = 80, INFO_CAP = 256 };

static int random_fill(void *ctx, unsigned char *data, size_t len)
{
    const struct agent_ports *ports = ctx;
    return ports->random(ports->ctx, data, len) ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

/* --- what differs between mbedTLS 2.28 and 3 --- */

static int key_parse(mbedtls_pk_context *pk, const struct agent_ports *ports, const uint8_t *key, size_t len)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_parse_key(pk, key, len, NULL, 0, random_fill, (void *)ports);
#else
    (void)ports;
    return mbedtls_pk_parse_key(pk, key, len, NULL, 0);
#endif
}

static int digest_sign(mbedtls_pk_context *pk, const struct agent_ports *ports, const uint8_t digest[32],
                       uint8_t sig[SIGNATURE_CAP], size_t *sig_len)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, digest, 32, sig, SIGNATURE_CAP, sig_len, random_fill, (void *)ports);
#else
    return mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, digest, 32, sig, sig_len, random_fill, (void *)ports);
#endif
}

static bool crt_is_ca(const mbedtls_x509_crt *crt)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_x509_crt_get_ca_istrue(crt) == 1;
#else
    return crt->ca_istrue != 0;
#endif
}

/* --- keys --- */

/* mbedTLS's DER writers write backwards from the end of a buffer: brings the result to its front. */
static enum agent_err to_front(uint8_t *data, size_t cap, int written, size_t *len)
{
    if (written <= 0 || (size_t)written > cap) {
        return AGENT_CRYPTO;
    }
    memmove(data, data + cap - (size_t)written, (size_t)written);
    *len = (size_t)written;
    return AGENT_OK;
}

static enum agent_err key_make(const struct agent_ports *ports, uint8_t *key, size_t cap, size_t *len)
{
    mbedtls_pk_context pk;
    enum agent_err err = AGENT_CRYPTO;
    mbedtls_pk_init(&pk);
    if (mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0 &&
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk), random_fill, (void *)ports) == 0) {
        err = to_front(key, cap, mbedtls_pk_write_key_der(&pk, key, cap), len);
    }
    mbedtls_pk_free(&pk);
    return err;
}

/* --- CSR: RFC 2986, written backwards as mbedTLS's ASN.1 writer does --- */

/* Adds what a write step returned, or leaves with AGENT_CRYPTO. */
#define WRITE(step)              \
    do {                         \
        int wrote_ = (step);     \
        if (wrote_ < 0) {        \
            return AGENT_CRYPTO; \
        }                        \
        *len += (size_t)wrote_;  \
    } while (0)

static enum agent_err wrap(uint8_t **at, uint8_t *start, size_t content, size_t *len, unsigned char tag)
{
    WRITE(mbedtls_asn1_write_len(at, start, content));
    WRITE(mbedtls_asn1_write_tag(at, start, tag));
    return AGENT_OK;
}

static enum agent_err subject_write(uint8_t **at, uint8_t *start, const char *device, size_t *len)
{
    size_t before = *len;
    WRITE(mbedtls_asn1_write_tagged_string(at, start, MBEDTLS_ASN1_UTF8_STRING, device, strlen(device)));
    WRITE(mbedtls_asn1_write_oid(at, start, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN)));
    static const unsigned char layers[] = { MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE,
                                            MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET,
                                            MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE };
    for (size_t i = 0; i < sizeof layers; i++) { /* AttributeTypeAndValue, RelativeDistinguishedName, Name */
        enum agent_err err = wrap(at, start, *len - before, len, layers[i]);
        if (err != AGENT_OK) {
            return err;
        }
    }
    return AGENT_OK;
}

/* CertificationRequestInfo: version 0, subject, SubjectPublicKeyInfo, no attributes. */
static enum agent_err info_write(mbedtls_pk_context *pk, const char *device, uint8_t **at, uint8_t *start, size_t *len)
{
    WRITE(mbedtls_asn1_write_len(at, start, 0));
    WRITE(mbedtls_asn1_write_tag(at, start, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED));
    int spki = mbedtls_pk_write_pubkey_der(pk, start, (size_t)(*at - start)); /* at the end of what is left */
    if (spki <= 0) {
        return AGENT_CRYPTO;
    }
    *at -= spki;
    *len += (size_t)spki;
    enum agent_err err = subject_write(at, start, device, len);
    if (err != AGENT_OK) {
        return err;
    }
    WRITE(mbedtls_asn1_write_int(at, start, 0));
    return wrap(at, start, *len, len, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
}

static enum agent_err request_write(mbedtls_pk_context *pk, const struct agent_ports *ports, const char *device,
                                    uint8_t *csr, size_t cap, size_t *total)
{
    uint8_t info[INFO_CAP] = { 0 }, digest[32], sig[SIGNATURE_CAP];
    uint8_t *at = info + sizeof info;
    size_t info_len = 0, sig_len = 0, written = 0, *len = &written;
    enum agent_err err = info_write(pk, device, &at, info, &info_len);
    if (err != AGENT_OK) {
        return err;
    }
    const uint8_t *signed_part = at;
    if (mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), signed_part, info_len, digest) != 0 ||
        digest_sign(pk, ports, digest, sig, &sig_len) != 0) {
        return AGENT_CRYPTO;
    }
    at = csr + cap;
    WRITE(mbedtls_asn1_write_bitstring(&at, csr, sig, sig_len * 8));
    size_t sig_end = *len;
    WRITE(mbedtls_asn1_write_oid(&at, csr, MBEDTLS_OID_ECDSA_SHA256, MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA256)));
    err = wrap(&at, csr, *len - sig_end, len, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    if (err != AGENT_OK) {
        return err;
    }
    WRITE(mbedtls_asn1_write_raw_buffer(&at, csr, signed_part, info_len));
    err = wrap(&at, csr, *len, len, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    return err != AGENT_OK ? err : to_front(csr, cap, (int)*len, total);
}

static enum agent_err csr_make(const struct agent_ports *ports, const uint8_t *key, size_t key_len, const char *device,
                               uint8_t *csr, size_t cap, size_t *len)
{
    mbedtls_pk_context pk;
    enum agent_err err = AGENT_CRYPTO;
    mbedtls_pk_init(&pk);
    if (key_parse(&pk, ports, key, key_len) == 0) {
        err = request_write(&pk, ports, device, csr, cap, len);
    }
    mbedtls_pk_free(&pk);
    return err;
}

/* --- chains --- */

/* Parses concatenated DER certificates: one or more, at most `max`, nothing else. */
static bool chain_parse(mbedtls_x509_crt *crt, const uint8_t *der, size_t len, int max)
{
    for (int n = 0; len > 0; n++) {
        uint8_t *at = (uint8_t *)der;
        size_t content = 0;
        if (n == max || mbedtls_asn1_get_tag(&at, der + len, &content,
                                             MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) != 0) {
            return false;
        }
        size_t one = (size_t)(at - der) + content;
        if (mbedtls_x509_crt_parse_der(crt, der, one) != 0) {
            return false;
        }
        der += one;
        len -= one;
    }
    return crt->raw.len > 0;
}

/* Exactly one CN, equal to the device byte for byte. */
static bool subject_is(const mbedtls_x509_crt *crt, const char *device)
{
    unsigned count = 0;
    bool equal = false;
    for (const mbedtls_x509_name *name = &crt->subject; name != NULL; name = name->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0) {
            count++;
            equal = name->val.len == strlen(device) && memcmp(name->val.p, device, name->val.len) == 0;
        }
    }
    return count == 1 && equal;
}

static bool same_public_key(mbedtls_pk_context *a, mbedtls_pk_context *b)
{
    uint8_t der_a[128], der_b[128]; /* written to their ends; P-256 takes 91 */
    int len_a = mbedtls_pk_write_pubkey_der(a, der_a, sizeof der_a);
    int len_b = mbedtls_pk_write_pubkey_der(b, der_b, sizeof der_b);
    return len_a > 0 && len_a == len_b &&
           memcmp(der_a + sizeof der_a - (size_t)len_a, der_b + sizeof der_b - (size_t)len_b, (size_t)len_a) == 0;
}

static int64_t unix_time(const mbedtls_x509_time *time)
{
    /* Days since 1970 of a proleptic Gregorian date, counting years from March. */
    int64_t year = time->year - (time->mon <= 2 ? 1 : 0);
    int64_t era = year / 400, of_era = year % 400;
    int64_t day = (153 * (time->mon + (time->mon > 2 ? -3 : 9)) + 2) / 5 + time->day - 1;
    int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719468;
    return days * 86400 + time->hour * 3600 + time->min * 60 + time->sec;
}

static enum agent_refusal judge(mbedtls_x509_crt *chain, mbedtls_x509_crt *trust, mbedtls_pk_context *key,
                                const char *device)
{
    const uint32_t times = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE; /* the agent's own business */
    uint32_t flags = 0;
    if (!same_public_key(&chain->pk, key)) {
        return AGENT_OTHER_KEY;
    }
    if (!subject_is(chain, device) || crt_is_ca(chain)) {
        return AGENT_OTHER_IDENTITY;
    }
    (void)mbedtls_x509_crt_verify(chain, trust, NULL, NULL, &flags, NULL, NULL);
    if ((flags & ~times) != 0) {
        return AGENT_UNTRUSTED;
    }
    if (mbedtls_x509_crt_check_extended_key_usage(chain, MBEDTLS_OID_CLIENT_AUTH,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) != 0) {
        return AGENT_NOT_FOR_CLIENTS;
    }
    return AGENT_ACCEPTED;
}

static enum agent_err chain_check(const struct agent_ports *ports, const uint8_t *key, size_t key_len,
                                  const uint8_t *chain, size_t chain_len, const uint8_t *trust, size_t trust_len,
                                  const char *device, enum agent_refusal *refusal, struct agent_validity *validity)
{
    mbedtls_x509_crt crt, trusted;
    mbedtls_pk_context pk;
    enum agent_err err = AGENT_CRYPTO;
    mbedtls_x509_crt_init(&crt);
    mbedtls_x509_crt_init(&trusted);
    mbedtls_pk_init(&pk);
    *refusal = AGENT_UNREADABLE;
    if (key_parse(&pk, ports, key, key_len) != 0 || !chain_parse(&trusted, trust, trust_len, AGENT_TRUST_CERTS_MAX)) {
        goto out;
    }
    err = AGENT_OK;
    if (chain_parse(&crt, chain, chain_len, CHAIN_CERTS_MAX)) {
        validity->not_before = unix_time(&crt.valid_from);
        validity->not_after = unix_time(&crt.valid_to);
        *refusal = judge(&crt, &trusted, &pk, device);
    }
out:
    mbedtls_pk_free(&pk);
    mbedtls_x509_crt_free(&trusted);
    mbedtls_x509_crt_free(&crt);
    return err;
}

/* --- trust bundles --- */

/* Issuing CAs need not be below another one that is trusted: being trusted by itself will do. */
static bool signer_trusted(mbedtls_x509_crt *signer, mbedtls_x509_crt *trust)
{
    const uint32_t times = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
    uint32_t flags = 0;
    for (const mbedtls_x509_crt *at = trust; at != NULL; at = at->next) {
        if (at->raw.len == signer->raw.len && memcmp(at->raw.p, signer->raw.p, at->raw.len) == 0) {
            return true;
        }
    }
    (void)mbedtls_x509_crt_verify(signer, trust, NULL, NULL, &flags, NULL, NULL);
    return (flags & ~times) == 0;
}

static bool signature_ok(mbedtls_pk_context *pk, const uint8_t *message, size_t message_len, const uint8_t *signature,
                         size_t signature_len)
{
    uint8_t digest[48];
    size_t bits = mbedtls_pk_get_bitlen(pk);
    bool ec = mbedtls_pk_can_do(pk, MBEDTLS_PK_ECDSA) != 0;
    if (ec ? bits != 256 && bits != 384 : mbedtls_pk_can_do(pk, MBEDTLS_PK_RSA) == 0 || bits < 2048) {
        return false;
    }
    mbedtls_md_type_t hash = ec && bits == 384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256;
    size_t digest_len = hash == MBEDTLS_MD_SHA384 ? 48 : 32;
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(hash);
    return info != NULL && mbedtls_md(info, message, message_len, digest) == 0 &&
           mbedtls_pk_verify(pk, hash, digest, digest_len, signature, signature_len) == 0;
}

static enum agent_err signer_check(const struct agent_ports *ports, const uint8_t *signer, size_t signer_len,
                                   const uint8_t *trust, size_t trust_len, const uint8_t *message, size_t message_len,
                                   const uint8_t *signature, size_t signature_len, bool *signed_by_trusted)
{
    mbedtls_x509_crt crt, trusted;
    enum agent_err err = AGENT_CRYPTO;
    (void)ports;
    *signed_by_trusted = false;
    mbedtls_x509_crt_init(&crt);
    mbedtls_x509_crt_init(&trusted);
    if (chain_parse(&trusted, trust, trust_len, AGENT_TRUST_CERTS_MAX)) {
        err = AGENT_OK;
        *signed_by_trusted = chain_parse(&crt, signer, signer_len, CHAIN_CERTS_MAX) && crt_is_ca(&crt) &&
                             mbedtls_x509_crt_check_key_usage(&crt, MBEDTLS_X509_KU_KEY_CERT_SIGN) == 0 &&
                             signer_trusted(&crt, &trusted) &&
                             signature_ok(&crt.pk, message, message_len, signature, signature_len);
    }
    mbedtls_x509_crt_free(&trusted);
    mbedtls_x509_crt_free(&crt);
    return err;
}

static bool trust_check(const uint8_t *trust, size_t trust_len)
{
    mbedtls_x509_crt crt;
    mbedtls_x509_crt_init(&crt);
    bool good = chain_parse(&crt, trust, trust_len, AGENT_TRUST_CERTS_MAX);
    for (const mbedtls_x509_crt *at = &crt; good && at != NULL; at = at->next) {
        good = crt_is_ca(at);
    }
    mbedtls_x509_crt_free(&crt);
    return good;
}

const struct agent_crypto agent_mbedtls = {
    .key_algorithm = "EC-P256",
    .key_make = key_make,
    .csr_make = csr_make,
    .chain_check = chain_check,
    .signer_check = signer_check,
    .trust_check = trust_check,
};
