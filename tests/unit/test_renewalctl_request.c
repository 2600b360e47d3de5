/* renewalctl: what each command asks, and how a response is found and told. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/request.h"
#include "tests/unit/ctl_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

static void requests(void **state)
{
    (void)state;
    static const struct { const char *line, *json; } cases[] = {
        { "status", "{'command':'getStatus'}" },
        { "device meter-17", "{'command':'getDevice','device':'meter-17'}" },
        { "devices", "{'command':'listDevices'}" },
        { "devices --state held --slot data --issuer 0a --tag lab --id-prefix m- --campaign 1a2b3c4d --expires-within 30d "
          "--not-seen-for 7d --level field --limit 3",
          "{'command':'listDevices','filter':{'state':'held','slot':'data','issuer':'0a','tag':'lab','idPrefix':'m-',"
          "'campaign':'1a2b3c4d','expiresWithin':'30d','notSeenFor':'7d','level':'field'}}" },
        { "trigger meter-17 --slot data", "{'command':'triggerRenewal','device':'meter-17','slot':'data'}" },
        { "trigger m --reason policy", "{'command':'triggerRenewal','device':'m','reason':'policy'}" },
        { "trigger --tag lab --slot data",
          "{'command':'triggerRenewal','filter':{'tag':'lab'},'slot':'data'}" },
        { "cancel m --slot data", "{'command':'cancelRenewal','device':'m','slot':'data'}" },
        { "hold m --reason it'is'gone", "{'command':'holdDevice','device':'m','reason':'it is gone'}" },
        { "release m", "{'command':'releaseDevice','device':'m'}" },
        { "tag m +a --add b --remove c -- -d", "{'command':'tagDevice','device':'m','add':['a','b'],'remove':['d','c']}" },
        { "tag m +a", "{'command':'tagDevice','device':'m','add':['a']}" },
        { "campaign start", "{'command':'createCampaign'}" },
        { "campaign start --name new'one --tag lab --slot data --rate 20 --start 2026-12-01 --deadline "
          "2026-12-24T08:00:00Z --reason policy --group canary=1%,success=90.5%,error=2% --group lab=tag:lab --group rest",
          "{'command':'createCampaign','name':'new one','reason':'policy','filter':{'tag':'lab'},'slot':'data','rate':20,"
          "'start':'2026-12-01T00:00:00Z','deadline':'2026-12-24T08:00:00Z','groups':[{'name':'canary','share':'1%',"
          "'success':'90.5%','error':'2%'},{'name':'lab','tag':'lab'},{'name':'rest'}]}" },
        { "campaign status", "{'command':'listCampaigns'}" },
        { "campaign status --state paused", "{'command':'listCampaigns','state':'paused'}" },
        { "campaign status 1a", "{'command':'getCampaign','campaign':'1a'}" },
        { "campaign watch 1a", "{'command':'getCampaign','campaign':'1a'}" },
        { "campaign pause 1a", "{'command':'pauseCampaign','campaign':'1a'}" },
        { "campaign resume 1a", "{'command':'resumeCampaign','campaign':'1a'}" },
        { "campaign abort 1a", "{'command':'abortCampaign','campaign':'1a'}" },
        { "alerts", "{'command':'listAlerts'}" },
        { "alerts --level critical --slot data --id-prefix m --unacknowledged",
          "{'command':'listAlerts','level':'critical','slot':'data','idPrefix':'m','acknowledged':false}" },
        { "alerts ack m --slot data", "{'command':'acknowledgeAlert','device':'m','slot':'data'}" },
        { "audit", "{'command':'getAudit','order':'newest'}" },
        { "audit --oldest --what issued --who operator --since 2026-11-01 --until 2026-11-02 --slot data",
          "{'command':'getAudit','slot':'data','what':'issued','who':'operator','since':'2026-11-01T00:00:00Z',"
          "'until':'2026-11-02T00:00:00Z','order':'oldest'}" },
        { "audit m", "{'command':'getAudit','device':'m','order':'oldest'}" },
        { "policy --slot data", "{'command':'getPolicy','slot':'data'}" },
        { "policy set --slot data a=1 b=x=y c= --if-version 3",
          "{'command':'setPolicy','slot':'data','set':{'a':'1','b':'x=y','c':null},'version':3}" },
        { "forecast", "{'command':'forecast'}" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ctl_options o;
        char why[CTL_WHY_CAP], expected[1024];
        print_message("%s\n", cases[i].line);
        ctl_options_init(&o);
        assert_int_equal(ctl_rig_parse(&o, cases[i].line, why), CR_OK);
        assert_int_equal(cr_text_copy(expected, sizeof expected, cases[i].json), CR_OK);
        for (char *c = expected; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        cJSON *command = ctl_command_json(&o);
        char *json = cJSON_PrintUnformatted(command);
        assert_string_equal(json, expected);
        cJSON_free(json);
        cJSON_Delete(command);
        ctl_options_fini(&o);
    }
}

static void a_request_is_a_batch_of_one(void **state)
{
    (void)state;
    struct cr_blob json;
    cJSON *command = cJSON_Parse("{\"command\":\"x\"}");
    assert_int_equal(ctl_request_write(&json, command, "7"), CR_OK);
    assert_string_equal((const char *)json.data, "{\"commands\":[{\"command\":\"x\",\"correlationData\":\"7\"}]}");
    cr_blob_fini(&json);
}

static void groups_are_read_strictly(void **state)
{
    (void)state;
    static const char *const good[] = { "a", "a=1%", "a=0.5%", "a=100%", "a=100.0%", "a=rest", "a=tag:lab", "a=1%,error=0%",
                                        "a,success=95%", "a=1%,error=5%,success=95.5%" };
    static const char *const bad[] = { "", "=1%", "a=", "a=1", "a=%", "a=101%", "a=100.1%", "a=1000%", "a=1.%", "a=.5%",
                                       "a=-1%", "a=1%%", "a=tag:", "a=tag:x/y", "a b=1%", "a=1%,", "a=1%,b=2%",
                                       "a=1%,error", "a=1%,error=5%,error=6%", "a=1%=2%", "a=1.25%" };
    char why[CTL_WHY_CAP];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        print_message("%s\n", good[i]);
        assert_int_equal(ctl_group_read(NULL, good[i], why), CR_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("%s\n", bad[i]);
        assert_int_equal(ctl_group_read(NULL, bad[i], why), CR_INVALID);
        assert_non_null(strstr(why, "--group"));
    }
}

static cr_err response(cJSON **json, const char *text)
{
    return ctl_response_read(json, (struct cr_bytes){ (const uint8_t *)text, strlen(text) }, "1");
}

static void responses(void **state)
{
    (void)state;
    cJSON *json;
    char line[CTL_WHY_CAP];
    assert_int_equal(response(&json, "{\"responses\":[{\"command\":\"x\",\"correlationData\":\"2\"},"
                                     "{\"command\":\"getDevice\",\"data\":{\"device\":\"a\"},\"correlationData\":\"1\"}]}"),
                     CR_OK);
    assert_string_equal(cJSON_GetObjectItem(json, "command")->valuestring, "getDevice");
    ctl_response_error(line, json);
    assert_string_equal(line, "");
    cJSON_Delete(json);

    assert_int_equal(response(&json, "{\"responses\":[{\"command\":\"getDevice\",\"error\":\"No such\\u001b device.\","
                                     "\"errorCode\":\"unknown-device\",\"correlationData\":\"1\"}]}"), CR_OK);
    ctl_response_error(line, json);
    assert_string_equal(line, "No such? device (unknown-device); renewalctl devices lists those that are");
    cJSON_Delete(json);

    assert_int_equal(response(&json, "{\"responses\":[{\"error\":\"must be a number\",\"field\":\"trigger_rate\","
                                     "\"errorCode\":\"policy-not-allowed\",\"correlationData\":\"1\"}]}"), CR_OK);
    ctl_response_error(line, json);
    assert_non_null(strstr(line, "trigger_rate: must be a number (policy-not-allowed); "));
    cJSON_Delete(json);

    /* the whole request was refused: no correlation to give back */
    assert_int_equal(response(&json, "{\"responses\":[{\"error\":\"Not JSON.\",\"errorCode\":\"malformed-json\"}]}"),
                     CR_OK);
    cJSON_Delete(json);

    assert_int_equal(response(&json, "{\"responses\":[{\"command\":\"x\",\"correlationData\":\"2\"}]}"), CR_NOT_FOUND);
    assert_null(json);
    /* another's refusal */
    assert_int_equal(response(&json, "{\"responses\":[{\"error\":\"x\",\"correlationData\":\"2\"}]}"), CR_NOT_FOUND);
    assert_int_equal(response(&json, "{\"responses\":[]}"), CR_NOT_FOUND);
    assert_int_equal(response(&json, "{\"responses\":[1,null,[]]}"), CR_NOT_FOUND);
    assert_int_equal(response(&json, "{\"responses\":{}}"), CR_INVALID);
    assert_int_equal(response(&json, "[]"), CR_INVALID);
    assert_int_equal(response(&json, "nonsense"), CR_INVALID);
    assert_null(json);
}

/* Several are under way: each response is told apart. */
static void the_response_to_one_of_several(void **state)
{
    (void)state;
    static const char *const asked[] = { "7", "8", "9" };
    static const struct { const char *payload; cr_err err; size_t which; } cases[] = {
        { "{\"responses\":[{\"command\":\"x\",\"data\":{},\"correlationData\":\"8\"}]}", CR_OK, 1 },
        { "{\"responses\":[{\"data\":{},\"correlationData\":\"6\"},{\"data\":{},\"correlationData\":\"9\"}]}", CR_OK, 2 },
        { "{\"responses\":[{\"data\":{},\"correlationData\":\"88\"}]}", CR_NOT_FOUND, 0 },
        { "{\"responses\":[{\"data\":{}}]}", CR_NOT_FOUND, 0 },
        { "{\"responses\":[{\"error\":\"No.\"}]}", CR_OK, 0 },
        { "{\"responses\":[null,7,\"8\"]}", CR_NOT_FOUND, 0 },
        { "{\"responses\":8}", CR_INVALID, 0 },
        { "{", CR_INVALID, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cJSON *response = NULL;
        size_t which = 99;
        const struct cr_bytes payload = { (const uint8_t *)cases[i].payload, strlen(cases[i].payload) };
        print_message("%s\n", cases[i].payload);
        assert_int_equal(ctl_response_read_one(&response, &which, payload, asked, 3), cases[i].err);
        assert_int_equal(response != NULL, cases[i].err == CR_OK);
        assert_true(cases[i].err != CR_OK || which == cases[i].which);
        cJSON_Delete(response);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_response_to_one_of_several),
        cmocka_unit_test(requests),
        cmocka_unit_test(a_request_is_a_batch_of_one),
        cmocka_unit_test(groups_are_read_strictly),
        cmocka_unit_test(responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
