/* journal_tail: the last certificates in the journal, in memory: what Redis may have lost and can be given back.
 *
 * Bounded: the oldest entry makes room for a new one. Expired certificates are of no interest to anybody. Store thread.
 */
#ifndef CR_JOURNAL_TAIL_H
#define CR_JOURNAL_TAIL_H

#include "plugin/store/journal_revoked.h"
#include "plugin/store/records.h"

enum { CR_TAIL_MAX = 10000 };

struct cr_tail_entry {
    struct cr_restore restore;
    uint64_t offset;  /* of its line, for the certificate */
    uint32_t len;
    bool gone;        /* void: another intent took its place */
    uint64_t older;   /* number of the entry before it in its chain of the index by key */
};

struct cr_tail;

CR_MUST_USE cr_err cr_tail_new(struct cr_tail **tail, unsigned capacity);
void cr_tail_free(struct cr_tail *tail);

/* Whether the line is one of those that make an entry: 'issued' or 'confirmed'. */
bool cr_tail_takes(struct cr_bytes line);
/* What was revoked; lines about that are taken in too. */
struct cr_undone_list *cr_tail_undone(struct cr_tail *tail);

/* Takes in an 'issued', 'confirmed' or 'void' line; others are passed over. CR_INVALID: the line should have been one.
 */
CR_MUST_USE cr_err cr_tail_line(struct cr_tail *tail, struct cr_bytes line, uint64_t offset);
CR_MUST_USE cr_err cr_tail_add(struct cr_tail *tail, const struct cr_restore *restore, uint64_t offset, size_t len);
/* The certificate with this serial will never be recorded. */
void cr_tail_void(struct cr_tail *tail, const struct cr_serial *serial);

/* Entries are numbered from 1 on as they come; first is the oldest there is, next the number of the entry to come. */
uint64_t cr_tail_first(const struct cr_tail *tail);
uint64_t cr_tail_next(const struct cr_tail *tail);
/* Valid until the next add; NULL: not there any more, or not yet. */
const struct cr_tail_entry *cr_tail_get(const struct cr_tail *tail, uint64_t number);
/* The newest entry for this key, NULL: none. */
const struct cr_tail_entry *cr_tail_find_key(const struct cr_tail *tail, const uint8_t key_hash[CR_SHA256_LEN]);

/* A certificate's facts as an intent, issued, void or confirmed line has them; restore->confirmed says which by the
 * caller. CR_INVALID. */
CR_MUST_USE cr_err cr_restore_read(struct cr_restore *restore, struct cr_bytes line);
/* The certificate in an issued line. */
CR_MUST_USE cr_err cr_tail_der(struct cr_blob *der, struct cr_bytes line);

#endif
