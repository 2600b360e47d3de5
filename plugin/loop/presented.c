/* The store knows the certificate of a connection, and says what is pending for its device. */
#include "plugin/loop/loop.h"

#include <string.h>

enum { PRESENT_RETRY_DOWN_MS = 1000 };

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static bool is_tls_slot(const struct cr_router *router, const char *slot)
{
    const struct cr_profile *profile = loop_tls_profile(router);

    return profile != NULL && strcmp(profile->slot, slot) == 0;
}

/* A device that failed is left alone for a while, but not for ever: there is little left when its certificate expires. */
static bool presented_too_soon(const struct cr_router *router, const struct cr_session *session,
                               const struct cr_slot_record *slot)
{
    return slot->state == CR_STATE_TRIGGERED && slot->retry_at > cr_wall_s(router->clock) && !session->last_chance;
}

/* Answers a get from the same look into the store. */
static void presented_answer_get(struct cr_router *router, struct cr_session *session, const struct cr_slot_record *slot)
{
    struct cr_bytes correlation = { session->get_correlation, session->get_correlation_len };
    struct cr_reply_to to = { session, session->facts.device, session->get_slot, session->get_request_id, correlation, NULL };

    session->get_waits = false;
    if (slot == NULL) { /* a slot that has no certificate yet */
        reply_status(router, &to, NULL, 0, 0);
    } else if (presented_too_soon(router, session, slot)) {
        reply_status(router, &to, &slot->current.serial, slot->current.not_after, slot->retry_at);
    } else if (!loop_deliver_to(router, session, slot, correlation)) {
        reply_status(router, &to, &slot->current.serial, slot->current.not_after, slot->due);
    }
}

/* What is pending, to the connection that was just presented, once. */
static void presented_deliver_slot(struct cr_router *router, struct cr_session *session, const struct cr_slot_record *slot)
{
    if (slot->state == CR_STATE_QUIET || session->asking > 0) {
        return; /* nothing, or its request will bring the answer */
    }
    if (session->queued != 0 && slot->state == CR_STATE_TRIGGERED && session->queued == loop_renewal_mark(slot)) {
        loop_note_sent(session, slot); /* the broker had one for it; it may be of an earlier attempt */
    }
    if (session->successor_again && slot->state == CR_STATE_ISSUED && is_tls_slot(router, slot->slot)) {
        session->successor_again = false;
    } else if (loop_was_sent(session, slot) || presented_too_soon(router, session, slot)) {
        return;
    }
    if (session->quiet_until_ms > loop_now_ms(router)) {
        cr_sessions_wait(&router->sessions, session, session->quiet_until_ms);
        return;
    }
    (void)loop_deliver_to(router, session, slot, (struct cr_bytes){ NULL, 0 });
}

static void presented_deliver(struct cr_router *router, struct cr_session *session, const struct cr_device_record *record)
{
    if (session->get_waits) {
        presented_answer_get(router, session, cr_device_record_slot(record, session->get_slot));
    }
    for (unsigned i = 0; i < record->slot_count; i++) {
        presented_deliver_slot(router, session, &record->slot[i]);
    }
    session->queued = 0;
}

/* When the store is to be asked again though the device just stays connected: a quiet slot will be due then, a trigger
 * may be delivered, or is past its deadline. 0: never; its request, its next connection or an operator bring what comes
 * next. */
static int64_t presented_next(const struct cr_router *router, const struct cr_session *session,
                              const struct cr_device_record *record)
{
    int64_t next_s = 0, now_s = cr_wall_s(router->clock);

    for (unsigned i = 0; i < record->slot_count; i++) {
        const struct cr_slot_record *slot = &record->slot[i];
        int64_t at_s = slot->state == CR_STATE_QUIET                      ? slot->due
                       : slot->state != CR_STATE_TRIGGERED                ? 0
                       : presented_too_soon(router, session, slot) ? slot->retry_at
                                                                          : slot->deadline;

        bool current = is_tls_slot(router, slot->slot) &&
                       cr_serial_equal(&slot->current.serial, &session->facts.serial);

        if (!slot->held && (at_s > now_s || current)) {
            next_s = earlier(next_s, at_s);
        }
    }
    return next_s;
}

static bool presented_is_due(const struct cr_router *router, const struct cr_device_record *record)
{
    for (unsigned i = 0; i < record->slot_count; i++) {
        const struct cr_slot_record *slot = &record->slot[i];

        if (slot->state == CR_STATE_QUIET && !slot->held && slot->due > 0 && slot->due <= cr_wall_s(router->clock)) {
            return true;
        }
    }
    return false;
}

/* An expired certificate is good for renewing only as long as nothing has taken its place. */
static bool presented_is_superseded(const struct cr_session *session, const struct cr_job *job)
{
    const struct cr_slot_record *slot = cr_device_record_slot(job->record, job->slot);

    return session->restricted && slot != NULL && slot->current.serial.len > 0 &&
           !cr_serial_equal(&slot->current.serial, &session->facts.serial);
}

/* The device uses its new certificate; its other connections here, with the former one, are to follow. */
static void presented_confirmed(struct cr_router *router, const struct cr_session *session, const char *slot)
{
    for (struct cr_session *other = session->presence->first; other != NULL; other = other->sibling) {
        if (other != session) {
            loop_cutover_sent(router, other, slot, &session->facts.serial);
        }
    }
}

static void presented_record(struct cr_router *router, struct cr_session *session, const struct cr_job *job)
{
    session->presented = true;
    session->look_again_s = presented_next(router, session, job->record);
    presented_deliver(router, session, job->record);
    loop_bundle_presented(router, session, job->record);
    loop_cutover_presented(router, session, job->record);
    if (job->confirmed) {
        presented_confirmed(router, session, job->slot);
    }
    if (!job->may_begin && (job->regressed || presented_is_due(router, job->record))) {
        session->presented = !job->regressed; /* which is healed at an appearance only */
        loop_begin_later(router, session, session->last_chance);
    }
}

/* The record says so although the list does not have it, or not yet. What was issued after that is another matter. */
static bool presented_is_revoked(const struct cr_session *session, const struct cr_job *job)
{
    const struct cr_slot_record *slot = cr_device_record_slot(job->record, job->slot);

    return slot != NULL && slot->revoked.at > 0 && session->facts.not_before <= slot->revoked.at;
}

/* It is refused for what it came with, not for a moment. */
static void presented_refused(struct cr_router *router, struct cr_session *session, const struct cr_job *job,
                              enum cr_refusal refusal)
{
    const char *why = refusal == CR_REFUSAL_REVOKED ? "came with a certificate that was revoked"
                                                    : "came with a superseded certificate that is not accepted any more";

    if (job->alarm == CR_REFUSAL_NONE) {
        loop_alarm(router, session, job->device, refusal, why);
    }
    loop_refuse_session(router, session, refusal, why);
}

void loop_presented(struct cr_router *router, struct cr_job *job)
{
    struct cr_session *session = cr_sessions_find_id(&router->sessions, job->session);

    if (job->confirmed) {
        router->counters.confirmed++;
    }
    if (job->triggered) {
        router->counters.triggered++;
    } else if (job->may_begin) {
        cr_limiter_give(&router->begins, &router->begin_rate);
    }
    if (job->regressed && job->alarm == CR_REFUSAL_NONE && job->outcome == CR_OUT_RECORD) {
        loop_alarm(router, session, job->device, CR_REFUSAL_REGRESSION,
                   "came back with a certificate that was superseded: was its storage or its image put back?");
    }
    if (session == NULL) {
        return;
    }
    session->presenting = false;
    if (session->presence == NULL) {
        session->get_waits = false; /* it was refused meanwhile */
        return;
    }
    if (job->outcome == CR_OUT_RECORD && job->record != NULL) {
        if (presented_is_revoked(session, job)) {
            router->counters.revoked_closed++;
            presented_refused(router, session, job, CR_REFUSAL_REVOKED);
        } else if (presented_is_superseded(session, job)) {
            presented_refused(router, session, job, CR_REFUSAL_CERTIFICATE_OUTDATED);
        } else {
            presented_record(router, session, job);
        }
        return;
    }
    if (session->get_waits) {
        struct cr_reply_to to = { session, session->facts.device, session->get_slot, session->get_request_id,
                                  { session->get_correlation, session->get_correlation_len }, NULL };

        session->get_waits = false;
        reply_rejected(router, &to, job->refusal, "", job->retry_after_s);
    }
    if (job->refusal == CR_REFUSAL_CERTIFICATE_OUTDATED || job->refusal == CR_REFUSAL_REVOKED) {
        presented_refused(router, session, job, job->refusal);
    } else if (job->alarm != CR_REFUSAL_NONE) {
        session->look_again_s = cr_wall_s(router->clock); /* damaged: in a minute, and nobody is to wait behind it */
    } else {
        cr_sessions_wait(&router->sessions, session, loop_now_ms(router) + PRESENT_RETRY_DOWN_MS);
    }
}
