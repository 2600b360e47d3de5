/* renewalctl: the operator's command line. Reads its options and carries out its command. */
#include "plugin/renewalctl/audit.h"
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CONFIG_MAX = 64 * 1024 };

static int complain(enum ctl_exit code, const char *line)
{
    (void)fprintf(stderr, "renewalctl: %s\n", line);
    return (int)code;
}

static cr_err config_read(struct ctl_options *options, const char *path, bool must_exist, char why[CTL_WHY_CAP])
{
    cr_err err = CR_INVALID;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        if (errno == ENOENT && !must_exist) {
            return CR_OK;
        }
        (void)snprintf(why, CTL_WHY_CAP, "%.150s: %.80s", path, strerror(errno));
        return CR_INVALID;
    }
    char *text = malloc(CONFIG_MAX + 1);
    if (text != NULL) {
        size_t len = fread(text, 1, CONFIG_MAX + 1, file);
        if (ferror(file) || len > CONFIG_MAX) {
            (void)snprintf(why, CTL_WHY_CAP, "%.150s: %.80s", path, ferror(file) ? strerror(errno) : "is too large");
        } else {
            char problem[CTL_WHY_CAP];
            err = ctl_options_config(options, (struct cr_bytes){ (const uint8_t *)text, len }, problem);
            if (err != CR_OK) {
                (void)snprintf(why, CTL_WHY_CAP, "%.100s, %.150s", path, problem);
            }
        }
        explicit_bzero(text, CONFIG_MAX + 1);
    }
    free(text);
    (void)fclose(file);
    return err;
}

/* Options from the configuration file and the command line. false: `why` says what is wrong. */
static bool options_read(struct ctl_options *options, int argc, char **argv, char why[CTL_WHY_CAP])
{
    char path[CTL_TEXT_CAP];
    bool asked;
    ctl_options_init(options);
    /* A wrong argument is told before a wrong file, and help needs no file. */
    if (ctl_options_args(options, argc, argv, why) != CR_OK) {
        return false;
    }
    if (options->help || options->version || options->command->offline) {
        return true;
    }
    ctl_options_config_path(path, &asked, argc, argv);
    ctl_options_fini(options);
    ctl_options_init(options);
    return (path[0] == '\0' || config_read(options, path, asked, why) == CR_OK) &&
           ctl_options_args(options, argc, argv, why) == CR_OK && ctl_options_check(options, why) == CR_OK;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* What goes on until it is ended is ended in good order, a second time at once. */
static void interrupts_take(const struct ctl_options *options)
{
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
    int (*run)(struct ctl_run *run) = options->command->run;
    if (options->follow || run == ctl_run_watch || run == ctl_run_events || run == ctl_run_enroll ||
        run == ctl_run_revoke) {
        (void)sigaction(SIGINT, &action, NULL);
        (void)sigaction(SIGTERM, &action, NULL);
    }
}

/* Columns of the terminal that is written to; 0: it is none. */
static int terminal_width(void)
{
    struct winsize size = { 0 };
    if (!isatty(STDOUT_FILENO)) {
        return 0;
    }
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

static bool colour_wanted(const struct ctl_options *options)
{
    const char *no_colour = getenv("NO_COLOR");
    enum ctl_colour_mode mode = ctl_options_colour(options);
    return mode == CTL_COLOUR_ALWAYS ||
           (mode == CTL_COLOUR_AUTO && isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == '\0'));
}

static int carry_out(const struct ctl_options *options)
{
    struct ctl_session *session = NULL;
    struct ctl_run run = {
        .options = options,
        .clock = cr_clock_system(),
        .in = stdin,
        .err = stderr,
        .sheet = { .out = stdout, .colour = colour_wanted(options), .width = terminal_width(), .now_s = options->now_s,
                   .label_width = CTL_LABEL_WIDTH },
        .in_terminal = isatty(STDIN_FILENO) != 0,
        .err_terminal = isatty(STDERR_FILENO) != 0,
        .stop = &interrupted,
    };
    if (!options->command->offline) {
        if (ctl_session_new(&session, options, &interrupted) != CR_OK) {
            return complain(CTL_FAILED, "out of memory");
        }
        run.link = ctl_session_link(session);
    }
    interrupts_take(options);
    int rc = options->command->run(&run);
    ctl_session_free(session);
    return rc;
}

int main(int argc, char **argv)
{
    static struct ctl_options options;
    char why[CTL_WHY_CAP] = "out of memory";
    int rc = CTL_DONE;
    if (ctl_audit_wanted(argc, argv)) {
        return ctl_audit_verify(argc, argv);
    }
    if (!options_read(&options, argc, argv, why)) {
        rc = complain(CTL_USAGE, why);
    } else if (options.help) {
        if (options.command != NULL || options.words == 0 || !ctl_help_family(stdout, options.word[0])) {
            ctl_help_write(stdout, options.command);
        }
    } else if (options.version) {
        (void)puts("renewalctl " CR_VERSION);
    } else {
        rc = carry_out(&options);
    }
    ctl_options_fini(&options);
    return rc;
}
