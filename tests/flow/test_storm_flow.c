/* I7: faults of every kind for a month; once they stop, what is pending completes. I8: nothing that is under way vanishes
 * meanwhile. The storm is pseudo-random, from a fixed seed; CR_STORM_SEED changes it. */
#include "tests/support/flow_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STORM_STEPS = 400, STEP_MAX_S = 4 * 3600, CALM_STEPS = 400 };

struct storm {
    struct scene *s;
    struct cr_blob cert;  /* what the device presents now */
    struct cr_blob fresh; /* what it was sent, and has not used yet */
    bool online;
    uint64_t random;
};

static unsigned dice(struct storm *storm, unsigned sides)
{
    storm->random ^= storm->random << 13;
    storm->random ^= storm->random >> 7;
    storm->random ^= storm->random << 17;
    return (unsigned)(storm->random >> 33) % sides;
}

static void go(struct storm *storm)
{
    struct scene *s = storm->s;

    if (storm->online) {
        fake_host_offline(&s->rig.host, s->client);
        cr_router_disconnected(s->rig.router, s->client);
        storm->online = false;
    }
}

static void come(struct storm *storm)
{
    struct scene *s = storm->s;

    go(storm);
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&storm->cert), 4);
    cr_router_connected(s->rig.router, s->client);
    storm->online = true;
}

static void use_fresh(struct storm *storm)
{
    struct scene *s = storm->s;

    if (storm->fresh.len == 0) {
        return;
    }
    cr_blob_fini(&storm->cert);
    cr_blob_move(&storm->cert, &storm->fresh);
    rig_key_free(&s->next); /* its next request is for a key of its own */
    rig_key_make(&s->next);
    cr_blob_fini(&s->csr);
    s->csr = rig_csr(&s->next, "meter-1");
    come(storm);
}

/* What lies in the device's inbox: remembered, and answered if it cares to. */
static void read_inbox(struct storm *storm, bool cares)
{
    struct scene *s = storm->s;
    const struct fake_publication *publication;
    bool asked = false;

    while ((publication = fake_host_take(&s->rig.host, "meter-1", "/certificate")) != NULL) {
        struct cr_bytes leaf = leaf_of(cr_blob_view(&publication->payload));

        cr_blob_fini(&storm->fresh);
        if (leaf.len != storm->cert.len || memcmp(leaf.data, storm->cert.data, leaf.len) != 0) {
            assert_int_equal(cr_blob_copy(&storm->fresh, leaf.data, leaf.len), CR_OK);
        }
    }
    while ((publication = fake_host_take(&s->rig.host, "meter-1", "/renew")) != NULL) {
        asked = true;
    }
    while (fake_host_take(&s->rig.host, NULL, "") != NULL) { /* rejections, alerts */
    }
    if (!storm->online || !cares) {
        return;
    }
    if (storm->fresh.len > 0) {
        use_fresh(storm);
    } else if (asked) {
        rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    }
}

static void fault(struct storm *storm)
{
    struct scene *s = storm->s;

    switch (dice(storm, 8)) {
    case 0:
        fake_store_fail_next(s->rig.store, 1 + dice(storm, 5));
        break;
    case 1:
        fake_store_lose_next(s->rig.store, 1 + dice(storm, 5));
        break;
    case 2:
        fake_store_fault(s->rig.store, FAKE_STORE_DOWN);
        break;
    case 3:
        fake_store_fault(s->rig.store, FAKE_STORE_JOURNAL_FULL);
        break;
    case 4:
        s->rig.random_fails = dice(storm, 2) == 0;
        break;
    default:
        fake_store_fault(s->rig.store, FAKE_STORE_WELL);
        s->rig.random_fails = false;
        break;
    }
}

static void live(struct storm *storm, int64_t seconds)
{
    struct scene *s = storm->s;

    flow_rig_pass(&s->rig, seconds);
    for (unsigned i = 0; i < 6; i++) {
        flow_rig_pass(&s->rig, 2);
        flow_rig_pump(&s->rig);
    }
}

static void nothing_vanishes(struct storm *storm)
{
    const struct cr_slot_record *slot = scene_slot(storm->s);

    if (slot != NULL && slot->current.serial.len > 0) {
        assert_true(slot->due > 0 || slot->current.not_after <= storm->s->rig.clock.wall_s);
    }
}

static void once_faults_stop_all_completes(void **state)
{
    struct storm storm = { .s = *state, .random = 0x9e3779b97f4a7c15u };
    struct scene *s = storm.s;
    const char *seed = getenv("CR_STORM_SEED");
    uint64_t generation;
    bool quiet = false;

    storm.random ^= seed != NULL ? strtoul(seed, NULL, 10) * 7919 : 0;
    assert_int_equal(cr_blob_copy(&storm.cert, s->cert.data, s->cert.len), CR_OK);
    come(&storm);
    flow_rig_pump(&s->rig);
    flow_rig_pass(&s->rig, scene_slot(s)->due - s->rig.clock.wall_s);
    for (unsigned i = 0; i < STORM_STEPS; i++) {
        fault(&storm);
        if (dice(&storm, 3) == 0) {
            come(&storm);
        } else if (dice(&storm, 3) == 0) {
            go(&storm);
        }
        live(&storm, dice(&storm, STEP_MAX_S));
        read_inbox(&storm, dice(&storm, 4) == 0);
        nothing_vanishes(&storm);
    }

    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    fake_store_fail_next(s->rig.store, 0);
    fake_store_lose_next(s->rig.store, 0);
    s->rig.random_fails = false;
    generation = scene_slot(s)->generation;
    come(&storm);
    for (unsigned i = 0; i < CALM_STEPS && !quiet; i++) {
        live(&storm, 600);
        read_inbox(&storm, true);
        nothing_vanishes(&storm);
        quiet = scene_slot(s)->state == CR_STATE_QUIET && scene_slot(s)->due > s->rig.clock.wall_s &&
                scene_slot(s)->unanswered == 0;
    }
    assert_true(quiet);
    assert_true(scene_slot(s)->generation >= generation);
    assert_true(scene_slot(s)->generation > 0);
    assert_true(scene_slot(s)->current.not_after > s->rig.clock.wall_s);

    /* and the scheduler has survived it, too */
    go(&storm);
    flow_rig_pass(&s->rig, scene_slot(s)->due - s->rig.clock.wall_s);
    live(&storm, 0);
    assert_int_equal(scene_slot(s)->state, CR_STATE_TRIGGERED);
    cr_blob_fini(&storm.cert);
    cr_blob_fini(&storm.fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(once_faults_stop_all_completes, scene_start_in_window, scene_stop),
    };

    return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
