/* bundle: the CA certificates that devices are to believe in, as they are vouched for and sent, and what a device reports
 * of them. The message is on the device channel, <device>/ca/trust. Pure but for the heap; any thread.
 *
 * Whoever signs does so over these bytes: CR_BUNDLE_TITLE with its NUL, the version (8 bytes, big-endian), the mode (one
 * byte: 0 add, 1 replace), and of each certificate its length (4 bytes, big-endian) and its DER. */
#ifndef CR_COMMON_BUNDLE_H
#define CR_COMMON_BUNDLE_H

#include "common/message.h"

#define CR_BUNDLE_TITLE "mosquitto-cert-renewal trust bundle v1"

/* What a device does with it. */
enum cr_trust_mode {
    CR_TRUST_ADD,     /* beside what it believes in already */
    CR_TRUST_REPLACE, /* instead of that */
    CR_TRUST_MODES
};
const char *cr_trust_mode_text(enum cr_trust_mode mode);   /* "add", "replace" */
enum cr_trust_mode cr_trust_mode_parse(const char *text);  /* CR_TRUST_MODES: no such */

/* What is signed; certs are DER, one after another. *message is allocated. CR_INVALID: they are no certificates, or there
 * are none; CR_NOMEM. */
CR_MUST_USE cr_err cr_bundle_message(struct cr_blob *message, uint64_t version, enum cr_trust_mode mode,
                                     struct cr_bytes certs);

/* {"version","mode","certificates":[PEM…],"signer":[PEM…],"signature":base64}. *json is allocated. CR_INVALID: the
 * certificates or the chain are not what they must be; CR_NOMEM. */
struct cr_trust_message {
    uint64_t version;
    enum cr_trust_mode mode;
    struct cr_bytes certs;        /* DER, one after another */
    struct cr_bytes signer_chain; /* the same: the issuing certificate, then its chain */
    struct cr_bytes signature;
};
CR_MUST_USE cr_err cr_trust_message_write(struct cr_blob *json, const struct cr_trust_message *message);

/* <device>/ca/report: {"version","outcome","reason"?} */
struct cr_trust_report {
    uint64_t version;
    enum cr_report_outcome outcome;
    char reason[CR_REASON_CAP];
};
CR_MUST_USE enum cr_refusal cr_trust_report_parse(struct cr_trust_report *report, struct cr_bytes payload);

#endif
