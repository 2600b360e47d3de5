#include "plugin/renewalctl/build.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* ---- parts ---- */

bool ctl_put_text(cJSON *object, const char *name, const char *value)
{
    return value[0] == '\0' || cJSON_AddStringToObject(object, name, value) != NULL;
}

bool ctl_put_number(cJSON *object, const char *name, unsigned value)
{
    return value == 0 || cJSON_AddNumberToObject(object, name, value) != NULL;
}

bool ctl_put_named(cJSON *command, const char *name)
{
    return ctl_put_text(command, "command", name);
}

bool ctl_put_word(cJSON *command, const char *name, const char *field, const struct ctl_options *options)
{
    return ctl_put_named(command, name) && (options->words == 0 || ctl_put_text(command, field, options->word[0]));
}

/* "add":[…]; nothing when there are none. */
bool ctl_put_texts(cJSON *object, const char *name, const char *const *value, size_t count)
{
    cJSON *array = count > 0 ? cJSON_AddArrayToObject(object, name) : NULL;
    for (size_t i = 0; i < count; i++) {
        cJSON *item = cJSON_CreateString(value[i]);
        if (item == NULL || !cJSON_AddItemToArray(array, item)) {
            cJSON_Delete(item);
            return false;
        }
    }
    return count == 0 || array != NULL;
}

bool ctl_filter_beyond_issuer(const struct ctl_options *o)
{
    return o->state[0] != '\0' || o->tag[0] != '\0' || o->prefix[0] != '\0' || o->campaign[0] != '\0' ||
           o->expires_within[0] != '\0' || o->not_seen_for[0] != '\0' || o->level[0] != '\0' ||
           o->issued_after[0] != '\0' || o->issued_before[0] != '\0' || o->factory[0] != '\0' || o->revoked ||
           o->trust_before != 0;
}

bool ctl_filter_given(const struct ctl_options *o)
{
    return o->issuer[0] != '\0' || ctl_filter_beyond_issuer(o);
}

bool ctl_put_filter(cJSON *command, const struct ctl_options *o, bool with_slot)
{
    if (!ctl_filter_given(o) && (!with_slot || o->slot[0] == '\0')) {
        return true;
    }
    cJSON *object = cJSON_AddObjectToObject(command, "filter");
    return object != NULL && ctl_put_text(object, "state", o->state) &&
           (!with_slot || ctl_put_text(object, "slot", o->slot)) && ctl_put_text(object, "issuer", o->issuer) &&
           ctl_put_text(object, "tag", o->tag) && ctl_put_text(object, "idPrefix", o->prefix) &&
           ctl_put_text(object, "campaign", o->campaign) && ctl_put_text(object, "expiresWithin", o->expires_within) &&
           ctl_put_text(object, "notSeenFor", o->not_seen_for) && ctl_put_text(object, "level", o->level) &&
           ctl_put_text(object, "issuedAfter", o->issued_after) &&
           ctl_put_text(object, "issuedBefore", o->issued_before) && ctl_put_text(object, "factory", o->factory) &&
           (!o->revoked || cJSON_AddTrueToObject(object, "revoked") != NULL) &&
           ctl_put_number(object, "trustBefore", o->trust_before);
}

/* ---- devices ---- */

bool ctl_build_status(cJSON *command, const struct ctl_options *options)
{
    (void)options;
    return ctl_put_named(command, "getStatus");
}

bool ctl_build_device(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "getDevice", "device", options);
}

bool ctl_build_devices(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_named(command, "listDevices") && ctl_put_filter(command, options, true);
}

bool ctl_build_trigger(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "triggerRenewal", "device", options) && ctl_put_filter(command, options, false) &&
           ctl_put_text(command, "slot", options->slot) && ctl_put_text(command, "reason", options->reason);
}

bool ctl_build_trigger_devices(cJSON *command, const struct ctl_options *options, size_t from)
{
    size_t count = options->words - from < CTL_PAGE_MAX ? options->words - from : CTL_PAGE_MAX;
    return ctl_put_named(command, "triggerRenewal") && ctl_put_texts(command, "devices", options->word + from, count) &&
           ctl_put_text(command, "slot", options->slot) && ctl_put_text(command, "reason", options->reason);
}

bool ctl_build_trigger_count(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_named(command, "listDevices") && ctl_put_filter(command, options, true);
}

cr_err ctl_check_trigger(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    if (options->words > 0 && ctl_filter_given(options)) {
        (void)snprintf(why, CTL_WHY_CAP, "trigger takes devices' ids or a filter, not both");
        return CR_INVALID;
    }
    if (options->words == 0 && !ctl_filter_given(options)) {
        (void)snprintf(why, CTL_WHY_CAP,
                       "trigger needs a device's id, or a filter such as --tag; see renewalctl trigger --help");
        return CR_INVALID;
    }
    return CR_OK;
}

bool ctl_build_cancel(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "cancelRenewal", "device", options) && ctl_put_text(command, "slot", options->slot);
}

bool ctl_build_hold(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "holdDevice", "device", options) && ctl_put_text(command, "slot", options->slot) &&
           ctl_put_text(command, "reason", options->reason);
}

bool ctl_build_release(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "releaseDevice", "device", options) && ctl_put_text(command, "slot", options->slot);
}

/* ---- tags ---- */

/* What of the words and of the options is to be added, or removed: +a -b --add c --remove d. */
static size_t tags_of(const char **tag, size_t cap, const struct ctl_options *options, char sign)
{
    const struct ctl_list *list = sign == '+' ? &options->add : &options->remove;
    size_t count = 0;
    for (size_t i = 1; i < options->words && count < cap; i++) {
        if (options->word[i][0] == sign) {
            tag[count++] = options->word[i] + 1;
        }
    }
    for (unsigned i = 0; i < list->count && count < cap; i++) {
        tag[count++] = list->value[i];
    }
    return count;
}

enum { TAGS_MAX = 2 * CTL_LIST_MAX };

bool ctl_build_tag(cJSON *command, const struct ctl_options *options)
{
    const char *add[TAGS_MAX], *drop[TAGS_MAX];
    size_t adds = tags_of(add, TAGS_MAX, options, '+'), drops = tags_of(drop, TAGS_MAX, options, '-');
    return ctl_put_word(command, "tagDevice", "device", options) && ctl_put_texts(command, "add", add, adds) &&
           ctl_put_texts(command, "remove", drop, drops);
}

cr_err ctl_check_tag(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    const char *tag[2 * TAGS_MAX];
    size_t count;
    for (size_t i = 1; i < options->words; i++) {
        if (options->word[i][0] != '+' && options->word[i][0] != '-') {
            (void)snprintf(why, CTL_WHY_CAP, "'%.40s' is neither +TAG nor -TAG; see renewalctl tag --help",
                           options->word[i]);
            return CR_INVALID;
        }
    }
    if (options->words - 1 > CTL_LIST_MAX) {
        (void)snprintf(why, CTL_WHY_CAP, "at most %d tags at once", CTL_LIST_MAX);
        return CR_INVALID;
    }
    count = tags_of(tag, TAGS_MAX, options, '+');
    count += tags_of(tag + count, TAGS_MAX, options, '-');
    if (count == 0) {
        (void)snprintf(why, CTL_WHY_CAP, "tag needs a tag: +TAG, --add TAG or --remove TAG");
        return CR_INVALID;
    }
    for (size_t i = 0; i < count; i++) {
        if (!cr_name_ok(tag[i], strlen(tag[i])) || strlen(tag[i]) > CTL_TAG_MAX) {
            (void)snprintf(why, CTL_WHY_CAP, "a tag is 1 to %d of A-Z a-z 0-9 . _ : -, not '%.40s'", CTL_TAG_MAX,
                           tag[i]);
            return CR_INVALID;
        }
    }
    return CR_OK;
}

/* ---- campaigns ---- */

bool ctl_build_campaign_start(cJSON *command, const struct ctl_options *o)
{
    char why[CTL_WHY_CAP];
    bool ok = ctl_put_named(command, "createCampaign") && ctl_put_text(command, "name", o->name) &&
              ctl_put_text(command, "reason", o->reason) && ctl_put_filter(command, o, false) &&
              ctl_put_text(command, "slot", o->slot) && ctl_put_number(command, "rate", o->rate) &&
              ctl_put_text(command, "start", o->start) && ctl_put_text(command, "deadline", o->deadline);
    cJSON *groups = ok && o->group.count > 0 ? cJSON_AddArrayToObject(command, "groups") : NULL;
    for (unsigned i = 0; ok && i < o->group.count; i++) {
        ok = groups != NULL && ctl_group_read(groups, o->group.value[i], why) == CR_OK;
    }
    return ok;
}

cr_err ctl_check_campaign_start(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    for (unsigned i = 0; i < options->group.count; i++) {
        cr_err err = ctl_group_read(NULL, options->group.value[i], why);
        if (err != CR_OK) {
            return err;
        }
    }
    return CR_OK;
}

bool ctl_build_campaign_status(cJSON *command, const struct ctl_options *options)
{
    return options->words > 0 ? ctl_put_word(command, "getCampaign", "campaign", options)
                              : ctl_put_named(command, "listCampaigns") && ctl_put_text(command, "state", options->state);
}

cr_err ctl_check_campaign_status(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    if (options->words > 0 && options->state[0] != '\0') {
        (void)snprintf(why, CTL_WHY_CAP, "campaign status takes a campaign's id or --state, not both");
        return CR_INVALID;
    }
    return CR_OK;
}

bool ctl_build_campaign_pause(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "pauseCampaign", "campaign", options);
}

bool ctl_build_campaign_resume(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "resumeCampaign", "campaign", options);
}

bool ctl_build_campaign_abort(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "abortCampaign", "campaign", options);
}

/* ---- alerts, audit, policy, forecast ---- */

bool ctl_build_alerts(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_named(command, "listAlerts") && ctl_put_text(command, "level", options->level) &&
           ctl_put_text(command, "slot", options->slot) && ctl_put_text(command, "idPrefix", options->prefix) &&
           (!options->unacknowledged || cJSON_AddFalseToObject(command, "acknowledged") != NULL);
}

bool ctl_build_alerts_ack(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_word(command, "acknowledgeAlert", "device", options) && ctl_put_text(command, "slot", options->slot);
}

bool ctl_build_audit(cJSON *command, const struct ctl_options *o)
{
    bool oldest = !o->follow && (o->oldest || o->words > 0);
    return ctl_put_word(command, "getAudit", "device", o) && ctl_put_text(command, "slot", o->slot) &&
           ctl_put_text(command, "what", o->what) && ctl_put_text(command, "who", o->who) &&
           ctl_put_text(command, "since", o->since) && ctl_put_text(command, "until", o->until) &&
           ctl_put_text(command, "order", oldest ? "oldest" : "newest");
}

cr_err ctl_check_audit(const struct ctl_options *o, char why[CTL_WHY_CAP])
{
    const char *other = o->until[0] != '\0' ? "--until" : o->oldest ? "--oldest" : o->all ? "--all" : NULL;
    if (o->follow && other != NULL) {
        (void)snprintf(why, CTL_WHY_CAP, "--follow shows the last entries, then the new ones, and takes no %s", other);
        return CR_INVALID;
    }
    if (o->follow && o->limit > CTL_FOLLOW_MAX) {
        (void)snprintf(why, CTL_WHY_CAP, "--follow begins with at most %d entries; without it --limit can be more",
                       CTL_FOLLOW_MAX);
        return CR_INVALID;
    }
    return CR_OK;
}

bool ctl_build_policy(cJSON *command, const struct ctl_options *options)
{
    return ctl_put_named(command, "getPolicy") && ctl_put_text(command, "slot", options->slot);
}

bool ctl_build_policy_set(cJSON *command, const struct ctl_options *options)
{
    cJSON *set = ctl_put_named(command, "setPolicy") && ctl_put_text(command, "slot", options->slot)
                     ? cJSON_AddObjectToObject(command, "set")
                     : NULL;
    bool ok = set != NULL;
    for (size_t i = 0; ok && i < options->words; i++) {
        char key[CR_NAME_CAP];
        const char *equals = strchr(options->word[i], '=');
        int len = equals != NULL ? (int)(equals - options->word[i]) : 0;
        (void)snprintf(key, sizeof key, "%.*s", len, options->word[i]);
        ok = equals != NULL && (equals[1] != '\0' ? cJSON_AddStringToObject(set, key, equals + 1) != NULL
                                                  : cJSON_AddNullToObject(set, key) != NULL);
    }
    return ok && ctl_put_number(command, "version", options->if_version);
}

cr_err ctl_check_policy_set(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    for (size_t i = 0; i < options->words; i++) {
        const char *word = options->word[i];
        size_t len = strcspn(word, "=");
        if (word[len] != '=' || !cr_name_ok(word, len)) {
            (void)snprintf(why, CTL_WHY_CAP, "'%.60s' is not KEY=VALUE, nor KEY= for the file's value", word);
            return CR_INVALID;
        }
        for (size_t before = 0; before < i; before++) {
            if (strncmp(options->word[before], word, len + 1) == 0) {
                (void)snprintf(why, CTL_WHY_CAP, "%.*s is given twice", len > 64 ? 64 : (int)len, word);
                return CR_INVALID;
            }
        }
    }
    return CR_OK;
}

cr_err ctl_check_events(const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    static const char *const kinds[] = { "alert", "wake", "campaign", "security" };
    for (size_t i = 0; options->words > 0 && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(options->word[0], kinds[i]) == 0) {
            return CR_OK;
        }
    }
    if (options->words > 0) {
        (void)snprintf(why, CTL_WHY_CAP, "events are of the kinds alert, wake, campaign and security, not '%.40s'",
                       options->word[0]);
    }
    return options->words > 0 ? CR_INVALID : CR_OK;
}

bool ctl_build_forecast(cJSON *command, const struct ctl_options *options)
{
    (void)options;
    return ctl_put_named(command, "forecast");
}

/* ---- what is asked before ---- */

bool ctl_question_cancel(char question[CTL_QUESTION_CAP], const struct ctl_options *options)
{
    (void)snprintf(question, CTL_QUESTION_CAP, "This ends the renewal of %.64s that is under way.", options->word[0]);
    return true;
}

bool ctl_question_hold(char question[CTL_QUESTION_CAP], const struct ctl_options *options)
{
    (void)snprintf(question, CTL_QUESTION_CAP, "Nothing of %.64s%s%.64s will be certified until it is released.",
                   options->word[0], options->slot[0] != '\0' ? "/" : "", options->slot);
    return true;
}

bool ctl_question_campaign_start(char question[CTL_QUESTION_CAP], const struct ctl_options *options)
{
    (void)snprintf(question, CTL_QUESTION_CAP, "This renews the certificates of the whole fleet: no filter is given.");
    return !ctl_filter_given(options);
}

bool ctl_question_campaign_abort(char question[CTL_QUESTION_CAP], const struct ctl_options *options)
{
    (void)snprintf(question, CTL_QUESTION_CAP, "This ends campaign %.64s for good; it cannot be resumed.",
                   options->word[0]);
    return true;
}
