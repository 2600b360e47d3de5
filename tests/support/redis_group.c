#include "tests/support/redis_group.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 16384, BUS = 10000, LOOK_MS = 5, TRIES = 100, PORT_FIRST = 12000, PORTS = 10000, GROUP_TRIES = 3 };

/* ---- waiting ---- */

static void nap(void)
{
    const struct timespec look = { 0, LOOK_MS * 1000000L };
    (void)nanosleep(&look, NULL);
}

static bool wait_for(struct redis_group *group, bool (*condition)(struct redis_group *group))
{
    for (int waited = 0; waited < REDIS_GROUP_WAIT_MS; waited += LOOK_MS) {
        if (condition(group)) {
            return true;
        }
        nap();
    }
    return false;
}

/* ---- ports ---- */

static bool bind_port(int fd, unsigned port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

static bool port_is_free(unsigned port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool is_free = fd >= 0 && bind_port(fd, port);
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_free;
}

/* A port that is free, and the one that a cluster's bus would have is too; 0: none. Below those that the system gives
 * to clients. */
static unsigned port_take(const struct redis_group *group)
{
    static unsigned next;
    if (next == 0) {
        next = PORT_FIRST + (unsigned)getpid() * 7919 % PORTS; /* tests that run at once begin far from each other */
    }
    for (int i = 0; i < TRIES; i++) {
        unsigned port = next;
        bool taken = false;
        next = next < PORT_FIRST + PORTS ? next + 1 : PORT_FIRST;
        for (unsigned k = 0; k < group->count; k++) {
            taken = taken || group->node[k].port == port;
        }
        if (!taken && port_is_free(port) && port_is_free(port + BUS)) {
            return port;
        }
    }
    return 0;
}

/* ---- nodes ---- */

static struct redis_group_node *node_new(struct redis_group *group)
{
    struct redis_group_node *node = &group->node[group->count];
    unsigned port = group->count < REDIS_GROUP_NODES ? port_take(group) : 0;
    if (port == 0) {
        return NULL;
    }
    memset(node, 0, sizeof *node);
    node->port = port;
    group->count++;
    return node;
}

static void CR_PRINTF(2, 3) node_arg(struct redis_group_node *node, const char *format, ...)
{
    int n = 0;
    va_list args;
    while (node->extra[n] != NULL) {
        n++;
    }
    va_start(args, format);
    (void)vsnprintf(node->arg[n], sizeof node->arg[n], format, args);
    va_end(args);
    node->extra[n] = node->arg[n];
}

static void node_args_tcp(struct redis_group_node *node)
{
    node_arg(node, "--port");
    node_arg(node, "%u", node->port);
    node_arg(node, "--bind");
    node_arg(node, "127.0.0.1");
}

static bool is_ok(struct private_redis *redis, const char *command)
{
    redisReply *reply = private_redis_command(redis, command);
    bool ok = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return ok;
}

/* Whether the text that a command answers has all of the words. */
static bool says(struct redis_group_node *node, const char *command, const char *const *words)
{
    redisReply *reply = private_redis_command(&node->redis, command);
    bool all = reply != NULL && reply->type == REDIS_REPLY_STRING;
    for (int i = 0; all && words[i] != NULL; i++) {
        all = strstr(reply->str, words[i]) != NULL;
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return all;
}

void redis_group_free(struct redis_group *group)
{
    for (unsigned i = 0; i < group->count; i++) {
        private_redis_free(&group->node[i].redis);
    }
    memset(group, 0, sizeof *group);
}

/* ---- Sentinel ---- */

/* Its clocks run faster, since Redis 7: it looks after 2 s instead of 10, and when a stall of the machine has made it
 * distrust what it sees (TILT), it does nothing for 3 s instead of 30. */
static void sentinel_hasten(struct redis_group_node *node)
{
    redisReply *reply = private_redis_command(&node->redis, "SENTINEL DEBUG info-period 2000 publish-period 500 "
                                                            "tilt-period 3000");
    if (reply != NULL) {
        freeReplyObject(reply);
    }
}

static cr_err sentinel_start(struct redis_group *group)
{
    struct redis_group_node *node = node_new(group);
    char path[80];
    if (node == NULL) {
        return CR_IO;
    }
    node_args_tcp(node);
    node_arg(node, "--sentinel");
    cr_err err = private_redis_prepare(&node->redis, node->extra);
    if (err != CR_OK) {
        return err;
    }
    (void)snprintf(path, sizeof path, "%s/sentinel.conf", node->redis.dir);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return CR_IO;
    }
    (void)fprintf(file,
                  "sentinel monitor main 127.0.0.1 %u 2\n"
                  "sentinel down-after-milliseconds main 1500\nsentinel failover-timeout main 5000\n",
                  group->node[0].port);
    if (fclose(file) != 0) {
        return CR_IO;
    }
    node->redis.conf = "sentinel.conf";
    err = private_redis_start(&node->redis);
    if (err == CR_OK) {
        sentinel_hasten(node);
    }
    return err;
}

static bool sentinels_know_each_other(struct redis_group *group)
{
    static const char *const known[] = { "slaves=1,sentinels=3", NULL }, *const linked[] = { "link_status:up", NULL };
    return says(&group->node[2], "INFO sentinel", known) && says(&group->node[3], "INFO sentinel", known) &&
           says(&group->node[4], "INFO sentinel", known) && says(&group->node[1], "INFO replication", linked);
}

static cr_err try_sentinel(struct redis_group *group)
{
    for (int i = 0; i < 2; i++) {
        struct redis_group_node *node = node_new(group);
        if (node == NULL) {
            return CR_IO;
        }
        node_args_tcp(node);
        if (i > 0) {
            node_arg(node, "--replicaof");
            node_arg(node, "127.0.0.1 %u", group->node[0].port);
        }
        cr_err err = private_redis_new(&node->redis, node->extra);
        if (err != CR_OK) {
            return err;
        }
    }
    for (int i = 0; i < 3; i++) {
        cr_err err = sentinel_start(group);
        if (err != CR_OK) {
            return err;
        }
    }
    (void)snprintf(group->address, sizeof group->address,
                   "redis-sentinel://127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/main", group->node[2].port,
                   group->node[3].port, group->node[4].port);
    return wait_for(group, sentinels_know_each_other) ? CR_OK : CR_TIMEOUT;
}

cr_err redis_group_sentinel(struct redis_group *group)
{
    cr_err err = CR_IO;
    for (int i = 0; i < GROUP_TRIES && err != CR_OK; i++) { /* somebody may have taken a port just now */
        redis_group_free(group);
        err = try_sentinel(group);
    }
    return err;
}

int redis_group_primary(struct redis_group *group)
{
    int primary = -1;
    for (unsigned i = 2; i < 5; i++) {
        if (group->node[i].redis.pid == 0) {
            continue;
        }
        redisReply *reply = private_redis_command(&group->node[i].redis, "SENTINEL get-master-addr-by-name main");
        int named = -1;
        if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
            unsigned port = (unsigned)strtoul(reply->element[1]->str, NULL, 10);
            named = port == group->node[0].port ? 0 : port == group->node[1].port ? 1 : -1;
        }
        if (reply != NULL) {
            freeReplyObject(reply);
        }
        if (named < 0 || (primary >= 0 && named != primary)) {
            return -1;
        }
        primary = named;
    }
    return primary;
}

/* ---- Cluster ---- */

static cr_err cluster_node(struct redis_group *group)
{
    struct redis_group_node *node = node_new(group);
    if (node == NULL) {
        return CR_IO;
    }
    node_args_tcp(node);
    node_arg(node, "--cluster-enabled");
    node_arg(node, "yes");
    node_arg(node, "--cluster-node-timeout");
    node_arg(node, "3000"); /* a stall of the machine is no failure */
    node_arg(node, "--cluster-replica-validity-factor"); /* also a replica that has not been in touch takes over */
    node_arg(node, "0");
    cr_err err = private_redis_new(&node->redis, node->extra);
    redisReply *reply = err == CR_OK ? private_redis_command(&node->redis, "CLUSTER MYID") : NULL;
    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        return CR_IO;
    }
    (void)snprintf(node->id, sizeof node->id, "%s", reply->str);
    freeReplyObject(reply);
    return CR_OK;
}

static bool meet(struct redis_group *group, unsigned node)
{
    char command[80];
    (void)snprintf(command, sizeof command, "CLUSTER MEET 127.0.0.1 %u", group->node[0].port);
    return is_ok(&group->node[node].redis, command);
}

bool redis_group_serves(struct redis_group *group)
{
    char size[40];
    (void)snprintf(size, sizeof size, "cluster_known_nodes:%u", group->count);
    const char *const words[] = { "cluster_state:ok", "cluster_slots_ok:16384", size, NULL };
    bool all = true;
    for (unsigned i = 0; i < group->count; i++) {
        all = all && (group->node[i].redis.pid == 0 || says(&group->node[i], "CLUSTER INFO", words));
    }
    return all;
}

static bool everybody_is_known(struct redis_group *group)
{
    char size[40];
    (void)snprintf(size, sizeof size, "cluster_known_nodes:%u", group->count);
    const char *const words[] = { size, NULL };
    bool all = true;
    for (unsigned i = 0; i < group->count; i++) {
        all = all && says(&group->node[i], "CLUSTER INFO", words);
    }
    return all;
}

static cr_err share_slots(struct redis_group *group, unsigned primaries)
{
    for (unsigned i = 0; i < primaries; i++) {
        char command[80];
        (void)snprintf(command, sizeof command, "CLUSTER SET-CONFIG-EPOCH %u", i + 1);
        if (!is_ok(&group->node[i].redis, command)) {
            return CR_IO;
        }
        (void)snprintf(command, sizeof command, "CLUSTER ADDSLOTSRANGE %u %u", SLOTS * i / primaries,
                       SLOTS * (i + 1) / primaries - 1);
        if (!is_ok(&group->node[i].redis, command)) {
            return CR_IO;
        }
    }
    return CR_OK;
}

static cr_err give_replicas(struct redis_group *group, unsigned primaries)
{
    for (unsigned i = primaries; i < group->count; i++) {
        char command[80];
        (void)snprintf(command, sizeof command, "CLUSTER REPLICATE %s", group->node[i - primaries].id);
        if (!is_ok(&group->node[i].redis, command)) {
            return CR_IO;
        }
    }
    return CR_OK;
}

static bool replicas_are_linked(struct redis_group *group)
{
    static const char *const linked[] = { "role:slave", "link_status:up", NULL };
    bool all = true;
    for (unsigned i = group->count / 2; i < group->count; i++) {
        all = all && says(&group->node[i], "INFO replication", linked);
    }
    return all;
}

static cr_err try_cluster(struct redis_group *group, unsigned primaries, bool replicas)
{
    cr_err err = CR_INVALID;
    for (unsigned i = 0; i < (replicas ? 2 * primaries : primaries); i++) {
        CR_TRY(cluster_node(group));
    }
    CR_TRY(share_slots(group, primaries));
    for (unsigned i = 1; i < group->count; i++) {
        CR_TRY(meet(group, i) ? CR_OK : CR_IO);
    }
    CR_TRY(wait_for(group, everybody_is_known) ? CR_OK : CR_TIMEOUT);
    if (replicas) {
        CR_TRY(give_replicas(group, primaries));
        CR_TRY(wait_for(group, replicas_are_linked) ? CR_OK : CR_TIMEOUT);
    }
    CR_TRY(wait_for(group, redis_group_serves) ? CR_OK : CR_TIMEOUT);
    (void)snprintf(group->address, sizeof group->address, "redis-cluster://127.0.0.1:%u,127.0.0.1:%u",
                   group->node[0].port, group->node[1].port);
out:
    return err;
}

cr_err redis_group_cluster(struct redis_group *group, unsigned primaries, bool replicas)
{
    cr_err err = CR_IO;
    for (int i = 0; i < GROUP_TRIES && err != CR_OK; i++) {
        redis_group_free(group);
        err = try_cluster(group, primaries, replicas);
    }
    return err;
}

int redis_group_join(struct redis_group *group)
{
    if (cluster_node(group) != CR_OK || !meet(group, group->count - 1) || !wait_for(group, redis_group_serves)) {
        return -1;
    }
    return (int)group->count - 1;
}

int redis_group_owner(struct redis_group *group, unsigned slot)
{
    unsigned port = 0;
    redisReply *reply = NULL;
    for (unsigned i = 0; i < group->count && reply == NULL; i++) {
        if (group->node[i].redis.pid != 0) {
            reply = private_redis_command(&group->node[i].redis, "CLUSTER SLOTS");
        }
    }
    for (size_t i = 0; reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *range = reply->element[i];
        if (range->element[0]->integer <= (long long)slot && (long long)slot <= range->element[1]->integer) {
            port = (unsigned)range->element[2]->element[1]->integer;
        }
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    for (unsigned i = 0; i < group->count; i++) {
        if (group->node[i].port == port) {
            return (int)i;
        }
    }
    return -1;
}
