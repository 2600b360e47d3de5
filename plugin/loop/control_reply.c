/* What goes to operators: responses, and the publication of a reply. */
#include "common/json_scan.h"
#include "plugin/loop/control.h"

#include <stdio.h>
#include <string.h>

void control_publish(struct cr_router *router, const char *client_id, struct cr_bytes correlation,
                            struct cr_bytes payload)
{
    struct cr_publication publication = {
        .client_id = client_id,
        .topic = CR_TOPIC_CONTROL_RESPONSE,
        .payload = payload,
        .qos = 1,
        .expiry_s = 60,
        .content_type = "application/json",
        .correlation = correlation,
    };

    if (router->host->ops->publish(router->host, &publication) != CR_OK) {
        loop_log(router, 'e', "an answer to operator client %s could not be queued", client_id);
    }
}

cJSON *control_error_at(const char *command, enum cr_refusal refusal, const char *text, const char *field)
{
    cJSON *response = cJSON_CreateObject();

    if (response != NULL &&
        (cJSON_AddStringToObject(response, "command", command) == NULL ||
         cJSON_AddStringToObject(response, "error", text != NULL ? text : cr_refusal_info(refusal)->text) == NULL ||
         cJSON_AddStringToObject(response, "errorCode", cr_refusal_info(refusal)->error_code) == NULL ||
         !control_put_text(response, "field", field != NULL ? field : ""))) {
        cJSON_Delete(response);
        return NULL;
    }
    return response;
}

cJSON *control_error(const char *command, enum cr_refusal refusal, const char *text)
{
    return control_error_at(command, refusal, text, NULL);
}

cJSON *control_success(const char *command, cJSON *data)
{
    cJSON *response = cJSON_CreateObject();

    if (response == NULL || data == NULL || cJSON_AddStringToObject(response, "command", command) == NULL ||
        !cJSON_AddItemToObject(response, "data", data)) {
        cJSON_Delete(response);
        cJSON_Delete(data);
        return NULL;
    }
    return response;
}

void control_reject(struct cr_router *router, const char *client_id, struct cr_bytes correlation,
                           enum cr_refusal refusal, const char *text)
{
    cJSON *response = control_error("", refusal, text);
    char *json = response != NULL ? cJSON_PrintUnformatted(response) : NULL, reply[1024];
    int len = json != NULL ? snprintf(reply, sizeof reply, "{\"responses\":[%s]}", json) : -1;

    router->counters.refused[refusal]++;
    if (len > 0 && (size_t)len < sizeof reply) {
        control_publish(router, client_id, correlation, (struct cr_bytes){ (const uint8_t *)reply, (size_t)len });
    }
    cJSON_free(json);
    cJSON_Delete(response);
}

char *control_json(cJSON *response, cJSON *correlation_data)
{
    bool ok = response != NULL && (correlation_data == NULL ||
                                   cJSON_AddItemReferenceToObject(response, "correlationData", correlation_data));
    char *text = ok ? cJSON_PrintUnformatted(response) : NULL;

    cJSON_Delete(response);
    if (text != NULL) { /* Redis may hold what others wrote, or what was cut */
        cr_json_mend(text, strlen(text));
    }
    return text;
}
