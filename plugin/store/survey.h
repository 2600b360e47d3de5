/* survey: the fleet in figures (ask.h): adding up, and as the text that scripts/survey.lua answers with and that is
 * kept in `<prefix>:survey`. Pure; any thread. */
#ifndef CR_SURVEY_H
#define CR_SURVEY_H

#include "plugin/handoff/ask.h"

/* What a text of all figures takes at most. */
enum { CR_SURVEY_TEXT_CAP = 4096 };

/* The days of each span. */
extern const unsigned cr_survey_days[CR_SURVEY_SPANS];

/* So many more slots have certificates of this issuer. */
void cr_survey_count_issuer(struct cr_survey_counts *counts, const char *issuer, uint64_t slots);
/* Adds a part to the whole. */
void cr_survey_add(struct cr_survey_counts *counts, const struct cr_survey_counts *part);

/* Sixteen numbers: slots, held, expired, alerts, the states, expiring, at risk; then, in any order, +<day>:<renewals>
 * and @<issuer>:<slots>; a blank between two. CR_FULL: the room is too small. */
CR_MUST_USE cr_err cr_survey_text(char *text, size_t cap, const struct cr_survey_counts *counts);
/* Reads it. CR_INVALID: it is not such a text; *counts is then unspecified. */
CR_MUST_USE cr_err cr_survey_parse(struct cr_survey_counts *counts, struct cr_bytes text);

#endif
