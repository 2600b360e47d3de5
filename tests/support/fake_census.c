/* CENSUS: who needs which issuer. A bucket at a time. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cr_census_issuer *census_count(struct cr_census *census, const char *issuer)
{
    struct cr_census_issuer *count = cr_census_of(census, issuer);
    if (count == NULL) {
        abort(); /* only tests link this */
    }
    return count;
}

static void census_needs(struct cr_census *census, const char *issuer, const struct fake_device *device,
                         const struct cr_slot_record *slot)
{
    struct cr_census_issuer *count = census_count(census, issuer);
    count->live++;
    count->held += slot->held;
    count->last_seen = device->last_seen > count->last_seen ? device->last_seen : count->last_seen;
    if (census->issuer[0] != '\0') {
        cr_census_name(census, device->id);
    }
}

static bool census_wanted(const struct cr_census *census, const struct cr_cert_entry *entry)
{
    return entry->serial.len > 0 && (census->issuer[0] == '\0' || strcmp(census->issuer, entry->issuer) == 0);
}

static void census_slot(struct cr_census *census, const struct fake_device *device, const struct fake_slot *whole,
                        int64_t now_s)
{
    const struct cr_slot_record *slot = &whole->view;
    bool known = slot->current.serial.len > 0, lives = known && slot->current.not_after > now_s;
    bool current = census_wanted(census, &slot->current);
    bool waits = (slot->state == CR_STATE_ISSUING || slot->state == CR_STATE_ISSUED) &&
                 census_wanted(census, &slot->pending) && slot->pending.not_after > now_s;
    if (slot->revoked.at > 0) {
        return;
    }
    if (current && lives) {
        census_needs(census, slot->current.issuer, device, slot);
    } else if (current) {
        census_count(census, slot->current.issuer)->expired++;
    }
    if (waits) {
        census_count(census, slot->pending.issuer)->pending++;
        if (!current || !lives || strcmp(slot->current.issuer, slot->pending.issuer) != 0) {
            census_needs(census, slot->pending.issuer, device, slot);
        }
    }
    if (lives && whole->regressed && census_wanted(census, &slot->superseded) &&
        strcmp(slot->superseded.issuer, slot->current.issuer) != 0 &&
        (!waits || strcmp(slot->superseded.issuer, slot->pending.issuer) != 0)) {
        census_needs(census, slot->superseded.issuer, device, slot);
    }
    if (census->trust_version > 0 && lives && strcmp(slot->slot, census->trust_slot) == 0) {
        census->confirmed += device->trust_version >= census->trust_version;
        census->unconfirmed += device->trust_version < census->trust_version;
    }
}

void fake_ledger_census(struct fake_ledger *ledger, struct cr_job *job)
{
    struct cr_census *census = job->census;
    unsigned bucket = 0;
    if (census == NULL) {
        fake_refuse(ledger, job, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    bucket = census->cursor[0] != '\0' ? (unsigned)(census->cursor[0] - '0') : 0;
    for (struct fake_device *device = fake_device_next(ledger, NULL); device != NULL;
         device = fake_device_next(ledger, device)) {
        for (unsigned i = 0; fake_bucket(device->id) == bucket && i < device->slot_count; i++) {
            census_slot(census, device, &device->slot[i], job->now_s);
        }
    }
    census->cursor[0] = '\0';
    if (bucket + 1 < FAKE_BUCKETS) {
        (void)snprintf(census->cursor, sizeof census->cursor, "%u", bucket + 1);
    }
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}
