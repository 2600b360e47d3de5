/* Commands about the trust bundle. */
#include "common/dn.h"
#include "plugin/loop/bundles.h"
#include "plugin/loop/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- setTrustBundle ---- */

/* One text, or a list of them, as one. False: *text says what it must be, unless memory ran out (*refusal). */
static bool bundle_pem(const cJSON *item, struct cr_blob *pem, enum cr_refusal *refusal, const char **text)
{
    const cJSON *first = cJSON_IsArray(item) ? item->child : item;
    size_t len = 0;
    char *all;

    *refusal = CR_REFUSAL_MALFORMED_JSON;
    *text = "\"certificates\" must be PEM text, or a list of PEM texts.";
    if (item == NULL || first == NULL) {
        return false;
    }
    for (const cJSON *one = first; one != NULL; one = cJSON_IsArray(item) ? one->next : NULL) {
        if (!cJSON_IsString(one) || one->valuestring[0] == '\0') {
            return false;
        }
        len += strlen(one->valuestring) + 1;
    }
    all = malloc(len + 1);
    if (all == NULL) {
        *refusal = CR_REFUSAL_BUSY;
        *text = NULL;
        return false;
    }
    *pem = (struct cr_blob){ (uint8_t *)all, 0 };
    for (const cJSON *one = first; one != NULL; one = cJSON_IsArray(item) ? one->next : NULL) {
        size_t one_len = strlen(one->valuestring);

        memcpy(all + pem->len, one->valuestring, one_len);
        pem->len += one_len;
        if (all[pem->len - 1] != '\n') { /* a block may end without a line end; the next one begins a line */
            all[pem->len++] = '\n';
        }
    }
    *text = NULL;
    return true;
}

/* Those whose certificates devices have, or will have, from us. */
static unsigned bundle_signers(const struct cr_router *router)
{
    const struct cr_trust *trust = router->setup->trust;
    unsigned signers = 0;

    for (unsigned i = 0; i < cr_trust_signers(trust) && i < CR_ISSUERS_MAX; i++) {
        signers |= loop_issuer_mark(router, cr_issuer_id(trust, i)) == NULL ? 1u << i : 0;
    }
    return signers;
}

static enum cr_command_result set_bundle(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                         const char **text)
{
    struct cr_router *router = command->router;
    const char *mode;
    struct cr_blob pem = { NULL, 0 };
    struct cr_job *job;

    (void)data;
    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "mode", false, &mode, text)) {
        return CR_COMMAND_FAILED;
    }
    if (mode[0] != '\0' && cr_trust_mode_parse(mode) == CR_TRUST_MODES) {
        *text = "\"mode\" must be add or replace.";
        return CR_COMMAND_FAILED;
    }
    if (!bundle_pem(cJSON_GetObjectItemCaseSensitive(command->request, "certificates"), &pem, refusal, text)) {
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_BUSY;
    job = loop_admit(router, CR_OP_TRUST, command->session, "", "");
    if (job != NULL && (job->bundle = calloc(1, sizeof *job->bundle)) == NULL) {
        loop_abandon(router, job);
        job = NULL;
    }
    if (job == NULL) {
        cr_blob_fini(&pem);
        return CR_COMMAND_FAILED;
    }
    cr_blob_move(&job->payload, &pem);
    job->bundle->verb = CR_TRUST_WRITE;
    job->bundle->mode = mode[0] != '\0' ? cr_trust_mode_parse(mode) : CR_TRUST_ADD;
    job->bundle->version = loop_bundle_highest(router);
    job->bundle->signers = bundle_signers(router);
    (void)snprintf(job->bundle->by, sizeof job->bundle->by, "%.64s", loop_operator_name(router, command->session));
    if (control_take(command, job, refusal) != CR_COMMAND_SENT) {
        return CR_COMMAND_FAILED;
    }
    loop_send(router, job, CR_STAGE_CHECK);
    return CR_COMMAND_SENT;
}

static cJSON *set_bundle_answer(struct cr_router *router, const struct cr_job *job)
{
    cJSON *data = cJSON_CreateObject();

    (void)router;
    if (data == NULL || cJSON_AddNumberToObject(data, "version", (double)job->bundle->version) == NULL) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

/* ---- getTrustBundle ---- */

static bool bundle_add_text(cJSON *array, const char *text)
{
    cJSON *item = array != NULL ? cJSON_CreateString(text) : NULL;

    if (item == NULL || !cJSON_AddItemToArray(array, item)) {
        cJSON_Delete(item);
        return false;
    }
    return true;
}

static bool bundle_put_certificates(cJSON *data, struct cr_bytes certs)
{
    cJSON *list = cJSON_AddArrayToObject(data, "certificates"), *subjects = cJSON_AddArrayToObject(data, "subjects");
    char pem[CR_BASE64_LEN(CR_CERT_MAX) + CR_CERT_MAX / 32 + 128], subject[160];
    struct cr_bytes der;
    struct cr_cert cert;

    while (cr_cert_next(&der, &certs) == CR_OK) {
        pem[0] = '\0';
        subject[0] = '\0';
        if (cr_cert_to_pem(pem, sizeof pem, der) != CR_OK) {
            return false;
        }
        if (cr_cert_parse(&cert, der) == CR_OK) {
            cr_dn_text(subject, sizeof subject, cert.subject);
        }
        if (!bundle_add_text(list, pem) || !bundle_add_text(subjects, subject)) {
            return false;
        }
    }
    return list != NULL && subjects != NULL;
}

static bool bundle_put(cJSON *data, const struct cr_bundle *bundle)
{
    if (cJSON_AddNumberToObject(data, "version", (double)bundle->version) == NULL) {
        return false;
    }
    return bundle->version == 0 ||
           (cJSON_AddStringToObject(data, "mode", cr_trust_mode_text(bundle->mode)) != NULL &&
            control_put_time(data, "at", bundle->at) && control_put_text(data, "by", bundle->by) &&
            bundle_put_certificates(data, cr_blob_view(&bundle->certs)));
}

static enum cr_command_result get_bundle(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                         const char **text)
{
    const struct cr_bundle *bundle = loop_bundle(command->router);
    const struct cr_profile *tls = loop_tls_profile(command->router);
    struct cr_census census = { .why = CR_CENSUS_BUNDLE };
    bool count;

    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_truth(command, "count", false, &count, text)) {
        return CR_COMMAND_FAILED;
    }
    *refusal = CR_REFUSAL_STORE_UNAVAILABLE;
    if (bundle == NULL) {
        return CR_COMMAND_FAILED;
    }
    if (count && bundle->version > 0 && tls != NULL &&
        cr_text_copy(census.trust_slot, sizeof census.trust_slot, tls->slot) == CR_OK) {
        census.trust_version = bundle->version;
        return control_census(command, &census, refusal);
    }
    *refusal = CR_REFUSAL_INTERNAL;
    *data = cJSON_CreateObject();
    if (*data == NULL || !bundle_put(*data, bundle)) {
        cJSON_Delete(*data);
        return CR_COMMAND_FAILED;
    }
    return CR_COMMAND_ANSWERED;
}

enum cr_refusal control_bundle_counted(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    const struct cr_bundle *bundle = loop_bundle(command->router);

    if (bundle == NULL || bundle->version != job->census->trust_version) {
        control_fail(command, CR_REFUSAL_WRONG_STATE, "There is another bundle by now; ask again.", NULL);
        return CR_REFUSAL_NONE;
    }
    return bundle_put(data, bundle) &&
                   cJSON_AddNumberToObject(data, "confirmed", (double)job->census->confirmed) != NULL &&
                   cJSON_AddNumberToObject(data, "unconfirmed", (double)job->census->unconfirmed) != NULL
               ? CR_REFUSAL_NONE
               : CR_REFUSAL_INTERNAL;
}

static const char *const set_fields[] = { "certificates", "mode", NULL };
static const char *const get_fields[] = { "count", NULL };

const struct cr_command_info control_bundle_commands[] = {
    { "setTrustBundle", CR_ROLE_ADMIN, set_fields, set_bundle, set_bundle_answer },
    { "getTrustBundle", CR_ROLE_VIEWER, get_fields, get_bundle, NULL },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
