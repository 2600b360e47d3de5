/* secret_file: the bytes of a file that nobody but its owner may read, on pages that are neither swapped out nor
 * dumped.
 *
 * What a cryptographic library makes of them lies on its own heap, out of our hands until it wipes it when freed:
 * undumped.h is for that time. One thread; file I/O. */
#ifndef CR_SECRET_FILE_H
#define CR_SECRET_FILE_H

#include "common/bytes.h"

enum { CR_SECRET_MAX = 65536 };

struct cr_secret {
    uint8_t *pages;  /* a mapping of its own; NULL: none */
    size_t mapped;
    size_t len;      /* bytes of the file; a NUL follows */
};

/* Reads a whole file of 1 … CR_SECRET_MAX bytes; symbolic links are followed. On failure *problem is what is wrong, to
 * be put behind the file's name: CR_IO (errno says how), CR_INVALID (not a file, empty, too large), CR_DENIED (others
 * can read or write it), CR_NOMEM. */
CR_MUST_USE cr_err cr_secret_read(struct cr_secret *secret, const char *path, const char **problem);
/* The same of systemd's credential of that name (systemd.exec(5)): a file in $CREDENTIALS_DIRECTORY, whose group may read
 * it, for systemd lets a unit's user in by an ACL, which shows so. CR_INVALID: also no name, or no such directory. */
CR_MUST_USE cr_err cr_secret_read_credential(struct cr_secret *secret, const char *name, const char **problem);
/* Pages of the same kind for at least so many bytes, zeros. CR_NOMEM. */
CR_MUST_USE cr_err cr_secret_room(struct cr_secret *secret, size_t cap);
/* Wipes and unmaps; harmless when empty. */
void cr_secret_fini(struct cr_secret *secret);

#endif
