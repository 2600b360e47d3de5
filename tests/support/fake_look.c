/* LOOK: a slot whose renewal is due and not confirmed: its alert, and how its device is called. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <string.h>

enum { POSTPONED_S = 5 };

/* ---- the watch ---- */

void fake_heed(struct fake_slot *slot, int64_t now_s, int64_t at, bool later)
{
    struct cr_slot_record *view = &slot->view;
    if (view->current.serial.len == 0 || view->held) {
        return;
    }
    if (view->alert.since == 0) {
        view->alert = (struct cr_slot_alert){ .since = now_s };
    }
    if (slot->watch_at == 0 || (later && slot->watch_at > at)) {
        slot->watch_at = at;
    }
}

void fake_heed_failure(struct fake_slot *slot, const struct cr_job *job)
{
    const struct cr_slot_alert *alert = &slot->view.alert;
    if (!slot->view.held && (alert->stage != CR_CALL_TRIGGER || alert->wakes > 0) &&
        (slot->watch_at == 0 || slot->watch_at > job->now_s)) {
        slot->watch_at = job->now_s;
    }
    if (slot->view.failures >= job->setup->config.failures_alert) {
        fake_show(slot);
    }
}

void fake_heed_intent(struct fake_slot *slot, int64_t now_s)
{
    slot->was_pending = false;
    if (slot->view.alert.wakes > 0 && slot->watch_at > 0) {
        slot->watch_at = now_s;
    }
}

void fake_show(struct fake_slot *slot)
{
    slot->shown = slot->view.current.serial.len > 0 && !slot->view.held;
}

void fake_rest(struct fake_slot *slot)
{
    slot->watch_at = 0;
    slot->shown = false;
}

void fake_calm(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    if (slot->shown) {
        fake_ledger_audit(ledger, "alert", job->device, slot->view.slot, "cleared");
        snprintf(job->cleared_slot, sizeof job->cleared_slot, "%s", slot->view.slot);
    }
    fake_rest(slot);
    slot->view.alert = (struct cr_slot_alert){ .since = 0 };
    slot->ended_told = false;
}

static bool answered(const struct cr_slot_record *view)
{
    return view->state == CR_STATE_ISSUING || view->state == CR_STATE_ISSUED || view->failures > 0;
}

static void unacknowledge(struct cr_slot_alert *alert)
{
    alert->acknowledged = 0;
    alert->by[0] = '\0';
}

bool fake_ran_out(struct fake_slot *slot, int64_t now_s)
{
    struct cr_slot_alert *alert = &slot->view.alert;
    slot->watch_at = 0;
    slot->shown = true;
    if (slot->ended_told) {
        return false;
    }
    slot->ended_told = true;
    alert->since = alert->since != 0 ? alert->since : now_s;
    alert->level = CR_LEVEL_CRITICAL;
    alert->stage = answered(&slot->view) ? alert->stage : CR_CALL_FIELD;
    unacknowledge(alert);
    return true;
}

/* ---- one look ---- */

struct look {
    struct fake_ledger *ledger;
    struct cr_job *job;
    const struct cr_config *config;
    struct cr_slot_record *view;
    int64_t first, time; /* the first wake; the next look */
};

static void earlier(struct look *look, int64_t when)
{
    look->time = when < look->time ? when : look->time;
}

static void tell(const struct look *look, unsigned told, const char *what)
{
    look->job->told |= told;
    fake_ledger_audit(look->ledger, what, look->job->device, look->job->slot, "");
}

static int64_t wake_wait(const struct cr_config *config, unsigned number)
{
    int64_t wait = config->wake_retry_s;
    int64_t most = config->wake_retry_max_s > wait ? config->wake_retry_max_s : wait;
    for (unsigned i = 0; i < number && wait < most; i++) {
        wait *= 2;
    }
    return wait < most ? wait : most;
}

/* Of the wake that follows on so many. */
static int64_t wake_at(const struct look *look, unsigned so_many)
{
    int64_t when = look->first;
    for (unsigned i = 0; i < so_many; i++) {
        when += wake_wait(look->config, i);
    }
    return when;
}

static void look_at_thresholds(struct look *look, int64_t from)
{
    const struct cr_profile *profile = look->job->profile;
    struct cr_slot_alert *alert = &look->view->alert;
    unsigned reached = 0;
    for (unsigned i = 0; profile != NULL && i < profile->threshold_count; i++) {
        int64_t when = look->view->current.not_after - profile->threshold[i].before_s;
        when = when > from ? when : from;
        if (when <= look->job->now_s) {
            reached = i + 1;
        } else {
            earlier(look, when);
        }
    }
    if (reached > alert->step) {
        enum cr_alert_level level = (enum cr_alert_level)profile->threshold[reached - 1].level;
        alert->step = reached;
        if (level > alert->level) {
            alert->level = level;
            unacknowledge(alert);
        }
        tell(look, CR_TOLD_RAISED, "alert");
    }
}

static void wake(struct look *look)
{
    struct cr_slot_alert *alert = &look->view->alert;
    int64_t now_s = look->job->now_s;
    if (!look->job->may_begin) {
        earlier(look, now_s + POSTPONED_S);
        return;
    }
    int64_t not_before = now_s + wake_wait(look->config, alert->wakes++);
    alert->stage = alert->stage == CR_CALL_TRIGGER ? CR_CALL_WAKE : alert->stage;
    tell(look, CR_TOLD_WOKEN, "wake");
    earlier(look, wake_at(look, alert->wakes) > not_before ? wake_at(look, alert->wakes) : not_before);
}

static void call(struct look *look)
{
    struct cr_slot_alert *alert = &look->view->alert;
    int64_t now_s = look->job->now_s;
    if (wake_at(look, alert->wakes) <= now_s) {
        wake(look);
    } else {
        earlier(look, wake_at(look, alert->wakes));
    }
    if (alert->wakes > 0 && alert->stage != CR_CALL_FIELD) {
        int64_t when = look->first + look->config->field_after_s;
        int64_t before = look->view->current.not_after - look->config->field_before_s;
        when = when > before ? when : before;
        if (when <= now_s) {
            alert->stage = CR_CALL_FIELD;
            tell(look, CR_TOLD_FIELD, "alert");
        } else {
            earlier(look, when);
        }
    }
}

static void look_at(struct fake_ledger *ledger, struct cr_job *job, struct fake_slot *slot)
{
    struct cr_slot_record *view = &slot->view;
    struct cr_slot_alert *alert = &view->alert;
    const struct cr_config *config = &job->setup->config;
    struct look look = { ledger, job, config, view, alert->since + config->wake_after_s, view->current.not_after };
    int64_t patience = (view->current.not_after - alert->since) / 4;
    if (view->current.not_after <= job->now_s) {
        if (fake_ran_out(slot, job->now_s)) {
            fake_alert_job(ledger, job, slot, CR_ALERT_EXPIRED);
        }
        return;
    }
    patience = patience < 0 ? 0 : patience < config->wake_after_s ? patience : config->wake_after_s;
    look_at_thresholds(&look, alert->since + patience);
    if (view->state == CR_STATE_QUIET && view->retry_at > job->now_s) {
        earlier(&look, view->retry_at); /* an operator cancelled it */
    } else if (!answered(view)) {
        call(&look);
    } else if (alert->stage != CR_CALL_TRIGGER || alert->wakes > 0) {
        alert->since = job->now_s;
        alert->stage = CR_CALL_TRIGGER;
        alert->wakes = 0;
    }
    slot->watch_at = look.time;
    slot->shown = alert->level > CR_LEVEL_NONE || alert->stage != CR_CALL_TRIGGER || view->unanswered > 0 ||
                  view->failures >= config->failures_alert;
}

void fake_look(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_device *device = fake_device_find(ledger, job->device);
    struct fake_slot *slot = fake_slot_find(device, job->slot);
    int64_t at = slot != NULL ? slot->watch_at : 0;
    fake_expire(ledger, job, slot);
    if (at != 0 && (job->claimed_until != 0 ? at == job->claimed_until : at <= job->now_s)) {
        if (slot->view.held) {
            fake_rest(slot);
        } else {
            look_at(ledger, job, slot);
        }
    }
    if (slot == NULL || (slot->view.current.serial.len == 0 && slot->view.version == 0)) {
        job->outcome = CR_OUT_RECORD; /* without one */
        job->stage = CR_STAGE_DONE;
        return;
    }
    fake_answer_record(job, device, FAKE_ONE_SLOT, false);
}
