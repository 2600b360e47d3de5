/* BEGIN: whose key is it, may it be certified now, and the intent. Three questions, usually two commands (of somebody who
 * enrols, op_enrol.c asks another one first):
 *     1. HSETNX claims the key; only when it was claimed before, HGET tells by whom;
 *     2. what the journal knows of this very key is put back, should Redis have lost it (rarely anything);
 *     3. the script begin.lua decides. */
#include "plugin/store/redis_store.h"

#include <string.h>

static void on_decision(struct store_op *op, const redisReply *reply);

static void ask_decision(struct store_op *op)
{
    struct cr_args args;
    store_op_new_renewal(op);
    if (cr_args_begin(&args, &op->store->records, op->job, &op->store->owner, op->new_renewal_id, op->key_used) !=
        CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_decision);
}

/* A trigger past its deadline: reading ends it, then it is asked again. */
static void on_stale(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    if (store_answer_read(&answer, reply) != CR_OK) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    store_audit_note(op, &answer);
    ask_decision(op);
}

static void ask_end_of_trigger(struct store_op *op)
{
    struct cr_args args;
    if (cr_args_read(&args, &op->store->records, op->job, false) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_stale);
}

/* ---- 2: put back first ---- */

static void ask_put_back(struct store_op *op, const struct cr_tail_entry *entry, bool with_der);

static void on_put_back(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    const struct cr_tail_entry *entry = cr_tail_find_key(op->store->tail, op->job->csr.key_hash);
    if (store_answer_read(&answer, reply) != CR_OK) {
        store_op_quarantine(op, "an answer of Redis that is none");
    } else if (cr_answer_is(&answer, "need") && entry != NULL) {
        ask_put_back(op, entry, true);
    } else {
        ask_decision(op);
    }
}

static void ask_put_back(struct store_op *op, const struct cr_tail_entry *entry, bool with_der)
{
    struct cr_redis_store *store = op->store;
    struct cr_blob der = { NULL, 0 };
    struct cr_args args;
    if (with_der && store_reconcile_der(store, entry, &der) != CR_OK) {
        store_op_unavailable(op); /* rather no certificate than a second one for the same key */
        return;
    }
    cr_err err = cr_args_restore(&args, &store->records, &entry->restore, cr_blob_view(&der), op->job->now_s);
    if (err == CR_OK) {
        store_op_send(op, &args, on_put_back);
    } else {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    }
    cr_blob_fini(&der);
}

static void claimed(struct store_op *op)
{
    const struct cr_tail_entry *entry = cr_tail_find_key(op->store->tail, op->job->csr.key_hash);
    if (entry != NULL && !entry->gone && strcmp(entry->restore.device, op->job->device) == 0 &&
        strcmp(entry->restore.slot, op->job->slot) == 0) {
        op->key_used = true; /* it is in a certificate of ours, whatever Redis remembers of it */
        ask_put_back(op, entry, false);
        return;
    }
    ask_decision(op);
}

/* ---- 1: the key ---- */

static void on_claim_known(struct store_op *op, const redisReply *reply)
{
    switch (cr_records_claim_read(&op->claim, store_reply_bytes(reply))) {
    case CR_CLAIM_ANOTHERS:
        store_audit_alarm(op, CR_REFUSAL_KEY_REUSED, "asks for a certificate of a key of another device or slot");
        store_op_refuse(op, CR_REFUSAL_KEY_REUSED, 0);
        return;
    case CR_CLAIM_REVOKED:
        store_audit_alarm(op, CR_REFUSAL_REVOKED, "asks for a certificate of a key that was in a revoked one");
        store_op_refuse(op, CR_REFUSAL_REVOKED, 0);
        return;
    case CR_CLAIM_OURS_USED:
        op->key_used = true;
        claimed(op);
        return;
    case CR_CLAIM_OURS:
        op->key_used = false;
        claimed(op);
        return;
    case CR_CLAIM_NOBODYS: /* it was there a moment ago: lost, so ask again */
        store_op_unavailable(op);
        return;
    }
}

static void on_claim(struct store_op *op, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    if (reply->integer == 1) {
        op->key_used = false;
        claimed(op);
        return;
    }
    struct cr_args args;
    cr_args_start(&args, "HGET");
    cr_args_bytes(&args, op->claim.shard.text, op->claim.shard.len);
    cr_args_bytes(&args, op->claim.field, sizeof op->claim.field);
    store_op_send(op, &args, on_claim_known);
}

void store_begin_start(struct store_op *op)
{
    struct cr_redis_store *store = op->store;
    struct cr_job *job = op->job;
    if (job->profile == NULL) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_SLOT, 0);
        return;
    }
    if (store->late_count >= store->options.max_jobs) {
        store_op_refuse(op, CR_REFUSAL_BUSY, 0);
        return;
    }
    if (cr_journal_error(store->journal) != 0 || (store->config->redis_require_durable && !store->durable)) {
        store_op_unavailable(op); /* what would be signed now could not be kept */
        return;
    }
    if (job->enrolling && !op->enrols) {
        store_enrol_key_start(op);
        return;
    }
    if (cr_records_claim(&op->claim, &store->records, job->csr.key_hash, job->device, job->slot) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    struct cr_args args;
    cr_args_start(&args, "HSETNX");
    cr_args_bytes(&args, op->claim.shard.text, op->claim.shard.len);
    cr_args_bytes(&args, op->claim.field, sizeof op->claim.field);
    cr_args_bytes(&args, op->claim.unused, sizeof op->claim.unused);
    store_op_send(op, &args, on_claim);
}

void store_begin_decide(struct store_op *op)
{
    ask_decision(op);
}

/* ---- 3: the decision ---- */

static void go_on(struct store_op *op, int64_t version)
{
    struct cr_job *job = op->job;
    job->version = (uint64_t)version;
    struct cr_restore facts;
    cr_restore_of_job(&facts, job);
    if (store_audit_intent(op, &facts) != CR_OK) {
        store_op_unavailable(op);
        return;
    }
    job->outcome = CR_OUT_NONE;
    job->stage = CR_STAGE_SIGN;
    store_op_finish(op);
}

/* The same certificate again, with the facts of its own intent. */
static cr_err same_again(struct store_op *op, const struct cr_answer *answer)
{
    enum { CRT = 3, NOT_BEFORE, NOT_AFTER, DER };
    struct cr_job *job = op->job;
    struct cr_cert_entry entry = { .not_before = 0 };
    cr_err err = CR_INVALID;
    if (answer->part_count <= DER || answer->part[DER].len == 0 || answer->part[DER].len > CR_CERT_MAX) {
        return CR_INVALID;
    }
    CR_TRY(cr_records_crt_parse(&entry, answer->part[CRT]));
    CR_TRY(cr_answer_number(answer, NOT_BEFORE, &entry.not_before));
    CR_TRY(cr_answer_number(answer, NOT_AFTER, &entry.not_after));
    cr_blob_fini(&job->certificate);
    CR_TRY(cr_blob_copy(&job->certificate, answer->part[DER].data, answer->part[DER].len));
    job->intent = (struct cr_cert_intent){ entry.serial, entry.not_before, entry.not_after };
    memcpy(job->issuer, entry.issuer, sizeof job->issuer);
    job->outcome = CR_OUT_CERTIFICATE;
    job->stage = CR_STAGE_DONE;
out:
    return err;
}

void store_begin_refuse(struct store_op *op, enum cr_refusal refusal, int64_t seconds)
{
    if (!op->key_used) {
        store_claim_forget(op->store, &op->claim);
    }
    store_op_refuse(op, refusal, seconds);
}

static void on_decision(struct store_op *op, const redisReply *reply)
{
    enum { RENEWAL = 0, GENERATION, SECONDS /* or, with 'go', the version */ };
    struct cr_answer answer;
    struct cr_job *job = op->job;
    int64_t generation = 0, seconds = 0;
    cr_err err = store_answer_read(&answer, reply);
    if (err == CR_OK && cr_answer_is(&answer, "stale")) {
        ask_end_of_trigger(op);
        return;
    }
    if (err != CR_OK || cr_answer_is(&answer, "foreign") ||
        cr_answer_text(&answer, RENEWAL, job->renewal_id, sizeof job->renewal_id) != CR_OK ||
        cr_answer_number(&answer, GENERATION, &generation) != CR_OK ||
        cr_answer_number(&answer, SECONDS, &seconds) != CR_OK) {
        store_op_quarantine(op, "the record of this device is damaged, or another device's");
        return;
    }
    store_audit_note(op, &answer);
    job->generation = (uint64_t)generation;
    if (cr_answer_is(&answer, "go")) {
        go_on(op, seconds);
    } else if (cr_answer_is(&answer, "same")) {
        if (same_again(op, &answer) == CR_OK) {
            store_op_finish(op);
        } else {
            store_op_quarantine(op, "the waiting certificate is damaged");
        }
    } else if (cr_answer_is(&answer, "pending")) {
        job->outcome = CR_OUT_PENDING;
        job->stage = CR_STAGE_DONE;
        job->retry_after_s = (unsigned)(seconds > 0 ? seconds : 1);
        store_audit_op(op, "pending", "this key is being certified", NULL);
        store_op_finish(op);
    } else if (cr_answer_is(&answer, "hold")) {
        store_begin_refuse(op, CR_REFUSAL_ON_HOLD, 0);
    } else if (cr_answer_is(&answer, "revoked")) {
        store_begin_refuse(op, CR_REFUSAL_REVOKED, 0);
    } else if (cr_answer_is(&answer, "reused")) {
        store_op_refuse(op, CR_REFUSAL_KEY_REUSED, 0);
    } else if (cr_answer_is(&answer, "busy")) {
        store_begin_refuse(op, CR_REFUSAL_RENEWAL_IN_PROGRESS, seconds);
    } else if (cr_answer_is(&answer, "early")) {
        store_begin_refuse(op, CR_REFUSAL_TOO_EARLY, seconds);
    } else if (cr_answer_is(&answer, "enrolled")) {
        store_enrol_look(op, &answer, seconds);
    } else if (cr_answer_is(&answer, "barred")) {
        store_begin_refuse(op, CR_REFUSAL_NOT_ENROLLED, 0);
    } else if (cr_answer_is(&answer, "token")) {
        store_begin_refuse(op, CR_REFUSAL_TOKEN_NOT_VALID, 0);
    } else { /* 'lost' */
        store_op_quarantine(op, "the waiting certificate is missing");
    }
}
