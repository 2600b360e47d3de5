/* ledger-check JOURNAL[,JOURNAL…] REDIS [DIR…]
 * Exits 0 when all is well, 1 when something is wrong, 2 when it was called wrongly. '-' for REDIS: not looked at. */
#include "common/clock.h"
#include "tests/support/ledger_check.h"

#include <string.h>

int main(int argc, char **argv)
{
    struct ledger_check_options options = { .now_s = cr_wall_s(cr_clock_system()), .out = stdout };
    struct ledger_check_result result;
    int count = 0;
    if (argc < 3 || argc - 3 >= LEDGER_CHECK_PATHS) {
        (void)fputs("usage: ledger-check JOURNAL[,JOURNAL...] REDIS [DIR...]\n", stderr);
        return 2;
    }
    for (char *rest = argv[1], *path; (path = strsep(&rest, ",")) != NULL && count < LEDGER_CHECK_PATHS - 1;) {
        options.journal[count++] = path;
    }
    options.redis = strcmp(argv[2], "-") == 0 ? NULL : argv[2];
    for (int i = 3; i < argc; i++) {
        options.dir[i - 3] = argv[i];
    }
    cr_err err = ledger_check(&result, &options);
    printf("ledger-check: %u wrong; %u intents, %u issued, %u void, %u confirmed; %u devices, %u waiting; "
           "%u certificates of devices\n",
           result.wrong, result.intents, result.issued, result.voided, result.confirmed, result.devices, result.waiting,
           result.certificates);
    return err == CR_OK && result.wrong == 0 ? 0 : 1;
}
