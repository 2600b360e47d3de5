/* Commands about who is let in without a certificate of ours: allowances and tokens. */
#include "common/random.h"
#include "plugin/loop/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_DAY_S = 86400, TOKEN_LEAST_S = 60, TOKEN_MOST_S = 30 * TOKEN_DAY_S };

/* Its certificate would command. */
static const char operators_name[] = "This is the name of an admin or viewer; no device is let in by it.";

/* NULL: out of memory, or too much is under way. */
static struct cr_job *enrol_job(struct cr_command *command, enum cr_enrol_verb verb, const char *device)
{
    struct cr_job *job = loop_admit(command->router, CR_OP_ENROL, command->session, device, "");

    if (job == NULL) {
        return NULL;
    }
    job->enrol = calloc(1, sizeof *job->enrol);
    if (job->enrol == NULL) {
        loop_abandon(command->router, job);
        return NULL;
    }
    job->enrol->verb = verb;
    return job;
}

/* ---- enrollDevice, enrollDevices ---- */

/* What one device is allowed. */
struct enrol_wish {
    const char *device, *factory;
    char tags[CR_TAGS_CAP];
};

static bool factory_is_known(const struct cr_command *command, const char *factory)
{
    const struct cr_config *config = &command->router->setup->config;

    for (unsigned i = 0; i < config->factory_count; i++) {
        if (strcmp(config->factory[i].name, factory) == 0) {
            return true;
        }
    }
    return false;
}

static bool wish_take(struct cr_command *in, struct enrol_wish *wish, enum cr_refusal *refusal, const char **text)
{
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(in, "device", true, &wish->device, text) ||
        !control_name(in, "factory", false, &wish->factory, text) ||
        !control_tags(in, "tags", wish->tags, refusal, text)) {
        return false;
    }
    if (loop_is_operators(in->router, wish->device)) {
        *text = operators_name;
        return false;
    }
    if (wish->factory[0] != '\0' && !factory_is_known(in, wish->factory)) {
        *text = "No factory of this name is configured (factory_cafile, factory_name).";
        return false;
    }
    return true;
}

static struct cr_job *wish_job(struct cr_command *command, const struct enrol_wish *wish)
{
    struct cr_job *job = enrol_job(command, CR_ENROL_ALLOW, wish->device);

    if (job != NULL) {
        (void)snprintf(job->enrol->factory, sizeof job->enrol->factory, "%s", wish->factory);
        memcpy(job->enrol->tags, wish->tags, sizeof job->enrol->tags);
    }
    return job;
}

static enum cr_command_result enroll_device(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                            const char **text)
{
    struct enrol_wish wish;

    (void)data;
    if (!wish_take(command, &wish, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    return control_send(command, wish_job(command, &wish), refusal);
}

static cJSON *enroll_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = job->enrol != NULL ? cJSON_CreateObject() : NULL;

    (void)router;
    if (data == NULL || cJSON_AddStringToObject(data, "device", job->device) == NULL ||
        cJSON_AddBoolToObject(data, "known", job->enrol->known) == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static bool refused_add(cJSON *data, const char *device, enum cr_refusal refusal)
{
    cJSON *item = cJSON_CreateObject();

    if (item == NULL || cJSON_AddStringToObject(item, "device", device) == NULL ||
        cJSON_AddStringToObject(item, "errorCode", cr_refusal_info(refusal)->error_code) == NULL ||
        !cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(data, "refused"), item)) {
        cJSON_Delete(item);
        return false;
    }
    return true;
}

static enum cr_refusal enroll_gather(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    cJSON *count = cJSON_GetObjectItemCaseSensitive(data, "enrolled");

    (void)command;
    if (job->outcome != CR_OUT_REFUSED) {
        cJSON_SetNumberValue(count, cJSON_GetNumberValue(count) + 1);
        return CR_REFUSAL_NONE;
    }
    return refused_add(data, job->device, job->refusal) ? CR_REFUSAL_NONE : CR_REFUSAL_INTERNAL;
}

/* Looks at all of them before any is allowed: a list that is wrong changes nothing, and the sentence says where. */
static bool wishes_ok(struct cr_command *command, const cJSON *devices, enum cr_refusal *refusal, const char **text)
{
    static const char *const known[] = { "device", "factory", "tags", NULL };
    struct cr_command in = { .router = command->router, .session = command->session };
    unsigned place = 0;

    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!cJSON_IsArray(devices) || cJSON_GetArraySize(devices) < 1 || cJSON_GetArraySize(devices) > CR_PAGE_MAX) {
        *text = "\"devices\" must be an array of 1 to 100 objects.";
        return false;
    }
    cJSON_ArrayForEach(in.request, devices)
    {
        struct enrol_wish wish;
        const char *why = "It must be an object with \"device\", and perhaps \"factory\" and \"tags\".";

        place++;
        if (!cJSON_IsObject(in.request) || !cr_json_only_keys(in.request, known) ||
            !wish_take(&in, &wish, refusal, &why)) {
            (void)snprintf(command->why, sizeof command->why, "\"devices\", entry %u: %.200s", place, why);
            *text = command->why;
            return false;
        }
    }
    return true;
}

static enum cr_command_result enroll_devices(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                             const char **text)
{
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(command->request, "devices");
    struct cr_command in = { .router = command->router, .session = command->session };
    cJSON *answer;

    (void)data;
    if (!wishes_ok(command, devices, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_BUSY;
    answer = control_gather(command, enroll_gather);
    if (answer == NULL || cJSON_AddNumberToObject(answer, "enrolled", 0) == NULL ||
        cJSON_AddArrayToObject(answer, "refused") == NULL) {
        return CR_COMMAND_FAILED;
    }
    cJSON_ArrayForEach(in.request, devices)
    {
        enum cr_refusal why;
        struct enrol_wish wish;

        if (!wish_take(&in, &wish, &why, text) ||
            control_send(command, wish_job(command, &wish), &why) != CR_COMMAND_SENT) {
            (void)refused_add(answer, wish.device, why); /* the answer is what there is memory for */
        }
    }
    return CR_COMMAND_SENT;
}

/* ---- forbidDevice ---- */

static enum cr_command_result forbid_device(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                            const char **text)
{
    const char *device;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "device", true, &device, text)) {
        return CR_COMMAND_FAILED;
    }
    return control_send(command, enrol_job(command, CR_ENROL_FORBID, device), refusal);
}

static cJSON *forbid_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();

    (void)router;
    if (data == NULL || cJSON_AddStringToObject(data, "device", job->device) == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- createToken ---- */

static cr_err token_make(struct cr_enrol *enrol)
{
    uint8_t random[32];
    cr_err err = cr_random_fill(cr_random_system(), random, sizeof random);

    if (err == CR_OK) {
        cr_base64url_encode(enrol->token, random, sizeof random);
        err = cr_sha256(enrol->token_hash, enrol->token, CR_TOKEN_LEN);
    }
    explicit_bzero(random, sizeof random);
    return err;
}

static enum cr_command_result create_token(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                           const char **text)
{
    const char *device;
    struct cr_job *job;
    int64_t lives_s;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "device", true, &device, text) ||
        !control_duration(command, "expires", TOKEN_MOST_S, &lives_s, text)) {
        return CR_COMMAND_FAILED;
    }
    if (loop_is_operators(command->router, device)) {
        *text = operators_name;
        return CR_COMMAND_FAILED;
    }
    if (lives_s != 0 && lives_s < TOKEN_LEAST_S) {
        *text = "\"expires\" must be 60s to 30d.";
        return CR_COMMAND_FAILED;
    }
    if (!command->router->setup->config.enroll_tokens) {
        *refusal = CR_REFUSAL_WRONG_STATE;
        *text = "Nobody may come in with a token: enroll_tokens is not true.";
        return CR_COMMAND_FAILED;
    }
    job = enrol_job(command, CR_ENROL_TOKEN, device);
    if (job != NULL) {
        job->enrol->expires = job->now_s + (lives_s != 0 ? lives_s : TOKEN_DAY_S);
        if (token_make(job->enrol) != CR_OK) {
            loop_abandon(command->router, job);
            job = NULL;
        }
    }
    return control_send(command, job, refusal);
}

static cJSON *token_answer(struct cr_router *router, const struct cr_job *job)
{
    char username[CR_NAME_CAP + 8];
    cJSON *data = job->enrol != NULL ? cJSON_CreateObject() : NULL;

    (void)router;
    (void)snprintf(username, sizeof username, "enroll:%s", job->device);
    if (data == NULL || cJSON_AddStringToObject(data, "device", job->device) == NULL ||
        cJSON_AddStringToObject(data, "username", username) == NULL ||
        cJSON_AddStringToObject(data, "token", job->enrol->token) == NULL ||
        !control_put_time(data, "expires", job->enrol->expires)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- of a device ---- */

bool control_put_enrol(cJSON *object, const struct cr_device_enrol *enrol)
{
    cJSON *item;

    if (enrol->since == 0 && enrol->token_expires == 0) {
        return true;
    }
    item = cJSON_AddObjectToObject(object, "enrol");
    return item != NULL && control_put_time(item, "since", enrol->since) &&
           control_put_text(item, "factory", enrol->factory) &&
           control_put_time(item, "tokenExpires", enrol->token_expires) &&
           (!enrol->token_used || cJSON_AddBoolToObject(item, "tokenUsed", true) != NULL);
}

static const char *const enroll_fields[] = { "device", "factory", "tags", NULL };
static const char *const many_fields[] = { "devices", NULL };
static const char *const forbid_fields[] = { "device", NULL };
static const char *const token_fields[] = { "device", "expires", NULL };

const struct cr_command_info control_enrol_commands[] = {
    { "enrollDevice", CR_ROLE_ADMIN, enroll_fields, enroll_device, enroll_answer },
    { "enrollDevices", CR_ROLE_ADMIN, many_fields, enroll_devices, NULL },
    { "forbidDevice", CR_ROLE_ADMIN, forbid_fields, forbid_device, forbid_answer },
    { "createToken", CR_ROLE_ADMIN, token_fields, create_token, token_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
