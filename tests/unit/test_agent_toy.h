/* test_agent_toy: cryptography that can be read with the naked eye, for an agent in a world of memory.
 * Key: 'K' and a number. CSR: 'R', the number, the device. Chain: 0x30, key, serial, signature 'S', notBefore, notAfter. */
#ifndef TEST_AGENT_TOY_H
#define TEST_AGENT_TOY_H

#include "agent.h"

enum { TOY_FIRST_KEY = 1000, TOY_CHAIN_LEN = 26, TOY_NOW = 1893456000 /* 2030 */ };

extern const struct agent_crypto toy_crypto; /* ports->ctx is a struct world, which counts the keys */

/* Valid from a day before TOY_NOW for 91 days. */
void toy_chain(uint8_t chain[TOY_CHAIN_LEN], uint32_t key, uint32_t serial, bool corrupt);

/* Little-endian. */
void toy_put(uint8_t *at, uint64_t number, unsigned octets);
uint64_t toy_get(const uint8_t *at, unsigned octets);

#endif
