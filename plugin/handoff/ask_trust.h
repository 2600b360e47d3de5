/* ask_trust: who is trusted, who is not any more, and who may come in: the parts of a job that only such operations have.
 * Plain data, each owned by its job; store.h says what the store does with it. Any thread. */
#ifndef CR_ASK_TRUST_H
#define CR_ASK_TRUST_H

#include "common/cert.h"
#include "common/identity.h"
#include "plugin/store/record.h"

enum {
    CR_REVOCATIONS_MAX = 256, /* changes in one job */
    CR_ISSUER_MARKS_MAX = 64,
    CR_REVOKE_COMMENT_CAP = 49, /* printable ASCII */
    CR_BUNDLE_MAX = 16384,    /* bytes of DER certificates */
    CR_BUNDLE_CERTS = 8,
};

/* ---- reasons (RFC 5280 section 5.3.1) ---- */

enum cr_revoke_reason {
    CR_REASON_UNSPECIFIED = 0,
    CR_REASON_KEY_COMPROMISE = 1,
    CR_REASON_CA_COMPROMISE = 2,
    CR_REASON_AFFILIATION_CHANGED = 3,
    CR_REASON_SUPERSEDED = 4,
    CR_REASON_CESSATION_OF_OPERATION = 5,
    CR_REASON_CERTIFICATE_HOLD = 6,
    CR_REASON_PRIVILEGE_WITHDRAWN = 9,
    CR_REASON_AA_COMPROMISE = 10,
    CR_REASON_COUNT = 11
};
/* "keyCompromise" …, as the RFC spells it; NULL: there is no such reason (7, 8, and above 10). */
const char *cr_revoke_reason_text(unsigned reason);
/* CR_REASON_COUNT: no such. */
unsigned cr_revoke_reason_parse(const char *text);

/* ---- REVOKE ---- */

enum cr_revoke_verb {
    CR_REVOKE_DEVICE,      /* job->device, job->slot ("": all): every certificate of it that has not ended; then it is held */
    CR_REVOKE_CERTIFICATE, /* serial and issuer; job->device ("": not known) may say whose */
    CR_REVOKE_ISSUER,      /* issuer: none of its certificates is accepted any more */
    CR_REVOKE_RETIRE,      /* issuer: the same, without a suspicion: nobody needs it any more. The caller has counted */
    CR_REVOKE_RESTORE,     /* issuer: retired → trusted again. A revoked one stays so */
    CR_REVOKE_LIST,        /* a page of what is revoked, by cursor; issuer "": of all */
};

/* One entry: a certificate that is revoked, or (gone) is not any more. */
struct cr_revocation {
    struct cr_serial serial;
    char issuer[CR_ISSUER_ID_TEXT];
    char device[CR_NAME_CAP];  /* "": not known */
    unsigned reason;
    int64_t at;                /* since when */
    int64_t not_after;         /* the certificate's; the entry is kept until then, and a day */
    bool gone;                 /* it was on hold (certificateHold), and was released */
};

struct cr_revoke {
    enum cr_revoke_verb verb;
    unsigned reason;
    struct cr_serial serial;         /* CERTIFICATE */
    char issuer[CR_ISSUER_ID_TEXT];
    int64_t not_after;               /* CERTIFICATE: how long the entry is kept at least, where no record tells */
    char comment[CR_REVOKE_COMMENT_CAP]; /* for the audit line; may be "" */
    unsigned limit;                  /* LIST */
    char cursor[CR_ISSUER_ID_TEXT + CR_SERIAL_TEXT + 8]; /* LIST: in and out; "": begin, end */
    unsigned count;                  /* out: certificates that were revoked now; LIST: rows */
    struct cr_revocation *row;       /* out; owned. NULL: none */
};

/* ---- REVOKED: made by the store, for the loop ---- */

enum cr_issuer_state { CR_ISSUER_TRUSTED, CR_ISSUER_RETIRED, CR_ISSUER_REVOKED };

struct cr_issuer_mark {
    char id[CR_ISSUER_ID_TEXT];
    enum cr_issuer_state state;
    unsigned reason;
    int64_t at;
};

/* What changed among what is revoked, in order; the loop keeps the whole of it. */
struct cr_revocations {
    uint64_t version;          /* with these, it is as of this version */
    bool anew;                 /* forget all that was told before */
    bool complete;             /* there is no more for now */
    unsigned count;
    struct cr_revocation change[CR_REVOCATIONS_MAX];
    unsigned mark_count;       /* all issuers that are not trusted, each time */
    struct cr_issuer_mark mark[CR_ISSUER_MARKS_MAX];
};

/* ---- CRL: made by the store, for the loop ---- */

/* job->payload is the DER, to be published retained. */
struct cr_crl_news {
    char issuer[CR_ISSUER_ID_TEXT];
    uint64_t number;
    unsigned entries;
    int64_t this_update, next_update;
};

/* ---- ENROL ---- */

enum cr_enrol_verb {
    CR_ENROL_ALLOW,  /* job->device may be enrolled once, by a certificate of that factory; again: once more */
    CR_ENROL_FORBID, /* takes that back, and an unused token too */
    CR_ENROL_TOKEN,  /* the same without a certificate: by whoever has what hashes to this, until it expires */
};

enum { CR_TOKEN_LEN = 43, CR_TOKEN_CAP = CR_TOKEN_LEN + 1 }; /* base64url of 32 bytes */

struct cr_enrol {
    enum cr_enrol_verb verb;
    char factory[CR_NAME_CAP];           /* ALLOW: name of the factory; "": any that is configured */
    char tags[CR_TAGS_CAP];              /* set as well; "": none */
    uint8_t token_hash[CR_SHA256_LEN];   /* TOKEN */
    int64_t expires;                     /* TOKEN */
    char token[CR_TOKEN_CAP];            /* TOKEN: only for whoever asked; wiped when freed */
    bool known;                          /* out: the device has a certificate, or was allowed before */
};

/* ---- TRUST: the bundle of CA certificates that devices are to believe in ---- */

enum cr_trust_verb {
    CR_TRUST_WRITE,   /* a new bundle, as version + 1 */
    CR_TRUST_NEWS,    /* made by the store, for the loop: this is the bundle now */
    CR_TRUST_CONFIRM, /* job->device reports that it has this version */
};

/* What a device does with it. */
enum cr_trust_mode {
    CR_TRUST_ADD,     /* beside what it believes in already */
    CR_TRUST_REPLACE, /* instead of that */
};

struct cr_bundle {
    enum cr_trust_verb verb;
    uint64_t version;            /* 0: there is none */
    enum cr_trust_mode mode;
    int64_t at;
    char by[CR_NAME_CAP];
    struct cr_blob certs;        /* DER, one after another; owned */
    enum cr_report_outcome outcome; /* CONFIRM */
    char reason[CR_REASON_CAP];
    /* signed by a worker, stage SIGN: what `certs`, version and mode are vouched for with */
    uint8_t signature[CR_SIGNATURE_MAX];
    size_t signature_len;
};

/* ---- OCSP: a signed answer about one certificate (RFC 6960) ---- */

struct cr_ocsp {
    struct cr_serial serial;         /* in; len 0: the slot's current one, which the store finds */
    char issuer[CR_ISSUER_ID_TEXT];  /* in, with serial; out */
    bool known;                      /* the store found it among the device's */
    bool revoked;                    /* in: the loop has it in its list … */
    unsigned reason;                 /* … with this reason … */
    int64_t revoked_at;              /* … since then */
    int64_t this_update, next_update; /* in */
};

/* Each harmless on NULL. */
void cr_enrol_free(struct cr_enrol *enrol); /* wipes it */
void cr_revoke_free(struct cr_revoke *revoke);
void cr_bundle_free(struct cr_bundle *bundle);

#endif
