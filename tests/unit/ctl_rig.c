#include "tests/unit/ctl_rig.h"

#include "plugin/renewalctl/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

enum { WORDS_MAX = 400 };

cr_err ctl_rig_parse(struct ctl_options *options, const char *line, char why[CTL_WHY_CAP])
{
    static char words[8192];
    static char self[] = "renewalctl";
    static char *argv[WORDS_MAX];
    int argc = 1;
    argv[0] = self;
    assert_int_equal(cr_text_copy(words, sizeof words, line), CR_OK);
    for (char *at = words; *at != '\0';) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at == ' ') {
            *at++ = '\0';
        }
    }
    for (int i = 1; i < argc; i++) {
        for (char *c = argv[i]; *c != '\0'; c++) {
            *c = *c == '\'' ? ' ' : *c;
        }
    }
    why[0] = '\0';
    return ctl_options_args(options, argc, argv, why);
}

static struct ctl_sheet sheet_of(FILE *out, bool colour, int width)
{
    return (struct ctl_sheet){ .out = out, .colour = colour, .width = width, .now_s = CTL_RIG_NOW,
                               .label_width = CTL_LABEL_WIDTH };
}

char *ctl_rig_rendered(const char *line, const char *data, bool colour, int width)
{
    static struct ctl_options options;
    char why[CTL_WHY_CAP];
    char *text = NULL;
    size_t len = 0;
    ctl_options_init(&options);
    assert_int_equal(ctl_rig_parse(&options, line, why), CR_OK);
    cJSON *json = cJSON_Parse(data);
    assert_non_null(json);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    struct ctl_sheet sheet = sheet_of(out, colour, width);
    if (options.command->render != NULL) {
        options.command->render(&sheet, &options, json);
    } else {
        const struct ctl_columns *columns = options.words > 0 && options.command->columns_one != NULL
                                                ? options.command->columns_one
                                                : options.command->columns;
        struct ctl_table table;
        ctl_table_init(&table, columns->count, columns->head);
        const cJSON *rows = cJSON_GetObjectItemCaseSensitive(json, columns->rows);
        for (cJSON *row = cJSON_IsArray(rows) ? rows->child : NULL; row != NULL; row = row->next) {
            columns->row(ctl_table_row(&table), &sheet, row);
        }
        ctl_table_end(&table, &sheet);
    }
    assert_int_equal(fclose(out), 0);
    cJSON_Delete(json);
    ctl_options_fini(&options);
    return text;
}

/* ---- a link ---- */

/* Notes what is asked; returns the answer to it, which is the caller's. */
static char *rig_noted(struct ctl_rig *rig, struct cr_bytes request, const char *correlation)
{
    cJSON *root = cJSON_ParseWithLength((const char *)request.data, request.len);
    cJSON *command = cJSON_DetachItemFromArray(cJSON_GetObjectItemCaseSensitive(root, "commands"), 0);
    assert_non_null(command);
    cJSON *given = cJSON_DetachItemFromObjectCaseSensitive(command, "correlationData");
    assert_string_equal(cJSON_GetStringValue(given), correlation);
    cJSON_Delete(given);
    assert_true(rig->make != NULL || rig->asked < CTL_RIG_ASKED_MAX);
    if (rig->asked < CTL_RIG_ASKED_MAX) {
        rig->request[rig->asked] = cJSON_PrintUnformatted(command);
    }
    rig->asked++;
    if (rig->stop_at != 0 && rig->asked == rig->stop_at) {
        rig->stop = 1;
    }
    const char *answer = rig->make == NULL ? rig->answer[rig->asked - 1] : "";
    assert_non_null(answer);
    char *made = rig->make != NULL ? rig->make(rig, command) : strdup(answer);
    assert_non_null(made);
    cJSON_Delete(command);
    cJSON_Delete(root);
    return made;
}

/* Takes the answer. */
static cr_err rig_answer(cJSON **response, char *answer, char why[CTL_WHY_CAP])
{
    cr_err err = CR_OK;
    *response = NULL;
    if (answer[0] == '?') {
        (void)snprintf(why, CTL_WHY_CAP, "no connection to nowhere");
        err = CR_UNAVAILABLE;
    } else if (answer[0] == '!') {
        *response = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(*response, "error", "No.");
        (void)cJSON_AddStringToObject(*response, "errorCode", answer + 1);
    } else if (strncmp(answer, "{\"error", 7) == 0) {
        *response = cJSON_Parse(answer);
    } else {
        *response = cJSON_CreateObject();
        cJSON *data = cJSON_Parse(answer);
        assert_non_null(data);
        assert_true(cJSON_AddItemToObject(*response, "data", data));
    }
    free(answer);
    return err;
}

static cr_err rig_ask(void *ctx, cJSON **response, struct cr_bytes request, const char *correlation, char why[CTL_WHY_CAP])
{
    return rig_answer(response, rig_noted(ctx, request, correlation), why);
}

static cr_err rig_send(void *ctx, struct cr_bytes request, const char *correlation, char why[CTL_WHY_CAP])
{
    struct ctl_rig *rig = ctx;
    (void)why;
    assert_true(rig->under_way < CTL_WINDOW);
    (void)snprintf(rig->sent[rig->under_way].correlation, CTL_CORRELATION_CAP, "%s", correlation);
    rig->sent[rig->under_way++].answer = rig_noted(rig, request, correlation);
    rig->most_under_way = rig->under_way > rig->most_under_way ? rig->under_way : rig->most_under_way;
    return CR_OK;
}

static cr_err rig_take(void *ctx, cJSON **response, char correlation[CTL_CORRELATION_CAP], char why[CTL_WHY_CAP])
{
    struct ctl_rig *rig = ctx;
    assert_true(rig->under_way > 0);
    unsigned which = rig->backwards ? rig->under_way - 1 : 0;
    char *answer = rig->sent[which].answer;
    memcpy(correlation, rig->sent[which].correlation, CTL_CORRELATION_CAP);
    rig->under_way--;
    memmove(rig->sent + which, rig->sent + which + 1, (rig->under_way - which) * sizeof rig->sent[0]);
    return rig_answer(response, answer, why);
}

static void (*told)(void *owner, const char *kind, struct cr_bytes payload);
static void *told_owner;

static cr_err rig_listen(void *ctx, const char *topic,
                         void (*on_event)(void *owner, const char *kind, struct cr_bytes payload), void *owner,
                         char why[CTL_WHY_CAP])
{
    struct ctl_rig *rig = ctx;
    (void)why;
    rig->request[rig->asked++] = strdup(topic);
    rig->listened++;
    told = on_event;
    told_owner = owner;
    return CR_OK;
}

static cr_err rig_wait(void *ctx, unsigned wait_ms, char why[CTL_WHY_CAP])
{
    struct ctl_rig *rig = ctx;
    (void)wait_ms;
    (void)why;
    rig->waits++;
    for (const char *line = rig->events; line != NULL && *line != '\0' && told != NULL;) {
        char kind[40];
        size_t len = strcspn(line, " "), end = strcspn(line, "\n");
        (void)snprintf(kind, sizeof kind, "%.*s", (int)len, line);
        told(told_owner, kind, (struct cr_bytes){ (const uint8_t *)line + len + 1, end - len - 1 });
        line += end + (line[end] == '\n');
    }
    rig->events = NULL;
    if (rig->kind != NULL && told != NULL) {
        told(told_owner, rig->kind, rig->payload);
    }
    if (rig->stop_after != 0 && rig->waits >= rig->stop_after) {
        rig->stop = 1;
    }
    return CR_OK;
}

static void rig_drop(void *ctx)
{
    struct ctl_rig *rig = ctx;
    rig->drops++;
}

/* ---- a run ---- */

static int64_t wall(const struct cr_clock *clock)
{
    (void)clock;
    return CTL_RIG_NOW;
}

static int64_t mono(const struct cr_clock *clock)
{
    static int64_t ms;
    (void)clock;
    return ms += 300; /* so that progress is shown, too */
}

void ctl_rig_run(struct ctl_rig *rig, const char *line)
{
    static struct ctl_options options;
    static const struct cr_clock clock = { wall, mono };
    const struct ctl_link link = { rig, rig_ask, rig_listen, rig_wait, rig_drop, rig_send, rig_take };
    char why[CTL_WHY_CAP], nothing[] = "";
    size_t out_len = 0, err_len = 0;
    ctl_options_init(&options);
    options.now_s = CTL_RIG_NOW;
    if (ctl_rig_parse(&options, line, why) != CR_OK) {
        fail_msg("%s: %s", line, why);
    }
    FILE *out = open_memstream(&rig->out, &out_len), *err = open_memstream(&rig->err, &err_len);
    FILE *in = rig->typed != NULL && rig->typed[0] != '\0' ? fmemopen((void *)(uintptr_t)rig->typed, strlen(rig->typed), "r")
               : rig->input != NULL                         ? fmemopen((void *)(uintptr_t)rig->input, rig->input_len, "r")
                                                            : fmemopen(nothing, 1, "r");
    assert_true(out != NULL && err != NULL && in != NULL);
    struct ctl_run run = { .options = &options, .link = &link, .clock = &clock, .in = in, .err = err,
                           .sheet = sheet_of(out, false, rig->width), .in_terminal = rig->typed != NULL,
                           .err_terminal = rig->typed != NULL, .stop = &rig->stop };
    told = NULL;
    rig->rc = options.command->run(&run);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fclose(err), 0);
    assert_int_equal(fclose(in), 0);
    ctl_options_fini(&options);
}

void ctl_rig_free(struct ctl_rig *rig)
{
    for (unsigned i = 0; i < rig->asked && i < CTL_RIG_ASKED_MAX; i++) {
        free(rig->request[i]);
    }
    for (unsigned i = 0; i < rig->under_way; i++) {
        free(rig->sent[i].answer);
    }
    free(rig->out);
    free(rig->err);
}
