/* LOOK: a slot whose renewal is due and not confirmed: its alert, and how its device is called. */
#include "tests/support/fake_inside.h"

void fake_look(struct fake_ledger *ledger, struct cr_job *job)
{
    (void)ledger;
    cr_job_refuse(job, CR_REFUSAL_INTERNAL, 0);
}
