/* SURVEY: the fleet in figures. */
#include "plugin/store/survey.h"
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <string.h>

enum { SURVEY_DAY_S = 86400, OFTEN = 3 };

static bool appears(const struct fake_device *device, int64_t na, int64_t now_s, bool asked)
{
    int64_t away = now_s - device->last_seen;
    if (device->gap_s > 0 && away <= device->gap_s) {
        return device->last_seen + device->gap_s <= na;
    }
    return !asked || away <= na - now_s;
}

static void count_ending(struct cr_survey_counts *counts, const struct fake_device *device,
                         const struct cr_slot_record *slot, unsigned unanswered, bool asked, int64_t now_s)
{
    int64_t na = slot->current.not_after;
    bool lost = unanswered >= 2 || slot->failures >= OFTEN || !appears(device, na, now_s, asked);
    for (unsigned i = 0; i < CR_SURVEY_SPANS; i++) {
        bool within = na - now_s <= (int64_t)cr_survey_days[i] * SURVEY_DAY_S;
        counts->expiring[i] += within;
        counts->at_risk[i] += within && lost;
    }
}

static void count_slot(struct cr_survey_counts *counts, const struct fake_device *device,
                       const struct cr_slot_record *slot, int64_t now_s)
{
    bool over = slot->state == CR_STATE_TRIGGERED && slot->deadline <= now_s;
    enum cr_state state = over ? CR_STATE_QUIET : slot->state;
    unsigned unanswered = slot->unanswered + over;
    bool asked = state != CR_STATE_QUIET || unanswered > 0;
    counts->slots++;
    counts->state[state]++;
    cr_survey_count_issuer(counts, slot->current.issuer, 1);
    if (slot->held) {
        counts->held++;
        return;
    }
    counts->alerts += slot->alert.level != CR_LEVEL_NONE || slot->alert.stage != CR_CALL_TRIGGER;
    if (slot->current.not_after <= now_s) {
        counts->expired++;
        return;
    }
    if (!asked) {
        int64_t day = slot->due > now_s ? (slot->due - now_s) / SURVEY_DAY_S : 0;
        asked = slot->due <= now_s;
        if (slot->due > 0 && day < CR_FORECAST_DAYS) {
            counts->due[day]++;
        }
    }
    count_ending(counts, device, slot, unanswered, asked, now_s);
}

/* A bucket at a time. */
static void survey_page(struct fake_ledger *ledger, struct cr_job *job)
{
    struct cr_survey *survey = job->survey;
    unsigned bucket = survey->cursor[0] != '\0' ? (unsigned)(survey->cursor[0] - '0') : 0;
    for (struct fake_device *device = fake_device_next(ledger, NULL); device != NULL;
         device = fake_device_next(ledger, device)) {
        for (unsigned i = 0; fake_bucket(device->id) == bucket && i < device->slot_count; i++) {
            if (device->slot[i].view.current.serial.len > 0) {
                count_slot(&survey->counts, device, &device->slot[i].view, job->now_s);
            }
        }
    }
    survey->cursor[0] = '\0';
    if (bucket + 1 < FAKE_BUCKETS) {
        (void)snprintf(survey->cursor, sizeof survey->cursor, "%u", bucket + 1);
    }
}

void fake_survey(struct fake_ledger *ledger, struct cr_job *job, const char *broker)
{
    struct cr_survey *survey = job->survey;
    struct fake_survey_kept *kept = fake_ledger_survey(ledger);
    if (survey == NULL) {
        cr_job_refuse(job, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    if (survey->verb == CR_SURVEY_PAGE) {
        survey_page(ledger, job);
    } else if (survey->verb == CR_SURVEY_SAVE) {
        kept->at = survey->at;
        kept->counts = survey->counts;
        kept->by[0] = strcmp(kept->by, broker) == 0 ? '\0' : kept->by[0];
    } else {
        bool claimed = kept->by[0] != '\0' && kept->until > job->now_s;
        bool old = kept->at + CR_SURVEY_EVERY_S <= job->now_s;
        survey->ours = survey->verb == CR_SURVEY_LOAD && (strcmp(kept->by, broker) == 0 || (!claimed && old));
        if (survey->ours) {
            (void)snprintf(kept->by, sizeof kept->by, "%s", broker);
            kept->until = job->now_s + CR_SURVEY_CLAIM_S;
        }
        survey->at = kept->at;
        survey->counts = kept->counts;
    }
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}
