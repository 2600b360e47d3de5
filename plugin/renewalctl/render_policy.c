/* The settings, and what a change of them did. */
#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

/* The settings of an object as rows: slot, key, value, source. */
static void settings_rows(struct ctl_table *table, const struct ctl_sheet *sheet, const cJSON *settings,
                          const char *slot)
{
    for (const cJSON *one = cJSON_IsObject(settings) ? settings->child : NULL; one != NULL; one = one->next) {
        struct ctl_line *line = ctl_table_row(table);
        ctl_cell_append(line->cell[0], slot);
        ctl_cell_append(line->cell[1], one->string);
        ctl_printable(line->cell[0]);
        ctl_printable(line->cell[1]);
        if (cJSON_IsObject(one)) {
            ctl_cell_of(line->cell[2], cJSON_GetObjectItemCaseSensitive(one, "value"));
            ctl_cell_of(line->cell[3], cJSON_GetObjectItemCaseSensitive(one, "source"));
        } else {
            ctl_cell_of(line->cell[2], one);
        }
        line->colour[3] = strcmp(line->cell[3], "shared") == 0 ? CTL_BUSY : CTL_FAINT;
        if (table->rows > CTL_ROWS_MAX) {
            ctl_table_flush(table, sheet);
        }
    }
}

void ctl_render_policy(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    static const char *const head[] = { "SLOT", "SETTING", "VALUE", "FROM" };
    char cell[CTL_CELL_CAP];
    struct ctl_table table;
    (void)options;
    ctl_cell_take(cell, data, "version");
    ctl_cell_add_take(cell, "changed ", data, "changed");
    ctl_cell_add_take(cell, "by ", data, "changedBy");
    ctl_sheet_row(sheet, "version", cell, CTL_PLAIN);
    cJSON *settings = ctl_take(data, "settings"), *slots = ctl_take(data, "slots");
    ctl_sheet_rest(sheet, data);
    ctl_table_init(&table, 4, head);
    settings_rows(&table, sheet, settings, "");
    for (const cJSON *slot = cJSON_IsObject(slots) ? slots->child : NULL; slot != NULL; slot = slot->next) {
        settings_rows(&table, sheet, slot, slot->string);
    }
    (void)fputs(table.rows > 1 ? "\n" : "", sheet->out);
    ctl_table_end(&table, sheet);
    cJSON_Delete(settings);
    cJSON_Delete(slots);
}

void ctl_render_policy_set(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char version[CTL_CELL_CAP];
    (void)options;
    ctl_cell_take(version, data, "version");
    (void)fprintf(sheet->out, "done%s%s\n", version[0] != '\0' ? ": the policy has version " : "", version);
    cJSON_Delete(ctl_take(data, "changed"));
    cJSON_Delete(ctl_take(data, "changedBy"));
    ctl_sheet_rest(sheet, data);
}
