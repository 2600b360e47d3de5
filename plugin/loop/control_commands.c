/* Commands about one device and about the plugin, and the tables of all commands. Documented in the plugin's README. */
#include "plugin/loop/control.h"

#include <string.h>

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
    if (!control_name(command, "device", true, &device, text)) {
        *refusal = CR_REFUSAL_MALFORMED_JSON;
        return CR_COMMAND_FAILED;
    }
    return control_send(command, loop_admit(command->router, CR_OP_INSPECT, command->session, device, ""), refusal);
}

static cJSON *get_device_answer(struct cr_router *router, const struct cr_job *job)
{
    (void)router;
    return job->record != NULL ? control_render_device(job->record, job->now_s) : NULL;
}

static const char *const no_fields[] = { NULL };
static const char *const device_fields[] = { "device", NULL };

static const struct cr_command_info commands[] = {
    { "getStatus", CR_ROLE_VIEWER, no_fields, get_status, NULL },
    { "getDevice", CR_ROLE_VIEWER, device_fields, get_device, get_device_answer },
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
    control_revoke_commands,
    control_distrust_commands,
    control_enrol_commands,
    control_issuer_commands,
    control_bundle_commands,
    control_ocsp_commands,
};

const struct cr_command_info *control_command_at(unsigned number)
{
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct cr_command_info *info = tables[t]; info->name != NULL; info++) {
            if (number-- == 0) {
                return info;
            }
        }
    }
    return NULL;
}

const struct cr_command_info *control_command(const char *name)
{
    const struct cr_command_info *info;
    unsigned number = 0;

    while ((info = control_command_at(number)) != NULL && strcmp(info->name, name) != 0) {
        number++;
    }
    return info;
}
