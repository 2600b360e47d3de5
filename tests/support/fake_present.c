/* What the fake ledger makes of a certificate that was seen at a connection. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <string.h>

/* ---- how seldom it appears ---- */

/* A running quantile, which steps up nine times as far as it steps down. */
static void present_gap(struct fake_device *device, const struct cr_job *job)
{
    int64_t away = device->last_seen > 0 ? job->now_s - device->last_seen : 0, gap = device->gap_s;
    if (!job->appeared || away <= 0) {
        return;
    }
    if (gap == 0) {
        gap = away;
    } else if (away > gap) {
        int64_t step = gap * 9 / 40;
        gap += step > 1 ? step : 1;
        gap = gap < away ? gap : away;
    } else {
        gap -= gap / 40;
    }
    device->gap_s = gap;
}

int64_t fake_early(const struct fake_device *device, const struct fake_slot *slot, const struct cr_profile *profile)
{
    const struct cr_cert_entry *current = &slot->view.current;
    if (device == NULL || device->gap_s == 0 || profile->min_chances == 0 || current->serial.len == 0) {
        return INT64_MAX;
    }
    int64_t life = current->not_after > current->not_before ? current->not_after - current->not_before : 0;
    int64_t at = current->not_after - profile->min_chances * device->gap_s, first = current->not_before + life / 10;
    return at > first ? at : first;
}

void fake_bring_forward(const struct fake_device *device, struct fake_slot *slot, const struct cr_profile *profile)
{
    int64_t early = profile != NULL ? fake_early(device, slot, profile) : INT64_MAX;
    if (early < INT64_MAX && (slot->view.due == 0 || early < slot->view.due)) {
        slot->view.due = slot->quiet_due = early;
    }
}

/* ---- beginning ---- */

static void present_begin(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot,
                          enum cr_renew_reason reason)
{
    if (slot->view.state == CR_STATE_QUIET) {
        slot->quiet_due = slot->view.due;
    }
    fake_go_triggered(ledger, slot, reason);
    fake_attempt(slot, job);
    job->triggered = true;
    if (strcmp(slot->view.slot, job->slot) == 0) {
        snprintf(job->renewal_id, sizeof job->renewal_id, "%s", slot->view.renewal_id);
    }
    fake_ledger_audit(ledger, "triggered", job->device, slot->view.slot, slot->view.renewal_id);
}

/* A quiet slot that is due begins; one that is to be due earlier is. natural: its time where the agenda has lost it, or
 * 0. */
static void present_look(struct fake_ledger *ledger, struct cr_job *job, const struct fake_device *device,
                         struct fake_slot *slot, const struct cr_profile *profile, int64_t natural)
{
    struct cr_slot_record *view = &slot->view;
    bool spent = fake_spent(slot, job->now_s);
    if (profile == NULL || (view->state != CR_STATE_QUIET && !spent) || view->held || view->current.serial.len == 0) {
        return;
    }
    bool now = spent || view->unanswered > 0 || view->current.not_after <= job->now_s;
    int64_t early = fake_early(device, slot, profile), planned = view->due > 0 ? view->due : natural;
    if (!spent && view->retry_at > job->now_s) { /* an operator cancelled it */
        int64_t at = now ? job->now_s : early < planned ? early : planned;
        at = at > view->retry_at ? at : view->retry_at;
        if (at < planned) {
            view->due = slot->quiet_due = at;
        }
        return;
    }
    if (job->may_begin && (now || early <= job->now_s || (planned > 0 && planned <= job->now_s))) {
        present_begin(ledger, job, slot, CR_RENEW_EXPIRY);
        return;
    }
    if (now) {
        planned = planned > 0 && planned < job->now_s ? planned : job->now_s;
    }
    view->due = planned;
    if (!spent) {
        slot->quiet_due = planned;
    }
    if (!now) {
        fake_bring_forward(device, slot, profile);
    }
}

static void present_others(struct fake_ledger *ledger, struct cr_job *job, struct fake_device *device,
                           const struct fake_slot *presented)
{
    const struct cr_config *config = &job->setup->config;
    for (unsigned i = 0; i < config->slot_count; i++) {
        struct fake_slot *slot = fake_slot_find(device, config->slot[i].slot);
        if (slot != NULL && slot != presented && slot->view.current.serial.len > 0) {
            fake_expire(ledger, job, slot);
            present_look(ledger, job, device, slot, &config->slot[i], 0);
        }
    }
}

/* ---- which certificate it is ---- */

static void present_inventory(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct cr_cert_entry *current = &slot->view.current;
    if (current->serial.len > 0 && slot->view.generation > 0) {
        fake_alarm_job(ledger, job,
                       strcmp(current->issuer, job->presented.issuer) == 0 ? CR_REFUSAL_UNKNOWN_CERTIFICATE
                                                                           : CR_REFUSAL_CERTIFICATE_OUTDATED,
                       "a certificate that is not ours replaces one that is");
        return;
    }
    if (current->serial.len > 0 && current->not_before >= job->presented.not_before) {
        return;
    }
    *current = fake_entry_presented(job);
    slot->view.unanswered = 0;
    slot->quiet_due = job->profile == NULL ? current->not_after
                                           : cr_profile_due(job->profile, job->device, current->not_before,
                                                            current->not_after);
    slot->view.failures = slot->view.unanswered = 0;
    slot->regressed = false;
    fake_calm(ledger, job, slot);
    if (!slot->parked) {
        slot->view.due = slot->quiet_due;
    }
    fake_audit_job(ledger, "seen", job, "");
}

/* One that was superseded, as far as can be told. */
static bool present_is_former(const struct fake_slot *slot, const struct cr_job *job)
{
    const struct cr_slot_record *view = &slot->view;
    if (fake_entry_is(&view->current, job) ||
        (view->state == CR_STATE_ISSUED && fake_entry_is(&view->pending, job))) {
        return false;
    }
    return (view->superseded.serial.len > 0 &&
            cr_serial_equal(&view->superseded.serial, &job->presented.serial)) ||
           (view->generation > 0 && view->current.serial.len > 0 &&
            job->presented.not_before < view->current.not_before);
}

static bool present_is_over(const struct fake_slot *slot, const struct cr_job *job)
{
    int64_t since = slot->view.superseded.not_after;
    return job->profile != NULL &&
           (since > 0 ? since : job->now_s) + job->profile->superseded_grace_s <= job->now_s;
}

static void present_regressed(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct cr_slot_record *view = &slot->view;
    if (!job->appeared) {
        return; /* a connection that is older than the confirmed one */
    }
    if (view->superseded.not_after == 0) {
        view->superseded.not_after = job->now_s;
    }
    slot->regressed = job->regressed = true;
    fake_audit_job(ledger, "regression", job, "");
    if (view->state == CR_STATE_QUIET && !view->held && view->retry_at <= job->now_s && job->may_begin &&
        job->profile != NULL) {
        present_begin(ledger, job, slot, CR_RENEW_REGRESSION);
    }
}

static void present_current(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    if (slot->regressed) {
        static const char detail[] = "the superseded certificate and its successor are used in turn";
        slot->regressed = false;
        fake_audit_job(ledger, "split-identity", job, detail);
        job->alarm = CR_REFUSAL_SPLIT_IDENTITY;
        snprintf(job->audit_detail, sizeof job->audit_detail, "%s", detail);
    }
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
    bool ours = fake_key_claim(ledger, job->presented.key_hash, job->device, job->slot, &key);
    if (key->revoked) {
        fake_alarm_job(ledger, job, CR_REFUSAL_REVOKED, "presents a key that was in a revoked certificate");
    } else if (!ours) {
        fake_alarm_job(ledger, job, CR_REFUSAL_KEY_REUSED, "presents a key of another device or slot");
    } else {
        key->used = true;
    }
    bool former = present_is_former(slot, job);
    if (former && present_is_over(slot, job)) {
        job->regressed = true;
        fake_refuse(ledger, job, CR_REFUSAL_CERTIFICATE_OUTDATED, 0);
        return;
    }
    fake_expire(ledger, job, slot);
    present_gap(device, job);
    device->first_seen = device->first_seen != 0 ? device->first_seen : job->now_s;
    device->last_seen = job->now_s;
    if (job->appeared) {
        snprintf(device->broker, sizeof device->broker, "%s", job->setup->config.broker_name);
    }
    if (former) {
        present_regressed(ledger, job, slot);
    } else if (slot->view.state == CR_STATE_ISSUED && fake_entry_is(&slot->view.pending, job)) {
        snprintf(job->renewal_id, sizeof job->renewal_id, "%s", slot->view.renewal_id);
        fake_tally(ledger, slot, 'r');
        fake_go_confirmed(slot, job->now_s);
        fake_calm(ledger, job, slot);
        fake_enrol_confirmed(device, slot);
        fake_bring_forward(device, slot, job->profile);
        job->confirmed = true;
        fake_audit_job(ledger, "confirmed", job, job->renewal_id);
    } else if (fake_entry_is(&slot->view.current, job)) {
        present_current(ledger, job, slot);
    } else {
        present_inventory(ledger, job, slot);
    }
    if (!job->confirmed && fake_entry_is(&slot->view.current, job)) {
        const struct cr_cert_entry *current = &slot->view.current;
        present_look(ledger, job, device, slot, job->profile,
                     job->profile == NULL ? 0
                                          : cr_profile_due(job->profile, job->device, current->not_before,
                                                           current->not_after));
    }
    present_others(ledger, job, device, slot);
    fake_answer_record(job, device, FAKE_ALL_SLOTS, true);
}
