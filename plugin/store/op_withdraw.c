/* Certificates that are revoked, or are not any more: what is revoked in one command, then the claims of their keys, one
 * by one. Each of these can be done again: an op whose answer got lost begins anew. */
#include "plugin/store/redis_store.h"

#include <stdlib.h>
#include <string.h>

struct store_withdrawal {
    void (*done)(struct store_op *op);
    bool back;               /* they are not revoked any more */
    struct cr_bytes rest;    /* whose claims are still to be written */
    size_t len;
    char text[];             /* the certificates */
};

void store_withdrawal_free(struct store_withdrawal *withdrawal)
{
    free(withdrawal);
}

static cr_err withdrawal_keep(struct store_op *op, struct cr_bytes certificates, void (*done)(struct store_op *op))
{
    struct store_withdrawal *kept = calloc(1, sizeof *kept + certificates.len + 1);
    if (kept == NULL) {
        return CR_NOMEM;
    }
    if (certificates.len > 0) {
        memcpy(kept->text, certificates.data, certificates.len);
    }
    kept->len = certificates.len;
    kept->rest = (struct cr_bytes){ (const uint8_t *)kept->text, kept->len };
    kept->done = done;
    store_withdrawal_free(op->withdrawal);
    op->withdrawal = kept;
    return CR_OK;
}

struct cr_bytes store_withdrawn(const struct store_op *op)
{
    const struct store_withdrawal *kept = op->withdrawal;
    return kept != NULL ? (struct cr_bytes){ (const uint8_t *)kept->text, kept->len } : (struct cr_bytes){ NULL, 0 };
}

/* ---- claims ---- */

static void claim_next(struct store_op *op);

static void on_claimed(struct store_op *op, const redisReply *reply)
{
    (void)reply;
    claim_next(op);
}

/* Of a superseded certificate no key is known any more; it was in a certificate of ours, and is refused as reused. */
static void claim_next(struct store_op *op)
{
    struct store_withdrawal *kept = op->withdrawal;
    struct cr_withdrawn one;
    while (cr_withdrawn_read(&one, &kept->rest)) {
        struct cr_claim claim;
        struct cr_args args;
        if (!one.has_key) {
            continue;
        }
        if (cr_records_claim(&claim, &op->store->records, one.entry.key_hash, op->job->device, one.slot) != CR_OK) {
            store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
            return;
        }
        if (kept->back) {
            store_claim_release_args(&args, &claim);
        } else {
            store_claim_revoke_args(&args, &claim);
        }
        store_op_send(op, &args, on_claimed);
        return;
    }
    kept->done(op);
}

/* ---- what is revoked ---- */

/* Its entries, as they are now, for who asked. */
static cr_err take_entries(struct store_op *op, const struct cr_answer *answer)
{
    enum { VERSION, NEW, CHANGED, ENTRIES };
    struct cr_revoke *revoke = op->job->revoke;
    int64_t fresh = 0, changed = 0;
    if (answer->part_count <= ENTRIES || cr_answer_number(answer, NEW, &fresh) != CR_OK ||
        cr_answer_number(answer, CHANGED, &changed) != CR_OK) {
        return CR_INVALID;
    }
    if (changed > 0) {
        store_push_tell(op->store, "!revoked");
        store_revoked_look(op->store);
    }
    if (revoke == NULL) {
        return CR_OK;
    }
    struct cr_bytes text = answer->part[ENTRIES];
    unsigned lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.data[i] == '\n';
    }
    free(revoke->row);
    revoke->count = 0;
    revoke->rows = 0;
    revoke->row = calloc(lines > 0 ? lines : 1, sizeof *revoke->row);
    if (revoke->row == NULL) {
        return CR_NOMEM;
    }
    while (revoke->rows < lines && cr_revocation_read(&revoke->row[revoke->rows], &text)) {
        revoke->count += op->again && revoke->row[revoke->rows].at == op->job->now_s; /* by the call whose answer got lost */
        revoke->rows++;
    }
    revoke->count = op->again ? revoke->count : (unsigned)fresh;
    return text.len == 0 ? CR_OK : CR_INVALID;
}

static bool is_gone(struct cr_bytes entries, const struct cr_cert_entry *certificate)
{
    struct cr_revocation entry;
    bool found = false;
    while (!found && cr_revocation_read(&entry, &entries)) {
        found = entry.gone && cr_serial_equal(&entry.serial, &certificate->serial) &&
                strcmp(entry.issuer, certificate->issuer) == 0;
    }
    return found;
}

/* What is revoked for another reason by now stays so, and so does its key's claim. */
static void keep_those_gone(struct store_withdrawal *kept, const struct cr_answer *answer)
{
    enum { VERSION, NEW, CHANGED, ENTRIES };
    struct cr_bytes rest = kept->rest;
    struct cr_withdrawn one;
    const uint8_t *line = rest.data;
    size_t len = 0;
    for (; cr_withdrawn_read(&one, &rest); line = rest.data) {
        if (is_gone(answer->part[ENTRIES], &one.entry)) {
            size_t line_len = (size_t)(rest.data - line);
            memmove(kept->text + len, line, line_len);
            len += line_len;
        }
    }
    kept->rest.len = kept->len = len;
}

static void on_written(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    cr_err err = store_answer_read(&answer, reply);
    err = err == CR_OK ? take_entries(op, &answer) : err;
    if (err == CR_OK && op->withdrawal->back) {
        keep_those_gone(op->withdrawal, &answer);
    }
    if (err == CR_OK) {
        claim_next(op);
    } else if (err == CR_NOMEM) {
        store_op_unavailable(op);
    } else {
        store_op_quarantine(op, "an answer of Redis that is none");
    }
}

void store_withdraw(struct store_op *op, struct cr_bytes certificates, int64_t at, unsigned reason,
                    void (*done)(struct store_op *op))
{
    struct cr_args args;
    if (withdrawal_keep(op, certificates, done) != CR_OK) {
        store_op_unavailable(op);
        return;
    }
    if (certificates.len == 0) {
        done(op);
        return;
    }
    if (cr_args_revoked_add(&args, &op->store->records, at, reason, op->job->device, store_withdrawn(op), false) ==
        CR_OK) {
        store_op_send(op, &args, on_written);
    } else {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    }
}

void store_readmit(struct store_op *op, struct cr_bytes certificates, void (*done)(struct store_op *op))
{
    struct cr_args args;
    if (withdrawal_keep(op, certificates, done) != CR_OK) {
        store_op_unavailable(op);
        return;
    }
    op->withdrawal->back = true;
    if (cr_args_revoked_gone(&args, &op->store->records, op->job->now_s, store_withdrawn(op)) == CR_OK) {
        store_op_send(op, &args, on_written);
    } else {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    }
}
