#include "test_agent_toy.h"

#include "agent_slots.h"
#include "test_agent_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void toy_put(uint8_t *at, uint64_t number, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++) {
        at[i] = (uint8_t)(number >> (8 * i));
    }
}

uint64_t toy_get(const uint8_t *at, unsigned octets)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < octets; i++) {
        number |= (uint64_t)at[i] << (8 * i);
    }
    return number;
}

static enum agent_err toy_key_make(const struct agent_ports *ports, uint8_t *key, size_t cap, size_t *len)
{
    struct world *world = ports->ctx;
    uint8_t dice[4];
    assert_true(cap >= 5);
    if (!ports->random(ports->ctx, dice, sizeof dice)) {
        return AGENT_CRYPTO;
    }
    key[0] = 'K';
    toy_put(key + 1, TOY_FIRST_KEY + ++world->keys_made, 4);
    *len = 5;
    return AGENT_OK;
}

static enum agent_err toy_csr_make(const struct agent_ports *ports, const uint8_t *key, size_t key_len,
                                   const char *device, uint8_t *csr, size_t cap, size_t *len)
{
    (void)ports;
    size_t name = strlen(device);
    assert_true(key_len == 5 && key[0] == 'K' && cap >= 5 + name);
    csr[0] = 'R';
    memcpy(csr + 1, key + 1, 4);
    memcpy(csr + 5, device, name);
    *len = 5 + name;
    return AGENT_OK;
}

static enum agent_err toy_chain_check(const struct agent_ports *ports, const uint8_t *key, size_t key_len,
                                      const uint8_t *chain, size_t chain_len, const uint8_t *trust, size_t trust_len,
                                      const char *device, enum agent_refusal *refusal, struct agent_validity *validity)
{
    (void)ports, (void)device;
    assert_true(key_len == 5 && key[0] == 'K');
    if (chain_len != TOY_CHAIN_LEN) {
        *refusal = AGENT_UNREADABLE;
    } else if (memcmp(chain + 1, key + 1, 4) != 0) {
        *refusal = AGENT_OTHER_KEY;
    } else {
        bool trusted = chain[9] == 'S' && toy_ca_in(trust, trust_len, chain[26]);
        *refusal = trusted ? AGENT_ACCEPTED : AGENT_UNTRUSTED;
        validity->not_before = (int64_t)toy_get(chain + 10, 8);
        validity->not_after = (int64_t)toy_get(chain + 18, 8);
    }
    return AGENT_OK;
}

void toy_chain(uint8_t chain[TOY_CHAIN_LEN], uint32_t key, uint32_t serial, bool corrupt)
{
    chain[0] = 0x30;
    toy_put(chain + 1, key, 4);
    toy_put(chain + 5, serial, 4);
    chain[9] = corrupt ? 'X' : 'S';
    toy_put(chain + 10, (uint64_t)(TOY_NOW - 86400), 8);
    toy_put(chain + 18, (uint64_t)(TOY_NOW + 90 * 86400), 8);
    chain[26] = 1;
}

void toy_ca(uint8_t ca[TOY_CA_LEN], uint8_t number)
{
    memcpy(ca, (const uint8_t[TOY_CA_LEN]){ 0x30, 3, 'C', number, 'A' }, TOY_CA_LEN);
}

static bool toy_trust_check(const uint8_t *trust, size_t len)
{
    bool good = len > 0 && len % TOY_CA_LEN == 0;
    for (size_t at = 0; good && at < len; at += TOY_CA_LEN) {
        good = trust[at + 2] == 'C' && trust[at + 4] == 'A';
    }
    return good;
}

bool toy_ca_in(const uint8_t *trust, size_t len, uint8_t number)
{
    bool found = false;
    assert_true(toy_trust_check(trust, len)); /* the agent believes in nothing that it has not checked */
    for (size_t at = 0; at < len; at += TOY_CA_LEN) {
        found = found || trust[at + 3] == number;
    }
    return found;
}

void toy_sign(uint8_t signature[TOY_SIGNATURE_LEN], uint8_t number, const uint8_t *message, size_t len)
{
    signature[0] = number;
    toy_put(signature + 1, agent_crc32(message, len), 4);
}

static enum agent_err toy_signer_check(const struct agent_ports *ports, const uint8_t *signer, size_t signer_len,
                                       const uint8_t *trust, size_t trust_len, const uint8_t *message,
                                       size_t message_len, const uint8_t *signature, size_t signature_len,
                                       bool *signed_by_trusted)
{
    uint8_t good[TOY_SIGNATURE_LEN];
    (void)ports;
    *signed_by_trusted = false;
    if (toy_trust_check(signer, signer_len) && toy_ca_in(trust, trust_len, signer[3])) {
        toy_sign(good, signer[3], message, message_len);
        *signed_by_trusted = signature_len == sizeof good && memcmp(good, signature, sizeof good) == 0;
    }
    return AGENT_OK;
}

const struct agent_crypto toy_crypto = { "EC-P256", toy_key_make, toy_csr_make, toy_chain_check, toy_signer_check,
                                         toy_trust_check };
