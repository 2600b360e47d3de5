#include "tests/flow/hostile_scene.h"

#include "common/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 86400, PAYLOAD_CAP = 2000 };

static const struct cr_client *named(struct flow_rig *rig, const char *name)
{
    const struct cr_client *client = fake_host_connect(&rig->host, name, (struct cr_bytes){ NULL, 0 }, 4);

    ((struct fake_client *)client->handle)->client.username = name;
    return client;
}

static int start_with(void **state, const char *config)
{
    struct hostile *s = calloc(1, sizeof *s);
    struct rig_key key;

    assert_non_null(s);
    flow_rig_start(&s->rig, config);
    rig_key_make(&key);
    s->cert = rig_certify(&s->rig, &key, "meter-1", 90 * DAY_S);
    rig_key_free(&key);
    s->device = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 4);
    s->admin = named(&s->rig, "alice");
    s->viewer = named(&s->rig, "bob");
    cr_router_connected(s->rig.router, s->device);
    flow_rig_pump(&s->rig);
    *state = s;
    return 0;
}

int hostile_start(void **state)
{
    return start_with(state, "admin_username alice\nviewer_username bob\n");
}

int hostile_start_without_operators(void **state)
{
    return start_with(state, "");
}

int hostile_end(void **state)
{
    struct hostile *s = *state;

    flow_rig_stop(&s->rig);
    cr_blob_fini(&s->cert);
    free(s);
    return 0;
}

/* ---- what is expected ---- */

/* The reply is an error that blames the command, not us. */
void hostile_expect_blamed(const char *payload, const char *reply)
{
    const char *at = strstr(reply, "\"errorCode\":\"");
    char code[40] = "";
    enum cr_refusal refusal;

    if (at != NULL) {
        at += strlen("\"errorCode\":\"");
        snprintf(code, sizeof code, "%.*s", (int)strcspn(at, "\""), at);
    }
    refusal = cr_refusal_from_code(code);
    if (at == NULL || strstr(reply, "\"data\":") != NULL || refusal == CR_REFUSAL_COUNT ||
        cr_refusal_info(refusal)->status_code >= 425 || cr_refusal_info(refusal)->status_code == 403) {
        fail_msg("%.300s\n was answered with %s", payload, reply);
    }
}

void hostile_expect_code(const char *payload, const char *reply, const char *code)
{
    char part[60];

    snprintf(part, sizeof part, "\"errorCode\":\"%s\"", code);
    if (strstr(reply, part) == NULL) {
        fail_msg("expected %s for %.300s\n but got %s", code, payload, reply);
    }
}

/* The plugin still serves, and nothing was changed. */
void hostile_expect_well(struct hostile *s)
{
    const char *reply = rig_command(&s->rig, s->admin, "{\"commands\":[{\"command\":\"getStatus\"}]}");

    assert_non_null(strstr(reply, "\"uptime\":"));
    assert_int_equal(s->rig.router->batch_count, 0);
    assert_int_equal(s->rig.router->command_jobs, 0);
    assert_int_equal(s->rig.router->command_rows, 0);
    assert_int_equal(s->rig.router->in_flight, 0);
}

/* ---- the fields of commands ---- */

static const struct hostile_field fields[] = {
    { "device", HOSTILE_TEXT, "\"meter-1\"" },
    { "campaign", HOSTILE_TEXT, "\"00000001\"" },
    { "set", HOSTILE_OBJECT, "{\"trigger_rate\":\"5\"}" },
    { "issuer", HOSTILE_TEXT, "\"0123456789abcdef\"" },
    { "serialNumber", HOSTILE_TEXT, "\"1234\"" },
    { "comment", HOSTILE_TEXT, NULL },
    { "notAfter", HOSTILE_TEXT, NULL },
    { "force", HOSTILE_TRUTH, NULL },
    { "slot", HOSTILE_TEXT, NULL },
    { "reason", HOSTILE_TEXT, NULL },
    { "name", HOSTILE_TEXT, NULL },
    { "what", HOSTILE_TEXT, NULL },
    { "who", HOSTILE_TEXT, NULL },
    { "state", HOSTILE_TEXT, NULL },
    { "level", HOSTILE_TEXT, NULL },
    { "idPrefix", HOSTILE_TEXT, NULL },
    { "cursor", HOSTILE_TEXT, NULL },
    { "start", HOSTILE_TEXT, NULL },
    { "deadline", HOSTILE_TEXT, NULL },
    { "since", HOSTILE_TEXT, NULL },
    { "until", HOSTILE_TEXT, NULL },
    { "order", HOSTILE_TEXT, NULL },
    { "serialNumber", HOSTILE_TEXT, NULL },
    { "limit", HOSTILE_NUMBER, NULL },
    { "rate", HOSTILE_NUMBER, NULL },
    { "version", HOSTILE_NUMBER, NULL },
    { "acknowledged", HOSTILE_TRUTH, NULL },
    { "filter", HOSTILE_OBJECT, NULL },
    { "devices", HOSTILE_ARRAY, NULL },
    { "groups", HOSTILE_ARRAY, NULL },
    { "add", HOSTILE_ARRAY, "[\"a\"]" },
    { "remove", HOSTILE_ARRAY, NULL },
    { "force", HOSTILE_TRUTH, NULL },
    { "certificates", HOSTILE_ARRAY, "[\"-\"]" },
    { "mode", HOSTILE_TEXT, NULL },
    { "count", HOSTILE_TRUTH, NULL },
    { "factory", HOSTILE_TEXT, NULL },
    { "tags", HOSTILE_ARRAY, NULL },
    { "expires", HOSTILE_TEXT, NULL },
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static const struct hostile_field *field_of(const char *name)
{
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    fail_msg("this test does not know the field %s: add it", name);
    return NULL;
}

static bool command_has(const struct cr_command_info *info, const char *field)
{
    for (unsigned i = 0; info->fields[i] != NULL; i++) {
        if (strcmp(info->fields[i], field) == 0) {
            return true;
        }
    }
    return false;
}

/* The command with one field of this value (JSON), and whatever else it needs. */
const char *hostile_command(const struct cr_command_info *info, const char *field, const char *value)
{
    static char payload[PAYLOAD_CAP];
    bool of_many = strcmp(field, "devices") == 0 || strcmp(field, "filter") == 0; /* instead of a device */
    int len =
        snprintf(payload, sizeof payload, "{\"commands\":[{\"command\":\"%s\",\"%s\":%s", info->name, field, value);

    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].needed != NULL && strcmp(fields[i].name, field) != 0 && command_has(info, fields[i].name) &&
            !(of_many && strcmp(fields[i].name, "device") == 0)) {
            len +=
                snprintf(payload + len, sizeof payload - (size_t)len, ",\"%s\":%s", fields[i].name, fields[i].needed);
        }
    }
    assert_true(snprintf(payload + len, sizeof payload - (size_t)len, "}]}") < (int)sizeof payload - len);
    return payload;
}

void hostile_each_field(struct hostile *s, hostile_try_fn *try_it)
{
    const struct cr_command_info *info;

    for (unsigned i = 0; (info = control_command_at(i)) != NULL; i++) {
        for (unsigned k = 0; info->fields[k] != NULL; k++) {
            try_it(s, info, field_of(info->fields[k]));
        }
    }
    hostile_expect_well(s);
}
