/* A job is home: who asked for it gets what came of it. */
#include "plugin/loop/loop.h"

void loop_complete(struct cr_router *router, struct cr_job *job)
{
    struct cr_session *session = cr_sessions_find_id(&router->sessions, job->session);

    if (job->outcome == CR_OUT_NONE) {
        cr_job_refuse(job, CR_REFUSAL_INTERNAL, job->setup->config.retry_after_s);
    }
    if (job->alarm != CR_REFUSAL_NONE) {
        loop_alarm_audited(router, session, job->device, job->alarm, job->audit_detail);
    }
    loop_alerts_home(router, job);
    switch (job->op) {
    case CR_OP_CSR:
        loop_figures_answered(router, job);
        if (session != NULL) {
            session->asking--;
        }
        loop_renewal_home(router, session, job);
        break;
    case CR_OP_GET:
    case CR_OP_REPORT:
        loop_renewal_home(router, session, job);
        break;
    case CR_OP_PRESENT:
        loop_presented(router, job);
        break;
    case CR_OP_INSPECT:
        if (job->command == 0) { /* nobody's command */
            loop_dormant_looked(router, job);
            break;
        }
        loop_command_done(router, job);
        break;
    case CR_OP_TRIGGER:
        if (job->command == 0) {
            loop_campaign_home(router, job);
            break;
        }
        loop_command_done(router, job);
        break;
    case CR_OP_LIST:
    case CR_OP_STEER:
    case CR_OP_CAMPAIGN:
        if (job->command == 0) {
            loop_campaign_home(router, job);
            break;
        }
        loop_command_done(router, job);
        break;
    case CR_OP_HISTORY:
        loop_command_done(router, job);
        break;
    case CR_OP_POLICY:
        if (loop_policy_home(router, job)) {
            return;
        }
        if (job->command != 0) {
            loop_command_done(router, job);
        }
        break;
    case CR_OP_LOOK:
        loop_watch_home(router, job);
        break;
    case CR_OP_SURVEY:
        if (job->command != 0) {
            if (job->outcome == CR_OUT_DONE && job->survey != NULL && job->survey->at == 0) {
                cr_job_refuse(job, CR_REFUSAL_BUSY, job->setup->config.retry_after_s); /* not counted yet */
            }
            loop_command_done(router, job);
            break;
        }
        loop_figures_home(router, job);
        break;
    case CR_OP_FIGURES:
        loop_figures_home(router, job);
        break;
    case CR_OP_DELIVER:
        for (unsigned i = 0; job->record != NULL && i < job->record->slot_count; i++) {
            router->counters.issued += job->record->slot[i].state == CR_STATE_ISSUED;
            loop_deliver(router, job->device, &job->record->slot[i]);
        }
        break;
    case CR_OP_AGENDA:
        if (job->agenda != NULL && job->agenda->watch) {
            loop_watch_home(router, job);
            break;
        }
        loop_agenda_done(router, job);
        break;
    case CR_OP_ADVANCE:
        loop_advanced(router, job);
        break;
    case CR_OP_PUSH:
        loop_present_again(router, job->device);
        break;
    case CR_OP_REVOKE:
    case CR_OP_ENROL:
    case CR_OP_OCSP:
    case CR_OP_CENSUS:
        loop_command_done(router, job);
        break;
    case CR_OP_REVOKED:
        loop_revoked_home(router, job);
        break;
    case CR_OP_CRL:
        loop_crl_home(router, job);
        break;
    case CR_OP_TRUST:
        loop_bundle_home(router, job); /* also of commands */
        break;
    case CR_OP_AUDIT:
        if (job->outcome != CR_OUT_DONE) {
            router->counters.audits_lost += job->deliveries != NULL ? job->deliveries->count : 1;
        }
        break;
    }
    loop_release(router, job);
}
