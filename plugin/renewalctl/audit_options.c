#include "plugin/renewalctl/audit.h"

#include <stdio.h>
#include <string.h>

const char ctl_audit_help[] =
    "Says whether the files of a journal are whole and unchanged: every line in its place,\n"
    "and the checkpoints signed by the issuer. Works on the files alone, in any order, also\n"
    "on those that a broker still writes to; asks no broker.\n"
    "\n"
    "Usage: renewalctl audit verify FILE... [--issuer CERT.pem]... [--json]\n"
    "\n"
    "  --issuer CERT.pem   the issuing certificate; again for each that has signed while the\n"
    "                      journal was written. Without one no signature is checked, and then\n"
    "                      nothing is proved: whoever can write the files can write such a chain\n"
    "  --json              for scripts\n"
    "\n"
    "Lines behind the last checkpoint can be changed or cut off without a trace in the files:\n"
    "compare the last line that is shown with another copy, or the last checkpoint with what\n"
    "the stream cr:audit in Redis says of it.\n"
    "\n"
    "Examples:\n"
    "  renewalctl audit verify --issuer issuer.pem /var/lib/mosquitto/cert-renewal/journal*.jsonl\n"
    "  renewalctl --json audit verify journal.jsonl | jq .lastLine\n"
    "\n"
    "Exit codes: 0 nothing is wrong, 1 something is, or nothing is signed, 2 wrong usage,\n"
    "3 a file cannot be read.\n";

bool ctl_audit_wanted(int argc, char *const *argv)
{
    int i = 1;
    while (i < argc && strcmp(argv[i], "--json") == 0) {
        i++;
    }
    return i + 1 < argc && strcmp(argv[i], "audit") == 0 && strcmp(argv[i + 1], "verify") == 0;
}

static cr_err issuer_add(struct ctl_audit_options *options, const char *path, char why[CTL_WHY_CAP])
{
    if (path == NULL || path[0] == '\0') {
        (void)snprintf(why, CTL_WHY_CAP, "--issuer needs a file");
        return CR_INVALID;
    }
    if (options->issuers == CTL_AUDIT_ISSUERS_MAX) {
        (void)snprintf(why, CTL_WHY_CAP, "--issuer can be given at most %d times", CTL_AUDIT_ISSUERS_MAX);
        return CR_INVALID;
    }
    options->issuer[options->issuers++] = path;
    return CR_OK;
}

static cr_err file_add(struct ctl_audit_options *options, const char *path, char why[CTL_WHY_CAP])
{
    if (options->files == CTL_AUDIT_FILES_MAX) {
        (void)snprintf(why, CTL_WHY_CAP, "at most %d files", CTL_AUDIT_FILES_MAX);
        return CR_INVALID;
    }
    options->file[options->files++] = path;
    return CR_OK;
}

cr_err ctl_audit_options(struct ctl_audit_options *options, int argc, char *const *argv, char why[CTL_WHY_CAP])
{
    static const char issuer[] = "--issuer=";
    cr_err err = CR_OK;
    bool only_files = false;
    unsigned words = 0;
    memset(options, 0, sizeof *options);
    for (int i = 1; i < argc && err == CR_OK; i++) {
        if (words < 2 && argv[i][0] != '-') {
            words++; /* audit verify */
        } else if (!only_files && strcmp(argv[i], "--") == 0) {
            only_files = true;
        } else if (only_files || argv[i][0] != '-') {
            err = file_add(options, argv[i], why);
        } else if (strcmp(argv[i], "--json") == 0) {
            options->json = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            options->help = true;
        } else if (strcmp(argv[i], "--issuer") == 0) {
            i++;
            err = issuer_add(options, i < argc ? argv[i] : NULL, why);
        } else if (strncmp(argv[i], issuer, sizeof issuer - 1) == 0) {
            err = issuer_add(options, argv[i] + sizeof issuer - 1, why);
        } else {
            (void)snprintf(why, CTL_WHY_CAP, "audit verify has no option '%.64s'; see renewalctl audit verify --help",
                           argv[i]);
            err = CR_INVALID;
        }
    }
    if (err == CR_OK && options->files == 0 && !options->help) {
        (void)snprintf(why, CTL_WHY_CAP,
                       "audit verify needs the files of a journal; see renewalctl audit verify --help");
        err = CR_INVALID;
    }
    return err;
}
