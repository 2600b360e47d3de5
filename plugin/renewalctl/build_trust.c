/* What the commands of trust ask, and what is checked and asked of the user before. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/rows.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { ISSUER_DIGITS = 16, TAGS_CAP = CTL_LIST_MAX * (CTL_TAG_MAX + 1) };

static cr_err wrong(char why[CTL_WHY_CAP], const char *what)
{
    (void)snprintf(why, CTL_WHY_CAP, "%s", what);
    return CR_INVALID;
}

/* ---- onboarding ---- */

bool ctl_build_enroll(cJSON *command, const struct ctl_options *o)
{
    return ctl_put_word(command, "enrollDevice", "device", o) && ctl_put_text(command, "factory", o->factory) &&
           ctl_put_texts(command, "tags", o->tags.value, o->tags.count);
}

cr_err ctl_check_enroll(const struct ctl_options *o, char why[CTL_WHY_CAP])
{
    char tags[TAGS_CAP] = "";
    if ((o->words > 0) == (o->csv[0] != '\0')) {
        return wrong(why, o->words > 0 ? "enroll takes devices' ids or --csv, not both"
                                       : "enroll needs a device's id, or --csv FILE; see renewalctl enroll --help");
    }
    for (unsigned i = 0; i < o->tags.count; i++) {
        size_t at = strlen(tags);
        if (!cr_name_ok(o->tags.value[i], strlen(o->tags.value[i])) || strlen(o->tags.value[i]) > CTL_TAG_MAX) {
            (void)snprintf(why, CTL_WHY_CAP, "a tag is 1 to %d of A-Z a-z 0-9 . _ : -, not '%.40s'", CTL_TAG_MAX,
                           o->tags.value[i]);
            return CR_INVALID;
        }
        (void)snprintf(tags + at, sizeof tags - at, "%s%s", at > 0 ? ";" : "", o->tags.value[i]);
    }
    return ctl_tags_check(tags, why);
}

bool ctl_build_forbid(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "forbidDevice", "device", options);
}

bool ctl_build_token(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "createToken", "device", options) &&
           ctl_put_text(command, "expires", options->expires);
}

/* ---- revocation ---- */

bool ctl_put_cause(cJSON *command, const struct ctl_options *o)
{
    return ctl_put_text(command, "slot", o->slot) && ctl_put_text(command, "reason", o->reason) &&
           ctl_put_text(command, "comment", o->comment);
}

/* One device, one certificate, or what a filter selects; several devices are send.h's. */
bool ctl_build_revoke(cJSON *command, const struct ctl_options *o)
{
    if (o->serial[0] != '\0') {
        return ctl_put_named(command, "revokeCertificate") && ctl_put_text(command, "serialNumber", o->serial) &&
               ctl_put_text(command, "issuer", o->issuer) && ctl_put_text(command, "device", o->device) &&
               ctl_put_cause(command, o);
    }
    return (o->words > 0 ? ctl_put_word(command, "revokeDevice", "device", o)
                         : ctl_put_named(command, "revokeDevices") && ctl_put_filter(command, o, false)) &&
           ctl_put_cause(command, o);
}

cr_err ctl_check_revoke(const struct ctl_options *o, char why[CTL_WHY_CAP])
{
    bool list = o->list[0] != '\0';
    if (o->serial[0] != '\0') {
        if (o->issuer[0] == '\0') {
            return wrong(why, "--serial needs --issuer: serial numbers are an issuer's own; renewalctl issuers lists "
                              "them");
        }
        return o->words > 0 || list || o->slot[0] != '\0' || ctl_filter_beyond_issuer(o)
                   ? wrong(why, "--serial is about one certificate: with it there are --issuer and --device alone")
                   : CR_OK;
    }
    if (o->device[0] != '\0') {
        return wrong(why, "--device says whose the certificate of --serial is; without --serial give the id alone");
    }
    if ((o->words > 0) + list + ctl_filter_given(o) > 1) {
        return wrong(why, "revoke takes devices' ids, --list or a filter: one of them");
    }
    return o->words > 0 || list || ctl_filter_given(o)
               ? CR_OK
               : wrong(why, "revoke needs a device's id, --list FILE, --serial or a filter such as --tag; see "
                            "renewalctl revoke --help");
}

bool ctl_build_revoked(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_named(command, "listRevoked") && ctl_put_text(command, "issuer", options->issuer);
}

/* ---- issuers ---- */

/* Of commands whose word, where there is one, is an issuer's id. */
cr_err ctl_check_issuer(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    const char *id = options->words > 0 ? options->word[0] : NULL;
    if (id != NULL && (strlen(id) != ISSUER_DIGITS || strspn(id, "0123456789abcdef") != ISSUER_DIGITS)) {
        (void)snprintf(why, CTL_WHY_CAP, "an issuer's id is %d of 0-9 a-f, as renewalctl issuers shows it, not '%.40s'",
                       ISSUER_DIGITS, id);
        return CR_INVALID;
    }
    return CR_OK;
}

bool ctl_build_issuers(cJSON *command, const struct ctl_options *options)
{
    (void)options;
    return ctl_put_named(command, "listIssuers");
}

bool ctl_build_census(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "census", "issuer", options);
}

static bool forced(cJSON *command, const struct ctl_options *options)
{
    return !options->force || cJSON_AddTrueToObject(command, "force") != NULL;
}

bool ctl_build_retire(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "retireIssuer", "issuer", options) && forced(command, options);
}

bool ctl_question_retire(char question[CTL_QUESTION_CAP], const struct ctl_options *options)
{
    (void)snprintf(question, CTL_QUESTION_CAP, "Certificates of issuer %.16s will no longer be accepted%s.",
                   options->word[0], options->force ? ", also those that devices use now" : "");
    return true;
}

bool ctl_build_revoke_issuer(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "revokeIssuer", "issuer", options) && ctl_put_cause(command, options) &&
           forced(command, options);
}

bool ctl_question_revoke_issuer(char question[CTL_QUESTION_CAP], const struct ctl_options *options)
{
    (void)snprintf(question, CTL_QUESTION_CAP, "This revokes issuer %.16s for good: no certificate of it will ever be "
                   "accepted again, and every device that has one is locked out.", options->word[0]);
    return true;
}

bool ctl_build_restore_issuer(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "restoreIssuer", "issuer", options);
}

bool ctl_build_trust(cJSON *command, const struct ctl_options *options)
{
    (void)options;
    return ctl_put_named(command, "getTrustBundle") && cJSON_AddTrueToObject(command, "count") != NULL;
}

bool ctl_build_ocsp(cJSON *command, const struct ctl_options *o)
{
    return ctl_put_word(command, "getOcspResponse", "device", o) && ctl_put_text(command, "slot", o->slot) &&
           ctl_put_text(command, "serialNumber", o->serial);
}
