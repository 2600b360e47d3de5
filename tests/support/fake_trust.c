/* TRUST. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void trust_done(struct cr_job *job)
{
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}

static void trust_write(struct fake_ledger *ledger, struct cr_job *job)
{
    struct cr_bundle *bundle = job->bundle, *kept = fake_bundle_of(ledger);
    char detail[CR_AUDIT_DETAIL_CAP];
    if (bundle->certs.len == 0 || bundle->certs.len > CR_BUNDLE_MAX || bundle->mode >= CR_TRUST_MODES) {
        fake_refuse(ledger, job, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    bundle->version = (bundle->version > kept->version ? bundle->version : kept->version) + 1;
    bundle->at = job->now_s;
    cr_blob_fini(&kept->certs);
    *kept = *bundle;
    kept->certs = (struct cr_blob){ NULL, 0 };
    if (cr_blob_copy(&kept->certs, bundle->certs.data, bundle->certs.len) != CR_OK) {
        abort();
    }
    (void)snprintf(detail, sizeof detail, "version %llu, %s, %zu bytes of certificates",
                   (unsigned long long)bundle->version, cr_trust_mode_text(bundle->mode), bundle->certs.len);
    fake_audit_job(ledger, "trust-bundle", job, detail);
    trust_done(job);
}

static void trust_confirm(struct fake_ledger *ledger, struct cr_job *job)
{
    const struct cr_bundle *bundle = job->bundle;
    bool installed = bundle->outcome == CR_REPORT_INSTALLED;
    struct fake_device *device = fake_device_find(ledger, job->device);
    char detail[CR_AUDIT_DETAIL_CAP];
    if (installed && device == NULL) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_DEVICE, 0);
        return;
    }
    if (installed && device->trust_version < bundle->version) {
        device->trust_version = bundle->version;
    }
    (void)snprintf(detail, sizeof detail, "version %llu%s%s%s%s", (unsigned long long)bundle->version,
                   installed ? "" : ", ", installed ? "" : cr_report_outcome_text(bundle->outcome),
                   bundle->reason[0] != '\0' ? ": " : "", bundle->reason);
    fake_audit_job(ledger, installed ? "trust-confirmed" : "trust-failed", job, detail);
    trust_done(job);
}

void fake_ledger_trust(struct fake_ledger *ledger, struct cr_job *job)
{
    if (job->bundle != NULL && job->bundle->verb == CR_TRUST_WRITE) {
        trust_write(ledger, job);
    } else if (job->bundle != NULL && job->bundle->verb == CR_TRUST_CONFIRM) {
        trust_confirm(ledger, job);
    } else {
        fake_refuse(ledger, job, CR_REFUSAL_INTERNAL, 0);
    }
}

struct cr_job *fake_ledger_bundle_news(struct fake_ledger *ledger, uint64_t known, int64_t known_at, struct cr_setup *setup)
{
    const struct cr_bundle *kept = fake_bundle_of(ledger);
    struct cr_job *job;
    if (known == kept->version && known_at == kept->at) {
        return NULL;
    }
    if (cr_job_new(&job, CR_OP_TRUST, setup) != CR_OK || (job->bundle = malloc(sizeof *job->bundle)) == NULL) {
        abort();
    }
    *job->bundle = *kept;
    job->bundle->verb = CR_TRUST_NEWS;
    job->bundle->certs = (struct cr_blob){ NULL, 0 };
    if (kept->certs.len > 0 && cr_blob_copy(&job->bundle->certs, kept->certs.data, kept->certs.len) != CR_OK) {
        abort();
    }
    trust_done(job);
    return job;
}
