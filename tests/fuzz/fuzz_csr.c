/* Requests, with a backend that takes every signature for good, so that mutations come past it to the other rules. What
 * we accept, libcrypto must be able to read, and read the same; a certificate made of it is a leaf for the device. */
#include "common/cert.h"
#include "common/csr.h"
#include "common/oid.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/csr_recipe.h"

#include <openssl/x509.h>
#include <string.h>

static const char device[] = "dev-1";

static cr_err any_signature(const struct cr_public_key *key, enum cr_sig_alg alg, struct cr_bytes message,
                            struct cr_bytes sig)
{
    (void)key;
    (void)alg;
    (void)message;
    (void)sig;
    return CR_OK;
}

static const struct cr_key_backend credulous = { .name = "credulous", .verify = any_signature };

static cr_err fixed_signature(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    static const uint8_t rs[] = { 0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01 };
    (void)ctx;
    (void)tbs;
    memcpy(sig, rs, sizeof rs);
    *sig_len = sizeof rs;
    return CR_OK;
}

static void within(struct cr_bytes outside, struct cr_bytes inside)
{
    CR_FUZZ_CHECK(inside.len == 0 || (inside.data >= outside.data &&
                                      inside.data + inside.len <= outside.data + outside.len));
}

static void libcrypto_reads_it_too(const struct cr_csr *csr)
{
    const unsigned char *at = csr->der.data;
    unsigned char *again = NULL;
    char name[64] = "";
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)csr->der.len);
    CR_FUZZ_CHECK(req != NULL && at == csr->der.data + csr->der.len);
    X509_NAME *subject = X509_REQ_get_subject_name(req);
    CR_FUZZ_CHECK(X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof name) == (int)strlen(device));
    CR_FUZZ_CHECK(strcmp(name, device) == 0);
    int len = i2d_re_X509_REQ_tbs(req, &again); /* written anew from what it understood: it was DER */
    /* The one thing that it puts right is the order of several attributes, which some clients do not sort. */
    CR_FUZZ_CHECK(len >= 0 && (size_t)len == csr->info.len);
    CR_FUZZ_CHECK(X509_REQ_get_attr_count(req) > 1 || memcmp(again, csr->info.data, csr->info.len) == 0);
    OPENSSL_free(again);
    X509_REQ_free(req);
}

static void certificate_of_it(const struct cr_csr *csr, const struct cr_profile *profile)
{
    static const struct cr_cert_intent intent = { { { 1 }, 1 }, 1700000000, 1800000000 };
    const struct cr_ca_request ca_request = { "CA", csr->key.spki, 0 };
    const struct cr_cert_request request = { profile, device, csr->key.spki, csr->san_requested };
    struct cr_blob ca_der, der;
    struct cr_cert ca, cert;
    cr_err err = cr_cert_build_ca(&ca_der, &ca_request, &intent, NULL, CR_SIG_ECDSA_SHA256, fixed_signature, NULL);
    CR_FUZZ_CHECK(err == CR_OK && cr_cert_parse(&ca, cr_blob_view(&ca_der)) == CR_OK && ca.is_ca);
    err = cr_cert_build(&der, &request, &intent, &ca, CR_SIG_ECDSA_SHA256, fixed_signature, NULL);
    CR_FUZZ_CHECK(err == CR_OK);
    CR_FUZZ_CHECK(cr_cert_parse(&cert, cr_blob_view(&der)) == CR_OK && !cert.is_ca && !cert.key_cert_sign);
    CR_FUZZ_CHECK(strcmp(cert.facts.device, device) == 0);
    CR_FUZZ_CHECK(memcmp(cert.facts.key_hash, csr->key_hash, CR_SHA256_LEN) == 0);
    cr_blob_fini(&der);
    cr_blob_fini(&ca_der);
}

static void request(struct cr_bytes der)
{
    struct cr_profile profile;
    struct cr_csr csr;
    cr_profile_default(&profile, "operational");
    profile.key_types |= CR_ALLOW_RSA;
    profile.rsa_min_bits = 2048;
    profile.rsa_max_bits = 4096;
    enum cr_refusal refusal = cr_csr_accept(&csr, der, &profile, device, NULL, &credulous);
    CR_FUZZ_CHECK(refusal < CR_REFUSAL_COUNT && refusal != CR_REFUSAL_INTERNAL);
    if (refusal != CR_REFUSAL_NONE) {
        return;
    }
    within(der, csr.info);
    within(csr.info, csr.subject);
    within(csr.info, csr.key.spki);
    within(csr.info, csr.attributes);
    within(der, csr.signature);
    libcrypto_reads_it_too(&csr);
    certificate_of_it(&csr, &profile);
    /* And by a real backend, which must not stumble over any of it. */
    CR_FUZZ_CHECK(cr_csr_check_proof(&csr, cr_key_libcrypto()) != CR_REFUSAL_INTERNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cr_bytes input = { data, len };
    struct cr_blob der;
    request(input);
    if (cr_csr_from_pem(&der, input) == CR_REFUSAL_NONE) {
        request(cr_blob_view(&der));
        cr_blob_fini(&der);
    } else {
        CR_FUZZ_CHECK(der.data == NULL);
    }
    return 0;
}

/* A request for the curve's base point, whose private key is 1: nobody's, and the same each time. */
static struct csr_recipe base_recipe(struct forge *f)
{
    struct cr_bytes point = HEX(f, "04" "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                   "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    return (struct csr_recipe){
        .version = forge_int(f, 0),
        .subject = csr_common_name(f, forge_text(device)),
        .spki = SEQ(f, SEQ(f, OID(f, CR_OID_EC_PUBLIC_KEY), OID(f, CR_OID_P256)), forge_bits(f, 0, point)),
        .algorithm = SEQ(f, OID(f, CR_OID_ECDSA_SHA256)),
        .signature = forge_bits(f, 0, SEQ(f, forge_int(f, 1), forge_int(f, 1))),
    };
}

/* 2048 bits, the digits of nothing in particular; odd, and without small factors or close ones. */
static struct cr_bytes rsa_spki(struct forge *f)
{
    struct cr_bytes modulus = NOTHING;
    uint8_t digest[CR_SHA256_LEN] = { 7 };
    for (unsigned i = 0; i < 8; i++) {
        if (cr_sha256(digest, digest, sizeof digest) != CR_OK) {
            break;
        }
        digest[0] |= i == 0 ? 0x80 : 0;
        digest[CR_SHA256_LEN - 1] |= i == 7 ? 1 : 0;
        modulus = JOIN(f, modulus, forge_copy(f, digest, sizeof digest));
    }
    struct cr_bytes numbers = SEQ(f, forge_uint(f, modulus), forge_uint(f, TEXT("\x01\x00\x01")));
    return SEQ(f, SEQ(f, OID(f, CR_OID_RSA), VALUE(f, CR_DER_NULL, NOTHING)), forge_bits(f, 0, numbers));
}

static struct cr_bytes seed(struct forge *f, unsigned index)
{
    struct csr_recipe recipe = base_recipe(f);
    struct cr_bytes names = SEQ(f, VALUE(f, CR_DER_CONTEXT | 2, forge_text(device)));
    struct cr_bytes san = csr_extension(f, "551d11", false, names);
    struct cr_bytes usage = csr_extension(f, "551d0f", true, forge_bits(f, 7, TEXT("\x80")));
    struct cr_bytes constraints = csr_extension(f, "551d13", true, SEQ(f, NOTHING));
    struct cr_bytes purposes = csr_extension(f, "551d25", false, SEQ(f, OID(f, CR_OID_EKU_CLIENT)));
    switch (index) {
    case 0:
        break;
    case 1:
        return csr_recipe_pem(f, &recipe);
    case 2:
        recipe.attributes = EXTENSIONS(f, constraints, usage, purposes, san);
        break;
    case 3:
        recipe.attributes = csr_attribute(f, "2a864886f70d010907", UTF8(f, "password"));
        break;
    case 4:
        recipe.spki = rsa_spki(f);
        recipe.algorithm = SEQ(f, OID(f, CR_OID_RSA_SHA256), VALUE(f, CR_DER_NULL, NOTHING));
        break;
    case 5:
        recipe.subject = SEQ(f, SET(f, csr_attr(f, CR_OID_CN, CR_DER_PRINTABLE_STRING, forge_text(device))));
        break;
    default:
        return NOTHING;
    }
    return csr_recipe_der(f, &recipe);
}

size_t cr_fuzz_seed(unsigned index, uint8_t *buf)
{
    struct forge f;
    forge_init(&f);
    struct cr_bytes bytes = seed(&f, index);
    size_t len = bytes.len == 0 ? SIZE_MAX : bytes.len;
    if (len <= CR_FUZZ_INPUT_MAX) {
        memcpy(buf, bytes.data, len);
    }
    forge_fini(&f);
    return len;
}
