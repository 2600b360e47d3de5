#include "plugin/renewalctl/run.h"

#include "plugin/renewalctl/audit.h"
#include "plugin/renewalctl/request.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

int ctl_complain(const struct ctl_run *run, enum ctl_exit code, const char *line)
{
    (void)fflush(run->sheet.out);
    (void)fprintf(run->err, "renewalctl: %s\n", line);
    return (int)code;
}

int ctl_written(struct ctl_run *run)
{
    if (fflush(run->sheet.out) != 0 || ferror(run->sheet.out)) {
        return ctl_complain(run, CTL_FAILED, strerror(errno));
    }
    return CTL_DONE;
}

/* ---- asking ---- */

cJSON *ctl_command_json(const struct ctl_options *options)
{
    cJSON *command = cJSON_CreateObject();
    if (command != NULL && !options->command->build(command, options)) {
        cJSON_Delete(command);
        command = NULL;
    }
    return command;
}

static int json_show(struct ctl_run *run, const cJSON *json)
{
    char *text = json != NULL ? cJSON_Print(json) : NULL;
    bool ok = text != NULL && fprintf(run->sheet.out, "%s\n", text) >= 0;
    cJSON_free(text);
    return ok ? CTL_DONE : ctl_complain(run, CTL_FAILED, "out of memory");
}

/* Takes the response: its data, or the complaint about its error. */
static int response_take(struct ctl_run *run, cJSON *response, cJSON **data)
{
    char line[CTL_WHY_CAP];
    int rc = CTL_DONE;
    ctl_response_error(line, response);
    if (line[0] != '\0') {
        if (run->options->json && !run->in_array) {
            (void)json_show(run, response);
        } else if (!run->options->json && run->options->command->refused != NULL) {
            run->options->command->refused(&run->sheet, response);
        }
        rc = ctl_complain(run, CTL_FAILED, line);
    } else {
        *data = cJSON_DetachItemFromObjectCaseSensitive(response, "data");
        if (!cJSON_IsObject(*data)) {
            cJSON_Delete(*data);
            *data = NULL;
            rc = ctl_complain(run, CTL_FAILED, "the broker's answer has no data");
        }
    }
    cJSON_Delete(response);
    return rc;
}

int ctl_ask_quiet(struct ctl_run *run, cJSON *command, cJSON **data, char why[CTL_WHY_CAP])
{
    struct cr_blob request = { NULL, 0 };
    char correlation[CTL_CORRELATION_CAP];
    cJSON *response = NULL;
    *data = NULL;
    why[0] = '\0';
    (void)snprintf(correlation, sizeof correlation, "%u", ++run->asked);
    if (command == NULL || ctl_request_write(&request, command, correlation) != CR_OK) {
        return ctl_complain(run, CTL_FAILED, "out of memory");
    }
    cr_err err = run->link->ask(run->link->ctx, &response, cr_blob_view(&request), correlation, why);
    cr_blob_fini(&request);
    if (err == CR_OK) {
        return response_take(run, response, data);
    }
    if (err == CR_UNAVAILABLE || err == CR_TIMEOUT) {
        return CTL_NO_CONNECTION;
    }
    return ctl_complain(run, CTL_FAILED, why);
}

int ctl_ask(struct ctl_run *run, cJSON *command, cJSON **data)
{
    char why[CTL_WHY_CAP];
    int rc = ctl_ask_quiet(run, command, data, why);
    return rc == CTL_NO_CONNECTION ? ctl_complain(run, CTL_NO_CONNECTION, why) : rc;
}

int ctl_confirm(struct ctl_run *run, const char *question)
{
    char line[16];
    if (run->options->yes) {
        return CTL_DONE;
    }
    if (!run->in_terminal || !run->err_terminal) {
        char why[CTL_WHY_CAP];
        (void)snprintf(why, sizeof why, "%s There is no terminal to ask on: give --yes if it is to be done", question);
        return ctl_complain(run, CTL_USAGE, why);
    }
    (void)fflush(run->sheet.out);
    (void)fprintf(run->err, "%s\nType yes to go on: ", question);
    (void)fflush(run->err);
    if (fgets(line, sizeof line, run->in) == NULL) {
        (void)fputc('\n', run->err);
        line[0] = '\0';
    }
    if (strcmp(line, "yes\n") != 0 && strcmp(line, "yes") != 0) {
        return ctl_complain(run, CTL_FAILED, "nothing was done");
    }
    return CTL_DONE;
}

int ctl_show(struct ctl_run *run, cJSON *data)
{
    int rc = CTL_DONE;
    if (run->options->json) {
        rc = json_show(run, data);
    } else {
        run->options->command->render(&run->sheet, run->options, data);
    }
    cJSON_Delete(data);
    return rc == CTL_DONE ? ctl_written(run) : rc;
}

int ctl_run_one(struct ctl_run *run)
{
    const struct ctl_command *command = run->options->command;
    char question[CTL_QUESTION_CAP];
    cJSON *data = NULL;
    int rc = CTL_DONE;
    if (command->question != NULL && command->question(question, run->options)) {
        rc = ctl_confirm(run, question);
    }
    if (rc == CTL_DONE) {
        rc = ctl_ask(run, ctl_command_json(run->options), &data);
    }
    return rc == CTL_DONE ? ctl_show(run, data) : rc;
}

/* ---- renewalctl itself ---- */

int ctl_run_help(struct ctl_run *run)
{
    const struct ctl_options *options = run->options;
    const struct ctl_command *command = NULL;
    char why[CTL_WHY_CAP];
    size_t taken = 0;
    if (options->words > 0) {
        command = ctl_command_find(options->word, options->words, &taken);
        if (command == NULL && options->words == 1 && ctl_help_family(run->sheet.out, options->word[0])) {
            return ctl_written(run);
        }
        if (command == NULL || taken < options->words) {
            ctl_command_unknown(why, options->word, options->words);
            return ctl_complain(run, CTL_USAGE, why);
        }
    }
    if (command != NULL && command->run == ctl_run_verify) {
        (void)fputs(ctl_audit_help, run->sheet.out);
    } else {
        ctl_help_write(run->sheet.out, command);
    }
    return ctl_written(run);
}

int ctl_run_version(struct ctl_run *run)
{
    (void)fprintf(run->sheet.out, "renewalctl %s\n", CR_VERSION);
    return ctl_written(run);
}

/* It reads files only, and its arguments itself: audit.h. Here it has got options that it does not take. */
int ctl_run_verify(struct ctl_run *run)
{
    return ctl_complain(run, CTL_USAGE,
                        "audit verify asks no broker and takes no options before it but --json; "
                        "see renewalctl audit verify --help");
}
