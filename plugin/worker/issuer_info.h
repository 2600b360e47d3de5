/* issuer_info: looking at a trust: its issuers one by one, for people, and the chain behind a leaf of any of them.
 * Constant data; any thread. */
#ifndef CR_ISSUER_INFO_H
#define CR_ISSUER_INFO_H

#include "plugin/worker/issuer.h"

enum cr_issuer_kind {
    CR_KIND_OWN,     /* it can sign here */
    CR_KIND_TRUSTED, /* its devices are recognised as if they were ours */
    CR_KIND_FACTORY, /* its certificates let devices in */
};
/* "own", "trusted", "factory" */
const char *cr_issuer_kind_text(enum cr_issuer_kind kind);

struct cr_issuer_info {
    char id[CR_ISSUER_ID_TEXT];
    char subject[160];           /* a distinguished name as text, for people only */
    int64_t not_before, not_after;
    enum cr_issuer_kind kind;
    bool has_key;                /* it can sign here; which one does is told by cr_trust_signer() */
    int64_t sign_from;           /* has_key; 0: from the beginning */
    char factory[CR_NAME_CAP];   /* FACTORY: its name; "" otherwise */
};

/* The n-th issuer: first those that can sign, so that n is the signer's number, then the trusted ones, then the
 * factories' CAs. CR_NOT_FOUND behind the last. */
CR_MUST_USE cr_err cr_trust_info(const struct cr_trust *trust, unsigned n, struct cr_issuer_info *info);
/* The name of a factory by its number, as facts->factory has it; "" for any other number. */
const char *cr_trust_factory_name(const struct cr_trust *trust, unsigned factory);

/* Its certificate; NULL behind the last. Several may have the same key, and so the same id. Lent. */
const struct cr_cert *cr_trust_cert(const struct cr_trust *trust, unsigned n);

/* What a device is sent after a leaf of this issuer, DER, one after another: the chain of its own file, or the issuer
 * alone where it is only trusted. Empty for a root, or an issuer that is not trusted (any more). Lent. */
struct cr_bytes cr_trust_chain(const struct cr_trust *trust, const char *issuer_id);

/* Whether a leaf of this issuer has a chain that is valid at a time: its issuer, that one's and so on, up to a
 * self-issued one or the last that is known. They are all from our own files, so names and key ids tell who signed whom.
 * False also for an issuer that is not trusted. A factory's CA is judged alike. */
bool cr_trust_valid_at(const struct cr_trust *trust, const char *issuer_id, int64_t now_s);

#endif
