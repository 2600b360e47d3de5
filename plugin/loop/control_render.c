/* Records and figures as JSON for operators. */
#include "plugin/loop/control.h"
#include "plugin/worker/issuer_info.h"

static bool render_time(cJSON *object, const char *name, int64_t unix_s)
{
    char text[CR_TIME_TEXT];

    if (unix_s <= 0) {
        return true;
    }
    cr_time_text(text, unix_s);
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

static bool render_serial(cJSON *object, const char *name, const struct cr_serial *serial)
{
    char text[CR_SERIAL_TEXT];

    if (serial->len == 0) {
        return true;
    }
    cr_serial_text(text, serial);
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

static bool render_entry(cJSON *object, const struct cr_cert_entry *entry)
{
    char hash[2 * CR_SHA256_LEN + 1];

    if (entry->serial.len == 0) {
        return true;
    }
    cr_hex_encode(hash, entry->key_hash, sizeof entry->key_hash);
    return render_serial(object, "serialNumber", &entry->serial) &&
           cJSON_AddStringToObject(object, "issuer", entry->issuer) != NULL &&
           cJSON_AddStringToObject(object, "keyHash", hash) != NULL &&
           render_time(object, "notBefore", entry->not_before) && render_time(object, "notAfter", entry->not_after);
}

static bool render_renewal(cJSON *object, const struct cr_slot_record *slot)
{
    cJSON *renewal, *pending, *superseded;

    if (slot->renewal_id[0] != '\0') {
        renewal = cJSON_AddObjectToObject(object, "renewal");
        if (renewal == NULL || cJSON_AddStringToObject(renewal, "renewalId", slot->renewal_id) == NULL ||
            cJSON_AddStringToObject(renewal, "reason", cr_renew_reason_text(slot->reason)) == NULL ||
            cJSON_AddNumberToObject(renewal, "attempt", slot->attempt) == NULL ||
            !render_time(renewal, "deadline", slot->deadline)) {
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
        if (superseded == NULL || !render_serial(superseded, "serialNumber", &slot->superseded.serial) ||
            !render_time(superseded, "at", slot->superseded.not_after)) {
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

static bool render_slot(cJSON *slots, const struct cr_slot_record *slot, int64_t gap_s, int64_t now_s)
{
    cJSON *object = cJSON_CreateObject();

    if (object == NULL || !cJSON_AddItemToArray(slots, object)) {
        cJSON_Delete(object);
        return false;
    }
    return cJSON_AddStringToObject(object, "slot", slot->slot) != NULL &&
           cJSON_AddStringToObject(object, "state", cr_state_text(slot->state)) != NULL &&
           cJSON_AddBoolToObject(object, "held", slot->held) != NULL &&
           cJSON_AddNumberToObject(object, "generation", (double)slot->generation) != NULL &&
           render_entry(object, &slot->current) && render_time(object, "nextRenewal", slot->due) &&
           render_chances(object, slot, gap_s, now_s) && render_count(object, "failures", slot->failures) &&
           render_count(object, "unanswered", slot->unanswered) && render_time(object, "retryAt", slot->retry_at) &&
           render_renewal(object, slot);
}

cJSON *control_render_device(const struct cr_device_record *record, int64_t now_s)
{
    cJSON *data = cJSON_CreateObject();
    cJSON *slots;

    if (data == NULL || cJSON_AddStringToObject(data, "device", record->device) == NULL ||
        !render_time(data, "firstSeen", record->first_seen) || !render_time(data, "lastSeen", record->last_seen) ||
        (record->gap_s > 0 && cJSON_AddNumberToObject(data, "gapSeconds", (double)record->gap_s) == NULL) ||
        (slots = cJSON_AddArrayToObject(data, "slots")) == NULL) {
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
           cJSON_AddStringToObject(store, "problem", health.problem) != NULL;
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

static bool render_issuers(cJSON *data, const struct cr_trust *trust)
{
    cJSON *issuers = cJSON_AddArrayToObject(data, "issuers");
    struct cr_issuer_info info;

    if (issuers == NULL) {
        return false;
    }
    for (unsigned i = 0; cr_trust_info(trust, i, &info) == CR_OK; i++) {
        cJSON *issuer = cJSON_CreateObject();

        if (issuer == NULL || !cJSON_AddItemToArray(issuers, issuer)) {
            cJSON_Delete(issuer);
            return false;
        }
        if (cJSON_AddStringToObject(issuer, "issuer", info.id) == NULL ||
            cJSON_AddStringToObject(issuer, "subject", info.subject) == NULL ||
            !render_time(issuer, "notAfter", info.not_after) ||
            cJSON_AddBoolToObject(issuer, "signing", info.signing) == NULL) {
            return false;
        }
    }
    return true;
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
        cJSON_AddNumberToObject(sessions, "devices", HASH_COUNT(router->sessions.presences)) == NULL ||
        (jobs = cJSON_AddObjectToObject(data, "jobs")) == NULL ||
        cJSON_AddNumberToObject(jobs, "inFlight", router->in_flight) == NULL ||
        cJSON_AddNumberToObject(jobs, "limit", config->max_in_flight) == NULL) {
        return false;
    }
    return true;
}

cJSON *control_render_status(struct cr_router *router)
{
    cJSON *data = cJSON_CreateObject();

    if (data == NULL || !render_figures(data, router) || !render_store(data, router) ||
        !render_issuers(data, router->setup->trust) || !render_counters(data, &router->counters)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}
