/* Answers in pages: rows are shown as they come, so that a large fleet takes no more memory than a small one. */
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/run.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

bool ctl_page_put(cJSON *command, unsigned limit, const char *cursor)
{
    return cJSON_AddNumberToObject(command, "limit", limit) != NULL &&
           (cursor[0] == '\0' || cJSON_AddStringToObject(command, "cursor", cursor) != NULL);
}

bool ctl_cursor_take(char cursor[CTL_TEXT_CAP], cJSON *data)
{
    cJSON *item = ctl_take(data, "cursor");
    const char *text = item != NULL ? cJSON_GetStringValue(item) : "";
    bool ok = text != NULL && cr_text_copy(cursor, CTL_TEXT_CAP, text) == CR_OK;
    cJSON_Delete(item);
    return ok;
}

void ctl_array_row(const struct ctl_run *run, const cJSON *row, bool first)
{
    char *text = cJSON_PrintUnformatted(row);
    if (text != NULL) {
        (void)fprintf(run->sheet.out, "%s%s", first ? "\n" : ",\n", text);
    }
    cJSON_free(text);
}

struct pages {
    struct ctl_run *run;
    const struct ctl_columns *columns;
    struct ctl_table table;
    struct ctl_progress progress;
    char cursor[CTL_TEXT_CAP];
    unsigned want, got; /* rows; want 0: all */
};

static void rows_show(struct pages *pages, cJSON *data)
{
    struct ctl_run *run = pages->run;
    cJSON *rows = ctl_take(data, pages->columns->rows);
    if (run->options->json && !run->in_array) {
        run->in_array = true;
        (void)fputc('[', run->sheet.out);
    }
    for (cJSON *row = cJSON_IsArray(rows) ? rows->child : NULL; row != NULL; row = row->next) {
        if (pages->want != 0 && pages->got == pages->want) {
            break; /* more than were asked for */
        }
        pages->got++;
        if (run->options->json) {
            ctl_array_row(run, row, pages->got == 1);
            continue;
        }
        if (pages->table.rows > CTL_ROWS_MAX) {
            ctl_table_flush(&pages->table, &run->sheet);
        }
        pages->columns->row(ctl_table_row(&pages->table), &run->sheet, row);
    }
    ctl_table_flush(&pages->table, &run->sheet);
    (void)fflush(run->sheet.out);
    cJSON_Delete(rows);
}

static int page_ask(struct pages *pages)
{
    struct ctl_run *run = pages->run;
    char before[CTL_TEXT_CAP];
    unsigned left = pages->want == 0 ? CTL_PAGE_MAX : pages->want - pages->got;
    cJSON *data = NULL, *command = ctl_command_json(run->options);
    if (command != NULL && !ctl_page_put(command, left < CTL_PAGE_MAX ? left : CTL_PAGE_MAX, pages->cursor)) {
        cJSON_Delete(command);
        command = NULL;
    }
    int rc = ctl_ask(run, command, &data);
    if (rc != CTL_DONE) {
        return rc;
    }
    memcpy(before, pages->cursor, sizeof before);
    if (!ctl_cursor_take(pages->cursor, data) || (before[0] != '\0' && strcmp(before, pages->cursor) == 0)) {
        rc = ctl_complain(run, CTL_FAILED, "the broker's answer has a cursor that leads nowhere");
    } else {
        ctl_progress_clear(&pages->progress, run);
        rows_show(pages, data);
    }
    cJSON_Delete(data);
    return rc;
}

/* How many there were, and how to see more. */
static void summary_write(const struct pages *pages)
{
    const struct ctl_run *run = pages->run;
    const char *what = pages->got == 1 ? pages->columns->one : pages->columns->many;
    FILE *out = run->sheet.width > 0 ? run->sheet.out : run->err;
    if (run->options->json || (run->sheet.width == 0 && pages->cursor[0] == '\0')) {
        return; /* what is piped stays rows, unless there are more */
    }
    if (pages->cursor[0] != '\0') {
        (void)fprintf(out, "the first %u %s; more with --limit N or --all\n", pages->got, what);
    } else if (pages->got == 0) {
        (void)fprintf(out, "no %s\n", pages->columns->many);
    } else {
        (void)fprintf(out, "%u %s\n", pages->got, what);
    }
}

int ctl_run_pages(struct ctl_run *run)
{
    const struct ctl_options *options = run->options;
    struct pages *pages = calloc(1, sizeof *pages);
    int rc = CTL_DONE;
    if (pages == NULL) {
        return ctl_complain(run, CTL_FAILED, "out of memory");
    }
    pages->run = run;
    pages->columns = options->words > 0 && options->command->columns_one != NULL ? options->command->columns_one
                                                                                : options->command->columns;
    pages->want = options->limit != 0 ? options->limit : options->all ? 0 : CTL_ROWS_DEFAULT;
    ctl_table_init(&pages->table, pages->columns->count, pages->columns->head);
    ctl_progress_begin(&pages->progress, run);
    do {
        rc = page_ask(pages);
        ctl_progress_show(&pages->progress, run, pages->got, pages->want, pages->columns->many);
    } while (rc == CTL_DONE && pages->cursor[0] != '\0' && (pages->want == 0 || pages->got < pages->want));
    ctl_progress_clear(&pages->progress, run);
    if (run->in_array) {
        (void)fputs(pages->got > 0 ? "\n]\n" : "]\n", run->sheet.out);
        run->in_array = false;
    }
    if (rc == CTL_DONE) {
        summary_write(pages);
        rc = ctl_written(run);
    }
    ctl_table_end(&pages->table, &run->sheet);
    free(pages);
    return rc;
}
