/* Onboarding. A session that has no certificate of ours, but a factory's, or that logged in with a token, may ask for
 * its first certificate and do nothing else: it is restricted, apart from the sessions that use the device's
 * certificate, never presented to the store, and gets no triggers. Whether it is let in is decided by BEGIN, in the store.
 *
 * A token cannot be judged while its client connects, for the loop never waits: the login is let in for a minute, as far
 * as rates allow, and its first CSR tells. Between the login and the client's first packet there is no session yet; until
 * then its login waits here, by the client's handle. */
#include "plugin/loop/enrol.h"
#include "plugin/worker/issuer_info.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    ENROL_LOGINS = 256,          /* that wait for their first packet */
    ENROL_DEVICES = 1024,        /* buckets of devices: two that share one share its rate, too */
    ENROL_SESSION_MS = 60000,
    ENROL_CLOSE_MS = 1000,       /* the answer goes out first */
    ENROL_ALARM = 3,             /* tokens in a row that are not valid */
};

static const char login_prefix[] = "enroll:";
static const struct cr_limiter_rate total_rate = { 100, 50, 1000 }, device_rate = { 6, 6, 60000 },
                                    request_rate = { 3, 6, 60000 }, line_rate = { 100, 60, 60000 };

struct enrol_login {
    const void *handle;
    char device[CR_NAME_CAP];
    char client_id[CR_CLIENT_ID_CAP];
    uint8_t token_hash[CR_SHA256_LEN];
    int64_t end_ms;
    struct enrol_login *next;
};

struct cr_enrolments {
    struct enrol_login *logins;          /* oldest first */
    unsigned login_count;
    struct cr_deadline *ends;
    struct cr_limiter total, device[ENROL_DEVICES];
    struct cr_limiter lines;             /* of refusals, in the audit log */
    uint8_t failures[ENROL_DEVICES];     /* in a row */
};

cr_err loop_enrol_init(struct cr_router *router)
{
    int64_t now_ms = loop_now_ms(router);

    router->enrolments = calloc(1, sizeof *router->enrolments);
    if (router->enrolments == NULL) {
        return CR_NOMEM;
    }
    cr_limiter_init(&router->enrolments->total, &total_rate, now_ms);
    cr_limiter_init(&router->enrolments->lines, &line_rate, now_ms);
    for (unsigned i = 0; i < ENROL_DEVICES; i++) {
        cr_limiter_init(&router->enrolments->device[i], &device_rate, now_ms);
    }
    return CR_OK;
}

static unsigned enrol_bucket(const char *device)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */

    for (; *device != '\0'; device++) {
        hash = (hash ^ (uint8_t)*device) * 1099511628211U;
    }
    return (unsigned)(hash % ENROL_DEVICES);
}

/* ---- logins ---- */

static void enrol_login_drop(struct cr_enrolments *enrolments, struct enrol_login *login)
{
    LL_DELETE(enrolments->logins, login);
    enrolments->login_count--;
    explicit_bzero(login, sizeof *login);
    free(login);
}

static struct enrol_login *enrol_login_of(const struct cr_router *router, const void *handle)
{
    struct enrol_login *login;

    LL_SEARCH_SCALAR(router->enrolments->logins, login, handle, handle);
    return login;
}

static bool enrol_token_ok(const char *token)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    return token != NULL && strlen(token) == CR_TOKEN_LEN && strspn(token, letters) == CR_TOKEN_LEN;
}

/* The broker asks again about those that are connected, when its configuration is read anew. */
static bool enrol_is_in(struct cr_router *router, const struct cr_client *client, const char *device,
                        const uint8_t *hash)
{
    struct cr_session *session = cr_sessions_find(&router->sessions, client);
    struct enrol_login *login = enrol_login_of(router, client->handle);

    if (session != NULL && session->enrolment != NULL && session->enrolment->by_token) {
        return strcmp(session->facts.device, device) == 0 &&
               memcmp(session->enrolment->token_hash, hash, CR_SHA256_LEN) == 0;
    }
    return login != NULL && strcmp(login->device, device) == 0 && memcmp(login->token_hash, hash, CR_SHA256_LEN) == 0;
}

/* A client id that is in use would be taken from who has it, together with all that the broker keeps for it. */
bool loop_enrol_takes_id(struct cr_router *router, const char *client_id)
{
    const struct cr_presence *presence = cr_sessions_presence(&router->sessions, client_id);

    return (presence != NULL && presence->first != NULL) || loop_dormant_has(router, client_id);
}

static bool enrol_login_add(struct cr_router *router, const struct cr_client *client, const char *device,
                            const uint8_t *hash)
{
    struct cr_enrolments *enrolments = router->enrolments;
    struct enrol_login *login = enrol_login_of(router, client->handle);
    struct cr_session *stale = cr_sessions_find(&router->sessions, client);

    if (stale != NULL) { /* its handle was given to this client since */
        cr_sessions_remove(&router->sessions, stale);
    }
    if (login != NULL) {
        enrol_login_drop(enrolments, login);
    }
    login = enrolments->login_count < ENROL_LOGINS ? calloc(1, sizeof *login) : NULL;
    if (login == NULL || cr_text_copy(login->client_id, sizeof login->client_id, client->id) != CR_OK ||
        cr_text_copy(login->device, sizeof login->device, device) != CR_OK) {
        free(login);
        return false;
    }
    login->handle = client->handle;
    login->end_ms = loop_now_ms(router) + ENROL_SESSION_MS;
    memcpy(login->token_hash, hash, CR_SHA256_LEN);
    LL_APPEND(enrolments->logins, login);
    enrolments->login_count++;
    return true;
}

enum cr_login loop_enrol_login(struct cr_router *router, const struct cr_client *client, const char *password)
{
    struct cr_enrolments *enrolments = router->enrolments;
    int64_t now_ms = loop_now_ms(router);
    uint8_t hash[CR_SHA256_LEN];
    const char *device;
    enum cr_login login = CR_LOGIN_DENY;

    if (client->username == NULL || strncmp(client->username, login_prefix, sizeof login_prefix - 1) != 0 ||
        !router->setup->config.enroll_tokens) {
        return CR_LOGIN_DEFER;
    }
    device = client->username + sizeof login_prefix - 1;
    if (enrol_token_ok(password) && cr_sha256(hash, password, CR_TOKEN_LEN) == CR_OK &&
        enrol_is_in(router, client, device, hash)) {
        login = CR_LOGIN_ALLOW;
    } else if (!cr_limiter_take(&enrolments->total, &total_rate, now_ms, NULL) ||
               !cr_limiter_take(&enrolments->device[enrol_bucket(device)], &device_rate, now_ms, NULL)) {
        router->counters.refused[CR_REFUSAL_RATE_LIMITED]++;
    } else if (!enrol_token_ok(password) || !cr_name_ok(device, strlen(device)) || loop_is_operators(router, device) ||
               client->id == NULL || client->address == NULL) {
        router->counters.refused[CR_REFUSAL_TOKEN_NOT_VALID]++;
    } else if (loop_enrol_takes_id(router, client->id)) {
        router->counters.refused[CR_REFUSAL_WRONG_IDENTITY]++;
        if (cr_limiter_take(&router->strangers, &router->sessions.alarm_rate, now_ms, NULL)) {
            loop_audit(router, NULL, device, "", "denied", CR_REFUSAL_WRONG_IDENTITY,
                       "a token's login under the client id of a device");
        }
    } else if (enrol_login_add(router, client, device, hash)) {
        login = CR_LOGIN_ALLOW;
    }
    explicit_bzero(hash, sizeof hash);
    return login;
}

bool loop_enrol_awaits(const struct cr_router *router, const void *handle)
{
    return router->enrolments->logins != NULL && enrol_login_of(router, handle) != NULL;
}

bool loop_enrol_gone(struct cr_router *router, const void *handle)
{
    struct enrol_login *login = enrol_login_of(router, handle);

    if (login != NULL) {
        enrol_login_drop(router->enrolments, login);
    }
    return login != NULL;
}

/* ---- sessions ---- */

static bool enrol_is_name(const char *username, const char *device)
{
    return strncmp(username, login_prefix, sizeof login_prefix - 1) == 0 &&
           strcmp(username + sizeof login_prefix - 1, device) == 0;
}

/* It is what it logged in as, or nothing at all. */
bool loop_enrol_noticed(struct cr_router *router, struct cr_session *session)
{
    struct enrol_login *login = enrol_login_of(router, session->handle);
    int64_t now_ms = loop_now_ms(router);
    bool bound = false;

    if (login == NULL) {
        return false;
    }
    if (!enrol_is_name(session->username, login->device)) { /* somebody else's handle by now */
        enrol_login_drop(router->enrolments, login);
        return false;
    }
    cr_sessions_restrict(&router->sessions, session);
    session->not_after = INT64_MAX;
    if (cr_sessions_enrol(session) == CR_OK) {
        session->enrolment->by_token = true;
        memcpy(session->enrolment->token_hash, login->token_hash, CR_SHA256_LEN);
        memcpy(session->facts.device, login->device, sizeof session->facts.device);
        cr_limiter_init(&session->enrolment->requests, &request_rate, now_ms);
        cr_deadline_set(&router->enrolments->ends, &session->enrolment->end, session, login->end_ms);
        bound = cr_sessions_bind(&router->sessions, session, login->device, now_ms) == CR_OK;
    }
    if (!bound) {
        session->refusal = CR_REFUSAL_INTERNAL;
        loop_close(router, session, "out of memory");
    }
    enrol_login_drop(router->enrolments, login);
    return true;
}

enum cr_refusal loop_enrol_judge(struct cr_router *router, struct cr_session *session)
{
    const struct cr_cert_facts *facts = &session->facts;
    int64_t now_s = cr_wall_s(router->clock);

    if (now_s < facts->not_before || now_s > facts->not_after) {
        return CR_REFUSAL_CERTIFICATE_NOT_VALID;
    }
    if (facts->device[0] == '\0') {
        return CR_REFUSAL_WRONG_IDENTITY;
    }
    if (loop_is_operators(router, facts->device)) {
        loop_alarm(router, session, facts->device, CR_REFUSAL_WRONG_IDENTITY, "its factory certificate has an operator's name");
        return CR_REFUSAL_WRONG_IDENTITY;
    }
    return cr_sessions_enrol(session) == CR_OK ? CR_REFUSAL_NONE : CR_REFUSAL_INTERNAL;
}

void loop_enrol_appeared(struct cr_router *router, struct cr_session *session)
{
    const struct cr_presence *presence = session->presence;

    if (presence != NULL && presence->first != NULL && !session->enrolment->by_token) {
        loop_audit_plain(router, session, presence->device, "", "enrolling",
                         "came with a factory certificate while it is connected with its own");
    }
}

bool loop_enrol_judged_anew(struct cr_router *router, struct cr_session *session)
{
    if (session->enrolment == NULL || !session->enrolment->by_token) {
        return false;
    }
    if (!router->setup->config.enroll_tokens) {
        loop_refuse_session(router, session, CR_REFUSAL_TOKEN_NOT_VALID, "tokens are not accepted any more");
    }
    return true;
}

/* ---- what it may ---- */

enum cr_refusal loop_enrol_refusal(const struct cr_router *router, const struct cr_session *session,
                                   const struct cr_topic *topic)
{
    const struct cr_profile *profile = loop_tls_profile(router);

    if (session == NULL || session->enrolment == NULL) {
        return CR_REFUSAL_NONE;
    }
    if (profile == NULL || strcmp(topic->slot, profile->slot) != 0 || topic->verb == CR_VERB_REPORT ||
        topic->verb == CR_VERB_RENEW || topic->verb == CR_VERB_TRUST ||
        (topic->verb == CR_VERB_GET && session->enrolment->by_token)) {
        return CR_REFUSAL_NOT_AUTHORISED;
    }
    return !session->enrolment->by_token && cr_wall_s(router->clock) > session->facts.not_after
               ? CR_REFUSAL_CERTIFICATE_NOT_VALID
               : CR_REFUSAL_NONE;
}

void loop_enrol_denied(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic)
{
    struct cr_limiter *limiter = session->enrolment->by_token ? &router->strangers : &session->presence->alarms;

    router->counters.refused[CR_REFUSAL_NOT_AUTHORISED]++;
    if (cr_limiter_take(limiter, &router->sessions.alarm_rate, loop_now_ms(router), NULL)) {
        loop_audit(router, session, topic->device, topic->slot, "denied", CR_REFUSAL_NOT_AUTHORISED,
                   "it may only enrol on this connection");
    }
}

bool loop_enrol_may_ask(struct cr_router *router, struct cr_session *session, int64_t now_ms, int64_t *wait_ms)
{
    if (session->enrolment != NULL && session->enrolment->by_token) {
        return cr_limiter_take(&session->enrolment->requests, &request_rate, now_ms, wait_ms);
    }
    return cr_limiter_take(&session->presence->requests, &router->sessions.request_rate, now_ms, wait_ms);
}

bool loop_enrol_heard(struct cr_router *router, const struct cr_session *session)
{
    return session->enrolment == NULL || !session->enrolment->by_token ||
           cr_limiter_take(&router->enrolments->lines, &line_rate, loop_now_ms(router), NULL);
}

/* ---- its request ---- */

/* Whose certificates are as good as when they were made. Nothing at all where that cannot be told. */
static void enrol_trusted(const struct cr_router *router, struct cr_job *job)
{
    struct cr_issuer_info info;
    size_t len = 1;

    for (unsigned i = 0; cr_trust_info(router->setup->trust, i, &info) == CR_OK; i++) {
        len += CR_ISSUER_ID_TEXT;
    }
    job->trusted.data = malloc(len);
    if (job->trusted.data == NULL) {
        return;
    }
    job->trusted.data[0] = ' ';
    job->trusted.len = 1;
    for (unsigned i = 0; cr_trust_info(router->setup->trust, i, &info) == CR_OK; i++) {
        if (info.kind != CR_KIND_FACTORY && loop_issuer_mark(router, info.id) == NULL &&
            job->trusted.len + CR_ISSUER_ID_TEXT <= len) {
            memcpy(job->trusted.data + job->trusted.len, info.id, CR_ISSUER_ID_TEXT - 1);
            job->trusted.len += CR_ISSUER_ID_TEXT - 1;
            job->trusted.data[job->trusted.len++] = ' ';
        }
    }
}

void loop_enrol_admit(struct cr_router *router, const struct cr_session *session, struct cr_job *job)
{
    if (session->enrolment == NULL) {
        return;
    }
    job->enrolling = true;
    job->has_token = session->enrolment->by_token;
    if (job->has_token) {
        memcpy(job->token_hash, session->enrolment->token_hash, sizeof job->token_hash);
        job->unheard = !loop_enrol_heard(router, session);
    } else {
        enrol_trusted(router, job);
    }
}

void loop_enrol_home(struct cr_router *router, struct cr_session *session, const struct cr_job *job)
{
    uint8_t *failures = &router->enrolments->failures[enrol_bucket(job->device)];

    if (!job->has_token) {
        return;
    }
    if (job->outcome == CR_OUT_CERTIFICATE) {
        cr_limiter_give(&router->enrolments->lines, &line_rate);
        *failures = 0;
    }
    if (job->outcome != CR_OUT_REFUSED || job->refusal != CR_REFUSAL_TOKEN_NOT_VALID) {
        return;
    }
    if (++*failures >= ENROL_ALARM) {
        *failures = 0;
        loop_alarm(router, session, job->device, CR_REFUSAL_TOKEN_NOT_VALID,
                   "three tokens in a row that are not known, used, or expired");
    }
    if (session != NULL && session->enrolment != NULL) {
        cr_deadline_set(&router->enrolments->ends, &session->enrolment->end, session,
                        loop_now_ms(router) + ENROL_CLOSE_MS);
    }
}

/* ---- time ---- */

void loop_enrol_tick(struct cr_router *router, int64_t now_ms)
{
    struct cr_enrolments *enrolments = router->enrolments;
    struct cr_session *session;

    while (enrolments->ends != NULL && (session = cr_deadline_take(&enrolments->ends, now_ms)) != NULL) {
        loop_refuse_session(router, session, CR_REFUSAL_TOKEN_NOT_VALID, "it has had its time to enrol with a token");
    }
    while (enrolments->logins != NULL && enrolments->logins->end_ms <= now_ms) {
        struct enrol_login *login = enrolments->logins;

        if (router->host->ops->kick(router->host, login->client_id) != CR_OK) {
            return; /* as many as it takes in one tick */
        }
        enrol_login_drop(enrolments, login);
    }
}

void loop_enrol_fini(struct cr_router *router)
{
    struct enrol_login *login, *next;

    if (router->enrolments == NULL) {
        return;
    }
    LL_FOREACH_SAFE(router->enrolments->logins, login, next)
    {
        enrol_login_drop(router->enrolments, login);
    }
    free(router->enrolments);
    router->enrolments = NULL;
}
