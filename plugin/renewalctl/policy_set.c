/* policy set: shows what would change, asks, changes. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/run.h"

#include <cjson/cJSON.h>
#include <string.h>

/* The value and source of a setting in a policy's answer; "" when it is not there. */
static void setting_of(char value[CTL_CELL_CAP], const cJSON *policy, const char *slot, const char *key)
{
    char source[CTL_CELL_CAP];
    const cJSON *slots = cJSON_GetObjectItemCaseSensitive(policy, "slots");
    const cJSON *settings = slot[0] != '\0' ? cJSON_GetObjectItemCaseSensitive(slots, slot)
                                            : cJSON_GetObjectItemCaseSensitive(policy, "settings");
    const cJSON *setting = cJSON_GetObjectItemCaseSensitive(settings, key);
    ctl_cell_of(value, cJSON_IsObject(setting) ? cJSON_GetObjectItemCaseSensitive(setting, "value") : setting);
    ctl_cell_of(source, cJSON_GetObjectItemCaseSensitive(setting, "source"));
    ctl_cell_append(value, source[0] != '\0' ? " (" : "");
    ctl_cell_append(value, source);
    ctl_cell_append(value, source[0] != '\0' ? ")" : "");
}

/* "trigger_rate  50 (file) -> 20", a line each. */
static void changes_write(FILE *out, const struct ctl_options *options, const cJSON *policy)
{
    for (size_t i = 0; i < options->words; i++) {
        char key[CR_NAME_CAP], before[CTL_CELL_CAP], after[CTL_CELL_CAP];
        size_t len = strcspn(options->word[i], "=");
        (void)snprintf(key, sizeof key, "%.*s", (int)len, options->word[i]);
        (void)snprintf(after, sizeof after, "%.200s", options->word[i][len] == '=' ? options->word[i] + len + 1 : "");
        ctl_printable(after);
        setting_of(before, policy, options->slot, key);
        (void)fprintf(out, "  %s  %s -> %s\n", key, before[0] != '\0' ? before : "?",
                      after[0] != '\0' ? after : "as each broker's file says");
    }
}

int ctl_run_policy_set(struct ctl_run *run)
{
    const struct ctl_options *options = run->options;
    cJSON *policy = NULL, *data = NULL, *command = NULL;
    int rc = CTL_DONE;
    double version = options->if_version;
    if (!options->yes && run->in_terminal && run->err_terminal) {
        command = cJSON_CreateObject();
        if (command != NULL && !ctl_build_policy(command, options)) {
            cJSON_Delete(command);
            command = NULL;
        }
        rc = ctl_ask(run, command, &policy);
        if (rc == CTL_DONE) {
            changes_write(run->err, options, policy);
            version = version > 0 ? version : ctl_number_take(policy, "version", 0);
        }
        cJSON_Delete(policy);
    }
    if (rc == CTL_DONE) {
        rc = ctl_confirm(run, "This changes the settings of all brokers.");
    }
    if (rc != CTL_DONE) {
        return rc;
    }
    command = ctl_command_json(options);
    /* What was looked at is what is changed: who was faster is not overwritten. */
    if (command != NULL && options->if_version == 0 && version > 0 &&
        cJSON_AddNumberToObject(command, "version", version) == NULL) {
        cJSON_Delete(command);
        command = NULL;
    }
    rc = ctl_ask(run, command, &data);
    return rc == CTL_DONE ? ctl_show(run, data) : rc;
}
