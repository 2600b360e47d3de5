/* Cutover: a device that was sent its new certificate, but stays on the connection that it opened with the old one, is
 * sent it again after a while, and later its connection is closed, so that it comes back with the new one. Not while
 * anything is under way for it: the store is asked just before. */
#include "plugin/loop/loop.h"

#include <string.h>

enum { LEAVE_AGAIN_MS = 60000 }; /* something was under way, or the store had no answer */

static int64_t cutover_ms(unsigned seconds)
{
    return (int64_t)seconds * 1000;
}

static void cutover_over(struct cr_session *session)
{
    cr_deadline_clear(&session->cutover);
    session->successor.len = 0;
    session->successor_again = session->leaving = false;
}

void loop_cutover_sent(struct cr_router *router, struct cr_session *session, const char *slot,
                       const struct cr_serial *serial)
{
    const struct cr_config *config = &router->setup->config;
    const struct cr_profile *profile = loop_tls_profile(router);
    unsigned ask_s = config->cutover_ask_s;

    if (session->presence == NULL || session->enrolment != NULL || profile == NULL || strcmp(profile->slot, slot) != 0 ||
        cr_serial_equal(serial, &session->facts.serial) ||
        (session->successor.len > 0 && cr_serial_equal(serial, &session->successor))) {
        return; /* not what it connects with, just that, or known already */
    }
    session->successor = *serial;
    session->succeeded_ms = loop_now_ms(router);
    session->successor_again = session->asked_again = session->leaving = false;
    if (ask_s < config->cutover_close_s) {
        cr_deadline_set(&router->sessions.asks, &session->cutover, session, session->succeeded_ms + cutover_ms(ask_s));
    } else {
        cr_deadline_set(&router->sessions.leaves, &session->cutover, session,
                        session->succeeded_ms + cutover_ms(config->cutover_close_s));
    }
}

/* Whether anything is still in its hands. A trigger that it does not answer holds it for as long again as it had. */
static bool cutover_is_busy(const struct cr_router *router, const struct cr_session *session,
                            const struct cr_device_record *record)
{
    int64_t patience_ms = 2 * cutover_ms(router->setup->config.cutover_close_s);
    bool patient = loop_now_ms(router) - session->succeeded_ms < patience_ms;
    const struct cr_profile *tls = loop_tls_profile(router);

    if (session->jobs > 0) {
        return true;
    }
    for (unsigned i = 0; i < record->slot_count; i++) {
        const struct cr_slot_record *slot = &record->slot[i];

        if (tls != NULL && strcmp(slot->slot, tls->slot) == 0 && slot->held) {
            return true; /* nothing is done about it until it is released */
        }
        if (tls != NULL && strcmp(slot->slot, tls->slot) != 0 && !slot->held &&
            (slot->state == CR_STATE_ISSUING || (slot->state == CR_STATE_TRIGGERED && patient))) {
            return true;
        }
    }
    return false;
}

void loop_cutover_presented(struct cr_router *router, struct cr_session *session, const struct cr_device_record *record)
{
    const struct cr_profile *profile = loop_tls_profile(router);
    const struct cr_slot_record *slot = profile != NULL ? cr_device_record_slot(record, profile->slot) : NULL;
    bool still = slot != NULL && session->successor.len > 0 &&
                 ((slot->state == CR_STATE_ISSUED && cr_serial_equal(&slot->pending.serial, &session->successor)) ||
                  cr_serial_equal(&slot->current.serial, &session->successor)); /* another connection has it already */

    if (session->successor.len == 0) {
        return;
    }
    if (!still) {
        cutover_over(session); /* it failed, or something newer is under way */
    } else if (session->leaving && !cutover_is_busy(router, session, record)) {
        cutover_over(session);
        loop_close(router, session, "it has a new certificate, but stays on a connection with the former one");
    }
    session->leaving = false;
}

void loop_close(struct cr_router *router, struct cr_session *session, const char *why)
{
    if (session->closed || cr_deadline_is_set(&session->closing)) {
        return;
    }
    loop_log(router, 'n', "client %s of device %s is disconnected: %s", session->client_id,
             session->facts.device[0] != '\0' ? session->facts.device : "-", why);
    cr_deadline_set(&router->sessions.closings, &session->closing, session, loop_now_ms(router));
}

static void cutover_close_now(struct cr_router *router)
{
    struct cr_session *session;

    while (router->sessions.closings != NULL) {
        session = router->sessions.closings->session;
        if (router->host->ops->kick(router->host, session->client_id) != CR_OK) {
            return; /* as many as it takes in one tick */
        }
        cr_deadline_clear(&session->closing);
        session->closed = true;
    }
}

void loop_cutover_tick(struct cr_router *router)
{
    const struct cr_config *config = &router->setup->config;
    struct cr_sessions *sessions = &router->sessions;
    struct cr_session *session;
    int64_t now_ms;

    if (sessions->asks != NULL || sessions->leaves != NULL) {
        now_ms = loop_now_ms(router);
        while ((session = cr_deadline_take(&sessions->asks, now_ms)) != NULL) {
            session->successor_again = true;
            cr_deadline_set(&sessions->leaves, &session->cutover, session,
                            session->succeeded_ms + cutover_ms(config->cutover_close_s));
            cr_sessions_wait(sessions, session, now_ms);
        }
        while ((session = cr_deadline_take(&sessions->leaves, now_ms)) != NULL) {
            session->leaving = true;
            cr_deadline_set(&sessions->leaves, &session->cutover, session, now_ms + LEAVE_AGAIN_MS);
            cr_sessions_wait(sessions, session, now_ms);
        }
    }
    cutover_close_now(router);
}
