/* device-sim: a simulated fleet. Start reading in fleet.h and device.h; the device's own side is agent/agent.h. */
#include "device-sim/fleet.h"
#include "device-sim/help.h"
#include "device-sim/options.h"
#include "device-sim/pki.h"
#include "device-sim/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ALL_WELL = 0, SOME_NOT = 1, WRONG_OPTION = 2, COULD_NOT_RUN = 3 };

static int run(int argc, char **argv)
{
    struct run_options options;
    struct figures figures = { 0 };
    int status = COULD_NOT_RUN;
    if (run_options_parse(&options, argc, argv, &status) != 0) {
        return status;
    }
    if (fleet_run(&options, &figures) != CR_OK) {
        status = COULD_NOT_RUN;
    } else {
        if (!options.quiet) {
            report_table(stdout, &figures);
        }
        bool well = options.forever ||
                    (figures.end != RUN_INTERRUPTED && figures.failed == 0 && figures.pending <= figures.never_wake);
        status = well ? ALL_WELL : SOME_NOT;
        if (options.json != NULL && report_json(options.json, &figures) != CR_OK) {
            fprintf(stderr, "device-sim: %s: %s\n", options.json, strerror(errno));
            status = COULD_NOT_RUN;
        }
    }
    figures_fini(&figures);
    return status;
}

static int pki(int argc, char **argv)
{
    struct pki_options options;
    int status = COULD_NOT_RUN;
    return pki_options_parse(&options, argc, argv, &status) != 0 ? status : pki_make(&options);
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "run") == 0) {
        return run(argc - 1, argv + 1);
    }
    if (strcmp(command, "pki") == 0) {
        return pki(argc - 1, argv + 1);
    }
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        fputs(help_main, stdout);
        return ALL_WELL;
    }
    if (strcmp(command, "--version") == 0) {
        puts("device-sim " CR_VERSION);
        return ALL_WELL;
    }
    fprintf(stderr, "device-sim: %s%s: the commands are pki and run (try --help)\n",
            argc > 1 ? "unknown command " : "no command", command);
    return WRONG_OPTION;
}
