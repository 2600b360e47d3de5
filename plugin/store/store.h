/* store: what is remembered, behind one interface: Redis and the journal (store_redis.h), or a fake in memory for flow
 * tests (tests/support/fake_store.h). Both pass one contract suite (tests/contract/test_store.c).
 *
 * Threads: submit() and health() from any thread, never waiting. The done function is called on the store's own thread
 * (for the fake: in fake_store_pump) and takes the job. Locks inside; never calls back from submit().
 *
 * Every job that was taken comes back through done exactly once, also when Redis is down, slow, read-only or full, within
 * redis_timeout_ms and a little, also while the store stops. When nothing could be learnt the outcome is REFUSED with
 * CR_REFUSAL_STORE_UNAVAILABLE and retry_after_s set.
 *
 * What each operation does (job.h names the fields); one operation is one script on one device's key, so that brokers
 * that share a Redis never see a half of it:
 *
 * PRESENT  Notes `presented` for device/slot: first and last seen, and, when nothing is known or what was known is older
 *          (not_before) and not ours, the current certificate. If it is the pending one of an issued slot it is CONFIRMED:
 *          generation+1, the former becomes superseded, the pending certificate is deleted, quiet again, due time set, job->confirmed.
 *          If it appeared, how long it was away moves gap_s. Claims the key for device/slot.
 *          A slot that is quiet and not held, and has a profile, is due when the agenda says so, or as early as it takes
 *          to have profile->min_chances times gap_s left before notAfter (but not in the first tenth of the certificate's
 *          life), and at once when its certificate has expired or its last renewal was not answered. If that is earlier
 *          than the agenda has it, or the agenda has lost it, the agenda gets it. Where job->may_begin, what is due by now is triggered with reason
 *          expiry, job->triggered: the slot whose current certificate this is, and all other slots with a known
 *          certificate.
 *          The superseded certificate, or one that is older than the current: CERTIFICATE_OUTDATED and nothing changes,
 *          once profile->superseded_grace_s have passed since then; before that, if it appeared, job->regressed, and a
 *          quiet slot is triggered with reason regression. If the current one comes after that: job->alarm
 *          SPLIT_IDENTITY, once.
 *          Outcome RECORD with every slot of the device, and the certificates of issued slots.
 * BEGIN    What of the policy needs the record, and the intent: in this order
 *            key of another device/slot, or of an issuer ........ KEY_REUSED (an alarm)
 *            a key that was in a revoked certificate, whosever .. REVOKED (an alarm)
 *            revoked, and not released .......................... REVOKED
 *            on hold ............................................ ON_HOLD
 *            this key is already issued here .................... CERTIFICATE: the same bytes, the same intent, again
 *            this key is being issued, lease running ............ taken over when the owner is an earlier life of this broker,
 *                                                                 NONE again when it is this very job's intent, else PENDING
 *            the current key and not profile->allow_same_key,
 *            or one that was in an earlier certificate .......... KEY_REUSED
 *            another key is being issued, lease running ......... RENEWAL_IN_PROGRESS with retry_after_s
 *            neither triggered, nor issued, nor in the window (also one that opens early, as in PRESENT), nor
 *            request_any_time ................................... TOO_EARLY with retry_after_s
 *          Of somebody who has no certificate of ours (job->enrolling) the last two do not hold, but, behind ON_HOLD, who is
 *          let in at all:
 *            by a token (job->has_token): the device's, not expired, not used by another key, else TOKEN_NOT_VALID
 *            by a factory's certificate: an operator's allowance (ENROL) for that factory, or any; else, by the factory's rules:
 *              the device came by another factory's certificate, or has
 *              no certificate in the slot and it is not factory_enroll any . NOT_ENROLLED
 *              it has one: factory_reenroll always, or, with expired, it has ended, is revoked, or its issuer is not among
 *              job->trusted; otherwise ..................................... ALREADY_ENROLLED with retry_after_s
 *            the very key of that certificate .............................. KEY_REUSED; it is claimed as the slot "#factory",
 *                                                                            so another device's, or one of ours: an alarm, too
 *          The factory is noted. Token and allowance are used up when the certificate that they brought is CONFIRMED.
 *          else the intent {serial, times, key hash, issuer, lease, owner, format} is recorded, the state is issuing,
 *          renewal_id is the outstanding one or a new UUID; outcome NONE: go on to SIGN. An issuing whose lease ran out is
 *          replaced by the new intent: its serial is never used again.
 * RECORD   Appends to the journal, waits for it to be durable (one fsync for all that wait), then records issued with the
 *          certificate if the intent is still this one: CERTIFICATE. If another's intent has replaced it: PENDING. If the
 *          slot was revoked meanwhile: REVOKED, and nobody gets it. If Redis
 *          does not answer in time: PENDING; the store goes on trying and makes a DELIVER job when it succeeds.
 * GET      Outcome RECORD with the one slot and its waiting certificate. By a factory's certificate: its key as in BEGIN.
 * REPORT   installed: noted, and for a slot that is not used for TLS it confirms. failed, rolled-back: the state goes back
 *          to triggered with attempt+1 and failures+1, not to be delivered before retry_at, the agenda's time of the next
 *          attempt; with every config.failures_alert failures in a row job->alert FAILING. UNKNOWN_RENEWAL when it is not the renewal under way (or the last confirmed one: DONE).
 * TRIGGER  quiet → triggered with a new renewal id, reason, deadline, attempt 1. triggered: attempt+1, same id. issuing,
 *          issued: unchanged. A trigger that passes its deadline is ended by whatever operation meets it first: unanswered+1,
 *          quiet, in the agenda at its certificate's notAfter, job->alert UNANSWERED. The agenda says when the next attempt follows, by the configuration's retry times, a quarter
 *          more or less by a hash of device, slot and attempt; at the latest at the deadline. Outcome RECORD with that slot (waiting certificate included). UNKNOWN_DEVICE, UNKNOWN_SLOT (never seen).
 *          job->campaign (id not ""): the slot becomes a member of that group, counted as a (asked), in whatever state it is;
 *          on hold: counted as s (skipped), ON_HOLD. A member of that campaign already, in any group: nothing changes, so
 *          that a walk can be repeated; but one that was skipped and is not on hold any more is asked now. In a campaign
 *          before it counts as c (cancelled), unless it was settled there.
 * INSPECT  Outcome RECORD with all slots, without certificates. UNKNOWN_DEVICE.
 * AGENDA   Claims slots whose time has come, bucket by bucket from agenda->bucket, at most agenda->limit and as many as the
 *          fleet's rate has room for now. What is claimed is put off by CR_CLAIM_S: should this broker die, another one takes
 *          it then. A member that is no device/slot is removed, with an alarm. DONE, also when it ends early: bucket says
 *          where to go on.
 *          With agenda->watch the same of the watch, without a rate: what is to be looked at.
 * ADVANCE  The next step of a slot whose time has come; whatever happened to the slot since it was claimed goes first, and
 *          then nothing is done:
 *            nothing known of it ................. leaves the agenda
 *            on hold ............................. leaves the agenda
 *            no profile .......................... an alarm; nothing begins; looked at again when its deadline ends,
 *                                                  when quiet after a quarter of what its certificate has left (an hour
 *                                                  at least, not after its end), otherwise after a day
 *            quiet, its certificate ended ........ leaves the agenda with alert EXPIRED
 *            quiet, unanswered > 0 ............... waits for the device, at most until its certificate ends
 *            quiet ............................... triggered with reason expiry, job->triggered
 *            triggered, past its deadline ........ quiet, unanswered+1, alert UNANSWERED (so does every other operation)
 *            triggered ........................... attempt+1, the same deadline, job->triggered
 *            issuing, its lease over ............. the same; its serial is never used again
 *            issued, that certificate ended ...... as quiet
 *            issued .............................. looked at again after another wait
 *          Outcome RECORD with that slot (waiting certificate included).
 * ENROL    job->enrol: who is let in that has no certificate of ours; DONE, with known. The device is made when it is new.
 *            ALLOW ...... by a certificate of that factory, or any; again: once more, though it was used
 *            FORBID ..... neither that nor by a token that was not used; nothing was there: WRONG_STATE
 *            TOKEN ...... by whoever has what hashes to token_hash, until expires, instead of a token before
 *          tags are added; more than CR_TAGS_CAP - 1 bytes: TOO_LARGE, and nothing changes.
 * POLICY   READ: the settings that all brokers share, unless version and at are the store's; changed says so. WRITE: the changes,
 *          all or none, if the version is the store's or CR_POLICY_ANY, as version + 1 (changes that change nothing: the same version),
 *          and all settings as they are then, changed; otherwise WRONG_STATE, with the changes as they were and the store's
 *          version. More than CR_POLICY_MAX: TOO_LARGE. What the settings mean is not the store's business. INTERNAL without a
 *          line: they are damaged, or no command asked and it is asked again soon. DONE.
 * LIST     A page of the slots that match list->filter and list->pick, among all whose certificate is known, or those that
 *          have an alert; in the order of bucket, notAfter, device/slot. DONE with rows (none where count_only), matched,
 *          looked, and a cursor unless it was the last page; that ends early rather than late, so a page may be short,
 *          or empty, and go on. Pages that follow each other miss no slot, also when slots are renewed meanwhile; such a
 *          slot may be seen again. (A certificate that ends before the one it replaces moves its slot to the front: such a
 *          one can be missed.) A record that is missing, damaged or another device's is passed over, with an alarm.
 *          UNKNOWN_CURSOR: none that a page here has given. Changes nothing.
 * STEER    What an operator does to one device; slot "" is all of its slots, for HOLD and RELEASE, or none. Outcome RECORD with
 *          that slot, or all. UNKNOWN_DEVICE, UNKNOWN_SLOT (never seen).
 *            HOLD ........ held, with the reason; held again, another reason. Nothing begins, is tried again, signed, handed
 *                          out or ends for a held slot: requests and triggers are refused as ON_HOLD, also one whose
 *                          certificate was being signed (it is recorded, and waits), and a trigger's deadline does
 *                          not count. What the device has already still counts: a certificate that it presents is
 *                          CONFIRMED, a failure that it reports is noted.
 *            RELEASE ..... the slot is looked at soon if anything was under way or came due meanwhile; a trigger has its
 *                          whole time before it again. Nothing was held: WRONG_STATE
 *            CANCEL ...... triggered → quiet, job->renewal_id says what. Nothing begins by itself then for as long as a
 *                          renewal may take, or half of what the certificate has left if that is less (the record's
 *                          retry_at); an operator, or a device whose window is open, still may. quiet: UNKNOWN_RENEWAL; issuing,
 *                          issued: WRONG_STATE, for it is answered already
 *            TAG ......... removes, then adds; sorted, each once. More than CR_TAGS_CAP - 1 bytes: TOO_LARGE
 *            ACKNOWLEDGE . the slot's alert, by whom. UNKNOWN_ALERT: it has none
 *          RELEASE of a revoked slot ends that too, but the certificates that were revoked stay so for ever, and so do their
 *          keys. Only what was revoked with reason certificateHold is taken back, before the slot is released.
 * REVOKE   DONE. Reasons are RFC 5280's; one that is given later takes the place of the one before, unless it is unspecified.
 *          certificateHold has an end: it gives way to any other, and takes the place of none.
 *          Whatever is asked again completes what ended half-way.
 *            DEVICE ...... every slot of it, or the one named, is revoked and on hold: what is under way ends, without a
 *                          certificate (an issuing too: its serial is revoked already), so does its alert; requests and
 *                          triggers are refused as REVOKED. Every certificate of it that has not ended is revoked: current,
 *                          superseded, and the one under way. Their keys are nobody's for ever. UNKNOWN_DEVICE,
 *                          UNKNOWN_SLOT (never seen)
 *            CERTIFICATE . the same for the slot of job->device whose current certificate it is, or that has it under way;
 *                          otherwise only the certificate, also where it is the superseded one
 *            ISSUER ...... revoked. RETIRE: retired; a revoked one: WRONG_STATE. RESTORE: a retired one is trusted again,
 *                          any other: WRONG_STATE. More than CR_ISSUER_MARKS_MAX not trusted: TOO_LARGE
 *            LIST ........ a page, in the order in which they were revoked; whatever changes meanwhile is seen again, at the
 *                          end. UNKNOWN_CURSOR: none that a page has given
 *          A revoked certificate is forgotten a day after it is of no use any more: its notAfter, and accept_expired behind it;
 *          so long it is revoked with its device, too.
 * REVOKED  Made by the store, never submitted: what changed among what is revoked, in pages, a few at a time; the first of all
 *          begins with anew. What another broker changes is told at once, or within a second. A page that is freed with
 *          `lost` is told again. When Redis lost what it knew, all is told again, once this broker's journal has put
 *          back what it knows, and nothing that was told is taken back.
 * HISTORY  A page of the stream cr:audit: the entries that match, in the order asked for. DONE, with a cursor unless the
 *          stream's end was reached: it ends early rather than late, so a page may be short, or empty, and go on.
 *          since and until are of Redis' clock, which gives the entries their ids. UNKNOWN_CURSOR: no entry's id.
 *          UNKNOWN_DEVICE: the device is not in the inventory, and no line of the whole stream is about it.
 * CAMPAIGN job->campaigns; outcome DONE. READ: one (UNKNOWN_CAMPAIGN), or all, newest first, with the counts of all
 *          brokers' members unless uncounted; one that is damaged is set aside with an alarm. CREATE: gives it an id and version 1; beyond
 *          CR_CAMPAIGNS_MAX the oldest that ended is forgotten, and when none has ended: WRONG_STATE. WRITE: all but
 *          the counts, version+1; UNKNOWN_CAMPAIGN; WRONG_STATE when somebody else wrote since it was read: read it again.
 *          Audit lines 'campaign' say which way it goes: created, started, group, paused, resumed, aborting, aborted, done.
 *          A member's letter follows what its slot does, whichever operation that is:
 *            confirmed ........................... a, f, u become r
 *            REPORT failed, rolled-back .......... a, u become f
 *            its deadline passed ................. a becomes u
 *            STEER cancel, REVOKE ................ a becomes c
 *          and does not change otherwise: c and s stay, whatever the device does later by itself.
 * LOOK     A slot in the watch whose time has come (claimed_until as in ADVANCE). A slot is watched from when its renewal is
 *          triggered until a certificate is confirmed, or a newer one seen; not while it is on hold, nor when its certificate
 *          ended and that was told. `alert` in its record says how far it came.
 *            a threshold of the profile was passed ... level and step, CR_TOLD_RAISED, once each, only the newest; what lay
 *                                                      behind the renewal when it began, wake_after_s later, or after a
 *                                                      quarter of the time that was left then
 *            no answer for wake_after_s .............. stage wake, wakes+1, CR_TOLD_WOKEN; again after wake_retry_s, doubled
 *                                                      up to wake_retry_max_s. Not without job->may_begin: it is looked at
 *                                                      again soon. Nor after an operator's cancel, until it begins again
 *            field_after_s after the first, not
 *            earlier than field_before_s to its end .. stage field, CR_TOLD_FIELD
 *            an answer (issuing, issued, failed) ..... stage trigger; its calls begin anew if that came to nothing
 *            its certificate ended ................... leaves the watch with alert EXPIRED, unless ADVANCE told it; critical,
 *                                                      and on the field list if it never answered
 *          A higher level ends an acknowledgement. Whose level is raised, who is called otherwise, has unanswered > 0 or
 *          failures_alert failures, or has expired, is among the alerts (LIST), until a certificate is confirmed or seen:
 *          job->cleared_slot. Outcome RECORD with that slot; without one where nothing is known of it.
 * PUSH     Made by the store, never submitted: another broker triggered this device or recorded something for it.
 * AUDIT    One audit line, or one for each of job->deliveries. DONE.
 * SURVEY   The fleet in figures (ask.h says what counts). Every slot whose certificate is known is in it: it stays in its
 *          bucket's expiry for good, by its current notAfter. DONE.
 *          PAGE: counts about CR_SURVEY_PIECE slots from the cursor on. Who is renewed meanwhile is counted once; where a
 *          bucket grows meanwhile, a few of it may be counted twice. A record that is not what it must be is passed over.
 *          SAVE: keeps `counts` for all brokers, as of `at`, and ends this broker's claim.
 *          LOAD: what is kept, at 0 when there is nothing; ours: this broker is to count, since what is kept is
 *          CR_SURVEY_EVERY_S old and nobody counts, or it counts already: then its claim lasts CR_SURVEY_CLAIM_S from now.
 *          READ: only what is kept.
 * OCSP     Finds the certificate: of the slot (current), or by serial among all that the device has or had last, in the slot or
 *          (slot "") in any. Outcome NONE with `known`, serial, issuer and slot set, and revoked with reason and time when it, or its
 *          issuer, is: to be signed. UNKNOWN_DEVICE, UNKNOWN_SLOT, UNKNOWN_CERTIFICATE. No audit line.
 * FIGURES  Writes `payload` to the configuration's metrics_file, whole or not at all, also while Redis is away: DONE, or
 *          STORE_UNAVAILABLE with the reason in audit_detail. Neither this nor SURVEY writes an audit line.
 * TRUST    The trust bundle: one for all brokers. WRITE: bundle->certs, mode and by as a new one, whose version is one more
 *          than the store's and than bundle->version, whichever is higher: it grows also when Redis lost its data. CONFIRM: what a
 *          device reports of a version: installed is noted in its record, where the version is higher than what is there
 *          (UNKNOWN_DEVICE), any other outcome only in an audit line. DONE. NEWS: made by the store, never submitted: this
 *          is the bundle now; told once after each connection begins to serve, also when there is none, and whenever it
 *          is another one.
 * CENSUS   Who needs which issuer (ask_trust.h says who does), among all slots whose certificate is known and those that wait
 *          for their first one: adds a part of them, from the cursor on, to what is in job->census already, as many as half
 *          of the operation's time allows. Nobody is missed who needs it all the while; who is renewed meanwhile is counted
 *          for one issuer or the other, and where a bucket grows meanwhile, a few of it may be counted twice. A record that is not
 *          what it must be is passed over. STORE_UNAVAILABLE also where there are more issuers than can be counted. DONE.
 *          Changes nothing, and writes no audit line.
 *
 * Every other operation that changes something or refuses writes an audit line: to the journal, and to the stream cr:audit (an
 * intent only to the journal: the stream's line 'issued' has its time). */
#ifndef CR_STORE_H
#define CR_STORE_H

#include "plugin/handoff/job.h"

struct cr_store;

typedef void cr_store_done_fn(void *ctx, struct cr_job *job);

struct cr_store_health {
    bool connected;       /* Redis answers, and the record's schema is ours */
    bool writable;        /* the last write was taken */
    bool durable;         /* Redis' persistence is good enough (or not known yet) */
    bool journal_ok;
    unsigned in_flight;   /* jobs inside */
    unsigned unrecorded;  /* certificates in the journal that Redis does not have yet */
    uint64_t commands, errors, reconnects; /* since start */
    unsigned latency_us;  /* of the last answer */
    char problem[256];    /* one sentence; "" when all is well */
};

struct cr_store_ops {
    /* CR_OK: taken, *job is NULL. CR_FULL: nothing changed; shed load. */
    cr_err (*submit)(struct cr_store *store, struct cr_job **job);
    void (*health)(struct cr_store *store, struct cr_store_health *health);
    /* Completes what is inside, ends the thread within a deadline, frees. */
    void (*free)(struct cr_store *store);
};

struct cr_store {
    const struct cr_store_ops *ops;
};

static inline CR_MUST_USE cr_err cr_store_submit(struct cr_store *store, struct cr_job **job)
{
    return store->ops->submit(store, job);
}
static inline void cr_store_health_get(struct cr_store *store, struct cr_store_health *health)
{
    store->ops->health(store, health);
}
static inline void cr_store_free(struct cr_store *store)
{
    if (store != NULL) {
        store->ops->free(store);
    }
}

#endif
