/* watch: what a run that lasts tells about itself: a line on standard output now and then, and a file whose time of
 * change says that the loop turns. Main thread only. */
#ifndef DEVICE_SIM_WATCH_H
#define DEVICE_SIM_WATCH_H

#include "device-sim/device.h"

struct watch {
    const struct run_options *options;
    const struct figures *figures;
    const struct device *devices;
    unsigned count;
    unsigned reported;  /* renewals, at the last line */
    uv_timer_t timer;   /* initialised by the owner, who closes it */
};

/* Touches the file of --alive for the first time, and sets the lines of --report going. All pointers are lent. CR_IO:
 * the file cannot be written, errno says why. */
CR_MUST_USE cr_err watch_start(struct watch *watch);
/* About once a second. */
void watch_tick(const struct watch *watch);

#endif
