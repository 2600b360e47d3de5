/* fake_ledger: what Redis and the journal would remember, in memory, and every decision about it in plain C. The
 * scripts in plugin/store/scripts decide the same; tests/contract/test_store.c holds the two together.
 *
 * One thread. Several fake stores may share one ledger, as brokers share a Redis. */
#ifndef FAKE_LEDGER_H
#define FAKE_LEDGER_H

#include "plugin/handoff/job.h"

enum { FAKE_LEASE_S = 30, FAKE_CLAIM_S = 60, FAKE_BUCKETS = 4 };

struct fake_ledger;

CR_MUST_USE cr_err fake_ledger_new(struct fake_ledger **ledger);
void fake_ledger_free(struct fake_ledger *ledger);

/* Who asks: a broker's name and which of its lives. */
struct fake_owner {
    const char *broker;
    unsigned life;
};

/* What SURVEY keeps, and the file that FIGURES writes. */
struct fake_survey_kept {
    int64_t at, until;
    char by[CR_NAME_CAP];
    struct cr_survey_counts counts;
};
struct fake_figures_file {
    struct cr_blob text;
    unsigned attempts, writes;
    bool broken; /* it cannot be written */
};
struct fake_survey_kept *fake_ledger_survey(struct fake_ledger *ledger);
struct fake_figures_file *fake_ledger_figures(struct fake_ledger *ledger);

/* Each carries out one operation and settles the job (outcome, and the stage that follows). */
void fake_ledger_present(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_begin(struct fake_ledger *ledger, struct cr_job *job, const struct fake_owner *owner);
/* True: recorded. False: another's intent has replaced it. Settles the job either way. */
bool fake_ledger_record(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_get(struct fake_ledger *ledger, struct cr_job *job); /* also DELIVER */
void fake_ledger_report(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_trigger(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_agenda(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_advance(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_inspect(struct fake_ledger *ledger, struct cr_job *job);

/* One audit line. */
void fake_ledger_audit(struct fake_ledger *ledger, const char *what, const char *device, const char *slot,
                       const char *detail);
/* The same, with the time of the stream, which never goes back, and who. */
void fake_ledger_audit_at(struct fake_ledger *ledger, int64_t now_ms, const char *who, const char *what,
                          const char *device, const char *slot, const char *detail);
/* How many audit lines there are; what, device: NULL for any. */
unsigned fake_ledger_audit_count(const struct fake_ledger *ledger, const char *what, const char *device);
/* What the newest line of this kind says. Lent; "": there is none. */
const char *fake_ledger_audit_detail(const struct fake_ledger *ledger, const char *what);

/* For tests: puts a slot that exists on hold, or releases it. False: there is none. */
bool fake_ledger_hold(struct fake_ledger *ledger, const char *device, const char *slot, bool held);
/* For tests: gives a slot that exists an alert. False: there is none. */
bool fake_ledger_alert(struct fake_ledger *ledger, const char *device, const char *slot, enum cr_alert_level level,
                       enum cr_alert_call stage);
/* Takes a slot that exists out of the agenda. False: there is none. */
bool fake_ledger_unplan(struct fake_ledger *ledger, const char *device, const char *slot);
/* When a slot is looked at next, 0: it is not watched; and whether it is among the alerts. */
int64_t fake_ledger_watch_at(const struct fake_ledger *ledger, const char *device, const char *slot, bool *shown);
/* Looks at a slot; NULL: never seen. Valid until the next operation. */
const struct cr_slot_record *fake_ledger_slot(const struct fake_ledger *ledger, const char *device, const char *slot);

/* What changed among what is revoked behind this version: on the heap; NULL: nothing. anew: all, also when there is nothing. */
struct cr_revocations *fake_revoked_page(struct fake_ledger *ledger, uint64_t after, bool anew);

/* REVOKE, ENROL, TRUST, OCSP, CENSUS. */
void fake_ledger_revoke(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_enrol(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_trust(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_ocsp(struct fake_ledger *ledger, struct cr_job *job);
void fake_ledger_census(struct fake_ledger *ledger, struct cr_job *job);
/* The news that a broker is told of: the trust bundle as it is. NULL: it knows this one. */
struct cr_job *fake_ledger_bundle_news(struct fake_ledger *ledger, uint64_t known, int64_t known_at, struct cr_setup *setup);

#endif
