#include "plugin/store/record.h"

#include <stdlib.h>
#include <string.h>

const char *cr_state_text(enum cr_state state)
{
    static const char *const text[CR_STATE_COUNT] = {
        [CR_STATE_QUIET] = "quiet",
        [CR_STATE_TRIGGERED] = "triggered",
        [CR_STATE_ISSUING] = "issuing",
        [CR_STATE_ISSUED] = "issued",
    };
    return (unsigned)state < CR_STATE_COUNT ? text[state] : "unknown";
}

cr_err cr_device_record_new(struct cr_device_record **record)
{
    *record = calloc(1, sizeof **record);
    return *record != NULL ? CR_OK : CR_NOMEM;
}

void cr_device_record_free(struct cr_device_record *record)
{
    if (record == NULL) {
        return;
    }
    for (unsigned i = 0; i < record->slot_count && i < CR_RECORD_SLOTS; i++) {
        cr_blob_fini(&record->slot[i].certificate);
    }
    free(record);
}

const struct cr_slot_record *cr_device_record_slot(const struct cr_device_record *record, const char *slot)
{
    for (unsigned i = 0; i < record->slot_count && i < CR_RECORD_SLOTS; i++) {
        if (strcmp(record->slot[i].slot, slot) == 0) {
            return &record->slot[i];
        }
    }
    return NULL;
}
