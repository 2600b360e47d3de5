/* Commands about the settings that all brokers share. */
#include "plugin/loop/control.h"
#include "plugin/loop/policies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cr_job *policy_job(struct cr_command *command, enum cr_policy_verb verb, const char *slot)
{
    struct cr_job *job = loop_admit(command->router, CR_OP_POLICY, command->session, "", slot);

    if (job == NULL) {
        return NULL;
    }
    job->policy = calloc(1, sizeof *job->policy);
    if (job->policy == NULL) {
        loop_abandon(command->router, job);
        return NULL;
    }
    job->policy->verb = verb;
    job->command = command->id;
    return job;
}

/* "slot", which may be missing, and has to be configured. */
static bool policy_slot(struct cr_command *command, const char **slot, enum cr_refusal *refusal, const char **text)
{
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "slot", false, slot, text)) {
        return false;
    }
    *refusal = CR_REFUSAL_UNKNOWN_SLOT;
    return (*slot)[0] == '\0' || cr_config_slot(&command->router->setup->config, *slot) != NULL;
}

/* ---- getPolicy ---- */

static enum cr_command_result get_policy(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                         const char **text)
{
    const struct cr_policies *policies = command->router->policies;
    struct cr_job *job;
    const char *slot;

    (void)data;
    if (!policy_slot(command, &slot, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    job = policy_job(command, CR_POLICY_READ, slot);
    if (job != NULL) {
        job->policy->version = policies->version;
        job->policy->at = policies->at;
    }
    return control_send(command, job, refusal);
}

/* Each key of these that may be shared, with its value here and whether that is from the file. */
static bool policy_put(const struct cr_router *router, cJSON *object, const struct cr_profile *slot)
{
    const char *slot_name = slot != NULL ? slot->slot : "";

    for (unsigned i = 0; i < cr_config_key_count; i++) {
        const struct cr_config_key *key = &cr_config_keys[i];
        const struct cr_policy_setting *setting = policies_find(&router->policies->in_force, slot_name, key->name);
        char value[CR_POLICY_VALUE_CAP] = "";
        cJSON *item;

        if (cr_config_shared(slot_name, key->name) == NULL) {
            continue;
        }
        if (setting == NULL) {
            cr_config_key_show(key, &router->setup->config, slot, value, sizeof value);
        }
        item = cJSON_AddObjectToObject(object, key->name);
        if (item == NULL || cJSON_AddStringToObject(item, "value", setting != NULL ? setting->value : value) == NULL ||
            cJSON_AddStringToObject(item, "source", setting != NULL ? "shared" : "file") == NULL) {
            return false;
        }
    }
    return true;
}

static bool policy_put_all(const struct cr_router *router, cJSON *data, const char *only)
{
    const struct cr_config *config = &router->setup->config;
    cJSON *settings = only[0] == '\0' ? cJSON_AddObjectToObject(data, "settings") : NULL, *slots;

    if (only[0] == '\0' && (settings == NULL || !policy_put(router, settings, NULL))) {
        return false;
    }
    slots = cJSON_AddObjectToObject(data, "slots");
    for (unsigned i = 0; slots != NULL && i < config->slot_count; i++) {
        cJSON *slot;

        if (only[0] != '\0' && strcmp(only, config->slot[i].slot) != 0) {
            continue;
        }
        slot = cJSON_AddObjectToObject(slots, config->slot[i].slot);
        if (slot == NULL || !policy_put(router, slot, &config->slot[i])) {
            return false;
        }
    }
    return slots != NULL;
}

static bool policy_put_version(const struct cr_router *router, cJSON *data)
{
    const struct cr_policies *policies = router->policies;

    return cJSON_AddNumberToObject(data, "version", (double)policies->version) != NULL &&
           control_put_time(data, "changed", policies->at) && control_put_text(data, "changedBy", policies->by);
}

static cJSON *get_policy_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();

    if (data == NULL || !policy_put_version(router, data) || !policy_put_all(router, data, job->slot)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- setPolicy ---- */

static bool change_read(struct cr_policy_setting *setting, const char *slot, const cJSON *item)
{
    const char *value = cJSON_IsNull(item) ? "" : cJSON_GetStringValue(item);

    return value != NULL && (value[0] != '\0' || cJSON_IsNull(item)) &&
           cr_text_copy(setting->slot, sizeof setting->slot, slot) == CR_OK &&
           cr_text_copy(setting->key, sizeof setting->key, item->string) == CR_OK &&
           cr_text_copy(setting->value, sizeof setting->value, value) == CR_OK;
}

/* "set" into the job. The handler's answer is `refusal` when it is not what it must be. */
static bool changes_read(struct cr_command *command, struct cr_policy *policy, const char *slot, const cJSON *set,
                         enum cr_refusal *refusal, const char **text)
{
    const cJSON *item;

    policy->setting = calloc((size_t)cJSON_GetArraySize(set), sizeof *policy->setting);
    if (policy->setting == NULL) {
        *refusal = CR_REFUSAL_BUSY;
        return false;
    }
    cJSON_ArrayForEach(item, set)
    {
        size_t key_len = strlen(item->string);

        if (!cr_name_ok(item->string, key_len) || key_len >= CR_ASK_TEXT_CAP) {
            *refusal = CR_REFUSAL_MALFORMED_JSON;
            *text = "\"set\" must have names of keys of the configuration file.";
            return false;
        }
        if (!change_read(&policy->setting[policy->count], slot, item)) {
            snprintf(command->why, sizeof command->why,
                     "%s must be text of 1 to %d bytes as in the configuration file, or null for what the file says.",
                     item->string, CR_POLICY_VALUE_CAP - 1);
            *text = command->why;
            *refusal = CR_REFUSAL_POLICY_NOT_ALLOWED;
            command->field = item->string;
            return false;
        }
        policy->count++;
    }
    return true;
}

static enum cr_command_result set_policy(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                         const char **text)
{
    const cJSON *set = cJSON_GetObjectItemCaseSensitive(command->request, "set");
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(command->request, "version");
    struct cr_job *job;
    unsigned version;
    const char *slot;

    (void)data;
    if (!policy_slot(command, &slot, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_number(command, "version", 0, 2000000000, &version, text)) {
        return CR_COMMAND_FAILED;
    }
    if (!cJSON_IsObject(set) || cJSON_GetArraySize(set) == 0) {
        *text = "\"set\" must be an object of keys and their values.";
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_BUSY;
    job = policy_job(command, CR_POLICY_WRITE, slot);
    if (job == NULL) {
        return CR_COMMAND_FAILED;
    }
    job->policy->version = version;
    job->policy->whatever = given == NULL;
    if (!changes_read(command, job->policy, slot, set, refusal, text)) {
        loop_abandon(command->router, job);
        return CR_COMMAND_FAILED;
    }
    if (control_take(command, job, refusal) != CR_COMMAND_SENT) {
        return CR_COMMAND_FAILED;
    }
    policies_change(command->router, job);
    return CR_COMMAND_SENT;
}

static cJSON *set_policy_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();

    (void)job;
    if (data == NULL || !policy_put_version(router, data)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const get_fields[] = { "slot", NULL };
static const char *const set_fields[] = { "slot", "set", "version", NULL };

const struct cr_command_info control_policy_commands[] = {
    { "getPolicy", CR_ROLE_VIEWER, get_fields, get_policy, get_policy_answer },
    { "setPolicy", CR_ROLE_ADMIN, set_fields, set_policy, set_policy_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
