/* report: what people and machines see of a run. Main thread only. */
#ifndef DEVICE_SIM_REPORT_H
#define DEVICE_SIM_REPORT_H

#include "device-sim/figures.h"

#include <stdio.h>

/* One line on stderr that rewrites itself; report_progress_end() wipes it. */
void report_progress(const struct figures *figures, unsigned finished, unsigned count, unsigned renewals_each,
                     double seconds);
void report_progress_end(void);

void report_table(FILE *to, struct figures *figures);
/* CR_IO: not written, errno says why. "-" is standard output. */
CR_MUST_USE cr_err report_json(const char *path, struct figures *figures);

#endif
