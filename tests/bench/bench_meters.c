/* Replays the renewal campaign of a fleet of smart meters; see usage(). */
#include "tests/bench/bench_cpu.h"
#include "tests/bench/meters_report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES_DEFAULT = 22000, DEVICES_MAX = 9999999, SPREAD_DEFAULT = 50 };

static void usage(void)
{
    (void)printf(
        "Replays the renewal campaign of a fleet of smart meters: the plugin's own router, store and workers, on a Redis\n"
        "of its own, with a fake broker around them and a clock that jumps from one appearance to the next.\n\n"
        "Usage: tests/bench/meters [--devices N] [--seed N] [--json FILE] [--no-comparison]\n"
        "  --devices N       how many meters (default %d)\n"
        "  --seed N          another fleet of the same kind (default 1)\n"
        "  --json FILE       also write the figures as JSON\n"
        "  --no-comparison   leave out the second table, the same fleet without staggering\n\n"
        "The fleet: certificates of %d days, provisioned within %d days, renewed in the last %d. A meter appears once a\n"
        "day at a minute of its own; %d %% of its days end in a deep sleep of up to 72 h. %d %% of the meters are\n"
        "unreachable for a stretch of their %d days whose ends are both random. It ends when the last certificate has\n"
        "expired. Without staggering: renewal_spread 0%%, each is due when its window opens.\n\n"
        "Examples:\n"
        "  tests/bench/meters\n"
        "  tests/bench/meters --devices 220000 --no-comparison --json campaign.json\n"
        "  tests/bench/meters --devices 2200000 --no-comparison      # takes hours\n",
        DEVICES_DEFAULT, METERS_LIFETIME_D, METERS_PROVISIONED_D, METERS_CAMPAIGN_D, METERS_SLEEP_PERCENT,
        METERS_DARK_PERCENT, METERS_CAMPAIGN_D);
}

struct arguments {
    struct meters_options options;
    const char *json;
    bool comparison;
};

static void arguments_read(struct arguments *arguments, int argc, char **argv)
{
    static const struct option known[] = { { "devices", required_argument, NULL, 'd' },
                                           { "seed", required_argument, NULL, 's' },
                                           { "json", required_argument, NULL, 'j' },
                                           { "no-comparison", no_argument, NULL, 'n' },
                                           { "help", no_argument, NULL, 'h' },
                                           { NULL, 0, NULL, 0 } };
    int which;
    *arguments = (struct arguments){
        .options = { .devices = DEVICES_DEFAULT, .seed = 1, .spread_percent = SPREAD_DEFAULT }, .comparison = true,
    };
    while ((which = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        switch (which) {
        case 'd':
            arguments->options.devices = bench_number("--devices", optarg, DEVICES_MAX);
            break;
        case 's':
            arguments->options.seed = bench_number("--seed", optarg, UINT32_MAX);
            break;
        case 'j':
            arguments->json = optarg;
            break;
        case 'n':
            arguments->comparison = false;
            break;
        case 'h':
            usage();
            exit(0);
        default:
            (void)fputs("see --help\n", stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "tests/bench/meters: what is '%s'? See --help\n", argv[optind]);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct meters_result staggered, without;
    arguments_read(&arguments, argc, argv);

    arguments.options.title = "staggered";
    meters_replay(&staggered, &arguments.options);
    meters_report_table(&staggered, "The campaign, as the plugin staggers it", true);
    if (arguments.comparison) {
        arguments.options.title = "without staggering";
        arguments.options.spread_percent = 0;
        meters_replay(&without, &arguments.options);
        meters_report_table(&without, "The same fleet without staggering: each is due when its window opens", false);
    }
    meters_report_notes();
    bool written = arguments.json == NULL ||
                   meters_report_json(arguments.json, &staggered, arguments.comparison ? &without : NULL,
                                      arguments.options.seed);
    if (!written) {
        (void)fprintf(stderr, "%s: %s\n", arguments.json, strerror(errno));
    }
    meters_result_fini(&staggered);
    if (arguments.comparison) {
        meters_result_fini(&without);
    }
    return written ? 0 : 1;
}
