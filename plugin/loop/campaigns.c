/* Campaigns: those that this broker carries on. */
#include "plugin/loop/loop.h"

void loop_campaigns_tick(struct cr_router *router, int64_t now_ms)
{
    (void)router;
    (void)now_ms;
}

void loop_campaign_home(struct cr_router *router, const struct cr_job *job)
{
    (void)router;
    (void)job;
}

void loop_campaigns_look(struct cr_router *router)
{
    (void)router;
}

void loop_campaigns_fini(struct cr_router *router)
{
    (void)router;
}
