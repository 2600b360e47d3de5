/* The plugin of a world of memory: it keeps the protocol's promises, and no others. */
#include "agent_pem.h"
#include "test_agent_toy.h"
#include "test_agent_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ISSUED_PATIENCE = 3 };

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

bool world_plugin_connect(struct world *world, uint32_t serial)
{
    const struct world_cert *cert = &world->cert[serial];
    assert_true(serial >= 1 && serial <= world->serials);
    if (cert->superseded || cert->refused_at_connect) {
        return false;
    }
    world->shown = serial;
    return true;
}

void world_plugin_seen(struct world *world)
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

enum agent_err world_plugin_publish(void *ctx, uint32_t id, const char *topic, const uint8_t *payload, size_t len)
{
    struct world *world = ctx;
    char text[WORLD_PAYLOAD_MAX + 1];
    if (world->dead) {
        return AGENT_OFFLINE;
    }
    bool cut = world_step(world);
    if (cut && world->cut != CUT_DONE) {
        return AGENT_OFFLINE;
    }
    assert_true(len <= WORLD_PAYLOAD_MAX && world->unacknowledged_len < WORLD_INBOX_MAX);
    memcpy(text, payload, len);
    text[len] = '\0';
    world->unacknowledged[world->unacknowledged_len++] = id;
    world_plugin_seen(world);
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
