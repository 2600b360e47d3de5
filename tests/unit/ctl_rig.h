/* ctl_rig: renewalctl for tests: a command line as options, an answer as the text that is shown, and a run against
 * answers written by hand. One test at a time. */
#ifndef CR_CTL_RIG_H
#define CR_CTL_RIG_H

#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/run.h"

enum { CTL_RIG_ASKED_MAX = 64, CTL_RIG_NOW = 1795219200 }; /* 2026-11-21T00:00:00Z */

/* Splits at single spaces; ' stands for nothing, so that a'b is one word. ctl_options_fini afterwards. */
cr_err ctl_rig_parse(struct ctl_options *options, const char *line, char why[CTL_WHY_CAP]);

/* Renders `data` as the command would; the caller frees. */
char *ctl_rig_rendered(const char *line, const char *data, bool colour, int width);

/* A run. What is answered: in order, the text of an "data" or, when it begins with "!", an errorCode; "?": no connection;
 * NULL: no more. */
struct cJSON;
struct ctl_rig {
    const char *const *answer;
    const char *typed;                /* NULL: there is no terminal to ask on */
    int width;                        /* of the terminal that is written to; 0: it is none */
    /* what came of it */
    int rc;
    unsigned asked, drops, waits, listened;
    char *request[CTL_RIG_ASKED_MAX]; /* the commands, without correlation data */
    char *out, *err;
    /* inside */
    volatile sig_atomic_t stop;
    const char *input;                /* what is read from standard input where that is no terminal; NULL: nothing */
    size_t input_len;
    /* Answers instead of `answer`, of which only the first requests are kept; the caller frees. NULL: by `answer`. */
    char *(*make)(struct ctl_rig *rig, const struct cJSON *command);
    bool backwards;                   /* of several that are under way the last is answered first */
    unsigned most_under_way;
    unsigned stop_at;                 /* stops with this request; 0: never */
    struct { char correlation[CTL_CORRELATION_CAP]; char *answer; } sent[CTL_WINDOW];
    unsigned under_way;
    const char *events;               /* delivered in the first wait: "kind payload" lines */
    const char *kind;                 /* or this one, of any bytes; NULL: none */
    struct cr_bytes payload;
    unsigned stop_after;              /* waits; 0: never */
};
void ctl_rig_run(struct ctl_rig *rig, const char *line);
void ctl_rig_free(struct ctl_rig *rig);

#endif
