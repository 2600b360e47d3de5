#include "device-sim/pki_file.h"

#include "common/bytes.h"
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

cr_err pki_file_open(struct pki_file *file, const char *path, mode_t mode, bool durable)
{
    *file = (struct pki_file){ .durable = durable };
    cr_err err = cr_text_copy(file->path, sizeof file->path, path);
    if (err != CR_OK) {
        return err;
    }
    (void)snprintf(file->beside, sizeof file->beside, "%s.new", path);
    int fd = open(file->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    file->to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (fd >= 0 && file->to == NULL) {
        (void)close(fd);
    }
    return file->to != NULL ? CR_OK : CR_IO;
}

/* That a name is there is a matter of its directory. */
static bool directory_sync(const char *path)
{
    char dir[PKI_PATH_CAP];
    const char *slash = strrchr(path, '/');
    (void)snprintf(dir, sizeof dir, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1, slash != NULL ? path : ".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

cr_err pki_file_done(struct pki_file *file, bool written)
{
    bool ok = written && fflush(file->to) == 0 && (!file->durable || fsync(fileno(file->to)) == 0);
    ok = fclose(file->to) == 0 && ok;
    file->to = NULL;
    ok = ok && rename(file->beside, file->path) == 0 && (!file->durable || directory_sync(file->path));
    if (!ok) {
        int why = errno;
        (void)unlink(file->beside);
        errno = why;
    }
    return ok ? CR_OK : CR_IO;
}

bool pki_file_there(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_size > 0;
}

cr_err pki_lock(int *lock, const char *dir, unsigned timeout_ms)
{
    const struct timespec a_moment = { .tv_nsec = 20 * 1000 * 1000 };
    int64_t until_ms = cr_mono_ms(cr_clock_system()) + timeout_ms;
    *lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0) {
        return CR_IO;
    }
    cr_err err = CR_OK;
    while (err == CR_OK && flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            err = CR_IO;
        } else if (cr_mono_ms(cr_clock_system()) >= until_ms) {
            err = CR_TIMEOUT;
        } else {
            (void)nanosleep(&a_moment, NULL);
        }
    }
    if (err != CR_OK) {
        int why = errno;
        (void)close(*lock);
        *lock = -1;
        errno = why;
    }
    return err;
}
