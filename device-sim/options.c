#include "device-sim/options.h"

#include "common/bytes.h"
#include "common/identity.h"
#include "common/topic.h"
#include "device-sim/help.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAVE = 1 };

/* A mistake: one line, exit 2. */
static int mistake(int *status, const char *what, const char *option, const char *value)
{
    fprintf(stderr, "device-sim: %s: %s%s%s (try --help)\n", option, what, value != NULL ? ": " : "",
            value != NULL ? value : "");
    *status = 2;
    return LEAVE;
}

static bool number_ok(double *to, const char *text, double min, double max)
{
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !isfinite(value) || value < min || value > max) {
        return false;
    }
    *to = value;
    return true;
}

static bool whole_ok(unsigned *to, const char *text, unsigned min, unsigned max)
{
    double value = 0;
    if (strspn(text, "0123456789") != strlen(text) || !number_ok(&value, text, min, max)) {
        return false;
    }
    *to = (unsigned)value;
    return true;
}

static bool broker_ok(struct run_options *options, const char *text)
{
    const char *colon = strrchr(text, ':');
    unsigned port = 0;
    if (colon == NULL || colon == text || !whole_ok(&port, colon + 1, 1, 65535)) {
        return false;
    }
    size_t len = (size_t)(colon - text);
    if (text[0] == '[' && text[len - 1] == ']') { /* [::1]:8883 */
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof options->host) {
        return false;
    }
    memcpy(options->host, text, len);
    options->host[len] = '\0';
    options->port = (int)port;
    return true;
}

static bool one_of(bool *second, const char *text, const char *first_text, const char *second_text)
{
    *second = strcmp(text, second_text) == 0;
    return *second || strcmp(text, first_text) == 0;
}

static bool format_ok(enum agent_format *format, const char *text)
{
    static const char *const names[] = { [AGENT_DER] = "der", [AGENT_PEM] = "pem", [AGENT_JSON] = "json" };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *format = (enum agent_format)i;
            return true;
        }
    }
    return false;
}

/* Shared by both: what getopt_long() found that is no option of ours. */
static int unknown(int *status, int c, char **argv)
{
    return mistake(status, c == ':' ? "needs a value" : "unknown option", argv[optind - 1], NULL);
}

static bool seed_ok(uint64_t *seed, const char *text)
{
    char *end = NULL;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

enum run_option {
    RUN_HELP = 256, RUN_DIR, RUN_COUNT, RUN_BROKER, RUN_CAFILE, RUN_ARRIVAL, RUN_AWAKE, RUN_ASLEEP, RUN_JITTER,
    RUN_MQTT, RUN_SESSION, RUN_PREFIX, RUN_SLOT, RUN_FORMAT, RUN_POWER, RUN_CORRUPT, RUN_CLOCK, RUN_NEVER, RUN_INSTALL,
    RUN_SEED, RUN_TIMEOUT, RUN_RENEWALS, RUN_FACTORY, RUN_TOKEN, RUN_NAME, RUN_TRUST, RUN_CONNECTING,
    RUN_REQUEST, RUN_TRIGGER, RUN_NO_FSYNC, RUN_JSON, RUN_QUIET, RUN_CLAIM, RUN_FOREVER, RUN_REPORT, RUN_ALIVE
};

static const struct option run_table[] = {
    { "help", no_argument, NULL, RUN_HELP },
    { "dir", required_argument, NULL, RUN_DIR },
    { "count", required_argument, NULL, RUN_COUNT },
    { "broker", required_argument, NULL, RUN_BROKER },
    { "cafile", required_argument, NULL, RUN_CAFILE },
    { "arrival-rate", required_argument, NULL, RUN_ARRIVAL },
    { "awake", required_argument, NULL, RUN_AWAKE },
    { "asleep", required_argument, NULL, RUN_ASLEEP },
    { "jitter", required_argument, NULL, RUN_JITTER },
    { "mqtt", required_argument, NULL, RUN_MQTT },
    { "session", required_argument, NULL, RUN_SESSION },
    { "prefix", required_argument, NULL, RUN_PREFIX },
    { "slot", required_argument, NULL, RUN_SLOT },
    { "format", required_argument, NULL, RUN_FORMAT },
    { "fault-power", required_argument, NULL, RUN_POWER },
    { "fault-corrupt", required_argument, NULL, RUN_CORRUPT },
    { "fault-clock", required_argument, NULL, RUN_CLOCK },
    { "fault-never-wakes", required_argument, NULL, RUN_NEVER },
    { "fault-install", required_argument, NULL, RUN_INSTALL },
    { "seed", required_argument, NULL, RUN_SEED },
    { "timeout", required_argument, NULL, RUN_TIMEOUT },
    { "renewals", required_argument, NULL, RUN_RENEWALS },
    { "factory", no_argument, NULL, RUN_FACTORY },
    { "token", required_argument, NULL, RUN_TOKEN },
    { "name", required_argument, NULL, RUN_NAME },
    { "trust-version", required_argument, NULL, RUN_TRUST },
    { "connecting", required_argument, NULL, RUN_CONNECTING },
    { "request", no_argument, NULL, RUN_REQUEST },
    { "trigger", no_argument, NULL, RUN_TRIGGER },
    { "no-fsync", no_argument, NULL, RUN_NO_FSYNC },
    { "json", required_argument, NULL, RUN_JSON },
    { "quiet", no_argument, NULL, RUN_QUIET },
    { "claim", no_argument, NULL, RUN_CLAIM },
    { "forever", no_argument, NULL, RUN_FOREVER },
    { "report", required_argument, NULL, RUN_REPORT },
    { "alive", required_argument, NULL, RUN_ALIVE },
    { NULL, 0, NULL, 0 },
};

static bool run_option_set(struct run_options *options, int c, const char *value)
{
    const double day = 86400;
    switch (c) {
    case RUN_DIR: options->dir = value; return true;
    case RUN_COUNT: return whole_ok(&options->count, value, 1, 1000000);
    case RUN_BROKER: return broker_ok(options, value);
    case RUN_CAFILE: options->cafile = value; return true;
    case RUN_ARRIVAL: return number_ok(&options->arrival_rate, value, 0, 1e6);
    case RUN_AWAKE: return number_ok(&options->awake_s, value, 0.05, day);
    case RUN_ASLEEP: return number_ok(&options->asleep_s, value, 0, day);
    case RUN_JITTER: return number_ok(&options->jitter, value, 0, 1);
    case RUN_MQTT: return one_of(&options->mqtt5, value, "3.1.1", "5");
    case RUN_SESSION: return one_of(&options->persistent, value, "clean", "persistent");
    case RUN_PREFIX: options->prefix = value; return cr_topic_prefix_ok(value);
    case RUN_SLOT: options->slot = value; return cr_name_ok(value, strlen(value));
    case RUN_FORMAT: return format_ok(&options->format, value);
    case RUN_POWER: return number_ok(&options->fault_power, value, 0, 1);
    case RUN_CORRUPT: return number_ok(&options->fault_corrupt, value, 0, 1);
    case RUN_CLOCK: return number_ok(&options->fault_clock, value, 0, 1);
    case RUN_NEVER: return number_ok(&options->fault_never_wakes, value, 0, 1);
    case RUN_INSTALL: return number_ok(&options->fault_install, value, 0, 1);
    case RUN_SEED: return seed_ok(&options->seed, value);
    case RUN_TIMEOUT: return number_ok(&options->timeout_s, value, 0.1, 30 * day);
    case RUN_RENEWALS: return whole_ok(&options->renewals, value, 0, 100000);
    case RUN_FACTORY: options->factory = true; return true;
    case RUN_TOKEN: options->token = value; return value[0] != '\0';
    case RUN_NAME: options->name = value; return cr_name_ok(value, strlen(value));
    case RUN_TRUST: return whole_ok(&options->trust_version, value, 1, 1000000000);
    case RUN_CONNECTING: return whole_ok(&options->connecting, value, 1, 1000);
    case RUN_REQUEST: options->request = true; return true;
    case RUN_TRIGGER: options->trigger = true; return true;
    case RUN_NO_FSYNC: options->fsync = false; return true;
    case RUN_JSON: options->json = value; return true;
    case RUN_QUIET: options->quiet = true; return true;
    case RUN_CLAIM: options->claim = true; return true;
    case RUN_FOREVER: options->forever = true; return true;
    case RUN_REPORT: return number_ok(&options->report_s, value, 0.1, day);
    case RUN_ALIVE: options->alive = value; return value[0] != '\0';
    default: return false;
    }
}

int run_options_parse(struct run_options *options, int argc, char **argv, int *status)
{
    *options = (struct run_options){
        .host = "127.0.0.1", .port = 8883, .awake_s = 10, .jitter = 0.1, .prefix = CR_TOPIC_PREFIX_DEFAULT,
        .slot = "operational", .seed = 1, .timeout_s = 300, .renewals = 1, .connecting = 64, .fsync = true,
    };
    optind = 1;
    opterr = 0;
    int c, which = 0;
    bool ends = false; /* an option that says when */
    while ((c = getopt_long(argc, argv, ":", run_table, &which)) != -1) {
        if (c == RUN_HELP) {
            fputs(help_run, stdout);
            *status = 0;
            return LEAVE;
        }
        if (c < RUN_HELP) {
            return unknown(status, c, argv);
        }
        if (!run_option_set(options, c, optarg)) {
            char name[40];
            (void)snprintf(name, sizeof name, "--%s", run_table[c - RUN_HELP].name);
            return mistake(status, "not a possible value", name, optarg);
        }
        ends |= c == RUN_RENEWALS || c == RUN_TRUST || c == RUN_TIMEOUT;
    }
    if (optind < argc) {
        return mistake(status, "unexpected argument", argv[optind], NULL);
    }
    if (options->forever && ends) {
        return mistake(status, "not together with --renewals, --trust-version or --timeout", "--forever", NULL);
    }
    if (options->forever && options->mqtt5 && options->persistent) {
        return mistake(status, "not with --mqtt 5 --session persistent, where all wait while one connects", "--forever",
                       NULL);
    }
    if (options->forever && options->request) {
        return mistake(status, "not together with --forever: it would renew without a pause", "--request", NULL);
    }
    if (options->request && options->trigger) {
        return mistake(status, "not together with --trigger", "--request", NULL);
    }
    if (options->factory && options->token != NULL) {
        return mistake(status, "not together with --factory", "--token", NULL);
    }
    if (options->token != NULL && options->name == NULL) {
        return mistake(status, "is of one device: it takes --name", "--token", NULL);
    }
    if (options->renewals == 0 && options->trust_version == 0) {
        return mistake(status, "of 0 takes --trust-version", "--renewals", NULL);
    }
    return options->dir != NULL ? 0 : mistake(status, "is missing: the directory that `device-sim pki` made", "--dir",
                                              NULL);
}

enum pki_option {
    PKI_HELP = 256, PKI_DIR, PKI_COUNT, PKI_PREFIX, PKI_NAME, PKI_SERVER, PKI_FACTORY_TOO, PKI_LIFETIME,
    PKI_AGE, PKI_QUIET
};

static const struct option pki_table[] = {
    { "help", no_argument, NULL, PKI_HELP },
    { "dir", required_argument, NULL, PKI_DIR },
    { "count", required_argument, NULL, PKI_COUNT },
    { "name-prefix", required_argument, NULL, PKI_PREFIX },
    { "name", required_argument, NULL, PKI_NAME },
    { "server-name", required_argument, NULL, PKI_SERVER },
    { "factory", no_argument, NULL, PKI_FACTORY_TOO },
    { "lifetime", required_argument, NULL, PKI_LIFETIME },
    { "age", required_argument, NULL, PKI_AGE },
    { "quiet", no_argument, NULL, PKI_QUIET },
    { NULL, 0, NULL, 0 },
};

static bool pki_option_set(struct pki_options *options, int c, const char *value)
{
    const unsigned years_100 = 100u * 365 * 86400;
    unsigned seconds = 0;
    bool ok = true;
    switch (c) {
    case PKI_DIR: options->dir = value; break;
    case PKI_COUNT: ok = whole_ok(&options->count, value, 0, 1000000); break;
    case PKI_PREFIX:
        options->name_prefix = value;
        ok = cr_name_ok(value, strlen(value)) && strlen(value) <= CR_NAME_MAX - 8;
        break;
    case PKI_NAME: options->name = value; ok = cr_name_ok(value, strlen(value)); break;
    case PKI_SERVER:
        ok = options->server_names < OPTIONS_SERVER_NAMES_MAX && cr_name_ok(value, strlen(value));
        if (ok) {
            options->server_name[options->server_names++] = value;
        }
        break;
    case PKI_FACTORY_TOO: options->factory = true; break;
    case PKI_LIFETIME:
        ok = whole_ok(&seconds, value, 10, years_100);
        options->lifetime_s = seconds;
        break;
    case PKI_AGE:
        ok = whole_ok(&seconds, value, 0, years_100);
        options->age_s = seconds;
        break;
    default: options->quiet = true; break;
    }
    return ok;
}

int pki_options_parse(struct pki_options *options, int argc, char **argv, int *status)
{
    *options = (struct pki_options){ .count = 100, .name_prefix = "meter-", .lifetime_s = 90 * 86400 };
    optind = 1;
    opterr = 0;
    int c;
    while ((c = getopt_long(argc, argv, ":", pki_table, NULL)) != -1) {
        if (c == PKI_HELP) {
            fputs(help_pki, stdout);
            *status = 0;
            return LEAVE;
        }
        if (c < PKI_HELP) {
            return unknown(status, c, argv);
        }
        if (!pki_option_set(options, c, optarg)) {
            char name[40];
            (void)snprintf(name, sizeof name, "--%s", pki_table[c - PKI_HELP].name);
            return mistake(status, "not a possible value", name, optarg);
        }
    }
    if (optind < argc) {
        return mistake(status, "unexpected argument", argv[optind], NULL);
    }
    if (options->dir == NULL) {
        return mistake(status, "is missing: where to write", "--dir", NULL);
    }
    return options->age_s < options->lifetime_s ? 0 :
           mistake(status, "must be less than --lifetime", "--age", NULL);
}
