/* Commands about one device and about the plugin, and the tables of all commands. Documented in the plugin's README. */
#include "plugin/loop/control.h"

#include <string.h>

/* A required or optional name in the request. False: malformed. */
static bool command_name_field(struct cr_command *command, const char *field, bool required, const char **value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(command->request, field);

    *value = cJSON_GetStringValue(item);
    if (item == NULL) {
        return !required;
    }
    return *value != NULL && cr_name_ok(*value, strlen(*value));
}

static enum cr_command_result command_send(struct cr_command *command, struct cr_job *job,
                                           enum cr_refusal *refusal)
{
    if (job == NULL) {
        *refusal = CR_REFUSAL_BUSY;
        return CR_COMMAND_FAILED;
    }
    job->command = command->id;
    loop_send(command->router, job, CR_STAGE_STORE);
    return CR_COMMAND_SENT;
}

static enum cr_command_result get_status(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                         const char **text)
{
    (void)text;
    *refusal = CR_REFUSAL_BUSY;
    *data = control_render_status(command->router);
    return *data != NULL ? CR_COMMAND_ANSWERED : CR_COMMAND_FAILED;
}

static enum cr_command_result get_device(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                         const char **text)
{
    const char *device;

    (void)data;
    if (!command_name_field(command, "device", true, &device)) {
        *refusal = CR_REFUSAL_MALFORMED_JSON;
        *text = "\"device\" must be a device's id: 1 to 64 of A-Z a-z 0-9 . _ : -";
        return CR_COMMAND_FAILED;
    }
    return command_send(command, loop_admit(command->router, CR_OP_INSPECT, command->session, device, ""), refusal);
}

static cJSON *get_device_answer(struct cr_router *router, const struct cr_job *job)
{
    (void)router;
    return job->record != NULL ? control_render_device(job->record, job->now_s) : NULL;
}

static enum cr_command_result trigger_renewal(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                              const char **text)
{
    const struct cr_config *config = &command->router->setup->config;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(command->request, "reason");
    const char *reason_text = cJSON_GetStringValue(item);
    enum cr_renew_reason reason = item == NULL ? CR_RENEW_OPERATOR
                                               : cr_renew_reason_parse(reason_text != NULL ? reason_text : "");
    const char *device, *slot;
    struct cr_job *job;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!command_name_field(command, "device", true, &device)) {
        *text = "\"device\" must be a device's id: 1 to 64 of A-Z a-z 0-9 . _ : -";
        return CR_COMMAND_FAILED;
    }
    if (!command_name_field(command, "slot", false, &slot)) {
        *text = "\"slot\" must be a slot's name.";
        return CR_COMMAND_FAILED;
    }
    if (reason <= CR_RENEW_NONE || reason >= CR_RENEW_COUNT) {
        *text = "\"reason\" must be one of expiry, operator, campaign, ca-rotation, regression, policy.";
        return CR_COMMAND_FAILED;
    }
    if (slot == NULL) {
        slot = config->slot[0].slot;
    } else if (cr_config_slot(config, slot) == NULL) {
        *refusal = CR_REFUSAL_UNKNOWN_SLOT;
        return CR_COMMAND_FAILED;
    }
    job = loop_admit(command->router, CR_OP_TRIGGER, command->session, device, slot);
    if (job != NULL) {
        job->reason = reason;
    }
    return command_send(command, job, refusal);
}

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

static const char *const no_fields[] = { NULL };
static const char *const device_fields[] = { "device", NULL };
static const char *const trigger_fields[] = { "device", "slot", "reason", NULL };

static const struct cr_command_info commands[] = {
    { "getStatus", CR_ROLE_VIEWER, no_fields, get_status, NULL },
    { "getDevice", CR_ROLE_VIEWER, device_fields, get_device, get_device_answer },
    { "triggerRenewal", CR_ROLE_ADMIN, trigger_fields, trigger_renewal, trigger_renewal_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};

static const struct cr_command_info *const tables[] = {
    commands,
    control_inventory_commands,
    control_steer_commands,
    control_campaign_commands,
    control_alert_commands,
    control_audit_commands,
    control_policy_commands,
    control_forecast_commands,
};

const struct cr_command_info *control_command(const char *name)
{
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct cr_command_info *info = tables[t]; info->name != NULL; info++) {
            if (strcmp(info->name, name) == 0) {
                return info;
            }
        }
    }
    return NULL;
}
