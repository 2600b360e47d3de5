/* Keys whose values concern more than one field. */
#include "plugin/config_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

cr_err cr_take_topic_prefix(struct cr_config *config, struct cr_profile *slot, const char *value,
                            struct cr_why *why)
{
    (void)slot;
    if (!cr_topic_prefix_ok(value) || strncmp(value, "$SYS", 4) == 0 || strncmp(value, "$CONTROL", 8) == 0 ||
        strncmp(value, "$share", 6) == 0) {
        return cr_why_set(why, "must be levels of printable characters without wildcards, at most %d bytes, and not the"
                               " broker's own", CR_TOPIC_PREFIX_MAX);
    }
    return cr_value_text(config->topic_prefix, sizeof config->topic_prefix, value, why);
}

cr_err cr_take_trusted(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)slot;
    if (config->trusted_count == CR_TRUSTED_MAX) {
        return cr_why_set(why, "can be given at most %d times", CR_TRUSTED_MAX);
    }
    cr_err err = cr_value_text(config->trusted_cafile[config->trusted_count], CR_PATH_CAP, value, why);
    config->trusted_count += err == CR_OK;
    return err;
}

cr_err cr_take_redis(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)slot;
    char user[CR_PRINCIPAL_CAP], password[CR_PRINCIPAL_CAP];
    cr_err err = cr_value_redis(config->redis, sizeof config->redis, user, password, sizeof user, value, why);
    if (err != CR_OK) {
        explicit_bzero(password, sizeof password);
        return err;
    }
    if (user[0] != '\0' && config->redis_username[0] != '\0') {
        err = cr_why_set(why, "and redis_username both name a user: keep one");
    }
    if (password[0] != '\0' && config->redis_password[0] != '\0') {
        err = cr_why_set(why, "and redis_password_file both give a password: keep one");
    }
    if (user[0] != '\0') { /* also where there are two, so that one mistake does not make another */
        memcpy(config->redis_username, user, sizeof user);
    }
    if (password[0] != '\0') {
        memcpy(config->redis_password, password, sizeof password);
    }
    explicit_bzero(password, sizeof password);
    return err;
}

cr_err cr_take_redis_username(struct cr_config *config, struct cr_profile *slot, const char *value,
                              struct cr_why *why)
{
    (void)slot;
    if (config->redis_username[0] != '\0') {
        return cr_why_set(why, "and redis both name a user: keep one");
    }
    return cr_value_text(config->redis_username, sizeof config->redis_username, value, why);
}

/* The file's first line, of a file that only its owner and group may read. */
cr_err cr_take_redis_password_file(struct cr_config *config, struct cr_profile *slot, const char *value,
                                   struct cr_why *why)
{
    (void)slot;
    char text[CR_PRINCIPAL_CAP + 2];
    struct stat about;
    cr_err err = CR_INVALID;
    int fd = open(value, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return cr_why_set(why, "cannot be opened: %s", strerror(errno));
    }
    ssize_t len = -1;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        err = cr_why_set(why, "is not a file");
    } else if ((about.st_mode & S_IRWXO) != 0) {
        err = cr_why_set(why, "can be read by every user of this machine: chmod o-rwx it");
    } else if ((len = read(fd, text, sizeof text - 1)) < 0) {
        err = cr_why_set(why, "cannot be read: %s", strerror(errno));
    } else {
        text[len] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        if (config->redis_password[0] != '\0') {
            err = cr_why_set(why, "and redis both give a password: keep one");
        } else if (text[0] == '\0') {
            err = cr_why_set(why, "is empty");
        } else if (cr_text_copy(config->redis_password, sizeof config->redis_password, text) != CR_OK) {
            err = cr_why_set(why, "holds more than %d bytes", CR_PRINCIPAL_CAP - 1);
        } else {
            err = CR_OK;
        }
    }
    explicit_bzero(text, sizeof text);
    (void)close(fd);
    return err;
}

static cr_err take_principal(struct cr_config *config, enum cr_role role, bool by_username, const char *value,
                             struct cr_why *why)
{
    for (unsigned i = 0; i < config->principal_count; i++) {
        if (config->principal[i].by_username == by_username && strcmp(config->principal[i].name, value) == 0) {
            return cr_why_set(why, "names somebody who has a role already; an admin may all that a viewer may");
        }
    }
    if (config->principal_count == CR_PRINCIPALS_MAX) {
        return cr_why_set(why, "is one too many: at most %d admins and viewers", CR_PRINCIPALS_MAX);
    }
    if (!by_username && !cr_name_ok(value, strlen(value))) {
        return cr_why_set(why, "must be a certificate's CN: 1 to %d of A-Z a-z 0-9 . _ : -", CR_NAME_MAX);
    }
    struct cr_principal *principal = &config->principal[config->principal_count];
    cr_err err = cr_value_text(principal->name, sizeof principal->name, value, why);
    if (err == CR_OK) {
        principal->role = role;
        principal->by_username = by_username;
        config->principal_count++;
    }
    return err;
}

cr_err cr_take_admin_identity(struct cr_config *config, struct cr_profile *slot, const char *value,
                              struct cr_why *why)
{
    (void)slot;
    return take_principal(config, CR_ROLE_ADMIN, false, value, why);
}

cr_err cr_take_admin_username(struct cr_config *config, struct cr_profile *slot, const char *value,
                              struct cr_why *why)
{
    (void)slot;
    return take_principal(config, CR_ROLE_ADMIN, true, value, why);
}

cr_err cr_take_viewer_identity(struct cr_config *config, struct cr_profile *slot, const char *value,
                               struct cr_why *why)
{
    (void)slot;
    return take_principal(config, CR_ROLE_VIEWER, false, value, why);
}

cr_err cr_take_viewer_username(struct cr_config *config, struct cr_profile *slot, const char *value,
                               struct cr_why *why)
{
    (void)slot;
    return take_principal(config, CR_ROLE_VIEWER, true, value, why);
}

/* Times apart by commas, or none. */
static cr_err take_thresholds(struct cr_profile *slot, unsigned level, const char *value, struct cr_why *why)
{
    enum { OF_LEVEL = CR_THRESHOLDS_MAX / CR_THRESHOLD_LEVELS };
    static const int64_t most_ms = (int64_t)3660 * 86400 * 1000;
    int64_t before_s[OF_LEVEL], ms = 0;
    unsigned count = 0;
    char word[32];
    for (const char *at = value; strcmp(value, "none") != 0;) {
        size_t len = strcspn(at, ", \t");
        if (count == OF_LEVEL || len >= sizeof word) {
            return cr_why_set(why, "must be none, or at most %d times such as 30d, apart by commas", OF_LEVEL);
        }
        memcpy(word, at, len);
        word[len] = '\0';
        if (cr_value_duration_ms(&ms, word, 1000, most_ms, why) != CR_OK || ms % 1000 != 0) {
            return cr_why_set(why, "must be none, or times of whole seconds such as 30d, apart by commas");
        }
        before_s[count++] = ms / 1000;
        at += len;
        at += strspn(at, ", \t");
        if (*at == '\0') {
            break;
        }
    }
    return cr_profile_thresholds(slot, level, before_s, count);
}

cr_err cr_take_alert_notice(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)config;
    return take_thresholds(slot, 1, value, why);
}

cr_err cr_take_alert_warning(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)config;
    return take_thresholds(slot, 2, value, why);
}

cr_err cr_take_alert_critical(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)config;
    return take_thresholds(slot, 3, value, why);
}

/* ---- a slot as a whole ---- */

cr_err cr_slot_fit_window(struct cr_profile *slot, struct cr_why *why)
{
    if (slot->window_ms == 0) {
        return CR_OK;
    }
    if (slot->window_ms > slot->lifetime_s * 1000 * 9 / 10) {
        return cr_why_set(why, "must be a share of the lifetime, such as 33%%, or a time of at most nine tenths of it");
    }
    slot->window_permille = (unsigned)((slot->window_ms + slot->lifetime_s - 1) / slot->lifetime_s);
    return CR_OK;
}

void cr_slot_check(const struct cr_profile *slot, bool limits_rsa, cr_slot_wrong_fn *wrong, void *ctx)
{
    char sentence[CR_NAME_CAP + 100];
    if (slot->rsa_min_bits > slot->rsa_max_bits) {
        (void)snprintf(sentence, sizeof sentence, "slot %s has rsa_min_bits above rsa_max_bits", slot->slot);
        wrong(ctx, "rsa_min_bits", sentence);
    }
    if ((slot->key_types & CR_ALLOW_RSA) == 0 && limits_rsa) {
        (void)snprintf(sentence, sizeof sentence, "slot %s limits the size of RSA keys but has no RSA in key_types",
                       slot->slot);
        wrong(ctx, "key_types", sentence);
    }
    if (slot->tls && (slot->ext_key_usage & CR_EKU_CLIENT_AUTH) == 0) {
        (void)snprintf(sentence, sizeof sentence, "slot %s is used for TLS: it needs clientAuth in ext_key_usage",
                       slot->slot);
        wrong(ctx, "ext_key_usage", sentence);
    }
    if (slot->tls && (slot->key_usage & CR_KU_DIGITAL_SIGNATURE) == 0) { /* what a client does in a handshake */
        (void)snprintf(sentence, sizeof sentence, "slot %s is used for TLS: it needs digitalSignature in key_usage",
                       slot->slot);
        wrong(ctx, "key_usage", sentence);
    }
}
