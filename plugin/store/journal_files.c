#include "plugin/store/journal_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char head[] = "journal-", tail[] = ".jsonl";

cr_err cr_journal_path(char path[CR_JOURNAL_PATH_CAP], const char *dir)
{
    int len = snprintf(path, CR_JOURNAL_PATH_CAP, "%s/journal.jsonl", dir);
    return len < 0 || len >= CR_JOURNAL_PATH_CAP ? CR_INVALID : CR_OK;
}

cr_err cr_journal_archive_path(char path[CR_JOURNAL_PATH_CAP], const char *dir, uint64_t first_seq)
{
    int len = snprintf(path, CR_JOURNAL_PATH_CAP, "%s/%s%012llu%s", dir, head, (unsigned long long)first_seq, tail);
    return len < 0 || len >= CR_JOURNAL_PATH_CAP ? CR_INVALID : CR_OK;
}

uint64_t cr_journal_archive_seq(const char *name)
{
    uint64_t seq = 0;
    size_t at = sizeof head - 1;
    if (strncmp(name, head, at) != 0) {
        return 0;
    }
    for (; name[at] >= '0' && name[at] <= '9' && seq < UINT64_MAX / 100; at++) {
        seq = seq * 10 + (uint64_t)(name[at] - '0');
    }
    return at >= sizeof head - 1 + 12 && strcmp(name + at, tail) == 0 ? seq : 0;
}

static int by_seq(const void *a, const void *b)
{
    const uint64_t *one = a, *two = b;
    return (*one > *two) - (*one < *two);
}

cr_err cr_journal_archives(uint64_t **first_seq, size_t *count, const char *dir)
{
    size_t cap = 0;
    cr_err err = CR_OK;
    *first_seq = NULL;
    *count = 0;
    DIR *entries = opendir(dir);
    if (entries == NULL) {
        return CR_IO;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(entries);
        if (entry == NULL) {
            err = errno != 0 ? CR_IO : CR_OK;
            break;
        }
        uint64_t seq = cr_journal_archive_seq(entry->d_name);
        if (seq == 0) {
            continue;
        }
        if (*count == cap) {
            cap = cap > 0 ? 2 * cap : 16;
            uint64_t *bigger = realloc(*first_seq, cap * sizeof *bigger);
            if (bigger == NULL) {
                err = CR_NOMEM;
                break;
            }
            *first_seq = bigger;
        }
        (*first_seq)[(*count)++] = seq;
    }
    (void)closedir(entries);
    if (err != CR_OK) {
        free(*first_seq);
        *first_seq = NULL;
        *count = 0;
    } else if (*count > 1) {
        qsort(*first_seq, *count, sizeof **first_seq, by_seq);
    }
    return err;
}

int cr_journal_sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int error = fsync(fd) != 0 ? errno : 0;
    (void)close(fd);
    return error;
}
