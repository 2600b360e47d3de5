#include "plugin/renewalctl/audit.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { SHOWN_MAX = 20, SHOWN_JSON_MAX = 1000 };

/* For printing as %llu. */
static unsigned long long llu(uint64_t number)
{
    return (unsigned long long)number;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* ---- faults ---- */

static void fault_json(struct ctl_audit_report *report, const struct cr_verify_fault *fault)
{
    if (report->faults == NULL) {
        report->faults = cJSON_CreateArray();
    }
    cJSON *json = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(json, "what", cr_verify_kind_text(fault->kind));
    if (fault->seq != 0) {
        (void)cJSON_AddNumberToObject(json, "line", (double)fault->seq);
        (void)cJSON_AddNumberToObject(json, "until", (double)fault->until);
    }
    (void)cJSON_AddStringToObject(json, "file", fault->file);
    (void)cJSON_AddNumberToObject(json, "fileLine", (double)fault->file_line);
    (void)cJSON_AddNumberToObject(json, "byte", (double)fault->byte);
    (void)cJSON_AddStringToObject(json, "text", fault->text);
    if (!cJSON_AddItemToArray(report->faults, json)) {
        cJSON_Delete(json);
    }
}

void ctl_audit_report_fault(struct ctl_audit_report *report, const struct cr_verify_fault *fault)
{
    report->shown++;
    if (report->json && report->shown <= SHOWN_JSON_MAX) {
        fault_json(report, fault);
    } else if (!report->json && report->shown <= SHOWN_MAX) {
        (void)fprintf(report->out, "%s, line %llu of it, byte %llu: %s\n", file_name(fault->file),
                      llu(fault->file_line), llu(fault->byte), fault->text);
    }
}

/* ---- the end ---- */

static void proved_text(FILE *out, const struct cr_verify *v)
{
    for (size_t i = 0; i < v->proved_count; i++) {
        (void)fprintf(out, "%s%llu to %llu", i == 0 ? "proved        lines " : ", ", llu(v->proved[i].from),
                      llu(v->proved[i].to));
    }
    (void)fputs(v->proved_count > 0 ? "\n" : "", out);
}

static void checkpoints_text(FILE *out, const struct cr_verify *v)
{
    if (v->issuers == 0) {
        (void)fprintf(out, "checkpoints   %llu, whose signatures were not checked: there was no --issuer\n",
                      llu(v->unchecked));
    } else if (v->checkpoints > 0) {
        (void)fprintf(out, "checkpoints   %llu good; the last is line %llu, %s, signed by %s\n",
                      llu(v->checkpoints), llu(v->checkpoint.seq), v->checkpoint.time, v->signer);
    } else {
        (void)fputs("checkpoints   none good\n", out);
    }
}

static void last_text(FILE *out, const struct cr_verify *v)
{
    char hash[2 * CR_SHA256_LEN + 1];
    if (v->last.seq == 0) {
        return;
    }
    cr_hex_encode(hash, v->last.digest, CR_SHA256_LEN);
    (void)fprintf(out, "last line     %llu, %s, SHA-256 %s\n", llu(v->last.seq), v->last.time, hash);
}

static void verdict_text(FILE *out, const struct cr_verify *v, unsigned shown)
{
    if (shown > SHOWN_MAX) {
        (void)fprintf(out, "… and %llu more\n", llu(shown - SHOWN_MAX));
    }
    if (v->faults > 0) {
        (void)fprintf(out, "NOT as it was written: %llu fault%s. ", llu(v->faults), v->faults > 1 ? "s" : "");
        if (v->trusted_seq > 0) {
            (void)fprintf(out, "The last line before them that a checkpoint vouches for is %llu", llu(v->trusted_seq));
        } else {
            (void)fputs("No checkpoint vouches for a line before them", out);
        }
        (void)fprintf(out, "; lines up to %llu fit together.\n", llu(v->consistent_seq));
    } else if (v->lines == 0) {
        (void)fputs("There are no lines.\n", out);
    } else if (v->issuers == 0) {
        (void)fputs("The lines fit together. That alone proves nothing: whoever can write the file can write such a "
                    "chain. Give --issuer.\n", out);
    } else if (v->checkpoints == 0) {
        (void)fputs("NOT proved: the lines fit together, but none is signed.\n", out);
    } else {
        (void)fprintf(out, "Nothing is wrong up to line %llu.\n", llu(v->checkpoint.seq));
    }
}

static void notes_text(FILE *out, const struct cr_verify *v)
{
    if (v->first_seq > 1) {
        (void)fprintf(out, "Lines 1 to %llu are in earlier files, which were not given.\n", llu(v->first_seq - 1));
    }
    if (v->checkpoints > 0 && v->last.seq > v->checkpoint.seq) {
        (void)fprintf(out,
                      "Lines %llu to %llu are behind the last checkpoint: they fit together, and are not proved.\n",
                      llu(v->checkpoint.seq + 1), llu(v->last.seq));
    }
    if (v->last.seq > 0) {
        (void)fputs("Whether more lines followed and were cut off cannot be told from the files: compare the last line "
                    "with another copy, or the last checkpoint with the stream cr:audit.\n", out);
    }
}

static void end_text(const struct ctl_audit_report *report, const struct cr_verify *v, const char *const *file,
                     size_t files)
{
    FILE *out = report->out;
    if (files == 1) {
        (void)fprintf(out, "file          %s\n", file_name(file[0]));
    } else {
        (void)fprintf(out, "files         %zu, %s to %s\n", files, file_name(file[0]), file_name(file[files - 1]));
    }
    if (v->lines > 0) {
        (void)fprintf(out, "lines         %llu, from %llu on\n", llu(v->lines), llu(v->first_seq));
    }
    checkpoints_text(out, v);
    proved_text(out, v);
    last_text(out, v);
    verdict_text(out, v, report->shown);
    notes_text(out, v);
}

static cJSON *line_json(const struct cr_verify_line *line)
{
    char hash[2 * CR_SHA256_LEN + 1];
    cJSON *json = cJSON_CreateObject();
    cr_hex_encode(hash, line->digest, CR_SHA256_LEN);
    (void)cJSON_AddNumberToObject(json, "line", (double)line->seq);
    (void)cJSON_AddStringToObject(json, "time", line->time);
    (void)cJSON_AddStringToObject(json, "sha256", hash);
    return json;
}

static void add(cJSON *object, const char *name, cJSON *item)
{
    if (!cJSON_AddItemToObject(object, name, item)) {
        cJSON_Delete(item);
    }
}

static cJSON *end_json(struct ctl_audit_report *report, const struct cr_verify *v, const char *const *file,
                       size_t files)
{
    cJSON *json = cJSON_CreateObject(), *names = cJSON_CreateArray(), *ranges = cJSON_CreateArray();
    for (size_t i = 0; i < files; i++) {
        (void)cJSON_AddItemToArray(names, cJSON_CreateString(file[i]));
    }
    for (size_t i = 0; i < v->proved_count; i++) {
        cJSON *range = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(range, "from", (double)v->proved[i].from);
        (void)cJSON_AddNumberToObject(range, "to", (double)v->proved[i].to);
        (void)cJSON_AddItemToArray(ranges, range);
    }
    (void)cJSON_AddBoolToObject(json, "ok", cr_verify_ok(v));
    (void)cJSON_AddBoolToObject(json, "signaturesChecked", v->issuers > 0);
    add(json, "files", names);
    (void)cJSON_AddNumberToObject(json, "lines", (double)v->lines);
    (void)cJSON_AddNumberToObject(json, "firstLine", (double)v->first_seq);
    add(json, "lastLine", line_json(&v->last));
    (void)cJSON_AddNumberToObject(json, "checkpoints", (double)(v->checkpoints + v->unchecked));
    if (v->checkpoints > 0) {
        add(json, "lastCheckpoint", line_json(&v->checkpoint));
        (void)cJSON_AddStringToObject(json, "signedBy", v->signer);
    }
    add(json, "proved", ranges);
    (void)cJSON_AddNumberToObject(json, "trustedLine", (double)v->trusted_seq);
    (void)cJSON_AddNumberToObject(json, "consistentLine", (double)v->consistent_seq);
    (void)cJSON_AddNumberToObject(json, "faultCount", (double)v->faults);
    add(json, "faults", report->faults != NULL ? report->faults : cJSON_CreateArray());
    report->faults = NULL;
    return json;
}

cr_err ctl_audit_report_end(struct ctl_audit_report *report, const struct cr_verify *verify, const char *const *file,
                            size_t files)
{
    if (!report->json) {
        end_text(report, verify, file, files);
    } else {
        cJSON *json = end_json(report, verify, file, files);
        char *text = cJSON_Print(json);
        cJSON_Delete(json);
        if (text == NULL) {
            return CR_NOMEM;
        }
        (void)fprintf(report->out, "%s\n", text);
        cJSON_free(text);
    }
    return fflush(report->out) == 0 && !ferror(report->out) ? CR_OK : CR_IO;
}
