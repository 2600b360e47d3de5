#include "device-sim/roster.h"

#include "common/identity.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_CAP = 512, FILE_MAX = 1 << 20 };

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static cr_err add(struct roster *roster, const char *name)
{
    if (roster->count == roster->cap) {
        unsigned cap = roster->cap == 0 ? 64 : roster->cap * 2;
        char **more = realloc(roster->names, cap * sizeof *more);
        if (more == NULL) {
            return CR_NOMEM;
        }
        roster->names = more;
        roster->cap = cap;
    }
    roster->names[roster->count] = strdup(name);
    return roster->names[roster->count++] != NULL ? CR_OK : CR_NOMEM;
}

cr_err roster_load(struct roster *roster, const char *dir, unsigned count)
{
    char path[PATH_CAP];
    *roster = (struct roster){ 0 };
    int len = snprintf(path, sizeof path, "%s/devices", dir);
    if (len <= 0 || len >= (int)sizeof path) {
        return CR_FULL;
    }
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return errno == ENOENT ? CR_NOT_FOUND : CR_IO;
    }
    cr_err err = CR_OK;
    for (struct dirent *entry; err == CR_OK && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.' && cr_name_ok(entry->d_name, strlen(entry->d_name))) {
            err = add(roster, entry->d_name);
        }
    }
    (void)closedir(folder);
    if (err == CR_OK && (roster->count == 0 || roster->count < count)) {
        err = CR_NOT_FOUND;
    }
    if (err != CR_OK) {
        roster_fini(roster);
        return err;
    }
    qsort(roster->names, roster->count, sizeof *roster->names, by_name);
    while (count > 0 && roster->count > count) {
        free(roster->names[--roster->count]);
    }
    return CR_OK;
}

cr_err roster_only(struct roster *roster, const char *name)
{
    cr_err err = CR_NOT_FOUND;
    unsigned kept = 0;
    for (unsigned i = 0; i < roster->count; i++) {
        if (strcmp(roster->names[i], name) == 0) {
            roster->names[kept++] = roster->names[i];
            err = CR_OK;
        } else {
            free(roster->names[i]);
        }
    }
    roster->count = kept;
    return err;
}

void roster_fini(struct roster *roster)
{
    while (roster->count > 0) {
        free(roster->names[--roster->count]);
    }
    free(roster->names);
    *roster = (struct roster){ 0 };
}

cr_err roster_read_file(struct cr_blob *blob, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT ? CR_NOT_FOUND : CR_IO;
    }
    char *data = malloc(FILE_MAX);
    cr_err err = CR_NOMEM;
    if (data != NULL) {
        size_t len = fread(data, 1, FILE_MAX, file);
        err = ferror(file) ? CR_IO : len == FILE_MAX ? CR_FULL : cr_blob_copy(blob, data, len);
    }
    free(data);
    (void)fclose(file);
    return err;
}
