/* The settings that all brokers share. */
#include "plugin/loop/loop.h"

void loop_policies_tick(struct cr_router *router, int64_t now_ms)
{
    (void)router;
    (void)now_ms;
}

void loop_policy_home(struct cr_router *router, const struct cr_job *job)
{
    (void)router;
    (void)job;
}

bool loop_policy_known(const struct cr_router *router)
{
    (void)router;
    return true;
}

void loop_policies_fini(struct cr_router *router)
{
    (void)router;
}
