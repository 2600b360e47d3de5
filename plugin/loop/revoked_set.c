#include "plugin/loop/revoked_set.h"

#include <stdlib.h>
#include <string.h>

enum { ISSUER_LEN = (CR_ISSUER_ID_TEXT - 1) / 2, ROOM_FIRST = 8 };

/* Seconds fit 32 bits until 2106; a certificate that ends later is kept until then. */
struct entry {
    uint8_t serial[CR_SERIAL_MAX], len; /* len 0: a free place */
    uint8_t reason;
    uint8_t issuer[ISSUER_LEN];
    uint32_t at, not_after;
};

/* Places in the order of their hashes, so that all that belong to one stand together: what is removed is closed up. */
struct part {
    struct entry *place;
    uint32_t room, count;
};

struct cr_revoked_set {
    size_t count;
    struct part part[CR_REVOKED_PARTS];
};

struct cr_revoked_set *cr_revoked_set_new(void)
{
    return calloc(1, sizeof(struct cr_revoked_set));
}

void cr_revoked_set_free(struct cr_revoked_set *set)
{
    for (unsigned i = 0; set != NULL && i < CR_REVOKED_PARTS; i++) {
        free(set->part[i].place);
    }
    free(set);
}

/* Serial numbers are random, or chosen by a CA that is trusted: FNV-1a, and a last stir for its upper bits. */
static uint64_t hash_of(const uint8_t *serial, size_t len)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ serial[i]) * 1099511628211u;
    }
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static unsigned part_of(uint64_t hash)
{
    return (unsigned)(hash >> 56);
}

static uint32_t home_of(uint64_t hash, uint32_t room)
{
    return (uint32_t)(((hash & UINT32_MAX) * room) >> 32);
}

static bool issuer_read(uint8_t issuer[ISSUER_LEN], const char *text)
{
    size_t len;
    return cr_hex_decode(issuer, ISSUER_LEN, &len, text) == CR_OK && len == ISSUER_LEN;
}

static bool is_serial(const struct entry *e, const struct cr_serial *serial)
{
    return e->len == serial->len && memcmp(e->serial, serial->octets, serial->len) == 0;
}

/* issuer NULL: any. NULL: it is not there. */
static struct entry *part_find(const struct part *part, uint64_t hash, const struct cr_serial *serial,
                               const uint8_t *issuer)
{
    if (part->room == 0 || serial->len == 0) {
        return NULL;
    }
    for (uint32_t i = home_of(hash, part->room); part->place[i].len != 0; i = i + 1 < part->room ? i + 1 : 0) {
        struct entry *e = &part->place[i];
        if (is_serial(e, serial) && (issuer == NULL || memcmp(e->issuer, issuer, ISSUER_LEN) == 0)) {
            return e;
        }
    }
    return NULL; /* a quarter of the places is free, so the walk ends */
}

static void part_add(struct part *part, const struct entry *e)
{
    uint32_t i = home_of(hash_of(e->serial, e->len), part->room);
    while (part->place[i].len != 0) {
        i = i + 1 < part->room ? i + 1 : 0;
    }
    part->place[i] = *e;
    part->count++;
}

/* not_after 0: it is not known when it ends. */
static bool is_over(const struct entry *e, uint32_t from_s)
{
    return e->len != 0 && e->not_after != 0 && e->not_after < from_s;
}

/* Moves what ends at `from_s` or later into a table of that room. False: no memory, and nothing changed. */
static bool part_move(struct part *part, uint32_t room, uint32_t from_s)
{
    struct part moved = { calloc(room, sizeof(struct entry)), room, 0 };
    if (moved.place == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < part->room; i++) {
        if (part->place[i].len != 0 && !is_over(&part->place[i], from_s)) {
            part_add(&moved, &part->place[i]);
        }
    }
    free(part->place);
    *part = moved;
    return true;
}

static uint32_t seconds_of(int64_t unix_s)
{
    return unix_s < 0 ? 0 : unix_s > UINT32_MAX ? UINT32_MAX : (uint32_t)unix_s;
}

cr_err cr_revoked_set_put(struct cr_revoked_set *set, const struct cr_revocation *entry)
{
    struct entry e = { .len = entry->serial.len, .at = seconds_of(entry->at), .not_after = seconds_of(entry->not_after) };
    if (e.len == 0 || e.len > CR_SERIAL_MAX || !issuer_read(e.issuer, entry->issuer) || entry->reason >= CR_REASON_COUNT) {
        return CR_INVALID;
    }
    memcpy(e.serial, entry->serial.octets, e.len);
    e.reason = (uint8_t)entry->reason;
    uint64_t hash = hash_of(e.serial, e.len);
    struct part *part = &set->part[part_of(hash)];
    struct entry *there = part_find(part, hash, &entry->serial, e.issuer);
    if (there != NULL) {
        *there = e;
        return CR_OK;
    }
    if (part->count + 1 > part->room / 4 * 3 &&
        !part_move(part, part->room == 0 ? ROOM_FIRST : part->room + part->room / 2, 0)) {
        return CR_NOMEM;
    }
    part_add(part, &e);
    set->count++;
    return CR_OK;
}

/* Closes the gap: whoever comes behind it and would have stood there, or before, moves up. */
static void part_close_up(struct part *part, uint32_t gap)
{
    part->place[gap].len = 0;
    part->count--;
    for (uint32_t i = gap + 1 < part->room ? gap + 1 : 0; part->place[i].len != 0; i = i + 1 < part->room ? i + 1 : 0) {
        uint32_t home = home_of(hash_of(part->place[i].serial, part->place[i].len), part->room);
        uint32_t from_home = (i + part->room - home) % part->room, from_gap = (i + part->room - gap) % part->room;
        if (from_home >= from_gap) {
            part->place[gap] = part->place[i];
            part->place[i].len = 0;
            gap = i;
        }
    }
}

bool cr_revoked_set_remove(struct cr_revoked_set *set, const struct cr_serial *serial, const char *issuer)
{
    uint8_t id[ISSUER_LEN];
    if (set == NULL || serial->len == 0 || serial->len > CR_SERIAL_MAX || !issuer_read(id, issuer)) {
        return false;
    }
    uint64_t hash = hash_of(serial->octets, serial->len);
    struct part *part = &set->part[part_of(hash)];
    struct entry *e = part_find(part, hash, serial, id);
    if (e == NULL) {
        return false;
    }
    part_close_up(part, (uint32_t)(e - part->place));
    set->count--;
    return true;
}

bool cr_revoked_set_find(const struct cr_revoked_set *set, const struct cr_serial *serial, const char *issuer,
                         struct cr_revocation *entry)
{
    uint8_t id[ISSUER_LEN];
    if (set == NULL || set->count == 0 || serial->len == 0 || serial->len > CR_SERIAL_MAX) {
        return false;
    }
    uint64_t hash = hash_of(serial->octets, serial->len);
    const struct part *part = &set->part[part_of(hash)];
    const struct entry *e = part_find(part, hash, serial, NULL); /* nearly always nobody, and that is told soonest */
    if (e == NULL || !issuer_read(id, issuer) || (e = part_find(part, hash, serial, id)) == NULL) {
        return false;
    }
    if (entry != NULL) {
        *entry = (struct cr_revocation){ .serial = *serial, .reason = e->reason, .at = e->at, .not_after = e->not_after };
        memcpy(entry->issuer, issuer, sizeof entry->issuer);
    }
    return true;
}

bool cr_revoked_set_has_serial(const struct cr_revoked_set *set, const struct cr_serial *serial)
{
    if (set == NULL || set->count == 0 || serial->len == 0 || serial->len > CR_SERIAL_MAX) {
        return false;
    }
    uint64_t hash = hash_of(serial->octets, serial->len);
    return part_find(&set->part[part_of(hash)], hash, serial, NULL) != NULL;
}

void cr_revoked_set_prune(struct cr_revoked_set *set, unsigned part, int64_t before_s)
{
    struct part *p = &set->part[part % CR_REVOKED_PARTS];
    uint32_t from_s = seconds_of(before_s), over = 0, before = p->count;
    for (uint32_t i = 0; i < p->room; i++) {
        over += is_over(&p->place[i], from_s);
    }
    if (over == 0) {
        return;
    }
    uint32_t kept = p->count - over;
    if (part_move(p, kept < ROOM_FIRST / 2 ? ROOM_FIRST : kept * 2, from_s)) {
        set->count -= before - p->count;
    }
}

size_t cr_revoked_set_count(const struct cr_revoked_set *set)
{
    return set != NULL ? set->count : 0;
}

size_t cr_revoked_set_bytes(const struct cr_revoked_set *set)
{
    size_t bytes = set != NULL ? sizeof *set : 0;
    for (unsigned i = 0; set != NULL && i < CR_REVOKED_PARTS; i++) {
        bytes += set->part[i].room * sizeof(struct entry);
    }
    return bytes;
}
