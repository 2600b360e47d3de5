/* crl: certificate revocation lists (RFC 5280 section 5): built and signed, read, and checked before one of them takes
 * the place of another. Version 2, whole (no deltas, no partitions by reason), about the issuer's own certificates.
 *
 * Building and checking take time in proportion to the entries (n log n for sorting them), and so does the memory.
 * Pure; any thread. */
#ifndef CR_CRL_H
#define CR_CRL_H

#include "common/cert.h"
#include "common/der.h"

#include <stddef.h>

enum {
    CR_CRL_ENTRIES_MAX = 1000000,
    CR_CRL_MAX = 64 * CR_CRL_ENTRIES_MAX, /* bytes of DER */
    CR_CRL_REASON_MAX = 10,
};

/* A certificate that is revoked. */
struct cr_crl_entry {
    struct cr_serial serial;
    uint8_t reason; /* RFC 5280 section 5.3.1: 0 to 10, but 7; 0 is left out */
    int64_t at;     /* Unix seconds */
};

struct cr_crl_request {
    uint64_t number;
    int64_t this_update, next_update;
    struct cr_crl_entry *entry; /* is sorted by serial */
    size_t count;
};

/* Builds and signs one: revokedCertificates by serial (left out when there is none), AuthorityKeyIdentifier, CRLNumber.
 * *der is allocated. CR_INVALID: a serial twice or none, a reason that is none, nextUpdate not after thisUpdate, or an
 * issuer whose certificate does not let it sign CRLs. CR_FULL: too many entries. The signer's errors. */
CR_MUST_USE cr_err cr_crl_build(struct cr_blob *der, const struct cr_crl_request *request, const struct cr_cert *issuer,
                                enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx);

/* One that was read, as views into its DER. */
struct cr_crl {
    struct cr_bytes der, tbs;
    struct cr_bytes issuer;           /* Name, with header */
    struct cr_bytes authority_key_id; /* content; empty when absent */
    struct cr_bytes signature;
    enum cr_sig_alg sig_alg;
    int64_t this_update, next_update; /* next_update 0: it has none */
    bool numbered;
    uint64_t number;                  /* UINT64_MAX: beyond what fits */
    struct cr_bytes entries;          /* content of revokedCertificates */
    size_t count;
    bool sorted;                      /* by serial, and none of them twice */
};

/* Reads one, anybody's: version 1 or 2, DER, nothing behind, at most CR_CRL_ENTRIES_MAX entries, no critical extension
 * that changes what it is about. CR_INVALID otherwise. */
CR_MUST_USE cr_err cr_crl_parse(struct cr_crl *crl, struct cr_bytes der);
/* Takes the next entry off crl.entries. CR_NOT_FOUND at their end, CR_INVALID when malformed. */
CR_MUST_USE cr_err cr_crl_next(struct cr_der *entries, struct cr_crl_entry *entry);
/* CR_NOT_FOUND: it does not have that serial. Looks at them one by one. */
CR_MUST_USE cr_err cr_crl_find(const struct cr_crl *crl, const struct cr_serial *serial, struct cr_crl_entry *entry);

/* What a CRL has to be. */
struct cr_crl_expect {
    const struct cr_cert *issuer;  /* NULL: not known, and the signature is not looked at */
    const struct cr_key_backend *backend;
    int64_t now_s;
    bool ours;                     /* as we make them: numbered, sorted, with a key id, nextUpdate and an issuer */
    uint64_t number_min;           /* ours: it has this number or a higher one */
};
/* Reads and checks one. CR_INVALID, CR_DENIED: *why says what is wrong with it, in one sentence. CR_NOMEM, CR_CRYPTO:
 * could not tell. */
CR_MUST_USE cr_err cr_crl_check(struct cr_crl *crl, struct cr_bytes der, const struct cr_crl_expect *expect,
                                const char **why);

/* Appends one as PEM ("X509 CRL") to a NUL-terminated text of capacity cap; CR_FULL. */
CR_MUST_USE cr_err cr_crl_to_pem(char *text, size_t cap, struct cr_bytes der);
/* Bytes that are enough for one such block. */
size_t cr_crl_pem_cap(size_t der_len);
/* Takes the next block off a file's text, which may have explanations between the blocks. CR_NOT_FOUND: no more;
 * CR_INVALID: one, but broken; CR_NOMEM. *der is allocated. */
CR_MUST_USE cr_err cr_crl_from_pem(struct cr_blob *der, struct cr_bytes *text);

#endif
