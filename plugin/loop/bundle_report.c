/* What devices report of the trust bundle, and what operators hear of that. */
#include "plugin/loop/bundles.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* As any request of a device: rates first, then bounds. */
static enum cr_refusal report_precheck(struct cr_router *router, struct cr_session *session, struct cr_bytes payload,
                                       const struct cr_request_properties *properties, unsigned *retry_after_s)
{
    int64_t now_ms = loop_now_ms(router), wait_ms = 0;

    *retry_after_s = 0;
    if (!cr_limiter_take(&session->presence->requests, &router->sessions.request_rate, now_ms, &wait_ms) ||
        !cr_limiter_take(&router->total, &router->total_rate, now_ms, &wait_ms)) {
        *retry_after_s = (unsigned)(wait_ms / 1000 + 1);
        return CR_REFUSAL_RATE_LIMITED;
    }
    if (payload.len > CR_JSON_MAX) {
        return CR_REFUSAL_TOO_LARGE;
    }
    return properties->excessive || properties->retain || properties->correlation.len > CR_CORRELATION_MAX
               ? CR_REFUSAL_MALFORMED_REQUEST
               : CR_REFUSAL_NONE;
}

/* Of a version that is, or was. */
static enum cr_refusal report_read(const struct cr_router *router, struct cr_trust_report *report, struct cr_bytes payload)
{
    enum cr_refusal refusal = cr_trust_report_parse(report, payload);

    if (refusal == CR_REFUSAL_NONE && router->bundles->known && report->version > router->bundles->highest) {
        refusal = CR_REFUSAL_WRONG_STATE;
    }
    return refusal;
}

static struct cr_job *report_job(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic,
                                 const struct cr_trust_report *report, struct cr_bytes correlation)
{
    struct cr_job *job = loop_admit(router, CR_OP_TRUST, session, topic->device, topic->slot);

    if (job != NULL && (job->bundle = calloc(1, sizeof *job->bundle)) == NULL) {
        loop_abandon(router, job);
        return NULL;
    }
    if (job != NULL) {
        job->bundle->verb = CR_TRUST_CONFIRM;
        job->bundle->version = report->version;
        job->bundle->outcome = report->outcome;
        memcpy(job->bundle->reason, report->reason, sizeof job->bundle->reason);
        if (correlation.len > 0) {
            memcpy(job->correlation, correlation.data, correlation.len);
            job->correlation_len = (uint16_t)correlation.len;
        }
    }
    return job;
}

void loop_bundle_report(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic,
                        struct cr_bytes payload, const struct cr_request_properties *properties)
{
    struct cr_reply_to to = { session, topic->device, topic->slot, "", properties->correlation, NULL };
    struct cr_trust_report report;
    unsigned retry_after_s;
    enum cr_refusal refusal = report_precheck(router, session, payload, properties, &retry_after_s);
    struct cr_job *job = NULL;

    if (refusal == CR_REFUSAL_NONE) {
        refusal = report_read(router, &report, payload);
    }
    if (refusal == CR_REFUSAL_NONE) {
        job = report_job(router, session, topic, &report, properties->correlation);
        refusal = job != NULL ? CR_REFUSAL_NONE : CR_REFUSAL_BUSY;
        retry_after_s = job != NULL ? 0 : router->setup->config.retry_after_s;
    }
    if (refusal != CR_REFUSAL_NONE) {
        reply_rejected(router, &to, refusal, "", retry_after_s);
        if (refusal != CR_REFUSAL_RATE_LIMITED && refusal != CR_REFUSAL_BUSY) {
            loop_audit(router, session, to.device, to.slot, "refused", refusal, "");
        }
        return;
    }
    loop_send(router, job, CR_STAGE_STORE);
}

void bundles_tell_failed(struct cr_router *router, const struct cr_job *job)
{
    struct cr_publication publication = { .topic = CR_TOPIC_CONTROL_EVENT "/trust", .qos = 1 };
    const struct cr_bundle *bundle = job->bundle;
    char now[CR_TIME_TEXT], *text = NULL;
    cJSON *json = cJSON_CreateObject();

    cr_time_text(now, cr_wall_s(router->clock));
    if (json != NULL && cJSON_AddStringToObject(json, "time", now) != NULL &&
        cJSON_AddStringToObject(json, "broker", router->setup->config.broker_name) != NULL &&
        cJSON_AddStringToObject(json, "device", job->device) != NULL &&
        cJSON_AddNumberToObject(json, "version", (double)bundle->version) != NULL &&
        cJSON_AddStringToObject(json, "outcome", cr_report_outcome_text(bundle->outcome)) != NULL &&
        (bundle->reason[0] == '\0' || cJSON_AddStringToObject(json, "reason", bundle->reason) != NULL)) {
        text = cJSON_PrintUnformatted(json);
    }
    if (text != NULL) {
        publication.payload = (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
    }
    if (text == NULL || router->host->ops->publish(router->host, &publication) != CR_OK) {
        router->counters.audits_lost++;
    }
    loop_log(router, 'w', "device %s could not install trust bundle %llu: %s", job->device,
             (unsigned long long)bundle->version, bundle->reason[0] != '\0' ? bundle->reason : "it gives no reason");
    cJSON_free(text);
    cJSON_Delete(json);
}
