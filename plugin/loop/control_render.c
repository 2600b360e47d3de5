/* Records and figures as JSON for operators. */
#include "plugin/loop/control.h"
#include "plugin/worker/issuer_info.h"

#include <stdio.h>
#include <string.h>

bool control_put_time(cJSON *object, const char *name, int64_t unix_s)
{
    char text[CR_TIME_TEXT];

    if (unix_s <= 0) {
        return true;
    }
    cr_time_text(text, unix_s);
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

bool control_put_serial(cJSON *object, const char *name, const struct cr_serial *serial)
{
    char text[CR_SERIAL_TEXT];

    if (serial->len == 0) {
        return true;
    }
    cr_serial_text(text, serial);
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

bool control_put_text(cJSON *object, const char *name, const char *text)
{
    return text[0] == '\0' || cJSON_AddStringToObject(object, name, text) != NULL;
}

bool control_put_tags(cJSON *object, const char *tags)
{
    char tag[CR_TAG_CAP];
    cJSON *array;

    if (tags[0] == '\0') {
        return true;
    }
    array = cJSON_AddArrayToObject(object, "tags");
    while (array != NULL && tags[0] != '\0' && tags[1] != '\0') {
        size_t len = strcspn(++tags, ",");
        cJSON *item;

        (void)snprintf(tag, sizeof tag, "%.*s", (int)len, tags);
        tags += len;
        item = cJSON_CreateString(tag);
        if (item == NULL || !cJSON_AddItemToArray(array, item)) {
            cJSON_Delete(item);
            return false;
        }
    }
    return array != NULL;
}

static bool render_entry(cJSON *object, const struct cr_cert_entry *entry)
{
    char hash[2 * CR_SHA256_LEN + 1];

    if (entry->serial.len == 0) {
        return true;
    }
    cr_hex_encode(hash, entry->key_hash, sizeof entry->key_hash);
    return control_put_serial(object, "serialNumber", &entry->serial) &&
           cJSON_AddStringToObject(object, "issuer", entry->issuer) != NULL &&
           cJSON_AddStringToObject(object, "keyHash", hash) != NULL &&
           control_put_time(object, "notBefore", entry->not_before) && control_put_time(object, "notAfter", entry->not_after);
}

static bool render_renewal(cJSON *object, const struct cr_slot_record *slot)
{
    cJSON *renewal, *pending, *superseded;

    if (slot->renewal_id[0] != '\0') {
        renewal = cJSON_AddObjectToObject(object, "renewal");
        if (renewal == NULL || cJSON_AddStringToObject(renewal, "renewalId", slot->renewal_id) == NULL ||
            cJSON_AddStringToObject(renewal, "reason", cr_renew_reason_text(slot->reason)) == NULL ||
            cJSON_AddNumberToObject(renewal, "attempt", slot->attempt) == NULL ||
            !control_put_time(renewal, "deadline", slot->deadline)) {
            return false;
        }
    }
    if (slot->pending.serial.len > 0) {
        pending = cJSON_AddObjectToObject(object, "pending");
        if (pending == NULL || !render_entry(pending, &slot->pending)) {
            return false;
        }
    }
    if (slot->superseded.serial.len > 0) {
        superseded = cJSON_AddObjectToObject(object, "superseded");
        if (superseded == NULL || !control_put_serial(superseded, "serialNumber", &slot->superseded.serial) ||
            !control_put_time(superseded, "at", slot->superseded.not_after)) {
            return false;
        }
    }
    return true;
}

static bool render_count(cJSON *object, const char *name, unsigned count)
{
    return count == 0 || cJSON_AddNumberToObject(object, name, count) != NULL;
}

/* How often the device can be expected to appear before its certificate expires; nothing while that is not known. */
static bool render_chances(cJSON *object, const struct cr_slot_record *slot, int64_t gap_s, int64_t now_s)
{
    int64_t left_s = slot->current.not_after - now_s;

    return gap_s <= 0 || slot->current.serial.len == 0 ||
           cJSON_AddNumberToObject(object, "chancesLeft", left_s > 0 ? (double)(left_s / gap_s) : 0) != NULL;
}

static const char *const level_text[] = { "none", "notice", "warning", "critical", "field" };
static const char *const stage_text[] = { "trigger", "wake", "field" };

static bool render_alert(cJSON *object, const struct cr_slot_alert *alert)
{
    cJSON *item;

    if (alert->level == CR_LEVEL_NONE && alert->stage == CR_CALL_TRIGGER) {
        return true;
    }
    item = cJSON_AddObjectToObject(object, "alert");
    return item != NULL && cJSON_AddStringToObject(item, "level", level_text[alert->level]) != NULL &&
           cJSON_AddStringToObject(item, "stage", stage_text[alert->stage]) != NULL &&
           control_put_time(item, "since", alert->since) && render_count(item, "wakes", alert->wakes) &&
           control_put_time(item, "acknowledged", alert->acknowledged) &&
           control_put_text(item, "acknowledgedBy", alert->by);
}

static bool render_membership(cJSON *object, const struct cr_slot_campaign *campaign)
{
    static const char *const words[] = { "asked", "renewed", "failed", "unanswered", "cancelled", "skipped" };
    const char *state = "asked";
    cJSON *item;

    if (campaign->id[0] == '\0') {
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        state = words[i][0] == campaign->state ? words[i] : state;
    }
    item = cJSON_AddObjectToObject(object, "campaign");
    return item != NULL && cJSON_AddStringToObject(item, "campaign", campaign->id) != NULL &&
           cJSON_AddNumberToObject(item, "group", campaign->group) != NULL &&
           cJSON_AddStringToObject(item, "state", state) != NULL;
}

/* Being revoked is another matter than having expired: it is not renewed. */
static bool render_revoked(cJSON *object, const struct cr_slot_revoked *revoked)
{
    const char *reason = cr_revoke_reason_text(revoked->reason);
    cJSON *item = revoked->at > 0 ? cJSON_AddObjectToObject(object, "revoked") : NULL;

    return revoked->at <= 0 ||
           (item != NULL && cJSON_AddStringToObject(item, "reason", reason != NULL ? reason : "unspecified") != NULL &&
            control_put_time(item, "at", revoked->at));
}

static bool render_trust(cJSON *data, const char *factory, uint64_t trust_version)
{
    return control_put_text(data, "factory", factory) &&
           (trust_version == 0 || cJSON_AddNumberToObject(data, "trustVersion", (double)trust_version) != NULL);
}

/* Into the object of a slot, or of a row of the inventory. */
static bool render_slot_fields(cJSON *object, const struct cr_slot_record *slot, int64_t gap_s, int64_t now_s)
{
    return cJSON_AddStringToObject(object, "slot", slot->slot) != NULL &&
           cJSON_AddStringToObject(object, "state", cr_state_text(slot->state)) != NULL &&
           cJSON_AddBoolToObject(object, "held", slot->held) != NULL &&
           control_put_text(object, "hold", slot->held ? slot->hold : "") && render_revoked(object, &slot->revoked) &&
           cJSON_AddNumberToObject(object, "generation", (double)slot->generation) != NULL &&
           render_entry(object, &slot->current) &&
           control_put_time(object, "lastRenewal", slot->generation > 0 ? slot->superseded.not_after : 0) &&
           control_put_time(object, "nextRenewal", slot->due) && render_chances(object, slot, gap_s, now_s) &&
           render_count(object, "failures", slot->failures) && render_count(object, "unanswered", slot->unanswered) &&
           control_put_time(object, "retryAt", slot->retry_at) && render_renewal(object, slot) &&
           render_alert(object, &slot->alert) && render_membership(object, &slot->campaign);
}

static bool render_slot(cJSON *slots, const struct cr_slot_record *slot, int64_t gap_s, int64_t now_s)
{
    cJSON *object = cJSON_CreateObject();

    if (object == NULL || !cJSON_AddItemToArray(slots, object)) {
        cJSON_Delete(object);
        return false;
    }
    return render_slot_fields(object, slot, gap_s, now_s);
}

static bool render_seen(cJSON *data, const char *device, int64_t first_seen, int64_t last_seen, int64_t gap_s,
                        const char *broker, const char *tags)
{
    return cJSON_AddStringToObject(data, "device", device) != NULL && control_put_time(data, "firstSeen", first_seen) &&
           control_put_time(data, "lastSeen", last_seen) && control_put_text(data, "broker", broker) &&
           (gap_s <= 0 || cJSON_AddNumberToObject(data, "gapSeconds", (double)gap_s) != NULL) &&
           control_put_tags(data, tags);
}

cJSON *control_render_row(const struct cr_row *row, int64_t now_s)
{
    cJSON *data = cJSON_CreateObject();

    if (data == NULL ||
        !render_seen(data, row->device, row->first_seen, row->last_seen, row->gap_s, row->broker, row->tags) ||
        !render_trust(data, row->factory, row->trust_version) || !render_slot_fields(data, &row->slot, row->gap_s, now_s)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

cJSON *control_render_device(const struct cr_device_record *record, int64_t now_s)
{
    cJSON *data = cJSON_CreateObject();
    cJSON *slots;

    if (data == NULL ||
        !render_seen(data, record->device, record->first_seen, record->last_seen, record->gap_s, record->broker,
                     record->tags) ||
        !render_trust(data, record->factory, record->trust_version) ||
        !control_put_enrol(data, &record->enrol) || (slots = cJSON_AddArrayToObject(data, "slots")) == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    for (unsigned i = 0; i < record->slot_count; i++) {
        if (!render_slot(slots, &record->slot[i], record->gap_s, now_s)) {
            cJSON_Delete(data);
            return NULL;
        }
    }
    return data;
}

static bool render_store(cJSON *data, struct cr_router *router)
{
    cJSON *store = cJSON_AddObjectToObject(data, "store");
    struct cr_store_health health = { 0 };

    cr_store_health_get(router->pipeline->store, &health);
    return store != NULL && cJSON_AddBoolToObject(store, "connected", health.connected) != NULL &&
           cJSON_AddBoolToObject(store, "writable", health.writable) != NULL &&
           cJSON_AddBoolToObject(store, "durable", health.durable) != NULL &&
           cJSON_AddBoolToObject(store, "journal", health.journal_ok) != NULL &&
           cJSON_AddNumberToObject(store, "unrecorded", health.unrecorded) != NULL &&
           cJSON_AddNumberToObject(store, "latencyMicros", health.latency_us) != NULL &&
           cJSON_AddStringToObject(store, "problem",
                                   health.problem[0] != '\0' ? health.problem : loop_policy_problem(router)) != NULL;
}

static bool render_counters(cJSON *data, const struct cr_counters *counters)
{
    cJSON *object = cJSON_AddObjectToObject(data, "counters");
    cJSON *refused;

    if (object == NULL || cJSON_AddNumberToObject(object, "issued", (double)counters->issued) == NULL ||
        cJSON_AddNumberToObject(object, "confirmed", (double)counters->confirmed) == NULL ||
        cJSON_AddNumberToObject(object, "triggered", (double)counters->triggered) == NULL ||
        cJSON_AddNumberToObject(object, "delivered", (double)counters->delivered) == NULL ||
        cJSON_AddNumberToObject(object, "alarms", (double)counters->alarms) == NULL ||
        cJSON_AddNumberToObject(object, "alerts", (double)counters->alerts) == NULL ||
        cJSON_AddNumberToObject(object, "auditsLost", (double)counters->audits_lost) == NULL ||
        (refused = cJSON_AddObjectToObject(object, "refused")) == NULL) {
        return false;
    }
    for (int i = 0; i < CR_REFUSAL_COUNT; i++) {
        if (counters->refused[i] > 0 &&
            cJSON_AddNumberToObject(refused, cr_refusal_info((enum cr_refusal)i)->error_code,
                                    (double)counters->refused[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool render_issuer(cJSON *issuer, const struct cr_issuer_info *info, bool signs)
{
    return cJSON_AddStringToObject(issuer, "issuer", info->id) != NULL &&
           cJSON_AddStringToObject(issuer, "subject", info->subject) != NULL &&
           control_put_time(issuer, "notAfter", info->not_after) &&
           cJSON_AddStringToObject(issuer, "kind", cr_issuer_kind_text(info->kind)) != NULL &&
           (info->factory[0] == '\0' || cJSON_AddStringToObject(issuer, "factory", info->factory) != NULL) &&
           cJSON_AddBoolToObject(issuer, "signing", signs) != NULL &&
           (info->sign_from == 0 || control_put_time(issuer, "signFrom", info->sign_from));
}

static bool render_issuers(cJSON *data, const struct cr_router *router)
{
    cJSON *issuers = cJSON_AddArrayToObject(data, "issuers");
    unsigned signer = loop_signer(router);
    struct cr_issuer_info info;

    if (issuers == NULL) {
        return false;
    }
    for (unsigned i = 0; cr_trust_info(router->setup->trust, i, &info) == CR_OK; i++) {
        cJSON *issuer = cJSON_CreateObject();

        if (issuer == NULL || !cJSON_AddItemToArray(issuers, issuer)) {
            cJSON_Delete(issuer);
            return false;
        }
        if (!render_issuer(issuer, &info, i == signer)) {
            return false;
        }
    }
    return signer != CR_NO_SIGNER ||
           cJSON_AddStringToObject(data, "problem",
                                   "No issuer can sign now, so that nothing is issued: each has ended, is revoked or "
                                   "retired, or its issuer_sign_from is still to come. Give one that can.") != NULL;
}

static bool render_figures(cJSON *data, struct cr_router *router)
{
    const struct cr_config *config = &router->setup->config;
    cJSON *sessions, *jobs;

    if (cJSON_AddStringToObject(data, "broker", config->broker_name) == NULL ||
        cJSON_AddStringToObject(data, "version", CR_VERSION) == NULL ||
        cJSON_AddNumberToObject(data, "uptime", (double)((loop_now_ms(router) - router->started_mono_ms) / 1000)) == NULL ||
        (sessions = cJSON_AddObjectToObject(data, "sessions")) == NULL ||
        cJSON_AddNumberToObject(sessions, "connected", router->sessions.count) == NULL ||
        cJSON_AddNumberToObject(sessions, "devices", router->sessions.devices) == NULL ||
        (jobs = cJSON_AddObjectToObject(data, "jobs")) == NULL ||
        cJSON_AddNumberToObject(jobs, "inFlight", router->in_flight) == NULL ||
        cJSON_AddNumberToObject(jobs, "limit", config->max_in_flight) == NULL ||
        cJSON_AddNumberToObject(data, "policyVersion", (double)loop_policy_version(router)) == NULL) {
        return false;
    }
    return true;
}

static bool render_revocation(cJSON *data, const struct cr_router *router)
{
    cJSON *object = cJSON_AddObjectToObject(data, "revoked");
    struct cr_revoked_state state;

    loop_revoked_state(router, &state);
    return object != NULL && cJSON_AddNumberToObject(object, "entries", (double)state.entries) != NULL &&
           cJSON_AddNumberToObject(object, "issuers", state.issuers) != NULL &&
           cJSON_AddNumberToObject(object, "version", (double)state.version) != NULL &&
           cJSON_AddBoolToObject(object, "complete", state.known && !state.lacking) != NULL &&
           cJSON_AddNumberToObject(object, "closed", (double)router->counters.revoked_closed) != NULL &&
           cJSON_AddNumberToObject(object, "refused", (double)router->counters.revoked_refused) != NULL;
}

static bool render_fleet(cJSON *data, const struct cr_router *router)
{
    int64_t at;
    const struct cr_survey_counts *counts = loop_fleet(router, &at);
    cJSON *fleet = counts != NULL ? cJSON_AddObjectToObject(data, "fleet") : NULL;

    return counts == NULL || (fleet != NULL && control_put_fleet(fleet, counts, at));
}

cJSON *control_render_status(struct cr_router *router)
{
    cJSON *data = cJSON_CreateObject();

    if (data == NULL || !render_figures(data, router) || !render_store(data, router) ||
        !render_issuers(data, router) || !render_counters(data, &router->counters) ||
        !render_revocation(data, router) || !render_fleet(data, router)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}
