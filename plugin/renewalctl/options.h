/* options: what renewalctl was asked to do: its command line, over its configuration file.
 * Pure but for reading the file; one thread. */
#ifndef CR_CTL_OPTIONS_H
#define CR_CTL_OPTIONS_H

#include "common/bytes.h"
#include "common/identity.h"

#include <stdbool.h>

enum ctl_exit { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_NO_CONNECTION = 3 };

enum ctl_action { CTL_STATUS, CTL_DEVICE, CTL_TRIGGER, CTL_HELP, CTL_VERSION };

enum { CTL_TEXT_CAP = 512, CTL_WHY_CAP = 256, CTL_TIMEOUT_MAX_S = 3600 };

struct ctl_options {
    enum ctl_action action;
    enum ctl_action help_for; /* CTL_HELP: CTL_STATUS … CTL_TRIGGER, or CTL_HELP for all */
    /* the connection; "" is not given */
    char host[CTL_TEXT_CAP];
    unsigned port;            /* 0: 8883 with TLS, 1883 without */
    char username[CTL_TEXT_CAP], password[CTL_TEXT_CAP];
    char cafile[CTL_TEXT_CAP], capath[CTL_TEXT_CAP], cert[CTL_TEXT_CAP], key[CTL_TEXT_CAP];
    char id[CTL_TEXT_CAP];
    bool insecure;
    unsigned timeout_s;
    bool json;
    /* the command */
    char device[CR_NAME_CAP];
    char slot[CR_NAME_CAP];
    char reason[CR_NAME_CAP];
};

void ctl_options_init(struct ctl_options *options);

/* Reads `key value` lines: the long options' names without dashes, # comments. CR_INVALID: `why` is one line, which
 * begins with the number of the file's. */
CR_MUST_USE cr_err ctl_options_config(struct ctl_options *options, struct cr_bytes text, char why[CTL_WHY_CAP]);

/* Reads arguments 1 … argc-1, which win over what is there. CR_INVALID: `why` is one line. */
CR_MUST_USE cr_err ctl_options_args(struct ctl_options *options, int argc, char *const *argv, char why[CTL_WHY_CAP]);

/* Whether file and arguments together make sense. CR_INVALID: `why` is one line. */
CR_MUST_USE cr_err ctl_options_check(const struct ctl_options *options, char why[CTL_WHY_CAP]);

/* The configuration file: that of --config among the arguments (*asked is set), else
 * renewalctl in $XDG_CONFIG_HOME or ~/.config; "" when there is no home. */
void ctl_options_config_path(char path[CTL_TEXT_CAP], bool *asked, int argc, char *const *argv);

bool ctl_options_tls(const struct ctl_options *options);
/* Wipes the password. */
void ctl_options_fini(struct ctl_options *options);

/* The text of --help; NULL-terminated, ends with a line feed. */
const char *ctl_help_text(enum ctl_action action);

#endif
