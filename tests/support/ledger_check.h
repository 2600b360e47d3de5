/* ledger_check: holds journals, Redis and what devices keep against each other. What must be true at every moment, also
 * after any crash:
 *     the chain of each journal is whole
 *     every issued certificate has an earlier intent in the same journal                    (I2)
 *     a serial is issued once, and has one sequence of bytes, wherever it is found          (I3, I4)
 *     for a device, slot, generation and key there is one certificate that was not voided   (I1)
 *     a certificate that waits in Redis, or that was confirmed, is in a journal
 *     a generation in Redis is not lower than what a journal saw confirmed                  (I11)
 *     what bucket_check.h says of the indexes in Redis
 * Used by tests of the store, and as the program ledger-check by tests that run a broker. One thread. */
#ifndef LEDGER_CHECK_H
#define LEDGER_CHECK_H

#include "common/err.h"

#include <stdint.h>
#include <stdio.h>

enum { LEDGER_CHECK_PATHS = 16 };

struct ledger_check_options {
    const char *journal[LEDGER_CHECK_PATHS]; /* files; ended by NULL */
    const char *broker[LEDGER_CHECK_PATHS];  /* whose they are; NULL: whoever wrote the first line */
    const char *redis;                       /* /path or host:port; NULL: not looked at */
    const char *prefix;                      /* NULL: "cr" */
    int64_t now_s;                           /* 0: what depends on the time is not looked at */
    const char *dir[LEDGER_CHECK_PATHS];     /* directories whose *.pem are looked at, with those below them */
    FILE *out;                               /* a line for each thing that is wrong */
};

struct ledger_check_result {
    unsigned wrong;
    unsigned intents, issued, voided, confirmed; /* lines */
    unsigned devices, waiting;                   /* in Redis */
    unsigned certificates;                       /* of devices, that a journal knows */
};

/* CR_IO: something could not be read at all (and a line says what). */
CR_MUST_USE cr_err ledger_check(struct ledger_check_result *result, const struct ledger_check_options *options);

#endif
