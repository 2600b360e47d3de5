/* ledger_inside: what the files of ledger_check share. */
#ifndef LEDGER_INSIDE_H
#define LEDGER_INSIDE_H

#include "plugin/store/records.h"
#include "tests/support/ledger_check.h"

enum { LEDGER_CHAINS = 65536 };

/* A certificate, or an intent, as the journals know it. */
struct ledger_cert {
    struct ledger_cert *next;
    struct cr_restore facts;
    struct cr_blob der;
    bool intent, issued, voided, confirmed;
    unsigned intent_journal; /* which one */
    uint64_t confirmed_generation;
};

struct ledger {
    struct ledger_check_result *result;
    FILE *out;
    unsigned journal; /* the one that is read */
    int64_t now_s;
    struct ledger_cert *chain[LEDGER_CHAINS];
};

void ledger_wrong(struct ledger *ledger, const char *format, ...) CR_PRINTF(2, 3);
struct ledger_cert *ledger_find(const struct ledger *ledger, const struct cr_serial *serial);
CR_MUST_USE cr_err ledger_check_redis(struct ledger *ledger, const char *address, const char *prefix);
CR_MUST_USE cr_err ledger_check_dir(struct ledger *ledger, const char *dir);

#endif
