#include "plugin/host/broker_conf.h"

#include "common/bytes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_CAP = 4096, LINES_READ_MAX = 100000 };

cr_err cr_broker_conf_path(char *path, size_t cap, const char *cmdline, size_t cmdline_len)
{
    cr_err err = CR_NOT_FOUND;
    bool named = false;
    path[0] = '\0';
    for (size_t at = 0; at < cmdline_len;) {
        const char *end = memchr(cmdline + at, '\0', cmdline_len - at);
        if (end == NULL) {
            break; /* cut off */
        }
        const char *argument = cmdline + at;
        if (named) {
            err = cr_text_copy(path, cap, argument);
            named = false;
        } else {
            named = at > 0 && (strcmp(argument, "-c") == 0 || strcmp(argument, "--config-file") == 0);
        }
        at += strlen(argument) + 1;
    }
    return err;
}

/* The value of `key` when the line has it, as the broker would take it; else NULL. The line is changed. */
static char *value_of(char *line, const char *key)
{
    size_t len = strlen(line);
    while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL) {
        line[--len] = '\0';
    }
    line += strspn(line, " ");
    size_t key_len = strlen(key);
    if (strncmp(line, key, key_len) != 0 || line[key_len] != ' ') {
        return NULL;
    }
    line += key_len;
    return line + strspn(line, " ");
}

/* include_dir is looked for when `directory` is not NULL; "" when there is none. */
static cr_err file_scan(bool *per_listener, char *directory, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return CR_IO;
    }
    char *line = NULL;
    size_t cap = 0;
    for (unsigned n = 0; n < LINES_READ_MAX && getline(&line, &cap, file) >= 0; n++) {
        const char *value = value_of(line, "per_listener_settings");
        if (value != NULL) {
            size_t len = strcspn(value, " ");
            *per_listener = (len == 4 && memcmp(value, "true", 4) == 0) || (len == 1 && value[0] == '1');
        } else if (directory != NULL && (value = value_of(line, "include_dir")) != NULL &&
                   cr_text_copy(directory, PATH_CAP, value) != CR_OK) {
            break;
        }
    }
    cr_err err = ferror(file) ? CR_IO : CR_OK;
    free(line);
    (void)fclose(file);
    return err;
}

static cr_err directory_scan(bool *per_listener, const char *directory)
{
    char path[PATH_CAP + 300];
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return CR_IO;
    }
    cr_err err = CR_OK;
    const struct dirent *entry;
    while (err == CR_OK && !*per_listener && (entry = readdir(entries)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0) {
            (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
            err = file_scan(per_listener, NULL, path);
        }
    }
    (void)closedir(entries);
    return err;
}

cr_err cr_broker_conf_per_listener(bool *per_listener, const char *path)
{
    char *directory = calloc(1, PATH_CAP);
    if (directory == NULL) {
        return CR_NOMEM;
    }
    *per_listener = false;
    cr_err err = file_scan(per_listener, directory, path);
    if (err == CR_OK && !*per_listener && directory[0] != '\0') {
        err = directory_scan(per_listener, directory);
    }
    free(directory);
    return err;
}

cr_err cr_broker_conf_check(bool *per_listener)
{
    char *cmdline = calloc(2, PATH_CAP);
    cr_err err = CR_NOMEM;
    *per_listener = false;
    if (cmdline == NULL) {
        return err;
    }
    char *path = cmdline + PATH_CAP;
    FILE *file = fopen("/proc/self/cmdline", "re");
    err = CR_IO;
    if (file != NULL) {
        size_t len = fread(cmdline, 1, PATH_CAP, file);
        (void)fclose(file);
        CR_TRY(cr_broker_conf_path(path, PATH_CAP, cmdline, len));
        CR_TRY(cr_broker_conf_per_listener(per_listener, path));
    }
out:
    free(cmdline);
    return err;
}
