/* fake_store: a store in memory for flow tests. Nothing happens behind the test's back: a submitted job stays inside
 * until fake_store_pump(), which carries out all that is inside, in order, and calls done. Time is the jobs' own now_s.
 * Renewal ids count up. Faults are set by the test.
 *
 * One thread. */
#ifndef FAKE_STORE_H
#define FAKE_STORE_H

#include "plugin/store/store.h"
#include "tests/support/fake_ledger.h"

enum fake_store_fault {
    FAKE_STORE_WELL,
    FAKE_STORE_DOWN,         /* Redis is away: refused with store-unavailable; RECORD is PENDING and delivered later */
    FAKE_STORE_STALLED,      /* Redis does not answer: jobs stay inside until fake_store_time_out or recovery */
    FAKE_STORE_FULL,         /* submit returns CR_FULL */
    FAKE_STORE_JOURNAL_FULL, /* RECORD is refused with store-unavailable; all else goes on */
};

struct fake_store_options {
    struct fake_ledger *ledger;  /* shared and kept by the test; NULL: the store has its own */
    const char *broker_name;     /* NULL: "broker" */
    unsigned max_jobs;           /* 0: no bound */
    cr_store_done_fn *done;
    void *done_ctx;
};

CR_MUST_USE cr_err fake_store_new(struct cr_store **store, const struct fake_store_options *options);

/* Completes what is inside (also certificates whose recording was put off), without what these completions submit in
 * turn. Returns how many jobs went to done: call it until it returns 0. */
unsigned fake_store_pump(struct cr_store *store);

void fake_store_fault(struct cr_store *store, enum fake_store_fault fault);
/* What follows is about operations other than the loop's own look at the settings that brokers share. */
/* The next `count` operations fail as if Redis had answered with an error: nothing is changed. */
void fake_store_fail_next(struct cr_store *store, unsigned count);
/* The next operation is refused for this reason; INTERNAL: the record is damaged, with an alarm. */
void fake_store_refuse_next(struct cr_store *store, enum cr_refusal refusal);
/* The next `count` operations are carried out, but their answers are lost. */
void fake_store_lose_next(struct cr_store *store, unsigned count);
/* The deadline of all that is inside has passed. Returns how many jobs went to done. */
unsigned fake_store_time_out(struct cr_store *store);

struct fake_ledger *fake_store_ledger(struct cr_store *store);

#endif
