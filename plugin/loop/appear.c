/* A device appears: it is noticed with the first thing it does on a connection, identified by the certificate of that
 * connection, and the certificate is presented to the store, which answers with what is pending for the device. What
 * cannot be presented now, because too much is under way or Redis is away, waits in a list and is tried again. */
#include "plugin/loop/loop.h"

#include <string.h>

enum {
    PRESENT_RETRY_BUSY_MS = 20,
    PRESENT_RETRY_DOWN_MS = 1000,
};

static enum cr_refusal appear_judge(struct cr_router *router, struct cr_session *session)
{
    enum cr_refusal refusal = CR_REFUSAL_INTERNAL;
    int64_t now_s = cr_wall_s(router->clock);

    if (!session->has_certificate) {
        return CR_REFUSAL_WRONG_IDENTITY;
    }
    if (cr_trust_identify(router->setup->trust, session->der, &session->facts, &refusal) != CR_OK) {
        return refusal != CR_REFUSAL_NONE ? refusal : CR_REFUSAL_INTERNAL;
    }
    if (now_s < session->facts.not_before || now_s > session->facts.not_after) {
        return CR_REFUSAL_CERTIFICATE_NOT_VALID; /* the broker may have been told not to look */
    }
    return session->facts.device[0] == '\0' ? CR_REFUSAL_WRONG_IDENTITY : CR_REFUSAL_NONE;
}

/* When the session's certificate ends, from whomever it is: a user name may rest on it. */
static int64_t appear_not_after(const struct cr_session *session)
{
    struct cr_cert cert;

    if (session->facts.not_after != 0) {
        return session->facts.not_after;
    }
    return session->has_certificate && cr_cert_parse(&cert, session->der) == CR_OK ? cert.facts.not_after : INT64_MAX;
}

static void appear_identify(struct cr_router *router, struct cr_session *session)
{
    const char *device = session->facts.device;

    session->refusal = appear_judge(router, session);
    session->not_after = appear_not_after(session);
    if (session->refusal != CR_REFUSAL_NONE || loop_role(router, session) != CR_ROLE_NONE) {
        return; /* operators, however they are known, are no devices: they have nothing to renew here */
    }
    if (cr_sessions_bind(&router->sessions, session, device, loop_now_ms(router)) != CR_OK) {
        session->refusal = CR_REFUSAL_INTERNAL;
    }
}

/* A device under the client id of another one that is known here. */
static void appear_check_client_id(struct cr_router *router, struct cr_session *session)
{
    const char *device = session->facts.device;

    if (session->presence != NULL && strcmp(session->client_id, device) != 0 &&
        cr_sessions_presence(&router->sessions, session->client_id) != NULL) {
        loop_alarm(router, session, device, CR_REFUSAL_WRONG_IDENTITY, "its client id is the name of another device");
        cr_sessions_unbind(&router->sessions, session);
        session->refusal = CR_REFUSAL_WRONG_IDENTITY;
    }
}

static bool appear_present(struct cr_router *router, struct cr_session *session, const char *slot);
static const char *appear_tls_slot(const struct cr_router *router);

struct cr_session *loop_notice(struct cr_router *router, const struct cr_client *client)
{
    struct cr_session *session = cr_sessions_find(&router->sessions, client);
    const char *slot;

    if (session != NULL) {
        return session;
    }
    if (client->id == NULL || client->address == NULL) {
        return NULL; /* offline, or not a client at all */
    }
    if (cr_sessions_add(&router->sessions, &session, client) != CR_OK) {
        return NULL;
    }
    appear_identify(router, session);
    appear_check_client_id(router, session);
    slot = appear_tls_slot(router);
    if (session->presence != NULL && slot != NULL) {
        (void)appear_present(router, session, slot);
    }
    return session;
}

void loop_judge_anew(struct cr_router *router)
{
    struct cr_session *session, *next;
    const char *slot = appear_tls_slot(router);

    HASH_ITER(hh_handle, router->sessions.by_handle, session, next)
    {
        bool intruder = session->has_certificate && session->presence == NULL &&
                        session->refusal == CR_REFUSAL_WRONG_IDENTITY; /* by its client id: stays one */

        if (intruder) {
            continue;
        }
        cr_sessions_unbind(&router->sessions, session);
        appear_identify(router, session);
        if (session->presence != NULL && slot != NULL && !session->presented) {
            (void)appear_present(router, session, slot);
        }
    }
}

struct cr_session *loop_notice_exactly(struct cr_router *router, const struct cr_client *client)
{
    struct cr_session *session = cr_sessions_find(&router->sessions, client);

    if (session != NULL && session->mark != router->host->ops->certificate_mark(router->host, client)) {
        cr_sessions_remove(&router->sessions, session);
    }
    return loop_notice(router, client);
}

/* The slot whose certificate devices connect with: the first one that is for TLS. */
static const char *appear_tls_slot(const struct cr_router *router)
{
    const struct cr_config *config = &router->setup->config;

    for (unsigned i = 0; i < config->slot_count; i++) {
        if (config->slot[i].tls) {
            return config->slot[i].slot;
        }
    }
    return NULL;
}

/* False: too much is under way; it waits. */
static bool appear_present(struct cr_router *router, struct cr_session *session, const char *slot)
{
    struct cr_job *job;

    if (session->presenting) {
        return true; /* its answer is coming */
    }
    job = loop_admit(router, CR_OP_PRESENT, session, session->facts.device, slot);
    if (job == NULL) {
        cr_sessions_wait(&router->sessions, session, loop_now_ms(router) + PRESENT_RETRY_BUSY_MS);
        return false;
    }
    session->presenting = true;
    job->appeared = !session->presented;
    job->may_begin = true;
    loop_send(router, job, CR_STAGE_STORE);
    return true;
}

void loop_present_waiting(struct cr_router *router)
{
    const char *slot = appear_tls_slot(router);
    int64_t now_ms = loop_now_ms(router);
    struct cr_session *session;

    while ((session = router->sessions.waiting) != NULL && session->present_at_ms <= now_ms) {
        cr_sessions_wait_over(&router->sessions, session);
        if (slot != NULL && !appear_present(router, session, slot)) {
            return;
        }
    }
}

/* What is pending, to the connection that was just presented. */
static void appear_deliver(struct cr_router *router, struct cr_session *session, const struct cr_device_record *record)
{
    bool get_answered = false;

    for (unsigned i = 0; i < record->slot_count; i++) {
        const struct cr_slot_record *slot = &record->slot[i];
        bool got = session->get_waits && strcmp(session->get_slot, slot->slot) == 0;
        struct cr_bytes correlation = { session->get_correlation, got ? session->get_correlation_len : 0 };

        if (!got && session->asked) {
            continue; /* its request will bring the answer */
        }
        if (!got && slot->state != CR_STATE_QUIET && session->quiet_until_ms > loop_now_ms(router)) {
            cr_sessions_wait(&router->sessions, session, session->quiet_until_ms);
            continue;
        }
        if (loop_deliver_to(router, session, slot, correlation)) {
            get_answered = get_answered || got;
        } else if (got) {
            struct cr_reply_to to = { session, session->facts.device, slot->slot, session->get_request_id, correlation };

            reply_status(router, &to, &slot->current.serial, slot->current.not_after, slot->due);
            get_answered = true;
        }
    }
    if (session->get_waits && !get_answered) { /* a slot that has no certificate yet */
        struct cr_reply_to to = { session, session->facts.device, session->get_slot, session->get_request_id,
                                  { session->get_correlation, session->get_correlation_len } };

        reply_status(router, &to, NULL, 0, 0);
    }
}

/* When the store is to be asked again though the device just stays connected: a quiet slot will be due then, a trigger
 * past its deadline. 0: never; its request, its next connection or an operator bring what comes next. */
static int64_t appear_next(const struct cr_device_record *record, const char *name)
{
    const struct cr_slot_record *slot = cr_device_record_slot(record, name);

    if (slot == NULL) {
        return 0;
    }
    return slot->state == CR_STATE_QUIET ? slot->due : slot->state == CR_STATE_TRIGGERED ? slot->deadline : 0;
}

void loop_look_again(struct cr_router *router)
{
    struct cr_session *session, *next;
    int64_t now_s = cr_wall_s(router->clock);

    HASH_ITER(hh_handle, router->sessions.by_handle, session, next)
    {
        if (session->presence != NULL && session->look_again_s > 0 && session->look_again_s <= now_s) {
            session->look_again_s = 0;
            cr_sessions_wait(&router->sessions, session, loop_now_ms(router));
        }
    }
}

void loop_presented(struct cr_router *router, struct cr_job *job)
{
    struct cr_session *session = cr_sessions_find_id(&router->sessions, job->session);

    if (job->confirmed) {
        router->counters.confirmed++;
    }
    if (job->triggered) {
        router->counters.triggered++;
    }
    if (job->regressed && job->alarm == CR_REFUSAL_NONE) {
        loop_alarm(router, session, job->device, CR_REFUSAL_CERTIFICATE_OUTDATED,
                   "came back with a certificate that was superseded");
    }
    if (session == NULL) {
        return;
    }
    session->presenting = false;
    if (job->outcome == CR_OUT_RECORD && job->record != NULL) {
        session->presented = true;
        session->look_again_s = appear_next(job->record, job->slot);
        appear_deliver(router, session, job->record);
    } else {
        cr_sessions_wait(&router->sessions, session, loop_now_ms(router) + PRESENT_RETRY_DOWN_MS);
        if (session->get_waits) {
            struct cr_reply_to to = { session, session->facts.device, session->get_slot, session->get_request_id,
                                      { session->get_correlation, session->get_correlation_len } };

            reply_rejected(router, &to, job->refusal, "", job->retry_after_s);
        }
    }
    session->get_waits = false;
}
