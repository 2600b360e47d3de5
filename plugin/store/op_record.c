/* RECORD: the certificate goes to the journal, then, once it is on disk, to Redis. From then on it will be recorded. */
#include "plugin/store/redis_store.h"

#include <stddef.h>
#include <string.h>

static void record_ask(struct store_op *op);

/* ---- the journal ---- */

static void on_durable(struct cr_journal_wait *wait, cr_err err, uint64_t offset, size_t len)
{
    struct store_op *op = (struct store_op *)((char *)wait - offsetof(struct store_op, wait));
    struct cr_redis_store *store = op->store;
    op->journaling = false;
    if (err == CR_OK) {
        op->journaled = true;
        if (cr_tail_add(store->tail, &op->facts, offset, len) != CR_OK) {
            store_log(store, 'w', "Out of memory: a certificate of %s could not be put back if Redis lost it.",
                      op->facts.device);
        }
    }
    if (op->job == NULL) {
        store_op_settle(op);
    } else if (err == CR_OK) {
        record_ask(op);
    } else if (op->late) {
        store_op_drop(op); /* its asker was told to wait; it will ask again and get another */
    } else {
        store->op_errors++;
        store_op_refuse(op, CR_REFUSAL_STORE_UNAVAILABLE, 0);
    }
}

static cr_err record_journal(struct store_op *op)
{
    char text[CR_JOURNAL_LINE_MAX], detail[CR_AUDIT_DETAIL_CAP];
    struct cr_line line;
    const struct cr_job *job = op->job;
    store_enrol_detail(job, detail);
    const struct cr_audit audit = {
        .what = "issued",
        .now_s = job->now_s,
        .device = job->device,
        .slot = job->slot,
        .who = job->who,
        .renewal_id = job->renewal_id,
        .detail = detail,
        .certificate = &op->facts,
        .der = cr_blob_view(&job->certificate),
    };
    cr_line_start(&line, text, sizeof text - CR_JOURNAL_HEAD_CAP);
    cr_audit_line(&audit, op->store->owner.broker, &line);
    op->wait.done = on_durable;
    return cr_journal_append(op->store->journal, &line, &op->wait);
}

void store_record_start(struct store_op *op)
{
    if (op->journaling) {
        return;
    }
    if (op->journaled) {
        record_ask(op);
        return;
    }
    cr_restore_of_job(&op->facts, op->job);
    if (record_journal(op) == CR_OK) {
        op->journaling = true;
    } else {
        op->store->op_errors++;
        store_op_refuse(op, CR_REFUSAL_STORE_UNAVAILABLE, 0);
    }
}

/* ---- Redis ---- */

static void key_is_used(struct store_op *op)
{
    struct cr_claim claim;
    if (cr_records_claim(&claim, &op->store->records, op->facts.entry.key_hash, op->facts.device, op->facts.slot) ==
        CR_OK) {
        store_claim_use(op->store, &claim);
    }
}

/* It stands in Redis now, whatever else is true. */
static bool is_recorded(const struct cr_answer *answer)
{
    return cr_answer_is(answer, "issued") || cr_answer_is(answer, "again") || cr_answer_is(answer, "held");
}

static void on_recorded(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    struct cr_job *job = op->job;
    if (store_answer_read(&answer, reply) != CR_OK || cr_answer_is(&answer, "foreign") ||
        cr_answer_text(&answer, 0, job->renewal_id, sizeof job->renewal_id) != CR_OK) {
        store_op_quarantine(op, "the record of this device is damaged, or another device's");
        return;
    }
    store_audit_note(op, &answer);
    if (is_recorded(&answer)) {
        store_audit_stream(op, "issued", &op->facts);
        key_is_used(op);
        if (cr_answer_is(&answer, "held")) { /* since it was asked for: it waits for the release */
            store_op_refuse(op, CR_REFUSAL_ON_HOLD, 0);
            return;
        }
        job->outcome = CR_OUT_CERTIFICATE;
    } else if (cr_answer_is(&answer, "revoked")) { /* while it was being signed */
        store_audit_op(op, "void", "it was revoked before it was recorded", &op->facts);
        cr_tail_void(op->store->tail, &op->facts.entry.serial);
        store_op_refuse(op, CR_REFUSAL_REVOKED, 0);
        return;
    } else {
        store_audit_op(op, "void", "another intent has replaced this one", &op->facts);
        cr_tail_void(op->store->tail, &op->facts.entry.serial);
        cr_blob_fini(&job->certificate);
        job->outcome = CR_OUT_PENDING;
        job->retry_after_s = CR_LEASE_S;
    }
    job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

/* ---- late ones ---- */

static void on_late(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    if (store_answer_read(&answer, reply) != CR_OK) {
        store_op_quarantine(op, "an answer of Redis that is none");
    } else if (cr_answer_is(&answer, "restored") || cr_answer_is(&answer, "same")) {
        store_audit_stream(op, "issued", &op->facts);
        key_is_used(op);
        cr_blob_fini(&op->job->certificate);
        store_read_start(op); /* what is known now goes to the device */
    } else {
        store_audit_op(op, "void", "another intent has replaced this one", &op->facts);
        cr_tail_void(op->store->tail, &op->facts.entry.serial);
        store_op_drop(op);
    }
}

/* By the restore script, which also finds what record.lua has already done. */
static void late_ask(struct store_op *op)
{
    struct cr_redis_store *store = op->store;
    struct cr_args args;
    if (store->phase != STORE_READY || op->calls > 0 || !op->journaled) {
        return;
    }
    if (op->job->certificate.len == 0) { /* recorded; only its delivery was lost */
        store_read_start(op);
        return;
    }
    if (cr_args_restore(&args, &store->records, &op->facts, cr_blob_view(&op->job->certificate),
                        cr_wall_s(store->options.clock)) != CR_OK) {
        store_op_drop(op);
        return;
    }
    op->reloaded = false;
    store_op_send(op, &args, on_late);
}

void store_record_catch_up(struct cr_redis_store *store)
{
    for (struct store_op *op = store->late, *next; op != NULL; op = next) {
        next = op->next;
        late_ask(op);
    }
}

void store_record_late(struct store_op *op)
{
    struct cr_job *asker = op->job, *deliver;
    bool go_on = cr_job_new(&deliver, CR_OP_DELIVER, asker->setup) == CR_OK;
    if (go_on) {
        deliver->profile = asker->profile;
        deliver->now_s = asker->now_s;
        memcpy(deliver->device, asker->device, sizeof deliver->device);
        memcpy(deliver->slot, asker->slot, sizeof deliver->slot);
        memcpy(deliver->who, asker->who, sizeof deliver->who);
        memcpy(deliver->renewal_id, asker->renewal_id, sizeof deliver->renewal_id);
        cr_blob_move(&deliver->certificate, &asker->certificate);
    }
    cr_blob_fini(&asker->certificate);
    asker->outcome = CR_OUT_PENDING;
    asker->retry_after_s = asker->setup->config.retry_after_s > 0 ? asker->setup->config.retry_after_s : 1;
    asker->stage = CR_STAGE_DONE;
    store_op_go_late(op, go_on ? deliver : NULL);
}

/* An answer to this, too, can come when the op is late already: on_recorded is then told of a DELIVER job. */
static void on_record_answer(struct store_op *op, const redisReply *reply)
{
    if (op->late) {
        struct cr_answer answer;
        if (store_answer_read(&answer, reply) == CR_OK && is_recorded(&answer)) {
            store_audit_stream(op, "issued", &op->facts);
            key_is_used(op);
            cr_blob_fini(&op->job->certificate);
            store_read_start(op);
        } else {
            late_ask(op);
        }
        return;
    }
    on_recorded(op, reply);
}

static void record_ask(struct store_op *op)
{
    struct cr_args args;
    if (op->late) {
        late_ask(op);
        return;
    }
    if (op->store->phase != STORE_READY) {
        store_op_wait(op);
        return;
    }
    if (cr_args_record(&args, &op->store->records, op->job) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_record_answer);
}
