/* signer: what an issuer signs with, behind one interface.
 *
 * Threads: sign() is called by several workers at once. Ownership: whoever holds the struct calls free() once. */
#ifndef CR_SIGNER_H
#define CR_SIGNER_H

#include "common/cert.h"
#include "common/key.h"

struct cr_signer {
    cr_cert_sign_fn *sign;     /* CPU only, or bounded by a deadline of its own */
    void (*free)(void *ctx);   /* wipes what is secret */
    void *ctx;
    enum cr_sig_alg alg;
};

/* A signer with the private key in this PEM or DER text (passphrase NULL: not encrypted). The key rests as DER on pages
 * of its own; the backend has it only for the time of a signature, in which there is no core dump. CR_INVALID: not a
 * private key, or the passphrase does not open it. */
CR_MUST_USE cr_err cr_signer_of_key(struct cr_signer *signer, struct cr_bytes text, const char *passphrase,
                                    const struct cr_key_backend *backend);
/* Harmless on a zeroed one. */
void cr_signer_fini(struct cr_signer *signer);

#endif
