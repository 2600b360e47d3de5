/* FIGURES: writes the file of figures; here it is only kept, in place of the file. */
#include "tests/support/fake_inside.h"

#include <stdio.h>

void fake_figures(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_figures_file *file = fake_ledger_figures(ledger);
    file->attempts++;
    if (file->broken) {
        (void)snprintf(job->audit_detail, sizeof job->audit_detail, "Permission denied");
        cr_job_refuse(job, CR_REFUSAL_STORE_UNAVAILABLE, 1);
        return;
    }
    cr_blob_fini(&file->text);
    cr_blob_move(&file->text, &job->payload);
    file->writes++;
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}
