#include "device-sim/report.h"

#include <errno.h>
#include <string.h>

enum { BAR_WIDTH = 24 }; /* the line stays within 80 columns up to 9999 devices */
static bool shown;

void report_progress(const struct figures *figures, unsigned finished, unsigned count, unsigned renewals_each,
                     double seconds)
{
    char bar[BAR_WIDTH + 1];
    unsigned long wanted = (unsigned long)count * renewals_each;
    unsigned full = wanted > 0 ? (unsigned)(BAR_WIDTH * (unsigned long)figures->renewals / wanted) : 0;
    full = full < BAR_WIDTH ? full : BAR_WIDTH;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full);
    bar[BAR_WIDTH] = '\0';
    if (wanted == 0) { /* without end */
        fprintf(stderr, "\r%u renewals, %u devices, %.0f s\033[K", figures->renewals, count, seconds);
        fflush(stderr);
        shown = true;
        return;
    }
    fprintf(stderr, "\r[%s] %u/%lu renewals, %u/%u devices done, %.0f s\033[K", bar, figures->renewals,
            wanted, finished, count, seconds);
    fflush(stderr);
    shown = true;
}

void report_progress_end(void)
{
    if (shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        shown = false;
    }
}

void report_line(FILE *to, const struct report_moment *moment)
{
    const struct figures *figures = moment->figures, *now = moment->now;
    fprintf(to, "%s  %u devices, %u awake; renewals %u (+%u), enrolled %u; failing %u", moment->time, now->devices,
            moment->awake, figures->renewals, now->renewals, figures->enrolled + figures->enrolled_again, now->failed);
    for (size_t i = 0; i < FIGURES_REASONS_MAX && now->failed_by[i].count > 0; i++) {
        fprintf(to, "%s%s %u", i == 0 ? " (" : ", ", now->failed_by[i].reason, now->failed_by[i].count);
    }
    fprintf(to, "%s, refused %u\n", now->failed > 0 ? ")" : "", figures->rejected + figures->turned_away);
    (void)fflush(to);
}

static double bytes_per_renewal(const struct figures *figures)
{
    return samples_mean(&figures->sent) + samples_mean(&figures->received);
}

static void row_count(FILE *to, const char *name, unsigned count)
{
    fprintf(to, "  %-38s %8u\n", name, count);
}

static void row_times(FILE *to, const char *name, struct samples *samples)
{
    if (samples->len == 0) {
        fprintf(to, "  %-38s %8s %8s %8s\n", name, "-", "-", "-");
        return;
    }
    fprintf(to, "  %-38s %8.1f %8.1f %8.1f\n", name, samples_percentile(samples, 50), samples_percentile(samples, 95),
            samples_percentile(samples, 99));
}

static void row_bytes(FILE *to, const char *name, const struct figures *figures)
{
    if (figures->sent.len == 0) {
        fprintf(to, "  %-38s %8s %8s %8s\n", name, "-", "-", "-");
        return;
    }
    fprintf(to, "  %-38s %8.0f %8.0f %8.0f\n", name, samples_mean(&figures->sent), samples_mean(&figures->received),
            bytes_per_renewal(figures));
}

static void onboarding_rows(FILE *to, const struct figures *figures)
{
    char line[40];
    if (figures->enrolled + figures->enrolled_again > 0) {
        fputs("\nOnboarded\n", to);
        row_count(to, "got their first certificate", figures->enrolled);
        row_count(to, "got one again", figures->enrolled_again);
    }
    unsigned bundles = figures->trust_installed + figures->trust_failed + figures->trust_rolled_back;
    if (bundles == 0 && figures->trust_versions[0].version == 0 && figures->trust_versions[1].count == 0) {
        return;
    }
    fputs("\nTrust bundles\n", to);
    row_count(to, "installed", figures->trust_installed);
    row_count(to, "refused by the device", figures->trust_failed);
    row_count(to, "rolled back", figures->trust_rolled_back);
    for (size_t i = 0; i < FIGURES_VERSIONS_MAX && figures->trust_versions[i].count > 0; i++) {
        (void)snprintf(line, sizeof line, "devices with version %u", figures->trust_versions[i].version);
        row_count(to, line, figures->trust_versions[i].count);
    }
}

void report_table(FILE *to, struct figures *figures)
{
    char line[FIGURES_REASON_CAP + 16];
    if (figures->end != RUN_DONE) {
        fprintf(to, "\n%s after %.1f s, before all devices were done. What stands so far:\n",
                figures->end == RUN_INTERRUPTED ? "Interrupted" : "Stopped by --timeout", figures->duration_s);
    }
    fputs("\nDevices\n", to);
    row_count(to, "renewed", figures->renewed);
    row_count(to, "pending", figures->pending);
    row_count(to, "failed", figures->failed);
    for (size_t i = 0; i < FIGURES_REASONS_MAX && figures->failed_by[i].count > 0; i++) {
        (void)snprintf(line, sizeof line, "  %s", figures->failed_by[i].reason);
        row_count(to, line, figures->failed_by[i].count);
    }
    row_count(to, "all", figures->devices);
    if (figures->triggered > 0) {
        fprintf(to, "\nTriggered by the %s\n", figures->by_operator ? "operator" : "plugin, when it was time");
        row_count(to, "devices", figures->triggered);
        row_count(to, "of them asleep at the time", figures->asleep_when_triggered);
        row_count(to, "of those renewed after they woke", figures->woke_and_renewed);
    }
    onboarding_rows(to, figures);
    fputs("\nWent wrong, by design\n", to);
    row_count(to, "power lost while writing", figures->power_losses);
    row_count(to, "certificate damaged on arrival", figures->corrupted);
    row_count(to, "cannot install any certificate", figures->cannot_install);
    row_count(to, "clock in 1970", figures->wrong_clocks);
    row_count(to, "never woke again", figures->never_wake);
    row_count(to, "requests rejected by the broker", figures->rejected);
    row_count(to, "certificates refused by the device", figures->refused);
    row_count(to, "rolled back to the old certificate", figures->rolled_back);
    fprintf(to, "\n%-40s %8s %8s %8s\n", "Milliseconds per renewal", "p50", "p95", "p99");
    row_times(to, "awake, connect to certificate", &figures->awake_ms);
    row_times(to, "connect, TCP to CONNACK", &figures->connect_ms);
    row_times(to, "exchange, CSR to certificate", &figures->exchange_ms);
    row_times(to, "confirm, reconnect to report", &figures->confirm_ms);
    fprintf(to, "\n%-40s %8s %8s %8s\n", "Bytes on the wire per renewal", "sent", "received", "both");
    row_bytes(to, "CSR to certificate, TLS included", figures);
    fprintf(to, "\n%u renewals in %.1f s\n", figures->renewals, figures->duration_s);
}

static void json_times(FILE *to, const char *name, struct samples *samples)
{
    fprintf(to, "  \"%s_p50_ms\": %.3f,\n  \"%s_p95_ms\": %.3f,\n  \"%s_p99_ms\": %.3f,\n", name,
            samples_percentile(samples, 50), name, samples_percentile(samples, 95), name,
            samples_percentile(samples, 99));
}

static void json_write(FILE *to, struct figures *figures)
{
    fprintf(to, "{\n  \"devices\": %u,\n  \"renewed\": %u,\n  \"pending\": %u,\n  \"failed\": %u,\n", figures->devices,
            figures->renewed, figures->pending, figures->failed);
    fprintf(to, "  \"end\": \"%s\",\n",
            figures->end == RUN_DONE ? "done" : figures->end == RUN_TIMEOUT ? "timeout" : "interrupted");
    fputs("  \"failed_by_reason\": {", to);
    for (size_t i = 0; i < FIGURES_REASONS_MAX && figures->failed_by[i].count > 0; i++) {
        /* Reasons are errorCodes and constants of ours: nothing in them needs escaping but by an evil broker. */
        fprintf(to, "%s\"", i > 0 ? ", " : "");
        for (const char *at = figures->failed_by[i].reason; *at != '\0'; at++) {
            fputc(*at == '"' || *at == '\\' || (unsigned char)*at < 0x20 ? '?' : *at, to);
        }
        fprintf(to, "\": %u", figures->failed_by[i].count);
    }
    fprintf(to, "},\n  \"renewals\": %u,\n", figures->renewals);
    json_times(to, "awake", &figures->awake_ms);
    json_times(to, "connect", &figures->connect_ms);
    json_times(to, "exchange", &figures->exchange_ms);
    json_times(to, "confirm", &figures->confirm_ms);
    fprintf(to, "  \"wire_bytes_per_renewal\": %.0f,\n  \"wire_bytes_sent\": %.0f,\n  \"wire_bytes_received\": %.0f,\n",
            bytes_per_renewal(figures), samples_mean(&figures->sent), samples_mean(&figures->received));
    fprintf(to, "  \"triggered\": %u,\n  \"asleep_when_triggered\": %u,\n  \"woke_and_renewed\": %u,\n",
            figures->triggered, figures->asleep_when_triggered, figures->woke_and_renewed);
    fprintf(to, "  \"enrolled\": %u,\n  \"enrolled_again\": %u,\n", figures->enrolled,
            figures->enrolled_again);
    fprintf(to, "  \"trust_installed\": %u,\n  \"trust_failed\": %u,\n  \"trust_rolled_back\": %u,\n",
            figures->trust_installed, figures->trust_failed, figures->trust_rolled_back);
    fputs("  \"trust_versions\": {", to);
    for (size_t i = 0; i < FIGURES_VERSIONS_MAX && figures->trust_versions[i].count > 0; i++) {
        fprintf(to, "%s\"%u\": %u", i > 0 ? ", " : "", figures->trust_versions[i].version,
                figures->trust_versions[i].count);
    }
    fputs("},\n", to);
    fprintf(to, "  \"faults\": {\"power\": %u, \"corrupt\": %u, \"clock\": %u, \"never_wakes\": %u, \"install\": %u},\n",
            figures->power_losses, figures->corrupted, figures->wrong_clocks, figures->never_wake,
            figures->cannot_install);
    fprintf(to, "  \"rejected\": %u,\n  \"refused\": %u,\n  \"rolled_back\": %u,\n  \"turned_away\": %u,\n",
            figures->rejected, figures->refused, figures->rolled_back, figures->turned_away);
    fprintf(to, "  \"duration_s\": %.3f,\n  \"renewals_per_s\": %.3f\n}\n", figures->duration_s,
            figures->duration_s > 0 ? figures->renewals / figures->duration_s : 0);
}

cr_err report_json(const char *path, struct figures *figures)
{
    if (strcmp(path, "-") == 0) {
        json_write(stdout, figures);
        return fflush(stdout) == 0 ? CR_OK : CR_IO;
    }
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return CR_IO;
    }
    json_write(file, figures);
    bool ok = !ferror(file);
    return fclose(file) == 0 && ok ? CR_OK : CR_IO;
}
