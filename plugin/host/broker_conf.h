/* broker_conf: what the plugin must know of the broker's own configuration and no API tells: whether
 * per_listener_settings is on. Found in the file that the broker's command line names, and in its include_dir.
 * Reads files; at start only. */
#ifndef CR_BROKER_CONF_H
#define CR_BROKER_CONF_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The argument of -c or --config-file in a NUL-separated command line (/proc/self/cmdline), the last one as the broker
 * reads them all. CR_NOT_FOUND: none. */
CR_MUST_USE cr_err cr_broker_conf_path(char *path, size_t cap, const char *cmdline, size_t cmdline_len);

/* Whether the file, or one of its include_dir, sets per_listener_settings to true.
 * CR_IO: a file cannot be read, so it is not known. */
CR_MUST_USE cr_err cr_broker_conf_per_listener(bool *per_listener, const char *path);

/* Both, for this process. CR_NOT_FOUND: started without a file. */
CR_MUST_USE cr_err cr_broker_conf_check(bool *per_listener);

#endif
