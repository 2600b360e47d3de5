/* trust set: certificates out of files, looked at before they go to a whole fleet. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/run.h"

#include "common/cert.h"
#include "common/dn.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CERTIFICATES_MAX = 8, DER_MAX = 16384, FILE_MAX = 256 * 1024, PEM_CAP = 2 * DER_MAX, SUBJECT_CAP = 160 };

struct bundle {
    struct ctl_run *run;
    struct cJSON *certificates; /* PEM */
    struct cJSON *subjects;     /* for the question */
    unsigned count;
    size_t der_len;
    char why[CTL_WHY_CAP];
};

static cr_err wrong(struct bundle *bundle, const char *path, const char *what)
{
    (void)snprintf(bundle->why, sizeof bundle->why, "%.200s: %.200s", path, what);
    return CR_INVALID;
}

static cr_err certificate_check(struct bundle *bundle, const char *path, const struct cr_cert *cert)
{
    char what[CTL_WHY_CAP], subject[SUBJECT_CAP], time[CR_TIME_TEXT];
    int64_t now_s = cr_wall_s(bundle->run->clock);
    cr_dn_text(subject, sizeof subject, cert->subject);
    if (!cert->is_ca || !cert->key_cert_sign) {
        (void)snprintf(what, sizeof what, "%s is no certificate of a CA: it may not sign certificates", subject);
        return wrong(bundle, path, what);
    }
    if (now_s < cert->facts.not_before || now_s >= cert->facts.not_after) {
        bool over = now_s >= cert->facts.not_after;
        cr_time_text(time, over ? cert->facts.not_after : cert->facts.not_before);
        (void)snprintf(what, sizeof what, "%s %s %s", subject, over ? "has expired at" : "is not valid before", time);
        return wrong(bundle, path, what);
    }
    return CR_OK;
}

static cr_err certificate_add(struct bundle *bundle, const char *path, struct cr_bytes der)
{
    struct cr_cert cert;
    char subject[SUBJECT_CAP];
    cr_err err = cr_cert_parse(&cert, der);
    if (err != CR_OK) {
        return wrong(bundle, path, "a certificate in it cannot be read");
    }
    err = certificate_check(bundle, path, &cert);
    if (err != CR_OK) {
        return err;
    }
    bundle->der_len += der.len;
    if (++bundle->count > CERTIFICATES_MAX || bundle->der_len > DER_MAX) {
        return wrong(bundle, path, "too many: at most 8 certificates, of 16 KiB together");
    }
    char *pem = calloc(1, PEM_CAP);
    err = pem != NULL ? cr_cert_to_pem(pem, PEM_CAP, der) : CR_NOMEM;
    for (const cJSON *one = bundle->certificates->child; err == CR_OK && one != NULL; one = one->next) {
        err = strcmp(one->valuestring, pem) == 0 ? wrong(bundle, path, "a certificate is there twice") : CR_OK;
    }
    cr_dn_text(subject, sizeof subject, cert.subject);
    cJSON *text = err == CR_OK ? cJSON_CreateString(pem) : NULL, *name = cJSON_CreateString(subject);
    if (err == CR_OK) {
        err = text != NULL && name != NULL && cJSON_AddItemToArray(bundle->certificates, text) ? CR_OK : CR_NOMEM;
        text = err == CR_OK ? NULL : text;
    }
    if (err == CR_OK) {
        err = cJSON_AddItemToArray(bundle->subjects, name) ? CR_OK : CR_NOMEM;
        name = err == CR_OK ? NULL : name;
    }
    cJSON_Delete(text);
    cJSON_Delete(name);
    free(pem);
    return err;
}

static cr_err pem_add(struct bundle *bundle, const char *path, struct cr_bytes pem)
{
    struct cr_blob ders = { NULL, 0 };
    struct cr_bytes rest, der;
    cr_err err = cr_cert_from_pem(&ders, pem);
    rest = cr_blob_view(&ders);
    if (err == CR_NOMEM) {
        return err;
    }
    if (err != CR_OK || rest.len == 0) {
        cr_blob_fini(&ders);
        return wrong(bundle, path, "there is no certificate in PEM in it, or one that is broken");
    }
    while (err == CR_OK && (err = cr_cert_next(&der, &rest)) == CR_OK) {
        err = certificate_add(bundle, path, der);
    }
    cr_blob_fini(&ders);
    return err == CR_NOT_FOUND ? CR_OK : err;
}

static cr_err file_add(struct bundle *bundle, const char *path)
{
    uint8_t *text = malloc(FILE_MAX + 1);
    FILE *file = strcmp(path, "-") == 0 ? bundle->run->in : fopen(path, "re");
    cr_err err = CR_NOMEM;
    if (text != NULL && file != NULL) {
        size_t len = fread(text, 1, FILE_MAX + 1, file);
        err = ferror(file)     ? wrong(bundle, path, strerror(errno))
              : len > FILE_MAX ? wrong(bundle, path, "too large for certificates")
                               : pem_add(bundle, path, (struct cr_bytes){ text, len });
    } else if (file == NULL) {
        err = wrong(bundle, path, strerror(errno));
    }
    if (file != NULL && file != bundle->run->in) {
        (void)fclose(file);
    }
    free(text);
    return err;
}

static int bundle_confirm(const struct bundle *bundle)
{
    struct ctl_run *run = bundle->run;
    bool replace = strcmp(run->options->mode, "replace") == 0;
    if (!run->options->yes && run->in_terminal && run->err_terminal) {
        for (const cJSON *one = bundle->subjects->child; one != NULL; one = one->next) {
            (void)fprintf(run->err, "  %s\n", one->valuestring);
        }
    }
    return ctl_confirm(run, replace ? "Every device will trust these alone: one that needs another CA to reach its "
                                      "broker is lost."
                                    : "Every device will trust these, too.");
}

int ctl_run_trust_set(struct ctl_run *run)
{
    const struct ctl_options *options = run->options;
    struct bundle bundle = { .run = run, .certificates = cJSON_CreateArray(), .subjects = cJSON_CreateArray() };
    cJSON *command = cJSON_CreateObject(), *data = NULL;
    cr_err err = bundle.certificates != NULL && bundle.subjects != NULL && command != NULL ? CR_OK : CR_NOMEM;
    int rc;
    for (size_t i = 0; i < options->words && err == CR_OK; i++) {
        err = file_add(&bundle, options->word[i]);
    }
    if (err == CR_OK) {
        bool ok = ctl_put_named(command, "setTrustBundle") &&
                  cJSON_AddItemToObject(command, "certificates", bundle.certificates);
        bundle.certificates = ok ? NULL : bundle.certificates;
        err = ok && ctl_put_text(command, "mode", options->mode) ? CR_OK : CR_NOMEM;
    }
    if (err == CR_INVALID) {
        rc = ctl_complain(run, CTL_USAGE, bundle.why);
    } else if (err != CR_OK) {
        rc = ctl_complain(run, CTL_FAILED, "out of memory");
    } else {
        rc = bundle_confirm(&bundle);
        if (rc == CTL_DONE) {
            rc = ctl_ask(run, command, &data);
            command = NULL;
        }
        rc = rc == CTL_DONE ? ctl_show(run, data) : rc;
    }
    cJSON_Delete(command);
    cJSON_Delete(bundle.certificates);
    cJSON_Delete(bundle.subjects);
    return rc;
}
