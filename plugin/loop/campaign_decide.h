/* campaign_decide: what becomes of a campaign, by its state, its counts, its thresholds and the time. Pure; any thread.
 *
 *     counting ──counted──► waiting ──start──► running ──the last group is over──► done
 *        │                     │                │  ▲ the next group, at its predecessor's success
 *        └─────operator, errors (running only), deadline──► paused ──resumed──► where it was
 *     any of these ──abort──► aborting ──nothing is left to cancel──► aborted
 *
 * Counting, running and aborting walk over slots page by page: every group to count it, the group under way to trigger
 * it, the campaign's members to cancel what is under way. The cursor, `at` and `walked` say how far that is. Whoever
 * carries it on writes each change back by its version, so that of two brokers one goes on. */
#ifndef CR_CAMPAIGN_DECIDE_H
#define CR_CAMPAIGN_DECIDE_H

#include "plugin/store/records_campaign.h"

/* What operators hear of. */
enum cr_campaign_event {
    CR_CAMPAIGN_NOTHING,
    CR_CAMPAIGN_STARTED,
    CR_CAMPAIGN_GROUP,   /* the next one begins */
    CR_CAMPAIGN_PAUSES,
    CR_CAMPAIGN_RESUMES,
    CR_CAMPAIGN_ABORTS,  /* it is aborted */
    CR_CAMPAIGN_ENDS,    /* done */
    CR_CAMPAIGN_EVENTS
};
const char *cr_campaign_event_text(enum cr_campaign_event event); /* "started" … */

/* What its runner walks for. */
enum cr_campaign_walk { CR_WALK_NONE, CR_WALK_COUNT, CR_WALK_TRIGGER, CR_WALK_CANCEL };

/* CR_CAMPAIGN_STATES: no such. */
enum cr_campaign_state cr_campaign_state_parse(const char *text);
/* Whether its totals are known. */
bool cr_campaign_counted(const struct cr_campaign *campaign);

/* All that are members of a group so far. */
unsigned cr_campaign_members(const struct cr_campaign_counts *counts);

/* Whether somebody has to carry it on now. */
bool cr_campaign_needs_runner(const struct cr_campaign *campaign, int64_t now_s);
/* Makes what follows by itself now, one step a call; a running one must have its counts. True: *campaign was changed and
 * is to be written; *event is what operators are told then. */
bool cr_campaign_decide(struct cr_campaign *campaign, int64_t now_s, enum cr_campaign_event *event);

enum cr_campaign_walk cr_campaign_walk(const struct cr_campaign *campaign);
/* A page of its walk is done: it goes on at the cursor, or is over ("": that was all). matched: slots that it counted. */
void cr_campaign_page_done(struct cr_campaign *campaign, const char *cursor, unsigned matched);

/* What operators do. False: not in this state; nothing changed. */
bool cr_campaign_pause(struct cr_campaign *campaign);
/* Errors that there are by now are forgiven; a deadline that has passed is none any more. */
bool cr_campaign_resume(struct cr_campaign *campaign, int64_t now_s);
bool cr_campaign_abort(struct cr_campaign *campaign);

#endif
