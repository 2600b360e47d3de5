/* OCSP. */
#include "tests/support/fake_inside.h"

void fake_ledger_ocsp(struct fake_ledger *ledger, struct cr_job *job)
{
    (void)ledger;
    cr_job_refuse(job, CR_REFUSAL_INTERNAL, 0);
}
