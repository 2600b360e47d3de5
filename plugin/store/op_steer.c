/* STEER: what an operator does to one device. */
#include "plugin/store/redis_store.h"

#include <stdio.h>

static const struct {
    const char *code;
    enum cr_refusal refusal;
} refusals[] = {
    { "unknown", CR_REFUSAL_UNKNOWN_DEVICE },     { "no-slot", CR_REFUSAL_UNKNOWN_SLOT },
    { "no-renewal", CR_REFUSAL_UNKNOWN_RENEWAL }, { "no-alert", CR_REFUSAL_UNKNOWN_ALERT },
    { "too-large", CR_REFUSAL_TOO_LARGE },        { "wrong", CR_REFUSAL_WRONG_STATE },
};

static enum cr_refusal refusal_of(const struct cr_answer *answer)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (cr_answer_is(answer, refusals[i].code)) {
            return refusals[i].refusal;
        }
    }
    return CR_REFUSAL_NONE;
}

/* Lines about what the script's note does not tell of. */
static void steer_audit(struct store_op *op)
{
    const struct cr_job *job = op->job;
    if (job->steer->verb == CR_STEER_TAG) {
        char detail[CR_TAGS_CAP + 16];
        (void)snprintf(detail, sizeof detail, "its tags: %s", job->record->tags[0] != '\0' ? job->record->tags : "none");
        store_audit_op(op, "tagged", detail, NULL);
    } else if (job->steer->verb == CR_STEER_ACKNOWLEDGE) {
        store_audit_op(op, "acknowledged", "", NULL);
    }
}

static void on_steered(struct store_op *op, const redisReply *reply);

/* What was revoked only for as long as it is on hold is so no more: now the device. */
static void on_readmitted(struct store_op *op)
{
    struct cr_args args;
    if (cr_args_release(&args, &op->store->records, op->job, op->again, true) == CR_OK) {
        store_op_send(op, &args, on_steered);
    } else {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    }
}

static void on_steered(struct store_op *op, const redisReply *reply)
{
    struct cr_job *job = op->job;
    struct cr_answer answer;
    if (store_take_record(op, &answer, reply) != CR_OK) {
        return;
    }
    store_audit_note(op, &answer);
    if (cr_answer_is(&answer, "entries") && answer.part_count > 0) {
        store_readmit(op, answer.part[0], on_readmitted);
        return;
    }
    enum cr_refusal refusal = refusal_of(&answer);
    if (refusal != CR_REFUSAL_NONE || job->record == NULL) {
        store_op_refuse(op, refusal != CR_REFUSAL_NONE ? refusal : CR_REFUSAL_INTERNAL, 0);
        return;
    }
    steer_audit(op);
    if (job->steer->verb == CR_STEER_HOLD || job->steer->verb == CR_STEER_CANCEL) {
        store_push_tell(op->store, job->device);
    }
    job->outcome = CR_OUT_RECORD;
    job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

void store_steer_start(struct store_op *op)
{
    struct cr_args args;
    if (op->job->steer == NULL || cr_args_steer(&args, &op->store->records, op->job, op->again) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_steered);
}
