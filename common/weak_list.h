/* weak_list: keys that are weak because everybody can know them, by a list of fingerprints: those of Debian's
 * broken generator of 2006 to 2008 (CVE-2008-0166) and whatever else is on it. Nothing in such a key shows where it
 * comes from.
 *
 * The fingerprint is the last 10 bytes of a SHA-1. Of RSA keys, as in Debian's openssl-blacklist, that of "Modulus=",
 * the modulus in upper-case hex without leading zeros, and a line end, which is what `openssl rsa -modulus` prints; of
 * EC keys, which have no place there, that of the SubjectPublicKeyInfo. Of honest keys one in 2^80 shares it with an
 * entry.
 *
 * Threads: filled by one; sorted, a list is constant, and any number may ask at the same time. No I/O. */
#ifndef CR_WEAK_LIST_H
#define CR_WEAK_LIST_H

#include "common/key.h"

enum { CR_WEAK_LEN = 10, CR_WEAK_LIST_MAX = 4000000 };

struct cr_weak_list {
    uint8_t (*entry)[CR_WEAK_LEN]; /* on the heap; NULL: none */
    size_t count, cap;
};

/* Room for `cap` entries, at most CR_WEAK_LIST_MAX. CR_NOMEM. */
CR_MUST_USE cr_err cr_weak_list_init(struct cr_weak_list *list, size_t cap);
/* Frees and empties; harmless when empty. */
void cr_weak_list_fini(struct cr_weak_list *list);
/* Copies one more. CR_FULL: there is no room. */
CR_MUST_USE cr_err cr_weak_list_add(struct cr_weak_list *list, const uint8_t entry[CR_WEAK_LEN]);
/* Once all are in, in whatever order; the same one twice does no harm. */
void cr_weak_list_sort(struct cr_weak_list *list);

/* The fingerprint of an EC key, or an RSA key of at most 4096 bits. CR_INVALID: another key. CR_CRYPTO: the library
 * failed. */
CR_MUST_USE cr_err cr_weak_fingerprint(uint8_t entry[CR_WEAK_LEN], const struct cr_public_key *key);

/* Whether the key is on the sorted list. No list (NULL) has no keys. Errors as above: could not tell. */
CR_MUST_USE cr_err cr_weak_list_has(bool *listed, const struct cr_weak_list *list, const struct cr_public_key *key);

#endif
