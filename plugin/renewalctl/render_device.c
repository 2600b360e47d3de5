#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

/* How its renewals went since the last one that was confirmed, and how many more chances it has. */
static void slot_outlook(const struct ctl_sheet *sheet, cJSON *slot)
{
    char cell[CTL_CELL_CAP], text[CTL_CELL_CAP];
    bool few = ctl_number_of(cJSON_GetObjectItemCaseSensitive(slot, "chancesLeft"), 1) < 1;
    ctl_count_take(cell, slot, "chancesLeft", "likely to appear ", " more times before notAfter");
    ctl_sheet_row(sheet, "chances", cell, few ? CTL_BAD : CTL_PLAIN);
    ctl_count_take(cell, slot, "failures", "", " reported in a row");
    ctl_cell_add_take(cell, "next try at ", slot, "retryAt");
    ctl_sheet_row(sheet, "failures", cell, CTL_BAD);
    ctl_count_take(text, slot, "unanswered", "", " in a row: begins anew when it appears");
    ctl_sheet_row(sheet, "unanswered", text, CTL_BUSY);
}

static void slot_alert(const struct ctl_sheet *sheet, cJSON *slot)
{
    char cell[CTL_CELL_CAP], text[CTL_CELL_CAP];
    cJSON *alert = ctl_take(slot, "alert");
    ctl_cell_take(cell, alert, "level");
    enum ctl_colour colour = ctl_level_colour(cell);
    ctl_cell_add_take(cell, "since ", alert, "since");
    ctl_cell_take(text, alert, "stage");
    ctl_cell_add(cell, "", strcmp(text, "field") == 0 ? "on the field list" : "");
    ctl_count_take(text, alert, "wakes", "wakes ", "");
    ctl_cell_add(cell, "", text);
    ctl_cell_add_take(cell, "acknowledged ", alert, "acknowledged");
    ctl_cell_take(text, alert, "acknowledgedBy");
    ctl_cell_append(cell, text[0] != '\0' ? " by " : "");
    ctl_cell_append(cell, text);
    ctl_sheet_row(sheet, "alert", cell, colour);
    struct ctl_sheet inner = *sheet;
    inner.indent += 2;
    inner.label_width -= 2;
    ctl_sheet_rest(&inner, alert);
    cJSON_Delete(alert);
}

static void render_slot(const struct ctl_sheet *outer, cJSON *slot)
{
    struct ctl_sheet sheet = *outer;
    char name[CTL_CELL_CAP], state[CTL_CELL_CAP], cell[CTL_CELL_CAP];
    ctl_cell_take(name, slot, "slot");
    ctl_cell_take(state, slot, "state");
    bool held = ctl_truth_take(slot, "held", false);
    enum ctl_colour colour = ctl_state_colour(state, held);
    ctl_cell_take(cell, slot, "hold");
    ctl_cell_add(state, "", held ? "on hold" : "");
    ctl_cell_append(state, held && cell[0] != '\0' ? ": " : "");
    ctl_cell_append(state, held ? cell : "");
    cJSON *revoked = ctl_take(slot, "revoked");
    if (cJSON_IsObject(revoked)) {
        ctl_cell_take(cell, revoked, "reason");
        (void)snprintf(state, sizeof state, "revoked%s%.200s", cell[0] != '\0' ? ": " : "", cell);
        ctl_cell_add_take(state, "at ", revoked, "at");
        colour = CTL_BAD;
    }
    cJSON_Delete(revoked);
    (void)fputc('\n', outer->out);
    ctl_sheet_row(outer, name[0] != '\0' ? name : "-", state[0] != '\0' ? state : "-", colour);

    sheet.indent = 2;
    sheet.label_width = CTL_LABEL_WIDTH - 2;
    ctl_row_take(&sheet, "generation", slot, "generation");
    ctl_row_take(&sheet, "serial", slot, "serialNumber");
    ctl_row_take(&sheet, "issuer", slot, "issuer");
    ctl_row_take(&sheet, "key", slot, "keyHash");
    ctl_validity_take(cell, slot);
    ctl_sheet_row(&sheet, "valid", cell, CTL_PLAIN);
    ctl_row_take(&sheet, "renewed", slot, "lastRenewal");
    ctl_row_take(&sheet, "due", slot, "nextRenewal");
    slot_outlook(&sheet, slot);
    slot_alert(&sheet, slot);

    cJSON *part = ctl_take(slot, "campaign");
    ctl_cell_take(cell, part, "campaign");
    ctl_cell_add_take(cell, "group ", part, "group");
    ctl_cell_add_take(cell, "", part, "state");
    ctl_part_rows(&sheet, "campaign", cell, part);

    part = ctl_take(slot, "renewal");
    ctl_cell_take(cell, part, "renewalId");
    ctl_cell_add_take(cell, "", part, "reason");
    ctl_cell_add_take(cell, "attempt ", part, "attempt");
    ctl_cell_add_take(cell, "until ", part, "deadline");
    ctl_part_rows(&sheet, "renewal", cell, part);

    char valid[CTL_CELL_CAP];
    part = ctl_take(slot, "pending");
    ctl_cell_take(cell, part, "serialNumber");
    ctl_validity_take(valid, part);
    ctl_cell_add(cell, "", valid);
    ctl_part_rows(&sheet, "pending", cell, part);

    part = ctl_take(slot, "superseded");
    ctl_cell_take(cell, part, "serialNumber");
    ctl_cell_add_take(cell, "at ", part, "at");
    ctl_part_rows(&sheet, "superseded", cell, part);

    ctl_sheet_rest(&sheet, slot);
}

/* What may still come of a device that has no certificate, or is to get its first once more. */
static void device_enrol(const struct ctl_sheet *sheet, cJSON *data)
{
    char cell[CTL_CELL_CAP] = "";
    cJSON *enrol = ctl_take(data, "enrol");
    ctl_cell_add_take(cell, "allowed at ", enrol, "since");
    ctl_cell_add_take(cell, "from factory ", enrol, "factory");
    ctl_cell_add_take(cell, "by a token until ", enrol, "tokenExpires");
    const cJSON *used = cJSON_GetObjectItemCaseSensitive(enrol, "tokenUsed");
    ctl_cell_add(cell, "", cJSON_IsTrue(used) || cJSON_IsString(used) ? "the token was used" : "");
    cJSON_Delete(ctl_take(enrol, "tokenUsed"));
    ctl_part_rows(sheet, "enrollment", cell, enrol);
}

void ctl_render_device(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    (void)options;
    ctl_row_take(sheet, "device", data, "device");
    ctl_row_take(sheet, "first seen", data, "firstSeen");
    char cell[CTL_CELL_CAP] = "", gap[CTL_CELL_CAP];
    ctl_cell_take(cell, data, "lastSeen");
    double gap_s = ctl_number_take(data, "gapSeconds", 0);
    if (gap_s > 0) {
        ctl_duration_text(gap, gap_s);
        ctl_cell_add(cell, "about every ", gap);
    }
    ctl_cell_add_take(cell, "at ", data, "broker");
    ctl_sheet_row(sheet, "last seen", cell, CTL_PLAIN);
    ctl_list_take(cell, data, "tags");
    ctl_sheet_row(sheet, "tags", cell, CTL_PLAIN);
    ctl_row_take(sheet, "factory", data, "factory");
    ctl_count_take(cell, data, "trustVersion", "version ", " of the trust bundle");
    ctl_sheet_row(sheet, "trusts", cell, CTL_PLAIN);
    device_enrol(sheet, data);
    cJSON *slots = ctl_take(data, "slots");
    ctl_sheet_rest(sheet, data);
    for (cJSON *slot = cJSON_IsArray(slots) ? slots->child : NULL; slot != NULL; slot = slot->next) {
        render_slot(sheet, slot);
    }
    cJSON_Delete(slots);
}
