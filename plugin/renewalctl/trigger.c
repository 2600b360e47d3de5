/* trigger: one device as it always was; several by their ids, or by a filter, in as many requests as it takes. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/run.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { COUNT_MAX = 1000, COUNT_PAGES_MAX = 100 };

struct trigger {
    struct ctl_run *run;
    struct ctl_progress progress;
    double triggered, delivered, refused, expected;
    char cursor[CTL_TEXT_CAP];
};

/* ---- how many it is about ---- */

int ctl_matches_count(struct ctl_run *run, unsigned *count, bool *more)
{
    char cursor[CTL_TEXT_CAP] = "";
    int rc = CTL_DONE;
    unsigned pages = 0;
    *count = 0;
    do {
        cJSON *data = NULL, *command = cJSON_CreateObject();
        if (command != NULL && (!ctl_build_trigger_count(command, run->options) ||
                                !ctl_page_put(command, CTL_PAGE_MAX, cursor))) {
            cJSON_Delete(command);
            command = NULL;
        }
        rc = ctl_ask(run, command, &data);
        if (rc == CTL_DONE) {
            const cJSON *rows = cJSON_GetObjectItemCaseSensitive(data, "devices");
            *count += cJSON_IsArray(rows) ? (unsigned)cJSON_GetArraySize(rows) : 0;
            if (!ctl_cursor_take(cursor, data)) {
                rc = ctl_complain(run, CTL_FAILED, "the broker's answer has a cursor that leads nowhere");
            }
        }
        cJSON_Delete(data);
    } while (rc == CTL_DONE && cursor[0] != '\0' && *count < COUNT_MAX && ++pages < COUNT_PAGES_MAX);
    *more = cursor[0] != '\0';
    return rc;
}

static int filter_confirm(struct trigger *trigger)
{
    struct ctl_run *run = trigger->run;
    char question[CTL_QUESTION_CAP];
    unsigned count = 0;
    bool more = false;
    int rc = CTL_DONE;
    if (run->options->yes || !run->in_terminal || !run->err_terminal) {
        return ctl_confirm(run, "This triggers every device that the filter selects.");
    }
    rc = ctl_matches_count(run, &count, &more);
    if (rc == CTL_DONE && count == 0 && !more) {
        return ctl_complain(run, CTL_FAILED, "the filter selects no device; renewalctl devices shows what there is");
    }
    if (rc == CTL_DONE) {
        (void)snprintf(question, sizeof question, "This asks for the renewal of %s%u certificate%s.",
                       more ? "more than " : "", count, count == 1 ? "" : "s");
        trigger->expected = more ? 0 : count;
        rc = ctl_confirm(run, question);
    }
    return rc;
}

/* ---- many ---- */

static void refused_show(struct trigger *trigger, cJSON *data)
{
    struct ctl_run *run = trigger->run;
    cJSON *refused = ctl_take(data, "refused");
    for (cJSON *row = cJSON_IsArray(refused) ? refused->child : NULL; row != NULL; row = row->next) {
        trigger->refused++;
        if (run->options->json) {
            ctl_array_row(run, row, trigger->refused == 1);
        } else {
            ctl_render_refused_row(&run->sheet, row);
        }
    }
    cJSON_Delete(refused);
}

/* Asks for some of them, and adds up what became of it. */
static int some_ask(struct trigger *trigger, cJSON *command)
{
    struct ctl_run *run = trigger->run;
    cJSON *data = NULL;
    int rc = ctl_ask(run, command, &data);
    if (rc == CTL_DONE) {
        ctl_progress_clear(&trigger->progress, run);
        if (run->options->json && !run->in_array) {
            run->in_array = true;
            (void)fputs("{\"refused\":[", run->sheet.out);
        }
        trigger->triggered += ctl_number_take(data, "triggered", 0);
        trigger->delivered += ctl_number_take(data, "delivered", 0);
        refused_show(trigger, data);
        if (!ctl_cursor_take(trigger->cursor, data)) {
            rc = ctl_complain(run, CTL_FAILED, "the broker's answer has a cursor that leads nowhere");
        }
        ctl_progress_show(&trigger->progress, run, trigger->triggered + trigger->refused, trigger->expected, "asked");
    }
    cJSON_Delete(data);
    return rc;
}

static int words_ask(struct trigger *trigger)
{
    int rc = CTL_DONE;
    trigger->expected = (double)trigger->run->options->words;
    for (size_t from = 0; rc == CTL_DONE && from < trigger->run->options->words; from += CTL_PAGE_MAX) {
        cJSON *command = cJSON_CreateObject();
        if (command != NULL && !ctl_build_trigger_devices(command, trigger->run->options, from)) {
            cJSON_Delete(command);
            command = NULL;
        }
        rc = some_ask(trigger, command);
    }
    return rc;
}

static int filter_ask(struct trigger *trigger)
{
    char before[CTL_TEXT_CAP];
    int rc;
    do {
        cJSON *command = ctl_command_json(trigger->run->options);
        if (command != NULL && !ctl_page_put(command, CTL_PAGE_MAX, trigger->cursor)) {
            cJSON_Delete(command);
            command = NULL;
        }
        memcpy(before, trigger->cursor, sizeof before);
        rc = some_ask(trigger, command);
        if (rc == CTL_DONE && before[0] != '\0' && strcmp(before, trigger->cursor) == 0) {
            rc = ctl_complain(trigger->run, CTL_FAILED, "the broker's answer has a cursor that leads nowhere");
        }
    } while (rc == CTL_DONE && trigger->cursor[0] != '\0');
    return rc;
}

static void sum_write(struct trigger *trigger)
{
    struct ctl_run *run = trigger->run;
    if (run->in_array) {
        (void)fprintf(run->sheet.out, "%s],\"triggered\":%.0f,\"delivered\":%.0f}\n", trigger->refused > 0 ? "\n" : "",
                      trigger->triggered, trigger->delivered);
        run->in_array = false;
    } else if (!run->options->json) {
        (void)fprintf(run->sheet.out, "%.0f triggered, %.0f of them told now, %.0f refused\n", trigger->triggered,
                      trigger->delivered, trigger->refused);
    }
}

int ctl_run_trigger(struct ctl_run *run)
{
    struct trigger trigger = { .run = run };
    if (run->options->words == 1) {
        return ctl_run_one(run);
    }
    int rc = run->options->words == 0 ? filter_confirm(&trigger) : CTL_DONE;
    if (rc != CTL_DONE) {
        return rc;
    }
    ctl_progress_begin(&trigger.progress, run);
    rc = run->options->words > 0 ? words_ask(&trigger) : filter_ask(&trigger);
    ctl_progress_clear(&trigger.progress, run);
    if (rc == CTL_DONE || trigger.triggered > 0 || run->in_array) {
        sum_write(&trigger);
    }
    if (ctl_written(run) != CTL_DONE && rc == CTL_DONE) {
        rc = CTL_FAILED;
    }
    if (rc == CTL_DONE && trigger.refused > 0) {
        char line[80];
        (void)snprintf(line, sizeof line, "%.0f %s refused", trigger.refused, trigger.refused > 1 ? "were" : "was");
        rc = ctl_complain(run, CTL_FAILED, line);
    }
    return rc;
}
