/* Commands that revoke: a certificate, a device, many of them, an issuer; and the list of what is revoked. What they do is
 * the store's; the connections they concern are closed by revoked.c, here as soon as the answer is there. */
#include "plugin/loop/control.h"
#include "plugin/worker/issuer_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fields ---- */

static bool revoke_reason(struct cr_command *command, unsigned *reason, const char **text)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(command->request, "reason");
    const char *value = cJSON_GetStringValue(item);

    *reason = item == NULL ? CR_REASON_UNSPECIFIED : value != NULL ? cr_revoke_reason_parse(value) : CR_REASON_COUNT;
    if (*reason == CR_REASON_COUNT) {
        *text = "\"reason\" must be one of unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, "
                "cessationOfOperation, certificateHold, privilegeWithdrawn, aACompromise.";
        return false;
    }
    return true;
}

static bool revoke_comment(struct cr_command *command, char comment[CR_REVOKE_COMMENT_CAP], const char **text)
{
    const char *value;

    if (!control_text(command, "comment", false, CR_REVOKE_COMMENT_CAP - 1, &value, text)) {
        return false;
    }
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e) {
            *text = "\"comment\" must be 1 to 48 printable characters of ASCII.";
            return false;
        }
    }
    return cr_text_copy(comment, CR_REVOKE_COMMENT_CAP, value) == CR_OK;
}

bool control_revoke_why(struct cr_command *command, struct cr_revoke *revoke, const char **text)
{
    return revoke_reason(command, &revoke->reason, text) && revoke_comment(command, revoke->comment, text);
}

/* like: a job of the same command, whose asker may have left; NULL: the asker's own. NULL: too much is under way. */
static struct cr_job *revoke_job(struct cr_command *command, const struct cr_revoke *revoke, const char *device,
                                 const char *slot, const struct cr_job *like)
{
    struct cr_job *job = loop_admit(command->router, CR_OP_REVOKE, command->session, device, slot);

    if (job == NULL) {
        return NULL;
    }
    job->revoke = calloc(1, sizeof *job->revoke);
    if (job->revoke == NULL) {
        loop_abandon(command->router, job);
        return NULL;
    }
    *job->revoke = *revoke;
    if (like != NULL) {
        job->session = like->session;
        memcpy(job->who, like->who, sizeof job->who);
    }
    return job;
}

/* ---- one device ---- */

static enum cr_command_result revoke_device(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                            const char **text)
{
    struct cr_revoke revoke = { .verb = CR_REVOKE_DEVICE };
    const char *device, *slot;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "device", true, &device, text) || !control_name(command, "slot", false, &slot, text) ||
        !control_revoke_why(command, &revoke, text)) {
        return CR_COMMAND_FAILED;
    }
    return control_send(command, revoke_job(command, &revoke, device, slot, NULL), refusal);
}

static bool put_reason(cJSON *data, const struct cr_revoke *revoke)
{
    const char *text = cr_revoke_reason_text(revoke->reason);

    return cJSON_AddStringToObject(data, "reason", text != NULL ? text : "unspecified") != NULL;
}

static cJSON *revoke_device_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();

    loop_revoked_now(router, job);
    if (data == NULL || cJSON_AddStringToObject(data, "device", job->device) == NULL ||
        !control_put_text(data, "slot", job->slot) || !put_reason(data, job->revoke) ||
        cJSON_AddNumberToObject(data, "revoked", job->revoke->count) == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- many ---- */

static bool refused_add(cJSON *data, const char *device, enum cr_refusal refusal)
{
    cJSON *refused = cJSON_GetObjectItemCaseSensitive(data, "refused"), *item = cJSON_CreateObject();

    if (item == NULL || !cJSON_AddItemToArray(refused, item)) {
        cJSON_Delete(item);
        return false;
    }
    return cJSON_AddStringToObject(item, "device", device) != NULL &&
           cJSON_AddStringToObject(item, "errorCode", cr_refusal_info(refusal)->error_code) != NULL;
}

static void add(cJSON *data, const char *name, unsigned count)
{
    cJSON *item = cJSON_GetObjectItemCaseSensitive(data, name);

    cJSON_SetNumberValue(item, item->valuedouble + count);
}

/* False: out of memory. */
static bool several_send(struct cr_command *command, const struct cr_job *like, const struct cr_revoke *revoke,
                         const char *device, const char *slot, cJSON *data)
{
    enum cr_refusal refusal;

    return control_send(command, revoke_job(command, revoke, device, slot, like), &refusal) == CR_COMMAND_SENT ||
           refused_add(data, device, refusal);
}

static enum cr_refusal several_home(struct cr_router *router, const struct cr_job *job, cJSON *data)
{
    if (job->outcome == CR_OUT_REFUSED) {
        return refused_add(data, job->device, job->refusal) ? CR_REFUSAL_NONE : CR_REFUSAL_INTERNAL;
    }
    loop_revoked_now(router, job);
    add(data, "revoked", job->revoke->count);
    add(data, "devices", 1);
    return CR_REFUSAL_NONE;
}

/* A page of those to be revoked, or one of them, is home. */
static enum cr_refusal several_gather(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    if (job->op == CR_OP_CAMPAIGN) {
        return control_page_go_on(command, job);
    }
    if (job->op == CR_OP_REVOKE) {
        return several_home(command->router, job, data);
    }
    if (job->outcome == CR_OUT_REFUSED) {
        return job->refusal;
    }
    for (unsigned i = 0; i < job->list->count; i++) {
        const char *device = job->list->row[i].device;
        bool again = i > 0 && strcmp(device, job->list->row[i - 1].device) == 0; /* another slot of it */

        if (!again && !several_send(command, job, job->revoke, device, job->slot, data)) {
            return CR_REFUSAL_INTERNAL;
        }
    }
    return control_put_text(data, "cursor", job->list->cursor) ? CR_REFUSAL_NONE : CR_REFUSAL_INTERNAL;
}

static cJSON *several_begin(struct cr_command *command)
{
    cJSON *data = control_gather(command, several_gather);

    return data != NULL && cJSON_AddNumberToObject(data, "revoked", 0) != NULL &&
                   cJSON_AddNumberToObject(data, "devices", 0) != NULL && cJSON_AddArrayToObject(data, "refused") != NULL
               ? data
               : NULL;
}

static enum cr_command_result revoke_filter(struct cr_command *command, const struct cr_revoke *revoke, const char *slot,
                                            enum cr_refusal *refusal, const char **text)
{
    const cJSON *filter = cJSON_GetObjectItemCaseSensitive(command->request, "filter");
    struct cr_list list;

    if (!control_page_fields(command, &list, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (filter->child == NULL) {
        *text = "\"filter\" must say whom: without a condition it would be the whole fleet.";
        return CR_COMMAND_FAILED;
    }
    if (slot[0] != '\0' && list.filter.slot[0] != '\0' && strcmp(slot, list.filter.slot) != 0) {
        *text = "\"slot\" must be the slot of the filter.";
        return CR_COMMAND_FAILED;
    }
    if (slot[0] != '\0' && cr_text_copy(list.filter.slot, sizeof list.filter.slot, slot) != CR_OK) {
        *refusal = CR_REFUSAL_UNKNOWN_SLOT;
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_BUSY;
    if (several_begin(command) == NULL) {
        return CR_COMMAND_FAILED;
    }
    return control_page_send(command, &list, CR_RENEW_NONE, revoke, refusal);
}

static enum cr_command_result revoke_devices(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                             const char **text)
{
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(command->request, "devices"), *item;
    bool filter = cJSON_GetObjectItemCaseSensitive(command->request, "filter") != NULL;
    struct cr_revoke revoke = { .verb = CR_REVOKE_DEVICE };
    const char *slot;
    cJSON *gathered;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "slot", false, &slot, text) || !control_revoke_why(command, &revoke, text)) {
        return CR_COMMAND_FAILED;
    }
    if ((devices != NULL) == filter) {
        *text = "Say whom: \"devices\" or a \"filter\".";
        return CR_COMMAND_FAILED;
    }
    if (filter) {
        return revoke_filter(command, &revoke, slot, refusal, text);
    }
    if (cJSON_HasObjectItem(command->request, "limit") || cJSON_HasObjectItem(command->request, "cursor")) {
        *text = "\"limit\" and \"cursor\" go with a \"filter\".";
        return CR_COMMAND_FAILED;
    }
    if (!control_devices_ok(devices, text)) {
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_BUSY;
    gathered = several_begin(command);
    if (gathered == NULL) {
        return CR_COMMAND_FAILED;
    }
    cJSON_ArrayForEach(item, devices)
    {
        if (!several_send(command, NULL, &revoke, item->valuestring, slot, gathered)) {
            break; /* out of memory: the answer tells of those that are under way */
        }
    }
    return CR_COMMAND_SENT;
}

/* ---- one certificate ---- */

/* Until when a certificate of this issuer can be valid; 0: it is not one that we know. */
static int64_t issuer_not_after(const struct cr_router *router, const char *issuer)
{
    struct cr_issuer_info info;

    for (unsigned n = 0; cr_trust_info(router->setup->trust, n, &info) == CR_OK; n++) {
        if (strcmp(info.id, issuer) == 0) {
            return info.not_after;
        }
    }
    return 0;
}

static enum cr_command_result revoke_certificate(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                                 const char **text)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(command->request, "serialNumber");
    struct cr_revoke revoke = { .verb = CR_REVOKE_CERTIFICATE };
    const char *device, *issuer, *serial = cJSON_GetStringValue(item);

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (serial == NULL || cr_serial_parse(&revoke.serial, serial) != CR_OK) {
        *text = "\"serialNumber\" must be 2 to 40 hexadecimal digits, as getDevice tells it.";
        return CR_COMMAND_FAILED;
    }
    if (!control_issuer(command, true, &issuer, text) || !control_name(command, "device", false, &device, text) ||
        !control_time(command, "notAfter", &revoke.not_after, text) || !control_revoke_why(command, &revoke, text)) {
        return CR_COMMAND_FAILED;
    }
    memcpy(revoke.issuer, issuer, sizeof revoke.issuer);
    if (cJSON_HasObjectItem(command->request, "notAfter") &&
        revoke.not_after <= cr_wall_s(command->router->clock) - loop_accept_expired_s(command->router)) {
        *text = "\"notAfter\" is over: nobody could connect with it, and its entry would be forgotten. Is it the certificate's?";
        return CR_COMMAND_FAILED;
    }
    if (revoke.not_after == 0) {
        revoke.not_after = issuer_not_after(command->router, issuer);
    }
    if (revoke.not_after == 0) {
        *refusal = CR_REFUSAL_UNKNOWN_ISSUER;
        *text = "No such issuer is known; say \"notAfter\", until when its entry is to be kept.";
        return CR_COMMAND_FAILED;
    }
    return control_send(command, revoke_job(command, &revoke, device, "", NULL), refusal);
}

static cJSON *revoke_certificate_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();

    loop_revoked_now(router, job);
    if (data == NULL || !control_put_serial(data, "serialNumber", &job->revoke->serial) ||
        cJSON_AddStringToObject(data, "issuer", job->revoke->issuer) == NULL || !put_reason(data, job->revoke) ||
        !control_put_text(data, "device", job->device)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- the list ---- */

static enum cr_command_result list_revoked(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                           const char **text)
{
    struct cr_revoke revoke = { .verb = CR_REVOKE_LIST };
    char cursor[CR_CURSOR_CAP] = "";
    const char *issuer;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_issuer(command, false, &issuer, text) || !control_page(command, cursor, &revoke.limit, text)) {
        return CR_COMMAND_FAILED;
    }
    if (cr_text_copy(revoke.cursor, sizeof revoke.cursor, cursor) != CR_OK) {
        *refusal = CR_REFUSAL_UNKNOWN_CURSOR;
        return CR_COMMAND_FAILED;
    }
    memcpy(revoke.issuer, issuer, strlen(issuer) + 1);
    return control_send(command, revoke_job(command, &revoke, "", "", NULL), refusal);
}

static bool put_entry(cJSON *array, const struct cr_revocation *entry)
{
    const char *reason = cr_revoke_reason_text(entry->reason);
    cJSON *item = cJSON_CreateObject();

    if (item == NULL || !cJSON_AddItemToArray(array, item)) {
        cJSON_Delete(item);
        return false;
    }
    return control_put_serial(item, "serialNumber", &entry->serial) &&
           cJSON_AddStringToObject(item, "issuer", entry->issuer) != NULL &&
           control_put_text(item, "device", entry->device) &&
           cJSON_AddStringToObject(item, "reason", reason != NULL ? reason : "unspecified") != NULL &&
           control_put_time(item, "at", entry->at) && control_put_time(item, "notAfter", entry->not_after);
}

static cJSON *list_revoked_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();
    cJSON *rows = data != NULL ? cJSON_AddArrayToObject(data, "revoked") : NULL;
    bool ok = rows != NULL && control_put_text(data, "cursor", job->revoke->cursor);

    (void)router;
    for (unsigned i = 0; ok && job->revoke->row != NULL && i < job->revoke->rows; i++) {
        ok = put_entry(rows, &job->revoke->row[i]);
    }
    if (!ok) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const device_fields[] = { "device", "slot", "reason", "comment", NULL };
static const char *const devices_fields[] = { "devices", "filter", "limit", "cursor", "slot", "reason", "comment", NULL };
static const char *const certificate_fields[] = { "serialNumber", "issuer", "device", "reason", "comment", "notAfter", NULL };
static const char *const list_fields[] = { "issuer", "limit", "cursor", NULL };

const struct cr_command_info control_revoke_commands[] = {
    { "listRevoked", CR_ROLE_VIEWER, list_fields, list_revoked, list_revoked_answer },
    { "revokeDevice", CR_ROLE_ADMIN, device_fields, revoke_device, revoke_device_answer },
    { "revokeDevices", CR_ROLE_ADMIN, devices_fields, revoke_devices, NULL },
    { "revokeCertificate", CR_ROLE_ADMIN, certificate_fields, revoke_certificate, revoke_certificate_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
