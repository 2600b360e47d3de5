/* LIST: a page of the slots that match a filter. */
#include "tests/support/fake_inside.h"

void fake_list(struct fake_ledger *ledger, struct cr_job *job)
{
    (void)ledger;
    cr_job_refuse(job, CR_REFUSAL_INTERNAL, 0);
}
