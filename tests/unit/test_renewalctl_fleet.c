/* renewalctl: what is shown of a whole fleet: rows, campaigns, alerts, the policy, the forecast; and odd answers. */
#include "tests/unit/ctl_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

/* Compares; ' stands for ". */
static void shows(const char *line, const char *quoted, int width, const char *expected)
{
    static char data[8192];
    assert_int_equal(cr_text_copy(data, sizeof data, quoted), CR_OK);
    for (char *c = data; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    char *text = ctl_rig_rendered(line, data, false, width);
    assert_string_equal(text, expected);
    free(text);
}

#define TWO_DEVICES                                                                                                    \
    "{'devices':[{'device':'meter-17','firstSeen':'2026-01-01T00:00:00Z','lastSeen':'2026-11-20T23:15:00Z',"           \
    "'broker':'b1','slot':'operational','state':'quiet','held':false,'notAfter':'2026-12-03T00:00:00Z',"               \
    "'nextRenewal':'2026-11-23T12:00:00Z'},{'device':'m','lastSeen':'2026-11-01T00:00:00Z','slot':'data',"             \
    "'state':'issued','held':true,'notAfter':'2026-11-20T00:00:00Z'%s}]}"

static void rows_of_devices(void **state)
{
    (void)state;
    char data[1024];
    (void)snprintf(data, sizeof data, TWO_DEVICES, ",'tags':['lab','ro\\u001bof']");
    shows("devices", data, 0,
          "DEVICE    SLOT         STATE  EXPIRES              LAST SEEN   NEXT    BROKER  TAGS       FACTORY  TRUST\n"
          "meter-17  operational  quiet  2026-12-03 in 12 d   45 min ago  in 2 d  b1\n"
          "m         data         held   2026-11-20 24 h ago  20 d ago                    lab ro?of\n");
    /* on a terminal what is empty is left out, and what is too long is cut */
    (void)snprintf(data, sizeof data, TWO_DEVICES, "");
    shows("devices", data, 70,
          "DEVICE    SLOT         STATE  EXPIRES              LAST SEEN   NEXT  …\n"
          "meter-17  operational  quiet  2026-12-03 in 12 d   45 min ago  in 2 d…\n"
          "m         data         held   2026-11-20 24 h ago  20 d ago\n");
}

static void rows_of_alerts(void **state)
{
    (void)state;
    shows("alerts",
          "{'alerts':[{'device':'m','slot':'operational','level':'critical','stage':'field','since':"
          "'2026-11-01T00:00:00Z','notAfter':'2026-11-22T00:00:00Z','daysLeft':1,'lastSeen':'2026-09-01T00:00:00Z',"
          "'kind':'expiring','acknowledgedBy':'operator-1','detail':'Visit it.'}]}", 0,
          "LEVEL            DEVICE  SLOT         KIND      EXPIRES             LAST SEEN  ACK BY      WHAT TO DO\n"
          "critical, field  m       operational  expiring  2026-11-22 in 24 h  81 d ago   operator-1  Visit it.\n");
}

static void rows_of_the_audit_log(void **state)
{
    (void)state;
    shows("audit",
          "{'entries':[{'id':'1-1','time':'2026-11-20T10:00:00Z','broker':'b1','what':'issued','device':'m','slot':'data',"
          "'who':'operator:operator-1 client@1','detail':'window','renewalId':'u','serial':'0a'}]}", 0,
          "TIME                  WHAT    DEVICE  WHO                  DETAIL                          BROKER\n"
          "2026-11-20T10:00:00Z  issued  m/data  operator:operator-1  window, renewalId u, serial 0a  b1\n");
    shows("audit m", "{'entries':[{'time':'2026-11-20T10:00:00Z','what':'issued','device':'m','slot':'data'}]}", 0,
          "TIME                  WHAT    SLOT  WHO  DETAIL  BROKER\n"
          "2026-11-20T10:00:00Z  issued  data\n");
}

#define CAMPAIGN                                                                                                       \
    "{'campaign':'1a2b3c4d','name':'new issuer','state':'paused','pausedBy':'errors','reason':'campaign',"             \
    "'createdBy':'operator-1','created':'2026-11-20T10:00:00Z','rate':20,'filter':{'tag':'lab'},'group':1,'groups':["   \
    "{'name':'canary','share':'1%','success':'95%','error':'5%','state':'done','total':10,'asked':0,'renewed':10,"      \
    "'failed':0,'unanswered':0,'cancelled':0,'skipped':0},{'name':'rest','success':'0%','error':'5%',"                  \
    "'state':'running','total':90,'asked':5,'renewed':30,'failed':6,'unanswered':1,'cancelled':0,'skipped':2}],"        \
    "'total':100,'asked':5,'renewed':40,'failed':6,'unanswered':1,'cancelled':0,'skipped':2}"

static void a_campaign_and_many(void **state)
{
    (void)state;
    shows("campaign status 1a2b3c4d", CAMPAIGN, 0,
          "campaign      1a2b3c4d, new issuer\n"
          "state         paused by errors\n"
          "progress      49 of 100, 5 under way, 40 renewed, 6 failed, 1 unanswered, 2 on hold\n"
          "about         tag lab\n"
          "created       2026-11-20T10:00:00Z, by operator-1\n"
          "rate          20 each second\n"
          "reason        campaign\n"
          "\n"
          "GROUP   OF    STATE    TOTAL  ASKED  RENEWED  FAILED  NO ANSWER  CANCELLED  SKIPPED\n"
          "canary  1%    done     10     0      10       0       0\n"
          "rest    rest  running  90     5      30       6       1                     2\n");
    shows("campaign status", "{'campaigns':[" CAMPAIGN "]}", 0,
          "CAMPAIGN  STATE             ENDED  TOTAL  RENEWED  ERRORS  CREATED   BY          NAME\n"
          "1a2b3c4d  paused by errors  49%    100    40       7       14 h ago  operator-1  new issuer\n");
    shows("campaign status", "{'campaigns':[]}", 0, "no campaigns\n");
}

static void the_policy(void **state)
{
    (void)state;
    shows("policy",
          "{'version':3,'changed':'2026-11-20T10:00:00Z','changedBy':'operator-1','settings':{'trigger_rate':{'value':"
          "'50','source':'shared'}},'slots':{'operational':{'lifetime':{'value':'90d','source':'file'}}}}", 0,
          "version       3, changed 2026-11-20T10:00:00Z, by operator-1\n"
          "\n"
          "SLOT         SETTING       VALUE  FROM\n"
          "             trigger_rate  50     shared\n"
          "operational  lifetime      90d    file\n");
}

static void the_forecast(void **state)
{
    (void)state;
    static const char data[] =
        "{'asOf':'2026-11-20T10:00:00Z','slots':1000,'states':{'quiet':980,'issued':20},'held':3,'expired':0,'alerts':4,"
        "'expiring':{'1':0,'7':2,'30':40,'90':800},'expireUnrenewed':{'1':0,'7':1,'30':2,'90':3},"
        "'renewalsPerDay':[1,2,3,4,5,6,7,28,0],'issuers':[{'issuer':'0a','slots':1000}]}";
    shows("forecast", data, 0,
          "fleet         1000 certificates, 980 quiet, 20 issued\n"
          "of these      3 on hold, 0 expired, 4 with an alert\n"
          "expiring      0 in 1, 2 in 7, 40 in 30, 800 in 90 days\n"
          "unrenewed     0 in 1, 1 in 7, 2 in 30, 3 in 90 days\n"
          "renewals      56 in 9 days, at most 28 a day\n"
          "as of         2026-11-20T10:00:00Z\n"
          "\n"
          "ISSUER  CERTIFICATES\n"
          "0a      1000\n");
    char quoted[1024];
    assert_int_equal(cr_text_copy(quoted, sizeof quoted, data), CR_OK);
    for (char *c = quoted; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    char *text = ctl_rig_rendered("forecast", quoted, false, 80);
    assert_non_null(strstr(text, "\n  day  1-7   ########################################  28\n"
                                 "  day  8-9   ########################################  28\n"));
    free(text);
}

static void what_was_done_to_a_device(void **state)
{
    (void)state;
    shows("cancel m", "{'device':'m','slot':'data','state':'quiet','renewalId':'u'}", 0,
          "m/data: cancelled: now quiet, renewal u\n");
    shows("hold m", "{'device':'m','slots':['data','operational']}", 0, "m: held: data operational\n");
    shows("release m", "{'device':'m','slots':[]}", 0, "m: released: none\n");
    shows("tag m +a", "{'device':'m','tags':['a'],'new':1}", 0, "m: tagged: a\nnew           1\n");
    shows("alerts ack m", "{'device':'m','slot':'data','acknowledged':'2026-11-20T10:00:00Z','acknowledgedBy':'o'}", 0,
          "m/data: acknowledged: 2026-11-20T10:00:00Z, by o\n");
    shows("policy set a=1", "{'version':4,'changed':'x','changedBy':'o'}", 0, "done: the policy has version 4\n");
}

/* ---- odd answers ---- */

static const char *const commands[] = {
    "status", "device m", "devices", "trigger m", "cancel m", "hold m", "release m", "tag m +a", "campaign status",
    "campaign status 1a", "campaign start", "alerts", "alerts ack m", "audit", "audit m", "policy", "policy set a=1",
    "forecast", "enroll m", "forbid m", "token m", "revoke m", "revoke --serial 0a --issuer 0123456789abcdef", "revoked",
    "issuers", "census", "retire 0123456789abcdef", "restore-issuer 0123456789abcdef", "trust show", "trust set f", "ocsp m",
    "crl 0123456789abcdef",
};

static void survives_odd_answers(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}", "[]", "null", "1", "\"text\"", "{\"slots\":{}}", "{\"slots\":[null,1,[],{}]}",
        "{\"issuers\":[1,{}],\"store\":7}", "{\"issuers\":{}}",
        "{\"counters\":{\"refused\":{\"a\":\"b\"}},\"uptime\":\"x\",\"sessions\":[],\"jobs\":null,\"fleet\":[1]}",
        "{\"uptime\":1e300,\"device\":{\"a\":[1,2,3]},\"attempt\":null,\"total\":1e308,\"renewed\":-5,\"rate\":1e300}",
        "{\"devices\":[null,1,\"x\",[],{}],\"alerts\":[null,{}],\"entries\":[[],{},{\"\":null}],\"campaigns\":[null,{},1]}",
        "{\"devices\":{},\"alerts\":\"x\",\"entries\":1,\"campaigns\":null,\"groups\":{\"a\":1},\"group\":1e300}",
        "{\"devices\":[{\"device\":1,\"tags\":\"x\",\"notAfter\":7,\"lastSeen\":{},\"held\":\"x\",\"state\":null}]}",
        "{\"devices\":[{\"notAfter\":\"9999-12-31T23:59:59Z\",\"lastSeen\":\"1970-01-01T00:00:00Z\",\"tags\":[1,null]}]}",
        "{\"groups\":[null,1,{},{\"name\":{},\"total\":\"x\"}],\"filter\":[1],\"state\":{\"a\":1},\"pausedBy\":[]}",
        "{\"settings\":[1],\"slots\":{\"a\":1,\"b\":{\"c\":null,\"d\":{\"value\":[]}}},\"version\":{}}",
        "{\"settings\":{\"\\u001b[2J\":{\"value\":\"\\r\\n\\u009b\",\"source\":\"\\u0007\"}}}",
        "{\"renewalsPerDay\":[null,-1,\"x\",1e308,1e308],\"expiring\":[1],\"states\":{\"a\":{}},\"slots\":\"x\"}",
        "{\"revoked\":[null,1,{}],\"enrol\":7,\"crl\":[1],\"subjects\":{},\"certificates\":1,\"complete\":\"x\"}",
        "{\"devices\":[{\"revoked\":true},{\"revoked\":{\"reason\":[1]},\"enrol\":[]}],\"version\":7,\"subjects\":[null,{}]}",
        "{\"issuers\":[{\"crl\":{\"number\":{}},\"signFrom\":7,\"state\":[]},{\"issuer\":\"\\u001b\",\"slots\":\"x\"}]}",
        "{\"username\":\"\\u001b[2J\",\"token\":\"$(x)\",\"serialNumber\":\"\\u0007\",\"enrol\":{\"since\":[1]}}",
        "{\"device\":\"\\u001b]0;x\\u0007\",\"detail\":\"\\n\\n\",\"\\u001b\":\"\\u001b\"}",
    };
    for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++) {
        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
            for (int width = 0; width <= 80; width += 40) {
                char *text = ctl_rig_rendered(commands[c], odd[i], false, width);
                assert_null(strchr(text, '\033'));
                assert_null(strchr(text, '\a'));
                free(text);
            }
        }
    }
}

/* Sums and shares of them are numbers still. */
static void shows_huge_numbers(void **state)
{
    (void)state;
    static const char *const commands_of_numbers[] = { "status", "campaign status", "campaign status 1a", "forecast" };
    static const char *const huge[] = { "1e15", "1e300", "1e308", "1e999", "-1e999" };
    for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
        for (size_t c = 0; c < 2 * sizeof commands_of_numbers / sizeof commands_of_numbers[0]; c++) {
            char data[2048];
            const char *n = huge[i];
            (void)snprintf(data, sizeof data,
                           "{\"total\":%s,\"renewed\":%s,\"failed\":%s,\"group\":%s,\"rate\":%s,\"uptime\":%s,"
                           "\"slots\":%s,\"held\":%s,\"renewalsPerDay\":[%s,%s,0,0,0,0,0,%s],"
                           "\"expiring\":{\"1\":%s},"
                           "\"counters\":{\"issued\":%s,\"refused\":{\"a\":%s}},\"groups\":[{\"total\":%s,"
                           "\"failed\":%s}]%s{\"total\":%s,\"renewed\":%s,\"cancelled\":%s}]}",
                           n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, c % 2 == 0 ? ",\"campaigns\":[" : ",\"x\":[", n,
                           n, n);
            char *text = ctl_rig_rendered(commands_of_numbers[c / 2], data, false, 80);
            assert_null(strstr(text, "nan"));
            assert_null(strstr(text, "inf"));
            free(text);
        }
    }
    shows("campaign status", "{'campaigns':[{'campaign':'a','total':1e999,'renewed':1e999,'failed':1}]}", 0,
          "CAMPAIGN  STATE  ENDED  TOTAL             RENEWED           ERRORS  CREATED  BY  NAME\n"
          "a                100%   1000000000000000  1000000000000000  1\n");
}

/* Of numbers that are none, and of those between. */
static void bars(void **state)
{
    (void)state;
    static const struct { double done, total; const char *bar; } cases[] = {
        { 0, 0, "...." }, { 1, 0, "...." }, { 0, 8, "...." }, { 1, 8, "...." }, { 4, 8, "##.." }, { 8, 8, "####" },
        { 9, 8, "####" }, { -1, 8, "...." }, { 1, -8, "...." }, { INFINITY, INFINITY, "####" }, { NAN, 8, "...." },
        { 1, NAN, "...." }, { 1, INFINITY, "...." }, { INFINITY, 8, "####" }, { -INFINITY, INFINITY, "...." },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bar[5];
        ctl_bar_text(bar, sizeof bar, 4, cases[i].done, cases[i].total);
        assert_string_equal(bar, cases[i].bar);
    }
}

/* Long texts, deep values and thousands of rows, in all the arrays at once. */
static void survives_large_answers(void **state)
{
    (void)state;
    static const char *const arrays[] = { "devices", "alerts", "entries", "campaigns", "slots", "issuers", "groups",
                                          "tags", "renewalsPerDay", "revoked", "subjects" };
    char *large = malloc(60001);
    assert_non_null(large);
    memset(large, 'x', 60000);
    large[60000] = '\0';
    cJSON *root = cJSON_CreateObject();
    for (size_t a = 0; a < sizeof arrays / sizeof arrays[0]; a++) {
        cJSON *array = cJSON_AddArrayToObject(root, arrays[a]);
        for (unsigned i = 0; i < 2000; i++) {
            cJSON *row = cJSON_CreateObject();
            (void)cJSON_AddStringToObject(row, "device", i == 7 ? large : "m");
            (void)cJSON_AddStringToObject(row, "name", i == 9 ? large : "n");
            (void)cJSON_AddItemToArray(array, row);
        }
    }
    (void)cJSON_AddStringToObject(root, "detail", large);
    (void)cJSON_AddStringToObject(root, large, "x");
    char *data = cJSON_PrintUnformatted(root);
    for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++) {
        free(ctl_rig_rendered(commands[c], data, true, 80));
    }
    cJSON_free(data);
    cJSON_Delete(root);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_devices),
        cmocka_unit_test(rows_of_alerts),
        cmocka_unit_test(rows_of_the_audit_log),
        cmocka_unit_test(a_campaign_and_many),
        cmocka_unit_test(the_policy),
        cmocka_unit_test(the_forecast),
        cmocka_unit_test(what_was_done_to_a_device),
        cmocka_unit_test(survives_odd_answers),
        cmocka_unit_test(shows_huge_numbers),
        cmocka_unit_test(bars),
        cmocka_unit_test(survives_large_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
