/* The fields of a command: taken strictly, with a sentence about what is wrong. */
#include "plugin/loop/control.h"
#include "plugin/value.h"
#include "plugin/worker/issuer_info.h"

#include <stdio.h>
#include <string.h>

static bool field_wrong(struct cr_command *command, const char *name, const char *must, const char **text)
{
    (void)snprintf(command->why, sizeof command->why, "\"%s\" %s.", name, must);
    *text = command->why;
    return false;
}

static const cJSON *field(const struct cr_command *command, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(command->request, name);
}

bool control_name(struct cr_command *command, const char *name, bool required, const char **value, const char **text)
{
    const cJSON *item = field(command, name);

    *value = item != NULL ? cJSON_GetStringValue(item) : "";
    if (item == NULL ? required : *value == NULL || !cr_name_ok(*value, strlen(*value))) {
        return field_wrong(command, name, "must be 1 to 64 of A-Z a-z 0-9 . _ : -", text);
    }
    return true;
}

/* Printable, whatever its language. */
static bool text_ok(const char *value, size_t max)
{
    size_t len = value != NULL ? strlen(value) : 0;

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f) {
            return false;
        }
    }
    return len > 0 && len <= max;
}

bool control_text(struct cr_command *command, const char *name, bool required, size_t max, const char **value,
                  const char **text)
{
    const cJSON *item = field(command, name);
    char must[80];

    *value = item != NULL ? cJSON_GetStringValue(item) : "";
    if (item == NULL ? required : !text_ok(*value, max)) {
        (void)snprintf(must, sizeof must, "must be text of 1 to %zu bytes without control characters", max);
        return field_wrong(command, name, must, text);
    }
    return true;
}

bool control_number(struct cr_command *command, const char *name, unsigned min, unsigned max, unsigned *value,
                    const char **text)
{
    const cJSON *item = field(command, name);
    double number = cJSON_GetNumberValue(item); /* NaN where it is none */
    char must[80];

    *value = 0;
    if (item == NULL) {
        return true;
    }
    if (!(number >= min && number <= max) || number != (double)(unsigned)number) {
        (void)snprintf(must, sizeof must, "must be a whole number from %u to %u", min, max);
        return field_wrong(command, name, must, text);
    }
    *value = (unsigned)number;
    return true;
}

bool control_duration(struct cr_command *command, const char *name, int64_t max_s, int64_t *value_s, const char **text)
{
    const cJSON *item = field(command, name);
    const char *value = cJSON_GetStringValue(item);
    struct cr_why why = { "must be text: a number and one of s, m, h, d, such as \"30d\"" };
    int64_t ms = 0;

    *value_s = 0;
    if (item != NULL && (value == NULL || cr_value_duration_ms(&ms, value, 1000, max_s * 1000, &why) != CR_OK)) {
        return field_wrong(command, name, why.text, text);
    }
    *value_s = ms / 1000;
    return true;
}

bool control_time(struct cr_command *command, const char *name, int64_t *unix_s, const char **text)
{
    const cJSON *item = field(command, name);
    const char *value = cJSON_GetStringValue(item);

    *unix_s = 0;
    if (item != NULL && (value == NULL || cr_time_parse(unix_s, value) != CR_OK)) {
        return field_wrong(command, name, "must be a time in UTC such as \"2026-11-21T18:00:00Z\"", text);
    }
    return true;
}

bool control_truth(struct cr_command *command, const char *name, bool otherwise, bool *value, const char **text)
{
    const cJSON *item = field(command, name);

    *value = item != NULL ? cJSON_IsTrue(item) : otherwise;
    return item == NULL || cJSON_IsBool(item) || field_wrong(command, name, "must be true or false", text);
}

bool control_share(struct cr_command *command, const char *name, unsigned *permille, const char **text)
{
    const cJSON *item = field(command, name);
    const char *value = cJSON_GetStringValue(item);
    struct cr_why why = { "must be text: a share such as \"2.5%\"" };

    *permille = 0;
    if (item != NULL && (value == NULL || cr_value_permille(permille, value, 1000, &why) != CR_OK)) {
        return field_wrong(command, name, why.text, text);
    }
    return true;
}

bool control_slot(struct cr_command *command, const char **slot, enum cr_refusal *refusal, const char **text)
{
    const struct cr_profile *profile = loop_tls_profile(command->router);

    *refusal = CR_REFUSAL_MALFORMED_JSON;
    if (!control_name(command, "slot", false, slot, text)) {
        return false;
    }
    if ((*slot)[0] == '\0') {
        *slot = profile != NULL ? profile->slot : "";
    }
    if (cr_config_slot(&command->router->setup->config, *slot) == NULL) {
        *refusal = CR_REFUSAL_UNKNOWN_SLOT;
        return false;
    }
    return true;
}

bool control_issuer(struct cr_command *command, bool required, const char **value, const char **text)
{
    const cJSON *item = field(command, "issuer");

    *value = item != NULL ? cJSON_GetStringValue(item) : "";
    if (item == NULL ? required
                     : *value == NULL || strlen(*value) != CR_ISSUER_ID_TEXT - 1 ||
                           strspn(*value, "0123456789abcdef") != CR_ISSUER_ID_TEXT - 1) {
        return field_wrong(command, "issuer", "must be an issuer's id: 16 of 0-9 a-f, as listIssuers tells it", text);
    }
    return true;
}

/* ---- filters ---- */

static const char *const filter_states[] = { "any", "quiet", "triggered", "issuing", "issued", "held" };
static const char *const filter_levels[] = { "none", "notice", "warning", "critical", "field" };
enum { FILTER_STATES = sizeof filter_states / sizeof filter_states[0],
       FILTER_LEVELS = sizeof filter_levels / sizeof filter_levels[0] };

static bool word(const char *value, const char *const *words, unsigned count, unsigned *which)
{
    for (unsigned i = 1; i < count; i++) {
        if (strcmp(words[i], value) == 0) {
            *which = i;
            return true;
        }
    }
    return false;
}

static bool filter_words(struct cr_command *in, struct cr_filter *filter, const char **text)
{
    const char *state, *level;
    unsigned which = 0;

    if (!control_name(in, "state", false, &state, text) || !control_name(in, "level", false, &level, text)) {
        return false;
    }
    if (state[0] != '\0' && !word(state, filter_states, FILTER_STATES, &which)) {
        return field_wrong(in, "state", "must be quiet, triggered, issuing, issued or held", text);
    }
    filter->state = (enum cr_filter_state)which;
    which = 0;
    if (level[0] != '\0' && !word(level, filter_levels, FILTER_LEVELS, &which)) {
        return field_wrong(in, "level", "must be notice, warning, critical or field", text);
    }
    filter->level = (enum cr_alert_level)which;
    return true;
}

static bool filter_name(struct cr_command *in, const char *name, char *to, size_t cap, const char **text)
{
    const char *value;

    if (!control_name(in, name, false, &value, text)) {
        return false;
    }
    return cr_text_copy(to, cap, value) == CR_OK || field_wrong(in, name, "is too long", text);
}

/* Of a factory by its name, or of one that is configured no more by the first digits of its issuer's id. */
static bool filter_factory(struct cr_command *in, struct cr_filter *filter, const char **text)
{
    const struct cr_trust *trust = in->router->setup->trust;
    struct cr_issuer_info info;
    const char *value;

    if (!control_name(in, "factory", false, &value, text)) {
        return false;
    }
    if (value[0] == '\0') {
        return true;
    }
    for (unsigned i = 0; cr_trust_info(trust, i, &info) == CR_OK; i++) {
        if (info.factory[0] != '\0' && strcmp(info.factory, value) == 0) {
            memcpy(filter->factory, info.id, sizeof filter->factory - 1);
            return true;
        }
    }
    return (strspn(value, "0123456789abcdef") == CR_FACTORY_ID_CAP - 1 &&
            cr_text_copy(filter->factory, sizeof filter->factory, value) == CR_OK) ||
           field_wrong(in, "factory", "must be the name of a factory, or the first 8 digits of its issuer's id", text);
}

/* 0 would be no condition; the first second is one, which nobody, or everybody, meets. */
static bool filter_time(struct cr_command *in, const char *name, int64_t *unix_s, const char **text)
{
    bool ok = control_time(in, name, unix_s, text);

    if (ok && field(in, name) != NULL && *unix_s <= 0) {
        *unix_s = 1;
    }
    return ok;
}

static bool filter_trust(struct cr_command *in, struct cr_filter *filter, const char **text)
{
    unsigned version;
    bool revoked;

    if (!control_number(in, "trustBefore", 1, 1000000000, &version, text) ||
        !control_truth(in, "revoked", false, &revoked, text)) {
        return false;
    }
    filter->trust_before = version;
    filter->revoked = field(in, "revoked") == NULL ? '\0' : revoked ? 'y' : 'n';
    return filter_time(in, "issuedAfter", &filter->issued_after, text) &&
           filter_time(in, "issuedBefore", &filter->issued_before, text) && filter_factory(in, filter, text);
}

bool control_filter(struct cr_command *command, struct cr_filter *filter, const char **text)
{
    static const char *const known[] = { "state",         "slot",       "issuer", "tag",      "idPrefix", "campaign",
                                         "expiresWithin", "notSeenFor", "level",  "issuedAfter", "issuedBefore",
                                         "factory",       "revoked",    "trustBefore", NULL };
    static const int64_t max_s = (int64_t)100 * 366 * 86400;
    const cJSON *whole = command->request, *inner = field(command, "filter");
    bool ok;

    *filter = (struct cr_filter){ .acknowledged = -1 };
    if (inner == NULL) {
        return true;
    }
    if (!cJSON_IsObject(inner) || !cr_json_only_keys(inner, known)) {
        return field_wrong(command, "filter",
                           "must be an object with some of state, slot, issuer, tag, idPrefix, campaign, expiresWithin, "
                           "notSeenFor, level, issuedAfter, issuedBefore, factory, revoked, trustBefore", text);
    }
    command->request = inner;
    ok = filter_words(command, filter, text) && filter_name(command, "slot", filter->slot, sizeof filter->slot, text) &&
         filter_name(command, "issuer", filter->issuer, sizeof filter->issuer, text) &&
         filter_name(command, "tag", filter->tag, sizeof filter->tag, text) &&
         filter_name(command, "idPrefix", filter->prefix, sizeof filter->prefix, text) &&
         filter_name(command, "campaign", filter->campaign, sizeof filter->campaign, text) &&
         control_duration(command, "expiresWithin", max_s, &filter->expires_within_s, text) &&
         control_duration(command, "notSeenFor", max_s, &filter->not_seen_for_s, text) &&
         filter_trust(command, filter, text);
    command->request = whole;
    return ok;
}

static bool put_duration(cJSON *object, const char *name, int64_t seconds)
{
    char text[32];

    if (seconds == 0) {
        return true;
    }
    (void)snprintf(text, sizeof text, seconds % 86400 == 0 ? "%lldd" : "%llds",
                   (long long)(seconds % 86400 == 0 ? seconds / 86400 : seconds));
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

bool control_put_filter(cJSON *object, const char *name, const struct cr_filter *filter)
{
    cJSON *json = cJSON_AddObjectToObject(object, name);

    return json != NULL && control_put_text(json, "state", filter->state > 0 ? filter_states[filter->state] : "") &&
           control_put_text(json, "slot", filter->slot) && control_put_text(json, "issuer", filter->issuer) &&
           control_put_text(json, "tag", filter->tag) && control_put_text(json, "idPrefix", filter->prefix) &&
           control_put_text(json, "campaign", filter->campaign) &&
           put_duration(json, "expiresWithin", filter->expires_within_s) &&
           put_duration(json, "notSeenFor", filter->not_seen_for_s) &&
           control_put_text(json, "level", filter->level > 0 ? filter_levels[filter->level] : "") &&
           control_put_time(json, "issuedAfter", filter->issued_after) &&
           control_put_time(json, "issuedBefore", filter->issued_before) &&
           control_put_text(json, "factory", filter->factory) &&
           (filter->revoked == '\0' || cJSON_AddBoolToObject(json, "revoked", filter->revoked == 'y') != NULL) &&
           (filter->trust_before == 0 ||
            cJSON_AddNumberToObject(json, "trustBefore", (double)filter->trust_before) != NULL);
}

bool control_page(struct cr_command *command, char cursor[CR_CURSOR_CAP], unsigned *limit, const char **text)
{
    const cJSON *item = field(command, "cursor");
    const char *value = item != NULL ? cJSON_GetStringValue(item) : "";

    if (!control_number(command, "limit", 1, CR_PAGE_MAX, limit, text)) {
        return false;
    }
    *limit = *limit == 0 ? CR_PAGE_MAX / 2 : *limit;
    if (value == NULL || (item != NULL && value[0] == '\0') || cr_text_copy(cursor, CR_CURSOR_CAP, value) != CR_OK) {
        return field_wrong(command, "cursor", "must be what an answer before gave as its cursor", text);
    }
    return true;
}
