/* Topics and filters. The first byte chooses the prefix. A slow matcher written another way checks the quick one. */
#include "common/topic.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const char *const prefixes[] = { CR_TOPIC_PREFIX_DEFAULT, "site/renewal", "a" };

static void topic(const char *prefix, const char *text)
{
    struct cr_topic found;
    char back[CR_TOPIC_CAP];
    cr_topic_parse(&found, prefix, text);
    if (found.kind != CR_TOPIC_DEVICE) {
        CR_FUZZ_CHECK(found.device[0] == '\0' && found.slot[0] == '\0' && found.verb == CR_VERB_COUNT);
        return;
    }
    /* A device topic is exactly what we would build from its parts, and its own filter. */
    CR_FUZZ_CHECK(cr_topic_build(back, sizeof back, prefix, found.device, found.slot, found.verb) == CR_OK);
    CR_FUZZ_CHECK(strcmp(back, text) == 0);
    CR_FUZZ_CHECK(cr_filter_touches(prefix, text));
    CR_FUZZ_CHECK(cr_filter_within_device(prefix, text, found.device));
}

/* MQTT 3.1.1 section 4.7, character by character, without the rule about '$'. */
static bool matches(const char *filter, const char *text)
{
    if (strcmp(filter, "#") == 0 || strcmp(filter, "/#") == 0) {
        return filter[0] == '#' || *text == '\0' || *text == '/';
    }
    if (*filter == '\0') {
        return *text == '\0';
    }
    if (*filter == '+') {
        return matches(filter + 1, text + strcspn(text, "/"));
    }
    return *filter == *text && matches(filter + 1, text + 1);
}

/* '+' and '#' stand alone in their level, '#' at the end: anything else no broker lets through. */
static bool filter_ok(const char *filter)
{
    for (const char *c = filter; *c != '\0'; c++) {
        bool starts = c == filter || c[-1] == '/';
        bool ends = c[1] == '\0' || c[1] == '/';
        if ((*c == '+' && !(starts && ends)) || (*c == '#' && !(starts && c[1] == '\0'))) {
            return false;
        }
    }
    return *filter != '\0';
}

static void filter(const char *prefix, const char *text)
{
    char topic_text[CR_TOPIC_CAP];
    bool touches = cr_filter_touches(prefix, text);
    bool within = cr_filter_within_device(prefix, text, "a");
    CR_FUZZ_CHECK(touches || !within);
    if (strncmp(text, "$share/", 7) == 0 || !filter_ok(text)) {
        return;
    }
    /* Whatever matches one of our topics is told to touch us; what matches another device's is not within "a". */
    static const char *const devices[] = { "a", "b" };
    for (size_t i = 0; i < 2; i++) {
        for (int verb = 0; verb < CR_VERB_COUNT; verb++) {
            if (cr_topic_build(topic_text, sizeof topic_text, prefix, devices[i], "s", (enum cr_verb)verb) != CR_OK) {
                continue;
            }
            bool hidden = topic_text[0] == '$' && (text[0] == '+' || text[0] == '#');
            bool match = !hidden && matches(text, topic_text);
            CR_FUZZ_CHECK(touches || !match);
            CR_FUZZ_CHECK(!(within && match && i == 1));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0) {
        return 0;
    }
    const char *prefix = prefixes[data[0] % (sizeof prefixes / sizeof prefixes[0])];
    char *text = malloc(len);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data + 1, len - 1);
    text[len - 1] = '\0';
    topic(prefix, text);
    filter(prefix, text);
    if (cr_topic_prefix_ok(text)) {
        CR_FUZZ_CHECK(strlen(text) <= CR_TOPIC_PREFIX_MAX && strpbrk(text, "+# ") == NULL);
        topic(text, text);
        filter(text, text);
    }
    free(text);
    return 0;
}

/* '0' is 48 and so the first prefix. */
static const char *const seeds[] = {
    "0$identity/v1/meter-17/operational/csr",
    "0$identity/v1/a/s/certificate",
    "0$identity/v1/a/#",
    "0$identity/v1/+/+/certificate",
    "0$identity/+/a/s/+",
    "0$share/group/$identity/v1/a/#",
    "0$CONTROL/cert-renewal/v1",
    "0$CONTROL/cert-renewal/v1/response",
    "0$CONTROL/cert-renewal/v1/event/alert",
    "0$CONTROL/#",
    "0#",
    "0+/v1/#",
    "1site/renewal/a/s/get",
    "1site/#",
    "1+/renewal/+/s/report",
    "1#",
    "2a/b/s/status",
    "2a/a/s/renew",
    "2+/b/#",
};

size_t cr_fuzz_seed(unsigned index, uint8_t *buf)
{
    if (index >= sizeof seeds / sizeof seeds[0]) {
        return SIZE_MAX;
    }
    size_t len = strlen(seeds[index]);
    memcpy(buf, seeds[index], len);
    return len;
}
