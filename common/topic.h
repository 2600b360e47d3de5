/* topic: the only place where a topic is built or parsed. Pure; any thread.
 *
 *     <prefix>/<device>/<slot>/<verb>      prefix: configurable, "$identity/v1" by default
 *     $CONTROL/cert-renewal/v1             operator channel, its response and its events
 */
#ifndef CR_TOPIC_H
#define CR_TOPIC_H

#include "common/err.h"
#include "common/identity.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    CR_TOPIC_PREFIX_MAX = 64,
    CR_TOPIC_CAP = CR_TOPIC_PREFIX_MAX + 2 * CR_NAME_MAX + 16
};

#define CR_TOPIC_PREFIX_DEFAULT "$identity/v1"
#define CR_TOPIC_CA_SLOT "ca"
#define CR_TOPIC_CRL "$SYS/broker/cert-renewal/crl" /* "/<issuer>" */
#define CR_TOPIC_CONTROL "$CONTROL/cert-renewal/v1"
#define CR_TOPIC_CONTROL_RESPONSE CR_TOPIC_CONTROL "/response"
#define CR_TOPIC_CONTROL_EVENT CR_TOPIC_CONTROL "/event"

enum cr_verb {
    CR_VERB_CSR,         /* from the device */
    CR_VERB_GET,
    CR_VERB_REPORT,
    CR_VERB_RENEW,       /* from the plugin */
    CR_VERB_PENDING,
    CR_VERB_CERTIFICATE,
    CR_VERB_REJECTED,
    CR_VERB_STATUS,
    CR_VERB_TRUST,       /* only of the slot CR_TOPIC_CA_SLOT, which has no other verb than this and report */
    CR_VERB_COUNT
};

const char *cr_verb_text(enum cr_verb verb);
/* csr, get and report come from devices; the others are the plugin's alone. */
bool cr_verb_from_device(enum cr_verb verb);

/* What a topic is to us. */
enum cr_topic_kind {
    CR_TOPIC_OTHER,      /* not under our prefix: none of our business */
    CR_TOPIC_DEVICE,     /* a well-formed device topic: every field of cr_topic is set */
    CR_TOPIC_OURS_BAD,   /* under our prefix, but nothing that exists (wildcards, empty levels, bad names …) */
    CR_TOPIC_OPERATOR,   /* exactly CR_TOPIC_CONTROL */
    CR_TOPIC_OPERATOR_RESPONSE,
    CR_TOPIC_OPERATOR_EVENT, /* CR_TOPIC_CONTROL_EVENT "/…" */
    CR_TOPIC_OPERATOR_BAD    /* anything else below $CONTROL/cert-renewal */
};

struct cr_topic {
    enum cr_topic_kind kind;
    enum cr_verb verb;
    char device[CR_NAME_CAP];
    char slot[CR_NAME_CAP];
};

/* Classifies a topic of any length. A topic filter (with wildcards, or $share/…) is not a topic: see below. */
void cr_topic_parse(struct cr_topic *topic, const char *prefix, const char *text);

/* Whether a subscription filter could match something under our prefix or the operator channel. Looks through
 * $share/<group>/. A leading '#' or '+' does not match '$' topics (MQTT 3.1.1 section 4.7.2). */
bool cr_filter_touches(const char *prefix, const char *filter);
/* Whether a filter stays entirely within the topics of one device: "<prefix>/<device>/…". */
bool cr_filter_within_device(const char *prefix, const char *filter, const char *device);

/* Writes "<prefix>/<device>/<slot>/<verb>". CR_FULL when it does not fit; names are not checked again. */
CR_MUST_USE cr_err cr_topic_build(char *text, size_t cap, const char *prefix, const char *device, const char *slot,
                                  enum cr_verb verb);

/* A prefix is one or more levels of printable characters without wildcards, at most CR_TOPIC_PREFIX_MAX bytes. */
bool cr_topic_prefix_ok(const char *prefix);

#endif
