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

void store_audit_revocation(struct cr_redis_store *store, const struct cr_audit *audit)
{
    store_audit(store, audit);
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
    char enrolled[CR_AUDIT_DETAIL_CAP];
    store_enrol_detail(op->job, enrolled);
    /* The stream has no line of its own for the intent: this one's time is that of the request. */
    const struct cr_audit audit = audit_of(op, what, enrolled[0] != '\0' ? enrolled : "requested and issued", certificate);
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

void store_audit_alert(struct store_op *op, enum cr_alert alert, const char *detail)
{
    struct cr_job *job = op->job;
    job->alert = alert;
    memcpy(job->alert_slot, job->slot, sizeof job->alert_slot);
    store_audit_op(op, "alert", detail, NULL);
}

void store_audit_slot(struct store_op *op, const char *what, const char *slot, const char *renewal_id,
                      const char *detail)
{
    struct cr_audit audit = audit_of(op, what, detail, NULL);
    audit.slot = slot;
    audit.renewal_id = renewal_id;
    store_audit(op->store, &audit);
    op->job->audited = true;
}

void store_audit_deliveries(struct store_op *op)
{
    const struct cr_deliveries *deliveries = op->job->deliveries;
    for (unsigned i = 0; i < deliveries->count; i++) {
        const struct cr_delivery *one = &deliveries->delivery[i];
        char trigger[64];
        (void)snprintf(trigger, sizeof trigger, "trigger, attempt %u%s", one->attempt,
                       one->queued ? ", for when it is back" : "");
        store_audit(op->store, &(struct cr_audit){ .what = "delivered",
                                                   .now_s = one->at_s,
                                                   .device = one->device,
                                                   .slot = one->slot,
                                                   .who = one->who,
                                                   .renewal_id = one->renewal_id,
                                                   .detail = one->serial.len > 0 ? "certificate" : trigger,
                                                   .serial = &one->serial });
    }
    op->job->audited = true;
}

/* A line of a note: words, the last of which may be missing. */
struct note {
    char what[16], first[CR_NAME_CAP], second[CR_NAME_CAP];
};

static struct cr_bytes note_take(struct note *note, struct cr_bytes rest)
{
    char *const word[] = { note->what, note->first, note->second };
    const size_t cap[] = { sizeof note->what, sizeof note->first, sizeof note->second };
    unsigned at = 0;
    size_t len = 0;
    memset(note, 0, sizeof *note);
    for (; rest.len > 0 && rest.data[0] != '\n'; rest.data++, rest.len--) {
        if (rest.data[0] == ' ') {
            at++;
            len = 0;
        } else if (at < 3 && len + 1 < cap[at]) {
            word[at][len++] = (char)rest.data[0];
        }
    }
    rest.data += rest.len > 0;
    rest.len -= rest.len > 0;
    return rest;
}

static void note_expired(struct store_op *op, const char *renewal_id, const char *slot)
{
    struct cr_job *job = op->job;
    slot = slot[0] != '\0' ? slot : job->slot;
    store_audit_slot(op, "expired", slot, renewal_id, "the trigger's deadline passed without an answer");
    store_audit_slot(op, "alert", slot, renewal_id,
                     "its renewal was not answered: it begins anew when the device appears");
    job->alert = CR_ALERT_UNANSWERED;
    snprintf(job->alert_slot, sizeof job->alert_slot, "%s", slot);
}

static void note_began(struct store_op *op, const char *name)
{
    struct cr_job *job = op->job;
    const struct cr_slot_record *slot = job->record != NULL ? cr_device_record_slot(job->record, name) : NULL;
    if (slot == NULL) {
        return;
    }
    job->triggered = true;
    if (strcmp(name, job->slot) == 0) {
        memcpy(job->renewal_id, slot->renewal_id, sizeof job->renewal_id);
    }
    store_audit_slot(op, "triggered", name, slot->renewal_id, cr_renew_reason_text(slot->reason));
}

/* Level and time that is left, of a slot whose alert is raised; "critical: 6 days". */
static void note_raised(struct store_op *op, const char *name)
{
    static const char *const levels[] = { "none", "notice", "warning", "critical" };
    struct cr_job *job = op->job;
    const struct cr_slot_record *slot = job->record != NULL ? cr_device_record_slot(job->record, name) : NULL;
    char detail[120];
    if (slot == NULL || slot->alert.level > CR_LEVEL_CRITICAL) {
        return;
    }
    job->told |= CR_TOLD_RAISED;
    (void)snprintf(detail, sizeof detail, "%s: its certificate expires in %lld days and was not renewed yet",
                   levels[slot->alert.level], (long long)((slot->current.not_after - job->now_s) / 86400));
    store_audit_slot(op, "alert", name, slot->renewal_id, detail);
}

static void note_woken(struct store_op *op, const char *name)
{
    struct cr_job *job = op->job;
    const struct cr_slot_record *slot = job->record != NULL ? cr_device_record_slot(job->record, name) : NULL;
    char detail[40];
    if (slot == NULL) {
        return;
    }
    job->told |= CR_TOLD_WOKEN;
    (void)snprintf(detail, sizeof detail, "attempt %u", slot->alert.wakes);
    store_audit_slot(op, "wake", name, slot->renewal_id, detail);
}

static void note_cleared(struct store_op *op, const char *name)
{
    struct cr_job *job = op->job;
    (void)snprintf(job->cleared_slot, sizeof job->cleared_slot, "%s", name);
    store_audit_slot(op, "alert", name, "",
                     job->op == CR_OP_REVOKE ? "cleared: it was revoked" : "cleared: its certificate was renewed");
}

/* What look.lua found. */
static void note_looked(struct store_op *op, const struct note *note)
{
    if (strcmp(note->what, "raised") == 0) {
        note_raised(op, note->first);
    } else if (strcmp(note->what, "woken") == 0) {
        note_woken(op, note->first);
    } else if (strcmp(note->what, "field") == 0) {
        op->job->told |= CR_TOLD_FIELD;
        store_audit_slot(op, "alert", note->first, "", "field: it did not answer its wakes either");
    } else if (strcmp(note->what, "ended") == 0) {
        store_audit_alert(op, CR_ALERT_EXPIRED, "its certificate expired and was not renewed");
    } else if (strcmp(note->what, "cleared") == 0) {
        note_cleared(op, note->first);
    } else if (strcmp(note->what, "token-used") == 0) {
        store_audit_slot(op, "token-used", note->first, op->job->renewal_id, "by the key that asks with it");
    }
}

/* What an operator did to a slot. */
static void note_steered(struct store_op *op, const struct note *note)
{
    struct cr_job *job = op->job;
    bool cancelled = strcmp(note->what, "cancelled") == 0;
    for (unsigned i = 0; !cancelled && job->record != NULL && job->steer != NULL && i < job->record->slot_count; i++) {
        if (strcmp(job->record->slot[i].slot, note->first) == 0) {
            job->steer->changed |= 1u << i;
        }
    }
    if (cancelled && job->op == CR_OP_STEER) {
        memcpy(job->renewal_id, note->second, CR_RENEWAL_ID_CAP);
        job->renewal_id[CR_RENEWAL_ID_LEN] = '\0';
    }
    store_audit_slot(op, note->what, note->first, note->second,
                     strcmp(note->what, "held") == 0 && job->steer != NULL ? job->steer->text : "");
}

void store_audit_note(struct store_op *op, const struct cr_answer *answer)
{
    struct note note;
    for (struct cr_bytes rest = answer->note; rest.len > 0;) {
        rest = note_take(&note, rest);
        if (strcmp(note.what, "expired") == 0) {
            note_expired(op, note.first, note.second);
        } else if (strcmp(note.what, "began") == 0) {
            note_began(op, note.first);
        } else if (strcmp(note.what, "held") == 0 || strcmp(note.what, "released") == 0 ||
                   strcmp(note.what, "cancelled") == 0) {
            note_steered(op, &note);
        } else {
            note_looked(op, &note);
        }
    }
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
