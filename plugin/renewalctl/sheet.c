#include "plugin/renewalctl/sheet.h"

#include "common/clock.h"

#include <cjson/cJSON.h>
#include <math.h>
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

/* Prints a text in so many columns; *left, unless NULL, are those of the terminal, where more is cut. */
static void put(const struct ctl_sheet *sheet, const char *text, enum ctl_colour colour, int width, int *left)
{
    bool paint = sheet->colour && colour != CTL_PLAIN && text[0] != '\0';
    int wide = width_of(text), pad = width - wide;
    size_t bytes = strlen(text);
    const char *end = "";
    if (left != NULL && wide > *left) {
        int keep = *left > 0 ? *left - 1 : 0;
        for (bytes = 0; text[bytes] != '\0' && (keep > 0 || ((unsigned char)text[bytes] & 0xc0) == 0x80); bytes++) {
            keep -= ((unsigned char)text[bytes] & 0xc0) != 0x80;
        }
        end = *left > 0 ? "\xe2\x80\xa6" : "";
        wide = *left;
        pad = 0;
    }
    pad = left != NULL && wide + pad > *left ? *left - wide : pad;
    (void)fprintf(sheet->out, "%s%.*s%s%s%*s", paint ? colour_codes[colour] : "", (int)bytes, text, end,
                  paint ? "\033[0m" : "", pad > 0 ? pad : 0, "");
    if (left != NULL) {
        *left -= wide + (pad > 0 ? pad : 0);
    }
}

void ctl_sheet_row(const struct ctl_sheet *sheet, const char *label, const char *value, enum ctl_colour colour)
{
    if (value[0] == '\0') {
        return;
    }
    (void)fprintf(sheet->out, "%*s", sheet->indent, "");
    put(sheet, label, CTL_FAINT, sheet->label_width, NULL);
    (void)fputs("  ", sheet->out);
    put(sheet, value, colour, 0, NULL);
    (void)fputc('\n', sheet->out);
}

void ctl_sheet_line(const struct ctl_sheet *sheet, const char *text, enum ctl_colour colour)
{
    int left = sheet->width;
    put(sheet, text, colour, 0, left > 0 ? &left : NULL);
    (void)fputc('\n', sheet->out);
}

void ctl_table_init(struct ctl_table *table, unsigned columns, const char *const *head)
{
    *table = (struct ctl_table){ .columns = columns };
    table->line = calloc(CTL_ROWS_MAX + 1, sizeof *table->line);
    struct ctl_line *line = ctl_table_row(table);
    for (unsigned c = 0; c < columns; c++) {
        (void)snprintf(line->cell[c], CTL_CELL_CAP, "%s", head[c]);
        line->colour[c] = CTL_FAINT;
    }
}

void ctl_table_fix(struct ctl_table *table, const int *width)
{
    memcpy(table->width, width, table->columns * sizeof table->width[0]);
    table->fixed = true;
}

struct ctl_line *ctl_table_row(struct ctl_table *table)
{
    static struct ctl_line scratch;
    struct ctl_line *line = table->line == NULL || table->rows > CTL_ROWS_MAX ? &scratch : &table->line[table->rows++];
    memset(line, 0, sizeof *line);
    return line;
}

/* The columns' widths, by the rows that are there; 0: an empty one, left out on a terminal. */
static void table_measure(struct ctl_table *table, bool leave_out)
{
    for (unsigned c = 0; c < table->columns; c++) {
        int widest = 0;
        for (unsigned r = 1; r < table->rows; r++) {
            int w = width_of(table->line[r].cell[c]);
            widest = w > widest ? w : widest;
        }
        int head = width_of(table->line[0].cell[c]);
        table->width[c] = widest == 0 && leave_out ? 0 : widest > head ? widest : head;
    }
}

static void line_print(const struct ctl_table *table, const struct ctl_sheet *sheet, const struct ctl_line *line)
{
    static const int gap = 2, least = 4; /* less of a cell says nothing */
    int left = sheet->width, over = 0;
    bool bound = sheet->width > 0, first = true;
    unsigned last = 0;
    for (unsigned c = 0; c < table->columns; c++) {
        last = line->cell[c][0] != '\0' ? c : last;
    }
    for (unsigned c = 0; c <= last; c++) {
        if (table->width[c] == 0) {
            continue;
        }
        if (!first && bound && left < gap + least && width_of(line->cell[c]) > left - gap) {
            (void)fprintf(sheet->out, "%s", left > 1 ? " \xe2\x80\xa6" : left > 0 ? "\xe2\x80\xa6" : "");
            break;
        }
        (void)fprintf(sheet->out, "%*s", first ? 0 : gap, "");
        left -= first ? 0 : gap;
        first = false;
        int width = table->width[c] > over ? table->width[c] - over : 0, wide = width_of(line->cell[c]);
        put(sheet, line->cell[c], line->colour[c], c == last ? 0 : width, bound ? &left : NULL);
        over = table->fixed && wide > width ? wide - width : 0; /* the next one makes up for it */
    }
    (void)fputc('\n', sheet->out);
}

void ctl_table_flush(struct ctl_table *table, const struct ctl_sheet *sheet)
{
    unsigned from = table->begun ? 1 : 0;
    if (table->line == NULL || table->rows <= 1) {
        return;
    }
    if (!table->begun) {
        if (!table->fixed) {
            table_measure(table, sheet->width > 0);
        }
        table->begun = true;
    }
    for (unsigned r = from; r < table->rows; r++) {
        line_print(table, sheet, &table->line[r]);
    }
    table->rows = 1;
}

void ctl_table_end(struct ctl_table *table, const struct ctl_sheet *sheet)
{
    ctl_table_flush(table, sheet);
    free(table->line);
    table->line = NULL;
}

int64_t ctl_until_s(const char *time, int64_t now_s)
{
    int64_t at_s;
    return cr_time_parse(&at_s, time) == CR_OK ? at_s - now_s : INT64_MAX;
}

void ctl_when_text(char cell[CTL_CELL_CAP], const char *time, int64_t now_s, bool with_date)
{
    static const struct { int64_t s; const char *unit; } units[] = {
        { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" },
    };
    int64_t until_s = ctl_until_s(time, now_s);
    int64_t away_s = until_s < 0 ? -until_s : until_s;
    unsigned u = 0;
    if (until_s == INT64_MAX) {
        (void)snprintf(cell, CTL_CELL_CAP, "%.64s", time);
        return;
    }
    while (u < 3 && away_s < 2 * units[u].s) {
        u++;
    }
    (void)snprintf(cell, CTL_CELL_CAP, "%.*s%s%s%lld %s%s", with_date ? 10 : 0, time, with_date ? " " : "",
                   until_s > 0 ? "in " : "", (long long)(away_s / units[u].s), units[u].unit,
                   until_s > 0 ? "" : " ago");
}

double ctl_share_of(double done, double total)
{
    return !(total > 0) || !(done > 0) ? 0 : done < total ? done / total : 1;
}

void ctl_bar_text(char *bar, size_t cap, int width, double done, double total)
{
    int full = (int)(ctl_share_of(done, total) * width);
    int at = 0;
    for (; at < width && (size_t)at + 1 < cap; at++) {
        bar[at] = at < full ? '#' : '.';
    }
    bar[at] = '\0';
}

struct cJSON *ctl_take(struct cJSON *object, const char *name)
{
    return cJSON_DetachItemFromObjectCaseSensitive(object, name);
}

void ctl_cell_of(char cell[CTL_CELL_CAP], const cJSON *item)
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
    ctl_cell_of(cell, item);
    cJSON_Delete(item);
}

double ctl_number_of(const cJSON *item, double otherwise)
{
    if (!cJSON_IsNumber(item) || isnan(item->valuedouble)) {
        return otherwise;
    }
    double number = item->valuedouble;
    return number > CTL_NUMBER_MAX ? CTL_NUMBER_MAX : number < -CTL_NUMBER_MAX ? -CTL_NUMBER_MAX : number;
}

double ctl_number_take(struct cJSON *object, const char *name, double otherwise)
{
    cJSON *item = ctl_take(object, name);
    double number = ctl_number_of(item, otherwise);
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
        ctl_cell_of(value, item);
        ctl_sheet_row(sheet, label, value, CTL_PLAIN);
    }
}
