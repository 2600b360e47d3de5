/* broker_conf: what the plugin must know of the broker's own configuration and no API tells: whether
 * per_listener_settings is on, and who is let in without a password. Found in the file that the broker's command line
 * names, and in its include_dir. Reads files: at start, and when the broker reads them again. */
#ifndef CR_BROKER_CONF_H
#define CR_BROKER_CONF_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

struct cr_broker_conf {
    bool per_listener;   /* per_listener_settings */
    bool anonymous;      /* allow_anonymous, or nothing said and no listener named, which comes to the same */
    bool anonymous_said, listens;
    bool passwords;      /* password_file */
    unsigned plugins;    /* plugin and auth_plugin lines: also this plugin's */
    unsigned dynsec;     /* those among them that are Mosquitto's own dynamic security */
};

/* What a plugin that is asked about a login, and has no opinion, must answer so that all is as without it. */
enum cr_login_rule {
    CR_LOGIN_RULE_DEFER,  /* others decide, or nobody would be let in anyway */
    CR_LOGIN_RULE_ALLOW,  /* nobody decides: everybody is let in, and 2.0 would not do that once it has asked a plugin */
    CR_LOGIN_RULE_ABSTAIN /* another plugin may decide or not: better not be asked at all */
};
enum cr_login_rule cr_broker_conf_login(const struct cr_broker_conf *conf);

/* The argument of -c or --config-file in a NUL-separated command line (/proc/self/cmdline), the last one as the broker
 * reads them all. CR_NOT_FOUND: none. */
CR_MUST_USE cr_err cr_broker_conf_path(char *path, size_t cap, const char *cmdline, size_t cmdline_len);

/* The file and its include_dir. CR_IO: one of them cannot be read, so not all is known. */
CR_MUST_USE cr_err cr_broker_conf_read(struct cr_broker_conf *conf, const char *path);

/* Both, for this process. CR_NOT_FOUND: started without a file. */
CR_MUST_USE cr_err cr_broker_conf_check(struct cr_broker_conf *conf);

#endif
