/* Signing OCSP responses. */
#include "plugin/worker/workers.h"

void cr_vouch_ocsp(struct cr_job *job)
{
    cr_job_refuse(job, CR_REFUSAL_INTERNAL, 0);
}
