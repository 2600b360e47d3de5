/* revoked_set: certificates that are revoked, by serial number and issuer: a table that a hundred thousand fit in, that is
 * asked for every connection, and that never moves more than a small part of itself in one go.
 *
 * It is 256 tables, each open-addressed, each growing by itself; an entry is 40 bytes. One thread; no I/O. */
#ifndef CR_REVOKED_SET_H
#define CR_REVOKED_SET_H

#include "plugin/handoff/ask_trust.h"

enum { CR_REVOKED_PARTS = 256 };

struct cr_revoked_set;

/* NULL: no memory. */
struct cr_revoked_set *cr_revoked_set_new(void);
/* Harmless on NULL, as are the lookups. */
void cr_revoked_set_free(struct cr_revoked_set *set);

/* Puts it in, or writes over what is there. CR_NOMEM: nothing changed. CR_INVALID: not a serial, an issuer's id or a
 * reason. */
CR_MUST_USE cr_err cr_revoked_set_put(struct cr_revoked_set *set, const struct cr_revocation *entry);
/* Whether it was there. */
bool cr_revoked_set_remove(struct cr_revoked_set *set, const struct cr_serial *serial, const char *issuer);
/* entry may be NULL; it gets all but the device. */
bool cr_revoked_set_find(const struct cr_revoked_set *set, const struct cr_serial *serial, const char *issuer,
                         struct cr_revocation *entry);
/* Whether this serial number is in it, of whichever issuer. */
bool cr_revoked_set_has_serial(const struct cr_revoked_set *set, const struct cr_serial *serial);
/* Forgets in one of the parts what ended before `before_s`. Without memory it stays. */
void cr_revoked_set_prune(struct cr_revoked_set *set, unsigned part, int64_t before_s);

size_t cr_revoked_set_count(const struct cr_revoked_set *set);
/* What it takes of the heap, without the allocator's own. */
size_t cr_revoked_set_bytes(const struct cr_revoked_set *set);

#endif
