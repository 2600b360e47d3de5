/* What the fake ledger makes of a certificate that was seen at a connection. */
#include "tests/support/fake_inside.h"

#include <stdio.h>

static void present_inventory(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct cr_cert_entry *current = &slot->view.current;
    if (current->serial.len > 0 && slot->view.generation > 0) {
        fake_alarm_job(ledger, job, CR_REFUSAL_CERTIFICATE_OUTDATED,
                  "a certificate that is not ours replaces one that is");
        return;
    }
    if (current->serial.len > 0 && current->not_before >= job->presented.not_before) {
        return;
    }
    *current = fake_entry_presented(job);
    slot->quiet_due = job->profile == NULL ? current->not_after
                                           : cr_profile_due(job->profile, job->device, current->not_before,
                                                            current->not_after);
    if (!slot->parked) {
        slot->view.due = slot->quiet_due;
    }
    fake_audit_job(ledger, "seen", job, "");
}

static void present_due(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct cr_slot_record *view = &slot->view;
    if (job->profile == NULL || !job->may_begin || job->confirmed || view->state != CR_STATE_QUIET || view->held ||
        !fake_entry_is(&view->current, job) || view->due > job->now_s) {
        return;
    }
    fake_go_triggered(ledger, slot, CR_RENEW_EXPIRY);
    fake_attempt(slot, job);
    job->triggered = true;
    snprintf(job->renewal_id, sizeof job->renewal_id, "%s", view->renewal_id);
    fake_audit_job(ledger, "triggered", job, view->renewal_id);
}

void fake_ledger_present(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_device *device = fake_device_make(ledger, job->device);
    struct fake_slot *slot = fake_slot_make(device, job->slot);
    struct fake_key *key;
    if (slot == NULL || job->presented.serial.len == 0) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_SLOT, 0);
        return;
    }
    if (!fake_key_claim(ledger, job->presented.key_hash, job->device, job->slot, &key)) {
        fake_alarm_job(ledger, job, CR_REFUSAL_KEY_REUSED, "presents a key of another device or slot");
    } else {
        key->used = true;
    }
    fake_expire(ledger, job, slot);
    device->first_seen = device->first_seen != 0 ? device->first_seen : job->now_s;
    device->last_seen = job->now_s;
    if (slot->view.state == CR_STATE_ISSUED && fake_entry_is(&slot->view.pending, job)) {
        snprintf(job->renewal_id, sizeof job->renewal_id, "%s", slot->view.renewal_id);
        fake_go_confirmed(slot, job->now_s);
        job->confirmed = true;
        fake_audit_job(ledger, "confirmed", job, job->renewal_id);
    } else if (fake_entry_is(&slot->view.current, job)) {
        /* as it should be */
    } else if (slot->view.superseded.serial.len > 0 &&
               cr_serial_equal(&slot->view.superseded.serial, &job->presented.serial)) {
        job->regressed = true;
        fake_audit_job(ledger, "regression", job, "");
    } else {
        present_inventory(ledger, job, slot);
    }
    present_due(ledger, job, slot);
    fake_answer_record(job, device, FAKE_ALL_SLOTS, true);
}
