/* redis_store: what the files of the store on Redis share. Private to it; others see store.h and store_redis.h.
 *
 * DESIGN. One thread runs one libuv loop. submit() puts jobs into an inbox and wakes the loop, which makes an op of
 * each: a job, its deadline, and what it waits for. An op sends at most a few commands; each answer decides what
 * follows. All that ops send in one turn of the loop leaves as one pipeline, and all lines for the journal in one
 * batch.
 *
 * An op whose deadline passes gives its job back at once, and lingers without it until its last answer came. An op
 * whose answer was lost with the connection is asked again when there is a connection, while its time lasts: every
 * script recognises what it has already done.
 *
 * A certificate that is in the journal will be recorded, whatever happens: when its job's time is over, the job goes
 * home as PENDING and the op goes on as a late one, with a DELIVER job in its place.
 *
 * Before a connection serves jobs it is greeted (redis_greet.c: password, schema, scripts) and given back what it lost
 * (reconcile.c). */
#ifndef CR_REDIS_STORE_H
#define CR_REDIS_STORE_H

#include "plugin/store/audit.h"
#include "plugin/store/journal.h"
#include "plugin/store/journal_tail.h"
#include "plugin/store/push.h"
#include "plugin/store/redis_error.h"
#include "plugin/store/redis_link.h"
#include "plugin/store/store_redis.h"

#include <pthread.h>
#include <stdatomic.h>

enum { CR_SHA1_TEXT = 41, CR_EPOCH_CAP = 40, STORE_RETRY_MS = 1000 };

enum store_phase {
    STORE_AWAY,        /* no connection */
    STORE_GREETING,
    STORE_RECONCILING,
    STORE_READY,
};

/* What is missing of an answer in parts: to be waited for, asked again, or not to be had. */
enum store_gap { STORE_NO_GAP, STORE_GAP_LOST, STORE_GAP_SCRIPTS, STORE_GAP_REFUSED };

struct store_op {
    struct store_op *prev, *next;   /* in order of deadlines, or among the late ones */
    struct store_op *waiting_next;  /* for Redis to serve */
    struct store_op *line_prev, *line_next;
    struct cr_redis_store *store;
    struct cr_job *job;          /* NULL: it went home; only answers are still awaited */
    uint64_t deadline_ms;
    unsigned calls;              /* commands that were not answered */
    bool journaling;             /* waits for the disk */
    bool journaled;              /* the certificate is on disk */
    bool waiting;
    bool late;
    bool looking, in_line;       /* op_line.c: one of those under way; one that waits for that */
    bool again;                  /* an answer got lost */
    bool reloaded;               /* the scripts were loaded again for it */
    bool put_back;               /* begin: what the journal knows of this key was put back first */
    bool key_used;
    bool enrols;                 /* op_enrol.c: the key of the asker's factory certificate is known to be its own */
    char new_renewal_id[CR_RENEWAL_ID_CAP];
    void (*answered)(struct store_op *op, const redisReply *reply); /* what the next answer means */
    struct cr_redis_call call;
    struct cr_redis_call side;   /* present: of the claim that goes beside the script; campaign: of the counts */
    struct cr_claim claim;
    struct cr_journal_wait wait;
    struct cr_restore facts;     /* record: of the certificate */
    unsigned room, looked;       /* agenda: how much may be claimed; buckets that were looked at (campaign: too) */
    struct store_withdrawal *withdrawal; /* revoke, steer: op_revoke.c; owned */
    enum store_gap gap;          /* campaign: a part of the counts was not answered */
};

/* What a new connection is asked; calls of one kind share it. */
struct store_greeting {
    struct cr_redis_call call;
    struct cr_redis_store *store;
    unsigned script; /* 'take' is that of a script: which */
    bool optional;   /* an error is an answer as well */
    void (*take)(struct store_greeting *greeting, const redisReply *reply);
};

struct cr_redis_store {
    struct cr_store store;
    struct cr_store_redis_options options;
    const struct cr_config *config; /* of options.setup */
    struct cr_owner owner;
    uv_loop_t loop;
    uv_async_t async;
    uv_timer_t deadline, heartbeat;
    uv_prepare_t prepare;
    pthread_t thread;

    pthread_mutex_t lock;        /* guards the inbox, stopping and the shared health; held for a few instructions */
    struct cr_job *inbox, **inbox_tail;
    bool stopping;
    struct cr_store_health shared;
    atomic_uint inside;          /* jobs that were taken and not given back */

    /* from here on the thread's own */
    struct cr_redis_link *link;
    struct store_push push;
    enum store_phase phase;
    struct cr_records records;
    struct cr_redis_key meta, stream;
    char sha[CR_SCRIPT_COUNT][CR_SHA1_TEXT];
    char epoch[CR_EPOCH_CAP];
    struct cr_journal *journal;
    struct cr_tail *tail;
    struct cr_setup *newest;        /* of the last job; held */
    struct cr_setup *signing;       /* whose issuer signs checkpoints, on the pool; held */
    bool finished;                  /* the journal had its last checkpoint */
    bool unsigned_said;
    struct store_op *first, *last;  /* with deadlines, the next one first; all are equally long */
    struct store_op *late;
    unsigned late_count;
    struct store_op *waiting, **waiting_tail;
    struct store_op *line, *line_last; /* that wait until less is looked at */
    unsigned looking;                  /* how many are */
    bool line_moves;
    struct store_op *spare;         /* for reuse */
    unsigned spare_count;
    struct cr_reconcile *reconcile; /* under way; NULL: none */
    struct store_undone *undone;    /* the same of what was revoked */
    struct store_greeting greet_field, greet_meta, greet_config, greet_script[CR_SCRIPT_COUNT];
    unsigned greet_left;         /* questions without an answer */
    struct cr_redis_call beat_call;
    bool writable, durable, closing, beating;
    unsigned served;             /* how often it was reconciled, and began to serve */
    bool lost;                   /* something is missing in Redis: reconcile at the next beat */
    char trouble[256];           /* Redis' problem, "" : none */
    struct store_revoked *revoked;    /* each its file's own; NULL: not needed yet */
    struct store_bundle *bundle;
    struct store_crl *crl;
    char weakness[120];          /* its persistence, "" : fine */
    char said[120];              /* what was last logged */
    uint64_t op_errors;
};

/* ---- store_redis.c ---- */

uint64_t store_now_ms(void);
/* For the broker's log. */
void store_log(struct cr_redis_store *store, char level, const char *format, ...) CR_PRINTF(3, 4);
/* Redis' problem in one sentence, "" when it is over; logged when it changes. */
void store_trouble(struct cr_redis_store *store, const char *sentence);

/* ---- op.c: what all operations have in common ---- */

/* Makes an op of the job and starts it. Takes the job. */
void store_op_begin(struct cr_redis_store *store, struct cr_job *job);
/* Starts it (again), or lets it wait until Redis serves. */
void store_op_go(struct store_op *op);
void store_op_wait(struct store_op *op);
/* The id that a renewal gets should this op begin one: made once, so that asking again asks for the same. */
void store_op_new_renewal(struct store_op *op);
/* Sends; `answered` gets the answer, unless it is lost or an error, which op.c sees to. */
void store_op_send(struct store_op *op, struct cr_args *args,
                   void (*answered)(struct store_op *op, const redisReply *reply));
/* Gives the job back; the op ends, or lingers for its answers. */
void store_op_finish(struct store_op *op);
/* Gives the job back, and goes on as a late one with another in its place; NULL: does not go on. */
void store_op_go_late(struct store_op *op, struct cr_job *deliver);
/* Ends a late one without a word. */
void store_op_drop(struct store_op *op);
void store_op_refuse(struct store_op *op, enum cr_refusal refusal, int64_t retry_after_s);
/* Redis cannot be asked: refused with when to try again. */
void store_op_unavailable(struct store_op *op);
/* The record is not what it must be: an alarm, and the safe refusal. */
void store_op_quarantine(struct store_op *op, const char *what);
/* A slot in job->record that is issued but has no certificate: it was lost, and the journal may have it. */
void store_op_look_for_lost(struct store_op *op);
/* An op without anything left to wait for ends. */
void store_op_settle(struct store_op *op);
/* Those whose deadline passed; then all that wait, when Redis serves. */
void store_ops_time_out(struct cr_redis_store *store, uint64_t now_ms);
void store_ops_resume(struct cr_redis_store *store);
/* While Redis is away there is no sense in waiting for it. */
void store_ops_give_up(struct cr_redis_store *store);
/* When the store ends: all jobs go home; later, when nothing is called back any more, the memory. */
void store_ops_end(struct cr_redis_store *store);
void store_ops_free(struct cr_redis_store *store);

/* ---- op_line.c: only some of what operators look at is under way at a time ---- */

/* False: it waits in line, and is started when its turn comes. */
bool store_line_enter(struct store_op *op);
/* It ends: the next one begins. */
void store_line_leave(struct store_op *op);

/* A script's answer as views into the reply. CR_INVALID: it does not look like one. */
CR_MUST_USE cr_err store_answer_read(struct cr_answer *answer, const redisReply *reply);
struct cr_bytes store_reply_bytes(const redisReply *reply);
/* The same, with the record in it as job->record: of the job's slot, or all of them where it names none. Otherwise the job
 * went home. */
CR_MUST_USE cr_err store_take_record(struct store_op *op, struct cr_answer *answer, const redisReply *reply);

/* ---- the operations: each starts with a job of its kind ---- */

void store_begin_start(struct store_op *op);   /* op_begin.c */
void store_record_start(struct store_op *op);  /* op_record.c */
/* The job's time is over, or Redis cannot be asked: PENDING, and the op goes on as a late one. */
void store_record_late(struct store_op *op);
/* Tries every late one again. */
void store_record_catch_up(struct cr_redis_store *store);
void store_present_start(struct store_op *op); /* op_present.c */
void store_read_start(struct store_op *op);    /* op_other.c: GET, INSPECT, DELIVER */
void store_trigger_start(struct store_op *op);
void store_advance_start(struct store_op *op);
void store_agenda_start(struct store_op *op);  /* op_agenda.c */
void store_report_start(struct store_op *op);
void store_audit_start(struct store_op *op);
void store_list_start(struct store_op *op);     /* op_list.c */
void store_steer_start(struct store_op *op);    /* op_steer.c */
void store_campaign_start(struct store_op *op); /* op_campaign.c */
void store_look_start(struct store_op *op);     /* op_look.c */
void store_history_start(struct store_op *op);  /* op_history.c */
void store_policy_start(struct store_op *op);   /* op_policy.c */
void store_survey_start(struct store_op *op);   /* op_survey.c */
void store_figures_start(struct store_op *op);  /* op_figures.c */
void store_revoke_start(struct store_op *op);   /* op_revoke.c */
void store_enrol_start(struct store_op *op);    /* op_enrol.c */
void store_trust_start(struct store_op *op);    /* op_trust.c */
void store_ocsp_start(struct store_op *op);     /* op_ocsp.c */
void store_census_start(struct store_op *op);   /* op_census.c */

/* ---- op_withdraw.c: certificates of a device that are revoked, or not any more ---- */

/* The certificates that a script told, in the lines of withdrawn.lua, are written down as revoked, with the claims of
 * their keys; then goes on with `done`. device "": not known. */
void store_withdraw(struct store_op *op, struct cr_bytes certificates, int64_t at, unsigned reason,
                    void (*done)(struct store_op *op));
/* The same the other way, for those that are on hold. */
void store_readmit(struct store_op *op, struct cr_bytes certificates, void (*done)(struct store_op *op));
/* Those that it was about. Lent until the op goes on with others, or ends. */
struct cr_bytes store_withdrawn(const struct store_op *op);
void store_withdrawal_free(struct store_withdrawal *withdrawal);

/* ---- enrolling: parts of BEGIN and GET (op_enrol.c, op_begin.c) ---- */

/* Who comes with a factory's certificate: its key is claimed for it, as the slot "#factory"; then BEGIN or GET goes on. */
void store_enrol_key_start(struct store_op *op);
/* It has a certificate that is good by its record: is it revoked? Asks for the decision again, or refuses. */
void store_enrol_look(struct store_op *op, const struct cr_answer *answer, int64_t seconds);
/* "enrolled by factory NAME", "enrolled by token"; "": it has a certificate of ours. */
void store_enrol_detail(const struct cr_job *job, char detail[CR_AUDIT_DETAIL_CAP]);
void store_begin_decide(struct store_op *op);
/* A key that was not certified is nobody's again: a device may come with a new one each time. */
void store_begin_refuse(struct store_op *op, enum cr_refusal refusal, int64_t seconds);

/* ---- revoked.c: what is revoked, kept up to date for the loop ---- */

/* Once a second, or when another broker has changed something: asks for what changed since, and tells the loop. */
void store_revoked_look(struct cr_redis_store *store);
void store_revoked_end(struct cr_redis_store *store);
/* When nothing is called back any more. */
void store_revoked_free(struct cr_redis_store *store);

/* ---- bundle_news.c: the trust bundle, likewise ---- */

void store_bundle_look(struct cr_redis_store *store);
void store_bundle_end(struct cr_redis_store *store);

/* ---- crl_maker.c: CRLs, made by one broker, written by each ---- */

/* Once a second: is one due, or is there a newer one? */
void store_crl_look(struct cr_redis_store *store);
/* When the store ends: nothing new is begun; the loop goes on until the pool is done. */
void store_crl_end(struct cr_redis_store *store);
/* When the loop has ended. */
void store_crl_free(struct cr_redis_store *store);

/* ---- store_audit.c ---- */

/* One line to the journal and, when Redis serves, to its stream. */
void store_audit(struct cr_redis_store *store, const struct cr_audit *audit);
/* About a job; certificate NULL: none. */
void store_audit_alarm(struct store_op *op, enum cr_refusal alarm,
                       const char *detail); /* also for the loop, through the job */
void store_audit_op(struct store_op *op, const char *what, const char *detail, const struct cr_restore *certificate);
/* About the slot's current certificate, which job->record shows. 'confirmed' is remembered for reconcile. */
void store_audit_current(struct store_op *op, const char *what, const char *detail);
/* What operators must act on, about the job's slot; also for the loop, through the job. */
void store_audit_alert(struct store_op *op, enum cr_alert alert, const char *detail);
/* About another slot of the job's device, or another renewal. */
void store_audit_slot(struct store_op *op, const char *what, const char *slot, const char *renewal_id,
                      const char *detail);
/* As store_audit_op, but only to the stream: the journal has it. */
void store_audit_stream(struct store_op *op, const char *what, const struct cr_restore *certificate);
/* About what is revoked, with audit->revocation; remembered for reconcile. undone: whether it is an issuer, and as what. */
void store_audit_revocation(struct cr_redis_store *store, const struct cr_audit *audit, const struct cr_undone *undone);
/* An intent; only to the journal. An error: the journal would not take it, so nothing may be signed. */
CR_MUST_USE cr_err store_audit_intent(struct store_op *op, const struct cr_restore *intent);
/* A line for each of job->deliveries. */
void store_audit_deliveries(struct store_op *op);
/* What a script met on its way: triggers that ended, renewals that began. To be called once job->record is there. */
void store_audit_note(struct store_op *op, const struct cr_answer *answer);
/* Lines that the journal lost while it could not be written. */
void store_audit_lost(struct cr_redis_store *store);

/* Only to the stream: the journal has it, or is what it is about. */
void store_audit_elsewhere(struct cr_redis_store *store, const struct cr_audit *audit);

/* ---- store_checkpoint.c ---- */

/* Opens the journal, and takes its tail in. */
CR_MUST_USE cr_err store_journal_start(struct cr_redis_store *store, char *why, size_t why_cap);
/* When all else is done: a last checkpoint. Whether the journal may be closed. */
bool store_journal_finish(struct cr_redis_store *store);
/* The configuration may have been read again: the issuer of the newest job's signs the next checkpoint. */
void store_signer_know(struct cr_redis_store *store, struct cr_setup *setup);
/* Between two batches. */
void store_signer_use(struct cr_redis_store *store);
void store_signer_end(struct cr_redis_store *store);

/* ---- redis_greet.c ---- */

/* A new connection: greets it, then reconciles, then serves. */
void store_greet(struct cr_redis_store *store);
/* Redis forgot the scripts: loads them again, ahead of whatever is sent next. */
void store_load_scripts(struct cr_redis_store *store);
/* Once a second: is it still the same Redis, with the same data? */
void store_beat(struct cr_redis_store *store);

/* ---- reconcile.c ---- */

/* Puts back what the journal knows and Redis lost; then the store is ready. */
void store_reconcile(struct cr_redis_store *store);
/* reconcile_revoked.c: what was revoked; then goes on with `done`. */
void store_undone_put_back(struct cr_redis_store *store, void (*done)(struct cr_redis_store *store, unsigned restored));
void store_undone_abandon(struct cr_redis_store *store);
/* The connection is gone: forget it. */
void store_reconcile_abandon(struct cr_redis_store *store);
/* Writes the certificate of an issued entry, read from the journal. */
CR_MUST_USE cr_err store_reconcile_der(struct cr_redis_store *store, const struct cr_tail_entry *entry,
                                       struct cr_blob *der);

/* ---- claim.c ---- */

/* Marks a key as used in a certificate; nobody waits for it. */
void store_claim_use(struct cr_redis_store *store, const struct cr_claim *claim);
/* What makes it the key of a revoked certificate; and, of a certificate that was on hold, used again. */
void store_claim_revoke_args(struct cr_args *args, const struct cr_claim *claim);
void store_claim_release_args(struct cr_args *args, const struct cr_claim *claim);
/* Takes back the claim of a key that was refused and is in no certificate; nobody waits for it. */
void store_claim_forget(struct cr_redis_store *store, const struct cr_claim *claim);

#endif
