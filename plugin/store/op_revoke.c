/* REVOKE. A device: first its own hash, in one command (revoke.lua), then what is revoked and the claims of the keys
 * (op_withdraw.c). Should that end half-way, whoever asks again completes it: the device still tells its certificates.
 * A certificate: the same for the slot that has it, if any has; else only its entry. An issuer: its mark. */
#include "plugin/store/redis_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 256 }; /* of one command */

static void revoke_done(struct store_op *op)
{
    op->job->outcome = CR_OUT_DONE;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

/* ---- lines ---- */

/* "keyCompromise: stolen", "keyCompromise" */
static void detail_of(char *detail, size_t cap, const struct cr_revoke *revoke)
{
    (void)snprintf(detail, cap, "%s%s%s", cr_revoke_reason_text(revoke->reason), revoke->comment[0] != '\0' ? ": " : "",
                   revoke->comment);
}

/* The entry of this certificate as it is now; NULL: there is none. */
static const struct cr_revocation *row_of(const struct cr_revoke *revoke, const struct cr_cert_entry *entry)
{
    for (unsigned i = 0; i < revoke->rows; i++) {
        if (cr_serial_equal(&revoke->row[i].serial, &entry->serial) &&
            strcmp(revoke->row[i].issuer, entry->issuer) == 0) {
            return &revoke->row[i];
        }
    }
    return NULL;
}

static void audit_revoked(struct store_op *op, const char *slot, uint64_t version, const struct cr_revocation *entry)
{
    const struct cr_job *job = op->job;
    char detail[CR_AUDIT_DETAIL_CAP];
    detail_of(detail, sizeof detail, job->revoke);
    store_audit_revocation(op->store, &(struct cr_audit){ .what = "revoked",
                                                          .now_s = job->now_s,
                                                          .device = job->device,
                                                          .slot = slot,
                                                          .who = job->who,
                                                          .detail = detail,
                                                          .version = version,
                                                          .revocation = entry },
                           &(struct cr_undone){ .issuer = false });
    op->job->audited = true;
}

/* A line for each certificate, and for each slot that had none. */
static void on_withdrawn(struct store_op *op)
{
    const struct cr_revoke *revoke = op->job->revoke;
    struct cr_bytes rest = store_withdrawn(op);
    struct cr_withdrawn one;
    while (cr_withdrawn_read(&one, &rest)) {
        const struct cr_revocation *row = row_of(revoke, &one.entry);
        const struct cr_revocation none = { .reason = revoke->reason, .at = op->job->now_s };
        audit_revoked(op, strcmp(one.slot, "-") == 0 ? "" : one.slot, one.version, row != NULL ? row : &none);
    }
    revoke_done(op);
}

/* ---- a device, or a certificate of one ---- */

static bool is_among(struct cr_bytes certificates, const struct cr_revoke *revoke)
{
    struct cr_withdrawn one;
    bool found = false;
    while (!found && cr_withdrawn_read(&one, &certificates)) {
        found = cr_serial_equal(&one.entry.serial, &revoke->serial) && strcmp(one.entry.issuer, revoke->issuer) == 0;
    }
    return found;
}

/* How long an entry is kept of which nobody can tell when it ends. */
enum { KEEP_S = 10 * 366 * 86400 };

/* With the certificate that was named, which may be in no record, or have ended. */
static void withdraw_with_named(struct store_op *op, struct cr_bytes certificates)
{
    const struct cr_revoke *revoke = op->job->revoke;
    char text[CR_WITHDRAWN_MAX + CR_NAME_CAP + CR_CRT_CAP + 32];
    size_t len = 0;
    if (certificates.len > CR_WITHDRAWN_MAX) {
        store_op_quarantine(op, "the record of this device has too many certificates");
        return;
    }
    if (revoke->verb == CR_REVOKE_CERTIFICATE && !is_among(certificates, revoke)) {
        int64_t not_after = revoke->not_after > 0 ? revoke->not_after : op->job->now_s + KEEP_S;
        if (cr_withdrawn_write(text, sizeof text - CR_WITHDRAWN_MAX, "", &revoke->serial, revoke->issuer, not_after) !=
            CR_OK) {
            store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
            return;
        }
        len = strlen(text);
    }
    if (certificates.len > 0) {
        memcpy(text + len, certificates.data, certificates.len);
    }
    store_withdraw(op, (struct cr_bytes){ (const uint8_t *)text, len + certificates.len }, op->job->now_s,
                   revoke->reason, on_withdrawn);
}

static void on_device(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    bool certificate = op->job->revoke->verb == CR_REVOKE_CERTIFICATE;
    if (store_answer_read(&answer, reply) != CR_OK || cr_answer_is(&answer, "foreign")) {
        store_op_quarantine(op, "the record of this device is damaged, or another device's");
        return;
    }
    store_audit_note(op, &answer);
    if (cr_answer_is(&answer, "done")) {
        withdraw_with_named(op, answer.part_count > 0 ? answer.part[0] : (struct cr_bytes){ NULL, 0 });
    } else if (certificate) {
        withdraw_with_named(op, (struct cr_bytes){ NULL, 0 });
    } else {
        store_op_refuse(op, cr_answer_is(&answer, "unknown") ? CR_REFUSAL_UNKNOWN_DEVICE : CR_REFUSAL_UNKNOWN_SLOT, 0);
    }
}

static void device_start(struct store_op *op)
{
    const struct cr_job *job = op->job;
    const struct cr_revoke *revoke = job->revoke;
    char crt[CR_CRT_CAP] = "";
    struct cr_args args;
    if (revoke->verb == CR_REVOKE_CERTIFICATE) {
        if (revoke->serial.len == 0 || revoke->issuer[0] == '\0') {
            store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
            return;
        }
        if (job->device[0] == '\0') {
            withdraw_with_named(op, (struct cr_bytes){ NULL, 0 });
            return;
        }
        cr_records_crt(crt, &revoke->serial, revoke->issuer);
    }
    if (cr_args_revoke(&args, &op->store->records, job->device, job->slot, job->now_s,
                       cr_config_accept_expired_s(&job->setup->config), revoke->reason, crt, 0) == CR_OK) {
        store_op_send(op, &args, on_device);
    } else {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    }
}

/* ---- an issuer ---- */

static enum cr_issuer_state state_of(enum cr_revoke_verb verb)
{
    return verb == CR_REVOKE_ISSUER   ? CR_ISSUER_REVOKED
           : verb == CR_REVOKE_RETIRE ? CR_ISSUER_RETIRED
                                      : CR_ISSUER_TRUSTED;
}

static void on_issuer(struct store_op *op, const redisReply *reply)
{
    struct cr_answer answer;
    const struct cr_revoke *revoke = op->job->revoke;
    static const char *const whats[] = {
        [CR_REVOKE_ISSUER] = "issuer-revoked",
        [CR_REVOKE_RETIRE] = "issuer-retired",
        [CR_REVOKE_RESTORE] = "issuer-restored",
    };
    if (store_answer_read(&answer, reply) != CR_OK) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    if (cr_answer_is(&answer, "wrong") && !op->again) {
        store_op_refuse(op, CR_REFUSAL_WRONG_STATE, 0);
        return;
    }
    if (cr_answer_is(&answer, "full")) {
        store_op_refuse(op, CR_REFUSAL_TOO_LARGE, 0);
        return;
    }
    char reason[CR_AUDIT_DETAIL_CAP / 2], detail[CR_AUDIT_DETAIL_CAP];
    bool revoked = revoke->verb == CR_REVOKE_ISSUER;
    detail_of(reason, sizeof reason, revoke);
    (void)snprintf(detail, sizeof detail, "%s%s%s", revoke->issuer, revoked || revoke->comment[0] != '\0' ? ", " : "",
                   revoked ? reason : revoke->comment);
    struct cr_revocation entry = { .reason = revoke->reason, .at = op->job->now_s };
    memcpy(entry.issuer, revoke->issuer, sizeof entry.issuer);
    store_audit_revocation(op->store, &(struct cr_audit){ .what = whats[revoke->verb],
                                                          .now_s = op->job->now_s,
                                                          .who = op->job->who,
                                                          .detail = detail,
                                                          .revocation = &entry },
                           &(struct cr_undone){ .issuer = true, .state = state_of(revoke->verb) });
    op->job->audited = true;
    store_push_tell(op->store, "!revoked");
    store_revoked_look(op->store);
    revoke_done(op);
}

static void issuer_start(struct store_op *op)
{
    const struct cr_revoke *revoke = op->job->revoke;
    struct cr_args args;
    struct cr_issuer_mark mark = { .reason = revoke->reason, .at = op->job->now_s };
    memcpy(mark.id, revoke->issuer, sizeof mark.id);
    mark.state = state_of(revoke->verb);
    if (revoke->issuer[0] != '\0' && cr_args_revoked_issuer(&args, &op->store->records, &mark, false) == CR_OK) {
        store_op_send(op, &args, on_issuer);
    } else {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    }
}

/* ---- a page ---- */

/* The version behind which it goes on. */
static bool cursor_read(uint64_t *after, const char *cursor)
{
    *after = 0;
    for (unsigned i = 0; cursor[i] != '\0'; i++) {
        if (cursor[i] < '0' || cursor[i] > '9' || i == 15) {
            return false;
        }
        *after = *after * 10 + (unsigned)(cursor[i] - '0');
    }
    return true;
}

static void ask_page(struct store_op *op);

static void on_page(struct store_op *op, const redisReply *reply)
{
    enum { VERSION, LOST, LAST, ISSUERS, ENTRIES, PARTS };
    struct cr_revoke *revoke = op->job->revoke;
    struct cr_answer answer;
    if (store_answer_read(&answer, reply) != CR_OK || answer.part_count < PARTS ||
        cr_answer_text(&answer, LAST, revoke->cursor, sizeof revoke->cursor) != CR_OK) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    struct cr_bytes rest = answer.part[ENTRIES];
    while (revoke->rows < revoke->limit && cr_revocation_read(&revoke->row[revoke->rows], &rest)) {
        revoke->rows++;
    }
    if (rest.len > 0) {
        store_op_quarantine(op, "what is revoked is damaged");
    } else if (revoke->cursor[0] == '\0' || revoke->rows == revoke->limit ||
               store_now_ms() + op->store->config->redis_timeout_ms / 2 > op->deadline_ms) {
        revoke->count = revoke->rows;
        revoke_done(op);
    } else {
        ask_page(op);
    }
}

static void ask_page(struct store_op *op)
{
    struct cr_revoke *revoke = op->job->revoke;
    uint64_t after;
    struct cr_args args;
    if (!cursor_read(&after, revoke->cursor)) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_CURSOR, 0);
        return;
    }
    if (cr_args_revoked_page(&args, &op->store->records, after, LOOKS, revoke->limit - revoke->rows, revoke->issuer,
                             false, op->job->now_s) == CR_OK) {
        store_op_send(op, &args, on_page);
    } else {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    }
}

/* Goes on where it is, also when the connection was lost on the way. */
static void list_start(struct store_op *op)
{
    struct cr_revoke *revoke = op->job->revoke;
    if (revoke->limit == 0 || revoke->limit > CR_PAGE_MAX) {
        revoke->limit = CR_PAGE_MAX;
    }
    if (revoke->row == NULL) {
        revoke->row = calloc(revoke->limit, sizeof *revoke->row);
    }
    if (revoke->row == NULL) {
        store_op_refuse(op, CR_REFUSAL_BUSY, 0);
        return;
    }
    ask_page(op);
}

void store_revoke_start(struct store_op *op)
{
    const struct cr_revoke *revoke = op->job->revoke;
    if (revoke == NULL || cr_revoke_reason_text(revoke->reason) == NULL) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    switch (revoke->verb) {
    case CR_REVOKE_DEVICE:
    case CR_REVOKE_CERTIFICATE:
        device_start(op);
        break;
    case CR_REVOKE_ISSUER:
    case CR_REVOKE_RETIRE:
    case CR_REVOKE_RESTORE:
        issuer_start(op);
        break;
    case CR_REVOKE_LIST:
        list_start(op);
        break;
    }
}
