/* Keys that are weak for reasons that everybody knows.
 *
 * ROCA (CVE-2017-15361, Nemec et al., "The Return of Coppersmith's Attack"): Infineon's library made primes of the form
 * k·M + (65537^a mod M), M a product of the first primes. So the modulus is a power of 65537 modulo each of those
 * primes, which a random modulus is for all 38 of them with a chance of about 2^-27.
 *
 * Close primes: Fermat's method looks for N = a² - b² from the root of N upwards; primes that share their upper half,
 * as from "the next prime after p", fall in the first few steps.
 *
 * Small factors come for free with the first: no generator that works leaves any. */
#include "common/key.h"

#include <openssl/bn.h>

enum {
    ROCA_PRIMES = 38,
    FERMAT_STEPS = 200,
    WEAK_BITS_MAX = 4096,
};

static const unsigned char roca_primes[ROCA_PRIMES] = {
    3,  5,  7,  11, 13, 17, 19, 23, 29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
    73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
};

static unsigned residue(struct cr_bytes number, unsigned divisor)
{
    unsigned rest = 0;
    for (size_t i = 0; i < number.len; i++) {
        rest = (rest << 8 | number.data[i]) % divisor;
    }
    return rest;
}

static bool is_power_of_65537(unsigned rest, unsigned prime)
{
    unsigned generator = 65537 % prime, power = 1;
    do {
        if (power == rest) {
            return true;
        }
        power = power * generator % prime;
    } while (power != 1);
    return false;
}

/* Also tells a modulus with one of these primes in it. */
static bool small_primes_tell(struct cr_bytes modulus)
{
    bool roca = true;
    for (int i = 0; i < ROCA_PRIMES; i++) {
        unsigned rest = residue(modulus, roca_primes[i]);
        if (rest == 0) {
            return true;
        }
        roca = roca && is_power_of_65537(rest, roca_primes[i]);
    }
    return roca;
}

/* ⌊√n⌋ by Newton's method from above, a dozen divisions at 4096 bits. */
static bool square_root(BIGNUM *root, const BIGNUM *n, BIGNUM *next, BN_CTX *ctx)
{
    if (BN_is_zero(n)) {
        BN_zero(root);
        return true;
    }
    BN_zero(root);
    if (BN_set_bit(root, (BN_num_bits(n) + 1) / 2) != 1) {
        return false;
    }
    for (;;) {
        if (BN_div(next, NULL, n, root, ctx) != 1 || BN_add(next, next, root) != 1 || BN_rshift1(next, next) != 1) {
            return false;
        }
        if (BN_cmp(next, root) >= 0) {
            return true;
        }
        if (BN_copy(root, next) == NULL) {
            return false;
        }
    }
}

/* Squares leave few remainders: one division by a word tells all but one in four hundred other numbers. */
static bool may_be_square(const BIGNUM *n)
{
    static const unsigned char moduli[] = { 64, 9, 5, 7, 11, 13, 17, 19 };
    enum { PRODUCT = 64 * 9 * 5 * 7 * 11 * 13 * 17 * 19 }; /* fits 32 bits */
    BN_ULONG rest = BN_mod_word(n, PRODUCT);
    bool square = true;
    for (size_t i = 0; i < sizeof moduli && square; i++) {
        unsigned m = moduli[i], r = (unsigned)(rest % m);
        square = false;
        for (unsigned x = 0; x < m && !square; x++) {
            square = x * x % m == r;
        }
    }
    return square;
}

static cr_err fermat(bool *splits, struct cr_bytes modulus)
{
    cr_err err = CR_NOMEM;
    BN_CTX *ctx = BN_CTX_new();
    if (ctx == NULL) {
        return CR_NOMEM;
    }
    BN_CTX_start(ctx);
    BIGNUM *n = BN_CTX_get(ctx), *a = BN_CTX_get(ctx), *b2 = BN_CTX_get(ctx), *root = BN_CTX_get(ctx);
    BIGNUM *spare = BN_CTX_get(ctx);
    *splits = false;
    if (spare == NULL || BN_bin2bn(modulus.data, (int)modulus.len, n) == NULL || !square_root(a, n, spare, ctx) ||
        BN_sqr(spare, a, ctx) != 1) {
        goto out;
    }
    *splits = BN_cmp(spare, n) == 0; /* the square of a prime, which starting above √n would miss */
    if (BN_add_word(a, 1) != 1 || BN_sqr(b2, a, ctx) != 1 || BN_sub(b2, b2, n) != 1) {
        goto out;
    }
    for (int step = 0; step < FERMAT_STEPS && !*splits; step++) {
        if (may_be_square(b2)) {
            if (!square_root(root, b2, spare, ctx) || BN_sqr(spare, root, ctx) != 1) {
                goto out;
            }
            *splits = BN_cmp(spare, b2) == 0;
        }
        /* (a+1)² - n = b² + 2a + 1 */
        if (BN_add(b2, b2, a) != 1 || BN_add(b2, b2, a) != 1 || BN_add_word(b2, 1) != 1 || BN_add_word(a, 1) != 1) {
            goto out;
        }
    }
    err = CR_OK;
out:
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    return err;
}

cr_err cr_public_key_weak(bool *weak, const struct cr_public_key *key)
{
    *weak = false;
    if (key->type != CR_KEY_RSA) {
        return CR_OK;
    }
    if (key->bits > WEAK_BITS_MAX) {
        return CR_INVALID;
    }
    if (small_primes_tell(key->modulus)) {
        *weak = true;
        return CR_OK;
    }
    return fermat(weak, key->modulus);
}
