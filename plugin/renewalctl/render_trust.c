/* Onboarding, revocation, issuers and the trust bundle, for people. */
#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { DAY = 86400 };

static void when_take(char cell[CTL_CELL_CAP], const struct ctl_sheet *sheet, cJSON *object, const char *name)
{
    char time[CTL_CELL_CAP];
    ctl_cell_take(time, object, name);
    cell[0] = '\0';
    if (time[0] != '\0') {
        ctl_when_text(cell, time, sheet->now_s, true);
    }
}

/* What a time does to a cell: red when it is over, yellow within `soon_s`. */
static enum ctl_colour end_colour(const struct ctl_sheet *sheet, const cJSON *object, const char *name, int64_t soon_s)
{
    const char *time = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    int64_t until_s = time != NULL ? ctl_until_s(time, sheet->now_s) : INT64_MAX;
    return until_s < 0 ? CTL_BAD : until_s < soon_s ? CTL_BUSY : CTL_PLAIN;
}

/* ---- onboarding ---- */

void ctl_render_enroll(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char device[CTL_CELL_CAP];
    ctl_cell_take(device, data, "device");
    bool known = ctl_truth_take(data, "known", false);
    (void)fprintf(sheet->out, "%s: may enroll%s%s%s\n", device[0] != '\0' ? device : options->word[0],
                  options->factory[0] != '\0' ? ", from factory " : "", options->factory,
                  known ? "; it was known already" : "");
    ctl_sheet_rest(sheet, data);
}

void ctl_render_forbid(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char device[CTL_CELL_CAP];
    ctl_cell_take(device, data, "device");
    (void)fprintf(sheet->out, "%s: may not enroll any more\n", device[0] != '\0' ? device : options->word[0]);
    ctl_sheet_rest(sheet, data);
}

/* "'" and what a shell would take otherwise cannot be in a token or a name; what a broker says is looked at anyway. */
static bool plain(const char *text)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
    return text[0] != '\0' && text[strspn(text, safe)] == '\0';
}

void ctl_render_token(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char device[CTL_CELL_CAP], user[CTL_CELL_CAP], token[CTL_CELL_CAP], cell[CTL_CELL_CAP];
    ctl_cell_take(device, data, "device");
    ctl_cell_take(user, data, "username");
    ctl_cell_take(token, data, "token");
    const char *id = device[0] != '\0' ? device : options->word[0];
    ctl_sheet_row(sheet, "device", id, CTL_PLAIN);
    ctl_sheet_row(sheet, "user name", user, CTL_PLAIN);
    ctl_sheet_row(sheet, "token", token, CTL_GOOD);
    when_take(cell, sheet, data, "expires");
    ctl_sheet_row(sheet, "expires", cell, CTL_PLAIN);
    ctl_sheet_rest(sheet, data);
    if (plain(id) && plain(user) && plain(token)) {
        (void)fprintf(sheet->out,
                      "\nThe token is told this once, and good for one certificate. With new.csr for CN=%s, on the "
                      "listener\nthat asks for no client certificates, here on port 8884:\n\n"
                      "  mosquitto_rr -h %s -p 8884 --cafile ca.pem -i %s -u %s -P %s \\\n"
                      "      -t '$identity/v1/%s/operational/csr' -e '$identity/v1/%s/operational/certificate' \\\n"
                      "      -m \"$(cat new.csr)\" > new.pem\n",
                      id, plain(options->host) ? options->host : "HOST", id, user, token, id, id);
    }
}

/* ---- revocation ---- */

void ctl_render_revoke(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char device[CTL_CELL_CAP], slot[CTL_CELL_CAP], serial[CTL_CELL_CAP], issuer[CTL_CELL_CAP], reason[CTL_CELL_CAP];
    ctl_cell_take(device, data, "device");
    ctl_cell_take(slot, data, "slot");
    ctl_cell_take(serial, data, "serialNumber");
    ctl_cell_take(issuer, data, "issuer");
    ctl_cell_take(reason, data, "reason");
    double count = ctl_number_take(data, "revoked", -1);
    if (serial[0] != '\0') {
        (void)fprintf(sheet->out, "certificate %s of issuer %s: revoked (%s)%s%s\n", serial, issuer,
                      reason[0] != '\0' ? reason : "unspecified", device[0] != '\0' ? ", of " : "", device);
    } else {
        (void)fprintf(sheet->out, "%s%s%s: revoked (%s)",
                      device[0] != '\0' || options->words == 0 ? device : options->word[0], slot[0] != '\0' ? "/" : "", slot, reason[0] != '\0' ? reason : "unspecified");
        if (count >= 0) {
            (void)fprintf(sheet->out, ", %.0f certificate%s", count, count == 1 ? "" : "s");
        }
        (void)fputs("; locked out until renewalctl release\n", sheet->out);
    }
    ctl_sheet_rest(sheet, data);
}

static void revoked_row(struct ctl_line *line, const struct ctl_sheet *sheet, cJSON *row)
{
    ctl_cell_take(line->cell[0], row, "serialNumber");
    ctl_cell_take(line->cell[1], row, "issuer");
    ctl_cell_take(line->cell[2], row, "device");
    ctl_cell_take(line->cell[3], row, "reason");
    when_take(line->cell[4], sheet, row, "at");
    when_take(line->cell[5], sheet, row, "notAfter");
}

const struct ctl_columns ctl_columns_revoked = {
    .rows = "revoked", .one = "revoked certificate", .many = "revoked certificates", .count = 6,
    .head = { "SERIAL", "ISSUER", "DEVICE", "REASON", "REVOKED", "EXPIRES" },
    .row = revoked_row,
};

/* ---- issuers ---- */

static void signs_take(struct ctl_line *line, unsigned column, const struct ctl_sheet *sheet, cJSON *row)
{
    char from[CTL_CELL_CAP];
    bool signing = ctl_truth_take(row, "signing", false);
    const char *time = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "signFrom"));
    bool later = time != NULL && ctl_until_s(time, sheet->now_s) != INT64_MAX && ctl_until_s(time, sheet->now_s) > 0;
    when_take(from, sheet, row, "signFrom");
    ctl_cell_append(line->cell[column], signing ? "yes" : "");
    ctl_cell_add(line->cell[column], later ? "from " : "since ", from);
    line->colour[column] = signing ? CTL_GOOD : CTL_PLAIN;
}

static void issuer_row(struct ctl_line *line, const struct ctl_sheet *sheet, cJSON *row)
{
    char text[CTL_CELL_CAP];
    ctl_cell_take(line->cell[0], row, "issuer");
    ctl_cell_take(line->cell[1], row, "kind");
    ctl_cell_take(text, row, "factory");
    ctl_cell_append(line->cell[1], text[0] != '\0' ? " " : "");
    ctl_cell_append(line->cell[1], text);
    signs_take(line, 2, sheet, row);
    line->colour[3] = end_colour(sheet, row, "notAfter", 90 * (int64_t)DAY);
    when_take(line->cell[3], sheet, row, "notAfter");
    ctl_cell_take(line->cell[4], row, "state");
    line->colour[4] = strcmp(line->cell[4], "revoked") == 0 ? CTL_BAD : line->cell[4][0] == 'r' ? CTL_BUSY : CTL_PLAIN;
    ctl_cell_take(text, row, "reason");
    ctl_cell_append(line->cell[4], text[0] != '\0' ? ": " : "");
    ctl_cell_append(line->cell[4], text);
    ctl_cell_take(line->cell[5], row, "slots");
    cJSON *crl = ctl_take(row, "crl");
    ctl_cell_take(line->cell[6], crl, "number");
    ctl_count_take(text, crl, "entries", "", " revoked");
    ctl_cell_add(line->cell[6], "", text);
    line->colour[7] = end_colour(sheet, crl, "nextUpdate", 3600);
    when_take(line->cell[7], sheet, crl, "nextUpdate");
    cJSON_Delete(crl);
    ctl_cell_take(line->cell[8], row, "subject");
}

void ctl_render_issuers(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    static const char *const head[] = { "ISSUER", "KIND", "SIGNS", "VALID UNTIL", "STATE", "SLOTS", "CRL", "NEXT CRL",
                                        "SUBJECT" };
    struct ctl_table table;
    cJSON *issuers = ctl_take(data, "issuers");
    (void)options;
    ctl_table_init(&table, sizeof head / sizeof head[0], head);
    for (cJSON *row = cJSON_IsArray(issuers) ? issuers->child : NULL; row != NULL; row = row->next) {
        if (table.rows > CTL_ROWS_MAX) {
            ctl_table_flush(&table, sheet);
        }
        issuer_row(ctl_table_row(&table), sheet, row);
    }
    ctl_table_end(&table, sheet);
    if (!cJSON_IsArray(issuers) || issuers->child == NULL) {
        (void)fputs("no issuers\n", sheet->out);
    }
    ctl_sheet_rest(sheet, data);
    cJSON_Delete(issuers);
}

void ctl_render_census(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    static const char *const head[] = { "ISSUER", "LIVE", "EXPIRED", "HELD", "PENDING", "LAST SEEN", "SUBJECT" };
    static const char *const names[] = { "issuer", "live", "expired", "held", "pending" };
    struct ctl_table table;
    cJSON *issuers = ctl_take(data, "issuers");
    (void)options;
    ctl_table_init(&table, sizeof head / sizeof head[0], head);
    for (cJSON *row = cJSON_IsArray(issuers) ? issuers->child : NULL; row != NULL; row = row->next) {
        if (table.rows > CTL_ROWS_MAX) {
            ctl_table_flush(&table, sheet);
        }
        struct ctl_line *line = ctl_table_row(&table);
        for (unsigned c = 0; c < sizeof names / sizeof names[0]; c++) {
            ctl_cell_take(line->cell[c], row, names[c]);
        }
        when_take(line->cell[5], sheet, row, "lastSeen");
        ctl_cell_take(line->cell[6], row, "subject");
    }
    ctl_table_end(&table, sheet);
    if (!ctl_truth_take(data, "complete", true)) {
        ctl_sheet_line(sheet, "not all could be counted: there may be more; run it again", CTL_BAD);
    }
    ctl_row_take(sheet, "as of", data, "asOf");
    ctl_sheet_rest(sheet, data);
    cJSON_Delete(issuers);
}

void ctl_render_issuer_steered(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char issuer[CTL_CELL_CAP], cell[CTL_CELL_CAP] = "", text[CTL_CELL_CAP];
    ctl_cell_take(issuer, data, "issuer");
    ctl_cell_add_take(cell, "", data, "reason");
    ctl_count_take(text, data, "live", "needed by ", " devices");
    ctl_cell_add(cell, "", text);
    (void)fprintf(sheet->out, "%s: %s%s%s\n", issuer[0] != '\0' ? issuer : options->word[0], options->command->done,
                  cell[0] != '\0' ? ": " : "", cell);
    ctl_sheet_rest(sheet, data);
}

/* Who still needs an issuer that is not retired for that. */
void ctl_render_needed(const struct ctl_sheet *sheet, const cJSON *response)
{
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(response, "devices");
    double live = ctl_number_of(cJSON_GetObjectItemCaseSensitive(response, "live"), 0);
    double shown = 0;
    if (live > 0) {
        (void)fprintf(sheet->out, "%.0f device%s still need%s it:\n", live, live == 1 ? "" : "s",
                      live == 1 ? "s" : "");
    }
    for (const cJSON *one = cJSON_IsArray(devices) ? devices->child : NULL; one != NULL; one = one->next, shown++) {
        char cell[CTL_CELL_CAP];
        ctl_cell_of(cell, one);
        (void)fprintf(sheet->out, "  %s\n", cell);
    }
    if (live > shown && shown > 0) {
        (void)fprintf(sheet->out, "  and %.0f more; renewalctl devices --issuer ID --all lists them\n", live - shown);
    }
}

/* ---- the trust bundle ---- */

void ctl_render_trust(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char cell[CTL_CELL_CAP], text[CTL_CELL_CAP];
    (void)options;
    if (ctl_number_of(cJSON_GetObjectItemCaseSensitive(data, "version"), 0) <= 0) {
        (void)fputs("no trust bundle: devices trust what they were made with; renewalctl trust set gives them one\n",
                    sheet->out);
        return;
    }
    ctl_cell_take(cell, data, "version");
    ctl_cell_take(text, data, "mode");
    ctl_cell_add(cell, "", strcmp(text, "add") == 0       ? "added to what devices trust"
                           : strcmp(text, "replace") == 0 ? "instead of what devices trusted"
                                                          : text);
    ctl_sheet_row(sheet, "version", cell, CTL_PLAIN);
    when_take(cell, sheet, data, "at");
    ctl_cell_add_take(cell, "by ", data, "by");
    ctl_sheet_row(sheet, "set", cell, CTL_PLAIN);
    ctl_row_take(sheet, "confirmed", data, "confirmed");
    ctl_row_take(sheet, "unconfirmed", data, "unconfirmed");
    cJSON *subjects = ctl_take(data, "subjects");
    const char *label = "trusts";
    for (const cJSON *one = cJSON_IsArray(subjects) ? subjects->child : NULL; one != NULL; one = one->next) {
        ctl_cell_of(cell, one);
        ctl_sheet_row(sheet, label, cell, CTL_PLAIN);
        label = "";
    }
    cJSON_Delete(subjects);
    cJSON_Delete(ctl_take(data, "certificates")); /* --json has them */
    ctl_sheet_rest(sheet, data);
}

void ctl_render_trust_set(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char version[CTL_CELL_CAP];
    (void)options;
    ctl_cell_take(version, data, "version");
    (void)fprintf(sheet->out, "done: the trust bundle has version %s; renewalctl trust show counts who has it\n", version);
    ctl_sheet_rest(sheet, data);
}

void ctl_render_ocsp(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    char cell[CTL_CELL_CAP], text[CTL_CELL_CAP];
    (void)options;
    ctl_cell_take(cell, data, "device");
    ctl_cell_take(text, data, "slot");
    ctl_cell_append(cell, text[0] != '\0' ? "/" : "");
    ctl_cell_append(cell, text);
    ctl_sheet_row(sheet, "device", cell, CTL_PLAIN);
    ctl_row_take(sheet, "serial", data, "serialNumber");
    ctl_row_take(sheet, "issuer", data, "issuer");
    ctl_cell_take(cell, data, "status");
    ctl_sheet_row(sheet, "status", cell, strcmp(cell, "good") == 0 ? CTL_GOOD : CTL_BAD);
    ctl_cell_take(cell, data, "thisUpdate");
    ctl_cell_take(text, data, "nextUpdate");
    ctl_cell_append(cell, text[0] != '\0' ? " to " : "");
    ctl_cell_append(cell, text);
    ctl_sheet_row(sheet, "valid", cell, CTL_PLAIN);
    cJSON_Delete(ctl_take(data, "response")); /* --out writes it, --json has it */
    ctl_sheet_rest(sheet, data);
}

void ctl_render_crl(const struct ctl_sheet *sheet, const struct ctl_options *options, cJSON *data)
{
    static const char *const names[] = { "issuer", "number", "thisUpdate", "nextUpdate", "entries", "bytes" };
    static const char *const labels[] = { "issuer", "number", "this update", "next update", "entries", "bytes" };
    (void)options;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        enum ctl_colour colour = end_colour(sheet, data, names[i], i == 3 ? 3600 : INT64_MIN);
        char cell[CTL_CELL_CAP];
        ctl_cell_take(cell, data, names[i]);
        ctl_sheet_row(sheet, labels[i], cell, i == 3 ? colour : CTL_PLAIN);
    }
    ctl_sheet_rest(sheet, data);
}
