/* operator: triggers a renewal of every device over the operator channel, in batches, as CN=operator of the demo's PKI.
 * Main thread only. */
#ifndef DEVICE_SIM_OPERATOR_H
#define DEVICE_SIM_OPERATOR_H

#include "device-sim/link.h"
#include "device-sim/roster.h"

struct operator_result {
    unsigned triggered, refused;
    char problem[120]; /* of the first refusal, or of the connection; "": none */
};

struct operator_job {
    const struct roster *roster;
    const char *dir, *slot;
    struct link_config link;          /* the fleet's; the handler is the operator's own */
    void (*done)(void *ctx, const struct operator_result *result);
    void *ctx;
    /* private */
    struct tls_identity identity;
    struct link *open;
    struct operator_result result;
    unsigned next;                    /* of the roster: the first that no batch has named */
    bool finished;
};

/* Begins; done() is called once, later, unless operator_stop() comes first. CR_NOT_FOUND: no operator.pem and .key. */
CR_MUST_USE cr_err operator_start(struct operator_job *job);
/* Harmless at any time. */
void operator_stop(struct operator_job *job);

#endif
