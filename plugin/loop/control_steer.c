/* Commands that steer one device: hold, release, cancel, tag. What they do is the store's; that nothing is sent for a held slot
 * is seen to where things are sent (loop_deliver_to, dormant.c, cutover.c), since other brokers hold slots too. */
#include "plugin/loop/control.h"

#include <stdlib.h>
#include <string.h>

static struct cr_job *steer_job(struct cr_command *command, enum cr_steer_verb verb, const char *device,
                                const char *slot)
{
    struct cr_job *job = loop_admit(command->router, CR_OP_STEER, command->session, device, slot);

    if (job == NULL) {
        return NULL;
    }
    job->steer = calloc(1, sizeof *job->steer);
    if (job->steer == NULL) {
        loop_abandon(command->router, job);
        return NULL;
    }
    job->steer->verb = verb;
    return job;
}

/* Whom it is about. A slot that is not configured any more can still be steered. */
static bool steer_target(struct cr_command *command, const char **device, const char **slot, enum cr_refusal *refusal,
                         const char **text)
{
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    return control_name(command, "device", true, device, text) && control_name(command, "slot", false, slot, text);
}

/* ---- hold and release ---- */

static bool printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e) {
            return false;
        }
    }
    return true;
}

static enum cr_command_result hold_device(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                          const char **text)
{
    const char *device, *slot, *reason;
    struct cr_job *job;

    (void)data;
    if (!steer_target(command, &device, &slot, refusal, text) ||
        !control_text(command, "reason", false, CR_HOLD_CAP - 1, &reason, text)) {
        return CR_COMMAND_FAILED;
    }
    if (!printable(reason)) {
        *text = "\"reason\" must be 1 to 48 printable characters of ASCII.";
        return CR_COMMAND_FAILED;
    }
    job = steer_job(command, CR_STEER_HOLD, device, slot);
    if (job != NULL && cr_text_copy(job->steer->text, sizeof job->steer->text,
                                    reason[0] != '\0' ? reason : "operator") != CR_OK) {
        loop_abandon(command->router, job);
        job = NULL;
    }
    return control_send(command, job, refusal);
}

static enum cr_command_result release_device(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                             const char **text)
{
    const char *device, *slot;

    (void)data;
    if (!steer_target(command, &device, &slot, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    return control_send(command, steer_job(command, CR_STEER_RELEASE, device, slot), refusal);
}

static cJSON *slots_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = job->record != NULL ? cJSON_CreateObject() : NULL;
    cJSON *slots = NULL;
    bool ok = data != NULL && cJSON_AddStringToObject(data, "device", job->device) != NULL &&
              (slots = cJSON_AddArrayToObject(data, "slots")) != NULL;

    (void)router;
    for (unsigned i = 0; ok && i < job->record->slot_count; i++) {
        if ((job->steer->changed & 1u << i) != 0) {
            cJSON *name = cJSON_CreateString(job->record->slot[i].slot);

            ok = name != NULL && cJSON_AddItemToArray(slots, name);
        }
    }
    if (!ok) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- cancel ---- */

static enum cr_command_result cancel_renewal(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                             const char **text)
{
    const struct cr_profile *profile = loop_tls_profile(command->router);
    const char *device, *slot;

    (void)data;
    if (!steer_target(command, &device, &slot, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    if (slot[0] == '\0' && profile != NULL) {
        slot = profile->slot;
    }
    return control_send(command, steer_job(command, CR_STEER_CANCEL, device, slot), refusal);
}

static cJSON *cancel_answer(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_slot_record *slot = job->record != NULL ? cr_device_record_slot(job->record, job->slot) : NULL;
    cJSON *data = slot != NULL ? cJSON_CreateObject() : NULL;

    (void)router;
    if (data == NULL || cJSON_AddStringToObject(data, "device", job->device) == NULL ||
        cJSON_AddStringToObject(data, "slot", job->slot) == NULL ||
        cJSON_AddStringToObject(data, "state", cr_state_text(slot->state)) == NULL ||
        !control_put_text(data, "renewalId", job->renewal_id) || !control_put_time(data, "nextRenewal", slot->due)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- tags ---- */

bool control_tags(struct cr_command *command, const char *name, char list[CR_TAGS_CAP], enum cr_refusal *refusal,
                  const char **text)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(command->request, name), *item;
    size_t at = 0;

    list[0] = '\0';
    if (array != NULL && !cJSON_IsArray(array)) {
        *text = "Tags must be an array of them.";
        return false;
    }
    cJSON_ArrayForEach(item, array)
    {
        const char *tag = cJSON_GetStringValue(item);
        size_t len = tag != NULL ? strlen(tag) : 0;

        if (tag == NULL || len >= CR_TAG_CAP || !cr_name_ok(tag, len)) {
            *text = "A tag must be 1 to 32 of A-Z a-z 0-9 . _ : -";
            return false;
        }
        if (at + len + 3 > CR_TAGS_CAP) {
            *refusal = CR_REFUSAL_TOO_LARGE;
            *text = "A device has at most 64 bytes of tags, with a comma before each and one behind the last.";
            return false;
        }
        list[at] = ',';
        memcpy(list + at + 1, tag, len);
        at += len + 1;
    }
    if (at > 0) {
        memcpy(list + at, ",", 2);
    }
    return true;
}

static enum cr_command_result tag_device(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                         const char **text)
{
    char add[CR_TAGS_CAP], drop[CR_TAGS_CAP];
    const char *device, *slot;
    struct cr_job *job;

    (void)data;
    if (!steer_target(command, &device, &slot, refusal, text) || !control_tags(command, "add", add, refusal, text) ||
        !control_tags(command, "remove", drop, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    if (add[0] == '\0' && drop[0] == '\0') {
        *text = "Say which tags to \"add\" or to \"remove\".";
        return CR_COMMAND_FAILED;
    }
    job = steer_job(command, CR_STEER_TAG, device, "");
    if (job != NULL) {
        memcpy(job->steer->add, add, sizeof add);
        memcpy(job->steer->drop, drop, sizeof drop);
    }
    return control_send(command, job, refusal);
}

static cJSON *tag_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = job->record != NULL ? cJSON_CreateObject() : NULL;

    (void)router;
    if (data == NULL || cJSON_AddStringToObject(data, "device", job->device) == NULL ||
        !control_put_tags(data, job->record->tags) ||
        (job->record->tags[0] == '\0' && cJSON_AddArrayToObject(data, "tags") == NULL)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const hold_fields[] = { "device", "slot", "reason", NULL };
static const char *const slot_fields[] = { "device", "slot", NULL };
static const char *const tag_fields[] = { "device", "add", "remove", NULL };

const struct cr_command_info control_steer_commands[] = {
    { "holdDevice", CR_ROLE_ADMIN, hold_fields, hold_device, slots_answer },
    { "releaseDevice", CR_ROLE_ADMIN, slot_fields, release_device, slots_answer },
    { "cancelRenewal", CR_ROLE_ADMIN, slot_fields, cancel_renewal, cancel_answer },
    { "tagDevice", CR_ROLE_ADMIN, tag_fields, tag_device, tag_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
