#include "common/random.h"

#include <errno.h>
#include <sys/random.h>

static cr_err system_fill(const struct cr_random *random, uint8_t *buf, size_t len)
{
    (void)random;
    while (len > 0) {
        /* GRND_NONBLOCK: a machine that has just booted may have no entropy yet; we say so instead of waiting. */
        ssize_t got = getrandom(buf, len, GRND_NONBLOCK);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return CR_UNAVAILABLE;
        }
        buf += got;
        len -= (size_t)got;
    }
    return CR_OK;
}

static const struct cr_random system_random = { system_fill };

const struct cr_random *cr_random_system(void)
{
    return &system_random;
}
