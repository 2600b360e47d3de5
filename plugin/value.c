#include "plugin/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

cr_err cr_why_set(struct cr_why *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return CR_INVALID;
}

/* ---- numbers and times ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes digits off *text. At most 12, so that sums and products stay far from any overflow. */
static bool take_number(int64_t *number, const char **text)
{
    unsigned digits = 0;
    for (*number = 0; is_digit(**text) && digits < 12; digits++, (*text)++) {
        *number = *number * 10 + (**text - '0');
    }
    return digits > 0 && !is_digit(**text);
}

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

enum { UNIT_COUNT = sizeof units / sizeof units[0], DURATION_CAP = 32 };

static void duration_text(char text[DURATION_CAP], int64_t ms)
{
    size_t i = 0;
    while (i + 1 < UNIT_COUNT && (ms == 0 || ms % units[i].ms != 0)) {
        i++;
    }
    (void)snprintf(text, DURATION_CAP, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
}

cr_err cr_value_duration_ms(int64_t *ms, const char *text, int64_t min_ms, int64_t max_ms, struct cr_why *why)
{
    int64_t number;
    const char *rest = text;
    if (take_number(&number, &rest)) {
        for (size_t i = 0; i < UNIT_COUNT; i++) {
            if (strcmp(rest, units[i].name) == 0 && number <= max_ms / units[i].ms && number * units[i].ms >= min_ms) {
                *ms = number * units[i].ms;
                return CR_OK;
            }
        }
    }
    char min[DURATION_CAP], max[DURATION_CAP];
    duration_text(min, min_ms);
    duration_text(max, max_ms);
    return cr_why_set(why, "must be a time between %s and %s: digits and one of ms, s, m, h, d", min, max);
}

cr_err cr_value_unsigned(unsigned *value, const char *text, unsigned min, unsigned max, struct cr_why *why)
{
    int64_t number;
    if (!take_number(&number, &text) || *text != '\0' || number < (int64_t)min || number > (int64_t)max) {
        return cr_why_set(why, "must be a number between %u and %u", min, max);
    }
    *value = (unsigned)number;
    return CR_OK;
}

static void size_text(char text[DURATION_CAP], int64_t bytes)
{
    size_t i = 0;
    for (; i < 3 && bytes % 1024 == 0 && bytes / 1024 >= 1024; i++) {
        bytes /= 1024;
    }
    (void)snprintf(text, DURATION_CAP, "%lld%c", (long long)(bytes / 1024), "KMGT"[i]);
}

cr_err cr_value_size(int64_t *bytes, const char *text, int64_t min, int64_t max, struct cr_why *why)
{
    static const char size_units[] = "KMGT";
    int64_t number;
    const char *rest = text;
    if (take_number(&number, &rest) && rest[0] != '\0' && rest[1] == '\0') {
        const char *unit = strchr(size_units, rest[0]);
        unsigned shift = unit != NULL ? 10 * (unsigned)(unit - size_units + 1) : 0;
        if (unit != NULL && number <= max >> shift && number << shift >= min) {
            *bytes = number << shift;
            return CR_OK;
        }
    }
    char least[DURATION_CAP], most[DURATION_CAP];
    size_text(least, min);
    size_text(most, max);
    return cr_why_set(why, "must be a size between %s and %s: digits and one of K, M, G, T", least, most);
}

cr_err cr_value_permille(unsigned *permille, const char *text, unsigned max_permille, struct cr_why *why)
{
    int64_t whole = 0;
    bool ok = take_number(&whole, &text);
    int tenth = 0;
    if (ok && text[0] == '.' && is_digit(text[1])) {
        tenth = text[1] - '0';
        text += 2;
    }
    if (!ok || strcmp(text, "%") != 0 || whole > 100 || whole * 10 + tenth > (int64_t)max_permille) {
        return cr_why_set(why, "must be a share between 0%% and %u%%, such as 10%% or 2.5%%", max_permille / 10);
    }
    *permille = (unsigned)(whole * 10 + tenth);
    return CR_OK;
}

/* ---- words ---- */

cr_err cr_value_bool(bool *value, const char *text, struct cr_why *why)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return cr_why_set(why, "must be true or false");
    }
    *value = text[0] == 't';
    return CR_OK;
}

static const struct cr_word *word_find(const struct cr_word *words, const char *text, size_t len)
{
    for (; words->word != NULL; words++) {
        if (strlen(words->word) == len && memcmp(words->word, text, len) == 0) {
            return words;
        }
    }
    return NULL;
}

static cr_err words_complain(const struct cr_word *words, const char *lead, struct cr_why *why)
{
    char list[CR_WHY_CAP / 2] = "";
    size_t len = 0;
    for (; words->word != NULL && len < sizeof list; words++) {
        int more = snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? ", " : "", words->word);
        len += more > 0 ? (size_t)more : 0;
    }
    return cr_why_set(why, "%s %s", lead, list);
}

cr_err cr_value_choice(unsigned *value, const char *text, const struct cr_word *words, struct cr_why *why)
{
    const struct cr_word *found = word_find(words, text, strlen(text));
    if (found == NULL) {
        return words_complain(words, "must be one of", why);
    }
    *value = found->value;
    return CR_OK;
}

cr_err cr_value_flags(unsigned *flags, const char *text, const struct cr_word *words, struct cr_why *why)
{
    static const char separators[] = " \t,";
    *flags = 0;
    for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
        size_t len = strcspn(text, separators);
        const struct cr_word *found = word_find(words, text, len);
        if (found == NULL) {
            return words_complain(words, "must be a list of", why);
        }
        if ((*flags & found->value) != 0) {
            return cr_why_set(why, "names %s twice", found->word);
        }
        *flags |= found->value;
        text += len;
    }
    return *flags != 0 ? CR_OK : words_complain(words, "must be a list of", why);
}

/* ---- text ---- */

cr_err cr_value_text(char *to, size_t cap, const char *text, struct cr_why *why)
{
    if (text[0] == '\0') {
        return cr_why_set(why, "needs a value");
    }
    if (cr_text_copy(to, cap, text) != CR_OK) {
        return cr_why_set(why, "is longer than %zu bytes", cap - 1);
    }
    return CR_OK;
}

cr_err cr_value_url(char *to, size_t cap, const char *text, struct cr_why *why)
{
    bool ok = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
    const char *host = strstr(text, "://");
    ok = ok && host != NULL && host[3] != '\0' && host[3] != '/';
    for (const char *c = text; *c != '\0'; c++) {
        ok = ok && *c > ' ' && *c < 0x7f;
    }
    if (!ok) {
        return cr_why_set(why, "must be an http:// or https:// URL of printable ASCII without blanks");
    }
    return cr_value_text(to, cap, text, why);
}

/* How many continuation bytes follow a leading byte, and the least code point that needs so many. */
static bool utf8_lead(uint8_t byte, unsigned *more, uint32_t *point, uint32_t *least)
{
    if (byte < 0x80) {
        *more = 0, *point = byte, *least = 1;
    } else if (byte >= 0xc2 && byte <= 0xdf) {
        *more = 1, *point = byte & 0x1f, *least = 0x80;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        *more = 2, *point = byte & 0x0f, *least = 0x800;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        *more = 3, *point = byte & 0x07, *least = 0x10000;
    } else {
        return false;
    }
    return true;
}

bool cr_value_utf8_ok(struct cr_bytes text)
{
    for (size_t i = 0; i < text.len;) {
        unsigned more;
        uint32_t point, least;
        if (!utf8_lead(text.data[i], &more, &point, &least) || text.len - i <= more) {
            return false;
        }
        for (i++; more > 0; more--, i++) {
            if ((text.data[i] & 0xc0) != 0x80) {
                return false;
            }
            point = point << 6 | (text.data[i] & 0x3f);
        }
        if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
            return false;
        }
    }
    return true;
}

static unsigned least_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned cr_value_distance(const char *a, const char *b)
{
    enum { LEN_MAX = 40 };
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > LEN_MAX || b_len > LEN_MAX) {
        return 99;
    }
    unsigned cost[LEN_MAX + 1][LEN_MAX + 1]; /* [i][j]: from the first i letters of a to the first j of b */
    for (size_t i = 0; i <= a_len; i++) {
        for (size_t j = 0; j <= b_len; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned replace = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = least_of(replace, least_of(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost[i][j] = least_of(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[a_len][b_len];
}
