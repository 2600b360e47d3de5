/* record: what Redis knows of a device, as the rest of the plugin sees it. Pure data; owned by a job. */
#ifndef CR_RECORD_H
#define CR_RECORD_H

#include "common/bytes.h"
#include "common/cert.h"
#include "common/csr.h"
#include "common/message.h"
#include "plugin/config.h"

enum cr_state { CR_STATE_QUIET, CR_STATE_TRIGGERED, CR_STATE_ISSUING, CR_STATE_ISSUED, CR_STATE_COUNT };
const char *cr_state_text(enum cr_state state); /* "quiet" … */

/* A certificate as the ledger knows it. serial.len 0: none. */
struct cr_cert_entry {
    struct cr_serial serial;
    char issuer[CR_ISSUER_ID_TEXT];
    uint8_t key_hash[CR_SHA256_LEN];
    int64_t not_before, not_after;
};

enum {
    CR_CAMPAIGN_ID_CAP = 9,  /* 8 lower-case hex digits */
    CR_TAG_CAP = 33,         /* 1 to 32 of A-Z a-z 0-9 . _ : - */
    CR_TAGS_CAP = 65,        /* a comma before each and one at the end: ",alpha,beta,"; "" for none */
    CR_HOLD_CAP = 49,        /* printable ASCII */
};

/* How pressing an alert is. */
enum cr_alert_level {
    CR_LEVEL_NONE,
    CR_LEVEL_NOTICE,
    CR_LEVEL_WARNING,
    CR_LEVEL_CRITICAL,
    CR_LEVEL_FIELD, /* only where levels are asked for: somebody has to go there */
};

/* How a device that does not answer is called: each step after its own time without an answer. */
enum cr_alert_call { CR_CALL_TRIGGER, CR_CALL_WAKE, CR_CALL_FIELD };

/* A slot whose renewal is due and not confirmed yet. since 0: nothing is. */
struct cr_slot_alert {
    int64_t since;           /* the first trigger of this need, or when it fell silent again after an answer */
    enum cr_alert_level level;
    unsigned step;           /* which of the policy's thresholds raised it, from 1 on; 0: none did */
    enum cr_alert_call stage;
    unsigned wakes;          /* wake events so far */
    int64_t acknowledged;    /* when; 0: not */
    char by[CR_NAME_CAP];    /* who acknowledged it */
};

/* It was revoked. at 0: it was not, or was released since. */
struct cr_slot_revoked {
    int64_t at;
    unsigned reason; /* RFC 5280 section 5.3.1 */
};

/* Of which campaign it is, or was last, a member, and how it fared there: a letter, see records.h. */
struct cr_slot_campaign {
    char id[CR_CAMPAIGN_ID_CAP]; /* "": none */
    unsigned group;
    char state;
};

struct cr_slot_record {
    char slot[CR_NAME_CAP];
    enum cr_state state;
    bool held;
    char hold[CR_HOLD_CAP]; /* why */
    struct cr_slot_revoked revoked; /* then it is held as well, until an operator releases it */
    struct cr_slot_alert alert;
    struct cr_slot_campaign campaign;
    uint64_t generation; /* certificates confirmed */
    uint64_t version;    /* transitions made */
    struct cr_cert_entry current;
    struct cr_cert_entry pending;    /* issuing: the intent; issued: the certificate not yet confirmed */
    struct cr_cert_entry superseded; /* serial and, in not_after, when it was superseded */
    int64_t due;                     /* the agenda's next action; 0: none */
    unsigned failures;               /* reported by the device since the last confirmed certificate */
    unsigned unanswered;             /* renewals since then that passed their deadline: begins anew when it appears */
    /* the renewal under way */
    char renewal_id[CR_RENEWAL_ID_CAP];
    enum cr_renew_reason reason;
    unsigned attempt;
    int64_t deadline;
    int64_t retry_at;                /* triggered, after a failure: no trigger is delivered before; 0: at once */
    enum cr_csr_format format;       /* of the request: how a waiting certificate is delivered */
    struct cr_blob certificate;      /* issued: DER leaf, where the operation fetched it */
};

enum { CR_FACTORY_ID_CAP = 9 }; /* the first 8 hex digits of an issuer's id */

/* An operator lets it in. since 0: none did, or it came in already. */
struct cr_device_enrol {
    int64_t since;
    char factory[CR_NAME_CAP]; /* by a certificate of this one only; "": of any */
    int64_t token_expires;     /* a token waits for it until then; 0: none does */
    bool token_used;           /* a certificate was asked for with it */
};

/* Slots that a device can be shown with: more than can be configured, for those that were configured once. */
enum { CR_RECORD_SLOTS = 2 * CR_SLOTS_MAX };

struct cr_device_record {
    char device[CR_NAME_CAP];
    int64_t first_seen, last_seen; /* Unix seconds */
    int64_t gap_s;                 /* between its appearances: nine of ten are at most so long; 0: not known yet */
    char broker[CR_NAME_CAP];      /* where it appeared last; "": not known */
    char tags[CR_TAGS_CAP];
    char factory[CR_FACTORY_ID_CAP]; /* the factory issuer by whose certificate it was enrolled; "": not known */
    struct cr_device_enrol enrol;
    uint64_t trust_version;          /* of the trust bundle that it has confirmed; 0: none */
    unsigned slot_count;
    struct cr_slot_record slot[CR_RECORD_SLOTS];
};

/* Zeroed, on the heap. */
CR_MUST_USE cr_err cr_device_record_new(struct cr_device_record **record);
void cr_device_record_free(struct cr_device_record *record);
const struct cr_slot_record *cr_device_record_slot(const struct cr_device_record *record, const char *slot);

#endif
