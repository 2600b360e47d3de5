#include "plugin/renewalctl/send.h"

#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

void ctl_send_begin(struct ctl_send *send)
{
    static const char *const head[] = { "REFUSED", "LINE", "WHY" };
    send->devices = send->revoked = send->refused = send->lost = 0;
    ctl_table_init(&send->table, 3, head);
    ctl_progress_begin(&send->progress, send->run);
}

void ctl_send_show(struct ctl_send *send)
{
    ctl_progress_show(&send->progress, send->run, send->devices + send->refused, send->expected, "devices");
}

/* Which of these rows a device is; count: none. */
static size_t row_of(const struct ctl_send *send, const char *device, const uint32_t *index, size_t count)
{
    size_t i = 0;
    while (i < count && strcmp(ctl_row_device(send->rows, index[i]), device) != 0) {
        i++;
    }
    return i;
}

bool ctl_refusal_passes(const char *code)
{
    static const char *const codes[] = { "busy", "rate-limited", "store-unavailable" };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(code, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void json_begin(struct ctl_run *run)
{
    if (run->options->json && !run->in_array) {
        run->in_array = true;
        (void)fputs("{\"refused\":[", run->sheet.out);
    }
}

static void refused_show(struct ctl_send *send, cJSON *row, const char *code, uint32_t line)
{
    struct ctl_run *run = send->run;
    send->refused++;
    if (run->options->json) {
        ctl_array_row(run, row, send->refused == 1);
        return;
    }
    if (send->table.rows > CTL_ROWS_MAX) {
        ctl_table_flush(&send->table, &run->sheet);
    }
    struct ctl_line *out = ctl_table_row(&send->table);
    ctl_cell_of(out->cell[0], cJSON_GetObjectItemCaseSensitive(row, "device"));
    if (line > 0) {
        (void)snprintf(out->cell[1], CTL_CELL_CAP, "%u", line);
    }
    ctl_cell_append(out->cell[2], code[0] != '\0' ? code : "no reason given");
}

size_t ctl_send_answer(struct ctl_send *send, cJSON *data, const uint32_t *index, size_t count, uint32_t *again)
{
    struct ctl_run *run = send->run;
    double before = send->refused, done = ctl_number_take(data, send->field, 0);
    size_t repeated = 0;
    cJSON *refused = ctl_take(data, "refused");
    done = done > 0 ? done : 0;
    ctl_progress_clear(&send->progress, run);
    json_begin(run);
    for (cJSON *row = cJSON_IsArray(refused) ? refused->child : NULL; row != NULL; row = row->next) {
        char device[CTL_CELL_CAP], code[CTL_CELL_CAP];
        ctl_cell_of(device, cJSON_GetObjectItemCaseSensitive(row, "device"));
        ctl_cell_of(code, cJSON_GetObjectItemCaseSensitive(row, "errorCode"));
        size_t i = row_of(send, device, index, count);
        if (again != NULL && i < count && repeated < count && ctl_refusal_passes(code)) {
            again[repeated++] = index[i];
        } else {
            refused_show(send, row, code, i < count ? send->rows->row[index[i]].line : 0);
        }
    }
    ctl_table_flush(&send->table, &run->sheet);
    send->devices += done;
    send->revoked += send->certificates != NULL ? ctl_number_take(data, send->certificates, 0) : 0;
    double told = done + (send->refused - before) + (double)repeated;
    send->lost += count > 0 && told < (double)count ? (double)count - told : 0;
    cJSON_Delete(refused);
    cJSON_Delete(data);
    ctl_send_show(send);
    return repeated;
}

static void sums_write(const struct ctl_send *send)
{
    struct ctl_run *run = send->run;
    if (run->in_array) {
        (void)fprintf(run->sheet.out, "%s],\"%s\":%.0f", send->refused > 0 ? "\n" : "", send->field, send->devices);
        if (send->certificates != NULL) {
            (void)fprintf(run->sheet.out, ",\"%s\":%.0f", send->certificates, send->revoked);
        }
        (void)fputs("}\n", run->sheet.out);
        run->in_array = false;
    } else if (!run->options->json) {
        char detail[80] = "";
        if (send->certificates != NULL) {
            (void)snprintf(detail, sizeof detail, " devices, %.0f certificate%s", send->revoked,
                           send->revoked == 1 ? "" : "s");
        }
        (void)fprintf(run->sheet.out, "%s %.0f%s, refused %.0f\n", send->done, send->devices, detail, send->refused);
    }
}

int ctl_send_end(struct ctl_send *send, int rc)
{
    struct ctl_run *run = send->run;
    char line[160];
    ctl_progress_clear(&send->progress, run);
    ctl_table_end(&send->table, &run->sheet);
    if (rc == CTL_DONE || run->in_array || send->devices + send->refused > 0) {
        sums_write(send);
    }
    if (ctl_written(run) != CTL_DONE && rc == CTL_DONE) {
        rc = CTL_FAILED;
    }
    if (rc == CTL_DONE && send->lost > 0) {
        (void)snprintf(line, sizeof line, "%.0f devices were in no answer; run it again: what is done stays done",
                       send->lost);
        rc = ctl_complain(run, CTL_FAILED, line);
    } else if (rc == CTL_DONE && send->refused > 0) {
        (void)snprintf(line, sizeof line, "%.0f %s refused", send->refused, send->refused > 1 ? "were" : "was");
        rc = ctl_complain(run, CTL_FAILED, line);
    }
    return rc;
}
