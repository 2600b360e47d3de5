/* weak_file: the list of weak keys (common/weak_list.h) as a file, in the format of Debian's openssl-blacklist: one
 * entry a line, 20 lower-case hex digits; lines that begin with # and empty ones are passed over.
 *
 * Threads: one loads. A loaded list is constant, shared and counted (atomic): ask and drop on any thread. Loading reads
 * a file; nothing else does I/O. */
#ifndef CR_WEAK_FILE_H
#define CR_WEAK_FILE_H

#include "common/weak_list.h"

struct cr_weak_file;

/* Reads a file of at most CR_WEAK_LIST_MAX entries, in any order. When `former` (may be NULL) was read from the very
 * same file and that has not changed since, *file is former, held once more. CR_INVALID: *errors holds the mistakes,
 * one a line, with the file and the line in it; the first few, if there are many. An empty list is one: it protects
 * from nothing. CR_NOMEM: as it says. *file is NULL then. */
CR_MUST_USE cr_err cr_weak_file_load(struct cr_weak_file **file, const char *path, struct cr_weak_file *former,
                                     char *errors, size_t errors_cap);
/* Frees with the last reference; harmless on NULL. */
void cr_weak_file_drop(struct cr_weak_file *file);

/* Its list, sorted. Lent; NULL for NULL. */
const struct cr_weak_list *cr_weak_file_list(const struct cr_weak_file *file);

#endif
