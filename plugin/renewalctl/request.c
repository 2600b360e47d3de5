#include "plugin/renewalctl/request.h"

#include "common/message.h"
#include "plugin/renewalctl/sheet.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static const char *const command_names[] = {
    [CTL_STATUS] = "getStatus", [CTL_DEVICE] = "getDevice", [CTL_TRIGGER] = "triggerRenewal",
};

static bool add_text(cJSON *object, const char *name, const char *text)
{
    return text[0] == '\0' || cJSON_AddStringToObject(object, name, text) != NULL;
}

cr_err ctl_request_write(struct cr_blob *json, const struct ctl_options *options)
{
    cr_err err = CR_NOMEM;
    char *text = NULL;
    *json = (struct cr_blob){ NULL, 0 };
    if (options->action > CTL_TRIGGER) {
        return CR_BUG;
    }
    cJSON *root = cJSON_CreateObject();
    cJSON *commands = cJSON_AddArrayToObject(root, "commands");
    cJSON *command = cJSON_CreateObject();
    if (commands == NULL || command == NULL || !cJSON_AddItemToArray(commands, command)) {
        cJSON_Delete(command);
        goto out;
    }
    if (!add_text(command, "command", command_names[options->action]) || !add_text(command, "device", options->device) ||
        !add_text(command, "slot", options->slot) || !add_text(command, "reason", options->reason) ||
        !add_text(command, "correlationData", CTL_CORRELATION)) {
        goto out;
    }
    text = cJSON_PrintUnformatted(root);
    if (text != NULL) {
        err = cr_blob_copy(json, text, strlen(text));
    }
out:
    cJSON_free(text);
    cJSON_Delete(root);
    return err;
}

cr_err ctl_response_read(struct cJSON **response, struct cr_bytes payload)
{
    cr_err err = CR_INVALID;
    *response = NULL;
    cJSON *root = cr_json_parse_strict(payload, CTL_RESPONSE_MAX, CTL_RESPONSE_DEPTH_MAX);
    cJSON *responses = cJSON_GetObjectItemCaseSensitive(root, "responses");
    if (!cJSON_IsArray(responses)) {
        goto out;
    }
    err = CR_NOT_FOUND;
    int index = 0;
    for (cJSON *one = responses->child; one != NULL; one = one->next, index++) {
        const char *correlation = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(one, "correlationData"));
        if (correlation != NULL && strcmp(correlation, CTL_CORRELATION) == 0) {
            *response = cJSON_DetachItemFromArray(responses, index);
            err = CR_OK;
            break;
        }
        /* A request that could not even be read is answered without one. */
        if (correlation == NULL && cJSON_GetObjectItemCaseSensitive(one, "error") != NULL && one->next == NULL) {
            *response = cJSON_DetachItemFromArray(responses, index);
            err = CR_OK;
            break;
        }
    }
out:
    cJSON_Delete(root);
    return err;
}

void ctl_response_error(char line[CTL_WHY_CAP], const struct cJSON *response)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(response, "error");
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "errorCode"));
    line[0] = '\0';
    if (error == NULL && code == NULL) {
        return;
    }
    const char *text = cJSON_GetStringValue(error);
    (void)snprintf(line, CTL_WHY_CAP, "%.180s%s%.40s%s", text != NULL ? text : "refused", code != NULL ? " (" : "",
                   code != NULL ? code : "", code != NULL ? ")" : "");
    ctl_printable(line);
}
