#include "common/topic.h"

#include <stdio.h>
#include <string.h>

#define CONTROL_ROOT "$CONTROL/cert-renewal"

static const struct {
    const char *text;
    bool from_device;
} verbs[CR_VERB_COUNT] = {
    [CR_VERB_CSR] = { "csr", true },
    [CR_VERB_GET] = { "get", true },
    [CR_VERB_REPORT] = { "report", true },
    [CR_VERB_RENEW] = { "renew", false },
    [CR_VERB_PENDING] = { "pending", false },
    [CR_VERB_CERTIFICATE] = { "certificate", false },
    [CR_VERB_REJECTED] = { "rejected", false },
    [CR_VERB_STATUS] = { "status", false },
    [CR_VERB_TRUST] = { "trust", false },
};

const char *cr_verb_text(enum cr_verb verb)
{
    return (unsigned)verb < CR_VERB_COUNT ? verbs[verb].text : "";
}

bool cr_verb_from_device(enum cr_verb verb)
{
    return (unsigned)verb < CR_VERB_COUNT && verbs[verb].from_device;
}

static enum cr_verb verb_parse(const char *text)
{
    int verb = 0;
    while (verb < CR_VERB_COUNT && strcmp(verbs[verb].text, text) != 0) {
        verb++;
    }
    return (enum cr_verb)verb;
}

/* What follows `root` in `text`: "" or a text that starts with '/'. NULL when text is not at or below root. */
static const char *below(const char *root, const char *text)
{
    size_t len = strlen(root);
    if (strncmp(text, root, len) != 0 || (text[len] != '\0' && text[len] != '/')) {
        return NULL;
    }
    return text + len;
}

/* One level of a topic or filter. */
struct level {
    const char *text;
    size_t len;
    bool last;
};

static struct level level_at(const char *text)
{
    size_t len = strcspn(text, "/");
    return (struct level){ text, len, text[len] == '\0' };
}

static bool level_is(const struct level *level, const char *text)
{
    return strlen(text) == level->len && memcmp(level->text, text, level->len) == 0;
}

/* Whether every level is there and printable, without wildcards and spaces. */
static bool levels_plain(const char *text)
{
    for (;;) {
        struct level level = level_at(text);
        if (level.len == 0) {
            return false;
        }
        for (size_t i = 0; i < level.len; i++) {
            if (text[i] <= ' ' || text[i] > '~' || text[i] == '+' || text[i] == '#') {
                return false;
            }
        }
        if (level.last) {
            return true;
        }
        text += level.len + 1;
    }
}

static enum cr_topic_kind operator_kind(const char *text)
{
    if (strcmp(text, CR_TOPIC_CONTROL) == 0) {
        return CR_TOPIC_OPERATOR;
    }
    if (strcmp(text, CR_TOPIC_CONTROL_RESPONSE) == 0) {
        return CR_TOPIC_OPERATOR_RESPONSE;
    }
    const char *event = below(CR_TOPIC_CONTROL_EVENT, text);
    if (event != NULL && event[0] == '/' && levels_plain(event + 1)) {
        return CR_TOPIC_OPERATOR_EVENT;
    }
    return CR_TOPIC_OPERATOR_BAD;
}

/* Copies a level that is a valid name, and steps over it and its '/'. */
static bool name_take(char name[CR_NAME_CAP], const char **text)
{
    struct level level = level_at(*text);
    if (level.last || !cr_name_ok(level.text, level.len)) {
        return false;
    }
    memcpy(name, level.text, level.len);
    name[level.len] = '\0';
    *text += level.len + 1;
    return true;
}

void cr_topic_parse(struct cr_topic *topic, const char *prefix, const char *text)
{
    *topic = (struct cr_topic){ .kind = CR_TOPIC_OTHER, .verb = CR_VERB_COUNT };
    if (below(CONTROL_ROOT, text) != NULL) {
        topic->kind = operator_kind(text);
        return;
    }
    const char *rest = below(prefix, text);
    if (rest == NULL) {
        return;
    }
    struct cr_topic found = { .kind = CR_TOPIC_DEVICE };
    if (rest[0] == '/') {
        rest++;
        if (name_take(found.device, &rest) && name_take(found.slot, &rest)) {
            found.verb = verb_parse(rest);
            if (found.verb == CR_VERB_TRUST && strcmp(found.slot, CR_TOPIC_CA_SLOT) != 0) {
                found.verb = CR_VERB_COUNT;
            }
            if (found.verb != CR_VERB_COUNT) {
                *topic = found;
                return;
            }
        }
    }
    topic->kind = CR_TOPIC_OURS_BAD;
}

/* Whether a filter without $share could match root, or something below it. */
static bool filter_reaches(const char *root, const char *filter)
{
    for (bool first = true;; first = false) {
        struct level want = level_at(filter);
        struct level have = level_at(root);
        bool hidden = first && have.text[0] == '$'; /* from wildcards */
        if (level_is(&want, "#")) {
            return !hidden;
        }
        bool equal = want.len == have.len && memcmp(want.text, have.text, have.len) == 0;
        if (!equal && (hidden || !level_is(&want, "+"))) {
            return false;
        }
        if (have.last) {
            return true;
        }
        if (want.last) {
            return false;
        }
        filter += want.len + 1;
        root += have.len + 1;
    }
}

bool cr_filter_touches(const char *prefix, const char *filter)
{
    const char *shared = below("$share", filter);
    if (shared != NULL && shared[0] == '/') {
        struct level group = level_at(shared + 1);
        if (group.last) {
            return false; /* no filter behind the group: the broker refuses it */
        }
        filter = group.text + group.len + 1;
    }
    return filter_reaches(prefix, filter) || filter_reaches(CONTROL_ROOT, filter);
}

bool cr_filter_within_device(const char *prefix, const char *filter, const char *device)
{
    const char *rest = below(prefix, filter);
    if (rest == NULL || rest[0] != '/' || !cr_name_ok(device, strlen(device))) {
        return false;
    }
    rest = below(device, rest + 1);
    return rest != NULL && rest[0] == '/';
}

cr_err cr_topic_build(char *text, size_t cap, const char *prefix, const char *device, const char *slot,
                      enum cr_verb verb)
{
    if (cap == 0) {
        return CR_FULL;
    }
    text[0] = '\0';
    if ((unsigned)verb >= CR_VERB_COUNT) {
        return CR_BUG;
    }
    int len = snprintf(text, cap, "%s/%s/%s/%s", prefix, device, slot, cr_verb_text(verb));
    if (len < 0 || (size_t)len >= cap) {
        text[0] = '\0';
        return CR_FULL;
    }
    return CR_OK;
}

bool cr_topic_prefix_ok(const char *prefix)
{
    if (strnlen(prefix, CR_TOPIC_PREFIX_MAX + 1) > CR_TOPIC_PREFIX_MAX || !levels_plain(prefix)) {
        return false;
    }
    /* The broker gives these a meaning of its own. */
    return below("$SYS", prefix) == NULL && below("$CONTROL", prefix) == NULL && below("$share", prefix) == NULL;
}
