/* agent_bundle: a trust bundle as it comes over the wire, and what its signature is over. Pure; no heap.
 *
 *     {"version":3,"mode":"add"|"replace","certificates":["<PEM>"…],"signer":["<PEM>"…],
 *      "signature":"<base64>"}
 *
 * Signed: "mosquitto-cert-renewal trust bundle v1" and a NUL; the version, 8 bytes; the mode, 1 byte (1: replace);
 * of each certificate its length, 4 bytes, and its DER. Numbers have their most significant byte first. */
#ifndef AGENT_BUNDLE_H
#define AGENT_BUNDLE_H

#include "agent.h"

enum {
    AGENT_BUNDLE_HEAD = 48, /* of the message, before its certificates */
    AGENT_BUNDLE_MAX = AGENT_BUNDLE_HEAD + AGENT_TRUST_MAX + 4 * AGENT_TRUST_CERTS_MAX,
};

struct agent_bundle {
    uint32_t version;
    bool replace;
    bool too_large;      /* the certificates or the signer do not fit: nothing but version and replace is set */
    uint8_t *message;    /* given: AGENT_BUNDLE_MAX bytes */
    uint8_t *signer;     /* given: AGENT_CHAIN_MAX bytes */
    uint8_t *signature;  /* given: AGENT_SIGNATURE_MAX bytes */
    size_t message_len, signer_len, signature_len;
};

/* Reads a payload into the buffers that are given. False: not a bundle. */
bool agent_bundle_read(struct agent_bundle *bundle, const uint8_t *payload, size_t len);
/* Makes the message into what is stored, in its place: DER certificates one after another. Returns their length. */
size_t agent_bundle_strip(struct agent_bundle *bundle);

/* The length of the first certificate of `der` with its header; 0: it is none, or not whole. */
size_t agent_der_first(const uint8_t *der, size_t len);

#endif
