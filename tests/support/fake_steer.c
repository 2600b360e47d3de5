/* STEER: what an operator does to one device. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next slot that the job is about; NULL: no more. */
static struct fake_slot *steer_next(struct fake_device *device, const struct cr_job *job, unsigned *at)
{
    while (*at < device->slot_count) {
        struct fake_slot *slot = &device->slot[(*at)++];
        if (job->slot[0] == '\0' || strcmp(slot->view.slot, job->slot) == 0) {
            return slot;
        }
    }
    return NULL;
}

static void steer_told(struct fake_ledger *ledger, struct cr_job *job, const struct fake_slot *slot, const char *what,
                       const char *detail)
{
    fake_ledger_audit_at(ledger, job->now_s * 1000, job->who, what, job->device, slot->view.slot, detail);
    job->audited = true;
}

/* Which slots of the record were changed: those of the device that match by name. */
static void steer_changed(struct cr_job *job, const struct fake_device *device, unsigned changed)
{
    for (unsigned i = 0; i < device->slot_count; i++) {
        for (unsigned k = 0; (changed & 1u << i) != 0 && k < job->record->slot_count; k++) {
            if (strcmp(job->record->slot[k].slot, device->slot[i].view.slot) == 0) {
                job->steer->changed |= 1u << k;
            }
        }
    }
}

static enum cr_refusal steer_hold(struct fake_ledger *ledger, struct cr_job *job, struct fake_device *device,
                                  unsigned *changed)
{
    struct fake_slot *slot;
    for (unsigned at = 0; (slot = steer_next(device, job, &at)) != NULL;) {
        fake_expire(ledger, job, slot);
        slot->view.held = true;
        snprintf(slot->view.hold, sizeof slot->view.hold, "%s", job->steer->text);
        fake_rest(slot);
        *changed |= 1u << (at - 1);
        steer_told(ledger, job, slot, "held", job->steer->text);
    }
    return *changed != 0 ? CR_REFUSAL_NONE : CR_REFUSAL_UNKNOWN_SLOT;
}

static enum cr_refusal steer_release(struct fake_ledger *ledger, struct cr_job *job, struct fake_device *device,
                                     unsigned *changed)
{
    struct fake_slot *slot;
    for (unsigned at = 0; (slot = steer_next(device, job, &at)) != NULL;) {
        struct cr_slot_record *view = &slot->view;
        if (!view->held) {
            continue;
        }
        if (view->revoked.at != 0) {
            fake_revoked_release(ledger, job, slot);
        }
        view->held = false;
        view->hold[0] = '\0';
        if (view->state == CR_STATE_TRIGGERED) {
            view->deadline = job->now_s + job->setup->config.renewal_deadline_s;
        }
        if (view->state != CR_STATE_QUIET || (view->due == 0 && view->current.serial.len > 0)) {
            view->due = view->due > 0 && view->due < job->now_s ? view->due : job->now_s;
        }
        if (view->alert.since != 0 || view->state == CR_STATE_TRIGGERED) {
            fake_heed(slot, job->now_s, job->now_s, true);
        }
        *changed |= 1u << (at - 1);
        steer_told(ledger, job, slot, "released", "");
    }
    return *changed != 0 ? CR_REFUSAL_NONE : CR_REFUSAL_WRONG_STATE;
}

static enum cr_refusal steer_cancel(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct cr_slot_record *view = &slot->view;
    int64_t left = view->current.not_after - job->now_s, rest = job->setup->config.renewal_deadline_s;
    if (view->state != CR_STATE_TRIGGERED) {
        return view->state == CR_STATE_QUIET ? CR_REFUSAL_UNKNOWN_RENEWAL : CR_REFUSAL_WRONG_STATE;
    }
    rest = left > 0 && left / 2 < rest ? left / 2 : rest;
    snprintf(job->renewal_id, sizeof job->renewal_id, "%s", view->renewal_id);
    fake_tally(ledger, slot, 'c');
    fake_go_quiet(slot);
    view->retry_at = job->now_s + (rest > 1 ? rest : 1);
    if (!slot->shown) {
        fake_calm(ledger, job, slot);
    }
    if (view->current.serial.len == 0) {
        view->due = slot->quiet_due = 0; /* there is nothing to renew */
    } else if (view->due < view->retry_at) {
        view->due = slot->quiet_due = view->retry_at;
    }
    steer_told(ledger, job, slot, "cancelled", job->renewal_id);
    return CR_REFUSAL_NONE;
}

/* ---- tags ---- */

enum { STEER_TAGS = 64 };

static bool tag_is_in(const char *list, const char *tag)
{
    char wanted[CR_TAG_CAP + 2];
    snprintf(wanted, sizeof wanted, ",%s,", tag);
    return strstr(list, wanted) != NULL;
}

static unsigned tags_take(char tags[][CR_TAG_CAP], unsigned count, const char *list, const char *without)
{
    while (list[0] == ',' && list[1] != '\0' && count < STEER_TAGS) {
        size_t len = strcspn(++list, ",");
        snprintf(tags[count], CR_TAG_CAP, "%.*s", (int)len, list);
        list += len;
        bool there = tag_is_in(without, tags[count]);
        for (unsigned i = 0; i < count; i++) {
            there = there || strcmp(tags[i], tags[count]) == 0;
        }
        count += !there;
    }
    return count;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

bool fake_tags_change(struct fake_device *device, const struct cr_steer *steer)
{
    char tags[STEER_TAGS][CR_TAG_CAP], text[STEER_TAGS * CR_TAG_CAP + 2] = "";
    size_t len = 0;
    unsigned count = tags_take(tags, 0, device->tags, steer->drop);
    count = tags_take(tags, count, steer->add, "");
    qsort(tags, count, sizeof tags[0], by_name);
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, ",%s", tags[i]);
    }
    if (count > 0) {
        len += (size_t)snprintf(text + len, sizeof text - len, ",");
    }
    if (len >= sizeof device->tags) {
        return false;
    }
    memcpy(device->tags, text, len + 1);
    return true;
}

static enum cr_refusal steer_tag(struct fake_ledger *ledger, struct cr_job *job, struct fake_device *device)
{
    if (!fake_tags_change(device, job->steer)) {
        return CR_REFUSAL_TOO_LARGE;
    }
    fake_audit_job(ledger, "tagged", job, device->tags);
    return CR_REFUSAL_NONE;
}

static enum cr_refusal steer_acknowledge(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct cr_slot_alert *alert = &slot->view.alert;
    if (alert->since == 0 || !slot->shown) {
        return CR_REFUSAL_UNKNOWN_ALERT;
    }
    alert->acknowledged = job->now_s;
    snprintf(alert->by, sizeof alert->by, "%.50s", job->steer->by);
    fake_audit_job(ledger, "acknowledged", job, "");
    return CR_REFUSAL_NONE;
}

void fake_steer(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_device *device = fake_device_find(ledger, job->device);
    struct fake_slot *slot = fake_slot_find(device, job->slot);
    enum cr_refusal refusal = CR_REFUSAL_INTERNAL;
    unsigned changed = 0;
    if (device == NULL || (job->slot[0] != '\0' && slot == NULL)) {
        fake_refuse(ledger, job, device == NULL ? CR_REFUSAL_UNKNOWN_DEVICE : CR_REFUSAL_UNKNOWN_SLOT, 0);
        return;
    }
    fake_expire(ledger, job, slot);
    switch (job->steer->verb) {
    case CR_STEER_HOLD:
        refusal = steer_hold(ledger, job, device, &changed);
        break;
    case CR_STEER_RELEASE:
        refusal = steer_release(ledger, job, device, &changed);
        break;
    case CR_STEER_CANCEL:
        refusal = slot != NULL ? steer_cancel(ledger, job, slot) : CR_REFUSAL_UNKNOWN_RENEWAL;
        break;
    case CR_STEER_TAG:
        refusal = steer_tag(ledger, job, device);
        break;
    case CR_STEER_ACKNOWLEDGE:
        refusal = slot != NULL ? steer_acknowledge(ledger, job, slot) : CR_REFUSAL_UNKNOWN_ALERT;
        break;
    }
    if (refusal != CR_REFUSAL_NONE) {
        fake_refuse(ledger, job, refusal, 0);
        return;
    }
    fake_answer_record(job, device, job->slot[0] == '\0' ? FAKE_ALL_SLOTS : FAKE_ONE_SLOT, false);
    steer_changed(job, device, changed);
}

bool fake_ledger_alert(struct fake_ledger *ledger, const char *device, const char *slot, enum cr_alert_level level,
                       enum cr_alert_call stage)
{
    struct fake_slot *found = fake_slot_find(fake_device_find(ledger, device), slot);
    if (found != NULL) {
        found->view.alert = (struct cr_slot_alert){ .since = 1, .level = level, .step = 1, .stage = stage };
        found->shown = level != CR_LEVEL_NONE || stage != CR_CALL_TRIGGER;
    }
    return found != NULL;
}
