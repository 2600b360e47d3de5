/* key_der: private keys as DER: PKCS#8 (RFC 5958), SEC 1 (RFC 5915) and PKCS#1 (RFC 8017), as views into the caller's
 * bytes, for backends whose own readers leave copies behind. Nothing is copied or allocated. Pure; any thread. */
#ifndef CR_KEY_DER_H
#define CR_KEY_DER_H

#include "common/der.h"
#include "common/key.h"

enum { CR_RSA_N, CR_RSA_E, CR_RSA_D, CR_RSA_P, CR_RSA_Q, CR_RSA_DP, CR_RSA_DQ, CR_RSA_QI, CR_RSA_PARTS };

struct cr_key_der {
    enum cr_key_type type;
    struct cr_bytes scalar;            /* EC: the private number, as long as the curve's order */
    struct cr_bytes point;             /* EC: the public half as it stands there; empty: it does not */
    struct cr_bytes rsa[CR_RSA_PARTS]; /* unsigned big-endian */
};

/* One private key on P-256, P-384, or RSA of two primes; nothing behind it. CR_INVALID: not that. Whether its numbers
 * make sense is not looked at. */
CR_MUST_USE cr_err cr_key_der_parse(struct cr_key_der *key, struct cr_bytes der);

/* Writes the key as PKCS#8, with what its public half (SubjectPublicKeyInfo) says of it. *len in: the capacity. CR_FULL;
 * CR_INVALID: not such a public half. On failure the buffer is wiped. */
CR_MUST_USE cr_err cr_key_der_write(uint8_t *buf, size_t *len, const struct cr_key_der *key, struct cr_bytes spki);

#endif
