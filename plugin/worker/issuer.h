/* issuer: who signs, and whose signatures are believed.
 *
 * An issuer is a CA certificate with the chain that devices are sent beside their own, and something that signs for it.
 * That something is a cr_signer (signer.h): a key file today, a token or a remote service behind the same three
 * functions tomorrow. A trust is the set of issuers whose devices are recognised; at any time one of them signs. Beside
 * them are factories: their CAs are believed for nothing but whom a factory certificate names.
 *
 * Threads: loading is done by one; a loaded trust is constant, and every other function may be called on any thread at
 * the same time. Whoever loaded it frees it when nobody uses it any more. Loading reads files; nothing else does I/O.
 * */
#ifndef CR_ISSUER_H
#define CR_ISSUER_H

#include "common/cert.h"
#include "common/key.h"
#include "common/profile.h"
#include "common/refusal.h"
#include "plugin/config.h"

struct cr_trust;
struct cr_weak_list;

/* One that signs, or did, or will. The names in the messages are those of the configuration file. */
struct cr_trust_issuer {
    const char *certfile;        /* issuer_certfile: the issuing certificate, then its chain; PEM */
    const char *keyfile;         /* issuer_keyfile: its private key, readable by its owner only */
    const char *passphrase_file; /* issuer_passphrase_file; NULL or "": the key is not encrypted; "credential:NAME" */
    int64_t sign_from;           /* issuer_sign_from; 0: from the beginning */
};

/* Whose certificates let devices in. */
struct cr_trust_factory {
    const char *cafile;          /* factory_cafile: one or more CA certificates */
    const char *name;
    enum cr_factory_identity identity;
};

/* Borrowed while loading, but for weak_keys. */
struct cr_trust_config {
    size_t issuer_count;         /* at least one */
    struct cr_trust_issuer issuer[CR_ISSUERS_MAX];
    const char *const *trusted_cafile; /* trusted_cafile: further issuers, each file with one or more CA certificates */
    size_t trusted_count;
    size_t factory_count;
    struct cr_trust_factory factory[CR_FACTORIES_MAX];
    const struct cr_weak_list *weak_keys; /* no key of a factory certificate may be on it; NULL: none. Outlives the trust */
    const struct cr_key_backend *backend;
};

/* Reads and checks all of it. CR_INVALID: *errors holds every mistake as a sentence that names the file and says what
 * to do, one a line, cut where the capacity ends. CR_NOMEM, CR_CRYPTO: as they say; *trust is NULL then too.
 * Refused: files that cannot be read, a key or passphrase that others than its owner can read (a symbolic link is
 * followed), not a CA, a chain out of order, a key that is not the certificate's, the same issuer twice, an issuer or a
 * trusted one that is a factory too. Also when of all that sign none is within its time, now or at its sign_from; one
 * that is not does no harm beside another that is. */
CR_MUST_USE cr_err cr_trust_load(struct cr_trust **trust, const struct cr_trust_config *config, int64_t now_s,
                                 char *errors, size_t errors_cap);
/* Wipes the keys and frees; harmless on NULL. */
void cr_trust_free(struct cr_trust *trust);

/* ---- those that can sign: numbered from 0 on, in the order of the configuration ---- */

enum { CR_NO_SIGNER = 255 };
/* How many there are; at least one. */
unsigned cr_trust_signers(const struct cr_trust *trust);
/* The one that signs at this time: of those whose moment has come (issuer_sign_from) the one whose moment came last, the
 * last in the file among equals; never one that is `excluded` (NULL: none is), or outside its time or that of a
 * certificate of its chain. CR_NO_SIGNER. */
typedef bool cr_signer_excluded_fn(void *ctx, const char *issuer_id);
unsigned cr_trust_signer(const struct cr_trust *trust, int64_t now_s, cr_signer_excluded_fn *excluded, void *ctx);
/* The number of the issuer with this id; CR_NO_SIGNER: it cannot sign here. */
unsigned cr_trust_signer_of(const struct cr_trust *trust, const char *issuer_id);
/* From the first to the last second at which any of them is valid: a clock outside is wrong. */
void cr_trust_signers_span(const struct cr_trust *trust, int64_t *not_before, int64_t *not_after);

/* Its certificate: what cr_cert_intent_make() asks for. */
const struct cr_cert *cr_issuer_cert(const struct cr_trust *trust, unsigned signer);
/* Its id: the first 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo. */
const char *cr_issuer_id(const struct cr_trust *trust, unsigned signer);
/* What a device is sent after its own certificate: concatenated DER, the issuing certificate first, without a
 * self-signed one: a root that is not believed already is not believed for being sent. Empty when the root itself
 * signs. */
struct cr_bytes cr_issuer_chain(const struct cr_trust *trust, unsigned signer);

/* Builds and signs the leaf of an intent. Same intent, same to-be-signed bytes. `san` is the request's wish; the
 * profile decides. CR_INVALID: the intent does not fit the issuer (any more). *der is allocated. */
CR_MUST_USE cr_err cr_issuer_sign(const struct cr_trust *trust, unsigned signer, const struct cr_profile *profile,
                                  const char *device, struct cr_bytes spki, bool san, const struct cr_cert_intent *intent,
                                  struct cr_blob *der);

/* Signs the statement of a checkpoint of the journal: the message that store/checkpoint.h makes of it, which is never
 * the to-be-signed part of a certificate. *sig_len in: the capacity, CR_SIGNATURE_MAX. The signer's errors; CR_FULL. */
CR_MUST_USE cr_err cr_issuer_attest(const struct cr_trust *trust, unsigned signer, struct cr_bytes statement,
                                    uint8_t *sig, size_t *sig_len);

/* Signs to-be-signed bytes that its caller has built: of a CRL (common/crl.h), an OCSP response (common/ocsp.h), a trust
 * bundle (common/bundle.h). A cr_cert_sign_fn: ctx is a struct cr_issuer_signing. */
struct cr_issuer_signing {
    const struct cr_trust *trust;
    unsigned signer;
};
CR_MUST_USE cr_err cr_issuer_sign_bytes(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len);
enum cr_sig_alg cr_issuer_sig_alg(const struct cr_trust *trust, unsigned signer);

/* Reads the certificate that a connection presented and finds the issuer that signed it, directly: a trusted one, or a
 * factory. CR_OK: *facts is filled, with the issuer's id. Of a factory certificate facts->factory says which, and
 * facts->device is what its factory_identity names; "" when that is not there exactly once, or could not be an identity,
 * as facts->device is "" when the subject has no such CN. CR_DENIED: *why says what is to be answered;
 * CR_REFUSAL_KEY_NOT_ALLOWED: a factory certificate with a key that is known weak or of a kind that nobody may have.
 * Of what is denied only facts->factory is told: not 0 where the certificate names a factory's CA as its issuer, be it
 * one that cannot be read, for the broker has let it in. Other errors: could not tell. Times are not looked at: facts has them, and TLS did. */
CR_MUST_USE cr_err cr_trust_identify(const struct cr_trust *trust, struct cr_bytes cert_der,
                                     struct cr_cert_facts *facts, enum cr_refusal *why);
/* The number of the factory with such a CA as the certificate names as its issuer; 0: none. Nothing is verified, and the
 * rest of the certificate may be unreadable. */
unsigned cr_trust_factory_claimed(const struct cr_trust *trust, struct cr_bytes cert_der);

/* Whether this is the hash (SHA-256 of the SubjectPublicKeyInfo) of a CA's key that we know: of a trusted issuer or of
 * a certificate in a chain, or of a factory. A device that asks to have such a key certified is an alarm. */
bool cr_trust_has_key(const struct cr_trust *trust, const uint8_t key_hash[CR_SHA256_LEN]);

#endif
