/* Counting who needs which issuer, for commands that must know it now. The store counts a part of the fleet at a time, and
 * one part is under way at a time; the sums travel with the job. What cannot be counted in time is told as that: a number
 * that is too small would let an issuer go that devices need. */
#include "plugin/loop/control.h"

#include <stdlib.h>
#include <string.h>

enum { CENSUS_MS = 60000 };

static const struct {
    enum cr_refusal (*counted)(struct cr_command *command, const struct cr_job *job, cJSON *data);
} whys[] = {
    [CR_CENSUS_SHOW] = { control_census_shown },
    [CR_CENSUS_RETIRE] = { control_retire_counted },
    [CR_CENSUS_BUNDLE] = { control_bundle_counted },
};

/* like: the job before, whose asker may have left; NULL: the first. */
static enum cr_command_result census_send(struct cr_command *command, const struct cr_census *census,
                                          const struct cr_job *like, enum cr_refusal *refusal)
{
    struct cr_job *job = loop_admit(command->router, CR_OP_CENSUS, command->session, "", "");

    if (job != NULL && (job->census = malloc(sizeof *job->census)) == NULL) {
        loop_abandon(command->router, job);
        job = NULL;
    }
    if (job != NULL) {
        *job->census = *census;
    }
    if (job != NULL && like != NULL) {
        control_like(job, like);
    }
    return control_send(command, job, refusal);
}

static enum cr_refusal census_gather(struct cr_command *command, const struct cr_job *job, cJSON *data)
{
    enum cr_refusal refusal = CR_REFUSAL_INTERNAL;

    if (job->op == CR_OP_REVOKE) {
        return control_retired(command, job, data);
    }
    if (job->outcome == CR_OUT_REFUSED || job->census == NULL || data == NULL) {
        return job->outcome == CR_OUT_REFUSED ? job->refusal : refusal;
    }
    if (job->census->cursor[0] == '\0') {
        return whys[job->census->why].counted(command, job, data);
    }
    if (loop_now_ms(command->router) - job->census->began_ms > CENSUS_MS) {
        control_fail(command, CR_REFUSAL_BUSY, "The fleet could not be counted within a minute; nothing was changed. Ask again "
                                               "when Redis has less to do.", NULL);
        return CR_REFUSAL_NONE;
    }
    return census_send(command, job->census, job, &refusal) == CR_COMMAND_SENT ? CR_REFUSAL_NONE : refusal;
}

enum cr_command_result control_census(struct cr_command *command, struct cr_census *census, enum cr_refusal *refusal)
{
    *refusal = CR_REFUSAL_BUSY;
    census->began_ms = loop_now_ms(command->router);
    if (control_gather(command, census_gather) == NULL) {
        return CR_COMMAND_FAILED;
    }
    return census_send(command, census, NULL, refusal);
}
