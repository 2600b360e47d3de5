#include "plugin/renewalctl/options.h"

#include "common/message.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_NUMBER, KIND_FLAG, KIND_NAME, KIND_REASON, KIND_CONFIG, KIND_HELP, KIND_VERSION };

/* One row is an option of the command line and, with in_file, a key of the configuration file. */
struct option {
    char letter; /* 0: none */
    const char *name;
    enum kind kind;
    size_t offset;
    unsigned max;
    bool in_file, only_trigger;
};

#define AT(field) offsetof(struct ctl_options, field)
static const struct option option_table[] = {
    { 'h', "host", KIND_TEXT, AT(host), 0, true, false },
    { 'p', "port", KIND_NUMBER, AT(port), 65535, true, false },
    { 'u', "username", KIND_TEXT, AT(username), 0, true, false },
    { 'P', "password", KIND_TEXT, AT(password), 0, true, false },
    { 0, "pw", KIND_TEXT, AT(password), 0, false, false },
    { 0, "cafile", KIND_TEXT, AT(cafile), 0, true, false },
    { 0, "capath", KIND_TEXT, AT(capath), 0, true, false },
    { 0, "cert", KIND_TEXT, AT(cert), 0, true, false },
    { 0, "key", KIND_TEXT, AT(key), 0, true, false },
    { 'i', "id", KIND_TEXT, AT(id), 0, true, false },
    { 0, "insecure", KIND_FLAG, AT(insecure), 0, true, false },
    { 0, "timeout", KIND_NUMBER, AT(timeout_s), CTL_TIMEOUT_MAX_S, true, false },
    { 0, "json", KIND_FLAG, AT(json), 0, false, false },
    { 0, "slot", KIND_NAME, AT(slot), 0, false, true },
    { 0, "reason", KIND_REASON, AT(reason), 0, false, true },
    { 0, "config", KIND_CONFIG, 0, 0, false, false },
    { 0, "help", KIND_HELP, 0, 0, false, false },
    { 0, "version", KIND_VERSION, 0, 0, false, false },
};
static const char *const action_names[] = {
    [CTL_STATUS] = "status", [CTL_DEVICE] = "device", [CTL_TRIGGER] = "trigger", [CTL_HELP] = "help",
};
enum { OPTION_COUNT = sizeof option_table / sizeof option_table[0], ACTION_COUNT = CTL_HELP + 1 };

void ctl_options_init(struct ctl_options *options)
{
    *options = (struct ctl_options){ .action = CTL_HELP, .help_for = CTL_HELP, .host = "localhost", .timeout_s = 10 };
}

void ctl_options_fini(struct ctl_options *options)
{
    explicit_bzero(options->password, sizeof options->password);
}

bool ctl_options_tls(const struct ctl_options *options)
{
    return options->cafile[0] != '\0' || options->capath[0] != '\0' || options->cert[0] != '\0';
}

static bool takes_value(const struct option *option)
{
    return option->kind != KIND_FLAG && option->kind != KIND_HELP && option->kind != KIND_VERSION;
}

static const struct option *option_by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(option_table[i].name) == len && memcmp(option_table[i].name, name, len) == 0) {
            return &option_table[i];
        }
    }
    return NULL;
}

static const struct option *option_by_letter(char letter)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (letter != '\0' && option_table[i].letter == letter) {
            return &option_table[i];
        }
    }
    return NULL;
}

static bool number_read(unsigned *number, const char *text, unsigned max)
{
    unsigned value = 0;
    if (text[0] == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(*text - '0');
        if (value > max) {
            return false;
        }
    }
    *number = value;
    return value > 0;
}

/* Stores a value. `shown` is how the user wrote the option. */
static cr_err option_set(struct ctl_options *options, const struct option *option, const char *shown,
                         const char *value, char why[CTL_WHY_CAP])
{
    char *field = (char *)options + option->offset;
    switch (option->kind) {
    case KIND_TEXT:
        if (value[0] == '\0') {
            (void)snprintf(why, CTL_WHY_CAP, "%.64s needs a value that is not empty", shown);
            return CR_INVALID;
        }
        if (cr_text_copy(field, CTL_TEXT_CAP, value) != CR_OK) {
            (void)snprintf(why, CTL_WHY_CAP, "the value of %.64s is too long", shown);
            return CR_INVALID;
        }
        return CR_OK;
    case KIND_NUMBER:
        if (!number_read((unsigned *)(void *)field, value, option->max)) {
            (void)snprintf(why, CTL_WHY_CAP, "%.64s needs a number from 1 to %u, not '%.40s'", shown, option->max,
                           value);
            return CR_INVALID;
        }
        return CR_OK;
    case KIND_NAME:
        if (!cr_name_ok(value, strlen(value)) || cr_text_copy(field, CR_NAME_CAP, value) != CR_OK) {
            (void)snprintf(why, CTL_WHY_CAP, "%.64s needs 1 to %d of A-Z a-z 0-9 . _ : -, not '%.40s'", shown,
                           CR_NAME_MAX, value);
            return CR_INVALID;
        }
        return CR_OK;
    case KIND_REASON: {
        enum cr_renew_reason reason = cr_renew_reason_parse(value);
        if (reason == CR_RENEW_NONE || reason == CR_RENEW_COUNT || cr_text_copy(field, CR_NAME_CAP, value) != CR_OK) {
            (void)snprintf(why, CTL_WHY_CAP,
                           "%.64s is expiry, operator, campaign, ca-rotation, regression or policy, not '%.40s'", shown,
                           value);
            return CR_INVALID;
        }
        return CR_OK;
    }
    case KIND_FLAG:
        *(bool *)(void *)field = true;
        return CR_OK;
    case KIND_HELP:
        options->help_for = options->action;
        options->action = CTL_HELP;
        return CR_OK;
    case KIND_VERSION:
        options->action = CTL_VERSION;
        return CR_OK;
    case KIND_CONFIG: /* it was read before: ctl_options_config_path */
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
    const struct option *option = option_by_name(name, name_len);
    char shown[80], problem[CTL_WHY_CAP];
    (void)snprintf(shown, sizeof shown, "%.*s", name_len > 64 ? 64 : (int)name_len, name);
    if (option == NULL || !option->in_file) {
        (void)snprintf(why, CTL_WHY_CAP, "line %u: unknown key '%s'", number, shown);
        return CR_INVALID;
    }
    char *value = name + name_len;
    value += strspn(value, " \t");
    if (option->kind == KIND_FLAG && strcmp(value, "true") != 0) {
        if (strcmp(value, "false") == 0) {
            return CR_OK;
        }
        (void)snprintf(why, CTL_WHY_CAP, "line %u: %s is true or false", number, shown);
        return CR_INVALID;
    }
    if (option_set(options, option, shown, value, problem) != CR_OK) {
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

/* One option at argv[*i], its value there or in the next word. */
static cr_err args_option(struct ctl_options *options, int argc, char *const *argv, int *i, bool *trigger_option,
                          char why[CTL_WHY_CAP])
{
    const char *word = argv[*i];
    const char *value = NULL;
    const struct option *option;
    char shown[80];
    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");
        option = option_by_name(word + 2, len);
        if (word[2 + len] == '=') {
            value = word + 2 + len + 1;
        }
        (void)snprintf(shown, sizeof shown, "--%.*s", len > 64 ? 64 : (int)len, word + 2);
    } else {
        option = option_by_letter(word[1]);
        if (word[1] != '\0' && word[2] != '\0') {
            value = word + 2;
        }
        (void)snprintf(shown, sizeof shown, "%.2s", word);
    }
    if (option == NULL) {
        (void)snprintf(why, CTL_WHY_CAP, "unknown option '%s'; see renewalctl --help", shown);
        return CR_INVALID;
    }
    if (!takes_value(option)) {
        if (value != NULL) {
            (void)snprintf(why, CTL_WHY_CAP, "%s takes no value", shown);
            return CR_INVALID;
        }
        value = "";
    } else if (value == NULL) {
        if (*i + 1 >= argc) {
            (void)snprintf(why, CTL_WHY_CAP, "%s needs a value", shown);
            return CR_INVALID;
        }
        value = argv[++*i];
    }
    *trigger_option = *trigger_option || option->only_trigger;
    return option_set(options, option, shown, value, why);
}

static cr_err args_word(struct ctl_options *options, const char *word, unsigned nth, enum ctl_action *action,
                        char why[CTL_WHY_CAP])
{
    if (nth == 0 || (nth == 1 && *action == CTL_HELP)) {
        for (unsigned a = 0; a < ACTION_COUNT; a++) {
            if (strcmp(word, action_names[a]) == 0) {
                *(nth == 0 ? action : &options->help_for) = (enum ctl_action)a;
                return CR_OK;
            }
        }
        (void)snprintf(why, CTL_WHY_CAP, "unknown command '%.40s'; there are status, device and trigger", word);
        return CR_INVALID;
    }
    if (nth == 1 && (*action == CTL_DEVICE || *action == CTL_TRIGGER)) {
        if (!cr_name_ok(word, strlen(word)) || cr_text_copy(options->device, sizeof options->device, word) != CR_OK) {
            (void)snprintf(why, CTL_WHY_CAP, "a device's id is 1 to %d of A-Z a-z 0-9 . _ : -, not '%.40s'",
                           CR_NAME_MAX, word);
            return CR_INVALID;
        }
        return CR_OK;
    }
    (void)snprintf(why, CTL_WHY_CAP, "there is nothing to do with '%.40s'", word);
    return CR_INVALID;
}

cr_err ctl_options_args(struct ctl_options *options, int argc, char *const *argv, char why[CTL_WHY_CAP])
{
    cr_err err = CR_INVALID;
    enum ctl_action action = CTL_HELP;
    unsigned words = 0;
    bool only_words = false, trigger_option = false;
    options->action = CTL_STATUS; /* --help and --version change it */
    options->help_for = CTL_HELP;
    for (int i = 1; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && argv[i][0] == '-' && argv[i][1] != '\0') {
            CR_TRY(args_option(options, argc, argv, &i, &trigger_option, why));
        } else {
            CR_TRY(args_word(options, argv[i], words, &action, why));
            words++;
        }
    }
    err = CR_OK;
    if (options->action == CTL_VERSION) {
        return CR_OK;
    }
    if (options->action == CTL_HELP) {
        options->help_for = words > 0 ? action : CTL_HELP;
        return CR_OK;
    }
    options->action = action;
    if (words == 0) {
        (void)snprintf(why, CTL_WHY_CAP, "a command is needed: status, device or trigger; see renewalctl --help");
        err = CR_INVALID;
    } else if ((action == CTL_DEVICE || action == CTL_TRIGGER) && options->device[0] == '\0') {
        (void)snprintf(why, CTL_WHY_CAP, "%s needs a device's id", action_names[action]);
        err = CR_INVALID;
    } else if (trigger_option && action != CTL_TRIGGER) {
        (void)snprintf(why, CTL_WHY_CAP, "--slot and --reason belong to trigger");
        err = CR_INVALID;
    }
out:
    return err;
}

cr_err ctl_options_check(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    if ((options->cert[0] == '\0') != (options->key[0] == '\0')) {
        (void)snprintf(why, CTL_WHY_CAP, "--cert and --key need each other");
        return CR_INVALID;
    }
    return CR_OK;
}

void ctl_options_config_path(char path[CTL_TEXT_CAP], bool *asked, int argc, char *const *argv)
{
    path[0] = '\0';
    *asked = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value = NULL;
        if (strcmp(argv[i], "--config") == 0) {
            value = i + 1 < argc ? argv[i + 1] : "";
        } else if (strncmp(argv[i], "--config=", 9) == 0) {
            value = argv[i] + 9;
        }
        if (value != NULL) {
            *asked = true;
            if (cr_text_copy(path, CTL_TEXT_CAP, value) != CR_OK) {
                path[0] = '\0';
            }
        }
    }
    if (*asked) {
        return;
    }
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int n = 0;
    if (base != NULL && base[0] == '/') {
        n = snprintf(path, CTL_TEXT_CAP, "%s/renewalctl", base);
    } else if (home != NULL && home[0] != '\0') {
        n = snprintf(path, CTL_TEXT_CAP, "%s/.config/renewalctl", home);
    }
    if (n < 0 || n >= CTL_TEXT_CAP) {
        path[0] = '\0';
    }
}
