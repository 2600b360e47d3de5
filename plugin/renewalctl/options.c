#include "plugin/renewalctl/options.h"

#include "common/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIAL_DIGITS = 40 }; /* RFC 5280 section 4.1.2.2 */

void ctl_options_init(struct ctl_options *options)
{
    *options = (struct ctl_options){ .host = "localhost", .timeout_s = 10, .now_s = cr_wall_s(cr_clock_system()) };
}

void ctl_options_fini(struct ctl_options *options)
{
    explicit_bzero(options->password, sizeof options->password);
    free(options->word);
    options->word = NULL;
    options->words = 0;
}

bool ctl_options_tls(const struct ctl_options *options)
{
    return options->cafile[0] != '\0' || options->capath[0] != '\0' || options->cert[0] != '\0';
}

enum ctl_colour_mode ctl_options_colour(const struct ctl_options *options)
{
    return strcmp(options->colour, "always") == 0  ? CTL_COLOUR_ALWAYS
           : strcmp(options->colour, "never") == 0 ? CTL_COLOUR_NEVER
                                                   : CTL_COLOUR_AUTO;
}

static cr_err wrong(char why[CTL_WHY_CAP], const char *shown, const char *must, const char *value)
{
    (void)snprintf(why, CTL_WHY_CAP, "%.64s %s, not '%.40s'", shown, must, value);
    return CR_INVALID;
}

static bool number_read(unsigned *number, const char *text, size_t len, unsigned max)
{
    unsigned long long value = 0;
    if (len == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
        if (value > max) {
            return false;
        }
    }
    *number = (unsigned)value;
    return value > 0;
}

/* "30d" and its like, in seconds; 0: it is none. */
static int64_t duration_read(const char *text)
{
    static const struct { char unit; unsigned s; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    size_t len = strlen(text);
    unsigned number = 0;
    if (len < 2 || !number_read(&number, text, len - 1, 1000000000U)) {
        return 0;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text[len - 1] == units[i].unit) {
            return (int64_t)number * units[i].s;
        }
    }
    return 0;
}

/* A time as RFC 3339, from one, a day, or a duration from now in that direction. */
static cr_err time_set(char field[CR_NAME_CAP], int64_t now_s, int direction, const char *shown, const char *value,
                       char why[CTL_WHY_CAP])
{
    int64_t unix_s = 0;
    int64_t duration_s = duration_read(value);
    char day[40];
    (void)snprintf(day, sizeof day, "%.16sT00:00:00Z", value);
    if (duration_s > 0) {
        unix_s = now_s + direction * duration_s;
    } else if (cr_time_parse(&unix_s, value) != CR_OK && cr_time_parse(&unix_s, day) != CR_OK) {
        return wrong(why, shown, direction < 0
                     ? "is how long ago, such as 24h or 30d, a day (2026-11-21), or 2026-11-21T08:00:00Z"
                     : "is in how long, such as 2h or 7d, a day (2026-11-21), or 2026-11-21T08:00:00Z", value);
    }
    cr_time_text(field, unix_s);
    return CR_OK;
}

/* "quiet, issued or held" of "quiet|issued|held". */
static void choices_text(char *text, size_t cap, const char *choices)
{
    size_t at = 0;
    const char *last = strrchr(choices, '|');
    text[0] = '\0';
    for (const char *c = choices; *c != '\0' && at + 5 < cap; c++) {
        int n = *c != '|' ? snprintf(text + at, cap - at, "%c", *c)
                          : snprintf(text + at, cap - at, "%s", c == last ? " or " : ", ");
        at += n > 0 ? (size_t)n : 0;
    }
}

static bool choice_ok(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (len > 0 && strcspn(at, "|") == len && memcmp(at, value, len) == 0) {
            return true;
        }
    }
    return false;
}

static cr_err text_set(char *field, const char *shown, const char *value, char why[CTL_WHY_CAP])
{
    if (value[0] == '\0') {
        (void)snprintf(why, CTL_WHY_CAP, "%.64s needs a value that is not empty", shown);
        return CR_INVALID;
    }
    if (cr_text_copy(field, CTL_TEXT_CAP, value) != CR_OK) {
        (void)snprintf(why, CTL_WHY_CAP, "the value of %.64s is too long", shown);
        return CR_INVALID;
    }
    return CR_OK;
}

static cr_err list_add(struct ctl_list *list, const char *shown, const char *value, char why[CTL_WHY_CAP])
{
    if (value[0] == '\0') {
        (void)snprintf(why, CTL_WHY_CAP, "%.64s needs a value that is not empty", shown);
        return CR_INVALID;
    }
    if (list->count == CTL_LIST_MAX) {
        (void)snprintf(why, CTL_WHY_CAP, "%.64s can be given at most %d times", shown, CTL_LIST_MAX);
        return CR_INVALID;
    }
    list->value[list->count++] = value;
    return CR_OK;
}

cr_err ctl_option_set(struct ctl_options *options, const struct ctl_option *option, const char *shown,
                      const char *value, char why[CTL_WHY_CAP])
{
    char *field = (char *)options + option->offset;
    char must[256], names[200];
    const char *near;
    size_t len = 0;
    switch (option->kind) {
    case CTL_KIND_TEXT: return text_set(field, shown, value, why);
    case CTL_KIND_LIST: return list_add((struct ctl_list *)(void *)field, shown, value, why);
    case CTL_KIND_AGO: return time_set(field, options->now_s, -1, shown, value, why);
    case CTL_KIND_AHEAD: return time_set(field, options->now_s, 1, shown, value, why);
    case CTL_KIND_NUMBER:
        if (!number_read((unsigned *)(void *)field, value, strlen(value), option->max)) {
            (void)snprintf(must, sizeof must, "needs a number from 1 to %u", option->max);
            return wrong(why, shown, must, value);
        }
        return CR_OK;
    case CTL_KIND_NAME:
        if (!cr_name_ok(value, strlen(value)) || cr_text_copy(field, CR_NAME_CAP, value) != CR_OK) {
            (void)snprintf(must, sizeof must, "needs 1 to %d of A-Z a-z 0-9 . _ : -", CR_NAME_MAX);
            return wrong(why, shown, must, value);
        }
        return CR_OK;
    case CTL_KIND_CHOICE:
        if (!choice_ok(option->choices, value) || cr_text_copy(field, CR_NAME_CAP, value) != CR_OK) {
            choices_text(names, sizeof names, option->choices);
            near = ctl_choice_nearest(option->choices, value, &len);
            (void)snprintf(must, sizeof must, "is %s", names);
            (void)wrong(why, shown, must, value);
            if (near != NULL) {
                size_t end = strlen(why);
                (void)snprintf(why + end, CTL_WHY_CAP - end, "; did you mean %.*s?", (int)len, near);
            }
            return CR_INVALID;
        }
        return CR_OK;
    case CTL_KIND_SERIAL:
        len = strlen(value);
        if (len == 0 || len > SERIAL_DIGITS || strspn(value, "0123456789abcdefABCDEF") != len ||
            cr_text_copy(field, CR_NAME_CAP, value) != CR_OK) {
            return wrong(why, shown, "is 1 to 40 hex digits", value);
        }
        if (len % 2 != 0) { /* whole octets, as they are kept */
            memmove(field + 1, field, len + 1);
            field[0] = '0';
        }
        for (char *c = field; *c != '\0'; c++) {
            *c = (char)(*c >= 'A' && *c <= 'F' ? *c - 'A' + 'a' : *c);
        }
        return CR_OK;
    case CTL_KIND_DURATION:
        if (duration_read(value) == 0 || cr_text_copy(field, CR_NAME_CAP, value) != CR_OK) {
            return wrong(why, shown, "is a time such as 30d, 12h, 90m or 45s", value);
        }
        return CR_OK;
    case CTL_KIND_FLAG: *(bool *)(void *)field = true; return CR_OK;
    case CTL_KIND_HELP: options->help = true; return CR_OK;
    case CTL_KIND_VERSION: options->version = true; return CR_OK;
    case CTL_KIND_CONFIG: /* it was read before: ctl_options_config_path */
        if (value[0] == '\0') {
            (void)snprintf(why, CTL_WHY_CAP, "%.64s needs a file", shown);
            return CR_INVALID;
        }
        return CR_OK;
    }
    return CR_BUG;
}

static cr_err config_line(struct ctl_options *options, char *line, unsigned number, char why[CTL_WHY_CAP])
{
    char *name = line + strspn(line, " \t");
    size_t len = strlen(name);
    while (len > 0 && (name[len - 1] == ' ' || name[len - 1] == '\t' || name[len - 1] == '\r')) {
        name[--len] = '\0';
    }
    if (len == 0 || name[0] == '#') {
        return CR_OK;
    }
    size_t name_len = strcspn(name, " \t");
    const struct ctl_option *option = ctl_option_by_name(name, name_len, CTL_FOR_ALL);
    char shown[80], problem[CTL_WHY_CAP];
    (void)snprintf(shown, sizeof shown, "%.*s", name_len > 64 ? 64 : (int)name_len, name);
    if (option == NULL || !option->in_file) {
        (void)snprintf(why, CTL_WHY_CAP, "line %u: unknown key '%s'", number, shown);
        return CR_INVALID;
    }
    char *value = name + name_len;
    value += strspn(value, " \t");
    if (option->kind == CTL_KIND_FLAG && strcmp(value, "true") != 0) {
        if (strcmp(value, "false") == 0) {
            return CR_OK;
        }
        (void)snprintf(why, CTL_WHY_CAP, "line %u: %s is true or false", number, shown);
        return CR_INVALID;
    }
    if (ctl_option_set(options, option, shown, value, problem) != CR_OK) {
        (void)snprintf(why, CTL_WHY_CAP, "line %u: %.200s", number, problem);
        return CR_INVALID;
    }
    return CR_OK;
}

cr_err ctl_options_config(struct ctl_options *options, struct cr_bytes text, char why[CTL_WHY_CAP])
{
    unsigned number = 0;
    size_t at = 0;
    while (at < text.len) {
        const uint8_t *start = text.data + at;
        const uint8_t *end = memchr(start, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - start);
        char line[2 * CTL_TEXT_CAP];
        number++;
        if (len >= sizeof line || memchr(start, '\0', len) != NULL) {
            (void)snprintf(why, CTL_WHY_CAP, "line %u: too long, or no text", number);
            return CR_INVALID;
        }
        memcpy(line, start, len);
        line[len] = '\0';
        cr_err err = config_line(options, line, number, why);
        explicit_bzero(line, sizeof line); /* it may have held the password */
        if (err != CR_OK) {
            return err;
        }
        at += len + 1;
    }
    return CR_OK;
}

cr_err ctl_options_check(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    if ((options->cert[0] == '\0') != (options->key[0] == '\0')) {
        (void)snprintf(why, CTL_WHY_CAP, "--cert and --key need each other");
        return CR_INVALID;
    }
    return CR_OK;
}
