#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

void ctl_cell_add(char cell[CTL_CELL_CAP], const char *before, const char *text)
{
    if (text[0] != '\0') {
        ctl_cell_append(cell, cell[0] != '\0' ? ", " : "");
        ctl_cell_append(cell, before);
        ctl_cell_append(cell, text);
    }
}

void ctl_cell_add_take(char cell[CTL_CELL_CAP], const char *before, cJSON *object, const char *name)
{
    char text[CTL_CELL_CAP];
    ctl_cell_take(text, object, name);
    ctl_cell_add(cell, before, text);
}

void ctl_row_take(const struct ctl_sheet *sheet, const char *label, cJSON *object, const char *name)
{
    char text[CTL_CELL_CAP];
    ctl_cell_take(text, object, name);
    ctl_sheet_row(sheet, label, text, CTL_PLAIN);
}

void ctl_validity_take(char cell[CTL_CELL_CAP], cJSON *object)
{
    char from[CTL_CELL_CAP], to[CTL_CELL_CAP];
    ctl_cell_take(from, object, "notBefore");
    ctl_cell_take(to, object, "notAfter");
    cell[0] = '\0';
    if (from[0] != '\0' || to[0] != '\0') {
        (void)snprintf(cell, CTL_CELL_CAP, "%.100s to %.100s", from[0] != '\0' ? from : "-", to[0] != '\0' ? to : "-");
    }
}

enum ctl_colour ctl_state_colour(const char *state, bool held)
{
    if (held) {
        return CTL_BAD;
    }
    return strcmp(state, "quiet") == 0 ? CTL_GOOD : CTL_BUSY;
}

void ctl_part_rows(const struct ctl_sheet *sheet, const char *label, const char *cell, cJSON *part)
{
    struct ctl_sheet inner = *sheet;
    inner.indent += 2;
    inner.label_width -= 2;
    ctl_sheet_row(sheet, label, cell, CTL_PLAIN);
    ctl_sheet_rest(&inner, part);
    cJSON_Delete(part);
}

void ctl_count_take(char cell[CTL_CELL_CAP], cJSON *object, const char *name, const char *before, const char *after)
{
    double count = ctl_number_take(object, name, -1);
    cell[0] = '\0';
    if (count >= 0) {
        (void)snprintf(cell, CTL_CELL_CAP, "%s%.0f%s", before, count, after);
    }
}

enum ctl_colour ctl_level_colour(const char *level)
{
    return strcmp(level, "critical") == 0 || strcmp(level, "field") == 0 ? CTL_BAD
           : strcmp(level, "warning") == 0                               ? CTL_BUSY
                                                                         : CTL_PLAIN;
}

void ctl_list_take(char cell[CTL_CELL_CAP], cJSON *object, const char *name)
{
    cJSON *list = ctl_take(object, name);
    cell[0] = '\0';
    for (const cJSON *item = cJSON_IsArray(list) ? list->child : NULL; item != NULL; item = item->next) {
        if (cJSON_IsString(item)) {
            ctl_cell_append(cell, cell[0] != '\0' ? " " : "");
            ctl_cell_append(cell, item->valuestring);
        }
    }
    ctl_printable(cell);
    cJSON_Delete(list);
}

void ctl_trust_take(char state[CTL_CELL_CAP], enum ctl_colour *colour, cJSON *row)
{
    char reason[CTL_CELL_CAP];
    cJSON *revoked = ctl_take(row, "revoked"), *enrol = ctl_take(row, "enrol");
    if (cJSON_IsObject(revoked)) {
        ctl_cell_take(reason, revoked, "reason");
        (void)snprintf(state, CTL_CELL_CAP, "revoked%s%.200s", reason[0] != '\0' ? ": " : "", reason);
        *colour = CTL_BAD;
    } else if (cJSON_IsObject(enrol) && state[0] == '\0') {
        ctl_cell_append(state, "may enroll");
        *colour = CTL_BUSY;
    }
    cJSON_Delete(revoked);
    cJSON_Delete(enrol);
}
