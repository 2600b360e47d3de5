#include "agent_wire.h"

#include "agent_json.h"

#include <string.h>

static const char *const verbs[AGENT_VERB_COUNT] = {
    [AGENT_CSR] = "csr", [AGENT_GET] = "get", [AGENT_REPORT] = "report", [AGENT_TRUST_REPORT] = "report",
    [AGENT_RENEW] = "renew", [AGENT_PENDING] = "pending", [AGENT_CERTIFICATE] = "certificate",
    [AGENT_REJECTED] = "rejected", [AGENT_STATUS] = "status", [AGENT_TRUST] = "trust",
};

static bool name_ok(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        char ch = name[i];
        if (!((ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' ||
              ch == '_' || ch == ':' || ch == '-')) {
            return false;
        }
    }
    return len >= 1 && len <= AGENT_NAME_MAX;
}

bool agent_names_ok(const struct agent_config *config)
{
    size_t len = strlen(config->prefix);
    return len >= 1 && len <= AGENT_PREFIX_MAX && name_ok(config->device) && name_ok(config->slot);
}

void agent_topic_build(char topic[AGENT_TOPIC_CAP], const struct agent_config *config, enum agent_verb verb)
{
    /* agent_names_ok() bounded the parts, so this always fits. */
    struct agent_text text = { topic, 0, AGENT_TOPIC_CAP - 1, false };
    agent_text_add(&text, config->prefix);
    agent_text_add(&text, "/");
    agent_text_add(&text, config->device);
    agent_text_add(&text, "/");
    agent_text_add(&text, verb == AGENT_TRUST || verb == AGENT_TRUST_REPORT ? "ca" : config->slot);
    agent_text_add(&text, "/");
    agent_text_add(&text, verbs[verb]);
    topic[text.len] = '\0';
}

enum agent_verb agent_topic_verb(const struct agent_config *config, const char *topic)
{
    for (enum agent_verb verb = AGENT_RENEW; verb < AGENT_VERB_COUNT; verb++) {
        char ours[AGENT_TOPIC_CAP];
        agent_topic_build(ours, config, verb);
        if (strcmp(ours, topic) == 0) {
            return verb;
        }
    }
    return AGENT_VERB_COUNT;
}

bool agent_renewal_id_ok(const char *id)
{
    if (strlen(id) != AGENT_RENEWAL_ID_CAP - 1) {
        return false;
    }
    for (size_t i = 0; i < AGENT_RENEWAL_ID_CAP - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? id[i] != '-' : !((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f'))) {
            return false;
        }
    }
    return true;
}

void agent_csr_write(struct agent_text *text, enum agent_format format, const uint8_t *csr, size_t len,
                     const char *renewal_id)
{
    if (format == AGENT_PEM) {
        agent_text_add(text, "-----BEGIN CERTIFICATE REQUEST-----\n");
        agent_text_base64(text, csr, len, 64);
        agent_text_add(text, "-----END CERTIFICATE REQUEST-----\n");
        return;
    }
    agent_text_add(text, "{\"csr\":\"");
    agent_text_base64(text, csr, len, 0);
    if (renewal_id[0] != '\0') {
        agent_text_add(text, "\",\"renewalId\":\"");
        agent_text_add(text, renewal_id);
    }
    agent_text_add(text, "\"}");
}

void agent_report_write(struct agent_text *text, const char *renewal_id, const char *outcome, const char *reason)
{
    agent_text_add(text, "{\"renewalId\":\"");
    agent_text_add(text, renewal_id);
    agent_text_add(text, "\",\"outcome\":\"");
    agent_text_add(text, outcome);
    if (reason != NULL) {
        agent_text_add(text, "\",\"reason\":\"");
        agent_text_add(text, reason);
    }
    agent_text_add(text, "\"}");
}

void agent_trust_report_write(struct agent_text *text, uint32_t version, const char *outcome, const char *reason)
{
    char digits[11] = "";
    size_t at = sizeof digits - 1;
    do {
        digits[--at] = (char)('0' + version % 10);
        version /= 10;
    } while (version > 0);
    agent_text_add(text, "{\"version\":");
    agent_text_add(text, digits + at);
    agent_text_add(text, ",\"outcome\":\"");
    agent_text_add(text, outcome);
    if (reason != NULL) {
        agent_text_add(text, "\",\"reason\":\"");
        agent_text_add(text, reason);
    }
    agent_text_add(text, "\"}");
}

bool agent_answer_read(struct agent_answer *answer, const uint8_t *payload, size_t len)
{
    const char *json = (const char *)payload;
    struct agent_span value;
    memset(answer, 0, sizeof *answer);
    if (!agent_json_object(json, len)) {
        return false;
    }
    if (agent_json_find(&value, json, len, "renewalId") &&
        (!agent_json_text(answer->renewal_id, sizeof answer->renewal_id, value) ||
         !agent_renewal_id_ok(answer->renewal_id))) {
        return false;
    }
    if (agent_json_find(&value, json, len, "errorCode") &&
        !agent_json_text(answer->error_code, sizeof answer->error_code, value)) {
        return false;
    }
    if (agent_json_find(&value, json, len, "retryAfter")) {
        answer->has_retry_after = agent_json_uint(&answer->retry_after_s, value);
        return answer->has_retry_after;
    }
    return true;
}

bool agent_renew_read(struct agent_answer *answer, const uint8_t *payload, size_t len, const char *slot,
                      const char *key_algorithm)
{
    const char *json = (const char *)payload;
    char text[AGENT_NAME_MAX + 1];
    struct agent_span value, element;
    if (!agent_answer_read(answer, payload, len) || answer->renewal_id[0] == '\0') {
        return false;
    }
    if (agent_json_find(&value, json, len, "slot") &&
        (!agent_json_text(text, sizeof text, value) || strcmp(text, slot) != 0)) {
        return false;
    }
    if (!agent_json_find(&value, json, len, "keyAlgorithms")) {
        return true;
    }
    while (agent_json_next(&element, &value)) {
        if (agent_json_text(text, sizeof text, element) && strcmp(text, key_algorithm) == 0) {
            return true;
        }
    }
    return false;
}

static bool json_chain_read(uint8_t *chain, size_t cap, size_t *chain_len, const uint8_t *payload, size_t len,
                            char renewal_id[AGENT_RENEWAL_ID_CAP])
{
    const char *json = (const char *)payload;
    struct agent_answer answer;
    struct agent_span array, element;
    if (!agent_answer_read(&answer, payload, len) || !agent_json_find(&array, json, len, "certificates")) {
        return false;
    }
    while (agent_json_next(&element, &array)) {
        size_t one = 0;
        if (element.len < 2 || element.text[0] != '"' ||
            !agent_pem_chain(chain + *chain_len, cap - *chain_len, &one, element.text + 1, element.len - 2)) {
            return false;
        }
        *chain_len += one;
    }
    memcpy(renewal_id, answer.renewal_id, AGENT_RENEWAL_ID_CAP);
    return *chain_len > 0;
}

bool agent_chain_read(uint8_t *chain, size_t cap, size_t *chain_len, const uint8_t *payload, size_t len,
                      char renewal_id[AGENT_RENEWAL_ID_CAP])
{
    *chain_len = 0;
    if (len == 0) {
        return false;
    }
    switch (payload[0]) {
    case '{':
        return json_chain_read(chain, cap, chain_len, payload, len, renewal_id);
    case '-':
        return agent_pem_chain(chain, cap, chain_len, (const char *)payload, len);
    case 0x30:
        if (len > cap) {
            return false;
        }
        memcpy(chain, payload, len);
        *chain_len = len;
        return true;
    default:
        return false;
    }
}
