/* Keys about who signs, who lets devices in, and what is revoked. An issuer begins with its issuer_certfile, a factory with
 * its factory_cafile; what follows belongs to it. */
#include "plugin/config_table.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>

enum { GIVEN_KEY = 1, GIVEN_PASSPHRASE = 2, GIVEN_SIGN_FROM = 4 };
enum { GIVEN_NAME = 1, GIVEN_IDENTITY = 2, GIVEN_ENROLL = 4, GIVEN_REENROLL = 8 };

static struct cr_config_issuer *last_issuer(struct cr_config *config)
{
    return config->issuer_count > 0 ? &config->issuer[config->issuer_count - 1] : NULL;
}

static struct cr_config_factory *last_factory(struct cr_config *config)
{
    return config->factory_count > 0 ? &config->factory[config->factory_count - 1] : NULL;
}

/* Once for each issuer or factory. */
static cr_err give(unsigned *given, unsigned key, const char *what, struct cr_why *why)
{
    if (given == NULL) {
        return cr_why_set(why, "belongs behind the %s that it is about", what);
    }
    if ((*given & key) != 0) {
        return cr_why_set(why, "is given twice for the same %s", what);
    }
    *given |= key;
    return CR_OK;
}

/* ---- issuers ---- */

cr_err cr_take_issuer_certfile(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)slot;
    if (config->issuer_count == CR_ISSUERS_MAX) {
        return cr_why_set(why, "can be given at most %d times", CR_ISSUERS_MAX);
    }
    struct cr_config_issuer *issuer = &config->issuer[config->issuer_count];
    *issuer = (struct cr_config_issuer){ .given = 0 };
    cr_err err = cr_value_text(issuer->certfile, sizeof issuer->certfile, value, why);
    config->issuer_count += err == CR_OK;
    return err;
}

cr_err cr_take_issuer_keyfile(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)slot;
    struct cr_config_issuer *issuer = last_issuer(config);
    cr_err err = give(issuer != NULL ? &issuer->given : NULL, GIVEN_KEY, "issuer_certfile", why);
    return err == CR_OK ? cr_value_text(issuer->keyfile, sizeof issuer->keyfile, value, why) : err;
}

cr_err cr_take_issuer_passphrase_file(struct cr_config *config, struct cr_profile *slot, const char *value,
                                      struct cr_why *why)
{
    (void)slot;
    struct cr_config_issuer *issuer = last_issuer(config);
    cr_err err = give(issuer != NULL ? &issuer->given : NULL, GIVEN_PASSPHRASE, "issuer_certfile", why);
    return err == CR_OK ? cr_value_text(issuer->passphrase_file, sizeof issuer->passphrase_file, value, why) : err;
}

cr_err cr_take_issuer_sign_from(struct cr_config *config, struct cr_profile *slot, const char *value,
                                struct cr_why *why)
{
    (void)slot;
    struct cr_config_issuer *issuer = last_issuer(config);
    cr_err err = give(issuer != NULL ? &issuer->given : NULL, GIVEN_SIGN_FROM, "issuer_certfile", why);
    if (err == CR_OK && (cr_time_parse(&issuer->sign_from, value) != CR_OK || issuer->sign_from <= 0)) {
        err = cr_why_set(why, "must be a time such as 2026-12-01T00:00:00Z");
    }
    return err;
}

/* ---- factories ---- */

/* The file's name without its directory and ending, as far as it makes a name. */
static void default_name(struct cr_config_factory *factory)
{
    const char *base = strrchr(factory->cafile, '/');
    base = base != NULL ? base + 1 : factory->cafile;
    size_t len = strcspn(base, ".");
    len = len < CR_FACTORY_NAME_MAX ? len : CR_FACTORY_NAME_MAX;
    for (size_t i = 0; i < len; i++) {
        factory->name[i] = cr_name_ok(&base[i], 1) ? base[i] : '-';
    }
    factory->name[len] = '\0';
}

cr_err cr_take_factory_cafile(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)slot;
    if (config->factory_count == CR_FACTORIES_MAX) {
        return cr_why_set(why, "can be given at most %d times", CR_FACTORIES_MAX);
    }
    struct cr_config_factory *factory = &config->factory[config->factory_count];
    *factory = (struct cr_config_factory){ .given = 0 };
    cr_err err = cr_value_text(factory->cafile, sizeof factory->cafile, value, why);
    if (err == CR_OK) {
        default_name(factory);
        config->factory_count++;
    }
    return err;
}

cr_err cr_take_factory_name(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)slot;
    struct cr_config_factory *factory = last_factory(config);
    cr_err err = give(factory != NULL ? &factory->given : NULL, GIVEN_NAME, "factory_cafile", why);
    if (err == CR_OK && (!cr_name_ok(value, strlen(value)) || strlen(value) > CR_FACTORY_NAME_MAX)) {
        err = cr_why_set(why, "must be 1 to %d of the characters A-Z a-z 0-9 . _ : -", CR_FACTORY_NAME_MAX);
    }
    return err == CR_OK ? cr_value_text(factory->name, sizeof factory->name, value, why) : err;
}

static cr_err take_word(struct cr_config *config, unsigned key, unsigned *word, const struct cr_word *words,
                        const char *value, struct cr_why *why)
{
    struct cr_config_factory *factory = last_factory(config);
    cr_err err = give(factory != NULL ? &factory->given : NULL, key, "factory_cafile", why);
    return err == CR_OK ? cr_value_choice(word, value, words, why) : err;
}

cr_err cr_take_factory_identity(struct cr_config *config, struct cr_profile *slot, const char *value,
                                struct cr_why *why)
{
    (void)slot;
    static const struct cr_word words[] = { { "cn", CR_FACTORY_CN },
                                            { "serial-number", CR_FACTORY_SERIAL_NUMBER },
                                            { "san-dns", CR_FACTORY_SAN_DNS },
                                            { "san-uri", CR_FACTORY_SAN_URI },
                                            { NULL, 0 } };
    unsigned word = 0;
    cr_err err = take_word(config, GIVEN_IDENTITY, &word, words, value, why);
    if (err == CR_OK) {
        last_factory(config)->identity = (enum cr_factory_identity)word;
    }
    return err;
}

cr_err cr_take_factory_enroll(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)slot;
    static const struct cr_word words[] = { { "list", CR_ENROLL_LIST }, { "any", CR_ENROLL_ANY }, { NULL, 0 } };
    unsigned word = 0;
    cr_err err = take_word(config, GIVEN_ENROLL, &word, words, value, why);
    if (err == CR_OK) {
        last_factory(config)->enroll = (enum cr_factory_enroll)word;
    }
    return err;
}

cr_err cr_take_factory_reenroll(struct cr_config *config, struct cr_profile *slot, const char *value,
                                struct cr_why *why)
{
    (void)slot;
    static const struct cr_word words[] = { { "never", CR_REENROLL_NEVER },
                                            { "expired", CR_REENROLL_EXPIRED },
                                            { "always", CR_REENROLL_ALWAYS },
                                            { NULL, 0 } };
    unsigned word = 0;
    cr_err err = take_word(config, GIVEN_REENROLL, &word, words, value, why);
    if (err == CR_OK) {
        last_factory(config)->reenroll = (enum cr_factory_reenroll)word;
    }
    return err;
}

/* ---- revocation ---- */

cr_err cr_take_crl_include(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why)
{
    (void)slot;
    if (config->crl_include_count == CR_TRUSTED_MAX) {
        return cr_why_set(why, "can be given at most %d times", CR_TRUSTED_MAX);
    }
    cr_err err = cr_value_text(config->crl_include[config->crl_include_count], CR_PATH_CAP, value, why);
    config->crl_include_count += err == CR_OK;
    return err;
}

/* ---- the whole ---- */

static void check_twice(const struct cr_config *config, cr_trust_wrong_fn *wrong, void *ctx)
{
    char sentence[CR_PATH_CAP + 100];
    for (unsigned i = 0; i < config->issuer_count; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(config->issuer[i].certfile, config->issuer[k].certfile) == 0) {
                (void)snprintf(sentence, sizeof sentence, "issuer_certfile %s is given already, in line %u",
                               config->issuer[i].certfile, config->issuer[k].line);
                wrong(ctx, config->issuer[i].line, NULL, sentence);
                break;
            }
        }
    }
}

void cr_config_trust_check(struct cr_config *config, cr_trust_wrong_fn *wrong, void *ctx)
{
    char sentence[CR_PATH_CAP + 100];
    for (unsigned i = 0; i < config->issuer_count; i++) {
        if ((config->issuer[i].given & GIVEN_KEY) == 0) {
            (void)snprintf(sentence, sizeof sentence,
                           "issuer_certfile %s needs an issuer_keyfile behind it: the PEM file with its private key",
                           config->issuer[i].certfile);
            wrong(ctx, config->issuer[i].line, NULL, sentence);
        }
    }
    check_twice(config, wrong, ctx);
    for (unsigned i = 0; i < config->factory_count; i++) {
        if (config->factory[i].name[0] == '\0') {
            (void)snprintf(sentence, sizeof sentence, "factory_cafile %s needs a factory_name behind it",
                           config->factory[i].cafile);
            wrong(ctx, config->factory[i].line, NULL, sentence);
        }
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(config->factory[i].name, config->factory[k].name) == 0) {
                (void)snprintf(sentence, sizeof sentence, "two factories are called %s: give one another factory_name",
                               config->factory[i].name);
                wrong(ctx, config->factory[i].line, NULL, sentence);
                break;
            }
        }
    }
    if (config->crl_refresh_s >= config->crl_lifetime_s) {
        wrong(ctx, 0, "crl_refresh",
              "crl_refresh must be shorter than crl_lifetime, so that a new CRL is there before the old one ends");
    }
    if (config->crl_include_count > 0 && config->crl_file[0] == '\0') {
        wrong(ctx, 0, "crl_include", "crl_include has no meaning without a crl_file");
    }
}
