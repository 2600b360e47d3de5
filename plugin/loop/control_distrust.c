/* Commands that take trust from an issuer at once, because it was compromised, and that give it back to one that was only
 * retired. Retiring is in control_issuers.c. */
#include "plugin/loop/control.h"
#include "plugin/worker/issuer_info.h"

#include <stdlib.h>
#include <string.h>

static bool distrust_is_known(const struct cr_router *router, const char *id)
{
    struct cr_issuer_info info;

    if (loop_issuer_mark(router, id) != NULL) {
        return true;
    }
    for (unsigned n = 0; cr_trust_info(router->setup->trust, n, &info) == CR_OK; n++) {
        if (strcmp(info.id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* All that can sign but for this one. */
struct distrust_but {
    const struct cr_router *router;
    const char *issuer;
};

static bool distrust_excluded(void *ctx, const char *issuer_id)
{
    const struct distrust_but *but = ctx;

    return strcmp(but->issuer, issuer_id) == 0 || loop_issuer_mark(but->router, issuer_id) != NULL;
}

static bool distrust_is_the_last(const struct cr_router *router, const char *id)
{
    struct distrust_but but = { router, id };

    return loop_signer(router) != CR_NO_SIGNER &&
           cr_trust_signer(router->setup->trust, cr_wall_s(router->clock), distrust_excluded, &but) == CR_NO_SIGNER;
}

static enum cr_command_result distrust_send(struct cr_command *command, const struct cr_revoke *revoke,
                                            enum cr_refusal *refusal)
{
    struct cr_job *job = loop_admit(command->router, CR_OP_REVOKE, command->session, "", "");

    if (job != NULL) {
        job->revoke = calloc(1, sizeof *job->revoke);
        if (job->revoke == NULL) {
            loop_abandon(command->router, job);
            job = NULL;
        } else {
            *job->revoke = *revoke;
        }
    }
    return control_send(command, job, refusal);
}

static enum cr_command_result revoke_issuer(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                            const char **text)
{
    struct cr_revoke revoke = { .verb = CR_REVOKE_ISSUER };
    const char *issuer;
    bool force;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_issuer(command, true, &issuer, text) || !control_truth(command, "force", false, &force, text) ||
        !control_revoke_why(command, &revoke, text)) {
        return CR_COMMAND_FAILED;
    }
    if (revoke.reason == CR_REASON_CERTIFICATE_HOLD) {
        *text = "An issuer cannot be put on hold: retireIssuer can be undone.";
        return CR_COMMAND_FAILED;
    }
    if (!distrust_is_known(command->router, issuer)) {
        *refusal = CR_REFUSAL_UNKNOWN_ISSUER;
        return CR_COMMAND_FAILED;
    }
    if (!force && distrust_is_the_last(command->router, issuer)) {
        *refusal = CR_REFUSAL_ISSUER_IN_USE;
        *text = "It is the only issuer that can sign: configure another one first, or force it, and nothing is issued.";
        return CR_COMMAND_FAILED;
    }
    if (!force && !control_spares_asker(command, issuer, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    memcpy(revoke.issuer, issuer, sizeof revoke.issuer);
    return distrust_send(command, &revoke, refusal);
}

/* How many slots have a certificate of it, as the fleet was counted last: to count now would take its time. */
static double distrust_live(const struct cr_router *router, const char *id)
{
    int64_t at;
    const struct cr_survey_counts *fleet = loop_fleet(router, &at);

    for (unsigned i = 0; fleet != NULL && i < fleet->issuers; i++) {
        if (strcmp(fleet->issuer[i].issuer, id) == 0) {
            return (double)fleet->issuer[i].slots;
        }
    }
    return 0;
}

static cJSON *revoke_issuer_answer(struct cr_router *router, const struct cr_job *job)
{
    const char *reason = cr_revoke_reason_text(job->revoke->reason);
    cJSON *data = cJSON_CreateObject();

    if (data == NULL || cJSON_AddStringToObject(data, "issuer", job->revoke->issuer) == NULL ||
        cJSON_AddStringToObject(data, "reason", reason != NULL ? reason : "unspecified") == NULL ||
        cJSON_AddNumberToObject(data, "live", distrust_live(router, job->revoke->issuer)) == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static enum cr_command_result restore_issuer(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                             const char **text)
{
    struct cr_revoke revoke = { .verb = CR_REVOKE_RESTORE };
    const struct cr_issuer_mark *mark;
    const char *issuer;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_issuer(command, true, &issuer, text)) {
        return CR_COMMAND_FAILED;
    }
    mark = loop_issuer_mark(command->router, issuer);
    if (mark != NULL && mark->state == CR_ISSUER_REVOKED) {
        *refusal = CR_REFUSAL_WRONG_STATE;
        *text = "It was revoked, and stays so; only an issuer that was retired can be restored.";
        return CR_COMMAND_FAILED;
    }
    if (!distrust_is_known(command->router, issuer)) {
        *refusal = CR_REFUSAL_UNKNOWN_ISSUER;
        return CR_COMMAND_FAILED;
    }
    memcpy(revoke.issuer, issuer, sizeof revoke.issuer);
    return distrust_send(command, &revoke, refusal);
}

static cJSON *restore_issuer_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();

    (void)router;
    if (data == NULL || cJSON_AddStringToObject(data, "issuer", job->revoke->issuer) == NULL ||
        cJSON_AddStringToObject(data, "state", "trusted") == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const revoke_fields[] = { "issuer", "reason", "comment", "force", NULL };
static const char *const restore_fields[] = { "issuer", NULL };

const struct cr_command_info control_distrust_commands[] = {
    { "revokeIssuer", CR_ROLE_ADMIN, revoke_fields, revoke_issuer, revoke_issuer_answer },
    { "restoreIssuer", CR_ROLE_ADMIN, restore_fields, restore_issuer, restore_issuer_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
