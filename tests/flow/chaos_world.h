/* chaos_world: devices, an operator and strangers who connect to a flow_rig under their own client ids and under
 * each other's, and a host that watches over it: a publication reaches nobody but the device it is for, and a client
 * is closed for what its own session did. A mistake of the router fails the test. One thread, one world at a time. */
#ifndef CR_CHAOS_WORLD_H
#define CR_CHAOS_WORLD_H

#include "plugin/loop/loop.h"
#include "tests/support/flow_rig.h"

enum { DEVICES = 8, CERTS = 3, CLIENTS = 20, IDS = 10, KICKS = 64, DAY_S = 86400 };

/* The devices' names, which are client ids too, and others. */
extern const char *const chaos_ids[IDS];

/* Who is the same whatever the client id. */
struct being {
    char name[16];
    struct rig_key key[CERTS];
    struct cr_blob cert[CERTS], csr;
};

struct guest {
    struct fake_client *client; /* NULL: nobody is connected here */
    const struct being *being;  /* NULL: it has no certificate */
    const char *id;
    bool restricted;            /* it was seen to be, at least once */
};

struct chaos {
    struct flow_rig rig;
    struct cr_host_ops ops;
    struct being being[DEVICES + 1]; /* the last one is the boss */
    struct guest guest[CLIENTS];
    const struct being *keeper[IDS]; /* whose the session is that the broker keeps under this id */
    unsigned kicks;
    char kick[KICKS][32];
    uint64_t random;
    unsigned published, kicked, certificates, passed; /* how often */
};

/* The world under this configuration; the seed is of the environment's CR_CHAOS_SEED. */
void chaos_begin(struct chaos *c, const char *config);
/* Everybody leaves; fails the test when anything is left of them. */
void chaos_end(struct chaos *c);

/* One of so many. */
unsigned chaos_dice(struct chaos *c, unsigned sides);
void chaos_leave(struct chaos *c, struct guest *guest);
/* Somebody connects; whoever was here under the same client id leaves. */
void chaos_come(struct chaos *c, struct guest *guest);
/* The broker closes whom it was told to. */
void chaos_close_kicked(struct chaos *c);

#endif
