/* store_rig: what the tests of stores share: brokers on a ledger, jobs as the loop and the workers would make them, and
 * a clock that stands still. Two backends: the fake, and Redis with a journal. */
#ifndef STORE_RIG_H
#define STORE_RIG_H

#include "plugin/store/records.h"
#include "plugin/store/store_redis.h"
#include "tests/support/fake_store.h"
#include "tests/support/private_redis.h"

#include <pthread.h>

enum {
    RIG_NOW_S = 1800000000,
    RIG_DAY_S = 86400,
    RIG_BROKERS = 4,
    RIG_WAIT_MS = 60000,
};

enum rig_backend { RIG_FAKE, RIG_REDIS };

enum { RIG_BUCKETS = 4 };

struct rig;

/* What a broker was told of what is revoked. */
struct rig_revoked {
    struct cr_revocation *entry;
    unsigned count, pages, anew;
    unsigned lose;                              /* so many pages to come find no room */
    bool hold;                                  /* those to come are kept, unread */
    struct cr_job *held, **held_tail;
    unsigned held_count;
    uint64_t version;
    bool complete;
    struct cr_issuer_mark mark[CR_ISSUER_MARKS_MAX];
    unsigned mark_count;
};

/* One broker's store. */
struct rig_broker {
    struct rig *rig;
    struct cr_store *store;
    struct cr_setup *setup;
    char journal_dir[128];
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct cr_job *done, **done_tail; /* what came home */
    struct rig_revoked revoked;       /* with `lock` */
    struct cr_job *pushed;            /* what other brokers said, newest first */
    unsigned pushes;                  /* how often they did */
    struct cr_job *bundle;            /* the last news of the trust bundle; NULL: none yet */
};

struct rig {
    enum rig_backend backend;
    struct private_redis redis;
    struct fake_ledger *ledger;
    struct rig_broker broker[RIG_BROKERS];
    struct cr_profile operational, data, eager; /* eager: any time, same key */
    int64_t now_s;                              /* of the jobs to come */
    unsigned serials, jobs;
    bool hold_pages;                            /* of the next store, from its first one on */
    unsigned buckets;                           /* of the next store; 0: RIG_BUCKETS, as rig_keys has it */
    unsigned timeout_ms;
    unsigned max_jobs;
    bool require_durable;
    const char *address;                        /* instead of the private Redis' socket */
    /* With it: who has this key. NULL: the private Redis. */
    struct private_redis *(*redis_of)(const char *key);
    const char *password;
    const char *cafile;
    bool may_fail;                              /* a store that does not start is NULL, not a failure */
};

void rig_init(struct rig *rig, enum rig_backend backend);
/* With further arguments for the server. */
void rig_init_redis(struct rig *rig, const char *const *extra);
void rig_fini(struct rig *rig);

/* Opens a broker's store; names of brokers that are open differ. Its journal is kept when it is closed. Waits until it
 * serves, unless told not to. */
struct rig_broker *rig_open(struct rig *rig, const char *name);
struct rig_broker *rig_open_only(struct rig *rig, const char *name);
void rig_close(struct rig_broker *broker);
/* Waits until health says so. False: not in time. */
bool rig_wait_connected(struct rig_broker *broker, bool connected);
struct cr_store_health rig_health(struct rig_broker *broker);

/* ---- jobs ---- */

/* A certificate as a device presents it: key and serial are numbers; in the inventory of the CA "ca". */
struct cr_cert_facts rig_cert(const char *device, unsigned serial, unsigned key, int64_t not_before, int64_t not_after);
/* The facts of an intent, once it is a certificate. */
struct cr_cert_facts rig_cert_of(const struct cr_job *job);

struct cr_job *rig_job(struct rig_broker *broker, enum cr_op op, const char *device, const char *slot);
struct cr_job *rig_job_present(struct rig_broker *broker, const char *slot, const struct cr_cert_facts *facts);
/* A CSR for this key on its way to BEGIN, with an intent of its own; its device presented `presented` (NULL: nothing).
 */
struct cr_job *rig_job_csr(struct rig_broker *broker, const char *device, const char *slot, unsigned key,
                           const struct cr_cert_facts *presented);
struct cr_job *rig_job_report(struct rig_broker *broker, const char *device, const char *slot, const char *renewal_id,
                              enum cr_report_outcome outcome);
struct cr_job *rig_job_trigger(struct rig_broker *broker, const char *device, const char *slot);
/* Signs, as a worker would: a certificate that can be told by its intent. */
void rig_sign(struct cr_job *job);

/* Hands it in and waits until it is home. */
struct cr_job *rig_run(struct rig_broker *broker, struct cr_job *job);
void rig_submit(struct rig_broker *broker, struct cr_job *job);
/* The next job that came home. NULL: none in time. */
struct cr_job *rig_next(struct rig_broker *broker, int wait_ms);
/* What another broker said: waits until there is a PUSH job for this device, and forgets all that came so far. False: not
 * in time. */
bool rig_pushed(struct rig_broker *broker, const char *device, int wait_ms);
/* BEGIN, sign, RECORD: home with its outcome. Fails the test when BEGIN does not go on. */
struct cr_job *rig_issue(struct rig_broker *broker, const char *device, const char *slot, unsigned key);
/* PRESENT, outcome checked to be RECORD; frees the job. Returns whether it confirmed. */
bool rig_present(struct rig_broker *broker, const char *slot, const struct cr_cert_facts *facts);
/* INSPECT: a copy of the slot's record; state quiet and serial.len 0 when it is not known. */
struct cr_slot_record rig_slot(struct rig_broker *broker, const char *device, const char *slot);

/* ---- what is revoked: store_rig_revoked.c ---- */

/* A page came. */
void rig_revoked_take(struct rig_revoked *known, struct cr_job *job);
/* Reads those that were kept, but for the first `lost` of them; none is kept any more. */
void rig_revoked_let_go(struct rig_broker *broker, unsigned lost);
void rig_revoked_fini(struct rig_revoked *known);
/* Waits until this broker was told that it is, or is not any more, and how. False: not in time. */
bool rig_revoked(struct rig_broker *broker, const struct cr_cert_facts *facts, bool revoked, struct cr_revocation *entry);
/* The same of an issuer; returns what it is. */
enum cr_issuer_state rig_issuer(struct rig_broker *broker, const char *id, enum cr_issuer_state wanted);
/* Until it was told all there is, and that is so much. */
bool rig_revoked_complete(struct rig_broker *broker, unsigned count);
struct cr_job *rig_job_revoke(struct rig_broker *broker, enum cr_revoke_verb verb, const char *device, const char *slot,
                              unsigned reason);
/* device "": not known. */
struct cr_job *rig_job_revoke_certificate(struct rig_broker *broker, const char *device,
                                          const struct cr_cert_facts *facts, unsigned reason);
/* Runs it, outcome checked to be DONE; how many were revoked now. Frees the job. */
unsigned rig_revoke(struct rig_broker *broker, struct cr_job *job);

/* ---- looking inside ---- */

/* Audit lines so far, in all journals or in the fake; what, device: NULL for any. */
unsigned rig_audits(struct rig *rig, const char *what, const char *device);
/* Waits until there are that many. */
void rig_expect_audits(struct rig *rig, const char *what, const char *device, unsigned count);
void rig_hold(struct rig *rig, const char *device, const char *slot, bool held);
/* Before any broker is open: an entry of the audit stream, so many milliseconds after RIG_HISTORY_S. */
enum { RIG_HISTORY_S = 1000000000 };
void rig_history(struct rig *rig, unsigned ms, const char *what, const char *device, const char *who);
/* Gives a slot an alert of this level (1 to 3) and stage (t, w, f). */
void rig_alert(struct rig *rig, const char *device, const char *slot, unsigned level, char stage);
/* Takes a quiet slot out of the agenda. */
void rig_unplan(struct rig *rig, const char *device, const char *slot);
/* When a slot is looked at next; 0: it is not watched. Whether it is among the alerts. */
int64_t rig_watch_at(const struct rig *rig, const char *device, const char *slot);
bool rig_shown(const struct rig *rig, const char *device, const char *slot);
/* The keys of a device in the private Redis. */
void rig_keys(const struct rig *rig, struct cr_device_keys *keys, const char *device, const char *slot);
#endif
