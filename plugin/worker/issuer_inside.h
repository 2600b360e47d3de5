/* issuer_inside: what the files issuer*.c share; nobody else includes it. */
#ifndef CR_ISSUER_INSIDE_H
#define CR_ISSUER_INSIDE_H

#include "plugin/worker/issuer.h"
#include "plugin/worker/signer.h"

enum { CR_TRUST_ISSUERS_MAX = 64, CR_CHAIN_MAX = 8 };

struct cr_trusted {
    struct cr_cert cert; /* views into one of `ders` */
    char id[CR_ISSUER_ID_TEXT];
    uint8_t factory;     /* 0: none; else its number */
};

/* One that can sign: the issuer of the same number, and what it signs with. */
struct cr_signing {
    struct cr_signer signer;
    int64_t sign_from;
    int64_t not_before, not_after;           /* in which all of the chain is valid */
    struct cr_cert chain_cert[CR_CHAIN_MAX]; /* all of issuer_certfile, the issuing certificate first */
    size_t chain_count;
    struct cr_bytes chain;                   /* of its ders: without the root at its end */
};

struct cr_trust_origin {
    char name[CR_NAME_CAP];
    enum cr_factory_identity identity;
};

struct cr_trust {
    const struct cr_key_backend *backend;
    const struct cr_weak_list *weak_keys;
    struct cr_blob *ders; /* what the files held, one blob a file, in the order of the configuration */
    size_t der_count;
    struct cr_signing signing[CR_ISSUERS_MAX];
    unsigned signing_count;
    struct cr_trusted issuer[CR_TRUST_ISSUERS_MAX]; /* those that sign, the trusted ones, the factories' */
    size_t issuer_count;
    struct cr_trust_origin factory[CR_FACTORIES_MAX]; /* [0] is number 1 */
    unsigned factory_count;
};

/* ---- while it is loaded ---- */

struct cr_loading {
    struct cr_trust *trust;
    const struct cr_trust_config *config;
    int64_t now_s;
    char *errors;
    size_t errors_cap;
    size_t errors_len;
    unsigned mistakes;
};

/* One more mistake: a line. */
void cr_loading_complain(struct cr_loading *loading, const char *format, ...) CR_PRINTF(2, 3);
/* The certificates of a file as concatenated DER, kept in the trust's next blob. CR_INVALID: complained. */
CR_MUST_USE cr_err cr_loading_certs(struct cr_loading *loading, const char *key, const char *path, struct cr_bytes *ders);
/* Complains that one of a file's certificates cannot be read. `number` counts from 1 within the file. */
void cr_loading_unread(struct cr_loading *loading, const char *key, const char *path, size_t number);
/* Whether a certificate may stand for an issuer at all, but for its time. Complains. */
bool cr_loading_ca(struct cr_loading *loading, const char *key, const char *path, size_t number,
                   const struct cr_cert *cert);
/* Puts it at the end of the issuers. CR_INVALID: complained, there are too many, or it cannot stand beside one of them;
 * CR_FULL: it is there already, and nothing changed. */
CR_MUST_USE cr_err cr_loading_add(struct cr_loading *loading, const char *key, const char *path,
                                  const struct cr_cert *cert, unsigned factory);

/* issuer_own.c: issuer_certfile and what belongs to it, the n-th. CR_INVALID: complained. */
CR_MUST_USE cr_err cr_loading_own(struct cr_loading *loading, size_t n);
/* Once all are read: whether one of them can sign, now or at its time. Complains. */
void cr_loading_times(struct cr_loading *loading);
/* issuer_key.c: what the n-th signs with. CR_INVALID: complained. */
CR_MUST_USE cr_err cr_loading_key(struct cr_loading *loading, size_t n);
/* Whether it is its certificate's. CR_INVALID: complained. */
CR_MUST_USE cr_err cr_loading_key_fits(struct cr_loading *loading, size_t n);

#endif
