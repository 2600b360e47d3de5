/* config as a file: what cannot be read, keys that are given twice, and that README.md and the table name the same keys. */
#include "plugin/config.h"

#include "plugin/config_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUIRED "issuer_certfile i.pem\nissuer_keyfile i.key\njournal_dir /j\n"

/* The last mistake that was reported. */
static struct complaint {
    unsigned line, count;
    char text[512];
} complaint;
static struct cr_config config;

static void complain(void *ctx, unsigned line, const char *sentence)
{
    struct complaint *last = ctx;
    last->line = line;
    last->count++;
    assert_int_equal(cr_text_copy(last->text, sizeof last->text, sentence), CR_OK);
}

static void test_reading_files(void **state)
{
    (void)state;
    assert_int_equal(cr_config_read(&config, "/nonexistent.conf", complain, &complaint), CR_INVALID);
    assert_non_null(strstr(complaint.text, "cannot be opened: No such file"));
    assert_int_equal(complaint.line, 0);
    assert_int_equal(cr_config_read(&config, "/tmp", complain, &complaint), CR_INVALID);
    assert_string_equal(complaint.text, "is not a file");

    char path[] = "/tmp/cr-test-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, REQUIRED, sizeof REQUIRED - 1), sizeof REQUIRED - 1);
    assert_int_equal(cr_config_read(&config, path, complain, &complaint), CR_OK);
    assert_string_equal(config.journal_dir, "/j");
    assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
    assert_int_equal(cr_config_read(&config, path, complain, &complaint), CR_INVALID);
    assert_string_equal(complaint.text, "is larger than 1 MiB");
    (void)close(fd);
    (void)unlink(path);
}

static void expect_mistakes(const char *lines, unsigned count)
{
    char text[400];
    int len = snprintf(text, sizeof text, "%s%s", REQUIRED, lines);
    complaint.count = 0;
    assert_int_equal(cr_config_parse(&config, (struct cr_bytes){ (const uint8_t *)text, (size_t)len }, complain,
                                     &complaint), CR_INVALID);
    if (complaint.count != count) {
        fail_msg("%u mistakes, not %u, in %s; the last: %s", complaint.count, count, lines, complaint.text);
    }
}

/* A key that is given twice is one mistake, whatever the first one made of the configuration; a second value that is wrong
 * is another. */
static void test_keys_given_twice(void **state)
{
    char path[] = "/tmp/cr-test-secret-XXXXXX";
    int fd = mkstemp(path); /* mode 0600 */
    char lines[300];
    (void)state;
    expect_mistakes("workers 2\nworkers 3\n", 1);
    expect_mistakes("workers 2\nworkers x\n", 2);
    expect_mistakes("workers x\nworkers 3\n", 2);
    expect_mistakes("workers x\nworkers y\n", 3);
    expect_mistakes("workers 2\nworkers\n", 2);
    expect_mistakes("redis redis://a:b@c\nredis redis://d:e@f\n", 1);
    expect_mistakes("slot operational\nlifetime 5d\nlifetime 5\n", 2);
    expect_mistakes("slot operational\ntls true\ntls true\n", 1);
    expect_mistakes("slot operational\nlifetime 1000d\nrenewal_window 800d\nrenewal_window 700d\n", 1);
    expect_mistakes("slot operational\nrenewal_window 33%\nrenewal_window soon\n", 2);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "secret\n", 7), 7);
    (void)snprintf(lines, sizeof lines,
                   "redis_username a\nredis_username b\nredis_password_file %s\nredis_password_file %s\n", path, path);
    expect_mistakes(lines, 2);
    (void)close(fd);
    (void)unlink(path);
}

/* ---- README.md and the table name the same keys ---- */

static char *readme_load(void)
{
    FILE *file = fopen(CR_README, "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    (void)fclose(file);
    return text;
}

static void test_readme_has_every_key(void **state)
{
    (void)state;
    char *text = readme_load(), row[80];
    for (unsigned i = 0; i < cr_config_key_count; i++) {
        (void)snprintf(row, sizeof row, "\n| `%s` |", cr_config_keys[i].name);
        if (strstr(text, row) == NULL) {
            fail_msg("README.md does not describe %s", cr_config_keys[i].name);
        }
    }
    free(text);
}

/* Those that all brokers can share have a mark. */
static void test_readme_marks_what_is_shared(void **state)
{
    (void)state;
    char *text = readme_load(), row[80];
    for (unsigned i = 0; i < cr_config_key_count; i++) {
        (void)snprintf(row, sizeof row, "\n| `%s` |", cr_config_keys[i].name);
        char *at = strstr(text, row);
        assert_non_null(at);
        char *end = strchr(at + 1, '\n');
        *end = '\0';
        if ((strstr(at, "\xe2\x87\x84") != NULL) != (cr_config_keys[i].shared != NULL)) {
            fail_msg("README.md is wrong about whether brokers share %s", cr_config_keys[i].name);
        }
        *end = '\n';
    }
    free(text);
}

static void test_readme_has_no_other_key(void **state)
{
    (void)state;
    char *text = readme_load();
    char *at = strstr(text, "\n## Configuration"), *end = strstr(text, "\n## Device channel");
    assert_non_null(at);
    assert_non_null(end);
    *end = '\0';
    unsigned rows = 0;
    while ((at = strstr(at, "\n| `")) != NULL) {
        at += 4;
        at[strcspn(at, "`")] = '\0';
        if (cr_config_key_find(at) == NULL) {
            fail_msg("README.md describes %s, which is no key", at);
        }
        rows++;
        at += strlen(at) + 1;
    }
    assert_int_equal(rows, cr_config_key_count);
    free(text);
}

static void test_nearest_key(void **state)
{
    (void)state;
    assert_string_equal(cr_config_key_nearest("worker")->name, "workers");
    assert_string_equal(cr_config_key_nearest("redsi")->name, "redis");
    assert_string_equal(cr_config_key_nearest("max_inflight")->name, "max_in_flight");
    assert_string_equal(cr_config_key_nearest("Lifetime")->name, "lifetime");
    assert_null(cr_config_key_nearest("x"));
    assert_null(cr_config_key_nearest("listener"));
    assert_null(cr_config_key_nearest("0123456789012345678901234567890123456789012345678901234567890123456789"));
}

static void test_sizes(void **state)
{
    static const struct {
        const char *value;
        int64_t bytes; /* 0: a mistake */
    } cases[] = {
        { "64K", 65536 },      { "63K", 0 },  { "65536", 0 }, { "1M", 1 << 20 },          { "3G", (int64_t)3 << 30 },
        { "1T", 1LL << 40 },   { "1025G", 0 }, { "2T", 0 },   { "99999999999999999K", 0 }, { "1MB", 0 },
        { "1 M", 0 },          { "-1M", 0 },  { "M", 0 },     { "1.5G", 0 },              { "1024G", 1LL << 40 },
    };
    char text[300];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int len = snprintf(text, sizeof text, "%sjournal_max_size %s\n", REQUIRED, cases[i].value);
        cr_err err = cr_config_parse(&config, (struct cr_bytes){ (const uint8_t *)text, (size_t)len }, complain,
                                     &complaint);
        assert_int_equal(err, cases[i].bytes != 0 ? CR_OK : CR_INVALID);
        if (err == CR_OK) {
            assert_int_equal(config.journal_max_size, cases[i].bytes);
        } else {
            assert_non_null(strstr(complaint.text, "between 64K and 1T"));
        }
    }
    const struct cr_bytes least = { (const uint8_t *)REQUIRED, sizeof REQUIRED - 1 };
    assert_int_equal(cr_config_parse(&config, least, complain, &complaint), CR_OK);
    assert_int_equal(config.journal_max_size, 256 << 20);
}

static void complain_quietly(void *ctx, unsigned line, const char *sentence)
{
    (void)line;
    (void)snprintf(ctx, 200, "%s", sentence);
}

static cr_err take_lines(struct cr_config *into, const char *lines, char why[200])
{
    char text[600];
    (void)snprintf(text, sizeof text, "issuer_certfile a\nissuer_keyfile b\njournal_dir c\n%s", lines);
    why[0] = '\0';
    return cr_config_parse(into, (struct cr_bytes){ (const uint8_t *)text, strlen(text) }, complain_quietly, why);
}

/* When an alert is raised: times of each level, one list in order. */
static void test_alert_thresholds(void **state)
{
    (void)state;
    enum { DAY_S = 86400 };
    static const struct cr_threshold usual[] = { { 90 * DAY_S, 1 }, { 60 * DAY_S, 1 }, { 30 * DAY_S, 2 },
                                                 { 14 * DAY_S, 2 }, { 7 * DAY_S, 3 },  { 1 * DAY_S, 3 } };
    static const struct cr_threshold own[] = { { 40 * DAY_S, 2 }, { 20 * DAY_S, 2 }, { 20 * DAY_S, 3 }, { 3600, 3 },
                                               { 90, 2 } };
    static const struct {
        const char *line, *part;
    } bad[] = {
        { "alert_notice 1d,2d,3d,4d,5d", "at most 4 times" },
        { "alert_notice none, 1d", "whole seconds" },
        { "alert_warning 0s", "whole seconds" },
        { "alert_warning 30", "whole seconds" },
        { "alert_critical 1500ms", "whole seconds" },
        { "alert_critical 4000d", "whole seconds" },
        { "alert_critical ,", "whole seconds" },
    };
    char why[200], line[200];
    assert_int_equal(take_lines(&config, "slot operational\n", why), CR_OK);
    const struct cr_profile *slot = &config.slot[0];
    assert_int_equal(slot->threshold_count, sizeof usual / sizeof usual[0]);
    for (unsigned i = 0; i < slot->threshold_count; i++) {
        assert_int_equal(slot->threshold[i].before_s, usual[i].before_s);
        assert_int_equal(slot->threshold[i].level, usual[i].level);
    }
    assert_int_equal(take_lines(&config, "slot operational\nalert_notice none\nalert_warning 90s 40d,20d\n"
                                         "alert_critical 1h, 20d\n", why),
                     CR_OK);
    assert_int_equal(slot->threshold_count, sizeof own / sizeof own[0]);
    for (unsigned i = 0; i < slot->threshold_count; i++) {
        assert_int_equal(slot->threshold[i].before_s, own[i].before_s);
        assert_int_equal(slot->threshold[i].level, own[i].level);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(line, sizeof line, "slot operational\n%s\n", bad[i].line);
        assert_int_equal(take_lines(&config, line, why), CR_INVALID);
        if (strstr(why, bad[i].part) == NULL) {
            fail_msg("%s: %s", bad[i].line, why);
        }
    }
}

static void test_figures(void **state)
{
    static const struct {
        const char *lines;
        bool good;
        unsigned interval_s;
    } cases[] = {
        { "", true, 10 },
        { "figures_interval 1m\nmetrics_file /var/lib/a.prom\n", true, 60 },
        { "figures_interval 0s\n", true, 0 },
        { "figures_interval 0ms\n", false, 0 },
        { "figures_interval 500ms\n", false, 0 },
        { "figures_interval 2h\n", false, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        int len = snprintf(text, sizeof text, "%s%s", REQUIRED, cases[i].lines);
        cr_err err = cr_config_parse(&config, (struct cr_bytes){ (const uint8_t *)text, (size_t)len }, complain, &complaint);
        assert_int_equal(err, cases[i].good ? CR_OK : CR_INVALID);
        if (cases[i].good) {
            assert_int_equal(config.figures_interval_s, cases[i].interval_s);
            assert_string_equal(config.metrics_file, i == 1 ? "/var/lib/a.prom" : "");
        }
    }
}

/* How a device that does not answer is called. */
static void test_escalation(void **state)
{
    (void)state;
    char why[200];
    assert_int_equal(take_lines(&config, "", why), CR_OK);
    assert_int_equal(config.wake_after_s, 3 * 86400);
    assert_int_equal(config.wake_retry_s, 86400);
    assert_int_equal(config.wake_retry_max_s, 14 * 86400);
    assert_int_equal(config.field_after_s, 7 * 86400);
    assert_int_equal(config.field_before_s, 60 * 86400);
    assert_int_equal(take_lines(&config, "wake_after 1h\nwake_retry 2h\nwake_retry_max 3h\nfield_after 4h\nfield_before 5h\n",
                                why),
                     CR_OK);
    assert_int_equal(config.wake_after_s, 3600);
    assert_int_equal(config.wake_retry_s, 2 * 3600);
    assert_int_equal(config.wake_retry_max_s, 3 * 3600);
    assert_int_equal(config.field_after_s, 4 * 3600);
    assert_int_equal(config.field_before_s, 5 * 3600);
    assert_int_equal(take_lines(&config, "wake_after 0s\n", why), CR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_files),
        cmocka_unit_test(test_keys_given_twice),
        cmocka_unit_test(test_readme_has_every_key),
        cmocka_unit_test(test_readme_marks_what_is_shared),
        cmocka_unit_test(test_readme_has_no_other_key),
        cmocka_unit_test(test_nearest_key),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_alert_thresholds),
        cmocka_unit_test(test_escalation),
        cmocka_unit_test(test_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
