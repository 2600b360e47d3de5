/* tls: one client TLS context for the whole fleet; each connection shows its own identity through it.
 *
 * A context of its own per device would load the CA file and the keys at each connect, which costs the simulating
 * machine more than the handshake itself. Main thread only. */
#ifndef DEVICE_SIM_TLS_H
#define DEVICE_SIM_TLS_H

#include "device-sim/agent/agent.h"
#include "common/err.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* A device's key and chain, ready for a handshake. */
struct tls_identity {
    EVP_PKEY *key;
    X509 *leaf;
    STACK_OF(X509) *others; /* what follows the leaf */
    STACK_OF(X509) *trust;  /* whom to believe; NULL: whom the context does */
};

struct tls {
    SSL_CTX *ctx;
    const struct tls_identity *using; /* of the connection that is being driven right now */
    bool *refused;                    /* set when its peer sends a fatal alert */
    bool *answered;                   /* set when its peer shows a certificate */
    const char *host;                 /* lent */
    bool named;                       /* it is a DNS name, to be told to the server */
};

/* The broker's certificate must chain to `cafile` and carry `host` (a DNS name or an IP address), which is
 * lent.
 * CR_INVALID: no CA certificates in the file. */
CR_MUST_USE cr_err tls_init(struct tls *tls, const char *cafile, const char *host);
void tls_fini(struct tls *tls);

/* Reads what agent_credentials() gave; by a token the device shows no certificate. CR_INVALID: not a key and chain. */
CR_MUST_USE cr_err tls_identity_init(struct tls_identity *identity, const struct agent_identity *from);
/* And what agent_trust() gave: DER certificates, one after another. */
CR_MUST_USE cr_err tls_identity_trust(struct tls_identity *identity, const uint8_t *der, size_t len);
void tls_identity_fini(struct tls_identity *identity);

#endif
