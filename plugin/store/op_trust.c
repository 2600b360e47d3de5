/* TRUST: the bundle of CA certificates that devices are to believe in (bundle.lua), and who has it (confirm.lua). */
#include "plugin/store/redis_store.h"

#include <stdio.h>
#include <string.h>

static void trust_done(struct store_op *op)
{
    op->job->outcome = CR_OUT_DONE;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

/* ---- a new one ---- */

static void on_written(struct store_op *op, const redisReply *reply)
{
    struct cr_bundle *bundle = op->job->bundle;
    struct cr_answer answer;
    char detail[CR_AUDIT_DETAIL_CAP];
    int64_t version = 0;
    if (store_answer_read(&answer, reply) != CR_OK || cr_answer_number(&answer, 0, &version) != CR_OK || version < 1) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    bundle->version = (uint64_t)version;
    bundle->at = op->job->now_s;
    (void)snprintf(detail, sizeof detail, "version %llu, %s, %zu bytes of certificates", (unsigned long long)version,
                   cr_trust_mode_text(bundle->mode), bundle->certs.len);
    store_audit_op(op, "trust-bundle", detail, NULL);
    store_push_tell(op->store, "!trust");
    store_bundle_look(op->store);
    trust_done(op);
}

static void write_start(struct store_op *op)
{
    const struct cr_bundle *bundle = op->job->bundle;
    struct cr_redis_key key;
    struct cr_args args;
    if (bundle->certs.len == 0 || bundle->certs.len > CR_BUNDLE_MAX || bundle->mode >= CR_TRUST_MODES) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_new_renewal(op); /* a UUID is what the write is told by, should it be asked for again */
    cr_records_plain_key(&key, &op->store->records, CR_BUNDLE_KEY);
    cr_args_start(&args, "EVALSHA");
    args.script = CR_SCRIPT_BUNDLE;
    cr_args_bytes(&args, "", 0);
    cr_args_bytes(&args, "1", 1);
    cr_args_bytes(&args, key.text, key.len);
    cr_args_number(&args, (int64_t)bundle->version);
    cr_args_text(&args, cr_trust_mode_text(bundle->mode));
    cr_args_number(&args, op->job->now_s);
    cr_args_text(&args, bundle->by);
    cr_args_text(&args, op->new_renewal_id);
    cr_args_bytes(&args, bundle->certs.data, bundle->certs.len);
    store_op_send(op, &args, on_written);
}

/* ---- a device's report ---- */

static void confirm_audit(struct store_op *op, const char *what)
{
    const struct cr_bundle *bundle = op->job->bundle;
    char detail[CR_AUDIT_DETAIL_CAP];
    (void)snprintf(detail, sizeof detail, "version %llu%s%s%s%s", (unsigned long long)bundle->version,
                   bundle->outcome != CR_REPORT_INSTALLED ? ", " : "",
                   bundle->outcome != CR_REPORT_INSTALLED ? cr_report_outcome_text(bundle->outcome) : "",
                   bundle->reason[0] != '\0' ? ": " : "", bundle->reason);
    store_audit_op(op, what, detail, NULL);
}

static void on_confirmed(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    if (store_answer_read(&answer, reply) != CR_OK || cr_answer_is(&answer, "foreign")) {
        store_op_quarantine(op, "the record is another device's");
    } else if (cr_answer_is(&answer, "unknown")) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_DEVICE, 0);
    } else {
        confirm_audit(op, "trust-confirmed");
        trust_done(op);
    }
}

static void confirm_start(struct store_op *op)
{
    const struct cr_job *job = op->job;
    struct cr_args args;
    if (job->bundle->outcome != CR_REPORT_INSTALLED) {
        confirm_audit(op, "trust-failed");
        trust_done(op);
        return;
    }
    if (cr_args_script(&args, CR_SCRIPT_CONFIRM, &op->store->records, job->device, job->slot, job->now_s) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    cr_args_number(&args, (int64_t)job->bundle->version);
    store_op_send(op, &args, on_confirmed);
}

void store_trust_start(struct store_op *op)
{
    const struct cr_bundle *bundle = op->job->bundle;
    if (bundle != NULL && bundle->verb == CR_TRUST_WRITE) {
        write_start(op);
    } else if (bundle != NULL && bundle->verb == CR_TRUST_CONFIRM) {
        confirm_start(op);
    } else {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    }
}
