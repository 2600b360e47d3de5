/* CAMPAIGN: what is known of campaigns, and their counts. */
#include "plugin/store/records_campaign.h"
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LETTERS = 6 };
static const char letters[LETTERS + 1] = "arfucs";

/* How the members of a campaign fare; also of one that is forgotten, or never was. */
struct fake_tally {
    struct fake_tally *next;
    char id[CR_CAMPAIGN_ID_CAP];
    unsigned count[CR_CAMPAIGN_GROUPS][LETTERS];
};

struct fake_campaigns {
    struct fake_tally *tally;
    unsigned count, made;
    struct cr_campaign *all[CR_CAMPAIGNS_MAX]; /* newest first */
};

static struct fake_campaigns *campaigns_of(struct fake_ledger *ledger)
{
    struct fake_campaigns **campaigns = fake_ledger_campaigns(ledger);
    if (*campaigns == NULL) {
        *campaigns = calloc(1, sizeof **campaigns);
    }
    if (*campaigns == NULL) {
        abort();
    }
    return *campaigns;
}

void fake_campaigns_free(struct fake_campaigns *campaigns)
{
    if (campaigns == NULL) {
        return;
    }
    for (struct fake_tally *tally = campaigns->tally, *next; tally != NULL; tally = next) {
        next = tally->next;
        free(tally);
    }
    for (unsigned i = 0; i < campaigns->count; i++) {
        free(campaigns->all[i]);
    }
    free(campaigns);
}

/* ---- members ---- */

static struct fake_tally *tally_of(struct fake_ledger *ledger, const char *id)
{
    struct fake_campaigns *campaigns = campaigns_of(ledger);
    struct fake_tally *tally = campaigns->tally;
    while (tally != NULL && strcmp(tally->id, id) != 0) {
        tally = tally->next;
    }
    if (tally == NULL) {
        tally = calloc(1, sizeof *tally);
        if (tally == NULL) {
            abort();
        }
        snprintf(tally->id, sizeof tally->id, "%s", id);
        tally->next = campaigns->tally;
        campaigns->tally = tally;
    }
    return tally;
}

static void move(struct fake_ledger *ledger, const struct cr_slot_campaign *member, char to)
{
    struct fake_tally *tally = tally_of(ledger, member->id);
    const char *from = member->state != '\0' ? strchr(letters, member->state) : NULL;
    if (member->group < CR_CAMPAIGN_GROUPS) {
        if (from != NULL) {
            tally->count[member->group][from - letters]--;
        }
        if (to != '\0') {
            tally->count[member->group][strchr(letters, to) - letters]++;
        }
    }
}

void fake_tally(struct fake_ledger *ledger, struct fake_slot *slot, char letter)
{
    struct cr_slot_campaign *member = &slot->view.campaign;
    const char *from = letter == 'r' ? "afu" : letter == 'f' ? "au" : "a";
    if (member->id[0] != '\0' && strchr(from, member->state) != NULL) {
        move(ledger, member, letter);
        member->state = letter;
    }
}

bool fake_is_member(const struct fake_slot *slot, const struct cr_slot_campaign *campaign)
{
    return campaign->id[0] != '\0' && strcmp(slot->view.campaign.id, campaign->id) == 0;
}

void fake_join(struct fake_ledger *ledger, struct fake_slot *slot, const struct cr_slot_campaign *campaign, char letter)
{
    struct cr_slot_campaign *member = &slot->view.campaign;
    if (campaign->id[0] == '\0') {
        return;
    }
    if (fake_is_member(slot, campaign)) {
        move(ledger, member, '\0');
    } else if (member->id[0] != '\0') {
        fake_tally(ledger, slot, 'c'); /* unless it is settled there */
    }
    *member = (struct cr_slot_campaign){ .group = campaign->group };
    memcpy(member->id, campaign->id, sizeof member->id);
    move(ledger, member, letter);
    member->state = letter;
}

/* ---- campaigns ---- */

static void campaign_audit(struct fake_ledger *ledger, struct cr_job *job, const struct cr_campaign_course *before,
                           const struct cr_campaign *campaign)
{
    char text[CR_CAMPAIGN_CHANGE_CAP];
    if (cr_campaign_change(text, before, campaign)) {
        fake_audit_job(ledger, "campaign", job, text);
    }
}

static unsigned find(const struct fake_campaigns *campaigns, const char *id)
{
    unsigned at = 0;
    while (at < campaigns->count && strcmp(campaigns->all[at]->id, id) != 0) {
        at++;
    }
    return at;
}

static void count(struct fake_ledger *ledger, struct cr_campaign *campaign)
{
    struct fake_tally *tally = tally_of(ledger, campaign->id);
    for (unsigned group = 0; group < CR_CAMPAIGN_GROUPS; group++) {
        for (unsigned i = 0; i < LETTERS; i++) {
            *cr_campaign_count(&campaign->group[group].counts, letters[i]) = tally->count[group][i];
        }
    }
}

static enum cr_refusal campaign_read(struct fake_ledger *ledger, struct cr_campaign_ask *ask)
{
    struct fake_campaigns *campaigns = campaigns_of(ledger);
    unsigned first = ask->id[0] != '\0' ? find(campaigns, ask->id) : 0;
    if (ask->id[0] != '\0' && first == campaigns->count) {
        return CR_REFUSAL_UNKNOWN_CAMPAIGN;
    }
    free(ask->campaign);
    ask->campaign = NULL;
    ask->count = ask->id[0] != '\0' ? 1 : campaigns->count;
    if (ask->count > 0) {
        ask->campaign = calloc(ask->count, sizeof *ask->campaign);
        if (ask->campaign == NULL) {
            abort();
        }
    }
    for (unsigned i = 0; i < ask->count; i++) {
        ask->campaign[i] = *campaigns->all[first + i];
        if (!ask->uncounted) {
            count(ledger, &ask->campaign[i]);
        }
    }
    return CR_REFUSAL_NONE;
}

/* The oldest that ended makes room. */
static bool prune(struct fake_campaigns *campaigns)
{
    unsigned at = campaigns->count;
    while (at > 0 && !cr_campaign_ended(campaigns->all[at - 1]->state)) {
        at--;
    }
    if (at == 0) {
        return false;
    }
    for (struct fake_tally **link = &campaigns->tally, *tally; (tally = *link) != NULL; link = &tally->next) {
        if (strcmp(tally->id, campaigns->all[at - 1]->id) == 0) {
            *link = tally->next;
            free(tally);
            break;
        }
    }
    free(campaigns->all[at - 1]);
    campaigns->count--;
    memmove(campaigns->all + at - 1, campaigns->all + at, (campaigns->count - at + 1) * sizeof campaigns->all[0]);
    return true;
}

static enum cr_refusal campaign_create(struct fake_ledger *ledger, struct cr_job *job, struct cr_campaign *campaign)
{
    struct fake_campaigns *campaigns = campaigns_of(ledger);
    if (campaigns->count == CR_CAMPAIGNS_MAX && !prune(campaigns)) {
        return CR_REFUSAL_WRONG_STATE;
    }
    struct cr_campaign *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        abort();
    }
    snprintf(campaign->id, sizeof campaign->id, "%08x", ++campaigns->made);
    campaign->version = 1;
    *copy = *campaign;
    unsigned at = 0;
    while (at < campaigns->count && campaigns->all[at]->created > copy->created) {
        at++;
    }
    memmove(campaigns->all + at + 1, campaigns->all + at, (campaigns->count - at) * sizeof campaigns->all[0]);
    campaigns->all[at] = copy;
    campaigns->count++;
    campaign_audit(ledger, job, NULL, copy);
    return CR_REFUSAL_NONE;
}

static enum cr_refusal campaign_write(struct fake_ledger *ledger, struct cr_job *job, struct cr_campaign *campaign)
{
    struct fake_campaigns *campaigns = campaigns_of(ledger);
    unsigned at = find(campaigns, campaign->id);
    if (at == campaigns->count) {
        return CR_REFUSAL_UNKNOWN_CAMPAIGN;
    }
    struct cr_campaign *known = campaigns->all[at];
    const struct cr_campaign_course before = { known->state, known->pause, known->at };
    if (known->version != campaign->version) {
        return CR_REFUSAL_WRONG_STATE;
    }
    campaign->version++;
    *known = *campaign;
    campaign_audit(ledger, job, &before, campaign);
    return CR_REFUSAL_NONE;
}

void fake_campaign(struct fake_ledger *ledger, struct cr_job *job)
{
    struct cr_campaign_ask *ask = job->campaigns;
    enum cr_refusal refusal = CR_REFUSAL_INTERNAL;
    if (ask != NULL && ask->verb == CR_CAMPAIGN_READ) {
        refusal = campaign_read(ledger, ask);
    } else if (ask != NULL && ask->count == 1 && ask->campaign != NULL && ask->campaign->group_count >= 1 &&
               ask->campaign->group_count <= CR_CAMPAIGN_GROUPS) {
        refusal = ask->verb == CR_CAMPAIGN_CREATE ? campaign_create(ledger, job, ask->campaign)
                                                  : campaign_write(ledger, job, ask->campaign);
    }
    if (refusal != CR_REFUSAL_NONE) {
        fake_refuse(ledger, job, refusal, 0);
        return;
    }
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}
