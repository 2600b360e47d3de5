/* fake_inside: what the files of the fake ledger share. */
#ifndef FAKE_INSIDE_H
#define FAKE_INSIDE_H

#include "plugin/store/records.h"
#include "tests/support/fake_ledger.h"

struct fake_slot {
    struct cr_slot_record view; /* owns its certificate */
    char broker[CR_NAME_CAP];   /* issuing: whose, and until when */
    unsigned life;
    int64_t lease;
    int64_t quiet_due, pending_due;
    bool parked; /* view.due is a deadline; quiet_due is what it was before */
    char confirmed_id[CR_RENEWAL_ID_CAP];
    int64_t watch_at;  /* in the watch: the next look; 0: not there */
    bool shown;        /* among the alerts */
    bool ended_told;   /* that its certificate ended */
    bool was_pending;  /* what was under way has just been cleared */
    struct cr_cert_entry withdrawn; /* what was under way when it was revoked */
    bool regressed; /* a superseded certificate came back, and the current one was not seen since */
};

struct fake_device {
    struct fake_device *next;
    char id[CR_NAME_CAP];
    int64_t first_seen, last_seen, gap_s;
    char broker[CR_NAME_CAP]; /* where it appeared last */
    char tags[CR_TAGS_CAP];
    uint64_t trust_version;
    char factory[CR_FACTORY_ID_CAP];
    struct cr_device_enrol enrol;
    bool enrol_used;                    /* the allowance, by this key */
    uint8_t enrol_key[CR_SHA256_LEN], token_hash[CR_SHA256_LEN], token_key[CR_SHA256_LEN];
    unsigned slot_count;
    struct fake_slot slot[CR_SLOTS_MAX];
};

/* Of the audit log. */
struct fake_line {
    struct fake_line *next;
    int64_t ms; /* with `number` its id in the stream */
    unsigned number;
    char what[32];
    char device[CR_NAME_CAP], slot[CR_NAME_CAP];
    char who[CR_WHO_CAP];
    char detail[CR_AUDIT_DETAIL_CAP];
};

/* Newest first. */
const struct fake_line *fake_lines(const struct fake_ledger *ledger);

struct fake_key {
    struct fake_key *next;
    uint8_t hash[CR_SHA256_LEN];
    char device[CR_NAME_CAP], slot[CR_NAME_CAP]; /* "": nobody's any more */
    bool used; /* in a certificate */
    bool revoked; /* in one that is revoked: nobody's for ever */
};

/* All of them, in no order; NULL: from the first one on. */
struct fake_device *fake_device_next(const struct fake_ledger *ledger, const struct fake_device *device);
unsigned fake_bucket(const char *device);
/* Takes so many of what the fleet may begin; returns how many more there are. */
unsigned fake_pace(struct fake_ledger *ledger, int64_t now_s, unsigned rate_per_s, unsigned count);
struct fake_device *fake_device_find(const struct fake_ledger *ledger, const char *id);
struct fake_device *fake_device_make(struct fake_ledger *ledger, const char *id);
struct fake_slot *fake_slot_find(struct fake_device *device, const char *name);
/* NULL: it has all the slots it can have. */
struct fake_slot *fake_slot_make(struct fake_device *device, const char *name);

/* Claims a key for device/slot. False: it is somebody else's. */
bool fake_key_claim(struct fake_ledger *ledger, const uint8_t hash[CR_SHA256_LEN], const char *device, const char *slot,
                    struct fake_key **claimed);

/* The certificate of the job's connection, and whether an entry is that one. */
struct cr_cert_entry fake_entry_presented(const struct cr_job *job);
bool fake_entry_is(const struct cr_cert_entry *entry, const struct cr_job *job);

/* ---- transitions, and how jobs end: fake_decide.c ---- */

enum fake_what { FAKE_ALL_SLOTS, FAKE_ONE_SLOT };

void fake_audit_job(struct fake_ledger *ledger, const char *what, struct cr_job *job, const char *detail);
void fake_alarm_job(struct fake_ledger *ledger, struct cr_job *job, enum cr_refusal alarm, const char *detail);
void fake_alert_job(struct fake_ledger *ledger, struct cr_job *job, const struct fake_slot *slot, enum cr_alert alert);
void fake_pending_clear(struct fake_slot *slot);
void fake_go_quiet(struct fake_slot *slot);
void fake_go_confirmed(struct fake_slot *slot, int64_t now_s);
/* What follows takes its place in the agenda for a while. */
void fake_park(struct fake_slot *slot);
void fake_go_triggered(struct fake_ledger *ledger, struct fake_slot *slot, enum cr_renew_reason reason);
/* The renewal under way ends without an answer, with an alert. */
void fake_give_up(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot);
void fake_expire(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot);
void fake_refuse(struct fake_ledger *ledger, struct cr_job *job, enum cr_refusal refusal, int64_t retry_after_s);
void fake_answer_record(struct cr_job *job, const struct fake_device *device, enum fake_what what, bool certificates);

/* Of the device, without its slots; and of a slot, as it is by now: a trigger past its deadline is over, though nobody
 * noted it yet. The copy has no certificate. */
void fake_show_device(struct cr_device_record *record, const struct fake_device *device);
void fake_show_slot(struct cr_slot_record *record, const struct fake_slot *slot, int64_t now_s);

/* When the window opens for a device that appears seldom; INT64_MAX: not earlier than for any other. */
int64_t fake_early(const struct fake_device *device, const struct fake_slot *slot, const struct cr_profile *profile);
/* A quiet slot's time in the agenda is brought forward to that. */
void fake_bring_forward(const struct fake_device *device, struct fake_slot *slot, const struct cr_profile *profile);

/* What is under way came to nothing: its lease is over, or its certificate ended before it was seen. */
bool fake_spent(const struct fake_slot *slot, int64_t now_s);

/* How long an attempt waits for its answer. */
int64_t fake_wait_s(const struct fake_slot *slot, const struct cr_job *job);
/* An attempt begins: its deadline, and when the next one follows. */
void fake_attempt(struct fake_slot *slot, const struct cr_job *job);

/* ---- who enrols: fake_enrol.c ---- */

/* NONE: it may, or has a certificate of ours. seconds: when to ask again. */
enum cr_refusal fake_enrol_refusal(struct fake_ledger *ledger, const struct cr_job *job, const struct fake_slot *slot,
                                   int64_t *seconds);
/* Claims the key of a factory certificate. False: the job was refused. */
bool fake_enrol_key(struct fake_ledger *ledger, struct cr_job *job);
/* The intent is recorded; its certificate was confirmed. */
void fake_enrol_intended(struct fake_ledger *ledger, struct fake_device *device, struct cr_job *job);
void fake_enrol_confirmed(struct fake_device *device, const struct fake_slot *slot);
/* What STEER does with tags; false: too many. */
bool fake_tags_change(struct fake_device *device, const struct cr_steer *steer);

/* ---- the watch: fake_look.c ---- */

/* Its renewal is due: looked at `at`, unless it is watched already; later: also when that is later. */
void fake_heed(struct fake_slot *slot, int64_t now_s, int64_t at, bool later);
/* It asks for a certificate; it answered with a failure. */
void fake_heed_intent(struct fake_slot *slot, int64_t now_s);
void fake_heed_failure(struct fake_slot *slot, const struct cr_job *job);
/* Among the alerts, unless it is on hold. */
void fake_show(struct fake_slot *slot);
/* It is on hold: neither watched nor an alert. */
void fake_rest(struct fake_slot *slot);
/* The need is over. */
void fake_calm(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot);
/* Its certificate ended un-renewed. False: that was told. */
bool fake_ran_out(struct fake_slot *slot, int64_t now_s);

/* ---- members of campaigns: fake_campaign.c ---- */

struct fake_campaigns;
void fake_campaigns_free(struct fake_campaigns *campaigns);
struct fake_campaigns **fake_ledger_campaigns(struct fake_ledger *ledger);
/* What became of a member, where that changes its letter: r from a, f, u; f from a, u; u and c from a. */
void fake_tally(struct fake_ledger *ledger, struct fake_slot *slot, char letter);
bool fake_is_member(const struct fake_slot *slot, const struct cr_slot_campaign *campaign);
/* It becomes a member; in the campaign before it counts as cancelled, unless it was settled there. */
void fake_join(struct fake_ledger *ledger, struct fake_slot *slot, const struct cr_slot_campaign *campaign, char letter);

/* ---- what operators ask, each in a file of its own ---- */

void fake_list(struct fake_ledger *ledger, struct cr_job *job);
void fake_steer(struct fake_ledger *ledger, struct cr_job *job);
void fake_campaign(struct fake_ledger *ledger, struct cr_job *job);
void fake_look(struct fake_ledger *ledger, struct cr_job *job);
void fake_history(struct fake_ledger *ledger, struct cr_job *job);
void fake_policy(struct fake_ledger *ledger, struct cr_job *job);
/* The settings that are shared: version, at, by, and all of them. */
struct cr_policy *fake_policy_of(struct fake_ledger *ledger);
/* The trust bundle; version 0: there is none. */
struct cr_bundle *fake_bundle_of(struct fake_ledger *ledger);
void fake_survey(struct fake_ledger *ledger, struct cr_job *job, const char *broker);
void fake_figures(struct fake_ledger *ledger, struct cr_job *job);

/* ---- what is revoked: fake_revoke.c ---- */

struct fake_revoked;
void fake_revoked_free(struct fake_revoked *revoked);
struct fake_revoked **fake_ledger_revoked(struct fake_ledger *ledger);
bool fake_is_revoked(struct fake_ledger *ledger, const struct cr_serial *serial, const char *issuer);
/* A revoked slot is released: what was so only for as long as it is on hold is so no more. */
void fake_revoked_release(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot);

/* A line for each of the job's deliveries. */
void fake_deliveries(struct fake_ledger *ledger, struct cr_job *job);

/* It has an alert: one that listing alerts shows. */
bool fake_alerted(const struct fake_slot *slot);

/* The next renewal's id: they count up. */
void fake_renewal_id(struct fake_ledger *ledger, char id[CR_RENEWAL_ID_CAP]);

#endif
