/* lines: log lines of other threads, on their way to the loop, which alone may write the broker's log.
 * Bounded: when it is full further lines are counted, not kept.
 *
 * Threads: put from any, take on the loop. One lock inside, held while a line is copied. */
#ifndef CR_LINES_H
#define CR_LINES_H

#include "common/err.h"

#include <stdbool.h>

enum { CR_LINE_CAP = 400 };

struct cr_log_line {
    char level;             /* 'e', 'w', 'n', 'd' */
    char text[CR_LINE_CAP]; /* cut to this length */
};

struct cr_lines;

CR_MUST_USE cr_err cr_lines_new(struct cr_lines **lines);
void cr_lines_free(struct cr_lines *lines);

void cr_lines_put(struct cr_lines *lines, char level, const char *text);
/* The oldest line. False: there is none; costs next to nothing. */
CR_MUST_USE bool cr_lines_take(struct cr_lines *lines, struct cr_log_line *line);
/* How many were not kept since this was last asked. */
unsigned cr_lines_lost(struct cr_lines *lines);

#endif
