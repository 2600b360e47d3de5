/* LOOK: a slot whose renewal is due and not confirmed: its alert, and how its device is called. look.lua decides; what it
 * found goes through the note, whose lines store_audit.c writes. */
#include "plugin/store/redis_store.h"

static void on_looked(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    struct cr_job *job = op->job;
    cr_err err = store_answer_read(&answer, reply);
    if (err == CR_OK && cr_answer_is(&answer, "foreign")) {
        err = CR_INVALID;
    }
    if (err == CR_OK && answer.pair_count > 0) {
        err = cr_answer_record(&answer, job->device, job->slot, job->now_s, &job->record);
    }
    if (err != CR_OK) {
        store_op_quarantine(op, "the record of this device is damaged, or another device's");
        return;
    }
    store_audit_note(op, &answer);
    job->outcome = CR_OUT_RECORD;
    job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

void store_look_start(struct store_op *op)
{
    struct cr_args args;
    if (cr_args_look(&args, &op->store->records, op->job, op->again) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_looked);
}
