/* meters_progress: a bar on a terminal, once something takes longer than a second; nothing elsewhere. One thread. */
#ifndef CR_METERS_PROGRESS_H
#define CR_METERS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct meters_progress {
    const char *title;
    double begun_us, shown_us;
    bool terminal, visible;
};

void meters_progress_begin(struct meters_progress *progress, const char *title);
/* Cheap: looks at the clock seldom enough by itself. */
void meters_progress_show(struct meters_progress *progress, uint32_t done, uint32_t all, uint32_t renewed);
/* Clears the line. */
void meters_progress_end(struct meters_progress *progress);

#endif
