#include "tests/bench/meters_report.h"

#include <inttypes.h>
#include <stdio.h>

enum { WEEK = 7, NUMBER_CAP = 32, HOURS = 24 };

/* ---- the figures that follow from the hours ---- */

struct pace {
    uint32_t peak_hour, peak_day;
    double mean_hour, mean_day; /* from the hour of the first renewal to that of the last */
    double swing_hour;          /* mean of the hours from when a tenth had renewed to when nine tenths had */
    double peak_over_mean, peak_over_swing;
};

static uint32_t day_sum(const struct meters_result *result, uint32_t day)
{
    uint32_t sum = 0;
    for (uint32_t hour = 0; hour < HOURS; hour++) {
        sum += result->per_hour[day * HOURS + hour];
    }
    return sum;
}

/* Renewals an hour from the hour in which `from` of `parts` of all were reached to that in which `to` were. */
static double mean_between(const struct meters_result *result, uint64_t all, uint64_t from, uint64_t to, uint64_t parts)
{
    uint64_t sum = 0, inside = 0, hours = 0;
    for (uint32_t hour = 0; hour < result->days * HOURS; hour++) {
        uint64_t before = sum;
        sum += result->per_hour[hour];
        if (sum > 0 && sum * parts >= all * from && (before < all) && before * parts <= all * to) {
            inside += result->per_hour[hour];
            hours++;
        }
    }
    return hours > 0 ? (double)inside / (double)hours : 0;
}

static struct pace pace_of(const struct meters_result *result)
{
    struct pace pace = { .peak_hour = 0 };
    uint64_t all = 0;
    for (uint32_t hour = 0; hour < result->days * HOURS; hour++) {
        uint32_t count = result->per_hour[hour];
        all += count;
        pace.peak_hour = count > pace.peak_hour ? count : pace.peak_hour;
    }
    for (uint32_t day = 0; day < result->days; day++) {
        uint32_t count = day_sum(result, day);
        pace.peak_day = count > pace.peak_day ? count : pace.peak_day;
    }
    if (all > 0) {
        pace.mean_hour = mean_between(result, all, 0, 1, 1);
        pace.mean_day = pace.mean_hour * HOURS;
        pace.swing_hour = mean_between(result, all, 1, 9, 10);
        pace.peak_over_mean = pace.peak_hour / pace.mean_hour;
        pace.peak_over_swing = pace.peak_hour / pace.swing_hour;
    }
    return pace;
}

static double triggers_per_renewal(const struct meters_result *result)
{
    return result->renewed > 0 ? (double)result->triggers / result->renewed : 0;
}

static double cpu_us(const struct meters_result *result)
{
    return result->loop_us + result->threads_us + result->redis_us;
}

/* ---- the table ---- */

/* Digits in groups of three. */
static const char *grouped(char text[NUMBER_CAP], double value, int decimals)
{
    char plain[NUMBER_CAP];
    size_t len = (size_t)snprintf(plain, sizeof plain, "%.*f", decimals, value), at = 0;
    size_t whole = len - (decimals > 0 ? (size_t)decimals + 1 : 0);
    for (size_t i = 0; i < len && at + 2 < NUMBER_CAP; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = plain[i];
    }
    text[at] = '\0';
    return text;
}

static void row(const char *label, double value, int decimals)
{
    char text[NUMBER_CAP];
    printf("%-58s %12s\n", label, grouped(text, value, decimals));
}

static void row_target(const char *label, double value, int decimals, const char *target, bool met)
{
    char text[NUMBER_CAP];
    printf("%-58s %12s  %-8s %s\n", label, grouped(text, value, decimals), target, met ? "met" : "MISSED");
}

static void days(const struct meters_result *result)
{
    printf("\nrenewed by day, day 0 is when the first window opens\n%-10s", "");
    for (int day = 0; day < WEEK; day++) {
        printf("%8s%d", "+", day);
    }
    printf("%10s\n", "week");
    for (uint32_t week = 0; week * WEEK < result->days; week++) {
        uint32_t sum = 0;
        printf("day %-6" PRIu32, week * WEEK);
        for (uint32_t day = week * WEEK; day < (week + 1) * WEEK; day++) {
            if (day < result->days) {
                uint32_t count = day_sum(result, day);
                sum += count;
                printf("%9" PRIu32, count);
            } else {
                printf("%9s", "");
            }
        }
        printf("%10" PRIu32 "\n", sum);
    }
}

void meters_report_table(const struct meters_result *result, const char *heading, bool targets)
{
    struct pace pace = pace_of(result);
    double stranded = 100.0 * result->stranded / result->devices;

    printf("%s\n", heading);
    days(result);
    printf("\n%-58s %12s  %s\n", "figure", "value", targets ? "target" : "");
    row("meters", result->devices, 0);
    row("renewed", result->renewed, 0);
    row("stranded: expired without having renewed", result->stranded, 0);
    if (targets) {
        row_target("  % of the fleet", stranded, 3, "< 0.1", stranded < 0.1);
        row_target("  of these appeared 3 times or more once due", result->stranded_reachable, 0, "0",
                   result->stranded_reachable == 0);
    } else {
        row("  % of the fleet", stranded, 3);
        row("  of these appeared 3 times or more once due", result->stranded_reachable, 0);
    }
    row("  of these did so in their window, but were not due yet", result->stranded_seen - result->stranded_reachable,
        0);
    row("renewals a day, from the first to the last: mean", pace.mean_day, 1);
    row("renewals a day, peak", pace.peak_day, 0);
    row("renewals an hour, from the first to the last: mean", pace.mean_hour, 1);
    row("renewals an hour, while the middle 80 % renewed: mean", pace.swing_hour, 1);
    row("renewals an hour, peak", pace.peak_hour, 0);
    if (targets) {
        row_target("peak hour / mean hour, of the middle 80 %", pace.peak_over_swing, 2, "<= 2",
                   pace.peak_hour > 0 && pace.peak_over_swing <= 2);
    } else {
        row("peak hour / mean hour, of the middle 80 %", pace.peak_over_swing, 2);
    }
    row("  from the first renewal to the last straggler's", pace.peak_over_mean, 2);
    row("triggers per renewal", triggers_per_renewal(result), 3);
    row("warnings and alerts in the broker's log", (double)result->warnings, 0);
    row("Redis bytes per device, idle", result->redis_bytes, 0);
    row("appearances per device", (double)result->appearances / result->devices, 1);
    row("CPU us per device, the whole campaign", cpu_us(result), 0);
    row("  of these in the broker's loop", result->loop_us, 0);
    row("  of these in the store's thread and the workers", result->threads_us, 0);
    row("  of these in Redis", result->redis_us, 0);
    row("CPU us per appearance", cpu_us(result) * result->devices / (double)result->appearances, 1);
    printf("replayed in %.0f s\n\n", result->wall_s);
    (void)fflush(stdout);
}

/* ---- JSON ---- */

static void json_figures(FILE *file, const struct meters_result *result, const char *indent)
{
    struct pace pace = pace_of(result);
    (void)fprintf(file, "%s\"devices\": %" PRIu32 ",\n", indent, result->devices);
    (void)fprintf(file, "%s\"renewed\": %" PRIu32 ",\n", indent, result->renewed);
    (void)fprintf(file, "%s\"stranded\": %" PRIu32 ",\n", indent, result->stranded);
    (void)fprintf(file, "%s\"stranded_reachable\": %" PRIu32 ",\n", indent, result->stranded_reachable);
    (void)fprintf(file, "%s\"peak_over_mean_hour\": %.3f,\n", indent, pace.peak_over_swing);
    (void)fprintf(file, "%s\"triggers_per_renewal\": %.4f,\n", indent, triggers_per_renewal(result));
    (void)fprintf(file, "%s\"redis_bytes_per_device\": %.0f,\n", indent, result->redis_bytes);
    (void)fprintf(file, "%s\"cpu_us_per_device\": %.1f,\n", indent, cpu_us(result));
    (void)fprintf(file, "%s\"cpu_us_per_appearance\": %.2f,\n", indent,
                  cpu_us(result) * result->devices / (double)result->appearances);
    (void)fprintf(file, "%s\"peak_hour\": %" PRIu32 ",\n", indent, pace.peak_hour);
    (void)fprintf(file, "%s\"peak_over_mean_hour_first_to_last\": %.3f,\n", indent, pace.peak_over_mean);
    (void)fprintf(file, "%s\"mean_hour\": %.2f,\n", indent, pace.mean_hour);
    (void)fprintf(file, "%s\"renewed_by_day\": [", indent);
    for (uint32_t day = 0; day < result->days; day++) {
        (void)fprintf(file, "%s%" PRIu32, day > 0 ? ", " : "", day_sum(result, day));
    }
    (void)fputs("]", file);
}

bool meters_report_json(const char *path, const struct meters_result *result, const struct meters_result *without,
                        uint64_t seed)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    (void)fputs("{\n", file);
    json_figures(file, result, "  ");
    (void)fprintf(file, ",\n  \"seed\": %" PRIu64, seed);
    if (without != NULL) {
        (void)fputs(",\n  \"without_staggering\": {\n", file);
        json_figures(file, without, "    ");
        (void)fputs("\n  }", file);
    }
    bool written = fputs("\n}\n", file) >= 0 && ferror(file) == 0;
    return fclose(file) == 0 && written;
}

void meters_report_notes(void)
{
    (void)fputs("A renewal counts in the clock hour in which the meter came back with its new certificate. The peak is "
                "the busiest\n"
                "hour; one mean is over all hours from the first renewal to the last, stragglers included, the other "
                "over those\n"
                "from when a tenth of all renewals was done to when nine tenths were. A meter's renewal is due at "
                "notAfter - window\n"
                "+ spread. Bytes are the growth of Redis' used_memory until the day before the first window opens, "
                "without the\n"
                "audit stream. CPU is that of the plugin's threads, of its part of the broker's loop and of Redis, "
                "from a week\n"
                "before the first window opens to the end; not that of making the meters' keys and requests.\n",
                stdout);
}
