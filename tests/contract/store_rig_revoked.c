/* What a broker of the rig was told of what is revoked: the same that the loop keeps. */
#include "tests/contract/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct cr_revocation *find(struct rig_revoked *known, const struct cr_serial *serial, const char *issuer)
{
    for (unsigned i = 0; i < known->count; i++) {
        if (cr_serial_equal(&known->entry[i].serial, serial) && strcmp(known->entry[i].issuer, issuer) == 0) {
            return &known->entry[i];
        }
    }
    return NULL;
}

static void apply(struct rig_revoked *known, const struct cr_revocation *change)
{
    struct cr_revocation *entry = find(known, &change->serial, change->issuer);
    if (change->gone) {
        if (entry != NULL) {
            *entry = known->entry[--known->count];
        }
        return;
    }
    if (entry == NULL) {
        known->entry = realloc(known->entry, (known->count + 1) * sizeof *known->entry);
        if (known->entry == NULL) {
            abort();
        }
        entry = &known->entry[known->count++];
    }
    *entry = *change;
}

static void page_read(struct rig_revoked *known, const struct cr_revocations *page)
{
    if (page->anew) {
        known->count = 0;
        known->anew++;
    }
    known->pages++;
    known->version = page->version;
    known->complete = page->complete;
    for (unsigned i = 0; i < page->count; i++) {
        apply(known, &page->change[i]);
    }
    memcpy(known->mark, page->mark, sizeof known->mark);
    known->mark_count = page->mark_count;
}

static void page_take(struct rig_revoked *known, struct cr_job *job)
{
    job->revoked->lost = known->lose > 0;
    if (job->revoked->lost) {
        known->lose--;
    } else {
        page_read(known, job->revoked);
    }
    cr_job_free(job);
}

void rig_revoked_take(struct rig_revoked *known, struct cr_job *job)
{
    if (!known->hold) {
        page_take(known, job);
        return;
    }
    known->held_tail = known->held != NULL ? known->held_tail : &known->held;
    job->next = NULL;
    *known->held_tail = job;
    known->held_tail = &job->next;
    known->held_count++;
}

void rig_revoked_let_go(struct rig_broker *broker, unsigned lost)
{
    struct rig_revoked *known = &broker->revoked;
    (void)pthread_mutex_lock(&broker->lock);
    known->hold = false;
    known->held_count = 0;
    known->lose = lost;
    while (known->held != NULL) {
        struct cr_job *job = known->held;
        known->held = job->next;
        page_take(known, job);
    }
    (void)pthread_mutex_unlock(&broker->lock);
}

void rig_revoked_fini(struct rig_revoked *known)
{
    while (known->held != NULL) {
        struct cr_job *job = known->held;
        known->held = job->next;
        cr_job_free(job);
    }
    free(known->entry);
    *known = (struct rig_revoked){ .count = 0 };
}

/* Copies what is known of it. */
static bool known_now(struct rig_broker *broker, const struct cr_cert_facts *facts, struct cr_revocation *entry)
{
    (void)pthread_mutex_lock(&broker->lock);
    struct cr_revocation *found = find(&broker->revoked, &facts->serial, facts->issuer);
    if (found != NULL) {
        *entry = *found;
    }
    (void)pthread_mutex_unlock(&broker->lock);
    return found != NULL;
}

static void look_around(struct rig_broker *broker)
{
    const struct timespec nap = { 0, 1000000L };
    if (broker->rig->backend == RIG_FAKE) {
        (void)fake_store_pump(broker->store);
    } else {
        (void)nanosleep(&nap, NULL);
    }
}

bool rig_revoked(struct rig_broker *broker, const struct cr_cert_facts *facts, bool revoked, struct cr_revocation *entry)
{
    int64_t end = cr_mono_ms(cr_clock_system()) + RIG_WAIT_MS;
    bool is = !revoked;
    *entry = (struct cr_revocation){ .gone = true };
    while ((is = known_now(broker, facts, entry)) != revoked && cr_mono_ms(cr_clock_system()) < end) {
        look_around(broker);
    }
    return is == revoked;
}

enum cr_issuer_state rig_issuer(struct rig_broker *broker, const char *id, enum cr_issuer_state wanted)
{
    int64_t end = cr_mono_ms(cr_clock_system()) + RIG_WAIT_MS;
    enum cr_issuer_state state;
    do {
        look_around(broker);
        state = CR_ISSUER_TRUSTED;
        (void)pthread_mutex_lock(&broker->lock);
        for (unsigned i = 0; i < broker->revoked.mark_count; i++) {
            state = strcmp(broker->revoked.mark[i].id, id) == 0 ? broker->revoked.mark[i].state : state;
        }
        (void)pthread_mutex_unlock(&broker->lock);
    } while (state != wanted && cr_mono_ms(cr_clock_system()) < end);
    return state;
}

bool rig_revoked_complete(struct rig_broker *broker, unsigned count)
{
    int64_t end = cr_mono_ms(cr_clock_system()) + RIG_WAIT_MS;
    bool is = false;
    while (!is && cr_mono_ms(cr_clock_system()) < end) {
        look_around(broker);
        (void)pthread_mutex_lock(&broker->lock);
        is = broker->revoked.complete && broker->revoked.count == count;
        (void)pthread_mutex_unlock(&broker->lock);
    }
    return is;
}

/* ---- asking ---- */

struct cr_job *rig_job_revoke(struct rig_broker *broker, enum cr_revoke_verb verb, const char *device, const char *slot,
                              unsigned reason)
{
    struct cr_job *job = rig_job(broker, CR_OP_REVOKE, device, slot);
    job->command = 1;
    job->revoke = calloc(1, sizeof *job->revoke);
    assert_non_null(job->revoke);
    job->revoke->verb = verb;
    job->revoke->reason = reason;
    return job;
}

struct cr_job *rig_job_revoke_certificate(struct rig_broker *broker, const char *device,
                                          const struct cr_cert_facts *facts, unsigned reason)
{
    struct cr_job *job = rig_job_revoke(broker, CR_REVOKE_CERTIFICATE, device, "", reason);
    job->revoke->serial = facts->serial;
    memcpy(job->revoke->issuer, facts->issuer, sizeof job->revoke->issuer);
    job->revoke->not_after = facts->not_after;
    return job;
}

unsigned rig_revoke(struct rig_broker *broker, struct cr_job *job)
{
    job = rig_run(broker, job);
    unsigned count = job->revoke->count;
    assert_int_equal(job->refusal, CR_REFUSAL_NONE);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    cr_job_free(job);
    return count;
}
