/* The device channel's parsers, and the strict JSON under them. The first byte chooses which. */
#include "common/clock.h"
#include "common/json_scan.h"
#include "common/message.h"
#include "tests/fuzz/fuzz.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <string.h>

#define ID "01234567-89ab-4cde-8f01-23456789abcd"
#define PEM "-----BEGIN CERTIFICATE REQUEST-----\\nMAIFAA==\\n-----END CERTIFICATE REQUEST-----\\n"

static bool id_ok(const char *id)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    size_t len = strlen(id);
    return len < CR_RENEWAL_ID_CAP && strspn(id, allowed) == len;
}

static void csr(struct cr_bytes payload)
{
    struct cr_csr_message message;
    enum cr_refusal refusal = cr_csr_message_parse(&message, payload);
    CR_FUZZ_CHECK(id_ok(message.request_id) && id_ok(message.renewal_id));
    CR_FUZZ_CHECK((refusal == CR_REFUSAL_NONE) == (message.csr_der.data != NULL));
    CR_FUZZ_CHECK(message.csr_der.len <= CR_CSR_MAX);
    cr_csr_message_fini(&message);
}

static void get(struct cr_bytes payload)
{
    struct cr_get_message message;
    enum cr_refusal refusal = cr_get_message_parse(&message, payload);
    CR_FUZZ_CHECK(id_ok(message.request_id) && (unsigned)refusal < CR_REFUSAL_COUNT);
}

static void report(struct cr_bytes payload)
{
    struct cr_report_message message;
    enum cr_refusal refusal = cr_report_message_parse(&message, payload);
    CR_FUZZ_CHECK((refusal == CR_REFUSAL_NONE) == (message.outcome != CR_REPORT_COUNT));
    CR_FUZZ_CHECK((refusal == CR_REFUSAL_NONE) == (strlen(message.renewal_id) == CR_RENEWAL_ID_LEN));
    for (const char *c = message.reason; *c != '\0'; c++) {
        CR_FUZZ_CHECK(*c >= ' ' && *c <= '~');
    }
}

/* Our own reader of flat objects and cJSON see the same. */
static void fields(struct cr_bytes payload, const cJSON *tree)
{
    struct cr_json_field field[] = { { .key = "csr" }, { .key = "requestId" }, { .key = "a" }, { .key = "b" } };
    struct cr_json_fields all = { .field = field, .count = sizeof field / sizeof field[0] };
    cr_err err = cr_json_fields_read(&all, payload, CR_JSON_DEPTH_MAX);
    CR_FUZZ_CHECK(tree == NULL || err == CR_OK);
    int known = 0;
    for (size_t i = 0; tree != NULL && i < all.count; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, field[i].key);
        CR_FUZZ_CHECK(field[i].present == (item != NULL));
        CR_FUZZ_CHECK((field[i].text != NULL) == (item != NULL && cJSON_IsString(item)));
        CR_FUZZ_CHECK(field[i].text == NULL || strcmp(field[i].text, item->valuestring) == 0);
        known += field[i].present;
    }
    CR_FUZZ_CHECK(tree == NULL || all.unknown == (cJSON_GetArraySize(tree) > known));
    if (err == CR_OK) {
        cr_json_fields_fini(&all);
    }
}

/* What is taken can be printed, and is then taken again as the same. */
static void json(struct cr_bytes payload)
{
    cJSON *tree = cr_json_parse_strict(payload, CR_JSON_MAX, CR_JSON_DEPTH_MAX);
    if (payload.len <= CR_JSON_MAX) {
        fields(payload, tree);
    }
    if (tree == NULL) {
        return;
    }
    char *text = cJSON_PrintUnformatted(tree);
    if (text != NULL) {
        struct cr_bytes printed = { (uint8_t *)text, strlen(text) };
        cJSON *again = cr_json_parse_strict(printed, printed.len, CR_JSON_DEPTH_MAX);
        CR_FUZZ_CHECK(again != NULL && cJSON_Compare(tree, again, true));
        cJSON_Delete(again);
    }
    cJSON_free(text);
    cJSON_Delete(tree);
}

static void bytes(struct cr_bytes payload)
{
    uint8_t decoded[CR_FUZZ_INPUT_MAX];
    char text[CR_BASE64_LEN(CR_FUZZ_INPUT_MAX)];
    size_t len = 0;
    if (payload.len <= CR_FUZZ_INPUT_MAX &&
        cr_base64_decode(decoded, sizeof decoded, &len, (const char *)payload.data, payload.len) == CR_OK) {
        CR_FUZZ_CHECK(cr_base64_encode(text, sizeof text, decoded, len) == CR_OK);
        CR_FUZZ_CHECK(strlen(text) == payload.len && memcmp(text, payload.data, payload.len) == 0);
    }
    char time[CR_TIME_TEXT], back[CR_TIME_TEXT];
    int64_t unix_s = 0;
    if (payload.len == sizeof time - 1) {
        memcpy(time, payload.data, payload.len);
        time[payload.len] = '\0';
        if (cr_time_parse(&unix_s, time) == CR_OK) {
            cr_time_text(back, unix_s);
            CR_FUZZ_CHECK(strcmp(time, back) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static void (*const parsers[])(struct cr_bytes) = { csr, get, report, json, bytes };
    if (len > 0) {
        size_t which = (size_t)(data[0] + 256 - '0') % (sizeof parsers / sizeof parsers[0]);
        parsers[which]((struct cr_bytes){ data + 1, len - 1 });
    }
    return 0;
}

/* The first digit: csr, get, report, json, bytes. */
static const char *const seeds[] = {
    "0{\"csr\":\"" PEM "\",\"renewalId\":\"" ID "\",\"requestId\":\"req-0001\"}",
    "0{\"csr\":\"MAIFAA==\"}",
    "0-----BEGIN CERTIFICATE REQUEST-----\nMAIFAA==\n-----END CERTIFICATE REQUEST-----\n",
    "0-----BEGIN NEW CERTIFICATE REQUEST-----\r\nMAIFAA==\r\n-----END NEW CERTIFICATE REQUEST-----\r\n",
    "0{\"csr\":\"-----BEGIN PRIVATE KEY-----\\nMAIFAA==\\n-----END PRIVATE KEY-----\\n\"}",
    "00\x05\x02\x01\x01\x04\x02\x01\x02",
    "1{\"requestId\":\"0123456789-0123456789-abcdefghijklmn\"}",
    "1",
    "2{\"renewalId\":\"" ID "\",\"outcome\":\"installed\"}",
    "2{\"renewalId\":\"" ID "\",\"outcome\":\"rolled-back\",\"reason\":\"no link after restart\"}",
    "3{\"commands\":[{\"command\":\"getDevice\",\"device\":\"meter-17\",\"correlationData\":\"1\"}]}",
    "3{\"a\":[[[[[[1e308,-0.5E-3,0]]]]]],\"b\":\"\\ud83d\\ude00\\u00e9\\n\xe2\x82\xac\",\"c\":null}",
    "3 { \"a\" : { \"b\" : [ true , false , { } ] } } ",
    "4Zm9vYmFyZm9vYmFyZm9vYg==",
    "42026-11-21T09:00:00Z",
};

size_t cr_fuzz_seed(unsigned index, uint8_t *buf)
{
    if (index >= sizeof seeds / sizeof seeds[0]) {
        return SIZE_MAX;
    }
    size_t len = strlen(seeds[index]);
    memcpy(buf, seeds[index], len);
    return len;
}
