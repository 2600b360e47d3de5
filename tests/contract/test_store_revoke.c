/* Revocation: one contract, two stores. */
#include "tests/contract/store_suite.h"

static struct rig rig;

static int set_up_fake(void **state)
{
    rig_init(&rig, RIG_FAKE);
    *state = &rig;
    return 0;
}

static int set_up_redis(void **state)
{
    rig_init(&rig, RIG_REDIS);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

#define BOTH(TEST)                                                       \
    { "fake: " #TEST, TEST, set_up_fake, tear_down, NULL },              \
    {                                                                    \
        "redis: " #TEST, TEST, set_up_redis, tear_down, NULL             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(store_revoked_device_is_held),
        BOTH(store_revoking_needs_a_known_device),
        BOTH(store_revoking_again_adds_what_is_new),
        BOTH(store_revoking_takes_every_certificate),
        BOTH(store_revoking_ends_a_trigger),
        BOTH(store_revoked_while_signing_is_not_handed_out),
        BOTH(store_revoked_key_is_refused_for_ever),
        BOTH(store_release_ends_it),
        BOTH(store_certificate_hold_is_taken_back),
        BOTH(store_revoked_certificate_takes_its_slot),
        BOTH(store_issuers_are_retired_and_revoked),
        BOTH(store_revoked_are_listed_in_pages),
        BOTH(store_other_brokers_are_told),
    };
    return cmocka_run_group_tests_name("store_revoke", tests, NULL, NULL);
}
