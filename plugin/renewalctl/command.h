/* command: the table of renewalctl's commands: one row says how a command is written, what it asks of the plugin, how
 * the answer is shown and what --help tells. The completion and the man page are compared with it. Constant; any thread. */
#ifndef CR_CTL_COMMAND_H
#define CR_CTL_COMMAND_H

#include "plugin/renewalctl/options.h"

#include <stdint.h>
#include <stdio.h>

struct cJSON;
struct ctl_columns;
struct ctl_run;
struct ctl_sheet;

enum { CTL_QUESTION_CAP = 256 };

struct ctl_command {
    const char *name;                 /* one word or two */
    const char *words;                /* what follows it, for --help; "" */
    const char *needs;                /* what a missing or wrong word is called: "a device's id" */
    size_t words_min, words_max;
    size_t names;                     /* so many of them must be names */
    unsigned groups;                  /* of options: CTL_FOR_… */
    int (*run)(struct ctl_run *run);  /* run.h; an enum ctl_exit */
    /* Fills the request; false: out of memory. */
    bool (*build)(struct cJSON *command, const struct ctl_options *options);
    /* What the table of options cannot say. CR_INVALID: `why` is one line. NULL: nothing. */
    cr_err (*check)(const struct ctl_options *options, char why[CTL_WHY_CAP]);
    /* What is asked before; false: nothing needs to be. NULL: never. */
    bool (*question)(char question[CTL_QUESTION_CAP], const struct ctl_options *options);
    /* Shows the answer's data; takes the fields that it shows out of it. */
    void (*render)(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
    /* Shows what of a refusal its one line does not say. NULL: nothing. */
    void (*refused)(const struct ctl_sheet *sheet, const struct cJSON *response);
    const struct ctl_columns *columns; /* of answers in pages: render.h */
    const struct ctl_columns *columns_one; /* the same when a word follows the name; NULL: no other */
    bool offline;                     /* needs no broker */
    const char *done;                 /* a word for its success: "held" */
    const char *brief;                /* one line in the list of commands */
    const char *text;                 /* --help: what it does, */
    const char *more;                 /* what the options alone do not tell (NULL: nothing), */
    const char *examples;             /* and commands to begin with */
};

extern const struct ctl_command ctl_commands_fleet[], ctl_commands_trust[], ctl_commands_more[];
extern const size_t ctl_commands_fleet_count, ctl_commands_trust_count, ctl_commands_more_count;

/* All of them, in the order of --help; NULL: that was the last. */
const struct ctl_command *ctl_command_at(size_t index);
/* By the first words, the longest name wins; *taken words were its name. NULL: there is none. */
const struct ctl_command *ctl_command_find(const char *const *word, size_t words, size_t *taken);
/* Whether the command is this word and another. */
bool ctl_command_family(const struct ctl_command *command, const char *word);
/* Says which there are instead. */
void ctl_command_unknown(char why[CTL_WHY_CAP], const char *const *word, size_t words);

/* ---- help.c ---- */

/* --help of a command, NULL: of all. */
void ctl_help_write(FILE *out, const struct ctl_command *command);
/* The commands that begin with this word, such as campaign. False: none has it and another; nothing was written. */
bool ctl_help_family(FILE *out, const char *word);

#endif
