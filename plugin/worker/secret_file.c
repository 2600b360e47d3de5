#include "plugin/worker/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CREDENTIAL_PATH_CAP = 1024 };

static cr_err check(const struct stat *st, mode_t welcome, const char **problem)
{
    if (!S_ISREG(st->st_mode)) {
        *problem = "is not a regular file";
        return CR_INVALID;
    }
    if ((st->st_mode & (S_IRWXG | S_IRWXO) & ~welcome) != 0) {
        *problem = "can be read or changed by others than its owner; run chmod 600 on it";
        return CR_DENIED;
    }
    if (st->st_size <= 0 || st->st_size > CR_SECRET_MAX) {
        *problem = st->st_size <= 0 ? "is empty" : "is too large to be what it should be";
        return CR_INVALID;
    }
    return CR_OK;
}

/* Both are best effort: a broker with a small RLIMIT_MEMLOCK still has to run. */
static cr_err map_pages(struct cr_secret *secret, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t mapped = (len + page - 1) / page * page;
    void *pages = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        return CR_NOMEM;
    }
    (void)mlock(pages, mapped);
    (void)madvise(pages, mapped, MADV_DONTDUMP);
    *secret = (struct cr_secret){ pages, mapped, 0 };
    return CR_OK;
}

static cr_err read_all(struct cr_secret *secret, int fd, size_t len)
{
    while (secret->len < len) {
        ssize_t got = read(fd, secret->pages + secret->len, len - secret->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) { /* 0: it shrank under our hands */
            errno = got == 0 ? EIO : errno;
            return CR_IO;
        }
        secret->len += (size_t)got;
    }
    return CR_OK;
}

static cr_err secret_read(struct cr_secret *secret, const char *path, mode_t welcome, const char **problem)
{
    struct stat st;
    cr_err err = CR_IO;
    *secret = (struct cr_secret){ NULL, 0, 0 };
    /* Not to wait for the writer of a FIFO. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        *problem = errno == EACCES ? "the broker's user may not read it, or not look into a directory above it" : strerror(errno);
        goto out;
    }
    CR_TRY(check(&st, welcome, problem));
    *problem = "does not fit into memory";
    CR_TRY(map_pages(secret, (size_t)st.st_size + 1));
    err = read_all(secret, fd, (size_t)st.st_size);
    *problem = err == CR_OK ? NULL : strerror(errno);
out:
    if (fd >= 0) {
        close(fd);
    }
    if (err != CR_OK) {
        cr_secret_fini(secret);
    }
    return err;
}

cr_err cr_secret_read(struct cr_secret *secret, const char *path, const char **problem)
{
    return secret_read(secret, path, 0, problem);
}

cr_err cr_secret_read_credential(struct cr_secret *secret, const char *name, const char **problem)
{
    char path[CREDENTIAL_PATH_CAP];
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    *secret = (struct cr_secret){ NULL, 0, 0 };
    if (name[0] == '\0' || strchr(name, '/') != NULL || strstr(name, "..") != NULL) {
        *problem = "is not the name of a credential: write credential: and the name that LoadCredential= in the broker's "
                   "unit gives it";
        return CR_INVALID;
    }
    if (dir == NULL || dir[0] != '/') {
        *problem = "there are no credentials: CREDENTIALS_DIRECTORY is not set; give the broker's unit a LoadCredential= "
                   "or SetCredentialEncrypted= of that name and a User=, or name a file";
        return CR_INVALID;
    }
    int len = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (len < 0 || (size_t)len >= sizeof path) {
        *problem = "has too long a path";
        return CR_INVALID;
    }
    return secret_read(secret, path, S_IRGRP, problem);
}

cr_err cr_secret_room(struct cr_secret *secret, size_t cap)
{
    *secret = (struct cr_secret){ NULL, 0, 0 };
    return map_pages(secret, cap);
}

void cr_secret_fini(struct cr_secret *secret)
{
    if (secret->pages != NULL) {
        explicit_bzero(secret->pages, secret->mapped);
        munmap(secret->pages, secret->mapped);
    }
    *secret = (struct cr_secret){ NULL, 0, 0 };
}
