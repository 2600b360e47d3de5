/* The agent's JSON reader, topics, and payloads in PEM and JSON. */
#include "agent_json.h"
#include "agent_slots.h"
#include "agent_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ID "0a1b2c3d-0000-4000-8000-00000000abcd"

static bool object(const char *text)
{
    return agent_json_object(text, strlen(text));
}

static void test_json_well_formed(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}", " { } ", "{\"a\":1}", "{\"a\":-0.5e+10,\"b\":[],\"c\":[1,{\"d\":null}],\"e\":\"\\u00e9\\n\"}",
        "{\"a\":[[[[[[[]]]]]]]}", "{\"\":true,\"b\":false}",
    };
    static const char *const bad[] = {
        "", "{", "}", "[]", "1", "{}x", "{}{}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":01}", "{\"a\":1.}",
        "{\"a\":1e}", "{\"a\":-}", "{\"a\":+1}", "{\"a\":tru}", "{\"a\":nul}", "{\"a\":\"\n\"}", "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"}", "{a:1}", "{\"a\":[1,]}", "{\"a\":[1 2]}",
        "{\"a\":[[[[[[[[]]]]]]]]}", "{'a':1}", "{\"a\":[}", "{\"a\":{]}",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(object(good[i]));
        for (size_t len = 0; len < strlen(good[i]) - 1; len++) {
            assert_false(agent_json_object(good[i], len)); /* no prefix of it is whole */
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(object(bad[i]));
    }
    char deep[20000];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    assert_false(agent_json_object(deep, sizeof deep));
}

static void test_json_fields(void **state)
{
    (void)state;
    const char *json = "{\"x\":{\"a\":\"inner\"},\"a\":\"va\\\"l\",\"n\":4294967295,\"big\":4294967296,"
                       "\"list\":[\"p\",2,\"q\"],\"e\":[],\"u\":\"\\u0041\"}";
    struct agent_span value, element;
    char text[8];
    uint32_t number = 0;
    size_t len = strlen(json);
    assert_true(object(json));
    assert_true(agent_json_find(&value, json, len, "a"));
    assert_true(agent_json_text(text, sizeof text, value));
    assert_string_equal("va\"l", text);
    assert_false(agent_json_text(text, 4, value)); /* needs five */
    assert_string_equal("", text);
    assert_true(agent_json_find(&value, json, len, "n"));
    assert_true(agent_json_uint(&number, value));
    assert_int_equal(UINT32_MAX, number);
    assert_false(agent_json_text(text, sizeof text, value));
    assert_true(agent_json_find(&value, json, len, "big"));
    assert_false(agent_json_uint(&number, value));
    assert_true(agent_json_find(&value, json, len, "u"));
    assert_false(agent_json_text(text, sizeof text, value));
    assert_false(agent_json_find(&value, json, len, "missing"));
    assert_true(agent_json_find(&value, json, len, "e"));
    assert_false(agent_json_next(&element, &value));
    assert_true(agent_json_find(&value, json, len, "list"));
    assert_true(agent_json_next(&element, &value));
    assert_true(agent_json_next(&element, &value));
    assert_true(agent_json_uint(&number, element));
    assert_int_equal(2, number);
    assert_true(agent_json_next(&element, &value));
    assert_true(agent_json_text(text, sizeof text, element));
    assert_string_equal("q", text);
    assert_false(agent_json_next(&element, &value));
}

static void test_topics(void **state)
{
    (void)state;
    struct agent_config config = { .prefix = "$identity/v1", .device = "meter-17", .slot = "operational" };
    char topic[AGENT_TOPIC_CAP];
    assert_true(agent_names_ok(&config));
    agent_topic_build(topic, &config, AGENT_CSR);
    assert_string_equal("$identity/v1/meter-17/operational/csr", topic);
    assert_int_equal(AGENT_VERB_COUNT, agent_topic_verb(&config, topic)); /* not one that comes to a device */
    assert_int_equal(AGENT_REJECTED, agent_topic_verb(&config, "$identity/v1/meter-17/operational/rejected"));
    static const char *const bad[] = { "", "a/b", "+", "#", "a b", "\xc3\xa9",
                                       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        config.device = bad[i];
        assert_false(agent_names_ok(&config));
    }
    char name[AGENT_NAME_MAX + 1] = { 0 }, prefix[AGENT_PREFIX_MAX + 1] = { 0 };
    memset(name, 'n', AGENT_NAME_MAX);
    memset(prefix, 'p', AGENT_PREFIX_MAX);
    config = (struct agent_config){ .prefix = prefix, .device = name, .slot = name };
    assert_true(agent_names_ok(&config));
    agent_topic_build(topic, &config, AGENT_CERTIFICATE);
    assert_int_equal(AGENT_PREFIX_MAX + 2 * AGENT_NAME_MAX + 3 + strlen("certificate"), strlen(topic));
}

static void test_requests(void **state)
{
    (void)state;
    uint8_t csr[50];
    char out[256];
    for (size_t i = 0; i < sizeof csr; i++) {
        csr[i] = (uint8_t)(i * 5);
    }
    struct agent_text text = { out, 0, sizeof out, false };
    agent_csr_write(&text, AGENT_PEM, csr, sizeof csr, ID);
    assert_false(text.full);
    const char *pem = "-----BEGIN CERTIFICATE REQUEST-----\n"
                      "AAUKDxQZHiMoLTI3PEFGS1BVWl9kaW5zeH2Ch4yRlpugpaqvtLm+w8jN0tfc4ebr\n"
                      "8PU=\n"
                      "-----END CERTIFICATE REQUEST-----\n";
    assert_int_equal(strlen(pem), text.len);
    assert_memory_equal(pem, out, text.len);
    text = (struct agent_text){ out, 0, sizeof out, false };
    agent_csr_write(&text, AGENT_JSON, csr, 2, ID);
    const char *json = "{\"csr\":\"AAU=\",\"renewalId\":\"" ID "\"}";
    assert_int_equal(strlen(json), text.len);
    assert_memory_equal(json, out, text.len);
    text = (struct agent_text){ out, 0, sizeof out, false };
    agent_csr_write(&text, AGENT_JSON, csr, 3, "");
    assert_memory_equal("{\"csr\":\"AAUK\"}", out, text.len);
    for (size_t cap = 0; cap < strlen(json); cap++) {
        text = (struct agent_text){ out, 0, cap, false };
        agent_csr_write(&text, AGENT_JSON, csr, 2, ID);
        assert_true(text.full);
    }
    text = (struct agent_text){ out, 0, sizeof out, false };
    agent_report_write(&text, ID, "failed", "certificate-untrusted");
    json = "{\"renewalId\":\"" ID "\",\"outcome\":\"failed\",\"reason\":\"certificate-untrusted\"}";
    assert_int_equal(strlen(json), text.len);
    assert_memory_equal(json, out, text.len);
}

#define PEM(base64) "-----BEGIN CERTIFICATE-----\n" base64 "\n-----END CERTIFICATE-----\n"
#define PEM_IN_JSON(base64) "-----BEGIN CERTIFICATE-----\\n" base64 "\\n-----END CERTIFICATE-----\\n"

static bool chain(uint8_t out[64], size_t *len, const char *payload, char id[AGENT_RENEWAL_ID_CAP])
{
    return agent_chain_read(out, 64, len, (const uint8_t *)payload, strlen(payload), id);
}

static void test_certificates(void **state)
{
    (void)state;
    uint8_t out[64];
    size_t len = 0;
    char id[AGENT_RENEWAL_ID_CAP] = "";
    const uint8_t der[] = { 0, 5, 10, 15, 0xfb, 0xff };
    assert_true(chain(out, &len, PEM("AAUK\nD/v/"), id));
    assert_int_equal(sizeof der, len);
    assert_memory_equal(der, out, len);
    assert_true(chain(out, &len, PEM("AAUK") PEM("D/v/"), id));
    assert_memory_equal(der, out, len);
    assert_string_equal("", id);
    assert_true(chain(out, &len, "{\"renewalId\":\"" ID "\",\"certificates\":[\"" PEM_IN_JSON("AAUK") "\",\""
                      PEM_IN_JSON("D\\/v/") "\"]}", id));
    assert_int_equal(sizeof der, len);
    assert_memory_equal(der, out, len);
    assert_string_equal(ID, id);
    assert_true(chain(out, &len, "0xyz", id)); /* 0x30: taken as DER as it is */
    assert_int_equal(4, len);
    static const char *const bad[] = {
        "", "x", "-", "-----BEGIN CERTIFICATE-----", PEM("AAU"), PEM("A"), PEM("AA=A"), PEM("===="), PEM("AA*K"),
        PEM(""),
        "-----BEGIN CERTIFICATE-----\nAAUK\n-----END CERTIFICATE REQUEST-----\n", PEM("AAUK") "x", PEM("AAUK") "-",
        "{}", "{\"certificates\":[]}", "{\"certificates\":7}", "{\"certificates\":[7]}", "{\"certificates\":[\"AAUK\"]}",
        "{\"certificates\":[\"" PEM_IN_JSON("AAUK") "\"]", "{\"certificates\":\"" PEM_IN_JSON("AAUK") "\"}",
        PEM("AAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUKAAUK"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(chain(out, &len, bad[i], id));
    }
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(0xcbf43926u, agent_crc32((const uint8_t *)"123456789", 9)); /* the check value everybody uses */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_well_formed), cmocka_unit_test(test_json_fields), cmocka_unit_test(test_topics),
        cmocka_unit_test(test_requests), cmocka_unit_test(test_certificates), cmocka_unit_test(test_crc),
    };
    return cmocka_run_group_tests_name("agent, wire", tests, NULL, NULL);
}
