#include "plugin/store/survey.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const unsigned cr_survey_days[CR_SURVEY_SPANS] = { 1, 7, 30, 90 };

/* ---- adding up ---- */

void cr_survey_count_issuer(struct cr_survey_counts *counts, const char *issuer, uint64_t slots)
{
    unsigned at = 0;

    while (at < counts->issuers && strcmp(counts->issuer[at].issuer, issuer) != 0) {
        at++;
    }
    if (at == CR_SURVEY_ISSUERS) {
        at--;
        (void)snprintf(counts->issuer[at].issuer, sizeof counts->issuer[at].issuer, "other");
    } else if (at == counts->issuers) {
        (void)snprintf(counts->issuer[at].issuer, sizeof counts->issuer[at].issuer, "%s", issuer);
        counts->issuer[at].slots = 0;
        counts->issuers++;
    }
    counts->issuer[at].slots += slots;
}

void cr_survey_add(struct cr_survey_counts *counts, const struct cr_survey_counts *part)
{
    counts->slots += part->slots;
    counts->held += part->held;
    counts->expired += part->expired;
    counts->alerts += part->alerts;
    for (unsigned i = 0; i < CR_STATE_COUNT; i++) {
        counts->state[i] += part->state[i];
    }
    for (unsigned i = 0; i < CR_SURVEY_SPANS; i++) {
        counts->expiring[i] += part->expiring[i];
        counts->at_risk[i] += part->at_risk[i];
    }
    for (unsigned i = 0; i < CR_FORECAST_DAYS; i++) {
        counts->due[i] += part->due[i];
    }
    for (unsigned i = 0; i < part->issuers; i++) {
        cr_survey_count_issuer(counts, part->issuer[i].issuer, part->issuer[i].slots);
    }
}

/* ---- as text ---- */

enum { NUMBERS = 4 + CR_STATE_COUNT + 2 * CR_SURVEY_SPANS };

/* The numbers in the order of the text. */
static void numbers_of(struct cr_survey_counts *counts, uint64_t *number[NUMBERS])
{
    unsigned n = 0;

    number[n++] = &counts->slots;
    number[n++] = &counts->held;
    number[n++] = &counts->expired;
    number[n++] = &counts->alerts;
    for (unsigned i = 0; i < CR_STATE_COUNT; i++) {
        number[n++] = &counts->state[i];
    }
    for (unsigned i = 0; i < CR_SURVEY_SPANS; i++) {
        number[n++] = &counts->expiring[i];
    }
    for (unsigned i = 0; i < CR_SURVEY_SPANS; i++) {
        number[n++] = &counts->at_risk[i];
    }
}

struct survey_writer {
    char *text;
    size_t cap, len;
};

static void write_word(struct survey_writer *writer, const char *format, ...) CR_PRINTF(2, 3);

static void write_word(struct survey_writer *writer, const char *format, ...)
{
    va_list args;
    int len;

    if (writer->len >= writer->cap) {
        return;
    }
    va_start(args, format);
    len = vsnprintf(writer->text + writer->len, writer->cap - writer->len, format, args);
    va_end(args);
    writer->len = len < 0 ? writer->cap : writer->len + (size_t)len;
}

cr_err cr_survey_text(char *text, size_t cap, const struct cr_survey_counts *counts)
{
    struct survey_writer writer = { text, cap, 0 };
    struct cr_survey_counts copy = *counts;
    uint64_t *number[NUMBERS];

    numbers_of(&copy, number);
    for (unsigned i = 0; i < NUMBERS; i++) {
        write_word(&writer, "%s%" PRIu64, i > 0 ? " " : "", *number[i]);
    }
    for (unsigned i = 0; i < CR_FORECAST_DAYS; i++) {
        if (counts->due[i] > 0) {
            write_word(&writer, " +%u:%" PRIu64, i, counts->due[i]);
        }
    }
    for (unsigned i = 0; i < counts->issuers; i++) {
        write_word(&writer, " @%s:%" PRIu64, counts->issuer[i].issuer, counts->issuer[i].slots);
    }
    return writer.len < cap ? CR_OK : CR_FULL;
}

/* ---- and back ---- */

static cr_err number_parse(uint64_t *number, const uint8_t *digits, size_t len)
{
    *number = 0;
    if (len == 0 || len > 15) { /* as much as a number of Lua holds */
        return CR_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return CR_INVALID;
        }
        *number = *number * 10 + (uint64_t)(digits[i] - '0');
    }
    return CR_OK;
}

/* +<day>:<renewals> or @<issuer>:<slots> */
static cr_err pair_parse(struct cr_survey_counts *counts, struct cr_bytes word)
{
    const uint8_t *colon = memrchr(word.data, ':', word.len);
    size_t name_len = colon != NULL ? (size_t)(colon - word.data) - 1 : 0;
    char issuer[CR_ISSUER_ID_TEXT];
    uint64_t value, day;

    if (name_len == 0 || number_parse(&value, colon + 1, word.len - name_len - 2) != CR_OK) {
        return CR_INVALID;
    }
    if (word.data[0] == '+') {
        if (number_parse(&day, word.data + 1, name_len) != CR_OK || day >= CR_FORECAST_DAYS) {
            return CR_INVALID;
        }
        counts->due[day] += value;
        return CR_OK;
    }
    if (word.data[0] != '@' || name_len >= sizeof issuer || !cr_name_ok((const char *)word.data + 1, name_len)) {
        return CR_INVALID;
    }
    memcpy(issuer, word.data + 1, name_len);
    issuer[name_len] = '\0';
    cr_survey_count_issuer(counts, issuer, value);
    return CR_OK;
}

cr_err cr_survey_parse(struct cr_survey_counts *counts, struct cr_bytes text)
{
    uint64_t *number[NUMBERS];
    unsigned words = 0;

    memset(counts, 0, sizeof *counts);
    numbers_of(counts, number);
    while (text.len > 0) {
        const uint8_t *blank = memchr(text.data, ' ', text.len);
        struct cr_bytes word = { text.data, blank != NULL ? (size_t)(blank - text.data) : text.len };
        size_t taken = word.len + (blank != NULL ? 1 : 0);
        cr_err err = words < NUMBERS ? number_parse(number[words], word.data, word.len)
                     : word.len > 0  ? pair_parse(counts, word)
                                     : CR_INVALID;

        if (err != CR_OK) {
            return err;
        }
        words++;
        text.data += taken;
        text.len -= taken;
    }
    return words >= NUMBERS ? CR_OK : CR_INVALID;
}
