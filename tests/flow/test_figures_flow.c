/* Figures on the loop: what is published and when, the file for Prometheus, the fleet counted, forecast. */
#include "tests/support/flow_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TOPIC(NAME) "$SYS/broker/cert-renewal/" NAME
#define FORECAST "{\"commands\":[{\"command\":\"forecast\"}]}"
#define STATUS "{\"commands\":[{\"command\":\"getStatus\"}]}"
#define CONFIG "admin_identity boss\nfigures_interval 10s\nmetrics_file /var/lib/cert-renewal.prom\n"

static int start(void **state)
{
    return scene_start_with(state, CONFIG "slot operational\nrequest_timing any\n");
}

/* Time passes in steps in which everything arrives; published few at a time, a snapshot takes some ticks. */
static void live(struct scene *s, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        flow_rig_pass(&s->rig, 1);
        for (unsigned k = 0; k < 10; k++) {
            flow_rig_pump(&s->rig);
        }
    }
}

/* The newest publication on this topic, of those not looked at yet; NULL: none. */
static const struct fake_publication *newest(struct scene *s, const char *topic)
{
    const struct fake_publication *last = NULL, *next;

    while ((next = fake_host_take(&s->rig.host, "", topic)) != NULL) {
        assert_string_equal(next->topic, topic);
        assert_int_equal(next->qos, 0);
        assert_true(next->retain);
        last = next;
    }
    return last;
}

static void expect_figure(struct scene *s, const char *topic, const char *value)
{
    const struct fake_publication *publication = newest(s, topic);

    if (publication == NULL) {
        fail_msg("%s is not published", topic);
    } else {
        assert_string_equal((const char *)publication->payload.data, value);
    }
}

static void appear(struct scene *s)
{
    rig_publish(&s->rig, s->client, GET_TOPIC, rig_text(""));
    flow_rig_pump(&s->rig);
}

static void test_publishes_what_changed(void **state)
{
    struct scene *s = *state;

    appear(s);
    live(s, 2);
    expect_figure(s, TOPIC("issued"), "0");
    expect_figure(s, TOPIC("redis/connected"), "1");
    expect_figure(s, TOPIC("sessions/devices"), "1");
    expect_figure(s, TOPIC("refused/too-early"), "0");
    expect_figure(s, TOPIC("jobs/limit"), "4096");
    live(s, 10);
    assert_null(newest(s, TOPIC("issued"))); /* it is what it was */
    expect_figure(s, TOPIC("uptime"), "11");

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    live(s, 10);
    expect_figure(s, TOPIC("issued"), "1");
    expect_figure(s, TOPIC("issued/per-minute"), "1");
    assert_non_null(newest(s, TOPIC("latency/99")));
    live(s, 90);
    expect_figure(s, TOPIC("issued/per-minute"), "0");
    assert_null(newest(s, TOPIC("issued")));

    appear(s);
    cr_router_disconnected(s->rig.router, s->client);
    live(s, 10);
    expect_figure(s, TOPIC("sessions/devices"), "0"); /* though it is remembered for a while */
}

static void test_few_in_each_tick(void **state)
{
    struct scene *s = *state;
    unsigned before;

    flow_rig_pump(&s->rig);
    flow_rig_pass(&s->rig, 2);
    before = s->rig.host.publication_count;
    (void)cr_router_tick(s->rig.router);
    assert_in_range(s->rig.host.publication_count - before, 1, 24);
    s->rig.host.publish_fails = true; /* what could not be sent is sent later */
    for (unsigned i = 0; i < 20; i++) {
        (void)cr_router_tick(s->rig.router);
    }
    s->rig.host.publish_fails = false;
    live(s, 1);
    expect_figure(s, TOPIC("clock/ok"), "1");
}

static void test_writes_the_file(void **state)
{
    struct scene *s = *state;
    struct fake_figures_file *file = fake_ledger_figures(fake_store_ledger(s->rig.store));

    live(s, 12);
    assert_int_equal(file->writes, 2);
    assert_non_null(
        strstr((const char *)file->text.data, "mosquitto_cert_renewal_redis_connected{broker=\"rig\"} 1\n"));

    file->broken = true;
    s->rig.host.warnings = 0;
    live(s, 30);
    assert_int_equal(file->attempts, 5);
    assert_int_equal(s->rig.host.warnings, 1); /* said once */
    assert_non_null(strstr(s->rig.host.last_log, "/var/lib/cert-renewal.prom cannot be written: Permission denied"));
    expect_figure(s, TOPIC("metrics-file/errors"), "2");
    file->broken = false;
    live(s, 10);
    assert_non_null(strstr(s->rig.host.last_log, "is written again"));
    assert_non_null(strstr((const char *)file->text.data, "metrics_file_errors_total{broker=\"rig\"} 3\n"));
}

static void test_counts_the_fleet(void **state)
{
    struct scene *s = *state;
    const char *answer = rig_command(&s->rig, s->boss, FORECAST);

    assert_non_null(strstr(answer, "\"errorCode\":\"busy\"")); /* not yet */
    appear(s);
    live(s, 15);
    expect_figure(s, TOPIC("fleet/slots"), "1");
    expect_figure(s, TOPIC("fleet/state/quiet"), "1");
    answer = rig_command(&s->rig, s->boss, FORECAST);
    assert_non_null(strstr(answer, "\"slots\":1,\"states\":{\"quiet\":1,\"triggered\":0,\"issuing\":0,\"issued\":0}"));
    assert_non_null(strstr(answer, "\"expireUnrenewed\":{\"1\":0,"));
    assert_non_null(strstr(answer, "\"renewalsPerDay\":["));
    assert_non_null(strstr(answer, "\"asOf\":\"2030-"));
    answer = rig_command(&s->rig, s->boss, STATUS);
    assert_non_null(strstr(answer, "\"fleet\":{\"asOf\":"));

    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    live(s, 130); /* another round */
    expect_figure(s, TOPIC("fleet/state/issued"), "1");
    expect_figure(s, TOPIC("fleet/state/quiet"), "0");
}

/* What is kept in the store counts, whoever counted it; and somebody else's counting is left alone. */
static void test_leaves_the_counting_to_another(void **state)
{
    struct scene *s = *state;
    struct fake_survey_kept *kept = fake_ledger_survey(fake_store_ledger(s->rig.store));

    (void)snprintf(kept->by, sizeof kept->by, "another");
    kept->until = s->rig.clock.wall_s + 1000;
    kept->at = s->rig.clock.wall_s;
    kept->counts.slots = 77;
    live(s, 100);
    expect_figure(s, TOPIC("fleet/slots"), "77");
    assert_string_equal(kept->by, "another");
    live(s, 1000); /* it has gone */
    expect_figure(s, TOPIC("fleet/slots"), "0");
}

static void test_goes_on_after_trouble(void **state)
{
    struct scene *s = *state;

    appear(s);
    fake_store_fault(s->rig.store, FAKE_STORE_DOWN);
    live(s, 30);
    expect_figure(s, TOPIC("redis/connected"), "0");
    assert_null(newest(s, TOPIC("fleet/slots")));
    fake_store_fault(s->rig.store, FAKE_STORE_WELL);
    fake_store_fail_next(s->rig.store, 3);
    live(s, 30);
    expect_figure(s, TOPIC("redis/connected"), "1");
    expect_figure(s, TOPIC("fleet/slots"), "1");
}

static void test_switched_off_takes_back(void **state)
{
    struct scene *s = *state;

    live(s, 12);
    expect_figure(s, TOPIC("issued"), "0");
    flow_rig_reload(&s->rig, "admin_identity boss\nfigures_interval 0s\nslot operational\n");
    live(s, 2);
    expect_figure(s, TOPIC("issued"), ""); /* an empty one takes the retained one away */
    live(s, 30);
    expect_figure(s, TOPIC("uptime"), "");
    live(s, 30);
    assert_null(newest(s, TOPIC("uptime")));
    flow_rig_reload(&s->rig, CONFIG "slot operational\n");
    live(s, 2);
    expect_figure(s, TOPIC("issued"), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_publishes_what_changed, start, scene_stop),
        cmocka_unit_test_setup_teardown(test_few_in_each_tick, start, scene_stop),
        cmocka_unit_test_setup_teardown(test_writes_the_file, start, scene_stop),
        cmocka_unit_test_setup_teardown(test_counts_the_fleet, start, scene_stop),
        cmocka_unit_test_setup_teardown(test_leaves_the_counting_to_another, start, scene_stop),
        cmocka_unit_test_setup_teardown(test_goes_on_after_trouble, start, scene_stop),
        cmocka_unit_test_setup_teardown(test_switched_off_takes_back, start, scene_stop),
    };

    return cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
