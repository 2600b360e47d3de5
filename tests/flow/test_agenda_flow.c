/* The scheduler: what is due begins by itself, paced, again and again until its deadline, and never by a clock that cannot
 * be believed. */
#include "plugin/loop/loop.h"
#include "tests/support/flow_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SLOW "admin_identity boss\ntrigger_rate 5\nmax_in_flight 16\nslot operational\nrequest_timing window\n"

static int start_slow(void **state)
{
    if (scene_start_in_window(state) != 0) {
        return -1;
    }
    flow_rig_reload(&((struct scene *)*state)->rig, SLOW);
    return 0;
}

static struct fake_ledger *ledger_of(struct scene *s)
{
    return fake_store_ledger(s->rig.store);
}

static unsigned audits(struct scene *s, const char *what)
{
    return fake_ledger_audit_count(ledger_of(s), what, NULL);
}

/* Seconds go by. */
static void live(struct scene *s, unsigned seconds)
{
    for (unsigned i = 1; i <= 4 * seconds; i++) {
        s->rig.clock.mono_ms += 250;
        s->rig.clock.wall_s += i % 4 == 0;
        flow_rig_pump(&s->rig);
        flow_rig_pump(&s->rig); /* also what the last tick asked for */
    }
}

/* Then the wall clock shows this. */
static void sleep_until(struct scene *s, int64_t when_s)
{
    if (when_s > s->rig.clock.wall_s) {
        flow_rig_pass(&s->rig, when_s - s->rig.clock.wall_s);
    }
}

static void meet(struct scene *s)
{
    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

static void leave(struct scene *s)
{
    fake_host_offline(&s->rig.host, s->client);
    cr_router_disconnected(s->rig.router, s->client);
}

/* A device that the ledger knows, and that is not here. */
static void inventory(struct scene *s, unsigned number, int64_t not_after)
{
    struct cr_job *job;

    assert_int_equal(cr_job_new(&job, CR_OP_PRESENT, s->rig.setup), CR_OK);
    job->now_s = s->rig.clock.wall_s;
    job->profile = cr_config_slot(&s->rig.setup->config, "operational");
    snprintf(job->device, sizeof job->device, "asleep-%u", number);
    snprintf(job->slot, sizeof job->slot, "operational");
    job->presented = (struct cr_cert_facts){ .not_before = not_after - 90 * DAY_S, .not_after = not_after };
    job->presented.serial = (struct cr_serial){ .len = 2, .octets = { 1, (uint8_t)number } };
    job->presented.key_hash[0] = (uint8_t)number;
    job->presented.key_hash[1] = 0xa5;
    fake_ledger_present(ledger_of(s), job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
}

static void who_is_due_is_asked_within_seconds(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *renew;

    meet(s);
    sleep_until(s, scene_slot(s)->due - 10);
    live(s, 9);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    live(s, 8); /* a round and a little */
    renew = fake_host_take(&s->rig.host, "meter-1", "/renew");
    assert_non_null(renew);
    assert_non_null(strstr((const char *)renew->payload.data, "\"attempt\":1"));
    live(s, 100);
    assert_int_equal(fake_host_left(&s->rig.host), 0); /* once */
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
}

/* Whoever is asked again gets the trigger again, also when it has sent a request in this connection before. */
static void who_stays_connected_is_asked_again(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *renew;

    meet(s);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    expect_rejected(s, "too-early");
    sleep_until(s, scene_slot(s)->due);
    live(s, 7);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    sleep_until(s, scene_slot(s)->due);
    live(s, 7);
    renew = fake_host_take(&s->rig.host, "meter-1", "/renew");
    assert_non_null(renew);
    assert_non_null(strstr((const char *)renew->payload.data, "\"attempt\":2"));
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

/* A certificate that is not fetched, or came to nothing, is sent again, also to the connection that asked for it. */
static void what_was_issued_is_sent_again(void **state)
{
    struct scene *s = *state;
    struct cr_blob first = { NULL, 0 };
    struct cr_bytes again;

    meet(s);
    sleep_until(s, scene_slot(s)->due);
    live(s, 7);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    again = take_certificate(s);
    assert_int_equal(cr_blob_copy(&first, again.data, again.len), CR_OK);
    live(s, 60);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    sleep_until(s, scene_slot(s)->due);
    live(s, 7);
    again = take_certificate(s);
    assert_int_equal(again.len, first.len);
    assert_memory_equal(again.data, first.data, first.len);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    cr_blob_fini(&first);
}

static void the_rate_is_kept(void **state)
{
    enum { DEVICES = 40, RATE = 5 };
    struct scene *s = *state;
    unsigned before = 0;

    for (unsigned i = 0; i < DEVICES; i++) {
        inventory(s, i, s->rig.clock.wall_s + 89 * DAY_S);
    }
    sleep_until(s, s->rig.clock.wall_s + 89 * DAY_S - 60);
    for (unsigned i = 0; i < 30; i++) {
        live(s, 1);
        assert_in_range(audits(s, "triggered") - before, 0, RATE);
        before = audits(s, "triggered");
    }
    assert_int_equal(before, DEVICES);
}

/* Requests of devices go first: with half of the places taken nothing is begun. */
static void nothing_begins_while_much_is_under_way(void **state)
{
    enum { CLIENTS = 9 };
    struct scene *s = *state;
    char name[32];

    live(s, 1);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct cr_blob cert;

        snprintf(name, sizeof name, "busy-%u", i);
        cert = rig_certify(&s->rig, &s->key, name, 90 * DAY_S);
        cr_router_connected(s->rig.router, fake_host_connect(&s->rig.host, name, cr_blob_view(&cert), 4));
        cr_blob_fini(&cert);
    }
    for (unsigned i = 0; i < 5; i++) {
        flow_rig_pass(&s->rig, 1);
        cr_router_tick(s->rig.router);
        assert_false(s->rig.router->agenda.asking);
    }
    flow_rig_pump(&s->rig);
    flow_rig_pass(&s->rig, 2);
    cr_router_tick(s->rig.router);
    assert_true(s->rig.router->agenda.asking);
    fake_store_fault(s->rig.store, FAKE_STORE_DOWN); /* and nothing is asked of a store that is away */
    flow_rig_pump(&s->rig);
    flow_rig_pass(&s->rig, 2);
    cr_router_tick(s->rig.router);
    assert_false(s->rig.router->agenda.asking);
    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    flow_rig_pass(&s->rig, 2);
    cr_router_tick(s->rig.router);
    assert_true(s->rig.router->agenda.asking);
}

/* A device sleeps through attempt after attempt. It sees one trigger when it appears, or else operators hear of it; and
 * then it begins anew at its next appearance. */
static void who_sleeps_through_everything_is_not_forgotten(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *alert, *renew;
    int64_t deadline;

    meet(s);
    leave(s);
    sleep_until(s, scene_slot(s)->due);
    live(s, 7);
    assert_int_equal(scene_slot(s)->state, CR_STATE_TRIGGERED);
    deadline = scene_slot(s)->deadline;
    for (unsigned attempt = 2; attempt <= 5; attempt++) {
        sleep_until(s, scene_slot(s)->due);
        live(s, 7);
        assert_int_equal(scene_slot(s)->attempt, attempt);
        assert_int_equal(scene_slot(s)->deadline, deadline);
    }
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    reconnect(s, cr_blob_view(&s->cert));
    renew = fake_host_take(&s->rig.host, "meter-1", "/renew");
    assert_non_null(renew);
    assert_non_null(strstr((const char *)renew->payload.data, "\"attempt\":5"));
    assert_int_equal(fake_host_left(&s->rig.host), 0); /* one, not five */
    leave(s);

    sleep_until(s, deadline);
    live(s, 7);
    assert_int_equal(scene_slot(s)->state, CR_STATE_QUIET);
    alert = fake_host_take(&s->rig.host, NULL, "/event/alert");
    assert_non_null(alert);
    assert_non_null(strstr((const char *)alert->payload.data, "\"alert\":\"unanswered\""));
    assert_non_null(strstr((const char *)alert->payload.data, "\"device\":\"meter-1\""));
    assert_non_null(strstr((const char *)alert->payload.data, "\"slot\":\"operational\""));
    assert_int_equal(audits(s, "expired"), 1);
    assert_int_equal(audits(s, "alert"), 1);
    live(s, 100);
    assert_int_equal(scene_slot(s)->state, CR_STATE_QUIET);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    reconnect(s, cr_blob_view(&s->cert));
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    leave(s);

    /* it stays away for good */
    sleep_until(s, scene_slot(s)->deadline);
    live(s, 7);
    assert_non_null(fake_host_take(&s->rig.host, NULL, "/event/alert"));
    sleep_until(s, scene_slot(s)->current.not_after);
    live(s, 7);
    alert = fake_host_take(&s->rig.host, NULL, "/event/alert");
    assert_non_null(alert);
    assert_non_null(strstr((const char *)alert->payload.data, "\"alert\":\"expired\""));
    live(s, 20);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

/* Another broker did something for this device: it has it at once. */
static void what_another_broker_says_is_looked_at(void **state)
{
    struct scene *s = *state;
    struct cr_job *trigger, *push;

    meet(s);
    assert_int_equal(cr_job_new(&trigger, CR_OP_TRIGGER, s->rig.setup), CR_OK);
    trigger->now_s = s->rig.clock.wall_s;
    snprintf(trigger->device, sizeof trigger->device, "meter-1");
    snprintf(trigger->slot, sizeof trigger->slot, "operational");
    trigger->reason = CR_RENEW_OPERATOR;
    fake_ledger_trigger(ledger_of(s), trigger);
    cr_job_free(trigger);
    flow_rig_pump(&s->rig);
    assert_int_equal(fake_host_left(&s->rig.host), 0);
    for (unsigned i = 0; i < 2; i++) { /* the second one is nobody's here */
        assert_int_equal(cr_job_new(&push, CR_OP_PUSH, s->rig.setup), CR_OK);
        snprintf(push->device, sizeof push->device, "meter-%u", i + 1);
        push->outcome = CR_OUT_DONE;
        cr_pipeline_stored(&s->rig.pipeline, push);
    }
    flow_rig_pump(&s->rig);
    flow_rig_pass(&s->rig, 1);
    flow_rig_pump(&s->rig);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    assert_int_equal(fake_host_left(&s->rig.host), 0);
}

/* More than a few words of others at once are not kept: the loop has better things to do. */
static void a_flood_of_words_is_bounded(void **state)
{
    struct scene *s = *state;

    for (unsigned i = 0; i < 1000; i++) {
        struct cr_job *push;

        assert_int_equal(cr_job_new(&push, CR_OP_PUSH, s->rig.setup), CR_OK);
        push->outcome = CR_OUT_DONE;
        cr_pipeline_stored(&s->rig.pipeline, push);
    }
    assert_int_equal(cr_queue_len(s->rig.pipeline.completions), 256);
    flow_rig_pump(&s->rig);
}

/* The wall clock is moved without the other one. */
static void hostile_109(struct scene *s, int64_t jump_s)
{
    unsigned warnings = s->rig.host.warnings, triggered = audits(s, "triggered"), intents = audits(s, "intent");

    s->rig.clock.wall_s += jump_s;
    live(s, 30);
    assert_int_equal(audits(s, "triggered"), triggered);
    assert_int_equal(s->rig.host.warnings, warnings + 1);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    expect_rejected(s, "issuer-unavailable");
    assert_int_equal(audits(s, "intent"), intents);
    assert_int_equal(s->rig.host.warnings, warnings + 1);
}

static void hostile_109_nothing_begins_in_1970(void **state)
{
    struct scene *s = *state;

    meet(s);
    sleep_until(s, scene_slot(s)->due - 2);
    live(s, 1);
    hostile_109(s, -s->rig.clock.wall_s + 100);
    s->rig.clock.wall_s = scene_slot(s)->due + 5; /* corrected: which is a jump, too */
    live(s, 59);
    assert_int_equal(audits(s, "triggered"), 0);
    live(s, 10);
    assert_int_equal(audits(s, "triggered"), 1);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
}

static void hostile_109_a_clock_that_jumps_is_not_believed(void **state)
{
    struct scene *s = *state;

    meet(s);
    sleep_until(s, scene_slot(s)->due - 2);
    live(s, 1);
    s->rig.clock.wall_s -= 50; /* a step, as time servers make */
    live(s, 60);
    assert_int_equal(audits(s, "triggered"), 1);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    hostile_109(s, -70);
    live(s, 40);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
    hostile_109(s, DAY_S + 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_due_is_asked_within_seconds, scene_start_in_window, scene_stop),
        cmocka_unit_test_setup_teardown(who_stays_connected_is_asked_again, scene_start_in_window, scene_stop),
        cmocka_unit_test_setup_teardown(what_was_issued_is_sent_again, scene_start_in_window, scene_stop),
        cmocka_unit_test_setup_teardown(the_rate_is_kept, start_slow, scene_stop),
        cmocka_unit_test_setup_teardown(nothing_begins_while_much_is_under_way, start_slow, scene_stop),
        cmocka_unit_test_setup_teardown(who_sleeps_through_everything_is_not_forgotten, scene_start_in_window,
                                        scene_stop),
        cmocka_unit_test_setup_teardown(what_another_broker_says_is_looked_at, scene_start_in_window, scene_stop),
        cmocka_unit_test_setup_teardown(a_flood_of_words_is_bounded, scene_start_in_window, scene_stop),
        cmocka_unit_test_setup_teardown(hostile_109_nothing_begins_in_1970, scene_start_in_window, scene_stop),
        cmocka_unit_test_setup_teardown(hostile_109_a_clock_that_jumps_is_not_believed, scene_start_in_window,
                                        scene_stop),
    };

    return cmocka_run_group_tests_name("agenda", tests, NULL, NULL);
}
