#include "plugin/renewalctl/render.h"

#include "plugin/renewalctl/sheet.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { LABEL_WIDTH = 12 };

/* Appends ", text" (or the text alone) to a cell; nothing for an empty text. */
static void cell_add(char cell[CTL_CELL_CAP], const char *before, const char *text)
{
    if (text[0] != '\0') {
        ctl_cell_append(cell, cell[0] != '\0' ? ", " : "");
        ctl_cell_append(cell, before);
        ctl_cell_append(cell, text);
    }
}

/* Takes a field and appends it. */
static void cell_add_take(char cell[CTL_CELL_CAP], const char *before, cJSON *object, const char *name)
{
    char text[CTL_CELL_CAP];
    ctl_cell_take(text, object, name);
    cell_add(cell, before, text);
}

static void row_take(const struct ctl_sheet *sheet, const char *label, cJSON *object, const char *name)
{
    char text[CTL_CELL_CAP];
    ctl_cell_take(text, object, name);
    ctl_sheet_row(sheet, label, text, CTL_PLAIN);
}

/* Takes notBefore and notAfter: "… to …". */
static void validity_take(char cell[CTL_CELL_CAP], cJSON *object)
{
    char from[CTL_CELL_CAP], to[CTL_CELL_CAP];
    ctl_cell_take(from, object, "notBefore");
    ctl_cell_take(to, object, "notAfter");
    cell[0] = '\0';
    if (from[0] != '\0' || to[0] != '\0') {
        (void)snprintf(cell, CTL_CELL_CAP, "%.100s to %.100s", from[0] != '\0' ? from : "-", to[0] != '\0' ? to : "-");
    }
}

static enum ctl_colour state_colour(const char *state, bool held)
{
    if (held) {
        return CTL_BAD;
    }
    return strcmp(state, "quiet") == 0 ? CTL_GOOD : CTL_BUSY;
}

/* An object inside a slot as one row, then what of it is unknown. */
static void slot_part(const struct ctl_sheet *sheet, const char *label, const char *cell, cJSON *part)
{
    struct ctl_sheet inner = *sheet;
    inner.indent += 2;
    inner.label_width -= 2;
    ctl_sheet_row(sheet, label, cell, CTL_PLAIN);
    ctl_sheet_rest(&inner, part);
    cJSON_Delete(part);
}

/* Takes a number and what comes of it: "<before>N<after>", "" when it is not there. */
static void count_take(char cell[CTL_CELL_CAP], cJSON *object, const char *name, const char *before, const char *after)
{
    double count = ctl_number_take(object, name, -1);
    cell[0] = '\0';
    if (count >= 0) {
        (void)snprintf(cell, CTL_CELL_CAP, "%s%.0f%s", before, count, after);
    }
}

/* How its renewals went since the last one that was confirmed, and how many more chances it has. */
static void slot_outlook(const struct ctl_sheet *sheet, cJSON *slot)
{
    char cell[CTL_CELL_CAP], text[CTL_CELL_CAP];
    const cJSON *chances = cJSON_GetObjectItemCaseSensitive(slot, "chancesLeft");
    bool few = cJSON_IsNumber(chances) && chances->valuedouble < 1;
    count_take(cell, slot, "chancesLeft", "likely to appear ", " more times before notAfter");
    ctl_sheet_row(sheet, "chances", cell, few ? CTL_BAD : CTL_PLAIN);
    count_take(cell, slot, "failures", "", " reported in a row");
    cell_add_take(cell, "next try at ", slot, "retryAt");
    ctl_sheet_row(sheet, "failures", cell, CTL_BAD);
    count_take(text, slot, "unanswered", "", " in a row: begins anew when it appears");
    ctl_sheet_row(sheet, "unanswered", text, CTL_BUSY);
}

static void render_slot(const struct ctl_sheet *outer, cJSON *slot)
{
    struct ctl_sheet sheet = *outer;
    char name[CTL_CELL_CAP], state[CTL_CELL_CAP], cell[CTL_CELL_CAP];
    ctl_cell_take(name, slot, "slot");
    ctl_cell_take(state, slot, "state");
    bool held = ctl_truth_take(slot, "held", false);
    enum ctl_colour colour = state_colour(state, held);
    cell_add(state, "", held ? "on hold" : "");
    (void)fputc('\n', outer->out);
    ctl_sheet_row(outer, name[0] != '\0' ? name : "-", state[0] != '\0' ? state : "-", colour);

    sheet.indent = 2;
    sheet.label_width = LABEL_WIDTH - 2;
    row_take(&sheet, "generation", slot, "generation");
    row_take(&sheet, "serial", slot, "serialNumber");
    row_take(&sheet, "issuer", slot, "issuer");
    row_take(&sheet, "key", slot, "keyHash");
    validity_take(cell, slot);
    ctl_sheet_row(&sheet, "valid", cell, CTL_PLAIN);
    row_take(&sheet, "due", slot, "nextRenewal");
    slot_outlook(&sheet, slot);

    cJSON *part = ctl_take(slot, "renewal");
    ctl_cell_take(cell, part, "renewalId");
    cell_add_take(cell, "", part, "reason");
    cell_add_take(cell, "attempt ", part, "attempt");
    cell_add_take(cell, "until ", part, "deadline");
    slot_part(&sheet, "renewal", cell, part);

    char valid[CTL_CELL_CAP];
    part = ctl_take(slot, "pending");
    ctl_cell_take(cell, part, "serialNumber");
    validity_take(valid, part);
    cell_add(cell, "", valid);
    slot_part(&sheet, "pending", cell, part);

    part = ctl_take(slot, "superseded");
    ctl_cell_take(cell, part, "serialNumber");
    cell_add_take(cell, "at ", part, "at");
    slot_part(&sheet, "superseded", cell, part);

    ctl_sheet_rest(&sheet, slot);
}

static void render_device(const struct ctl_sheet *sheet, cJSON *data)
{
    row_take(sheet, "device", data, "device");
    row_take(sheet, "first seen", data, "firstSeen");
    char cell[CTL_CELL_CAP] = "", gap[CTL_CELL_CAP];
    ctl_cell_take(cell, data, "lastSeen");
    double gap_s = ctl_number_take(data, "gapSeconds", 0);
    if (gap_s > 0) {
        ctl_duration_text(gap, gap_s);
        cell_add(cell, "about every ", gap);
    }
    ctl_sheet_row(sheet, "last seen", cell, CTL_PLAIN);
    cJSON *slots = ctl_take(data, "slots");
    ctl_sheet_rest(sheet, data);
    for (cJSON *slot = cJSON_IsArray(slots) ? slots->child : NULL; slot != NULL; slot = slot->next) {
        render_slot(sheet, slot);
    }
    cJSON_Delete(slots);
}

static void render_store(const struct ctl_sheet *sheet, cJSON *data)
{
    static const struct { const char *name, *yes, *no; } truths[] = {
        { "connected", "connected", "not connected" },
        { "writable", "writable", "not writable" },
        { "durable", "durable", "not durable" },
        { "journal", "journal kept", "journal cannot be written" },
    };
    char cell[CTL_CELL_CAP] = "", text[CTL_CELL_CAP];
    bool well = true;
    cJSON *store = ctl_take(data, "store");
    for (size_t i = 0; i < sizeof truths / sizeof truths[0]; i++) {
        if (!cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(store, truths[i].name))) {
            continue;
        }
        bool yes = ctl_truth_take(store, truths[i].name, false);
        well = well && yes;
        cell_add(cell, "", yes ? truths[i].yes : truths[i].no);
    }
    double latency_us = ctl_number_take(store, "latencyMicros", -1);
    if (latency_us >= 0) {
        (void)snprintf(text, sizeof text, "answers in %.0f us", latency_us);
        cell_add(cell, "", text);
    }
    ctl_sheet_row(sheet, "store", cell, well ? CTL_GOOD : CTL_BAD);
    double unrecorded = ctl_number_take(store, "unrecorded", 0);
    if (unrecorded > 0) {
        (void)snprintf(text, sizeof text, "%.0f certificates are in the journal only", unrecorded);
        ctl_sheet_row(sheet, "", text, CTL_BUSY);
    }
    ctl_cell_take(text, store, "problem");
    ctl_sheet_row(sheet, "problem", text, CTL_BAD);
    ctl_sheet_rest(sheet, store);
    cJSON_Delete(store);
}

static void render_issuers(const struct ctl_sheet *sheet, cJSON *issuers)
{
    static const char *const head[] = { "ISSUER", "SIGNS", "NOT AFTER", "SUBJECT" };
    static const char *const names[] = { "issuer", "signing", "notAfter", "subject" };
    struct ctl_table table;
    ctl_table_init(&table, 4, head);
    for (cJSON *one = cJSON_IsArray(issuers) ? issuers->child : NULL; one != NULL; one = one->next) {
        char (*cells)[CTL_CELL_CAP] = ctl_table_row(&table);
        for (unsigned c = 0; c < 4; c++) {
            ctl_cell_take(cells[c], one, names[c]);
        }
    }
    ctl_table_end(&table, sheet);
}

static void render_refused(const struct ctl_sheet *sheet, cJSON *refused)
{
    static const char *const head[] = { "REFUSED", "COUNT" };
    struct ctl_table table;
    ctl_table_init(&table, 2, head);
    while (cJSON_IsObject(refused) && refused->child != NULL) {
        char (*cells)[CTL_CELL_CAP] = ctl_table_row(&table);
        (void)snprintf(cells[0], CTL_CELL_CAP, "%s", refused->child->string);
        ctl_printable(cells[0]);
        cJSON *count = cJSON_DetachItemViaPointer(refused, refused->child);
        (void)snprintf(cells[1], CTL_CELL_CAP, "%.0f", cJSON_IsNumber(count) ? count->valuedouble : 0.0);
        cJSON_Delete(count);
    }
    ctl_table_end(&table, sheet);
}

/* Two counters as one row: "5, confirmed 3"; nothing when the first is not there. */
static void row_take_counters(const struct ctl_sheet *sheet, cJSON *counters, const char *name, const char *other)
{
    char cell[CTL_CELL_CAP];
    double count = ctl_number_take(counters, name, -1);
    if (count >= 0) {
        (void)snprintf(cell, sizeof cell, "%.0f, %s %.0f", count, other, ctl_number_take(counters, other, 0));
        ctl_sheet_row(sheet, name, cell, CTL_PLAIN);
    }
}

static void render_counters(const struct ctl_sheet *sheet, cJSON *counters)
{
    char cell[CTL_CELL_CAP];
    row_take_counters(sheet, counters, "issued", "confirmed");
    row_take_counters(sheet, counters, "triggered", "delivered");
    double alarms = ctl_number_take(counters, "alarms", -1);
    if (alarms >= 0) {
        (void)snprintf(cell, sizeof cell, "%.0f", alarms);
        ctl_sheet_row(sheet, "alarms", cell, alarms > 0 ? CTL_BAD : CTL_PLAIN);
    }
    double lost = ctl_number_take(counters, "auditsLost", 0);
    if (lost > 0) {
        (void)snprintf(cell, sizeof cell, "%.0f lines lost", lost);
        ctl_sheet_row(sheet, "audit", cell, CTL_BAD);
    }
    ctl_sheet_rest(sheet, counters);
    cJSON_Delete(counters);
}

static void render_status(const struct ctl_sheet *sheet, cJSON *data)
{
    char cell[CTL_CELL_CAP], text[CTL_CELL_CAP];
    ctl_cell_take(cell, data, "broker");
    cell_add_take(cell, "version ", data, "version");
    double uptime_s = ctl_number_take(data, "uptime", -1);
    if (uptime_s >= 0) {
        ctl_duration_text(text, uptime_s);
        cell_add(cell, "up ", text);
    }
    ctl_sheet_row(sheet, "broker", cell, CTL_PLAIN);

    cJSON *part = ctl_take(data, "sessions");
    (void)snprintf(cell, sizeof cell, "%.0f connected now, %.0f devices seen lately", ctl_number_take(part, "connected", 0),
                   ctl_number_take(part, "devices", 0));
    slot_part(sheet, "sessions", part != NULL ? cell : "", part);

    part = ctl_take(data, "jobs");
    double in_flight = ctl_number_take(part, "inFlight", 0);
    (void)snprintf(cell, sizeof cell, "%.0f of at most %.0f in flight", in_flight, ctl_number_take(part, "limit", 0));
    slot_part(sheet, "jobs", part != NULL ? cell : "", part);

    render_store(sheet, data);

    cJSON *counters = ctl_take(data, "counters");
    cJSON *refused = ctl_take(counters, "refused");
    render_counters(sheet, counters);

    cJSON *issuers = ctl_take(data, "issuers");
    ctl_sheet_rest(sheet, data);
    render_issuers(sheet, issuers);
    cJSON_Delete(issuers);
    render_refused(sheet, refused);
    cJSON_Delete(refused);
}

static void render_trigger(const struct ctl_sheet *sheet, cJSON *data, const struct ctl_options *options)
{
    char state[CTL_CELL_CAP], id[CTL_CELL_CAP], attempt[CTL_CELL_CAP], device[CTL_CELL_CAP], slot[CTL_CELL_CAP];
    ctl_cell_take(state, data, "state");
    ctl_cell_take(id, data, "renewalId");
    ctl_cell_take(attempt, data, "attempt");
    ctl_cell_take(device, data, "device");
    ctl_cell_take(slot, data, "slot");
    double delivered = ctl_number_take(data, "delivered", -1);
    (void)fprintf(sheet->out, "%s/%s: %s", device[0] != '\0' ? device : options->device,
                  slot[0] != '\0' ? slot : options->slot[0] != '\0' ? options->slot : "operational",
                  state[0] != '\0' ? state : "done");
    if (attempt[0] != '\0') {
        (void)fprintf(sheet->out, ", attempt %s", attempt);
    }
    if (delivered == 0) {
        (void)fputs(", not connected: it is told when it appears", sheet->out);
    } else if (delivered > 0) {
        (void)fprintf(sheet->out, ", told to %.0f session%s", delivered, delivered > 1 ? "s" : "");
    }
    (void)fprintf(sheet->out, "%s%s%s\n", id[0] != '\0' ? " (renewal " : "", id, id[0] != '\0' ? ")" : "");
    ctl_sheet_rest(sheet, data);
}

void ctl_render(FILE *out, const struct ctl_options *options, struct cJSON *data, bool colour)
{
    struct ctl_sheet sheet = { .out = out, .colour = colour, .indent = 0, .label_width = LABEL_WIDTH };
    switch (options->action) {
    case CTL_STATUS: render_status(&sheet, data); break;
    case CTL_DEVICE: render_device(&sheet, data); break;
    case CTL_TRIGGER: render_trigger(&sheet, data, options); break;
    case CTL_HELP:
    case CTL_VERSION: break;
    }
}
