#include "plugin/setup.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ERRORS_CAP = 8192 };

/* One complaint a line; what failed without one says at least its kind. */
static void complain_lines(cr_err err, char *errors, cr_config_complain_fn *complain, void *ctx)
{
    if (errors[0] == '\0') {
        complain(ctx, 0, cr_err_text(err));
    }
    for (char *line = errors; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        bool last = line[len] == '\0';
        line[len] = '\0';
        if (len > 0) {
            complain(ctx, 0, line);
        }
        line += len + !last;
    }
}

static cr_err trust_load(struct cr_setup *setup, int64_t now_s, cr_config_complain_fn *complain, void *ctx)
{
    const struct cr_config *config = &setup->config;
    const char *trusted[CR_TRUSTED_MAX];
    struct cr_trust_config trust = {
        .issuer_count = config->issuer_count,
        .trusted_cafile = trusted,
        .trusted_count = config->trusted_count,
        .factory_count = config->factory_count,
        .weak_keys = cr_weak_file_list(setup->weak_keys),
        .backend = cr_key_backend(config->key_backend),
    };
    char *errors = calloc(1, ERRORS_CAP);
    if (errors == NULL) {
        return CR_NOMEM;
    }
    for (unsigned i = 0; i < config->issuer_count; i++) {
        const struct cr_config_issuer *issuer = &config->issuer[i];
        trust.issuer[i] = (struct cr_trust_issuer){ issuer->certfile, issuer->keyfile, issuer->passphrase_file,
                                                    issuer->sign_from };
    }
    for (unsigned i = 0; i < config->trusted_count; i++) {
        trusted[i] = config->trusted_cafile[i];
    }
    for (unsigned i = 0; i < config->factory_count; i++) {
        const struct cr_config_factory *factory = &config->factory[i];
        trust.factory[i] = (struct cr_trust_factory){ factory->cafile, factory->name, factory->identity };
    }
    cr_err err = cr_trust_load(&setup->trust, &trust, now_s, errors, ERRORS_CAP);
    if (err != CR_OK) {
        complain_lines(err, errors, complain, ctx);
    }
    free(errors);
    return err;
}

static cr_err weak_keys_load(struct cr_setup *setup, const struct cr_setup *former, cr_config_complain_fn *complain,
                             void *ctx)
{
    if (setup->config.weak_keys_file[0] == '\0') {
        return CR_OK;
    }
    char *errors = calloc(1, ERRORS_CAP);
    if (errors == NULL) {
        return CR_NOMEM;
    }
    cr_err err = cr_weak_file_load(&setup->weak_keys, setup->config.weak_keys_file,
                                   former != NULL ? former->weak_keys : NULL, errors, ERRORS_CAP);
    if (err != CR_OK) {
        complain_lines(err, errors, complain, ctx);
    }
    free(errors);
    return err;
}

/* ---- where CRLs are written ---- */

static cr_err crl_complain(const char *key, const char *path, const char *what, cr_config_complain_fn *complain, void *ctx)
{
    char sentence[CR_PATH_CAP + 200];
    (void)snprintf(sentence, sizeof sentence, "%s %s: %s", key, path, what);
    complain(ctx, 0, sentence);
    return CR_INVALID;
}

/* Files are written beside their place, and renamed. */
static cr_err crl_dir_check(const char *key, const char *path, const char *dir, cr_config_complain_fn *complain,
                            void *ctx)
{
    struct stat st;
    if (stat(dir, &st) != 0) {
        return crl_complain(key, path, errno == ENOENT ? "make its directory first" : strerror(errno), complain, ctx);
    }
    if (!S_ISDIR(st.st_mode)) {
        return crl_complain(key, path, "that is no directory", complain, ctx);
    }
    return access(dir, W_OK | X_OK) == 0
               ? CR_OK
               : crl_complain(key, path, "the broker's user must be able to write in that directory", complain, ctx);
}

static cr_err crl_paths_check(const struct cr_config *config, cr_config_complain_fn *complain, void *ctx)
{
    cr_err err = CR_OK, one;
    struct stat st;
    if (config->crl_file[0] != '\0') {
        char copy[CR_PATH_CAP];
        memcpy(copy, config->crl_file, sizeof copy);
        err = crl_dir_check("crl_file", config->crl_file, dirname(copy), complain, ctx);
        if (err == CR_OK && stat(config->crl_file, &st) == 0 && !S_ISREG(st.st_mode)) {
            err = crl_complain("crl_file", config->crl_file, "that is no file", complain, ctx);
        }
    }
    if (config->crl_dir[0] != '\0') {
        one = crl_dir_check("crl_dir", config->crl_dir, config->crl_dir, complain, ctx);
        err = one != CR_OK ? one : err;
    }
    for (unsigned i = 0; i < config->crl_include_count; i++) {
        if (access(config->crl_include[i], R_OK) != 0) {
            err = crl_complain("crl_include", config->crl_include[i], strerror(errno), complain, ctx);
        }
    }
    return err;
}

static void setup_free(struct cr_setup *setup)
{
    if (setup->base != NULL) {
        cr_setup_drop(setup->base);
    } else {
        cr_trust_free(setup->trust);
        cr_weak_file_drop(setup->weak_keys);
    }
    explicit_bzero(setup->config.redis_password, sizeof setup->config.redis_password);
    free(setup);
}

cr_err cr_setup_load(struct cr_setup **setup, const char *path, const struct cr_setup *former, int64_t now_s,
                     cr_config_complain_fn *complain, void *ctx)
{
    cr_err err = CR_NOMEM, second = CR_NOMEM, third = CR_NOMEM;
    *setup = NULL;
    struct cr_setup *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return err;
    }
    atomic_init(&s->refs, 1);
    CR_TRY(cr_config_read(&s->config, path, complain, ctx));
    second = weak_keys_load(s, former, complain, ctx);
    third = crl_paths_check(&s->config, complain, ctx);
    CR_TRY(trust_load(s, now_s, complain, ctx));
    CR_TRY(second);
    CR_TRY(third);
    *setup = s;
    return CR_OK;
out:
    setup_free(s);
    return err;
}

cr_err cr_setup_overlay(struct cr_setup **setup, struct cr_setup *base, const struct cr_policy_setting *setting,
                        unsigned count, struct cr_config_wrong *wrong)
{
    cr_err err = CR_NOMEM;
    *setup = NULL;
    struct cr_setup *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return err;
    }
    atomic_init(&s->refs, 1);
    s->base = cr_setup_hold(base);
    s->config = base->config;
    s->trust = base->trust;
    s->weak_keys = base->weak_keys;
    CR_TRY(cr_config_overlay(&s->config, setting, count, wrong));
    *setup = s;
    return CR_OK;
out:
    setup_free(s);
    return err;
}

struct cr_setup *cr_setup_hold(struct cr_setup *setup)
{
    (void)atomic_fetch_add_explicit(&setup->refs, 1, memory_order_relaxed);
    return setup;
}

void cr_setup_drop(struct cr_setup *setup)
{
    /* Release what this thread did with it, acquire what the others did, before it goes. */
    if (setup != NULL && atomic_fetch_sub_explicit(&setup->refs, 1, memory_order_acq_rel) == 1) {
        setup_free(setup);
    }
}
