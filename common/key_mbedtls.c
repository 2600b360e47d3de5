#include "common/key.h"

#include "common/key_der.h"
#include "common/oid.h"
#include "common/sig_alg.h"

#include <mbedtls/asn1.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>
#include <stdlib.h>
#include <string.h>

enum { PRIVATE_DER_MAX = 2700 }; /* RSA-4096 as PKCS#1 takes 2,349 */

struct cr_private_key {
    mbedtls_pk_context pk;
    enum cr_key_type type;
};

static int random_fill(void *ctx, unsigned char *buf, size_t len)
{
    (void)ctx;
    return cr_random_fill(cr_random_system(), buf, len) == CR_OK ? 0 : MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}

/* Where mbedTLS 2.28 and 3.x differ: 3.x wants random numbers to parse and the capacity to sign. */
#if MBEDTLS_VERSION_MAJOR >= 3
static int pk_parse(mbedtls_pk_context *pk, const uint8_t *data, size_t len, const char *passphrase)
{
    return mbedtls_pk_parse_key(pk, data, len, (const unsigned char *)passphrase,
                                passphrase == NULL ? 0 : strlen(passphrase), random_fill, NULL);
}
static int pk_sign(mbedtls_pk_context *pk, mbedtls_md_type_t md, const uint8_t *hash, size_t hash_len, uint8_t *sig,
                   size_t cap, size_t *sig_len)
{
    return mbedtls_pk_sign(pk, md, hash, hash_len, sig, cap, sig_len, random_fill, NULL);
}
#else
static int pk_parse(mbedtls_pk_context *pk, const uint8_t *data, size_t len, const char *passphrase)
{
    return mbedtls_pk_parse_key(pk, data, len, (const unsigned char *)passphrase,
                                passphrase == NULL ? 0 : strlen(passphrase));
}
static int pk_sign(mbedtls_pk_context *pk, mbedtls_md_type_t md, const uint8_t *hash, size_t hash_len, uint8_t *sig,
                   size_t cap, size_t *sig_len)
{
    (void)cap; /* checked by the caller */
    return mbedtls_pk_sign(pk, md, hash, hash_len, sig, sig_len, random_fill, NULL);
}
#endif

static cr_err failure(int rc, cr_err otherwise)
{
    /* High-level codes carry a low-level one in their last seven bits and more. */
    bool memory = rc == MBEDTLS_ERR_PK_ALLOC_FAILED || rc == MBEDTLS_ERR_ECP_ALLOC_FAILED ||
                  rc == MBEDTLS_ERR_PEM_ALLOC_FAILED || rc == MBEDTLS_ERR_MD_ALLOC_FAILED ||
                  (-rc & 0x7f) == -MBEDTLS_ERR_MPI_ALLOC_FAILED || (-rc & 0x7f) == -MBEDTLS_ERR_ASN1_ALLOC_FAILED;
    return memory ? CR_NOMEM : otherwise;
}

static mbedtls_md_type_t md_of(enum cr_sig_alg alg)
{
    switch (alg) {
    case CR_SIG_ECDSA_SHA256:
    case CR_SIG_RSA_SHA256: return MBEDTLS_MD_SHA256;
    case CR_SIG_ECDSA_SHA384:
    case CR_SIG_RSA_SHA384: return MBEDTLS_MD_SHA384;
    case CR_SIG_ECDSA_SHA512:
    case CR_SIG_RSA_SHA512: return MBEDTLS_MD_SHA512;
    case CR_SIG_NONE: break;
    }
    return MBEDTLS_MD_NONE;
}

static int digest(enum cr_sig_alg alg, struct cr_bytes message, uint8_t hash[MBEDTLS_MD_MAX_SIZE], size_t *hash_len)
{
    static const uint8_t nothing[1];
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(md_of(alg));
    if (info == NULL) {
        return MBEDTLS_ERR_MD_FEATURE_UNAVAILABLE;
    }
    *hash_len = mbedtls_md_get_size(info);
    return mbedtls_md(info, message.len == 0 ? nothing : message.data, message.len, hash);
}

static cr_err verify(const struct cr_public_key *key, enum cr_sig_alg alg, struct cr_bytes message, struct cr_bytes sig)
{
    if (!cr_sig_alg_fits(alg, key->type) || !cr_signature_shaped(key, sig)) {
        return CR_DENIED;
    }
    cr_err err = CR_CRYPTO;
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];
    size_t hash_len = 0;
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    unsigned char *at = (unsigned char *)key->spki.data; /* only moved */
    int rc = mbedtls_pk_parse_subpubkey(&at, key->spki.data + key->spki.len, &pk);
    if (rc != 0) { /* the one thing about a key that was not seen before: a point off its curve */
        err = failure(rc, rc == MBEDTLS_ERR_ECP_INVALID_KEY ? CR_DENIED : CR_CRYPTO);
        goto out;
    }
    rc = digest(alg, message, hash, &hash_len);
    if (rc != 0) {
        err = failure(rc, CR_CRYPTO);
        goto out;
    }
    rc = mbedtls_pk_verify(&pk, md_of(alg), hash, hash_len, sig.data, sig.len);
    err = rc == 0 ? CR_OK : failure(rc, key->type == CR_KEY_RSA || rc == MBEDTLS_ERR_ECP_VERIFY_FAILED ? CR_DENIED
                                                                                                     : CR_CRYPTO);
out:
    mbedtls_pk_free(&pk);
    return err;
}

static void private_free(struct cr_private_key *key)
{
    if (key != NULL) {
        mbedtls_pk_free(&key->pk); /* wipes */
        free(key);
    }
}

static cr_err private_spki(const struct cr_private_key *key, struct cr_blob *spki)
{
    uint8_t buf[1024];
    *spki = (struct cr_blob){ NULL, 0 };
    int len = mbedtls_pk_write_pubkey_der((mbedtls_pk_context *)&key->pk, buf, sizeof buf); /* at the buffer's end */
    return len <= 0 ? failure(len, CR_CRYPTO) : cr_blob_copy(spki, buf + sizeof buf - len, (size_t)len);
}

/* RSA's blinding is state inside the key, which threads would share and which a lack of memory half way leaves broken
 * for good: each signature is made with a copy that has not signed yet. */
static int rsa_sign(const struct cr_private_key *key, mbedtls_md_type_t md, const uint8_t *hash, size_t hash_len,
                    uint8_t *sig, size_t cap, size_t *sig_len)
{
    mbedtls_pk_context copy;
    mbedtls_pk_init(&copy);
    int rc = mbedtls_pk_setup(&copy, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA));
    if (rc == 0) {
        rc = mbedtls_rsa_copy(mbedtls_pk_rsa(copy), mbedtls_pk_rsa(key->pk));
    }
    if (rc == 0) {
        rc = pk_sign(&copy, md, hash, hash_len, sig, cap, sig_len);
    }
    mbedtls_pk_free(&copy);
    return rc;
}

static cr_err sign(const struct cr_private_key *key, enum cr_sig_alg alg, struct cr_bytes message, uint8_t *sig,
                   size_t *sig_len)
{
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];
    uint8_t made[CR_SIGNATURE_MAX];
    size_t hash_len = 0, made_len = 0;
    if (!cr_sig_alg_fits(alg, key->type)) {
        return CR_INVALID;
    }
    if (key->type == CR_KEY_RSA && mbedtls_pk_get_len(&key->pk) > sizeof made) {
        return CR_INVALID;
    }
    int rc = digest(alg, message, hash, &hash_len);
    if (rc == 0 && key->type == CR_KEY_RSA) {
        rc = rsa_sign(key, md_of(alg), hash, hash_len, made, sizeof made, &made_len);
    } else if (rc == 0) {
        rc = pk_sign((mbedtls_pk_context *)&key->pk, md_of(alg), hash, hash_len, made, sizeof made, &made_len);
    }
    if (rc != 0 || made_len > *sig_len) {
        return failure(rc, CR_CRYPTO);
    }
    memcpy(sig, made, made_len);
    *sig_len = made_len;
    return CR_OK;
}

/* Takes over the parsed or made key in `made`, also when it is of no use. */
static cr_err adopt(struct cr_private_key **key, struct cr_private_key *made)
{
    cr_err err = CR_CRYPTO;
    struct cr_blob spki = { NULL, 0 };
    struct cr_public_key public_key;
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    CR_TRY(private_spki(made, &spki));
    if (cr_public_key_parse(&public_key, cr_blob_view(&spki)) != CR_OK || public_key.bits > 8 * CR_SIGNATURE_MAX) {
        err = CR_INVALID;
        goto out;
    }
    made->type = public_key.type;
    /* The first signature fills tables of the curve inside the key; from then on signing only reads them, so that
     * several threads can. It also finds a key that cannot sign now rather than later. */
    CR_TRY(sign(made, cr_sig_alg_for(made->type), cr_blob_view(&spki), sig, &sig_len));
    *key = made;
    made = NULL;
out:
    cr_blob_fini(&spki);
    private_free(made);
    return err;
}

static cr_err private_new(struct cr_private_key **key)
{
    *key = calloc(1, sizeof **key);
    if (*key == NULL) {
        return CR_NOMEM;
    }
    mbedtls_pk_init(&(*key)->pk);
    return CR_OK;
}

static cr_err private_load(struct cr_private_key **key, struct cr_bytes pem_or_der, const char *passphrase)
{
    *key = NULL;
    if (pem_or_der.len == 0) {
        return CR_INVALID;
    }
    struct cr_private_key *made = NULL;
    struct cr_blob copy = { NULL, 0 };
    cr_err err = private_new(&made);
    if (err == CR_OK) {
        err = cr_blob_copy(&copy, pem_or_der.data, pem_or_der.len); /* with the NUL that mbedTLS wants behind PEM */
    }
    if (err == CR_OK) {
        bool der = pem_or_der.data[0] == CR_DER_SEQUENCE;
        int rc = pk_parse(&made->pk, copy.data, der ? copy.len : copy.len + 1, passphrase);
        err = rc == 0 ? CR_OK : failure(rc, CR_INVALID);
    }
    if (copy.data != NULL) {
        mbedtls_platform_zeroize(copy.data, copy.len);
    }
    cr_blob_fini(&copy);
    if (err != CR_OK) {
        private_free(made);
        return err;
    }
    return adopt(key, made);
}

static cr_err private_make(struct cr_private_key **key, enum cr_key_type type, unsigned rsa_bits)
{
    *key = NULL;
    if (type == CR_KEY_NONE) {
        return CR_INVALID;
    }
    struct cr_private_key *made = NULL;
    cr_err err = private_new(&made);
    if (err != CR_OK) {
        return err;
    }
    bool rsa = type == CR_KEY_RSA;
    int rc = mbedtls_pk_setup(&made->pk, mbedtls_pk_info_from_type(rsa ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECKEY));
    if (rc == 0 && rsa) {
        rc = mbedtls_rsa_gen_key(mbedtls_pk_rsa(made->pk), random_fill, NULL, rsa_bits, 65537);
    } else if (rc == 0) {
        rc = mbedtls_ecp_gen_key(type == CR_KEY_EC_P256 ? MBEDTLS_ECP_DP_SECP256R1 : MBEDTLS_ECP_DP_SECP384R1,
                                 mbedtls_pk_ec(made->pk), random_fill, NULL);
    }
    if (rc != 0) {
        private_free(made);
        return failure(rc, CR_CRYPTO);
    }
    return adopt(key, made);
}

/* mbedTLS writes SEC 1 and PKCS#1. */
static cr_err private_der(const struct cr_private_key *key, uint8_t *der, size_t *len)
{
    uint8_t inner[PRIVATE_DER_MAX];
    struct cr_blob spki = { NULL, 0 };
    struct cr_key_der numbers;
    int inner_len = mbedtls_pk_write_key_der((mbedtls_pk_context *)&key->pk, inner, sizeof inner); /* at the buffer's end */
    cr_err err = inner_len > 0 ? CR_OK : failure(inner_len, CR_CRYPTO);
    if (err == CR_OK) {
        err = cr_key_der_parse(&numbers, (struct cr_bytes){ inner + sizeof inner - inner_len, (size_t)inner_len });
    }
    if (err == CR_OK) {
        err = private_spki(key, &spki);
    }
    if (err == CR_OK) {
        err = cr_key_der_write(der, len, &numbers, cr_blob_view(&spki));
    }
    cr_blob_fini(&spki);
    mbedtls_platform_zeroize(inner, sizeof inner);
    return err;
}

static cr_err private_pem(const struct cr_private_key *key, struct cr_blob *pem)
{
    uint8_t der[CR_KEY_DER_MAX], text[4 * sizeof der / 3 + 256];
    size_t len = sizeof der, text_len = 0;
    *pem = (struct cr_blob){ NULL, 0 };
    cr_err err = private_der(key, der, &len);
    if (err == CR_OK) {
        int rc = mbedtls_pem_write_buffer("-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----\n", der, len, text,
                                          sizeof text, &text_len);
        err = rc == 0 ? cr_blob_copy(pem, text, text_len - 1) : failure(rc, CR_CRYPTO); /* it counts its NUL */
    }
    mbedtls_platform_zeroize(der, sizeof der);
    mbedtls_platform_zeroize(text, sizeof text);
    return err;
}

static cr_err sign_once(struct cr_bytes der, enum cr_sig_alg alg, struct cr_bytes message, uint8_t *sig, size_t *sig_len)
{
    struct cr_private_key key = { .type = CR_KEY_NONE };
    struct cr_key_der numbers;
    mbedtls_pk_init(&key.pk);
    cr_err err = cr_key_der_parse(&numbers, der);
    if (err == CR_OK) {
        int rc = pk_parse(&key.pk, der.data, der.len, NULL);
        err = rc == 0 ? CR_OK : failure(rc, CR_INVALID);
    }
    if (err == CR_OK) {
        key.type = numbers.type;
        err = sign(&key, alg, message, sig, sig_len);
    }
    mbedtls_pk_free(&key.pk); /* wipes */
    return err;
}

static enum cr_key_type private_type(const struct cr_private_key *key)
{
    return key->type;
}

static const struct cr_key_backend backend = {
    .name = "mbedtls",
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

const struct cr_key_backend *cr_key_mbedtls(void)
{
    return &backend;
}
