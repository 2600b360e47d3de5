/* Commands about issuers: which there are, who needs them, and giving one up that nobody needs any more. */
#include "plugin/loop/control.h"
#include "plugin/worker/issuer_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "issuer". False: *text says what it must be. */
static bool issuer_field(struct cr_command *command, bool required, const char **issuer, const char **text)
{
    if (!control_name(command, "issuer", required, issuer, text)) {
        return false;
    }
    if ((*issuer)[0] != '\0' && (strlen(*issuer) != CR_ISSUER_ID_TEXT - 1 ||
                                 strspn(*issuer, "0123456789abcdef") != CR_ISSUER_ID_TEXT - 1)) {
        *text = "\"issuer\" must be an issuer's id: 16 of 0-9 a-f, as listIssuers tells it.";
        return false;
    }
    return true;
}

static bool issuer_info(const struct cr_router *router, const char *id, struct cr_issuer_info *info)
{
    for (unsigned n = 0; cr_trust_info(router->setup->trust, n, info) == CR_OK; n++) {
        if (strcmp(info->id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* Of those whose own time is not over and that are not given up, the one that signs now. */
static bool issuer_signs(const struct cr_router *router, const char *id)
{
    unsigned signer = loop_signer(router);

    return signer < cr_trust_signers(router->setup->trust) && strcmp(cr_issuer_id(router->setup->trust, signer), id) == 0;
}

/* ---- listIssuers ---- */

static bool put_mark(cJSON *item, const struct cr_issuer_mark *mark)
{
    static const char *const states[] = { [CR_ISSUER_TRUSTED] = "trusted",
                                          [CR_ISSUER_RETIRED] = "retired",
                                          [CR_ISSUER_REVOKED] = "revoked" };
    enum cr_issuer_state state = mark != NULL ? mark->state : CR_ISSUER_TRUSTED;
    const char *reason = state == CR_ISSUER_REVOKED ? cr_revoke_reason_text(mark->reason) : NULL;

    return cJSON_AddStringToObject(item, "state", states[state]) != NULL &&
           control_put_text(item, "reason", reason != NULL ? reason : "") &&
           control_put_time(item, "since", mark != NULL ? mark->at : 0);
}

/* How many slots have its certificates, as the fleet was last counted. */
static bool put_slots(cJSON *item, const struct cr_router *router, const char *id)
{
    int64_t at;
    const struct cr_survey_counts *fleet = loop_fleet(router, &at);

    for (unsigned i = 0; fleet != NULL && i < fleet->issuers; i++) {
        if (strcmp(fleet->issuer[i].issuer, id) == 0) {
            return cJSON_AddNumberToObject(item, "slots", (double)fleet->issuer[i].slots) != NULL;
        }
    }
    return fleet == NULL || cJSON_AddNumberToObject(item, "slots", 0) != NULL;
}

static bool put_crl(cJSON *item, const struct cr_crl_news *crl)
{
    cJSON *object = crl != NULL ? cJSON_AddObjectToObject(item, "crl") : NULL;

    return crl == NULL ||
           (object != NULL && cJSON_AddNumberToObject(object, "number", (double)crl->number) != NULL &&
            control_put_time(object, "thisUpdate", crl->this_update) &&
            control_put_time(object, "nextUpdate", crl->next_update) &&
            cJSON_AddNumberToObject(object, "entries", crl->entries) != NULL);
}

static bool put_issuer(cJSON *item, const struct cr_router *router, const struct cr_issuer_info *info)
{
    return cJSON_AddStringToObject(item, "issuer", info->id) != NULL &&
           cJSON_AddStringToObject(item, "subject", info->subject) != NULL &&
           control_put_time(item, "notBefore", info->not_before) && control_put_time(item, "notAfter", info->not_after) &&
           cJSON_AddStringToObject(item, "kind", cr_issuer_kind_text(info->kind)) != NULL &&
           control_put_text(item, "factory", info->factory) &&
           cJSON_AddBoolToObject(item, "signing", issuer_signs(router, info->id)) != NULL &&
           control_put_time(item, "signFrom", info->has_key ? info->sign_from : 0) &&
           put_mark(item, loop_issuer_mark(router, info->id)) && put_slots(item, router, info->id) &&
           put_crl(item, loop_crl(router, info->id));
}

static enum cr_command_result list_issuers(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                           const char **text)
{
    struct cr_issuer_info info;
    cJSON *issuers;

    (void)text;
    *refusal = CR_REFUSAL_INTERNAL;
    *data = cJSON_CreateObject();
    issuers = *data != NULL ? cJSON_AddArrayToObject(*data, "issuers") : NULL;
    for (unsigned n = 0; issuers != NULL && cr_trust_info(command->router->setup->trust, n, &info) == CR_OK; n++) {
        cJSON *item = cJSON_CreateObject();

        if (item == NULL || !cJSON_AddItemToArray(issuers, item)) {
            cJSON_Delete(item);
            issuers = NULL;
        } else if (!put_issuer(item, command->router, &info)) {
            issuers = NULL;
        }
    }
    if (issuers == NULL) {
        cJSON_Delete(*data);
        return CR_COMMAND_FAILED;
    }
    return CR_COMMAND_ANSWERED;
}

/* ---- census ---- */

static enum cr_command_result census(struct cr_command *command, cJSON **data, enum cr_refusal *refusal, const char **text)
{
    struct cr_census ask = { .why = CR_CENSUS_SHOW };
    const char *issuer;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!issuer_field(command, false, &issuer, text)) {
        return CR_COMMAND_FAILED;
    }
    memcpy(ask.issuer, issuer, strlen(issuer) + 1);
    return control_census(command, &ask, refusal);
}

static bool put_count(cJSON *item, const struct cr_router *router, const struct cr_census_issuer *count)
{
    struct cr_issuer_info info = { .subject = "" };

    return cJSON_AddStringToObject(item, "issuer", count->issuer) != NULL &&
           (!issuer_info(router, count->issuer, &info) || control_put_text(item, "subject", info.subject)) &&
           cJSON_AddNumberToObject(item, "live", (double)count->live) != NULL &&
           cJSON_AddNumberToObject(item, "expired", (double)count->expired) != NULL &&
           cJSON_AddNumberToObject(item, "held", (double)count->held) != NULL &&
           cJSON_AddNumberToObject(item, "pending", (double)count->pending) != NULL &&
           control_put_time(item, "lastSeen", count->last_seen);
}

/* Those that are trusted and that nobody has a certificate of are in the answer, too: that is what is asked for. */
static bool census_complete(const struct cr_router *router, struct cr_census *counted)
{
    struct cr_issuer_info info;

    if (counted->issuer[0] != '\0') {
        return cr_census_of(counted, counted->issuer) != NULL;
    }
    for (unsigned n = 0; cr_trust_info(router->setup->trust, n, &info) == CR_OK; n++) {
        if (cr_census_of(counted, info.id) == NULL) {
            return false;
        }
    }
    return true;
}

enum cr_refusal control_census_shown(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    struct cr_census counted = *job->census;
    bool complete = census_complete(command->router, &counted);
    cJSON *issuers = NULL;

    if (control_put_time(data, "asOf", job->now_s)) {
        issuers = cJSON_AddArrayToObject(data, "issuers");
    }
    for (unsigned i = 0; issuers != NULL && i < counted.issuers; i++) {
        cJSON *item = cJSON_CreateObject();

        if (item == NULL || !cJSON_AddItemToArray(issuers, item)) {
            cJSON_Delete(item);
            return CR_REFUSAL_INTERNAL;
        }
        if (!put_count(item, command->router, &counted.count[i])) {
            return CR_REFUSAL_INTERNAL;
        }
    }
    return issuers != NULL && cJSON_AddBoolToObject(data, "complete", complete) != NULL ? CR_REFUSAL_NONE
                                                                                       : CR_REFUSAL_INTERNAL;
}

/* ---- retireIssuer ---- */

static const char signs_text[] = "It signs now: let another issuer sign first (issuer_certfile, issuer_sign_from).";

static enum cr_command_result retire_issuer(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                            const char **text)
{
    struct cr_census ask = { .why = CR_CENSUS_RETIRE };
    struct cr_issuer_info info;
    const char *issuer;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!issuer_field(command, true, &issuer, text) || !control_truth(command, "force", false, &ask.force, text)) {
        return CR_COMMAND_FAILED;
    }
    memcpy(ask.issuer, issuer, strlen(issuer) + 1);
    if (!issuer_info(command->router, issuer, &info)) {
        *refusal = CR_REFUSAL_UNKNOWN_ISSUER;
        return CR_COMMAND_FAILED;
    }
    if (loop_issuer_mark(command->router, issuer) != NULL) {
        *refusal = CR_REFUSAL_WRONG_STATE;
        *text = "It is retired or revoked already.";
        return CR_COMMAND_FAILED;
    }
    if (issuer_signs(command->router, issuer)) { /* the next device would need it again */
        *refusal = CR_REFUSAL_ISSUER_IN_USE;
        *text = signs_text;
        return CR_COMMAND_FAILED;
    }
    if (!ask.force && !control_spares_asker(command, issuer, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    return control_census(command, &ask, refusal);
}

/* How many need it, and some of them. */
static void retire_refused(struct cr_command *command, const struct cr_census *counted, uint64_t live)
{
    char text[CR_CENSUS_NAMED * CR_NAME_CAP + 160];
    cJSON *beside = cJSON_CreateObject();
    cJSON *devices = beside != NULL && cJSON_AddNumberToObject(beside, "live", (double)live) != NULL
                         ? cJSON_AddArrayToObject(beside, "devices")
                         : NULL;
    size_t len = (size_t)snprintf(text, sizeof text, "%llu devices still need this issuer, among them",
                                  (unsigned long long)live);

    for (unsigned i = 0; i < counted->named && devices != NULL; i++) {
        cJSON *name = cJSON_CreateString(counted->name[i]);

        if (name == NULL || !cJSON_AddItemToArray(devices, name)) {
            cJSON_Delete(name);
            break;
        }
        len += (size_t)snprintf(text + len, sizeof text - len, "%s %s", i > 0 ? "," : "", counted->name[i]);
    }
    (void)snprintf(text + len, sizeof text - len, "; move them first, or force it.");
    control_fail(command, CR_REFUSAL_ISSUER_IN_USE, text, beside);
}

enum cr_refusal control_retire_counted(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    const struct cr_census *counted = job->census;
    uint64_t live = counted->issuers > 0 ? counted->count[0].live : 0;
    enum cr_refusal refusal;
    struct cr_job *retire;

    if (issuer_signs(command->router, counted->issuer)) {
        control_fail(command, CR_REFUSAL_ISSUER_IN_USE, signs_text, NULL);
        return CR_REFUSAL_NONE;
    }
    if (live > 0 && !counted->force) {
        retire_refused(command, counted, live);
        return CR_REFUSAL_NONE;
    }
    if (cJSON_AddStringToObject(data, "issuer", counted->issuer) == NULL ||
        cJSON_AddNumberToObject(data, "live", (double)live) == NULL) {
        return CR_REFUSAL_INTERNAL;
    }
    retire = loop_admit(command->router, CR_OP_REVOKE, command->session, "", "");
    if (retire != NULL && (retire->revoke = calloc(1, sizeof *retire->revoke)) == NULL) {
        loop_abandon(command->router, retire);
        retire = NULL;
    }
    if (retire != NULL) {
        control_like(retire, job);
        retire->revoke->verb = CR_REVOKE_RETIRE;
        memcpy(retire->revoke->issuer, counted->issuer, sizeof retire->revoke->issuer);
        (void)snprintf(retire->revoke->comment, sizeof retire->revoke->comment, "%llu devices need it%s",
                       (unsigned long long)live, live > 0 ? ", forced" : "");
    }
    return control_send(command, retire, &refusal) == CR_COMMAND_SENT ? CR_REFUSAL_NONE : refusal;
}

enum cr_refusal control_retired(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    (void)command;
    (void)data; /* the counting has filled it */
    return job->outcome == CR_OUT_REFUSED ? job->refusal : CR_REFUSAL_NONE;
}

static const char *const no_fields[] = { NULL };
static const char *const census_fields[] = { "issuer", NULL };
static const char *const retire_fields[] = { "issuer", "force", NULL };

const struct cr_command_info control_issuer_commands[] = {
    { "listIssuers", CR_ROLE_VIEWER, no_fields, list_issuers, NULL },
    { "census", CR_ROLE_VIEWER, census_fields, census, NULL },
    { "retireIssuer", CR_ROLE_ADMIN, retire_fields, retire_issuer, NULL },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
