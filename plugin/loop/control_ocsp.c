/* getOcspResponse: a signed answer about one certificate of a device. */
#include "plugin/loop/control.h"

#include "common/ocsp.h"

#include <stdlib.h>
#include <string.h>

static bool ocsp_serial(struct cr_command *command, struct cr_serial *serial, const char **text)
{
    const char *value;

    if (!control_text(command, "serialNumber", false, CR_SERIAL_TEXT - 1, &value, text)) {
        return false;
    }
    if (value[0] != '\0' && cr_serial_parse(serial, value) != CR_OK) {
        *text = "\"serialNumber\" must be a serial number in hexadecimal digits.";
        return false;
    }
    return true;
}

static enum cr_command_result get_ocsp_response(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                                const char **text)
{
    struct cr_serial serial = { .len = 0 };
    const char *device, *slot;
    struct cr_job *job;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "device", true, &device, text) || !control_name(command, "slot", false, &slot, text) ||
        !ocsp_serial(command, &serial, text)) {
        return CR_COMMAND_FAILED;
    }
    if (serial.len == 0 && slot[0] == '\0' && !control_slot(command, &slot, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    job = loop_admit(command->router, CR_OP_OCSP, command->session, device, slot);
    if (job != NULL) {
        job->ocsp = calloc(1, sizeof *job->ocsp);
    }
    if (job != NULL && job->ocsp == NULL) {
        loop_abandon(command->router, job);
        job = NULL;
    }
    if (job != NULL) {
        job->ocsp->serial = serial;
        job->ocsp->this_update = job->now_s;
        job->ocsp->next_update = job->now_s + job->setup->config.ocsp_lifetime_s;
    }
    return control_send(command, job, refusal);
}

static bool put_response(cJSON *data, const struct cr_blob *der)
{
    char text[CR_BASE64_LEN(CR_OCSP_MAX)];

    return cr_base64_encode(text, sizeof text, der->data, der->len) == CR_OK &&
           cJSON_AddStringToObject(data, "response", text) != NULL;
}

static cJSON *get_ocsp_answer(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_ocsp *ocsp = job->ocsp;
    cJSON *data = cJSON_CreateObject();

    (void)router;
    if (data == NULL || !control_put_text(data, "device", job->device) || !control_put_text(data, "slot", job->slot) ||
        !control_put_serial(data, "serialNumber", &ocsp->serial) || !control_put_text(data, "issuer", ocsp->issuer) ||
        !control_put_text(data, "status", ocsp->revoked ? "revoked" : "good") ||
        !control_put_time(data, "thisUpdate", ocsp->this_update) ||
        !control_put_time(data, "nextUpdate", ocsp->next_update) || !put_response(data, &job->certificate)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const ocsp_fields[] = { "device", "slot", "serialNumber", NULL };

const struct cr_command_info control_ocsp_commands[] = {
    { "getOcspResponse", CR_ROLE_VIEWER, ocsp_fields, get_ocsp_response, get_ocsp_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
