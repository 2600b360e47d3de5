/* The requests of devices: admitted, sent on their way, answered when they are home. Every request is answered. */
#include "plugin/loop/enrol.h"

#include <stdio.h>
#include <string.h>

static struct cr_reply_to renewal_reply_to(const struct cr_session *session, const struct cr_job *job)
{
    const char *request_id = job->request.request_id[0] != '\0' ? job->request.request_id : job->request_id;

    return (struct cr_reply_to){ session,    job->device, job->slot,
                                 request_id, { job->correlation, job->correlation_len }, NULL };
}

/* The checks that come before anything is read: rates first, so that what is refused behind them, each with its audit
 * line, comes no faster either; then bounds, then whether the slot exists. */
static enum cr_refusal renewal_precheck(struct cr_router *router, struct cr_session *session, const char *slot,
                                        struct cr_bytes payload, const struct cr_request_properties *properties,
                                        unsigned *retry_after_s)
{
    int64_t now_ms = loop_now_ms(router), wait_ms = 0;

    *retry_after_s = 0;
    if (!loop_enrol_may_ask(router, session, now_ms, &wait_ms) ||
        !cr_limiter_take(&router->total, &router->total_rate, now_ms, &wait_ms)) {
        *retry_after_s = (unsigned)(wait_ms / 1000 + 1);
        return CR_REFUSAL_RATE_LIMITED;
    }
    if (payload.len > CR_CSR_MAX) {
        return CR_REFUSAL_TOO_LARGE;
    }
    if (properties->excessive || properties->retain || properties->correlation.len > CR_CORRELATION_MAX) {
        return CR_REFUSAL_MALFORMED_REQUEST;
    }
    return cr_config_slot(&router->setup->config, slot) == NULL ? CR_REFUSAL_UNKNOWN_SLOT : CR_REFUSAL_NONE;
}

static void renewal_refuse(struct cr_router *router, struct cr_session *session, const struct cr_reply_to *to,
                           enum cr_refusal refusal, unsigned retry_after_s)
{
    reply_rejected(router, to, refusal, "", retry_after_s);
    /* What comes in floods is counted, not written line by line. */
    if (refusal != CR_REFUSAL_RATE_LIMITED && refusal != CR_REFUSAL_BUSY && loop_enrol_heard(router, session)) {
        loop_audit(router, session, to->device, to->slot, "refused", refusal, "");
    }
}

/* A job for this request, with what its answer needs; NULL after it was refused. */
static struct cr_job *renewal_admit(struct cr_router *router, enum cr_op op, struct cr_session *session,
                                    const struct cr_reply_to *to)
{
    struct cr_job *job = loop_admit(router, op, session, to->device, to->slot);

    if (job == NULL) {
        renewal_refuse(router, session, to, CR_REFUSAL_BUSY, router->setup->config.retry_after_s);
        return NULL;
    }
    if (to->correlation.len > 0) {
        memcpy(job->correlation, to->correlation.data, to->correlation.len);
        job->correlation_len = (uint16_t)to->correlation.len;
    }
    return job;
}

void loop_csr(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic, struct cr_bytes payload,
              const struct cr_request_properties *properties)
{
    struct cr_reply_to to = { session, topic->device, topic->slot, "", properties->correlation, NULL };
    unsigned retry_after_s;
    enum cr_refusal refusal = renewal_precheck(router, session, topic->slot, payload, properties, &retry_after_s);
    struct cr_job *job;

    if (refusal != CR_REFUSAL_NONE) {
        renewal_refuse(router, session, &to, refusal, retry_after_s);
        return;
    }
    if (!loop_clock_ok(router)) { /* validity would be a guess */
        renewal_refuse(router, session, &to, CR_REFUSAL_ISSUER_UNAVAILABLE, router->setup->config.retry_after_s);
        return;
    }
    job = renewal_admit(router, CR_OP_CSR, session, &to);
    if (job == NULL) {
        return;
    }
    if (cr_blob_copy(&job->payload, payload.data, payload.len) != CR_OK) {
        loop_abandon(router, job);
        renewal_refuse(router, session, &to, CR_REFUSAL_BUSY, router->setup->config.retry_after_s);
        return;
    }
    job->signer = loop_signer(router);
    loop_enrol_admit(router, session, job);
    session->asking++;
    loop_policy_send(router, job);
}

void loop_get(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic, struct cr_bytes payload,
              const struct cr_request_properties *properties)
{
    struct cr_reply_to to = { session, topic->device, topic->slot, "", properties->correlation, NULL };
    struct cr_get_message message = { "" };
    unsigned retry_after_s;
    enum cr_refusal refusal = renewal_precheck(router, session, topic->slot, payload, properties, &retry_after_s);
    struct cr_job *job;

    if (refusal == CR_REFUSAL_NONE) {
        refusal = cr_get_message_parse(&message, payload);
        to.request_id = message.request_id;
    }
    if (refusal != CR_REFUSAL_NONE) {
        renewal_refuse(router, session, &to, refusal, retry_after_s);
        return;
    }
    if (session->presenting && !session->get_waits) { /* what the store is telling just now is the answer */
        session->get_waits = true;
        memcpy(session->get_slot, topic->slot, sizeof session->get_slot);
        memcpy(session->get_request_id, message.request_id, sizeof session->get_request_id);
        if (to.correlation.len > 0) {
            memcpy(session->get_correlation, to.correlation.data, to.correlation.len);
        }
        session->get_correlation_len = (uint16_t)to.correlation.len;
        return;
    }
    job = renewal_admit(router, CR_OP_GET, session, &to);
    if (job != NULL) {
        memcpy(job->request_id, message.request_id, sizeof job->request_id);
        loop_send(router, job, CR_STAGE_STORE);
    }
}

void loop_report(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic,
                 struct cr_bytes payload, const struct cr_request_properties *properties)
{
    struct cr_reply_to to = { session, topic->device, topic->slot, "", properties->correlation, NULL };
    struct cr_report_message message;
    unsigned retry_after_s;
    enum cr_refusal refusal = renewal_precheck(router, session, topic->slot, payload, properties, &retry_after_s);
    struct cr_job *job;

    if (refusal == CR_REFUSAL_NONE) {
        refusal = cr_report_message_parse(&message, payload);
    }
    if (refusal != CR_REFUSAL_NONE) {
        renewal_refuse(router, session, &to, refusal, retry_after_s);
        return;
    }
    job = renewal_admit(router, CR_OP_REPORT, session, &to);
    if (job != NULL) {
        job->report = message;
        loop_send(router, job, CR_STAGE_STORE);
    }
}

/* ---- what was sent on a connection ---- */

/* FNV-1a; it is to tell apart, not to withstand anybody. */
static uint64_t mark_text(uint64_t mark, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++) {
        mark = (mark ^ bytes[i]) * 1099511628211U;
    }
    return mark != 0 ? mark : 1;
}

uint64_t loop_renewal_mark(const struct cr_slot_record *record)
{
    uint64_t mark = mark_text(14695981039346656037U, record->slot, strlen(record->slot) + 1);

    return mark_text(mark, record->renewal_id, strlen(record->renewal_id) + 1);
}

static uint64_t mark_of(const struct cr_slot_record *record)
{
    uint64_t mark = loop_renewal_mark(record);

    return record->state == CR_STATE_ISSUED
               ? mark_text(mark, record->pending.serial.octets, record->pending.serial.len)
               : mark_text(mark, &record->attempt, sizeof record->attempt);
}

bool loop_was_sent(const struct cr_session *session, const struct cr_slot_record *record)
{
    uint64_t mark = mark_of(record);

    for (unsigned i = 0; i < CR_SLOTS_MAX; i++) {
        if (session->sent[i] == mark) {
            return true;
        }
    }
    return false;
}

void loop_note_sent(struct cr_session *session, const struct cr_slot_record *record)
{
    if (!loop_was_sent(session, record)) {
        session->sent[session->sent_at++ % CR_SLOTS_MAX] = mark_of(record);
    }
}

bool loop_deliver_to(struct cr_router *router, struct cr_session *session, const struct cr_slot_record *record,
                     struct cr_bytes correlation)
{
    struct cr_reply_to to = { session, session->facts.device, record->slot, "", correlation, NULL };

    if (record->held) {
        return false;
    }
    if (record->state == CR_STATE_TRIGGERED) {
        reply_renew(router, &to, record);
        session->triggered_ms = loop_now_ms(router);
        loop_note_sent(session, record);
        return true;
    }
    if (record->state == CR_STATE_ISSUED && record->certificate.len > 0) {
        struct cr_reply_certificate certificate = {
            .renewal_id = record->renewal_id,
            .serial = &record->pending.serial,
            .not_before = record->pending.not_before,
            .not_after = record->pending.not_after,
            .issuer = record->pending.issuer,
            .leaf = cr_blob_view(&record->certificate),
            .format = record->format,
        };

        reply_certificate(router, &to, &certificate);
        loop_note_sent(session, record);
        loop_cutover_sent(router, session, record->slot, &record->pending.serial);
        return true;
    }
    return false;
}

/* Who enrols gets no triggers; and who only says that it has a token, nothing that it did not ask for. */
static bool renewal_may_have(const struct cr_session *session, const struct cr_slot_record *record)
{
    return session->enrolment == NULL || (!session->enrolment->by_token && record->state == CR_STATE_ISSUED);
}

unsigned loop_deliver(struct cr_router *router, const char *device, const struct cr_slot_record *record)
{
    struct cr_presence *presence = cr_sessions_presence(&router->sessions, device);
    unsigned sent = 0;

    for (struct cr_session *s = presence != NULL ? presence->first : NULL; s != NULL; s = s->sibling) {
        if (!loop_was_sent(s, record)) {
            sent += loop_deliver_to(router, s, record, (struct cr_bytes){ NULL, 0 });
        }
    }
    for (struct cr_session *s = presence != NULL ? presence->enrolling : NULL; s != NULL; s = s->sibling) {
        if (!loop_was_sent(s, record) && renewal_may_have(s, record)) {
            sent += loop_deliver_to(router, s, record, (struct cr_bytes){ NULL, 0 });
        }
    }
    return sent;
}

/* The new certificate, to one session. */
static void renewal_send(struct cr_router *router, struct cr_session *session, const struct cr_reply_to *to,
                         const struct cr_job *job, const struct cr_reply_certificate *certificate)
{
    struct cr_slot_record as_if = { .state = CR_STATE_ISSUED, .pending.serial = job->intent.serial };

    reply_certificate(router, to, certificate);
    memcpy(as_if.slot, job->slot, sizeof as_if.slot);
    memcpy(as_if.renewal_id, job->renewal_id, sizeof as_if.renewal_id);
    loop_note_sent(session, &as_if);
    loop_cutover_sent(router, session, job->slot, &job->intent.serial);
}

static void renewal_issued(struct cr_router *router, struct cr_session *session, const struct cr_job *job)
{
    struct cr_presence *presence = cr_sessions_presence(&router->sessions, job->device);
    struct cr_reply_certificate certificate = {
        .renewal_id = job->renewal_id,
        .serial = &job->intent.serial,
        .not_before = job->intent.not_before,
        .not_after = job->intent.not_after,
        .issuer = job->issuer,
        .leaf = cr_blob_view(&job->certificate),
        .format = job->request.format,
    };

    router->counters.issued++;
    if (session != NULL && session->refusal == CR_REFUSAL_REVOKED) {
        return; /* it was revoked meanwhile, and is being closed */
    }
    if (session != NULL) {
        struct cr_reply_to to = renewal_reply_to(session, job);

        renewal_send(router, session, &to, job, &certificate);
        return;
    }
    /* The asker is gone; if the device is here again it need not wait for its next appearance. */
    for (struct cr_session *s = presence != NULL ? presence->first : NULL; s != NULL; s = s->sibling) {
        struct cr_reply_to to = { s, job->device, job->slot, "", { NULL, 0 }, NULL };

        renewal_send(router, s, &to, job, &certificate);
    }
    for (struct cr_session *s = presence != NULL ? presence->enrolling : NULL; s != NULL; s = s->sibling) {
        struct cr_reply_to to = { s, job->device, job->slot, "", { NULL, 0 }, NULL };

        if (!s->enrolment->by_token) {
            renewal_send(router, s, &to, job, &certificate);
        }
    }
}

static void renewal_refused(struct cr_router *router, struct cr_session *session, const struct cr_job *job)
{
    if (session != NULL) {
        struct cr_reply_to to = renewal_reply_to(session, job);

        reply_rejected(router, &to, job->refusal, job->renewal_id, job->retry_after_s);
    } else if ((unsigned)job->refusal < CR_REFUSAL_COUNT) {
        router->counters.refused[job->refusal]++;
    }
    if (job->alarm == CR_REFUSAL_NONE &&
        (cr_refusal_info(job->refusal)->alarm || (job->refusal == CR_REFUSAL_KEY_REUSED && !job->audited))) {
        loop_alarm(router, session, job->device, job->refusal, cr_refusal_info(job->refusal)->text);
    }
    if (!job->audited && !job->unheard && job->refusal != CR_REFUSAL_BUSY) {
        loop_audit(router, session, job->device, job->slot, "refused", job->refusal, "");
    }
}

static void renewal_got(struct cr_router *router, struct cr_session *session, const struct cr_job *job)
{
    const struct cr_slot_record *record = job->record != NULL ? cr_device_record_slot(job->record, job->slot) : NULL;
    struct cr_reply_to to;

    if (session == NULL || session->refusal == CR_REFUSAL_REVOKED) {
        return;
    }
    to = renewal_reply_to(session, job);
    if (record == NULL) {
        reply_status(router, &to, NULL, 0, 0);
    } else if (record->state == CR_STATE_TRIGGERED && record->retry_at > cr_wall_s(router->clock) &&
               !session->last_chance) { /* it failed not long ago */
        reply_status(router, &to, &record->current.serial, record->current.not_after, record->retry_at);
    } else if (!renewal_may_have(session, record) || !loop_deliver_to(router, session, record, to.correlation)) {
        reply_status(router, &to, &record->current.serial, record->current.not_after, record->due);
    }
}

static void renewal_reported(struct cr_router *router, struct cr_session *session, const struct cr_job *job)
{
    struct cr_reply_to to;

    if (job->confirmed) {
        router->counters.confirmed++;
    }
    if (session != NULL) {
        session->look_again_s = cr_wall_s(router->clock); /* when does it go on? */
        to = renewal_reply_to(session, job);
        reply_status(router, &to, &session->facts.serial, session->facts.not_after, 0);
    }
}

void loop_renewal_home(struct cr_router *router, struct cr_session *session, const struct cr_job *job)
{
    struct cr_reply_to to;

    switch (job->outcome) {
    case CR_OUT_CERTIFICATE:
        renewal_issued(router, session, job);
        break;
    case CR_OUT_PENDING:
        if (session != NULL) {
            to = renewal_reply_to(session, job);
            reply_pending(router, &to, job->renewal_id, job->retry_after_s);
        }
        break;
    case CR_OUT_RECORD:
        renewal_got(router, session, job);
        break;
    case CR_OUT_DONE:
        renewal_reported(router, session, job);
        break;
    case CR_OUT_REFUSED:
    case CR_OUT_NONE:
        renewal_refused(router, session, job);
        break;
    }
    if (job->enrolling) {
        loop_enrol_home(router, session, job);
    }
}
