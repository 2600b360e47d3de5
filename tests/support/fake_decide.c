/* The decisions of the fake ledger: one function for each operation, in the order of store.h. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fake_audit_job(struct fake_ledger *ledger, const char *what, struct cr_job *job, const char *detail)
{
    fake_ledger_audit_at(ledger, job->now_s * 1000, job->who, what, job->device, job->slot, detail);
    job->audited = true;
}

/* An audit line, and the same for the loop to tell operators. */
void fake_alarm_job(struct fake_ledger *ledger, struct cr_job *job, enum cr_refusal alarm, const char *detail)
{
    fake_audit_job(ledger, "alarm", job, detail);
    job->alarm = alarm;
    snprintf(job->audit_detail, sizeof job->audit_detail, "%s", detail);
}

void fake_alert_job(struct fake_ledger *ledger, struct cr_job *job, const struct fake_slot *slot, enum cr_alert alert)
{
    fake_ledger_audit(ledger, "alert", job->device, slot->view.slot, "");
    job->alert = alert;
    snprintf(job->alert_slot, sizeof job->alert_slot, "%s", slot->view.slot);
}

/* ---- transitions ---- */

void fake_pending_clear(struct fake_slot *slot)
{
    slot->was_pending = slot->view.state == CR_STATE_ISSUING || slot->view.state == CR_STATE_ISSUED;
    cr_blob_fini(&slot->view.certificate);
    slot->view.pending = (struct cr_cert_entry){ .not_after = 0 };
    slot->broker[0] = '\0';
    slot->lease = 0;
}

void fake_go_quiet(struct fake_slot *slot)
{
    fake_pending_clear(slot);
    slot->view.state = CR_STATE_QUIET;
    slot->view.version++;
    slot->view.renewal_id[0] = '\0';
    slot->view.reason = CR_RENEW_NONE;
    slot->view.attempt = 0;
    slot->view.deadline = 0;
    slot->view.retry_at = 0;
    slot->view.due = slot->quiet_due;
    slot->parked = slot->was_pending = false;
}

void fake_go_confirmed(struct fake_slot *slot, int64_t now_s)
{
    snprintf(slot->confirmed_id, sizeof slot->confirmed_id, "%s", slot->view.renewal_id);
    slot->view.superseded = slot->view.current;
    slot->view.superseded.not_after = now_s;
    slot->view.current = slot->view.pending;
    slot->view.generation++;
    slot->quiet_due = slot->pending_due;
    slot->view.failures = slot->view.unanswered = 0;
    slot->regressed = false;
    fake_go_quiet(slot);
}

void fake_go_triggered(struct fake_ledger *ledger, struct fake_slot *slot, enum cr_renew_reason reason)
{
    fake_park(slot);
    fake_pending_clear(slot);
    slot->view.state = CR_STATE_TRIGGERED;
    slot->view.version++;
    slot->view.reason = reason;
    slot->view.attempt = 1;
    fake_renewal_id(ledger, slot->view.renewal_id);
}

void fake_give_up(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    fake_ledger_audit(ledger, "expired", job->device, slot->view.slot, slot->view.renewal_id);
    fake_alert_job(ledger, job, slot, CR_ALERT_UNANSWERED);
    fake_tally(ledger, slot, 'u');
    slot->view.unanswered++;
    slot->quiet_due = slot->view.current.not_after;
    fake_go_quiet(slot);
    fake_heed(slot, job->now_s, job->now_s, false);
    fake_show(slot);
}

/* A trigger that nobody answered ends with its deadline. */
void fake_expire(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    if (slot != NULL && slot->view.state == CR_STATE_TRIGGERED && slot->view.deadline <= job->now_s &&
        !slot->view.held) {
        fake_give_up(ledger, job, slot);
    }
}

/* ---- outcomes ---- */

void fake_refuse(struct fake_ledger *ledger, struct cr_job *job, enum cr_refusal refusal, int64_t retry_after_s)
{
    cr_job_refuse(job, refusal, (unsigned)(retry_after_s < 1 && cr_refusal_info(refusal)->retry ? 1 : retry_after_s));
    if (job->command != 0 && (job->op == CR_OP_INSPECT || job->op == CR_OP_HISTORY || job->op == CR_OP_LIST)) {
        return; /* whoever only looks leaves no line */
    }
    if (!job->unheard) {
        fake_audit_job(ledger, "refused", job, cr_refusal_info(refusal)->error_code);
    }
}

static void pending(struct cr_job *job, const struct fake_slot *slot, int64_t retry_after_s)
{
    cr_blob_fini(&job->certificate);
    job->outcome = CR_OUT_PENDING;
    job->stage = CR_STAGE_DONE;
    job->retry_after_s = (unsigned)(retry_after_s < 1 ? 1 : retry_after_s);
    snprintf(job->renewal_id, sizeof job->renewal_id, "%s", slot->view.renewal_id);
}

/* certificates: with those of issued slots. */
void fake_answer_record(struct cr_job *job, const struct fake_device *device, enum fake_what what, bool certificates)
{
    struct cr_device_record *record;
    if (cr_device_record_new(&record) != CR_OK) {
        abort();
    }
    snprintf(record->device, sizeof record->device, "%s", job->device);
    if (device != NULL) {
        fake_show_device(record, device);
    }
    for (unsigned i = 0; device != NULL && i < device->slot_count; i++) {
        const struct cr_slot_record *from = &device->slot[i].view;
        if (what == FAKE_ONE_SLOT && strcmp(from->slot, job->slot) != 0) {
            continue;
        }
        struct cr_slot_record *to = &record->slot[record->slot_count++];
        fake_show_slot(to, &device->slot[i], job->now_s);
        if (certificates && from->state == CR_STATE_ISSUED &&
            cr_blob_copy(&to->certificate, from->certificate.data, from->certificate.len) != CR_OK) {
            abort();
        }
    }
    if (what == FAKE_ONE_SLOT && record->slot_count == 0) { /* never seen: quiet, and nothing known */
        snprintf(record->slot[0].slot, sizeof record->slot[0].slot, "%s", job->slot);
        record->slot_count = 1;
    }
    job->record = record;
    job->outcome = CR_OUT_RECORD;
    job->stage = CR_STAGE_DONE;
}

/* ---- operations ---- */

static void begin_same_again(struct cr_job *job, const struct fake_slot *slot)
{
    const struct cr_slot_record *view = &slot->view;
    job->intent = (struct cr_cert_intent){ view->pending.serial, view->pending.not_before, view->pending.not_after };
    memcpy(job->issuer, view->pending.issuer, sizeof job->issuer);
    snprintf(job->renewal_id, sizeof job->renewal_id, "%s", view->renewal_id);
    job->generation = view->generation;
    cr_blob_fini(&job->certificate);
    if (cr_blob_copy(&job->certificate, view->certificate.data, view->certificate.len) != CR_OK) {
        abort();
    }
    job->outcome = CR_OUT_CERTIFICATE;
    job->stage = CR_STAGE_DONE;
}

static void begin_go_on(struct cr_job *job, const struct fake_slot *slot)
{
    snprintf(job->renewal_id, sizeof job->renewal_id, "%s", slot->view.renewal_id);
    job->generation = slot->view.generation;
    job->outcome = CR_OUT_NONE;
    job->stage = CR_STAGE_SIGN;
}

static void begin_intend(struct fake_ledger *ledger, struct cr_job *job, const struct fake_owner *owner)
{
    struct fake_device *device = fake_device_make(ledger, job->device);
    struct fake_slot *slot = fake_slot_make(device, job->slot);
    if (slot == NULL) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_SLOT, 0);
        return;
    }
    fake_enrol_intended(ledger, device, job);
    struct cr_slot_record *view = &slot->view;
    if (view->state == CR_STATE_QUIET) {
        fake_go_triggered(ledger, slot, CR_RENEW_EXPIRY);
        view->version--; /* one transition, not two */
        if (view->current.serial.len == 0) {
            view->due = slot->quiet_due = job->now_s + FAKE_LEASE_S; /* it was not in the agenda yet */
        } else if (view->current.not_after <= job->now_s && view->due == 0) {
            view->due = job->now_s + FAKE_LEASE_S; /* nor any more */
        }
    }
    fake_pending_clear(slot);
    fake_heed_intent(slot, job->now_s);
    view->state = CR_STATE_ISSUING;
    view->retry_at = 0;
    view->version++;
    view->format = job->request.format;
    view->pending.serial = job->intent.serial;
    view->pending.not_before = job->intent.not_before;
    view->pending.not_after = job->intent.not_after;
    memcpy(view->pending.issuer, job->issuer, sizeof view->pending.issuer);
    memcpy(view->pending.key_hash, job->csr.key_hash, CR_SHA256_LEN);
    slot->pending_due = cr_profile_due(job->profile, job->device, job->intent.not_before, job->intent.not_after);
    snprintf(slot->broker, sizeof slot->broker, "%s", owner->broker);
    slot->life = owner->life;
    slot->lease = job->now_s + FAKE_LEASE_S;
    fake_audit_job(ledger, "intent", job, view->renewal_id);
    begin_go_on(job, slot);
}

/* A key that was not certified is nobody's again. */
static void refuse_key(struct fake_ledger *ledger, struct cr_job *job, struct fake_key *key, enum cr_refusal refusal,
                       int64_t seconds)
{
    if (!key->used) {
        key->device[0] = '\0';
    }
    fake_refuse(ledger, job, refusal, seconds);
}

void fake_ledger_begin(struct fake_ledger *ledger, struct cr_job *job, const struct fake_owner *owner)
{
    struct fake_slot unknown = { .life = 0 };
    struct fake_slot *slot = fake_slot_find(fake_device_find(ledger, job->device), job->slot);
    struct fake_key *key;
    slot = slot != NULL ? slot : &unknown; /* what is refused leaves no trace */
    if (job->profile == NULL) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_SLOT, 0);
        return;
    }
    if (!fake_enrol_key(ledger, job)) {
        return;
    }
    bool ours = fake_key_claim(ledger, job->csr.key_hash, job->device, job->slot, &key);
    if (key->revoked) {
        fake_alarm_job(ledger, job, CR_REFUSAL_REVOKED, "asks for a certificate of a key that was in a revoked one");
        fake_refuse(ledger, job, CR_REFUSAL_REVOKED, 0);
        return;
    }
    if (!ours) {
        fake_alarm_job(ledger, job, CR_REFUSAL_KEY_REUSED, "asks for a certificate of a key of another device or slot");
        fake_refuse(ledger, job, CR_REFUSAL_KEY_REUSED, 0);
        return;
    }
    const struct cr_slot_record *view = &slot->view;
    fake_expire(ledger, job, slot);
    if (view->held) {
        refuse_key(ledger, job, key, view->revoked.at != 0 ? CR_REFUSAL_REVOKED : CR_REFUSAL_ON_HOLD,
                   view->revoked.at != 0 ? 0 : job->setup->config.retry_after_s);
        return;
    }
    int64_t seconds;
    enum cr_refusal barred = fake_enrol_refusal(ledger, job, slot, &seconds);
    if (barred != CR_REFUSAL_NONE) {
        refuse_key(ledger, job, key, barred, seconds);
        return;
    }
    bool this_key =
        view->pending.serial.len > 0 && memcmp(view->pending.key_hash, job->csr.key_hash, CR_SHA256_LEN) == 0;
    bool current_key =
        view->current.serial.len > 0 && memcmp(view->current.key_hash, job->csr.key_hash, CR_SHA256_LEN) == 0;
    if (view->state == CR_STATE_ISSUED && this_key) {
        if (view->pending.not_after > job->now_s) {
            begin_same_again(job, slot);
        } else {
            fake_refuse(ledger, job, CR_REFUSAL_KEY_REUSED, 0); /* it came too late; one key, one certificate */
        }
        return;
    }
    bool leased = view->state == CR_STATE_ISSUING && slot->lease > job->now_s &&
                  slot->lease <= job->now_s + FAKE_LEASE_S;
    bool here = leased && strcmp(slot->broker, owner->broker) == 0;
    if (here && slot->life != owner->life) {
        leased = false; /* an earlier life of this broker will not finish it */
    }
    if (leased && this_key) {
        if (here && cr_serial_equal(&view->pending.serial, &job->intent.serial)) {
            begin_go_on(job, slot);
        } else {
            pending(job, slot, slot->lease - job->now_s);
            fake_audit_job(ledger, "pending", job, job->renewal_id);
        }
        return;
    }
    bool again = view->state == CR_STATE_ISSUING && this_key;
    if ((current_key && !job->profile->allow_same_key) || (key->used && !current_key && !again)) {
        fake_refuse(ledger, job, CR_REFUSAL_KEY_REUSED, 0);
        return;
    }
    if (leased) {
        refuse_key(ledger, job, key, CR_REFUSAL_RENEWAL_IN_PROGRESS, slot->lease - job->now_s);
        return;
    }
    if (view->state == CR_STATE_QUIET && !job->profile->request_any_time && !job->enrolling) {
        int64_t opens = 0;
        if (view->current.serial.len > 0) {
            int64_t early = fake_early(fake_device_find(ledger, job->device), slot, job->profile);
            opens = cr_profile_window_opens(job->profile, view->current.not_before, view->current.not_after);
            opens = view->due > 0 && view->due < opens ? view->due : opens; /* it was brought forward */
            opens = early < opens ? early : opens;
        } else if (job->profile->tls && job->presented.serial.len > 0) {
            opens = cr_profile_window_opens(job->profile, job->presented.not_before, job->presented.not_after);
        }
        if (opens > job->now_s) {
            refuse_key(ledger, job, key, CR_REFUSAL_TOO_EARLY, opens - job->now_s);
            return;
        }
    }
    begin_intend(ledger, job, owner);
}

bool fake_ledger_record(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_slot *slot = fake_slot_make(fake_device_make(ledger, job->device), job->slot);
    if (slot == NULL) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_SLOT, 0);
        return false;
    }
    struct cr_slot_record *view = &slot->view;
    bool this_intent = cr_serial_equal(&view->pending.serial, &job->intent.serial);
    if (view->revoked.at != 0) {
        fake_audit_job(ledger, "void", job, "it was revoked before it was recorded");
        fake_refuse(ledger, job, CR_REFUSAL_REVOKED, 0);
        return false;
    }
    if ((view->state != CR_STATE_ISSUING && view->state != CR_STATE_ISSUED) || !this_intent) {
        fake_audit_job(ledger, "void", job, "another intent has replaced this one");
        pending(job, slot, job->setup->config.retry_after_s);
        return false;
    }
    if (view->state == CR_STATE_ISSUING) {
        struct fake_key *key;
        view->state = CR_STATE_ISSUED;
        view->version++;
        if (cr_blob_copy(&view->certificate, job->certificate.data, job->certificate.len) != CR_OK) {
            abort();
        }
        if (fake_key_claim(ledger, view->pending.key_hash, job->device, job->slot, &key)) {
            key->used = true;
        }
        fake_audit_job(ledger, "issued", job, view->renewal_id);
    }
    snprintf(job->renewal_id, sizeof job->renewal_id, "%s", view->renewal_id);
    if (view->held && job->op == CR_OP_CSR) { /* it was put on hold meanwhile: kept, and not handed out */
        fake_refuse(ledger, job, CR_REFUSAL_ON_HOLD, job->setup->config.retry_after_s);
        return true;
    }
    job->outcome = CR_OUT_CERTIFICATE;
    job->stage = CR_STAGE_DONE;
    return true;
}

void fake_ledger_get(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_device *device = fake_device_find(ledger, job->device);
    if (job->op == CR_OP_GET && !fake_enrol_key(ledger, job)) {
        return;
    }
    fake_expire(ledger, job, fake_slot_find(device, job->slot));
    fake_answer_record(job, device, FAKE_ONE_SLOT, true);
}

void fake_ledger_report(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_slot *slot = fake_slot_find(fake_device_find(ledger, job->device), job->slot);
    const char *id = job->report.renewal_id;
    fake_expire(ledger, job, slot);
    bool under_way = slot != NULL && slot->view.state != CR_STATE_QUIET && strcmp(slot->view.renewal_id, id) == 0;
    if (!under_way && (slot == NULL || slot->confirmed_id[0] == '\0' || strcmp(slot->confirmed_id, id) != 0)) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_RENEWAL, 0);
        return;
    }
    if (under_way && job->report.outcome == CR_REPORT_INSTALLED) {
        if (slot->view.state == CR_STATE_ISSUED && job->profile != NULL && !job->profile->tls) {
            fake_tally(ledger, slot, 'r');
            fake_go_confirmed(slot, job->now_s);
            fake_calm(ledger, job, slot);
            fake_enrol_confirmed(fake_device_find(ledger, job->device), slot);
            fake_bring_forward(fake_device_find(ledger, job->device), slot, job->profile);
            job->confirmed = true;
            fake_audit_job(ledger, "confirmed", job, id);
        }
    } else if (under_way && slot->view.state != CR_STATE_ISSUING) {
        fake_pending_clear(slot);
        slot->view.state = CR_STATE_TRIGGERED;
        slot->view.version++;
        slot->view.attempt++;
        slot->view.failures++;
        fake_tally(ledger, slot, 'f');
        fake_park(slot);
        fake_attempt(slot, job);
        slot->view.retry_at = slot->view.due;
        fake_heed_failure(slot, job);
        if (slot->view.failures % job->setup->config.failures_alert == 0) {
            fake_alert_job(ledger, job, slot, CR_ALERT_FAILING);
        }
    }
    snprintf(job->renewal_id, sizeof job->renewal_id, "%s", id);
    fake_audit_job(ledger, "report", job, cr_report_outcome_text(job->report.outcome));
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}

void fake_ledger_trigger(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_device *device = fake_device_find(ledger, job->device);
    struct fake_slot *slot = fake_slot_find(device, job->slot);
    if (slot == NULL) {
        fake_refuse(ledger, job, device == NULL ? CR_REFUSAL_UNKNOWN_DEVICE : CR_REFUSAL_UNKNOWN_SLOT, 0);
        return;
    }
    fake_expire(ledger, job, slot);
    bool asked = fake_is_member(slot, &job->campaign);
    if (slot->view.held) {
        if (!asked) {
            fake_join(ledger, slot, &job->campaign, 's');
        }
        fake_refuse(ledger, job, slot->view.revoked.at != 0 ? CR_REFUSAL_REVOKED : CR_REFUSAL_ON_HOLD,
                    slot->view.revoked.at != 0 ? 0 : job->setup->config.retry_after_s);
        return;
    }
    struct cr_slot_record *view = &slot->view;
    if (asked && view->campaign.state != 's') {
        snprintf(job->renewal_id, sizeof job->renewal_id, "%s", view->renewal_id);
        fake_answer_record(job, device, FAKE_ONE_SLOT, true);
        return;
    }
    fake_join(ledger, slot, &job->campaign, 'a');
    if (view->state == CR_STATE_TRIGGERED) {
        view->attempt++;
        view->version++;
    } else if (view->state == CR_STATE_QUIET || fake_spent(slot, job->now_s)) {
        fake_go_triggered(ledger, slot, job->reason);
    }
    if (view->state == CR_STATE_TRIGGERED) {
        fake_attempt(slot, job);
        fake_audit_job(ledger, "triggered", job, view->renewal_id);
    }
    snprintf(job->renewal_id, sizeof job->renewal_id, "%s", view->renewal_id);
    fake_answer_record(job, device, FAKE_ONE_SLOT, true);
}
