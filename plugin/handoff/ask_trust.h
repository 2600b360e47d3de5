/* ask_trust: who is trusted, who is not any more, and who may come in: the parts of a job that only such operations have.
 * Plain data, each owned by its job; store.h says what the store does with it. Any thread. */
#ifndef CR_ASK_TRUST_H
#define CR_ASK_TRUST_H

#include "common/bundle.h"
#include "common/cert.h"
#include "common/identity.h"
#include "plugin/handoff/ask.h"
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
    unsigned rows;                   /* out */
    struct cr_revocation *row;       /* out: of DEVICE, CERTIFICATE those that it is about, as they are now; owned */
};

/* ---- REVOKED: made by the store, for the loop ---- */

enum cr_issuer_state { CR_ISSUER_TRUSTED, CR_ISSUER_RETIRED, CR_ISSUER_REVOKED };

struct cr_issuer_mark {
    char id[CR_ISSUER_ID_TEXT];
    enum cr_issuer_state state;
    unsigned reason;
    int64_t at;
};

/* Says to whoever makes pages of the following what became of them. Counted; any thread. */
struct cr_receipt;
struct cr_receipt *cr_receipt_new(void); /* NULL: no memory */
void cr_receipt_drop(struct cr_receipt *receipt);
/* For one more page that is out. */
struct cr_receipt *cr_receipt_take(struct cr_receipt *receipt);
/* How many are out; lost: one of them was never read, once. */
unsigned cr_receipt_look(struct cr_receipt *receipt, bool *lost);

/* What changed among what is revoked, in order; the loop keeps the whole of it. */
struct cr_revocations {
    uint64_t version;          /* with these, it is as of this version */
    bool anew;                 /* the first of all; forget what was told before */
    bool complete;             /* there is no more for now */
    unsigned count;
    struct cr_revocation change[CR_REVOCATIONS_MAX];
    unsigned mark_count;       /* all issuers that are not trusted, each time */
    struct cr_issuer_mark mark[CR_ISSUER_MARKS_MAX];
    struct cr_receipt *receipt; /* NULL: nobody waits for it */
    bool lost;                 /* it is freed unread: there was no room for it */
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
    CR_TRUST_CONFIRM, /* job->device reports what became of this version */
    CR_TRUST_VOUCH,   /* the loop's own: a worker signs it, stage SIGN; job->payload is then the message for devices */
};

struct cr_bundle {
    enum cr_trust_verb verb;
    uint64_t version;            /* 0: there is none. WRITE: in, the highest that is known; out, the new one */
    enum cr_trust_mode mode;
    int64_t at;
    char by[CR_NAME_CAP];
    struct cr_blob certs;        /* DER, one after another; owned. WRITE: made by a worker of job->payload, stage CHECK */
    unsigned signers;            /* WRITE: bit n: devices that believe in these must believe what signer n signs */
    enum cr_report_outcome outcome; /* CONFIRM */
    char reason[CR_REASON_CAP];
};

/* ---- OCSP: a signed answer about one certificate (RFC 6960) ---- */

struct cr_ocsp {
    struct cr_serial serial;         /* in; len 0: the slot's current one, which the store finds */
    char issuer[CR_ISSUER_ID_TEXT];  /* in: may be "", whichever; out */
    bool known;                      /* the store found it among the device's */
    bool revoked;                    /* the store found it among what is revoked, or its issuer … */
    unsigned reason;                 /* … with this reason … */
    int64_t revoked_at;              /* … since then */
    int64_t this_update, next_update; /* in */
};

/* ---- CENSUS: who needs which issuer ---- */

enum { CR_CENSUS_ISSUERS = 64, CR_CENSUS_NAMED = 10 };

struct cr_census_issuer {
    char issuer[CR_ISSUER_ID_TEXT];
    uint64_t live;     /* slots that need it: their current certificate is its, has not ended and is not revoked; or `pending`; or
                        * they came back with a superseded one of it, and were not seen with a later one since */
    uint64_t held;     /* of these, on hold */
    uint64_t pending;  /* of these, a certificate of it is being made, or waits to be confirmed */
    uint64_t expired;  /* slots whose current certificate is its, and has ended */
    int64_t last_seen; /* when a device of these was last seen; 0: never */
};

/* Each job counts on: cursor and sums go into the next one as they came out of the last. */
struct cr_census {
    char issuer[CR_ISSUER_ID_TEXT];   /* in: only of this one; "": of all */
    uint64_t trust_version;           /* in: also who has not confirmed this bundle; 0: not asked */
    char trust_slot[CR_NAME_CAP];     /* in, with it: devices that have this slot, and a certificate there that has not ended */
    char cursor[CR_CURSOR_CAP];       /* in and out; "": begin, end */
    unsigned issuers;
    struct cr_census_issuer count[CR_CENSUS_ISSUERS];
    uint64_t confirmed, unconfirmed;
    unsigned named;                   /* with `issuer`: some of the devices that need it */
    char name[CR_CENSUS_NAMED][CR_NAME_CAP];
    /* the loop's own */
    int64_t began_ms;
    unsigned why;
    bool force;
};
/* The counts of an issuer, made when there are none yet. NULL: there are too many issuers. */
struct cr_census_issuer *cr_census_of(struct cr_census *census, const char *issuer);
/* One more device that needs it; each is named once. */
void cr_census_name(struct cr_census *census, const char *device);

/* Each harmless on NULL. */
void cr_enrol_free(struct cr_enrol *enrol); /* wipes it */
void cr_revoke_free(struct cr_revoke *revoke);
void cr_revocations_free(struct cr_revocations *revocations);
void cr_bundle_free(struct cr_bundle *bundle);

#endif
