/* revoke: one device or certificate, several by their ids or a file, or all that a filter selects. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/send.h"

#include <cjson/cJSON.h>
#include <string.h>

static bool some_build(cJSON *command, const struct ctl_send *send, const uint32_t *index, size_t count)
{
    const char *device[CTL_PAGE_MAX];
    for (size_t i = 0; i < count; i++) {
        device[i] = ctl_row_device(send->rows, index[i]);
    }
    return ctl_put_named(command, "revokeDevices") && ctl_put_texts(command, "devices", device, count) &&
           ctl_put_cause(command, send->run->options);
}

static int one(struct ctl_run *run)
{
    const struct ctl_options *o = run->options;
    char question[CTL_QUESTION_CAP];
    cJSON *data = NULL;
    if (o->serial[0] != '\0') {
        (void)snprintf(question, sizeof question, "This revokes the certificate %.40s of issuer %.16s.", o->serial,
                       o->issuer);
    } else {
        (void)snprintf(question, sizeof question, "This revokes the certificates of %.64s%s%.64s: it is locked out "
                       "until renewalctl release.", o->word[0], o->slot[0] != '\0' ? "/" : "", o->slot);
    }
    int rc = ctl_confirm(run, question);
    if (rc == CTL_DONE) {
        rc = ctl_ask(run, ctl_command_json(o), &data);
    }
    return rc == CTL_DONE ? ctl_show(run, data) : rc;
}

static struct ctl_send sending_of(struct ctl_run *run, const struct ctl_rows *rows)
{
    return (struct ctl_send){ .run = run, .rows = rows, .build = some_build, .field = "devices",
                              .certificates = "revoked", .done = "revoked" };
}

/* Several, whose ids are there. */
static int many(struct ctl_run *run)
{
    struct ctl_rows rows;
    char question[CTL_QUESTION_CAP];
    int rc = ctl_rows_collect(&rows, run, run->options->list, CTL_ROWS_LIST);
    if (rc == CTL_DONE) {
        (void)snprintf(question, sizeof question, "This revokes the certificates of %zu device%s, which %s locked out "
                       "until renewalctl release.", rows.count, rows.count == 1 ? "" : "s", rows.count == 1 ? "is" : "are");
        rc = ctl_confirm(run, question);
    }
    if (rc == CTL_DONE) {
        struct ctl_send send = sending_of(run, &rows);
        rc = ctl_send_rows(&send);
    }
    ctl_rows_fini(&rows);
    return rc;
}

/* ---- by a filter ---- */

static int filter_confirm(struct ctl_run *run)
{
    char question[CTL_QUESTION_CAP];
    unsigned count = 0;
    bool more = false;
    if (run->options->yes || !run->in_terminal || !run->err_terminal) {
        return ctl_confirm(run, "This revokes the certificates of every device that the filter selects.");
    }
    int rc = ctl_matches_count(run, &count, &more);
    if (rc == CTL_DONE && count == 0 && !more) {
        return ctl_complain(run, CTL_FAILED, "the filter selects no device; renewalctl devices shows what there is");
    }
    if (rc == CTL_DONE) {
        (void)snprintf(question, sizeof question, "This is about %s%u certificate%s; the devices are locked out until "
                       "renewalctl release.", more ? "more than " : "", count, count == 1 ? "" : "s");
        rc = ctl_confirm(run, question);
    }
    return rc;
}

static int page_revoke(struct ctl_send *send, char cursor[CTL_TEXT_CAP])
{
    char before[CTL_TEXT_CAP], why[CTL_WHY_CAP], line[CTL_WHY_CAP];
    struct ctl_run *run = send->run;
    cJSON *data = NULL, *command = ctl_command_json(run->options);
    if (command != NULL && !ctl_page_put(command, CTL_PAGE_MAX, cursor)) {
        cJSON_Delete(command);
        command = NULL;
    }
    int rc = ctl_ask_quiet(run, command, &data, why);
    if (rc == CTL_NO_CONNECTION) {
        ctl_progress_clear(&send->progress, run);
        bool stopped = run->stop != NULL && *run->stop != 0;
        (void)snprintf(line, sizeof line, "%.250s; %.0f devices are revoked so far; run it again for the others",
                       stopped ? "interrupted" : why, send->devices);
        return ctl_complain(run, stopped ? CTL_INTERRUPTED : CTL_NO_CONNECTION, line);
    }
    if (rc != CTL_DONE) {
        return rc;
    }
    memcpy(before, cursor, sizeof before);
    bool led = ctl_cursor_take(cursor, data) && (before[0] == '\0' || strcmp(before, cursor) != 0);
    (void)ctl_send_answer(send, data, NULL, 0, NULL);
    return led ? CTL_DONE : ctl_complain(run, CTL_FAILED, "the broker's answer has a cursor that leads nowhere");
}

static int selected(struct ctl_run *run)
{
    struct ctl_send send = sending_of(run, NULL);
    char cursor[CTL_TEXT_CAP] = "";
    int rc = filter_confirm(run);
    if (rc != CTL_DONE) {
        return rc;
    }
    ctl_send_begin(&send);
    do {
        rc = page_revoke(&send, cursor);
    } while (rc == CTL_DONE && cursor[0] != '\0');
    return ctl_send_end(&send, rc);
}

int ctl_run_revoke(struct ctl_run *run)
{
    const struct ctl_options *options = run->options;
    if (options->serial[0] != '\0' || options->words == 1) {
        return one(run);
    }
    return options->words > 0 || options->list[0] != '\0' ? many(run) : selected(run);
}
