#include "plugin/store/redis_store.h"

#include <stdio.h>
#include <string.h>

static void to_stream(struct cr_redis_store *store, const struct cr_audit *audit)
{
    struct cr_args args;
    if (store->phase == STORE_READY) {
        cr_audit_args(audit, store->owner.broker, &store->stream, &args);
        cr_redis_link_tell(store->link, &args);
    }
}

static cr_err to_journal(struct cr_redis_store *store, const struct cr_audit *audit)
{
    char text[CR_JOURNAL_LINE_MAX];
    struct cr_line line;
    cr_line_start(&line, text, sizeof text - CR_JOURNAL_HEAD_CAP);
    cr_audit_line(audit, store->owner.broker, &line);
    cr_err err = cr_journal_append(store->journal, &line, NULL);
    store->op_errors += err != CR_OK;
    return err;
}

void store_audit(struct cr_redis_store *store, const struct cr_audit *audit)
{
    (void)to_journal(store, audit);
    to_stream(store, audit);
}

void store_audit_elsewhere(struct cr_redis_store *store, const struct cr_audit *audit)
{
    to_stream(store, audit);
}

static struct cr_audit audit_of(const struct store_op *op, const char *what, const char *detail,
                                const struct cr_restore *certificate)
{
    const struct cr_job *job = op->job;
    return (struct cr_audit){
        .what = what,
        .now_s = job->now_s,
        .device = job->device,
        .slot = job->slot,
        .who = job->who,
        .renewal_id = job->renewal_id,
        .detail = detail,
        .certificate = certificate,
    };
}

void store_audit_op(struct store_op *op, const char *what, const char *detail, const struct cr_restore *certificate)
{
    const struct cr_audit audit = audit_of(op, what, detail, certificate);
    store_audit(op->store, &audit);
    op->job->audited = true;
}

void store_audit_alarm(struct store_op *op, enum cr_refusal alarm, const char *detail)
{
    struct cr_job *job = op->job;
    store_audit_op(op, "alarm", detail, NULL);
    job->alarm = alarm;
    snprintf(job->audit_detail, sizeof job->audit_detail, "%s", detail);
}

void store_audit_stream(struct store_op *op, const char *what, const struct cr_restore *certificate)
{
    const struct cr_audit audit = audit_of(op, what, "", certificate);
    to_stream(op->store, &audit);
    op->job->audited = true;
}

cr_err store_audit_intent(struct store_op *op, const struct cr_restore *intent)
{
    const struct cr_audit audit = audit_of(op, "intent", "", intent);
    op->job->audited = true;
    return to_journal(op->store, &audit);
}

void store_audit_current(struct store_op *op, const char *what, const char *detail)
{
    struct cr_redis_store *store = op->store;
    const struct cr_job *job = op->job;
    const struct cr_slot_record *slot = job->record != NULL ? cr_device_record_slot(job->record, job->slot) : NULL;
    struct cr_restore facts = { .confirmed = true };
    if (slot == NULL) {
        store_audit_op(op, what, detail, NULL);
        return;
    }
    memcpy(facts.device, job->device, sizeof facts.device);
    memcpy(facts.slot, job->slot, sizeof facts.slot);
    memcpy(facts.renewal_id, job->renewal_id, sizeof facts.renewal_id);
    facts.entry = slot->current;
    facts.due = slot->due;
    facts.generation = slot->generation;
    facts.version = slot->version;
    store_audit_op(op, what, detail, &facts);
    if (strcmp(what, "confirmed") == 0) {
        store->op_errors += cr_tail_add(store->tail, &facts, 0, 0) != CR_OK; /* then Redis alone remembers */
    }
}

void store_audit_note(struct store_op *op, const struct cr_answer *answer)
{
    static const char expired[] = "expired ";
    char renewal_id[CR_RENEWAL_ID_CAP];
    size_t head = sizeof expired - 1;
    if (answer->note.len < head || memcmp(answer->note.data, expired, head) != 0 ||
        answer->note.len - head >= sizeof renewal_id) {
        return;
    }
    memcpy(renewal_id, answer->note.data + head, answer->note.len - head);
    renewal_id[answer->note.len - head] = '\0';
    const struct cr_audit audit = {
        .what = "expired",
        .now_s = op->job->now_s,
        .device = op->job->device,
        .slot = op->job->slot,
        .renewal_id = renewal_id,
        .detail = "the trigger's deadline passed without an answer",
    };
    store_audit(op->store, &audit);
}

void store_audit_lost(struct cr_redis_store *store)
{
    char detail[80];
    uint64_t lost = cr_journal_error(store->journal) == 0 ? cr_journal_lost_take(store->journal) : 0;
    if (lost == 0) {
        return;
    }
    snprintf(detail, sizeof detail, "%llu lines were lost while it could not be written", (unsigned long long)lost);
    const struct cr_audit audit = {
        .what = "journal",
        .now_s = cr_wall_s(store->options.clock),
        .detail = detail,
    };
    store_audit(store, &audit);
}
