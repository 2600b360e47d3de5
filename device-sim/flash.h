/* flash: the agent's storage as a directory, one file a record, each replaced by temporary file, fsync, rename and
 * fsync of the directory. And the power switch: it can go off at any write, in any of the ways that flash knows. Main
 * thread. */
#ifndef DEVICE_SIM_FLASH_H
#define DEVICE_SIM_FLASH_H

#include "device-sim/agent/agent.h"
#include "common/err.h"

enum { FLASH_PATH_CAP = 512 };

/* Where the power goes off within a write. */
enum flash_cut {
    FLASH_CUT_BEFORE,   /* nothing of it happened */
    FLASH_CUT_PREPARED, /* the new contents are there, but not yet in place */
    FLASH_CUT_TORN,     /* in place, and half written */
    FLASH_CUT_AFTER,    /* all of it happened, and nothing else will */
    FLASH_CUT_COUNT
};

struct flash {
    char dir[FLASH_PATH_CAP];
    bool fsync;
    bool dead;               /* no power: every call fails until flash_restore() */
    unsigned writes_left;    /* the power goes at the write that takes this to 0; 0: not at all */
    enum flash_cut cut;
};

/* CR_FULL: the path is too long. CR_NOT_FOUND: no such directory. */
CR_MUST_USE cr_err flash_init(struct flash *flash, const char *dir, bool fsync);
/* Power on. */
void flash_restore(struct flash *flash);

/* As agent_ports wants them. */
enum agent_err flash_read(struct flash *flash, enum agent_record record, uint8_t *data, size_t cap, size_t *len);
enum agent_err flash_write(struct flash *flash, enum agent_record record, const uint8_t *data, size_t len);

#endif
