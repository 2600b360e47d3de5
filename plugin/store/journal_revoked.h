/* journal_revoked: what this broker has revoked, as its journal remembers it: what Redis may have lost and can be given
 * back. Bounded: the oldest one makes room for a new one. Store thread. */
#ifndef CR_JOURNAL_REVOKED_H
#define CR_JOURNAL_REVOKED_H

#include "plugin/handoff/ask_trust.h"

enum { CR_UNDONE_MAX = 32768 };

struct cr_undone {
    struct cr_revocation entry; /* serial.len 0: of a slot without a certificate, or of an issuer */
    char slot[CR_NAME_CAP];     /* "": no slot was revoked with it, or it was released since */
    uint64_t version;           /* of the slot then; 0: not known */
    bool issuer;                /* the mark of an issuer, as `state` has it */
    enum cr_issuer_state state;
    bool gone;                  /* nothing is to be put back */
};

struct cr_undone_list {
    struct cr_undone *one; /* a ring once it is full */
    unsigned count, cap;
    uint64_t next;         /* how many there ever were */
};

void cr_undone_free(struct cr_undone_list *list);
/* CR_NOMEM: then Redis alone remembers. */
CR_MUST_USE cr_err cr_undone_add(struct cr_undone_list *list, const struct cr_undone *one);
/* An operator released this slot: what was revoked stays so, but for what was on hold. */
void cr_undone_released(struct cr_undone_list *list, const char *device, const char *slot);
/* From 0 on, oldest first; NULL: there are no more. */
const struct cr_undone *cr_undone_get(const struct cr_undone_list *list, unsigned index);
/* Takes in a line 'revoked', 'issuer-revoked', 'issuer-retired', 'issuer-restored' or 'released'; others are passed over.
 * CR_INVALID: the line should have been one. */
CR_MUST_USE cr_err cr_undone_line(struct cr_undone_list *list, struct cr_bytes line);

#endif
