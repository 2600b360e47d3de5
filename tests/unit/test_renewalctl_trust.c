/* renewalctl: the commands of trust: what they ask, what they show, and what becomes of many. */
#include "tests/unit/ctl_rig.h"

#include "plugin/renewalctl/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

static struct ctl_rig rig;
static char path[] = "/tmp/renewalctl-trust-XXXXXX"; /* set by mkstemp for each test that needs a file */

static void run(const char *line, const char *typed, const char *const *answer)
{
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .answer = answer, .typed = typed };
    ctl_rig_run(&rig, line);
}

static int let_go(void **state)
{
    (void)state;
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .asked = 0 };
    return 0;
}

static bool has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        print_message("'%s' has no '%s'\n", text, part);
        return false;
    }
    return true;
}

/* A file with this text; removed by file_gone. */
static const char *file_of(const char *text, size_t len)
{
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    (void)close(fd);
    return path;
}

static void file_gone(void)
{
    (void)unlink(path);
}

static void what_is_asked(void **state)
{
    (void)state;
    static const struct { const char *line, *asked; } cases[] = {
        { "enroll m --factory acme --tag lab --tag eu",
          "{'command':'enrollDevice','device':'m','factory':'acme','tags':['lab','eu']}" },
        { "enroll m", "{'command':'enrollDevice','device':'m'}" },
        { "forbid m", "{'command':'forbidDevice','device':'m'}" },
        { "token m --expires 2h", "{'command':'createToken','device':'m','expires':'2h'}" },
        { "revoke m --slot data --reason keyCompromise --comment case'4711 --yes",
          "{'command':'revokeDevice','device':'m','slot':'data','reason':'keyCompromise','comment':'case 4711'}" },
        { "revoke --serial 0A0b --issuer 0123456789abcdef --device m --yes",
          "{'command':'revokeCertificate','serialNumber':'0a0b','issuer':'0123456789abcdef','device':'m'}" },
        { "revoke --factory acme --issued-after 2026-11-01 --issued-before 24h --reason superseded --yes",
          "{'command':'revokeDevices','filter':{'issuedAfter':'2026-11-01T00:00:00Z','issuedBefore':"
          "'2026-11-20T00:00:00Z','factory':'acme'},'reason':'superseded','limit':100}" },
        { "issuers", "{'command':'listIssuers'}" },
        { "census", "{'command':'census'}" },
        { "census 0123456789abcdef", "{'command':'census','issuer':'0123456789abcdef'}" },
        { "retire 0123456789abcdef --yes", "{'command':'retireIssuer','issuer':'0123456789abcdef'}" },
        { "retire 0123456789abcdef --yes --force",
          "{'command':'retireIssuer','issuer':'0123456789abcdef','force':true}" },
        { "revoke-issuer 0123456789abcdef --yes --reason cACompromise --comment x",
          "{'command':'revokeIssuer','issuer':'0123456789abcdef','reason':'cACompromise','comment':'x'}" },
        { "restore-issuer 0123456789abcdef", "{'command':'restoreIssuer','issuer':'0123456789abcdef'}" },
        { "trust show", "{'command':'getTrustBundle','count':true}" },
        { "ocsp m --slot data --serial abc", "{'command':'getOcspResponse','device':'m','slot':'data','serialNumber':'0abc'}" },
        { "devices --revoked --trust-before 3 --issuer 0123456789abcdef",
          "{'command':'listDevices','filter':{'issuer':'0123456789abcdef','revoked':true,'trustBefore':3},'limit':50}" },
        { "trigger --trust-before 3 --yes", "{'command':'triggerRenewal','filter':{'trustBefore':3},'limit':100}" },
        { "campaign start --factory acme --reason ca-rotation",
          "{'command':'createCampaign','reason':'ca-rotation','filter':{'factory':'acme'}}" },
        { "revoked --issuer 0123456789abcdef", "{'command':'listRevoked','issuer':'0123456789abcdef','limit':50}" },
    };
    static const char *const answer[] = { "{}" };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[512];
        (void)snprintf(expected, sizeof expected, "%s", cases[i].asked);
        for (char *c = expected; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        run(cases[i].line, NULL, answer);
        assert_int_equal(rig.rc, CTL_DONE);
        assert_string_equal(rig.request[0], expected);
    }
}

static void dangerous_ones_ask(void **state)
{
    (void)state;
    static const char *const answer[] = { "{}" };
    static const char *const lines[] = {
        "revoke m", "revoke m n", "revoke --serial 0a --issuer 0123456789abcdef", "revoke --tag lab",
        "retire 0123456789abcdef", "revoke-issuer 0123456789abcdef",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        print_message("%s\n", lines[i]);
        run(lines[i], NULL, answer); /* no terminal, no --yes */
        assert_int_equal(rig.rc, CTL_USAGE);
        assert_int_equal(rig.asked, 0);
        assert_true(has(rig.err, "give --yes"));
        static const char *const found[] = { "{\"devices\":[{\"device\":\"m\"}]}", "{}" };
        run(lines[i], "y\n", found);
        assert_int_equal(rig.rc, CTL_FAILED);
        assert_true(has(rig.err, "nothing was done"));
        for (unsigned r = 0; r < rig.asked; r++) {
            assert_non_null(strstr(rig.request[r], "listDevices")); /* it only counted */
        }
    }
    static const char last[] = "{\"devices\":0,\"revoked\":0,\"refused\":[{\"device\":\"z\",\"errorCode\":"
                               "\"unknown-slot\"}]}";
    static const char *const counted[] = { "{\"devices\":[{},{}],\"cursor\":\"c\"}", "{\"devices\":[{}]}",
                                           "{\"devices\":2,\"revoked\":3,\"refused\":[],\"cursor\":\"d\"}",
                                           last };
    run("revoke --tag lab --slot data", "yes\n", counted);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "This is about 3 certificates; "));
    assert_string_equal(rig.request[3], "{\"command\":\"revokeDevices\",\"filter\":{\"tag\":\"lab\"},\"slot\":\"data\","
                                        "\"limit\":100,\"cursor\":\"d\"}");
    assert_string_equal(rig.out, "REFUSED  LINE  WHY\nz              unknown-slot\n"
                                 "revoked 2 devices, 3 certificates, refused 1\n");
    run("revoke --tag lab --yes --json", NULL, counted + 2);
    assert_string_equal(rig.out, "{\"refused\":[\n{\"device\":\"z\",\"errorCode\":\"unknown-slot\"}\n],\"devices\":2,"
                                 "\"revoked\":3}\n");
    static const char *const lost[] = { "{\"devices\":2,\"revoked\":2,\"cursor\":\"d\"}", "?" };
    run("revoke --tag lab --yes", NULL, lost);
    assert_int_equal(rig.rc, CTL_NO_CONNECTION);
    assert_true(has(rig.err, "no connection to nowhere; 2 devices are revoked so far; run it again"));
    static const char *const circle[] = { "{\"cursor\":\"d\"}", "{\"cursor\":\"d\"}" };
    run("revoke --tag lab --yes", NULL, circle);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "leads nowhere"));
}

static void who_needs_an_issuer_is_shown(void **state)
{
    (void)state;
    static const char *const refused[] = { "{\"error\":\"Devices still need this issuer.\",\"errorCode\":\"issuer-in-use\","
                                           "\"live\":12,\"devices\":[\"m1\",\"m\\u001b2\"]}" };
    run("retire 0123456789abcdef --yes", NULL, refused);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_string_equal(rig.out, "12 devices still need it:\n  m1\n  m?2\n"
                                 "  and 10 more; renewalctl devices --issuer ID --all lists them\n");
    assert_true(has(rig.err, "renewalctl: Devices still need this issuer (issuer-in-use); "));
    run("retire 0123456789abcdef --yes --json", NULL, refused);
    assert_true(has(rig.out, "\"live\":\t12"));
    static const char *const odd[] = { "{\"error\":\"x\",\"errorCode\":\"issuer-in-use\",\"live\":\"x\",\"devices\":{\"a\":1}}" };
    run("retire 0123456789abcdef --yes", NULL, odd);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_string_equal(rig.out, "");
}

/* ---- many ---- */

static unsigned busy_times; /* so many commands are refused first */
static char refuse[CR_NAME_CAP]; /* this device is */
static const char *refuse_code;

static char *enrolled(struct ctl_rig *of, const cJSON *command)
{
    char text[256];
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(command, "devices");
    int count = cJSON_GetArraySize(devices), refused = 0;
    (void)of;
    if (busy_times > 0) {
        busy_times--;
        return strdup("!busy");
    }
    for (const cJSON *one = devices->child; one != NULL; one = one->next) {
        const cJSON *id = cJSON_IsObject(one) ? cJSON_GetObjectItemCaseSensitive(one, "device") : one;
        refused += strcmp(cJSON_GetStringValue(id), refuse) == 0;
    }
    (void)snprintf(text, sizeof text, "{\"enrolled\":%d,\"devices\":%d,\"revoked\":%d,\"refused\":[%s%s%s%s%s]}",
                   count - refused, count - refused, 2 * (count - refused), refused > 0 ? "{\"device\":\"" : "",
                   refused > 0 ? refuse : "", refused > 0 ? "\",\"errorCode\":\"" : "", refused > 0 ? refuse_code : "",
                   refused > 0 ? "\"}" : "");
    return strdup(text);
}

static void run_file(const char *format, const char *typed, size_t devices)
{
    char line[200], row[40];
    size_t cap = devices * 16 + 100, at;
    char *text = malloc(cap);
    assert_non_null(text);
    at = (size_t)snprintf(text, cap, "device\n");
    for (size_t i = 0; i < devices; i++) {
        (void)snprintf(row, sizeof row, "m%zu\n", i);
        at += (size_t)snprintf(text + at, cap - at, "%s", row);
    }
    (void)snprintf(line, sizeof line, format, file_of(text, at));
    ctl_rig_free(&rig);
    unsigned stop_at = rig.stop_at;
    bool backwards = rig.backwards;
    rig = (struct ctl_rig){ .make = enrolled, .typed = typed, .stop_at = stop_at, .backwards = backwards };
    ctl_rig_run(&rig, line);
    rig.stop_at = 0;
    rig.backwards = false;
    file_gone();
    free(text);
}

static void a_delivery_goes_in_hundreds_a_few_at_a_time(void **state)
{
    (void)state;
    refuse[0] = '\0';
    run_file("enroll --csv %s --factory acme --tag lab", NULL, 1050);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_int_equal(rig.asked, 11);
    assert_int_equal(rig.most_under_way, CTL_WINDOW);
    assert_string_equal(rig.out, "enrolled 1050, refused 0\n");
    assert_string_equal(rig.err, "");
    assert_true(has(rig.request[0], "{\"command\":\"enrollDevices\",\"devices\":[{\"device\":\"m0\",\"factory\":\"acme\","
                                    "\"tags\":[\"lab\"]},{\"device\":\"m1\","));
    assert_true(has(rig.request[10], "[{\"device\":\"m1000\""));

    /* answers in another order, one of them a refusal; it has its line in the file */
    (void)snprintf(refuse, sizeof refuse, "m207");
    refuse_code = "unknown-issuer";
    rig.backwards = true;
    run_file("enroll --csv %s", NULL, 1050);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_string_equal(rig.out, "REFUSED  LINE  WHY\nm207     209   unknown-issuer\nenrolled 1049, refused 1\n");
    assert_string_equal(rig.err, "renewalctl: 1 was refused\n");
    run_file("enroll --csv %s --json", NULL, 1050);
    assert_string_equal(rig.out, "{\"refused\":[\n{\"device\":\"m207\",\"errorCode\":\"unknown-issuer\"}\n],"
                                 "\"enrolled\":1049}\n");
    run_file("revoke --list %s --yes --reason superseded", NULL, 250);
    assert_int_equal(rig.asked, 3);
    assert_true(has(rig.request[2], "\"m249\"],\"reason\":\"superseded\"}"));
    assert_true(has(rig.out, "revoked 249 devices, 498 certificates, refused 1\n"));
    run_file("revoke --list %s", NULL, 2);
    assert_int_equal(rig.rc, CTL_USAGE);
    assert_int_equal(rig.asked, 0);

    /* on a terminal there is a bar meanwhile, and nothing of it at the end */
    refuse[0] = '\0';
    run_file("enroll --csv %s", "", 5000);
    assert_true(has(rig.err, "] 1600 of 5000 devices") || has(rig.err, " of 5000 devices"));
    assert_true(strlen(rig.err) > 3 && strcmp(rig.err + strlen(rig.err) - 4, "\r\033[K") == 0);
}

static void what_the_broker_is_too_busy_for_is_sent_again(void **state)
{
    (void)state;
    refuse[0] = '\0';
    busy_times = 3;
    run_file("enroll --csv %s", NULL, 500);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_int_equal(rig.asked, 8);
    assert_int_equal(rig.waits, 1);
    assert_string_equal(rig.out, "enrolled 500, refused 0\n");
    /* one device again and again: in the end it is refused */
    (void)snprintf(refuse, sizeof refuse, "m3");
    refuse_code = "rate-limited";
    run_file("enroll --csv %s", NULL, 150);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_int_equal(rig.asked, 2 + 5);
    assert_string_equal(rig.request[2], "{\"command\":\"enrollDevices\",\"devices\":[{\"device\":\"m3\"}]}");
    assert_string_equal(rig.out, "REFUSED  LINE  WHY\nm3       5     rate-limited\nenrolled 149, refused 1\n");
    busy_times = 1000;
    run_file("enroll --csv %s", NULL, 150);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "m0 and the 99 behind it: No (busy); try again in a moment; 0 of 150 devices are enrolled; run it "
                             "again"));
    busy_times = 0;
}

static unsigned only; /* of a command so many are taken, as by a broker with little room */

static char *some_taken(struct ctl_rig *of, const cJSON *command)
{
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(command, "devices");
    cJSON *data = cJSON_CreateObject(), *refused = cJSON_AddArrayToObject(data, "refused");
    unsigned taken = 0;
    (void)of;
    for (const cJSON *one = devices->child; one != NULL; one = one->next) {
        if (taken < only) {
            taken++;
            continue;
        }
        cJSON *row = cJSON_CreateObject();
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(one, "device"));
        (void)cJSON_AddStringToObject(row, "device", id);
        (void)cJSON_AddStringToObject(row, "errorCode", "busy");
        (void)cJSON_AddItemToArray(refused, row);
    }
    (void)cJSON_AddNumberToObject(data, "enrolled", taken);
    char *text = cJSON_PrintUnformatted(data);
    cJSON_Delete(data);
    return text;
}

static void busy_brokers_are_asked_as_long_as_it_goes_on(void **state)
{
    (void)state;
    char text[4096];
    size_t at = 0;
    for (unsigned i = 0; i < 300; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "m%u\n", i);
    }
    ctl_rig_free(&rig);
    only = 10;
    rig = (struct ctl_rig){ .make = some_taken, .input = text, .input_len = at };
    ctl_rig_run(&rig, "enroll --csv -");
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(rig.out, "enrolled 300, refused 0\n");
    ctl_rig_free(&rig);
    only = 0;
    rig = (struct ctl_rig){ .make = some_taken, .input = text, .input_len = at };
    ctl_rig_run(&rig, "enroll --csv -");
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_int_equal(rig.asked, 15);
    assert_true(has(rig.out, "enrolled 0, refused 300\n"));
}

static void what_ends_early_says_how_far_it_came(void **state)
{
    (void)state;
    static const char *const lost[] = { "{\"enrolled\":100}", "{\"enrolled\":100}", "?", "{\"enrolled\":100}", "?", "?" };
    static const char *const denied[] = { "{\"enrolled\":100}", "!not-authorised", "{\"enrolled\":100}", "{\"enrolled\":100}",
                                          "{\"enrolled\":100}", NULL };
    char text[8192], line[200];
    size_t at = 0;
    refuse[0] = '\0';
    rig.stop_at = 6; /* Ctrl-C */
    run_file("enroll --csv %s", NULL, 1000);
    assert_int_equal(rig.rc, CTL_INTERRUPTED);
    assert_true(rig.asked < 10);
    assert_true(has(rig.err, "interrupted; 200 of 1000 devices are enrolled, of 400 it is not known; run it again: what is "
                             "done stays done"));
    assert_string_equal(rig.out, "enrolled 200, refused 0\n");

    for (unsigned i = 0; i < 1000; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "m%u\n", i);
    }
    (void)snprintf(line, sizeof line, "enroll --csv %s", file_of(text, at));
    run(line, NULL, lost);
    assert_int_equal(rig.rc, CTL_NO_CONNECTION);
    assert_true(has(rig.err, "renewalctl: no connection to nowhere; 200 of 1000 devices are enrolled, of 400 it is not"));
    run(line, NULL, denied);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_int_equal(rig.asked, 5); /* those under way were taken, no more was sent */
    assert_string_equal(rig.out, "enrolled 400, refused 0\n");
    file_gone();
}

#define BUSY "{\"device\":\"m\",\"errorCode\":\"busy\"}"
#define BUSY_THRICE "{\"refused\":[" BUSY "," BUSY "," BUSY "]}"

static void odd_answers_about_many(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}", "{\"enrolled\":-5}", "{\"enrolled\":\"x\",\"refused\":{}}", "{\"enrolled\":1,\"refused\":[null,1,[],{}]}",
        "{\"enrolled\":1e999,\"refused\":\"x\"}", "{\"refused\":[{\"device\":7,\"errorCode\":{}}]}",
        BUSY_THRICE,
        "{\"refused\":[{\"device\":\"\\u001b[2J\",\"errorCode\":\"\\u0007\"}]}", "7", "!not-authorised",
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        const char *const answer[] = { odd[i], odd[i], odd[i], odd[i], odd[i], odd[i], NULL };
        print_message("%s\n", odd[i]);
        run("enroll m n", NULL, answer);
        assert_true(rig.rc == CTL_FAILED || strstr(odd[i], "1e999") != NULL);
        assert_null(strchr(rig.out, '\033'));
        assert_null(strchr(rig.err, '\a'));
        assert_null(strstr(rig.out, "inf"));
    }
    static const char *const short_of[] = { "{\"enrolled\":1}" };
    run("enroll m n", NULL, short_of);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "1 devices were in no answer; run it again"));
    run("enroll m m", NULL, short_of);
    assert_int_equal(rig.rc, CTL_USAGE);
    assert_int_equal(rig.asked, 0);
    assert_true(has(rig.err, "m is there twice"));
}

static void a_wrong_file_sends_nothing(void **state)
{
    (void)state;
    char line[200];
    (void)snprintf(line, sizeof line, "enroll --csv %s", file_of("m1\nm 2\nm3\nm1\n", 13));
    run(line, NULL, NULL);
    assert_int_equal(rig.rc, CTL_USAGE);
    assert_int_equal(rig.asked, 0);
    assert_true(has(rig.err, ", line 2: a device's id is"));
    assert_true(has(rig.err, ", line 4: m1 is there twice, first in line 1\n"));
    assert_true(has(rig.err, "renewalctl: nothing was sent: "));
    file_gone();
    run(line, NULL, NULL);
    assert_int_equal(rig.rc, CTL_USAGE);
    assert_true(has(rig.err, "No such file"));
    run("enroll --csv /", NULL, NULL);
    assert_int_equal(rig.rc, CTL_FAILED);
    /* standard input */
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .make = enrolled, .input = "m1\nm2,acme\n", .input_len = 11 };
    ctl_rig_run(&rig, "enroll --csv -");
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(rig.request[0], "{\"command\":\"enrollDevices\",\"devices\":[{\"device\":\"m1\"},{\"device\":\"m2\","
                                        "\"factory\":\"acme\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked),
        cmocka_unit_test(dangerous_ones_ask),
        cmocka_unit_test(who_needs_an_issuer_is_shown),
        cmocka_unit_test(a_delivery_goes_in_hundreds_a_few_at_a_time),
        cmocka_unit_test(what_the_broker_is_too_busy_for_is_sent_again),
        cmocka_unit_test(what_ends_early_says_how_far_it_came),
        cmocka_unit_test(odd_answers_about_many),
        cmocka_unit_test(a_wrong_file_sends_nothing),
        cmocka_unit_test(busy_brokers_are_asked_as_long_as_it_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, let_go);
}
