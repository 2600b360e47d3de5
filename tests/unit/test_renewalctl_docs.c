/* renewalctl: --help, the man page and the completion say what the table of commands says, and nothing else; and every
 * example is a command that it takes. */
#include "tests/unit/ctl_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FILE_MAX = 256 * 1024, NAMES_CAP = 2048 };

static char *file_text(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, CR_RENEWALCTL_DIR "/%s", name);
    FILE *file = fopen(path, "re");
    char *text = malloc(FILE_MAX);
    if (file == NULL || text == NULL) {
        fail_msg("cannot read %s", path);
    }
    text[fread(text, 1, FILE_MAX - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static char *help_text(const struct ctl_command *command)
{
    static char buffer[32 * 1024];
    memset(buffer, 0, sizeof buffer);
    FILE *out = fmemopen(buffer, sizeof buffer - 1, "w");
    assert_non_null(out);
    ctl_help_write(out, command);
    assert_int_equal(fclose(out), 0);
    return strdup(buffer);
}

/* " --a --b " of the options of these groups that --help tells, in the table's order. */
static void names_of(char names[NAMES_CAP], unsigned groups)
{
    size_t at = (size_t)snprintf(names, NAMES_CAP, " ");
    for (size_t i = 0; i < ctl_option_count; i++) {
        if ((ctl_option_table[i].groups & groups) != 0 && ctl_option_table[i].text != NULL) {
            at += (size_t)snprintf(names + at, NAMES_CAP - at, "--%s ", ctl_option_table[i].name);
        }
    }
}

static void same_names(const char *where, const char *found, unsigned groups)
{
    char expected[NAMES_CAP];
    names_of(expected, groups);
    if (strcmp(found, expected) != 0) {
        fail_msg("%s has the options%sbut the table%s", where, found, expected);
    }
}

/* The options whose lines begin like that in a text, up to its end mark. */
static void lines_with(char names[NAMES_CAP], const char *text, const char *end, bool roff)
{
    size_t at = (size_t)snprintf(names, NAMES_CAP, " ");
    for (const char *line = text; line < end; line += strcspn(line, "\n") + 1) {
        size_t len = strcspn(line, "\n");
        const char *dashes = strstr(line, roff ? "\\-\\-" : "--");
        if (dashes == NULL || dashes >= line + len || (roff ? strncmp(line, "\\fB", 3) : strncmp(line, "  -", 3)) != 0) {
            continue;
        }
        at += (size_t)snprintf(names + at, NAMES_CAP - at, "--");
        for (const char *c = dashes + (roff ? 4 : 2); strchr(" \n", *c) == NULL && strncmp(c, "\\fR", 3) != 0; c++) {
            if (*c != '\\') {
                names[at++] = *c;
            }
        }
        names[at++] = ' ';
        names[at] = '\0';
    }
}

static void help_has_every_option_and_fits_a_terminal(void **state)
{
    (void)state;
    char names[NAMES_CAP];
    const struct ctl_command *command = NULL;
    for (size_t i = 0; i == 0 || (command = ctl_command_at(i - 1)) != NULL; i++) {
        char *text = help_text(command);
        const char *end = strstr(text, "\nExamples:");
        if (command == NULL || strcmp(command->name, "help") != 0) {
            lines_with(names, text, end != NULL ? end : text + strlen(text), false);
            same_names(command != NULL ? command->name : "--help", names,
                       command != NULL ? command->groups : (unsigned)CTL_FOR_ALL);
        }
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
            if (strcspn(line, "\n") > 80) {
                fail_msg("too long: %.*s", (int)strcspn(line, "\n"), line);
            }
        }
        free(text);
    }
    char *all = help_text(NULL);
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        char line[200];
        (void)snprintf(line, sizeof line, "\n  %-16s %s\n", command->name, command->brief);
        assert_non_null(strstr(all, line));
    }
    free(all);
}

static void the_man_page_is_the_table(void **state)
{
    (void)state;
    char *man = file_text("renewalctl.1"), names[NAMES_CAP], section[80];
    const struct ctl_command *command;
    const char *at = strstr(man, ".SH OPTIONS\n");
    const char *commands = strstr(man, ".SH COMMANDS\n"), *end = strstr(man, ".SH \"EXIT STATUS\"");
    assert_true(at != NULL && commands != NULL && end != NULL);
    lines_with(names, at, commands, true);
    same_names("the man page's OPTIONS", names, CTL_FOR_ALL);
    at = commands;
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        (void)snprintf(section, sizeof section, "\n.SS \"%s\"\n", command->name);
        const char *start = strstr(at, section);
        if (start == NULL || start != strstr(at, "\n.SS ")) {
            fail_msg("the man page's next section is not %s", command->name);
        }
        const char *next = strstr(start + 1, "\n.SS ");
        lines_with(names, start + 1, next != NULL ? next : end, true);
        same_names(command->name, names, command->groups);
        at = start + 1;
    }
    assert_null(strstr(at, "\n.SS "));
    free(man);
}

static void the_completion_is_the_table(void **state)
{
    (void)state;
    char *text = file_text("renewalctl.bash"), names[NAMES_CAP], line[NAMES_CAP + 100];
    const struct ctl_command *command;
    unsigned cases = 0;
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        names_of(names, command->groups);
        names[strlen(names) - 1] = '\0';
        (void)snprintf(line, sizeof line, "    \"%s\") options=\"%s\" ;;\n", command->name, names + (names[0] != '\0'));
        if (strstr(text, line) == NULL) {
            fail_msg("the completion has no line %s", line);
        }
    }
    names_of(names, CTL_FOR_ALL);
    names[strlen(names) - 1] = '\0';
    (void)snprintf(line, sizeof line, "    local all=\"%s\"\n", names + 1);
    assert_non_null(strstr(text, line));
    for (const char *at = text; (at = strstr(at, "\") options=\"")) != NULL; at++) {
        cases++;
    }
    assert_int_equal(cases, ctl_commands_fleet_count + ctl_commands_trust_count + ctl_commands_more_count);
    /* which options take no value */
    for (size_t i = 0; i < ctl_option_count; i++) {
        (void)snprintf(line, sizeof line, "| --%s ", ctl_option_table[i].name);
        const char *flags = strstr(text, "        --*=* | "), *flags_end = strchr(flags, ')');
        const char *found = strstr(flags, line);
        char last[80];
        (void)snprintf(last, sizeof last, "| --%s)", ctl_option_table[i].name);
        bool is_flag = (found != NULL && found < flags_end) || strncmp(flags_end + 1 - strlen(last), last, strlen(last)) == 0;
        if (is_flag != (ctl_option_table[i].value == NULL)) {
            fail_msg("the completion is wrong about whether --%s takes a value", ctl_option_table[i].name);
        }
    }
    free(text);
}

/* The words of an example, up to what the shell does with it; ' quotes. */
static int words_of(char *line, char *argv[], int max)
{
    int argc = 0;
    for (char *at = line; *at != '\0' && *at != '|' && *at != '>' && *at != '&' && argc < max;) {
        char *to = at;
        bool quoted = false;
        argv[argc++] = at;
        for (; *at != '\0' && (quoted || *at != ' '); at++) {
            if (*at == '\'') {
                quoted = !quoted;
            } else {
                *to++ = *at;
            }
        }
        at += strspn(at, " ");
        *to = '\0';
    }
    return argc;
}

static void every_example_is_taken(void **state)
{
    (void)state;
    const struct ctl_command *command;
    static struct ctl_options o;
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        char text[1024], line[512] = "", why[CTL_WHY_CAP] = "", *argv[32];
        unsigned own = 0;
        assert_int_equal(cr_text_copy(text, sizeof text, command->examples), CR_OK);
        for (char *at = text; at != NULL;) {
            char *end = strchr(at, '\n');
            at += strspn(at, " ");
            size_t len = end != NULL ? (size_t)(end - at) : strlen(at), have = strlen(line);
            bool goes_on = len > 0 && at[len - 1] == '\\';
            (void)snprintf(line + have, sizeof line - have, "%.*s", (int)(len - goes_on), at);
            at = end != NULL ? end + 1 : NULL;
            if (goes_on) {
                continue;
            }
            print_message("%s\n", line);
            ctl_options_init(&o);
            int argc = words_of(line, argv, 32);
            assert_string_equal(argv[0], "renewalctl");
            if (ctl_options_args(&o, argc, argv, why) != CR_OK && strcmp(command->name, "audit verify") != 0) {
                fail_msg("%s", why);
            }
            own += o.command == command;
            ctl_options_fini(&o);
            line[0] = '\0';
        }
        assert_true(own > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_has_every_option_and_fits_a_terminal),
        cmocka_unit_test(the_man_page_is_the_table),
        cmocka_unit_test(the_completion_is_the_table),
        cmocka_unit_test(every_example_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
