/* Campaigns as JSON: the fields of createCampaign, and what is told of a campaign. */
#include "plugin/loop/campaign_decide.h"
#include "plugin/loop/control_campaign.h"

#include <stdio.h>
#include <string.h>

enum { SUCCESS_PERMILLE = 950, ERROR_PERMILLE = 50, RATE_MAX = 100000, PERMILLE_SHARE = CR_SHARE_ALL / 1000 };

static bool wrong(struct cr_command *command, const char *sentence, const char **text)
{
    (void)snprintf(command->why, sizeof command->why, "%s", sentence);
    *text = command->why;
    return false;
}

/* ---- groups ---- */

static bool group_number(struct cr_command *in, const char *name, bool given, unsigned otherwise, unsigned *permille,
                         const char **text)
{
    if (!control_share(in, name, permille, text)) {
        return false;
    }
    *permille = given ? *permille : otherwise;
    return true;
}

static bool group_names(struct cr_command *in, struct cr_campaign_group *group, unsigned number, const char **text)
{
    const char *name, *tag;

    if (!control_name(in, "name", false, &name, text) || !control_name(in, "tag", false, &tag, text)) {
        return false;
    }
    if (cr_text_copy(group->name, sizeof group->name, name) != CR_OK) {
        return wrong(in, "\"name\" must be at most 32 characters long.", text);
    }
    if (cr_text_copy(group->tag, sizeof group->tag, tag) != CR_OK) {
        return wrong(in, "\"tag\" must be at most 32 characters long.", text);
    }
    if (name[0] == '\0') {
        (void)snprintf(group->name, sizeof group->name, "group-%u", number);
    }
    return true;
}

/* `shared` is the part of the fleet that the groups before take. */
static bool group_read(struct cr_command *in, struct cr_campaign_group *group, unsigned number, unsigned *shared,
                       const char **text)
{
    static const char *const known[] = { "name", "share", "tag", "success", "error", NULL };
    bool has_share, has_tag;
    unsigned permille = 0;

    if (!cJSON_IsObject(in->request) || !cr_json_only_keys(in->request, known)) {
        return wrong(in, "it must be an object with some of name, share, tag, success, error.", text);
    }
    has_share = cJSON_HasObjectItem(in->request, "share");
    has_tag = cJSON_HasObjectItem(in->request, "tag");
    if (has_share && has_tag) {
        return wrong(in, "\"share\" and \"tag\" exclude each other.", text);
    }
    if (!group_names(in, group, number, text) || !control_share(in, "share", &permille, text) ||
        !group_number(in, "success", cJSON_HasObjectItem(in->request, "success"),
                      has_share || has_tag ? SUCCESS_PERMILLE : 0, &group->success_permille, text) ||
        !group_number(in, "error", cJSON_HasObjectItem(in->request, "error"), ERROR_PERMILLE, &group->error_permille,
                      text)) {
        return false;
    }
    if (has_share && permille == 0) {
        return wrong(in, "\"share\" must be more than 0%.", text);
    }
    if (*shared + permille * PERMILLE_SHARE > CR_SHARE_ALL) {
        return wrong(in, "\"share\" of all groups must add up to 100% at most.", text);
    }
    *shared += permille * PERMILLE_SHARE;
    group->share = has_share ? *shared : CR_SHARE_ALL;
    return true;
}

static bool group_is_rest(const struct cr_campaign_group *group)
{
    return group->tag[0] == '\0' && group->share == CR_SHARE_ALL;
}

static bool groups_read(struct cr_command *command, struct cr_campaign *campaign, const char **text)
{
    const cJSON *groups = cJSON_GetObjectItemCaseSensitive(command->request, "groups"), *item;
    struct cr_command in = { .router = command->router, .session = command->session };
    unsigned shared = 0;

    if (groups != NULL && (!cJSON_IsArray(groups) || cJSON_GetArraySize(groups) == 0)) {
        return wrong(command, "\"groups\" must be a list of groups.", text);
    }
    cJSON_ArrayForEach(item, groups)
    {
        struct cr_campaign_group *group = &campaign->group[campaign->group_count];

        if (campaign->group_count == CR_CAMPAIGN_GROUPS) {
            return wrong(command, "\"groups\" must be at most 8, with the one that takes the rest.", text);
        }
        if (campaign->group_count > 0 && group_is_rest(group - 1)) {
            return wrong(command, "\"groups\": a group without a share and a tag takes the rest, and must be the last.", text);
        }
        in.request = item;
        if (!group_read(&in, group, campaign->group_count + 1, &shared, text)) {
            (void)snprintf(command->why, sizeof command->why, "In group %u of \"groups\": %.200s",
                           campaign->group_count + 1, *text);
            *text = command->why;
            return false;
        }
        campaign->group_count++;
    }
    if (campaign->group_count == 0 || !group_is_rest(&campaign->group[campaign->group_count - 1])) {
        if (campaign->group_count == CR_CAMPAIGN_GROUPS) {
            return wrong(command, "\"groups\" must be at most 8, with the one that takes the rest.", text);
        }
        campaign->group[campaign->group_count++] =
            (struct cr_campaign_group){ .name = "rest", .share = CR_SHARE_ALL, .error_permille = ERROR_PERMILLE };
    }
    return true;
}

/* ---- the campaign ---- */

static bool campaign_times(struct cr_command *command, struct cr_campaign *campaign, const char **text)
{
    int64_t now_s = cr_wall_s(command->router->clock);

    if (!control_time(command, "start", &campaign->start, text) ||
        !control_time(command, "deadline", &campaign->deadline, text)) {
        return false;
    }
    campaign->created = now_s;
    campaign->start = campaign->start > now_s ? campaign->start : now_s;
    if (campaign->deadline > 0 && campaign->deadline <= now_s) {
        return wrong(command, "\"deadline\" must lie in the future.", text);
    }
    if (campaign->deadline > 0 && campaign->deadline <= campaign->start) {
        return wrong(command, "\"deadline\" must be after \"start\".", text);
    }
    return true;
}

static bool campaign_slot(struct cr_command *command, struct cr_campaign *campaign, enum cr_refusal *refusal,
                          const char **text)
{
    char *in_filter = campaign->filter.slot;
    bool given = cJSON_HasObjectItem(command->request, "slot");
    const char *slot;

    if (!control_slot(command, &slot, refusal, text)) {
        return false;
    }
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (in_filter[0] != '\0' && given && strcmp(in_filter, slot) != 0) {
        return wrong(command, "\"slot\" and the slot in \"filter\" must be the same.", text);
    }
    if (in_filter[0] == '\0') {
        (void)snprintf(in_filter, sizeof campaign->filter.slot, "%s", slot);
    }
    if (cr_config_slot(&command->router->setup->config, in_filter) == NULL) {
        *refusal = CR_REFUSAL_UNKNOWN_SLOT;
        return false;
    }
    return true;
}

bool control_campaign_read(struct cr_command *command, struct cr_campaign *campaign, enum cr_refusal *refusal,
                           const char **text)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(command->request, "reason");
    const char *reason = cJSON_GetStringValue(item), *name;

    *refusal = CR_REFUSAL_MALFORMED_JSON;
    *campaign = (struct cr_campaign){ .state = CR_CAMPAIGN_COUNTING };
    if (!control_text(command, "name", false, CR_CAMPAIGN_NAME_CAP - 1, &name, text) ||
        !control_number(command, "rate", 1, RATE_MAX, &campaign->rate_per_s, text) ||
        !control_filter(command, &campaign->filter, text) || !campaign_times(command, campaign, text) ||
        !groups_read(command, campaign, text)) {
        return false;
    }
    (void)snprintf(campaign->name, sizeof campaign->name, "%s", name);
    campaign->reason = item == NULL ? CR_RENEW_CAMPAIGN : cr_renew_reason_parse(reason != NULL ? reason : "");
    if (campaign->reason <= CR_RENEW_NONE || campaign->reason >= CR_RENEW_COUNT) {
        return wrong(command, "\"reason\" must be one of expiry, operator, campaign, ca-rotation, regression, policy.", text);
    }
    return campaign_slot(command, campaign, refusal, text);
}

/* ---- rendering ---- */

static bool put_share(cJSON *object, const char *name, unsigned permille)
{
    char text[16];

    (void)snprintf(text, sizeof text, permille % 10 == 0 ? "%u%%" : "%u.%u%%", permille / 10, permille % 10);
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

static bool put_counts(cJSON *object, unsigned total, const struct cr_campaign_counts *counts)
{
    return cJSON_AddNumberToObject(object, "total", total) != NULL &&
           cJSON_AddNumberToObject(object, "asked", counts->asked) != NULL &&
           cJSON_AddNumberToObject(object, "renewed", counts->renewed) != NULL &&
           cJSON_AddNumberToObject(object, "failed", counts->failed) != NULL &&
           cJSON_AddNumberToObject(object, "unanswered", counts->unanswered) != NULL &&
           cJSON_AddNumberToObject(object, "cancelled", counts->cancelled) != NULL &&
           cJSON_AddNumberToObject(object, "skipped", counts->skipped) != NULL;
}

static const char *group_state(const struct cr_campaign *campaign, unsigned at)
{
    enum cr_campaign_state state = campaign->state == CR_CAMPAIGN_PAUSED ? campaign->before_pause : campaign->state;
    bool begun = cr_campaign_members(&campaign->group[at].counts) > 0;

    switch (state) {
    case CR_CAMPAIGN_RUNNING:
        return at < campaign->at ? "done" : at == campaign->at ? "running" : "waiting";
    case CR_CAMPAIGN_ABORTING:
        return at < campaign->at ? "done" : begun ? "running" : "waiting";
    case CR_CAMPAIGN_ABORTED:
        return at < campaign->at || begun ? "done" : "waiting";
    case CR_CAMPAIGN_DONE:
        return "done";
    case CR_CAMPAIGN_COUNTING:
    case CR_CAMPAIGN_WAITING:
    case CR_CAMPAIGN_PAUSED:
    case CR_CAMPAIGN_STATES:
        break;
    }
    return "waiting";
}

/* `shared` is the part of the fleet that the groups before take. */
static bool put_group(cJSON *groups, const struct cr_campaign *campaign, unsigned at, unsigned *shared)
{
    const struct cr_campaign_group *group = &campaign->group[at];
    cJSON *object = cJSON_CreateObject();
    bool rest = group->share == CR_SHARE_ALL && group->tag[0] == '\0', ok;

    if (object == NULL || !cJSON_AddItemToArray(groups, object)) {
        cJSON_Delete(object);
        return false;
    }
    ok = cJSON_AddStringToObject(object, "name", group->name) != NULL && control_put_text(object, "tag", group->tag);
    if (ok && !rest && group->tag[0] == '\0') {
        ok = put_share(object, "share", (group->share - *shared) / PERMILLE_SHARE);
        *shared = group->share;
    }
    return ok && put_share(object, "success", group->success_permille) && put_share(object, "error", group->error_permille) &&
           cJSON_AddStringToObject(object, "state", group_state(campaign, at)) != NULL &&
           put_counts(object, cr_campaign_counted(campaign) ? group->total : 0, &group->counts);
}

static bool put_groups(cJSON *data, const struct cr_campaign *campaign)
{
    cJSON *groups = cJSON_AddArrayToObject(data, "groups");
    struct cr_campaign_counts sum = { .asked = 0 };
    unsigned shared = 0, total = 0;

    for (unsigned i = 0; groups != NULL && i < campaign->group_count; i++) {
        const struct cr_campaign_counts *counts = &campaign->group[i].counts;

        if (!put_group(groups, campaign, i, &shared)) {
            return false;
        }
        total += cr_campaign_counted(campaign) ? campaign->group[i].total : 0;
        sum.asked += counts->asked;
        sum.renewed += counts->renewed;
        sum.failed += counts->failed;
        sum.unanswered += counts->unanswered;
        sum.cancelled += counts->cancelled;
        sum.skipped += counts->skipped;
    }
    return groups != NULL && put_counts(data, total, &sum);
}

bool control_put_campaign(cJSON *data, const struct cr_campaign *campaign)
{
    return cJSON_AddStringToObject(data, "campaign", campaign->id) != NULL &&
           control_put_text(data, "name", campaign->name) &&
           cJSON_AddStringToObject(data, "state", cr_campaign_state_text(campaign->state)) != NULL &&
           control_put_text(data, "pausedBy", cr_campaign_pause_text(campaign->pause)) &&
           cJSON_AddStringToObject(data, "reason", cr_renew_reason_text(campaign->reason)) != NULL &&
           cJSON_AddStringToObject(data, "createdBy", campaign->by) != NULL &&
           control_put_time(data, "created", campaign->created) && control_put_time(data, "start", campaign->start) &&
           control_put_time(data, "deadline", campaign->deadline) &&
           (campaign->rate_per_s == 0 || cJSON_AddNumberToObject(data, "rate", campaign->rate_per_s) != NULL) &&
           control_put_filter(data, "filter", &campaign->filter) &&
           cJSON_AddNumberToObject(data, "group", cr_campaign_counted(campaign) ? campaign->at : 0) != NULL &&
           put_groups(data, campaign);
}
