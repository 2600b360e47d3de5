#include "common/cert.h"

#include "common/clock.h"

#include <string.h>

/* Evenly spread over 0 … max, but for a bias of less than 2^-32 that no lifetime notices. */
static cr_err random_up_to(int64_t *value, int64_t max, const struct cr_random *random)
{
    uint64_t number = 0;
    cr_err err = cr_random_fill(random, (uint8_t *)&number, sizeof number);
    if (err == CR_OK) {
        *value = (int64_t)(number % ((uint64_t)max + 1));
    }
    return err;
}

cr_err cr_cert_intent_make(struct cr_cert_intent *intent, const struct cr_profile *profile,
                           const struct cr_cert *issuer, int64_t now_s, const struct cr_random *random)
{
    struct cr_cert_intent made;
    int64_t jitter_s = 0;
    memset(intent, 0, sizeof *intent);
    if (now_s < issuer->facts.not_before || now_s >= issuer->facts.not_after) {
        return CR_DENIED;
    }
    if (profile->lifetime_s <= 0 || profile->skew_s < 0 || profile->jitter_permille >= 1000) {
        return CR_INVALID;
    }
    cr_err err = cr_serial_make(&made.serial, random);
    if (err != CR_OK) {
        return err;
    }
    /* Also drawn without jitter, so that what is used of the random source does not depend on the profile. */
    err = random_up_to(&jitter_s, profile->lifetime_s / 1000 * profile->jitter_permille, random);
    if (err != CR_OK) {
        return err;
    }
    made.not_before = now_s - profile->skew_s;
    if (made.not_before < issuer->facts.not_before) {
        made.not_before = issuer->facts.not_before;
    }
    made.not_after = now_s + profile->lifetime_s - jitter_s;
    if (made.not_after > issuer->facts.not_after) {
        made.not_after = issuer->facts.not_after;
    }
    *intent = made;
    return CR_OK;
}
