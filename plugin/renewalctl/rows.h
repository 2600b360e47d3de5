/* rows: devices from the command line or from a file, all of them checked before the first is sent.
 *
 * A file is CSV (RFC 4180): a device's id, then as wished its factory and its tags, these separated by ';'. A first line
 * that begins with "device" says which columns there are. A list is a file of ids, one a line. LF or CRLF, a byte order
 * mark and empty lines do no harm. A quoted field ends on its line: nothing that can be in one has a line end.
 * One thread; memory in proportion to the rows, nothing of a line that is too long is kept. */
#ifndef CR_CTL_ROWS_H
#define CR_CTL_ROWS_H

#include "plugin/renewalctl/options.h"

#include <stdint.h>
#include <stdio.h>

enum {
    CTL_ROWS_FILE_MAX = 1000000, /* lines with a device */
    CTL_ROWS_LINE_MAX = 1024,    /* bytes of a line */
    CTL_ROWS_TOLD_MAX = 50,      /* wrong lines that are told one by one */
};

struct ctl_row {
    size_t at;     /* in the text: device, factory, tags, each with a NUL; the tags separated by ';' */
    uint32_t line; /* of the file; 0: from the command line */
};

struct ctl_rows {
    char *text;
    size_t len, cap;
    struct ctl_row *row;
    size_t count, room;
    unsigned wrong;      /* lines, or devices that are there twice */
    FILE *err;           /* each is told here: "FILE, line 3: …"; NULL: nobody */
    const char *name;    /* the file's, for that */
};

enum ctl_rows_kind { CTL_ROWS_CSV, CTL_ROWS_LIST };

void ctl_rows_init(struct ctl_rows *rows, FILE *err, const char *name);
void ctl_rows_fini(struct ctl_rows *rows);

/* Appends one. CR_NOMEM. */
CR_MUST_USE cr_err ctl_rows_add(struct ctl_rows *rows, const char *device, const char *factory, const char *tags,
                                uint32_t line);
/* Reads a file to its end, and tells every wrong line; the rows are good for nothing then. CR_INVALID: there is one, or no
 * device at all, or there are too many. CR_IO: errno says why it cannot be read. CR_NOMEM. */
CR_MUST_USE cr_err ctl_rows_read(struct ctl_rows *rows, FILE *file, enum ctl_rows_kind kind);
/* Tells what is there twice. CR_INVALID: something is; CR_NOMEM. */
CR_MUST_USE cr_err ctl_rows_unique(struct ctl_rows *rows);

const char *ctl_row_device(const struct ctl_rows *rows, size_t index);
const char *ctl_row_factory(const struct ctl_rows *rows, size_t index); /* "": none */
const char *ctl_row_tags(const struct ctl_rows *rows, size_t index);

/* Whether these can be a device's tags, separated by ';'. CR_INVALID: `why` is one line. */
CR_MUST_USE cr_err ctl_tags_check(const char *tags, char why[CTL_WHY_CAP]);

/* ---- a line of CSV (csv.c) ---- */

enum { CTL_CSV_FIELDS_MAX = 8 };

/* Splits a line, without its end, in place: the fields are within it, quotes taken away. CR_INVALID: `why` is one line. */
CR_MUST_USE cr_err ctl_csv_split(char *field[CTL_CSV_FIELDS_MAX], size_t *fields, char *line, char why[CTL_WHY_CAP]);

#endif
