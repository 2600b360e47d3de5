/* router: the broker's events on their way in (host.h), completions on their way out. Broker loop only. */
#ifndef CR_ROUTER_H
#define CR_ROUTER_H

#include "common/clock.h"
#include "plugin/handoff/pipeline.h"
#include "plugin/host/host.h"
#include "plugin/setup.h"

struct cr_router_options {
    struct cr_host *host;
    const struct cr_clock *clock;
    struct cr_setup *setup;        /* the file's; held by the router */
    struct cr_pipeline *pipeline;  /* outlives the router */
};

CR_MUST_USE cr_err cr_router_new(struct cr_router **router, const struct cr_router_options *options);
/* A line of the audit log: the configuration was read, at start or again. */
void cr_router_configured(struct cr_router *router, const char *how);
/* Hands over to the store what the audit log is still to get. Before the store ends. */
void cr_router_flush(struct cr_router *router);
/* Jobs still under way are not waited for: end store and workers first. */
void cr_router_free(struct cr_router *router);
/* From now on the rules of this file, with the settings that all brokers share over them; work under way keeps its own. Every
 * session is judged anew by its certificate and stays. A file that the settings do not go with waits: the former rules stay in
 * force until one of them is corrected. */
void cr_router_use(struct cr_router *router, struct cr_setup *setup);

#endif
