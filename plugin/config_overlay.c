#include "plugin/config_overlay.h"

#include <stdio.h>
#include <string.h>

const struct cr_config_key *cr_config_shared(const char *slot, const char *key)
{
    const struct cr_config_key *found = cr_config_key_find(key);
    return found != NULL && found->shared != NULL && found->in_slot == (slot[0] != '\0') ? found : NULL;
}

bool cr_config_takes(const struct cr_config *config, const struct cr_policy_setting *setting)
{
    return cr_config_shared(setting->slot, setting->key) != NULL &&
           (setting->slot[0] == '\0' || cr_config_slot(config, setting->slot) != NULL);
}

static cr_err overlay_wrong(struct cr_config_wrong *wrong, const char *slot, const char *key, const char *text)
{
    (void)snprintf(wrong->slot, sizeof wrong->slot, "%s", slot);
    (void)snprintf(wrong->key, sizeof wrong->key, "%s", key);
    (void)snprintf(wrong->text, sizeof wrong->text, "%s %s", key, text);
    return CR_INVALID;
}

/* Its profile, to be changed. NULL: it is of no slot. */
static struct cr_profile *overlay_slot(struct cr_config *config, const char *slot)
{
    for (unsigned i = 0; i < config->slot_count; i++) {
        if (strcmp(config->slot[i].slot, slot) == 0) {
            return &config->slot[i];
        }
    }
    return NULL;
}

static cr_err overlay_take(struct cr_config *config, const struct cr_policy_setting *setting,
                           const struct cr_config_key *key, struct cr_config_wrong *wrong)
{
    struct cr_why why = { "" };
    size_t len = strlen(setting->value);
    if (!cr_value_utf8_ok((struct cr_bytes){ (const uint8_t *)setting->value, len })) {
        return overlay_wrong(wrong, setting->slot, setting->key, "is not UTF-8 text");
    }
    for (size_t i = 0; i < len; i++) { /* as in a line of the file */
        if ((unsigned char)setting->value[i] < ' ' || setting->value[i] == 0x7f) {
            return overlay_wrong(wrong, setting->slot, setting->key, "holds a control character");
        }
    }
    if (cr_config_key_take(key, config, overlay_slot(config, setting->slot), setting->value, &why) != CR_OK) {
        return overlay_wrong(wrong, setting->slot, setting->key, why.text);
    }
    return CR_OK;
}

static cr_err overlay_pass(struct cr_config *config, const struct cr_policy_setting *setting, unsigned count, bool last,
                           struct cr_config_wrong *wrong)
{
    for (unsigned i = 0; i < count; i++) {
        const struct cr_config_key *key = cr_config_shared(setting[i].slot, setting[i].key);
        if (key == NULL || key->last != last || !cr_config_takes(config, &setting[i])) {
            continue;
        }
        cr_err err = overlay_take(config, &setting[i], key, wrong);
        if (err != CR_OK) {
            return err;
        }
    }
    return CR_OK;
}

struct check {
    struct cr_config_wrong *wrong;
    const char *slot;
    unsigned count;
};

static void check_wrong(void *ctx, const char *key, const char *sentence)
{
    struct check *check = ctx;
    if (check->count++ == 0) {
        (void)overlay_wrong(check->wrong, check->slot, key, "");
        (void)snprintf(check->wrong->text, sizeof check->wrong->text, "%s", sentence);
    }
}

static bool limits_rsa(const char *slot, const struct cr_policy_setting *setting, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(setting[i].slot, slot) == 0 &&
            (strcmp(setting[i].key, "rsa_min_bits") == 0 || strcmp(setting[i].key, "rsa_max_bits") == 0)) {
            return true;
        }
    }
    return false;
}

cr_err cr_config_overlay(struct cr_config *config, const struct cr_policy_setting *setting, unsigned count,
                         struct cr_config_wrong *wrong)
{
    cr_err err = overlay_pass(config, setting, count, false, wrong);
    if (err == CR_OK) {
        err = overlay_pass(config, setting, count, true, wrong);
    }
    for (unsigned i = 0; err == CR_OK && i < config->slot_count; i++) {
        struct cr_profile *slot = &config->slot[i];
        struct check check = { wrong, slot->slot, 0 };
        struct cr_why why = { "" };
        if (cr_slot_fit_window(slot, &why) != CR_OK) { /* the file's, with another lifetime */
            return overlay_wrong(wrong, slot->slot, "renewal_window", why.text);
        }
        cr_slot_check(slot, limits_rsa(slot->slot, setting, count), check_wrong, &check);
        err = check.count == 0 ? CR_OK : CR_INVALID;
    }
    return err;
}
