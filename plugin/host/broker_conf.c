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

static bool is_true(const char *value)
{
    size_t len = strcspn(value, " ");
    return (len == 4 && memcmp(value, "true", 4) == 0) || (len == 1 && value[0] == '1');
}

static void line_note(struct cr_broker_conf *conf, char *line)
{
    const char *value;
    if ((value = value_of(line, "per_listener_settings")) != NULL) {
        conf->per_listener = is_true(value);
    } else if ((value = value_of(line, "allow_anonymous")) != NULL) {
        conf->anonymous_said = true;
        conf->anonymous = is_true(value);
    } else if (value_of(line, "password_file") != NULL) {
        conf->passwords = true;
    } else if (value_of(line, "listener") != NULL || value_of(line, "port") != NULL ||
               value_of(line, "bind_address") != NULL) {
        conf->listens = true;
    } else if ((value = value_of(line, "plugin")) != NULL || (value = value_of(line, "auth_plugin")) != NULL) {
        conf->plugins++;
        conf->dynsec += strstr(value, "mosquitto_dynamic_security.") != NULL;
    }
}

/* include_dir is looked for when `directory` is not NULL; "" when there is none. */
static cr_err file_scan(struct cr_broker_conf *conf, char *directory, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return CR_IO;
    }
    char *line = NULL;
    size_t cap = 0;
    for (unsigned n = 0; n < LINES_READ_MAX && getline(&line, &cap, file) >= 0; n++) {
        const char *value = directory != NULL ? value_of(line, "include_dir") : NULL;
        if (value == NULL) {
            line_note(conf, line);
        } else if (cr_text_copy(directory, PATH_CAP, value) != CR_OK) {
            break;
        }
    }
    cr_err err = ferror(file) ? CR_IO : CR_OK;
    free(line);
    (void)fclose(file);
    return err;
}

static cr_err directory_scan(struct cr_broker_conf *conf, const char *directory)
{
    char path[PATH_CAP + 300];
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return CR_IO;
    }
    cr_err err = CR_OK;
    bool per_listener = conf->per_listener;
    const struct dirent *entry;
    while (err == CR_OK && (entry = readdir(entries)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0) {
            (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
            err = file_scan(conf, NULL, path);
            per_listener = per_listener || conf->per_listener; /* in whichever order the broker reads them */
        }
    }
    conf->per_listener = per_listener;
    (void)closedir(entries);
    return err;
}

cr_err cr_broker_conf_read(struct cr_broker_conf *conf, const char *path)
{
    *conf = (struct cr_broker_conf){ 0 };
    char *directory = calloc(1, PATH_CAP);
    if (directory == NULL) {
        return CR_NOMEM;
    }
    cr_err err = file_scan(conf, directory, path);
    if (err == CR_OK && directory[0] != '\0') {
        err = directory_scan(conf, directory);
    }
    conf->anonymous = conf->anonymous_said ? conf->anonymous : err == CR_OK && !conf->listens;
    free(directory);
    return err;
}

enum cr_login_rule cr_broker_conf_login(const struct cr_broker_conf *conf)
{
    if (!conf->anonymous || conf->passwords || conf->dynsec > 0) {
        return CR_LOGIN_RULE_DEFER;
    }
    return conf->plugins <= 1 ? CR_LOGIN_RULE_ALLOW : CR_LOGIN_RULE_ABSTAIN;
}

cr_err cr_broker_conf_check(struct cr_broker_conf *conf)
{
    char *cmdline = calloc(2, PATH_CAP);
    cr_err err = CR_NOMEM;
    *conf = (struct cr_broker_conf){ 0 };
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
        CR_TRY(cr_broker_conf_read(conf, path));
    }
out:
    free(cmdline);
    return err;
}
