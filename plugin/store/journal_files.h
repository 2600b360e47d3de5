/* journal_files: the files that a journal is made of, in one directory: journal.jsonl, which is written to, and what
 * was set aside when it had grown too large, journal-<number of its first line, 12 digits or more>.jsonl. Any thread.
 */
#ifndef CR_JOURNAL_FILES_H
#define CR_JOURNAL_FILES_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum { CR_JOURNAL_PATH_CAP = 600 };

/* <dir>/journal.jsonl. CR_INVALID: too long. */
CR_MUST_USE cr_err cr_journal_path(char path[CR_JOURNAL_PATH_CAP], const char *dir);
/* The path of one that was set aside, by the number of its first line. CR_INVALID: too long. */
CR_MUST_USE cr_err cr_journal_archive_path(char path[CR_JOURNAL_PATH_CAP], const char *dir, uint64_t first_seq);

/* The number in such a file's name, which has no directory; 0: it is none. */
uint64_t cr_journal_archive_seq(const char *name);

/* The numbers of all that were set aside, ascending, on the heap; *count 0: none. CR_IO (errno), CR_NOMEM. */
CR_MUST_USE cr_err cr_journal_archives(uint64_t **first_seq, size_t *count, const char *dir);

/* Makes the directory's entries durable. errno, 0: done. */
int cr_journal_sync_dir(const char *dir);

#endif
