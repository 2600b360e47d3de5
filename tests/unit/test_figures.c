/* figures: their table is README.md's, samples are what is known, and Prometheus can read them; latency: percentiles.
 * With a path as its argument the program writes there what a broker would, for promtool. */
#include "plugin/loop/figures.h"
#include "plugin/store/survey.h"
#include "plugin/worker/issuer_inside.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct cr_crl_news crl[] = {
    { .issuer = "fedcba9876543210", .next_update = 1700000000 }, /* not trusted any more */
    { .issuer = "0123456789abcdef", .next_update = 1800600000 },
};
static struct cr_counters counters;
static struct cr_survey_counts fleet;
static struct cr_trust trust;
static struct cr_figure_sample samples[CR_FIGURES_MAX];

static struct cr_figure_facts facts_of_a_broker(void)
{
    struct cr_figure_facts facts = { .uptime_s = 17,
                                     .sessions = 3,
                                     .jobs_limit = 4096,
                                     .issued = 12,
                                     .latency_s = 0.00035,
                                     .signer_not_after = 1900000000,
                                     .fleet_at = 1800000000,
                                     .slots = 1000,
                                     .request_s = { 0.0021, 0.25 },
                                     .counters = &counters,
                                     .trust = &trust,
                                     .crl = crl,
                                     .crls = 2,
                                     .fleet = &fleet };

    trust.issuer_count = 1;
    (void)snprintf(trust.issuer[0].id, sizeof trust.issuer[0].id, "0123456789abcdef");
    trust.issuer[0].cert.facts.not_after = 1900000000;
    memset(&counters, 0, sizeof counters);
    memset(&fleet, 0, sizeof fleet);
    counters.refused[CR_REFUSAL_TOO_EARLY] = 7;
    fleet.slots = 1000;
    fleet.state[CR_STATE_TRIGGERED] = 8;
    fleet.expiring[1] = 5;
    fleet.at_risk[1] = 2;
    fleet.due[0] = 3;
    fleet.due[6] = 4;
    fleet.due[7] = 100;
    cr_survey_count_issuer(&fleet, "0123456789abcdef", 1000);
    return facts;
}

static char *rendered(const struct cr_figure_facts *facts)
{
    struct cr_blob text = { NULL, 0 };
    char *copy;

    assert_int_equal(cr_figures_render(&text, samples, cr_figures_take(samples, facts), "edge-1"), CR_OK);
    copy = strndup((const char *)text.data, text.len);
    assert_non_null(copy);
    cr_blob_fini(&text);
    return copy;
}

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = text; at != NULL; at = strchr(at, '\n'), at += at != NULL ? 1 : 0) {
        if (strncmp(at, line, len) == 0 && at[len] == '\n') {
            return true;
        }
    }
    return false;
}

static void expect_line(const char *text, const char *line)
{
    if (!has_line(text, line)) {
        fail_msg("there is no line: %s", line);
    }
}

#define METRIC "mosquitto_cert_renewal_"

static void test_rendered(void **state)
{
    struct cr_figure_facts facts = facts_of_a_broker();
    char *text = rendered(&facts);

    (void)state;
    expect_line(text, "# TYPE " METRIC "certificates_issued_total counter");
    expect_line(text, "# HELP " METRIC "certificates_issued_total Certificates issued by this broker.");
    expect_line(text, METRIC "certificates_issued_total{broker=\"edge-1\"} 12");
    expect_line(text, METRIC "requests_refused_total{broker=\"edge-1\",code=\"too-early\"} 7");
    expect_line(text, METRIC "redis_latency_seconds{broker=\"edge-1\"} 0.000350");
    expect_line(text, METRIC "request_latency_seconds{broker=\"edge-1\",percentile=\"99\"} 0.250000");
    expect_line(text, METRIC "fleet_state_slots{broker=\"edge-1\",state=\"triggered\"} 8");
    expect_line(text, METRIC "fleet_expiring_slots{broker=\"edge-1\",days=\"7\"} 5");
    expect_line(text, METRIC "fleet_unrenewed_slots{broker=\"edge-1\",days=\"7\"} 2");
    expect_line(text, METRIC "fleet_due_renewals{broker=\"edge-1\",days=\"1\"} 3");
    expect_line(text, METRIC "fleet_due_renewals{broker=\"edge-1\",days=\"7\"} 7");
    expect_line(text, METRIC "fleet_due_renewals{broker=\"edge-1\",days=\"30\"} 107");
    expect_line(text, METRIC "fleet_issuer_slots{broker=\"edge-1\",issuer=\"0123456789abcdef\"} 1000");
    expect_line(text,
                METRIC "issuer_not_after_timestamp_seconds{broker=\"edge-1\",issuer=\"0123456789abcdef\"} 1900000000");
    expect_line(text,
                METRIC "issuer_crl_next_update_timestamp_seconds{broker=\"edge-1\",issuer=\"0123456789abcdef\"} 1800600000");
    assert_null(strstr(text, "fedcba9876543210"));
    assert_null(strstr(text, "per-minute"));
    free(text);
}

static void test_unknown_is_left_out(void **state)
{
    struct cr_figure_facts facts = facts_of_a_broker();
    char *text;

    (void)state;
    facts.fleet = NULL;
    facts.slots = facts.fleet_at = facts.held = facts.expired = facts.alerted = NAN;
    facts.request_s[0] = facts.request_s[1] = NAN;
    text = rendered(&facts);
    assert_null(strstr(text, "fleet"));
    assert_null(strstr(text, "request_latency"));
    assert_null(strstr(text, "nan"));
    expect_line(text, METRIC "uptime_seconds{broker=\"edge-1\"} 17");
    free(text);
}

static void test_samples_fit(void **state)
{
    struct cr_figure_facts facts = facts_of_a_broker();
    char issuer[CR_ISSUER_ID_TEXT];

    (void)state;
    for (unsigned i = 0; i < 40; i++) { /* more issuers than there is room for are "other" */
        (void)snprintf(issuer, sizeof issuer, "%016x", i);
        cr_survey_count_issuer(&fleet, issuer, 1);
    }
    assert_int_equal(fleet.issuers, CR_SURVEY_ISSUERS);
    assert_string_equal(fleet.issuer[CR_SURVEY_ISSUERS - 1].issuer, "other");
    assert_in_range(cr_figures_take(samples, &facts), 50, CR_FIGURES_MAX - 2 * (CR_TRUSTED_MAX + 1));
}

static void test_survey_as_text(void **state)
{
    static const char *const bad[] = { "",
                                       "1",
                                       "1 2 3",
                                       "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x",
                                       "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 +90:1",
                                       "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 @:1",
                                       "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 @a",
                                       "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16  +1:1",
                                       "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 @0123456789abcdef0:1",
                                       "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 1000000000000000",
                                       "-1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16" };
    struct cr_survey_counts back;
    char text[CR_SURVEY_TEXT_CAP];

    (void)state;
    (void)facts_of_a_broker();
    assert_int_equal(cr_survey_text(text, sizeof text, &fleet), CR_OK);
    assert_int_equal(cr_survey_parse(&back, (struct cr_bytes){ (const uint8_t *)text, strlen(text) }), CR_OK);
    assert_memory_equal(&back, &fleet, sizeof back);
    assert_int_equal(cr_survey_text(text, 20, &fleet), CR_FULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cr_survey_parse(&back, (struct cr_bytes){ (const uint8_t *)bad[i], strlen(bad[i]) }),
                         CR_INVALID);
    }
    memset(&fleet, 0x11, sizeof fleet); /* the longest text there can be */
    fleet.issuers = 0;
    for (unsigned i = 0; i < CR_FORECAST_DAYS; i++) {
        fleet.due[i] = 999999999999999;
    }
    for (unsigned i = 0; i < CR_SURVEY_ISSUERS; i++) {
        char issuer[CR_ISSUER_ID_TEXT];

        (void)snprintf(issuer, sizeof issuer, "%016x", i);
        cr_survey_count_issuer(&fleet, issuer, 999999999999999);
    }
    assert_int_equal(cr_survey_text(text, sizeof text, &fleet), CR_OK);
}

/* ---- README.md has the same table ---- */

/* "refused/%s" as README.md has it, `refused/<code>`; metrics with their label. */
static void row_of(char *row, size_t cap, const struct cr_figure *figure)
{
    const char *place = figure->topic != NULL ? strstr(figure->topic, "%s") : NULL;
    char topic[80] = "", metric[80] = "";

    if (place != NULL) {
        (void)snprintf(topic, sizeof topic, "`%.*s<%s>%s`", (int)(place - figure->topic), figure->topic, figure->label,
                       place + 2);
    } else if (figure->topic != NULL) {
        (void)snprintf(topic, sizeof topic, "`%s`", figure->topic);
    }
    if (figure->metric != NULL) {
        (void)snprintf(metric, sizeof metric, "`%s%s%s%s`", figure->metric, figure->label != NULL ? "{" : "",
                       figure->label != NULL ? figure->label : "", figure->label != NULL ? "}" : "");
    }
    (void)snprintf(row, cap, "|%s%s |%s%s |", topic[0] != '\0' ? " " : "", topic, metric[0] != '\0' ? " " : "", metric);
}

static char *load(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    (void)fclose(file);
    return text;
}

static char *readme(void)
{
    char *text = load(CR_README), *from = strstr(text, "\n## Figures\n"), *to;

    assert_non_null(from);
    memmove(text, from, strlen(from) + 1);
    to = strstr(text + 1, "\n## ");
    assert_non_null(to);
    *to = '\0';
    return text;
}

static void test_readme_has_the_same_table(void **state)
{
    char *text = readme(), row[200];
    unsigned figures = 0, rows = 0;

    (void)state;
    for (const struct cr_figure *figure = cr_figures; figure->topic != NULL || figure->metric != NULL; figure++) {
        row_of(row, sizeof row, figure);
        if (strstr(text, row) == NULL) {
            fail_msg("README.md has no row that begins with %s", row);
        }
        figures++;
    }
    for (const char *at = strstr(text, "\n| "); at != NULL; at = strstr(at + 1, "\n| ")) {
        rows++;
    }
    assert_int_equal(rows, figures + 1); /* and the heading */
    free(text);
}

/* ---- what docker/ has for Prometheus and Grafana names only metrics that there are ---- */

static bool is_metric(const char *name, size_t len)
{
    for (const struct cr_figure *figure = cr_figures; figure->topic != NULL || figure->metric != NULL; figure++) {
        if (figure->metric != NULL && strlen(figure->metric) == len && memcmp(figure->metric, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static void expect_metrics(const char *path, unsigned at_least)
{
    char *text = load(path);
    unsigned count = 0;

    for (const char *at = strstr(text, METRIC); at != NULL; at = strstr(at, METRIC), count++) {
        size_t len = strspn(at += strlen(METRIC), "abcdefghijklmnopqrstuvwxyz0123456789_");

        if (!is_metric(at, len)) {
            fail_msg("%s names %s%.*s, which is no metric", path, METRIC, (int)len, at);
        }
    }
    assert_true(count >= at_least);
    free(text);
}

static void test_rules_name_metrics(void **state)
{
    (void)state;
    expect_metrics(CR_DOCKER "/prometheus/rules.yml", 20);
    expect_metrics(CR_DOCKER "/prometheus/rules_test.yml", 20);
    expect_metrics(CR_DOCKER "/grafana/cert-renewal.json", 30);
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!cJSON_IsNumber(item)) {
        fail_msg("the dashboard has no number %s", name);
    }
    return cJSON_GetNumberValue(item);
}

static void expect_panel(const cJSON *panel, const cJSON *panels)
{
    static const char *const kinds[] = { "row", "stat", "timeseries", "bargauge", "table" };
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(panel, "type"));
    const cJSON *place = cJSON_GetObjectItemCaseSensitive(panel, "gridPos"), *other, *target;
    unsigned targets = 0;
    bool known = false;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        known = known || (kind != NULL && strcmp(kind, kinds[i]) == 0);
    }
    assert_true(known);
    assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(panel, "title")));
    assert_true(number_of(place, "x") + number_of(place, "w") <= 24);
    cJSON_ArrayForEach(other, panels)
    {
        const cJSON *theirs = cJSON_GetObjectItemCaseSensitive(other, "gridPos");

        if (other == panel) {
            continue;
        }
        assert_true(number_of(other, "id") != number_of(panel, "id"));
        assert_true(number_of(place, "y") + number_of(place, "h") <= number_of(theirs, "y") ||
                    number_of(theirs, "y") + number_of(theirs, "h") <= number_of(place, "y") ||
                    number_of(place, "x") + number_of(place, "w") <= number_of(theirs, "x") ||
                    number_of(theirs, "x") + number_of(theirs, "w") <= number_of(place, "x"));
    }
    cJSON_ArrayForEach(target, cJSON_GetObjectItemCaseSensitive(panel, "targets"))
    {
        assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(target, "expr")));
        assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(target, "refId")));
        targets++;
    }
    assert_true((targets == 0) == (strcmp(kind, "row") == 0));
}

/* Not Grafana's schema, but what goes wrong by hand: numbers twice, panels over one another, nothing to show. */
static void test_dashboard_is_one(void **state)
{
    char *text = load(CR_DOCKER "/grafana/cert-renewal.json");
    cJSON *json = cJSON_Parse(text);
    const cJSON *panels = cJSON_GetObjectItemCaseSensitive(json, "panels"), *panel;

    (void)state;
    assert_true(cJSON_IsArray(panels));
    assert_true(number_of(json, "schemaVersion") >= 30);
    assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "uid")));
    cJSON_ArrayForEach(panel, panels)
    {
        expect_panel(panel, panels);
    }
    cJSON_Delete(json);
    free(text);
}

/* ---- latency ---- */

static void test_percentiles(void **state)
{
    struct cr_latency latency = { .begun_ms = 1000 };

    (void)state;
    assert_true(cr_latency_percentile(&latency, 1000, 50) < 0);
    for (unsigned i = 0; i < 98; i++) {
        cr_latency_note(&latency, 1000, 10);
    }
    cr_latency_note(&latency, 1000, 700);
    cr_latency_note(&latency, 1000, 700);
    assert_in_range((uintmax_t)cr_latency_percentile(&latency, 1000, 50), 8, 12);
    assert_in_range((uintmax_t)cr_latency_percentile(&latency, 1000, 99), 500, 800);
    for (unsigned i = 0; i < 100; i++) {
        cr_latency_note(&latency, 1000, 10);
    }
    assert_in_range((uintmax_t)cr_latency_percentile(&latency, 1000, 99), 8, 12); /* one of a hundred took longer */
    cr_latency_note(&latency, 1000, 99999999);
    assert_in_range((uintmax_t)cr_latency_percentile(&latency, 1000, 100), 10000, 60000);
}

static void test_latency_forgets(void **state)
{
    struct cr_latency latency = { .begun_ms = 0 };
    int64_t now_ms = 1000;

    (void)state;
    cr_latency_note(&latency, now_ms, 400);
    now_ms += CR_LATENCY_HALF_MS;
    cr_latency_note(&latency, now_ms, 1);
    assert_true(cr_latency_percentile(&latency, now_ms, 100) > 300);
    now_ms += CR_LATENCY_HALF_MS;
    assert_true(cr_latency_percentile(&latency, now_ms, 100) <= 2);
    now_ms += 2 * CR_LATENCY_HALF_MS;
    assert_true(cr_latency_percentile(&latency, now_ms, 100) < 0);
}

/* ---- for promtool ---- */

static int write_file(const char *path)
{
    struct cr_figure_facts facts = facts_of_a_broker();
    struct cr_blob text = { NULL, 0 };
    FILE *file = fopen(path, "w");
    cr_err err = cr_figures_render(&text, samples, cr_figures_take(samples, &facts), "edge-1");
    bool good = file != NULL && err == CR_OK && fwrite(text.data, 1, text.len, file) == text.len;

    cr_blob_fini(&text);
    if (file != NULL && fclose(file) != 0) {
        good = false;
    }
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rendered),
        cmocka_unit_test(test_unknown_is_left_out),
        cmocka_unit_test(test_samples_fit),
        cmocka_unit_test(test_survey_as_text),
        cmocka_unit_test(test_readme_has_the_same_table),
        cmocka_unit_test(test_rules_name_metrics),
        cmocka_unit_test(test_dashboard_is_one),
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_latency_forgets),
    };

    return argc > 1 ? write_file(argv[1]) : cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
