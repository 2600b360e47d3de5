/* The arguments of steer.lua. */
#include "plugin/store/records.h"

static const char *const verbs[] = {
    [CR_STEER_HOLD] = "hold",
    [CR_STEER_RELEASE] = "release",
    [CR_STEER_CANCEL] = "cancel",
    [CR_STEER_TAG] = "tag",
    [CR_STEER_ACKNOWLEDGE] = "acknowledge",
};

static cr_err steer(struct cr_args *args, const struct cr_records *records, const struct cr_job *job, bool again,
                    bool entries_gone)
{
    const struct cr_steer *steer = job->steer;
    cr_err err = cr_args_script(args, CR_SCRIPT_STEER, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    cr_args_text(args, verbs[steer->verb]);
    cr_args_text(args, steer->verb == CR_STEER_ACKNOWLEDGE ? steer->by : steer->text);
    cr_args_text(args, steer->add);
    cr_args_text(args, steer->drop);
    cr_args_number(args, job->now_s + job->setup->config.renewal_deadline_s);
    cr_args_bytes(args, again ? "1" : "0", 1);
    cr_args_bytes(args, entries_gone ? "1" : "0", 1);
    cr_args_number(args, cr_config_accept_expired_s(&job->setup->config));
    return args->overflow ? CR_FULL : CR_OK;
}

cr_err cr_args_steer(struct cr_args *args, const struct cr_records *records, const struct cr_job *job, bool again)
{
    return steer(args, records, job, again, false);
}

cr_err cr_args_release(struct cr_args *args, const struct cr_records *records, const struct cr_job *job, bool again,
                       bool entries_gone)
{
    return steer(args, records, job, again, entries_gone);
}
