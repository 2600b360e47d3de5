/* options: the command lines of `device-sim run` and `device-sim pki`. */
#ifndef DEVICE_SIM_OPTIONS_H
#define DEVICE_SIM_OPTIONS_H

#include "device-sim/agent/agent.h"

#include <stdbool.h>
#include <stdint.h>

enum { OPTIONS_HOST_CAP = 256, OPTIONS_SERVER_NAMES_MAX = 8 };

struct run_options {
    const char *dir, *cafile; /* cafile NULL: <dir>/ca.pem */
    unsigned count;           /* 0: every device there is */
    char host[OPTIONS_HOST_CAP];
    int port;
    double arrival_rate;      /* devices a second; 0: all at once */
    double awake_s, asleep_s, jitter;
    bool mqtt5, persistent;
    const char *prefix, *slot;
    enum agent_format format;
    double fault_power, fault_corrupt, fault_clock, fault_never_wakes, fault_install;
    uint64_t seed;
    double timeout_s;
    bool forever;             /* until it is told to stop: no device is ever done, and none gives up */
    bool claim;               /* any `count` devices that no other process runs */
    double report_s;          /* a line on stdout this often; 0: none */
    const char *alive;        /* a file to touch every second; NULL: none */
    unsigned renewals;        /* how many each device is to do */
    unsigned connecting;      /* handshakes at once */
    bool factory;             /* without a certificate of their own they start from their factory's */
    const char *token;        /* or from this; NULL: none */
    const char *name;         /* only this device; NULL: any */
    unsigned trust_version;   /* a device is not done before it believes in this version, or a later one */
    bool request;             /* devices ask by themselves, right away */
    bool trigger;             /* the operator triggers all of them, once they were all seen */
    bool fsync, quiet;
    const char *json;         /* NULL: none */
};

struct pki_options {
    const char *dir;
    unsigned count;
    const char *name_prefix;
    const char *name;         /* one device of this name instead of `count` numbered ones */
    bool factory;             /* also a factory's certificates, and a second hierarchy */
    const char *server_name[OPTIONS_SERVER_NAMES_MAX];
    unsigned server_names;
    int64_t lifetime_s, age_s; /* of device certificates; age: how long ago they were issued */
    bool quiet;
};

/* Parse argv (its first element is the subcommand). 0: go on. Otherwise leave with *status: help was printed (0), or
 * one line about the mistake went to stderr (2). */
int run_options_parse(struct run_options *options, int argc, char **argv, int *status);
int pki_options_parse(struct pki_options *options, int argc, char **argv, int *status);

#endif
