/* What devices send. The writers are in message_write.c, the JSON itself in json_scan.c. */
#include "common/message.h"

#include "common/bundle.h"
#include "common/json_scan.h"

#include <stdlib.h>
#include <string.h>

static const char *const renew_reasons[CR_RENEW_COUNT] = {
    [CR_RENEW_NONE] = "",
    [CR_RENEW_EXPIRY] = "expiry",
    [CR_RENEW_OPERATOR] = "operator",
    [CR_RENEW_CAMPAIGN] = "campaign",
    [CR_RENEW_CA_ROTATION] = "ca-rotation",
    [CR_RENEW_REGRESSION] = "regression",
    [CR_RENEW_POLICY] = "policy",
};

static const char *const report_outcomes[CR_REPORT_COUNT] = {
    [CR_REPORT_INSTALLED] = "installed",
    [CR_REPORT_FAILED] = "failed",
    [CR_REPORT_ROLLED_BACK] = "rolled-back",
};

const char *cr_renew_reason_text(enum cr_renew_reason reason)
{
    return (unsigned)reason < CR_RENEW_COUNT ? renew_reasons[reason] : "";
}

enum cr_renew_reason cr_renew_reason_parse(const char *text)
{
    int reason = CR_RENEW_NONE + 1;
    while (reason < CR_RENEW_COUNT && strcmp(renew_reasons[reason], text) != 0) {
        reason++;
    }
    return (enum cr_renew_reason)reason;
}

const char *cr_report_outcome_text(enum cr_report_outcome outcome)
{
    return (unsigned)outcome < CR_REPORT_COUNT ? report_outcomes[outcome] : "";
}

/* What a text field may hold: its length, and whether each character is fine where it stands. */
struct text_rule {
    size_t min, max;
    bool (*char_ok)(char c, size_t at);
};

static bool alphanumeric(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool request_id_char(char c, size_t at)
{
    (void)at;
    return alphanumeric(c) || c == '-';
}

static bool renewal_id_char(char c, size_t at)
{
    if (at == 8 || at == 13 || at == 18 || at == 23) {
        return c == '-';
    }
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool printable_char(char c, size_t at)
{
    (void)at;
    return c >= ' ' && c <= '~';
}

static const struct text_rule request_id_rule = { 4, CR_REQUEST_ID_MAX, request_id_char };
static const struct text_rule renewal_id_rule = { CR_RENEWAL_ID_LEN, CR_RENEWAL_ID_LEN, renewal_id_char };
static const struct text_rule reason_rule = { 0, CR_REASON_MAX, printable_char };

/* Copies an optional text field. `to` holds rule->max + 1 bytes and is "" when the field is absent or refused. */
static enum cr_refusal text_copy(char *to, const struct cr_json_field *field, const struct text_rule *rule)
{
    to[0] = '\0';
    if (!field->present) {
        return CR_REFUSAL_NONE;
    }
    if (field->text == NULL) {
        return CR_REFUSAL_MALFORMED_JSON;
    }
    size_t len = strlen(field->text);
    bool ok = len >= rule->min && len <= rule->max;
    for (size_t i = 0; ok && i < len; i++) {
        ok = rule->char_ok(field->text[i], i);
    }
    if (!ok) {
        return CR_REFUSAL_MALFORMED_REQUEST;
    }
    memcpy(to, field->text, len + 1);
    return CR_REFUSAL_NONE;
}

/* A key in clear text, or one that JSON escapes a little: looked for in whatever else is wrong with a payload. */
static bool holds_private_key(struct cr_bytes payload)
{
    static const char mark[] = "PRIVATE KEY-----";
    return payload.len > 0 && memmem(payload.data, payload.len, mark, sizeof mark - 1) != NULL;
}

/* PKCS#8, SEC 1 and PKCS#1 start with an INTEGER 0 or 1 where a request has a SEQUENCE. */
static bool is_private_key_der(struct cr_bytes der)
{
    if (der.len < 2 || der.data[0] != 0x30) {
        return false;
    }
    size_t at = 2 + (der.data[1] >= 0x80 ? der.data[1] & 0x7fu : 0);
    return der.len >= at + 4 && der.data[at] == 0x02 && der.data[at + 1] == 1 && der.data[at + 2] <= 1;
}

static enum cr_refusal csr_from_der(struct cr_blob *csr_der, struct cr_bytes der)
{
    if (is_private_key_der(der)) {
        return CR_REFUSAL_PRIVATE_KEY_SENT;
    }
    return cr_blob_copy(csr_der, der.data, der.len) == CR_OK ? CR_REFUSAL_NONE : CR_REFUSAL_BUSY;
}

/* The csr field: PEM, or base64 of DER. */
static enum cr_refusal csr_unwrap(struct cr_blob *der, const char *text)
{
    if (text == NULL) {
        return CR_REFUSAL_MALFORMED_JSON;
    }
    size_t text_len = strlen(text);
    if (text[0] == '-') {
        return cr_csr_from_pem(der, (struct cr_bytes){ (const uint8_t *)text, text_len });
    }
    uint8_t decoded[CR_CSR_MAX]; /* the payload, and so its base64, is no longer than this */
    size_t len = 0;
    if (cr_base64_decode(decoded, sizeof decoded, &len, text, text_len) != CR_OK || len == 0) {
        return CR_REFUSAL_MALFORMED_CSR;
    }
    return csr_from_der(der, (struct cr_bytes){ decoded, len });
}

/* Reads a device's JSON object. CR_REFUSAL_NONE: the fields are the caller's to finish. */
static enum cr_refusal fields_read(struct cr_json_fields *fields, struct cr_bytes payload)
{
    if (payload.len > CR_JSON_MAX) {
        return CR_REFUSAL_TOO_LARGE;
    }
    switch (cr_json_fields_read(fields, payload, CR_JSON_DEPTH_MAX)) {
    case CR_OK: return CR_REFUSAL_NONE;
    case CR_NOMEM: return CR_REFUSAL_BUSY;
    default: return CR_REFUSAL_MALFORMED_JSON;
    }
}

static enum cr_refusal csr_json_parse(struct cr_csr_message *message, struct cr_bytes payload)
{
    enum { CSR, RENEWAL_ID, REQUEST_ID };
    struct cr_json_field field[] = { { .key = "csr" }, { .key = "renewalId" }, { .key = "requestId" } };
    struct cr_json_fields fields = { .field = field, .count = sizeof field / sizeof field[0] };
    enum cr_refusal refusal = fields_read(&fields, payload);
    if (refusal != CR_REFUSAL_NONE) {
        return holds_private_key(payload) ? CR_REFUSAL_PRIVATE_KEY_SENT : refusal;
    }
    /* The request id first: the answer carries it whatever else is wrong. */
    refusal = text_copy(message->request_id, &field[REQUEST_ID], &request_id_rule);
    if (holds_private_key(payload)) {
        refusal = CR_REFUSAL_PRIVATE_KEY_SENT;
    }
    if (refusal == CR_REFUSAL_NONE && fields.unknown) {
        refusal = CR_REFUSAL_MALFORMED_JSON;
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = text_copy(message->renewal_id, &field[RENEWAL_ID], &renewal_id_rule);
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = csr_unwrap(&message->csr_der, field[CSR].text);
    }
    cr_json_fields_fini(&fields);
    return refusal;
}

enum cr_refusal cr_csr_message_parse(struct cr_csr_message *message, struct cr_bytes payload)
{
    *message = (struct cr_csr_message){ .format = CR_FORMAT_PEM };
    if (payload.len == 0) {
        return CR_REFUSAL_MALFORMED_REQUEST;
    }
    if (payload.len > CR_CSR_MAX) {
        return CR_REFUSAL_TOO_LARGE;
    }
    enum cr_refusal refusal = CR_REFUSAL_MALFORMED_REQUEST;
    switch (payload.data[0]) {
    case '-':
        refusal = cr_csr_from_pem(&message->csr_der, payload);
        break;
    case 0x30:
        message->format = CR_FORMAT_DER;
        refusal = csr_from_der(&message->csr_der, payload);
        break;
    case '{':
        message->format = CR_FORMAT_JSON;
        refusal = csr_json_parse(message, payload);
        break;
    default:
        if (holds_private_key(payload)) { /* behind a comment or white space, as some tools write it */
            refusal = CR_REFUSAL_PRIVATE_KEY_SENT;
        }
        break;
    }
    if (refusal != CR_REFUSAL_NONE) {
        cr_blob_fini(&message->csr_der);
        message->renewal_id[0] = '\0';
    }
    return refusal;
}

void cr_csr_message_fini(struct cr_csr_message *message)
{
    cr_blob_fini(&message->csr_der);
    *message = (struct cr_csr_message){ .format = message->format };
}

enum cr_refusal cr_get_message_parse(struct cr_get_message *message, struct cr_bytes payload)
{
    *message = (struct cr_get_message){ .request_id = "" };
    if (payload.len == 0) {
        return CR_REFUSAL_NONE;
    }
    struct cr_json_field request_id = { .key = "requestId" };
    struct cr_json_fields fields = { .field = &request_id, .count = 1 };
    enum cr_refusal refusal = fields_read(&fields, payload);
    if (refusal != CR_REFUSAL_NONE) {
        return refusal;
    }
    refusal = text_copy(message->request_id, &request_id, &request_id_rule);
    if (refusal == CR_REFUSAL_NONE && fields.unknown) {
        refusal = CR_REFUSAL_MALFORMED_JSON;
    }
    cr_json_fields_fini(&fields);
    return refusal;
}

static enum cr_refusal outcome_parse(enum cr_report_outcome *outcome, const char *text)
{
    if (text == NULL) {
        return CR_REFUSAL_MALFORMED_JSON;
    }
    int i = 0;
    while (i < CR_REPORT_COUNT && strcmp(report_outcomes[i], text) != 0) {
        i++;
    }
    *outcome = (enum cr_report_outcome)i;
    return i < CR_REPORT_COUNT ? CR_REFUSAL_NONE : CR_REFUSAL_MALFORMED_REQUEST;
}

enum cr_refusal cr_report_message_parse(struct cr_report_message *message, struct cr_bytes payload)
{
    *message = (struct cr_report_message){ .outcome = CR_REPORT_COUNT };
    struct cr_report_message read = *message;
    enum { RENEWAL_ID, OUTCOME, REASON };
    struct cr_json_field field[] = { { .key = "renewalId" }, { .key = "outcome" }, { .key = "reason" } };
    struct cr_json_fields fields = { .field = field, .count = sizeof field / sizeof field[0] };
    enum cr_refusal refusal = fields_read(&fields, payload);
    if (refusal != CR_REFUSAL_NONE) {
        return refusal;
    }
    if (fields.unknown || !field[RENEWAL_ID].present) {
        refusal = CR_REFUSAL_MALFORMED_JSON;
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = text_copy(read.renewal_id, &field[RENEWAL_ID], &renewal_id_rule);
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = outcome_parse(&read.outcome, field[OUTCOME].text);
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = text_copy(read.reason, &field[REASON], &reason_rule);
    }
    if (refusal == CR_REFUSAL_NONE) {
        *message = read;
    }
    cr_json_fields_fini(&fields);
    return refusal;
}

/* A whole number above 0 that fits, as JSON writes it in its plainest form. */
static bool version_parse(uint64_t *version, struct cr_bytes digits)
{
    enum { DIGITS_MAX = 15 }; /* what every reader of JSON keeps exactly */
    *version = 0;
    for (size_t i = 0; i < digits.len && digits.len <= DIGITS_MAX; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        *version = *version * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return *version > 0;
}

enum cr_refusal cr_trust_report_parse(struct cr_trust_report *report, struct cr_bytes payload)
{
    *report = (struct cr_trust_report){ .outcome = CR_REPORT_COUNT };
    struct cr_trust_report read = *report;
    enum { VERSION, OUTCOME, REASON };
    struct cr_json_field field[] = { { .key = "version" }, { .key = "outcome" }, { .key = "reason" } };
    struct cr_json_fields fields = { .field = field, .count = sizeof field / sizeof field[0] };
    enum cr_refusal refusal = fields_read(&fields, payload);
    if (refusal != CR_REFUSAL_NONE) {
        return refusal;
    }
    if (fields.unknown || !version_parse(&read.version, field[VERSION].other)) {
        refusal = CR_REFUSAL_MALFORMED_JSON;
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = outcome_parse(&read.outcome, field[OUTCOME].text);
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = text_copy(read.reason, &field[REASON], &reason_rule);
    }
    if (refusal == CR_REFUSAL_NONE) {
        *report = read;
    }
    cr_json_fields_fini(&fields);
    return refusal;
}
