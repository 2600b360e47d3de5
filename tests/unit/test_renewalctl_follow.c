/* renewalctl audit --follow: against a stream that grows, is trimmed, is lost and goes away between the questions. */
#include "tests/unit/ctl_rig.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

enum { ENTRIES_MAX = 2000, TEXT = 64 };

struct entry {
    uint64_t ms, seq;
    const char *what, *device;
};

/* The stream that is asked, and what happens to it: `happen` is called once for each second that passes. */
static struct ctl_rig rig;
static struct entry stream[ENTRIES_MAX];
static unsigned entries, looked_at, happened, worst;
static void (*happen)(unsigned second);
static const char *refuse; /* instead of an answer; NULL: none */

static void put(uint64_t ms, uint64_t seq, const char *what, const char *device)
{
    assert_true(entries < ENTRIES_MAX);
    stream[entries++] = (struct entry){ ms, seq, what, device };
}

static void trim(unsigned count)
{
    entries -= count;
    memmove(stream, stream + count, entries * sizeof stream[0]);
}

static const char *text_of(const cJSON *command, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(command, name));
}

static bool selected(const struct entry *entry, const cJSON *command)
{
    const char *what = text_of(command, "what"), *device = text_of(command, "device");
    return (what == NULL || strcmp(what, entry->what) == 0) && (device == NULL || strcmp(device, entry->device) == 0);
}

/* As the plugin answers getAudit. */
static char *answer(struct ctl_rig *of, const cJSON *command)
{
    for (; happened < of->waits; happened++) {
        if (happen != NULL) {
            happen(happened + 1);
        }
    }
    if (refuse != NULL) {
        return strdup(refuse);
    }
    assert_string_equal(text_of(command, "command"), "getAudit");
    bool oldest = strcmp(text_of(command, "order"), "oldest") == 0, full = false;
    const char *cursor = text_of(command, "cursor");
    double limit = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(command, "limit"));
    uint64_t ms = 0, seq = 0;
    if (cursor != NULL && (sscanf(cursor, "%" SCNu64 "-%" SCNu64, &ms, &seq) != 2 || strlen(cursor) > 40)) {
        return strdup("!unknown-cursor");
    }
    char *out = NULL;
    size_t len = 0, count = 0;
    FILE *file = open_memstream(&out, &len);
    assert_non_null(file);
    (void)fputs("{\"entries\":[", file);
    unsigned before = looked_at;
    for (unsigned i = 0; i < entries && !full; i++) {
        const struct entry *one = &stream[oldest ? i : entries - 1 - i];
        bool behind = one->ms > ms || (one->ms == ms && one->seq > seq);
        bool in_front = one->ms < ms || (one->ms == ms && one->seq < seq);
        if (cursor != NULL && !(oldest ? behind : in_front)) {
            continue;
        }
        looked_at++;
        if (selected(one, command)) {
            (void)fprintf(file, "%s{\"id\":\"%" PRIu64 "-%" PRIu64 "\",\"time\":\"2026-11-21T00:00:00Z\",\"what\":\"%s\","
                          "\"device\":\"%s\",\"slot\":\"s\",\"who\":\"operator:%" PRIu64 "\",\"broker\":\"b\"}",
                          count > 0 ? "," : "", one->ms, one->seq, one->what, one->device, one->ms);
            full = (double)++count == limit;
            if (full) {
                (void)fprintf(file, "],\"cursor\":\"%" PRIu64 "-%" PRIu64 "\"}", one->ms, one->seq);
            }
        }
    }
    (void)fputs(full ? "" : "]}", file);
    assert_int_equal(fclose(file), 0);
    worst = looked_at - before > worst ? looked_at - before : worst;
    return out;
}

/* Follows for so many seconds. */
static void follow(const char *line, unsigned seconds, int width)
{
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .make = answer, .stop_after = seconds + 1, .width = width };
    happened = looked_at = worst = 0;
    refuse = NULL;
    ctl_rig_run(&rig, line);
}

static int begin(void **state)
{
    (void)state;
    entries = 0;
    happen = NULL;
    return 0;
}

static int let_go(void **state)
{
    (void)state;
    ctl_rig_free(&rig);
    return 0;
}

/* The ids' milliseconds of all lines that were shown as JSON: "1 2 3". */
static const char *shown(void)
{
    static char text[16 * ENTRIES_MAX];
    size_t at = 0;
    text[0] = '\0';
    for (const char *line = rig.out; *line != '\0'; line += strcspn(line, "\n") + 1) {
        cJSON *json = cJSON_ParseWithLength(line, strcspn(line, "\n"));
        const char *id = text_of(json, "id");
        assert_non_null(id);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at > 0 ? " " : "", id);
        cJSON_Delete(json);
    }
    return text;
}

static unsigned times(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

/* ---- what happens ---- */

static void two_more(unsigned second)
{
    if (second == 2) {
        put(20, 9, "issued", "m2");
        put(20, 10, "issued", "m3"); /* not before 20-9, as text would have it */
    }
}

static void the_last_then_the_new(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 12; i++) {
        put(i, 0, "seen", "m1");
    }
    happen = two_more;
    follow("audit --follow --json", 4, 0);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(shown(), "3-0 4-0 5-0 6-0 7-0 8-0 9-0 10-0 11-0 12-0 20-9 20-10");
    assert_string_equal(rig.err, "");
    assert_int_equal(rig.asked, 5); /* one a second */
    assert_string_equal(rig.request[0], "{\"command\":\"getAudit\",\"order\":\"newest\",\"limit\":10}");
    assert_string_equal(rig.request[1], "{\"command\":\"getAudit\",\"order\":\"oldest\",\"limit\":100,"
                                        "\"cursor\":\"11-9999999999999999999\"}");
    assert_string_equal(rig.request[4], "{\"command\":\"getAudit\",\"order\":\"oldest\",\"limit\":100,"
                                        "\"cursor\":\"20-9\"}");
    assert_true(worst <= 10);
    entries = 12;
    follow("audit -f --limit 2 --json", 4, 0);
    assert_string_equal(shown(), "11-0 12-0 20-9 20-10");
    begin(NULL);
    happen = two_more; /* from nothing at all */
    follow("audit -f --json", 4, 0);
    assert_string_equal(shown(), "20-9 20-10");
    assert_string_equal(rig.err, "");
}

static void many_at_once(unsigned second)
{
    for (unsigned i = 0; second == 1 && i < 350; i++) {
        put(50, i, "issued", "m");
    }
    if (second == 2) {
        put(51, 0, "issued", "m");
    }
}

static void hundreds_in_a_second(void **state)
{
    (void)state;
    put(1, 0, "seen", "m");
    happen = many_at_once;
    follow("audit --follow --json", 2, 0); /* not a page a second */
    char expected[16 * 400];
    size_t at = (size_t)snprintf(expected, sizeof expected, "1-0");
    for (unsigned i = 0; i < 350; i++) {
        at += (size_t)snprintf(expected + at, sizeof expected - at, " 50-%u", i);
    }
    (void)snprintf(expected + at, sizeof expected - at, " 51-0");
    assert_string_equal(shown(), expected);
    assert_string_equal(rig.err, "");
    /* the first 150 of them also with a beginning of several pages */
    entries = 151;
    happen = NULL;
    follow("audit --follow --json --limit 1000", 1, 0);
    assert_int_equal(times(rig.out, "\n"), 151);
    assert_string_equal(rig.err, "");
}

static void mostly_others(unsigned second)
{
    for (unsigned i = 0; i < 5; i++) {
        put(1000 + second, i, "seen", "other");
    }
    if (second % 30 == 0) {
        put(1000 + second, 5, "issued", "m");
    }
}

/* What the filter passes over is not looked at again and again. */
static void a_filter_that_matches_seldom(void **state)
{
    (void)state;
    put(1, 0, "issued", "m");
    for (unsigned i = 0; i < 900; i++) {
        put(2, i, "seen", "other");
    }
    happen = mostly_others;
    follow("audit --follow --what issued --json", 60, 0);
    assert_string_equal(shown(), "1-0 1030-5 1060-5");
    assert_string_equal(rig.err, "");
    assert_true(looked_at < 901 + 6 * 400); /* at most those of the last ten seconds */
    assert_true(rig.asked <= 2 + 60 + 6 * 3);
    begin(NULL);
    put(1, 0, "issued", "m");
    happen = mostly_others;
    follow("audit m --follow --json", 31, 0);
    assert_string_equal(shown(), "1-0 1030-5");
    assert_string_equal(rig.request[1], "{\"command\":\"getAudit\",\"device\":\"m\",\"order\":\"newest\",\"limit\":10}");
}

static void comes_and_goes(unsigned second)
{
    put(1000 + second, 0, "issued", "m");
    refuse = second == 2 || second == 3 ? "?" : second >= 5 && second < 25 ? "!store-unavailable" : NULL;
}

static void a_connection_that_is_lost_and_redis_away(void **state)
{
    (void)state;
    char expected[1024] = "1-0";
    put(1, 0, "seen", "m");
    happen = comes_and_goes;
    follow("audit --follow --json", 30, 0);
    assert_int_equal(rig.rc, CTL_DONE);
    for (unsigned i = 1; i <= 30; i++) {
        size_t len = strlen(expected);
        (void)snprintf(expected + len, sizeof expected - len, " %u-0", 1000 + i);
    }
    assert_string_equal(shown(), expected);
    assert_int_equal(rig.drops, 2);
    assert_string_equal(rig.err, "renewalctl: no connection to nowhere (trying again)\n"
                                 "renewalctl: No (store-unavailable); renewalctl status says what is wrong with the store "
                                 "(trying again)\n");
}

static void gone_for_good(unsigned second)
{
    refuse = second >= 2 ? "?" : NULL;
}

static void cut_off(unsigned second)
{
    refuse = second >= 1 ? "?" : NULL;
}

static void ends(void **state)
{
    (void)state;
    static const char *const nobody[] = { "?" }, *const away[] = { "!store-unavailable" }, *const no[] = { "!not-authorised" };
    put(1, 0, "seen", "m");
    happen = gone_for_good;
    follow("audit --follow", 100, 0);
    assert_int_equal(rig.rc, CTL_NO_CONNECTION);
    const struct { const char *const *answer; int rc; } at_once[] = {
        { nobody, CTL_NO_CONNECTION }, { away, CTL_FAILED }, { no, CTL_FAILED },
    };
    for (size_t i = 0; i < 3; i++) {
        ctl_rig_free(&rig);
        rig = (struct ctl_rig){ .answer = at_once[i].answer };
        ctl_rig_run(&rig, "audit --follow --json");
        assert_int_equal(rig.rc, at_once[i].rc);
        assert_int_equal(rig.waits, 0);
        assert_string_equal(rig.out, "");
        assert_int_equal(times(rig.err, "\n"), 1);
    }
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .make = answer, .stop_at = 2 }; /* Ctrl-C while it asks */
    happened = 0;
    refuse = NULL;
    happen = cut_off;
    ctl_rig_run(&rig, "audit --follow");
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(rig.err, "");
}

#define LOST "renewalctl: the audit log has lost what was shown last"

static void flushed(unsigned second)
{
    if (second == 2) {
        entries = 0;
    } else if (second == 4) {
        put(2000, 0, "seen", "other");
        put(2000, 1, "issued", "m");
    }
}

static void flushed_and_written(unsigned second)
{
    if (second == 2) {
        entries = 0;
        put(2000, 0, "seen", "other");
        put(2000, 1, "issued", "m");
    } else if (second == 15) {
        put(2001, 0, "issued", "m");
    }
}

static void trimmed(unsigned second)
{
    if (second == 3) {
        put(2000, 0, "issued", "m");
        put(2001, 0, "issued", "m");
        trim(4);
    }
}

/* A replica takes over that has not got the last ones, and another Redis whose clock is late. */
static void taken_over(unsigned second)
{
    if (second == 2) {
        entries -= 1;
    } else if (second == 25) {
        put(2000, 0, "issued", "m");
    }
}

static void another(unsigned second)
{
    if (second == 2) {
        entries = 0;
    } else if (second == 25) {
        put(7, 0, "issued", "m");
    }
}

static void a_stream_that_loses_entries(void **state)
{
    (void)state;
    static const struct { void (*happen)(unsigned second); const char *all, *issued; } cases[] = {
        { flushed, "1-0 1-1 1-2 2000-0 2000-1", "1-1 2000-1" },
        { flushed_and_written, "1-0 1-1 1-2 2000-0 2000-1 2001-0", "1-1 2000-1 2001-0" },
        { trimmed, "1-0 1-1 1-2 2001-0", "1-1 2001-0" },
        { taken_over, "1-0 1-1 1-2 2000-0", "1-1 2000-0" },
        { another, "1-0 1-1 1-2 7-0", "1-1 7-0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned filtered = 0; filtered < 2; filtered++) {
            print_message("case %zu%s\n", i, filtered ? ", filtered" : "");
            entries = 0;
            put(1, 0, "seen", "m");
            put(1, 1, "issued", "m");
            put(1, 2, "seen", "other");
            happen = cases[i].happen;
            follow(filtered ? "audit --follow --what issued --json" : "audit --follow --json", 40, 0);
            assert_int_equal(rig.rc, CTL_DONE);
            assert_string_equal(shown(), filtered ? cases[i].issued : cases[i].all);
            assert_int_equal(times(rig.err, LOST), 1);
            assert_int_equal(times(rig.err, "\n"), 1);
        }
    }
}

static void wider_and_wider(unsigned second)
{
    if (second == 1) {
        put(1000000, 0, "enrol-forbidden", "a-device-with-a-long-id-of-its-own");
        put(2, 1, "seen", "m3");
    }
}

static void columns_that_stay(void **state)
{
    (void)state;
    put(1, 0, "seen", "m1");
    put(2, 0, "seen", "m22");
    happen = wider_and_wider;
    follow("audit --follow", 2, 0);
    assert_string_equal(rig.out,
                        "TIME                  WHAT             DEVICE                    WHO                   DETAIL"
                        "                                    BROKER\n"
                        "2026-11-21T00:00:00Z  seen             m1/s                      operator:1            "
                        "                                          b\n"
                        "2026-11-21T00:00:00Z  seen             m22/s                     operator:2            "
                        "                                          b\n"
                        "2026-11-21T00:00:00Z  enrol-forbidden  a-device-with-a-long-id-of-its-own/s  operator:1000000"
                        "                                    b\n");
    begin(NULL);
    put(1, 0, "seen", "m1");
    happen = two_more;
    follow("audit --follow", 3, 80);
    for (const char *line = rig.out; *line != '\0'; line += strcspn(line, "\n") + 1) {
        assert_true(strncmp(line + 49, "operator:", 9) == 0 || strncmp(line + 49, "WHO", 3) == 0);
        assert_true(strcspn(line, "\n") <= 80);
    }
    assert_null(strstr(strstr(rig.out, "DEVICE") + 1, "DEVICE")); /* one head */
    begin(NULL);
    put(1, 0, "seen", "m1");
    follow("audit m1 --follow", 1, 200);
    assert_true(strstr(rig.out, "SLOT") != NULL && strstr(rig.out, "m1") == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_last_then_the_new, begin),
        cmocka_unit_test_setup(hundreds_in_a_second, begin),
        cmocka_unit_test_setup(a_filter_that_matches_seldom, begin),
        cmocka_unit_test_setup(a_connection_that_is_lost_and_redis_away, begin),
        cmocka_unit_test_setup(ends, begin),
        cmocka_unit_test_setup(a_stream_that_loses_entries, begin),
        cmocka_unit_test_setup(columns_that_stay, begin),
    };
    return cmocka_run_group_tests(tests, NULL, let_go);
}
