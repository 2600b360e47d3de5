#include "test_agent_toy.h"

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
    (void)ports, (void)trust, (void)trust_len, (void)device;
    assert_true(key_len == 5 && key[0] == 'K');
    if (chain_len != TOY_CHAIN_LEN) {
        *refusal = AGENT_UNREADABLE;
    } else if (memcmp(chain + 1, key + 1, 4) != 0) {
        *refusal = AGENT_OTHER_KEY;
    } else {
        *refusal = chain[9] == 'S' ? AGENT_ACCEPTED : AGENT_UNTRUSTED;
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
}

const struct agent_crypto toy_crypto = { "EC-P256", toy_key_make, toy_csr_make, toy_chain_check, NULL, NULL };
