#include "plugin/renewalctl/rows.h"

#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/sheet.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHOWN_MAX = 40, TEXT_MAX = 256 << 20, TAGS_MAX = 64 /* as the plugin keeps them: ",a,b," */ };

void ctl_rows_init(struct ctl_rows *rows, FILE *err, const char *name)
{
    *rows = (struct ctl_rows){ .err = err, .name = name };
}

void ctl_rows_fini(struct ctl_rows *rows)
{
    free(rows->text);
    free(rows->row);
    ctl_rows_init(rows, rows->err, rows->name);
}

const char *ctl_row_device(const struct ctl_rows *rows, size_t index)
{
    return rows->text + rows->row[index].at;
}

const char *ctl_row_factory(const struct ctl_rows *rows, size_t index)
{
    const char *device = ctl_row_device(rows, index);
    return device + strlen(device) + 1;
}

const char *ctl_row_tags(const struct ctl_rows *rows, size_t index)
{
    const char *factory = ctl_row_factory(rows, index);
    return factory + strlen(factory) + 1;
}

/* ---- what is wrong ---- */

static void tell(struct ctl_rows *rows, uint32_t line, const char *what)
{
    char text[CTL_WHY_CAP];
    rows->wrong++;
    if (rows->err == NULL || rows->wrong > CTL_ROWS_TOLD_MAX) {
        return;
    }
    if (line > 0) {
        (void)snprintf(text, sizeof text, "%.120s, line %u: %.300s", rows->name, line, what);
    } else {
        (void)snprintf(text, sizeof text, "%.300s", what);
    }
    ctl_printable(text);
    (void)fprintf(rows->err, "renewalctl: %s\n", text);
}

static void tell_rest(const struct ctl_rows *rows)
{
    if (rows->err != NULL && rows->wrong > CTL_ROWS_TOLD_MAX) {
        (void)fprintf(rows->err, "renewalctl: and %u more\n", rows->wrong - CTL_ROWS_TOLD_MAX);
    }
}

cr_err ctl_tags_check(const char *tags, char why[CTL_WHY_CAP])
{
    size_t total = 1;
    for (const char *at = tags; *at != '\0';) {
        size_t len = strcspn(at, ";");
        if (!cr_name_ok(at, len) || len > CTL_TAG_MAX) {
            (void)snprintf(why, CTL_WHY_CAP, "a tag is 1 to %d of A-Z a-z 0-9 . _ : -, not '%.*s'", CTL_TAG_MAX,
                           len > SHOWN_MAX ? SHOWN_MAX : (int)len, at);
            return CR_INVALID;
        }
        total += len + 1;
        at += len;
        at += *at == ';'; /* one at the end does no harm */
    }
    if (total > TAGS_MAX) {
        (void)snprintf(why, CTL_WHY_CAP, "the tags are too long together: %zu characters, a device has room for %d",
                       total, TAGS_MAX);
        return CR_INVALID;
    }
    return CR_OK;
}

static cr_err row_check(const char *device, const char *factory, const char *tags, char why[CTL_WHY_CAP])
{
    if (device[0] == '\0') {
        (void)snprintf(why, CTL_WHY_CAP, "there is no device's id");
        return CR_INVALID;
    }
    if (!cr_name_ok(device, strlen(device))) {
        (void)snprintf(why, CTL_WHY_CAP, "a device's id is 1 to %d of A-Z a-z 0-9 . _ : -, not '%.*s'", CR_NAME_MAX,
                       SHOWN_MAX, device);
        return CR_INVALID;
    }
    if (factory[0] != '\0' && !cr_name_ok(factory, strlen(factory))) {
        (void)snprintf(why, CTL_WHY_CAP, "a factory's name is 1 to %d of A-Z a-z 0-9 . _ : -, not '%.*s'", CR_NAME_MAX,
                       SHOWN_MAX, factory);
        return CR_INVALID;
    }
    return ctl_tags_check(tags, why);
}

/* ---- rows ---- */

static bool grow(void **memory, size_t *cap, size_t needed, size_t each)
{
    size_t more = *cap;
    while (more < needed) {
        more = more < 64 ? 64 : 2 * more;
    }
    if (more == *cap) {
        return true;
    }
    void *grown = realloc(*memory, more * each);
    if (grown != NULL) {
        *memory = grown;
        *cap = more;
    }
    return grown != NULL;
}

static void put(struct ctl_rows *rows, const char *text)
{
    size_t len = strlen(text) + 1;
    memcpy(rows->text + rows->len, text, len);
    rows->len += len;
}

cr_err ctl_rows_add(struct ctl_rows *rows, const char *device, const char *factory, const char *tags, uint32_t line)
{
    size_t len = strlen(device) + strlen(factory) + strlen(tags) + 3;
    void *text = rows->text, *row = rows->row;
    bool ok = grow(&text, &rows->cap, rows->len + len, 1);
    rows->text = text;
    ok = ok && grow(&row, &rows->room, rows->count + 1, sizeof *rows->row);
    rows->row = row;
    if (!ok) {
        return CR_NOMEM;
    }
    rows->row[rows->count++] = (struct ctl_row){ .at = rows->len, .line = line };
    put(rows, device);
    put(rows, factory);
    put(rows, tags);
    return CR_OK;
}

/* ---- a file ---- */

enum column { COLUMN_DEVICE, COLUMN_FACTORY, COLUMN_TAGS, COLUMNS };

struct reading {
    struct ctl_rows *rows;
    enum ctl_rows_kind kind;
    uint32_t line;
    bool begun;               /* a line that is not empty was there */
    enum column of[COLUMNS];  /* the columns in their order */
    size_t columns;
    char text[CTL_ROWS_LINE_MAX + 1];
    size_t len;
    bool too_long, no_text;
};

/* The first line names the columns. CR_FULL: it does not, and nothing that follows can be told right from wrong. */
static cr_err header_read(struct reading *reading, char *const *field, size_t fields, char why[CTL_WHY_CAP])
{
    static const char *const name[COLUMNS] = { "device", "factory", "tags" };
    unsigned seen = 0;
    reading->columns = 0;
    for (size_t i = 0; i < fields; i++) {
        unsigned c = 0;
        while (c < COLUMNS && strcasecmp(field[i], name[c]) != 0) {
            c++;
        }
        if (c == COLUMNS || (seen & 1U << c) != 0) {
            (void)snprintf(why, CTL_WHY_CAP, "the columns are device, factory and tags, each once, not '%.*s'%s",
                           SHOWN_MAX, field[i], c == COLUMNS ? "" : " again");
            return CR_FULL;
        }
        seen |= 1U << c;
        reading->of[reading->columns++] = (enum column)c;
    }
    return CR_OK;
}

static cr_err fields_take(struct reading *reading, char *const *field, size_t fields, char why[CTL_WHY_CAP])
{
    const char *value[COLUMNS] = { "", "", "" };
    struct ctl_rows *rows = reading->rows;
    size_t most = reading->kind == CTL_ROWS_LIST ? 1 : reading->columns;
    if (fields > most) {
        (void)snprintf(why, CTL_WHY_CAP, "%zu columns; there can be %zu", fields, most);
        return CR_INVALID;
    }
    for (size_t i = 0; i < fields; i++) {
        value[reading->of[i]] = field[i];
    }
    cr_err err = row_check(value[COLUMN_DEVICE], value[COLUMN_FACTORY], value[COLUMN_TAGS], why);
    if (err != CR_OK) {
        return err;
    }
    if (rows->count == CTL_ROWS_FILE_MAX || rows->len > TEXT_MAX) {
        (void)snprintf(why, CTL_WHY_CAP, "more than %d devices, or too much text; split the file", CTL_ROWS_FILE_MAX);
        return CR_FULL;
    }
    return ctl_rows_add(rows, value[COLUMN_DEVICE], value[COLUMN_FACTORY], value[COLUMN_TAGS], reading->line);
}

/* A line is whole. CR_FULL, CR_NOMEM: that is the end. */
static cr_err line_take(struct reading *reading, char why[CTL_WHY_CAP])
{
    char *field[CTL_CSV_FIELDS_MAX], *text = reading->text;
    size_t fields = 0;
    reading->len -= reading->len > 0 && text[reading->len - 1] == '\r';
    text[reading->len] = '\0';
    if (reading->too_long || reading->no_text) {
        (void)snprintf(why, CTL_WHY_CAP, reading->no_text ? "this is no text (UTF-8, a device a line)"
                                                          : "longer than %d bytes", CTL_ROWS_LINE_MAX);
        return CR_INVALID;
    }
    if (reading->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
    }
    if (text[0] == '\0') {
        return CR_OK;
    }
    cr_err err = ctl_csv_split(field, &fields, text, why);
    bool first = !reading->begun;
    reading->begun = true;
    if (err == CR_OK && first && strcasecmp(field[0], "device") == 0) {
        return header_read(reading, field, fields, why);
    }
    return err == CR_OK ? fields_take(reading, field, fields, why) : err;
}

static cr_err line_end(struct reading *reading)
{
    char why[CTL_WHY_CAP] = "";
    reading->line++;
    cr_err err = line_take(reading, why);
    reading->len = 0;
    reading->too_long = reading->no_text = false;
    if (err == CR_INVALID || err == CR_FULL) {
        tell(reading->rows, reading->line, why);
        reading->begun = true;
    }
    return err == CR_INVALID ? CR_OK : err;
}

static void byte_take(struct reading *reading, char byte)
{
    if (byte == '\0') {
        reading->no_text = true;
    } else if (reading->len == CTL_ROWS_LINE_MAX) {
        reading->too_long = true;
    } else {
        reading->text[reading->len++] = byte;
    }
}

cr_err ctl_rows_read(struct ctl_rows *rows, FILE *file, enum ctl_rows_kind kind)
{
    struct reading reading = { .rows = rows, .kind = kind, .of = { COLUMN_DEVICE, COLUMN_FACTORY, COLUMN_TAGS },
                               .columns = COLUMNS };
    char chunk[16384];
    cr_err err = CR_OK;
    size_t got;
    while (err == CR_OK && (got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        for (size_t i = 0; i < got && err == CR_OK; i++) {
            if (chunk[i] == '\n') {
                err = line_end(&reading);
            } else {
                byte_take(&reading, chunk[i]);
            }
        }
    }
    if (err == CR_OK && ferror(file)) {
        return CR_IO;
    }
    if (err == CR_OK && (reading.len > 0 || reading.too_long || reading.no_text)) {
        err = line_end(&reading);
    }
    if (err == CR_OK && rows->count == 0 && rows->wrong == 0) {
        tell(rows, reading.line > 0 ? reading.line : 1, "there is no device in this file");
    }
    if (err == CR_OK) {
        err = ctl_rows_unique(rows);
    } else {
        tell_rest(rows);
    }
    return err == CR_FULL || (err == CR_OK && rows->wrong > 0) ? CR_INVALID : err;
}

/* ---- what is there twice ---- */

static int by_device(const void *a, const void *b)
{
    const char *const *one = a, *const *other = b;
    int order = strcmp(*one, *other);
    return order != 0 ? order : *one < *other ? -1 : 1; /* the text has them in the file's order */
}

/* The line of a device's text. */
static uint32_t line_of(const struct ctl_rows *rows, const char *device)
{
    size_t at = (size_t)(device - rows->text), low = 0, high = rows->count;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (rows->row[middle].at <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return rows->row[low].line;
}

static void twice_tell(struct ctl_rows *rows, const char *first, const char *again)
{
    char what[CTL_WHY_CAP];
    uint32_t line = line_of(rows, first);
    int n = snprintf(what, sizeof what, "%.64s is there twice", again);
    if (line > 0 && n > 0) {
        (void)snprintf(what + n, sizeof what - (size_t)n, ", first in line %u", line);
    }
    tell(rows, line_of(rows, again), what);
}

cr_err ctl_rows_unique(struct ctl_rows *rows)
{
    const char **sorted = malloc((rows->count + 1) * sizeof *sorted);
    if (sorted == NULL) {
        return CR_NOMEM;
    }
    for (size_t i = 0; i < rows->count; i++) {
        sorted[i] = ctl_row_device(rows, i);
    }
    qsort(sorted, rows->count, sizeof *sorted, by_device);
    for (size_t i = 1, first = 0; i < rows->count; i++) {
        if (strcmp(sorted[i], sorted[first]) == 0) {
            twice_tell(rows, sorted[first], sorted[i]);
        } else {
            first = i;
        }
    }
    free(sorted);
    tell_rest(rows);
    return rows->wrong > 0 ? CR_INVALID : CR_OK;
}
