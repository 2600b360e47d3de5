/* ocsp: signed answers about one certificate (RFC 6960), built and read. Signed by its issuer itself; named by SHA-1 of its
 * issuer's name and key, as RFC 5019 wants it, and no other answer is accepted. Made without a nonce: each is good until
 * its nextUpdate, for whoever asks. Pure; any thread. */
#ifndef CR_OCSP_H
#define CR_OCSP_H

#include "common/cert.h"

enum { CR_OCSP_MAX = 4096 };

struct cr_ocsp_answer {
    struct cr_serial serial;
    bool revoked;
    uint8_t reason;      /* revoked: RFC 5280 section 5.3.1; 0 is left out */
    int64_t revoked_at;
    int64_t produced_at, this_update, next_update; /* Unix seconds */
};

/* Builds and signs an OCSPResponse. *der is allocated. CR_INVALID: no serial, a reason that is none, nextUpdate not after
 * thisUpdate. The signer's errors. */
CR_MUST_USE cr_err cr_ocsp_build(struct cr_blob *der, const struct cr_ocsp_answer *answer, const struct cr_cert *issuer,
                                 enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx);

/* Reads one as it is built here, strictly. CR_INVALID: it is none. CR_DENIED: another issuer's, or the signature is wrong.
 * Times are not looked at. */
CR_MUST_USE cr_err cr_ocsp_read(struct cr_ocsp_answer *answer, struct cr_bytes der, const struct cr_cert *issuer,
                                const struct cr_key_backend *backend);

#endif
