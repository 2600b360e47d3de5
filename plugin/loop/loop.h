/* loop: the state that the files of this folder share: everything that lives on the broker's loop. Private to it; others
 * see router.h and host.h. Nothing here waits, and nothing here is locked. */
#ifndef CR_LOOP_H
#define CR_LOOP_H

#include "common/clock.h"
#include "common/topic.h"
#include "plugin/handoff/pipeline.h"
#include "plugin/loop/sane.h"
#include "plugin/loop/sessions.h"
#include "plugin/setup.h"

struct cr_batch;
struct cr_campaigns;
struct cr_away;
struct cr_dormant;
struct cr_figures;
struct cr_gone;
struct cr_revoked;
struct cr_bundles;
struct cr_crls;
struct cr_enrolments;
struct cr_policies;
struct cr_watch;

/* Since start. */
struct cr_counters {
    uint64_t issued, confirmed, triggered, delivered, alarms, alerts, wakes, audits_lost;
    uint64_t revoked_closed, revoked_refused; /* connections of revoked certificates: that were open; that were tried */
    uint64_t refused[CR_REFUSAL_COUNT];
};

/* The scheduler's (agenda.c). */
struct cr_agenda_state {
    bool asking;                      /* an AGENDA job is under way */
    bool more;                        /* more is due than was claimed */
    int64_t next_ms;                  /* when to ask next */
    unsigned bucket, total;           /* where to go on; how many there are, 0: not known yet */
    struct cr_sane clock;
    int64_t clock_next_ms;
    bool clock_odd;                   /* the wall clock cannot be believed */
};

struct cr_router {
    struct cr_host *host;
    const struct cr_clock *clock;
    struct cr_setup *setup;           /* in force; policies.h has where it comes from */
    struct cr_pipeline *pipeline;
    struct cr_sessions sessions;
    struct cr_limiter alerts;         /* events about them */
    struct cr_limiter total;          /* requests of all devices */
    struct cr_limiter_rate total_rate;
    struct cr_limiter strangers;      /* alarms of clients that are no device */
    struct cr_limiter begins;         /* renewals that begin because a device appears */
    struct cr_limiter_rate begin_rate;
    struct cr_dormant *dormant, *dormant_by_client; /* devices that are away, by name and by client id */
    struct cr_away *away;             /* operators that are, by client id */
    struct cr_gone *gone;             /* who was restricted when its connection ended: its will comes after that */
    unsigned in_flight;               /* jobs admitted and not home yet */
    uint64_t last_job, last_batch;
    struct cr_batch *batches;         /* operator commands that wait for an answer */
    unsigned batch_count;
    bool nobody_said;                 /* that no operator is configured */
    unsigned command_jobs;            /* of theirs, under way */
    unsigned command_rows;            /* of pages, that open batches wait for or hold */
    struct cr_deliveries *deliveries; /* lines that are not with the store yet; NULL: none */
    int64_t deliveries_due_ms;
    struct cr_agenda_state agenda;
    struct cr_campaigns *campaigns;   /* each its file's own; NULL: not needed yet */
    struct cr_watch *watch;
    struct cr_policies *policies;
    struct cr_figures *figures;
    struct cr_revoked *revoked;
    struct cr_bundles *bundles;
    struct cr_crls *crls;
    struct cr_enrolments *enrolments;
    struct cr_counters counters;
    int64_t started_mono_ms, pruned_ms;
    unsigned ticks;
};

static inline int64_t loop_now_ms(const struct cr_router *router)
{
    return cr_mono_ms(router->clock);
}

/* Log lines for people. */
void loop_log(struct cr_router *router, char level, const char *format, ...) CR_PRINTF(3, 4);

/* ---- admission (admit.c): the one place where jobs start and end ---- */

/* A job for this session (NULL: nobody) and device, if max_in_flight allows: NULL means shed load. */
struct cr_job *loop_admit(struct cr_router *router, enum cr_op op, const struct cr_session *session, const char *device,
                          const char *slot);
/* Sends it off; it comes home through cr_router_tick. */
void loop_send(struct cr_router *router, struct cr_job *job, enum cr_stage stage);
/* It is home: its place is free again. */
void loop_release(struct cr_router *router, struct cr_job *job);
/* Gives back a job that was never sent. */
void loop_abandon(struct cr_router *router, struct cr_job *job);

/* ---- appearing (appear.c) ---- */

/* The session of this client, made and identified when it is new. NULL: none could be made; treat it as a stranger. */
struct cr_session *loop_notice(struct cr_router *router, const struct cr_client *client);
/* The same, but also makes sure that the connection still has the certificate that the session was identified by. */
struct cr_session *loop_notice_exactly(struct cr_router *router, const struct cr_client *client);
/* Whom we trust, and who is an operator, may have changed. */
void loop_judge_anew(struct cr_router *router);
/* Sends what waits to be presented, as far as admission allows. */
void loop_present_waiting(struct cr_router *router);
/* Asks the store again for the connected devices that something is due for by now; looks at all, so call it seldom. */
void loop_look_again(struct cr_router *router);
/* Presents those that wait for their turn to begin, as far as the rate and the work under way allow. */
void loop_begin_waiting(struct cr_router *router);
/* It has something due, but may not begin now: it waits for its turn, in front if that is urgent. */
void loop_begin_later(struct cr_router *router, struct cr_session *session, bool urgent);
/* It is no device any more, for this reason; its connection is closed. */
void loop_refuse_session(struct cr_router *router, struct cr_session *session, enum cr_refusal refusal, const char *why);

/* ---- presented (presented.c): what the store knows of a device that appeared ---- */

void loop_presented(struct cr_router *router, struct cr_job *job);

/* ---- cutover (cutover.c): from the old certificate's connection to the new one's ---- */

/* This certificate was sent to the session for a slot, or the device uses it elsewhere by now. */
void loop_cutover_sent(struct cr_router *router, struct cr_session *session, const char *slot,
                       const struct cr_serial *serial);
/* The store has answered for it. */
void loop_cutover_presented(struct cr_router *router, struct cr_session *session, const struct cr_device_record *record);
void loop_cutover_tick(struct cr_router *router);
/* Closes its connection in this tick or as soon as the host can; once. why: for the log. */
void loop_close(struct cr_router *router, struct cr_session *session, const char *why);

/* ---- expiry (expiry.c): certificates that run out while their devices are connected ---- */

/* When something is to be done about it soon, that is noted; call it once a minute, and when the certificate is new. */
void loop_expiry_plan(struct cr_router *router, struct cr_session *session);
void loop_expiry_tick(struct cr_router *router);

/* ---- dormant (dormant.c): devices that are away and whose session the broker keeps ---- */

/* The session ends. */
void loop_dormant_left(struct cr_router *router, const struct cr_session *session);
/* A session begins: its device is dormant no more, nor is whoever had its client id. */
void loop_dormant_appeared(struct cr_router *router, struct cr_session *session);
/* Whether the broker keeps a session of a device under this client id. */
bool loop_dormant_has(const struct cr_router *router, const char *client_id);
/* Queues this slot's trigger for a device that is away, unless one is queued already. False: nothing was queued. */
bool loop_dormant_trigger(struct cr_router *router, const char *device, const struct cr_slot_record *record);
/* It is probably back, though it has said nothing yet. */
void loop_dormant_resumed(struct cr_router *router, const char *client_id);
/* Something was done for this device, here or by another broker: the store is asked what, if it is dormant here. */
void loop_dormant_pushed(struct cr_router *router, const char *device);
/* What the store has for it. */
void loop_dormant_looked(struct cr_router *router, const struct cr_job *job);
void loop_dormant_fini(struct cr_router *router);

/* ---- gone (gone.c): connections that ended, and whose wills and deliveries are checked after that ---- */

void loop_gone(struct cr_router *router, const struct cr_client *client, bool restricted);
/* Whether the client is such a connection, and nobody who came since. */
bool loop_gone_was_restricted(const struct cr_router *router, const struct cr_client *client);
void loop_gone_fini(struct cr_router *router);

/* ---- away (away.c): operators that are away and whose session the broker keeps ---- */

/* The session ends: nothing is remembered of who is no operator. */
void loop_away_left(struct cr_router *router, const struct cr_session *session);
/* A session with this client id begins. */
void loop_away_appeared(struct cr_router *router, const char *client_id);
/* What it was, while its certificate is valid; NONE for who is not away, or was none. */
enum cr_role loop_away_role(const struct cr_router *router, const struct cr_client *client);
void loop_away_fini(struct cr_router *router);

/* ---- policy (policy.c): who may what ---- */

/* The profile of the slot whose certificate devices connect with; NULL: there is none. */
const struct cr_profile *loop_tls_profile(const struct cr_router *router);
/* How long after its notAfter a certificate is still good for renewing; 0: not at all. */
int64_t loop_accept_expired_s(const struct cr_router *router);
/* Whether this is an operator's name, whatever its certificate is worth. */
bool loop_is_operator_name(const struct cr_router *router, const struct cr_session *session);
/* Whether a certificate, or a user name, of this name is an operator's: no device may get one. */
bool loop_is_operators(const struct cr_router *router, const char *name);

/* The name that makes it an operator, of its certificate or its user; "": it is none. Lent by the configuration. */
const char *loop_operator_name(const struct cr_router *router, const struct cr_session *session);

/* What this session may on the operator channel, now: nothing any more once its certificate has expired. */
enum cr_role loop_role(const struct cr_router *router, const struct cr_session *session);
/* Why a session without a role, or without enough of one, is refused. CERTIFICATE_NOT_VALID tells only who would have a
 * role that its certificate's time is over; strangers are NOT_AUTHORISED. */
enum cr_refusal loop_role_refusal(const struct cr_router *router, const struct cr_session *session);
/* NONE: this session may act as this device. Otherwise why not. */
enum cr_refusal loop_device_refusal(const struct cr_session *session, const char *device);

/* ---- renewal (renewal.c): requests of devices, and their answers ---- */

void loop_csr(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic, struct cr_bytes payload,
              const struct cr_request_properties *properties);
void loop_get(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic, struct cr_bytes payload,
              const struct cr_request_properties *properties);
void loop_report(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic,
                 struct cr_bytes payload, const struct cr_request_properties *properties);
/* A device's request is home. Does not free the job. */
void loop_renewal_home(struct cr_router *router, struct cr_session *session, const struct cr_job *job);
/* Sends what waits for a device, trigger or certificate, to its live sessions; returns to how many. The same trigger or
 * certificate goes to a connection once. */
unsigned loop_deliver(struct cr_router *router, const char *device, const struct cr_slot_record *record);
/* The same to one session, whatever was sent before. False: there is nothing to send. */
bool loop_deliver_to(struct cr_router *router, struct cr_session *session, const struct cr_slot_record *record,
                     struct cr_bytes correlation);
/* Whether just this was sent to it already. */
bool loop_was_sent(const struct cr_session *session, const struct cr_slot_record *record);
void loop_note_sent(struct cr_session *session, const struct cr_slot_record *record);
/* Stands for the renewal of a slot, all its attempts; never 0. */
uint64_t loop_renewal_mark(const struct cr_slot_record *record);

/* ---- replies (replies.c): publishing on the device channel ---- */

/* Where an answer goes. */
struct cr_reply_to {
    const struct cr_session *session;
    const char *device, *slot;
    const char *request_id;      /* "" : none */
    struct cr_bytes correlation; /* empty: none */
    const char *client_id;       /* without a session */
};

/* A certificate that is ready, and how it was asked for. */
struct cr_reply_certificate {
    const char *renewal_id;
    const struct cr_serial *serial;
    int64_t not_before, not_after;
    const char *issuer;
    struct cr_bytes leaf;
    enum cr_csr_format format;
};

void reply_certificate(struct cr_router *router, const struct cr_reply_to *to,
                       const struct cr_reply_certificate *certificate);
void reply_rejected(struct cr_router *router, const struct cr_reply_to *to, enum cr_refusal refusal,
                    const char *renewal_id, unsigned retry_after_s);
void reply_pending(struct cr_router *router, const struct cr_reply_to *to, const char *renewal_id,
                   unsigned retry_after_s);
void reply_renew(struct cr_router *router, const struct cr_reply_to *to, const struct cr_slot_record *record);
void reply_status(struct cr_router *router, const struct cr_reply_to *to, const struct cr_serial *serial,
                  int64_t not_after, int64_t next_renewal);

/* ---- deliveries (deliveries.c): what was sent, for the audit log ---- */

/* A certificate (serial), or a trigger (NULL, and its attempt), was handed to the broker. */
void loop_delivered(struct cr_router *router, const struct cr_reply_to *to, const char *renewal_id,
                    const struct cr_serial *serial, unsigned attempt);
/* On every tick. Lines wait some 50 ms for others. */
void loop_deliveries_tick(struct cr_router *router);
/* Now, so that what is sent to the store next comes behind them. */
void loop_deliveries_flush(struct cr_router *router);
void loop_deliveries_fini(struct cr_router *router);

/* ---- alarms (alarm.c): security events ---- */

/* An audit line, a log line and an event for operators. session may be NULL. Rate-limited per device. */
void loop_alarm(struct cr_router *router, const struct cr_session *session, const char *device, enum cr_refusal refusal,
                const char *detail);
/* The same without the audit line: the store, which found it, has written that. */
void loop_alarm_audited(struct cr_router *router, const struct cr_session *session, const char *device,
                        enum cr_refusal refusal, const char *detail);
/* An operator's command that changes something, once it was sent on its way. detail: the command as it was given. */
void loop_audit_command(struct cr_router *router, const struct cr_session *session, const char *device,
                        const char *slot, const char *detail);
/* Only the audit line, as it is. */
void loop_audit_plain(struct cr_router *router, const struct cr_session *session, const char *device, const char *slot,
                      const char *what, const char *detail);
/* Only the audit line: the refusal's name, then the detail ("": none). Takes no place for long; dropped, and counted,
 * when there is none. */
void loop_audit(struct cr_router *router, const struct cr_session *session, const char *device, const char *slot,
                const char *what, enum cr_refusal refusal, const char *detail);

/* ---- the scheduler (agenda.c) ---- */

void loop_agenda_init(struct cr_router *router);
/* On every tick: looks at the clock and asks for what is due, each about once a second. */
void loop_agenda_tick(struct cr_router *router, int64_t now_ms);
/* About a second; each broker its own, so that they do not ask in step. */
int64_t loop_turn_ms(const struct cr_router *router);
/* How many slots may be taken up now: requests of devices go first, and nothing begins before the shared settings are
 * known. */
unsigned loop_headroom(const struct cr_router *router);
/* Whether the wall clock can be believed now. While it cannot, nothing is issued and nothing begins. */
bool loop_clock_ok(struct cr_router *router);
/* Jobs that are home. Do not free them. */
void loop_agenda_done(struct cr_router *router, const struct cr_job *job);
void loop_advanced(struct cr_router *router, const struct cr_job *job);
/* Something was done for this device: its sessions here, if any, get what is pending, soon. */
void loop_present_again(struct cr_router *router, const char *device);

/* ---- what operators steer and see; each is called on every tick, and gets its jobs when they are home ---- */

/* Campaigns (campaigns.c): those that this broker carries on. */
void loop_campaigns_tick(struct cr_router *router, int64_t now_ms);
/* LIST, TRIGGER, STEER and CAMPAIGN that no command asked for. Does not free the job; nor do the others. */
void loop_campaign_home(struct cr_router *router, const struct cr_job *job);
/* Something was changed by a command: look at once. */
void loop_campaigns_look(struct cr_router *router);
void loop_campaigns_fini(struct cr_router *router);

/* The watch (watch.c): slots whose renewal is due and not confirmed; their alerts, and how their devices are called. */
void loop_watch_tick(struct cr_router *router, int64_t now_ms);
/* AGENDA of the watch, and LOOK. */
void loop_watch_home(struct cr_router *router, const struct cr_job *job);
void loop_watch_fini(struct cr_router *router);

/* Alerts (alerts.c). */

void loop_alerts_init(struct cr_router *router);
/* Tells operators what the job found that they must act on: events and log lines. The audit lines are the store's.
 * Alerts are rate-limited, wakes are not: the watch sees to that. */
void loop_alerts_home(struct cr_router *router, const struct cr_job *job);
/* What a slot's alert is about, and what to do: one sentence. */
const char *loop_alert_kind(const struct cr_slot_record *slot, unsigned failures_alert, int64_t now_s,
                            const char **detail);
/* The time before notAfter of the threshold that raised it; 0: none did, or it is not configured any more. */
int64_t loop_alert_threshold_s(const struct cr_config *config, const struct cr_slot_record *slot);
/* "30d", "12h" ... */
enum { CR_SPAN_TEXT = 24 };
void loop_span_text(char text[CR_SPAN_TEXT], int64_t seconds);

/* The settings that all brokers share (policies.c). setup: the file's. */
CR_MUST_USE cr_err loop_policies_init(struct cr_router *router, struct cr_setup *setup);
/* The file was read again: the settings go over this one from now on. */
void loop_policies_base(struct cr_router *router, struct cr_setup *setup);
void loop_policies_tick(struct cr_router *router, int64_t now_ms);
/* True: the job was taken; it waits, or is on its way again. */
bool loop_policy_home(struct cr_router *router, struct cr_job *job);
/* Sends a request that is to be judged by them, or lets it wait until they are known. */
void loop_policy_send(struct cr_router *router, struct cr_job *job);
/* Whether they are known: until then nothing begins by itself. */
bool loop_policy_known(const struct cr_router *router);
/* Of those that were read last; 0: there are none. */
uint64_t loop_policy_version(const struct cr_router *router);
/* Why they are not in force, in one sentence; "": they are. */
const char *loop_policy_problem(const struct cr_router *router);
void loop_policies_fini(struct cr_router *router);
/* From now on this setup is in force (router.c). */
void loop_use_setup(struct cr_router *router, struct cr_setup *setup);

/* Figures (figures.c): of this broker and of the fleet, for $SYS and the file. */
void loop_figures_tick(struct cr_router *router, int64_t now_ms);
void loop_figures_home(struct cr_router *router, const struct cr_job *job);
/* A device's CSR is about to be answered. */
void loop_figures_answered(struct cr_router *router, const struct cr_job *job);
/* The fleet as it was last counted, by any broker. NULL: it was not yet, as far as is known here. Lent. */
const struct cr_survey_counts *loop_fleet(const struct cr_router *router, int64_t *at);
void loop_figures_fini(struct cr_router *router);

/* ---- whom we trust ---- */

/* What is revoked (revoked.c): the whole of it, as the store tells it. */
CR_MUST_USE cr_err loop_revoked_init(struct cr_router *router);
/* REVOKED: takes the changes in, and closes the connections that they concern. Does not free the job; nor do the others. */
void loop_revoked_home(struct cr_router *router, const struct cr_job *job);
/* A command revoked what is in the job, and the store's own news of it is still to come: it counts from now on. */
void loop_revoked_now(struct cr_router *router, const struct cr_job *job);
/* On every tick. True: there is more to do, soon. */
bool loop_revoked_tick(struct cr_router *router, int64_t now_ms);
/* NONE; REVOKED: this certificate, or its issuer, is; UNTRUSTED_ISSUER: its issuer is retired. */
enum cr_refusal loop_revoked_refusal(const struct cr_router *router, const struct cr_cert_facts *facts);
/* Whether a certificate with this serial number could be one of those: cheap, and says no to nearly all. */
bool loop_revoked_maybe(const struct cr_router *router, const struct cr_serial *serial);
/* The entry of a certificate, without its device; false: it is not revoked. */
bool loop_revoked_find(const struct cr_router *router, const struct cr_serial *serial, const char *issuer,
                       struct cr_revocation *entry);
/* The mark of an issuer; NULL: it is trusted. Lent until the next tick. */
const struct cr_issuer_mark *loop_issuer_mark(const struct cr_router *router, const char *issuer);
/* Who signs now: cr_trust_signer() without those that are revoked or retired. */
unsigned loop_signer(const struct cr_router *router);
struct cr_revoked_state {
    bool known;       /* the store has told all of it */
    bool lacking;     /* some of it found no memory, and is not refused until it does */
    uint64_t version;
    size_t entries, bytes;
    unsigned issuers; /* that are revoked or retired */
};
void loop_revoked_state(const struct cr_router *router, struct cr_revoked_state *state);
/* The alarms about whoever comes with a revoked certificate. */
struct cr_limiter *loop_revoked_alarms(struct cr_router *router);
void loop_revoked_fini(struct cr_router *router);

/* CRLs (crls.c): publishes them. */
void loop_crl_home(struct cr_router *router, const struct cr_job *job);
/* The CRL of an issuer that is in force, as far as is known here; NULL: none is. Lent until the next tick. */
const struct cr_crl_news *loop_crl(const struct cr_router *router, const char *issuer);
/* All of these; lent until the next tick. */
const struct cr_crl_news *loop_crls(const struct cr_router *router, unsigned *count);
void loop_crls_fini(struct cr_router *router);

/* Onboarding: enrol.h. */

/* The trust bundle (bundles.c). */
CR_MUST_USE cr_err loop_bundle_init(struct cr_router *router);
/* TRUST, also of commands. */
void loop_bundle_home(struct cr_router *router, struct cr_job *job);
/* A device appeared, and this is its record: sends it the bundle unless it has confirmed that. */
void loop_bundle_presented(struct cr_router *router, struct cr_session *session, const struct cr_device_record *record);
/* <device>/ca/report */
void loop_bundle_report(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic,
                        struct cr_bytes payload, const struct cr_request_properties *properties);
void loop_bundle_tick(struct cr_router *router, int64_t now_ms);
void loop_bundle_fini(struct cr_router *router);

/* ---- completions (complete.c) ---- */

/* A job is home. Takes it. */
void loop_complete(struct cr_router *router, struct cr_job *job);

/* ---- control (control.c): the operator channel ---- */

void loop_control(struct cr_router *router, struct cr_session *session, struct cr_bytes payload,
                  const struct cr_request_properties *properties);
/* A job of a command is home: its answer. Does not free the job. */
void loop_command_done(struct cr_router *router, struct cr_job *job);
/* A job of a command was refused: with a sentence of its own (NULL: the refusal's), and the field that is wrong ("": none). */
void loop_command_failed(struct cr_router *router, const struct cr_job *job, const char *text, const char *field);
void loop_control_fini(struct cr_router *router);

#endif
