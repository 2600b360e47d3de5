#include "tests/flow/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct cr_client *named(struct flow_rig *rig, const char *name)
{
    const struct cr_client *client = fake_host_connect(&rig->host, name, (struct cr_bytes){ NULL, 0 }, 4);

    ((struct fake_client *)client->handle)->client.username = name;
    return client;
}

int policy_start(void **state)
{
    struct policy_scene *s = calloc(1, sizeof *s);

    assert_non_null(s);
    assert_int_equal(fake_ledger_new(&s->ledger), CR_OK);
    flow_rig_start_on(&s->rig[0], FILE_ONE, "one", s->ledger);
    flow_rig_start_on(&s->rig[1], FILE_TWO, "two", s->ledger);
    for (int i = 0; i < BOTH; i++) {
        s->alice[i] = named(&s->rig[i], "alice");
    }
    s->bob = named(&s->rig[0], "bob");
    *state = s;
    return 0;
}

int policy_end(void **state)
{
    struct policy_scene *s = *state;

    for (int i = 0; i < BOTH; i++) {
        flow_rig_stop(&s->rig[i]);
    }
    fake_ledger_free(s->ledger);
    free(s);
    return 0;
}

void policy_expect(const char *reply, const char *part)
{
    if (strstr(reply, part) == NULL) {
        fail_msg("expected %s in %s", part, reply);
    }
}

const char *policy_command(struct policy_scene *s, int which, const char *json)
{
    return rig_command(&s->rig[which], s->alice[which], json);
}

const struct cr_config *policy_config(const struct policy_scene *s, int which)
{
    return &s->rig[which].router->setup->config;
}

int64_t policy_lifetime_days(const struct policy_scene *s, int which)
{
    return cr_config_slot(policy_config(s, which), "operational")->lifetime_s / DAY_S;
}

void policy_pass(struct policy_scene *s, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        for (int k = 0; k < BOTH; k++) {
            flow_rig_pass(&s->rig[k], 1);
            flow_rig_pump(&s->rig[k]);
            flow_rig_pump(&s->rig[k]);
        }
    }
}

unsigned policy_changes(const struct policy_scene *s)
{
    return fake_ledger_audit_count(s->ledger, "policy", NULL);
}
