/* A device appears: it is noticed with the first thing it does on a connection, identified by the certificate of that
 * connection, and the certificate is presented to the store, which answers with what is pending for the device. What
 * cannot be presented now, because too much is under way or Redis is away, waits in a list and is tried again.
 *
 * A renewal may begin with it, but no more of them at once than the rate allows: a presentation takes a token, which is
 * given back when nothing was due after all. Who is due and came without a token waits for one, first come, first
 * served. */
#include "plugin/loop/enrol.h"
#include "plugin/worker/issuer_info.h"

#include <string.h>

enum { PRESENT_RETRY_BUSY_MS = 20 };

/* Where the broker was told not to look at dates, for the sake of devices that slept too long, we look: at everybody's.
 * An operator's certificate is good until its notAfter, as anywhere. */
static enum cr_refusal appear_judge_time(const struct cr_router *router, const struct cr_session *session,
                                         bool *restricted)
{
    const struct cr_cert_facts *facts = &session->facts;
    int64_t now_s = cr_wall_s(router->clock), extra_s = loop_accept_expired_s(router);

    *restricted = now_s > facts->not_after;
    if (now_s < facts->not_before || now_s > facts->not_after + extra_s) {
        return CR_REFUSAL_CERTIFICATE_NOT_VALID;
    }
    if (extra_s > 0 && !cr_trust_valid_at(router->setup->trust, facts->issuer, now_s)) {
        return CR_REFUSAL_CERTIFICATE_NOT_VALID;
    }
    return *restricted && loop_is_operator_name(router, session) ? CR_REFUSAL_CERTIFICATE_NOT_VALID : CR_REFUSAL_NONE;
}

/* The certificate is nobody's whom we know; the broker does not look at its dates. What cannot be read may well have
 * ended. */
static bool appear_stranger_is_out_of_date(const struct cr_router *router, const struct cr_session *session)
{
    int64_t now_s = cr_wall_s(router->clock);
    struct cr_cert cert;

    return loop_accept_expired_s(router) > 0 &&
           (cr_cert_parse(&cert, session->der) != CR_OK || now_s < cert.facts.not_before || now_s > cert.facts.not_after);
}

static enum cr_refusal appear_judge(struct cr_router *router, struct cr_session *session)
{
    enum cr_refusal refusal = CR_REFUSAL_INTERNAL;
    bool restricted = false;

    session->restricted = false;
    if (!session->has_certificate) {
        return CR_REFUSAL_WRONG_IDENTITY;
    }
    if (cr_trust_identify(router->setup->trust, session->der, &session->facts, &refusal) != CR_OK) {
        if (session->facts.factory != 0) {
            cr_sessions_restrict(&router->sessions, session);
        }
        return appear_stranger_is_out_of_date(router, session) ? CR_REFUSAL_CERTIFICATE_NOT_VALID
               : refusal != CR_REFUSAL_NONE                    ? refusal
                                                               : CR_REFUSAL_INTERNAL;
    }
    if (session->facts.factory != 0) { /* never more than that, whatever becomes of it */
        cr_sessions_restrict(&router->sessions, session);
    }
    refusal = loop_revoked_refusal(router, &session->facts); /* first: a device that expired is still to be trusted */
    if (refusal == CR_REFUSAL_NONE) {
        refusal = session->facts.factory != 0 ? loop_enrol_judge(router, session)
                                              : appear_judge_time(router, session, &restricted);
    }
    if (session->facts.factory != 0 || refusal != CR_REFUSAL_NONE) {
        return refusal;
    }
    if (restricted) {
        cr_sessions_restrict(&router->sessions, session);
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

/* It, or its issuer, is not to be trusted any more. The broker does not look, or not again when TLS was resumed. */
static void appear_show_out(struct cr_router *router, struct cr_session *session)
{
    router->counters.revoked_refused++;
    loop_alarm(router, session, session->facts.device, session->refusal,
               session->refusal == CR_REFUSAL_REVOKED ? "came with a revoked certificate"
                                                      : "came with a certificate whose issuer was retired");
    loop_refuse_session(router, session, session->refusal, session->refusal == CR_REFUSAL_REVOKED
                                                               ? "its certificate is revoked"
                                                               : "the issuer of its certificate was retired");
}

static void appear_identify(struct cr_router *router, struct cr_session *session)
{
    const char *device = session->facts.device;
    bool was_restricted = session->restricted; /* then it stays so, or goes: the broker has not looked at its dates */

    cr_sessions_enrol_no_more(session);
    session->refusal = appear_judge(router, session);
    session->not_after = appear_not_after(session);
    if ((session->refusal == CR_REFUSAL_CERTIFICATE_NOT_VALID && loop_accept_expired_s(router) > 0) ||
        (session->refusal != CR_REFUSAL_NONE && was_restricted)) {
        cr_sessions_restrict(&router->sessions, session);
        loop_close(router, session, "its certificate, or one above it, is not valid at this time");
    }
    if (session->refusal == CR_REFUSAL_REVOKED ||
        (session->refusal == CR_REFUSAL_UNTRUSTED_ISSUER && loop_issuer_mark(router, session->facts.issuer) != NULL)) {
        appear_show_out(router, session);
    }
    if (session->refusal != CR_REFUSAL_NONE || loop_role(router, session) != CR_ROLE_NONE) {
        return; /* operators, however they are known, are no devices: they have nothing to renew here */
    }
    if (cr_sessions_bind(&router->sessions, session, device, loop_now_ms(router)) != CR_OK) {
        session->refusal = CR_REFUSAL_INTERNAL;
        return;
    }
    loop_expiry_plan(router, session);
}

/* A device under the client id of another one that is known here. */
static void appear_check_client_id(struct cr_router *router, struct cr_session *session)
{
    const char *device = session->facts.device;
    const struct cr_presence *other = cr_sessions_presence(&router->sessions, session->client_id);

    if (session->presence != NULL && strcmp(session->client_id, device) != 0 && other != NULL && other->proven) {
        loop_alarm(router, session, device, CR_REFUSAL_WRONG_IDENTITY, "its client id is the name of another device");
        cr_sessions_unbind(&router->sessions, session);
        session->refusal = CR_REFUSAL_WRONG_IDENTITY;
    }
}

void loop_refuse_session(struct cr_router *router, struct cr_session *session, enum cr_refusal refusal, const char *why)
{
    cr_sessions_unbind(&router->sessions, session);
    cr_deadline_clear(&session->begin);
    cr_deadline_clear(&session->cutover);
    cr_deadline_clear(&session->expiry);
    session->refusal = refusal;
    cr_sessions_restrict(&router->sessions, session);
    loop_close(router, session, why);
}

/* ---- the right to begin a renewal ---- */

static bool appear_may_begin(struct cr_router *router)
{
    return !router->agenda.clock_odd && loop_policy_known(router) &&
           router->in_flight <= router->setup->config.max_in_flight / 2 &&
           cr_limiter_take(&router->begins, &router->begin_rate, loop_now_ms(router), NULL);
}

void loop_begin_later(struct cr_router *router, struct cr_session *session, bool urgent)
{
    cr_deadline_set(&router->sessions.begins, &session->begin, session, urgent ? INT64_MIN : loop_now_ms(router));
}

/* False: too much is under way; it waits. */
static bool appear_present(struct cr_router *router, struct cr_session *session, bool may_begin)
{
    const struct cr_profile *profile = loop_tls_profile(router);
    struct cr_job *job;

    if (session->presenting || session->presence == NULL || session->enrolment != NULL || profile == NULL) {
        job = NULL; /* its answer is coming, or there is nothing to ask */
    } else {
        job = loop_admit(router, CR_OP_PRESENT, session, session->facts.device, profile->slot);
        if (job == NULL) {
            cr_sessions_wait(&router->sessions, session, loop_now_ms(router) + PRESENT_RETRY_BUSY_MS);
        }
    }
    if (job == NULL) {
        if (may_begin) {
            cr_limiter_give(&router->begins, &router->begin_rate);
        }
        return !cr_deadline_is_set(&session->present);
    }
    session->presenting = true;
    job->appeared = !session->presented;
    job->may_begin = may_begin;
    loop_send(router, job, CR_STAGE_STORE);
    return true;
}

/* A newcomer does not go before those that wait. */
static bool appear_present_newcomer(struct cr_router *router, struct cr_session *session)
{
    return appear_present(router, session, router->sessions.begins == NULL && appear_may_begin(router));
}

void loop_begin_waiting(struct cr_router *router)
{
    while (router->sessions.begins != NULL && appear_may_begin(router)) {
        struct cr_session *session = cr_deadline_take(&router->sessions.begins, INT64_MAX);

        if (!appear_present(router, session, true)) {
            return;
        }
    }
}

/* ---- noticing ---- */

struct cr_session *loop_notice(struct cr_router *router, const struct cr_client *client)
{
    struct cr_session *session = cr_sessions_find(&router->sessions, client);

    if (session != NULL) {
        return session;
    }
    if (client->id == NULL || client->address == NULL ||
        (!loop_enrol_awaits(router, client->handle) && loop_gone_was_restricted(router, client))) {
        return NULL; /* offline, or not a client at all */
    }
    if (cr_sessions_add(&router->sessions, &session, client) != CR_OK) {
        return NULL;
    }
    if (!loop_enrol_noticed(router, session)) {
        appear_identify(router, session);
    }
    appear_check_client_id(router, session);
    loop_dormant_appeared(router, session);
    if (session->mark != NULL) { /* without: nobody came, the broker asks about one that is away */
        loop_away_appeared(router, session->client_id);
    }
    if (session->enrolment != NULL) {
        loop_enrol_appeared(router, session);
    } else if (session->presence != NULL) {
        (void)appear_present_newcomer(router, session);
    }
    return session;
}

void loop_judge_anew(struct cr_router *router)
{
    struct cr_session *session, *next;

    HASH_ITER(hh_handle, router->sessions.by_handle, session, next)
    {
        bool intruder = session->has_certificate && session->presence == NULL &&
                        session->refusal == CR_REFUSAL_WRONG_IDENTITY; /* by its client id: stays one */
        bool waited = cr_deadline_is_set(&session->present);

        if (intruder || session->closed || cr_deadline_is_set(&session->closing) ||
            loop_enrol_judged_anew(router, session)) {
            continue;
        }
        cr_sessions_unbind(&router->sessions, session);
        appear_identify(router, session);
        if (session->presence != NULL && session->enrolment == NULL && (waited || !session->presented)) {
            (void)appear_present_newcomer(router, session);
        }
    }
}

struct cr_session *loop_notice_exactly(struct cr_router *router, const struct cr_client *client)
{
    struct cr_session *session = cr_sessions_find(&router->sessions, client);

    if (session != NULL && (session->mark != router->host->ops->certificate_mark(router->host, client) ||
                            (client->id != NULL && strcmp(session->client_id, client->id) != 0))) {
        cr_sessions_remove(&router->sessions, session);
    }
    return loop_notice(router, client);
}

void loop_present_waiting(struct cr_router *router)
{
    int64_t now_ms = loop_now_ms(router);
    struct cr_session *session;

    while ((session = cr_deadline_take(&router->sessions.waiting, now_ms)) != NULL) {
        if (!appear_present_newcomer(router, session)) {
            return;
        }
    }
}

void loop_look_again(struct cr_router *router)
{
    struct cr_session *session, *next;
    int64_t now_s = cr_wall_s(router->clock);

    HASH_ITER(hh_handle, router->sessions.by_handle, session, next)
    {
        if (session->presence == NULL || session->enrolment != NULL) {
            continue;
        }
        loop_expiry_plan(router, session);
        if (session->look_again_s > 0 && session->look_again_s <= now_s && !cr_deadline_is_set(&session->begin)) {
            session->look_again_s = 0;
            cr_sessions_wait(&router->sessions, session, loop_now_ms(router));
        }
    }
}
