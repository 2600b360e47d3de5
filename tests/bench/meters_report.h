/* meters_report: what became of a campaign, as tables and as JSON. One thread. */
#ifndef CR_METERS_REPORT_H
#define CR_METERS_REPORT_H

#include "tests/bench/meters_replay.h"

#include <stdbool.h>

/* The targets are the staggered campaign's; the other one shows what it would be like without. */
void meters_report_table(const struct meters_result *result, const char *heading, bool targets);
/* How the figures come about. */
void meters_report_notes(void);
/* without: NULL, or the campaign to compare with. False: the file cannot be written. */
bool meters_report_json(const char *path, const struct meters_result *result, const struct meters_result *without,
                        uint64_t seed);

#endif
