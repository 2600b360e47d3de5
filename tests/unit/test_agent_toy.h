/* test_agent_toy: cryptography that can be read with the naked eye, for an agent in a world of memory.
 * Key: 'K' and a number. CSR: 'R', the number, the device. Chain: 0x30, key, serial, signature 'S', notBefore, notAfter,
 * the issuing CA's number. A CA: 0x30, 3, 'C', its number, 'A'. A signature: the CA's number and a CRC-32. */
#ifndef TEST_AGENT_TOY_H
#define TEST_AGENT_TOY_H

#include "agent.h"

enum { TOY_FIRST_KEY = 1000, TOY_CHAIN_LEN = 27, TOY_CA_LEN = 5, TOY_SIGNATURE_LEN = 5, TOY_NOW = 1893456000 /* 2030 */ };

extern const struct agent_crypto toy_crypto; /* ports->ctx is a struct world, which counts the keys */

/* Valid from a day before TOY_NOW for 91 days, issued by CA 1. */
void toy_chain(uint8_t chain[TOY_CHAIN_LEN], uint32_t key, uint32_t serial, bool corrupt);

void toy_ca(uint8_t ca[TOY_CA_LEN], uint8_t number);
/* Whether this CA is among these. */
bool toy_ca_in(const uint8_t *trust, size_t len, uint8_t number);
void toy_sign(uint8_t signature[TOY_SIGNATURE_LEN], uint8_t number, const uint8_t *message, size_t len);

/* Little-endian. */
void toy_put(uint8_t *at, uint64_t number, unsigned octets);
uint64_t toy_get(const uint8_t *at, unsigned octets);

#endif
