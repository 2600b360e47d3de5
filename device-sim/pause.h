/* pause: how long a device waits before it tries again. Pure. */
#ifndef DEVICE_SIM_PAUSE_H
#define DEVICE_SIM_PAUSE_H

#include <stdbool.h>

/* Milliseconds before the next connection, after so many that failed before this one. `chance` in [0, 1) spreads it.
 * patient: twice as long each time, up to a minute, and never less than half of that; a fleet that lost its broker
 * comes back over that time and not at once. Otherwise up to some seconds: such a run is measured, and ends. */
double pause_connect_ms(unsigned failures, bool patient, double chance);
/* The same before another try at a renewal. */
double pause_renewal_ms(unsigned failures, bool patient, double chance);

#endif
