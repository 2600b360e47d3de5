#include "plugin/loop/campaign_decide.h"

#include <string.h>

static const char *const event_text[CR_CAMPAIGN_EVENTS] = { "", "started", "group", "paused", "resumed", "aborted", "done" };

const char *cr_campaign_event_text(enum cr_campaign_event event)
{
    return (unsigned)event < CR_CAMPAIGN_EVENTS ? event_text[event] : "";
}

enum cr_campaign_state cr_campaign_state_parse(const char *text)
{
    unsigned state = 0;

    while (state < CR_CAMPAIGN_STATES && strcmp(cr_campaign_state_text((enum cr_campaign_state)state), text) != 0) {
        state++;
    }
    return (enum cr_campaign_state)state;
}

bool cr_campaign_counted(const struct cr_campaign *campaign)
{
    return campaign->state != CR_CAMPAIGN_COUNTING &&
           (campaign->state != CR_CAMPAIGN_PAUSED || campaign->before_pause != CR_CAMPAIGN_COUNTING);
}

/* ---- counts and thresholds ---- */

unsigned cr_campaign_members(const struct cr_campaign_counts *counts)
{
    return counts->asked + counts->renewed + counts->failed + counts->unanswered + counts->cancelled + counts->skipped;
}

static unsigned group_errors(const struct cr_campaign_group *group)
{
    return group->counts.failed + group->counts.unanswered;
}

/* Those of a group that can still be judged by what they do; on hold or cancelled says nothing about them. */
static unsigned group_judged(const struct cr_campaign_group *group, bool walked)
{
    unsigned members = cr_campaign_members(&group->counts);
    unsigned all = walked || members > group->total ? members : group->total;

    return all - group->counts.cancelled - group->counts.skipped;
}

static bool group_fails(const struct cr_campaign_group *group, bool walked)
{
    unsigned errors = group_errors(group);

    if (group->error_permille == 0 || errors <= group->forgiven) {
        return false;
    }
    return (uint64_t)(errors - group->forgiven) * 1000 >= (uint64_t)group_judged(group, walked) * group->error_permille;
}

/* What was forgiven does not hold the others up. */
static bool group_succeeds(const struct cr_campaign_group *group)
{
    unsigned errors = group_errors(group);
    unsigned forgiven = errors < group->forgiven ? errors : group->forgiven;

    return (uint64_t)group->counts.renewed * 1000 >=
           (uint64_t)(group_judged(group, true) - forgiven) * group->success_permille;
}

static bool any_group_fails(const struct cr_campaign *campaign)
{
    for (unsigned i = 0; i <= campaign->at; i++) {
        if (group_fails(&campaign->group[i], i < campaign->at || campaign->walked)) {
            return true;
        }
    }
    return false;
}

static unsigned outstanding(const struct cr_campaign *campaign)
{
    unsigned asked = 0;

    for (unsigned i = 0; i < campaign->group_count; i++) {
        asked += campaign->group[i].counts.asked;
    }
    return asked;
}

/* ---- transitions ---- */

static void walk_from_start(struct cr_campaign *campaign, enum cr_campaign_state state, unsigned at)
{
    campaign->state = state;
    campaign->at = at;
    campaign->walked = false;
    campaign->cursor[0] = '\0';
}

static bool go_paused(struct cr_campaign *campaign, enum cr_campaign_pause why, enum cr_campaign_event *event)
{
    campaign->before_pause = campaign->state;
    campaign->state = CR_CAMPAIGN_PAUSED;
    campaign->pause = why;
    *event = CR_CAMPAIGN_PAUSES;
    return true;
}

static bool go_running(struct cr_campaign *campaign, enum cr_campaign_event *event)
{
    walk_from_start(campaign, CR_CAMPAIGN_RUNNING, 0);
    *event = CR_CAMPAIGN_STARTED;
    return true;
}

/* Each group was counted without regard to those before it: shares are parts of one another, the last is all, and of tags
 * nobody knows how far they overlap with what comes before. It is put right when a group is over. */
static void share_out(struct cr_campaign *campaign)
{
    unsigned shared = 0, taken = 0;

    for (unsigned i = 0; i < campaign->group_count; i++) {
        struct cr_campaign_group *group = &campaign->group[i];
        unsigned counted = group->total;
        unsigned before = i + 1 == campaign->group_count ? taken : group->tag[0] != '\0' ? 0 : shared;

        if (group->tag[0] == '\0') {
            shared = counted;
        }
        group->total = counted > before ? counted - before : 0;
        taken += group->total;
    }
}

/* Its members are those that it had. What the estimate was off goes to the last group. */
static void settle_total(struct cr_campaign *campaign)
{
    struct cr_campaign_group *group = &campaign->group[campaign->at];
    struct cr_campaign_group *last = &campaign->group[campaign->group_count - 1];
    unsigned members = cr_campaign_members(&group->counts);

    if (group != last && members < group->total) {
        last->total += group->total - members;
    } else if (group != last) {
        unsigned more = members - group->total;

        last->total -= more < last->total ? more : last->total;
    }
    group->total = members;
}

static bool decide_counting(struct cr_campaign *campaign, int64_t now_s, enum cr_campaign_event *event)
{
    if (!campaign->walked) {
        return false;
    }
    share_out(campaign);
    if (campaign->start <= now_s) {
        return go_running(campaign, event);
    }
    walk_from_start(campaign, CR_CAMPAIGN_WAITING, 0);
    return true;
}

static bool decide_running(struct cr_campaign *campaign, bool late, enum cr_campaign_event *event)
{
    const struct cr_campaign_group *group = &campaign->group[campaign->at];
    bool last = campaign->at + 1 == campaign->group_count;

    if (any_group_fails(campaign)) {
        return go_paused(campaign, CR_PAUSE_ERRORS, event);
    }
    if (last && campaign->walked && outstanding(campaign) == 0) {
        settle_total(campaign);
        campaign->state = CR_CAMPAIGN_DONE;
        *event = CR_CAMPAIGN_ENDS;
        return true;
    }
    if (late) {
        return go_paused(campaign, CR_PAUSE_DEADLINE, event);
    }
    if (last || !campaign->walked) {
        return false;
    }
    if (group_succeeds(group)) {
        settle_total(campaign);
        walk_from_start(campaign, CR_CAMPAIGN_RUNNING, campaign->at + 1);
        *event = CR_CAMPAIGN_GROUP;
        return true;
    }
    /* Everybody has answered, and too few are renewed. */
    return group->error_permille > 0 && group->counts.asked == 0 && go_paused(campaign, CR_PAUSE_ERRORS, event);
}

bool cr_campaign_needs_runner(const struct cr_campaign *campaign, int64_t now_s)
{
    switch (campaign->state) {
    case CR_CAMPAIGN_COUNTING:
    case CR_CAMPAIGN_RUNNING:
    case CR_CAMPAIGN_ABORTING:
        return true;
    case CR_CAMPAIGN_WAITING:
        return campaign->start <= now_s || (campaign->deadline > 0 && campaign->deadline <= now_s);
    case CR_CAMPAIGN_PAUSED:
    case CR_CAMPAIGN_ABORTED:
    case CR_CAMPAIGN_DONE:
    case CR_CAMPAIGN_STATES:
        break;
    }
    return false;
}

bool cr_campaign_decide(struct cr_campaign *campaign, int64_t now_s, enum cr_campaign_event *event)
{
    bool late = campaign->deadline > 0 && now_s >= campaign->deadline;

    *event = CR_CAMPAIGN_NOTHING;
    switch (campaign->state) {
    case CR_CAMPAIGN_COUNTING:
        return late ? go_paused(campaign, CR_PAUSE_DEADLINE, event) : decide_counting(campaign, now_s, event);
    case CR_CAMPAIGN_WAITING:
        return late ? go_paused(campaign, CR_PAUSE_DEADLINE, event)
                    : campaign->start <= now_s && go_running(campaign, event);
    case CR_CAMPAIGN_RUNNING:
        return decide_running(campaign, late, event);
    case CR_CAMPAIGN_ABORTING:
        if (!campaign->walked) {
            return false;
        }
        campaign->state = CR_CAMPAIGN_ABORTED;
        *event = CR_CAMPAIGN_ABORTS;
        return true;
    case CR_CAMPAIGN_PAUSED:
    case CR_CAMPAIGN_ABORTED:
    case CR_CAMPAIGN_DONE:
    case CR_CAMPAIGN_STATES:
        break;
    }
    return false;
}

/* ---- walking ---- */

enum cr_campaign_walk cr_campaign_walk(const struct cr_campaign *campaign)
{
    if (campaign->walked) {
        return CR_WALK_NONE;
    }
    switch (campaign->state) {
    case CR_CAMPAIGN_COUNTING:
        return CR_WALK_COUNT;
    case CR_CAMPAIGN_RUNNING:
        return CR_WALK_TRIGGER;
    case CR_CAMPAIGN_ABORTING:
        return CR_WALK_CANCEL;
    case CR_CAMPAIGN_WAITING:
    case CR_CAMPAIGN_PAUSED:
    case CR_CAMPAIGN_ABORTED:
    case CR_CAMPAIGN_DONE:
    case CR_CAMPAIGN_STATES:
        break;
    }
    return CR_WALK_NONE;
}

void cr_campaign_page_done(struct cr_campaign *campaign, const char *cursor, unsigned matched)
{
    if (campaign->state == CR_CAMPAIGN_COUNTING) {
        campaign->group[campaign->at].total += matched;
    }
    if (cr_text_copy(campaign->cursor, sizeof campaign->cursor, cursor) != CR_OK) {
        campaign->cursor[0] = '\0'; /* no store gives such a one; from the start is never wrong */
        return;
    }
    if (cursor[0] != '\0') {
        return;
    }
    if (campaign->state == CR_CAMPAIGN_COUNTING && campaign->at + 1 < campaign->group_count) {
        campaign->at++;
        return;
    }
    campaign->walked = true;
}

/* ---- operators ---- */

bool cr_campaign_pause(struct cr_campaign *campaign)
{
    enum cr_campaign_event event;

    return (campaign->state == CR_CAMPAIGN_COUNTING || campaign->state == CR_CAMPAIGN_WAITING ||
            campaign->state == CR_CAMPAIGN_RUNNING) &&
           go_paused(campaign, CR_PAUSE_OPERATOR, &event);
}

bool cr_campaign_resume(struct cr_campaign *campaign, int64_t now_s)
{
    if (campaign->state != CR_CAMPAIGN_PAUSED) {
        return false;
    }
    campaign->state = campaign->before_pause;
    campaign->pause = CR_PAUSE_NONE;
    for (unsigned i = 0; i < campaign->group_count; i++) {
        campaign->group[i].forgiven = group_errors(&campaign->group[i]);
    }
    if (campaign->deadline <= now_s) {
        campaign->deadline = 0;
    }
    return true;
}

bool cr_campaign_abort(struct cr_campaign *campaign)
{
    if (cr_campaign_ended(campaign->state) || campaign->state == CR_CAMPAIGN_ABORTING) {
        return false;
    }
    if (!cr_campaign_counted(campaign)) { /* what was counted so far says nothing */
        for (unsigned i = 0; i < campaign->group_count; i++) {
            campaign->group[i].total = 0;
        }
        campaign->at = 0;
    }
    campaign->pause = CR_PAUSE_NONE;
    walk_from_start(campaign, CR_CAMPAIGN_ABORTING, campaign->at);
    return true;
}
