/* renewalctl: how commands are carried out: pages, questions, many requests, watching, exit codes. */
#include "tests/unit/ctl_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

static struct ctl_rig rig;

static void run(const char *line, const char *typed, int width, const char *const *answer)
{
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .answer = answer, .typed = typed, .width = width };
    ctl_rig_run(&rig, line);
}

static int let_go(void **state)
{
    (void)state;
    ctl_rig_free(&rig);
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

#define ROW(id) "{\"device\":\"" id "\",\"slot\":\"s\"}"

static void pages_until_the_limit(void **state)
{
    (void)state;
    static const char *const answer[] = {
        "{\"devices\":[" ROW("a") "," ROW("b") "],\"cursor\":\"c1\"}",
        "{\"devices\":[],\"cursor\":\"c2\"}", /* short pages go on */
        "{\"devices\":[" ROW("c") "," ROW("d") "],\"cursor\":\"c3\"}",
    };
    run("devices --limit 3", NULL, 0, answer);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_int_equal(rig.asked, 3);
    assert_string_equal(rig.request[0], "{\"command\":\"listDevices\",\"limit\":3}");
    assert_string_equal(rig.request[1], "{\"command\":\"listDevices\",\"limit\":1,\"cursor\":\"c1\"}");
    assert_string_equal(rig.request[2], "{\"command\":\"listDevices\",\"limit\":1,\"cursor\":\"c2\"}");
    assert_true(has(rig.out, "DEVICE  SLOT"));
    assert_true(has(rig.out, "\nc "));
    assert_null(strstr(rig.out, "\nd "));
    assert_string_equal(rig.err, "the first 3 certificates; more with --limit N or --all\n");
}

static void pages_to_the_end(void **state)
{
    (void)state;
    static const char *const answer[] = {
        "{\"devices\":[" ROW("a") "],\"cursor\":\"c1\"}",
        "{\"devices\":[" ROW("bb") "]}",
    };
    run("devices --all", NULL, 0, answer);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(rig.request[0], "{\"command\":\"listDevices\",\"limit\":100}");
    assert_string_equal(rig.err, ""); /* quiet success */
    assert_null(strstr(strstr(rig.out, "DEVICE") + 1, "DEVICE")); /* one head */

    run("devices", "", 80, answer);
    assert_true(has(rig.out, "2 certificates\n"));
    run("devices --all --json", NULL, 0, answer);
    assert_string_equal(rig.out, "[\n" ROW("a") ",\n" ROW("bb") "\n]\n");
    cJSON *json = cJSON_Parse(rig.out);
    assert_int_equal(cJSON_GetArraySize(json), 2);
    cJSON_Delete(json);
}

/* More rows in a page than were asked for, and than a table holds at once. */
static void a_page_of_thousands(void **state)
{
    (void)state;
    enum { ROWS = 3000 };
    size_t cap = ROWS * 40 + 40, at;
    char *page = malloc(cap);
    assert_non_null(page);
    const char *const answer[] = { page };
    at = (size_t)snprintf(page, cap, "{\"devices\":[");
    for (unsigned i = 0; i < ROWS; i++) {
        at += (size_t)snprintf(page + at, cap - at, "%s{\"device\":\"m%u\"}", i > 0 ? "," : "", i);
    }
    (void)snprintf(page + at, cap - at, "]}");
    run("devices --all", NULL, 0, answer);
    assert_int_equal(rig.rc, CTL_DONE);
    unsigned lines = 0;
    for (const char *c = rig.out; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, ROWS + 1);
    assert_true(has(rig.out, "\nm2999\n"));
    run("devices --limit 300", NULL, 0, answer);
    assert_true(has(rig.out, "\nm299\n"));
    assert_null(strstr(rig.out, "\nm300\n"));
    free(page);
}

static void pages_that_end_badly(void **state)
{
    (void)state;
    static const char *const none[] = { "{\"devices\":[]}" };
    static const char *const refused[] = { "!not-authorised" };
    static const char *const later[] = { "{\"devices\":[" ROW("a") "],\"cursor\":\"c\"}", "!unknown-cursor" };
    static const char *const circle[] = { "{\"devices\":[],\"cursor\":\"c\"}", "{\"devices\":[],\"cursor\":\"c\"}" };
    static const char *const wrong[] = { "{\"devices\":[],\"cursor\":7}" };
    static const char *const nobody[] = { "?" };
    run("devices --json", NULL, 0, none);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(rig.out, "[]\n");
    run("alerts", "", 80, none);
    assert_string_equal(rig.out, "no alerts\n");

    run("devices --json", NULL, 0, refused);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.out, "\"errorCode\":\t\"not-authorised\""));
    assert_true(has(rig.err, "renewalctl: No (not-authorised); "));
    run("devices --json --all", NULL, 0, later);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_string_equal(rig.out, "[\n" ROW("a") "\n]\n"); /* what came is still JSON */
    run("devices --all", NULL, 0, circle);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "leads nowhere"));
    run("devices --all", NULL, 0, wrong);
    assert_int_equal(rig.rc, CTL_FAILED);
    run("devices", NULL, 0, nobody);
    assert_int_equal(rig.rc, CTL_NO_CONNECTION);
    assert_string_equal(rig.err, "renewalctl: no connection to nowhere\n");
}

static void dangerous_ones_ask(void **state)
{
    (void)state;
    static const char *const answer[] = { "{\"device\":\"m\"}", "{}" };
    static const char *const lines[] = { "hold m", "cancel m", "campaign abort m", "campaign start" };
    char line[80];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        print_message("%s\n", lines[i]);
        run(lines[i], NULL, 0, answer); /* no terminal, no --yes */
        assert_int_equal(rig.rc, CTL_USAGE);
        assert_int_equal(rig.asked, 0);
        assert_true(has(rig.err, "give --yes"));
        run(lines[i], "y\n", 80, answer);
        assert_int_equal(rig.rc, CTL_FAILED);
        assert_int_equal(rig.asked, 0);
        assert_true(has(rig.err, "nothing was done"));
        run(lines[i], "", 80, answer); /* the end of the input */
        assert_int_equal(rig.rc, CTL_FAILED);
        run(lines[i], "yes\n", 80, answer);
        assert_int_equal(rig.rc, CTL_DONE);
        assert_int_equal(rig.asked, 1);
        (void)snprintf(line, sizeof line, "%s --yes", lines[i]);
        run(line, NULL, 0, answer);
        assert_int_equal(rig.rc, CTL_DONE);
    }
    run("campaign start --tag lab", NULL, 0, answer); /* not over everything */
    assert_int_equal(rig.rc, CTL_DONE);
    run("release m", NULL, 0, answer);
    assert_int_equal(rig.rc, CTL_DONE);
}

static void trigger_by_filter_says_how_many(void **state)
{
    (void)state;
    static const char *const answer[] = {
        "{\"devices\":[" ROW("a") "," ROW("b") "],\"cursor\":\"c\"}",
        "{\"devices\":[" ROW("c") "]}",
        "{\"triggered\":2,\"delivered\":1,\"refused\":[],\"cursor\":\"d\"}",
        "{\"triggered\":0,\"delivered\":0,\"refused\":[{\"device\":\"c\",\"slot\":\"s\",\"errorCode\":\"on-hold\"}]}",
    };
    run("trigger --tag lab --slot s --reason policy", "yes\n", 80, answer);
    assert_int_equal(rig.asked, 4);
    assert_string_equal(rig.request[0], "{\"command\":\"listDevices\",\"filter\":{\"slot\":\"s\",\"tag\":\"lab\"},"
                                        "\"limit\":100}");
    assert_string_equal(rig.request[3], "{\"command\":\"triggerRenewal\",\"filter\":{\"tag\":\"lab\"},\"slot\":\"s\","
                                        "\"reason\":\"policy\",\"limit\":100,\"cursor\":\"d\"}");
    assert_true(has(rig.err, "the renewal of 3 certificates."));
    assert_true(has(rig.out, "c/s: refused (on-hold)\n2 triggered, 1 of them told now, 1 refused\n"));
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "renewalctl: 1 was refused\n"));

    run("trigger --tag lab --yes --json", NULL, 0, answer + 2);
    assert_int_equal(rig.asked, 2);
    cJSON *json = cJSON_Parse(rig.out);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "refused")), 1);
    assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "triggered")), 2);
    cJSON_Delete(json);

    run("trigger --tag lab", NULL, 0, answer);
    assert_int_equal(rig.rc, CTL_USAGE);
    assert_int_equal(rig.asked, 0);
    static const char *const nothing[] = { "{\"devices\":[]}" };
    run("trigger --tag lab", "yes\n", 80, nothing);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "selects no device"));
}

static void trigger_of_many_goes_in_hundreds(void **state)
{
    (void)state;
    static const char *const answer[] = {
        "{\"triggered\":100,\"delivered\":1,\"refused\":[]}", "{\"triggered\":5,\"delivered\":0}",
    };
    char line[2048] = "trigger";
    for (unsigned i = 0; i < 105; i++) {
        size_t len = strlen(line);
        (void)snprintf(line + len, sizeof line - len, " m%u", i);
    }
    run(line, NULL, 0, answer);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_int_equal(rig.asked, 2);
    assert_string_equal(rig.request[1], "{\"command\":\"triggerRenewal\",\"devices\":[\"m100\",\"m101\",\"m102\",\"m103\","
                                        "\"m104\"]}");
    assert_string_equal(rig.out, "105 triggered, 1 of them told now, 0 refused\n");
}

static void policy_set_shows_and_asks(void **state)
{
    (void)state;
    static const char *const answer[] = {
        "{\"version\":3,\"settings\":{\"trigger_rate\":{\"value\":\"50\",\"source\":\"file\"}}}",
        "{\"version\":4}",
    };
    run("policy set trigger_rate=20 retry_first=", "yes\n", 80, answer);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(rig.request[0], "{\"command\":\"getPolicy\"}");
    assert_string_equal(rig.request[1], "{\"command\":\"setPolicy\",\"set\":{\"trigger_rate\":\"20\",\"retry_first\":null},"
                                        "\"version\":3}");
    assert_true(has(rig.err, "  trigger_rate  50 (file) -> 20\n  retry_first  ? -> as each broker's file says\n"));
    run("policy set trigger_rate=20", "no\n", 80, answer);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_int_equal(rig.asked, 1);
    run("policy set trigger_rate=20", NULL, 0, answer);
    assert_int_equal(rig.rc, CTL_USAGE);
    assert_int_equal(rig.asked, 0);
    run("policy set trigger_rate=20 --yes", NULL, 0, answer + 1);
    assert_string_equal(rig.request[0], "{\"command\":\"setPolicy\",\"set\":{\"trigger_rate\":\"20\"}}");
}

#define SEEN(state, renewed)                                                                                           \
    "{\"campaign\":\"1a\",\"state\":\"" state "\",\"group\":0,\"groups\":[{\"name\":\"canary\",\"total\":10,\"renewed\":"  \
    renewed ",\"state\":\"running\"}],\"total\":10,\"renewed\":" renewed "}"

static void watch_until_it_ends(void **state)
{
    (void)state;
    static const char *const done[] = { SEEN("running", "1"), SEEN("running", "1"), "?", "?", SEEN("running", "5"),
                                        SEEN("done", "10") };
    static const char *const paused[] = { SEEN("running", "1"), SEEN("paused", "1") };
    static const char *const lost[] = { SEEN("running", "1"), "?", "?", "?", "?", "?" };
    static const char *const often[] = { SEEN("running", "1"), "?", "?", "?", "?", SEEN("running", "1"), "?", "?", "?", "?",
                                         SEEN("done", "1") };
    static const char *const nobody[] = { "?" };
    static const char *const refused[] = { "!unknown-campaign" };
    run("campaign watch 1a", NULL, 0, done);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_int_equal(rig.drops, 2);
    assert_string_equal(rig.out, "2026-11-21T00:00:00Z  running, group canary: 1 of 10, 1 renewed\n"
                                 "2026-11-21T00:00:00Z  running, group canary: 5 of 10, 5 renewed\n"
                                 "2026-11-21T00:00:00Z  done, group canary: 10 of 10, 10 renewed\n");
    assert_string_equal(rig.err, "renewalctl: no connection to nowhere (trying again)\n");
    run("campaign watch 1a", "", 80, done);
    assert_true(has(rig.out, "canary     [##......................] 1 of 10, 1 renewed\n"));
    assert_true(has(rig.out, "\033[3A\033[J")); /* drawn over */
    run("campaign watch 1a --json", NULL, 0, paused);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.out, "}\n{\"campaign\":\"1a\",\"state\":\"paused\""));
    assert_string_equal(rig.err, "renewalctl: campaign 1a is paused; renewalctl campaign resume 1a goes on with it\n");
    run("campaign watch 1a", NULL, 0, lost);
    assert_int_equal(rig.rc, CTL_NO_CONNECTION);
    run("campaign watch 1a", NULL, 0, often); /* each time anew */
    assert_int_equal(rig.rc, CTL_DONE);
    run("campaign watch 1a", NULL, 0, nobody); /* it was never there: at once */
    assert_int_equal(rig.rc, CTL_NO_CONNECTION);
    run("campaign watch 1a", NULL, 0, refused);
    assert_int_equal(rig.rc, CTL_FAILED);
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .answer = done, .stop_after = 1 };
    ctl_rig_run(&rig, "campaign watch 1a");
    assert_int_equal(rig.rc, CTL_INTERRUPTED);
}

static void events_as_they_come(void **state)
{
    (void)state;
    static const char events[] =
        "alert {\"time\":\"2026-11-21T00:00:00Z\",\"broker\":\"b1\",\"device\":\"m\",\"slot\":\"s\",\"alert\":\"expiring\","
        "\"level\":\"warning\",\"detail\":\"Do\\u001b it.\"}\n"
        "security nonsense\n"
        "campaign {\"campaign\":\"1a\",\"event\":\"paused\"}\n";
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .events = events, .stop_after = 2 };
    ctl_rig_run(&rig, "events");
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(rig.request[0], "$CONTROL/cert-renewal/v1/event/+");
    assert_string_equal(rig.out, "2026-11-21T00:00:00Z  alert  m/s  expiring, warning  Do? it., broker b1\n"
                                 "campaign  1a  paused  \n");
    assert_true(has(rig.err, "an event cannot be read"));
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .events = events, .stop_after = 1 };
    ctl_rig_run(&rig, "events alert --json");
    assert_string_equal(rig.request[0], "$CONTROL/cert-renewal/v1/event/alert");
    assert_true(has(rig.out, "\"event\":\"paused\",\"kind\":\"campaign\"}\n"));
}

static void answers_without_data_and_with_help(void **state)
{
    (void)state;
    static const char *const odd[] = { "7" };
    run("status", NULL, 0, odd);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "no data"));
    run("help campaign start", NULL, 0, odd);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_true(has(rig.out, "renewalctl [OPTION...] campaign start"));
    run("help campaign", NULL, 0, odd);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_true(has(rig.out, "  campaign pause   trigger no more") && !has(rig.out, "  alerts "));
    run("help audit verify", NULL, 0, odd);
    assert_true(has(rig.out, "--issuer CERT.pem"));
    run("help nonsense", NULL, 0, odd);
    assert_int_equal(rig.rc, CTL_USAGE);
    run("version", NULL, 0, odd);
    assert_true(has(rig.out, "renewalctl "));
}

static void following_answers_without_sense(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        { "{\"entries\":[{\"id\":\"yesterday\"}]}", NULL },
        { "{\"entries\":[{\"what\":\"seen\"}]}", NULL },
        { "{\"entries\":[{\"id\":\"1-0\"}]}", "{\"entries\":[{\"id\":\"2-\"}]}" },
        { "{\"entries\":[{\"id\":\"1-0\"}]}", "{\"entries\":[{\"id\":\"1-0\"}],\"cursor\":\"0-1\"}" },
        { "{\"entries\":[{\"id\":\"1-0\"}]}", "{\"entries\":[{\"id\":\"1-0\"}],\"cursor\":\"x\"}" },
        { "{\"entries\":[{\"id\":\"1-0\"}]}", "{\"entries\":[{\"id\":\"1-0\"}],\"cursor\":7}" },
        { "{\"entries\":7,\"cursor\":7}", NULL },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ctl_rig_free(&rig);
        rig = (struct ctl_rig){ .answer = wrong[i] };
        ctl_rig_run(&rig, "audit --follow");
        assert_int_equal(rig.rc, CTL_FAILED);
        assert_string_equal(rig.err, "renewalctl: the broker's answer has an entry or a cursor that leads nowhere\n");
    }
}

static void what_does_not_go_with_following(void **state)
{
    (void)state;
    static const struct { const char *line, *why; } wrong[] = {
        { "audit --follow --until 1h", "--follow shows the last entries, then the new ones, and takes no --until" },
        { "audit -f --oldest", "--follow shows the last entries, then the new ones, and takes no --oldest" },
        { "audit m -f --all", "--follow shows the last entries, then the new ones, and takes no --all" },
        { "audit -f --limit 1001", "--follow begins with at most 1000 entries; without it --limit can be more" },
        { "devices --follow", "devices takes no --follow; see renewalctl devices --help" },
        { "devices -f", "devices takes no -f; see renewalctl devices --help" },
        { "audit --follow=yes", "--follow takes no value" },
    };
    static struct ctl_options options;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char why[CTL_WHY_CAP];
        ctl_options_init(&options);
        assert_int_equal(ctl_rig_parse(&options, wrong[i].line, why), CR_INVALID);
        assert_string_equal(why, wrong[i].why);
        ctl_options_fini(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_until_the_limit),
        cmocka_unit_test(pages_to_the_end),
        cmocka_unit_test(a_page_of_thousands),
        cmocka_unit_test(pages_that_end_badly),
        cmocka_unit_test(dangerous_ones_ask),
        cmocka_unit_test(trigger_by_filter_says_how_many),
        cmocka_unit_test(trigger_of_many_goes_in_hundreds),
        cmocka_unit_test(policy_set_shows_and_asks),
        cmocka_unit_test(watch_until_it_ends),
        cmocka_unit_test(events_as_they_come),
        cmocka_unit_test(following_answers_without_sense),
        cmocka_unit_test(what_does_not_go_with_following),
        cmocka_unit_test(answers_without_data_and_with_help),
    };
    return cmocka_run_group_tests(tests, NULL, let_go);
}
