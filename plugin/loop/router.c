#include "plugin/loop/router.h"

#include "plugin/loop/enrol.h"
#include "plugin/loop/loop.h"

#include <stdlib.h>
#include <string.h>

enum {
    TICK_IDLE_MS = 500,
    TICK_BUSY_MS = 20,      /* fallback for a lost wake-up */
    PRUNE_EVERY_MS = 60000,
    PRUNE_TICKS = 64,       /* and then only on every n-th tick is the clock asked */
    ASKING_GRACE_MS = 1000, /* who subscribes to an answer is about to ask for it */
};

static void router_rates(struct cr_router *router)
{
    const struct cr_config *config = &router->setup->config;

    router->sessions.request_rate =
        (struct cr_limiter_rate){ config->rate_device_burst, config->rate_device_per_min, 60000 };
    router->sessions.alarm_rate = (struct cr_limiter_rate){ 5, 5, 60000 };
    router->begin_rate = (struct cr_limiter_rate){ config->trigger_rate_per_s, config->trigger_rate_per_s, 1000 };
    router->total_rate = (struct cr_limiter_rate){ config->rate_total_burst, config->rate_total_per_s, 1000 };
}

cr_err cr_router_new(struct cr_router **router, const struct cr_router_options *options)
{
    struct cr_router *r = calloc(1, sizeof *r);

    *router = NULL;
    if (r == NULL) {
        return CR_NOMEM;
    }
    r->host = options->host;
    r->clock = options->clock;
    r->setup = cr_setup_hold(options->setup);
    r->pipeline = options->pipeline;
    r->started_mono_ms = r->pruned_ms = loop_now_ms(r);
    cr_sessions_init(&r->sessions, r->host);
    router_rates(r);
    cr_limiter_init(&r->total, &r->total_rate, loop_now_ms(r));
    cr_limiter_init(&r->begins, &r->begin_rate, loop_now_ms(r));
    cr_limiter_init(&r->strangers, &r->sessions.alarm_rate, loop_now_ms(r));
    loop_agenda_init(r);
    loop_alerts_init(r);
    if (loop_revoked_init(r) != CR_OK || loop_enrol_init(r) != CR_OK || loop_bundle_init(r) != CR_OK ||
        loop_policies_init(r, options->setup) != CR_OK) {
        cr_router_free(r);
        return CR_NOMEM;
    }
    *router = r;
    return CR_OK;
}

void cr_router_free(struct cr_router *router)
{
    if (router == NULL) {
        return;
    }
    loop_control_fini(router);
    loop_deliveries_fini(router);
    loop_campaigns_fini(router);
    loop_watch_fini(router);
    loop_policies_fini(router);
    loop_figures_fini(router);
    loop_revoked_fini(router);
    loop_bundle_fini(router);
    loop_crls_fini(router);
    loop_dormant_fini(router);
    loop_away_fini(router);
    loop_gone_fini(router);
    cr_sessions_fini(&router->sessions);
    loop_enrol_fini(router); /* sessions' deadlines are kept there */
    cr_setup_drop(router->setup);
    free(router);
}

void cr_router_configured(struct cr_router *router, const char *how)
{
    loop_audit_plain(router, NULL, "", "", "configuration", how);
}

void cr_router_flush(struct cr_router *router)
{
    loop_deliveries_flush(router);
}

void cr_router_use(struct cr_router *router, struct cr_setup *setup)
{
    loop_policies_base(router, setup);
}

void loop_use_setup(struct cr_router *router, struct cr_setup *setup)
{
    int64_t accept_expired_s = loop_accept_expired_s(router);
    bool anew = setup->trust != router->setup->trust; /* the file was read again */

    cr_setup_hold(setup);
    cr_setup_drop(router->setup);
    router->setup = setup;
    router_rates(router);
    router->nobody_said = router->nobody_said && !anew;
    if (anew || accept_expired_s != loop_accept_expired_s(router)) {
        loop_judge_anew(router); /* looks at every session's certificate: not for nothing */
    }
}

/* ---- access ---- */

static bool router_was_restricted(const struct cr_router *router, const struct cr_client *client)
{
    return loop_gone_was_restricted(router, client) || loop_enrol_awaits(router, client->handle);
}

/* Mosquitto 2.0 also asks about messages that it queues for a client that is away, and only the missing certificate tells:
 * who reads without one is noticed when it does more than that. */
static struct cr_session *router_hears_of(struct cr_router *router, const struct cr_client *client, enum cr_access access)
{
    struct cr_session *session = cr_sessions_find(&router->sessions, client);

    if (session == NULL &&
        (access != CR_ACCESS_READ || router->host->ops->certificate_mark(router->host, client) != NULL)) {
        session = loop_notice(router, client);
    }
    return session;
}

/* What is none of our business, but for those that may do nothing else. */
static enum cr_verdict router_elsewhere(struct cr_router *router, const struct cr_client *client, enum cr_access access,
                                        const char *text)
{
    const struct cr_session *session = router_hears_of(router, client, access);

    if (session != NULL ? session->restricted : router_was_restricted(router, client)) {
        return CR_DENY;
    }
    if (session == NULL && client->address != NULL &&
        (loop_accept_expired_s(router) > 0 || router->setup->config.factory_count > 0) &&
        router->host->ops->certificate_mark(router->host, client) != NULL) {
        return CR_DENY; /* by its client id, or for want of memory: nobody has looked whose certificate it is */
    }
    if (access != CR_ACCESS_WRITE && router->setup->config.crl_publish &&
        strncmp(text, CR_TOPIC_CRL "/", strlen(CR_TOPIC_CRL "/")) == 0) {
        return CR_ALLOW; /* what is revoked is for everybody to know */
    }
    return router->setup->config.default_allow ? CR_ALLOW : CR_DEFER;
}

static enum cr_verdict router_device_access(struct cr_router *router, const struct cr_client *client,
                                            enum cr_access access, const struct cr_topic *topic)
{
    struct cr_session *session = loop_notice_exactly(router, client);
    enum cr_refusal refusal = loop_device_refusal(session, topic->device);

    if (refusal == CR_REFUSAL_NONE && loop_enrol_refusal(router, session, topic) != CR_REFUSAL_NONE) {
        if (access != CR_ACCESS_READ) {
            loop_enrol_denied(router, session, topic);
        }
        return CR_DENY;
    }
    if (access == CR_ACCESS_READ) {
        return refusal == CR_REFUSAL_NONE ? CR_ALLOW : CR_DENY;
    }
    if (refusal == CR_REFUSAL_NONE && cr_verb_from_device(topic->verb)) {
        return CR_ALLOW;
    }
    loop_alarm(router, session, session != NULL ? session->facts.device : "",
               refusal != CR_REFUSAL_NONE ? refusal : CR_REFUSAL_WRONG_IDENTITY,
               session == NULL                  ? "published as a will, or without a connection"
               : refusal != CR_REFUSAL_NONE ? "published to the topic of another device"
                                            : "published to a topic that only the plugin writes");
    return CR_DENY;
}

static enum cr_verdict router_operator_access(struct cr_router *router, const struct cr_client *client,
                                              enum cr_access access, enum cr_topic_kind kind)
{
    struct cr_session *session = loop_notice_exactly(router, client);

    if (session != NULL && session->restricted) {
        return CR_DENY;
    }
    if (access == CR_ACCESS_WRITE) {
        /* Who may command is decided where it can be answered; nobody writes answers or events. */
        return kind == CR_TOPIC_OPERATOR && session != NULL ? CR_ALLOW : CR_DENY;
    }
    if (kind == CR_TOPIC_OPERATOR_EVENT && loop_away_role(router, client) != CR_ROLE_NONE) {
        return CR_ALLOW; /* to be queued */
    }
    return kind != CR_TOPIC_OPERATOR_BAD && loop_role(router, session) != CR_ROLE_NONE ? CR_ALLOW : CR_DENY;
}

static enum cr_verdict router_subscribe(struct cr_router *router, const struct cr_client *client, const char *filter)
{
    const char *prefix = router->setup->config.topic_prefix;
    struct cr_session *session = loop_notice_exactly(router, client);
    struct cr_topic topic;

    if (strncmp(filter, CR_TOPIC_CONTROL, strlen(CR_TOPIC_CONTROL)) == 0) {
        return loop_role(router, session) != CR_ROLE_NONE ? CR_ALLOW : CR_DENY;
    }
    if (session == NULL || session->presence == NULL || session->refusal != CR_REFUSAL_NONE ||
        !cr_filter_within_device(prefix, filter, session->presence->device)) {
        return CR_DENY;
    }
    cr_topic_parse(&topic, prefix, filter);
    if (topic.kind == CR_TOPIC_DEVICE && topic.verb != CR_VERB_RENEW && session->asking == 0) {
        session->quiet_until_ms = loop_now_ms(router) + ASKING_GRACE_MS;
    }
    return CR_ALLOW;
}

bool cr_router_concerns(const struct cr_router *router, const char *topic)
{
    return topic[0] == '$' || topic[0] == router->setup->config.topic_prefix[0];
}

bool cr_router_passes(const struct cr_router *router, const void *handle, const char *topic, enum cr_verdict *verdict)
{
    *verdict = router->setup->config.default_allow ? CR_ALLOW : CR_DEFER;
    return !cr_router_concerns(router, topic) && cr_sessions_recent(&router->sessions, handle);
}

enum cr_verdict cr_router_access(struct cr_router *router, const struct cr_client *client, enum cr_access access,
                                 const char *text)
{
    const struct cr_config *config = &router->setup->config;
    struct cr_topic topic;

    if (access == CR_ACCESS_SUBSCRIBE || access == CR_ACCESS_UNSUBSCRIBE) {
        if (!cr_filter_touches(config->topic_prefix, text)) {
            return router_elsewhere(router, client, access, text);
        }
        return access == CR_ACCESS_SUBSCRIBE ? router_subscribe(router, client, text) : CR_ALLOW;
    }
    if (!cr_router_concerns(router, text)) {
        return router_elsewhere(router, client, access, text);
    }
    cr_topic_parse(&topic, config->topic_prefix, text);
    switch (topic.kind) {
    case CR_TOPIC_OTHER:
        return router_elsewhere(router, client, access, text);
    case CR_TOPIC_DEVICE:
        return router_device_access(router, client, access, &topic);
    case CR_TOPIC_OPERATOR:
    case CR_TOPIC_OPERATOR_RESPONSE:
    case CR_TOPIC_OPERATOR_EVENT:
    case CR_TOPIC_OPERATOR_BAD:
        return router_operator_access(router, client, access, topic.kind);
    case CR_TOPIC_OURS_BAD:
        break;
    }
    return CR_DENY;
}

/* ---- messages ---- */

enum cr_handled cr_router_message(struct cr_router *router, const struct cr_client *client, const char *text,
                                  struct cr_bytes payload, const struct cr_request_properties *properties)
{
    struct cr_session *session;
    struct cr_topic topic;

    cr_topic_parse(&topic, router->setup->config.topic_prefix, text);
    if (topic.kind == CR_TOPIC_OURS_BAD) {
        return CR_REFUSED;
    }
    if (topic.kind != CR_TOPIC_DEVICE) {
        return CR_NOT_OURS;
    }
    session = loop_notice_exactly(router, client);
    if (client->unchecked || loop_device_refusal(session, topic.device) != CR_REFUSAL_NONE) {
        loop_alarm(router, session, topic.device, CR_REFUSAL_WRONG_IDENTITY,
                   "a message came past the access check, over a bridge or another plugin's permission");
        return CR_REFUSED;
    }
    if (loop_enrol_refusal(router, session, &topic) != CR_REFUSAL_NONE) {
        loop_enrol_denied(router, session, &topic);
        return CR_REFUSED;
    }
    switch (topic.verb) {
    case CR_VERB_CSR:
        loop_csr(router, session, &topic, payload, properties);
        return CR_CONSUMED;
    case CR_VERB_GET:
        loop_get(router, session, &topic, payload, properties);
        return CR_CONSUMED;
    case CR_VERB_REPORT:
        if (strcmp(topic.slot, CR_TOPIC_CA_SLOT) == 0) {
            loop_bundle_report(router, session, &topic, payload, properties);
            return CR_CONSUMED;
        }
        loop_report(router, session, &topic, payload, properties);
        return CR_CONSUMED;
    case CR_VERB_RENEW:
    case CR_VERB_PENDING:
    case CR_VERB_CERTIFICATE:
    case CR_VERB_REJECTED:
    case CR_VERB_STATUS:
    case CR_VERB_TRUST:
    case CR_VERB_COUNT:
        break;
    }
    return CR_REFUSED;
}

void cr_router_control(struct cr_router *router, const struct cr_client *client, struct cr_bytes payload,
                       const struct cr_request_properties *properties)
{
    struct cr_session *session = loop_notice_exactly(router, client);

    if (client->unchecked || session == NULL) {
        loop_alarm(router, session, "", CR_REFUSAL_NOT_AUTHORISED,
                   "an operator command came past the access check, over a bridge or another plugin's permission");
        return;
    }
    loop_control(router, session, payload, properties);
}

/* ---- coming, going, time ---- */

void cr_router_connected(struct cr_router *router, const struct cr_client *client)
{
    loop_notice_exactly(router, client);
}

void cr_router_disconnected(struct cr_router *router, const struct cr_client *client)
{
    struct cr_session *session = cr_sessions_find(&router->sessions, client);

    if (session == NULL) {
        if (loop_enrol_gone(router, client->handle)) { /* it said nothing, but may have left a will */
            loop_gone(router, client, true);
        }
        return;
    }
    loop_gone(router, client, session->restricted);
    if (session->persistent || client->persistent) {
        loop_dormant_left(router, session);
        loop_away_left(router, session);
    }
    cr_sessions_remove(&router->sessions, session);
}

void cr_router_resumed(struct cr_router *router, const struct cr_client *client)
{
    if (client->id != NULL) {
        loop_dormant_resumed(router, client->id);
    }
}

static void router_prune(struct cr_router *router)
{
    int64_t now_ms = loop_now_ms(router);

    if (now_ms - router->pruned_ms > PRUNE_EVERY_MS) {
        router->pruned_ms = now_ms;
        cr_sessions_prune(&router->sessions, now_ms);
        loop_look_again(router);
    }
}

unsigned cr_router_tick(struct cr_router *router)
{
    int64_t now_ms;
    bool busy;

    for (struct cr_job *job = cr_pipeline_drain(router->pipeline), *next; job != NULL; job = next) {
        next = job->next;
        loop_complete(router, job);
    }
    loop_expiry_tick(router);
    if (router->sessions.begins != NULL) {
        loop_begin_waiting(router);
    }
    if (router->sessions.waiting != NULL) {
        loop_present_waiting(router);
    }
    loop_cutover_tick(router);
    if (++router->ticks % PRUNE_TICKS == 0) {
        router_prune(router);
    }
    loop_deliveries_tick(router);
    now_ms = loop_now_ms(router); /* once: the broker ticks with each message */
    busy = loop_revoked_tick(router, now_ms);
    loop_agenda_tick(router, now_ms);
    loop_policies_tick(router, now_ms);
    loop_campaigns_tick(router, now_ms);
    loop_watch_tick(router, now_ms);
    loop_figures_tick(router, now_ms);
    loop_bundle_tick(router, now_ms);
    loop_enrol_tick(router, now_ms);
    return busy || router->in_flight > 0 || router->deliveries != NULL || router->sessions.waiting != NULL ||
                   router->sessions.begins != NULL || router->agenda.more
               ? TICK_BUSY_MS
               : TICK_IDLE_MS;
}
