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
 *            on hold ............................................ ON_HOLD
 *            this key is already issued here .................... CERTIFICATE: the same bytes, the same intent, again
 *            this key is being issued, lease running ............ taken over when the owner is an earlier life of this broker,
 *                                                                 NONE again when it is this very job's intent, else PENDING
 *            the current key and not profile->allow_same_key,
 *            or one that was in an earlier certificate .......... KEY_REUSED
 *            another key is being issued, lease running ......... RENEWAL_IN_PROGRESS with retry_after_s
 *            neither triggered, nor issued, nor in the window (also one that opens early, as in PRESENT), nor
 *            request_any_time ................................... TOO_EARLY with retry_after_s
 *          else the intent {serial, times, key hash, issuer, lease, owner, format} is recorded, the state is issuing,
 *          renewal_id is the outstanding one or a new UUID; outcome NONE: go on to SIGN. An issuing whose lease ran out is
 *          replaced by the new intent: its serial is never used again.
 * RECORD   Appends to the journal, waits for it to be durable (one fsync for all that wait), then records issued with the
 *          certificate if the intent is still this one: CERTIFICATE. If another's intent has replaced it: PENDING. If Redis
 *          does not answer in time: PENDING; the store goes on trying and makes a DELIVER job when it succeeds.
 * GET      Outcome RECORD with the one slot and its waiting certificate.
 * REPORT   installed: noted, and for a slot that is not used for TLS it confirms. failed, rolled-back: the state goes back
 *          to triggered with attempt+1 and failures+1, not to be delivered before retry_at, the agenda's time of the next
 *          attempt; with every config.failures_alert failures in a row job->alert FAILING. UNKNOWN_RENEWAL when it is not the renewal under way (or the last confirmed one: DONE).
 * TRIGGER  quiet → triggered with a new renewal id, reason, deadline, attempt 1. triggered: attempt+1, same id. issuing,
 *          issued: unchanged. A trigger that passes its deadline is ended by whatever operation meets it first: unanswered+1,
 *          quiet, in the agenda at its certificate's notAfter, job->alert UNANSWERED. The agenda says when the next attempt follows, by the configuration's retry times, a quarter
 *          more or less by a hash of device, slot and attempt; at the latest at the deadline. Outcome RECORD with that slot (waiting certificate included). UNKNOWN_DEVICE, UNKNOWN_SLOT (never seen).
 * INSPECT  Outcome RECORD with all slots, without certificates. UNKNOWN_DEVICE.
 * AGENDA   Claims slots whose time has come, bucket by bucket from agenda->bucket, at most agenda->limit and as many as the
 *          fleet's rate has room for now. What is claimed is put off by CR_CLAIM_S: should this broker die, another one takes
 *          it then. A member that is no device/slot is removed, with an alarm. DONE, also when it ends early: bucket says
 *          where to go on.
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
 * PUSH     Made by the store, never submitted: another broker triggered this device or recorded something for it.
 * AUDIT    One audit line. DONE.
 * SURVEY   The fleet in figures (ask.h says what counts). Every slot whose certificate is known is in it: it stays in its
 *          bucket's expiry for good, by its current notAfter. DONE.
 *          PAGE: counts about CR_SURVEY_PIECE slots from the cursor on. Who is renewed meanwhile is counted once; where a
 *          bucket grows meanwhile, a few of it may be counted twice. A record that is not what it must be is passed over.
 *          SAVE: keeps `counts` for all brokers, as of `at`, and ends this broker's claim.
 *          LOAD: what is kept, at 0 when there is nothing; ours: this broker is to count, since what is kept is
 *          CR_SURVEY_EVERY_S old and nobody counts, or it counts already: then its claim lasts CR_SURVEY_CLAIM_S from now.
 *          READ: only what is kept.
 * FIGURES  Writes `payload` to the configuration's metrics_file, whole or not at all, also while Redis is away: DONE, or
 *          STORE_UNAVAILABLE with the reason in audit_detail. Neither this nor SURVEY writes an audit line.
 *
 * Every other operation that changes something or refuses writes an audit line: to the journal, and to the stream cr:audit (an
 * intent only to the journal: what becomes of it follows). */
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
