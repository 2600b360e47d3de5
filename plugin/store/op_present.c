/* PRESENT: a certificate was seen at a connection. The script present.lua decides; beside it, at the same time, the key
 * is claimed. A key of another device raises an alarm and changes nothing else. */
#include "plugin/store/redis_store.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- the key, beside the script ---- */

static const char *alarm_text(enum cr_refusal alarm)
{
    return alarm == CR_REFUSAL_REVOKED ? "presents a key that was in a revoked certificate"
                                       : "presents a key of another device or slot";
}

/* The job went home before the claim was answered: the alarm follows it. */
static void key_alarm_late(const struct store_op *op, enum cr_refusal alarm)
{
    const char *detail = alarm_text(alarm);
    struct cr_redis_store *store = op->store;
    struct cr_job *job = NULL;
    store_audit(store, &(struct cr_audit){ .what = "alarm",
                                           .now_s = cr_wall_s(store->options.clock),
                                           .device = op->facts.device,
                                           .slot = op->facts.slot,
                                           .detail = detail });
    if (cr_job_new(&job, CR_OP_PUSH, store->options.setup) != CR_OK) {
        store->op_errors++;
        return;
    }
    memcpy(job->device, op->facts.device, sizeof job->device);
    memcpy(job->slot, op->facts.slot, sizeof job->slot);
    (void)snprintf(job->audit_detail, sizeof job->audit_detail, "%s", detail);
    job->alarm = alarm;
    job->audited = true;
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
    store->options.done(store->options.done_ctx, job);
}

static void key_alarm(struct store_op *op, enum cr_refusal alarm)
{
    if (op->job != NULL) {
        store_audit_alarm(op, alarm, alarm_text(alarm));
    } else {
        key_alarm_late(op, alarm);
    }
}

static void on_side_answer(struct cr_redis_call *call, const redisReply *reply);

static void side_send(struct store_op *op, struct cr_args *args,
                      void (*done)(struct cr_redis_call *call, const redisReply *reply))
{
    op->side.done = done;
    if (cr_redis_link_send(op->store->link, args, &op->side) == CR_OK) {
        op->calls++;
    }
}

static void side_ask(struct store_op *op)
{
    struct cr_args args;
    cr_args_start(&args, "HGET");
    cr_args_bytes(&args, op->claim.shard.text, op->claim.shard.len);
    cr_args_bytes(&args, op->claim.field, sizeof op->claim.field);
    side_send(op, &args, on_side_answer);
}

static void on_side_claimed(struct cr_redis_call *call, const redisReply *reply)
{
    struct store_op *op = (struct store_op *)((char *)call - offsetof(struct store_op, side));
    op->calls--;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0) {
        side_ask(op); /* somebody presented it at the same time: who? */
    }
    store_op_settle(op);
}

/* Nobody's so far: it is whose it becomes first. Should that get lost, it is asked again with the next connection. */
static void side_claim(struct store_op *op)
{
    struct cr_args args;
    if (op->key_used) {
        return; /* it was there a moment ago */
    }
    op->key_used = true;
    cr_args_start(&args, "HSETNX");
    cr_args_bytes(&args, op->claim.shard.text, op->claim.shard.len);
    cr_args_bytes(&args, op->claim.field, sizeof op->claim.field);
    cr_args_bytes(&args, op->claim.used, sizeof op->claim.used);
    side_send(op, &args, on_side_claimed);
}

static void on_side_answer(struct cr_redis_call *call, const redisReply *reply)
{
    struct store_op *op = (struct store_op *)((char *)call - offsetof(struct store_op, side));
    struct cr_redis_store *store = op->store;
    op->calls--;
    if (reply != NULL && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL)) {
        switch (cr_records_claim_read(&op->claim, store_reply_bytes(reply))) {
        case CR_CLAIM_ANOTHERS:
            key_alarm(op, CR_REFUSAL_KEY_REUSED);
            break;
        case CR_CLAIM_REVOKED:
            key_alarm(op, CR_REFUSAL_REVOKED);
            break;
        case CR_CLAIM_NOBODYS:
            side_claim(op);
            break;
        case CR_CLAIM_OURS:
            store_claim_use(store, &op->claim);
            break;
        case CR_CLAIM_OURS_USED:
            break;
        }
    }
    store_op_settle(op);
}

static void claim_beside(struct store_op *op)
{
    const struct cr_job *job = op->job;
    if (cr_records_claim(&op->claim, &op->store->records, job->presented.key_hash, job->device, job->slot) != CR_OK) {
        return;
    }
    memcpy(op->facts.device, job->device, sizeof op->facts.device); /* the job may go home first */
    memcpy(op->facts.slot, job->slot, sizeof op->facts.slot);
    side_ask(op);
}

/* ---- the script ---- */

/* Neither the confirmed certificate nor the waiting one, of a slot that was renewed here: whoever enrols elsewhere does so
 * before that. */
static void presented_stranger(struct store_op *op)
{
    const struct cr_job *job = op->job;
    const struct cr_slot_record *slot = cr_device_record_slot(job->record, job->slot);
    if (slot != NULL && strcmp(slot->current.issuer, job->presented.issuer) == 0) {
        store_audit_alarm(op, CR_REFUSAL_UNKNOWN_CERTIFICATE,
                          "presents a certificate of the confirmed one's issuer that is in no record: who else signs "
                          "with that key?");
    } else {
        store_audit_alarm(op, CR_REFUSAL_CERTIFICATE_OUTDATED,
                          "presents a certificate that is neither the confirmed nor the waiting one");
    }
}

static void presented(struct store_op *op, const struct cr_answer *answer)
{
    struct cr_job *job = op->job;
    if (cr_answer_is(answer, "confirmed")) {
        job->confirmed = true;
        store_audit_current(op, "confirmed", "");
    } else if (cr_answer_is(answer, "seen")) {
        store_audit_current(op, "seen", "");
    } else if (cr_answer_is(answer, "regressed")) {
        job->regressed = true;
        store_audit_op(op, "regression", "a superseded certificate came back", NULL);
    } else if (cr_answer_is(answer, "split")) {
        static const char detail[] = "the superseded certificate and its successor are used in turn";
        store_audit_op(op, "split-identity", detail, NULL);
        job->alarm = CR_REFUSAL_SPLIT_IDENTITY;
        memcpy(job->audit_detail, detail, sizeof detail);
    } else if (cr_answer_is(answer, "stranger")) {
        presented_stranger(op);
    }
}

static void on_presented(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    struct cr_job *job = op->job;
    cr_err err = store_answer_read(&answer, reply);
    if (err == CR_OK && cr_answer_is(&answer, "outdated")) {
        job->regressed = true;
        store_op_refuse(op, CR_REFUSAL_CERTIFICATE_OUTDATED, 0);
        return;
    }
    if (err != CR_OK || cr_answer_is(&answer, "foreign") ||
        cr_answer_record(&answer, job->device, NULL, job->now_s, &job->record) != CR_OK) {
        store_op_quarantine(op, "the record of this device is damaged, or another device's");
        return;
    }
    presented(op, &answer);
    store_audit_note(op, &answer);
    store_op_look_for_lost(op);
    job->outcome = CR_OUT_RECORD;
    job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

void store_present_start(struct store_op *op)
{
    struct cr_args args;
    const struct cr_job *job = op->job;
    store_op_new_renewal(op);
    if (job->presented.serial.len == 0 ||
        cr_args_present(&args, &op->store->records, job, op->new_renewal_id, op->again) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    if (!op->again) {
        claim_beside(op);
    }
    store_op_send(op, &args, on_presented);
}
