#include "plugin/renewalctl/sheet.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char *const colour_codes[] = {
    [CTL_PLAIN] = "", [CTL_GOOD] = "\033[32m", [CTL_BUSY] = "\033[33m", [CTL_BAD] = "\033[31m", [CTL_FAINT] = "\033[2m",
};

void ctl_printable(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f) {
            *at = '?';
        } else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
            at[0] = '?';
            at[1] = '?';
        }
    }
}

void ctl_cell_append(char cell[CTL_CELL_CAP], const char *text)
{
    size_t len = strnlen(cell, CTL_CELL_CAP - 1);
    size_t more = strnlen(text, CTL_CELL_CAP - 1 - len);
    memcpy(cell + len, text, more);
    cell[len + more] = '\0';
}

void ctl_duration_text(char cell[CTL_CELL_CAP], double seconds)
{
    static const struct { double s; const char *unit; } units[] = {
        { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" },
    };
    if (!(seconds >= 0) || seconds > 1e12) {
        (void)snprintf(cell, CTL_CELL_CAP, "-");
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        if (seconds >= units[i].s) {
            long long large = (long long)(seconds / units[i].s);
            long long small = (long long)((seconds - (double)large * units[i].s) / units[i + 1].s);
            (void)snprintf(cell, CTL_CELL_CAP, "%lld %s %lld %s", large, units[i].unit, small, units[i + 1].unit);
            return;
        }
    }
    (void)snprintf(cell, CTL_CELL_CAP, "%.0f s", seconds);
}

/* Columns that a UTF-8 text takes, one per character. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void put(const struct ctl_sheet *sheet, const char *text, enum ctl_colour colour, int width)
{
    bool paint = sheet->colour && colour != CTL_PLAIN;
    int pad = width - width_of(text);
    (void)fprintf(sheet->out, "%s%s%s%*s", paint ? colour_codes[colour] : "", text, paint ? "\033[0m" : "",
                  pad > 0 ? pad : 0, "");
}

void ctl_sheet_row(const struct ctl_sheet *sheet, const char *label, const char *value, enum ctl_colour colour)
{
    if (value[0] == '\0') {
        return;
    }
    (void)fprintf(sheet->out, "%*s", sheet->indent, "");
    put(sheet, label, CTL_FAINT, sheet->label_width);
    (void)fputs("  ", sheet->out);
    put(sheet, value, colour, 0);
    (void)fputc('\n', sheet->out);
}

void ctl_table_init(struct ctl_table *table, unsigned columns, const char *const *head)
{
    table->columns = columns;
    table->rows = 0;
    table->cell = calloc(CTL_ROWS_MAX + 1, sizeof *table->cell);
    char (*cells)[CTL_CELL_CAP] = ctl_table_row(table);
    for (unsigned c = 0; c < columns; c++) {
        (void)snprintf(cells[c], CTL_CELL_CAP, "%s", head[c]);
    }
}

char (*ctl_table_row(struct ctl_table *table))[CTL_CELL_CAP]
{
    static char scratch[CTL_COLUMNS_MAX][CTL_CELL_CAP];
    if (table->cell == NULL || table->rows > CTL_ROWS_MAX) {
        return scratch;
    }
    return table->cell[table->rows++];
}

void ctl_table_end(struct ctl_table *table, const struct ctl_sheet *sheet)
{
    int width[CTL_COLUMNS_MAX] = { 0 };
    if (table->cell != NULL && table->rows > 1) {
        for (unsigned r = 0; r < table->rows; r++) {
            for (unsigned c = 0; c < table->columns; c++) {
                int w = width_of(table->cell[r][c]);
                width[c] = w > width[c] ? w : width[c];
            }
        }
        (void)fputc('\n', sheet->out);
        for (unsigned r = 0; r < table->rows; r++) {
            for (unsigned c = 0; c < table->columns; c++) {
                bool last = c + 1 == table->columns;
                put(sheet, table->cell[r][c], r == 0 ? CTL_FAINT : CTL_PLAIN, last ? 0 : width[c]);
                (void)fputs(last ? "\n" : "  ", sheet->out);
            }
        }
    }
    free(table->cell);
    table->cell = NULL;
}

struct cJSON *ctl_take(struct cJSON *object, const char *name)
{
    return cJSON_DetachItemFromObjectCaseSensitive(object, name);
}

static void cell_of(char cell[CTL_CELL_CAP], const cJSON *item)
{
    cell[0] = '\0';
    if (item == NULL || cJSON_IsNull(item)) {
        return;
    }
    if (cJSON_IsString(item)) {
        (void)snprintf(cell, CTL_CELL_CAP, "%s", item->valuestring);
    } else if (cJSON_IsBool(item)) {
        (void)snprintf(cell, CTL_CELL_CAP, "%s", cJSON_IsTrue(item) ? "yes" : "no");
    } else {
        char *json = cJSON_PrintUnformatted(item);
        (void)snprintf(cell, CTL_CELL_CAP, "%s", json != NULL ? json : "");
        cJSON_free(json);
    }
    ctl_printable(cell);
}

void ctl_cell_take(char cell[CTL_CELL_CAP], struct cJSON *object, const char *name)
{
    cJSON *item = ctl_take(object, name);
    cell_of(cell, item);
    cJSON_Delete(item);
}

double ctl_number_take(struct cJSON *object, const char *name, double otherwise)
{
    cJSON *item = ctl_take(object, name);
    double number = cJSON_IsNumber(item) ? item->valuedouble : otherwise;
    cJSON_Delete(item);
    return number;
}

bool ctl_truth_take(struct cJSON *object, const char *name, bool otherwise)
{
    cJSON *item = ctl_take(object, name);
    bool truth = cJSON_IsBool(item) ? cJSON_IsTrue(item) : otherwise;
    cJSON_Delete(item);
    return truth;
}

void ctl_sheet_rest(const struct ctl_sheet *sheet, const struct cJSON *object)
{
    if (!cJSON_IsObject(object)) {
        return;
    }
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        char label[CTL_CELL_CAP], value[CTL_CELL_CAP];
        (void)snprintf(label, sizeof label, "%s", item->string);
        ctl_printable(label);
        cell_of(value, item);
        ctl_sheet_row(sheet, label, value, CTL_PLAIN);
    }
}
