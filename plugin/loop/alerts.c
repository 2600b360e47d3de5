/* Alerts: what operators must act on, as events and lines of the log; and wakes, for whoever can reach a device by other
 * means than MQTT. */
#include "plugin/loop/loop.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static const struct cr_limiter_rate alert_rate = { 60, 60, 60000 };

static const struct {
    const char *name, *detail;
} alert_text[CR_ALERT_COUNT] = {
    [CR_ALERT_NONE] = { "", "" },
    [CR_ALERT_UNANSWERED] = { "unanswered", "the device did not answer before the renewal's deadline; it is asked again when "
                                            "it appears: find out why it stays away or does not answer" },
    [CR_ALERT_FAILING] = { "failing", "the device reports that renewals fail again and again: read its reasons in the "
                                      "audit log" },
    [CR_ALERT_EXPIRED] = { "expired", "its certificate expired before it was renewed: it must be provisioned anew, or let "
                                      "in to renew where accept_expired allows" },
    [CR_ALERT_EXPIRING] = { "expiring", "its certificate comes closer to its end, and its renewal has begun and is not done: "
                                        "find out why the device stays away or does not answer" },
    [CR_ALERT_CLEARED] = { "cleared", "there is nothing to do any more: its certificate was renewed" },
};
static const char field_detail[] = "the device answered neither triggers nor wakes: somebody has to go there before its "
                                   "certificate expires";

static const char revoked_detail[] = "the certificate was revoked and is not renewed; when that is cleared up, release the "
                                     "device (releaseDevice) and give it a new key";

static const char *const level_text[] = { "none", "notice", "warning", "critical", "field" };

/* ---- what an alert is about ---- */

void loop_span_text(char text[CR_SPAN_TEXT], int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    unsigned at = 0;

    while (seconds % units[at].seconds != 0) {
        at++;
    }
    (void)snprintf(text, CR_SPAN_TEXT, "%lld%c", (long long)(seconds / units[at].seconds), units[at].unit);
}

int64_t loop_alert_threshold_s(const struct cr_config *config, const struct cr_slot_record *slot)
{
    const struct cr_profile *profile = cr_config_slot(config, slot->slot);
    unsigned step = slot->alert.step;

    return profile == NULL || step == 0 || step > profile->threshold_count ? 0 : profile->threshold[step - 1].before_s;
}

const char *loop_alert_kind(const struct cr_slot_record *slot, unsigned failures_alert, int64_t now_s, const char **detail)
{
    enum cr_alert alert = slot->current.not_after <= now_s                          ? CR_ALERT_EXPIRED
                          : failures_alert > 0 && slot->failures >= failures_alert ? CR_ALERT_FAILING
                                                                                   : CR_ALERT_EXPIRING;

    if (slot->revoked.at > 0) { /* whatever else: it is not renewed */
        *detail = revoked_detail;
        return "revoked";
    }
    *detail = alert == CR_ALERT_EXPIRING && slot->alert.stage == CR_CALL_FIELD ? field_detail : alert_text[alert].detail;
    return alert_text[alert].name;
}

/* ---- events ---- */

/* An alert, or a wake, of a slot. record may be NULL. */
struct notice {
    const char *device, *slot;
    enum cr_alert alert;
    enum cr_alert_level level;              /* of EXPIRING */
    const struct cr_slot_record *record;
};

static bool put_time(cJSON *json, const char *name, int64_t unix_s)
{
    char text[CR_TIME_TEXT];

    if (unix_s <= 0) {
        return true;
    }
    cr_time_text(text, unix_s);
    return cJSON_AddStringToObject(json, name, text) != NULL;
}

static bool put_head(cJSON *json, const struct cr_router *router, const char *device, const char *slot)
{
    return json != NULL && put_time(json, "time", cr_wall_s(router->clock)) &&
           cJSON_AddStringToObject(json, "broker", router->setup->config.broker_name) != NULL &&
           cJSON_AddStringToObject(json, "device", device) != NULL &&
           cJSON_AddStringToObject(json, "slot", slot) != NULL;
}

/* Takes json; ok: it is whole. */
static void publish(struct cr_router *router, const char *topic, cJSON *json, bool ok)
{
    struct cr_publication publication = { .topic = topic, .qos = 1 };
    char *text = ok ? cJSON_PrintUnformatted(json) : NULL;

    if (text != NULL) {
        publication.payload = (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
    }
    if (text == NULL || router->host->ops->publish(router->host, &publication) != CR_OK) {
        router->counters.audits_lost++;
    }
    cJSON_free(text);
    cJSON_Delete(json);
}

static bool put_level(cJSON *json, const struct cr_router *router, const struct notice *notice)
{
    int64_t threshold_s = notice->record != NULL && notice->level != CR_LEVEL_FIELD
                              ? loop_alert_threshold_s(&router->setup->config, notice->record)
                              : 0;
    char span[CR_SPAN_TEXT] = "";

    if (notice->alert != CR_ALERT_EXPIRING) {
        return true;
    }
    if (threshold_s > 0) {
        loop_span_text(span, threshold_s);
    }
    return cJSON_AddStringToObject(json, "level", level_text[notice->level]) != NULL &&
           (span[0] == '\0' || cJSON_AddStringToObject(json, "threshold", span) != NULL);
}

static void raise_alert(struct cr_router *router, const struct notice *notice)
{
    const char *name = alert_text[notice->alert].name;
    const char *detail = notice->level == CR_LEVEL_FIELD ? field_detail : alert_text[notice->alert].detail;
    const char *level = notice->alert == CR_ALERT_EXPIRING ? level_text[notice->level] : "";
    cJSON *json;

    router->counters.alerts++;
    if (!cr_limiter_take(&router->alerts, &alert_rate, loop_now_ms(router), NULL)) {
        return; /* the audit log and listAlerts have it */
    }
    loop_log(router, notice->alert == CR_ALERT_CLEARED ? 'n' : 'w', "alert: %s%s%s: device %s, slot %s: %s", name,
             level[0] != '\0' ? ", " : "", level, notice->device, notice->slot, detail);
    json = cJSON_CreateObject();
    publish(router, CR_TOPIC_CONTROL_EVENT "/alert", json,
            put_head(json, router, notice->device, notice->slot) &&
                cJSON_AddStringToObject(json, "alert", name) != NULL && put_level(json, router, notice) &&
                put_time(json, "notAfter", notice->record != NULL ? notice->record->current.not_after : 0) &&
                cJSON_AddStringToObject(json, "detail", detail) != NULL);
}

/* When the next wake follows, should the device not answer this one. */
static int64_t next_wake_s(const struct cr_config *config, unsigned wakes, int64_t now_s)
{
    int64_t wait_s = config->wake_retry_s;
    int64_t most_s = config->wake_retry_max_s > wait_s ? config->wake_retry_max_s : wait_s;

    for (unsigned i = 1; i < wakes && wait_s < most_s; i++) {
        wait_s *= 2;
    }
    return now_s + (wait_s < most_s ? wait_s : most_s);
}

static void wake(struct cr_router *router, const struct cr_job *job, const struct cr_slot_record *slot)
{
    cJSON *json = cJSON_CreateObject();

    router->counters.wakes++;
    publish(router, CR_TOPIC_CONTROL_EVENT "/wake", json,
            put_head(json, router, job->device, slot->slot) &&
                cJSON_AddNumberToObject(json, "attempt", slot->alert.wakes) != NULL &&
                put_time(json, "notAfter", slot->current.not_after) &&
                put_time(json, "lastSeen", job->record->last_seen) &&
                put_time(json, "next", next_wake_s(&router->setup->config, slot->alert.wakes, job->now_s)));
}

static const struct cr_slot_record *slot_of(const struct cr_job *job, const char *slot)
{
    return job->record != NULL ? cr_device_record_slot(job->record, slot) : NULL;
}

/* What a LOOK found. */
static void looked(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_slot_record *slot = slot_of(job, job->slot);
    struct notice notice = { job->device, job->slot, CR_ALERT_EXPIRING, CR_LEVEL_NONE, slot };

    if (slot == NULL) {
        return;
    }
    if ((job->told & CR_TOLD_WOKEN) != 0) {
        wake(router, job, slot);
    }
    if ((job->told & CR_TOLD_RAISED) != 0) {
        notice.level = slot->alert.level;
        raise_alert(router, &notice);
    }
    if ((job->told & CR_TOLD_FIELD) != 0) {
        notice.level = CR_LEVEL_FIELD;
        raise_alert(router, &notice);
    }
}

void loop_alerts_home(struct cr_router *router, const struct cr_job *job)
{
    if (job->alert != CR_ALERT_NONE && (unsigned)job->alert < CR_ALERT_COUNT) {
        raise_alert(router, &(struct notice){ job->device, job->alert_slot, job->alert, CR_LEVEL_NONE,
                                              slot_of(job, job->alert_slot) });
    }
    if (job->told != 0) {
        looked(router, job);
    }
    if (job->cleared_slot[0] != '\0') {
        raise_alert(router, &(struct notice){ job->device, job->cleared_slot, CR_ALERT_CLEARED, CR_LEVEL_NONE,
                                              slot_of(job, job->cleared_slot) });
    }
}

void loop_alerts_init(struct cr_router *router)
{
    cr_limiter_init(&router->alerts, &alert_rate, loop_now_ms(router));
}
