/* renewalctl without its I/O: arguments, configuration file, request, response, tables. */
#include "plugin/renewalctl/options.h"
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/request.h"
#include "plugin/renewalctl/sheet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

enum { ARGS_MAX = 16 };

/* Splits at single spaces; the words live in `words`. */
static cr_err parse(struct ctl_options *options, const char *line, char why[CTL_WHY_CAP])
{
    static char words[1024];
    char *argv[ARGS_MAX] = { NULL };
    int argc = 1;
    static char self[] = "renewalctl";
    argv[0] = self;
    assert_int_equal(cr_text_copy(words, sizeof words, line), CR_OK);
    for (char *at = words; *at != '\0' && argc < ARGS_MAX;) {
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at == ' ') {
            *at++ = '\0';
        }
    }
    why[0] = '\0';
    return ctl_options_args(options, argc, argv, why);
}

static void args_of_each_command(void **state)
{
    (void)state;
    struct ctl_options o;
    char why[CTL_WHY_CAP];
    ctl_options_init(&o);
    assert_int_equal(parse(&o, "status", why), CR_OK);
    assert_int_equal(o.action, CTL_STATUS);
    assert_string_equal(o.host, "localhost");
    assert_int_equal(o.timeout_s, 10);
    assert_false(ctl_options_tls(&o));

    ctl_options_init(&o);
    assert_int_equal(parse(&o, "-h broker -p8884 --cafile=ca.pem --cert a.pem --key a.key device meter-17 --json", why),
                     CR_OK);
    assert_int_equal(o.action, CTL_DEVICE);
    assert_string_equal(o.host, "broker");
    assert_int_equal(o.port, 8884);
    assert_string_equal(o.cafile, "ca.pem");
    assert_string_equal(o.key, "a.key");
    assert_string_equal(o.device, "meter-17");
    assert_true(o.json);
    assert_true(ctl_options_tls(&o));

    ctl_options_init(&o);
    assert_int_equal(parse(&o, "-u alice -P secret -i me trigger meter-17 --slot data --reason policy --timeout 3", why),
                     CR_OK);
    assert_int_equal(o.action, CTL_TRIGGER);
    assert_string_equal(o.username, "alice");
    assert_string_equal(o.password, "secret");
    assert_string_equal(o.id, "me");
    assert_string_equal(o.slot, "data");
    assert_string_equal(o.reason, "policy");
    assert_int_equal(o.timeout_s, 3);
    ctl_options_fini(&o);
    assert_string_equal(o.password, "");

    ctl_options_init(&o);
    assert_int_equal(parse(&o, "device -- -odd", why), CR_OK);
    assert_string_equal(o.device, "-odd");
}

static void help_and_version(void **state)
{
    (void)state;
    static const struct { const char *line; enum ctl_action action, help_for; } cases[] = {
        { "--help", CTL_HELP, CTL_HELP },          { "trigger --help", CTL_HELP, CTL_TRIGGER },
        { "--help status", CTL_HELP, CTL_STATUS }, { "help device", CTL_HELP, CTL_DEVICE },
        { "help", CTL_HELP, CTL_HELP },            { "--version", CTL_VERSION, CTL_HELP },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ctl_options o;
        char why[CTL_WHY_CAP];
        ctl_options_init(&o);
        print_message("%s\n", cases[i].line);
        assert_int_equal(parse(&o, cases[i].line, why), CR_OK);
        assert_int_equal(o.action, cases[i].action);
        assert_int_equal(o.help_for, cases[i].help_for);
    }
    assert_non_null(strstr(ctl_help_text(CTL_TRIGGER), "renewalctl trigger meter-17"));
    assert_non_null(strstr(ctl_help_text(CTL_DEVICE), "renewalctl device meter-17"));
    assert_non_null(strstr(ctl_help_text(CTL_STATUS), "status"));
}

static void wrong_arguments_get_one_clear_line(void **state)
{
    (void)state;
    static const struct { const char *line, *why; } cases[] = {
        { "", "a command is needed" },
        { "renew", "unknown command 'renew'" },
        { "status now", "nothing to do with 'now'" },
        { "device", "device needs a device's id" },
        { "trigger", "trigger needs a device's id" },
        { "device a/b", "a device's id is" },
        { "device a b", "nothing to do with 'b'" },
        { "device a --slot data", "belong to trigger" },
        { "trigger a --slot #", "--slot needs" },
        { "trigger a --reason boredom", "--reason is expiry" },
        { "trigger a --slot", "--slot needs a value" },
        { "-p 0 status", "-p needs a number from 1 to 65535, not '0'" },
        { "-p 65536 status", "-p needs a number" },
        { "-p 18x status", "-p needs a number" },
        { "-p 99999999999999999999 status", "-p needs a number" },
        { "--timeout 3601 status", "--timeout needs a number" },
        { "--host= status", "--host needs a value" },
        { "--json=yes status", "--json takes no value" },
        { "--jso status", "unknown option '--jso'" },
        { "-x status", "unknown option '-x'" },
        { "--config= status", "--config needs a file" },
        { "status -h", "-h needs a value" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ctl_options o;
        char why[CTL_WHY_CAP];
        ctl_options_init(&o);
        print_message("%s\n", cases[i].line);
        assert_int_equal(parse(&o, cases[i].line, why), CR_INVALID);
        if (strstr(why, cases[i].why) == NULL) {
            fail_msg("'%s': said '%s', not '%s'", cases[i].line, why, cases[i].why);
        }
        assert_null(strchr(why, '\n'));
    }
}

static cr_err config(struct ctl_options *o, const char *text, char why[CTL_WHY_CAP])
{
    return ctl_options_config(o, (struct cr_bytes){ (const uint8_t *)text, strlen(text) }, why);
}

static void configuration_file_is_read_and_arguments_win(void **state)
{
    (void)state;
    struct ctl_options o;
    char why[CTL_WHY_CAP];
    ctl_options_init(&o);
    assert_int_equal(config(&o, "# ours\n\nhost  broker.example \r\nport 8884\ncafile /etc/my ca.pem\ninsecure true\n"
                                "password pass word\ncert c.pem", why), CR_OK);
    assert_string_equal(o.host, "broker.example");
    assert_int_equal(o.port, 8884);
    assert_string_equal(o.cafile, "/etc/my ca.pem");
    assert_string_equal(o.password, "pass word");
    assert_true(o.insecure);
    assert_int_equal(parse(&o, "-h other status", why), CR_OK);
    assert_string_equal(o.host, "other");
    assert_int_equal(o.port, 8884);
    assert_int_equal(ctl_options_check(&o, why), CR_INVALID); /* a certificate without its key */
    assert_string_equal(why, "--cert and --key need each other");

    static const struct { const char *text, *why; } bad[] = {
        { "host a\nhots b\n", "line 2: unknown key 'hots'" },
        { "json true\n", "line 1: unknown key 'json'" },
        { "port\n", "line 1: port needs a number" },
        { "\nhost\n", "line 2: host needs a value" },
        { "insecure maybe\n", "line 1: insecure is true or false" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ctl_options_init(&o);
        assert_int_equal(config(&o, bad[i].text, why), CR_INVALID);
        if (strstr(why, bad[i].why) == NULL) {
            fail_msg("said '%s', not '%s'", why, bad[i].why);
        }
    }
}

static void configuration_path(void **state)
{
    (void)state;
    char path[CTL_TEXT_CAP];
    bool asked;
    char *none[] = { "renewalctl", "status", NULL };
    char *given[] = { "renewalctl", "--config", "here", "status", NULL };
    assert_int_equal(setenv("HOME", "/home/alice", 1), 0);
    assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
    ctl_options_config_path(path, &asked, 2, none);
    assert_string_equal(path, "/home/alice/.config/renewalctl");
    assert_false(asked);
    assert_int_equal(setenv("XDG_CONFIG_HOME", "/cfg", 1), 0);
    ctl_options_config_path(path, &asked, 2, none);
    assert_string_equal(path, "/cfg/renewalctl");
    ctl_options_config_path(path, &asked, 4, given);
    assert_string_equal(path, "here");
    assert_true(asked);
}

static void requests(void **state)
{
    (void)state;
    static const struct { const char *line, *json; } cases[] = {
        { "status", "{\"commands\":[{\"command\":\"getStatus\",\"correlationData\":\"1\"}]}" },
        { "device meter-17",
          "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"meter-17\",\"correlationData\":\"1\"}]}" },
        { "trigger meter-17 --slot data",
          "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-17\",\"slot\":\"data\",\"correlationData\":"
          "\"1\"}]}" },
        { "trigger m --reason policy",
          "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"m\",\"reason\":\"policy\",\"correlationData\":"
          "\"1\"}]}" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ctl_options o;
        struct cr_blob json;
        char why[CTL_WHY_CAP];
        ctl_options_init(&o);
        assert_int_equal(parse(&o, cases[i].line, why), CR_OK);
        assert_int_equal(ctl_request_write(&json, &o), CR_OK);
        assert_string_equal((const char *)json.data, cases[i].json);
        cr_blob_fini(&json);
    }
}

static cr_err response(cJSON **json, const char *text)
{
    return ctl_response_read(json, (struct cr_bytes){ (const uint8_t *)text, strlen(text) });
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
    assert_string_equal(line, "No such? device. (unknown-device)");
    cJSON_Delete(json);

    /* the whole request was refused: no correlation to give back */
    assert_int_equal(response(&json, "{\"responses\":[{\"error\":\"Not JSON.\",\"errorCode\":\"malformed-json\"}]}"),
                     CR_OK);
    cJSON_Delete(json);

    assert_int_equal(response(&json, "{\"responses\":[{\"command\":\"x\",\"correlationData\":\"2\"}]}"), CR_NOT_FOUND);
    assert_null(json);
    assert_int_equal(response(&json, "{\"responses\":[]}"), CR_NOT_FOUND);
    assert_int_equal(response(&json, "{\"responses\":{}}"), CR_INVALID);
    assert_int_equal(response(&json, "[]"), CR_INVALID);
    assert_int_equal(response(&json, "nonsense"), CR_INVALID);
    assert_null(json);
}

/* Renders `data` as the command line would; the caller frees. */
static char *rendered(const char *args, const char *data, bool colour)
{
    struct ctl_options o;
    char why[CTL_WHY_CAP];
    char *text = NULL;
    size_t len = 0;
    ctl_options_init(&o);
    assert_int_equal(parse(&o, args, why), CR_OK);
    cJSON *json = cJSON_Parse(data);
    assert_non_null(json);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    ctl_render(out, &o, json, colour);
    assert_int_equal(fclose(out), 0);
    cJSON_Delete(json);
    return text;
}

static void renders_a_device(void **state)
{
    (void)state;
    char *text = rendered(
        "device meter-17",
        "{\"device\":\"meter-17\",\"firstSeen\":\"2026-01-01T00:00:00Z\",\"lastSeen\":\"2026-02-01T00:00:00Z\","
        "\"gapSeconds\":90000,\"model\":\"mk\\u001b[31m2\",\"slots\":[{\"slot\":\"operational\",\"state\":\"issued\",\"held\":false,"
        "\"generation\":3,\"serialNumber\":\"0a1b\",\"issuer\":\"0123456789abcdef\",\"keyHash\":\"ffee\","
        "\"notBefore\":\"2026-01-01T00:00:00Z\",\"notAfter\":\"2026-04-01T00:00:00Z\","
        "\"chancesLeft\":6,\"failures\":2,\"unanswered\":1,\"retryAt\":\"2026-02-02T00:00:00Z\","
        "\"renewal\":{\"renewalId\":\"u-1\",\"reason\":\"operator\",\"attempt\":1,\"deadline\":\"2026-03-01T00:00:00Z\"},"
        "\"pending\":{\"serialNumber\":\"0c\",\"notBefore\":\"b\",\"notAfter\":\"c\"},"
        "\"superseded\":{\"serialNumber\":\"09\",\"at\":\"2026-01-02T00:00:00Z\"},\"mood\":{\"x\":1}},"
        "{\"slot\":\"data\",\"state\":\"quiet\",\"held\":true,\"generation\":1}]}",
        false);
    assert_string_equal(text, "device        meter-17\n"
                              "first seen    2026-01-01T00:00:00Z\n"
                              "last seen     2026-02-01T00:00:00Z, about every 1 d 1 h\n"
                              "model         mk?[31m2\n"
                              "\n"
                              "operational   issued\n"
                              "  generation  3\n"
                              "  serial      0a1b\n"
                              "  issuer      0123456789abcdef\n"
                              "  key         ffee\n"
                              "  valid       2026-01-01T00:00:00Z to 2026-04-01T00:00:00Z\n"
                              "  chances     likely to appear 6 more times before notAfter\n"
                              "  failures    2 reported in a row, next try at 2026-02-02T00:00:00Z\n"
                              "  unanswered  1 in a row: begins anew when it appears\n"
                              "  renewal     u-1, operator, attempt 1, until 2026-03-01T00:00:00Z\n"
                              "  pending     0c, b to c\n"
                              "  superseded  09, at 2026-01-02T00:00:00Z\n"
                              "  mood        {\"x\":1}\n"
                              "\n"
                              "data          quiet, on hold\n"
                              "  generation  1\n");
    free(text);
}

static void renders_the_status(void **state)
{
    (void)state;
    char *text = rendered(
        "status",
        "{\"broker\":\"b1\",\"version\":\"0.1.0\",\"uptime\":90061,\"sessions\":{\"connected\":412,\"devices\":390},"
        "\"jobs\":{\"inFlight\":3,\"limit\":256},\"store\":{\"connected\":true,\"writable\":false,\"durable\":true,"
        "\"journal\":true,\"unrecorded\":2,\"latencyMicros\":180,\"problem\":\"Redis is read-only.\"},"
        "\"issuers\":[{\"issuer\":\"0123456789abcdef\",\"subject\":\"CN=Issuing CA\",\"notAfter\":\"2030-01-01T00:00:00Z\","
        "\"signing\":true},{\"issuer\":\"fedcba9876543210\",\"subject\":\"CN=Ältere CA\",\"notAfter\":\"2027-01-01T00:00:00Z\","
        "\"signing\":false}],\"counters\":{\"issued\":1204,\"confirmed\":1190,\"triggered\":40,"
        "\"delivered\":52,\"alarms\":3,\"auditsLost\":2,\"new\":7,\"refused\":{\"too-early\":12,\"busy\":1}}}",
        false);
    assert_string_equal(text, "broker        b1, version 0.1.0, up 1 d 1 h\n"
                              "sessions      412 connected now, 390 devices seen lately\n"
                              "jobs          3 of at most 256 in flight\n"
                              "store         connected, not writable, durable, journal kept, answers in 180 us\n"
                              "              2 certificates are in the journal only\n"
                              "problem       Redis is read-only.\n"
                              "issued        1204, confirmed 1190\n"
                              "triggered     40, delivered 52\n"
                              "alarms        3\n"
                              "audit         2 lines lost\n"
                              "new           7\n"
                              "\n"
                              "ISSUER            SIGNS  NOT AFTER             SUBJECT\n"
                              "0123456789abcdef  yes    2030-01-01T00:00:00Z  CN=Issuing CA\n"
                              "fedcba9876543210  no     2027-01-01T00:00:00Z  CN=Ältere CA\n"
                              "\n"
                              "REFUSED    COUNT\n"
                              "too-early  12\n"
                              "busy       1\n");
    free(text);
}

static void renders_a_trigger(void **state)
{
    (void)state;
    static const struct { const char *args, *data, *text; } cases[] = {
        { "trigger m", "{\"device\":\"m\",\"slot\":\"operational\",\"renewalId\":\"u\",\"state\":\"triggered\",\"attempt\":2,\"delivered\":1}",
          "m/operational: triggered, attempt 2, told to 1 session (renewal u)\n" },
        { "trigger m --slot data", "{\"renewalId\":\"u\",\"state\":\"triggered\",\"attempt\":1,\"delivered\":0}",
          "m/data: triggered, attempt 1, not connected: it is told when it appears (renewal u)\n" },
        { "trigger m", "{}", "m/operational: done\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = rendered(cases[i].args, cases[i].data, false);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

static void survives_odd_answers(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}", "[]", "null", "1", "{\"slots\":{}}", "{\"slots\":[null,1,[],{}]}", "{\"issuers\":[1,{}],\"store\":7}",
        "{\"counters\":{\"refused\":{\"a\":\"b\"}},\"uptime\":\"x\",\"sessions\":[],\"jobs\":null}",
        "{\"uptime\":1e300,\"device\":{\"a\":[1,2,3]},\"attempt\":null}",
    };
    static const char *const commands[] = { "status", "device m", "trigger m" };
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
            free(rendered(commands[c], odd[i], false));
        }
    }
}

static void colours_only_when_told(void **state)
{
    (void)state;
    const char *data = "{\"slots\":[{\"slot\":\"operational\",\"state\":\"quiet\"}]}";
    char *plain = rendered("device m", data, false), *coloured = rendered("device m", data, true);
    assert_null(strchr(plain, '\033'));
    assert_non_null(strstr(coloured, "\033[32mquiet\033[0m"));
    free(plain);
    free(coloured);
}

static void texts_for_terminals(void **state)
{
    (void)state;
    static const struct { double s; const char *text; } durations[] = {
        { 0, "0 s" }, { 59, "59 s" }, { 60, "1 min 0 s" }, { 3725, "1 h 2 min" }, { 90061, "1 d 1 h" }, { -1, "-" },
    };
    char cell[CTL_CELL_CAP] = "a\tb\x7f\xc2\x85\xc3\xa4\r\n";
    ctl_printable(cell);
    assert_string_equal(cell, "a?b???\xc3\xa4??");
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        ctl_duration_text(cell, durations[i].s);
        assert_string_equal(cell, durations[i].text);
    }
    cell[0] = '\0';
    for (int i = 0; i < 100; i++) {
        ctl_cell_append(cell, "0123456789");
    }
    assert_int_equal(strlen(cell), CTL_CELL_CAP - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(args_of_each_command),
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(wrong_arguments_get_one_clear_line),
        cmocka_unit_test(configuration_file_is_read_and_arguments_win),
        cmocka_unit_test(configuration_path),
        cmocka_unit_test(requests),
        cmocka_unit_test(responses),
        cmocka_unit_test(renders_a_device),
        cmocka_unit_test(renders_the_status),
        cmocka_unit_test(renders_a_trigger),
        cmocka_unit_test(survives_odd_answers),
        cmocka_unit_test(colours_only_when_told),
        cmocka_unit_test(texts_for_terminals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
