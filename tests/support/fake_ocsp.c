/* OCSP. */
#include "tests/support/fake_inside.h"

#include "plugin/store/records.h"

void fake_ledger_ocsp(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_device *device = fake_device_find(ledger, job->device);
    if (device == NULL) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_DEVICE, 0);
        return;
    }
    fake_answer_record(job, device, FAKE_ALL_SLOTS, false);
    if (job->outcome != CR_OUT_RECORD) {
        return;
    }
    bool no_slot = job->slot[0] != '\0' && cr_device_record_slot(job->record, job->slot) == NULL;
    if (!cr_ocsp_find(job->ocsp, job->record, job->slot)) {
        fake_refuse(ledger, job, no_slot ? CR_REFUSAL_UNKNOWN_SLOT : CR_REFUSAL_UNKNOWN_CERTIFICATE, 0);
        return;
    }
    const struct cr_slot_record *slot = cr_device_record_slot(job->record, job->slot);
    if (slot != NULL && slot->revoked.at > 0) {
        job->ocsp->revoked = true;
        job->ocsp->reason = slot->revoked.reason;
        job->ocsp->revoked_at = slot->revoked.at;
    }
    job->outcome = CR_OUT_NONE; /* to be signed */
}
