#include "device-sim/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { PATH_CAP = 512 };

static cr_err room_make(struct claims *claims, unsigned count)
{
    int *more = realloc(claims->locks, (count > 0 ? count : 1) * sizeof *more);
    if (more == NULL) {
        return CR_NOMEM;
    }
    claims->locks = more;
    claims->cap = count;
    return CR_OK;
}

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

cr_err claims_take_all(struct claims *claims, const struct roster *roster, const char *dir, const char **taken)
{
    cr_err err = room_make(claims, roster->count);
    for (unsigned i = 0; err == CR_OK && i < roster->count; i++) {
        *taken = roster->names[i];
        err = lock_one(claims, dir, roster->names[i]);
    }
    return err;
}

cr_err claims_take_free(struct claims *claims, struct roster *roster, const char *dir, unsigned count,
                        const char **taken)
{
    unsigned kept = 0;
    cr_err err = room_make(claims, roster->count);
    for (unsigned i = 0; i < roster->count; i++) {
        char *name = roster->names[i];
        cr_err one = CR_DENIED;
        if (err == CR_OK && (count == 0 || kept < count)) {
            one = lock_one(claims, dir, name);
        }
        if (one == CR_OK || (one != CR_DENIED && err == CR_OK)) {
            roster->names[kept++] = name; /* also the one to complain about */
            *taken = name;
            err = one;
        } else {
            free(name);
        }
    }
    roster->count = kept;
    return err == CR_OK && kept == 0 ? CR_NOT_FOUND : err;
}

void claims_fini(struct claims *claims)
{
    while (claims->count > 0) {
        (void)close(claims->locks[--claims->count]);
    }
    free(claims->locks);
    *claims = (struct claims){ 0 };
}
