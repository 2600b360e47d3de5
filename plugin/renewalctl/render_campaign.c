/* Campaigns: one with its groups, a list of them, and what is seen of one while it runs. */
#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { BAR_WIDTH = 24, BAR_LEAST = 8 };

static const struct { const char *name, *word; enum ctl_colour colour; } counts[] = {
    { "asked", "under way", CTL_BUSY },       { "renewed", "renewed", CTL_GOOD },
    { "failed", "failed", CTL_BAD },          { "unanswered", "unanswered", CTL_BAD },
    { "cancelled", "cancelled", CTL_PLAIN },  { "skipped", "on hold", CTL_PLAIN },
};
enum { COUNTS = sizeof counts / sizeof counts[0], ASKED = 0, RENEWED = 1 };

static double count_of(const cJSON *object, const char *name)
{
    double count = ctl_number_of(cJSON_GetObjectItemCaseSensitive(object, name), 0);
    return count > 0 ? count : 0;
}

/* Those that nothing more is expected of. */
static double ended_of(const cJSON *object)
{
    double ended = 0;
    for (size_t i = ASKED + 1; i < COUNTS; i++) {
        ended += count_of(object, counts[i].name);
    }
    return ended;
}

static enum ctl_colour campaign_colour(const char *state)
{
    return strcmp(state, "done") == 0      ? CTL_GOOD
           : strcmp(state, "paused") == 0  ? CTL_BAD
           : strncmp(state, "abort", 5) == 0 ? CTL_BAD
                                           : CTL_BUSY;
}

static void number_cell(char cell[CTL_CELL_CAP], double number, bool zero)
{
    cell[0] = '\0';
    if (number > 0 || zero) {
        (void)snprintf(cell, CTL_CELL_CAP, "%.0f", number);
    }
}

/* "12 of 100, 10 renewed, 2 failed" */
static void progress_text(char cell[CTL_CELL_CAP], const cJSON *object)
{
    (void)snprintf(cell, CTL_CELL_CAP, "%.0f of %.0f", ended_of(object), count_of(object, "total"));
    for (size_t i = 0; i < COUNTS; i++) {
        char text[80];
        double count = count_of(object, counts[i].name);
        (void)snprintf(text, sizeof text, "%.0f %s", count, counts[i].word);
        ctl_cell_add(cell, "", count > 0 ? text : "");
    }
}

static void text_of(char cell[CTL_CELL_CAP], const cJSON *object, const char *name)
{
    ctl_cell_of(cell, cJSON_GetObjectItemCaseSensitive(object, name));
}

/* "paused by errors" */
static void state_text(char cell[CTL_CELL_CAP], const cJSON *campaign)
{
    char by[CTL_CELL_CAP];
    text_of(cell, campaign, "state");
    text_of(by, campaign, "pausedBy");
    ctl_cell_append(cell, by[0] != '\0' ? " by " : "");
    ctl_cell_append(cell, by);
}

/* ---- one ---- */

static void groups_table(const struct ctl_sheet *sheet, const cJSON *groups)
{
    static const char *const head[] = { "GROUP", "OF", "STATE", "TOTAL", "ASKED", "RENEWED", "FAILED", "NO ANSWER",
                                        "CANCELLED", "SKIPPED" };
    struct ctl_table table;
    ctl_table_init(&table, 10, head);
    for (const cJSON *group = cJSON_IsArray(groups) ? groups->child : NULL; group != NULL; group = group->next) {
        struct ctl_line *line = ctl_table_row(&table);
        char tag[CTL_CELL_CAP];
        text_of(line->cell[0], group, "name");
        text_of(line->cell[1], group, "share");
        text_of(tag, group, "tag");
        ctl_cell_add(line->cell[1], "tag ", tag);
        ctl_cell_append(line->cell[1], line->cell[1][0] == '\0' ? "rest" : "");
        text_of(line->cell[2], group, "state");
        line->colour[2] = strcmp(line->cell[2], "done") == 0 ? CTL_GOOD : CTL_PLAIN;
        number_cell(line->cell[3], count_of(group, "total"), true);
        for (unsigned i = 0; i < COUNTS; i++) {
            double count = count_of(group, counts[i].name);
            number_cell(line->cell[4 + i], count, i <= RENEWED + 2);
            line->colour[4 + i] = count > 0 ? counts[i].colour : CTL_PLAIN;
        }
    }
    (void)fputs(table.rows > 1 ? "\n" : "", sheet->out);
    ctl_table_end(&table, sheet);
}

/* "tag lab, expiresWithin 30d" */
static void filter_take(char cell[CTL_CELL_CAP], cJSON *data)
{
    cJSON *filter = ctl_take(data, "filter");
    cell[0] = '\0';
    for (const cJSON *item = cJSON_IsObject(filter) ? filter->child : NULL; item != NULL; item = item->next) {
        char name[CTL_CELL_CAP], text[CTL_CELL_CAP];
        (void)snprintf(name, sizeof name, "%.64s ", item->string);
        ctl_printable(name);
        ctl_cell_of(text, item);
        ctl_cell_add(cell, name, text);
    }
    ctl_cell_append(cell, filter != NULL && cell[0] == '\0' ? "the whole fleet" : "");
    cJSON_Delete(filter);
}

static void one_render(const struct ctl_sheet *sheet, cJSON *data)
{
    static const char *const known[] = { "state", "pausedBy", "group", "total", "groups" };
    char cell[CTL_CELL_CAP], text[CTL_CELL_CAP];
    ctl_cell_take(cell, data, "campaign");
    ctl_cell_add_take(cell, "", data, "name");
    ctl_sheet_row(sheet, "campaign", cell, CTL_PLAIN);
    text_of(text, data, "state");
    state_text(cell, data);
    ctl_sheet_row(sheet, "state", cell, campaign_colour(text));
    progress_text(cell, data);
    ctl_sheet_row(sheet, "progress", cJSON_GetObjectItemCaseSensitive(data, "total") != NULL ? cell : "", CTL_PLAIN);
    filter_take(cell, data);
    ctl_sheet_row(sheet, "about", cell, CTL_PLAIN);
    ctl_cell_take(cell, data, "created");
    ctl_cell_add_take(cell, "by ", data, "createdBy");
    ctl_sheet_row(sheet, "created", cell, CTL_PLAIN);
    ctl_row_take(sheet, "start", data, "start");
    ctl_row_take(sheet, "deadline", data, "deadline");
    ctl_count_take(cell, data, "rate", "", " each second");
    ctl_sheet_row(sheet, "rate", cell, CTL_PLAIN);
    ctl_row_take(sheet, "reason", data, "reason");
    cJSON *groups = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(data, "groups"), true);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        cJSON_Delete(ctl_take(data, known[i]));
    }
    for (size_t i = 0; i < COUNTS; i++) {
        cJSON_Delete(ctl_take(data, counts[i].name));
    }
    ctl_sheet_rest(sheet, data);
    groups_table(sheet, groups);
    cJSON_Delete(groups);
}

/* ---- many ---- */

static void many_render(const struct ctl_sheet *sheet, const cJSON *campaigns)
{
    static const char *const head[] = { "CAMPAIGN", "STATE", "ENDED", "TOTAL", "RENEWED", "ERRORS", "CREATED", "BY",
                                        "NAME" };
    struct ctl_table table;
    ctl_table_init(&table, 9, head);
    for (const cJSON *one = campaigns->child; one != NULL; one = one->next) {
        struct ctl_line *line = ctl_table_row(&table);
        char created[CTL_CELL_CAP], state[CTL_CELL_CAP];
        double errors = count_of(one, "failed") + count_of(one, "unanswered"), total = count_of(one, "total");
        text_of(line->cell[0], one, "campaign");
        text_of(state, one, "state");
        state_text(line->cell[1], one);
        line->colour[1] = campaign_colour(state);
        (void)snprintf(line->cell[2], CTL_CELL_CAP, "%.0f%%", 100 * ctl_share_of(ended_of(one), total));
        number_cell(line->cell[3], total, true);
        number_cell(line->cell[4], count_of(one, "renewed"), true);
        number_cell(line->cell[5], errors, true);
        line->colour[5] = errors > 0 ? CTL_BAD : CTL_PLAIN;
        text_of(created, one, "created");
        if (created[0] != '\0') {
            ctl_when_text(line->cell[6], created, sheet->now_s, false);
        }
        text_of(line->cell[7], one, "createdBy");
        text_of(line->cell[8], one, "name");
        if (table.rows > CTL_ROWS_MAX) {
            ctl_table_flush(&table, sheet);
        }
    }
    if (table.rows == 1 && !table.begun) {
        (void)fputs("no campaigns\n", sheet->out);
    }
    ctl_table_end(&table, sheet);
}

void ctl_render_campaign(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    const cJSON *campaigns = cJSON_GetObjectItemCaseSensitive(data, "campaigns");
    (void)options;
    if (cJSON_IsArray(campaigns)) {
        many_render(sheet, campaigns);
    } else {
        one_render(sheet, data);
    }
}

/* ---- watching ---- */

/* How wide the bars may be, so that the longest line fits; all of them are equally wide. */
static int bar_width(const struct ctl_sheet *sheet, const cJSON *campaign, const cJSON *groups)
{
    static const int around = 14; /* the name, blanks, brackets */
    char text[CTL_CELL_CAP];
    size_t most = 0;
    const cJSON *group = cJSON_IsArray(groups) ? groups->child : NULL;
    for (const cJSON *one = campaign; one != NULL; one = one == campaign ? group : one->next) {
        progress_text(text, one);
        most = strlen(text) > most ? strlen(text) : most;
    }
    int width = sheet->width - around - (int)most;
    return sheet->width == 0 || width > BAR_WIDTH ? BAR_WIDTH : width < BAR_LEAST ? BAR_LEAST : width;
}

static void bar_line(const struct ctl_sheet *sheet, const char *name, const cJSON *object, int width,
                     enum ctl_colour colour)
{
    char line[CTL_CELL_CAP], bar[BAR_WIDTH + 1], text[CTL_CELL_CAP];
    ctl_bar_text(bar, sizeof bar, width, ended_of(object), count_of(object, "total"));
    progress_text(text, object);
    (void)snprintf(line, sizeof line, "%-10.32s [%s] %.160s", name, bar, text);
    ctl_sheet_line(sheet, line, colour);
}

unsigned ctl_render_watch(const struct ctl_sheet *sheet, const cJSON *campaign)
{
    char id[CTL_CELL_CAP], name[CTL_CELL_CAP], state[CTL_CELL_CAP], line[CTL_CELL_CAP];
    const cJSON *groups = cJSON_GetObjectItemCaseSensitive(campaign, "groups");
    unsigned lines = 2;
    int width = bar_width(sheet, campaign, groups);
    text_of(id, campaign, "campaign");
    text_of(name, campaign, "name");
    state_text(state, campaign);
    (void)snprintf(line, sizeof line, "%.16s  %.64s%s%.40s", id, name, name[0] != '\0' ? "  " : "", state);
    text_of(state, campaign, "state");
    ctl_sheet_line(sheet, line, campaign_colour(state));
    for (const cJSON *group = cJSON_IsArray(groups) ? groups->child : NULL; group != NULL && lines < 20;
         group = group->next, lines++) {
        text_of(name, group, "name");
        text_of(state, group, "state");
        bar_line(sheet, name, group, width, strcmp(state, "done") == 0      ? CTL_GOOD
                                            : strcmp(state, "waiting") == 0 ? CTL_FAINT
                                                                            : CTL_PLAIN);
    }
    bar_line(sheet, "all", campaign, width, CTL_PLAIN);
    return lines;
}

void ctl_watch_line(char *line, size_t cap, const cJSON *campaign)
{
    char state[CTL_CELL_CAP], text[CTL_CELL_CAP], group[CTL_CELL_CAP] = "";
    double at = ctl_number_of(cJSON_GetObjectItemCaseSensitive(campaign, "group"), -1);
    const cJSON *groups = cJSON_GetObjectItemCaseSensitive(campaign, "groups");
    state_text(state, campaign);
    progress_text(text, campaign);
    if (at >= 0 && at < 64 && cJSON_IsArray(groups)) {
        text_of(group, cJSON_GetArrayItem(groups, (int)at), "name");
    }
    (void)snprintf(line, cap, "%.40s%s%.32s: %.160s", state, group[0] != '\0' ? ", group " : "", group, text);
}
