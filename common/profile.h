/* profile: what a slot's certificates are like and when they are renewed: the policy of one slot.
 * Filled by the plugin's configuration; constant once in use; pure. */
#ifndef CR_PROFILE_H
#define CR_PROFILE_H

#include "common/identity.h"
#include "common/key.h"

#include <stdbool.h>
#include <stdint.h>

enum { /* cr_profile.key_usage: RFC 5280 section 4.2.1.3, bit n of the BIT STRING is 1 << n here */
    CR_KU_DIGITAL_SIGNATURE = 1 << 0,
    CR_KU_KEY_ENCIPHERMENT = 1 << 2,
    CR_KU_KEY_AGREEMENT = 1 << 4,
};
enum { /* cr_profile.ext_key_usage */
    CR_EKU_CLIENT_AUTH = 1 << 0,
    CR_EKU_SERVER_AUTH = 1 << 1,
    CR_EKU_CODE_SIGNING = 1 << 2,
};
enum { /* cr_profile.key_types */
    CR_ALLOW_EC_P256 = 1 << 0,
    CR_ALLOW_EC_P384 = 1 << 1,
    CR_ALLOW_RSA = 1 << 2,
};

enum { CR_SUBJECT_ATTR_MAX = 4, CR_URL_MAX = 200, CR_THRESHOLDS_MAX = 12, CR_THRESHOLD_LEVELS = 3 };

struct cr_subject_attr {
    char type[4];            /* "O", "OU", "C", "L", "ST" */
    char value[CR_NAME_CAP]; /* written as UTF8String (C: PrintableString) */
};

/* So long before notAfter a renewal that is not done is an alert. */
struct cr_threshold {
    int64_t before_s;
    unsigned level; /* 1 notice, 2 warning, 3 critical */
};

struct cr_profile {
    char slot[CR_NAME_CAP];
    int64_t lifetime_s;        /* notAfter - notBefore, before jitter and skew */
    unsigned jitter_permille;  /* up to this share of the lifetime is taken off, per certificate at random */
    int64_t skew_s;            /* notBefore lies this far in the past */
    unsigned window_permille;  /* the renewal window: the last … of the lifetime */
    int64_t window_ms;         /* the same where it was given as a time, for when the lifetime changes; 0: as a share */
    unsigned spread_permille;  /* due times spread over this share of the window */
    unsigned key_types;        /* CR_ALLOW_… */
    unsigned rsa_min_bits, rsa_max_bits; /* within 2048 … 4096 */
    unsigned key_usage, ext_key_usage;
    unsigned min_chances;      /* the window opens so early that the device is likely to appear so often in it */
    int64_t superseded_grace_s; /* how long a certificate is still accepted after its successor was seen */
    int64_t accept_expired_s;  /* tls: how long after its notAfter a certificate may still connect in order to renew */
    bool request_any_time;     /* no trigger and before the window is fine */
    bool allow_same_key;       /* the current key again is fine */
    bool tls;                  /* used for MQTT: confirmed by a connection; else by report installed */
    bool san_dns;              /* a SAN dNSName equal to the identity is copied into the certificate */
    unsigned threshold_count;
    struct cr_threshold threshold[CR_THRESHOLDS_MAX]; /* the longest time first */
    unsigned attr_count;
    struct cr_subject_attr attr[CR_SUBJECT_ATTR_MAX]; /* before the CN, in this order */
    char crl_url[CR_URL_MAX + 1]; /* "" : no CRL distribution point */
    char aia_url[CR_URL_MAX + 1]; /* "" : no caIssuers */
};

/* The defaults: operational slot, 90 days, jitter 10 %, skew 5 minutes, window one third, spread one half, P-256 and
 * P-384, digitalSignature, clientAuth, 5 chances, 7 days of grace, nothing for the expired, alerts 90, 60, 30, 14, 7 and
 * 1 days before notAfter. */
void cr_profile_default(struct cr_profile *profile, const char *slot);

/* Replaces the thresholds of one level by these. CR_FULL: they are too many; nothing changed. */
CR_MUST_USE cr_err cr_profile_thresholds(struct cr_profile *profile, unsigned level, const int64_t *before_s,
                                         unsigned count);

/* due = notAfter − window + spread·window·h(device, slot), h a hash in [0, 1): the same on every broker.
 * A time in Unix seconds, never before not_before. */
int64_t cr_profile_due(const struct cr_profile *profile, const char *device, int64_t not_before, int64_t not_after);
/* When the window opens: due without the spread. */
int64_t cr_profile_window_opens(const struct cr_profile *profile, int64_t not_before, int64_t not_after);

#endif
