#include "common/profile.h"

#include "common/bytes.h"

#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400 };

/* Longer than any certificate can live, and small enough for the arithmetic below. */
static const uint64_t lifetime_max_s = (uint64_t)10000 * 366 * DAY_S;

void cr_profile_default(struct cr_profile *profile, const char *slot)
{
    *profile = (struct cr_profile){
        .lifetime_s = 90 * DAY_S,
        .jitter_permille = 100,
        .skew_s = 300,
        .window_permille = 333,
        .spread_permille = 500,
        .min_chances = 5,
        .superseded_grace_s = 7 * DAY_S,
        .key_types = CR_ALLOW_EC_P256 | CR_ALLOW_EC_P384,
        .rsa_min_bits = 2048,
        .rsa_max_bits = 4096,
        .key_usage = CR_KU_DIGITAL_SIGNATURE,
        .ext_key_usage = CR_EKU_CLIENT_AUTH,
        .tls = strcmp(slot, "operational") == 0,
        .threshold_count = 6,
        .threshold = { { 90 * DAY_S, 1 }, { 60 * DAY_S, 1 }, { 30 * DAY_S, 2 }, { 14 * DAY_S, 2 }, { 7 * DAY_S, 3 },
                       { 1 * DAY_S, 3 } },
    };
    if (cr_text_copy(profile->slot, sizeof profile->slot, slot) != CR_OK) {
        profile->slot[0] = '\0'; /* no slot has an empty name: whoever looks for it finds nothing */
    }
}

/* Where two are at the same time the more pressing one comes last. */
static bool comes_before(const struct cr_threshold *a, const struct cr_threshold *b)
{
    return a->before_s != b->before_s ? a->before_s > b->before_s : a->level < b->level;
}

cr_err cr_profile_thresholds(struct cr_profile *profile, unsigned level, const int64_t *before_s, unsigned count)
{
    struct cr_threshold all[CR_THRESHOLDS_MAX];
    unsigned kept = 0;
    for (unsigned i = 0; i < profile->threshold_count; i++) {
        if (profile->threshold[i].level != level) {
            all[kept++] = profile->threshold[i];
        }
    }
    if (count > CR_THRESHOLDS_MAX - kept) {
        return CR_FULL;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct cr_threshold one = { before_s[i], level };
        unsigned at = kept++;
        for (; at > 0 && comes_before(&one, &all[at - 1]); at--) {
            all[at] = all[at - 1];
        }
        all[at] = one;
    }
    memcpy(profile->threshold, all, kept * sizeof all[0]);
    profile->threshold_count = kept;
    return CR_OK;
}

static uint64_t share(uint64_t of, unsigned permille)
{
    return of * (permille > 1000 ? 1000 : permille) / 1000;
}

static uint64_t window_s(const struct cr_profile *profile, int64_t not_before, int64_t not_after)
{
    if (not_after <= not_before) {
        return 0;
    }
    uint64_t lifetime = (uint64_t)not_after - (uint64_t)not_before;
    return share(lifetime < lifetime_max_s ? lifetime : lifetime_max_s, profile->window_permille);
}

int64_t cr_profile_window_opens(const struct cr_profile *profile, int64_t not_before, int64_t not_after)
{
    if (not_after <= not_before) {
        return not_before;
    }
    return not_after - (int64_t)window_s(profile, not_before, not_after);
}

int64_t cr_profile_due(const struct cr_profile *profile, const char *device, int64_t not_before, int64_t not_after)
{
    char name[2 * CR_NAME_CAP];
    int len = snprintf(name, sizeof name, "%s/%s", device, profile->slot);
    uint64_t hash = 0;
    if (len > 0 && (size_t)len < sizeof name && cr_hash64(&hash, name, (size_t)len) != CR_OK) {
        hash = 0; /* early rather than late */
    }
    /* spread · hash / 2^64, in integers so that every broker rounds alike; the upper half of the hash is enough. */
    uint64_t spread = share(window_s(profile, not_before, not_after), profile->spread_permille);
    uint64_t upper = hash >> 32;
    uint64_t offset = (spread >> 32) * upper + ((spread & UINT32_MAX) * upper >> 32);
    return cr_profile_window_opens(profile, not_before, not_after) + (int64_t)offset;
}
