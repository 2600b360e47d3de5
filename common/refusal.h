/* refusal: the closed list of reasons that a device or an operator can be given.
 *
 * One table: errorCode (stable, part of the wire protocol), statusCode (HTTP's numbers), one English sentence, and
 * whether trying the same thing again later can help. New reasons are added at the end of their group; a name that
 * was once on the wire is never given another meaning. Pure; any thread. */
#ifndef CR_REFUSAL_H
#define CR_REFUSAL_H

#include <stdbool.h>

enum cr_refusal {
    CR_REFUSAL_NONE = 0,
    /* 400: what was sent cannot be read */
    CR_REFUSAL_MALFORMED_CSR,       /* not exactly one strict DER PKCS#10, version 0 */
    CR_REFUSAL_MALFORMED_JSON,      /* not JSON, wrong types, unknown or duplicate fields, too deep */
    CR_REFUSAL_MALFORMED_PEM,       /* not exactly one CERTIFICATE REQUEST block and nothing else */
    CR_REFUSAL_MALFORMED_REQUEST,   /* anything else: empty, unknown first byte, bad ids, too many properties */
    CR_REFUSAL_BAD_SIGNATURE,       /* proof of possession fails */
    CR_REFUSAL_PRIVATE_KEY_SENT,    /* a private key was in the payload; treat that key as lost */
    CR_REFUSAL_UNKNOWN_COMMAND,     /* operator channel */
    /* 403 */
    CR_REFUSAL_NOT_AUTHORISED,      /* operator channel: neither admin nor viewer as the command needs */
    CR_REFUSAL_WRONG_IDENTITY,      /* topic or subject names another device than the connection's certificate */
    CR_REFUSAL_UNTRUSTED_ISSUER,    /* the connection's certificate is not from a trusted issuer */
    CR_REFUSAL_CERTIFICATE_NOT_VALID, /* the connection's certificate has expired, or is not valid yet */
    CR_REFUSAL_REVOKED,             /* the presented certificate or the requested key is revoked */
    CR_REFUSAL_ON_HOLD,             /* device or slot is on hold */
    CR_REFUSAL_REGRESSION,          /* an alarm: a superseded certificate came back */
    CR_REFUSAL_UNKNOWN_CERTIFICATE, /* an alarm: of an issuer of ours, but in no record */
    CR_REFUSAL_SPLIT_IDENTITY,      /* a certificate and its superseded one are used in turn: two have them */
    CR_REFUSAL_NOT_ENROLLED,        /* with a factory certificate, and nobody let it in */
    CR_REFUSAL_TOKEN_NOT_VALID,     /* an enrolment token that is unknown, used by another key, or expired */
    CR_REFUSAL_CRL_FAILED,          /* an alarm: a CRL could not be made, kept current or written, or is not what it must be */
    /* 404 */
    CR_REFUSAL_UNKNOWN_SLOT,
    CR_REFUSAL_UNKNOWN_DEVICE,      /* operator channel */
    CR_REFUSAL_UNKNOWN_RENEWAL,     /* a report for a renewal that is not under way */
    CR_REFUSAL_UNKNOWN_CAMPAIGN,    /* operator channel */
    CR_REFUSAL_UNKNOWN_CURSOR,      /* operator channel: not one that was handed out */
    CR_REFUSAL_UNKNOWN_ALERT,       /* operator channel */
    CR_REFUSAL_UNKNOWN_ISSUER,      /* operator channel */
    /* 409 */
    CR_REFUSAL_RENEWAL_IN_PROGRESS, /* another key of this slot is being certified right now */
    CR_REFUSAL_KEY_REUSED,          /* the current key again, or a key seen with somebody else */
    CR_REFUSAL_CERTIFICATE_OUTDATED,/* an operation that needs the confirmed certificate came with another */
    CR_REFUSAL_WRONG_STATE,         /* operator channel: it is not in a state for that, or was changed meanwhile */
    CR_REFUSAL_ALREADY_ENROLLED,    /* with a factory certificate or a token, while its own is still good */
    CR_REFUSAL_ISSUER_IN_USE,       /* operator channel: devices still need it */
    /* 413 */
    CR_REFUSAL_TOO_LARGE,
    /* 422: readable, but not acceptable */
    CR_REFUSAL_KEY_NOT_ALLOWED,     /* type, size, curve, encoding, exponent, or known weak */
    CR_REFUSAL_ALGORITHM_NOT_ALLOWED, /* signature algorithm of the CSR */
    CR_REFUSAL_SUBJECT_MISMATCH,    /* not exactly the subject that the profile and the identity ask for */
    CR_REFUSAL_EXTENSION_NOT_ALLOWED,
    CR_REFUSAL_POLICY_NOT_ALLOWED,  /* operator channel: a setting that there is not, or a value that it does not take */
    /* 425, 429 */
    CR_REFUSAL_TOO_EARLY,           /* no trigger outstanding and before the renewal window; retryAfter says when */
    CR_REFUSAL_RATE_LIMITED,
    /* 503: always with retryAfter */
    CR_REFUSAL_STORE_UNAVAILABLE,
    CR_REFUSAL_BUSY,
    CR_REFUSAL_ISSUER_UNAVAILABLE,  /* issuer expired or about to, no random numbers, implausible clock */
    CR_REFUSAL_INTERNAL,            /* 500: a bug of ours; retried like 503 */
    CR_REFUSAL_COUNT
};

struct cr_refusal_info {
    const char *error_code;  /* "key-reused" */
    const char *text;        /* one sentence, says what to do where that is known */
    int status_code;         /* 400 … 503 */
    bool retry;              /* the same request can succeed later */
    bool alarm;              /* a security event for operators, beyond the audit line */
};

/* The row of `refusal`; the row of CR_REFUSAL_INTERNAL for anything out of range. Never NULL. */
const struct cr_refusal_info *cr_refusal_info(enum cr_refusal refusal);

/* The refusal with this errorCode, CR_REFUSAL_COUNT when there is none. */
enum cr_refusal cr_refusal_from_code(const char *error_code);

#endif
