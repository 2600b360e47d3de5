/* issuer_info: looking at a trust: its issuers one by one, for people, and the chain behind a leaf of any of them.
 * Constant data; any thread. */
#ifndef CR_ISSUER_INFO_H
#define CR_ISSUER_INFO_H

#include "plugin/worker/issuer.h"

struct cr_issuer_info {
    char id[CR_ISSUER_ID_TEXT];
    char subject[160];           /* a distinguished name as text, for people only */
    int64_t not_before, not_after;
    bool signing;
};

/* The n-th trusted issuer; the first one signs. CR_NOT_FOUND behind the last. */
CR_MUST_USE cr_err cr_trust_info(const struct cr_trust *trust, unsigned n, struct cr_issuer_info *info);

/* Its certificate; NULL behind the last. Several may have the same key, and so the same id. Lent. */
const struct cr_cert *cr_trust_cert(const struct cr_trust *trust, unsigned n);

/* What a device is sent after a leaf of this issuer, DER, one after another. Empty for a root, or an issuer that is not
 * trusted (any more). Lent. */
struct cr_bytes cr_trust_chain(const struct cr_trust *trust, const char *issuer_id);

/* Whether a leaf of this issuer has a chain that is valid at a time: its issuer, that one's and so on, up to a
 * self-issued one or the last that is known. They are all from our own files, so names and key ids tell who signed whom.
 * False also for an issuer that is not trusted. */
bool cr_trust_valid_at(const struct cr_trust *trust, const char *issuer_id, int64_t now_s);

#endif
