/* sheet: aligned rows and tables of text, and JSON values as cells of them. One thread; no limits but the heap's: what
 * cannot be shown for want of memory is left out. */
#ifndef CR_CTL_SHEET_H
#define CR_CTL_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cJSON;

enum ctl_colour { CTL_PLAIN, CTL_GOOD, CTL_BUSY, CTL_BAD, CTL_FAINT };
enum { CTL_CELL_CAP = 256, CTL_COLUMNS_MAX = 6, CTL_ROWS_MAX = 256 };

struct ctl_sheet {
    FILE *out;
    bool colour;
    int indent;
    int label_width;
};

/* "label   value", nothing when value is "". */
void ctl_sheet_row(const struct ctl_sheet *sheet, const char *label, const char *value, enum ctl_colour colour);

/* A table: the head first, then rows in order; printed when its columns' widths are known. */
struct ctl_table {
    unsigned columns, rows;
    char (*cell)[CTL_COLUMNS_MAX][CTL_CELL_CAP]; /* heap, CTL_ROWS_MAX + 1 rows; NULL: no memory */
};
void ctl_table_init(struct ctl_table *table, unsigned columns, const char *const *head);
/* The next row's cells to fill; a scratch row when the table is full or has no memory. */
char (*ctl_table_row(struct ctl_table *table))[CTL_CELL_CAP];
/* Prints and frees. Nothing is printed when there are no rows. */
void ctl_table_end(struct ctl_table *table, const struct ctl_sheet *sheet);

/* Detaches object[name] and writes it as a cell: text as it is, yes and no, numbers, other things as JSON; "" when it
 * is not there. Harmless on an object that is NULL. */
void ctl_cell_take(char cell[CTL_CELL_CAP], struct cJSON *object, const char *name);
/* Detaches a number; `otherwise` when it is not one. */
double ctl_number_take(struct cJSON *object, const char *name, double otherwise);
/* Detaches a truth; `otherwise` when it is not one. */
bool ctl_truth_take(struct cJSON *object, const char *name, bool otherwise);
/* Detaches anything: the caller frees with cJSON_Delete. NULL: not there. */
struct cJSON *ctl_take(struct cJSON *object, const char *name);
/* A row for every field still in the object: what this version does not know. */
void ctl_sheet_rest(const struct ctl_sheet *sheet, const struct cJSON *object);

/* Appends as much of a text as fits. */
void ctl_cell_append(char cell[CTL_CELL_CAP], const char *text);
/* Replaces what a terminal might obey: everything below space, DEL, and the C1 controls of UTF-8. */
void ctl_printable(char *text);
/* "3 d 4 h", "12 min 5 s", "45 s" */
void ctl_duration_text(char cell[CTL_CELL_CAP], double seconds);

#endif
