#include "common/key.h"

#include "common/key_libcrypto_load.h"
#include "common/sig_alg.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecerr.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct cr_private_key {
    EVP_PKEY *pkey;
    enum cr_key_type type;
};

/* Looking up an algorithm by name costs libcrypto 3 about as much as hashing a request, so it is done once. Never given
 * back: libcrypto's own end of process takes them, and a module that is unloaded and loaded again must find its own. */
static EVP_MD *sha256, *sha384, *sha512;
static CRYPTO_ONCE fetch_once = CRYPTO_ONCE_STATIC_INIT;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
    sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
}

static const EVP_MD *digest_of(enum cr_sig_alg alg)
{
    (void)CRYPTO_THREAD_run_once(&fetch_once, fetch);
    switch (alg) { /* the slow way is there for the case that memory was short at the first use */
    case CR_SIG_ECDSA_SHA256:
    case CR_SIG_RSA_SHA256: return sha256 != NULL ? sha256 : EVP_sha256();
    case CR_SIG_ECDSA_SHA384:
    case CR_SIG_RSA_SHA384: return sha384 != NULL ? sha384 : EVP_sha384();
    case CR_SIG_ECDSA_SHA512:
    case CR_SIG_RSA_SHA512: return sha512 != NULL ? sha512 : EVP_sha512();
    case CR_SIG_NONE: break;
    }
    return NULL;
}

static bool is_memory(unsigned long code)
{
    return ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
}

/* libcrypto leaves its complaints in a queue of the thread, which in the broker is shared with its TLS: every entry
 * point sets a mark and goes through here, which takes out what we caused. A lack of memory is told from everything
 * else by the first complaint, or the last where somebody left one before us: what fails for it fails in many ways. */
static cr_err settle(cr_err err)
{
    if (err != CR_OK && (is_memory(ERR_peek_error()) || is_memory(ERR_peek_last_error()))) {
        err = CR_NOMEM;
    }
    ERR_pop_to_mark();
    return err;
}

/* Whether an import failed for the point it was given, and not for want of memory or anything else of ours. */
static bool point_refused(void)
{
    unsigned long code = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);
    return ERR_GET_LIB(code) == ERR_LIB_EC && (reason == EC_R_POINT_IS_NOT_ON_CURVE || reason == EC_R_INVALID_ENCODING);
}

static EVP_PKEY *ec_import(const struct cr_public_key *key)
{
    char curve[] = "P-384";
    if (key->type == CR_KEY_EC_P256) {
        memcpy(curve, "P-256", sizeof curve);
    }
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)key->point.data, key->point.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static EVP_PKEY *rsa_import(const struct cr_public_key *key)
{
    EVP_PKEY *pkey = NULL;
    BIGNUM *n = BN_bin2bn(key->modulus.data, (int)key->modulus.len, NULL);
    BIGNUM *e = BN_bin2bn(key->exponent.data, (int)key->exponent.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (n == NULL || e == NULL || build == NULL || ctx == NULL ||
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1 ||
        (params = OSSL_PARAM_BLD_to_param(build)) == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return pkey;
}

/* Digest first and EVP_PKEY_verify then: EVP_DigestVerify would look the digest up by name again. */
static bool digest(const EVP_MD *md, struct cr_bytes message, uint8_t out[EVP_MAX_MD_SIZE], unsigned *len)
{
    static const uint8_t nothing[1];
    return md != NULL && EVP_Digest(message.len == 0 ? nothing : message.data, message.len, out, len, md, NULL) == 1;
}

static bool rsa_padding(EVP_PKEY_CTX *ctx, enum cr_key_type type, const EVP_MD *md)
{
    return type != CR_KEY_RSA || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                                  EVP_PKEY_CTX_set_signature_md(ctx, md) == 1);
}

static cr_err verify(const struct cr_public_key *key, enum cr_sig_alg alg, struct cr_bytes message, struct cr_bytes sig)
{
    if (!cr_sig_alg_fits(alg, key->type) || !cr_signature_shaped(key, sig)) {
        return CR_DENIED;
    }
    ERR_set_mark();
    const EVP_MD *md = digest_of(alg);
    EVP_PKEY *pkey = key->type == CR_KEY_RSA ? rsa_import(key) : ec_import(key);
    if (pkey == NULL) {
        return settle(point_refused() ? CR_DENIED : CR_CRYPTO);
    }
    cr_err err = CR_CRYPTO;
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned hash_len = 0;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx != NULL && digest(md, message, hash, &hash_len) && EVP_PKEY_verify_init(ctx) == 1 &&
        rsa_padding(ctx, key->type, md)) {
        int rc = EVP_PKEY_verify(ctx, sig.data, sig.len, hash, hash_len);
        err = rc == 1 ? CR_OK : rc == 0 ? CR_DENIED : CR_CRYPTO;
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return settle(err);
}

static void private_free(struct cr_private_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey); /* clears the private numbers */
        free(key);
    }
}

static cr_err private_spki(const struct cr_private_key *key, struct cr_blob *spki)
{
    unsigned char *der = NULL;
    *spki = (struct cr_blob){ NULL, 0 };
    ERR_set_mark();
    int len = i2d_PUBKEY(key->pkey, &der);
    if (len <= 0) {
        return settle(CR_CRYPTO);
    }
    cr_err err = cr_blob_copy(spki, der, (size_t)len);
    OPENSSL_free(der);
    return settle(err);
}

/* Takes pkey over, also when it is not of a kind that we use. */
static cr_err adopt(struct cr_private_key **key, EVP_PKEY *pkey)
{
    cr_err err = CR_NOMEM;
    struct cr_blob spki = { NULL, 0 };
    struct cr_public_key public_key;
    struct cr_private_key *made = calloc(1, sizeof *made);
    if (made == NULL) {
        EVP_PKEY_free(pkey);
        return CR_NOMEM;
    }
    made->pkey = pkey;
    if (EVP_PKEY_is_a(pkey, "EC") &&
        EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed") != 1) {
        err = CR_INVALID;
        goto out;
    }
    CR_TRY(private_spki(made, &spki));
    if (cr_public_key_parse(&public_key, cr_blob_view(&spki)) != CR_OK) {
        err = CR_INVALID;
        goto out;
    }
    made->type = public_key.type;
    *key = made;
    made = NULL;
out:
    cr_blob_fini(&spki);
    private_free(made);
    return err;
}

static cr_err private_load(struct cr_private_key **key, struct cr_bytes pem_or_der, const char *passphrase)
{
    *key = NULL;
    if (pem_or_der.len == 0 || pem_or_der.len > INT32_MAX) {
        return CR_INVALID;
    }
    ERR_set_mark();
    EVP_PKEY *pkey = cr_key_libcrypto_load(pem_or_der, passphrase);
    return settle(pkey == NULL ? CR_INVALID : adopt(key, pkey));
}

static cr_err private_make(struct cr_private_key **key, enum cr_key_type type, unsigned rsa_bits)
{
    *key = NULL;
    EVP_PKEY *pkey = NULL;
    ERR_set_mark();
    switch (type) {
    case CR_KEY_EC_P256: pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"); break;
    case CR_KEY_EC_P384: pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"); break;
    case CR_KEY_RSA: pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa_bits); break;
    case CR_KEY_NONE: return settle(CR_INVALID);
    }
    return settle(pkey == NULL ? CR_CRYPTO : adopt(key, pkey));
}

static cr_err private_pem(const struct cr_private_key *key, struct cr_blob *pem)
{
    *pem = (struct cr_blob){ NULL, 0 };
    char *text = NULL;
    ERR_set_mark();
    BIO *bio = BIO_new(BIO_s_mem());
    cr_err err = CR_CRYPTO;
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        err = cr_blob_copy(pem, text, (size_t)len);
        OPENSSL_cleanse(text, (size_t)len);
    }
    BIO_free(bio);
    return settle(err);
}

static enum cr_key_type private_type(const struct cr_private_key *key)
{
    return key->type;
}

static cr_err sign(const struct cr_private_key *key, enum cr_sig_alg alg, struct cr_bytes message, uint8_t *sig,
                   size_t *sig_len)
{
    if (!cr_sig_alg_fits(alg, key->type)) {
        return CR_INVALID;
    }
    ERR_set_mark();
    const EVP_MD *md = digest_of(alg);
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned hash_len = 0;
    cr_err err = CR_CRYPTO;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx != NULL && digest(md, message, hash, &hash_len) && EVP_PKEY_sign_init(ctx) == 1 &&
        rsa_padding(ctx, key->type, md) && EVP_PKEY_sign(ctx, sig, sig_len, hash, hash_len) == 1) {
        err = CR_OK;
    }
    EVP_PKEY_CTX_free(ctx);
    return settle(err);
}

static cr_err private_der(const struct cr_private_key *key, uint8_t *der, size_t *len)
{
    struct cr_blob spki = { NULL, 0 };
    ERR_set_mark();
    cr_err err = private_spki(key, &spki);
    if (err == CR_OK) {
        err = cr_key_libcrypto_write(key->pkey, key->type, cr_blob_view(&spki), der, len);
    }
    cr_blob_fini(&spki);
    return settle(err);
}

static cr_err sign_once(struct cr_bytes der, enum cr_sig_alg alg, struct cr_bytes message, uint8_t *sig, size_t *sig_len)
{
    struct cr_private_key key = { NULL, CR_KEY_NONE };
    cr_err err = CR_INVALID;
    ERR_set_mark();
    key.pkey = cr_key_libcrypto_open(der);
    if (key.pkey != NULL) {
        int bits = EVP_PKEY_get_bits(key.pkey);
        key.type = EVP_PKEY_is_a(key.pkey, "RSA") ? CR_KEY_RSA : bits == 256 ? CR_KEY_EC_P256 : CR_KEY_EC_P384;
        err = sign(&key, alg, message, sig, sig_len);
    }
    EVP_PKEY_free(key.pkey); /* clears the private numbers */
    return settle(err);
}

static const struct cr_key_backend backend = {
    .name = "libcrypto",
    .verify = verify,
    .private_load = private_load,
    .private_make = private_make,
    .private_spki = private_spki,
    .private_pem = private_pem,
    .private_der = private_der,
    .private_type = private_type,
    .sign = sign,
    .sign_once = sign_once,
    .private_free = private_free,
};

const struct cr_key_backend *cr_key_libcrypto(void)
{
    return &backend;
}

void cr_key_thread_end(void)
{
    OPENSSL_thread_stop(); /* its generators of random numbers */
}
