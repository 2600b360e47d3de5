/* ENROL: an operator lets a device in. And what of BEGIN and GET is only asked for somebody who enrols. */
#include "plugin/store/redis_store.h"

#include <stdio.h>
#include <string.h>

/* ---- ENROL ---- */

static void enrol_audit(struct store_op *op)
{
    const struct cr_enrol *enrol = op->job->enrol;
    char detail[CR_AUDIT_DETAIL_CAP], until[CR_TIME_TEXT];
    switch (enrol->verb) {
    case CR_ENROL_ALLOW:
        (void)snprintf(detail, sizeof detail, "by a certificate of %s %s", enrol->factory[0] != '\0' ? "factory" : "any",
                       enrol->factory[0] != '\0' ? enrol->factory : "factory");
        store_audit_op(op, "enrol-allowed", detail, NULL);
        break;
    case CR_ENROL_FORBID:
        store_audit_op(op, "enrol-forbidden", "", NULL);
        break;
    case CR_ENROL_TOKEN:
        cr_time_text(until, enrol->expires);
        (void)snprintf(detail, sizeof detail, "until %s", until);
        store_audit_op(op, "token-made", detail, NULL);
        break;
    }
}

static void on_enrolled(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    struct cr_job *job = op->job;
    if (store_answer_read(&answer, reply) != CR_OK || cr_answer_is(&answer, "foreign")) {
        store_op_quarantine(op, "the record of this device is damaged, or another device's");
    } else if (cr_answer_is(&answer, "wrong")) {
        store_op_refuse(op, CR_REFUSAL_WRONG_STATE, 0);
    } else if (cr_answer_is(&answer, "too-large")) {
        store_op_refuse(op, CR_REFUSAL_TOO_LARGE, 0);
    } else {
        job->enrol->known = cr_answer_is(&answer, "known");
        enrol_audit(op);
        job->outcome = CR_OUT_DONE;
        job->stage = CR_STAGE_DONE;
        store_op_finish(op);
    }
}

void store_enrol_start(struct store_op *op)
{
    struct cr_args args;
    if (op->job->enrol == NULL || cr_args_enrol(&args, &op->store->records, op->job, op->again) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_enrolled);
}

void store_enrol_detail(const struct cr_job *job, char detail[CR_AUDIT_DETAIL_CAP])
{
    const struct cr_config_factory *factory = cr_job_factory(job);
    if (!job->enrolling) {
        detail[0] = '\0';
    } else if (job->has_token || factory == NULL) {
        (void)snprintf(detail, CR_AUDIT_DETAIL_CAP, "enrolled by token");
    } else {
        (void)snprintf(detail, CR_AUDIT_DETAIL_CAP, "enrolled by factory %s", factory->name);
    }
}

/* ---- the key of a factory certificate ---- */

static void enrol_go_on(struct store_op *op)
{
    op->enrols = true;
    if (op->job->op == CR_OP_CSR) {
        store_begin_start(op);
    } else {
        store_read_start(op);
    }
}

static void on_key_known(struct store_op *op, const redisReply *reply)
{
    switch (cr_records_claim_read(&op->claim, store_reply_bytes(reply))) {
    case CR_CLAIM_OURS:
    case CR_CLAIM_OURS_USED:
        enrol_go_on(op);
        return;
    case CR_CLAIM_NOBODYS: /* it was there a moment ago */
        store_op_unavailable(op);
        return;
    case CR_CLAIM_REVOKED:
        store_audit_alarm(op, CR_REFUSAL_REVOKED, "presents a factory certificate whose key was in a revoked one");
        store_op_refuse(op, CR_REFUSAL_REVOKED, 0);
        return;
    case CR_CLAIM_ANOTHERS:
        break;
    }
    store_audit_alarm(op, CR_REFUSAL_KEY_REUSED,
                      "presents a factory certificate whose key is another device's, or in a certificate of ours");
    store_op_refuse(op, CR_REFUSAL_KEY_REUSED, 0);
}

static void on_key_claimed(struct store_op *op, const redisReply *reply)
{
    struct cr_args args;
    if (reply->type != REDIS_REPLY_INTEGER) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    if (reply->integer == 1) {
        enrol_go_on(op);
        return;
    }
    cr_args_start(&args, "HGET");
    cr_args_bytes(&args, op->claim.shard.text, op->claim.shard.len);
    cr_args_bytes(&args, op->claim.field, sizeof op->claim.field);
    store_op_send(op, &args, on_key_known);
}

void store_enrol_key_start(struct store_op *op)
{
    const struct cr_job *job = op->job;
    struct cr_args args;
    if (job->presented.serial.len == 0 && job->has_token) {
        enrol_go_on(op); /* it has none */
        return;
    }
    if (job->presented.serial.len == 0 || cr_job_factory(job) == NULL ||
        cr_records_claim(&op->claim, &op->store->records, job->presented.key_hash, job->device, CR_FACTORY_SLOT) !=
            CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    if (job->op == CR_OP_CSR && memcmp(job->csr.key_hash, job->presented.key_hash, CR_SHA256_LEN) == 0) {
        store_op_refuse(op, CR_REFUSAL_KEY_REUSED, 0); /* what was in the factory's hands is no key of its own */
        return;
    }
    cr_args_start(&args, "HSETNX");
    cr_args_bytes(&args, op->claim.shard.text, op->claim.shard.len);
    cr_args_bytes(&args, op->claim.field, sizeof op->claim.field);
    cr_args_bytes(&args, op->claim.used, sizeof op->claim.used);
    store_op_send(op, &args, on_key_claimed);
}

/* ---- a certificate that is good by its record, and may be revoked ---- */

static void on_revocation(struct store_op *op, const redisReply *reply)
{
    struct cr_job *job = op->job;
    if (reply->type == REDIS_REPLY_STRING) {
        job->current_revoked = true;
        store_begin_decide(op);
        return;
    }
    store_begin_refuse(op, CR_REFUSAL_ALREADY_ENROLLED, job->retry_after_s);
}

void store_enrol_look(struct store_op *op, const struct cr_answer *answer, int64_t seconds)
{
    enum { CRT = 3 };
    struct cr_job *job = op->job;
    const struct cr_config_factory *factory = cr_job_factory(job);
    struct cr_cert_entry entry = { .not_before = 0 };
    char name[CR_ISSUER_ID_TEXT + 16], serial[CR_SERIAL_TEXT];
    struct cr_redis_key key;
    struct cr_args args;
    if (job->current_revoked || factory == NULL || factory->reenroll != CR_REENROLL_EXPIRED ||
        answer->part_count <= CRT || cr_records_crt_parse(&entry, answer->part[CRT]) != CR_OK) {
        store_begin_refuse(op, CR_REFUSAL_ALREADY_ENROLLED, seconds);
        return;
    }
    job->retry_after_s = seconds > 0 ? (unsigned)seconds : 1;
    (void)snprintf(name, sizeof name, "{revoked}:of:%s", entry.issuer);
    cr_records_plain_key(&key, &op->store->records, name);
    cr_serial_text(serial, &entry.serial);
    cr_args_start(&args, "HGET");
    cr_args_bytes(&args, key.text, key.len);
    cr_args_text(&args, serial);
    store_op_send(op, &args, on_revocation);
}
