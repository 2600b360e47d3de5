#include "test_agent_world.h"

#include "agent_pem.h"
#include "test_agent_toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ISSUED_PATIENCE = 3 };

/* --- power and flash --- */

/* Counts a step; true: the power goes right now. */
static bool step(struct world *world)
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
    if (!step(world)) {
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

/* --- the plugin --- */

static void say_bytes(struct world *world, const char *verb, const uint8_t *payload, size_t len)
{
    assert_true(world->inbox_len < WORLD_INBOX_MAX && len <= WORLD_PAYLOAD_MAX);
    struct world_message *message = &world->inbox[world->inbox_len++];
    (void)snprintf(message->topic, sizeof message->topic, "%s/%s/%s/%s", world_config.prefix, world_config.device,
                   world_config.slot, verb);
    memcpy(message->payload, payload, len);
    message->len = len;
}

void world_say(struct world *world, const char *verb, const char *payload)
{
    say_bytes(world, verb, (const uint8_t *)payload, strlen(payload));
}

static void say_renew(struct world *world)
{
    char json[256];
    (void)snprintf(json, sizeof json, "{\"renewalId\":\"00000000-0000-4000-8000-%012u\",\"slot\":\"%s\",\"reason\":"
                   "\"expiry\",\"attempt\":1,\"keyAlgorithms\":[\"EC-P384\",\"EC-P256\"]}", world->renewals,
                   world_config.slot);
    world_say(world, "renew", json);
}

static void say_certificate(struct world *world)
{
    uint8_t chain[TOY_CHAIN_LEN];
    struct world_cert *cert = &world->cert[world->issued];
    toy_chain(chain, cert->key, world->issued, cert->corrupt_copies > 0);
    cert->corrupt_copies -= cert->corrupt_copies > 0 ? 1 : 0;
    say_bytes(world, "certificate", chain, sizeof chain);
}

void world_trigger(struct world *world)
{
    world->triggered = true;
    world->renewals++;
}

static void plugin_push(struct world *world)
{
    if (world->issued != 0) {
        say_certificate(world);
    } else if (world->triggered) {
        say_renew(world);
    }
}

static void plugin_csr(struct world *world, const uint8_t *csr)
{
    uint32_t key = (uint32_t)toy_get(csr + 1, 4);
    world->csrs++;
    world->keys_asked += key != world->key_asked ? 1 : 0;
    world->key_asked = key;
    if (world->issued != 0 && world->cert[world->issued].key == key) {
        say_certificate(world); /* same request, same answer */
    } else if (world->cert[world->current].key == key) {
        world_say(world, "rejected", "{\"statusCode\":409,\"errorCode\":\"key-reused\"}");
    } else if (world->by_factory && !world->may_enrol) {
        world->enrolments_rejected++;
        world_say(world, "rejected", "{\"statusCode\":409,\"errorCode\":\"already-enrolled\",\"retryAfter\":30}");
    } else if (!world->by_factory && !world->triggered && !world->any_time && world->issued == 0) {
        world_say(world, "rejected", "{\"statusCode\":425,\"errorCode\":\"too-early\",\"retryAfter\":99999}");
    } else {
        assert_true(world->serials + 1 < WORLD_CERTS_MAX);
        world->issued = ++world->serials;
        world->triggered = world->any_time = false;
        world->rounds_issued = 0;
        world->cert[world->issued] = (struct world_cert){ .key = key, .corrupt_copies = world->corrupt_next,
                                                          .refused_at_connect = world->refuse_next > 0 };
        world->corrupt_next = 0;
        world->refuse_next -= world->refuse_next > 0 ? 1 : 0;
        say_certificate(world);
    }
}

static void plugin_report(struct world *world, const char *json)
{
    bool failed = strstr(json, "\"failed\"") != NULL, rolled_back = strstr(json, "\"rolled-back\"") != NULL;
    world->failed_reports += failed ? 1 : 0;
    world->rolled_back_reports += rolled_back ? 1 : 0;
    world->installed_reports += strstr(json, "\"installed\"") != NULL ? 1 : 0;
    if ((failed || rolled_back) && world->issued != 0) {
        world->issued = 0; /* issued, but the device failed: triggered */
        world->triggered = true;
    }
}

static void plugin_bundle_report(struct world *world, const char *json)
{
    (void)snprintf(world->bundle_report, sizeof world->bundle_report, "%.150s", json);
    world->bundle_reports++;
    world->bundle_answered = true;
}

size_t world_bundle(const struct world *world, char *json, size_t cap)
{
    uint8_t message[256], signature[TOY_SIGNATURE_LEN], ca[TOY_CA_LEN];
    struct agent_text text = { json, 0, cap, false };
    char version[32];
    size_t len = sizeof "mosquitto-cert-renewal trust bundle v1";
    memcpy(message, "mosquitto-cert-renewal trust bundle v1", len);
    memset(message + len, 0, 8);
    message[len + 7] = (uint8_t)world->bundle.version;
    message[len + 8] = world->bundle.replace ? 1 : 0;
    len += 9;
    (void)snprintf(version, sizeof version, "{\"version\":%u", world->bundle.version);
    agent_text_add(&text, version);
    agent_text_add(&text, world->bundle.replace ? ",\"mode\":\"replace\"" : ",\"mode\":\"add\"");
    for (size_t i = 0; i < 4 && world->bundle.cas[i] != 0; i++) {
        toy_ca(ca, world->bundle.cas[i]);
        memcpy(message + len, (const uint8_t[]){ 0, 0, 0, TOY_CA_LEN }, 4);
        memcpy(message + len + 4, ca, sizeof ca);
        len += 4 + sizeof ca;
        agent_text_add(&text, i == 0 ? ",\"certificates\":[\"-----BEGIN CERTIFICATE-----\\n" :
                                       "\",\"-----BEGIN CERTIFICATE-----\\n");
        agent_text_base64(&text, ca, sizeof ca, 0);
        agent_text_add(&text, "\\n-----END CERTIFICATE-----\\n");
    }
    toy_sign(signature, world->bundle.signer, message, len);
    toy_ca(ca, world->bundle.signer);
    agent_text_add(&text, "\"],\"signer\":[\"-----BEGIN CERTIFICATE-----\\n");
    agent_text_base64(&text, ca, sizeof ca, 0);
    agent_text_add(&text, "\\n-----END CERTIFICATE-----\\n\"],\"signature\":\"");
    agent_text_base64(&text, signature, sizeof signature, 0);
    agent_text_add(&text, "\"}");
    assert_false(text.full);
    return text.len;
}

static void say_bundle(struct world *world)
{
    char json[WORLD_PAYLOAD_MAX];
    if (world->bundle.version == 0 || world->bundle_answered || world->inbox_len == WORLD_INBOX_MAX) {
        return;
    }
    size_t len = world_bundle(world, json, sizeof json);
    say_bytes(world, "trust", (const uint8_t *)json, len);
    struct world_message *message = &world->inbox[world->inbox_len - 1];
    (void)snprintf(message->topic, sizeof message->topic, "%s/%s/ca/trust", world_config.prefix, world_config.device);
}

/* A TLS connection that shows this serial: false when the plugin or the broker refuses it. */
static bool plugin_connect(struct world *world, uint32_t serial)
{
    const struct world_cert *cert = &world->cert[serial];
    assert_true(serial >= 1 && serial <= world->serials);
    if (cert->superseded || cert->refused_at_connect) {
        return false;
    }
    world->shown = serial;
    return true;
}

/* The device shows up: what it presents is looked at, and what waits for it is sent. */
static void plugin_seen(struct world *world)
{
    uint32_t serial = world->shown;
    world->shown = 0;
    if (serial == 0) {
        return;
    }
    if (serial == world->issued) {
        world->cert[world->current].superseded = true; /* no grace at all: the hardest case for the device */
        world->current = world->issued;
        world->issued = 0;
        world->generation++;
    }
    assert_int_equal(world->current, serial);
    if (world->issued != 0 && ++world->rounds_issued > ISSUED_PATIENCE) {
        world->issued = 0; /* its deadline passed */
        world->triggered = true;
    }
    if (!world->never_pushes) {
        plugin_push(world);
    }
    say_bundle(world);
}

static enum agent_err port_publish(void *ctx, uint32_t id, const char *topic, const uint8_t *payload, size_t len)
{
    struct world *world = ctx;
    char text[WORLD_PAYLOAD_MAX + 1];
    if (world->dead) {
        return AGENT_OFFLINE;
    }
    bool cut = step(world);
    if (cut && world->cut != CUT_DONE) {
        return AGENT_OFFLINE;
    }
    assert_true(len <= WORLD_PAYLOAD_MAX && world->unacknowledged_len < WORLD_INBOX_MAX);
    memcpy(text, payload, len);
    text[len] = '\0';
    world->unacknowledged[world->unacknowledged_len++] = id;
    plugin_seen(world);
    const char *verb = strrchr(topic, '/') + 1;
    assert_true(!world->by_factory || strcmp(verb, "csr") == 0);
    if (strstr(topic, "/ca/report") != NULL) {
        plugin_bundle_report(world, text);
    } else if (strcmp(verb, "csr") == 0) {
        plugin_csr(world, (const uint8_t *)text);
    } else if (strcmp(verb, "report") == 0) {
        plugin_report(world, text);
    } else {
        assert_string_equal(verb, "get");
        if (world->issued == 0 && !world->triggered) {
            world_say(world, "status", "{\"serialNumber\":\"01\"}");
        } else {
            plugin_push(world);
        }
    }
    return cut ? AGENT_OFFLINE : AGENT_OK;
}

/* --- the device --- */

const struct agent_config world_config = {
    .prefix = "$identity/v1", .device = "meter-17", .slot = "operational", .format = AGENT_DER,
    .trust = (const uint8_t[]){ 0x30, 3, 'C', 1, 'A' }, .trust_len = TOY_CA_LEN, .ask_at_connect = true,
    .own_link = true, .trust_updates = true,
};

const struct agent_ports world_ports_template = {
    .read = flash_read, .write = flash_write, .publish = port_publish, .now_ms = port_now_ms, .now_s = port_now_s,
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
    if (!plugin_connect(world, (uint32_t)toy_get(identity.chain + 5, 4))) {
        agent_connect_failed(&world->agent, true);
        return false;
    }
    world->inbox_len = 0;
    if (world->sees_connects) {
        plugin_seen(world);
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
