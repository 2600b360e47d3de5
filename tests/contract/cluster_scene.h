/* cluster_scene: what the tests of the store on a Redis Cluster share: a cluster, one rig on it, and devices that
 * renew. */
#ifndef CLUSTER_SCENE_H
#define CLUSTER_SCENE_H

#include "tests/contract/redis_scene.h"
#include "tests/contract/renewers.h"
#include "tests/support/redis_group.h"

extern struct redis_group cluster;
extern struct renewers cluster_renewers;

/* Three primaries, with or without replicas. Fails the test. */
void cluster_start(bool replicas);
void cluster_stop(void);
/* Nothing is in it. */
void cluster_empty(void);
/* A rig on it. */
void cluster_rig(struct rig *rig);

/* Which slot a device's keys are in. */
unsigned cluster_device_slot(const char *device);
/* How many answers of a node began with this word. */
unsigned cluster_errors(int node, const char *word);
/* The journal of broker "one" and all nodes that serve, and nothing is wrong (ledger_check). */
void cluster_check_ledger(void);

/* Moves a slot, step by step as an operator's tool would: begin, move so many keys, end. */
void cluster_move_begin(unsigned slot, int from, int to);
/* Returns how many keys were moved. */
unsigned cluster_move_keys(unsigned slot, int from, int to, unsigned count);
void cluster_move_end(unsigned slot, int from, int to);

#endif
