#include "agent_slots.h"

#include <string.h>

/* A state record, little-endian:
 *   0 magic "CRA2"  4 sequence  8 phase  9 current  10 spare  11 refusal
 *   12 + 28·i  slot i: key_len u16, chain_len u16, key_crc u32, chain_crc u32, not_before i64, not_after i64
 *   68 renewal id, 37 bytes   105 enrolling  106 trust_current  107 trust_trial  108 trust_refused u32
 *   112 + 10·i  trust set i: len u16, crc u32, version u32   132 zeros   156 CRC-32 of 0 … 155
 * "CRA1" is 128 bytes long, with zeros from 105 and the CRC-32 at 124: read, not written. */
enum { AT_SEQUENCE = 4, AT_PHASE = 8, AT_CURRENT = 9, AT_SPARE = 10, AT_REFUSAL = 11, AT_SLOT = 12, SLOT_LEN = 28,
       AT_RENEWAL = 68, AT_ENROLLING = 105, AT_TRUST_CURRENT = 106, AT_TRUST_TRIAL = 107, AT_TRUST_REFUSED = 108,
       AT_TRUST = 112, TRUST_LEN = 10, AT_CRC = AGENT_STATE_LEN - 4, OLD_STATE_LEN = 128 };
_Static_assert(AT_SLOT + 2 * SLOT_LEN == AT_RENEWAL && AT_RENEWAL + AGENT_RENEWAL_ID_CAP == AT_ENROLLING &&
               AT_TRUST + 2 * TRUST_LEN <= AT_CRC, "state layout");

static const uint8_t magic[4] = { 'C', 'R', 'A', '2' }, old_magic[4] = { 'C', 'R', 'A', '1' };

uint32_t agent_crc32(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

void agent_wipe(void *secret, size_t len)
{
    volatile uint8_t *at = secret;
    while (len-- > 0) {
        *at++ = 0;
    }
}

static void put(uint8_t *at, uint64_t value, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get(const uint8_t *at, unsigned octets)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < octets; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

static void state_encode(uint8_t record[AGENT_STATE_LEN], const struct agent_state *state)
{
    memset(record, 0, AGENT_STATE_LEN);
    memcpy(record, magic, sizeof magic);
    put(record + AT_SEQUENCE, state->sequence, 4);
    record[AT_PHASE] = (uint8_t)state->phase;
    record[AT_CURRENT] = state->current;
    record[AT_SPARE] = state->spare ? 1 : 0;
    record[AT_REFUSAL] = (uint8_t)state->refusal;
    for (unsigned i = 0; i < 2; i++) {
        const struct agent_slot *slot = &state->slot[i];
        uint8_t *at = record + AT_SLOT + i * SLOT_LEN;
        put(at, slot->key_len, 2);
        put(at + 2, slot->chain_len, 2);
        put(at + 4, slot->key_crc, 4);
        put(at + 8, slot->chain_crc, 4);
        put(at + 12, (uint64_t)slot->validity.not_before, 8);
        put(at + 20, (uint64_t)slot->validity.not_after, 8);
    }
    memcpy(record + AT_RENEWAL, state->renewal_id, AGENT_RENEWAL_ID_CAP);
    record[AT_ENROLLING] = state->enrolling ? 1 : 0;
    record[AT_TRUST_CURRENT] = state->trust_current;
    record[AT_TRUST_TRIAL] = state->trust_trial ? 1 : 0;
    put(record + AT_TRUST_REFUSED, state->trust_refused, 4);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *at = record + AT_TRUST + i * TRUST_LEN;
        put(at, state->trust[i].len, 2);
        put(at + 2, state->trust[i].crc, 4);
        put(at + 6, state->trust[i].version, 4);
    }
    put(record + AT_CRC, agent_crc32(record, AT_CRC), 4);
}

/* Whether the record is whole. One of the old layout has zeros where the new fields are. */
static bool state_whole(uint8_t record[AGENT_STATE_LEN], size_t len)
{
    size_t at_crc = len - 4;
    if (len != AGENT_STATE_LEN && len != OLD_STATE_LEN) {
        return false;
    }
    if (memcmp(record, len == AGENT_STATE_LEN ? magic : old_magic, sizeof magic) != 0 ||
        get(record + at_crc, 4) != agent_crc32(record, at_crc)) {
        return false;
    }
    memset(record + at_crc, 0, AGENT_STATE_LEN - at_crc);
    return true;
}

static bool state_decode(struct agent_state *state, uint8_t record[AGENT_STATE_LEN], size_t len)
{
    if (!state_whole(record, len) || record[AT_PHASE] > AGENT_FAILED || record[AT_CURRENT] > 1 ||
        record[AT_REFUSAL] > AGENT_NOT_VALID_NOW || record[AT_TRUST_CURRENT] > 1) {
        return false;
    }
    memset(state, 0, sizeof *state);
    state->sequence = (uint32_t)get(record + AT_SEQUENCE, 4);
    state->phase = (enum agent_phase)record[AT_PHASE];
    state->current = record[AT_CURRENT];
    state->spare = record[AT_SPARE] != 0;
    state->refusal = (enum agent_refusal)record[AT_REFUSAL];
    for (unsigned i = 0; i < 2; i++) {
        struct agent_slot *slot = &state->slot[i];
        const uint8_t *at = record + AT_SLOT + i * SLOT_LEN;
        slot->key_len = (uint16_t)get(at, 2);
        slot->chain_len = (uint16_t)get(at + 2, 2);
        slot->key_crc = (uint32_t)get(at + 4, 4);
        slot->chain_crc = (uint32_t)get(at + 8, 4);
        slot->validity.not_before = (int64_t)get(at + 12, 8);
        slot->validity.not_after = (int64_t)get(at + 20, 8);
        if (slot->key_len > AGENT_KEY_MAX || slot->chain_len > AGENT_CHAIN_MAX) {
            return false;
        }
    }
    memcpy(state->renewal_id, record + AT_RENEWAL, AGENT_RENEWAL_ID_CAP);
    state->renewal_id[AGENT_RENEWAL_ID_CAP - 1] = '\0';
    state->enrolling = record[AT_ENROLLING] != 0;
    state->trust_current = record[AT_TRUST_CURRENT];
    state->trust_trial = record[AT_TRUST_TRIAL] != 0;
    state->trust_refused = (uint32_t)get(record + AT_TRUST_REFUSED, 4);
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *at = record + AT_TRUST + i * TRUST_LEN;
        state->trust[i].len = (uint16_t)get(at, 2);
        state->trust[i].crc = (uint32_t)get(at + 2, 4);
        state->trust[i].version = (uint32_t)get(at + 6, 4);
        if (state->trust[i].len > AGENT_TRUST_MAX) {
            return false;
        }
    }
    return true;
}

enum agent_err agent_state_load(struct agent_state *state, const struct agent_ports *ports)
{
    bool found = false;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t record[AGENT_STATE_LEN];
        size_t len = 0;
        struct agent_state read;
        enum agent_err err = ports->read(ports->ctx, (enum agent_record)(AGENT_RECORD_STATE_0 + i), record,
                                         sizeof record, &len);
        if (err != AGENT_OK || !state_decode(&read, record, len)) {
            continue; /* absent or torn: the other one counts */
        }
        if (!found || (int32_t)(read.sequence - state->sequence) > 0) {
            *state = read;
            found = true;
        }
    }
    return found ? AGENT_OK : AGENT_NOT_FOUND;
}

enum agent_err agent_state_commit(struct agent_state *state, const struct agent_state *next,
                                  const struct agent_ports *ports)
{
    uint8_t record[AGENT_STATE_LEN];
    struct agent_state written = *next;
    written.sequence = state->sequence + 1;
    state_encode(record, &written);
    enum agent_err err = ports->write(ports->ctx, (enum agent_record)(AGENT_RECORD_STATE_0 + (written.sequence & 1u)),
                                      record, sizeof record);
    if (err == AGENT_OK) {
        *state = written;
    }
    return err;
}

enum agent_err agent_slot_put_key(struct agent_slot *slot, const struct agent_ports *ports, unsigned which,
                                  const uint8_t *key, size_t len)
{
    if (len == 0 || len > AGENT_KEY_MAX) {
        return AGENT_INVALID;
    }
    memset(slot, 0, sizeof *slot); /* a chain that was there belonged to the key before */
    slot->key_len = (uint16_t)len;
    slot->key_crc = agent_crc32(key, len);
    return ports->write(ports->ctx, (enum agent_record)(AGENT_RECORD_KEY_0 + which), key, len);
}

enum agent_err agent_slot_put_chain(struct agent_slot *slot, const struct agent_ports *ports, unsigned which,
                                    const uint8_t *chain, size_t len)
{
    if (len == 0 || len > AGENT_CHAIN_MAX) {
        return AGENT_INVALID;
    }
    slot->chain_len = (uint16_t)len;
    slot->chain_crc = agent_crc32(chain, len);
    return ports->write(ports->ctx, (enum agent_record)(AGENT_RECORD_CHAIN_0 + which), chain, len);
}

enum agent_err agent_trust_put(struct agent_trust_set *set, const struct agent_ports *ports, unsigned which,
                               const uint8_t *trust, size_t len)
{
    if (len == 0 || len > AGENT_TRUST_MAX) {
        return AGENT_INVALID;
    }
    set->len = (uint16_t)len;
    set->crc = agent_crc32(trust, len);
    return ports->write(ports->ctx, (enum agent_record)(AGENT_RECORD_TRUST_0 + which), trust, len);
}

static enum agent_err record_get(const struct agent_ports *ports, unsigned record, uint16_t want_len, uint32_t want_crc,
                                 uint8_t *data, size_t cap, size_t *len)
{
    *len = 0;
    if (want_len == 0) {
        return AGENT_NOT_FOUND;
    }
    if (want_len > cap) {
        return AGENT_NO_ROOM;
    }
    size_t got = 0;
    enum agent_err err = ports->read(ports->ctx, (enum agent_record)record, data, cap, &got);
    if (err != AGENT_OK || got != want_len || agent_crc32(data, got) != want_crc) {
        return AGENT_STORAGE;
    }
    *len = got;
    return AGENT_OK;
}

enum agent_err agent_slot_get_key(const struct agent_slot *slot, const struct agent_ports *ports, unsigned which,
                                  uint8_t *key, size_t cap, size_t *len)
{
    return record_get(ports, AGENT_RECORD_KEY_0 + which, slot->key_len, slot->key_crc, key, cap, len);
}

enum agent_err agent_slot_get_chain(const struct agent_slot *slot, const struct agent_ports *ports, unsigned which,
                                    uint8_t *chain, size_t cap, size_t *len)
{
    return record_get(ports, AGENT_RECORD_CHAIN_0 + which, slot->chain_len, slot->chain_crc, chain, cap, len);
}

enum agent_err agent_trust_get(const struct agent_trust_set *set, const struct agent_ports *ports, unsigned which,
                               uint8_t *trust, size_t cap, size_t *len)
{
    return record_get(ports, AGENT_RECORD_TRUST_0 + which, set->len, set->crc, trust, cap, len);
}
