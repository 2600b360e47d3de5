/* Files that are read and written at the user's wish. */
#include "plugin/renewalctl/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_CAP = CTL_TEXT_CAP + 8 };

static int complain(struct ctl_run *run, enum ctl_exit code, const char *path, const char *what)
{
    char line[CTL_WHY_CAP];
    (void)snprintf(line, sizeof line, "%.300s: %.100s", path, what);
    return ctl_complain(run, code, line);
}

FILE *ctl_input_open(struct ctl_run *run, const char *path)
{
    if (strcmp(path, "-") == 0) {
        return run->in;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)complain(run, CTL_USAGE, path, strerror(errno));
    }
    return file;
}

/* Beside it first, so that who reads it has the old one or the new one. */
int ctl_output_write(struct ctl_run *run, const char *path, struct cr_bytes bytes)
{
    char beside[PATH_CAP];
    if (strcmp(path, "-") == 0) {
        (void)fwrite(bytes.data, 1, bytes.len, run->sheet.out);
        return ctl_written(run);
    }
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "we");
    if (file == NULL) {
        return complain(run, CTL_FAILED, beside, strerror(errno));
    }
    bool ok = fwrite(bytes.data, 1, bytes.len, file) == bytes.len;
    int error = errno;
    if (fclose(file) != 0) {
        error = ok ? errno : error;
        ok = false;
    }
    if (ok && rename(beside, path) != 0) {
        error = errno;
        ok = false;
    }
    if (!ok) {
        (void)remove(beside);
        return complain(run, CTL_FAILED, path, strerror(error));
    }
    return CTL_DONE;
}
