/* sig_alg: signature algorithms as AlgorithmIdentifier (RFC 5758, RFC 4055). Pure; any thread. */
#ifndef CR_SIG_ALG_H
#define CR_SIG_ALG_H

#include "common/der.h"
#include "common/key.h"

/* Takes an AlgorithmIdentifier. Well-formed but none of ours (SHA-1, MD5, PSS …): CR_OK and CR_SIG_NONE.
 * *whole (may be NULL) views it with its header. */
CR_MUST_USE cr_err cr_sig_alg_read(struct cr_der *reader, enum cr_sig_alg *alg, struct cr_bytes *whole);
/* Puts it before what stands. */
void cr_sig_alg_write(struct cr_der_writer *writer, enum cr_sig_alg alg);
/* Whether keys of this type make such signatures. */
bool cr_sig_alg_fits(enum cr_sig_alg alg, enum cr_key_type type);

/* Whether these bytes could be a signature by this key at all, the same for every backend: an Ecdsa-Sig-Value in DER
 * with r and s positive and no longer than the curve's order, or as many octets as the modulus has. */
bool cr_signature_shaped(const struct cr_public_key *key, struct cr_bytes sig);

#endif
