/* What others hear of CRLs: the loop, the audit log, the broker's log, operators. */
#include "plugin/store/crl_maker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cr_job *news(struct store_crl *crl)
{
    struct cr_job *job = NULL;
    if (cr_job_new(&job, CR_OP_CRL, crl->setup) != CR_OK) {
        return NULL;
    }
    job->now_s = cr_wall_s(crl->store->options.clock);
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
    return job;
}

static void hand_over(struct store_crl *crl, struct cr_job *job)
{
    crl->store->options.done(crl->store->options.done_ctx, job);
}

static bool tell_one(struct store_crl *crl, const struct crl_issuer *issuer)
{
    const struct crl_list *list = &issuer->list;
    struct cr_job *job = news(crl);
    struct cr_crl_news *told = job != NULL ? calloc(1, sizeof *told) : NULL;
    if (told == NULL || cr_blob_copy(&job->payload, list->der.data, list->der.len) != CR_OK) {
        free(told);
        cr_job_free(job);
        return false;
    }
    memcpy(told->issuer, issuer->id, sizeof told->issuer);
    told->number = list->number;
    told->entries = (unsigned)list->count;
    told->this_update = list->this_update;
    told->next_update = list->next_update;
    job->crl = told;
    hand_over(crl, job);
    return true;
}

void crl_tell_loop(struct store_crl *crl)
{
    for (unsigned i = 0; i < crl->count && !crl->ending; i++) {
        struct crl_issuer *issuer = &crl->issuer[i];
        issuer->untold = issuer->untold && issuer->list.der.len > 0 && !tell_one(crl, issuer);
    }
}

static void crl_alarm(struct store_crl *crl, const char *detail)
{
    struct cr_redis_store *store = crl->store;
    struct cr_job *job = news(crl);
    store_log(store, 'e', "%s", detail);
    store_audit(store, &(struct cr_audit){ .what = "alarm", .now_s = cr_wall_s(store->options.clock), .who = "broker",
                                           .detail = detail });
    if (job != NULL && !crl->ending) {
        job->alarm = CR_REFUSAL_CRL_FAILED;
        (void)snprintf(job->audit_detail, sizeof job->audit_detail, "%s", detail);
        hand_over(crl, job);
    } else {
        cr_job_free(job);
    }
}

void crl_tell_failure(struct store_crl *crl, struct crl_issuer *issuer, const char *why)
{
    char *said = issuer != NULL ? issuer->said : crl->said;
    char detail[CR_AUDIT_DETAIL_CAP];
    if (strcmp(said, why) == 0) {
        return;
    }
    (void)snprintf(said, CRL_WHY_CAP, "%s", why);
    if (why[0] == '\0') {
        return;
    }
    if (issuer != NULL) {
        (void)snprintf(detail, sizeof detail, "CRL of %s: %s", issuer->id, why);
    } else {
        (void)snprintf(detail, sizeof detail, "CRL files: %s", why);
    }
    crl_alarm(crl, detail);
}

void crl_tell_made(struct store_crl *crl, const struct crl_issuer *issuer)
{
    char detail[CR_AUDIT_DETAIL_CAP], until[CR_TIME_TEXT];
    cr_time_text(until, issuer->list.next_update);
    (void)snprintf(detail, sizeof detail, "issuer %s number %" PRIu64 " entries %zu until %s", issuer->id,
                   issuer->list.number, issuer->list.count, until);
    store_audit(crl->store, &(struct cr_audit){ .what = "crl", .now_s = cr_wall_s(crl->store->options.clock),
                                                .who = "broker", .detail = detail });
}

/* Half of the time from when a new one was due is gone, or all of it. */
void crl_tell_age(struct store_crl *crl)
{
    int64_t now_s = cr_wall_s(crl->store->options.clock);
    char why[80], until[CR_TIME_TEXT];
    for (unsigned i = 0; i < crl->count; i++) {
        struct crl_issuer *issuer = &crl->issuer[i];
        const struct crl_list *list = &issuer->list;
        int64_t refresh = list->this_update + crl->setup->config.crl_refresh_s;
        int64_t half = list->next_update - (list->next_update - refresh) / 2;
        bool over = now_s >= list->next_update;
        if (list->der.len == 0 || now_s < half || issuer->warned == list->this_update + over) {
            continue;
        }
        issuer->warned = list->this_update + over;
        cr_time_text(until, list->next_update);
        (void)snprintf(why, sizeof why, over ? "it ended at %s, and there is no new one." : "it ends at %s, and there is no new one.",
                       until);
        char detail[CR_AUDIT_DETAIL_CAP];
        (void)snprintf(detail, sizeof detail, "CRL of %s: %s", issuer->id, why);
        crl_alarm(crl, detail);
    }
}
