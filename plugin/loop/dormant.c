/* Devices that are away and whose session the broker keeps. Mosquitto 2.0 tells nothing when such a session is resumed by
 * a device that then stays silent, but it asks whether the device may read what is queued for it, which is an
 * appearance. So one trigger is queued for a device that has one coming, and no other while that one can still be there:
 * whoever slept through five attempts sees one. A certificate is never queued: a client id is no proof of anything. */
#include "plugin/loop/loop.h"

#include <stdlib.h>
#include <string.h>

enum { DORMANT_MAX = 100000 }; /* the longest away are forgotten; they still get all when they do something */

struct cr_dormant {
    char device[CR_NAME_CAP];
    struct cr_serial serial;    /* of the certificate that it had */
    char issuer[CR_ISSUER_ID_TEXT];
    uint64_t queued;        /* which renewal's trigger the broker has; 0: none */
    int64_t queued_until_s; /* it expires */
    bool resumed;           /* it seemed to be back since */
    UT_hash_handle hh, hh_client;
    char client_id[];
};

static struct cr_dormant *dormant_of(const struct cr_router *router, const char *device)
{
    struct cr_dormant *dormant;

    HASH_FIND(hh, router->dormant, device, strlen(device), dormant);
    return dormant;
}

static void dormant_forget(struct cr_router *router, struct cr_dormant *dormant)
{
    HASH_DELETE(hh, router->dormant, dormant);
    HASH_DELETE(hh_client, router->dormant_by_client, dormant);
    free(dormant);
}

/* Then there is nothing to tell it. */
static bool dormant_is_revoked(const struct cr_router *router, const struct cr_dormant *dormant)
{
    return loop_issuer_mark(router, dormant->issuer) != NULL ||
           loop_revoked_find(router, &dormant->serial, dormant->issuer, NULL);
}

static bool dormant_has_one(const struct cr_router *router, const struct cr_dormant *dormant)
{
    return dormant->queued != 0 && cr_wall_s(router->clock) < dormant->queued_until_s;
}

static void dormant_note_queued(const struct cr_router *router, struct cr_dormant *dormant,
                                const struct cr_slot_record *record)
{
    dormant->queued = loop_renewal_mark(record);
    dormant->queued_until_s = cr_wall_s(router->clock) + router->setup->config.trigger_expiry_s;
}

void loop_dormant_left(struct cr_router *router, const struct cr_session *session)
{
    size_t len = strlen(session->client_id) + 1;
    struct cr_dormant *dormant, *former;

    if (session->presence == NULL || session->enrolment != NULL || session->refusal != CR_REFUSAL_NONE) {
        return;
    }
    former = dormant_of(router, session->facts.device);
    if (former != NULL) {
        dormant_forget(router, former);
    }
    HASH_FIND(hh_client, router->dormant_by_client, session->client_id, len - 1, former);
    if (former != NULL) {
        dormant_forget(router, former);
    }
    if (HASH_COUNT(router->dormant) >= DORMANT_MAX) {
        dormant_forget(router, router->dormant); /* the first is the oldest */
    }
    dormant = calloc(1, sizeof *dormant + len);
    if (dormant == NULL) {
        return;
    }
    memcpy(dormant->device, session->facts.device, sizeof dormant->device);
    dormant->serial = session->facts.serial;
    memcpy(dormant->issuer, session->facts.issuer, sizeof dormant->issuer);
    memcpy(dormant->client_id, session->client_id, len);
    HASH_ADD_KEYPTR(hh, router->dormant, dormant->device, strlen(dormant->device), dormant);
    if (dormant->hh.tbl == NULL) {
        free(dormant);
        return;
    }
    HASH_ADD_KEYPTR(hh_client, router->dormant_by_client, dormant->client_id, len - 1, dormant);
    if (dormant->hh_client.tbl == NULL) {
        HASH_DELETE(hh, router->dormant, dormant);
        free(dormant);
    }
}

void loop_dormant_appeared(struct cr_router *router, struct cr_session *session)
{
    bool is_device = session->presence != NULL && session->enrolment == NULL;
    struct cr_dormant *dormant = is_device ? dormant_of(router, session->facts.device) : NULL;

    if (dormant != NULL) {
        /* With MQTT 5 the session, and the trigger with it, may have ended while it was away: it gets another. */
        if (session->persistent && !session->v5 && dormant_has_one(router, dormant) &&
            strcmp(dormant->client_id, session->client_id) == 0) {
            session->queued = dormant->queued;
        }
        dormant_forget(router, dormant);
    }
    HASH_FIND(hh_client, router->dormant_by_client, session->client_id, strlen(session->client_id), dormant);
    if (dormant != NULL) {
        dormant_forget(router, dormant); /* another's; what the broker kept for it under this id is gone */
    }
}

bool loop_dormant_has(const struct cr_router *router, const char *client_id)
{
    struct cr_dormant *dormant;

    HASH_FIND(hh_client, router->dormant_by_client, client_id, strlen(client_id), dormant);
    return dormant != NULL;
}

bool loop_dormant_trigger(struct cr_router *router, const char *device, const struct cr_slot_record *record)
{
    const struct cr_presence *presence = cr_sessions_presence(&router->sessions, device);
    struct cr_dormant *dormant = dormant_of(router, device);
    struct cr_reply_to to;

    if (dormant == NULL || (presence != NULL && presence->first != NULL) || record->held ||
        record->state != CR_STATE_TRIGGERED || record->retry_at > cr_wall_s(router->clock) ||
        dormant_has_one(router, dormant) || dormant_is_revoked(router, dormant)) {
        return false;
    }
    to = (struct cr_reply_to){ .device = dormant->device, .slot = record->slot, .request_id = "",
                               .client_id = dormant->client_id };
    reply_renew(router, &to, record);
    dormant_note_queued(router, dormant, record);
    return true;
}

static void dormant_look(struct cr_router *router, const struct cr_dormant *dormant)
{
    const struct cr_profile *profile = loop_tls_profile(router);
    struct cr_job *job;

    if (dormant == NULL || profile == NULL || dormant_has_one(router, dormant) || dormant_is_revoked(router, dormant) ||
        router->in_flight > router->setup->config.max_in_flight / 2) {
        return; /* under load, those that speak go first */
    }
    job = loop_admit(router, CR_OP_INSPECT, NULL, dormant->device, profile->slot);
    if (job != NULL) {
        loop_send(router, job, CR_STAGE_STORE);
    }
}

void loop_dormant_resumed(struct cr_router *router, const char *client_id)
{
    struct cr_dormant *dormant;

    HASH_FIND(hh_client, router->dormant_by_client, client_id, strlen(client_id), dormant);
    if (dormant != NULL) {
        dormant->resumed = true;
        dormant_look(router, dormant);
    }
}

void loop_dormant_pushed(struct cr_router *router, const char *device)
{
    dormant_look(router, dormant_of(router, device));
}

/* It may be back by now, or still be away: a trigger does no harm either way, nor does telling it that its certificate
 * waits, which makes it speak. */
void loop_dormant_looked(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_presence *presence = cr_sessions_presence(&router->sessions, job->device);
    struct cr_dormant *dormant = dormant_of(router, job->device);

    if (job->record == NULL || dormant == NULL || (presence != NULL && presence->first != NULL) ||
        dormant_has_one(router, dormant) || dormant_is_revoked(router, dormant)) {
        return;
    }
    for (unsigned i = 0; i < job->record->slot_count; i++) {
        const struct cr_slot_record *slot = &job->record->slot[i];
        struct cr_reply_to to = { .device = dormant->device, .slot = slot->slot, .request_id = "",
                                  .client_id = dormant->client_id };

        if (loop_dormant_trigger(router, job->device, slot)) {
            return;
        }
        if (dormant->resumed && slot->state == CR_STATE_ISSUED && !slot->held) {
            reply_pending(router, &to, slot->renewal_id, router->setup->config.retry_after_s);
            dormant_note_queued(router, dormant, slot);
            return;
        }
    }
}

void loop_dormant_fini(struct cr_router *router)
{
    struct cr_dormant *dormant, *next;

    HASH_ITER(hh, router->dormant, dormant, next)
    {
        dormant_forget(router, dormant);
    }
}
