/* roster: which devices there are: the names of <dir>/devices/, sorted. */
#ifndef DEVICE_SIM_ROSTER_H
#define DEVICE_SIM_ROSTER_H

#include "common/bytes.h"

struct roster {
    char **names;
    unsigned count, cap;
};

/* The first `count` names, 0: all. CR_NOT_FOUND: none, or fewer. */
CR_MUST_USE cr_err roster_load(struct roster *roster, const char *dir, unsigned count);
/* Leaves only this one. CR_NOT_FOUND: it is not there. */
CR_MUST_USE cr_err roster_only(struct roster *roster, const char *name);
void roster_fini(struct roster *roster);

/* A whole file of at most 1 MB. */
CR_MUST_USE cr_err roster_read_file(struct cr_blob *blob, const char *path);

#endif
