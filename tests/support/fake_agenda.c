/* What the fake ledger has in its agenda, and the next step of what is due. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <string.h>

enum { RECHECK_S = 86400, RECHECK_MIN_S = 3600 };

/* ---- claiming ---- */

/* Its time in the agenda, or in the watch. */
static int64_t *time_of(struct fake_slot *slot, bool watch)
{
    return watch ? &slot->watch_at : &slot->view.due;
}

static void due_add(struct cr_agenda *agenda, const struct fake_device *device, struct fake_slot *slot)
{
    struct cr_due *due = &agenda->due[agenda->count++];
    snprintf(due->device, sizeof due->device, "%s", device->id);
    snprintf(due->slot, sizeof due->slot, "%s", slot->view.slot);
    *time_of(slot, agenda->watch) = agenda->until;
}

/* The slot of this bucket that is due for longest. */
static struct fake_slot *due_first(const struct fake_ledger *ledger, const struct cr_agenda *agenda, int64_t now_s,
                                   struct fake_device **whose)
{
    struct fake_slot *first = NULL;
    int64_t earliest = 0;
    for (struct fake_device *device = fake_device_next(ledger, NULL); device != NULL;
         device = fake_device_next(ledger, device)) {
        for (unsigned i = 0; fake_bucket(device->id) == agenda->bucket && i < device->slot_count; i++) {
            struct fake_slot *slot = &device->slot[i];
            int64_t at = *time_of(slot, agenda->watch);
            if (at > 0 && at <= now_s && (first == NULL || at < earliest)) {
                first = slot;
                earliest = at;
                *whose = device;
            }
        }
    }
    return first;
}

void fake_ledger_agenda(struct fake_ledger *ledger, struct cr_job *job)
{
    struct cr_agenda *agenda = job->agenda;
    unsigned room = agenda->watch ? CR_DUE_MAX : fake_pace(ledger, job->now_s, agenda->rate_per_s, 0);
    room = room < agenda->limit ? room : agenda->limit;
    room = room < CR_DUE_MAX ? room : CR_DUE_MAX;
    agenda->total = FAKE_BUCKETS;
    agenda->bucket %= FAKE_BUCKETS;
    agenda->until = job->now_s + FAKE_CLAIM_S;
    for (unsigned looked = 0; room > 0 && looked < FAKE_BUCKETS && (looked < agenda->buckets || looked == 0);) {
        struct fake_device *device = NULL;
        struct fake_slot *slot = due_first(ledger, agenda, job->now_s, &device);
        if (slot != NULL) {
            due_add(agenda, device, slot);
            if (agenda->count == room) {
                break;
            }
        } else {
            agenda->bucket = (agenda->bucket + 1) % FAKE_BUCKETS;
            agenda->round = agenda->round || agenda->bucket == 0;
            looked++;
        }
    }
    if (!agenda->watch) {
        (void)fake_pace(ledger, job->now_s, agenda->rate_per_s, agenda->count);
    }
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}

/* ---- the next step ---- */

static void step_triggered(struct fake_ledger *ledger, struct cr_job *job, const struct fake_slot *slot)
{
    job->triggered = true;
    snprintf(job->renewal_id, sizeof job->renewal_id, "%s", slot->view.renewal_id);
    fake_audit_job(ledger, "triggered", job, slot->view.renewal_id);
}

void fake_park(struct fake_slot *slot)
{
    if (!slot->parked) {
        slot->quiet_due = slot->view.due;
    }
}

static void step_begin(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    fake_go_triggered(ledger, slot, CR_RENEW_EXPIRY);
    slot->quiet_due = job->now_s;
    fake_attempt(slot, job);
    step_triggered(ledger, job, slot);
}

static void step_once_more(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    int64_t deadline = slot->view.deadline;
    fake_park(slot);
    fake_pending_clear(slot);
    slot->view.state = CR_STATE_TRIGGERED;
    slot->view.version++;
    slot->view.attempt++;
    fake_attempt(slot, job);
    if (deadline != 0) {
        slot->view.deadline = deadline;
        slot->view.due = slot->view.due < deadline ? slot->view.due : deadline;
    }
    step_triggered(ledger, job, slot);
}

static void step_quiet(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    const struct cr_cert_entry *current = &slot->view.current;
    if (current->serial.len == 0) {
        slot->view.due = 0;
    } else if (current->not_after <= job->now_s) {
        slot->view.due = 0;
        if (fake_ran_out(slot, job->now_s)) {
            fake_alert_job(ledger, job, slot, CR_ALERT_EXPIRED);
        }
    } else if (slot->view.retry_at > job->now_s) {
        slot->view.due = slot->view.retry_at;
    } else if (slot->view.unanswered > 0) {
        slot->view.due = current->not_after;
    } else {
        step_begin(ledger, job, slot);
    }
}

static void step_issuing(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    if (slot->lease > job->now_s) {
        slot->view.due = slot->lease;
    } else if (slot->view.deadline != 0 && slot->view.deadline <= job->now_s) {
        fake_give_up(ledger, job, slot);
    } else {
        step_once_more(ledger, job, slot);
    }
}

/* Of a slot that is not configured. */
static void step_unknown(const struct cr_job *job, struct fake_slot *slot)
{
    struct cr_slot_record *view = &slot->view;
    int64_t left = view->current.not_after - job->now_s;
    if (view->state == CR_STATE_TRIGGERED) {
        view->due = view->deadline;
    } else if (view->state != CR_STATE_QUIET) {
        view->due = job->now_s + RECHECK_S;
    } else {
        view->due = left <= 0              ? 0
                    : left < RECHECK_MIN_S ? view->current.not_after
                                           : job->now_s + (left / 4 > RECHECK_MIN_S ? left / 4 : RECHECK_MIN_S);
    }
}

static void step(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct cr_slot_record *view = &slot->view;
    if (view->held) {
        view->due = 0;
        fake_rest(slot);
    } else if (job->profile == NULL) {
        step_unknown(job, slot);
        fake_alarm_job(ledger, job, CR_REFUSAL_UNKNOWN_SLOT, "is due, but no such slot is configured");
    } else if (view->state == CR_STATE_QUIET) {
        step_quiet(ledger, job, slot);
    } else if (view->state == CR_STATE_TRIGGERED) {
        step_once_more(ledger, job, slot);
    } else if (view->state == CR_STATE_ISSUING) {
        step_issuing(ledger, job, slot);
    } else if (view->pending.not_after <= job->now_s) {
        step_begin(ledger, job, slot);
    } else {
        view->attempt++;
        view->due = job->now_s + fake_wait_s(slot, job);
    }
}

void fake_ledger_advance(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_device *device = fake_device_find(ledger, job->device);
    struct fake_slot *slot = fake_slot_find(device, job->slot);
    unsigned ended = slot != NULL ? slot->view.unanswered : 0;
    fake_expire(ledger, job, slot);
    if (slot != NULL && slot->view.unanswered == ended && slot->view.due != 0 &&
        (job->claimed_until != 0 ? slot->view.due == job->claimed_until : slot->view.due <= job->now_s)) {
        step(ledger, job, slot);
    }
    bool gone = slot == NULL || (slot->view.current.serial.len == 0 && slot->view.version == 0);
    fake_answer_record(job, gone ? NULL : device, FAKE_ONE_SLOT, true);
}
