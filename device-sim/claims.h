/* claims: which of the devices this process runs. Each of them is locked (flock on its directory) for as long as the
 * process lives, however it ends: two processes never simulate the same device. Main thread only. */
#ifndef DEVICE_SIM_CLAIMS_H
#define DEVICE_SIM_CLAIMS_H

#include "device-sim/options.h"
#include "device-sim/roster.h"

struct claims {
    int *locks; /* file descriptors, one for each device */
    unsigned count, cap;
};

/* Locks all devices of the roster; with --claim at most --count of those that nobody else has, and leaves only these in
 * it (that there are fewer is said on stderr). Failed: one line went to stderr. CR_DENIED: another process runs one of
 * them; CR_NOT_FOUND: or all of them; CR_IO: one cannot be locked. */
CR_MUST_USE cr_err claims_take(struct claims *claims, struct roster *roster, const struct run_options *options);
/* Lets go of them; harmless on one that is all zeros. */
void claims_fini(struct claims *claims);

#endif
