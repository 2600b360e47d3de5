/* Whether a command may be carried out, and what the audit log says of it. */
#include "plugin/loop/control.h"

#include <string.h>

enum cr_refusal control_admissible(const struct cr_command *command, const struct cr_command_info *info,
                                   enum cr_role role, const char **text)
{
    const char *known[CR_CONTROL_FIELDS + 3] = { "command", "correlationData" };

    if (role == CR_ROLE_NONE) { /* before anything else: strangers learn nothing */
        if (loop_role_refusal(command->router, command->session) == CR_REFUSAL_CERTIFICATE_NOT_VALID) {
            *text = "The certificate of this connection has expired; connect again with a valid one.";
            return CR_REFUSAL_CERTIFICATE_NOT_VALID;
        }
        *text = "Only admins and viewers may use this channel.";
        return CR_REFUSAL_NOT_AUTHORISED;
    }
    if (info == NULL) {
        return CR_REFUSAL_UNKNOWN_COMMAND;
    }
    if (role < info->role) {
        return CR_REFUSAL_NOT_AUTHORISED;
    }
    for (unsigned i = 0; info->fields[i] != NULL; i++) {
        known[i + 2] = info->fields[i];
    }
    if (!cr_json_only_keys(command->request, known)) {
        *text = "The command has a field that it does not take.";
        return CR_REFUSAL_MALFORMED_JSON;
    }
    return CR_REFUSAL_NONE;
}

/* One line for many: whoever may not command may not fill the audit log either. */
void control_denied(struct cr_router *router, const struct cr_session *session, enum cr_refusal refusal,
                           const char *command)
{
    struct cr_limiter *limiter = session->presence != NULL ? &session->presence->alarms : &router->strangers;

    if (router->setup->config.principal_count == 0 && !router->nobody_said) {
        router->nobody_said = true;
        loop_log(router, 'w', "nobody may use the operator channel, since no admin or viewer is configured: name one with "
                              "admin_identity (the CN of a client certificate) or admin_username, and send SIGHUP");
    }
    if (cr_limiter_take(limiter, &router->sessions.alarm_rate, loop_now_ms(router), NULL)) {
        loop_audit(router, session, "", "", "denied", refusal, command);
    }
}

void control_audit(const struct cr_command *command)
{
    const char *device = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(command->request, "device"));
    const char *slot = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(command->request, "slot"));
    char *text = cJSON_PrintUnformatted(command->request);

    if (text == NULL) {
        command->router->counters.audits_lost++;
        return;
    }
    loop_audit_command(command->router, command->session,
                       device != NULL && cr_name_ok(device, strlen(device)) ? device : "",
                       slot != NULL && cr_name_ok(slot, strlen(slot)) ? slot : "", text);
    cJSON_free(text);
}
