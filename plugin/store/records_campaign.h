/* records_campaign: how a campaign is spelt in Redis. Pure; any thread.
 *
 * All campaigns are in one hash slot, <prefix>:{campaigns}, so that one script sees them:
 *   <prefix>:{campaigns}        sorted set: ids by the time when each was created
 *   <prefix>:{campaigns}:<id>   hash, of each campaign. What it is about: name by why made start end rate; fst fslot fiss ftag
 *                               fpre fcmp fwithin funseen flevel fack (its filter); n, and of each group from 0 on g<i>
 *                               ("share success error total forgiven"), g<i>name, g<i>tag. What changes: st (state), was
 *                               (the state before a pause), pause, at (group), walked, cur (cursor), run until (the runner).
 *                               v (version); job, prev: of the last write, for who did not get its answer
 *   <prefix>:{campaigns}:damaged:<id>   one that could not be read
 * How many slots fare how is counted where the devices are, by their own scripts (tally in change.lua):
 *   <prefix>:{bNN}:campaign:<id>  hash: <group>:<letter>, how many members of that group in this bucket fare so; the
 *                               letters are those of cmp in records.h. Kept for CR_CAMPAIGN_KEEP_S after its last change */
#ifndef CR_RECORDS_CAMPAIGN_H
#define CR_RECORDS_CAMPAIGN_H

#include "plugin/handoff/ask.h"

enum { CR_CAMPAIGN_CHANGE_CAP = 160 };

const char *cr_campaign_state_text(enum cr_campaign_state state); /* "counting" … */
const char *cr_campaign_pause_text(enum cr_campaign_pause pause); /* "operator", "errors", "deadline"; "" for none */
/* No more will happen in it. */
bool cr_campaign_ended(enum cr_campaign_state state);
/* The count of this letter; NULL: no such letter. */
unsigned *cr_campaign_count(struct cr_campaign_counts *counts, char letter);

/* What of a campaign tells which way it goes. */
struct cr_campaign_course {
    enum cr_campaign_state state;
    enum cr_campaign_pause pause;
    unsigned at;
};
/* What an audit line says about a campaign that was in `before`: "1a2b3c4d started: spring rotation"; before NULL: it was
 * created. False: nothing that is worth a line. */
bool cr_campaign_change(char text[CR_CAMPAIGN_CHANGE_CAP], const struct cr_campaign_course *before,
                        const struct cr_campaign *campaign);

#endif
