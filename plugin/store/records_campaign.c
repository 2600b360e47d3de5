#include "plugin/store/records_campaign.h"

#include <stdio.h>
#include <string.h>

static const char *const state_text[CR_CAMPAIGN_STATES] = {
    [CR_CAMPAIGN_COUNTING] = "counting", [CR_CAMPAIGN_WAITING] = "waiting",   [CR_CAMPAIGN_RUNNING] = "running",
    [CR_CAMPAIGN_PAUSED] = "paused",     [CR_CAMPAIGN_ABORTING] = "aborting", [CR_CAMPAIGN_ABORTED] = "aborted",
    [CR_CAMPAIGN_DONE] = "done",
};

const char *cr_campaign_state_text(enum cr_campaign_state state)
{
    return (unsigned)state < CR_CAMPAIGN_STATES ? state_text[state] : "";
}

const char *cr_campaign_pause_text(enum cr_campaign_pause pause)
{
    static const char *const text[] = { "", "operator", "errors", "deadline" };
    return (unsigned)pause < sizeof text / sizeof text[0] ? text[pause] : "";
}

bool cr_campaign_ended(enum cr_campaign_state state)
{
    return state == CR_CAMPAIGN_ABORTED || state == CR_CAMPAIGN_DONE;
}

unsigned *cr_campaign_count(struct cr_campaign_counts *counts, char letter)
{
    switch (letter) {
    case 'a':
        return &counts->asked;
    case 'r':
        return &counts->renewed;
    case 'f':
        return &counts->failed;
    case 'u':
        return &counts->unanswered;
    case 'c':
        return &counts->cancelled;
    case 's':
        return &counts->skipped;
    default:
        return NULL;
    }
}

/* "" where it only went on. */
static const char *change_word(const struct cr_campaign_course *before, const struct cr_campaign *campaign)
{
    if (before == NULL) {
        return "created";
    }
    if (before->state == campaign->state) {
        return before->at == campaign->at ? "" : "group";
    }
    if (before->state == CR_CAMPAIGN_PAUSED && campaign->state < CR_CAMPAIGN_PAUSED) {
        return "resumed";
    }
    switch (campaign->state) {
    case CR_CAMPAIGN_RUNNING:
        return "started";
    case CR_CAMPAIGN_PAUSED:
    case CR_CAMPAIGN_ABORTING:
    case CR_CAMPAIGN_ABORTED:
    case CR_CAMPAIGN_DONE:
        return cr_campaign_state_text(campaign->state);
    default:
        return "";
    }
}

bool cr_campaign_change(char text[CR_CAMPAIGN_CHANGE_CAP], const struct cr_campaign_course *before,
                        const struct cr_campaign *campaign)
{
    const char *word = change_word(before, campaign);
    char more[CR_TAG_CAP + 16] = "";
    if (strcmp(word, "group") == 0) {
        (void)snprintf(more, sizeof more, " %u %s", campaign->at,
                       campaign->at < CR_CAMPAIGN_GROUPS ? campaign->group[campaign->at].name : "");
    } else if (strcmp(word, "paused") == 0 && campaign->pause != CR_PAUSE_NONE) {
        (void)snprintf(more, sizeof more, " by %s", cr_campaign_pause_text(campaign->pause));
    }
    (void)snprintf(text, CR_CAMPAIGN_CHANGE_CAP, "%s %s%s%s%s", campaign->id, word, more,
                   campaign->name[0] != '\0' ? ": " : "", campaign->name);
    return word[0] != '\0';
}
