#include "device-sim/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { PATH_CAP = 512 };

/* CR_DENIED: somebody else has it. */
static cr_err lock_one(struct claims *claims, const char *dir, const char *name)
{
    char path[PATH_CAP];
    int len = snprintf(path, sizeof path, "%s/devices/%s", dir, name);
    if (len <= 0 || len >= (int)sizeof path || claims->count == claims->cap) {
        return CR_FULL;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return CR_IO;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        (void)close(fd);
        errno = why;
        return why == EWOULDBLOCK ? CR_DENIED : CR_IO;
    }
    claims->locks[claims->count++] = fd;
    return CR_OK;
}

static cr_err complain(cr_err err, const char *dir, const char *name)
{
    if (err == CR_DENIED) {
        fprintf(stderr, "device-sim: %s/devices/%s: another process runs this device; stop that one, or take devices "
                "that nobody runs: --claim\n", dir, name);
    } else {
        fprintf(stderr, "device-sim: %s/devices/%s: cannot be locked: %s\n", dir, name,
                err == CR_IO ? strerror(errno) : cr_err_text(err));
    }
    return err;
}

static cr_err take_all(struct claims *claims, const struct roster *roster, const char *dir)
{
    for (unsigned i = 0; i < roster->count; i++) {
        cr_err err = lock_one(claims, dir, roster->names[i]);
        if (err != CR_OK) {
            return complain(err, dir, roster->names[i]);
        }
    }
    return CR_OK;
}

static cr_err take_free(struct claims *claims, struct roster *roster, const char *dir, unsigned count)
{
    cr_err err = CR_OK;
    unsigned all = roster->count, kept = 0;
    for (unsigned i = 0; i < all; i++) {
        char *name = roster->names[i];
        cr_err one = CR_DENIED;
        if (err == CR_OK && (count == 0 || kept < count)) {
            one = lock_one(claims, dir, name);
            err = one == CR_OK || one == CR_DENIED ? CR_OK : complain(one, dir, name);
        }
        if (one == CR_OK) {
            roster->names[kept++] = name;
        } else {
            free(name);
        }
    }
    roster->count = kept;
    if (err == CR_OK && kept == 0) {
        fprintf(stderr, "device-sim: %s: --claim: other processes run all %u devices; `device-sim pki --count` makes "
                "more\n", dir, all);
        return CR_NOT_FOUND;
    }
    if (err == CR_OK && kept < count) {
        fprintf(stderr, "device-sim: %s: --claim: %u devices, not %u; there are %u%s\n", dir, kept, count, all,
                kept < all ? ", and other processes run the rest" : "; `device-sim pki --count` makes more");
    }
    return err;
}

cr_err claims_take(struct claims *claims, struct roster *roster, const struct run_options *options)
{
    *claims = (struct claims){ .locks = calloc(roster->count, sizeof *claims->locks), .cap = roster->count };
    if (claims->locks == NULL) {
        fputs("device-sim: out of memory\n", stderr);
        return CR_NOMEM;
    }
    return options->claim ? take_free(claims, roster, options->dir, options->count) :
           take_all(claims, roster, options->dir);
}

void claims_fini(struct claims *claims)
{
    while (claims->count > 0) {
        (void)close(claims->locks[--claims->count]);
    }
    free(claims->locks);
    *claims = (struct claims){ 0 };
}
