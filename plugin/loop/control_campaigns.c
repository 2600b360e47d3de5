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

/* ---- the others ---- */

static enum cr_command_result order_send(struct cr_command *command, enum cr_order_what what, const char *id,
                                         enum cr_campaign_state state, enum cr_refusal *refusal)
{
    struct cr_campaigns *campaigns = campaigns_of(command->router);
    struct cr_order *order = campaigns != NULL ? calloc(1, sizeof *order) : NULL;
    struct cr_job *job =
        order != NULL ? campaigns_job(command->router, CR_CAMPAIGN_READ, command->session, id) : NULL;

    if (job == NULL) {
        free(order);
        *refusal = CR_REFUSAL_BUSY;
        return CR_COMMAND_FAILED;
    }
    *order = (struct cr_order){ .job = job->id, .command = command->id, .what = what, .state = state };
    if (control_take(command, job, refusal) != CR_COMMAND_SENT) {
        free(order);
        return CR_COMMAND_FAILED;
    }
    job->command = 0; /* the order has it, until the last of its jobs is home */
    LL_PREPEND(campaigns->orders, order);
    loop_send(command->router, job, CR_STAGE_STORE);
    return CR_COMMAND_SENT;
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

/* ---- their jobs are home ---- */

static void order_end(struct cr_router *router, struct cr_order *order, struct cr_job *job)
{
    job->command = order->command;
    loop_command_done(router, job);
    free(order);
}

/* Only those in the state that was asked for, and not more than an answer holds. */
static void order_filter(const struct cr_order *order, struct cr_campaign_ask *ask)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < ask->count && kept < CAMPAIGNS_LISTED; i++) {
        if (order->state == CR_CAMPAIGN_STATES || ask->campaign[i].state == order->state) {
            ask->campaign[kept++] = ask->campaign[i];
        }
    }
    ask->count = kept;
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

/* The next job of the order, by the same operator. False: there is no room for it. */
static bool order_goes_on(struct cr_router *router, struct cr_order *order, const struct cr_job *last,
                          enum cr_campaign_verb verb, const struct cr_campaign *campaign)
{
    struct cr_job *job = campaigns_job(router, verb, NULL, last->campaigns->id);

    if (job == NULL) {
        return false;
    }
    if (campaign != NULL) {
        job->campaigns->campaign[0] = *campaign;
    }
    job->session = last->session;
    job->presented = last->presented;
    memcpy(job->who, last->who, sizeof job->who);
    order->job = job->id;
    LL_PREPEND(router->campaigns->orders, order);
    loop_send(router, job, CR_STAGE_STORE);
    return true;
}

static void order_read(struct cr_router *router, struct cr_order *order, struct cr_job *job)
{
    struct cr_campaign campaign;

    if (order->what == CR_ORDER_LIST) {
        order_filter(order, job->campaigns);
    }
    if (order->what == CR_ORDER_SHOW || order->what == CR_ORDER_LIST) {
        order_end(router, order, job);
        return;
    }
    campaign = job->campaigns->campaign[0];
    if (!order_changes(router, order, &campaign)) {
        cr_job_refuse(job, CR_REFUSAL_WRONG_STATE, 0);
        order_end(router, order, job);
    } else if (!order_goes_on(router, order, job, CR_CAMPAIGN_WRITE, &campaign)) {
        cr_job_refuse(job, CR_REFUSAL_BUSY, router->setup->config.retry_after_s);
        order_end(router, order, job);
    }
}

static void order_written(struct cr_router *router, struct cr_order *order, struct cr_job *job)
{
    static const enum cr_campaign_event event[] = { [CR_ORDER_PAUSE] = CR_CAMPAIGN_PAUSES,
                                                    [CR_ORDER_RESUME] = CR_CAMPAIGN_RESUMES,
                                                    [CR_ORDER_ABORT] = CR_CAMPAIGN_NOTHING };

    campaigns_tell(router, &job->campaigns->campaign[0], event[order->what]);
    loop_campaigns_look(router);
    order_end(router, order, job);
}

void campaigns_order_home(struct cr_router *router, struct cr_order *order, struct cr_job *job)
{
    bool read = job->campaigns->verb == CR_CAMPAIGN_READ;

    if (job->outcome == CR_OUT_DONE && (job->campaigns->count > 0 || order->what == CR_ORDER_LIST)) {
        if (read) {
            order_read(router, order, job);
        } else {
            order_written(router, order, job);
        }
        return;
    }
    if (!read && job->refusal == CR_REFUSAL_WRONG_STATE && ++order->tries < ORDER_TRIES &&
        order_goes_on(router, order, job, CR_CAMPAIGN_READ, NULL)) {
        return;
    }
    if (job->outcome == CR_OUT_DONE) {
        cr_job_refuse(job, CR_REFUSAL_UNKNOWN_CAMPAIGN, 0);
    }
    order_end(router, order, job);
}

/* ---- answers ---- */

static cJSON *campaign_answer(struct cr_router *router, const struct cr_job *job)
{
    if (job->campaigns->verb == CR_CAMPAIGN_CREATE) {
        loop_campaigns_look(router);
    }
    return job->campaigns->count > 0 ? control_render_campaign(&job->campaigns->campaign[0]) : NULL;
}

static cJSON *campaigns_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();
    cJSON *list = data != NULL ? cJSON_AddArrayToObject(data, "campaigns") : NULL;

    (void)router;
    for (unsigned i = 0; list != NULL && i < job->campaigns->count; i++) {
        cJSON *item = control_render_campaign(&job->campaigns->campaign[i]);

        if (item == NULL || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            list = NULL;
        }
    }
    if (list == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const create_fields[] = { "name", "reason", "filter", "slot", "rate", "start", "deadline", "groups", NULL };
static const char *const campaign_fields[] = { "campaign", NULL };
static const char *const list_fields[] = { "state", NULL };

const struct cr_command_info control_campaign_commands[] = {
    { "createCampaign", CR_ROLE_ADMIN, create_fields, create_campaign, campaign_answer },
    { "getCampaign", CR_ROLE_VIEWER, campaign_fields, get_campaign, campaign_answer },
    { "listCampaigns", CR_ROLE_VIEWER, list_fields, list_campaigns, campaigns_answer },
    { "pauseCampaign", CR_ROLE_ADMIN, campaign_fields, pause_campaign, campaign_answer },
    { "resumeCampaign", CR_ROLE_ADMIN, campaign_fields, resume_campaign, campaign_answer },
    { "abortCampaign", CR_ROLE_ADMIN, campaign_fields, abort_campaign, campaign_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
