#include "plugin/loop/sessions.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* uthash must not end the broker when memory runs out: with this, a failed add leaves hh.tbl NULL. */
#if !defined(HASH_NONFATAL_OOM) || !HASH_NONFATAL_OOM
#error "compile with HASH_NONFATAL_OOM=1"
#endif

void cr_sessions_init(struct cr_sessions *sessions, struct cr_host *host)
{
    *sessions = (struct cr_sessions){ .host = host };
}

void cr_sessions_fini(struct cr_sessions *sessions)
{
    struct cr_session *session, *next_session;
    struct cr_presence *presence, *next_presence;

    HASH_ITER(hh_handle, sessions->by_handle, session, next_session)
    {
        cr_sessions_remove(sessions, session);
    }
    HASH_ITER(hh, sessions->presences, presence, next_presence)
    {
        HASH_DELETE(hh, sessions->presences, presence);
        free(presence);
    }
}

struct cr_session *cr_sessions_find(struct cr_sessions *sessions, const struct cr_client *client)
{
    struct cr_session *session;

    HASH_FIND(hh_handle, sessions->by_handle, &client->handle, sizeof client->handle, session);
    if (session != NULL && !session->restricted) {
        sessions->recent[cr_sessions_recent_at(client->handle)] = client->handle;
    }
    return session;
}

struct cr_session *cr_sessions_find_id(struct cr_sessions *sessions, uint64_t id)
{
    struct cr_session *session;

    HASH_FIND(hh_id, sessions->by_id, &id, sizeof id, session);
    return session;
}

struct cr_presence *cr_sessions_presence(struct cr_sessions *sessions, const char *device)
{
    struct cr_presence *presence;

    HASH_FIND_STR(sessions->presences, device, presence);
    return presence;
}

cr_err cr_sessions_add(struct cr_sessions *sessions, struct cr_session **session, const struct cr_client *client)
{
    struct cr_session *s = calloc(1, sizeof *s);
    struct cr_blob der = { NULL, 0 };
    cr_err err = CR_INVALID;

    *session = NULL;
    if (s == NULL) {
        return CR_NOMEM;
    }
    s->handle = client->handle;
    s->v5 = client->protocol >= 5;
    s->persistent = client->persistent;
    if (client->id == NULL || cr_text_copy(s->client_id, sizeof s->client_id, client->id) != CR_OK) {
        goto out;
    }
    if (client->address != NULL && cr_text_copy(s->address, sizeof s->address, client->address) != CR_OK) {
        s->address[0] = '\0';
    }
    if (client->username != NULL && cr_text_copy(s->username, sizeof s->username, client->username) != CR_OK) {
        s->username[0] = '\0';
    }
    s->mark = sessions->host->ops->certificate_mark(sessions->host, client);
    if (s->mark != NULL) {
        err = sessions->host->ops->certificate_hold(sessions->host, client, &s->held, &der);
        if (err != CR_OK) {
            goto out;
        }
        s->has_certificate = true;
        s->der = cr_blob_view(&der);
    }
    s->id = ++sessions->last_id;
    err = CR_NOMEM;
    HASH_ADD(hh_handle, sessions->by_handle, handle, sizeof s->handle, s);
    if (s->hh_handle.tbl == NULL) {
        goto out;
    }
    HASH_ADD(hh_id, sessions->by_id, id, sizeof s->id, s);
    if (s->hh_id.tbl == NULL) {
        HASH_DELETE(hh_handle, sessions->by_handle, s);
        goto out;
    }
    sessions->count++;
    *session = s;
    return CR_OK;
out:
    if (s->held != NULL) {
        sessions->host->ops->certificate_drop(sessions->host, s->held);
    }
    free(s);
    return err;
}

cr_err cr_sessions_bind(struct cr_sessions *sessions, struct cr_session *session, const char *device, int64_t now_ms)
{
    struct cr_presence *presence = cr_sessions_presence(sessions, device);

    if (presence == NULL) {
        presence = calloc(1, sizeof *presence);
        if (presence == NULL) {
            return CR_NOMEM;
        }
        if (cr_text_copy(presence->device, sizeof presence->device, device) != CR_OK) {
            free(presence);
            return CR_INVALID;
        }
        cr_limiter_init(&presence->requests, &sessions->request_rate, now_ms);
        cr_limiter_init(&presence->alarms, &sessions->alarm_rate, now_ms);
        HASH_ADD_STR(sessions->presences, device, presence);
        if (presence->hh.tbl == NULL) {
            free(presence);
            return CR_NOMEM;
        }
    }
    session->presence = presence;
    presence->proven = presence->proven || session->enrolment == NULL || !session->enrolment->by_token;
    if (session->enrolment != NULL) {
        LL_PREPEND2(presence->enrolling, session, sibling);
        return CR_OK;
    }
    sessions->devices += presence->first == NULL;
    LL_PREPEND2(presence->first, session, sibling);
    return CR_OK;
}

void cr_sessions_unbind(struct cr_sessions *sessions, struct cr_session *session)
{
    cr_deadline_clear(&session->present);
    if (session->presence != NULL && session->enrolment != NULL) {
        LL_DELETE2(session->presence->enrolling, session, sibling);
        session->presence = NULL;
        session->sibling = NULL;
    } else if (session->presence != NULL) {
        LL_DELETE2(session->presence->first, session, sibling);
        sessions->devices -= session->presence->first == NULL;
        session->presence = NULL;
        session->sibling = NULL;
    }
}

static void sessions_forget_recent(struct cr_sessions *sessions, const struct cr_session *session)
{
    if (cr_sessions_recent(sessions, session->handle)) {
        sessions->recent[cr_sessions_recent_at(session->handle)] = NULL;
    }
}

void cr_sessions_restrict(struct cr_sessions *sessions, struct cr_session *session)
{
    session->restricted = true;
    sessions_forget_recent(sessions, session);
}

cr_err cr_sessions_enrol(struct cr_session *session)
{
    if (session->enrolment == NULL) {
        session->enrolment = calloc(1, sizeof *session->enrolment);
    }
    return session->enrolment != NULL ? CR_OK : CR_NOMEM;
}

void cr_sessions_enrol_no_more(struct cr_session *session)
{
    if (session->enrolment != NULL) {
        cr_deadline_clear(&session->enrolment->end);
        explicit_bzero(session->enrolment, sizeof *session->enrolment);
        free(session->enrolment);
        session->enrolment = NULL;
    }
}

void cr_sessions_remove(struct cr_sessions *sessions, struct cr_session *session)
{
    cr_sessions_unbind(sessions, session);
    cr_sessions_enrol_no_more(session);
    cr_deadline_clear(&session->present);
    cr_deadline_clear(&session->begin);
    cr_deadline_clear(&session->cutover);
    cr_deadline_clear(&session->expiry);
    cr_deadline_clear(&session->closing);
    sessions_forget_recent(sessions, session);
    if (sessions->walk == session) {
        cr_sessions_walk_next(sessions);
    }
    HASH_DELETE(hh_handle, sessions->by_handle, session);
    if (sessions->cursor == session) {
        sessions->cursor = session->hh_id.next;
    }
    HASH_DELETE(hh_id, sessions->by_id, session);
    if (session->held != NULL) {
        sessions->host->ops->certificate_drop(sessions->host, session->held);
    }
    sessions->count--;
    free(session);
}

void cr_sessions_walk_begin(struct cr_sessions *sessions)
{
    sessions->walk = sessions->by_id;
}

void cr_sessions_walk_next(struct cr_sessions *sessions)
{
    if (sessions->walk != NULL) {
        sessions->walk = sessions->walk->hh_id.next;
    }
}

void cr_sessions_wait(struct cr_sessions *sessions, struct cr_session *session, int64_t at_ms)
{
    cr_deadline_set(&sessions->waiting, &session->present, session, at_ms);
}

void cr_sessions_prune(struct cr_sessions *sessions, int64_t now_ms)
{
    struct cr_presence *presence, *next;

    HASH_ITER(hh, sessions->presences, presence, next)
    {
        if (presence->first == NULL && presence->enrolling == NULL && cr_limiter_full(&presence->requests, &sessions->request_rate, now_ms) &&
            cr_limiter_full(&presence->alarms, &sessions->alarm_rate, now_ms)) {
            HASH_DELETE(hh, sessions->presences, presence);
            free(presence);
        }
    }
}
