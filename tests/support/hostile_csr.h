/* hostile_csr: requests that no honest device sends, numbered as the project numbers bad inputs (1-64), written out in
 * ASN.1 so that each can be read. Where only our own rules can stop one, it is signed as it should be.
 *
 * The table is walked by whoever has something to throw them at: the rules (tests/unit), the whole plugin (tests/flow),
 * a running broker (tests/broker). One thread. */
#ifndef CR_TEST_HOSTILE_CSR_H
#define CR_TEST_HOSTILE_CSR_H

#include "common/refusal.h"
#include "tests/support/csr_recipe.h"

/* Who takes part. Device ids are the caller's; the keys are made once. */
struct hostile_cast {
    struct forge f;
    const char *device;       /* the one that asks */
    const char *other;        /* another one that exists */
    EVP_PKEY *key;            /* the device's new key, P-256 */
    EVP_PKEY *current_key;    /* what it holds now (39) */
    EVP_PKEY *other_key;      /* the other device's (40) */
    EVP_PKEY *ca_key;         /* an issuer's (40) */
    EVP_PKEY *revoked_key;    /* 41 */
    EVP_PKEY *rsa_key;        /* 2048 bits */
    EVP_PKEY *listed_key;     /* of the same kind, on the list of weak keys (38) */
};
void hostile_cast_init(struct hostile_cast *cast, const char *device, const char *other);
void hostile_cast_fini(struct hostile_cast *cast);

struct hostile_csr {
    unsigned number;
    const char *what;                 /* of several under one number */
    enum cr_refusal refusal;          /* what the rules alone must say; NONE: issued, or the store's to refuse */
    struct cr_bytes (*payload)(struct hostile_cast *cast); /* as it would be published; lives as long as the cast */
    bool rsa;                         /* asked under a profile that allows RSA */
};

/* The rows of five themes, each ended by number 0. */
extern const struct hostile_csr hostile_structure[]; /* 1-19 */
extern const struct hostile_csr hostile_proof[];     /* 20-28 */
extern const struct hostile_csr hostile_key[];       /* 29-41 */
extern const struct hostile_csr hostile_identity[];  /* 42-53 */
extern const struct hostile_csr hostile_extension[]; /* 54-64 */

/* Calls `each` for every row of a number, or of all numbers when it is 0. How many there were. */
typedef void hostile_each_fn(void *ctx, struct hostile_cast *cast, const struct hostile_csr *row);
unsigned hostile_csr_each(struct hostile_cast *cast, unsigned number, hostile_each_fn *each, void *ctx);

#endif
