/* GET, INSPECT and DELIVER read; TRIGGER, ADVANCE, REPORT and AUDIT are one command each. */
#include "plugin/store/redis_store.h"

#include <stdio.h>
#include <string.h>

static void op_done(struct store_op *op, enum cr_outcome outcome)
{
    op->job->outcome = outcome;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

cr_err store_take_record(struct store_op *op, struct cr_answer *answer, const redisReply *reply)
{
    struct cr_job *job = op->job;
    cr_err err = store_answer_read(answer, reply);
    if (err == CR_OK && cr_answer_is(answer, "foreign")) {
        err = CR_INVALID;
    }
    if (err == CR_OK && answer->pair_count > 0) {
        cr_device_record_free(job->record);
        err = cr_answer_record(answer, job->device, job->op == CR_OP_INSPECT || job->slot[0] == '\0' ? NULL : job->slot,
                               job->now_s, &job->record);
    }
    if (err != CR_OK) {
        store_op_quarantine(op, "the record of this device is damaged, or another device's");
    }
    return err;
}

/* ---- reading ---- */

/* A slot that was never seen is quiet, and nothing is known of it. */
static cr_err slot_at_least(struct cr_job *job)
{
    cr_err err = CR_OK;
    if (job->record == NULL) {
        err = cr_device_record_new(&job->record);
    }
    if (err == CR_OK) {
        memcpy(job->record->device, job->device, sizeof job->record->device);
        if (job->record->slot_count == 0) {
            memcpy(job->record->slot[0].slot, job->slot, sizeof job->record->slot[0].slot);
            job->record->slot_count = 1;
        }
    }
    return err;
}

static void on_read(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    if (store_take_record(op, &answer, reply) != CR_OK) {
        return;
    }
    store_audit_note(op, &answer);
    if (cr_answer_is(&answer, "unknown") && op->job->op == CR_OP_INSPECT) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_DEVICE, 0);
    } else if (op->job->op != CR_OP_INSPECT && slot_at_least(op->job) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_BUSY, 0);
    } else {
        if (op->job->op != CR_OP_INSPECT) {
            store_op_look_for_lost(op);
        }
        if (op->job->op == CR_OP_DELIVER) {
            store_push_tell(op->store, op->job->device);
        }
        op_done(op, CR_OUT_RECORD);
    }
}

void store_read_start(struct store_op *op)
{
    struct cr_args args;
    if (op->job->op == CR_OP_GET && op->job->presented.factory != 0 && !op->enrols) {
        store_enrol_key_start(op);
        return;
    }
    if (cr_args_read(&args, &op->store->records, op->job, op->job->op != CR_OP_INSPECT) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_read);
}

/* ---- a trigger ---- */

/* "operator", "campaign 1a2b3c4d, group 0" */
static void audit_triggered(struct store_op *op)
{
    const struct cr_job *job = op->job;
    const struct cr_slot_campaign *campaign = &job->campaign;
    const char *reason = cr_renew_reason_text(job->reason);
    char detail[CR_NAME_CAP];
    if (campaign->id[0] == '\0') {
        (void)snprintf(detail, sizeof detail, "%s", reason);
    } else {
        (void)snprintf(detail, sizeof detail, "%s%scampaign %s, group %u",
                       job->reason == CR_RENEW_CAMPAIGN ? "" : reason, job->reason == CR_RENEW_CAMPAIGN ? "" : ", ",
                       campaign->id, campaign->group);
    }
    store_audit_op(op, "triggered", detail, NULL);
}

static void on_triggered(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    struct cr_job *job = op->job;
    if (store_take_record(op, &answer, reply) != CR_OK) {
        return;
    }
    store_audit_note(op, &answer);
    if (cr_answer_is(&answer, "unknown")) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_DEVICE, 0);
    } else if (cr_answer_is(&answer, "no-slot")) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_SLOT, 0);
    } else if (cr_answer_is(&answer, "hold")) {
        store_op_refuse(op, CR_REFUSAL_ON_HOLD, 0);
    } else if (cr_answer_is(&answer, "revoked")) {
        store_op_refuse(op, CR_REFUSAL_REVOKED, 0);
    } else if (slot_at_least(job) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_BUSY, 0);
    } else {
        memcpy(job->renewal_id, job->record->slot[0].renewal_id, sizeof job->renewal_id);
        if (cr_answer_is(&answer, "triggered")) {
            audit_triggered(op);
            store_push_tell(op->store, job->device);
        }
        op_done(op, CR_OUT_RECORD);
    }
}

void store_trigger_start(struct store_op *op)
{
    struct cr_args args;
    store_op_new_renewal(op);
    if (cr_args_trigger(&args, &op->store->records, op->job, op->new_renewal_id, op->again) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_triggered);
}

/* ---- what is due ---- */

static void advanced(struct store_op *op, const struct cr_answer *answer)
{
    struct cr_job *job = op->job;
    const struct cr_slot_record *slot = &job->record->slot[0];
    char detail[CR_NAME_CAP];
    if (cr_answer_is(answer, "triggered")) {
        job->triggered = true;
        memcpy(job->renewal_id, slot->renewal_id, sizeof job->renewal_id);
        snprintf(detail, sizeof detail, "%s, attempt %u", cr_renew_reason_text(slot->reason), slot->attempt);
        store_audit_op(op, "triggered", detail, NULL);
        store_push_tell(op->store, job->device);
    } else if (cr_answer_is(answer, "issued")) {
        store_op_look_for_lost(op);
        store_push_tell(op->store, job->device);
    } else if (cr_answer_is(answer, "ended")) {
        store_audit_alert(op, CR_ALERT_EXPIRED, "its certificate expired and was not renewed");
    } else if (cr_answer_is(answer, "no-profile")) {
        store_audit_alarm(op, CR_REFUSAL_UNKNOWN_SLOT, "is due, but no such slot is configured");
    }
}

static void on_advanced(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    if (store_take_record(op, &answer, reply) != CR_OK) {
        return;
    }
    store_audit_note(op, &answer);
    if (slot_at_least(op->job) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_BUSY, 0);
        return;
    }
    advanced(op, &answer);
    op_done(op, CR_OUT_RECORD);
}

void store_advance_start(struct store_op *op)
{
    struct cr_args args;
    store_op_new_renewal(op);
    if (cr_args_advance(&args, &op->store->records, op->job, op->new_renewal_id, op->again) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_advanced);
}

/* ---- a report ---- */

/* Another failure; whether it is one of too many. */
static void report_failed(struct store_op *op, const struct cr_answer *answer)
{
    const struct cr_job *job = op->job;
    unsigned most = job->setup->config.failures_alert;
    int64_t failures = 0;
    char detail[CR_REASON_CAP + 60];
    if (cr_answer_number(answer, 0, &failures) == CR_OK && most > 0 && failures > 0 && failures % most == 0) {
        (void)snprintf(detail, sizeof detail, "%lld failures in a row, the last one: %s", (long long)failures,
                       job->report.reason[0] != '\0' ? job->report.reason : "no reason given");
        store_audit_alert(op, CR_ALERT_FAILING, detail);
    }
}

static void on_reported(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    struct cr_job *job = op->job;
    char detail[CR_REASON_CAP + 16];
    if (store_take_record(op, &answer, reply) != CR_OK) {
        return;
    }
    store_audit_note(op, &answer);
    if (cr_answer_is(&answer, "unknown")) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_RENEWAL, 0);
        return;
    }
    memcpy(job->renewal_id, job->report.renewal_id, sizeof job->renewal_id);
    snprintf(detail, sizeof detail, "%s%s%s", cr_report_outcome_text(job->report.outcome),
             job->report.reason[0] != '\0' ? ": " : "", job->report.reason);
    store_audit_op(op, "report", detail, NULL);
    if (cr_answer_is(&answer, "failed")) {
        report_failed(op, &answer);
    }
    if (cr_answer_is(&answer, "confirmed")) {
        job->confirmed = true;
        store_audit_current(op, "confirmed", "by report");
        cr_device_record_free(job->record);
        job->record = NULL;
    }
    store_push_tell(op->store, job->device);
    op_done(op, CR_OUT_DONE);
}

void store_report_start(struct store_op *op)
{
    struct cr_args args;
    if (cr_args_report(&args, &op->store->records, op->job, op->again) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_reported);
}

/* ---- an audit line ---- */

void store_audit_start(struct store_op *op)
{
    if (op->job->deliveries != NULL) {
        store_audit_deliveries(op);
        op_done(op, CR_OUT_DONE);
        return;
    }
    const struct cr_blob *text = &op->job->payload;
    store_audit_op(op, op->job->audit_what, text->len > 0 ? (const char *)text->data : op->job->audit_detail, NULL);
    op_done(op, CR_OUT_DONE);
}
