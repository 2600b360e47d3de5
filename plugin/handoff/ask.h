/* ask: what operators ask of the whole fleet, and what the store answers: the parts of a job that only such operations
 * have. Plain data, each owned by its job; store.h says what the store does with it. Any thread. */
#ifndef CR_ASK_H
#define CR_ASK_H

#include "common/identity.h"
#include "plugin/store/record.h"

enum {
    CR_PAGE_MAX = 100,          /* rows of a page */
    CR_CURSOR_CAP = 192,        /* of A-Z a-z 0-9 . _ : / - */
    CR_CAMPAIGNS_MAX = 256,     /* remembered; the oldest that ended makes room */
    CR_CAMPAIGN_GROUPS = 8,
    CR_CAMPAIGN_NAME_CAP = 65,
    CR_SHARE_ALL = 1000000,     /* shares of the fleet are parts of a million */
    CR_POLICY_MAX = 200,        /* settings */
    CR_POLICY_VALUE_CAP = 201,
    CR_ASK_TEXT_CAP = 65,
    CR_FORECAST_DAYS = 90,
};

/* ---- LIST: slots that match a filter ---- */

enum cr_filter_state {
    CR_FILTER_ANY,
    CR_FILTER_QUIET,
    CR_FILTER_TRIGGERED,
    CR_FILTER_ISSUING,
    CR_FILTER_ISSUED,
    CR_FILTER_HELD,  /* on hold, whatever the state */
};

/* All that is given must hold. */
struct cr_filter {
    enum cr_filter_state state;
    char slot[CR_NAME_CAP];                /* "": any; so for each text */
    char issuer[CR_ISSUER_ID_TEXT];
    char tag[CR_TAG_CAP];
    char prefix[CR_NAME_CAP];              /* the device's id begins so */
    char campaign[CR_CAMPAIGN_ID_CAP];     /* it is, or was last, in this campaign */
    int64_t expires_within_s;              /* its certificate ends within so long, or has; 0: any */
    int64_t not_seen_for_s;                /* 0: any */
    enum cr_alert_level level;             /* an alert of at least this level, CR_LEVEL_FIELD: on the field list */
    int64_t issued_after, issued_before;   /* its certificate's notBefore is in [after, before); 0: any */
    char factory[CR_FACTORY_ID_CAP];       /* by whose certificate it was enrolled */
    char revoked;                          /* 'y', 'n'; '\0': either */
    uint64_t trust_before;                 /* it has not confirmed this version of the trust bundle; 0: any */
    int acknowledged;                      /* where alerts are listed: 1 yes, 0 no, -1 either */
};

enum cr_list_source {
    CR_LIST_ALL,    /* every slot whose certificate is known */
    CR_LIST_ALERTS, /* those that have an alert */
};

/* Which of those that match a group of a campaign takes. */
struct cr_pick {
    char campaign[CR_CAMPAIGN_ID_CAP]; /* "": no group; else those that are not members of it yet */
    unsigned share;                    /* of the fleet, by a hash of campaign and device: the same everywhere */
    char tag[CR_TAG_CAP];              /* "": any */
};

struct cr_row {
    char device[CR_NAME_CAP];
    int64_t first_seen, last_seen, gap_s; /* as in cr_device_record */
    char broker[CR_NAME_CAP];
    char tags[CR_TAGS_CAP];
    char factory[CR_FACTORY_ID_CAP];
    uint64_t trust_version;
    struct cr_slot_record slot;           /* without its certificate */
};

struct cr_list {
    enum cr_list_source source;
    struct cr_filter filter;
    struct cr_pick pick;
    bool count_only;             /* only `matched` is wanted, of as many slots as the operation's time allows */
    unsigned limit;              /* in: at most so many rows, up to CR_PAGE_MAX; 0: that many */
    char cursor[CR_CURSOR_CAP];  /* in: where to go on, "": from the start; out: the same, "": that was all */
    unsigned count;              /* out: rows; fewer than the limit, also none, where looking took long: go on */
    unsigned matched, looked;    /* out */
    struct cr_row *row;          /* out: owned */
};

/* ---- STEER: what an operator does to one device ---- */

enum cr_steer_verb {
    CR_STEER_HOLD,        /* text: the reason */
    CR_STEER_RELEASE,
    CR_STEER_CANCEL,      /* the renewal under way; an issued certificate that waits stays */
    CR_STEER_TAG,         /* add, drop */
    CR_STEER_ACKNOWLEDGE, /* its alert */
};

struct cr_steer {
    enum cr_steer_verb verb;
    char text[CR_HOLD_CAP];
    char add[CR_TAGS_CAP], drop[CR_TAGS_CAP]; /* lists as in cr_device_record.tags */
    char by[CR_ASK_TEXT_CAP];                 /* who, for acknowledging */
    unsigned changed;                         /* out: bit i: held or released slot[i] of the record */
};

/* ---- CAMPAIGN ---- */

enum cr_campaign_state {
    CR_CAMPAIGN_COUNTING,  /* how many it is about */
    CR_CAMPAIGN_WAITING,   /* for its start */
    CR_CAMPAIGN_RUNNING,
    CR_CAMPAIGN_PAUSED,
    CR_CAMPAIGN_ABORTING,  /* what was triggered and is not answered yet is being cancelled */
    CR_CAMPAIGN_ABORTED,
    CR_CAMPAIGN_DONE,
    CR_CAMPAIGN_STATES
};

/* Slots by how they fare. */
struct cr_campaign_counts {
    unsigned asked;      /* triggered, not answered or not confirmed yet */
    unsigned renewed;
    unsigned failed;     /* the device reported failed or rolled-back, and has not renewed since */
    unsigned unanswered; /* its deadline passed */
    unsigned cancelled;
    unsigned skipped;    /* on hold */
};

struct cr_campaign_group {
    char name[CR_TAG_CAP];
    unsigned share;                   /* cumulative, of CR_SHARE_ALL: with a tag, or the last one, CR_SHARE_ALL */
    char tag[CR_TAG_CAP];             /* "": by share */
    unsigned success_permille;        /* renewed of its total, for the next group to begin; 0: at once */
    unsigned error_permille;          /* failed or unanswered of its total, for a pause; 0: never */
    unsigned total;                   /* as counted */
    struct cr_campaign_counts counts; /* of all brokers */
    unsigned forgiven;                /* errors that were there when an operator resumed: they do not pause it again */
};

enum cr_campaign_pause { CR_PAUSE_NONE, CR_PAUSE_OPERATOR, CR_PAUSE_ERRORS, CR_PAUSE_DEADLINE };

struct cr_campaign {
    char id[CR_CAMPAIGN_ID_CAP];
    char name[CR_CAMPAIGN_NAME_CAP];
    char by[CR_ASK_TEXT_CAP];
    enum cr_renew_reason reason;
    int64_t created, start, deadline; /* Unix seconds; deadline 0: none */
    unsigned rate_per_s;              /* triggers each second; 0: the fleet's trigger_rate */
    struct cr_filter filter;
    unsigned group_count;
    struct cr_campaign_group group[CR_CAMPAIGN_GROUPS];
    /* what changes */
    enum cr_campaign_state state, before_pause;
    enum cr_campaign_pause pause;
    unsigned at;                      /* the group under way */
    bool walked;                      /* all of that group were triggered */
    char cursor[CR_CURSOR_CAP];       /* where its walk goes on */
    uint64_t version;                 /* writes so far */
    char runner[CR_NAME_CAP];         /* the broker that carries it on, until runner_until */
    int64_t runner_until;
};

enum cr_campaign_verb {
    CR_CAMPAIGN_READ,   /* in: id, "" for all (newest first), uncounted; out: with counts, unless uncounted */
    CR_CAMPAIGN_CREATE, /* in: campaign[0]; out: the same with its id */
    CR_CAMPAIGN_WRITE,  /* in: campaign[0] as read and changed; WRONG_STATE when its version is not the store's any more */
};

struct cr_campaign_ask {
    enum cr_campaign_verb verb;
    char id[CR_CAMPAIGN_ID_CAP];
    bool uncounted;               /* READ: without asking every bucket how members fare */
    unsigned count;
    struct cr_campaign *campaign; /* owned */
};

/* ---- HISTORY: the audit stream, a page of it ---- */

struct cr_history_entry {
    char id[CR_ASK_TEXT_CAP]; /* the stream's */
    struct cr_blob fields;    /* name NUL value NUL … */
};

struct cr_history {
    char device[CR_NAME_CAP], slot[CR_NAME_CAP]; /* in; "": any, so for each */
    char what[CR_ASK_TEXT_CAP], who[CR_ASK_TEXT_CAP]; /* who: begins so */
    int64_t since, until;        /* Unix seconds; 0: no bound */
    bool oldest_first;
    unsigned limit;
    char cursor[CR_CURSOR_CAP];  /* in and out, as in cr_list; any entry's id is one */
    unsigned count;
    struct cr_history_entry *entry; /* owned */
    bool sought;                 /* the store's own: the device is not in the inventory, and no line of it was found yet */
};

/* ---- POLICY: settings that all brokers share, over their configuration files ---- */

struct cr_policy_setting {
    char slot[CR_NAME_CAP];            /* "": not of a slot */
    char key[CR_ASK_TEXT_CAP];
    char value[CR_POLICY_VALUE_CAP];   /* in a change "": back to the file's */
};

#define CR_POLICY_ANY UINT64_MAX

enum cr_policy_verb { CR_POLICY_READ, CR_POLICY_WRITE };

struct cr_policy {
    enum cr_policy_verb verb;
    uint64_t version;   /* in, READ: known already, then the settings are not told again; WRITE: must be the store's, or WRONG_STATE;
                           CR_POLICY_ANY: whatever is there. out: the store's, also with WRONG_STATE */
    bool changed;       /* out, READ: the settings follow */
    int64_t at;         /* in, READ: of the version known; out: when it was last changed, 0: never */
    char by[CR_ASK_TEXT_CAP];
    bool whatever;      /* the loop's own: nobody asked for a certain version; and how often it was tried */
    unsigned tries;
    unsigned count;
    struct cr_policy_setting *setting; /* in, WRITE: the changes; out: all. Owned */
};

/* ---- SURVEY: the fleet in figures ---- */

enum { CR_SURVEY_ISSUERS = 16, CR_SURVEY_SPANS = 4 /* 1, 7, 30, 90 days */ };

struct cr_survey_issuer {
    char issuer[CR_ISSUER_ID_TEXT];
    uint64_t slots;
};

/* Slots on hold are counted in slots, state, held and issuer, and nowhere else: being held and running out are two things.
 * A slot that is expiring will expire un-renewed at the present behaviour (at_risk) when two renewals in a row passed
 * their deadline, when its device reported three failures since its last confirmed certificate, or when the device is
 * not expected to appear before notAfter: a device that is away for no longer than usual appears when its usual
 * absence is over; one that is away for longer, or whose habit is not known, is expected to stay away as long again, but
 * only once its renewal is due: before that nobody asked, and it may be connected all the time. */
struct cr_survey_counts {
    uint64_t slots, held, expired, alerts;
    uint64_t state[CR_STATE_COUNT];
    uint64_t expiring[CR_SURVEY_SPANS];     /* within so many days; not yet expired */
    uint64_t at_risk[CR_SURVEY_SPANS];      /* of these, those that will not be renewed before */
    uint64_t due[CR_FORECAST_DAYS];         /* renewals that begin that many days from now */
    unsigned issuers;                       /* the last one of more than there is room for is "other" */
    struct cr_survey_issuer issuer[CR_SURVEY_ISSUERS];
};

enum cr_survey_verb {
    CR_SURVEY_PAGE,  /* counts on from the cursor, a bounded number of slots */
    CR_SURVEY_SAVE,  /* what one broker counted, for all of them; `counts` and `at` */
    CR_SURVEY_LOAD,  /* the last one saved, and who counts now: claims the counting when nobody does and it is old, or
                        keeps the claim that is ours */
    CR_SURVEY_READ,  /* only the last one saved */
};
enum {
    CR_SURVEY_EVERY_S = 60,  /* the next round begins no sooner after the last one was saved */
    CR_SURVEY_CLAIM_S = 120, /* another broker counts when the one that claimed it says nothing for so long */
    CR_SURVEY_PIECE = 128,   /* slots that are counted at once, roughly */
};

struct cr_survey {
    enum cr_survey_verb verb;
    char cursor[CR_CURSOR_CAP];     /* PAGE: in and out, as in cr_list */
    struct cr_survey_counts counts; /* PAGE: of these slots alone */
    int64_t at;      /* when the counting ended; 0: never */
    bool ours;       /* LOAD, out: this broker is to count */
};

/* Each harmless on NULL. */
void cr_list_free(struct cr_list *list);
void cr_campaign_ask_free(struct cr_campaign_ask *ask);
void cr_history_free(struct cr_history *history);
void cr_policy_free(struct cr_policy *policy);

#endif
