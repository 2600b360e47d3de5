/* kill_world: what survives whoever is killed in test_store_kill.c: memory that its processes share. And an operator
 * who meddles, and to whom nothing may be lost that was answered. */
#ifndef KILL_WORLD_H
#define KILL_WORLD_H

#include "tests/contract/campaign_scene.h"

enum { KILL_DEVICES = 6, KILL_BYTES_MAX = 512 };

struct kill_flash {
    struct cr_cert_facts current;
    unsigned key;              /* of the request under way; 0: none */
    struct cr_cert_facts next; /* the answer to it */
    size_t received_len;
    bool held;                 /* an operator may have put it on hold */
    bool tried;                /* it has connected with it, whether or not it saw what came of that */
    char received[KILL_BYTES_MAX];
    unsigned renewed;
};

struct kill_world {
    struct kill_flash device[KILL_DEVICES];
    int64_t now_s;
    unsigned keys, serials, progress, wrong, operated;
    char campaign[CR_CAMPAIGN_ID_CAP];
    uint64_t version;          /* of the campaign, as it was answered last */
    char what[200];            /* went wrong first */
};

extern const char kill_slot[];

void kill_name(char name[CR_NAME_CAP], unsigned device);
void kill_went_wrong(struct kill_world *world, const char *what, unsigned device);
/* Hands a job in and waits for it; ends the process when the store would not say. */
struct cr_job *kill_run(struct rig_broker *broker, struct cr_job *job);
/* An operator's next act. False: the device may be on hold. */
bool kill_operate(struct kill_world *world, struct rig_broker *broker, unsigned device);

#endif
