/* Hostile input on the operator channel, 82 and 86: every field of every command, of wrong types and with names that
 * are none. */
#include "tests/flow/hostile_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void try_value(struct hostile *s, const struct cr_command_info *info, const struct hostile_field *field,
                      const char *value)
{
    const char *payload = hostile_command(info, field->name, value);

    hostile_expect_blamed(payload, rig_command(&s->rig, s->admin, payload));
}

/* ---- 82 ---- */

static void try_wrong_types(struct hostile *s, const struct cr_command_info *info, const struct hostile_field *field)
{
    static const struct {
        const char *value;
        enum hostile_kind fine; /* for this kind it is no wrong type */
        bool never;             /* for none it is right */
    } wrong[] = {
        { "7", HOSTILE_NUMBER, false },        { "-1", HOSTILE_NUMBER, true },
        { "1.5", HOSTILE_NUMBER, true },       { "1e300", HOSTILE_NUMBER, true },
        { "true", HOSTILE_TRUTH, false },      { "null", HOSTILE_TEXT, true },
        { "\"\"", HOSTILE_TEXT, true },        { "\"a\\u0007b\"", HOSTILE_TEXT, true },
        { "[]", HOSTILE_ARRAY, false },        { "{}", HOSTILE_OBJECT, false },
        { "[null]", HOSTILE_TEXT, true },      { "[7]", HOSTILE_TEXT, true },
        { "[[]]", HOSTILE_TEXT, true },        { "[\"\"]", HOSTILE_TEXT, true },
        { "{\"x\":1}", HOSTILE_TEXT, true },   { "{\"\":\"\"}", HOSTILE_TEXT, true },
        { "[{\"x\":1}]", HOSTILE_TEXT, true },
    };
    char text[320] = "\"";

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (wrong[i].never || wrong[i].fine != field->kind) {
            try_value(s, info, field, wrong[i].value);
        }
    }
    memset(text + 1, 'x', 300);
    text[301] = '"';
    try_value(s, info, field, text);
}

static void hostile_82_every_field_of_every_command_of_a_wrong_type(void **state)
{
    hostile_each_field(*state, try_wrong_types);
}

static void try_inside(struct hostile *s, const struct cr_command_info *info, const struct hostile_field *field)
{
    static const char *const wrong[] = {
        "7", "true", "null", "[]", "{}", "\"\"", "\"a b\"", "-1", "\"-1 d\"", "\"*\""
    };
    static const char *const of_filter[] = { "state",    "slot",          "issuer",     "tag",  "idPrefix",
                                             "campaign", "expiresWithin", "notSeenFor", "level" };
    static const char *const of_group[] = { "name", "share", "tag", "success", "error" };
    bool group = strcmp(field->name, "groups") == 0;
    size_t count = group ? sizeof of_group / sizeof of_group[0] : sizeof of_filter / sizeof of_filter[0];
    char value[100];

    if (!group && strcmp(field->name, "filter") != 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
            if (group && i == 0 && strchr(wrong[k], ' ') != NULL) {
                continue; /* a group's name is for people */
            }
            snprintf(value, sizeof value, group ? "[{\"%s\":%s}]" : "{\"%s\":%s}", group ? of_group[i] : of_filter[i],
                     wrong[k]);
            try_value(s, info, field, value);
        }
    }
}

static void hostile_82_filters_and_groups_of_wrong_types(void **state)
{
    hostile_each_field(*state, try_inside);
}

static void hostile_82_no_command_takes_what_it_does_not_know(void **state)
{
    struct hostile *s = *state;
    const struct cr_command_info *info;

    for (unsigned i = 0; (info = control_command_at(i)) != NULL; i++) {
        const char *payload = hostile_command(info, "colour", "\"red\"");

        hostile_expect_code(payload, rig_command(&s->rig, s->admin, payload), "malformed-json");
        payload = hostile_command(info, "Command", "\"getStatus\"");
        hostile_expect_code(payload, rig_command(&s->rig, s->admin, payload), "malformed-json");
    }
    hostile_expect_well(s);
}

/* ---- 86 ---- */

static const char *const names[] = {
    "*",
    "?",
    "[a-z]*",
    "../meter-1",
    "meter-1/../x",
    "/etc/passwd",
    "a b",
    "{b01}",
    "cr:{b01}:device:meter-1}",
    "+",
    "#",
    "x/y",
    "a\\r\\nSET x 1",
    "a\\nb",
    "\\u0000",
    "meter-1\\u0000",
    "$(id)",
    "';--",
    "\\\"",
    "\\\\",
    "%s%n",
    "m\xc3\xa9ter",
    "\\u202e1-retem",
    "0123456789012345678901234567890123456789012345678901234567890123x",
};

static void try_names(struct hostile *s, const struct cr_command_info *info, const struct hostile_field *field)
{
    static const char *const of_names[] = { "device",  "slot", "campaign", "cursor", "idPrefix",
                                            "devices", "add",  "remove",   "filter" };
    const char *format = field->kind == HOSTILE_ARRAY    ? "[\"%s\"]"
                         : field->kind == HOSTILE_OBJECT ? "{\"idPrefix\":\"%s\"}"
                                                         : "\"%s\"";
    char value[200];

    for (size_t i = 0; i < sizeof of_names / sizeof of_names[0]; i++) {
        for (size_t k = 0; strcmp(field->name, of_names[i]) == 0 && k < sizeof names / sizeof names[0]; k++) {
            (void)snprintf(value, sizeof value, format, names[k]);
            try_value(s, info, field, value);
        }
    }
}

static void hostile_86_names_that_are_none(void **state)
{
    hostile_each_field(*state, try_names);
}

/* Well-formed, and not there: an error, never an empty answer. */
static void try_unknown(struct hostile *s, const struct cr_command_info *info, const struct hostile_field *field)
{
    static const struct {
        const char *field, *value, *code;
    } unknown[] = {
        { "device", "\"nobody\"", "unknown-device" },
        { "slot", "\"nonesuch\"", "unknown-slot" },
        { "campaign", "\"ffffffff\"", "unknown-campaign" },
        { "cursor", "\"nonsense\"", "unknown-cursor" },
    };

    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        const char *payload = hostile_command(info, field->name, unknown[i].value);

        if (strcmp(field->name, unknown[i].field) != 0) {
            continue;
        }
        if (strcmp(info->name, "enrollDevice") == 0 || strcmp(info->name, "createToken") == 0) {
            continue; /* a device becomes known by them */
        }
        if (strcmp(info->name, "forbidDevice") == 0) {
            hostile_expect_code(payload, rig_command(&s->rig, s->admin, payload), "wrong-state");
            continue;
        }
        if (strcmp(info->name, "getAudit") == 0 && strcmp(field->name, "slot") == 0) {
            continue; /* the log also tells of slots that were */
        }
        if (strcmp(info->name, "getAudit") == 0 && strcmp(field->name, "device") == 0) {
            payload = hostile_command(info, field->name, "\"ghost\""); /* commands before have left lines about nobody */
        }
        if (strcmp(info->name, "triggerRenewal") == 0 && strcmp(field->name, "cursor") == 0) {
            payload = "{\"commands\":[{\"command\":\"triggerRenewal\",\"filter\":{},\"cursor\":\"nonsense\"}]}";
        }
        if (strcmp(info->name, "revokeDevices") == 0 && strcmp(field->name, "cursor") == 0) {
            payload = "{\"commands\":[{\"command\":\"revokeDevices\",\"filter\":{\"idPrefix\":\"m\"},\"cursor\":\"nonsense\"}]}";
        }
        if ((strcmp(info->name, "revokeDevices") == 0 && strcmp(field->name, "slot") == 0) ||
            (strcmp(info->name, "revokeCertificate") == 0 && strcmp(field->name, "device") == 0)) {
            continue; /* told of each device; and whose it is, a certificate can be revoked before that one is seen */
        }
        hostile_expect_code(payload, rig_command(&s->rig, s->admin, payload), unknown[i].code);
    }
}

static void hostile_86_what_is_unknown_is_an_error(void **state)
{
    hostile_each_field(*state, try_unknown);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, hostile_start, hostile_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(hostile_82_every_field_of_every_command_of_a_wrong_type),
        WITH_SCENE(hostile_82_filters_and_groups_of_wrong_types),
        WITH_SCENE(hostile_82_no_command_takes_what_it_does_not_know),
        WITH_SCENE(hostile_86_names_that_are_none),
        WITH_SCENE(hostile_86_what_is_unknown_is_an_error),
    };
    return cmocka_run_group_tests_name("hostile_fields", tests, NULL, NULL);
}
