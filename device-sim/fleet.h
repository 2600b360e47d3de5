/* fleet: all devices of a run, on one libuv loop: when they arrive, how many handshake at a time, when it is over.
 * Runs until every device is finished, the time is up, or SIGINT or SIGTERM asks to stop. */
#ifndef DEVICE_SIM_FLEET_H
#define DEVICE_SIM_FLEET_H

#include "device-sim/figures.h"
#include "device-sim/options.h"

/* Runs and fills *figures. CR_OK: it ran (also when devices failed). Otherwise one line went to stderr. */
CR_MUST_USE cr_err fleet_run(const struct run_options *options, struct figures *figures);

#endif
