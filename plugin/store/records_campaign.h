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

#include "plugin/store/records.h"

enum {
    CR_CAMPAIGN_CHANGE_CAP = 160,
    CR_CAMPAIGN_TEXT_CAP = 4096,
    CR_CAMPAIGN_IDS_CAP = CR_CAMPAIGNS_MAX * CR_CAMPAIGN_ID_CAP,
    CR_CAMPAIGN_KEEP_S = 400 * 86400, /* after its end */
};

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

bool cr_campaign_id_ok(const char *id);

/* ---- in Redis ---- */

/* All but counts and version, a line 'name value' each. CR_INVALID: a text has what must not be in one, or there are no
 * groups, or too many. */
CR_MUST_USE cr_err cr_campaign_write(char text[CR_CAMPAIGN_TEXT_CAP], const struct cr_campaign *campaign);
/* From names and values of its hash; without counts. CR_INVALID: it is damaged. */
CR_MUST_USE cr_err cr_campaign_read(struct cr_campaign *campaign, const char *id, const struct cr_bytes *pair,
                                    unsigned count);
/* "<state> <pause> <group>" */
CR_MUST_USE cr_err cr_campaign_course_read(struct cr_campaign_course *course, struct cr_bytes text);
/* Adds what one bucket counted; what is none is left out. */
void cr_campaign_add(struct cr_campaign *campaign, struct cr_bytes name, struct cr_bytes value);

/* campaign.lua and counts.lua; as those of records.h. The texts are lent until it is sent. id "": all. */
CR_MUST_USE cr_err cr_args_campaign_read(struct cr_args *args, const struct cr_records *records, const char *id);
CR_MUST_USE cr_err cr_args_campaign_write(struct cr_args *args, const struct cr_records *records,
                                          const struct cr_campaign *campaign, bool create, const char *write,
                                          const char *text);
CR_MUST_USE cr_err cr_args_campaign_damaged(struct cr_args *args, const struct cr_records *records, const char *id);
CR_MUST_USE cr_err cr_args_counts(struct cr_args *args, const struct cr_records *records, unsigned bucket,
                                  const char *ids);

#endif
