#include "plugin/renewalctl/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Whether a PEM file has a block whose label ends like this. false: not, or errno says why it could not be read. */
static bool has_block(FILE *file, const char *label_end)
{
    char line[256];
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        found = strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, label_end) != NULL;
    }
    explicit_bzero(line, sizeof line); /* a part of a private key */
    return found;
}

static cr_err file_check(const char *option, const char *path, const char *label_end, const char *what,
                         char why[CTL_WHY_CAP])
{
    cr_err err = CR_UNAVAILABLE;
    if (path[0] == '\0') {
        return CR_OK;
    }
    errno = 0;
    FILE *file = fopen(path, "re");
    if (file != NULL && has_block(file, label_end)) {
        err = CR_OK;
    } else if (errno != 0) {
        (void)snprintf(why, CTL_WHY_CAP, "%s %.150s cannot be read: %.60s", option, path, strerror(errno));
    } else {
        (void)snprintf(why, CTL_WHY_CAP, "%s %.150s holds no %s in PEM", option, path, what);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return err;
}

static cr_err directory_check(const char *option, const char *path, char why[CTL_WHY_CAP])
{
    DIR *directory = path[0] != '\0' ? opendir(path) : NULL;
    if (path[0] != '\0' && directory == NULL) {
        (void)snprintf(why, CTL_WHY_CAP, "%s %.150s cannot be read: %.60s", option, path, strerror(errno));
        return CR_UNAVAILABLE;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return CR_OK;
}

cr_err ctl_files_check(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    cr_err err;
    CR_TRY(file_check("--cafile", options->cafile, "CERTIFICATE-----", "certificate", why));
    CR_TRY(directory_check("--capath", options->capath, why));
    CR_TRY(file_check("--cert", options->cert, "CERTIFICATE-----", "certificate", why));
    CR_TRY(file_check("--key", options->key, "PRIVATE KEY-----", "private key", why));
out:
    return err;
}
