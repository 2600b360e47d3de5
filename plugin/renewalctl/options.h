/* options: what renewalctl was asked to do: its command line, over its configuration file.
 *
 * The table of options serves the command line, the configuration file, --help, the completion and the man page; which
 * command takes which is said by its groups. Names are taken whole: getopt_long would take any beginning of one, and
 * scripts that rely on that break with the next option. Pure but for reading the clock once; one thread. */
#ifndef CR_CTL_OPTIONS_H
#define CR_CTL_OPTIONS_H

#include "common/bytes.h"
#include "common/identity.h"

#include <stdbool.h>

enum ctl_exit { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_NO_CONNECTION = 3, CTL_INTERRUPTED = 130 };

enum {
    CTL_TEXT_CAP = 512,
    CTL_WHY_CAP = 512,
    CTL_TIMEOUT_MAX_S = 3600,
    CTL_LIST_MAX = 8,        /* of an option that can be given again */
    CTL_ROWS_DEFAULT = 50,   /* shown without --limit and --all */
    CTL_ROWS_LIMIT = 1000000,
    CTL_FOLLOW_DEFAULT = 10, /* entries that --follow begins with, without --limit */
    CTL_FOLLOW_MAX = 1000,
};

enum ctl_colour_mode { CTL_COLOUR_AUTO, CTL_COLOUR_ALWAYS, CTL_COLOUR_NEVER };

struct ctl_command;

/* An option that can be given again. */
struct ctl_list {
    const char *value[CTL_LIST_MAX]; /* of argv */
    unsigned count;
};

struct ctl_options {
    const struct ctl_command *command; /* NULL: none was given */
    bool help, version;
    int64_t now_s; /* what "24h" is ago from; when it began */
    /* the connection; "" is not given */
    char host[CTL_TEXT_CAP];
    unsigned port; /* 0: 8883 with TLS, 1883 without */
    char username[CTL_TEXT_CAP], password[CTL_TEXT_CAP];
    char cafile[CTL_TEXT_CAP], capath[CTL_TEXT_CAP], cert[CTL_TEXT_CAP], key[CTL_TEXT_CAP];
    char id[CTL_TEXT_CAP];
    bool insecure;
    unsigned timeout_s;
    bool json, yes;
    char colour[CR_NAME_CAP];
    /* the command's */
    const char **word; /* what follows its name, of argv; on the heap */
    size_t words;
    char slot[CR_NAME_CAP], reason[CTL_TEXT_CAP];
    char state[CR_NAME_CAP], issuer[CR_NAME_CAP], tag[CR_NAME_CAP], prefix[CR_NAME_CAP], campaign[CR_NAME_CAP];
    char level[CR_NAME_CAP], expires_within[CR_NAME_CAP], not_seen_for[CR_NAME_CAP];
    char what[CR_NAME_CAP], who[CTL_TEXT_CAP], name[CTL_TEXT_CAP];
    char start[CR_NAME_CAP], deadline[CR_NAME_CAP], since[CR_NAME_CAP], until[CR_NAME_CAP]; /* RFC 3339 */
    bool all, oldest, follow, unacknowledged;
    unsigned limit, rate, if_version;
    struct ctl_list group, add, remove;
    /* trust */
    char factory[CR_NAME_CAP], issued_after[CR_NAME_CAP], issued_before[CR_NAME_CAP];
    char serial[CR_NAME_CAP], device[CR_NAME_CAP], expires[CR_NAME_CAP], mode[CR_NAME_CAP];
    char csv[CTL_TEXT_CAP], list[CTL_TEXT_CAP], out[CTL_TEXT_CAP], comment[CTL_TEXT_CAP];
    unsigned trust_before;
    bool revoked, force, pem;
    struct ctl_list tags; /* to enrol with */
};

/* ---- the table (options_table.c) ---- */

enum ctl_option_kind {
    CTL_KIND_TEXT,
    CTL_KIND_NUMBER,   /* 1 to max */
    CTL_KIND_FLAG,
    CTL_KIND_NAME,
    CTL_KIND_CHOICE,   /* one of `choices` */
    CTL_KIND_DURATION, /* "30d" */
    CTL_KIND_AGO,      /* a time; "24h" is so long ago */
    CTL_KIND_AHEAD,    /* a time; "24h" is in so long */
    CTL_KIND_LIST,
    CTL_KIND_SERIAL,   /* hex digits */
    CTL_KIND_CONFIG,
    CTL_KIND_HELP,
    CTL_KIND_VERSION,
};

/* Who takes it: one bit each; CTL_FOR_ALL: every command. */
enum {
    CTL_FOR_ALL = 1 << 0,
    CTL_FOR_SLOT = 1 << 1,
    CTL_FOR_REASON = 1 << 2,
    CTL_FOR_WHY = 1 << 3,
    CTL_FOR_FILTER = 1 << 4,
    CTL_FOR_LEVEL = 1 << 5,
    CTL_FOR_PREFIX = 1 << 6,
    CTL_FOR_PAGE = 1 << 7,
    CTL_FOR_AUDIT = 1 << 8,
    CTL_FOR_CAMPAIGN = 1 << 9,
    CTL_FOR_CAMPAIGNS = 1 << 10,
    CTL_FOR_ALERTS = 1 << 11,
    CTL_FOR_TAGS = 1 << 12,
    CTL_FOR_POLICY = 1 << 13,
    CTL_FOR_YES = 1 << 14,
    CTL_FOR_ISSUERS = 1 << 15, /* audit verify, which reads its arguments itself: audit.h */
    CTL_FOR_ENROL = 1 << 16,
    CTL_FOR_TOKEN = 1 << 17,
    CTL_FOR_REVOKE = 1 << 18,
    CTL_FOR_CAUSE = 1 << 19,   /* why something is revoked */
    CTL_FOR_REVOKED = 1 << 20,
    CTL_FOR_SERIAL = 1 << 21,
    CTL_FOR_FORCE = 1 << 22,
    CTL_FOR_TRUST = 1 << 23,
    CTL_FOR_OUT = 1 << 24,
    CTL_FOR_PEM = 1 << 25,
};

struct ctl_option {
    char letter;            /* 0: none */
    const char *name;
    const char *value;      /* how the value is called in --help; NULL: it takes none */
    enum ctl_option_kind kind;
    size_t offset;          /* in ctl_options */
    unsigned max;
    const char *choices;    /* "quiet|issued" */
    bool in_file;           /* also a key of the configuration file */
    unsigned groups;
    const char *text;       /* --help; NULL: not told. A line feed begins its next line */
};

extern const struct ctl_option ctl_option_table[];
extern const size_t ctl_option_count;

/* The option of that name that one of the groups has; NULL: none. */
const struct ctl_option *ctl_option_by_name(const char *name, size_t len, unsigned groups);
const struct ctl_option *ctl_option_by_letter(char letter);

/* ---- values (options.c) ---- */

void ctl_options_init(struct ctl_options *options);
/* Wipes the password, frees. */
void ctl_options_fini(struct ctl_options *options);

/* Stores a value. `shown` is how the user wrote the option. CR_INVALID: `why` is one line. */
CR_MUST_USE cr_err ctl_option_set(struct ctl_options *options, const struct ctl_option *option, const char *shown,
                                  const char *value, char why[CTL_WHY_CAP]);

/* Reads `key value` lines: the long options' names without dashes, # comments. CR_INVALID: `why` is one line, which
 * begins with the number of the file's. */
CR_MUST_USE cr_err ctl_options_config(struct ctl_options *options, struct cr_bytes text, char why[CTL_WHY_CAP]);

/* Of "a|b|c" the choice that a value was perhaps meant to be, its length in *len: the nearest one, letters' case and dashes
 * apart, when it is near enough. NULL: none is. (options_nearest.c) */
const char *ctl_choice_nearest(const char *choices, const char *value, size_t *len);

/* Whether file and arguments together make sense. CR_INVALID: `why` is one line. */
CR_MUST_USE cr_err ctl_options_check(const struct ctl_options *options, char why[CTL_WHY_CAP]);

bool ctl_options_tls(const struct ctl_options *options);
enum ctl_colour_mode ctl_options_colour(const struct ctl_options *options);

/* ---- arguments (options_args.c) ---- */

/* Reads arguments 1 … argc-1, which win over what is there and must outlive the options. CR_INVALID: `why` is one
 * line. */
CR_MUST_USE cr_err ctl_options_args(struct ctl_options *options, int argc, char *const *argv, char why[CTL_WHY_CAP]);

/* The configuration file: that of --config among the arguments (*asked is set), else
 * renewalctl in $XDG_CONFIG_HOME or ~/.config; "" when there is no home. */
void ctl_options_config_path(char path[CTL_TEXT_CAP], bool *asked, int argc, char *const *argv);

#endif
