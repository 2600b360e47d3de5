/* 1-19: structure. */
#include "tests/support/hostile_csr.h"

#include <string.h>

#define GOOD(cast) csr_recipe_good(&(cast)->f, (cast)->key, (cast)->device)

static struct cr_bytes empty(struct hostile_cast *cast)
{
    (void)cast;
    return NOTHING;
}

static struct cr_bytes one_byte_der(struct hostile_cast *cast)
{
    (void)cast;
    return TEXT("\x30");
}

static struct cr_bytes one_byte_pem(struct hostile_cast *cast)
{
    (void)cast;
    return TEXT("-");
}

/* challengePassword, 1.2.840.113549.1.9.7, as long as asked for. */
static struct cr_bytes with_attribute_of(struct hostile_cast *cast, size_t len)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes password = forge_copy(f, NULL, 0);
    struct cr_bytes block = TEXT("0123456789abcdef");
    while (password.len < len) {
        password = password.len == 0 ? block : JOIN(f, password, password);
    }
    recipe.attributes = csr_attribute(f, "2a864886f70d010907",
                                      VALUE(f, CR_DER_PRINTABLE_STRING, { password.data, len }));
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes attribute_of_1_mb(struct hostile_cast *cast)
{
    return with_attribute_of(cast, 1u << 20);
}

static struct cr_bytes attribute_just_too_long(struct hostile_cast *cast)
{
    return with_attribute_of(cast, 8192);
}

/* Every offset is walked by the test; here is one in the middle. */
static struct cr_bytes truncated(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes der = csr_recipe_der(&cast->f, &recipe);
    return (struct cr_bytes){ der.data, der.len / 2 };
}

static struct cr_bytes trailing_byte(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    return JOIN(&cast->f, csr_recipe_der(&cast->f, &recipe), TEXT("\0"));
}

/* 30 82 01 02 … where 30 81 … would do, around all of it: outside the signature. */
static struct cr_bytes long_length_outside(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes content = JOIN(f, csr_recipe_info(f, &recipe), recipe.algorithm,
                                   forge_bits(f, 0, csr_recipe_sign(f, &recipe)));
    return forge_value_long(f, CR_DER_SEQUENCE, content, 4);
}

static struct cr_bytes long_length_signed(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    recipe.version = HEX(&cast->f, "02810100");
    return csr_recipe_der(&cast->f, &recipe);
}

static struct cr_bytes padded_integer_signed(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    recipe.version = HEX(&cast->f, "02020000");
    return csr_recipe_der(&cast->f, &recipe);
}

static struct cr_bytes indefinite_outside(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes content = JOIN(f, csr_recipe_info(f, &recipe), recipe.algorithm,
                                   forge_bits(f, 0, csr_recipe_sign(f, &recipe)));
    return forge_value_long(f, CR_DER_SEQUENCE, content, 0);
}

static struct cr_bytes indefinite_signed(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    recipe.subject = forge_value_long(f, CR_DER_SEQUENCE,
                                      SET(f, csr_attr(f, CR_OID_CN, CR_DER_UTF8_STRING, forge_text(cast->device))), 0);
    return csr_recipe_der(f, &recipe);
}

/* The algorithm and the signature lie inside the info. */
static struct cr_bytes info_swallows(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    return SEQ(f, SEQ(f, recipe.version, recipe.subject, recipe.spki,
                      VALUE(f, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, NOTHING), recipe.algorithm,
                      forge_bits(f, 0, csr_recipe_sign(f, &recipe))));
}

static struct cr_bytes version_1(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    recipe.version = forge_int(&cast->f, 1);
    return csr_recipe_der(&cast->f, &recipe);
}

static struct cr_bytes version_minus_1(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    recipe.version = HEX(&cast->f, "0201ff");
    return csr_recipe_der(&cast->f, &recipe);
}

static struct cr_bytes no_attributes(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    recipe.no_attributes = true;
    return csr_recipe_der(&cast->f, &recipe);
}

static struct cr_bytes nested(struct hostile_cast *cast, unsigned depth)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes value = VALUE(f, CR_DER_NULL, NOTHING);
    for (unsigned i = 0; i < depth; i++) {
        value = SEQ(f, value);
    }
    recipe.attributes = csr_attribute(f, "2a864886f70d010907", value);
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes nested_5000(struct hostile_cast *cast)
{
    return nested(cast, 5000);
}

static struct cr_bytes nested_1000(struct hostile_cast *cast)
{
    return nested(cast, 1000);
}

static struct cr_bytes nested_just_too_deep(struct hostile_cast *cast)
{
    return nested(cast, 11);
}

static struct cr_bytes nested_deep_enough(struct hostile_cast *cast)
{
    return nested(cast, 10);
}

static struct cr_bytes rdns(struct hostile_cast *cast, unsigned count)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes ou = SET(f, csr_attr(f, CR_OID_OU, CR_DER_UTF8_STRING, TEXT("x")));
    struct cr_bytes all = SET(f, csr_attr(f, CR_OID_CN, CR_DER_UTF8_STRING, forge_text(cast->device)));
    for (unsigned i = 1; i < count; i++) {
        all = JOIN(f, all, ou);
    }
    recipe.subject = SEQ(f, all);
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes rdns_5000(struct hostile_cast *cast)
{
    return rdns(cast, 5000);
}

static struct cr_bytes rdns_500(struct hostile_cast *cast)
{
    return rdns(cast, 500);
}

static struct cr_bytes rdns_9(struct hostile_cast *cast)
{
    return rdns(cast, 9);
}

/* Subject key identifiers of one octet, each under another OID of the arc 2.5.29. */
static struct cr_bytes extensions(struct hostile_cast *cast, unsigned count)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes all = NOTHING;
    for (unsigned i = 0; i < count; i++) {
        uint8_t oid[] = { 0x55, 0x1d, (uint8_t)(0x81 + i / 128), (uint8_t)(i % 128) };
        all = JOIN(f, all, SEQ(f, VALUE(f, CR_DER_OID, { oid, sizeof oid }), OCTETS(f, TEXT("\x05\0"))));
    }
    recipe.attributes = EXTENSIONS(f, all);
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes extensions_500(struct hostile_cast *cast)
{
    return extensions(cast, 500);
}

static struct cr_bytes extensions_17(struct hostile_cast *cast)
{
    return extensions(cast, 17);
}

static struct cr_bytes two_blocks(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes pem = csr_recipe_pem(&cast->f, &recipe);
    return JOIN(&cast->f, pem, pem);
}

static struct cr_bytes junk_before(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    return JOIN(&cast->f, TEXT("-- my request\n"), csr_recipe_pem(&cast->f, &recipe));
}

static struct cr_bytes junk_after(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    return JOIN(&cast->f, csr_recipe_pem(&cast->f, &recipe), TEXT("regards\n"));
}

static struct cr_bytes pem_nul_pem(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes pem = csr_recipe_pem(&cast->f, &recipe);
    return JOIN(&cast->f, pem, TEXT("\0"), pem);
}

static struct cr_bytes pem_without_nul(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes pem = csr_recipe_pem(&cast->f, &recipe);
    return JOIN(&cast->f, { pem.data, pem.len - 1 }); /* not even the last line end */
}

static struct cr_bytes encrypted_header(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes pem = csr_recipe_pem(&cast->f, &recipe);
    size_t first = strlen("-----BEGIN CERTIFICATE REQUEST-----\n");
    return JOIN(&cast->f, { pem.data, first },
                TEXT("Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,0123456789ABCDEF\n\n"),
                { pem.data + first, pem.len - first });
}

/* A self-signed certificate in its outlines: enough to be told from a request. */
static struct cr_bytes a_certificate(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes time = VALUE(f, CR_DER_UTC_TIME, TEXT("260101000000Z"));
    recipe.info = SEQ(f, VALUE(f, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, forge_int(f, 2)), forge_int(f, 1),
                      recipe.algorithm, recipe.subject, SEQ(f, time, time), recipe.subject, recipe.spki);
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes certificate_pem(struct hostile_cast *cast)
{
    return forge_pem(&cast->f, "CERTIFICATE", a_certificate(cast));
}

static struct cr_bytes certificate_in_disguise(struct hostile_cast *cast)
{
    return forge_pem(&cast->f, "CERTIFICATE REQUEST", a_certificate(cast));
}

/* SignedData (1.2.840.113549.1.7.2) without signers: what tools call a certificate bundle. */
static struct cr_bytes a_pkcs7(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct cr_bytes data = SEQ(f, VALUE(f, CR_DER_OID, HEX(f, "2a864886f70d010701")));
    struct cr_bytes certificates = VALUE(f, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, a_certificate(cast));
    struct cr_bytes signed_data = SEQ(f, forge_int(f, 1), SET(f, NOTHING), data, certificates, SET(f, NOTHING));
    return SEQ(f, VALUE(f, CR_DER_OID, HEX(f, "2a864886f70d010702")),
               VALUE(f, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, signed_data));
}

static struct cr_bytes pkcs7_pem(struct hostile_cast *cast)
{
    return forge_pem(&cast->f, "PKCS7", a_pkcs7(cast));
}

static struct cr_bytes private_key_pem(struct hostile_cast *cast)
{
    return forge_private(&cast->f, cast->key, true, NULL);
}

static struct cr_bytes private_key_der(struct hostile_cast *cast)
{
    return forge_private(&cast->f, cast->key, false, NULL);
}

static struct cr_bytes private_key_encrypted(struct hostile_cast *cast)
{
    return forge_private(&cast->f, cast->key, false, "secret");
}

static struct cr_bytes private_key_rsa(struct hostile_cast *cast)
{
    return forge_private(&cast->f, cast->rsa_key, false, NULL);
}

/* openssl req -newkey … with both outputs in one file. */
static struct cr_bytes private_key_and_csr(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    return JOIN(&cast->f, csr_recipe_pem(&cast->f, &recipe), private_key_pem(cast));
}

static struct cr_bytes private_key_in_disguise(struct hostile_cast *cast)
{
    return forge_pem(&cast->f, "CERTIFICATE REQUEST", private_key_der(cast));
}

const struct hostile_csr hostile_structure[] = {
    { 1, "empty", CR_REFUSAL_MALFORMED_REQUEST, empty, false },
    { 1, "one byte of DER", CR_REFUSAL_MALFORMED_CSR, one_byte_der, false },
    { 1, "one byte of PEM", CR_REFUSAL_MALFORMED_PEM, one_byte_pem, false },
    { 2, "1 MB", CR_REFUSAL_TOO_LARGE, attribute_of_1_mb, false },
    { 2, "just over the limit", CR_REFUSAL_TOO_LARGE, attribute_just_too_long, false },
    { 3, "half of it", CR_REFUSAL_MALFORMED_CSR, truncated, false },
    { 4, "a NUL", CR_REFUSAL_MALFORMED_CSR, trailing_byte, false },
    { 5, "outside what is signed", CR_REFUSAL_MALFORMED_CSR, long_length_outside, false },
    { 5, "signed", CR_REFUSAL_MALFORMED_CSR, long_length_signed, false },
    { 5, "a padded INTEGER, signed", CR_REFUSAL_MALFORMED_CSR, padded_integer_signed, false },
    { 6, "outside what is signed", CR_REFUSAL_MALFORMED_CSR, indefinite_outside, false },
    { 6, "signed", CR_REFUSAL_MALFORMED_CSR, indefinite_signed, false },
    { 7, "", CR_REFUSAL_MALFORMED_CSR, info_swallows, false },
    { 8, "1", CR_REFUSAL_MALFORMED_CSR, version_1, false },
    { 8, "-1", CR_REFUSAL_MALFORMED_CSR, version_minus_1, false },
    { 9, "", CR_REFUSAL_MALFORMED_CSR, no_attributes, false },
    { 10, "5,000 deep", CR_REFUSAL_TOO_LARGE, nested_5000, false },
    { 10, "1,000 deep", CR_REFUSAL_MALFORMED_CSR, nested_1000, false },
    { 10, "one too deep", CR_REFUSAL_MALFORMED_CSR, nested_just_too_deep, false },
    { 10, "at the limit", CR_REFUSAL_NONE, nested_deep_enough, false },
    { 11, "5,000", CR_REFUSAL_TOO_LARGE, rdns_5000, false },
    { 11, "500", CR_REFUSAL_MALFORMED_CSR, rdns_500, false },
    { 11, "one too many", CR_REFUSAL_MALFORMED_CSR, rdns_9, false },
    { 12, "500", CR_REFUSAL_MALFORMED_CSR, extensions_500, false },
    { 12, "one too many", CR_REFUSAL_MALFORMED_CSR, extensions_17, false },
    { 13, "", CR_REFUSAL_MALFORMED_PEM, two_blocks, false },
    { 14, "before", CR_REFUSAL_MALFORMED_PEM, junk_before, false },
    { 14, "behind", CR_REFUSAL_MALFORMED_PEM, junk_after, false },
    { 15, "", CR_REFUSAL_MALFORMED_PEM, pem_nul_pem, false },
    { 16, "", CR_REFUSAL_NONE, pem_without_nul, false },
    { 17, "", CR_REFUSAL_MALFORMED_PEM, encrypted_header, false },
    { 18, "certificate, DER", CR_REFUSAL_MALFORMED_CSR, a_certificate, false },
    { 18, "certificate, PEM", CR_REFUSAL_MALFORMED_PEM, certificate_pem, false },
    { 18, "certificate labelled as a request", CR_REFUSAL_MALFORMED_CSR, certificate_in_disguise, false },
    { 18, "PKCS#7, DER", CR_REFUSAL_MALFORMED_CSR, a_pkcs7, false },
    { 18, "PKCS#7, PEM", CR_REFUSAL_MALFORMED_PEM, pkcs7_pem, false },
    { 19, "PKCS#8, PEM", CR_REFUSAL_PRIVATE_KEY_SENT, private_key_pem, false },
    { 19, "PKCS#8, DER", CR_REFUSAL_PRIVATE_KEY_SENT, private_key_der, false },
    { 19, "PKCS#8, encrypted", CR_REFUSAL_PRIVATE_KEY_SENT, private_key_encrypted, false },
    { 19, "RSA", CR_REFUSAL_PRIVATE_KEY_SENT, private_key_rsa, false },
    { 19, "behind a good request", CR_REFUSAL_PRIVATE_KEY_SENT, private_key_and_csr, false },
    { 19, "labelled as a request", CR_REFUSAL_PRIVATE_KEY_SENT, private_key_in_disguise, false },
    { 0, NULL, CR_REFUSAL_NONE, NULL, false },
};
