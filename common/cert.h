/* cert: reading the certificates that devices present, and building those that we sign (X.509 v3, RFC 5280).
 * Names are built and compared as DER, never through a string-to-DN function. Pure; any thread. */
#ifndef CR_CERT_H
#define CR_CERT_H

#include "common/bytes.h"
#include "common/identity.h"
#include "common/key.h"
#include "common/profile.h"

#include <stdint.h>

enum {
    CR_SERIAL_MAX = 20,                       /* RFC 5280 section 4.1.2.2; ours have at most 16 */
    CR_SERIAL_TEXT = 2 * CR_SERIAL_MAX + 1,
    CR_CERT_MAX = 4096,                       /* a certificate's DER, ours or presented */
    CR_ISSUER_ID_TEXT = 17,                   /* 16 hex digits and a NUL */
};

struct cr_serial {
    uint8_t octets[CR_SERIAL_MAX]; /* minimal positive big-endian, as in the INTEGER */
    uint8_t len;                   /* 0: none */
};

/* What the ledger wants to know of a certificate. Copies, no views: it travels between threads. */
struct cr_cert_facts {
    char device[CR_NAME_CAP];         /* the subject's CN; "" when not exactly one, or not a valid name */
    struct cr_serial serial;
    char issuer[CR_ISSUER_ID_TEXT];   /* id of the trusted issuer that verified it; "" until that happened */
    uint8_t key_hash[CR_SHA256_LEN];  /* SHA-256 of the SubjectPublicKeyInfo */
    int64_t not_before, not_after;    /* Unix seconds */
    uint8_t factory;                  /* 0: one of ours, or trusted like it; n: of the n-th configured factory, from 1 on */
};

/* A parsed certificate as views into its DER. */
struct cr_cert {
    struct cr_bytes der, tbs;
    struct cr_bytes issuer, subject;  /* Name, with header */
    struct cr_bytes spki;
    struct cr_bytes subject_key_id, authority_key_id; /* content; empty when absent */
    struct cr_bytes alt_names;        /* what the subjectAltName extension wraps, not looked into; empty when absent */
    struct cr_bytes signature;
    enum cr_sig_alg sig_alg;
    bool is_ca, self_issued;
    bool key_cert_sign, crl_sign;     /* keyUsage absent counts as set */
    bool client_auth;                 /* extendedKeyUsage absent counts as set */
    struct cr_cert_facts facts;
};

/* Reads one DER certificate, v3, no trailing bytes, known critical extensions only, serial of 1-20 octets and positive.
 * CR_INVALID otherwise. */
CR_MUST_USE cr_err cr_cert_parse(struct cr_cert *cert, struct cr_bytes der);

/* Whether `issuer` signed `cert`: names equal as DER, key ids equal where both are there, issuer is a CA that may sign
 * certificates, signature verifies. Validity times are not looked at. CR_DENIED: no. */
CR_MUST_USE cr_err cr_cert_verify(const struct cr_cert *cert, const struct cr_cert *issuer,
                                  const struct cr_key_backend *backend);

/* Everything that decides the to-be-signed bytes. Same intent, same TBSCertificate. */
struct cr_cert_intent {
    struct cr_serial serial;
    int64_t not_before, not_after;
};

/* 127 random bits, positive, minimal, 1-16 octets, never zero. */
CR_MUST_USE cr_err cr_serial_make(struct cr_serial *serial, const struct cr_random *random);
void cr_serial_text(char text[CR_SERIAL_TEXT], const struct cr_serial *serial); /* lower-case hex */
CR_MUST_USE cr_err cr_serial_parse(struct cr_serial *serial, const char *text);
bool cr_serial_equal(const struct cr_serial *a, const struct cr_serial *b);

/* Chooses serial and validity: from now - skew, lifetime less a random jitter, never past the issuer's notAfter, across
 * 2049/2050 in the right ASN.1 type. CR_UNAVAILABLE: no random numbers. CR_DENIED: the issuer's time is up, or the
 * clock lies outside the issuer's validity. */
CR_MUST_USE cr_err cr_cert_intent_make(struct cr_cert_intent *intent, const struct cr_profile *profile,
                                       const struct cr_cert *issuer, int64_t now_s, const struct cr_random *random);

/* Signs to-be-signed bytes; ctx is the caller's. */
typedef cr_err cr_cert_sign_fn(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len);

/* What is on both sides of a leaf: an issuer's certificate, or itself for a root. */
struct cr_cert_request {
    const struct cr_profile *profile;
    const char *device;
    struct cr_bytes spki;       /* the subject's SubjectPublicKeyInfo */
    bool san;                   /* a SAN dNSName = device */
};

/* Builds and signs a leaf: SKI (SHA-1 of the key, RFC 5280 section 4.2.1.2 (1)), AKI, BasicConstraints CA:FALSE
 * critical, KU critical, EKU, optional CRL distribution point and AIA. *der is allocated. Refuses reversed validity
 * (CR_INVALID). */
CR_MUST_USE cr_err cr_cert_build(struct cr_blob *der, const struct cr_cert_request *request,
                                 const struct cr_cert_intent *intent, const struct cr_cert *issuer,
                                 enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx);

/* Builds and signs a CA certificate, for the demo's PKI and for tests. issuer NULL: self-signed. pathlen -1: none. */
struct cr_ca_request {
    const char *common_name;
    struct cr_bytes spki;
    int pathlen;
};
CR_MUST_USE cr_err cr_cert_build_ca(struct cr_blob *der, const struct cr_ca_request *request,
                                    const struct cr_cert_intent *intent, const struct cr_cert *issuer,
                                    enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx);

/* DER ⇄ PEM of one or more certificates. to_pem appends one block, LF line ends, to a NUL-terminated text of capacity
 * `cap`; from_pem allocates the concatenated DER of every CERTIFICATE block in a file's text. */
CR_MUST_USE cr_err cr_cert_to_pem(char *text, size_t cap, struct cr_bytes der);
CR_MUST_USE cr_err cr_cert_from_pem(struct cr_blob *ders, struct cr_bytes pem);
/* Takes the next certificate off a run of concatenated DER certificates. CR_NOT_FOUND at its end. */
CR_MUST_USE cr_err cr_cert_next(struct cr_bytes *cert_der, struct cr_bytes *rest);

#endif
