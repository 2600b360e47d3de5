#include "tests/support/forge.h"

#include "common/pem.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct forge_piece {
    struct forge_piece *next;
    uint8_t data[];
};

struct forge_key {
    struct forge_key *next;
    EVP_PKEY *pkey;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "forge: %s failed\n", what);
        abort();
    }
}

void forge_init(struct forge *f)
{
    *f = (struct forge){ NULL, NULL };
}

void forge_fini(struct forge *f)
{
    while (f->pieces != NULL) {
        struct forge_piece *next = f->pieces->next;
        free(f->pieces);
        f->pieces = next;
    }
    while (f->keys != NULL) {
        struct forge_key *next = f->keys->next;
        EVP_PKEY_free(f->keys->pkey);
        free(f->keys);
        f->keys = next;
    }
}

static uint8_t *space(struct forge *f, size_t len)
{
    struct forge_piece *piece = malloc(sizeof *piece + len + 1);
    must(piece != NULL, "malloc");
    piece->next = f->pieces;
    f->pieces = piece;
    piece->data[len] = 0;
    return piece->data;
}

struct cr_bytes forge_copy(struct forge *f, const void *data, size_t len)
{
    uint8_t *copy = space(f, len);
    if (len > 0) {
        memcpy(copy, data, len);
    }
    return (struct cr_bytes){ copy, len };
}

struct cr_bytes forge_flip(struct forge *f, struct cr_bytes bytes, size_t at, uint8_t with)
{
    struct cr_bytes copy = forge_copy(f, bytes.data, bytes.len);
    ((uint8_t *)copy.data)[at] ^= with;
    return copy;
}

struct cr_bytes forge_join(struct forge *f, const struct cr_bytes *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += parts[i].len;
    }
    uint8_t *joined = space(f, len);
    len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(joined + len, parts[i].data, parts[i].len);
            len += parts[i].len;
        }
    }
    return (struct cr_bytes){ joined, len };
}

struct cr_bytes forge_value_long(struct forge *f, int tag, struct cr_bytes content, unsigned octets)
{
    uint8_t head[2 + sizeof(size_t)];
    size_t head_len = 0;
    head[head_len++] = (uint8_t)tag;
    head[head_len++] = (uint8_t)(0x80 | octets);
    for (unsigned i = octets; i > 0; i--) {
        head[head_len++] = (uint8_t)(content.len >> 8 * (i - 1));
    }
    struct cr_bytes end = octets == 0 ? TEXT("\0\0") : NOTHING; /* end of contents */
    return JOIN(f, { head, head_len }, content, end);
}

struct cr_bytes forge_value(struct forge *f, int tag, const struct cr_bytes *parts, size_t count)
{
    struct cr_bytes content = forge_join(f, parts, count);
    if (content.len < 0x80) {
        uint8_t head[2] = { (uint8_t)tag, (uint8_t)content.len };
        return JOIN(f, { head, 2 }, content);
    }
    unsigned octets = 1;
    while (content.len >> 8 * octets != 0) {
        octets++;
    }
    return forge_value_long(f, tag, content, octets);
}

struct cr_bytes forge_hex(struct forge *f, const char *text)
{
    size_t cap = strlen(text) / 2, len = 0;
    uint8_t *data = space(f, cap);
    must(cr_hex_decode(data, cap, &len, text) == CR_OK, "hex");
    return (struct cr_bytes){ data, len };
}

struct cr_bytes forge_text(const char *text)
{
    return (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
}

struct cr_bytes forge_int(struct forge *f, uint8_t value)
{
    return forge_uint(f, (struct cr_bytes){ &value, 1 });
}

struct cr_bytes forge_uint(struct forge *f, struct cr_bytes magnitude)
{
    static const uint8_t zero[1];
    bool sign = magnitude.len > 0 && (magnitude.data[0] & 0x80) != 0;
    return VALUE(f, CR_DER_INTEGER, { zero, sign ? 1 : 0 }, magnitude);
}

struct cr_bytes forge_bits(struct forge *f, uint8_t unused, struct cr_bytes octets)
{
    return VALUE(f, CR_DER_BIT_STRING, { &unused, 1 }, octets);
}

static EVP_PKEY *own(struct forge *f, EVP_PKEY *pkey)
{
    struct forge_key *key = malloc(sizeof *key);
    must(pkey != NULL && key != NULL, "key");
    *key = (struct forge_key){ f->keys, pkey };
    f->keys = key;
    return pkey;
}

EVP_PKEY *forge_key_ec(struct forge *f, const char *curve)
{
    return own(f, EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve));
}

EVP_PKEY *forge_key_rsa(struct forge *f, unsigned bits, unsigned e)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_BITS, &bits),
        OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &e),
        OSSL_PARAM_construct_end(),
    };
    must(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_params(ctx, params) == 1 &&
         EVP_PKEY_generate(ctx, &pkey) == 1, "RSA key");
    EVP_PKEY_CTX_free(ctx);
    return own(f, pkey);
}

struct cr_bytes forge_spki(struct forge *f, EVP_PKEY *key, const char *point, const char *curve)
{
    unsigned char *der = NULL;
    if (EVP_PKEY_is_a(key, "EC")) {
        must(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, point) == 1 &&
             EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, curve) == 1, "EC encoding");
    }
    int len = i2d_PUBKEY(key, &der);
    must(len > 0, "SPKI");
    struct cr_bytes spki = forge_copy(f, der, (size_t)len);
    OPENSSL_free(der);
    return spki;
}

struct cr_bytes forge_private(struct forge *f, EVP_PKEY *key, bool pem, const char *passphrase)
{
    BIO *bio = BIO_new(BIO_s_mem());
    /* Triple DES: mbedTLS 2.28 opens nothing better in PKCS#8. */
    const EVP_CIPHER *cipher = passphrase == NULL ? NULL : EVP_des_ede3_cbc();
    int len = passphrase == NULL ? 0 : (int)strlen(passphrase);
    int done = pem ? PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, (char *)passphrase, len, NULL, NULL)
                   : i2d_PKCS8PrivateKey_bio(bio, key, cipher, (char *)passphrase, len, NULL, NULL);
    char *data = NULL;
    must(done == 1, "PKCS#8");
    long data_len = BIO_get_mem_data(bio, &data);
    struct cr_bytes text = forge_copy(f, data, (size_t)data_len);
    BIO_free(bio);
    return text;
}

struct cr_bytes forge_sign(struct forge *f, EVP_PKEY *key, const char *digest, struct cr_bytes message)
{
    size_t len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
         EVP_DigestSign(ctx, NULL, &len, message.data, message.len) == 1, "signature");
    uint8_t *sig = space(f, len);
    must(EVP_DigestSign(ctx, sig, &len, message.data, message.len) == 1, "signature");
    EVP_MD_CTX_free(ctx);
    return (struct cr_bytes){ sig, len };
}

struct cr_bytes forge_pem(struct forge *f, const char *label, struct cr_bytes der)
{
    size_t cap = CR_BASE64_LEN(der.len) + der.len / 40 + 2 * strlen(label) + 64;
    char *text = (char *)space(f, cap);
    text[0] = '\0';
    must(cr_pem_append(text, cap, label, der) == CR_OK, "PEM");
    return forge_text(text);
}

static EVP_PKEY *rsa_of_primes(struct forge *f, const BIGNUM *p, const BIGNUM *q, BN_CTX *ctx)
{
    BIGNUM *n = BN_CTX_get(ctx), *e = BN_CTX_get(ctx), *d = BN_CTX_get(ctx), *phi = BN_CTX_get(ctx);
    BIGNUM *p1 = BN_CTX_get(ctx), *q1 = BN_CTX_get(ctx);
    must(q1 != NULL && BN_mul(n, p, q, ctx) && BN_set_word(e, 65537) && BN_copy(p1, p) && BN_sub_word(p1, 1) &&
         BN_copy(q1, q) && BN_sub_word(q1, 1) && BN_mul(phi, p1, q1, ctx) && BN_mod_inverse(d, e, phi, ctx) != NULL,
         "RSA arithmetic");
    uint8_t n_buf[1024], e_buf[8], d_buf[1024]; /* in the machine's order, as OSSL_PARAM wants it */
    int n_len = BN_bn2nativepad(n, n_buf, BN_num_bytes(n)), e_len = BN_bn2nativepad(e, e_buf, BN_num_bytes(e));
    int d_len = BN_bn2nativepad(d, d_buf, BN_num_bytes(d));
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n_buf, (size_t)n_len),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e_buf, (size_t)e_len),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_D, d_buf, (size_t)d_len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *key_ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    must(EVP_PKEY_fromdata_init(key_ctx) == 1 && EVP_PKEY_fromdata(key_ctx, &pkey, EVP_PKEY_KEYPAIR, params) == 1,
         "RSA import");
    EVP_PKEY_CTX_free(key_ctx);
    return own(f, pkey);
}

EVP_PKEY *forge_key_close_primes(struct forge *f, unsigned bits)
{
    BN_CTX *ctx = BN_CTX_new();
    BN_CTX_start(ctx);
    BIGNUM *p = BN_CTX_get(ctx), *q = BN_CTX_get(ctx);
    must(q != NULL && BN_generate_prime_ex(p, (int)bits / 2, 0, NULL, NULL, NULL) && BN_copy(q, p), "prime");
    do {
        must(BN_add_word(q, 2), "next prime");
    } while (BN_check_prime(q, ctx, NULL) != 1);
    EVP_PKEY *pkey = rsa_of_primes(f, p, q, ctx);
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    return pkey;
}

/* k·M + (65537^a mod M), M the product of the first `count` primes. */
static void roca_prime(BIGNUM *p, unsigned bits, unsigned count, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *m = BN_CTX_get(ctx), *a = BN_CTX_get(ctx), *k = BN_CTX_get(ctx), *base = BN_CTX_get(ctx);
    must(base != NULL && BN_one(m) && BN_set_word(base, 65537), "ROCA");
    for (unsigned candidate = 2, found = 0; found < count; candidate++) {
        unsigned divisor = 2;
        while (divisor * divisor <= candidate && candidate % divisor != 0) {
            divisor++;
        }
        if (divisor * divisor > candidate) {
            must(BN_mul_word(m, candidate), "ROCA");
            found++;
        }
    }
    do {
        must(BN_rand(a, 62, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) && BN_mod_exp(p, base, a, m, ctx) &&
             BN_rand(k, (int)bits - BN_num_bits(m), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY) && BN_mul(k, k, m, ctx) &&
             BN_add(p, p, k), "ROCA");
    } while (BN_num_bits(p) != (int)bits || BN_check_prime(p, ctx, NULL) != 1);
    BN_CTX_end(ctx);
}

EVP_PKEY *forge_key_roca(struct forge *f, unsigned bits)
{
    BN_CTX *ctx = BN_CTX_new();
    BN_CTX_start(ctx);
    BIGNUM *p = BN_CTX_get(ctx), *q = BN_CTX_get(ctx);
    roca_prime(p, bits / 2, 126, ctx); /* what the paper found for keys of 2048 bits */
    do {
        roca_prime(q, bits / 2, 126, ctx);
    } while (BN_cmp(p, q) == 0);
    EVP_PKEY *pkey = rsa_of_primes(f, p, q, ctx);
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    return pkey;
}
