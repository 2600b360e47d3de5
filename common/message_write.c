/* What devices are told. Written by hand rather than through cJSON: a broker may hand cJSON its own allocator, which
 * counts without locks (Mosquitto 2.1 does), and these run on any thread. */
#include "common/message.h"

#include "common/bundle.h"
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAP = 512,
    PEM_CAP = CR_BASE64_LEN(CR_CERT_MAX) + CR_CERT_MAX / 32 + 128, /* line ends and the two marker lines */
};

/* A text that grows. The first error sticks, and finish() reports it. */
struct writer {
    char *text; /* no NUL yet */
    size_t len, cap;
    bool first; /* no member of the innermost object or array yet */
    cr_err err;
};

static void put(struct writer *w, const char *data, size_t len)
{
    if (w->err == CR_OK && w->cap - w->len < len) {
        size_t cap = w->cap + len + FIRST_CAP;
        char *text = realloc(w->text, cap);
        if (text == NULL) {
            w->err = CR_NOMEM;
        } else {
            w->text = text;
            w->cap = cap;
        }
    }
    if (w->err == CR_OK) {
        memcpy(w->text + w->len, data, len);
        w->len += len;
    }
}

static void put_char(struct writer *w, char c)
{
    put(w, &c, 1);
}

/* A JSON string. Bytes above ASCII pass as they are: the text is UTF-8 by contract. */
static void put_string(struct writer *w, const char *text)
{
    put_char(w, '"');
    while (*text != '\0') {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= ' ' && text[plain] != '"' && text[plain] != '\\') {
            plain++;
        }
        put(w, text, plain);
        text += plain;
        if (*text == '\0') {
            break;
        }
        char escaped[8] = { '\\', *text };
        if (*text == '\n') {
            escaped[1] = 'n';
        } else if ((unsigned char)*text < ' ') {
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*text);
        }
        put(w, escaped, strlen(escaped));
        text++;
    }
    put_char(w, '"');
}

static void put_comma(struct writer *w)
{
    if (!w->first) {
        put_char(w, ',');
    }
    w->first = false;
}

static void put_key(struct writer *w, const char *key)
{
    put_comma(w);
    put_string(w, key);
    put_char(w, ':');
}

static void put_text(struct writer *w, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        put_key(w, key);
        put_string(w, text);
    }
}

static void put_number(struct writer *w, const char *key, unsigned number)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%u", number);
    put_key(w, key);
    put(w, text, (size_t)len);
}

static void put_version(struct writer *w, uint64_t version)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)version);
    put_key(w, "version");
    put(w, text, (size_t)len);
}

static void put_time(struct writer *w, const char *key, int64_t unix_s)
{
    char text[CR_TIME_TEXT] = "";
    if (unix_s != 0) {
        cr_time_text(text, unix_s);
    }
    put_text(w, key, text);
}

static void put_serial(struct writer *w, const struct cr_serial *serial)
{
    char text[CR_SERIAL_TEXT] = "";
    if (serial != NULL && serial->len > 0) {
        cr_serial_text(text, serial);
    }
    put_text(w, "serialNumber", text);
}

static void array_open(struct writer *w, const char *key)
{
    put_key(w, key);
    put_char(w, '[');
    w->first = true;
}

static void array_close(struct writer *w)
{
    put_char(w, ']');
    w->first = false;
}

static void put_key_types(struct writer *w, unsigned key_types)
{
    static const struct {
        unsigned allowed;
        enum cr_key_type type;
    } types[] = {
        { CR_ALLOW_EC_P256, CR_KEY_EC_P256 },
        { CR_ALLOW_EC_P384, CR_KEY_EC_P384 },
        { CR_ALLOW_RSA, CR_KEY_RSA },
    };
    if (key_types == 0) {
        return;
    }
    array_open(w, "keyAlgorithms");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if ((key_types & types[i].allowed) != 0) {
            put_comma(w);
            put_string(w, cr_key_type_text(types[i].type));
        }
    }
    array_close(w);
}

static void put_certificates(struct writer *w, const char *key, struct cr_bytes chain_der)
{
    char pem[PEM_CAP];
    struct cr_bytes der, rest = chain_der;
    cr_err err = CR_INVALID; /* no certificate at all */
    array_open(w, key);
    while (rest.len > 0) {
        CR_TRY(cr_cert_next(&der, &rest));
        pem[0] = '\0';
        CR_TRY(cr_cert_to_pem(pem, sizeof pem, der));
        put_comma(w);
        put_string(w, pem);
    }
    array_close(w);
out:
    if (err != CR_OK && w->err == CR_OK) {
        w->err = err;
    }
}

static struct writer start(void)
{
    struct writer w = { .first = true };
    put_char(&w, '{');
    return w;
}

/* Hands the text over, or frees it. */
static cr_err finish(struct cr_blob *json, struct writer *w)
{
    put(w, "}", 2); /* with the NUL, which len does not count */
    *json = (struct cr_blob){ NULL, 0 };
    if (w->err != CR_OK) {
        free(w->text);
        return w->err;
    }
    *json = (struct cr_blob){ (uint8_t *)w->text, w->len - 1 };
    return CR_OK;
}

cr_err cr_renew_message_write(struct cr_blob *json, const struct cr_renew_message *message)
{
    struct writer w = start();
    put_text(&w, "renewalId", message->renewal_id);
    put_text(&w, "slot", message->slot);
    put_text(&w, "reason", cr_renew_reason_text(message->reason));
    put_number(&w, "attempt", message->attempt);
    put_time(&w, "notAfter", message->not_after);
    put_time(&w, "deadline", message->deadline);
    put_key_types(&w, message->key_types);
    return finish(json, &w);
}

cr_err cr_pending_message_write(struct cr_blob *json, const char *renewal_id, const char *request_id,
                                unsigned retry_after_s)
{
    struct writer w = start();
    put_text(&w, "renewalId", renewal_id);
    put_text(&w, "requestId", request_id);
    put_number(&w, "retryAfter", retry_after_s);
    return finish(json, &w);
}

cr_err cr_certificate_message_write(struct cr_blob *json, const struct cr_certificate_message *message)
{
    struct writer w = start();
    put_text(&w, "renewalId", message->renewal_id);
    put_text(&w, "requestId", message->request_id);
    put_serial(&w, message->serial);
    put_time(&w, "notBefore", message->not_before);
    put_time(&w, "notAfter", message->not_after);
    put_certificates(&w, "certificates", message->chain_der);
    return finish(json, &w);
}

cr_err cr_rejected_message_write(struct cr_blob *json, const struct cr_rejected_message *message)
{
    const struct cr_refusal_info *info = cr_refusal_info(message->refusal);
    struct writer w = start();
    put_number(&w, "statusCode", (unsigned)info->status_code);
    put_text(&w, "errorCode", info->error_code);
    put_text(&w, "errorMessage", info->text);
    put_text(&w, "requestId", message->request_id);
    put_text(&w, "renewalId", message->renewal_id);
    if (message->retry_after_s > 0) {
        put_number(&w, "retryAfter", message->retry_after_s);
    }
    return finish(json, &w);
}

cr_err cr_status_message_write(struct cr_blob *json, const struct cr_status_message *message)
{
    struct writer w = start();
    put_text(&w, "requestId", message->request_id);
    put_serial(&w, message->serial);
    put_time(&w, "notAfter", message->not_after);
    put_time(&w, "nextRenewal", message->next_renewal);
    return finish(json, &w);
}

cr_err cr_trust_message_write(struct cr_blob *json, const struct cr_trust_message *message)
{
    char signature[CR_BASE64_LEN(CR_SIGNATURE_MAX)] = "";
    cr_err err = cr_base64_encode(signature, sizeof signature, message->signature.data, message->signature.len);
    struct writer w = start();
    put_version(&w, message->version);
    put_text(&w, "mode", cr_trust_mode_text(message->mode));
    put_certificates(&w, "certificates", message->certs);
    put_certificates(&w, "signer", message->signer_chain);
    put_text(&w, "signature", signature);
    if (w.err == CR_OK && (err != CR_OK || message->signature.len == 0)) {
        w.err = CR_INVALID;
    }
    return finish(json, &w);
}
