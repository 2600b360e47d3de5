/* Commands about what is to come: the fleet as it was last counted. */
#include "plugin/loop/control.h"
#include "plugin/store/survey.h"

#include <stdio.h>
#include <stdlib.h>

/* Numbers by the days of their spans. */
static bool put_spans(cJSON *data, const char *name, const uint64_t numbers[CR_SURVEY_SPANS])
{
    cJSON *object = cJSON_AddObjectToObject(data, name);
    char days[12];

    for (unsigned i = 0; object != NULL && i < CR_SURVEY_SPANS; i++) {
        (void)snprintf(days, sizeof days, "%u", cr_survey_days[i]);
        if (cJSON_AddNumberToObject(object, days, (double)numbers[i]) == NULL) {
            return false;
        }
    }
    return object != NULL;
}

static bool put_states(cJSON *data, const uint64_t states[CR_STATE_COUNT])
{
    cJSON *object = cJSON_AddObjectToObject(data, "states");

    for (unsigned i = 0; object != NULL && i < CR_STATE_COUNT; i++) {
        if (cJSON_AddNumberToObject(object, cr_state_text((enum cr_state)i), (double)states[i]) == NULL) {
            return false;
        }
    }
    return object != NULL;
}

bool control_put_fleet(cJSON *data, const struct cr_survey_counts *counts, int64_t at)
{
    return control_put_time(data, "asOf", at) &&
           cJSON_AddNumberToObject(data, "slots", (double)counts->slots) != NULL && put_states(data, counts->state) &&
           cJSON_AddNumberToObject(data, "held", (double)counts->held) != NULL &&
           cJSON_AddNumberToObject(data, "expired", (double)counts->expired) != NULL &&
           cJSON_AddNumberToObject(data, "alerts", (double)counts->alerts) != NULL &&
           put_spans(data, "expiring", counts->expiring);
}

static bool put_days(cJSON *data, const uint64_t due[CR_FORECAST_DAYS])
{
    cJSON *array = cJSON_AddArrayToObject(data, "renewalsPerDay");

    for (unsigned i = 0; array != NULL && i < CR_FORECAST_DAYS; i++) {
        cJSON *number = cJSON_CreateNumber((double)due[i]);

        if (number == NULL || !cJSON_AddItemToArray(array, number)) {
            cJSON_Delete(number);
            return false;
        }
    }
    return array != NULL;
}

static bool put_issuers(cJSON *data, const struct cr_survey_counts *counts)
{
    cJSON *array = cJSON_AddArrayToObject(data, "issuers");

    for (unsigned i = 0; array != NULL && i < counts->issuers; i++) {
        cJSON *issuer = cJSON_CreateObject();

        if (issuer == NULL || !cJSON_AddItemToArray(array, issuer)) {
            cJSON_Delete(issuer);
            return false;
        }
        if (cJSON_AddStringToObject(issuer, "issuer", counts->issuer[i].issuer) == NULL ||
            cJSON_AddNumberToObject(issuer, "slots", (double)counts->issuer[i].slots) == NULL) {
            return false;
        }
    }
    return array != NULL;
}

static enum cr_command_result forecast(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                       const char **text)
{
    struct cr_job *job = loop_admit(command->router, CR_OP_SURVEY, command->session, "", "");

    (void)data;
    (void)text;
    if (job != NULL && (job->survey = calloc(1, sizeof *job->survey)) == NULL) {
        loop_abandon(command->router, job);
        job = NULL;
    }
    if (job != NULL) {
        job->survey->verb = CR_SURVEY_READ;
    }
    return control_send(command, job, refusal);
}

static cJSON *forecast_answer(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_survey *survey = job->survey;
    cJSON *data;

    (void)router;
    if (survey == NULL || survey->at == 0 || (data = cJSON_CreateObject()) == NULL) {
        return NULL;
    }
    if (!control_put_fleet(data, &survey->counts, survey->at) ||
        !put_spans(data, "expireUnrenewed", survey->counts.at_risk) || !put_days(data, survey->counts.due) ||
        !put_issuers(data, &survey->counts)) {
        cJSON_Delete(data);
        return NULL;
    }
    return data;
}

static const char *const no_fields[] = { NULL };

const struct cr_command_info control_forecast_commands[] = {
    { "forecast", CR_ROLE_VIEWER, no_fields, forecast, forecast_answer },
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
