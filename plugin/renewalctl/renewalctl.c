/* renewalctl: the operator's command line. Reads its options, asks once, shows the answer. */
#include "plugin/renewalctl/audit.h"
#include "plugin/renewalctl/exchange.h"
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/request.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_MAX = 64 * 1024 };

static int complain(enum ctl_exit code, const char *line)
{
    (void)fprintf(stderr, "renewalctl: %s\n", line);
    return (int)code;
}

/* The last resort behind every deadline: libmosquitto looks up names and connects without one. */
static void on_alarm(int signal)
{
    static const char line[] = "renewalctl: no connection in time; see -h, -p and --timeout\n";
    (void)signal;
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0) {
        /* nobody listens; the exit code still tells */
    }
    _exit(CTL_NO_CONNECTION);
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
    if (options->action == CTL_HELP || options->action == CTL_VERSION) {
        return true;
    }
    ctl_options_config_path(path, &asked, argc, argv);
    ctl_options_fini(options);
    ctl_options_init(options);
    return (path[0] == '\0' || config_read(options, path, asked, why) == CR_OK) &&
           ctl_options_args(options, argc, argv, why) == CR_OK && ctl_options_check(options, why) == CR_OK;
}

static int json_show(const struct cJSON *json)
{
    char *text = json != NULL ? cJSON_Print(json) : NULL;
    int rc = text != NULL && puts(text) >= 0 ? CTL_DONE : CTL_FAILED;
    cJSON_free(text);
    return rc;
}

static int response_show(const struct ctl_options *options, struct cJSON *response)
{
    char line[CTL_WHY_CAP];
    int rc = CTL_DONE;
    ctl_response_error(line, response);
    if (line[0] != '\0') {
        if (options->json) {
            (void)json_show(response);
        }
        return complain(CTL_FAILED, line);
    }
    struct cJSON *data = cJSON_GetObjectItemCaseSensitive(response, "data");
    if (options->json) {
        rc = json_show(data);
    } else {
        const char *no_colour = getenv("NO_COLOR");
        bool colour = isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == '\0');
        ctl_render(stdout, options, data, colour);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return complain(CTL_FAILED, strerror(errno));
    }
    return rc;
}

static int ask(const struct ctl_options *options)
{
    char why[CTL_WHY_CAP];
    struct cr_blob request;
    struct cJSON *response = NULL;
    if (ctl_request_write(&request, options) != CR_OK) {
        return complain(CTL_FAILED, "out of memory");
    }
    struct sigaction action = { .sa_handler = on_alarm }, ignore = { .sa_handler = SIG_IGN }, before;
    if (sigaction(SIGALRM, &action, NULL) == 0) {
        (void)alarm(options->timeout_s + 1);
    }
    /* A broker that closes first makes libmosquitto's TLS farewell a broken pipe. Ours, to a reader that left, stays one. */
    bool ignoring = sigaction(SIGPIPE, &ignore, &before) == 0;
    cr_err err = ctl_exchange(&response, options, cr_blob_view(&request), why);
    if (ignoring) {
        (void)sigaction(SIGPIPE, &before, NULL);
    }
    (void)alarm(0);
    int rc;
    switch (err) {
    case CR_OK: rc = response_show(options, response); break;
    case CR_UNAVAILABLE:
    case CR_TIMEOUT: rc = complain(CTL_NO_CONNECTION, why); break;
    default: rc = complain(CTL_FAILED, why); break;
    }
    cJSON_Delete(response);
    cr_blob_fini(&request);
    return rc;
}

int main(int argc, char **argv)
{
    struct ctl_options options;
    char why[CTL_WHY_CAP] = "out of memory";
    int rc = CTL_DONE;
    if (ctl_audit_wanted(argc, argv)) {
        return ctl_audit_verify(argc, argv);
    }
    if (!options_read(&options, argc, argv, why)) {
        rc = complain(CTL_USAGE, why);
    } else if (options.action == CTL_HELP) {
        (void)fputs(ctl_help_text(options.help_for), stdout);
    } else if (options.action == CTL_VERSION) {
        (void)puts("renewalctl " CR_VERSION);
    } else {
        rc = ask(&options);
    }
    ctl_options_fini(&options);
    return rc;
}
