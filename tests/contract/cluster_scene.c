#include "tests/contract/cluster_scene.h"

#include "plugin/store/redis_slots.h"
#include "tests/support/ledger_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_group cluster;
struct renewers cluster_renewers;

static struct private_redis *redis_of(const char *key)
{
    int node = redis_group_owner(&cluster, cr_redis_slot((struct cr_bytes){ (const uint8_t *)key, strlen(key) }));
    assert_true(node >= 0);
    return &cluster.node[node].redis;
}

void cluster_start(bool replicas)
{
    assert_int_equal(redis_group_cluster(&cluster, 3, replicas), CR_OK);
}

void cluster_stop(void)
{
    redis_group_free(&cluster);
}

void cluster_empty(void)
{
    for (unsigned i = 0; i < cluster.count; i++) {
        freeReplyObject(private_redis_command(&cluster.node[i].redis, "FLUSHALL"));
    }
}

void cluster_rig(struct rig *rig)
{
    rig_init(rig, RIG_REDIS); /* its own Redis is not used, but the directory is */
    rig->address = cluster.address;
    rig->redis_of = redis_of;
}

unsigned cluster_device_slot(const char *device)
{
    struct cr_device_keys keys;
    rig_keys(&scene_rig, &keys, device, scene_slot);
    return cr_redis_slot((struct cr_bytes){ (const uint8_t *)keys.device.text, keys.device.len });
}

unsigned cluster_errors(int node, const char *word)
{
    char field[60];
    unsigned count = 0;
    redisReply *reply = private_redis_command(&cluster.node[node].redis, "INFO errorstats");
    assert_non_null(reply);
    (void)snprintf(field, sizeof field, "errorstat_%s:count=", word);
    const char *at = strstr(reply->str, field);
    if (at != NULL) {
        count = (unsigned)strtoul(at + strlen(field), NULL, 10);
    }
    freeReplyObject(reply);
    return count;
}

void cluster_check_ledger(void)
{
    char path[160], address[40];
    unsigned devices = 0;
    (void)snprintf(path, sizeof path, "%s/one/journal.jsonl", scene_rig.redis.dir);
    for (unsigned i = 0; i < cluster.count; i++) {
        redisReply *reply =
            cluster.node[i].redis.pid != 0 ? private_redis_command(&cluster.node[i].redis, "ROLE") : NULL;
        bool primary = reply != NULL && strcmp(reply->element[0]->str, "master") == 0;
        if (reply != NULL) {
            freeReplyObject(reply);
        }
        if (primary) {
            struct ledger_check_result result;
            (void)snprintf(address, sizeof address, "127.0.0.1:%u", cluster.node[i].port);
            const struct ledger_check_options options = { .journal = { path }, .redis = address, .out = stderr };
            assert_int_equal(ledger_check(&result, &options), CR_OK);
            assert_int_equal(result.wrong, 0);
            devices += result.devices;
        }
    }
    assert_int_equal(devices, RENEWERS);
}

/* ---- a slot moves ---- */

static void set_slot(int node, unsigned slot, const char *what, int other)
{
    redisReply *reply = private_redis_command(&cluster.node[node].redis, "CLUSTER SETSLOT %u %s %s", slot, what,
                                              cluster.node[other].id);
    assert_non_null(reply);
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
}

void cluster_move_begin(unsigned slot, int from, int to)
{
    set_slot(to, slot, "IMPORTING", from);
    set_slot(from, slot, "MIGRATING", to);
}

unsigned cluster_move_keys(unsigned slot, int from, int to, unsigned count)
{
    unsigned moved = 0;
    redisReply *keys =
        private_redis_command(&cluster.node[from].redis, "CLUSTER GETKEYSINSLOT %u %u", slot, count);
    assert_non_null(keys);
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *reply = private_redis_command(&cluster.node[from].redis, "MIGRATE 127.0.0.1 %u %s 0 5000",
                                                  cluster.node[to].port, keys->element[i]->str);
        assert_non_null(reply);
        assert_int_equal(reply->type, REDIS_REPLY_STATUS);
        moved += strcmp(reply->str, "OK") == 0;
        freeReplyObject(reply);
    }
    freeReplyObject(keys);
    return moved;
}

void cluster_move_end(unsigned slot, int from, int to)
{
    set_slot(to, slot, "NODE", to);
    set_slot(from, slot, "NODE", to);
}
