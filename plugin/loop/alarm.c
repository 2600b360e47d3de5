#include "plugin/loop/loop.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void alarm_publish(struct cr_router *router, const struct cr_session *session, const char *device,
                          enum cr_refusal refusal, const char *detail)
{
    struct cr_publication publication = { .topic = CR_TOPIC_CONTROL_EVENT "/security", .qos = 1 };
    char now[CR_TIME_TEXT];
    cJSON *json = cJSON_CreateObject();
    char *text = NULL;

    cr_time_text(now, cr_wall_s(router->clock));
    if (json != NULL && cJSON_AddStringToObject(json, "time", now) != NULL &&
        cJSON_AddStringToObject(json, "broker", router->setup->config.broker_name) != NULL &&
        cJSON_AddStringToObject(json, "device", device) != NULL &&
        cJSON_AddStringToObject(json, "alarm", cr_refusal_info(refusal)->error_code) != NULL &&
        cJSON_AddStringToObject(json, "client", session != NULL ? session->client_id : "") != NULL &&
        cJSON_AddStringToObject(json, "address", session != NULL ? session->address : "") != NULL &&
        cJSON_AddStringToObject(json, "detail", detail) != NULL) {
        text = cJSON_PrintUnformatted(json);
    }
    if (text != NULL) {
        publication.payload = (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
        if (router->host->ops->publish(router->host, &publication) != CR_OK) {
            router->counters.audits_lost++;
        }
    }
    cJSON_free(text);
    cJSON_Delete(json);
}

void loop_audit(struct cr_router *router, const struct cr_session *session, const char *device, const char *slot,
                const char *what, enum cr_refusal refusal, const char *detail)
{
    struct cr_job *job = loop_admit(router, CR_OP_AUDIT, session, device, slot);

    if (job == NULL) {
        router->counters.audits_lost++;
        return;
    }
    job->refusal = refusal;
    snprintf(job->audit_what, sizeof job->audit_what, "%s", what);
    snprintf(job->audit_detail, sizeof job->audit_detail, "%s%s%s", cr_refusal_info(refusal)->error_code,
             detail[0] != '\0' ? ": " : "", detail);
    loop_send(router, job, CR_STAGE_STORE);
}

/* A detail that is longer than most, as a command may be: as much of it as goes into a line of the journal. */
static void audit_take_text(struct cr_job *job, const char *text, size_t len)
{
    static const char cut[] = " (cut)";
    size_t keep = len <= CR_AUDIT_TEXT_MAX ? len : CR_AUDIT_TEXT_MAX;
    char *copy = malloc(keep + sizeof cut);

    if (copy == NULL) {
        return; /* its beginning is there */
    }
    memcpy(copy, text, keep);
    memcpy(copy + keep, keep < len ? cut : "", keep < len ? sizeof cut : 1);
    job->payload = (struct cr_blob){ (uint8_t *)copy, strlen(copy) + 1 };
}

void loop_audit_plain(struct cr_router *router, const struct cr_session *session, const char *device, const char *slot,
                      const char *what, const char *detail)
{
    struct cr_job *job = loop_admit(router, CR_OP_AUDIT, session, device, slot);
    size_t len = strlen(detail);

    if (job == NULL) {
        router->counters.audits_lost++;
        return;
    }
    (void)snprintf(job->audit_what, sizeof job->audit_what, "%s", what);
    (void)snprintf(job->audit_detail, sizeof job->audit_detail, "%.*s", CR_AUDIT_DETAIL_CAP - 1, detail);
    if (len >= CR_AUDIT_DETAIL_CAP) {
        audit_take_text(job, detail, len);
    }
    loop_send(router, job, CR_STAGE_STORE);
}

void loop_audit_command(struct cr_router *router, const struct cr_session *session, const char *device,
                        const char *slot, const char *detail)
{
    loop_audit_plain(router, session, device, slot, "operator", detail);
}

/* False: one of too many. */
static bool alarm_raise(struct cr_router *router, const struct cr_session *session, const char *device,
                        enum cr_refusal refusal, const char *detail)
{
    struct cr_limiter *limiter = &router->strangers;

    if (refusal == CR_REFUSAL_REVOKED) {
        limiter = loop_revoked_alarms(router);
    } else if (session != NULL && session->presence != NULL &&
               (session->enrolment == NULL || !session->enrolment->by_token)) {
        limiter = &session->presence->alarms;
    }
    router->counters.alarms++;
    if (!cr_limiter_take(limiter, &router->sessions.alarm_rate, loop_now_ms(router), NULL)) {
        return false;
    }
    loop_log(router, 'w', "security: %s: device %s, client %s at %s: %s", cr_refusal_info(refusal)->error_code,
             device[0] != '\0' ? device : "-", session != NULL ? session->client_id : "-",
             session != NULL ? session->address : "-", detail);
    alarm_publish(router, session, device, refusal, detail);
    return true;
}

void loop_alarm(struct cr_router *router, const struct cr_session *session, const char *device, enum cr_refusal refusal,
                const char *detail)
{
    if (alarm_raise(router, session, device, refusal, detail)) {
        loop_audit(router, session, device, "", "alarm", refusal, detail);
    }
}

void loop_alarm_audited(struct cr_router *router, const struct cr_session *session, const char *device,
                        enum cr_refusal refusal, const char *detail)
{
    (void)alarm_raise(router, session, device, refusal, detail);
}
