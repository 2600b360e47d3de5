/* renewalctl: arguments, configuration file, help. */
#include "tests/unit/ctl_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ctl_options o;
static char why[CTL_WHY_CAP];

static cr_err parse(const char *line)
{
    ctl_options_fini(&o);
    ctl_options_init(&o);
    o.now_s = CTL_RIG_NOW;
    return ctl_rig_parse(&o, line, why);
}

static int let_go(void **state)
{
    (void)state;
    ctl_options_fini(&o);
    return 0;
}

static void args_of_each_command(void **state)
{
    (void)state;
    assert_int_equal(parse("status"), CR_OK);
    assert_string_equal(o.command->name, "status");
    assert_string_equal(o.host, "localhost");
    assert_int_equal(o.timeout_s, 10);
    assert_false(ctl_options_tls(&o));

    assert_int_equal(parse("-h broker -p8884 --cafile=ca.pem --cert a.pem --key a.key device meter-17 --json"), CR_OK);
    assert_string_equal(o.command->name, "device");
    assert_string_equal(o.host, "broker");
    assert_int_equal(o.port, 8884);
    assert_string_equal(o.cafile, "ca.pem");
    assert_string_equal(o.key, "a.key");
    assert_string_equal(o.word[0], "meter-17");
    assert_true(o.json);
    assert_true(ctl_options_tls(&o));

    assert_int_equal(parse("-u alice -P secret -i me trigger meter-17 --slot data --reason policy --timeout 3"), CR_OK);
    assert_string_equal(o.command->name, "trigger");
    assert_string_equal(o.username, "alice");
    assert_string_equal(o.password, "secret");
    assert_string_equal(o.id, "me");
    assert_string_equal(o.slot, "data");
    assert_string_equal(o.reason, "policy");
    assert_int_equal(o.timeout_s, 3);
    ctl_options_fini(&o);
    assert_string_equal(o.password, "");

    assert_int_equal(parse("device -- -odd"), CR_OK);
    assert_string_equal(o.word[0], "-odd");
    assert_int_equal(parse("--slot data campaign start --group a=1% --group b --rate 5 --yes"), CR_OK);
    assert_string_equal(o.command->name, "campaign start");
    assert_int_equal(o.group.count, 2);
    assert_string_equal(o.group.value[1], "b");
    assert_int_equal(o.rate, 5);
    assert_true(o.yes);
    assert_int_equal(parse("audit verify"), CR_OK); /* the longest name wins */
    assert_string_equal(o.command->name, "audit verify");
    assert_int_equal(parse("audit meter-17 --all"), CR_OK);
    assert_string_equal(o.command->name, "audit");
}

static void times_are_told_from_now_or_as_they_are(void **state)
{
    (void)state;
    assert_int_equal(parse("audit --since 24h --until 2026-11-20"), CR_OK);
    assert_string_equal(o.since, "2026-11-20T00:00:00Z");
    assert_string_equal(o.until, "2026-11-20T00:00:00Z");
    assert_int_equal(parse("campaign start --start 90m --deadline 2026-12-24T08:00:00Z"), CR_OK);
    assert_string_equal(o.start, "2026-11-21T01:30:00Z");
    assert_string_equal(o.deadline, "2026-12-24T08:00:00Z");
    assert_int_equal(parse("devices --expires-within 30d --not-seen-for 7d"), CR_OK);
    assert_string_equal(o.expires_within, "30d");
}

static void help_and_version(void **state)
{
    (void)state;
    static const struct { const char *line, *command; } cases[] = {
        { "--help", NULL }, { "trigger --help", "trigger" }, { "--help campaign start", "campaign start" },
        { "device --help a b c", "device" }, { "campaign --help", NULL }, { "--help campaign", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].line);
        assert_int_equal(parse(cases[i].line), CR_OK);
        assert_true(o.help);
        assert_string_equal(o.command != NULL ? o.command->name : "", cases[i].command != NULL ? cases[i].command : "");
    }
    assert_int_equal(parse("--version"), CR_OK);
    assert_true(o.version);
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
        { "device a --slot data", "device takes no --slot" },
        { "trigger a --slot #", "--slot needs" },
        { "trigger a --reason boredom", "--reason is expiry, operator, campaign, ca-rotation, regression or policy" },
        { "trigger a --slot", "--slot needs a value, SLOT; see renewalctl --help" },
        { "trigger a --tag lab", "ids or a filter, not both" },
        { "trigger a b/c", "a device's id is" },
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
        { "status -h", "-h needs a value, HOST; see renewalctl --help" },
        { "campaign", "campaign needs one of start, status, pause, resume, abort, watch" },
        { "campaigns --help", "unknown command 'campaigns'" },
        { "events alerts", "events are of the kinds alert, wake, campaign and security, not 'alerts'" },
        { "--color pink status", "--color is auto, always or never, not 'pink'" },
        { "devices --state issu", "--state is quiet, triggered, issuing, issued or held, not 'issu'; did you mean issued?" },
        { "devices --state boredom", "--state is quiet, triggered, issuing, issued or held, not 'boredom'" },
        { "revoke m --reason key-compromise", "did you mean keyCompromise?" },
        { "revoke m --reason superceded", "did you mean superseded?" },
        { "revoke m --reason expiry", "--reason is unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, "
          "cessationOfOperation, certificateHold, privilegeWithdrawn or aACompromise, not 'expiry'" },
        { "enroll", "enroll needs a device's id, or --csv FILE" },
        { "enroll m --csv f", "not both" },
        { "enroll m --tag a/b", "a tag is 1 to 32 of" },
        { "enroll m --tag aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --tag bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "too long together" },
        { "enroll m --factory a/b", "--factory needs 1 to 64 of" },
        { "token m --expires soon", "--expires is a time such as" },
        { "revoke", "revoke needs a device's id, --list FILE, --serial or a filter" },
        { "revoke m --list f", "one of them" },
        { "revoke m --tag lab", "one of them" },
        { "revoke --list f --revoked", "one of them" },
        { "revoke --serial 0a", "--serial needs --issuer" },
        { "revoke --serial 0g --issuer 0123456789abcdef", "--serial is 1 to 40 hex digits" },
        { "revoke --serial 0a --issuer 0123456789abcdef --tag lab", "about one certificate" },
        { "revoke --serial 0a --issuer 0123456789abcdef m", "about one certificate" },
        { "revoke m --device n", "--device says whose" },
        { "retire 0123", "an issuer's id is 16 of 0-9 a-f" },
        { "crl 0123456789ABCDEF", "an issuer's id is 16 of 0-9 a-f" },
        { "crl +", "an issuer's id is 1 to 64 of" },
        { "trust", "trust needs one of show, set" },
        { "trust set", "trust set needs a file with certificates" },
        { "trust set f --mode merge", "--mode is add or replace" },
        { "retire 0123456789abcdef --reason superseded", "retire takes no --reason" },
        { "devices --state quiet|held", "--state is" },
        { "devices --state=", "--state is" },
        { "devices --expires-within 30", "--expires-within is a time such as 30d" },
        { "devices --expires-within 0d", "--expires-within is a time" },
        { "devices --expires-within d", "--expires-within is a time" },
        { "devices --limit 0", "--limit needs a number" },
        { "devices --unacknowledged", "devices takes no --unacknowledged" },
        { "campaign", "campaign needs one of start, status, pause, resume, abort, watch" },
        { "campaign stop", "unknown command 'campaign stop'; there are start" },
        { "campaign pause", "campaign pause needs a campaign's id" },
        { "campaign start --start yesterday", "--start is in how long" },
        { "campaign status a --state done", "a campaign's id or --state, not both" },
        { "audit --since 2026-13-01", "--since is how long ago" },
        { "tag m", "tag needs a tag" },
        { "tag m lab", "'lab' is neither +TAG nor -TAG" },
        { "tag m +a/b", "a tag is 1 to 32" },
        { "tag m --add 012345678901234567890123456789012", "a tag is 1 to 32" },
        { "tag m +a +b +c +d +e +f +g +h +i", "at most 8 tags" },
        { "policy set", "policy set needs a setting" },
        { "policy set a", "'a' is not KEY=VALUE" },
        { "policy set =1", "'=1' is not KEY=VALUE" },
        { "policy set a=1 a=2", "a is given twice" },
        { "campaign start --group a=1% --group b=1 --group c", "--group 'b=1': what follows the name is a share" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].line);
        assert_int_equal(parse(cases[i].line), CR_INVALID);
        if (strstr(why, cases[i].why) == NULL) {
            fail_msg("'%s': said '%s', not '%s'", cases[i].line, why, cases[i].why);
        }
        assert_null(strchr(why, '\n'));
    }
}

static cr_err config(const char *text)
{
    ctl_options_fini(&o);
    ctl_options_init(&o);
    return ctl_options_config(&o, (struct cr_bytes){ (const uint8_t *)text, strlen(text) }, why);
}

static void configuration_file_is_read_and_arguments_win(void **state)
{
    (void)state;
    assert_int_equal(config("# ours\n\nhost  broker.example \r\nport 8884\ncafile /etc/my ca.pem\ninsecure true\n"
                            "password pass word\ncolor never\ncert c.pem"), CR_OK);
    assert_string_equal(o.host, "broker.example");
    assert_int_equal(o.port, 8884);
    assert_string_equal(o.cafile, "/etc/my ca.pem");
    assert_string_equal(o.password, "pass word");
    assert_true(o.insecure);
    assert_int_equal(ctl_options_colour(&o), CTL_COLOUR_NEVER);
    assert_int_equal(ctl_rig_parse(&o, "-h other status", why), CR_OK);
    assert_string_equal(o.host, "other");
    assert_int_equal(o.port, 8884);
    assert_int_equal(ctl_options_check(&o, why), CR_INVALID); /* a certificate without its key */
    assert_string_equal(why, "--cert and --key need each other");

    static const struct { const char *text, *why; } bad[] = {
        { "host a\nhots b\n", "line 2: unknown key 'hots'" },
        { "json true\n", "line 1: unknown key 'json'" },
        { "yes true\n", "line 1: unknown key 'yes'" },
        { "port\n", "line 1: port needs a number" },
        { "\nhost\n", "line 2: host needs a value" },
        { "insecure maybe\n", "line 1: insecure is true or false" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(config(bad[i].text), CR_INVALID);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(args_of_each_command),
        cmocka_unit_test(times_are_told_from_now_or_as_they_are),
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(wrong_arguments_get_one_clear_line),
        cmocka_unit_test(configuration_file_is_read_and_arguments_win),
        cmocka_unit_test(configuration_path),
    };
    return cmocka_run_group_tests(tests, NULL, let_go);
}
