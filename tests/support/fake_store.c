#include "tests/support/fake_store.h"

#include "tests/support/fake_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_store {
    struct cr_store store;
    struct fake_ledger *ledger;
    bool own_ledger;
    struct fake_owner owner;
    unsigned max_jobs;
    cr_store_done_fn *done;
    void *done_ctx;
    enum fake_store_fault fault;
    unsigned fail_next, lose_next;
    enum cr_refusal refuse_next;
    struct cr_job *head, **tail;
    unsigned inside;
    struct cr_job *unrecorded; /* journaled, not yet in the ledger: RECORD jobs of our own */
    unsigned unrecorded_count;
    uint64_t commands, errors;
    struct cr_setup *setup; /* of the last job; held */
    uint64_t told;          /* of what is revoked: up to which version */
    bool told_all;          /* it was told at all */
    bool bundle_told; /* of the trust bundle of this version and time */
    uint64_t bundle_version;
    int64_t bundle_at;
};

static struct fake_store *fake_of(struct cr_store *store)
{
    return (struct fake_store *)store; /* its first member */
}

static cr_err fake_submit(struct cr_store *store, struct cr_job **job)
{
    struct fake_store *fake = fake_of(store);
    if (fake->fault == FAKE_STORE_FULL || (fake->max_jobs != 0 && fake->inside >= fake->max_jobs)) {
        return CR_FULL;
    }
    (*job)->next = NULL;
    *fake->tail = *job;
    fake->tail = &(*job)->next;
    fake->inside++;
    *job = NULL;
    return CR_OK;
}

static void fake_health(struct cr_store *store, struct cr_store_health *health)
{
    const struct fake_store *fake = fake_of(store);
    bool reachable = fake->fault != FAKE_STORE_DOWN && fake->fault != FAKE_STORE_STALLED;
    *health = (struct cr_store_health){
        .connected = reachable,
        .writable = reachable,
        .durable = true,
        .journal_ok = fake->fault != FAKE_STORE_JOURNAL_FULL,
        .in_flight = fake->inside,
        .unrecorded = fake->unrecorded_count,
        .commands = fake->commands,
        .errors = fake->errors,
    };
    if (!reachable) {
        snprintf(health->problem, sizeof health->problem, "Redis cannot be reached.");
    } else if (!health->journal_ok) {
        snprintf(health->problem, sizeof health->problem, "The journal cannot be written.");
    }
}

static void finish(struct fake_store *fake, struct cr_job *job)
{
    fake->done(fake->done_ctx, job);
}

/* The loop asks every few seconds whether settings were changed; a test's faults are for something else. */
static bool is_poll(const struct cr_job *job)
{
    return job->op == CR_OP_POLICY && job->command == 0;
}

static void unavailable(struct fake_store *fake, struct cr_job *job)
{
    unsigned retry_after_s = job->setup->config.retry_after_s;
    fake->errors++;
    cr_job_refuse(job, CR_REFUSAL_STORE_UNAVAILABLE, retry_after_s > 0 ? retry_after_s : 1);
    if (job->op != CR_OP_PRESENT && !is_poll(job)) {
        fake_ledger_audit(fake->ledger, "refused", job->device, job->slot, "store-unavailable");
        job->audited = true;
    }
}

/* The certificate is in the journal, so it will be recorded; its asker is told to wait. */
static void put_off(struct fake_store *fake, struct cr_job *job)
{
    struct cr_job *copy;
    if (cr_job_new(&copy, CR_OP_DELIVER, job->setup) != CR_OK) {
        abort();
    }
    copy->profile = job->profile;
    copy->now_s = job->now_s;
    memcpy(copy->device, job->device, sizeof copy->device);
    memcpy(copy->slot, job->slot, sizeof copy->slot);
    memcpy(copy->who, job->who, sizeof copy->who);
    copy->intent = job->intent;
    cr_blob_move(&copy->certificate, &job->certificate);
    copy->next = fake->unrecorded;
    fake->unrecorded = copy;
    fake->unrecorded_count++;

    unsigned retry_after_s = job->setup->config.retry_after_s;
    job->outcome = CR_OUT_PENDING;
    job->retry_after_s = retry_after_s > 0 ? retry_after_s : 1;
    job->stage = CR_STAGE_DONE;
}

static unsigned catch_up(struct fake_store *fake)
{
    unsigned delivered = 0;
    struct cr_job *list = fake->unrecorded;
    fake->unrecorded = NULL;
    fake->unrecorded_count = 0;
    while (list != NULL) {
        struct cr_job *job = list;
        list = job->next;
        job->next = NULL;
        if (fake_ledger_record(fake->ledger, job)) {
            cr_blob_fini(&job->certificate);
            fake_ledger_get(fake->ledger, job);
            finish(fake, job);
            delivered++;
        } else {
            cr_job_free(job);
        }
    }
    return delivered;
}

static void carry_out(struct fake_store *fake, struct cr_job *job)
{
    switch (job->op) {
    case CR_OP_CSR:
        if (job->stage == CR_STAGE_BEGIN) {
            fake_ledger_begin(fake->ledger, job, &fake->owner);
        } else {
            assert(job->stage == CR_STAGE_RECORD);
            (void)fake_ledger_record(fake->ledger, job);
        }
        break;
    case CR_OP_PRESENT:
        fake_ledger_present(fake->ledger, job);
        break;
    case CR_OP_GET:
    case CR_OP_DELIVER:
        fake_ledger_get(fake->ledger, job);
        break;
    case CR_OP_REPORT:
        fake_ledger_report(fake->ledger, job);
        break;
    case CR_OP_TRIGGER:
        fake_ledger_trigger(fake->ledger, job);
        break;
    case CR_OP_INSPECT:
        fake_ledger_inspect(fake->ledger, job);
        break;
    case CR_OP_AGENDA:
        fake_ledger_agenda(fake->ledger, job);
        break;
    case CR_OP_ADVANCE:
        fake_ledger_advance(fake->ledger, job);
        break;
    case CR_OP_LIST:
        fake_list(fake->ledger, job);
        break;
    case CR_OP_STEER:
        fake_steer(fake->ledger, job);
        break;
    case CR_OP_CAMPAIGN:
        fake_campaign(fake->ledger, job);
        break;
    case CR_OP_LOOK:
        fake_look(fake->ledger, job);
        break;
    case CR_OP_HISTORY:
        fake_history(fake->ledger, job);
        break;
    case CR_OP_POLICY:
        fake_policy(fake->ledger, job);
        break;
    case CR_OP_SURVEY:
        fake_survey(fake->ledger, job, fake->owner.broker);
        break;
    case CR_OP_FIGURES:
        fake_figures(fake->ledger, job);
        break;
    case CR_OP_REVOKE:
        fake_ledger_revoke(fake->ledger, job);
        break;
    case CR_OP_ENROL:
        fake_ledger_enrol(fake->ledger, job);
        break;
    case CR_OP_TRUST:
        fake_ledger_trust(fake->ledger, job);
        break;
    case CR_OP_OCSP:
        fake_ledger_ocsp(fake->ledger, job);
        break;
    case CR_OP_CENSUS:
        fake_ledger_census(fake->ledger, job);
        break;
    case CR_OP_REVOKED:
    case CR_OP_CRL:
    case CR_OP_PUSH:
        cr_job_refuse(job, CR_REFUSAL_INTERNAL, 0);
        break;
    case CR_OP_AUDIT:
        if (job->deliveries != NULL) {
            fake_deliveries(fake->ledger, job);
            break;
        }
        fake_ledger_audit_at(fake->ledger, job->now_s * 1000, job->who, job->audit_what, job->device, job->slot,
                             job->audit_detail);
        job->audited = true;
        job->outcome = CR_OUT_DONE;
        job->stage = CR_STAGE_DONE;
        break;
    }
}

/* The answer is lost on its way: whatever was decided, nobody here has learnt it. */
static void forget(struct fake_store *fake, struct cr_job *job, bool record)
{
    job->confirmed = job->regressed = job->triggered = false;
    job->alert = CR_ALERT_NONE;
    job->renewal_id[0] = '\0';
    if (record) {
        job->outcome = CR_OUT_PENDING;
        job->retry_after_s = job->setup->config.retry_after_s;
        job->stage = CR_STAGE_DONE;
        cr_blob_fini(&job->certificate);
    } else {
        unavailable(fake, job);
    }
}

static void serve(struct fake_store *fake, struct cr_job *job)
{
    bool record = job->op == CR_OP_CSR && job->stage == CR_STAGE_RECORD;
    fake->commands++;
    if (fake->fault == FAKE_STORE_JOURNAL_FULL && record) {
        unavailable(fake, job);
    } else if (is_poll(job) && fake->fault != FAKE_STORE_DOWN) {
        carry_out(fake, job);
    } else if (fake->fault == FAKE_STORE_DOWN || fake->fail_next > 0) {
        fake->fail_next -= fake->fail_next > 0;
        if (record) {
            put_off(fake, job);
        } else {
            unavailable(fake, job);
        }
    } else if (fake->refuse_next != CR_REFUSAL_NONE) {
        cr_job_refuse(job, fake->refuse_next, 0);
        job->audited = true;
        job->alarm = fake->refuse_next == CR_REFUSAL_INTERNAL ? CR_REFUSAL_INTERNAL : CR_REFUSAL_NONE;
        fake->refuse_next = CR_REFUSAL_NONE;
    } else {
        carry_out(fake, job);
        if (fake->lose_next > 0) {
            fake->lose_next--;
            forget(fake, job, record);
        }
    }
    finish(fake, job);
}

static struct cr_job *take_all(struct fake_store *fake)
{
    struct cr_job *list = fake->head;
    fake->head = NULL;
    fake->tail = &fake->head;
    fake->inside = 0;
    return list;
}

/* What changed among what is revoked, for the loop. */
static unsigned tell_revoked(struct fake_store *fake)
{
    struct cr_revocations *page;
    unsigned count = 0;
    while (fake->setup != NULL && fake->fault != FAKE_STORE_DOWN &&
           (page = fake_revoked_page(fake->ledger, fake->told, !fake->told_all)) != NULL) {
        struct cr_job *job;
        if (cr_job_new(&job, CR_OP_REVOKED, fake->setup) != CR_OK) {
            abort();
        }
        fake->told_all = true;
        fake->told = page->version;
        job->revoked = page;
        job->outcome = CR_OUT_DONE;
        job->stage = CR_STAGE_DONE;
        finish(fake, job);
        count++;
    }
    return count;
}

/* Likewise of the trust bundle. */
static unsigned tell_bundle(struct fake_store *fake)
{
    struct cr_job *news = NULL;
    if (fake->setup != NULL && fake->fault != FAKE_STORE_DOWN) {
        news = fake_ledger_bundle_news(fake->ledger, fake->bundle_told ? fake->bundle_version : UINT64_MAX,
                                       fake->bundle_at, fake->setup);
    }
    if (news == NULL) {
        return 0;
    }
    fake->bundle_told = true;
    fake->bundle_version = news->bundle->version;
    fake->bundle_at = news->bundle->at;
    finish(fake, news);
    return 1;
}

unsigned fake_store_pump(struct cr_store *store)
{
    struct fake_store *fake = fake_of(store);
    unsigned count = 0;
    if (fake->fault == FAKE_STORE_STALLED) {
        return 0;
    }
    struct cr_job *list = take_all(fake);
    if (fake->fault != FAKE_STORE_DOWN && fake->fail_next == 0) {
        count += catch_up(fake);
    }
    while (list != NULL) {
        struct cr_job *job = list;
        list = job->next;
        job->next = NULL;
        cr_setup_drop(fake->setup);
        fake->setup = cr_setup_hold(job->setup);
        serve(fake, job);
        count++;
    }
    return count + tell_revoked(fake) + tell_bundle(fake);
}

unsigned fake_store_time_out(struct cr_store *store)
{
    struct fake_store *fake = fake_of(store);
    unsigned count = 0;
    for (struct cr_job *list = take_all(fake); list != NULL; count++) {
        struct cr_job *job = list;
        list = job->next;
        job->next = NULL;
        if (job->op == CR_OP_CSR && job->stage == CR_STAGE_RECORD) {
            put_off(fake, job);
        } else {
            unavailable(fake, job);
        }
        finish(fake, job);
    }
    return count;
}

void fake_store_fault(struct cr_store *store, enum fake_store_fault fault)
{
    fake_of(store)->fault = fault;
}

void fake_store_refuse_next(struct cr_store *store, enum cr_refusal refusal)
{
    fake_of(store)->refuse_next = refusal;
}

void fake_store_fail_next(struct cr_store *store, unsigned count)
{
    fake_of(store)->fail_next = count;
}

void fake_store_lose_next(struct cr_store *store, unsigned count)
{
    fake_of(store)->lose_next = count;
}

struct fake_ledger *fake_store_ledger(struct cr_store *store)
{
    return fake_of(store)->ledger;
}

static void fake_free(struct cr_store *store)
{
    struct fake_store *fake = fake_of(store);
    (void)fake_store_time_out(store);
    while (fake->unrecorded != NULL) {
        struct cr_job *job = fake->unrecorded;
        fake->unrecorded = job->next;
        cr_job_free(job);
    }
    cr_setup_drop(fake->setup);
    if (fake->own_ledger) {
        fake_ledger_free(fake->ledger);
    }
    free(fake);
}

cr_err fake_store_new(struct cr_store **store, const struct fake_store_options *options)
{
    static const struct cr_store_ops ops = { fake_submit, fake_health, fake_free };
    static unsigned lives;
    struct fake_store *fake = calloc(1, sizeof *fake);
    *store = NULL;
    if (fake == NULL) {
        return CR_NOMEM;
    }
    fake->store.ops = &ops;
    fake->ledger = options->ledger;
    if (fake->ledger == NULL) {
        fake->own_ledger = true;
        if (fake_ledger_new(&fake->ledger) != CR_OK) {
            free(fake);
            return CR_NOMEM;
        }
    }
    fake->owner = (struct fake_owner){ options->broker_name != NULL ? options->broker_name : "broker", ++lives };
    fake->max_jobs = options->max_jobs;
    fake->done = options->done;
    fake->done_ctx = options->done_ctx;
    fake->tail = &fake->head;
    *store = &fake->store;
    return CR_OK;
}
