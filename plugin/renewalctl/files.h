/* files: whether the files that TLS needs can be read and hold what they are for, told before libmosquitto, which does not
 * say which of them it could not use. Reads them, keeps nothing; one thread. */
#ifndef CR_CTL_FILES_H
#define CR_CTL_FILES_H

#include "plugin/renewalctl/options.h"

/* CR_UNAVAILABLE: `why` is one line that names the option and its file. */
CR_MUST_USE cr_err ctl_files_check(const struct ctl_options *options, char why[CTL_WHY_CAP]);

#endif
