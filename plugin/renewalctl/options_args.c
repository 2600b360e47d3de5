#include "plugin/renewalctl/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An option as it stands among the arguments. */
struct place {
    char shown[80];
    const char *name; /* NULL: a letter */
    size_t len;
    char letter;
    const char *value; /* in the same word; NULL: none there */
};

static void place_read(struct place *place, const char *word)
{
    *place = (struct place){ .letter = word[1] };
    if (word[1] == '-') {
        place->name = word + 2;
        place->len = strcspn(word + 2, "=");
        place->value = word[2 + place->len] == '=' ? word + 2 + place->len + 1 : NULL;
        (void)snprintf(place->shown, sizeof place->shown, "--%.*s", place->len > 64 ? 64 : (int)place->len, word + 2);
    } else {
        place->value = word[1] != '\0' && word[2] != '\0' ? word + 2 : NULL;
        (void)snprintf(place->shown, sizeof place->shown, "%.2s", word);
    }
}

static const struct ctl_option *place_option(const struct place *place, unsigned groups)
{
    const struct ctl_option *option = place->name != NULL ? ctl_option_by_name(place->name, place->len, groups)
                                                          : ctl_option_by_letter(place->letter);
    return option != NULL && (option->groups & groups) != 0 ? option : NULL;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* The first pass: the words that are no options, in order, on the heap. */
static cr_err words_collect(struct ctl_options *options, int argc, char *const *argv, char why[CTL_WHY_CAP])
{
    bool only_words = false;
    free(options->word);
    options->words = 0;
    options->word = calloc((size_t)argc + 1, sizeof *options->word);
    if (options->word == NULL) {
        (void)snprintf(why, CTL_WHY_CAP, "out of memory");
        return CR_NOMEM;
    }
    for (int i = 1; i < argc; i++) {
        struct place place;
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (only_words || !is_option(argv[i])) {
            options->word[options->words++] = argv[i];
        } else {
            place_read(&place, argv[i]);
            const struct ctl_option *option = place_option(&place, ~0U);
            if (option == NULL) {
                (void)snprintf(why, CTL_WHY_CAP, "unknown option '%s'; see renewalctl --help", place.shown);
                return CR_INVALID;
            }
            i += option->value != NULL && place.value == NULL;
        }
    }
    return CR_OK;
}

static cr_err option_take(struct ctl_options *options, const struct ctl_option *option, const struct place *place,
                          const char *next, char why[CTL_WHY_CAP])
{
    if (option->value == NULL && place->value != NULL) {
        (void)snprintf(why, CTL_WHY_CAP, "%s takes no value", place->shown);
        return CR_INVALID;
    }
    if (option->value != NULL && place->value == NULL && next == NULL) {
        (void)snprintf(why, CTL_WHY_CAP, "%s needs a value, %s; see renewalctl --help", place->shown, option->value);
        return CR_INVALID;
    }
    return ctl_option_set(options, option, place->shown,
                          option->value == NULL ? "" : place->value != NULL ? place->value : next, why);
}

/* The second: the options, as far as the command takes them. */
static cr_err options_take(struct ctl_options *options, int argc, char *const *argv, char why[CTL_WHY_CAP])
{
    const struct ctl_command *command = options->command;
    unsigned groups = CTL_FOR_ALL | (command != NULL ? command->groups : 0);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        struct place place;
        if (!is_option(argv[i])) {
            continue;
        }
        place_read(&place, argv[i]);
        const struct ctl_option *option = place_option(&place, groups);
        if (option == NULL && command != NULL) {
            (void)snprintf(why, CTL_WHY_CAP, "%s takes no %s; see renewalctl %s --help", command->name, place.shown,
                           command->name);
            return CR_INVALID;
        }
        option = option != NULL ? option : place_option(&place, ~0U);
        cr_err err = option_take(options, option, &place, i + 1 < argc ? argv[i + 1] : NULL, why);
        if (err != CR_OK) {
            return err;
        }
        i += option->value != NULL && place.value == NULL;
    }
    return CR_OK;
}

/* "campaign --help": the word of several commands, and nothing but a question for them. */
static bool family_asked(const struct ctl_options *options, int argc, char *const *argv)
{
    const struct ctl_command *command;
    bool asked = false, there = false;
    for (int i = 1; i < argc; i++) {
        asked = asked || strcmp(argv[i], "--help") == 0;
    }
    for (size_t i = 0; asked && options->words == 1 && (command = ctl_command_at(i)) != NULL; i++) {
        there = there || ctl_command_family(command, options->word[0]);
    }
    return there;
}

/* Takes the command's name, one word or two, off the words. */
static cr_err command_take(struct ctl_options *options, int argc, char *const *argv, char why[CTL_WHY_CAP])
{
    size_t taken = 0;
    options->command = ctl_command_find(options->word, options->words, &taken);
    if (options->words > 0 && options->command == NULL && !family_asked(options, argc, argv)) {
        ctl_command_unknown(why, options->word, options->words);
        return CR_INVALID;
    }
    options->words -= taken;
    for (size_t i = 0; i < options->words; i++) {
        options->word[i] = options->word[i + taken];
    }
    return CR_OK;
}

static cr_err words_check(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    const struct ctl_command *command = options->command;
    if (options->words < command->words_min) {
        (void)snprintf(why, CTL_WHY_CAP, "%s needs %s; see renewalctl %s --help", command->name, command->needs,
                       command->name);
        return CR_INVALID;
    }
    if (options->words > command->words_max) {
        (void)snprintf(why, CTL_WHY_CAP, "there is nothing to do with '%.40s'; see renewalctl %s --help",
                       options->word[command->words_max], command->name);
        return CR_INVALID;
    }
    for (size_t i = 0; i < options->words; i++) {
        if (i < command->names && !cr_name_ok(options->word[i], strlen(options->word[i]))) {
            (void)snprintf(why, CTL_WHY_CAP, "%s is 1 to %d of A-Z a-z 0-9 . _ : -, not '%.40s'",
                           command->needs != NULL ? command->needs : "a name", CR_NAME_MAX, options->word[i]);
            return CR_INVALID;
        }
    }
    return command->check != NULL ? command->check(options, why) : CR_OK;
}

cr_err ctl_options_args(struct ctl_options *options, int argc, char *const *argv, char why[CTL_WHY_CAP])
{
    cr_err err = CR_INVALID;
    options->help = options->version = false;
    options->group.count = options->add.count = options->remove.count = options->tags.count = 0;
    CR_TRY(words_collect(options, argc, argv, why));
    CR_TRY(command_take(options, argc, argv, why));
    CR_TRY(options_take(options, argc, argv, why));
    if (options->help || options->version) {
        return CR_OK;
    }
    if (options->command == NULL) {
        (void)snprintf(why, CTL_WHY_CAP, "a command is needed, such as status or devices; see renewalctl --help");
        return CR_INVALID;
    }
    err = words_check(options, why);
out:
    return err;
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
