/* Which certificate of a device an OCSP response is to be about. */
#include "plugin/store/records.h"

#include <string.h>

static bool ocsp_take(struct cr_ocsp *ocsp, const struct cr_cert_entry *entry, const char *issuer)
{
    bool wanted = entry->serial.len > 0 && issuer[0] != '\0' &&
                  (ocsp->serial.len == 0 || cr_serial_equal(&ocsp->serial, &entry->serial)) &&
                  (ocsp->issuer[0] == '\0' || strcmp(ocsp->issuer, issuer) == 0);
    if (wanted) {
        ocsp->serial = entry->serial;
        memcpy(ocsp->issuer, issuer, sizeof ocsp->issuer);
        ocsp->known = true;
    }
    return wanted;
}

bool cr_ocsp_find(struct cr_ocsp *ocsp, const struct cr_device_record *record, char slot[CR_NAME_CAP])
{
    bool by_serial = ocsp->serial.len > 0;
    for (unsigned i = 0; i < record->slot_count; i++) {
        const struct cr_slot_record *one = &record->slot[i];
        if (slot[0] != '\0' && strcmp(slot, one->slot) != 0) {
            continue;
        }
        /* An intent is not a certificate yet; of what was superseded only the serial is remembered. */
        const char *former = one->superseded.issuer[0] != '\0' ? one->superseded.issuer : one->current.issuer;
        if (ocsp_take(ocsp, &one->current, one->current.issuer) ||
            (by_serial && one->state == CR_STATE_ISSUED && ocsp_take(ocsp, &one->pending, one->pending.issuer)) ||
            (by_serial && ocsp_take(ocsp, &one->superseded, former))) {
            memcpy(slot, one->slot, sizeof one->slot);
            return true;
        }
    }
    return false;
}
