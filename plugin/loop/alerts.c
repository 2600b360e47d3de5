/* Alerts: slots whose renewal is due and not confirmed, and how their devices are called. */
#include "plugin/loop/loop.h"

void loop_watch_tick(struct cr_router *router, int64_t now_ms)
{
    (void)router;
    (void)now_ms;
}

void loop_watch_home(struct cr_router *router, const struct cr_job *job)
{
    (void)router;
    (void)job;
}
