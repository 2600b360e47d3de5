/* csr: which certification requests are accepted (PKCS#10, RFC 2986), cheapest check first.
 *
 * The walk is our own, over mbedTLS's ASN.1 primitives, strict DER; no library's notion of a CSR is trusted. Views
 * point into the caller's DER. Pure; any thread; no allocation that grows with the input. */
#ifndef CR_CSR_H
#define CR_CSR_H

#include "common/bytes.h"
#include "common/key.h"
#include "common/profile.h"
#include "common/refusal.h"
#include "common/weak_list.h"

enum {
    CR_CSR_MAX = 8192,        /* bytes of a request in any format, checked before anything is read */
    CR_CSR_DEPTH_MAX = 16,    /* nested constructed values */
    CR_CSR_RDN_MAX = 8,
    CR_CSR_ATTRIBUTE_MAX = 8,
    CR_CSR_EXTENSION_MAX = 16,
};

enum cr_csr_format { CR_FORMAT_PEM, CR_FORMAT_DER, CR_FORMAT_JSON };

struct cr_csr {
    struct cr_bytes der;        /* all of it */
    struct cr_bytes info;       /* CertificationRequestInfo: what is signed */
    struct cr_bytes subject;    /* Name, with its header */
    struct cr_public_key key;
    struct cr_bytes attributes; /* content of [0] */
    enum cr_sig_alg sig_alg;
    struct cr_bytes signature;  /* content of the BIT STRING, without the unused-bits octet */
    uint8_t key_hash[CR_SHA256_LEN]; /* SHA-256 of key.spki: with device and slot the key of a request */
    bool san_requested;         /* a SAN equal to the identity is asked for (set by cr_csr_check_extensions) */
};

/* Turns a PEM request into DER: exactly one block "CERTIFICATE REQUEST" (or "NEW CERTIFICATE REQUEST"), nothing before
 * it, only line ends after it. Allocates *der. A private key in the text is CR_REFUSAL_PRIVATE_KEY_SENT.
 * CR_REFUSAL_NONE: done. */
CR_MUST_USE enum cr_refusal cr_csr_from_pem(struct cr_blob *der, struct cr_bytes pem);

/* The steps, cheapest first; 1 and 2, size and identity, are the router's. Each assumes that the earlier ones passed. */
CR_MUST_USE enum cr_refusal cr_csr_parse(struct cr_csr *csr, struct cr_bytes der);             /* 3 structure */
/* 4: also refuses keys that are weak, by themselves (key.h) or by the list, which may be NULL. */
CR_MUST_USE enum cr_refusal cr_csr_check_key(const struct cr_csr *csr, const struct cr_profile *profile,
                                             const struct cr_weak_list *list);
CR_MUST_USE enum cr_refusal cr_csr_check_proof(const struct cr_csr *csr, const struct cr_key_backend *backend); /* 5 */
/* 6: also tells a well-formed other device's CN (CR_REFUSAL_WRONG_IDENTITY, an alarm) from a mere mismatch. */
CR_MUST_USE enum cr_refusal cr_csr_check_subject(const struct cr_csr *csr, const struct cr_profile *profile,
                                                 const char *device);
CR_MUST_USE enum cr_refusal cr_csr_check_extensions(struct cr_csr *csr, const struct cr_profile *profile,
                                                    const char *device); /* 7 */

/* All of them in order. */
CR_MUST_USE enum cr_refusal cr_csr_accept(struct cr_csr *csr, struct cr_bytes der, const struct cr_profile *profile,
                                          const char *device, const struct cr_weak_list *list,
                                          const struct cr_key_backend *backend);

#endif
