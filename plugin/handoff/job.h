/* job: one unit of work on its way between the threads.
 *
 * Whoever holds a job owns it whole; handing it on gives all of it away (move-only). A job carries no pointer into the
 * broker: the loop finds the asker again by `session`, or finds that it left. The operation says what is done, the stage
 * where it is done next:
 *
 *     CSR      loop → CHECK (worker) → BEGIN (store) → SIGN (worker) → RECORD (store) → DONE (loop)
 *     others   loop → STORE (store) → DONE (loop)
 *
 * A station that settles the outcome sends the job straight to DONE. */
#ifndef CR_JOB_H
#define CR_JOB_H

#include "common/cert.h"
#include "common/csr.h"
#include "common/message.h"
#include "plugin/handoff/ask.h"
#include "plugin/handoff/ask_trust.h"
#include "plugin/host/host.h"
#include "plugin/setup.h"
#include "plugin/store/record.h"

enum cr_op {
    CR_OP_CSR,     /* certify a key for device/slot */
    CR_OP_PRESENT, /* `presented` was seen at a connection: inventory, confirm, and what is pending for the device */
    CR_OP_GET,     /* what is pending for device/slot */
    CR_OP_REPORT,  /* the device says what became of a renewal */
    CR_OP_TRIGGER, /* an operator asks for a renewal of device/slot */
    CR_OP_INSPECT, /* an operator asks for the whole record of a device */
    CR_OP_AGENDA,  /* what is due by now in some of the buckets; claimed, so that no other broker takes it too */
    CR_OP_ADVANCE, /* a slot's time in the agenda has come: the next step of its renewal */
    CR_OP_PUSH,    /* made by the store: another broker did something about this device; look whether it is here */
    CR_OP_AUDIT,   /* only an audit line: a refusal that was decided elsewhere, an operator's command */
    CR_OP_DELIVER, /* made by the store: a certificate that got recorded after its asker was told 'pending' */
    /* what operators ask; ask.h has their parts */
    CR_OP_LIST,     /* a page of the slots that match a filter */
    CR_OP_STEER,    /* holds, releases, cancels, tags, acknowledges: one device */
    CR_OP_CAMPAIGN, /* campaigns: read, made, moved on */
    CR_OP_LOOK,     /* a slot whose renewal is due and not confirmed: alerts, and how its device is called */
    CR_OP_HISTORY,  /* a page of the audit stream */
    CR_OP_POLICY,   /* the settings that all brokers share: read, or changed */
    CR_OP_SURVEY,   /* the fleet in figures */
    CR_OP_FIGURES,  /* writes the file of figures: payload */
    /* whom we trust; ask_trust.h has their parts */
    CR_OP_REVOKE,  /* an operator revokes a device, a certificate or an issuer, or lists what is revoked */
    CR_OP_REVOKED, /* made by the store: what changed among what is revoked */
    CR_OP_CRL,     /* made by the store: a new CRL is in force: payload */
    CR_OP_ENROL,   /* an operator lets a device in, which has no certificate of ours yet */
    CR_OP_TRUST,   /* the bundle of CA certificates that devices are to believe in: an operator's comes by CHECK (worker) */
    CR_OP_OCSP,    /* a signed answer about a certificate: STORE, then SIGN (worker), then DONE: `certificate` */
    CR_OP_CENSUS,  /* how many slots need which issuer, a part of the fleet */
};

enum cr_stage {
    CR_STAGE_CHECK,
    CR_STAGE_BEGIN,
    CR_STAGE_SIGN,
    CR_STAGE_RECORD,
    CR_STAGE_STORE,
    CR_STAGE_DONE,
};

enum cr_outcome {
    CR_OUT_NONE,        /* not settled yet */
    CR_OUT_REFUSED,     /* refusal, retry_after_s */
    CR_OUT_CERTIFICATE, /* CSR: `certificate` is the leaf, `intent` its facts, renewal_id */
    CR_OUT_PENDING,     /* CSR: accepted, not done; renewal_id, retry_after_s */
    CR_OUT_RECORD,      /* PRESENT, GET, TRIGGER, INSPECT, DELIVER, ADVANCE, STEER, LOOK: `record` holds what is known and pending */
    CR_OUT_DONE,        /* REPORT, AUDIT, FIGURES: noted; AGENDA: looked; PUSH: look; the others: their part says */
};

/* What operators must act on. */
enum cr_alert {
    CR_ALERT_NONE,
    CR_ALERT_UNANSWERED, /* a renewal passed its deadline */
    CR_ALERT_FAILING,    /* a device reported so many failures in a row */
    CR_ALERT_EXPIRED,    /* the certificate expired un-renewed */
    CR_ALERT_EXPIRING,   /* it comes closer to that: a threshold, or the field list */
    CR_ALERT_CLEARED,    /* none of these any more */
    CR_ALERT_COUNT
};

/* What a LOOK found that is to be told, once. */
enum cr_told {
    CR_TOLD_RAISED = 1, /* a threshold was passed */
    CR_TOLD_WOKEN = 2,  /* the device is to be woken by other means */
    CR_TOLD_FIELD = 4,  /* it is on the field list */
};

enum { CR_DUE_MAX = 64 };

/* Slots whose time has come. */
struct cr_due {
    char device[CR_NAME_CAP], slot[CR_NAME_CAP];
};

/* AGENDA: in, which part of the agenda and how much of it; out, what was claimed. */
struct cr_agenda {
    bool watch;           /* in: not what is due, but whose alerts are to be looked at (LOOK); no rate */
    unsigned bucket;      /* in: where to begin, any number; out: where to go on */
    unsigned buckets;     /* in: how many to look at */
    unsigned limit;       /* in: at most so many slots, up to CR_DUE_MAX */
    unsigned rate_per_s;  /* in: of the fleet; what others have begun counts too */
    unsigned count;       /* out */
    unsigned total;       /* out: how many buckets there are; 0: could not be learnt */
    bool round;           /* out: the last bucket was looked at */
    int64_t until;        /* out: until when they are claimed; then any broker may take them */
    struct cr_due due[CR_DUE_MAX];
};

enum { CR_AUDIT_DETAIL_CAP = 160, CR_WHO_CAP = 208, CR_DELIVERIES_MAX = 64, CR_AUDIT_TEXT_MAX = 2000 };

/* Something that was handed to the broker for a device. */
struct cr_delivery {
    char device[CR_NAME_CAP], slot[CR_NAME_CAP];
    char renewal_id[CR_RENEWAL_ID_CAP];
    char who[CR_WHO_CAP];    /* whose session */
    struct cr_serial serial; /* of the certificate; len 0: a trigger */
    unsigned attempt;        /* of the trigger */
    bool queued;             /* for when it is back */
    int64_t at_s;
};

/* AUDIT, in place of its one line: a line for each. */
struct cr_deliveries {
    unsigned count;
    struct cr_delivery delivery[CR_DELIVERIES_MAX];
};

struct cr_job {
    struct cr_job *next; /* the queue's link */
    enum cr_op op;
    enum cr_stage stage;
    uint64_t id;         /* unique within this broker process */
    uint64_t session;    /* the asker in the loop's session table; 0: nobody waits */
    uint64_t command;    /* operator channel: which command of which batch; 0: none */
    struct cr_setup *setup;           /* held */
    const struct cr_profile *profile; /* of the slot; NULL where there is none */
    int64_t admitted_ms; /* monotonic */
    int64_t now_s;       /* wall clock when admitted: the time of every decision about this job */
    char device[CR_NAME_CAP];
    char slot[CR_NAME_CAP];
    char who[CR_WHO_CAP];             /* for audit lines: "client@address", "operator:alice client@address", "scheduler", "broker" */
    struct cr_cert_facts presented;   /* certificate of the asker's connection; serial.len 0: none */
    bool enrolling;                   /* the asker has no certificate of ours: a factory's (presented.factory), or a token */
    bool has_token;
    bool unheard;                     /* has_token: no audit line, should it be refused: there were too many */
    bool current_revoked;             /* enrolling: the store found the slot's current certificate among what is revoked */
    uint8_t token_hash[CR_SHA256_LEN]; /* SHA-256 of the token */
    struct cr_blob trusted;           /* enrolling: ids of the issuers that are trusted, a blank before and behind each; empty: not known */
    unsigned signer;                  /* CSR, TRUST, OCSP: which issuer signs, as cr_trust_signer() told; CR_NO_SIGNER: none can */

    /* the request */
    struct cr_blob payload;           /* CSR: as received; CHECK reads it into `request`. AUDIT: a long detail, with its NUL */
    struct cr_csr_message request;    /* CSR: format, ids, DER */
    char request_id[CR_REQUEST_ID_CAP]; /* GET: to be echoed */
    uint8_t correlation[CR_CORRELATION_MAX]; /* MQTT 5: to be echoed */
    uint16_t correlation_len;
    struct cr_report_message report;  /* REPORT */
    enum cr_renew_reason reason;      /* TRIGGER */
    struct cr_slot_campaign campaign; /* TRIGGER: of this campaign's group; id "": of none */
    bool appeared;                    /* PRESENT: a new connection; else one that is looked at again */
    bool may_begin;                   /* PRESENT: what is due may begin now; LOOK: a wake may go out now */
    struct cr_agenda *agenda;         /* AGENDA; owned */
    struct cr_list *list;             /* LIST; owned, as are the next */
    struct cr_steer *steer;           /* STEER */
    struct cr_campaign_ask *campaigns; /* CAMPAIGN */
    struct cr_history *history;       /* HISTORY */
    struct cr_policy *policy;         /* POLICY */
    struct cr_survey *survey;         /* SURVEY */
    struct cr_revoke *revoke;         /* REVOKE */
    struct cr_revocations *revoked;   /* REVOKED */
    struct cr_crl_news *crl;          /* CRL */
    struct cr_enrol *enrol;           /* ENROL */
    struct cr_bundle *bundle;         /* TRUST */
    struct cr_ocsp *ocsp;             /* OCSP */
    struct cr_census *census;         /* CENSUS */
    int64_t claimed_until;            /* ADVANCE, LOOK: of the claim that it carries out; 0: none, the slot has to be due */
    struct cr_deliveries *deliveries; /* AUDIT: NULL: one line; owned */
    char audit_what[32];              /* AUDIT: "refused", "denied", "operator", "alarm" */
    char audit_detail[CR_AUDIT_DETAIL_CAP];

    /* found by CHECK */
    struct cr_csr csr;                /* views into request.csr_der */
    struct cr_cert_intent intent;     /* also of a certificate that was found already made */
    char issuer[CR_ISSUER_ID_TEXT];

    /* the outcome */
    enum cr_outcome outcome;
    enum cr_refusal refusal;
    unsigned retry_after_s;
    char renewal_id[CR_RENEWAL_ID_CAP];
    uint64_t generation, version;     /* CSR: of the slot when the intent was recorded */
    struct cr_blob certificate;       /* DER leaf */
    struct cr_device_record *record;  /* owned */
    bool audited;                     /* the store has seen the outcome and written its audit line */
    enum cr_refusal alarm;            /* the store found what operators must hear of (NONE: nothing); audit_detail says what */
    bool confirmed;                   /* PRESENT: this connection confirmed a new certificate */
    bool triggered;                   /* PRESENT, ADVANCE: the slot was due, and its renewal or another attempt began */
    bool regressed;                   /* PRESENT: a superseded certificate came back */
    enum cr_alert alert;              /* what happened that operators must act on; audited */
    char alert_slot[CR_NAME_CAP];     /* of which slot */
    unsigned told;                    /* LOOK: CR_TOLD_...; audited */
    char cleared_slot[CR_NAME_CAP];   /* its alert is over; audited. "": none */
};

/* A zeroed job holding `setup`. CR_NOMEM. */
CR_MUST_USE cr_err cr_job_new(struct cr_job **job, enum cr_op op, struct cr_setup *setup);
/* Frees everything it owns; harmless on NULL. */
void cr_job_free(struct cr_job *job);
/* Whether the store made it of its own accord: it was never admitted. */
bool cr_job_is_news(const struct cr_job *job);
/* Settles the outcome as refused and sends it to DONE. */
void cr_job_refuse(struct cr_job *job, enum cr_refusal refusal, unsigned retry_after_s);

#endif
