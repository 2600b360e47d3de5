/* Hostile input on the operator channel, 81, 83 to 85, 87 and 88: payloads that are no batch, and who may not. */
#include "common/json_scan.h"
#include "common/topic.h"
#include "tests/flow/hostile_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- 81, 84, 85: payloads that are no batch ---- */

static void hostile_81_what_is_no_batch(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "x",
        "{",
        "}",
        "[]",
        "{}",
        "null",
        "7",
        "\"commands\"",
        "{\"commands\"}",
        "{\"commands\":}",
        "{\"commands\":{}}",
        "{\"commands\":[]}",
        "{\"commands\":null}",
        "{\"commands\":7}",
        "{\"commands\":\"getStatus\"}",
        "{\"Commands\":[]}",
        "[{\"command\":\"getStatus\"}]",
        "{\"command\":\"getStatus\"}",
        "{'commands':[]}",
        "{\"commands\":[{\"command\":\"getStatus\"},]}",
        "{\"commands\":[{\"command\":\"getStatus\"}]",
        "\xef\xbb\xbf{\"commands\":[]}",
        "{\"commands\":[{\"command\":\"getStatus\"}]}{\"commands\":[{\"command\":\"getStatus\"}]}",
        "{\"commands\":[{\"command\":\"getStatus\"}],\"more\":1}",
        "{\"commands\":[{\"command\":\"getStatus\"}]} //",
    };
    struct hostile *s = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hostile_expect_code(bad[i], rig_command(&s->rig, s->admin, bad[i]), "malformed-json");
    }
    hostile_expect_well(s);
}

static char *repeated(const char *head, const char *part, size_t count, const char *tail)
{
    size_t part_len = strlen(part), len = strlen(head) + count * part_len + strlen(tail) + 1;
    char *text = malloc(len), *at;

    assert_non_null(text);
    at = text + snprintf(text, len, "%s", head);
    for (size_t i = 0; i < count; i++, at += part_len) {
        memcpy(at, part, part_len);
    }
    snprintf(at, len - (size_t)(at - text), "%s", tail);
    return text;
}

static void hostile_84_depth_size_and_oddities(void **state)
{
    static const struct {
        const char *head, *part;
        size_t count;
        const char *tail;
    } large[] = {
        { "{\"commands\":", "[", 100000, "" },
        { "{\"commands\":", "[", 30000, "" },
        { "{\"commands\":", "{\"a\":", 10000, "" },
        { "{\"commands\":[{\"command\":\"getStatus\",\"correlationData\":", "[", 7, "" },
        { "{\"commands\":[{\"command\":\"", "x", 10 * 1024 * 1024, "\"}]}" },
        { "", " ", 10 * 1024 * 1024, "{\"commands\":[{\"command\":\"getStatus\"}]}" },
        { "{\"commands\":[{\"command\":\"setPolicy\",\"set\":{\"a\":\"1\"", ",\"a\":\"2\"", 100, "}}]}" },
    };
    static const char *const odd[] = {
        "{\"commands\":[{\"command\":\"getStatus\"}],\"commands\":[{\"command\":\"getStatus\"}]}",
        "{\"commands\":[{\"command\":\"getStatus\",\"command\":\"getStatus\"}]}",
        "{\"commands\":[{\"command\":\"setPolicy\",\"set\":{\"trigger_rate\":\"1\",\"trigger_rate\":\"2\"}}]}",
        "{\"commands\":[{\"command\":\"getStatus\",\"correlationData\":1e999}]}",
        "{\"commands\":[{\"command\":\"listDevices\",\"limit\":-1e999}]}",
        "{\"commands\":[{\"command\":\"listDevices\",\"limit\":NaN}]}",
        "{\"commands\":[{\"command\":\"\\ud800\"}]}",
        "{\"commands\":[{\"command\":\"\\udc00\\ud800\"}]}",
        "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"\\ud800x\"}]}",
        "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"\xed\xa0\x80\"}]}",
        "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"\xc0\xaf\"}]}",
        "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"meter-1\\u0000x\"}]}",
        "{\"commands\":[{\"command\":\"getStatus\\u0000x\"}]}",
        "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"a\nb\"}]}",
    };
    struct hostile *s = *state;

    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        char *text = repeated(large[i].head, large[i].part, large[i].count, large[i].tail);

        hostile_expect_blamed(text, rig_command(&s->rig, s->admin, text));
        free(text);
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        hostile_expect_code(odd[i], rig_command(&s->rig, s->admin, odd[i]), "malformed-json");
    }
    hostile_expect_well(s);
}

static void hostile_85_a_hundred_thousand_commands(void **state)
{
    static const size_t counts[] = { 100000, 1000, 100 };
    struct hostile *s = *state;
    char *text;

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) { /* and one more each */
        text = repeated("{\"commands\":[{\"command\":\"getStatus\"}", ",{\"command\":\"getStatus\"}", counts[i], "]}");
        hostile_expect_code(text, rig_command(&s->rig, s->admin, text), "too-large");
        free(text);
    }
    text = repeated("{\"commands\":[{\"command\":\"rm\"}", ",{\"command\":\"rm\"}", 99, "]}");
    hostile_expect_code(text, rig_command(&s->rig, s->admin, text), "malformed-command");
    free(text);
    hostile_expect_well(s);
}

/* A batch that asks for more than the loop has time to write: what there is room for, and errors for the rest. */
static void hostile_85_answers_longer_than_the_loop_has_time_for(void **state)
{
    enum { LINES = 100, ROOM = CR_CONTROL_ANSWER + 100000 };
    struct hostile *s = *state;
    char who[CR_WHO_CAP], detail[CR_AUDIT_DETAIL_CAP], *text;
    const char *reply;

    memset(who, 'w', sizeof who);
    memset(detail, 'd', sizeof detail);
    who[sizeof who - 1] = detail[sizeof detail - 1] = '\0';
    for (unsigned i = 0; i < LINES; i++) {
        fake_ledger_audit_at(fake_store_ledger(s->rig.store), 1000 + i, who, "seen", "meter-1", "operational", detail);
    }
    text = repeated("{\"commands\":[{\"command\":\"getStatus\"}", ",{\"command\":\"getAudit\",\"limit\":100,"
                    "\"correlationData\":\"mine\"}", 98,
                    ",{\"command\":\"getStatus\",\"correlationData\":\"last\"}]}");
    reply = rig_command(&s->rig, s->viewer, text);
    assert_in_range(strlen(reply), CR_CONTROL_ANSWER / 2, ROOM);
    assert_non_null(strstr(reply, "\"data\":{\"entries\":[{\"id\""));
    assert_non_null(strstr(reply, "\"errorCode\":\"too-large\",\"correlationData\":\"mine\"}"));
    assert_non_null(strstr(reply, "\"correlationData\":\"last\"}]}"));
    free(text);
    hostile_expect_well(s);
}

/* What others wrote, or what was cut in the middle of a character, must not spoil the answer. */
static void hostile_89_an_answer_is_json_whatever_was_written(void **state)
{
    struct hostile *s = *state;
    const char *reply;

    fake_ledger_audit_at(fake_store_ledger(s->rig.store), 1000, "x", "seen", "meter-1", "operational",
                         "\xc3\xa4 \xff cut \xe2\x82");
    reply = rig_command(&s->rig, s->viewer, "{\"commands\":[{\"command\":\"getAudit\",\"order\":\"oldest\"}]}");
    assert_non_null(strstr(reply, "\"detail\":\"\xc3\xa4 ? cut ??\""));
    assert_true(cr_json_recognise(rig_text(reply), 16));
}

/* ---- 83, 87, 88: who may ---- */

static unsigned denied(struct hostile *s)
{
    return fake_ledger_audit_count(fake_store_ledger(s->rig.store), "denied", NULL);
}

static void hostile_83_87_nobody_learns_what_there_is(void **state)
{
    static const char nonsense[] = "{\"commands\":[{\"command\":\"rm -rf\",\"more\":{}}]}";
    struct hostile *s = *state;
    const struct cr_command_info *info;
    char *as_device;

    hostile_expect_code(nonsense, rig_command(&s->rig, s->admin, nonsense), "malformed-command");
    as_device = strdup(rig_command(&s->rig, s->device, nonsense)); /* authorisation comes first */
    assert_non_null(as_device);
    hostile_expect_code(nonsense, as_device, "not-authorised");
    assert_true(denied(s) > 0);
    for (unsigned i = 0; (info = control_command_at(i)) != NULL; i++) {
        const char *payload = hostile_command(info, "colour", "1");

        flow_rig_pass(&s->rig, 60);
        hostile_expect_code(payload, rig_command(&s->rig, s->device, payload), "not-authorised");
        if (info->role == CR_ROLE_ADMIN) {
            unsigned before = denied(s);

            flow_rig_pass(&s->rig, 60);
            hostile_expect_code(payload, rig_command(&s->rig, s->viewer, payload), "not-authorised");
            assert_int_equal(denied(s), before + 1);
        }
    }
    free(as_device);
    hostile_expect_well(s);
}

static void hostile_87_without_operators_nobody_may_and_the_log_says_how(void **state)
{
    static const char status[] = "{\"commands\":[{\"command\":\"getStatus\"}]}";
    struct hostile *s = *state;
    unsigned warnings = s->rig.host.warnings;

    hostile_expect_code(status, rig_command(&s->rig, s->admin, status), "not-authorised");
    assert_non_null(strstr(s->rig.host.last_log, "admin_identity"));
    assert_int_equal(s->rig.host.warnings, warnings + 1);
    hostile_expect_code(status, rig_command(&s->rig, s->device, status), "not-authorised");
    hostile_expect_code(status, rig_command(&s->rig, s->admin, status), "not-authorised");
    assert_int_equal(s->rig.host.warnings, warnings + 1); /* once */
    flow_rig_reload(&s->rig, "viewer_username bob\n");
    hostile_expect_code(status, rig_command(&s->rig, s->admin, status), "not-authorised");
    assert_int_equal(s->rig.host.warnings, warnings + 1);
    assert_non_null(strstr(rig_command(&s->rig, s->viewer, status), "\"uptime\":"));
}

static void hostile_88_a_forged_response_is_not_delivered(void **state)
{
    static const char *const topics[] = { CR_TOPIC_CONTROL_RESPONSE,          CR_TOPIC_CONTROL_EVENT "/alert",
                                          CR_TOPIC_CONTROL_EVENT "/wake",     CR_TOPIC_CONTROL_EVENT "/campaign",
                                          CR_TOPIC_CONTROL_EVENT "/security", CR_TOPIC_CONTROL "/responses" };
    struct hostile *s = *state;
    const struct cr_client *const clients[] = { s->admin, s->viewer, s->device };

    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        for (size_t k = 0; k < sizeof clients / sizeof clients[0]; k++) {
            assert_int_equal(cr_router_access(s->rig.router, clients[k], CR_ACCESS_WRITE, topics[i]), CR_DENY);
        }
        assert_int_equal(cr_router_access(s->rig.router, s->device, CR_ACCESS_READ, topics[i]), CR_DENY);
        assert_int_equal(cr_router_access(s->rig.router, s->device, CR_ACCESS_SUBSCRIBE, topics[i]), CR_DENY);
    }
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, hostile_start, hostile_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(hostile_81_what_is_no_batch),
        WITH_SCENE(hostile_83_87_nobody_learns_what_there_is),
        WITH_SCENE(hostile_84_depth_size_and_oddities),
        WITH_SCENE(hostile_85_a_hundred_thousand_commands),
        WITH_SCENE(hostile_85_answers_longer_than_the_loop_has_time_for),
        WITH_SCENE(hostile_89_an_answer_is_json_whatever_was_written),
        cmocka_unit_test_setup_teardown(hostile_87_without_operators_nobody_may_and_the_log_says_how,
                                        hostile_start_without_operators, hostile_end),
        WITH_SCENE(hostile_88_a_forged_response_is_not_delivered),
    };
    return cmocka_run_group_tests_name("hostile_operator", tests, NULL, NULL);
}
