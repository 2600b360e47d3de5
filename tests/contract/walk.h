/* walk: two stores that walk side by side: what both must say and remember alike. */
#ifndef WALK_H
#define WALK_H

#include "tests/contract/store_rig.h"

enum { WALK_DEVICES = 3, WALK_SLOTS = 2, WALK_CAMPAIGNS = 2, WALK_PENDING_MAX = 8 };

extern const char *const walk_slot_name[WALK_SLOTS];

/* What the walker knows of one place: the certificates it has seen, to present them again. */
struct walk_place {
    struct cr_cert_facts seen[4];
    unsigned count;
};

struct walk {
    struct rig rig[2]; /* fake, Redis */
    struct rig_broker *broker[2][2];
    uint64_t random;
    struct walk_place place[WALK_DEVICES][WALK_SLOTS];
    struct cr_job *signing[2][WALK_PENDING_MAX]; /* begun on both, not recorded */
    unsigned signing_count;
    char renewal[2][64][CR_RENEWAL_ID_CAP]; /* the same renewals as either store names them */
    unsigned renewals;
    char campaign[2][WALK_CAMPAIGNS][CR_CAMPAIGN_ID_CAP];
    unsigned visits[CR_STATE_COUNT], held[CR_STATE_COUNT];
    /* how often it was like this */
    unsigned regressed, split, outdated, begun, unanswered, failing, told, cleared;
    unsigned steered[CR_STEER_ACKNOWLEDGE + 1], refused[CR_STEER_ACKNOWLEDGE + 1];
    unsigned revoked, taken_back, entries;
    struct cr_campaign_counts most;
    uint64_t generation[WALK_DEVICES][WALK_SLOTS];
};

void walk_same_job(struct walk *walk, const struct cr_job *fake, const struct cr_job *real);
/* All that both remember; and what must hold of it at every step. */
void walk_compare(struct walk *walk);
/* What is revoked, entry by entry. */
void walk_compare_revoked(struct walk *walk);

#endif
