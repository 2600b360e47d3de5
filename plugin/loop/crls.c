/* CRLs: each is published retained, for whoever checks certificates elsewhere, and its facts are kept. */
#include "plugin/loop/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CRLS_MAX = 64 };

struct cr_crls {
    unsigned count;
    struct cr_crl_news list[CRLS_MAX];
};

static void crls_note(struct cr_router *router, const struct cr_crl_news *news)
{
    struct cr_crls *crls = router->crls != NULL ? router->crls : calloc(1, sizeof *crls);
    unsigned i = 0;

    if (crls == NULL) {
        return; /* only listIssuers misses it */
    }
    router->crls = crls;
    while (i < crls->count && strcmp(crls->list[i].issuer, news->issuer) != 0) {
        i++;
    }
    if (i < CRLS_MAX) {
        crls->list[i] = *news;
        crls->count += i == crls->count;
    }
}

void loop_crl_home(struct cr_router *router, const struct cr_job *job)
{
    struct cr_publication publication = { .qos = 1, .retain = true };
    char topic[sizeof CR_TOPIC_CRL + CR_ISSUER_ID_TEXT + 1];

    if (job->crl == NULL) { /* only an alarm */
        return;
    }
    crls_note(router, job->crl);
    if (!router->setup->config.crl_publish) {
        return;
    }
    (void)snprintf(topic, sizeof topic, CR_TOPIC_CRL "/%s", job->crl->issuer);
    publication.topic = topic;
    publication.payload = cr_blob_view(&job->payload);
    if (router->host->ops->publish(router->host, &publication) != CR_OK) {
        loop_log(router, 'w', "The CRL of %s could not be published.", job->crl->issuer);
    }
}

const struct cr_crl_news *loop_crl(const struct cr_router *router, const char *issuer)
{
    for (unsigned i = 0; router->crls != NULL && i < router->crls->count; i++) {
        if (strcmp(router->crls->list[i].issuer, issuer) == 0) {
            return &router->crls->list[i];
        }
    }
    return NULL;
}

const struct cr_crl_news *loop_crls(const struct cr_router *router, unsigned *count)
{
    *count = router->crls != NULL ? router->crls->count : 0;
    return *count > 0 ? router->crls->list : NULL;
}

void loop_crls_fini(struct cr_router *router)
{
    free(router->crls);
    router->crls = NULL;
}
