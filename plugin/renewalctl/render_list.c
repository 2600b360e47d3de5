/* Rows of answers in pages: devices, alerts, the audit log. */
#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { DAY = 86400, SOON_S = 7 * DAY };

static void when_take(char cell[CTL_CELL_CAP], const struct ctl_sheet *sheet, cJSON *row, const char *name,
                      bool with_date)
{
    char time[CTL_CELL_CAP];
    ctl_cell_take(time, row, name);
    cell[0] = '\0';
    if (time[0] != '\0') {
        ctl_when_text(cell, time, sheet->now_s, with_date);
    }
}

/* notAfter with its colour: red within a week, yellow within a month. */
static void expiry_take(struct ctl_line *line, unsigned column, const struct ctl_sheet *sheet, cJSON *row)
{
    const char *time = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "notAfter"));
    int64_t until_s = time != NULL ? ctl_until_s(time, sheet->now_s) : INT64_MAX;
    line->colour[column] = until_s < SOON_S ? CTL_BAD : until_s < 30 * DAY ? CTL_BUSY : CTL_PLAIN;
    when_take(line->cell[column], sheet, row, "notAfter", true);
}

static void device_row(struct ctl_line *line, const struct ctl_sheet *sheet, cJSON *row)
{
    char hold[CTL_CELL_CAP];
    bool held = ctl_truth_take(row, "held", false);
    ctl_cell_take(line->cell[0], row, "device");
    ctl_cell_take(line->cell[1], row, "slot");
    ctl_cell_take(line->cell[2], row, "state");
    ctl_cell_take(hold, row, "hold");
    line->colour[2] = ctl_state_colour(line->cell[2], held);
    if (held) {
        (void)snprintf(line->cell[2], CTL_CELL_CAP, "held");
    }
    ctl_trust_take(line->cell[2], &line->colour[2], row);
    expiry_take(line, 3, sheet, row);
    when_take(line->cell[4], sheet, row, "lastSeen", false);
    when_take(line->cell[5], sheet, row, "nextRenewal", false);
    ctl_cell_take(line->cell[6], row, "broker");
    ctl_list_take(line->cell[7], row, "tags");
    ctl_cell_take(line->cell[8], row, "factory");
    ctl_cell_take(line->cell[9], row, "trustVersion");
}

const struct ctl_columns ctl_columns_devices = {
    .rows = "devices", .one = "certificate", .many = "certificates", .count = 10,
    .head = { "DEVICE", "SLOT", "STATE", "EXPIRES", "LAST SEEN", "NEXT", "BROKER", "TAGS", "FACTORY", "TRUST" },
    .row = device_row,
};

static void alert_row(struct ctl_line *line, const struct ctl_sheet *sheet, cJSON *row)
{
    char stage[CTL_CELL_CAP], by[CTL_CELL_CAP];
    ctl_cell_take(line->cell[0], row, "level");
    ctl_cell_take(stage, row, "stage");
    line->colour[0] = ctl_level_colour(line->cell[0]);
    if (strcmp(stage, "field") == 0) {
        ctl_cell_add(line->cell[0], "", "field");
        line->colour[0] = CTL_BAD;
    }
    ctl_cell_take(line->cell[1], row, "device");
    ctl_cell_take(line->cell[2], row, "slot");
    ctl_cell_take(line->cell[3], row, "kind");
    expiry_take(line, 4, sheet, row);
    when_take(line->cell[5], sheet, row, "lastSeen", false);
    ctl_cell_take(by, row, "acknowledgedBy");
    ctl_cell_append(line->cell[6], by);
    ctl_cell_take(line->cell[7], row, "detail");
}

const struct ctl_columns ctl_columns_alerts = {
    .rows = "alerts", .one = "alert", .many = "alerts", .count = 8,
    .head = { "LEVEL", "DEVICE", "SLOT", "KIND", "EXPIRES", "LAST SEEN", "ACK BY", "WHAT TO DO" },
    .row = alert_row,
};

/* "operator:alice", without the client and its address behind it: --json has them. On a terminal not even all of a long
 * client id, so that there is room for what happened. */
static void who_take(char cell[CTL_CELL_CAP], const struct ctl_sheet *sheet, cJSON *row)
{
    static const size_t enough = 20;
    ctl_cell_take(cell, row, "who");
    cell[strcspn(cell, " ")] = '\0';
    if (sheet->width > 0 && strlen(cell) > enough) {
        (void)snprintf(cell + enough - 1, CTL_CELL_CAP - enough, "%s", "\xe2\x80\xa6");
    }
}

/* All that no column is for: "detail, name value, name value". */
static void detail_take(char cell[CTL_CELL_CAP], cJSON *row)
{
    char text[CTL_CELL_CAP], name[CTL_CELL_CAP];
    ctl_cell_take(text, row, "id"); /* the stream's */
    ctl_cell_take(cell, row, "detail");
    while (cJSON_IsObject(row) && row->child != NULL) {
        (void)snprintf(name, sizeof name, "%.64s ", row->child->string != NULL ? row->child->string : "");
        ctl_printable(name);
        cJSON *item = cJSON_DetachItemViaPointer(row, row->child);
        ctl_cell_of(text, item);
        cJSON_Delete(item);
        ctl_cell_add(cell, name, text);
    }
}

static void audit_row(struct ctl_line *line, const struct ctl_sheet *sheet, cJSON *row)
{
    char slot[CTL_CELL_CAP];
    ctl_cell_take(line->cell[0], row, "time");
    ctl_cell_take(line->cell[1], row, "what");
    line->colour[1] = strstr(line->cell[1], "alarm") != NULL ? CTL_BAD : CTL_PLAIN;
    ctl_cell_take(line->cell[2], row, "device");
    ctl_cell_take(slot, row, "slot");
    ctl_cell_append(line->cell[2], slot[0] == '\0' ? "" : line->cell[2][0] != '\0' ? "/" : "slot ");
    ctl_cell_append(line->cell[2], slot);
    who_take(line->cell[3], sheet, row);
    ctl_cell_take(line->cell[5], row, "broker");
    detail_take(line->cell[4], row);
}

const struct ctl_columns ctl_columns_audit = {
    .rows = "entries", .one = "entry", .many = "entries", .count = 6,
    .head = { "TIME", "WHAT", "DEVICE", "WHO", "DETAIL", "BROKER" },
    .row = audit_row,
};

/* Of one device: its name needs no column. */
static void audit_one_row(struct ctl_line *line, const struct ctl_sheet *sheet, cJSON *row)
{
    char slot[CTL_CELL_CAP];
    ctl_cell_take(slot, row, "slot");
    cJSON_Delete(ctl_take(row, "device"));
    audit_row(line, sheet, row);
    ctl_cell_append(line->cell[2], slot);
}

const struct ctl_columns ctl_columns_audit_one = {
    .rows = "entries", .one = "entry", .many = "entries", .count = 6,
    .head = { "TIME", "WHAT", "SLOT", "WHO", "DETAIL", "BROKER" },
    .row = audit_one_row,
};
