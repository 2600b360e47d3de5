/* Values of keys, written as a configuration file would have them. */
#include "plugin/config_table.h"

#include <stdio.h>
#include <string.h>

void cr_show_number(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    (void)key;
    (void)snprintf(text, cap, "%u", *(const unsigned *)field);
}

/* In the largest unit that it is a whole number of. */
static void show_ms(int64_t ms, char *text, size_t cap)
{
    static const struct {
        int64_t ms;
        const char *name;
    } unit[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } };
    size_t which = ms == 0 ? 3 : 0;
    while (ms % unit[which].ms != 0) {
        which++;
    }
    (void)snprintf(text, cap, "%lld%s", (long long)(ms / unit[which].ms), unit[which].name);
}

void cr_show_s(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    (void)key;
    show_ms((int64_t) * (const unsigned *)field * 1000, text, cap);
}

void cr_show_s64(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    (void)key;
    show_ms(*(const int64_t *)field * 1000, text, cap);
}

void cr_show_share(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    unsigned permille = *(const unsigned *)field;
    (void)key;
    if (permille % 10 == 0) {
        (void)snprintf(text, cap, "%u%%", permille / 10);
    } else {
        (void)snprintf(text, cap, "%u.%u%%", permille / 10, permille % 10);
    }
}

void cr_show_window(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    const struct cr_profile *slot = field;
    if (slot->window_ms > 0) {
        show_ms(slot->window_ms, text, cap);
    } else {
        cr_show_share(key, &slot->window_permille, text, cap);
    }
}

void cr_show_bool(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    (void)key;
    (void)snprintf(text, cap, "%s", *(const bool *)field ? "true" : "false");
}

void cr_show_choice(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    unsigned choice = *(const bool *)field;
    for (const struct cr_word *word = key->words; word->word != NULL; word++) {
        if (word->value == choice) {
            (void)snprintf(text, cap, "%s", word->word);
        }
    }
}

void cr_show_list(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    size_t len = 0;
    text[0] = '\0';
    for (const struct cr_word *word = key->words; word->word != NULL && len < cap; word++) {
        if ((*(const unsigned *)field & word->value) != 0) {
            len += (size_t)snprintf(text + len, cap - len, "%s%s", len > 0 ? " " : "", word->word);
        }
    }
}

void cr_show_url(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    (void)key;
    (void)snprintf(text, cap, "%s", (const char *)field);
}

/* The thresholds of a level. */
static void show_thresholds(const struct cr_profile *slot, unsigned level, char *text, size_t cap)
{
    size_t len = 0;
    (void)snprintf(text, cap, "none");
    for (unsigned i = 0; i < slot->threshold_count; i++) {
        char time[32];
        if (slot->threshold[i].level != level) {
            continue;
        }
        show_ms(slot->threshold[i].before_s * 1000, time, sizeof time);
        len += (size_t)snprintf(text + len, cap - len, "%s%s", len > 0 ? "," : "", time);
    }
}

void cr_show_notice(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    (void)key;
    show_thresholds(field, 1, text, cap);
}

void cr_show_warning(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    (void)key;
    show_thresholds(field, 2, text, cap);
}

void cr_show_critical(const struct cr_config_key *key, const void *field, char *text, size_t cap)
{
    (void)key;
    show_thresholds(field, 3, text, cap);
}
