/* ocsp and crl: what says that a certificate is good or revoked, as bytes that other programs take. */
#include "plugin/renewalctl/run.h"

#include "common/crl.h"
#include "common/topic.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { OCSP_MAX = 65536, LOOK_MS = 100 };

/* ---- ocsp ---- */

static int ocsp_write(struct ctl_run *run, const cJSON *data)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "response"));
    uint8_t *der = malloc(OCSP_MAX);
    size_t len = 0;
    int rc = CTL_FAILED;
    if (der == NULL) {
        return ctl_complain(run, CTL_FAILED, "out of memory");
    }
    if (text == NULL || cr_base64_decode(der, OCSP_MAX, &len, text, strlen(text)) != CR_OK || len == 0) {
        rc = ctl_complain(run, CTL_FAILED, "the broker's answer holds no OCSP response");
    } else {
        rc = ctl_output_write(run, run->options->out, (struct cr_bytes){ der, len });
    }
    free(der);
    return rc;
}

int ctl_run_ocsp(struct ctl_run *run)
{
    cJSON *data = NULL;
    const char *out = run->options->out;
    int rc = ctl_ask(run, ctl_command_json(run->options), &data);
    if (rc == CTL_DONE && out[0] != '\0') {
        rc = ocsp_write(run, data);
    }
    if (rc != CTL_DONE || strcmp(out, "-") == 0) {
        cJSON_Delete(data);
        return rc;
    }
    return ctl_show(run, data);
}

/* ---- crl ---- */

struct crl_wait {
    const char *issuer;
    struct cr_blob der;
    cr_err err; /* CR_NOT_FOUND: not yet */
};

static void on_crl(void *owner, const char *kind, struct cr_bytes payload)
{
    struct crl_wait *wait = owner;
    if (wait->err != CR_NOT_FOUND || strcmp(kind, wait->issuer) != 0 || payload.len == 0) {
        return; /* an empty one is none: it was taken away */
    }
    wait->err = payload.len > CR_CRL_MAX ? CR_FULL : cr_blob_copy(&wait->der, payload.data, payload.len);
}

/* The retained one comes at once, where there is one. */
static int crl_fetch(struct ctl_run *run, struct crl_wait *wait)
{
    char topic[CR_TOPIC_CAP], why[CTL_WHY_CAP] = "";
    int64_t deadline_ms = cr_mono_ms(run->clock) + (int64_t)run->options->timeout_s * 1000;
    (void)snprintf(topic, sizeof topic, CR_TOPIC_CRL "/%s", wait->issuer);
    cr_err err = run->link->listen(run->link->ctx, topic, on_crl, wait, why);
    while (err == CR_OK && wait->err == CR_NOT_FOUND && cr_mono_ms(run->clock) < deadline_ms &&
           !(run->stop != NULL && *run->stop != 0)) {
        err = run->link->wait(run->link->ctx, LOOK_MS, why);
    }
    if (wait->err == CR_OK) {
        return CTL_DONE;
    }
    if (err != CR_OK) {
        return ctl_complain(run, err == CR_UNAVAILABLE || err == CR_TIMEOUT ? CTL_NO_CONNECTION : CTL_FAILED, why);
    }
    return ctl_complain(run, wait->err == CR_NOT_FOUND ? CTL_NO_CONNECTION : CTL_FAILED,
                        wait->err == CR_NOT_FOUND ? "no CRL of this issuer came in time; renewalctl issuers shows which "
                                                    "there are"
                        : wait->err == CR_FULL    ? "the CRL is too large"
                                                  : "out of memory");
}

static int pem_write(struct ctl_run *run, struct cr_bytes der, const char *out)
{
    char *pem = calloc(1, cr_crl_pem_cap(der.len));
    if (pem == NULL || cr_crl_to_pem(pem, cr_crl_pem_cap(der.len), der) != CR_OK) {
        free(pem);
        return ctl_complain(run, CTL_FAILED, "out of memory");
    }
    int rc = ctl_output_write(run, out, (struct cr_bytes){ (const uint8_t *)pem, strlen(pem) });
    free(pem);
    return rc;
}

static bool time_put(cJSON *data, const char *name, int64_t unix_s)
{
    char text[CR_TIME_TEXT];
    cr_time_text(text, unix_s);
    return unix_s == 0 || cJSON_AddStringToObject(data, name, text) != NULL;
}

static int crl_show(struct ctl_run *run, const char *issuer, const struct cr_crl *crl)
{
    cJSON *data = cJSON_CreateObject();
    bool ok = data != NULL && cJSON_AddStringToObject(data, "issuer", issuer) != NULL &&
              (!crl->numbered || cJSON_AddNumberToObject(data, "number", (double)crl->number) != NULL) &&
              time_put(data, "thisUpdate", crl->this_update) && time_put(data, "nextUpdate", crl->next_update) &&
              cJSON_AddNumberToObject(data, "entries", (double)crl->count) != NULL &&
              cJSON_AddNumberToObject(data, "bytes", (double)crl->der.len) != NULL;
    if (!ok) {
        cJSON_Delete(data);
        return ctl_complain(run, CTL_FAILED, "out of memory");
    }
    return ctl_show(run, data);
}

int ctl_run_crl(struct ctl_run *run)
{
    const struct ctl_options *options = run->options;
    struct crl_wait wait = { .issuer = options->word[0], .err = CR_NOT_FOUND };
    struct cr_crl crl;
    const char *out = options->out[0] == '\0' && options->pem ? "-" : options->out;
    int rc = crl_fetch(run, &wait);
    struct cr_bytes der = cr_blob_view(&wait.der);
    if (rc == CTL_DONE && cr_crl_parse(&crl, der) != CR_OK) {
        rc = ctl_complain(run, CTL_FAILED,
                          "what the broker keeps there cannot be read as a CRL; the broker's log may say more");
    }
    if (rc == CTL_DONE && out[0] != '\0') {
        rc = options->pem ? pem_write(run, der, out) : ctl_output_write(run, out, der);
    }
    if (rc == CTL_DONE && strcmp(out, "-") != 0) {
        rc = crl_show(run, options->word[0], &crl);
    }
    cr_blob_fini(&wait.der);
    return rc;
}
