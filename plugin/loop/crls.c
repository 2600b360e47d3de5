/* CRLs are published. */
#include "plugin/loop/loop.h"

void loop_crl_home(struct cr_router *router, const struct cr_job *job)
{
    (void)router;
    (void)job;
}
