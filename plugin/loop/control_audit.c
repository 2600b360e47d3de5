/* Commands about the audit log. */
#include "plugin/loop/control.h"

#include <stdlib.h>
#include <string.h>

static bool audit_text(struct cr_command *command, const char *name, char *to, size_t cap, const char **text)
{
    const char *value;

    return control_text(command, name, false, cap - 1, &value, text) && cr_text_copy(to, cap, value) == CR_OK;
}

static bool audit_order(struct cr_command *command, bool *oldest_first, const char **text)
{
    const char *value;

    if (!control_name(command, "order", false, &value, text)) {
        return false;
    }
    *oldest_first = strcmp(value, "oldest") == 0;
    if (value[0] != '\0' && !*oldest_first && strcmp(value, "newest") != 0) {
        *text = "\"order\" must be newest or oldest: which comes first.";
        return false;
    }
    return true;
}

static bool audit_ask(struct cr_command *command, struct cr_history *history, const char **text)
{
    const char *device, *slot;

    if (!control_name(command, "device", false, &device, text) || !control_name(command, "slot", false, &slot, text) ||
        cr_text_copy(history->device, sizeof history->device, device) != CR_OK ||
        cr_text_copy(history->slot, sizeof history->slot, slot) != CR_OK ||
        !audit_text(command, "what", history->what, sizeof history->what, text) ||
        !audit_text(command, "who", history->who, sizeof history->who, text) ||
        !control_time(command, "since", &history->since, text) ||
        !control_time(command, "until", &history->until, text) ||
        !audit_order(command, &history->oldest_first, text)) {
        return false;
    }
    return control_page(command, history->cursor, &history->limit, text);
}

static enum cr_command_result get_audit(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                        const char **text)
{
    struct cr_history *history = calloc(1, sizeof *history);
    struct cr_job *job;

    (void)data;
    *refusal = history != NULL ? CR_REFUSAL_MALFORMED_JSON : CR_REFUSAL_BUSY;
    if (history == NULL || !audit_ask(command, history, text)) {
        cr_history_free(history);
        return CR_COMMAND_FAILED;
    }
    job = loop_admit(command->router, CR_OP_HISTORY, command->session, history->device, history->slot);
    if (job == NULL) {
        cr_history_free(history);
    } else {
        job->history = history;
    }
    return control_send(command, job, refusal);
}

/* ---- the answer ---- */

/* The stream's names and values as they are, but for times, and the renewal, which the journal calls renewalId. */
static bool audit_put(cJSON *object, const char *name, const char *value)
{
    static const char *const renamed[] = { "renewal", "renewalId" };

    if (strcmp(name, "time") == 0) {
        return control_put_time(object, name, (int64_t)strtoll(value, NULL, 10));
    }
    name = strcmp(name, renamed[0]) == 0 ? renamed[1] : name;
    return cJSON_GetObjectItemCaseSensitive(object, name) != NULL ||
           cJSON_AddStringToObject(object, name, value) != NULL;
}

static bool audit_entry(cJSON *array, const struct cr_history_entry *entry)
{
    cJSON *object = cJSON_CreateObject();
    const char *at = (const char *)entry->fields.data, *end = at + entry->fields.len;

    if (object == NULL || !cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return false;
    }
    if (cJSON_AddStringToObject(object, "id", entry->id) == NULL) {
        return false;
    }
    while (at < end) {
        const char *name = at, *value = name + strlen(name) + 1;

        if (value >= end) {
            break;
        }
        if (!audit_put(object, name, value)) {
            return false;
        }
        at = value + strlen(value) + 1;
    }
    return true;
}

static cJSON *get_audit_answer(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_history *history = job->history;
    cJSON *data = cJSON_CreateObject();
    cJSON *entries = data != NULL ? cJSON_AddArrayToObject(data, "entries") : NULL;
    bool ok = entries != NULL && control_put_text(data, "cursor", history->cursor);

    (void)router;
    for (unsigned i = 0; ok && i < history->count; i++) {
        ok = audit_entry(entries, &history->entry[i]);
    }
    if (!ok) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const audit_fields[] = { "device", "slot",  "what",  "who",    "since",
                                            "until",  "order", "limit", "cursor", NULL };

const struct cr_command_info control_audit_commands[] = {
    { "getAudit", CR_ROLE_VIEWER, audit_fields, get_audit, get_audit_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
