#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

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
        ctl_cell_add(cell, "", yes ? truths[i].yes : truths[i].no);
    }
    double latency_us = ctl_number_take(store, "latencyMicros", -1);
    if (latency_us >= 0) {
        (void)snprintf(text, sizeof text, "answers in %.0f us", latency_us);
        ctl_cell_add(cell, "", text);
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
        char (*cells)[CTL_CELL_CAP] = ctl_table_row(&table)->cell;
        for (unsigned c = 0; c < 4; c++) {
            ctl_cell_take(cells[c], one, names[c]);
        }
    }
    (void)fputs(table.rows > 1 ? "\n" : "", sheet->out);
    ctl_table_end(&table, sheet);
}

static void render_refused(const struct ctl_sheet *sheet, cJSON *refused)
{
    static const char *const head[] = { "REFUSED", "COUNT" };
    struct ctl_table table;
    ctl_table_init(&table, 2, head);
    while (cJSON_IsObject(refused) && refused->child != NULL) {
        char (*cells)[CTL_CELL_CAP] = ctl_table_row(&table)->cell;
        (void)snprintf(cells[0], CTL_CELL_CAP, "%s", refused->child->string);
        ctl_printable(cells[0]);
        cJSON *count = cJSON_DetachItemViaPointer(refused, refused->child);
        (void)snprintf(cells[1], CTL_CELL_CAP, "%.0f", ctl_number_of(count, 0));
        cJSON_Delete(count);
    }
    (void)fputs(table.rows > 1 ? "\n" : "", sheet->out);
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

static void render_revoked(const struct ctl_sheet *sheet, cJSON *data)
{
    char cell[CTL_CELL_CAP];
    cJSON *part = ctl_take(data, "revoked");
    if (!cJSON_IsObject(part)) {
        cJSON_Delete(part);
        return;
    }
    double entries = ctl_number_take(part, "entries", 0), issuers = ctl_number_take(part, "issuers", 0);
    double closed = ctl_number_take(part, "closed", 0), refused = ctl_number_take(part, "refused", 0);
    bool complete = ctl_truth_take(part, "complete", false);
    (void)ctl_number_take(part, "version", 0);
    (void)snprintf(cell, sizeof cell, "%.0f certificate%s, %.0f issuer%s; connections: %.0f closed, %.0f refused%s", entries,
                   entries == 1 ? "" : "s", issuers, issuers == 1 ? "" : "s", closed, refused,
                   complete ? "" : "; the list is not known whole yet");
    ctl_part_rows(sheet, "revoked", cell, part);
}

void ctl_render_status(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char cell[CTL_CELL_CAP], text[CTL_CELL_CAP];
    (void)options;
    ctl_cell_take(cell, data, "broker");
    ctl_cell_add_take(cell, "version ", data, "version");
    double uptime_s = ctl_number_take(data, "uptime", -1);
    if (uptime_s >= 0) {
        ctl_duration_text(text, uptime_s);
        ctl_cell_add(cell, "up ", text);
    }
    ctl_sheet_row(sheet, "broker", cell, CTL_PLAIN);

    cJSON *part = ctl_take(data, "sessions");
    (void)snprintf(cell, sizeof cell, "%.0f connected; devices: %.0f", ctl_number_take(part, "connected", 0),
                   ctl_number_take(part, "devices", 0));
    ctl_part_rows(sheet, "sessions", part != NULL ? cell : "", part);

    part = ctl_take(data, "jobs");
    double in_flight = ctl_number_take(part, "inFlight", 0);
    (void)snprintf(cell, sizeof cell, "%.0f of at most %.0f in flight", in_flight, ctl_number_take(part, "limit", 0));
    ctl_part_rows(sheet, "jobs", part != NULL ? cell : "", part);

    render_store(sheet, data);

    cJSON *counters = ctl_take(data, "counters");
    cJSON *refused = ctl_take(counters, "refused");
    render_counters(sheet, counters);

    cJSON *fleet = ctl_take(data, "fleet");
    ctl_fleet_rows(sheet, fleet);
    if (cJSON_IsObject(fleet)) {
        ctl_row_take(sheet, "as of", fleet, "asOf");
    }
    ctl_sheet_rest(sheet, fleet);
    cJSON_Delete(fleet);
    ctl_count_take(cell, data, "policyVersion", "version ", "");
    ctl_sheet_row(sheet, "policy", cell, CTL_PLAIN);

    render_revoked(sheet, data);

    cJSON *issuers = ctl_take(data, "issuers");
    ctl_sheet_rest(sheet, data);
    render_issuers(sheet, issuers);
    cJSON_Delete(issuers);
    render_refused(sheet, refused);
    cJSON_Delete(refused);
}
