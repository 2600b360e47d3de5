/* renewalctl: answers as text, also those that no honest broker gives. */
#include "tests/unit/ctl_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

static char *rendered(const char *line, const char *data, bool colour)
{
    return ctl_rig_rendered(line, data, colour, 0);
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
        "\"delivered\":52,\"alarms\":3,\"auditsLost\":2,\"new\":7,\"refused\":{\"too-early\":12,\"busy\":1}},"
        "\"revoked\":{\"entries\":3,\"issuers\":1,\"version\":6,\"complete\":false,\"closed\":2,\"refused\":9}}",
        false);
    assert_string_equal(text, "broker        b1, version 0.1.0, up 1 d 1 h\n"
                              "sessions      412 connected; devices: 390\n"
                              "jobs          3 of at most 256 in flight\n"
                              "store         connected, not writable, durable, journal kept, answers in 180 us\n"
                              "              2 certificates are in the journal only\n"
                              "problem       Redis is read-only.\n"
                              "issued        1204, confirmed 1190\n"
                              "triggered     40, delivered 52\n"
                              "alarms        3\n"
                              "audit         2 lines lost\n"
                              "new           7\n"
                              "revoked       3 certificates, 1 issuer; connections: 2 closed, 9 refused; the list is not known "
                              "whole yet\n"
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
        cmocka_unit_test(renders_a_device),
        cmocka_unit_test(renders_the_status),
        cmocka_unit_test(renders_a_trigger),
        cmocka_unit_test(colours_only_when_told),
        cmocka_unit_test(texts_for_terminals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
