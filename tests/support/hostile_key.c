/* 29-41: keys. */
#include "tests/support/hostile_csr.h"

/* A request for a key, signed with it. */
static struct cr_bytes asked_for(struct hostile_cast *cast, EVP_PKEY *key)
{
    struct csr_recipe recipe = csr_recipe_good(&cast->f, key, cast->device);
    return csr_recipe_der(&cast->f, &recipe);
}

/* A request of the device's own key, written in another way. */
static struct cr_bytes written_as(struct hostile_cast *cast, const char *point, const char *curve)
{
    struct csr_recipe recipe = csr_recipe_good(&cast->f, cast->key, cast->device);
    recipe.spki = forge_spki(&cast->f, cast->key, point, curve);
    return csr_recipe_der(&cast->f, &recipe);
}

/* id-ecPublicKey, prime256v1, and whatever octets for a point; signed with a real key. */
static struct cr_bytes with_point(struct hostile_cast *cast, struct cr_bytes octets)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = csr_recipe_good(f, cast->key, cast->device);
    recipe.spki = SEQ(f, SEQ(f, OID(f, CR_OID_EC_PUBLIC_KEY), OID(f, CR_OID_P256)), forge_bits(f, 0, octets));
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes off_the_curve(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = csr_recipe_good(f, cast->key, cast->device);
    recipe.spki = forge_flip(f, recipe.spki, recipe.spki.len - 1, 0x01); /* y with its last bit turned */
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes all_zero_point(struct hostile_cast *cast)
{
    static const uint8_t point[65] = { 0x04 };
    return with_point(cast, (struct cr_bytes){ point, sizeof point });
}

static struct cr_bytes infinity(struct hostile_cast *cast)
{
    return with_point(cast, TEXT("\0"));
}

static struct cr_bytes no_point(struct hostile_cast *cast)
{
    return with_point(cast, NOTHING);
}

static struct cr_bytes compressed(struct hostile_cast *cast)
{
    return written_as(cast, "compressed", "named_curve");
}

static struct cr_bytes hybrid(struct hostile_cast *cast)
{
    return written_as(cast, "hybrid", "named_curve");
}

static struct cr_bytes secp192r1(struct hostile_cast *cast)
{
    return asked_for(cast, forge_key_ec(&cast->f, "P-192"));
}

static struct cr_bytes secp256k1(struct hostile_cast *cast)
{
    return asked_for(cast, forge_key_ec(&cast->f, "secp256k1"));
}

static struct cr_bytes explicit_parameters(struct hostile_cast *cast)
{
    return written_as(cast, "uncompressed", "explicit");
}

static struct cr_bytes rsa_512(struct hostile_cast *cast)
{
    return asked_for(cast, forge_key_rsa(&cast->f, 512, 65537));
}

static struct cr_bytes rsa_1024(struct hostile_cast *cast)
{
    return asked_for(cast, forge_key_rsa(&cast->f, 1024, 65537));
}

static struct cr_bytes rsa_2047(struct hostile_cast *cast)
{
    return asked_for(cast, forge_key_rsa(&cast->f, 2047, 65537));
}

static struct cr_bytes rsa_2056(struct hostile_cast *cast)
{
    return asked_for(cast, forge_key_rsa(&cast->f, 2056, 65537));
}

/* rsaEncryption with these numbers. Nobody needs the private key: it must be refused before the signature is looked at.
 * */
static struct cr_bytes with_rsa(struct hostile_cast *cast, unsigned modulus_octets, struct cr_bytes exponent)
{
    struct forge *f = &cast->f;
    struct csr_recipe recipe = csr_recipe_good(f, cast->rsa_key, cast->device);
    struct cr_bytes modulus = forge_copy(f, NULL, 0);
    for (unsigned i = 0; i < modulus_octets; i++) {
        modulus = JOIN(f, modulus, TEXT("\xd7"));
    }
    recipe.spki = SEQ(f, SEQ(f, OID(f, CR_OID_RSA), VALUE(f, CR_DER_NULL, NOTHING)),
                      forge_bits(f, 0, SEQ(f, forge_uint(f, modulus), forge_uint(f, exponent))));
    return csr_recipe_der(f, &recipe);
}

static struct cr_bytes exponent_1(struct hostile_cast *cast)
{
    return with_rsa(cast, 256, TEXT("\x01"));
}

static struct cr_bytes exponent_even(struct hostile_cast *cast)
{
    return with_rsa(cast, 256, TEXT("\x01\x00\x00"));
}

static struct cr_bytes exponent_3(struct hostile_cast *cast)
{
    return asked_for(cast, forge_key_rsa(&cast->f, 2048, 3));
}

static struct cr_bytes rsa_8192(struct hostile_cast *cast)
{
    return with_rsa(cast, 1024, TEXT("\x01\x00\x01"));
}

static struct cr_bytes rsa_huge_exponent(struct hostile_cast *cast)
{
    static const uint8_t e[1024] = { 0x7f, [1023] = 0x01 };
    return with_rsa(cast, 1024, (struct cr_bytes){ e, sizeof e });
}

static struct cr_bytes rsa_2048_huge_exponent(struct hostile_cast *cast)
{
    static const uint8_t e[256] = { 0x7f, [255] = 0x01 };
    return with_rsa(cast, 256, (struct cr_bytes){ e, sizeof e });
}

static struct cr_bytes roca(struct hostile_cast *cast)
{
    return asked_for(cast, forge_key_roca(&cast->f, 2048));
}

static struct cr_bytes close_primes(struct hostile_cast *cast)
{
    return asked_for(cast, forge_key_close_primes(&cast->f, 2048));
}

static struct cr_bytes small_factors(struct hostile_cast *cast)
{
    struct cr_bytes f4 = TEXT("\x01\x00\x01");
    return with_rsa(cast, 256, f4); /* d7 d7 … d7 is a multiple of 5 and 43 */
}

/* Nothing in it is wrong; whoever asks the rules has it on their list. */
static struct cr_bytes listed(struct hostile_cast *cast)
{
    return asked_for(cast, cast->listed_key);
}

static struct cr_bytes current_key(struct hostile_cast *cast)
{
    return asked_for(cast, cast->current_key);
}

static struct cr_bytes other_devices_key(struct hostile_cast *cast)
{
    return asked_for(cast, cast->other_key);
}

static struct cr_bytes issuers_key(struct hostile_cast *cast)
{
    return asked_for(cast, cast->ca_key);
}

static struct cr_bytes revoked_key(struct hostile_cast *cast)
{
    return asked_for(cast, cast->revoked_key);
}

const struct hostile_csr hostile_key[] = {
    { 29, "y is wrong", CR_REFUSAL_BAD_SIGNATURE, off_the_curve, false },
    { 29, "zeros", CR_REFUSAL_BAD_SIGNATURE, all_zero_point, false },
    { 30, "", CR_REFUSAL_KEY_NOT_ALLOWED, infinity, false },
    { 31, "", CR_REFUSAL_KEY_NOT_ALLOWED, no_point, false },
    { 32, "compressed", CR_REFUSAL_KEY_NOT_ALLOWED, compressed, false },
    { 32, "hybrid", CR_REFUSAL_KEY_NOT_ALLOWED, hybrid, false },
    { 33, "secp192r1", CR_REFUSAL_KEY_NOT_ALLOWED, secp192r1, false },
    { 33, "secp256k1", CR_REFUSAL_KEY_NOT_ALLOWED, secp256k1, false },
    { 34, "", CR_REFUSAL_KEY_NOT_ALLOWED, explicit_parameters, false },
    { 35, "512", CR_REFUSAL_KEY_NOT_ALLOWED, rsa_512, true },
    { 35, "1024", CR_REFUSAL_KEY_NOT_ALLOWED, rsa_1024, true },
    { 35, "2047", CR_REFUSAL_KEY_NOT_ALLOWED, rsa_2047, true },
    { 35, "2056", CR_REFUSAL_KEY_NOT_ALLOWED, rsa_2056, true },
    { 36, "1", CR_REFUSAL_KEY_NOT_ALLOWED, exponent_1, true },
    { 36, "even", CR_REFUSAL_KEY_NOT_ALLOWED, exponent_even, true },
    { 36, "3", CR_REFUSAL_KEY_NOT_ALLOWED, exponent_3, true },
    { 37, "8192 bits", CR_REFUSAL_KEY_NOT_ALLOWED, rsa_8192, true },
    { 37, "8192 bits, huge exponent", CR_REFUSAL_KEY_NOT_ALLOWED, rsa_huge_exponent, true },
    { 37, "2048 bits, huge exponent", CR_REFUSAL_KEY_NOT_ALLOWED, rsa_2048_huge_exponent, true },
    { 38, "ROCA", CR_REFUSAL_KEY_NOT_ALLOWED, roca, true },
    { 38, "close primes", CR_REFUSAL_KEY_NOT_ALLOWED, close_primes, true },
    { 38, "small factors", CR_REFUSAL_KEY_NOT_ALLOWED, small_factors, true },
    { 38, "on the list", CR_REFUSAL_KEY_NOT_ALLOWED, listed, true },
    { 39, "", CR_REFUSAL_NONE, current_key, false },
    { 40, "another device's", CR_REFUSAL_NONE, other_devices_key, false },
    { 40, "an issuer's", CR_REFUSAL_NONE, issuers_key, false },
    { 41, "", CR_REFUSAL_NONE, revoked_key, false },
    { 0, NULL, CR_REFUSAL_NONE, NULL, false },
};
