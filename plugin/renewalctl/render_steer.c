/* What was done to devices. */
#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

void ctl_render_trigger(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char state[CTL_CELL_CAP], id[CTL_CELL_CAP], attempt[CTL_CELL_CAP], device[CTL_CELL_CAP], slot[CTL_CELL_CAP];
    ctl_cell_take(state, data, "state");
    ctl_cell_take(id, data, "renewalId");
    ctl_cell_take(attempt, data, "attempt");
    ctl_cell_take(device, data, "device");
    ctl_cell_take(slot, data, "slot");
    double delivered = ctl_number_take(data, "delivered", -1);
    (void)fprintf(sheet->out, "%s/%s: %s", device[0] != '\0' ? device : options->word[0],
                  slot[0] != '\0' ? slot : options->slot[0] != '\0' ? options->slot : "operational",
                  state[0] != '\0' ? state : "done");
    if (attempt[0] != '\0') {
        (void)fprintf(sheet->out, ", attempt %s", attempt);
    }
    if (delivered == 0) {
        (void)fputs(", not connected: it is told when it appears", sheet->out);
    } else if (delivered > 0) {
        (void)fprintf(sheet->out, ", told to %.0f session%s", delivered, delivered > 1 ? "s" : "");
    }
    (void)fprintf(sheet->out, "%s%s%s\n", id[0] != '\0' ? " (renewal " : "", id, id[0] != '\0' ? ")" : "");
    ctl_sheet_rest(sheet, data);
}

void ctl_render_refused_row(const struct ctl_sheet *sheet, cJSON *row)
{
    char device[CTL_CELL_CAP], slot[CTL_CELL_CAP], code[CTL_CELL_CAP];
    ctl_cell_take(device, row, "device");
    ctl_cell_take(slot, row, "slot");
    ctl_cell_take(code, row, "errorCode");
    (void)fprintf(sheet->out, "%s%s%s: refused (%s)\n", device, slot[0] != '\0' ? "/" : "", slot,
                  code[0] != '\0' ? code : "no reason given");
}

void ctl_render_steered(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    static const char *const lists[] = { "slots", "tags" };
    static const char *const fields[] = { "acknowledged", "acknowledgedBy", "state", "renewalId", "nextRenewal" };
    char device[CTL_CELL_CAP], slot[CTL_CELL_CAP], cell[CTL_CELL_CAP] = "", text[CTL_CELL_CAP];
    ctl_cell_take(device, data, "device");
    ctl_cell_take(slot, data, "slot");
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        bool there = cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(data, lists[i]));
        ctl_list_take(text, data, lists[i]);
        ctl_cell_add(cell, "", there && text[0] == '\0' ? "none" : text);
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        static const char *const before[] = { "", "by ", "now ", "renewal ", "next " };
        ctl_cell_add_take(cell, before[i], data, fields[i]);
    }
    (void)fprintf(sheet->out, "%s%s%s: %s%s%s\n", device[0] != '\0' ? device : options->word[0],
                  slot[0] != '\0' ? "/" : "", slot, options->command->done, cell[0] != '\0' ? ": " : "", cell);
    ctl_sheet_rest(sheet, data);
}
