/* renewers: devices that renew through a store again and again, all at the same time, and remember what they got, as
 * their flash would: for tests in which Redis moves, dies or forgets underneath. */
#ifndef RENEWERS_H
#define RENEWERS_H

#include "tests/contract/store_rig.h"

enum { RENEWERS = 16, RENEWER_BYTES = 512 };

struct renewer {
    char name[CR_NAME_CAP];
    struct cr_cert_facts current;
    unsigned key;                /* of the request under way */
    unsigned current_key;        /* 0: from elsewhere */
    struct cr_cert_facts next;   /* the answer to it */
    char bytes[RENEWER_BYTES];
    size_t len;                  /* 0: there is none yet */
    bool tried;                  /* it was presented; what came of it is not known */
    unsigned renewed;
};

struct renewers {
    struct rig_broker *broker;
    struct renewer device[RENEWERS];
    unsigned keys, rounds, refused;
};

void renewers_init(struct renewers *all, struct rig_broker *broker);
/* Every device takes one step: asks, asks once more, or connects with what it got. `during`: when all have begun and
 * none knows its answer yet; NULL: nothing. Fails the test when a device gets two answers to one request, or is refused for
 * anything but a store that cannot be reached. Returns how many were refused. */
unsigned renewers_round(struct renewers *all, void (*during)(void));
/* Rounds until nobody was refused, with a deadline. */
void renewers_until_served(struct renewers *all, int64_t deadline_ms);
/* Nobody else gets a certificate for a device's current key. */
void renewers_check_keys(struct renewers *all);
/* What every device got is still there: the same bytes for the same request, and what it confirmed is its current
 * one. */
void renewers_check(struct renewers *all);

#endif
