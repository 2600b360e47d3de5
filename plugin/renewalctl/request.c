#include "plugin/renewalctl/request.h"

#include "common/message.h"
#include "plugin/renewalctl/sheet.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 200 }; /* of an error that is shown */

cr_err ctl_request_write(struct cr_blob *json, struct cJSON *command, const char *correlation)
{
    cr_err err = CR_NOMEM;
    char *text = NULL;
    *json = (struct cr_blob){ NULL, 0 };
    cJSON *root = cJSON_CreateObject();
    cJSON *commands = cJSON_AddArrayToObject(root, "commands");
    if (commands == NULL || cJSON_AddStringToObject(command, "correlationData", correlation) == NULL ||
        !cJSON_AddItemToArray(commands, command)) {
        cJSON_Delete(command);
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

cr_err ctl_response_read(struct cJSON **response, struct cr_bytes payload, const char *correlation)
{
    size_t which;
    return ctl_response_read_one(response, &which, payload, &correlation, 1);
}

/* Which of them a response is to; count: none. */
static size_t which_of(const cJSON *one, const char *const *correlation, size_t count)
{
    const char *its = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(one, "correlationData"));
    size_t i = 0;
    if (its == NULL) { /* a request that could not even be read is answered without one */
        return cJSON_GetObjectItemCaseSensitive(one, "error") != NULL && one->next == NULL ? 0 : count;
    }
    while (i < count && strcmp(its, correlation[i]) != 0) {
        i++;
    }
    return i;
}

cr_err ctl_response_read_one(struct cJSON **response, size_t *which, struct cr_bytes payload,
                             const char *const *correlation, size_t count)
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
        *which = which_of(one, correlation, count);
        if (*which < count) {
            *response = cJSON_DetachItemFromArray(responses, index);
            err = CR_OK;
            break;
        }
    }
out:
    cJSON_Delete(root);
    return err;
}

/* What to do next. */
static const char *hint_of(const char *code)
{
    static const struct { const char *code, *hint; } hints[] = {
        { "unknown-device", "renewalctl devices lists those that are" },
        { "unknown-slot", "renewalctl device ID shows its slots" },
        { "unknown-renewal", "renewalctl device ID shows what is under way" },
        { "unknown-certificate", "renewalctl device ID shows which it has" },
        { "unknown-campaign", "renewalctl campaign status lists them" },
        { "unknown-alert", "renewalctl alerts lists those that are" },
        { "unknown-cursor", "run it again" },
        { "wrong-state", "renewalctl device, issuers, campaign status or policy shows how it is" },
        { "unknown-issuer", "renewalctl issuers lists those that are" },
        { "issuer-in-use", "renewalctl census counts who needs it, and --force does it nevertheless" },
        { "not-enrolled", "renewalctl enroll allows it" },
        { "already-enrolled", "renewalctl enroll allows it once more" },
        { "issuer-unavailable", "renewalctl status says what is wrong with the issuer" },
        { "revoked", "renewalctl device shows why" },
        { "too-large", "ask for less at once" },
        { "not-authorised", "admin_identity, viewer_identity and such in the plugin's configuration say who may" },
        { "certificate-not-valid", "renew the certificate of --cert" },
        { "untrusted-issuer", "use a certificate in --cert that the plugin's issuer, or a trusted one, signed" },
        { "policy-not-allowed", "renewalctl policy shows the settings" },
        { "malformed-command", "the plugin is older than this program" },
        { "on-hold", "renewalctl release does that" },
        { "renewal-in-progress", "wait, or renewalctl cancel it" },
        { "store-unavailable", "renewalctl status says what is wrong with the store" },
        { "rate-limited", "try again in a moment" },
        { "busy", "try again in a moment" },
        { "internal", "the broker's log says more" },
    };
    for (size_t i = 0; code != NULL && i < sizeof hints / sizeof hints[0]; i++) {
        if (strcmp(code, hints[i].code) == 0) {
            return hints[i].hint;
        }
    }
    return "";
}

void ctl_response_error(char line[CTL_WHY_CAP], const struct cJSON *response)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(response, "error");
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "errorCode"));
    const char *field = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "field"));
    line[0] = '\0';
    if (error == NULL && code == NULL) {
        return;
    }
    const char *text = cJSON_GetStringValue(error);
    const char *command = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "command"));
    /* What a trust bundle may be is no setting. */
    const char *hint = command != NULL && strcmp(command, "setTrustBundle") == 0 ? "" : hint_of(code);
    field = field != NULL && text != NULL && strstr(text, field) != NULL ? NULL : field;
    text = text != NULL ? text : "refused";
    size_t len = strnlen(text, TEXT_MAX);
    len -= len > 0 && text[len - 1] == '.'; /* the sentence goes on */
    (void)snprintf(line, CTL_WHY_CAP, "%.64s%s%.*s%s%.40s%s%s%s", field != NULL ? field : "",
                   field != NULL ? ": " : "", (int)len, text, code != NULL ? " (" : "",
                   code != NULL ? code : "", code != NULL ? ")" : "", hint[0] != '\0' ? "; " : "", hint);
    ctl_printable(line);
}

struct cJSON *ctl_event_read(struct cr_bytes payload)
{
    cJSON *event = cr_json_parse_strict(payload, CTL_RESPONSE_MAX, CTL_RESPONSE_DEPTH_MAX);
    if (!cJSON_IsObject(event)) {
        cJSON_Delete(event);
        return NULL;
    }
    return event;
}
