#include "plugin/renewalctl/rows.h"

#include <stdio.h>
#include <string.h>

static cr_err wrong(char why[CTL_WHY_CAP], const char *what)
{
    (void)snprintf(why, CTL_WHY_CAP, "%s", what);
    return CR_INVALID;
}

/* A quoted field from behind its first quote: *end is behind its last. It is moved to where it begins. */
static cr_err quoted_take(char *start, char **end, char why[CTL_WHY_CAP])
{
    char *to = start, *at = start;
    for (; *at != '\0'; at++) {
        if (*at == '"' && at[1] != '"') {
            *end = at + 1; /* what is behind is looked at before the field is ended there */
            if (at[1] != '\0' && at[1] != ',') {
                return wrong(why, "something stands between a closing quote and the next comma");
            }
            if (to != at) {
                *to = '\0';
            }
            *at = '\0';
            return CR_OK;
        }
        at += *at == '"';
        *to++ = *at;
    }
    return wrong(why, "a quote is not closed on its line");
}

cr_err ctl_csv_split(char *field[CTL_CSV_FIELDS_MAX], size_t *fields, char *line, char why[CTL_WHY_CAP])
{
    char *at = line;
    *fields = 0;
    for (;;) {
        char *end = at + strcspn(at, ",");
        if (*fields == CTL_CSV_FIELDS_MAX) {
            return wrong(why, "too many columns");
        }
        if (*at == '"') {
            field[(*fields)++] = at + 1;
            cr_err err = quoted_take(at + 1, &end, why);
            if (err != CR_OK) {
                return err;
            }
        } else {
            field[(*fields)++] = at;
            if (memchr(at, '"', (size_t)(end - at)) != NULL) {
                return wrong(why, "a quote within a field that is not quoted");
            }
        }
        if (*end == '\0') {
            return CR_OK;
        }
        *end = '\0';
        at = end + 1;
    }
}
