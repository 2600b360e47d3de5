/* sheet: aligned rows and tables of text, and JSON values as cells of them. One thread; no limits but the heap's: what
 * cannot be shown for want of memory is left out. */
#ifndef CR_CTL_SHEET_H
#define CR_CTL_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cJSON;

enum ctl_colour { CTL_PLAIN, CTL_GOOD, CTL_BUSY, CTL_BAD, CTL_FAINT };
enum { CTL_CELL_CAP = 256, CTL_COLUMNS_MAX = 10, CTL_ROWS_MAX = 256 };

#define CTL_NUMBER_MAX 1e15 /* each whole number up to it is a double */

struct ctl_sheet {
    FILE *out;
    bool colour;
    int width;      /* columns of the terminal; 0: it is none, and nothing is cut */
    int64_t now_s;  /* what "in 12 d" is from */
    int indent;
    int label_width;
};

/* "label   value", nothing when value is "". */
void ctl_sheet_row(const struct ctl_sheet *sheet, const char *label, const char *value, enum ctl_colour colour);

/* A line of text, cut at the terminal's width. */
void ctl_sheet_line(const struct ctl_sheet *sheet, const char *text, enum ctl_colour colour);

/* A row of a table. */
struct ctl_line {
    char cell[CTL_COLUMNS_MAX][CTL_CELL_CAP];
    enum ctl_colour colour[CTL_COLUMNS_MAX];
};

/* A table: the head first, then rows in order; printed when its columns' widths are known: those of the first rows that
 * are printed together count for all. On a terminal columns in which nothing stands are left out, and lines end where
 * it ends. */
struct ctl_table {
    unsigned columns, rows;
    struct ctl_line *line;       /* heap, CTL_ROWS_MAX + 1; NULL: no memory */
    int width[CTL_COLUMNS_MAX];
    bool begun;                  /* the head was printed */
    bool fixed;                  /* the widths were given */
};
void ctl_table_init(struct ctl_table *table, unsigned columns, const char *const *head);
/* The columns are so wide from the first row on, whatever stands in them: for rows that come one by one. What is wider
 * moves its neighbours only. */
void ctl_table_fix(struct ctl_table *table, const int *width);
/* The next row to fill; a scratch row when the table is full or has no memory. */
struct ctl_line *ctl_table_row(struct ctl_table *table);
/* Prints the rows so far, which are then forgotten. Nothing is printed when there are none. */
void ctl_table_flush(struct ctl_table *table, const struct ctl_sheet *sheet);
/* Flushes and frees. */
void ctl_table_end(struct ctl_table *table, const struct ctl_sheet *sheet);

/* Detaches object[name] and writes it as a cell: text as it is, yes and no, numbers, other things as JSON; "" when it
 * is not there. Harmless on an object that is NULL. */
void ctl_cell_take(char cell[CTL_CELL_CAP], struct cJSON *object, const char *name);
/* The same of an item that is somebody else's, or NULL. */
void ctl_cell_of(char cell[CTL_CELL_CAP], const struct cJSON *item);
/* A number of an answer, which may be any: those beyond CTL_NUMBER_MAX, infinity too, count as it, so that sums and
 * shares of them are numbers as well. `otherwise` when it is not one, or not there. */
double ctl_number_of(const struct cJSON *item, double otherwise);
/* Detaches it. */
double ctl_number_take(struct cJSON *object, const char *name, double otherwise);
/* Detaches a truth; `otherwise` when it is not one. */
bool ctl_truth_take(struct cJSON *object, const char *name, bool otherwise);
/* Detaches anything: the caller frees with cJSON_Delete. NULL: not there. */
struct cJSON *ctl_take(struct cJSON *object, const char *name);
/* A row for every field still in the object: what this version does not know. */
void ctl_sheet_rest(const struct ctl_sheet *sheet, const struct cJSON *object);

/* "2026-12-03 in 12 d" of an RFC 3339 time, "2026-11-20 1 d ago"; the text itself when it is none. */
void ctl_when_text(char cell[CTL_CELL_CAP], const char *time, int64_t now_s, bool with_date);
/* The seconds from now to a time; INT64_MAX: it is none. */
int64_t ctl_until_s(const char *time, int64_t now_s);
/* From 0 to 1, whatever the two are: 0 without a total. */
double ctl_share_of(double done, double total);
/* A bar of so many characters, # for the done part of the total and . for the rest. */
void ctl_bar_text(char *bar, size_t cap, int width, double done, double total);

/* Appends as much of a text as fits. */
void ctl_cell_append(char cell[CTL_CELL_CAP], const char *text);
/* Replaces what a terminal might obey: everything below space, DEL, and the C1 controls of UTF-8. */
void ctl_printable(char *text);
/* "3 d 4 h", "12 min 5 s", "45 s" */
void ctl_duration_text(char cell[CTL_CELL_CAP], double seconds);

#endif
