/* claims: which of the devices this process runs. Each of them is locked (flock on its directory) for as long as the
 * process lives, however it ends: two processes never simulate the same device. Main thread only. */
#ifndef DEVICE_SIM_CLAIMS_H
#define DEVICE_SIM_CLAIMS_H

#include "device-sim/roster.h"

#include <stdbool.h>

struct claims {
    int *locks; /* file descriptors, one for each device of the roster */
    unsigned count, cap;
};

/* Locks the devices of the roster, below <dir>/devices. CR_DENIED: another process has the device that *taken then
 * names (the roster's); CR_IO: one cannot be locked, errno says why, *taken says which. */
CR_MUST_USE cr_err claims_take_all(struct claims *claims, const struct roster *roster, const char *dir,
                                   const char **taken);
/* Locks at most `count` (0: any number) of those that nobody else has, and leaves only these in the roster.
 * CR_NOT_FOUND: there are none. CR_IO: as above. */
CR_MUST_USE cr_err claims_take_free(struct claims *claims, struct roster *roster, const char *dir, unsigned count,
                                    const char **taken);
/* Lets go of them. */
void claims_fini(struct claims *claims);

#endif
