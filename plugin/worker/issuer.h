/* issuer: the CA certificates that are trusted here, and the one key that signs, behind one interface, so that another
 * kind of signer (PKCS#11, a separate process, an upstream CA) can take its place without touching anything else.
 *
 * Constant once loaded; signing and identifying on any thread at once. */
#ifndef CR_ISSUER_H
#define CR_ISSUER_H

#include "common/cert.h"
#include "common/refusal.h"

struct cr_trust;

struct cr_trust_options {
    const char *certfile;              /* the issuing certificate first, then its chain; PEM */
    const char *keyfile;               /* its private key; PEM; readable by nobody but its owner */
    const char *passphrase_file;       /* NULL or "": the key is not encrypted */
    const char *const *trusted_cafile; /* further issuers whose devices are recognised */
    unsigned trusted_count;
    const struct cr_key_backend *backend;
    int64_t now_s;
};

/* Called once per mistake with a sentence that names the file and says what to do. */
typedef void cr_trust_complain_fn(void *ctx, const char *sentence);

/* Loads and checks everything, complaining about each mistake. CR_INVALID: *trust is NULL. */
CR_MUST_USE cr_err cr_trust_load(struct cr_trust **trust, const struct cr_trust_options *options,
                                 cr_trust_complain_fn *complain, void *ctx);
/* Wipes the key. Harmless on NULL. */
void cr_trust_free(struct cr_trust *trust);

/* Whose is the certificate of a connection? Fills *facts, issuer included, when a trusted issuer signed it directly. Validity
 * times are the caller's matter. CR_DENIED: *refusal says why. */
CR_MUST_USE cr_err cr_trust_identify(const struct cr_trust *trust, struct cr_bytes der, struct cr_cert_facts *facts,
                                     enum cr_refusal *refusal);
/* Whether this is the key of one of the trusted issuers or of a certificate of their chains. */
bool cr_trust_has_key(const struct cr_trust *trust, const uint8_t key_hash[CR_SHA256_LEN]);

/* The certificate that signs, and its id. Lent. */
const struct cr_cert *cr_trust_signing_cert(const struct cr_trust *trust);
const char *cr_trust_signing_id(const struct cr_trust *trust);
/* The intermediates that follow a leaf of this issuer, DER, one after another; self-signed ones are left out. Empty for an
 * unknown issuer. Lent. */
struct cr_bytes cr_trust_chain(const struct cr_trust *trust, const char *issuer_id);

struct cr_issuer_info {
    char id[CR_ISSUER_ID_TEXT];
    char subject[160];                 /* for people */
    int64_t not_before, not_after;
    bool signing;
};
/* The n-th trusted issuer. CR_NOT_FOUND behind the last. */
CR_MUST_USE cr_err cr_trust_info(const struct cr_trust *trust, unsigned n, struct cr_issuer_info *info);

/* Signs a leaf under the signing issuer. *der is allocated. CR_CRYPTO, CR_NOMEM, CR_UNAVAILABLE (no random numbers). */
CR_MUST_USE cr_err cr_issuer_sign(const struct cr_trust *trust, const struct cr_profile *profile, const char *device,
                                  struct cr_bytes spki, bool san, const struct cr_cert_intent *intent,
                                  struct cr_blob *der);

#endif
