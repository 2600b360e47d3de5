/* Deliveries: what was handed to the broker for a device, for the audit log. Lines are gathered for a moment and go to the
 * store together, since a job for each would cost as much as all else that is done for a delivery here. */
#include "plugin/loop/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DELIVERIES_WAIT_MS = 50 };

/* The one being gathered; NULL: there is no memory for it. */
static struct cr_deliveries *deliveries_open(struct cr_router *router)
{
    if (router->deliveries == NULL) {
        router->deliveries = malloc(sizeof *router->deliveries);
        if (router->deliveries == NULL) {
            return NULL;
        }
        router->deliveries->count = 0;
        router->deliveries_due_ms = loop_now_ms(router) + DELIVERIES_WAIT_MS;
    }
    if (router->deliveries->count == CR_DELIVERIES_MAX) {
        loop_deliveries_flush(router);
        return router->deliveries == NULL ? deliveries_open(router) : NULL;
    }
    return router->deliveries;
}

void loop_delivered(struct cr_router *router, const struct cr_reply_to *to, const char *renewal_id,
                    const struct cr_serial *serial, unsigned attempt)
{
    struct cr_deliveries *deliveries = deliveries_open(router);
    struct cr_delivery *one;

    if (deliveries == NULL) {
        router->counters.audits_lost++;
        return;
    }
    one = &deliveries->delivery[deliveries->count++];
    one->serial.len = 0;
    if (serial != NULL) {
        one->serial = *serial;
    }
    one->attempt = attempt;
    one->queued = to->session == NULL;
    one->at_s = cr_wall_s(router->clock);
    (void)snprintf(one->device, sizeof one->device, "%s", to->device);
    (void)snprintf(one->slot, sizeof one->slot, "%s", to->slot);
    (void)snprintf(one->renewal_id, sizeof one->renewal_id, "%s", renewal_id);
    if (to->session != NULL) {
        (void)snprintf(one->who, sizeof one->who, "%.64s@%.63s", to->session->client_id, to->session->address);
    } else {
        (void)snprintf(one->who, sizeof one->who, "%.64s", to->client_id);
    }
}

void loop_deliveries_flush(struct cr_router *router)
{
    struct cr_job *job;

    if (router->deliveries == NULL || (job = loop_admit(router, CR_OP_AUDIT, NULL, "", "")) == NULL) {
        return; /* it is tried again */
    }
    job->deliveries = router->deliveries;
    router->deliveries = NULL;
    (void)snprintf(job->audit_what, sizeof job->audit_what, "delivered");
    loop_send(router, job, CR_STAGE_STORE);
}

void loop_deliveries_tick(struct cr_router *router)
{
    if (router->deliveries != NULL && loop_now_ms(router) >= router->deliveries_due_ms) {
        loop_deliveries_flush(router);
    }
}

void loop_deliveries_fini(struct cr_router *router)
{
    free(router->deliveries);
    router->deliveries = NULL;
}
