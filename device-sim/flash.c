#include "device-sim/flash.h"

#include "common/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[AGENT_RECORD_COUNT] = {
    [AGENT_RECORD_STATE_0] = "state.0", [AGENT_RECORD_STATE_1] = "state.1",
    [AGENT_RECORD_KEY_0] = "key.0",     [AGENT_RECORD_KEY_1] = "key.1",
    [AGENT_RECORD_CHAIN_0] = "chain.0", [AGENT_RECORD_CHAIN_1] = "chain.1",
    [AGENT_RECORD_TRUST_0] = "trust.0", [AGENT_RECORD_TRUST_1] = "trust.1",
};
static const char temporary[] = "write.tmp"; /* a device writes one record at a time */

cr_err flash_init(struct flash *flash, const char *dir, bool fsync)
{
    struct stat status;
    *flash = (struct flash){ .fsync = fsync };
    cr_err err = cr_text_copy(flash->dir, sizeof flash->dir, dir);
    if (err != CR_OK) {
        return err;
    }
    return stat(dir, &status) == 0 && S_ISDIR(status.st_mode) ? CR_OK : CR_NOT_FOUND;
}

void flash_restore(struct flash *flash)
{
    flash->dead = false;
    flash->writes_left = 0;
}

enum agent_err flash_read(struct flash *flash, enum agent_record record, uint8_t *data, size_t cap, size_t *len)
{
    enum agent_err err = AGENT_STORAGE;
    int dir = flash->dead ? -1 : open(flash->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return AGENT_STORAGE;
    }
    int fd = openat(dir, names[record], O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err = errno == ENOENT ? AGENT_NOT_FOUND : AGENT_STORAGE;
        goto out;
    }
    size_t got = 0;
    ssize_t n;
    while ((n = read(fd, data + got, cap - got)) > 0) {
        got += (size_t)n;
    }
    struct stat status;
    if (n == 0 && fstat(fd, &status) == 0) {
        err = status.st_size > (off_t)got ? AGENT_NO_ROOM : AGENT_OK;
        *len = got;
    }
    (void)close(fd);
out:
    (void)close(dir);
    return err;
}

static bool file_write(int dir, const char *name, const uint8_t *data, size_t len, bool durable)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno != EINTR) {
            break;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    bool ok = done == len && (!durable || fsync(fd) == 0);
    return close(fd) == 0 && ok;
}

/* Whether the power goes in this write. */
static bool power_goes(struct flash *flash)
{
    if (flash->writes_left == 0 || --flash->writes_left > 0) {
        return false;
    }
    flash->dead = true;
    return true;
}

enum agent_err flash_write(struct flash *flash, enum agent_record record, const uint8_t *data, size_t len)
{
    int dir = flash->dead ? -1 : open(flash->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return AGENT_STORAGE;
    }
    bool ok = false, cut = power_goes(flash);
    if (cut && flash->cut == FLASH_CUT_BEFORE) {
        goto out;
    }
    if (cut && flash->cut == FLASH_CUT_TORN) {
        (void)file_write(dir, names[record], data, len / 2, false);
        goto out;
    }
    ok = file_write(dir, temporary, data, len, flash->fsync);
    if (cut && flash->cut == FLASH_CUT_PREPARED) {
        goto out;
    }
    ok = ok && renameat(dir, temporary, dir, names[record]) == 0 && (!flash->fsync || fsync(dir) == 0);
out:
    (void)close(dir);
    return ok && !cut ? AGENT_OK : AGENT_STORAGE;
}
