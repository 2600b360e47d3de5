#include "common/key.h"

#include "common/der.h"
#include "common/oid.h"

#include <string.h>

const struct cr_key_backend *cr_key_backend(const char *name)
{
    const struct cr_key_backend *const backends[] = { cr_key_libcrypto(), cr_key_mbedtls() };
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            return backends[i];
        }
    }
    return NULL;
}

enum cr_sig_alg cr_sig_alg_for(enum cr_key_type type)
{
    switch (type) {
    case CR_KEY_EC_P256: return CR_SIG_ECDSA_SHA256;
    case CR_KEY_EC_P384: return CR_SIG_ECDSA_SHA384;
    case CR_KEY_RSA: return CR_SIG_RSA_SHA256;
    case CR_KEY_NONE: break;
    }
    return CR_SIG_NONE;
}

const char *cr_key_type_text(enum cr_key_type type)
{
    switch (type) {
    case CR_KEY_EC_P256: return "EC-P256";
    case CR_KEY_EC_P384: return "EC-P384";
    case CR_KEY_RSA: return "RSA";
    case CR_KEY_NONE: break;
    }
    return "none";
}

/* The parameters of id-ecPublicKey (RFC 5480 section 2.1.1) and the point behind them. */
static cr_err ec_read(struct cr_public_key *key, struct cr_der parameters, struct cr_bytes point)
{
    int tag = 0;
    struct cr_bytes curve;
    if (cr_der_any(&parameters, &tag, NULL, &curve) != CR_OK || !cr_der_at_end(&parameters)) {
        return CR_INVALID;
    }
    if (tag != CR_DER_OID) { /* explicit or inherited parameters */
        return CR_DENIED;
    }
    switch (cr_oid_find(curve)) {
    case CR_OID_P256: key->type = CR_KEY_EC_P256, key->bits = 256; break;
    case CR_OID_P384: key->type = CR_KEY_EC_P384, key->bits = 384; break;
    default: return CR_DENIED;
    }
    /* Compressed, hybrid, infinity, or of another curve's size. */
    if (point.len != 1 + 2 * (size_t)(key->bits / 8) || point.data[0] != 0x04) {
        return CR_DENIED;
    }
    key->point = point;
    return CR_OK;
}

static unsigned bits_of(struct cr_bytes magnitude)
{
    unsigned bits = (unsigned)(magnitude.len - 1) * 8;
    for (unsigned top = magnitude.data[0]; top > 0; top >>= 1) {
        bits++;
    }
    return bits;
}

static bool is_odd(struct cr_bytes magnitude)
{
    return (magnitude.data[magnitude.len - 1] & 1) != 0;
}

/* RSAPublicKey, RFC 8017 appendix A.1.1. */
static cr_err rsa_read(struct cr_public_key *key, struct cr_der parameters, struct cr_bytes octets)
{
    struct cr_der outside = cr_der_of(octets), inside;
    struct cr_bytes null, modulus, exponent;
    if (cr_der_get(&parameters, CR_DER_NULL, &null) != CR_OK || null.len != 0 || !cr_der_at_end(&parameters) ||
        cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside) ||
        cr_der_uint(&inside, &modulus) != CR_OK || cr_der_uint(&inside, &exponent) != CR_OK ||
        !cr_der_at_end(&inside)) {
        return CR_INVALID;
    }
    key->type = CR_KEY_RSA;
    key->bits = bits_of(modulus);
    key->modulus = modulus;
    key->exponent = exponent;
    bool one = exponent.len == 1 && exponent.data[0] == 1;
    return is_odd(modulus) && is_odd(exponent) && !one ? CR_OK : CR_DENIED;
}

cr_err cr_public_key_parse(struct cr_public_key *key, struct cr_bytes spki)
{
    struct cr_der outside = cr_der_of(spki), inside, algorithm;
    struct cr_bytes oid, octets;
    unsigned unused = 0;
    memset(key, 0, sizeof *key);
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside) ||
        cr_der_enter(&inside, CR_DER_SEQUENCE, &algorithm) != CR_OK ||
        cr_der_get(&algorithm, CR_DER_OID, &oid) != CR_OK ||
        cr_der_bits(&inside, &octets, &unused) != CR_OK || unused != 0 || !cr_der_at_end(&inside)) {
        return CR_INVALID;
    }
    key->spki = spki;
    switch (cr_oid_find(oid)) {
    case CR_OID_EC_PUBLIC_KEY: return ec_read(key, algorithm, octets);
    case CR_OID_RSA: return rsa_read(key, algorithm, octets);
    default: return CR_DENIED;
    }
}
