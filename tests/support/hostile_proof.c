/* 20-28: proof of possession. */
#include "tests/support/hostile_csr.h"

#include <openssl/bn.h>

#define GOOD(cast) csr_recipe_good(&(cast)->f, (cast)->key, (cast)->device)

static struct cr_bytes with_signature(struct hostile_cast *cast, uint8_t unused, struct cr_bytes signature)
{
    struct csr_recipe recipe = GOOD(cast);
    recipe.signature = forge_bits(&cast->f, unused, signature);
    return csr_recipe_der(&cast->f, &recipe);
}

static struct cr_bytes signature_of_something_else(struct hostile_cast *cast)
{
    return with_signature(cast, 0, forge_sign(&cast->f, cast->key, "SHA256", TEXT("something else")));
}

static struct cr_bytes signature_with_a_wrong_bit(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes signature = csr_recipe_sign(&cast->f, &recipe);
    return with_signature(cast, 0, forge_flip(&cast->f, signature, signature.len - 1, 0x01));
}

static struct cr_bytes signature_empty(struct hostile_cast *cast)
{
    return with_signature(cast, 0, NOTHING);
}

static struct cr_bytes signature_of_zeros(struct hostile_cast *cast)
{
    return with_signature(cast, 0, SEQ(&cast->f, forge_int(&cast->f, 0), forge_int(&cast->f, 0)));
}

static struct cr_bytes signature_by_another_key(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    recipe.signer = cast->other_key;
    return csr_recipe_der(&cast->f, &recipe);
}

static struct cr_bytes signature_and_bytes(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    return with_signature(cast, 0, JOIN(&cast->f, csr_recipe_sign(&cast->f, &recipe), TEXT("\0\0")));
}

static struct cr_bytes signature_and_bytes_inside(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_der outside = cr_der_of(csr_recipe_sign(f, &recipe));
    struct cr_bytes numbers = NOTHING;
    if (cr_der_get(&outside, CR_DER_SEQUENCE, &numbers) != CR_OK) {
        return NOTHING;
    }
    return with_signature(cast, 0, SEQ(f, numbers, forge_int(f, 1)));
}

static struct cr_bytes signature_unused_bits(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes signature = csr_recipe_sign(f, &recipe);
    return with_signature(cast, 3, signature);
}

/* The bits that are not used are zero, so that only the rule can tell: signed until the last octet happens to be even.
 * */
static struct cr_bytes signature_one_unused_bit(struct hostile_cast *cast)
{
    struct csr_recipe recipe = GOOD(cast);
    struct cr_bytes signature = csr_recipe_sign(&cast->f, &recipe);
    while ((signature.data[signature.len - 1] & 1) != 0) {
        signature = csr_recipe_sign(&cast->f, &recipe);
    }
    return with_signature(cast, 1, signature);
}

static struct cr_bytes rsa_algorithm_with_ec_key(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    recipe.algorithm = SEQ(f, OID(f, CR_OID_RSA_SHA256), VALUE(f, CR_DER_NULL, NOTHING));
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes ec_algorithm_with_rsa_key(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = csr_recipe_good(f, cast->rsa_key, cast->device);
    recipe.algorithm = SEQ(f, OID(f, CR_OID_ECDSA_SHA256));
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes old_digest(struct hostile_cast *cast, EVP_PKEY *key, const char *digest, const char *oid_hex)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = csr_recipe_good(f, key, cast->device);
    struct cr_bytes null = key == cast->rsa_key ? VALUE(f, CR_DER_NULL, NOTHING) : NOTHING;
    recipe.digest = digest;
    recipe.algorithm = SEQ(f, VALUE(f, CR_DER_OID, HEX(f, oid_hex)), null);
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes ecdsa_sha1(struct hostile_cast *cast)
{
    return old_digest(cast, cast->key, "SHA1", "2a8648ce3d0401"); /* 1.2.840.10045.4.1 */
}

static struct cr_bytes rsa_sha1(struct hostile_cast *cast)
{
    return old_digest(cast, cast->rsa_key, "SHA1", "2a864886f70d010105"); /* 1.2.840.113549.1.1.5 */
}

static struct cr_bytes rsa_md5(struct hostile_cast *cast)
{
    return old_digest(cast, cast->rsa_key, "MD5", "2a864886f70d010104"); /* 1.2.840.113549.1.1.4 */
}

/* For every signature (r, s) over a curve of order n, (r, n - s) is one too. */
static struct cr_bytes malleated(struct hostile_cast *cast)
{
    static const char p256_order[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    struct forge *f = &cast->f;
    struct csr_recipe recipe = GOOD(cast);
    struct cr_der outside = cr_der_of(csr_recipe_sign(f, &recipe)), inside;
    struct cr_bytes r, s;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || cr_der_uint(&inside, &r) != CR_OK ||
        cr_der_uint(&inside, &s) != CR_OK) {
        return NOTHING;
    }
    BIGNUM *n = NULL, *number = BN_bin2bn(s.data, (int)s.len, NULL);
    uint8_t buf[32];
    BN_hex2bn(&n, p256_order);
    BN_sub(number, n, number);
    struct cr_bytes other_s = { buf, (size_t)BN_bn2bin(number, buf) };
    BN_free(n);
    BN_free(number);
    return with_signature(cast, 0, SEQ(f, forge_uint(f, r), forge_uint(f, other_s)));
}

const struct hostile_csr hostile_proof[] = {
    { 20, "of something else", CR_REFUSAL_BAD_SIGNATURE, signature_of_something_else, false },
    { 20, "a bit of it", CR_REFUSAL_BAD_SIGNATURE, signature_with_a_wrong_bit, false },
    { 21, "", CR_REFUSAL_BAD_SIGNATURE, signature_empty, false },
    { 22, "", CR_REFUSAL_BAD_SIGNATURE, signature_of_zeros, false },
    { 23, "", CR_REFUSAL_BAD_SIGNATURE, signature_by_another_key, false },
    { 24, "behind it", CR_REFUSAL_BAD_SIGNATURE, signature_and_bytes, false },
    { 24, "in its SEQUENCE", CR_REFUSAL_BAD_SIGNATURE, signature_and_bytes_inside, false },
    { 25, "three", CR_REFUSAL_MALFORMED_CSR, signature_unused_bits, false },
    { 25, "one, zero", CR_REFUSAL_MALFORMED_CSR, signature_one_unused_bit, false },
    { 26, "RSA's with an EC key", CR_REFUSAL_ALGORITHM_NOT_ALLOWED, rsa_algorithm_with_ec_key, false },
    { 26, "ECDSA with an RSA key", CR_REFUSAL_ALGORITHM_NOT_ALLOWED, ec_algorithm_with_rsa_key, true },
    { 27, "ECDSA, SHA-1", CR_REFUSAL_ALGORITHM_NOT_ALLOWED, ecdsa_sha1, false },
    { 27, "RSA, SHA-1", CR_REFUSAL_ALGORITHM_NOT_ALLOWED, rsa_sha1, true },
    { 27, "RSA, MD5", CR_REFUSAL_ALGORITHM_NOT_ALLOWED, rsa_md5, true },
    { 28, "", CR_REFUSAL_NONE, malleated, false },
    { 0, NULL, CR_REFUSAL_NONE, NULL, false },
};
