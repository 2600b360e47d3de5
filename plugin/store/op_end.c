/* How an operation ends that could not do what it was asked for. */
#include "plugin/store/redis_store.h"

static unsigned retry_after(const struct store_op *op, int64_t seconds)
{
    enum { RETRY_MAX_S = 366 * 86400 };
    if (seconds <= 0) {
        seconds = op->job->setup->config.retry_after_s;
    }
    return (unsigned)(seconds < 1 ? 1 : seconds > RETRY_MAX_S ? RETRY_MAX_S : seconds);
}

/* A command that only reads leaves no line: what was looked at changed nothing, and whoever may look may not fill the log. */
static bool only_looks(const struct cr_job *job)
{
    return job->command != 0 &&
           (job->op == CR_OP_INSPECT || job->op == CR_OP_LIST || job->op == CR_OP_HISTORY || job->op == CR_OP_SURVEY ||
            job->op == CR_OP_CENSUS ||
            (job->op == CR_OP_POLICY && job->policy != NULL && job->policy->verb == CR_POLICY_READ) ||
            (job->op == CR_OP_CAMPAIGN && job->campaigns != NULL && job->campaigns->verb == CR_CAMPAIGN_READ));
}

void store_op_refuse(struct store_op *op, enum cr_refusal refusal, int64_t retry_after_s)
{
    const struct cr_refusal_info *info = cr_refusal_info(refusal);
    cr_job_refuse(op->job, refusal, info->retry ? retry_after(op, retry_after_s) : 0);
    bool again_soon = ((op->job->op == CR_OP_PRESENT || (op->job->op == CR_OP_POLICY && op->job->command == 0)) &&
                       info->retry) ||
                      op->job->op == CR_OP_SURVEY || op->job->op == CR_OP_FIGURES; /* each second: no line each time */
    if (!again_soon && !only_looks(op->job) && !op->job->unheard) {
        store_audit_op(op, "refused", info->error_code, NULL);
    }
    store_op_finish(op);
}

void store_op_quarantine(struct store_op *op, const char *what)
{
    store_audit_alarm(op, CR_REFUSAL_INTERNAL, what);
    op->store->op_errors++;
    if (op->late) {
        store_op_drop(op);
        return;
    }
    store_op_refuse(op, CR_REFUSAL_STORE_UNAVAILABLE, 0);
}

/* An issued slot without its certificate: it was lost, and the journal may have it. */
void store_op_look_for_lost(struct store_op *op)
{
    const struct cr_device_record *record = op->job->record;
    for (unsigned i = 0; i < record->slot_count; i++) {
        if (record->slot[i].state == CR_STATE_ISSUED && record->slot[i].certificate.len == 0) {
            store_audit_alarm(op, CR_REFUSAL_INTERNAL, "the waiting certificate is missing");
            op->store->lost = true;
        }
    }
}
