#include "plugin/renewalctl/command.h"

#include <stdio.h>
#include <string.h>

const struct ctl_command *ctl_command_at(size_t index)
{
    if (index < ctl_commands_fleet_count) {
        return &ctl_commands_fleet[index];
    }
    index -= ctl_commands_fleet_count;
    if (index < ctl_commands_trust_count) {
        return &ctl_commands_trust[index];
    }
    index -= ctl_commands_trust_count;
    return index < ctl_commands_more_count ? &ctl_commands_more[index] : NULL;
}

/* How many words the name takes of these; 0: it is not their beginning. */
static size_t name_words(const char *name, const char *const *word, size_t words)
{
    size_t len = strcspn(name, " ");
    if (words == 0 || strlen(word[0]) != len || strncmp(word[0], name, len) != 0) {
        return 0;
    }
    if (name[len] == '\0') {
        return 1;
    }
    return words > 1 && strcmp(word[1], name + len + 1) == 0 ? 2 : 0;
}

const struct ctl_command *ctl_command_find(const char *const *word, size_t words, size_t *taken)
{
    const struct ctl_command *found = NULL, *command;
    *taken = 0;
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        size_t n = name_words(command->name, word, words);
        if (n > *taken) {
            *taken = n;
            found = command;
        }
    }
    return found;
}

bool ctl_command_family(const struct ctl_command *command, const char *word)
{
    size_t len = strlen(word);
    return strncmp(command->name, word, len) == 0 && command->name[len] == ' ';
}

void ctl_command_unknown(char why[CTL_WHY_CAP], const char *const *word, size_t words)
{
    const struct ctl_command *command;
    char list[200] = "";
    size_t at = 0;
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        if (ctl_command_family(command, word[0])) {
            int n = snprintf(list + at, sizeof list - at, "%s%s", at > 0 ? ", " : "",
                             command->name + strlen(word[0]) + 1);
            at += n > 0 && (size_t)n < sizeof list - at ? (size_t)n : 0;
        }
    }
    if (at == 0) {
        (void)snprintf(why, CTL_WHY_CAP, "unknown command '%.40s'; see renewalctl --help", word[0]);
    } else if (words > 1) {
        (void)snprintf(why, CTL_WHY_CAP, "unknown command '%s %.40s'; there are %s", word[0], word[1], list);
    } else {
        (void)snprintf(why, CTL_WHY_CAP, "%s needs one of %s", word[0], list);
    }
}
