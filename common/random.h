/* random: where random bytes come from. Handed in, so that a test can make it fail (nothing may be issued then).
 * The system's source is getrandom(2); any thread. */
#ifndef CR_RANDOM_H
#define CR_RANDOM_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct cr_random {
    /* Fills all of buf or returns CR_UNAVAILABLE. */
    cr_err (*fill)(const struct cr_random *random, uint8_t *buf, size_t len);
};

const struct cr_random *cr_random_system(void);

static inline CR_MUST_USE cr_err cr_random_fill(const struct cr_random *random, uint8_t *buf, size_t len)
{
    return random->fill(random, buf, len);
}

#endif
