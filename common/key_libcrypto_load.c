#include "common/key_libcrypto_load.h"

#include "common/key_der.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

enum { POINT_MAX = 1 + 2 * 48, RSA_NUMBER_MAX = CR_SIGNATURE_MAX };

static EVP_PKEY *from_params(const char *algorithm, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/* The public point of a private number. 0: the number is none of this curve, or memory is short. */
static size_t point_of(uint8_t point[POINT_MAX], int curve_nid, const BIGNUM *number)
{
    size_t len = 0;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curve_nid);
    EC_POINT *result = group == NULL ? NULL : EC_POINT_new(group);
    if (result != NULL && !BN_is_zero(number) && BN_cmp(number, EC_GROUP_get0_order(group)) < 0 &&
        EC_POINT_mul(group, result, number, NULL, NULL, NULL) == 1) {
        len = EC_POINT_point2oct(group, result, POINT_CONVERSION_UNCOMPRESSED, point, POINT_MAX, NULL);
    }
    EC_POINT_clear_free(result);
    EC_GROUP_free(group);
    return len;
}

/* The public half of a key that somebody gives us is worked out: what stands beside the private one may be anything. */
static EVP_PKEY *ec_import(const struct cr_key_der *key, bool ours)
{
    bool p256 = key->type == CR_KEY_EC_P256;
    char curve[] = "P-384";
    uint8_t native[48], point[POINT_MAX];
    size_t point_len = 0;
    EVP_PKEY *pkey = NULL;
    BIGNUM *number = BN_secure_new();
    if (p256) {
        memcpy(curve, "P-256", sizeof curve);
    }
    if (number == NULL || BN_bin2bn(key->scalar.data, (int)key->scalar.len, number) == NULL) {
        goto out;
    }
    BN_set_flags(number, BN_FLG_CONSTTIME);
    if (!ours) {
        point_len = point_of(point, p256 ? NID_X9_62_prime256v1 : NID_secp384r1, number);
    } else if (key->point.len <= sizeof point) {
        memcpy(point, key->point.data, key->point.len);
        point_len = key->point.len;
    }
    if (point_len == 0 || BN_bn2nativepad(number, native, (int)key->scalar.len) < 0) {
        goto out;
    }
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, point_len),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, key->scalar.len),
        OSSL_PARAM_construct_end(),
    };
    pkey = from_params("EC", params);
out:
    BN_clear_free(number);
    OPENSSL_cleanse(native, sizeof native);
    return pkey;
}

static const char *const rsa_names[CR_RSA_PARTS] = {
    [CR_RSA_N] = OSSL_PKEY_PARAM_RSA_N,          [CR_RSA_E] = OSSL_PKEY_PARAM_RSA_E,
    [CR_RSA_D] = OSSL_PKEY_PARAM_RSA_D,          [CR_RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
    [CR_RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,    [CR_RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
    [CR_RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2, [CR_RSA_QI] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

static EVP_PKEY *rsa_import(const struct cr_key_der *key)
{
    uint8_t native[CR_RSA_PARTS][RSA_NUMBER_MAX];
    OSSL_PARAM params[CR_RSA_PARTS + 1];
    EVP_PKEY *pkey = NULL;
    BIGNUM *number = BN_secure_new();
    for (int i = 0; i < CR_RSA_PARTS; i++) {
        struct cr_bytes part = key->rsa[i];
        if (number == NULL || part.len > RSA_NUMBER_MAX || BN_bin2bn(part.data, (int)part.len, number) == NULL ||
            BN_bn2nativepad(number, native[i], (int)part.len) < 0) {
            goto out;
        }
        params[i] = OSSL_PARAM_construct_BN(rsa_names[i], native[i], part.len);
    }
    params[CR_RSA_PARTS] = OSSL_PARAM_construct_end();
    pkey = from_params("RSA", params);
out:
    BN_clear_free(number);
    OPENSSL_cleanse(native, sizeof native);
    return pkey;
}

static EVP_PKEY *import_der(struct cr_bytes der, bool ours)
{
    struct cr_key_der key;
    if (cr_key_der_parse(&key, der) != CR_OK) {
        return NULL;
    }
    return key.type == CR_KEY_RSA ? rsa_import(&key) : ec_import(&key, ours);
}

/* EncryptedPrivateKeyInfo (RFC 5958 section 3). */
static EVP_PKEY *import_encrypted(struct cr_bytes der, const char *passphrase)
{
    const unsigned char *at = der.data;
    unsigned char *plain = NULL;
    EVP_PKEY *pkey = NULL;
    X509_SIG *encrypted = passphrase == NULL ? NULL : d2i_X509_SIG(NULL, &at, (long)der.len);
    PKCS8_PRIV_KEY_INFO *info = NULL;
    if (encrypted != NULL && at == der.data + der.len) {
        info = PKCS8_decrypt(encrypted, passphrase, (int)strlen(passphrase));
    }
    int len = info == NULL ? 0 : i2d_PKCS8_PRIV_KEY_INFO(info, &plain);
    if (len > 0) {
        pkey = import_der((struct cr_bytes){ plain, (size_t)len }, false);
        OPENSSL_clear_free(plain, (size_t)len);
    }
    PKCS8_PRIV_KEY_INFO_free(info); /* wipes */
    X509_SIG_free(encrypted);
    return pkey;
}

/* Without this libcrypto would ask at the terminal. */
static int passphrase_give(char *buf, int size, int rwflag, void *ctx)
{
    const char *passphrase = ctx;
    (void)rwflag;
    size_t len = passphrase == NULL ? SIZE_MAX : strlen(passphrase);
    if (len > (size_t)size) {
        return -1;
    }
    memcpy(buf, passphrase, len);
    return (int)len;
}

EVP_PKEY *cr_key_libcrypto_load(struct cr_bytes pem_or_der, const char *passphrase)
{
    EVP_PKEY *pkey = NULL;
    unsigned char *der = NULL;
    long len = 0;
    char *label = NULL;
    if (pem_or_der.data[0] == CR_DER_SEQUENCE) {
        pkey = import_der(pem_or_der, false);
        return pkey != NULL ? pkey : import_encrypted(pem_or_der, passphrase);
    }
    /* Takes the first block that holds a private key of any kind, and decrypts what PEM itself encrypted. */
    BIO *bio = BIO_new_mem_buf(pem_or_der.data, (int)pem_or_der.len);
    if (bio != NULL && PEM_bytes_read_bio_secmem(&der, &len, &label, PEM_STRING_EVP_PKEY, bio, passphrase_give,
                                                 (void *)passphrase) == 1) {
        struct cr_bytes view = { der, (size_t)len };
        bool encrypted = strcmp(label, PEM_STRING_PKCS8) == 0;
        pkey = encrypted ? import_encrypted(view, passphrase) : import_der(view, false);
        OPENSSL_secure_free(label);
        OPENSSL_secure_clear_free(der, (size_t)len);
    }
    BIO_free(bio);
    return pkey;
}

EVP_PKEY *cr_key_libcrypto_open(struct cr_bytes der)
{
    return import_der(der, true);
}

/* ---- the other way ---- */

static bool number_of(uint8_t *to, size_t cap, struct cr_bytes *view, const EVP_PKEY *pkey, const char *name, int len)
{
    BIGNUM *number = NULL;
    bool ok = EVP_PKEY_get_bn_param(pkey, name, &number) == 1;
    int octets = ok && len == 0 ? BN_num_bytes(number) : len;
    ok = ok && octets > 0 && (size_t)octets <= cap && BN_bn2binpad(number, to, octets) == octets;
    *view = (struct cr_bytes){ to, ok ? (size_t)octets : 0 };
    BN_clear_free(number);
    return ok;
}

cr_err cr_key_libcrypto_write(const EVP_PKEY *pkey, enum cr_key_type type, struct cr_bytes spki, uint8_t *der, size_t *len)
{
    uint8_t numbers[CR_RSA_PARTS][RSA_NUMBER_MAX];
    struct cr_key_der key = { .type = type };
    bool ok = true;
    if (type == CR_KEY_RSA) {
        for (int i = 0; i < CR_RSA_PARTS && ok; i++) {
            ok = number_of(numbers[i], sizeof numbers[i], &key.rsa[i], pkey, rsa_names[i], 0);
        }
    } else {
        ok = number_of(numbers[0], sizeof numbers[0], &key.scalar, pkey, OSSL_PKEY_PARAM_PRIV_KEY,
                       type == CR_KEY_EC_P256 ? 32 : 48);
    }
    cr_err err = ok ? cr_key_der_write(der, len, &key, spki) : CR_CRYPTO;
    OPENSSL_cleanse(numbers, sizeof numbers);
    return err;
}
