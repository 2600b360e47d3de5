#include "plugin/loop/loop.h"

#include <stdarg.h>
#include <stdio.h>

void loop_log(struct cr_router *router, char level, const char *format, ...)
{
    char line[400];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++) { /* client ids and the like are strangers' text */
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    router->host->ops->log(router->host, level, line);
}

/* Operators by name: a client id says little about who that is. A device has its own name in every line. */
static void admit_who(const struct cr_router *router, const struct cr_session *session, char who[CR_WHO_CAP])
{
    const char *name = session->presence == NULL ? loop_operator_name(router, session) : "";

    snprintf(who, CR_WHO_CAP, "%s%.64s%s%.64s@%.63s", name[0] != '\0' ? "operator:" : "", name,
             name[0] != '\0' ? " " : "", session->client_id, session->address);
}

struct cr_job *loop_admit(struct cr_router *router, enum cr_op op, const struct cr_session *session, const char *device,
                          const char *slot)
{
    struct cr_job *job;

    if (router->in_flight >= router->setup->config.max_in_flight || cr_job_new(&job, op, router->setup) != CR_OK) {
        return NULL;
    }
    router->in_flight++;
    job->id = ++router->last_job;
    job->admitted_ms = loop_now_ms(router);
    job->now_s = cr_wall_s(router->clock);
    if (cr_text_copy(job->device, sizeof job->device, device) != CR_OK ||
        cr_text_copy(job->slot, sizeof job->slot, slot) != CR_OK) {
        loop_abandon(router, job);
        return NULL;
    }
    job->profile = cr_config_slot(&job->setup->config, job->slot);
    if (session != NULL) {
        job->session = session->id;
        job->presented = session->facts;
        admit_who(router, session, job->who);
    } else {
        snprintf(job->who, sizeof job->who, "broker");
    }
    return job;
}

/* Its request, as opposed to what we do about it by ourselves. */
static bool admit_is_request(const struct cr_job *job)
{
    return job->op == CR_OP_CSR || job->op == CR_OP_GET || job->op == CR_OP_REPORT;
}

void loop_send(struct cr_router *router, struct cr_job *job, enum cr_stage stage)
{
    struct cr_session *session = admit_is_request(job) ? cr_sessions_find_id(&router->sessions, job->session) : NULL;

    if (session != NULL) {
        session->jobs++;
    }
    if (job->op == CR_OP_PRESENT || job->op == CR_OP_REPORT) { /* what it answers was delivered before */
        loop_deliveries_flush(router);
    }
    job->stage = stage;
    job->may_begin = job->may_begin && !router->agenda.clock_odd;
    cr_pipeline_forward(router->pipeline, job);
}

void loop_release(struct cr_router *router, struct cr_job *job)
{
    struct cr_session *session = admit_is_request(job) ? cr_sessions_find_id(&router->sessions, job->session) : NULL;

    if (session != NULL) {
        session->jobs--;
    }
    if (!cr_job_is_news(job)) { /* those were never admitted */
        router->in_flight--;
    }
    cr_job_free(job);
}

void loop_abandon(struct cr_router *router, struct cr_job *job)
{
    router->in_flight--;
    cr_job_free(job);
}
