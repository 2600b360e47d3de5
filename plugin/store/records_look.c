/* The arguments of look.lua. */
#include "plugin/store/records.h"

#include <stdio.h>
#include <string.h>

/* "7776000 1 5184000 1 ..." */
static void look_thresholds(struct cr_args *args, const struct cr_profile *profile)
{
    enum { ONE_CAP = 24 };
    char text[CR_THRESHOLDS_MAX * ONE_CAP] = "";
    size_t len = 0;
    for (unsigned i = 0; profile != NULL && i < profile->threshold_count; i++) {
        const struct cr_threshold *threshold = &profile->threshold[i];
        int added = snprintf(text + len, sizeof text - len, "%s%lld %u", i > 0 ? " " : "",
                             (long long)threshold->before_s, threshold->level);
        len += added > 0 ? (size_t)added : 0;
    }
    cr_args_copy(args, text);
}

cr_err cr_args_look(struct cr_args *args, const struct cr_records *records, const struct cr_job *job, bool again)
{
    const struct cr_config *config = &job->setup->config;
    cr_err err = cr_args_script(args, CR_SCRIPT_LOOK, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    cr_args_number(args, job->claimed_until);
    cr_args_text(args, again ? "1" : "0");
    look_thresholds(args, job->profile);
    cr_args_number(args, config->wake_after_s);
    cr_args_number(args, config->wake_retry_s);
    cr_args_number(args, config->wake_retry_max_s > config->wake_retry_s ? config->wake_retry_max_s : config->wake_retry_s);
    cr_args_number(args, config->field_after_s);
    cr_args_number(args, config->field_before_s);
    cr_args_number(args, config->failures_alert);
    cr_args_text(args, job->may_begin ? "1" : "0");
    return args->overflow ? CR_FULL : CR_OK;
}
