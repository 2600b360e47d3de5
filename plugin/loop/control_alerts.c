/* Commands about alerts. */
#include "plugin/loop/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- listAlerts ---- */

static const char *const levels[] = { "none", "notice", "warning", "critical", "field" };
static const char *const stages[] = { "trigger", "wake", "field" };

static bool list_level(struct cr_command *command, struct cr_filter *filter, const char **text)
{
    const char *level;

    if (!control_name(command, "level", false, &level, text)) {
        return false;
    }
    for (unsigned i = CR_LEVEL_NOTICE; i <= CR_LEVEL_FIELD; i++) {
        if (strcmp(levels[i], level) == 0) {
            filter->level = (enum cr_alert_level)i;
        }
    }
    if (level[0] != '\0' && filter->level == CR_LEVEL_NONE) {
        *text = "\"level\" must be notice, warning, critical or field.";
        return false;
    }
    return true;
}

static bool list_fields(struct cr_command *command, struct cr_list *list, enum cr_refusal *refusal, const char **text)
{
    const char *slot, *prefix;
    bool acknowledged;

    *refusal = CR_REFUSAL_MALFORMED_JSON;
    *list = (struct cr_list){ .source = CR_LIST_ALERTS, .filter.acknowledged = -1 };
    if (!list_level(command, &list->filter, text) || !control_name(command, "slot", false, &slot, text) ||
        !control_name(command, "idPrefix", false, &prefix, text) ||
        !control_truth(command, "acknowledged", false, &acknowledged, text) ||
        !control_page(command, list->cursor, &list->limit, text)) {
        return false;
    }
    if (cJSON_GetObjectItemCaseSensitive(command->request, "acknowledged") != NULL) {
        list->filter.acknowledged = acknowledged;
    }
    if (slot[0] != '\0' && cr_config_slot(&command->router->setup->config, slot) == NULL) {
        *refusal = CR_REFUSAL_UNKNOWN_SLOT;
        return false;
    }
    (void)snprintf(list->filter.slot, sizeof list->filter.slot, "%s", slot);
    (void)snprintf(list->filter.prefix, sizeof list->filter.prefix, "%s", prefix);
    return true;
}

static enum cr_command_result list_alerts(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                          const char **text)
{
    struct cr_list list;
    struct cr_job *job;

    (void)data;
    if (!list_fields(command, &list, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    job = loop_admit(command->router, CR_OP_LIST, command->session, "", list.filter.slot);
    if (job != NULL) {
        job->list = calloc(1, sizeof *job->list);
        if (job->list == NULL) {
            loop_abandon(command->router, job);
            job = NULL;
        } else {
            *job->list = list;
        }
    }
    return control_send(command, job, refusal);
}

static bool put_count(cJSON *object, const char *name, unsigned count)
{
    return count == 0 || cJSON_AddNumberToObject(object, name, count) != NULL;
}

static cJSON *render_alert(const struct cr_router *router, const struct cr_row *row, int64_t now_s)
{
    const struct cr_slot_record *slot = &row->slot;
    const struct cr_slot_alert *alert = &slot->alert;
    const struct cr_config *config = &router->setup->config;
    int64_t threshold_s = loop_alert_threshold_s(config, slot), left_s = slot->current.not_after - now_s;
    const char *detail, *kind = loop_alert_kind(slot, config->failures_alert, now_s, &detail);
    char span[CR_SPAN_TEXT] = "";
    cJSON *data = cJSON_CreateObject();

    if (threshold_s > 0) {
        loop_span_text(span, threshold_s);
    }
    if (data == NULL || cJSON_AddStringToObject(data, "device", row->device) == NULL ||
        cJSON_AddStringToObject(data, "slot", slot->slot) == NULL ||
        cJSON_AddStringToObject(data, "kind", kind) == NULL ||
        cJSON_AddStringToObject(data, "level", levels[alert->level]) == NULL ||
        cJSON_AddStringToObject(data, "stage", stages[alert->stage]) == NULL ||
        !control_put_time(data, "since", alert->since) || !control_put_text(data, "threshold", span) ||
        !control_put_time(data, "notAfter", slot->current.not_after) ||
        cJSON_AddNumberToObject(data, "daysLeft", left_s > 0 ? (double)(left_s / 86400) : 0) == NULL ||
        !control_put_time(data, "lastSeen", row->last_seen) || !put_count(data, "wakes", alert->wakes) ||
        !put_count(data, "failures", slot->failures) || !put_count(data, "unanswered", slot->unanswered) ||
        !control_put_time(data, "acknowledged", alert->acknowledged) ||
        !control_put_text(data, "acknowledgedBy", alert->by) ||
        cJSON_AddStringToObject(data, "detail", detail) == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* What is on hold is no alert, however it came to be so. */
static cJSON *list_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = job->list != NULL ? cJSON_CreateObject() : NULL;
    cJSON *alerts = data != NULL ? cJSON_AddArrayToObject(data, "alerts") : NULL;
    bool ok = alerts != NULL;

    for (unsigned i = 0; ok && i < job->list->count; i++) {
        cJSON *item = NULL;

        if (!job->list->row[i].slot.held) {
            item = render_alert(router, &job->list->row[i], job->now_s);
            ok = item != NULL && cJSON_AddItemToArray(alerts, item);
        }
    }
    if (!ok || !control_put_text(data, "cursor", job->list->cursor)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- acknowledgeAlert ---- */

static enum cr_command_result acknowledge(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                          const char **text)
{
    const struct cr_profile *profile = loop_tls_profile(command->router);
    const char *device, *slot;
    struct cr_job *job;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "device", true, &device, text) || !control_name(command, "slot", false, &slot, text)) {
        return CR_COMMAND_FAILED;
    }
    if (slot[0] == '\0' && profile != NULL) {
        slot = profile->slot;
    }
    job = loop_admit(command->router, CR_OP_STEER, command->session, device, slot);
    if (job != NULL) {
        job->steer = calloc(1, sizeof *job->steer);
        if (job->steer == NULL) {
            loop_abandon(command->router, job);
            job = NULL;
        } else {
            job->steer->verb = CR_STEER_ACKNOWLEDGE;
            (void)snprintf(job->steer->by, sizeof job->steer->by, "%.64s",
                           loop_operator_name(command->router, command->session));
        }
    }
    return control_send(command, job, refusal);
}

static cJSON *acknowledge_answer(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_slot_record *slot = job->record != NULL ? cr_device_record_slot(job->record, job->slot) : NULL;
    cJSON *data = slot != NULL ? cJSON_CreateObject() : NULL;

    (void)router;
    if (data == NULL || cJSON_AddStringToObject(data, "device", job->device) == NULL ||
        cJSON_AddStringToObject(data, "slot", job->slot) == NULL ||
        !control_put_time(data, "acknowledged", slot->alert.acknowledged) ||
        !control_put_text(data, "acknowledgedBy", slot->alert.by)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const list_names[] = { "level", "slot", "idPrefix", "acknowledged", "limit", "cursor", NULL };
static const char *const acknowledge_names[] = { "device", "slot", NULL };

const struct cr_command_info control_alert_commands[] = {
    { "listAlerts", CR_ROLE_VIEWER, list_names, list_alerts, list_answer },
    { "acknowledgeAlert", CR_ROLE_ADMIN, acknowledge_names, acknowledge, acknowledge_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
