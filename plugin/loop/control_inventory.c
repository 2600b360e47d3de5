/* Commands about many devices: listDevices, and triggerRenewal, of one, of several, or of those that a filter finds. */
#include "plugin/loop/control.h"

#include <stdlib.h>
#include <string.h>

/* ---- a page of the inventory ---- */

/* A job that goes over a page. revoke: what is to become of those on it; NULL: something else. NULL: too much is under way. */
static struct cr_job *page_job(struct cr_command *command, enum cr_op op, const struct cr_list *list,
                               enum cr_renew_reason reason, const struct cr_revoke *revoke)
{
    struct cr_job *job = loop_admit(command->router, op, command->session, "", list->filter.slot);

    if (job == NULL) {
        return NULL;
    }
    job->reason = reason;
    job->list = calloc(1, sizeof *job->list);
    job->revoke = revoke != NULL ? calloc(1, sizeof *job->revoke) : NULL;
    if (job->list == NULL || (revoke != NULL && job->revoke == NULL)) {
        loop_abandon(command->router, job);
        return NULL;
    }
    *job->list = *list;
    if (revoke != NULL) {
        *job->revoke = *revoke;
    }
    return job;
}

enum cr_command_result control_page_send(struct cr_command *command, const struct cr_list *list,
                                         enum cr_renew_reason reason, const struct cr_revoke *revoke,
                                         enum cr_refusal *refusal)
{
    bool ask = list->filter.campaign[0] != '\0';
    struct cr_job *job = page_job(command, ask ? CR_OP_CAMPAIGN : CR_OP_LIST, list, reason, revoke);

    if (job != NULL && ask) {
        job->campaigns = calloc(1, sizeof *job->campaigns);
        if (job->campaigns == NULL) {
            loop_abandon(command->router, job);
            job = NULL;
        }
    }
    if (job != NULL && ask) {
        job->campaigns->verb = CR_CAMPAIGN_READ;
        memcpy(job->campaigns->id, list->filter.campaign, sizeof job->campaigns->id);
    }
    return control_send(command, job, refusal);
}

enum cr_refusal control_page_go_on(struct cr_command *command, const struct cr_job *asked)
{
    struct cr_job *job;
    enum cr_refusal refusal;

    if (asked->outcome == CR_OUT_REFUSED) {
        return asked->refusal;
    }
    job = page_job(command, CR_OP_LIST, asked->list, asked->reason, asked->revoke);
    if (job != NULL) {
        job->session = asked->session;
        memcpy(job->who, asked->who, sizeof job->who);
    }
    return control_send(command, job, &refusal) == CR_COMMAND_SENT ? CR_REFUSAL_NONE : refusal;
}

bool control_page_fields(struct cr_command *command, struct cr_list *list, enum cr_refusal *refusal, const char **text)
{
    *list = (struct cr_list){ .source = CR_LIST_ALL };
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_filter(command, &list->filter, text) || !control_page(command, list->cursor, &list->limit, text)) {
        return false;
    }
    if (list->filter.slot[0] != '\0' &&
        cr_config_slot(&command->router->setup->config, list->filter.slot) == NULL) {
        *refusal = CR_REFUSAL_UNKNOWN_SLOT;
        return false;
    }
    return true;
}

static enum cr_refusal list_gather(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    cJSON *devices;

    if (job->op == CR_OP_CAMPAIGN) {
        return control_page_go_on(command, job);
    }
    if (job->outcome == CR_OUT_REFUSED) {
        return job->refusal;
    }
    devices = cJSON_AddArrayToObject(data, "devices");
    for (unsigned i = 0; devices != NULL && i < job->list->count; i++) {
        cJSON *row = control_render_row(&job->list->row[i], job->now_s);

        if (row == NULL || !cJSON_AddItemToArray(devices, row)) {
            cJSON_Delete(row);
            return CR_REFUSAL_INTERNAL;
        }
    }
    return devices != NULL && control_put_text(data, "cursor", job->list->cursor) ? CR_REFUSAL_NONE
                                                                                : CR_REFUSAL_INTERNAL;
}

static enum cr_command_result list_devices(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                           const char **text)
{
    struct cr_list list;

    (void)data;
    if (!control_page_fields(command, &list, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_BUSY;
    if (control_gather(command, list_gather) == NULL) {
        return CR_COMMAND_FAILED;
    }
    return control_page_send(command, &list, CR_RENEW_NONE, NULL, refusal);
}

/* ---- triggers ---- */

static bool has(const struct cr_command *command, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(command->request, name) != NULL;
}

static bool refused_add(cJSON *data, const char *device, const char *slot, enum cr_refusal refusal)
{
    cJSON *refused = cJSON_GetObjectItemCaseSensitive(data, "refused"), *item = cJSON_CreateObject();

    if (item == NULL || !cJSON_AddItemToArray(refused, item)) {
        cJSON_Delete(item);
        return false;
    }
    return cJSON_AddStringToObject(item, "device", device) != NULL &&
           cJSON_AddStringToObject(item, "slot", slot) != NULL &&
           cJSON_AddStringToObject(item, "errorCode", cr_refusal_info(refusal)->error_code) != NULL;
}

static void add(cJSON *data, const char *name, unsigned count)
{
    cJSON *item = cJSON_GetObjectItemCaseSensitive(data, name);

    cJSON_SetNumberValue(item, item->valuedouble + count);
}

/* Asks for the renewal of one more slot. like: a job of the same command, whose asker may have left; NULL: the asker's
 * own. False: out of memory. */
static bool trigger_send(struct cr_command *command, const struct cr_job *like, const char *device, const char *slot,
                         enum cr_renew_reason reason, cJSON *data)
{
    struct cr_job *job = loop_admit(command->router, CR_OP_TRIGGER, command->session, device, slot);
    enum cr_refusal refusal;

    if (job != NULL) {
        job->reason = reason;
    }
    if (job != NULL && like != NULL) {
        job->session = like->session;
        memcpy(job->who, like->who, sizeof job->who);
    }
    return control_send(command, job, &refusal) == CR_COMMAND_SENT || refused_add(data, device, slot, refusal);
}

static bool trigger_home(struct cr_router *router, const struct cr_job *job, cJSON *data)
{
    const struct cr_slot_record *record = job->record != NULL ? cr_device_record_slot(job->record, job->slot) : NULL;

    if (job->outcome == CR_OUT_REFUSED || record == NULL) {
        return refused_add(data, job->device, job->slot,
                           job->outcome == CR_OUT_REFUSED ? job->refusal : CR_REFUSAL_INTERNAL);
    }
    if (record->state != CR_STATE_TRIGGERED) { /* it has asked already: its renewal goes on by itself */
        return refused_add(data, job->device, job->slot, CR_REFUSAL_RENEWAL_IN_PROGRESS);
    }
    router->counters.triggered++;
    add(data, "triggered", 1);
    (void)loop_dormant_trigger(router, job->device, record);
    add(data, "delivered", loop_deliver(router, job->device, record));
    return true;
}

/* A page of those to be triggered, or one of them, is home. */
static enum cr_refusal trigger_gather(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    if (job->op == CR_OP_CAMPAIGN) {
        return control_page_go_on(command, job);
    }
    if (job->op == CR_OP_TRIGGER) {
        return trigger_home(command->router, job, data) ? CR_REFUSAL_NONE : CR_REFUSAL_INTERNAL;
    }
    if (job->outcome == CR_OUT_REFUSED) {
        return job->refusal;
    }
    for (unsigned i = 0; i < job->list->count; i++) {
        const struct cr_row *row = &job->list->row[i];

        if (!trigger_send(command, job, row->device, row->slot.slot, job->reason, data)) {
            return CR_REFUSAL_INTERNAL;
        }
    }
    return control_put_text(data, "cursor", job->list->cursor) ? CR_REFUSAL_NONE : CR_REFUSAL_INTERNAL;
}

/* NULL: out of memory. */
static cJSON *trigger_begin(struct cr_command *command)
{
    cJSON *data = control_gather(command, trigger_gather);

    return data != NULL && cJSON_AddNumberToObject(data, "triggered", 0) != NULL &&
                   cJSON_AddNumberToObject(data, "delivered", 0) != NULL &&
                   cJSON_AddArrayToObject(data, "refused") != NULL
               ? data
               : NULL;
}

bool control_devices_ok(const cJSON *devices, const char **text)
{
    const cJSON *item, *other;

    *text = "\"devices\" must be a list of 1 to 100 different names: 1 to 64 of A-Z a-z 0-9 . _ : -";
    if (!cJSON_IsArray(devices) || cJSON_GetArraySize(devices) < 1 || cJSON_GetArraySize(devices) > CR_PAGE_MAX) {
        return false;
    }
    cJSON_ArrayForEach(item, devices)
    {
        const char *name = cJSON_GetStringValue(item);

        if (name == NULL || !cr_name_ok(name, strlen(name))) {
            return false;
        }
        for (other = devices->child; other != item; other = other->next) {
            if (strcmp(other->valuestring, name) == 0) {
                return false;
            }
        }
    }
    *text = NULL;
    return true;
}

static enum cr_command_result trigger_several(struct cr_command *command, const cJSON *devices, const char *slot,
                                              enum cr_renew_reason reason, enum cr_refusal *refusal, const char **text)
{
    const cJSON *item;
    cJSON *data;

    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_devices_ok(devices, text)) {
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_BUSY;
    data = trigger_begin(command);
    if (data == NULL) {
        return CR_COMMAND_FAILED;
    }
    cJSON_ArrayForEach(item, devices)
    {
        if (!trigger_send(command, NULL, item->valuestring, slot, reason, data)) {
            break; /* out of memory: the answer tells of those that are under way */
        }
    }
    return CR_COMMAND_SENT;
}

static enum cr_command_result trigger_filter(struct cr_command *command, const char *slot, enum cr_renew_reason reason,
                                             enum cr_refusal *refusal, const char **text)
{
    struct cr_list list;

    if (!control_page_fields(command, &list, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    if (list.filter.slot[0] != '\0' && has(command, "slot") && strcmp(list.filter.slot, slot) != 0) {
        *refusal = CR_REFUSAL_MALFORMED_JSON;
        *text = "\"slot\" must be the slot of the filter.";
        return CR_COMMAND_FAILED;
    }
    if (list.filter.slot[0] == '\0' && cr_text_copy(list.filter.slot, sizeof list.filter.slot, slot) != CR_OK) {
        *refusal = CR_REFUSAL_UNKNOWN_SLOT;
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_BUSY;
    if (trigger_begin(command) == NULL) {
        return CR_COMMAND_FAILED;
    }
    return control_page_send(command, &list, reason, NULL, refusal);
}

static enum cr_command_result trigger_renewal(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                              const char **text)
{
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(command->request, "devices");
    bool filter = has(command, "filter"), several = devices != NULL;
    const char *device, *slot, *reason_text;
    enum cr_renew_reason reason;
    struct cr_job *job;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "device", !filter && !several, &device, text) ||
        !control_name(command, "reason", false, &reason_text, text)) {
        return CR_COMMAND_FAILED;
    }
    if ((device[0] != '\0') + several + filter > 1) {
        *text = "Only one of \"device\", \"devices\" and \"filter\" can be given.";
        return CR_COMMAND_FAILED;
    }
    if (!filter && (has(command, "limit") || has(command, "cursor"))) {
        *text = "\"limit\" and \"cursor\" go with a \"filter\".";
        return CR_COMMAND_FAILED;
    }
    reason = reason_text[0] == '\0' ? CR_RENEW_OPERATOR : cr_renew_reason_parse(reason_text);
    if (reason <= CR_RENEW_NONE || reason >= CR_RENEW_COUNT) {
        *text = "\"reason\" must be one of expiry, operator, campaign, ca-rotation, regression, policy.";
        return CR_COMMAND_FAILED;
    }
    if (!control_slot(command, &slot, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    if (several) {
        return trigger_several(command, devices, slot, reason, refusal, text);
    }
    if (filter) {
        return trigger_filter(command, slot, reason, refusal, text);
    }
    job = loop_admit(command->router, CR_OP_TRIGGER, command->session, device, slot);
    if (job != NULL) {
        job->reason = reason;
    }
    return control_send(command, job, refusal);
}

/* Of one device. */
static cJSON *trigger_renewal_answer(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_slot_record *record = job->record != NULL ? cr_device_record_slot(job->record, job->slot) : NULL;
    cJSON *data = record != NULL ? cJSON_CreateObject() : NULL;

    if (data == NULL) {
        return NULL;
    }
    router->counters.triggered++;
    (void)loop_dormant_trigger(router, job->device, record);
    if (cJSON_AddStringToObject(data, "device", job->device) == NULL ||
        cJSON_AddStringToObject(data, "slot", job->slot) == NULL ||
        cJSON_AddStringToObject(data, "renewalId", record->renewal_id) == NULL ||
        cJSON_AddStringToObject(data, "state", cr_state_text(record->state)) == NULL ||
        cJSON_AddNumberToObject(data, "attempt", record->attempt) == NULL ||
        cJSON_AddNumberToObject(data, "delivered", loop_deliver(router, job->device, record)) == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const list_fields[] = { "filter", "limit", "cursor", NULL };
static const char *const trigger_fields[] = { "device", "devices", "filter", "limit", "cursor", "slot", "reason", NULL };

const struct cr_command_info control_inventory_commands[] = {
    { "listDevices", CR_ROLE_VIEWER, list_fields, list_devices, NULL },
    { "triggerRenewal", CR_ROLE_ADMIN, trigger_fields, trigger_renewal, trigger_renewal_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
