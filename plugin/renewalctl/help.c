#include "plugin/renewalctl/command.h"

#include <string.h>

enum { NAME_WIDTH = 22, TEXT_WIDTH = 79 };

/* A paragraph, its lines broken between words. */
static void paragraph_write(FILE *out, const char *text)
{
    size_t column = 0;
    for (const char *word = text; *word != '\0';) {
        size_t len = strcspn(word, " ");
        if (column > 0) {
            bool fits = column + 1 + len <= TEXT_WIDTH;
            (void)fputc(fits ? ' ' : '\n', out);
            column = fits ? column + 1 : 0;
        }
        (void)fprintf(out, "%.*s", (int)len, word);
        column += len;
        word += len;
        word += *word == ' ';
    }
    (void)fputc('\n', out);
}

static void option_write(FILE *out, const struct ctl_option *option)
{
    char name[80];
    const char *text = option->text;
    if (text == NULL) {
        return;
    }
    int n = option->letter != '\0' ? snprintf(name, sizeof name, "-%c, ", option->letter) : 0;
    (void)snprintf(name + n, sizeof name - (size_t)n, "--%s%s%s", option->name, option->value != NULL ? " " : "",
                   option->value != NULL ? option->value : "");
    (void)fprintf(out, "  %-*s ", NAME_WIDTH, name);
    for (const char *line = text; line != NULL;) {
        size_t len = strcspn(line, "\n");
        (void)fprintf(out, "%.*s\n", (int)len, line);
        line = line[len] == '\n' ? line + len + 1 : NULL;
        if (line != NULL) {
            (void)fprintf(out, "%*s", NAME_WIDTH + 3, "");
        }
    }
}

static bool options_write(FILE *out, const char *title, unsigned groups)
{
    bool any = false;
    for (size_t i = 0; i < ctl_option_count; i++) {
        if ((ctl_option_table[i].groups & groups) != 0) {
            (void)fputs(any ? "" : title, out);
            any = true;
            option_write(out, &ctl_option_table[i]);
        }
    }
    return any;
}

static void command_write(FILE *out, const struct ctl_command *command)
{
    paragraph_write(out, command->text);
    (void)fprintf(out, "\nUsage: renewalctl [OPTION...] %s%s%s\n", command->name, command->words[0] != '\0' ? " " : "",
                  command->words);
    (void)options_write(out, "\n", command->groups & ~(unsigned)CTL_FOR_ALL);
    if (command->more != NULL) {
        (void)fputc('\n', out);
        paragraph_write(out, command->more);
    }
    (void)fprintf(out, "\nExamples:\n%s\n", command->examples);
    if (!command->offline) {
        (void)fputs("\nThe connection's options, --json and --color: renewalctl --help\n", out);
    }
}

bool ctl_help_family(FILE *out, const char *word)
{
    const struct ctl_command *command;
    bool any = false;
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        if (ctl_command_family(command, word)) {
            (void)fprintf(out, "%s  %-*s %s\n", any ? "" : "Commands (renewalctl COMMAND --help says more):\n",
                          NAME_WIDTH - 6, command->name, command->brief);
            any = true;
        }
    }
    return any;
}

void ctl_help_write(FILE *out, const struct ctl_command *command)
{
    if (command != NULL && strcmp(command->name, "help") != 0) {
        command_write(out, command);
        return;
    }
    (void)fputs("renewalctl asks a Mosquitto broker's certificate renewal plugin, and steers it.\n"
                "\n"
                "Usage: renewalctl [OPTION...] COMMAND\n"
                "\n"
                "Commands (renewalctl COMMAND --help says more):\n", out);
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        (void)fprintf(out, "  %-*s %s\n", NAME_WIDTH - 6, command->name, command->brief);
    }
    (void)options_write(out, "\nOptions, those of the connection as with mosquitto_pub:\n", CTL_FOR_ALL);
    (void)fputs("\nExit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no connection.\n", out);
}
