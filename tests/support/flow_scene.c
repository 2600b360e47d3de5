#include "tests/support/flow_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void scene_start(struct scene *s, const char *config)
{
    struct rig_key boss;

    memset(s, 0, sizeof *s);
    flow_rig_start(&s->rig, config);
    rig_key_make(&s->key);
    rig_key_make(&s->next);
    rig_key_make(&boss);
    s->cert = rig_certify(&s->rig, &s->key, "meter-1", 90 * DAY_S);
    s->boss_cert = rig_certify(&s->rig, &boss, "boss", 90 * DAY_S);
    s->csr = rig_csr(&s->next, "meter-1");
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 4);
    s->boss = fake_host_connect(&s->rig.host, "boss-client", cr_blob_view(&s->boss_cert), 5);
    rig_key_free(&boss);
}

static void scene_end(struct scene *s)
{
    flow_rig_stop(&s->rig);
    rig_key_free(&s->key);
    rig_key_free(&s->next);
    cr_blob_fini(&s->cert);
    cr_blob_fini(&s->csr);
    cr_blob_fini(&s->boss_cert);
}

static void *scene_new(const char *config)
{
    struct scene *s = malloc(sizeof *s);

    assert_non_null(s);
    scene_start(s, config);
    return s;
}

int scene_start_any_time(void **state)
{
    *state = scene_new(ANY_TIME);
    return 0;
}

int scene_start_in_window(void **state)
{
    *state = scene_new(IN_WINDOW);
    return 0;
}

int scene_start_with(void **state, const char *config)
{
    *state = scene_new(config);
    return 0;
}

void scene_live(struct scene *s, int64_t seconds)
{
    int64_t step = seconds > 20000 ? seconds / 20000 : 1;

    for (int64_t passed = 0; passed < seconds; passed += step) {
        flow_rig_pass(&s->rig, seconds - passed < step ? seconds - passed : step);
        flow_rig_pump(&s->rig);
        flow_rig_pump(&s->rig); /* what the last tick began by itself */
    }
}

void scene_leave(struct scene *s)
{
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
}

void scene_trigger(struct scene *s)
{
    rig_command(&s->rig, s->boss, "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"meter-1\"}]}");
}

int scene_stop(void **state)
{
    scene_end(*state);
    free(*state);
    return 0;
}

const struct cr_slot_record *scene_slot(struct scene *s)
{
    return fake_ledger_slot(fake_store_ledger(s->rig.store), "meter-1", "operational");
}

void expect_rejected(struct scene *s, const char *code)
{
    const struct fake_publication *rejected = fake_host_take(&s->rig.host, "meter-1", "/rejected");
    char field[80];

    assert_non_null(rejected);
    snprintf(field, sizeof field, "\"errorCode\":\"%s\"", code);
    if (strstr((const char *)rejected->payload.data, field) == NULL) {
        fail_msg("expected %s, got %s", code, (const char *)rejected->payload.data);
    }
}

struct cr_bytes take_certificate(struct scene *s)
{
    const struct fake_publication *certificate = fake_host_take(&s->rig.host, "meter-1", "/certificate");

    if (certificate == NULL) {
        certificate = fake_host_take(&s->rig.host, NULL, "");
        fail_msg("no certificate, but %s", certificate != NULL ? (const char *)certificate->payload.data : "nothing");
    }
    assert_true(certificate->expiry_s > 0);
    return cr_blob_view(&certificate->payload);
}

struct cr_bytes leaf_of(struct cr_bytes chain)
{
    struct cr_bytes leaf;

    assert_int_equal(cr_cert_next(&leaf, &chain), CR_OK);
    return leaf;
}

void reconnect(struct scene *s, struct cr_bytes certificate)
{
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
    s->client = fake_host_connect(&s->rig.host, "meter-1", certificate, 4);
    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
}
