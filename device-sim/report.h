/* report: what people and machines see of a run. Main thread only. */
#ifndef DEVICE_SIM_REPORT_H
#define DEVICE_SIM_REPORT_H

#include "common/clock.h"
#include "device-sim/figures.h"

#include <stdio.h>

/* One line on stderr that rewrites itself; report_progress_end() wipes it. */
void report_progress(const struct figures *figures, unsigned finished, unsigned count, unsigned renewals_each,
                     double seconds);
void report_progress_end(void);

/* How a run stands. */
struct report_moment {
    char time[CR_TIME_TEXT];
    const struct figures *figures; /* since the start */
    const struct figures *now;     /* devices: all; failed, failed_by: which fare badly; renewals: since the last one */
    unsigned awake;
};
/* One line, for logs. */
void report_line(FILE *to, const struct report_moment *moment);

void report_table(FILE *to, struct figures *figures);
/* CR_IO: not written, errno says why. "-" is standard output. */
CR_MUST_USE cr_err report_json(const char *path, struct figures *figures);

#endif
