/* Commands about campaigns. What they change is read first and written by its version: when somebody else was quicker, it is
 * read again. */
#include "plugin/loop/campaign_run.h"
#include "plugin/loop/control_campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { CAMPAIGNS_LISTED = 100, ORDER_TRIES = 5 };

/* ---- createCampaign ---- */

static enum cr_command_result create_campaign(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                              const char **text)
{
    const struct cr_session *session = command->session;
    struct cr_campaign campaign;
    struct cr_job *job;

    (void)data;
    if (!control_campaign_read(command, &campaign, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    (void)snprintf(campaign.by, sizeof campaign.by, "%.64s", loop_operator_name(command->router, session));
    job = campaigns_job(command->router, CR_CAMPAIGN_CREATE, session, "");
    if (job != NULL) {
        job->campaigns->campaign[0] = campaign;
    }
    return control_send(command, job, refusal);
}

static cJSON *created_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();

    loop_campaigns_look(router);
    if (data == NULL || job->campaigns->count == 0 || !control_put_campaign(data, &job->campaigns->campaign[0])) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- what the jobs of the others bring home ---- */

static struct cr_order *order_of(const struct cr_router *router, uint64_t command)
{
    struct cr_order *order = NULL;

    if (router->campaigns != NULL) {
        LL_SEARCH_SCALAR(router->campaigns->orders, order, command, command);
    }
    return order;
}

static void order_end(struct cr_router *router, struct cr_order *order)
{
    LL_DELETE(router->campaigns->orders, order);
    free(order);
}

static bool order_changes(struct cr_router *router, const struct cr_order *order, struct cr_campaign *campaign)
{
    switch (order->what) {
    case CR_ORDER_PAUSE:
        return cr_campaign_pause(campaign);
    case CR_ORDER_RESUME:
        return cr_campaign_resume(campaign, cr_wall_s(router->clock));
    case CR_ORDER_ABORT:
        return cr_campaign_abort(campaign);
    case CR_ORDER_SHOW:
    case CR_ORDER_LIST:
        break;
    }
    return false;
}

/* The next job of the order, by the same operator. */
static enum cr_refusal order_goes_on(struct cr_command *command, const struct cr_job *last, enum cr_campaign_verb verb,
                                     const struct cr_campaign *campaign)
{
    struct cr_job *job = campaigns_job(command->router, verb, NULL, last->campaigns->id);
    enum cr_refusal refusal = CR_REFUSAL_BUSY;

    if (job != NULL) {
        if (campaign != NULL) {
            job->campaigns->campaign[0] = *campaign;
        }
        job->session = last->session;
        job->presented = last->presented;
        memcpy(job->who, last->who, sizeof job->who);
    }
    return control_send(command, job, &refusal) == CR_COMMAND_SENT ? CR_REFUSAL_NONE : refusal;
}

/* Those in the state that was asked for, and not more than an answer holds. */
static enum cr_refusal order_listed(const struct cr_order *order, const struct cr_campaign_ask *ask, cJSON *data)
{
    cJSON *list = cJSON_AddArrayToObject(data, "campaigns");
    unsigned listed = 0;

    for (unsigned i = 0; i < ask->count && listed < CAMPAIGNS_LISTED; i++) {
        cJSON *item;

        if (order->state != CR_CAMPAIGN_STATES && ask->campaign[i].state != order->state) {
            continue;
        }
        item = cJSON_CreateObject();
        if (item == NULL || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            return CR_REFUSAL_BUSY;
        }
        if (!control_put_campaign(item, &ask->campaign[i])) {
            return CR_REFUSAL_BUSY;
        }
        listed++;
    }
    return list != NULL ? CR_REFUSAL_NONE : CR_REFUSAL_BUSY;
}

static void order_written(struct cr_router *router, const struct cr_order *order, const struct cr_campaign *campaign)
{
    static const enum cr_campaign_event event[] = { [CR_ORDER_PAUSE] = CR_CAMPAIGN_PAUSES,
                                                    [CR_ORDER_RESUME] = CR_CAMPAIGN_RESUMES,
                                                    [CR_ORDER_ABORT] = CR_CAMPAIGN_NOTHING };

    campaigns_tell(router, campaign, event[order->what]);
    loop_campaigns_look(router);
}

/* *more: another job is under way. */
static enum cr_refusal order_home(struct cr_command *command, struct cr_order *order, const struct cr_job *job, cJSON *data,
                                  bool *more)
{
    const struct cr_campaign_ask *ask = job->campaigns;
    bool read = ask->verb == CR_CAMPAIGN_READ;
    enum cr_refusal refusal;
    struct cr_campaign campaign;

    if (job->outcome != CR_OUT_DONE) {
        if (read || job->refusal != CR_REFUSAL_WRONG_STATE || ++order->tries >= ORDER_TRIES) {
            return job->refusal;
        }
        refusal = order_goes_on(command, job, CR_CAMPAIGN_READ, NULL);
        *more = refusal == CR_REFUSAL_NONE;
        return refusal;
    }
    if (order->what == CR_ORDER_LIST) {
        return order_listed(order, ask, data);
    }
    if (ask->count == 0) {
        return CR_REFUSAL_UNKNOWN_CAMPAIGN;
    }
    campaign = ask->campaign[0];
    if (read && order->what != CR_ORDER_SHOW) {
        if (!order_changes(command->router, order, &campaign)) {
            return CR_REFUSAL_WRONG_STATE;
        }
        refusal = order_goes_on(command, job, CR_CAMPAIGN_WRITE, &campaign);
        *more = refusal == CR_REFUSAL_NONE;
        return refusal;
    }
    if (!read) {
        order_written(command->router, order, &campaign);
    }
    return control_put_campaign(data, &campaign) ? CR_REFUSAL_NONE : CR_REFUSAL_BUSY;
}

static enum cr_refusal order_gather(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    struct cr_order *order = order_of(command->router, command->id);
    enum cr_refusal refusal;
    bool more = false;

    if (order == NULL || data == NULL) {
        return CR_REFUSAL_INTERNAL;
    }
    refusal = order_home(command, order, job, data, &more);
    if (!more) {
        order_end(command->router, order);
    }
    return refusal;
}

/* ---- the others ---- */

static enum cr_command_result order_send(struct cr_command *command, enum cr_order_what what, const char *id,
                                         enum cr_campaign_state state, enum cr_refusal *refusal)
{
    struct cr_campaigns *campaigns = campaigns_of(command->router);
    struct cr_order *order = campaigns != NULL ? calloc(1, sizeof *order) : NULL;

    *refusal = CR_REFUSAL_BUSY;
    if (order == NULL || control_gather(command, order_gather) == NULL) {
        free(order);
        return CR_COMMAND_FAILED;
    }
    *order = (struct cr_order){ .command = command->id, .what = what, .state = state };
    LL_PREPEND(campaigns->orders, order);
    if (control_send(command, campaigns_job(command->router, CR_CAMPAIGN_READ, command->session, id), refusal) ==
        CR_COMMAND_SENT) {
        return CR_COMMAND_SENT;
    }
    order_end(command->router, order);
    return CR_COMMAND_FAILED;
}

static enum cr_command_result order_about(struct cr_command *command, enum cr_order_what what, enum cr_refusal *refusal,
                                          const char **text)
{
    const char *id;

    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "campaign", true, &id, text)) {
        return CR_COMMAND_FAILED;
    }
    if (strlen(id) != CR_CAMPAIGN_ID_CAP - 1 || strspn(id, "0123456789abcdef") != CR_CAMPAIGN_ID_CAP - 1) {
        *refusal = CR_REFUSAL_UNKNOWN_CAMPAIGN;
        return CR_COMMAND_FAILED;
    }
    return order_send(command, what, id, CR_CAMPAIGN_STATES, refusal);
}

static enum cr_command_result get_campaign(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                           const char **text)
{
    (void)data;
    return order_about(command, CR_ORDER_SHOW, refusal, text);
}

static enum cr_command_result pause_campaign(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                             const char **text)
{
    (void)data;
    return order_about(command, CR_ORDER_PAUSE, refusal, text);
}

static enum cr_command_result resume_campaign(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                              const char **text)
{
    (void)data;
    return order_about(command, CR_ORDER_RESUME, refusal, text);
}

static enum cr_command_result abort_campaign(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                             const char **text)
{
    (void)data;
    return order_about(command, CR_ORDER_ABORT, refusal, text);
}

static enum cr_command_result list_campaigns(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                             const char **text)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(command->request, "state");
    const char *word = cJSON_GetStringValue(item);
    enum cr_campaign_state state = word != NULL ? cr_campaign_state_parse(word) : CR_CAMPAIGN_STATES;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (item != NULL && state == CR_CAMPAIGN_STATES) {
        *text = "\"state\" must be counting, waiting, running, paused, aborting, aborted or done.";
        return CR_COMMAND_FAILED;
    }
    return order_send(command, CR_ORDER_LIST, "", state, refusal);
}

static const char *const create_fields[] = { "name", "reason", "filter", "slot", "rate", "start", "deadline", "groups", NULL };
static const char *const campaign_fields[] = { "campaign", NULL };
static const char *const list_fields[] = { "state", NULL };

const struct cr_command_info control_campaign_commands[] = {
    { "createCampaign", CR_ROLE_ADMIN, create_fields, create_campaign, created_answer },
    { "getCampaign", CR_ROLE_VIEWER, campaign_fields, get_campaign, NULL },
    { "listCampaigns", CR_ROLE_VIEWER, list_fields, list_campaigns, NULL },
    { "pauseCampaign", CR_ROLE_ADMIN, campaign_fields, pause_campaign, NULL },
    { "resumeCampaign", CR_ROLE_ADMIN, campaign_fields, resume_campaign, NULL },
    { "abortCampaign", CR_ROLE_ADMIN, campaign_fields, abort_campaign, NULL },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
