/* The forecast, and the parts that the status has of it. */
#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { WEEK = 7, DAYS_MAX = 366, BAR_WIDTH = 40 };

/* "980 quiet, 12 triggered" of an object of numbers, in its order. */
static void numbers_take(char cell[CTL_CELL_CAP], cJSON *object, const char *name, const char *between)
{
    cJSON *numbers = ctl_take(object, name);
    cell[0] = '\0';
    for (const cJSON *item = cJSON_IsObject(numbers) ? numbers->child : NULL; item != NULL; item = item->next) {
        char text[80];
        (void)snprintf(text, sizeof text, "%.0f%s%.32s", ctl_number_of(item, 0), between,
                       item->string);
        ctl_printable(text);
        ctl_cell_add(cell, "", text);
    }
    cJSON_Delete(numbers);
}

static void within_row(const struct ctl_sheet *sheet, cJSON *survey, const char *label, const char *name,
                       enum ctl_colour colour)
{
    char cell[CTL_CELL_CAP];
    const cJSON *numbers = cJSON_GetObjectItemCaseSensitive(survey, name);
    bool any = false;
    for (const cJSON *item = cJSON_IsObject(numbers) ? numbers->child : NULL; item != NULL; item = item->next) {
        any = any || ctl_number_of(item, 0) > 0;
    }
    numbers_take(cell, survey, name, " in ");
    ctl_cell_append(cell, cell[0] != '\0' ? " days" : "");
    ctl_sheet_row(sheet, label, cell, any ? colour : CTL_PLAIN);
}

void ctl_fleet_rows(const struct ctl_sheet *sheet, cJSON *survey)
{
    static const struct { const char *name, *after; } parts[] = {
        { "held", " on hold" }, { "expired", " expired" }, { "alerts", " with an alert" },
    };
    char cell[CTL_CELL_CAP], text[CTL_CELL_CAP];
    ctl_count_take(cell, survey, "slots", "", " certificates");
    numbers_take(text, survey, "states", " ");
    ctl_cell_add(cell, "", text);
    ctl_sheet_row(sheet, "fleet", cell, CTL_PLAIN);
    cell[0] = '\0';
    bool any = false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        any = any || ctl_number_of(cJSON_GetObjectItemCaseSensitive(survey, parts[i].name), 0) > 0;
        ctl_count_take(text, survey, parts[i].name, "", parts[i].after);
        ctl_cell_add(cell, "", text);
    }
    ctl_sheet_row(sheet, "of these", cell, any ? CTL_BUSY : CTL_PLAIN);
    within_row(sheet, survey, "expiring", "expiring", CTL_PLAIN);
}

/* The renewals of a week as a bar, against the largest week. */
static void weeks_chart(const struct ctl_sheet *sheet, const double *day, unsigned days)
{
    double week[DAYS_MAX / WEEK + 1] = { 0 }, most = 0;
    unsigned weeks = (days + WEEK - 1) / WEEK;
    for (unsigned d = 0; d < days; d++) {
        week[d / WEEK] += day[d];
        most = week[d / WEEK] > most ? week[d / WEEK] : most;
    }
    for (unsigned w = 0; w < weeks; w++) {
        char bar[BAR_WIDTH + 1], line[CTL_CELL_CAP];
        unsigned to = (w + 1) * WEEK < days ? (w + 1) * WEEK : days;
        ctl_bar_text(bar, sizeof bar, BAR_WIDTH, week[w], most);
        bar[strspn(bar, "#")] = '\0';
        (void)snprintf(line, sizeof line, "  day %2u-%-2u  %-*s  %.0f", w * WEEK + 1, to, BAR_WIDTH, bar, week[w]);
        ctl_sheet_line(sheet, line, CTL_PLAIN);
    }
}

static void renewals_take(const struct ctl_sheet *sheet, cJSON *data)
{
    cJSON *list = ctl_take(data, "renewalsPerDay");
    double day[DAYS_MAX], sum = 0, most = 0;
    unsigned days = 0;
    char cell[CTL_CELL_CAP];
    const cJSON *first = cJSON_IsArray(list) ? list->child : NULL;
    for (const cJSON *item = first; item != NULL && days < DAYS_MAX; item = item->next) {
        double count = ctl_number_of(item, 0);
        day[days] = count > 0 ? count : 0;
        sum += day[days];
        most = day[days] > most ? day[days] : most;
        days++;
    }
    if (days > 0) {
        (void)snprintf(cell, sizeof cell, "%.0f in %u days, at most %.0f a day", sum, days, most);
        ctl_sheet_row(sheet, "renewals", cell, CTL_PLAIN);
        if (sheet->width > 0) {
            weeks_chart(sheet, day, days);
        }
    }
    cJSON_Delete(list);
}

static void issuers_take(const struct ctl_sheet *sheet, cJSON *data)
{
    static const char *const head[] = { "ISSUER", "CERTIFICATES" };
    struct ctl_table table;
    cJSON *issuers = ctl_take(data, "issuers");
    ctl_table_init(&table, 2, head);
    for (cJSON *one = cJSON_IsArray(issuers) ? issuers->child : NULL; one != NULL; one = one->next) {
        struct ctl_line *line = ctl_table_row(&table);
        ctl_cell_take(line->cell[0], one, "issuer");
        ctl_cell_take(line->cell[1], one, "slots");
    }
    (void)fputs(table.rows > 1 ? "\n" : "", sheet->out);
    ctl_table_end(&table, sheet);
    cJSON_Delete(issuers);
}

void ctl_render_forecast(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    (void)options;
    ctl_fleet_rows(sheet, data);
    within_row(sheet, data, "unrenewed", "expireUnrenewed", CTL_BAD);
    renewals_take(sheet, data);
    ctl_row_take(sheet, "as of", data, "asOf");
    cJSON *issuers = ctl_take(data, "issuers");
    ctl_sheet_rest(sheet, data);
    if (issuers != NULL) {
        (void)cJSON_AddItemToObject(data, "issuers", issuers);
        issuers_take(sheet, data);
    }
}
