#include "common/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define P CR_TOPIC_PREFIX_DEFAULT

static void every_verb_goes_both_ways(void **state)
{
    (void)state;
    int from_device = 0;
    for (int verb = 0; verb < CR_VERB_COUNT; verb++) {
        char text[CR_TOPIC_CAP];
        struct cr_topic topic;
        const char *slot = verb == CR_VERB_TRUST ? CR_TOPIC_CA_SLOT : "operational";
        assert_int_equal(cr_topic_build(text, sizeof text, P, "meter-17", slot, (enum cr_verb)verb), CR_OK);
        cr_topic_parse(&topic, P, text);
        assert_int_equal(topic.kind, CR_TOPIC_DEVICE);
        assert_int_equal(topic.verb, verb);
        assert_string_equal(topic.device, "meter-17");
        assert_string_equal(topic.slot, slot);
        from_device += cr_verb_from_device((enum cr_verb)verb);
    }
    assert_int_equal(from_device, 3);
    assert_true(cr_verb_from_device(CR_VERB_CSR) && cr_verb_from_device(CR_VERB_GET) &&
                cr_verb_from_device(CR_VERB_REPORT));
    assert_false(cr_verb_from_device(CR_VERB_COUNT));
    assert_string_equal(cr_verb_text(CR_VERB_COUNT), "");
    assert_string_equal(cr_verb_text(CR_VERB_CSR), "csr");
}

static const struct {
    const char *text;
    enum cr_topic_kind kind;
} topics[] = {
    { P "/meter-17/operational/csr", CR_TOPIC_DEVICE },
    { P "/a/b/status", CR_TOPIC_DEVICE },
    { P "/-:._/0/get", CR_TOPIC_DEVICE },
    { P "/meter-17/ca/trust", CR_TOPIC_DEVICE },
    { P "/meter-17/ca/report", CR_TOPIC_DEVICE },
    { P "/meter-17/operational/trust", CR_TOPIC_OURS_BAD },
    { P "/meter-17/CA/trust", CR_TOPIC_OURS_BAD },
    { P "/meter-17/trust", CR_TOPIC_OURS_BAD },
    { "", CR_TOPIC_OTHER },
    { "/", CR_TOPIC_OTHER },
    { "$identity", CR_TOPIC_OTHER },
    { "$identity/v2/a/b/csr", CR_TOPIC_OTHER },
    { "$identity/v11/a/b/csr", CR_TOPIC_OTHER },
    { "$identity/v1x", CR_TOPIC_OTHER },
    { "/" P "/a/b/csr", CR_TOPIC_OTHER },
    { "$Identity/v1/a/b/csr", CR_TOPIC_OTHER },
    { "x/$identity/v1/a/b/csr", CR_TOPIC_OTHER },
    { "telemetry/csr", CR_TOPIC_OTHER },
    { P, CR_TOPIC_OURS_BAD },
    { P "/", CR_TOPIC_OURS_BAD },
    { P "//", CR_TOPIC_OURS_BAD },
    { P "/a", CR_TOPIC_OURS_BAD },
    { P "/a/b", CR_TOPIC_OURS_BAD },
    { P "/csr", CR_TOPIC_OURS_BAD },
    { P "/a/csr", CR_TOPIC_OURS_BAD },
    { P "/+/csr", CR_TOPIC_OURS_BAD },
    { P "/a/b/", CR_TOPIC_OURS_BAD },
    { P "/a//csr", CR_TOPIC_OURS_BAD },
    { P "//b/csr", CR_TOPIC_OURS_BAD },
    { P "/a/b/csr/", CR_TOPIC_OURS_BAD },
    { P "/a/b/csr/x", CR_TOPIC_OURS_BAD },
    { P "/a/b/CSR", CR_TOPIC_OURS_BAD },
    { P "/a/b/csrs", CR_TOPIC_OURS_BAD },
    { P "/a/b/cs", CR_TOPIC_OURS_BAD },
    { P "/+/b/csr", CR_TOPIC_OURS_BAD },
    { P "/a/b/+", CR_TOPIC_OURS_BAD },
    { P "/a/b/#", CR_TOPIC_OURS_BAD },
    { P "/#", CR_TOPIC_OURS_BAD },
    { P "/a b/c/csr", CR_TOPIC_OURS_BAD },
    { P "/a\xc2\xa0/c/csr", CR_TOPIC_OURS_BAD },
    { P "/../c/csr", CR_TOPIC_DEVICE }, /* dots are plain characters here */
    { CR_TOPIC_CONTROL, CR_TOPIC_OPERATOR },
    { CR_TOPIC_CONTROL "/response", CR_TOPIC_OPERATOR_RESPONSE },
    { CR_TOPIC_CONTROL "/event/alert", CR_TOPIC_OPERATOR_EVENT },
    { CR_TOPIC_CONTROL "/event/alert/expiry", CR_TOPIC_OPERATOR_EVENT },
    { CR_TOPIC_CONTROL "/event", CR_TOPIC_OPERATOR_BAD },
    { CR_TOPIC_CONTROL "/event/", CR_TOPIC_OPERATOR_BAD },
    { CR_TOPIC_CONTROL "/event//a", CR_TOPIC_OPERATOR_BAD },
    { CR_TOPIC_CONTROL "/event/#", CR_TOPIC_OPERATOR_BAD },
    { CR_TOPIC_CONTROL "/event/+/a", CR_TOPIC_OPERATOR_BAD },
    { CR_TOPIC_CONTROL "/", CR_TOPIC_OPERATOR_BAD },
    { CR_TOPIC_CONTROL "/response/x", CR_TOPIC_OPERATOR_BAD },
    { CR_TOPIC_CONTROL "/#", CR_TOPIC_OPERATOR_BAD },
    { "$CONTROL/cert-renewal", CR_TOPIC_OPERATOR_BAD },
    { "$CONTROL/cert-renewal/v2", CR_TOPIC_OPERATOR_BAD },
    { "$CONTROL/cert-renewals", CR_TOPIC_OTHER },
    { "$CONTROL/dynamic-security/v1", CR_TOPIC_OTHER },
};

static void topics_are_classified(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        struct cr_topic topic;
        cr_topic_parse(&topic, P, topics[i].text);
        if (topic.kind != topics[i].kind) {
            fail_msg("%s is %d, not %d", topics[i].text, (int)topic.kind, (int)topics[i].kind);
        }
        if (topic.kind != CR_TOPIC_DEVICE) { /* nothing half read is left behind */
            assert_string_equal(topic.device, "");
            assert_string_equal(topic.slot, "");
            assert_int_equal(topic.verb, CR_VERB_COUNT);
        }
    }
}

static void hostile_66_names_and_topics_of_any_length(void **state)
{
    (void)state;
    char name[CR_NAME_MAX + 2], text[CR_TOPIC_CAP + 8];
    struct cr_topic topic;
    for (size_t len = CR_NAME_MAX; len <= CR_NAME_MAX + 1; len++) {
        enum cr_topic_kind want = len <= CR_NAME_MAX ? CR_TOPIC_DEVICE : CR_TOPIC_OURS_BAD;
        memset(name, 'x', len);
        name[len] = '\0';
        snprintf(text, sizeof text, P "/%s/b/csr", name);
        cr_topic_parse(&topic, P, text);
        assert_int_equal(topic.kind, want);
        snprintf(text, sizeof text, P "/a/%s/csr", name);
        cr_topic_parse(&topic, P, text);
        assert_int_equal(topic.kind, want);
    }
    size_t longest = 65535;
    char *huge = malloc(longest + 1);
    assert_non_null(huge);
    memset(huge, 'x', longest);
    huge[longest] = '\0';
    cr_topic_parse(&topic, P, huge);
    assert_int_equal(topic.kind, CR_TOPIC_OTHER);
    memcpy(huge, P "/", strlen(P "/"));
    cr_topic_parse(&topic, P, huge);
    assert_int_equal(topic.kind, CR_TOPIC_OURS_BAD);
    memset(huge, '/', longest);
    assert_false(cr_filter_touches(P, huge));
    assert_false(cr_topic_prefix_ok(huge));
    free(huge);
}

static void building_is_bounded(void **state)
{
    (void)state;
    char name[CR_NAME_CAP], prefix[CR_TOPIC_PREFIX_MAX + 1], text[CR_TOPIC_CAP];
    memset(name, 'n', CR_NAME_MAX);
    name[CR_NAME_MAX] = '\0';
    memset(prefix, 'p', CR_TOPIC_PREFIX_MAX);
    prefix[CR_TOPIC_PREFIX_MAX] = '\0';
    /* CR_TOPIC_CAP suffices for the longest of everything. */
    assert_int_equal(cr_topic_build(text, sizeof text, prefix, name, name, CR_VERB_CERTIFICATE), CR_OK);
    struct cr_topic topic;
    cr_topic_parse(&topic, prefix, text);
    assert_int_equal(topic.kind, CR_TOPIC_DEVICE);
    assert_string_equal(topic.slot, name);
    assert_int_equal(cr_topic_build(text, strlen(P "/a/b/csr"), P, "a", "b", CR_VERB_CSR), CR_FULL);
    assert_string_equal(text, "");
    assert_int_equal(cr_topic_build(text, strlen(P "/a/b/csr") + 1, P, "a", "b", CR_VERB_CSR), CR_OK);
    assert_string_equal(text, P "/a/b/csr");
    assert_int_equal(cr_topic_build(text, sizeof text, P, "a", "b", CR_VERB_COUNT), CR_BUG);
}

static const struct {
    const char *filter;
    bool touches;
    bool within; /* the topics of device "a" */
} filters[] = {
    { P "/a/#", true, true },
    { P "/a/operational/certificate", true, true },
    { P "/a/+/renew", true, true },
    { P "/a/", true, true },
    { P "/a", true, false },
    { P "/ab/#", true, false },
    { P "/b/#", true, false },
    { P "/+/+/certificate", true, false },
    { P "/#", true, false },
    { P, true, false },
    { "$identity/#", true, false },
    { "$identity/+/a/#", true, false },
    { "$identity/+", true, false },
    { "$identity", false, false },
    { "$identity/v2/#", false, false },
    { "$share/g/" P "/a/#", true, false },
    { "$share/g/$identity/#", true, false },
    { "$share//$identity/#", true, false },
    { "$share/g/#", false, false },
    { "$share/g/sensors/#", false, false },
    { "$share/g", false, false },
    { "$share", false, false },
    { "$share/" P "/a/#", false, false }, /* the group is "$identity", the filter "v1/a/#" */
    { "#", false, false },
    { "+/#", false, false },
    { "+/v1/#", false, false },
    { "/" P "/#", false, false },
    { "", false, false },
    { "sensors/+/csr", false, false },
    { "$SYS/#", false, false },
    { "$CONTROL/#", true, false },
    { "$CONTROL/+/v1", true, false },
    { "$CONTROL/cert-renewal/v1/response", true, false },
    { "$CONTROL/cert-renewal/v1/event/#", true, false },
    { "$CONTROL/dynamic-security/#", false, false },
    { "$CONTROL", false, false },
};

static void filters_are_classified(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (cr_filter_touches(P, filters[i].filter) != filters[i].touches) {
            fail_msg("touches: %s", filters[i].filter);
        }
        if (cr_filter_within_device(P, filters[i].filter, "a") != filters[i].within) {
            fail_msg("within: %s", filters[i].filter);
        }
        assert_true(!filters[i].within || filters[i].touches);
    }
    assert_false(cr_filter_within_device(P, P "/+/x", "+"));
    assert_false(cr_filter_within_device(P, P "//x", ""));
}

static void a_prefix_without_dollar_meets_wildcards(void **state)
{
    (void)state;
    static const char prefix[] = "site/renewal";
    assert_true(cr_filter_touches(prefix, "#"));
    assert_true(cr_filter_touches(prefix, "+/#"));
    assert_true(cr_filter_touches(prefix, "+/+"));
    assert_true(cr_filter_touches(prefix, "+/renewal/a/b/csr"));
    assert_true(cr_filter_touches(prefix, "$share/g/#"));
    assert_false(cr_filter_touches(prefix, "+"));
    assert_false(cr_filter_touches(prefix, "+/other/#"));
    assert_false(cr_filter_touches(prefix, "/#"));
}

static void prefixes(void **state)
{
    (void)state;
    static const char *const good[] = { P, "a", "a/b/c/d", "$devices/x", "site-1/certs", "!/~" };
    static const char *const bad[] = {
        "", "/", "a/", "/a", "a//b", "a/+", "a/#", "a b", "a\t", "\x7f", "caf\xc3\xa9", "$SYS/x", "$SYS", "$share/g/x",
        "$CONTROL/x",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(cr_topic_prefix_ok(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (cr_topic_prefix_ok(bad[i])) {
            fail_msg("taken: %s", bad[i]);
        }
    }
    char longest[CR_TOPIC_PREFIX_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[CR_TOPIC_PREFIX_MAX + 1] = '\0';
    assert_false(cr_topic_prefix_ok(longest));
    longest[CR_TOPIC_PREFIX_MAX] = '\0';
    assert_true(cr_topic_prefix_ok(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_goes_both_ways),
        cmocka_unit_test(topics_are_classified),
        cmocka_unit_test(hostile_66_names_and_topics_of_any_length),
        cmocka_unit_test(building_is_bounded),
        cmocka_unit_test(filters_are_classified),
        cmocka_unit_test(a_prefix_without_dollar_meets_wildcards),
        cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
