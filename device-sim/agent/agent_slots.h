/* agent_slots: what survives a loss of power: two slots of key and chain, two trust sets, the state that names them.
 *
 * Nothing is real until a state record names it: a key, chain or trust set is written first, then a state with its
 * length and CRC-32. State records alternate and carry a sequence number and a CRC of their own, so that a torn one
 * leaves the one before. The records of the current slot and trust set are never written to. No heap. */
#ifndef AGENT_SLOTS_H
#define AGENT_SLOTS_H

#include "agent.h"

/* Reads the newest whole state. AGENT_NOT_FOUND: there is none. */
AGENT_MUST_USE enum agent_err agent_state_load(struct agent_state *state, const struct agent_ports *ports);

/* Makes *next durable and then copies it over *state; on failure *state is as it was. */
AGENT_MUST_USE enum agent_err agent_state_commit(struct agent_state *state, const struct agent_state *next,
                                                 const struct agent_ports *ports);

/* Writes a record of a slot, and notes length and CRC in *slot, which the caller commits. */
AGENT_MUST_USE enum agent_err agent_slot_put_key(struct agent_slot *slot, const struct agent_ports *ports,
                                                 unsigned which, const uint8_t *key, size_t len);
AGENT_MUST_USE enum agent_err agent_slot_put_chain(struct agent_slot *slot, const struct agent_ports *ports,
                                                   unsigned which, const uint8_t *chain, size_t len);

/* Reads a record of a slot. AGENT_STORAGE: damaged; AGENT_NOT_FOUND: the slot has none. */
AGENT_MUST_USE enum agent_err agent_slot_get_key(const struct agent_slot *slot, const struct agent_ports *ports,
                                                 unsigned which, uint8_t *key, size_t cap, size_t *len);
AGENT_MUST_USE enum agent_err agent_slot_get_chain(const struct agent_slot *slot, const struct agent_ports *ports,
                                                   unsigned which, uint8_t *chain, size_t cap, size_t *len);

/* The same for trust sets; a set that is the configuration's is AGENT_NOT_FOUND. */
AGENT_MUST_USE enum agent_err agent_trust_put(struct agent_trust_set *set, const struct agent_ports *ports,
                                              unsigned which, const uint8_t *trust, size_t len);
AGENT_MUST_USE enum agent_err agent_trust_get(const struct agent_trust_set *set, const struct agent_ports *ports,
                                              unsigned which, uint8_t *trust, size_t cap, size_t *len);

/* Overwrites a secret in a way that the compiler keeps. */
void agent_wipe(void *secret, size_t len);

/* CRC-32 of ISO 3309, as in zlib; bitwise, for want of a table's kilobyte. */
uint32_t agent_crc32(const uint8_t *data, size_t len);

#endif
