/* Replays the renewal campaign of a fleet of smart meters; tests/bench/meters --help says how. */
#include "tests/bench/bench_cpu.h"
#include "tests/bench/meters_report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES_DEFAULT = 22000, DEVICES_MAX = 9999999, SPREAD_DEFAULT = 50 };

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
                                           { NULL, 0, NULL, 0 } };
    int which;
    *arguments = (struct arguments){
        .options = { .devices = DEVICES_DEFAULT, .seed = 1, .spread_percent = SPREAD_DEFAULT },
        .comparison = true,
    };
    while ((which = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (which) {
        case 'd': arguments->options.devices = bench_number("--devices", optarg, DEVICES_MAX); break;
        case 's': arguments->options.seed = bench_number("--seed", optarg, UINT32_MAX); break;
        case 'j': arguments->json = optarg; break;
        case 'n': arguments->comparison = false; break;
        default: (void)fputs("see tests/bench/meters --help\n", stderr); exit(2);
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

    if (arguments.json != NULL) { /* better to learn it now than at the end */
        FILE *file = fopen(arguments.json, "we");
        if (file == NULL) {
            (void)fprintf(stderr, "%s: %s\n", arguments.json, strerror(errno));
            return 2;
        }
        (void)fclose(file);
    }
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
    bool written =
        arguments.json == NULL ||
        meters_report_json(arguments.json, &staggered, arguments.comparison ? &without : NULL, arguments.options.seed);
    if (!written) {
        (void)fprintf(stderr, "%s: %s\n", arguments.json, strerror(errno));
    }
    meters_result_fini(&staggered);
    if (arguments.comparison) {
        meters_result_fini(&without);
    }
    return written ? 0 : 1;
}
