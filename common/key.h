/* key: signatures, behind one small interface with two implementations that pass one contract suite
 * (tests/contract): libcrypto, the default, and mbedTLS.
 *
 * Threads: a backend is stateless; a private key may sign on several threads at once. No I/O. */
#ifndef CR_KEY_H
#define CR_KEY_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/random.h"

#include <stdbool.h>
#include <stdint.h>

enum cr_key_type {
    CR_KEY_NONE = 0,
    CR_KEY_EC_P256,
    CR_KEY_EC_P384,
    CR_KEY_RSA,
};

/* Signature algorithms that exist for us; SHA-1 and MD5 do not. */
enum cr_sig_alg {
    CR_SIG_NONE = 0,
    CR_SIG_ECDSA_SHA256, /* RFC 5758 section 3.2 */
    CR_SIG_ECDSA_SHA384,
    CR_SIG_ECDSA_SHA512,
    CR_SIG_RSA_SHA256,   /* PKCS#1 v1.5, RFC 4055 section 5 */
    CR_SIG_RSA_SHA384,
    CR_SIG_RSA_SHA512,
};

/* A public key as views into its SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). */
struct cr_public_key {
    enum cr_key_type type;
    unsigned bits;             /* 256, 384, or the modulus' length */
    struct cr_bytes spki;      /* the whole SubjectPublicKeyInfo, DER */
    struct cr_bytes point;     /* EC: 0x04 || X || Y */
    struct cr_bytes modulus;   /* RSA: unsigned big-endian, no leading zero */
    struct cr_bytes exponent;
};

enum { CR_KEY_DER_MAX = 2560 }; /* a private key of RSA-4096 as PKCS#8 takes 2,376 */
enum { CR_SIGNATURE_MAX = 512 }; /* RSA-4096; ECDSA P-384 in DER takes at most 104 */

struct cr_private_key; /* owned by its backend */

struct cr_key_backend {
    const char *name; /* "libcrypto", "mbedtls" */

    /* Whether `sig` (DER Ecdsa-Sig-Value, or the RSA signature) over `message` was made by this key.
     * CR_OK: yes. CR_DENIED: no, or malformed, or a point off the curve. CR_NOMEM, CR_CRYPTO: could not tell. */
    cr_err (*verify)(const struct cr_public_key *key, enum cr_sig_alg alg, struct cr_bytes message,
                     struct cr_bytes sig);

    /* Reads one private key, PEM (PKCS#8, SEC 1 or PKCS#1; encrypted when passphrase is not NULL) or DER.
     * CR_INVALID: not one, or the wrong passphrase. */
    cr_err (*private_load)(struct cr_private_key **key, struct cr_bytes pem_or_der, const char *passphrase);
    /* Makes a new key. */
    cr_err (*private_make)(struct cr_private_key **key, enum cr_key_type type, unsigned rsa_bits);
    /* The public half as DER SubjectPublicKeyInfo on the heap, EC points uncompressed. */
    cr_err (*private_spki)(const struct cr_private_key *key, struct cr_blob *spki);
    /* PKCS#8 PEM without encryption, for tools and tests. The caller wipes it. */
    cr_err (*private_pem)(const struct cr_private_key *key, struct cr_blob *pem);
    /* The same as DER into the caller's memory, and nowhere else; *len in: its capacity (CR_KEY_DER_MAX suffices). */
    cr_err (*private_der)(const struct cr_private_key *key, uint8_t *der, size_t *len);
    enum cr_key_type (*private_type)(const struct cr_private_key *key);
    /* Signs `message` (hashing it); *sig_len in: capacity of sig (CR_SIGNATURE_MAX suffices). The algorithm must fit
     * the key's type: CR_INVALID. */
    cr_err (*sign)(const struct cr_private_key *key, enum cr_sig_alg alg, struct cr_bytes message, uint8_t *sig,
                   size_t *sig_len);
    /* Signs with a key that private_der() wrote, of whichever backend. When it returns, nothing of the key is left in
     * memory but on the thread's stack. CR_INVALID: no such key. */
    cr_err (*sign_once)(struct cr_bytes der, enum cr_sig_alg alg, struct cr_bytes message, uint8_t *sig,
                        size_t *sig_len);
    /* Wipes and frees; harmless on NULL. */
    void (*private_free)(struct cr_private_key *key);
};

const struct cr_key_backend *cr_key_libcrypto(void);
const struct cr_key_backend *cr_key_mbedtls(void);
/* By name; NULL when there is none. */
const struct cr_key_backend *cr_key_backend(const char *name);

/* Gives back what libraries keep for the calling thread: for a thread that may still be there when they end. What is
 * needed again is made again. */
void cr_key_thread_end(void);

/* The algorithm we sign with under a key of this type: SHA-256, but SHA-384 with P-384. */
enum cr_sig_alg cr_sig_alg_for(enum cr_key_type type);
const char *cr_key_type_text(enum cr_key_type type); /* "EC-P256", "EC-P384", "RSA" */

/* Reads one SubjectPublicKeyInfo, strictly: named curves P-256 and P-384 with an uncompressed point, or rsaEncryption
 * with NULL parameters and minimal positive integers; nothing before or after. *key views `spki`.
 * CR_INVALID: not DER of that shape. CR_DENIED: well-formed, but of a kind we never accept (other curves, compressed,
 * explicit parameters, even exponents …). Does not check that the point is on its curve: verify() does. */
CR_MUST_USE cr_err cr_public_key_parse(struct cr_public_key *key, struct cr_bytes spki);

/* Whether the key can be seen to be weak: ROCA's fingerprint (CVE-2017-15361), a modulus that Fermat's method splits at
 * once, or one with a prime factor below 168. Bounded: under a millisecond at 4096 bits. CR_INVALID above that.
 * Not told: the keys of Debian's 2008 generator (CVE-2008-0166). Nothing in such a key shows where it comes from; they
 * are known by a list (weak_list.h). RSA keys are off unless a profile allows them. */
CR_MUST_USE cr_err cr_public_key_weak(bool *weak, const struct cr_public_key *key);

#endif
