/* REVOKE, and what is told of it. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_revocation {
    struct cr_revocation entry;
    uint64_t version; /* that changed it last */
};

struct fake_revoked {
    uint64_t version;
    unsigned count, marks;
    struct fake_revocation *one;
    struct cr_issuer_mark mark[CR_ISSUER_MARKS_MAX];
};

void fake_revoked_free(struct fake_revoked *revoked)
{
    if (revoked != NULL) {
        free(revoked->one);
        free(revoked);
    }
}

static struct fake_revoked *revoked_of(struct fake_ledger *ledger)
{
    struct fake_revoked **revoked = fake_ledger_revoked(ledger);
    if (*revoked == NULL) {
        *revoked = calloc(1, sizeof **revoked);
    }
    if (*revoked == NULL) {
        abort(); /* only tests link this */
    }
    return *revoked;
}

static struct fake_revocation *find(struct fake_revoked *revoked, const struct cr_serial *serial, const char *issuer)
{
    for (unsigned i = 0; i < revoked->count; i++) {
        if (cr_serial_equal(&revoked->one[i].entry.serial, serial) &&
            strcmp(revoked->one[i].entry.issuer, issuer) == 0) {
            return &revoked->one[i];
        }
    }
    return NULL;
}

bool fake_is_revoked(struct fake_ledger *ledger, const struct cr_serial *serial, const char *issuer)
{
    const struct fake_revocation *one = find(revoked_of(ledger), serial, issuer);
    return one != NULL && !one->entry.gone;
}

/* ---- entries ---- */

static bool same(const struct cr_revocation *a, const struct cr_revocation *b)
{
    return a->reason == b->reason && a->at == b->at && a->not_after == b->not_after &&
           strcmp(a->device, b->device) == 0 && a->gone == b->gone;
}

/* certificateHold has an end: it gives way to any other reason, and never takes the place of one. */
static unsigned weightier(unsigned was, unsigned reason)
{
    bool news = was == CR_REASON_CERTIFICATE_HOLD ||
                (reason != CR_REASON_UNSPECIFIED && reason != CR_REASON_CERTIFICATE_HOLD);
    return news ? reason : was;
}

/* New information is added to what is known; the first time stays. Returns the entry; told to who asked. */
static void add(struct fake_revoked *revoked, struct cr_job *job, const struct cr_serial *serial, const char *issuer,
                int64_t not_after)
{
    struct cr_revoke *revoke = job->revoke;
    struct cr_revocation now = { .serial = *serial, .reason = revoke->reason, .at = job->now_s, .not_after = not_after };
    snprintf(now.issuer, sizeof now.issuer, "%s", issuer);
    snprintf(now.device, sizeof now.device, "%s", job->device);
    struct fake_revocation *was = find(revoked, serial, issuer);
    if (was == NULL) {
        revoked->one = realloc(revoked->one, (revoked->count + 1) * sizeof *revoked->one);
        if (revoked->one == NULL) {
            abort();
        }
        was = &revoked->one[revoked->count++];
        *was = (struct fake_revocation){ .entry.gone = true };
    } else if (!was->entry.gone) {
        now.reason = weightier(was->entry.reason, revoke->reason);
        now.at = was->entry.at;
        now.not_after = not_after > was->entry.not_after ? not_after : was->entry.not_after;
        if (now.device[0] == '\0') {
            memcpy(now.device, was->entry.device, sizeof now.device);
        }
    }
    revoke->count += was->entry.gone;
    if (!same(&was->entry, &now)) {
        *was = (struct fake_revocation){ now, ++revoked->version };
    }
    revoke->row = realloc(revoke->row, (revoke->rows + 1) * sizeof *revoke->row);
    if (revoke->row == NULL) {
        abort();
    }
    revoke->row[revoke->rows++] = now;
}

/* ---- a slot ---- */

/* Certificates that ended before are of no use any more, not even to renew. */
static int64_t useless_before(const struct cr_job *job)
{
    return job->now_s - cr_config_accept_expired_s(&job->setup->config);
}

/* The certificates of it that have not ended: current, under way (also when it was revoked before), superseded. */
static unsigned certificates(const struct fake_slot *slot, int64_t now_s, struct cr_cert_entry entry[3])
{
    const struct cr_slot_record *view = &slot->view;
    const struct cr_cert_entry *under_way = &slot->withdrawn;
    int64_t last = view->current.not_after > under_way->not_after ? view->current.not_after : under_way->not_after;
    unsigned count = 0;
    if (view->current.serial.len > 0 && view->current.not_after > now_s) {
        entry[count++] = view->current;
    }
    if (under_way->serial.len > 0 && under_way->not_after > now_s) {
        entry[count++] = *under_way;
    }
    if (view->superseded.serial.len > 0 && view->current.serial.len > 0 && last > now_s) {
        entry[count] = view->superseded;
        memset(entry[count].key_hash, 0, sizeof entry[count].key_hash); /* it is not known any more */
        entry[count++].not_after = last;
    }
    return count;
}

static bool has(const struct fake_slot *slot, const struct cr_revoke *revoke)
{
    const struct cr_cert_entry *any[] = { &slot->view.current, &slot->view.pending, &slot->withdrawn };
    bool found = false;
    for (unsigned i = 0; i < sizeof any / sizeof any[0]; i++) {
        found = found || (cr_serial_equal(&any[i]->serial, &revoke->serial) &&
                          strcmp(any[i]->issuer, revoke->issuer) == 0);
    }
    return found;
}

/* The key of a certificate of this slot: revoked, or used as any other. */
static void mark_key(struct fake_ledger *ledger, const char *device, const struct fake_slot *slot,
                     const struct cr_cert_entry *entry, bool revoked)
{
    static const uint8_t none[CR_SHA256_LEN];
    struct fake_key *key;
    if (memcmp(entry->key_hash, none, sizeof none) != 0) {
        (void)fake_key_claim(ledger, entry->key_hash, device, slot->view.slot, &key);
        key->revoked = revoked;
        key->used = true;
    }
}

static void revoke_slot(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct cr_slot_record *view = &slot->view;
    unsigned reason = job->revoke->reason;
    bool news = view->revoked.at == 0 || weightier(view->revoked.reason, reason) != view->revoked.reason;
    bool shown = slot->shown;
    fake_expire(ledger, job, slot);
    slot->shown = shown; /* what is raised and over in one is not told of */
    if (news) {
        view->revoked.at = view->revoked.at != 0 ? view->revoked.at : job->now_s;
        view->revoked.reason = reason;
        snprintf(view->hold, sizeof view->hold, "revoked: %s", cr_revoke_reason_text(reason));
        view->version += view->state == CR_STATE_QUIET;
    }
    view->held = true;
    if (view->state != CR_STATE_QUIET) {
        fake_ledger_audit(ledger, "cancelled", job->device, view->slot, view->renewal_id);
        fake_tally(ledger, slot, 'c');
        int64_t due = slot->parked ? slot->quiet_due : view->due;
        slot->withdrawn = view->pending;
        fake_go_quiet(slot);
        view->due = slot->quiet_due = due;
    }
    fake_calm(ledger, job, slot);
    struct cr_cert_entry entry[3];
    unsigned count = certificates(slot, useless_before(job), entry);
    for (unsigned i = 0; i < count; i++) {
        mark_key(ledger, job->device, slot, &entry[i], true);
        add(revoked_of(ledger), job, &entry[i].serial, entry[i].issuer, entry[i].not_after);
    }
    for (unsigned i = 0; i < (count > 0 ? count : 1); i++) {
        fake_ledger_audit_at(ledger, job->now_s * 1000, job->who, "revoked", job->device, view->slot,
                             job->revoke->comment);
    }
}

void fake_revoked_release(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct fake_revoked *revoked = revoked_of(ledger);
    struct cr_cert_entry entry[3];
    unsigned count = slot->view.revoked.reason == CR_REASON_CERTIFICATE_HOLD
                         ? certificates(slot, useless_before(job), entry)
                         : 0;
    for (unsigned i = 0; i < count; i++) {
        struct fake_revocation *one = find(revoked, &entry[i].serial, entry[i].issuer);
        if (one != NULL && !one->entry.gone && one->entry.reason == CR_REASON_CERTIFICATE_HOLD) {
            one->entry.gone = true;
            one->version = ++revoked->version;
            mark_key(ledger, job->device, slot, &entry[i], false);
        }
    }
    slot->view.revoked = (struct cr_slot_revoked){ .at = 0 };
    slot->withdrawn = (struct cr_cert_entry){ .not_after = 0 };
}

/* ---- the verbs ---- */

/* The slot after the one of this name, by name; NULL: that was the last. */
static struct fake_slot *slot_after(struct fake_device *device, const char *name)
{
    struct fake_slot *next = NULL;
    for (unsigned i = 0; device != NULL && i < device->slot_count; i++) {
        struct fake_slot *slot = &device->slot[i];
        if (strcmp(slot->view.slot, name) > 0 && (next == NULL || strcmp(slot->view.slot, next->view.slot) < 0)) {
            next = slot;
        }
    }
    return next;
}

static enum cr_refusal revoke_device(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_device *device = fake_device_find(ledger, job->device);
    const struct cr_revoke *revoke = job->revoke;
    bool certificate = revoke->verb == CR_REVOKE_CERTIFICATE, any = false, named = false;
    if (certificate && (revoke->serial.len == 0 || revoke->issuer[0] == '\0')) {
        return CR_REFUSAL_INTERNAL;
    }
    for (struct fake_slot *slot = slot_after(device, ""); slot != NULL; slot = slot_after(device, slot->view.slot)) {
        if ((job->slot[0] == '\0' || strcmp(slot->view.slot, job->slot) == 0) &&
            (!certificate || has(slot, revoke))) {
            revoke_slot(ledger, job, slot);
            any = true;
        }
    }
    for (unsigned i = 0; i < revoke->rows; i++) {
        named = named || (cr_serial_equal(&revoke->row[i].serial, &revoke->serial) &&
                          strcmp(revoke->row[i].issuer, revoke->issuer) == 0);
    }
    if (certificate && !named) {
        int64_t not_after = revoke->not_after > 0 ? revoke->not_after : job->now_s + (int64_t)10 * 366 * 86400;
        add(revoked_of(ledger), job, &revoke->serial, revoke->issuer, not_after);
        fake_audit_job(ledger, "revoked", job, revoke->comment);
        any = true;
    }
    job->audited = any;
    return any              ? CR_REFUSAL_NONE
           : device == NULL ? CR_REFUSAL_UNKNOWN_DEVICE
                            : CR_REFUSAL_UNKNOWN_SLOT;
}

static enum cr_refusal revoke_issuer(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_revoked *revoked = revoked_of(ledger);
    const struct cr_revoke *revoke = job->revoke;
    unsigned at = 0;
    if (revoke->issuer[0] == '\0') {
        return CR_REFUSAL_INTERNAL;
    }
    while (at < revoked->marks && strcmp(revoked->mark[at].id, revoke->issuer) != 0) {
        at++;
    }
    enum cr_issuer_state was = at < revoked->marks ? revoked->mark[at].state : CR_ISSUER_TRUSTED;
    struct cr_issuer_mark *mark = &revoked->mark[at];
    if ((revoke->verb == CR_REVOKE_RESTORE && was != CR_ISSUER_RETIRED) ||
        (revoke->verb == CR_REVOKE_RETIRE && was == CR_ISSUER_REVOKED)) {
        return CR_REFUSAL_WRONG_STATE;
    }
    if (revoke->verb == CR_REVOKE_RESTORE) {
        *mark = revoked->mark[--revoked->marks];
        revoked->version++;
        fake_audit_job(ledger, "issuer-restored", job, revoke->issuer);
        return CR_REFUSAL_NONE;
    }
    enum cr_issuer_state state = revoke->verb == CR_REVOKE_ISSUER ? CR_ISSUER_REVOKED : CR_ISSUER_RETIRED;
    if (at == CR_ISSUER_MARKS_MAX) {
        return CR_REFUSAL_TOO_LARGE;
    }
    revoked->marks += at == revoked->marks;
    if (was != state || (revoke->reason != 0 && revoke->reason != mark->reason)) {
        mark->at = was == state ? mark->at : job->now_s;
        mark->state = state;
        mark->reason = revoke->reason;
        snprintf(mark->id, sizeof mark->id, "%s", revoke->issuer);
        revoked->version++;
    }
    fake_audit_job(ledger, state == CR_ISSUER_REVOKED ? "issuer-revoked" : "issuer-retired", job, revoke->issuer);
    return CR_REFUSAL_NONE;
}

/* The first one that changed behind this version; NULL: none. */
static const struct fake_revocation *behind(const struct fake_revoked *revoked, uint64_t version)
{
    const struct fake_revocation *first = NULL;
    for (unsigned i = 0; i < revoked->count; i++) {
        const struct fake_revocation *one = &revoked->one[i];
        if (one->version > version && (first == NULL || one->version < first->version)) {
            first = one;
        }
    }
    return first;
}

static enum cr_refusal revoke_list(struct fake_ledger *ledger, struct cr_job *job)
{
    struct cr_revoke *revoke = job->revoke;
    const struct fake_revocation *one;
    char *end = revoke->cursor;
    uint64_t after = revoke->cursor[0] != '\0' ? strtoull(revoke->cursor, &end, 10) : 0;
    if (*end != '\0' || strlen(revoke->cursor) > 15) {
        return CR_REFUSAL_UNKNOWN_CURSOR;
    }
    unsigned limit = revoke->limit == 0 || revoke->limit > CR_PAGE_MAX ? CR_PAGE_MAX : revoke->limit;
    revoke->row = calloc(limit, sizeof *revoke->row);
    if (revoke->row == NULL) {
        abort();
    }
    while ((one = behind(revoked_of(ledger), after)) != NULL && revoke->rows < limit) {
        after = one->version;
        if (!one->entry.gone && (revoke->issuer[0] == '\0' || strcmp(revoke->issuer, one->entry.issuer) == 0)) {
            revoke->row[revoke->rows++] = one->entry;
        }
    }
    revoke->count = revoke->rows;
    revoke->cursor[0] = '\0';
    if (one != NULL) {
        snprintf(revoke->cursor, sizeof revoke->cursor, "%llu", (unsigned long long)after);
    }
    return CR_REFUSAL_NONE;
}

void fake_ledger_revoke(struct fake_ledger *ledger, struct cr_job *job)
{
    enum cr_refusal refusal = CR_REFUSAL_INTERNAL;
    switch (job->revoke->verb) {
    case CR_REVOKE_DEVICE:
    case CR_REVOKE_CERTIFICATE:
        refusal = revoke_device(ledger, job);
        break;
    case CR_REVOKE_ISSUER:
    case CR_REVOKE_RETIRE:
    case CR_REVOKE_RESTORE:
        refusal = revoke_issuer(ledger, job);
        break;
    case CR_REVOKE_LIST:
        refusal = revoke_list(ledger, job);
        break;
    }
    if (refusal != CR_REFUSAL_NONE) {
        fake_refuse(ledger, job, refusal, 0);
        return;
    }
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}

/* ---- telling ---- */

struct cr_revocations *fake_revoked_page(struct fake_ledger *ledger, uint64_t after, bool anew)
{
    struct fake_revoked *revoked = revoked_of(ledger);
    const struct fake_revocation *one;
    if (!anew && after == revoked->version) {
        return NULL;
    }
    struct cr_revocations *page = calloc(1, sizeof *page);
    if (page == NULL) {
        abort();
    }
    while ((one = behind(revoked, after)) != NULL && page->count < CR_REVOCATIONS_MAX) {
        page->change[page->count++] = one->entry;
        after = one->version;
    }
    page->anew = anew;
    page->complete = one == NULL;
    page->version = page->complete ? revoked->version : after;
    page->mark_count = revoked->marks;
    memcpy(page->mark, revoked->mark, sizeof page->mark);
    return page;
}
