/* Figures of this broker and of the fleet. */
#include "plugin/loop/loop.h"

void loop_figures_tick(struct cr_router *router, int64_t now_ms)
{
    (void)router;
    (void)now_ms;
}

void loop_figures_home(struct cr_router *router, const struct cr_job *job)
{
    (void)router;
    (void)job;
}

void loop_figures_fini(struct cr_router *router)
{
    (void)router;
}
