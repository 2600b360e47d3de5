#include "test_agent_world.h"

#include "test_agent_toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- power and flash --- */

bool world_step(struct world *world)
{
    world->steps++;
    if (world->cut_at != 0 && world->steps == world->cut_at) {
        world->dead = true;
    }
    return world->dead;
}

static enum agent_err flash_read(void *ctx, enum agent_record record, uint8_t *data, size_t cap, size_t *len)
{
    struct world *world = ctx;
    if (!world->record[record].there) {
        return AGENT_NOT_FOUND;
    }
    if (world->record[record].len > cap) {
        return AGENT_NO_ROOM;
    }
    memcpy(data, world->record[record].data, world->record[record].len);
    *len = world->record[record].len;
    return AGENT_OK;
}

static void flash_set(struct world *world, enum agent_record record, const uint8_t *data, size_t len)
{
    assert_true(len <= sizeof world->record[record].data);
    memcpy(world->record[record].data, data, len);
    world->record[record].len = len;
    world->record[record].there = true;
}

static enum agent_err flash_write(void *ctx, enum agent_record record, const uint8_t *data, size_t len)
{
    struct world *world = ctx;
    if (world->dead) {
        return AGENT_STORAGE;
    }
    if (!world_step(world)) {
        flash_set(world, record, data, len);
        return AGENT_OK;
    }
    uint8_t mix[AGENT_TRUST_MAX] = { 0 };
    size_t old_len = world->record[record].len;
    memcpy(mix, world->record[record].data, old_len);
    switch (world->cut) {
    case CUT_LOST:
        break;
    case CUT_SHORT:
        flash_set(world, record, data, len / 2 + 1);
        break;
    case CUT_HEAD:
        memcpy(mix, data, len / 10 + 1);
        flash_set(world, record, mix, len);
        break;
    case CUT_TAIL:
        memcpy(mix + len / 10 + 1, data + len / 10 + 1, len - len / 10 - 1);
        flash_set(world, record, mix, len);
        break;
    case CUT_GARBAGE:
        flash_set(world, record, data, len);
        memset(world->record[record].data + len / 2, 0xff, len - len / 2);
        break;
    default:
        flash_set(world, record, data, len);
        break;
    }
    return AGENT_STORAGE;
}

static int64_t port_now_ms(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static int64_t port_now_s(void *ctx)
{
    return ((struct world *)ctx)->now_s;
}

static bool port_random(void *ctx, uint8_t *data, size_t len)
{
    memset(data, 0x40, len);
    return !((struct world *)ctx)->random_fails;
}

static void port_event(void *ctx, enum agent_event event, const char *detail)
{
    struct world *world = ctx;
    world->events[event]++;
    if (detail != NULL) {
        (void)snprintf(world->detail, sizeof world->detail, "%s", detail);
    }
}

/* --- the device --- */

const struct agent_config world_config = {
    .prefix = "$identity/v1", .device = "meter-17", .slot = "operational", .format = AGENT_DER,
    .trust = (const uint8_t[]){ 0x30, 3, 'C', 1, 'A' }, .trust_len = TOY_CA_LEN, .ask_at_connect = true,
    .own_link = true, .trust_updates = true,
};

const struct agent_ports world_ports_template = {
    .read = flash_read, .write = flash_write, .publish = world_plugin_publish, .now_ms = port_now_ms, .now_s = port_now_s,
    .random = port_random, .event = port_event, .crypto = &toy_crypto,
};

static const uint8_t factory_key[] = "a handle", factory_chain[] = "the factory's certificate";

static void world_clear(struct world *world, struct agent_ports *ports)
{
    memset(world, 0, sizeof *world);
    *ports = world_ports_template;
    ports->ctx = world;
    world->now_ms = 1000;
    world->now_s = TOY_NOW;
    world->server_ca = 1;
    world->config = world_config;
}

void world_init_unborn(struct world *world, struct agent_ports *ports, enum agent_enrol enrol)
{
    world_clear(world, ports);
    world->config.enrol = enrol;
    world->config.factory = (struct agent_factory){ factory_key, sizeof factory_key, factory_chain,
                                                    sizeof factory_chain };
    world->may_enrol = true;
}

void world_init(struct world *world, struct agent_ports *ports)
{
    uint8_t key[5] = { 'K' }, chain[TOY_CHAIN_LEN];
    world_clear(world, ports);
    world->config.factory = (struct agent_factory){ factory_key, sizeof factory_key, factory_chain,
                                                    sizeof factory_chain };
    world->serials = world->current = 1;
    world->cert[1].key = TOY_FIRST_KEY;
    toy_put(key + 1, TOY_FIRST_KEY, 4);
    toy_chain(chain, TOY_FIRST_KEY, 1, false);
    assert_int_equal(AGENT_OK, agent_provision(&world_config, ports, key, sizeof key, chain, sizeof chain));
    world->steps = 0;
}

void world_open(struct world *world, struct agent_ports *ports)
{
    assert_int_equal(AGENT_OK, agent_open(&world->agent, &world->config, ports, world->scratch, sizeof world->scratch));
}

void world_hang_up(struct world *world)
{
    world->inbox_len = 0;
    world->unacknowledged_len = 0;
    agent_disconnected(&world->agent);
}

/* The factory's identity or a token is always let in: what it may do is another matter. */
static bool factory_connect(struct world *world, const struct agent_identity *identity)
{
    if (identity->kind == AGENT_BY_FACTORY) {
        assert_int_equal(sizeof factory_key, identity->key_len);
        assert_memory_equal(factory_key, identity->key, sizeof factory_key);
        assert_int_equal(sizeof factory_chain, identity->chain_len);
        assert_memory_equal(factory_chain, identity->chain, sizeof factory_chain);
    } else {
        assert_int_equal(0, identity->key_len + identity->chain_len);
    }
    world->inbox_len = 0;
    world->shown = 0;
    enum agent_err err = agent_connected(&world->agent);
    assert_true(err == AGENT_OK || world->dead);
    return true;
}

bool world_connect(struct world *world)
{
    struct agent_identity identity;
    if (agent_credentials(&world->agent, &identity) != AGENT_OK) {
        assert_true(world->dead);
        return false;
    }
    uint8_t trust[AGENT_TRUST_MAX];
    size_t trust_len = 0;
    if (agent_trust(&world->agent, trust, sizeof trust, &trust_len) != AGENT_OK) {
        assert_true(world->dead);
        return false;
    }
    if (!toy_ca_in(trust, trust_len, world->server_ca)) {
        agent_connect_failed(&world->agent, false);
        return false;
    }
    world->by_factory = identity.kind != AGENT_BY_OWN;
    if (world->by_factory) {
        return factory_connect(world, &identity);
    }
    assert_int_equal(5, identity.key_len);
    assert_int_equal(TOY_CHAIN_LEN, identity.chain_len);
    assert_memory_equal(identity.key + 1, identity.chain + 1, 4); /* the key is this certificate's */
    if (!world_plugin_connect(world, (uint32_t)toy_get(identity.chain + 5, 4))) {
        agent_connect_failed(&world->agent, true);
        return false;
    }
    world->inbox_len = 0;
    if (world->sees_connects) {
        world_plugin_seen(world);
    }
    enum agent_err err = agent_connected(&world->agent);
    assert_true(err == AGENT_OK || world->dead);
    return true;
}

void world_deliver(struct world *world)
{
    while (!world->dead && (world->inbox_len > 0 || world->unacknowledged_len > 0)) {
        enum agent_err err;
        if (world->unacknowledged_len > 0) {
            uint32_t id = world->unacknowledged[0];
            world->unacknowledged_len--;
            memmove(world->unacknowledged, world->unacknowledged + 1, world->unacknowledged_len * sizeof id);
            err = agent_delivered(&world->agent, id);
        } else {
            struct world_message message = world->inbox[0];
            world->inbox_len--;
            memmove(world->inbox, world->inbox + 1, world->inbox_len * sizeof message);
            err = agent_message(&world->agent, message.topic, message.payload, message.len, NULL);
        }
        assert_true(err == AGENT_OK || world->dead);
        world->now_ms += 10;
    }
}

void world_boot(struct world *world, struct agent_ports *ports, unsigned connections)
{
    world->dead = false;
    world->steps = 0;
    world_open(world, ports);
    enum agent_err err = agent_prepare(&world->agent);
    assert_true(err == AGENT_OK || world->dead);
    while (connections-- > 0 && !world->dead) {
        world->now_ms += 60 * 1000;
        if (world_connect(world)) {
            if (world->asks_itself && world->generation == 0 && !world->dead) {
                err = agent_request(&world->agent);
                assert_true(err == AGENT_OK || err == AGENT_BUSY || world->dead);
            }
            world_deliver(world);
            world_hang_up(world);
        }
    }
    world->inbox_len = 0;
    world->unacknowledged_len = 0;
}

void world_check_pair(struct world *world, struct agent_ports *ports)
{
    struct agent_identity identity;
    unsigned cut_at = world->cut_at;
    world->dead = false;
    world->cut_at = 0;
    world_open(world, ports);
    /* The pair that counts, without looking at the other: nothing may depend on luck or on mending. */
    assert_int_equal(AGENT_OK, agent_credentials(&world->agent, &identity));
    if (identity.kind != AGENT_BY_OWN) {
        assert_int_equal(0, world->generation);
        assert_int_equal(0, world->serials - world->issued); /* the world knows of no other pair */
        world->cut_at = cut_at;
        return;
    }
    uint32_t serial = (uint32_t)toy_get(identity.chain + 5, 4);
    assert_memory_equal(identity.key + 1, identity.chain + 1, 4);
    assert_int_equal((uint32_t)toy_get(identity.key + 1, 4), world->cert[serial].key);
    assert_true(serial == world->current || serial == world->issued || world->cert[serial].refused_at_connect);
    world->cut_at = cut_at;
}
