/* identity: what a device and a slot may be called. Pure; any thread.
 * The id of a device and the name of a slot are [A-Za-z0-9._:-]{1,64}, compared byte for byte. */
#ifndef CR_IDENTITY_H
#define CR_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

enum { CR_NAME_MAX = 64, CR_NAME_CAP = CR_NAME_MAX + 1 };

/* Whether these bytes (not NUL-terminated) are a valid device id or slot name. */
bool cr_name_ok(const char *name, size_t len);

#endif
