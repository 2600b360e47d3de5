/* Expiry: certificates that run out while their devices are connected. Such a device has a last chance to renew a while
 * before; at notAfter its connection is closed, or, where the policy lets it renew for some time yet, restricted to that.
 *
 * A walk over all sessions once a minute collects those that something is to be done about within the next two. */
#include "plugin/loop/loop.h"
#include "plugin/worker/issuer_info.h"

enum {
    EXPIRY_AHEAD_S = 150,       /* longer than the walk takes to come round */
    EXPIRY_LAST_CHANCE_S = 3600,
    EXPIRY_BUSY_S = 60,         /* so much longer while something is in flight */
};

/* When its certificate is good for nothing any more. */
static int64_t expiry_end_s(const struct cr_router *router, const struct cr_session *session)
{
    const struct cr_profile *profile = loop_tls_profile(router);

    return session->facts.not_after + (session->restricted && profile != NULL ? profile->accept_expired_s : 0);
}

static int64_t expiry_next_s(const struct cr_router *router, const struct cr_session *session)
{
    int64_t tenth_s = (session->facts.not_after - session->facts.not_before) / 10;

    if (session->last_chance || session->restricted) {
        return expiry_end_s(router, session) + 1; /* it is valid through that second */
    }
    return session->facts.not_after - (tenth_s < EXPIRY_LAST_CHANCE_S ? tenth_s : EXPIRY_LAST_CHANCE_S);
}

void loop_expiry_plan(struct cr_router *router, struct cr_session *session)
{
    int64_t now_s = cr_wall_s(router->clock), left_s;

    if (!session->presented && session->enrolment == NULL && expiry_next_s(router, session) <= now_s) {
        session->last_chance = true; /* its appearance is just that */
    }
    left_s = expiry_next_s(router, session) - now_s;
    if (session->presence == NULL || session->enrolment != NULL || left_s > EXPIRY_AHEAD_S || session->closed) {
        cr_deadline_clear(&session->expiry);
    } else {
        cr_deadline_set(&router->sessions.expiries, &session->expiry, session,
                        loop_now_ms(router) + (left_s > 0 ? left_s * 1000 : 0));
    }
}

static bool expiry_is_busy(const struct cr_router *router, const struct cr_session *session)
{
    return session->jobs > 0 ||
           (session->triggered_ms > 0 && loop_now_ms(router) - session->triggered_ms < EXPIRY_BUSY_S * 1000);
}

/* Its last chance: what it was sent before counts no more. */
static void expiry_warn(struct cr_router *router, struct cr_session *session)
{
    session->last_chance = true;
    for (unsigned i = 0; i < CR_SLOTS_MAX; i++) {
        session->sent[i] = 0;
    }
    cr_deadline_clear(&session->begin);
    cr_sessions_wait(&router->sessions, session, loop_now_ms(router));
    loop_expiry_plan(router, session);
}

static void expiry_end(struct cr_router *router, struct cr_session *session)
{
    const struct cr_profile *profile = loop_tls_profile(router);
    int64_t now_s = cr_wall_s(router->clock), end_s = expiry_end_s(router, session);

    if (!session->restricted && profile != NULL && profile->accept_expired_s > 0 &&
        cr_trust_valid_at(router->setup->trust, session->facts.issuer, now_s)) {
        loop_log(router, 'n', "the certificate of client %s of device %s has expired: it may do nothing but renew it",
                 session->client_id, session->facts.device);
        cr_sessions_restrict(&router->sessions, session);
        loop_expiry_plan(router, session);
    } else if (expiry_is_busy(router, session) && now_s <= end_s + EXPIRY_BUSY_S) {
        cr_deadline_set(&router->sessions.expiries, &session->expiry, session, loop_now_ms(router) + 1000);
    } else {
        loop_refuse_session(router, session, CR_REFUSAL_CERTIFICATE_NOT_VALID, "its certificate has expired");
    }
}

void loop_expiry_tick(struct cr_router *router)
{
    struct cr_session *session;
    int64_t now_ms;

    if (router->sessions.expiries == NULL || router->agenda.clock_odd) {
        return;
    }
    now_ms = loop_now_ms(router);
    while ((session = cr_deadline_take(&router->sessions.expiries, now_ms)) != NULL) {
        if (session->presence == NULL) {
            continue;
        }
        if (expiry_next_s(router, session) > cr_wall_s(router->clock)) {
            loop_expiry_plan(router, session); /* the clock was set back */
        } else if (!session->last_chance && !session->restricted) {
            expiry_warn(router, session);
        } else {
            expiry_end(router, session);
        }
    }
}
