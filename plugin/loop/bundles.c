/* The trust bundle: the CA certificates that devices are to believe in. The store tells of it; it is signed by whoever
 * signs now, and a device that has not confirmed it is sent it when it appears, once a connection. When there is a new
 * one, those that are connected get it one after the other, no faster than renewals begin. */
#include "plugin/loop/bundles.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 1000, WALK = 256 /* sessions that are looked at in a tick */, BEHIND_MS = 1000 /* its answer */ };

static const struct cr_limiter_rate event_rate = { 60, 60, 60000 };

cr_err loop_bundle_init(struct cr_router *router)
{
    struct cr_bundles *bundles = calloc(1, sizeof *bundles);

    if (bundles == NULL) {
        return CR_NOMEM;
    }
    cr_limiter_init(&bundles->events, &event_rate, loop_now_ms(router));
    router->bundles = bundles;
    return CR_OK;
}

void loop_bundle_fini(struct cr_router *router)
{
    struct cr_bundles *bundles = router->bundles;

    if (bundles != NULL) {
        cr_blob_fini(&bundles->now.certs);
        cr_blob_fini(&bundles->message);
        free(bundles);
        router->bundles = NULL;
    }
}

/* ---- sending ---- */

/* It has a certificate of ours, and is not known to have the bundle. */
static bool bundle_wanted(const struct cr_bundles *bundles, const struct cr_session *session)
{
    return session->presence != NULL && session->presented && session->has_certificate && session->facts.factory == 0 &&
           session->trust_version < bundles->now.version && session->trust_sent != bundles->now.version;
}

static bool bundle_ready(const struct cr_bundles *bundles)
{
    return bundles->message.len > 0 && bundles->now.version > 0;
}

/* It waits for an answer, or is about to ask: there are clients that take whatever comes first for that. Until when;
 * 0: it does not. */
static int64_t bundle_held_until(const struct cr_router *router, const struct cr_session *session)
{
    int64_t now_ms = loop_now_ms(router);

    if (session->asking > 0) {
        return now_ms + BEHIND_MS;
    }
    return session->quiet_until_ms > now_ms ? session->quiet_until_ms : 0;
}

/* As fast as the fleet's renewals begin, on this broker. False: not now. */
static bool bundle_send(struct cr_router *router, struct cr_session *session)
{
    struct cr_bundles *bundles = router->bundles;
    unsigned rate = router->setup->config.trigger_rate_per_s > 0 ? router->setup->config.trigger_rate_per_s : 1;
    struct cr_limiter_rate pace = { rate, rate, 1000 };
    int64_t held_until_ms = bundle_held_until(router, session);

    if (held_until_ms > 0) { /* it is presented once more then */
        cr_sessions_wait(&router->sessions, session, held_until_ms);
        return true;
    }
    if (!cr_limiter_take(&bundles->pace, &pace, loop_now_ms(router), NULL)) {
        return false;
    }
    reply_trust(router, session, cr_blob_view(&bundles->message));
    session->trust_sent = bundles->now.version;
    return true;
}

static void bundle_walk(struct cr_router *router)
{
    struct cr_bundles *bundles = router->bundles;

    bundles->walking = true;
    bundles->walk_again = false;
    cr_sessions_walk_begin(&router->sessions);
}

static void bundle_walk_on(struct cr_router *router)
{
    struct cr_bundles *bundles = router->bundles;

    for (unsigned i = 0; i < WALK && bundles->walking; i++) {
        struct cr_session *session = router->sessions.walk;

        if (session == NULL) {
            bundles->walking = false;
        } else if (bundle_wanted(bundles, session) && !bundle_send(router, session)) {
            return;
        } else {
            cr_sessions_walk_next(&router->sessions);
        }
    }
    if (!bundles->walking && bundles->walk_again) {
        bundle_walk(router);
    }
}

void loop_bundle_presented(struct cr_router *router, struct cr_session *session, const struct cr_device_record *record)
{
    struct cr_bundles *bundles = router->bundles;

    session->trust_version = record->trust_version;
    if (bundle_ready(bundles) && bundle_wanted(bundles, session) && !bundle_send(router, session)) {
        bundles->walk_again = true; /* when it is its turn */
    }
}

/* ---- signing ---- */

/* By another than now, or of another bundle: not to be sent any more. */
static void bundle_message_drop(struct cr_bundles *bundles)
{
    cr_blob_fini(&bundles->message);
    bundles->signer[0] = '\0';
    bundles->walking = false;
}

static void bundle_sign(struct cr_router *router, unsigned signer)
{
    struct cr_bundles *bundles = router->bundles;
    struct cr_job *job = loop_admit(router, CR_OP_TRUST, NULL, "", "");
    struct cr_bundle *bundle = job != NULL ? calloc(1, sizeof *bundle) : NULL;

    if (job == NULL) {
        return;
    }
    job->bundle = bundle;
    if (bundle == NULL || cr_blob_copy(&bundle->certs, bundles->now.certs.data, bundles->now.certs.len) != CR_OK) {
        loop_abandon(router, job);
        return;
    }
    bundle->verb = CR_TRUST_VOUCH;
    bundle->version = bundles->now.version;
    bundle->mode = bundles->now.mode;
    bundle->at = bundles->now.at;
    job->signer = signer;
    bundles->signing = true;
    loop_send(router, job, CR_STAGE_SIGN);
}

static void bundle_signed(struct cr_router *router, struct cr_job *job)
{
    struct cr_bundles *bundles = router->bundles;
    const struct cr_bundle *bundle = job->bundle;

    bundles->signing = false;
    if (job->outcome != CR_OUT_DONE) {
        loop_log(router, 'e', "the trust bundle could not be signed by issuer %s: it is tried again",
                 job->signer < cr_trust_signers(job->setup->trust) ? cr_issuer_id(job->setup->trust, job->signer) : "-");
        return;
    }
    if (bundle->version != bundles->now.version || bundle->at != bundles->now.at) {
        return; /* there is another one by now */
    }
    bundle_message_drop(bundles);
    if (cr_text_copy(bundles->signer, sizeof bundles->signer, cr_issuer_id(job->setup->trust, job->signer)) == CR_OK) {
        cr_blob_move(&bundles->message, &job->payload);
        bundle_walk(router);
    }
}

/* Once a second: whether whoever signs now has signed it. */
static void bundle_look(struct cr_router *router)
{
    struct cr_bundles *bundles = router->bundles;
    unsigned signer;

    if (bundles->now.version == 0) {
        return;
    }
    signer = loop_signer(router);
    if (signer >= cr_trust_signers(router->setup->trust)) {
        bundle_message_drop(bundles);
        return;
    }
    if (strcmp(bundles->signer, cr_issuer_id(router->setup->trust, signer)) != 0) {
        bundle_message_drop(bundles);
        if (!bundles->signing) {
            bundle_sign(router, signer);
        }
    }
}

void loop_bundle_tick(struct cr_router *router, int64_t now_ms)
{
    struct cr_bundles *bundles = router->bundles;

    if (now_ms >= bundles->look_ms) {
        bundles->look_ms = now_ms + LOOK_MS;
        bundle_look(router);
    }
    if (bundle_ready(bundles) && (bundles->walking || bundles->walk_again)) {
        if (!bundles->walking) {
            bundle_walk(router);
        }
        bundle_walk_on(router);
    }
}

/* ---- what the store tells ---- */

static void bundle_news(struct cr_router *router, struct cr_bundle *news)
{
    struct cr_bundles *bundles = router->bundles;
    bool first = !bundles->known;

    if (news->version < bundles->highest) {
        loop_log(router, 'w',
                 "the trust bundle in Redis went back from version %llu to %llu: it lost data; set the bundle again",
                 (unsigned long long)bundles->highest, (unsigned long long)news->version);
    } else if (!first || news->version > 0) {
        loop_log(router, 'n', "trust bundle, version %llu by %s", (unsigned long long)news->version, news->by);
    }
    cr_blob_fini(&bundles->now.certs);
    bundles->now = *news;
    news->certs = (struct cr_blob){ NULL, 0 };
    bundles->known = true;
    if (news->version > bundles->highest) {
        bundles->highest = news->version;
    }
    bundle_message_drop(bundles);
    bundles->look_ms = loop_now_ms(router);
}

/* It has it, on whichever connection. */
static void bundle_confirmed(struct cr_router *router, const struct cr_job *job)
{
    struct cr_presence *presence = cr_sessions_presence(&router->sessions, job->device);

    for (struct cr_session *s = presence != NULL ? presence->first : NULL; s != NULL; s = s->sibling) {
        if (s->trust_version < job->bundle->version) {
            s->trust_version = job->bundle->version;
        }
    }
}

static void bundle_reported(struct cr_router *router, const struct cr_job *job)
{
    struct cr_session *session = cr_sessions_find_id(&router->sessions, job->session);
    struct cr_reply_to to = { session, job->device, CR_TOPIC_CA_SLOT, "", { job->correlation, job->correlation_len }, NULL };

    if (job->outcome != CR_OUT_DONE) {
        if (session != NULL) {
            reply_rejected(router, &to, job->refusal, "", job->retry_after_s);
        }
    } else if (job->bundle->outcome == CR_REPORT_INSTALLED) {
        bundle_confirmed(router, job);
    } else if (cr_limiter_take(&router->bundles->events, &event_rate, loop_now_ms(router), NULL)) {
        bundles_tell_failed(router, job);
    }
}

void loop_bundle_home(struct cr_router *router, struct cr_job *job)
{
    if (job->command != 0 && job->outcome == CR_OUT_REFUSED && job->audit_detail[0] != '\0') {
        loop_command_failed(router, job, job->audit_detail, NULL);
    } else if (job->command != 0) {
        loop_command_done(router, job);
    } else if (job->bundle == NULL) {
        return;
    } else if (job->bundle->verb == CR_TRUST_NEWS) {
        bundle_news(router, job->bundle);
    } else if (job->bundle->verb == CR_TRUST_VOUCH) {
        bundle_signed(router, job);
    } else if (job->bundle->verb == CR_TRUST_CONFIRM) {
        bundle_reported(router, job);
    }
}

const struct cr_bundle *loop_bundle(const struct cr_router *router)
{
    return router->bundles->known ? &router->bundles->now : NULL;
}

uint64_t loop_bundle_highest(const struct cr_router *router)
{
    return router->bundles->highest;
}
