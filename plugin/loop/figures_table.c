/* The figures: their table, and how they are put into samples and into Prometheus' words. README.md has the same table;
 * a test holds the two together. */
#include "plugin/loop/figures.h"
#include "plugin/store/survey.h"
#include "plugin/worker/issuer_info.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- those that have a label ---- */

static bool get_version(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP], double *value)
{
    (void)facts;
    (void)snprintf(label, CR_FIGURE_LABEL_CAP, "%s", CR_VERSION);
    *value = 1;
    return n == 0;
}

static bool get_refused(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP], double *value)
{
    if (n + 1 >= CR_REFUSAL_COUNT) { /* the first one is none */
        return false;
    }
    (void)snprintf(label, CR_FIGURE_LABEL_CAP, "%s", cr_refusal_info((enum cr_refusal)(n + 1))->error_code);
    *value = (double)facts->counters->refused[n + 1];
    return true;
}

static bool get_request(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP], double *value)
{
    static const char *const percentiles[CR_PERCENTILES] = { "50", "99" };

    if (n >= CR_PERCENTILES) {
        return false;
    }
    (void)snprintf(label, CR_FIGURE_LABEL_CAP, "%s", percentiles[n]);
    *value = facts->request_s[n];
    return true;
}

static bool get_issuer(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP], double *value)
{
    struct cr_issuer_info info;

    if (cr_trust_info(facts->trust, n, &info) != CR_OK) {
        return false;
    }
    (void)snprintf(label, CR_FIGURE_LABEL_CAP, "%s", info.id);
    *value = (double)info.not_after;
    return true;
}

/* Of issuers that are still trusted, so that nobody waits for that of one that was taken out of the configuration. */
static bool get_crl(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP], double *value)
{
    struct cr_issuer_info info;

    for (unsigned i = 0; cr_trust_info(facts->trust, i, &info) == CR_OK; i++) {
        for (unsigned c = 0; c < facts->crls; c++) {
            if (strcmp(facts->crl[c].issuer, info.id) == 0 && n-- == 0) {
                (void)snprintf(label, CR_FIGURE_LABEL_CAP, "%s", info.id);
                *value = (double)facts->crl[c].next_update;
                return true;
            }
        }
    }
    return false;
}

static bool get_state(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP], double *value)
{
    if (facts->fleet == NULL || n >= CR_STATE_COUNT) {
        return false;
    }
    (void)snprintf(label, CR_FIGURE_LABEL_CAP, "%s", cr_state_text((enum cr_state)n));
    *value = (double)facts->fleet->state[n];
    return true;
}

static bool get_span(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP])
{
    if (facts->fleet == NULL || n >= CR_SURVEY_SPANS) {
        return false;
    }
    (void)snprintf(label, CR_FIGURE_LABEL_CAP, "%u", cr_survey_days[n]);
    return true;
}

static bool get_expiring(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP],
                         double *value)
{
    if (!get_span(facts, n, label)) {
        return false;
    }
    *value = (double)facts->fleet->expiring[n];
    return true;
}

static bool get_unrenewed(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP],
                          double *value)
{
    if (!get_span(facts, n, label)) {
        return false;
    }
    *value = (double)facts->fleet->at_risk[n];
    return true;
}

static bool get_due(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP], double *value)
{
    if (!get_span(facts, n, label)) {
        return false;
    }
    *value = 0;
    for (unsigned day = 0; day < cr_survey_days[n] && day < CR_FORECAST_DAYS; day++) {
        *value += (double)facts->fleet->due[day];
    }
    return true;
}

static bool get_issuer_slots(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP],
                             double *value)
{
    if (facts->fleet == NULL || n >= facts->fleet->issuers) {
        return false;
    }
    (void)snprintf(label, CR_FIGURE_LABEL_CAP, "%s", facts->fleet->issuer[n].issuer);
    *value = (double)facts->fleet->issuer[n].slots;
    return true;
}

/* ---- samples ---- */

unsigned cr_figures_take(struct cr_figure_sample samples[CR_FIGURES_MAX], const struct cr_figure_facts *facts)
{
    unsigned count = 0;

    for (const struct cr_figure *figure = cr_figures; figure->topic != NULL || figure->metric != NULL; figure++) {
        for (unsigned n = 0; count < CR_FIGURES_MAX; n++) {
            struct cr_figure_sample *sample = &samples[count];

            *sample = (struct cr_figure_sample){ .figure = figure };
            if (figure->get == NULL) {
                memcpy(&sample->value, (const char *)facts + figure->offset, sizeof sample->value);
            } else if (!figure->get(facts, n, sample->label, &sample->value)) {
                break;
            }
            count += isnan(sample->value) ? 0 : 1;
            if (figure->get == NULL) {
                break;
            }
        }
    }
    return count;
}

void cr_figure_value(char text[CR_FIGURE_VALUE_CAP], double value)
{
    bool whole = value > -1e15 && value < 1e15 && (double)(int64_t)value == value;

    (void)snprintf(text, CR_FIGURE_VALUE_CAP, whole ? "%.0f" : "%.6f", value);
}

struct figures_writer {
    char *text;
    size_t len;
};

static void put(struct figures_writer *writer, const char *format, ...) CR_PRINTF(2, 3);

static void put(struct figures_writer *writer, const char *format, ...)
{
    size_t left = CR_FIGURES_TEXT_CAP - writer->len;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(writer->text + writer->len, left, format, args);
    va_end(args);
    writer->len = len < 0 || (size_t)len >= left ? CR_FIGURES_TEXT_CAP - 1 : writer->len + (size_t)len;
}

cr_err cr_figures_render(struct cr_blob *text, const struct cr_figure_sample *samples, unsigned count,
                         const char *broker)
{
    struct figures_writer writer = { malloc(CR_FIGURES_TEXT_CAP), 0 };
    const struct cr_figure *said = NULL;
    char value[CR_FIGURE_VALUE_CAP];
    cr_err err = CR_FULL;

    if (writer.text == NULL) {
        return CR_NOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct cr_figure *figure = samples[i].figure;

        if (figure->metric == NULL || samples[i].gone) {
            continue;
        }
        if (figure != said) {
            put(&writer, "# HELP %s%s %s\n# TYPE %s%s %s\n", CR_FIGURES_METRIC, figure->metric, figure->help,
                CR_FIGURES_METRIC, figure->metric, figure->type);
            said = figure;
        }
        put(&writer, "%s%s{broker=\"%s\"", CR_FIGURES_METRIC, figure->metric, broker);
        if (figure->label != NULL) {
            put(&writer, ",%s=\"%s\"", figure->label, samples[i].label);
        }
        cr_figure_value(value, samples[i].value);
        put(&writer, "} %s\n", value);
    }
    if (writer.len < CR_FIGURES_TEXT_CAP - 1) {
        err = cr_blob_copy(text, writer.text, writer.len);
    }
    free(writer.text);
    return err;
}

/* ---- the table ---- */

#define AT(field) .offset = offsetof(struct cr_figure_facts, field)

const struct cr_figure cr_figures[] = {
    { NULL, "info", "gauge", "The plugin's version.", .label = "version", .get = get_version },
    { "uptime", "uptime_seconds", "gauge", "Time since the plugin was started.", AT(uptime_s) },
    { "sessions/connected", "connected_sessions", "gauge", "Clients that are connected to this broker.", AT(sessions) },
    { "sessions/devices", "connected_devices", "gauge", "Devices that are connected to this broker.", AT(devices) },
    { "jobs/in-flight", "jobs_in_flight", "gauge", "Requests and steps under way on this broker.", AT(jobs) },
    { "jobs/limit", "jobs_limit", "gauge", "How many may be under way at once.", AT(jobs_limit) },
    { "jobs/store", "store_jobs", "gauge", "Those of them that wait for Redis or the journal.", AT(store_jobs) },
    { "issued", "certificates_issued_total", "counter", "Certificates issued by this broker.", AT(issued) },
    { "issued/per-minute", NULL, "gauge", "Certificates issued by this broker in the last minute.",
      AT(issued_per_minute) },
    { "confirmed", "renewals_confirmed_total", "counter", "Renewals whose new certificate was seen here.",
      AT(confirmed) },
    { "triggered", "renewals_triggered_total", "counter", "Renewals, and further attempts, begun by this broker.",
      AT(triggered) },
    { "delivered", "deliveries_total", "counter", "Triggers and certificates sent to devices.", AT(delivered) },
    { "refused/%s", "requests_refused_total", "counter", "Requests and commands refused, by error code.",
      .label = "code", .get = get_refused },
    { "campaigns", "campaigns_carried", "gauge", "Campaigns under way that this broker carries on.", AT(campaigns) },
    { "alarms", "security_alarms_total", "counter", "Security events.", AT(alarms) },
    { "alerts", "alerts_total", "counter", "Alerts raised by this broker.", AT(alerts) },
    { "revoked/certificates", "revoked_certificates", "gauge", "Certificates that are revoked and have not ended.",
      AT(revoked) },
    { "revoked/issuers", "distrusted_issuers", "gauge", "Issuers that are revoked or retired.", AT(distrusted) },
    { "revoked/closed", "revoked_connections_closed_total", "counter",
      "Connections closed because their certificate, or its issuer, was revoked or retired.", AT(revoked_closed) },
    { "revoked/refused", "revoked_connections_refused_total", "counter",
      "Connections refused because their certificate, or its issuer, is revoked or retired.", AT(revoked_refused) },
    { "audits-lost", "audit_lines_lost_total", "counter", "Audit lines and events that could not be written or sent.",
      AT(audits_lost) },
    { "latency/%s", "request_latency_seconds", "gauge", "How long CSRs waited for their answers lately, by percentile.",
      .label = "percentile", .get = get_request },
    { "redis/connected", "redis_connected", "gauge", "1: Redis is reached.", AT(connected) },
    { "redis/writable", "redis_writable", "gauge", "1: Redis took the last write.", AT(writable) },
    { "redis/durable", "redis_durable", "gauge", "1: the persistence of Redis is good enough.", AT(durable) },
    { "redis/latency", "redis_latency_seconds", "gauge", "How long the last answer of Redis took.", AT(latency_s) },
    { "redis/commands", "redis_commands_total", "counter", "Commands sent to Redis.", AT(commands) },
    { "redis/errors", "redis_errors_total", "counter", "Commands that failed or were not answered.", AT(errors) },
    { "redis/reconnects", "redis_reconnects_total", "counter", "Connections to Redis after the first one.",
      AT(reconnects) },
    { "journal/ok", "journal_ok", "gauge", "1: the journal can be written.", AT(journal_ok) },
    { "unrecorded", "unrecorded_certificates", "gauge", "Certificates in the journal that Redis does not have yet.",
      AT(unrecorded) },
    { "clock/ok", "clock_ok", "gauge", "1: this machine's clock can be believed.", AT(clock_ok) },
    { "metrics-file/errors", "metrics_file_errors_total", "counter", "Failures to write metrics_file.",
      AT(file_errors) },
    { "signer/not-after", "signing_issuer_not_after_timestamp_seconds", "gauge",
      "When the certificate of the issuer that signs ends.", AT(signer_not_after) },
    { "issuer/%s/not-after", "issuer_not_after_timestamp_seconds", "gauge",
      "When the certificate of a trusted issuer ends.", .label = "issuer", .get = get_issuer },
    { "issuer/%s/crl-next-update", "issuer_crl_next_update_timestamp_seconds", "gauge", "When the CRL of an issuer ends.",
      .label = "issuer", .get = get_crl },
    { "fleet/counted", "fleet_counted_timestamp_seconds", "gauge", "When the fleet was counted last, by any broker.",
      AT(fleet_at) },
    { "fleet/slots", "fleet_slots", "gauge", "Slots whose certificate is known.", AT(slots) },
    { "fleet/state/%s", "fleet_state_slots", "gauge", "Slots by state.", .label = "state", .get = get_state },
    { "fleet/held", "fleet_held_slots", "gauge", "Slots on hold.", AT(held) },
    { "fleet/expired", "fleet_expired_slots", "gauge", "Slots whose certificate has expired.", AT(expired) },
    { "fleet/alerts", "fleet_alert_slots", "gauge", "Slots that have an alert.", AT(alerted) },
    { "fleet/expiring/%s", "fleet_expiring_slots", "gauge", "Slots whose certificate ends within so many days.",
      .label = "days", .get = get_expiring },
    { "fleet/unrenewed/%s", "fleet_unrenewed_slots", "gauge",
      "Those of them that will expire un-renewed at the present behaviour.", .label = "days", .get = get_unrenewed },
    { "fleet/due/%s", "fleet_due_renewals", "gauge", "Renewals that begin within so many days.", .label = "days",
      .get = get_due },
    { "fleet/issuer/%s", "fleet_issuer_slots", "gauge", "Slots by the issuer of their certificate.", .label = "issuer",
      .get = get_issuer_slots },
    { NULL, NULL, NULL, NULL, NULL, 0, NULL },
};
