/* Onboarding: the arguments of enrol.lua and enrolling.lua, and the fields that they write. */
#include "plugin/store/records.h"

#include <stdio.h>
#include <string.h>

static const char *const verbs[] = {
    [CR_ENROL_ALLOW] = "allow",
    [CR_ENROL_FORBID] = "forbid",
    [CR_ENROL_TOKEN] = "token",
};

static const struct cr_profile *tls_profile(const struct cr_config *config)
{
    for (unsigned i = 0; i < config->slot_count; i++) {
        if (config->slot[i].tls) {
            return &config->slot[i];
        }
    }
    return NULL;
}

cr_err cr_args_enrol(struct cr_args *args, const struct cr_records *records, const struct cr_job *job, bool again)
{
    const struct cr_enrol *enrol = job->enrol;
    const struct cr_profile *tls = tls_profile(&job->setup->config);
    char hash[CR_HASH_TEXT];
    cr_err err = cr_args_script(args, CR_SCRIPT_ENROL, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    if (strlen(enrol->factory) > CR_FACTORY_NAME_MAX) {
        return CR_INVALID;
    }
    cr_args_text(args, verbs[enrol->verb]);
    cr_args_text(args, enrol->factory[0] != '\0' ? enrol->factory : "*");
    cr_args_text(args, enrol->tags);
    cr_base64url_encode(hash, enrol->token_hash, sizeof enrol->token_hash);
    cr_args_copy(args, hash);
    cr_args_number(args, enrol->expires);
    cr_args_bytes(args, again ? "1" : "0", 1);
    cr_args_text(args, tls != NULL ? tls->slot : "");
    return args->overflow ? CR_FULL : CR_OK;
}

void cr_factory_id(char id[CR_FACTORY_ID_CAP], const char *issuer)
{
    (void)snprintf(id, CR_FACTORY_ID_CAP, "%.*s", CR_FACTORY_ID_CAP - 1, issuer);
}

const struct cr_config_factory *cr_job_factory(const struct cr_job *job)
{
    const struct cr_config *config = &job->setup->config;
    unsigned number = job->presented.factory;
    return number > 0 && number <= config->factory_count ? &config->factory[number - 1] : NULL;
}

/* "factory <id> <name> <any|list> <never|expired|always>", "token <hash>" */
static void args_rule(struct cr_args *args, const struct cr_job *job)
{
    static const char *const reenroll[] = {
        [CR_REENROLL_NEVER] = "never",
        [CR_REENROLL_EXPIRED] = "expired",
        [CR_REENROLL_ALWAYS] = "always",
    };
    const struct cr_config_factory *factory = cr_job_factory(job);
    char text[CR_HASH_TEXT + CR_NAME_CAP + 40], id[CR_FACTORY_ID_CAP], hash[CR_HASH_TEXT];
    if (job->has_token) {
        cr_base64url_encode(hash, job->token_hash, sizeof job->token_hash);
        (void)snprintf(text, sizeof text, "token %s", hash);
    } else if (factory != NULL) {
        cr_factory_id(id, job->presented.issuer);
        (void)snprintf(text, sizeof text, "factory %s %s %s %s", id, factory->name,
                       factory->enroll == CR_ENROLL_ANY ? "any" : "list", reenroll[factory->reenroll]);
    } else {
        args->overflow = true; /* neither: nobody lets it in */
        return;
    }
    cr_args_copy(args, text);
}

void cr_args_enrolling(struct cr_args *args, const struct cr_job *job)
{
    if (!job->enrolling) {
        for (int i = 0; i < 3; i++) {
            cr_args_bytes(args, "", 0);
        }
        return;
    }
    args_rule(args, job);
    cr_args_bytes(args, job->trusted.data, job->trusted.len);
    cr_args_bytes(args, job->current_revoked ? "1" : "0", 1);
}

/* ---- fields of a device ---- */

static cr_err number_take(int64_t *number, const char *text)
{
    *number = 0;
    for (size_t i = 0; text[i] >= '0' && text[i] <= '9' && i < 18; i++) {
        *number = *number * 10 + (text[i] - '0');
    }
    return *number > 0 ? CR_OK : CR_INVALID;
}

/* A field of words in `text`: where the next one begins, "" behind the last; the one at `word` gets its end. */
static char *word_end(char *word)
{
    char *end = word + strcspn(word, " ");
    if (*end != '\0') {
        *end++ = '\0';
    }
    return end;
}

/* "<since> <factory or *>", and the key that used it */
static cr_err take_enr(struct cr_device_enrol *enrol, char *text)
{
    char *factory = word_end(text);
    (void)word_end(factory);
    return factory[0] == '\0' || number_take(&enrol->since, text) != CR_OK
               ? CR_INVALID
               : cr_text_copy(enrol->factory, sizeof enrol->factory, strcmp(factory, "*") == 0 ? "" : factory);
}

/* "<hash> <expires> ", and the key that used it */
static cr_err take_tok(struct cr_device_enrol *enrol, char *text)
{
    char *expires = word_end(text), *used = word_end(expires);
    enrol->token_used = used[0] != '\0';
    return number_take(&enrol->token_expires, expires);
}

cr_err cr_enrol_field(struct cr_device_record *record, struct cr_bytes name, struct cr_bytes value)
{
    char text[CR_NAME_CAP];
    if (name.len != 3 || (memcmp(name.data, "enr", 3) != 0 && memcmp(name.data, "tok", 3) != 0 &&
                          memcmp(name.data, "fac", 3) != 0)) {
        return CR_OK;
    }
    if (value.data == NULL || value.len >= sizeof text || memchr(value.data, '\0', value.len) != NULL) {
        return CR_INVALID;
    }
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    switch (name.data[0]) {
    case 'e':
        return take_enr(&record->enrol, text);
    case 't':
        return take_tok(&record->enrol, text);
    default:
        return strlen(text) == CR_FACTORY_ID_CAP - 1 && strspn(text, "0123456789abcdef") == CR_FACTORY_ID_CAP - 1
                   ? cr_text_copy(record->factory, sizeof record->factory, text)
                   : CR_INVALID;
    }
}
