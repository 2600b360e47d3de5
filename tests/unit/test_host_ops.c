/* host_ops: what the plugin asks of the broker: publications, disconnections, log lines. The broker is fake_broker.c. */
#include "fake_broker.h"

#include "plugin/host/host_mosquitto.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void *host;

static int begin(bool v21)
{
    static const struct mosquitto_opt option = { (char *)"config_file", (char *)"/etc/x.conf" };
    memset(&fake, 0, sizeof fake);
    fake.v21 = v21;
    return host_mosquitto_start(NULL, &host, &option, 1);
}

static void end(void)
{
    assert_int_equal(host_mosquitto_stop(host), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake.properties, 0);
}

static void test_publish(void **state)
{
    (void)state;
    struct cr_publication p = {
        .client_id = "id-1", .topic = "a/b", .qos = 1, .expiry_s = 60, .content_type = "application/json",
        .correlation = { (const uint8_t *)"x", 1 }, .user_count = 2, .user = { { "a", "b" }, { "c", "d" } },
    };
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake.host->ops->publish(fake.host, &p), CR_OK); /* an empty payload is one, too */
    assert_int_equal(fake.published, 1);
    for (unsigned i = 1; i <= 5; i++) {
        fake.property_fail = i;
        assert_int_equal(fake.host->ops->publish(fake.host, &p), CR_NOMEM);
        assert_int_equal(fake.properties, 0);
    }
    fake.property_fail = 0;
    fake.publish_rc = MOSQ_ERR_NOMEM;
    assert_int_equal(fake.host->ops->publish(fake.host, &p), CR_NOMEM);
    fake.publish_rc = MOSQ_ERR_INVAL;
    assert_int_equal(fake.host->ops->publish(fake.host, &p), CR_IO);
    assert_int_equal(fake.published, 1);
    end();
}

static void test_kicks_wait_for_the_tick(void **state)
{
    (void)state;
    struct api_tick_event tick = { 0 };
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake.host->ops->kick(fake.host, "id-1"), CR_OK);
    assert_int_equal(fake.kicked, 0);
    (void)fake_fire(MOSQ_EVT_TICK, &tick);
    assert_int_equal(fake.kicked, 1);
    assert_string_equal(fake.kick_id, "id-1");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(fake.host->ops->kick(fake.host, "id-2"), i < 64 ? CR_OK : CR_FULL);
    }
    (void)fake_fire(MOSQ_EVT_TICK, &tick);
    assert_int_equal(fake.kicked, 65); /* bounded, and said */
    assert_int_equal(fake.host->ops->kick(fake.host, "never"), CR_OK);
    end();
}

static void *log_elsewhere(void *unused)
{
    (void)unused;
    char line[1000];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    fake.host->ops->log(fake.host, 'w', line);
    for (int i = 0; i < 70; i++) {
        fake.host->ops->log(fake.host, 'e', "from another thread");
    }
    return NULL;
}

static void test_log(void **state)
{
    (void)state;
    pthread_t thread;
    struct api_tick_event tick = { 0 };
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    fake.host->ops->log(fake.host, 'n', "from the loop");
    assert_non_null(strstr(fake.log, "2 cert-renewal: from the loop\n"));
    assert_int_equal(pthread_create(&thread, NULL, log_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_null(strstr(fake.log, "another thread"));
    (void)fake_fire(MOSQ_EVT_TICK, &tick);
    assert_non_null(strstr(fake.log, "8 cert-renewal: from another thread\n"));
    assert_non_null(strstr(fake.log, "7 log lines were lost"));
    end();
}

static volatile sig_atomic_t nudges;
static void count_nudge(int signal_number)
{
    (void)signal_number;
    nudges++;
}

/* Whether a nudge comes within the time, which ends a wait as it ends the broker's. */
static bool nudged_within(long ms)
{
    struct timespec time = { .tv_nsec = ms * 1000000 };
    return nudges > 0 || nanosleep(&time, NULL) != 0;
}

static void publish_in_tick(void)
{
    struct cr_publication p = { .client_id = "id-1", .topic = "a/b", .qos = 1 };
    assert_int_equal(fake.host->ops->publish(fake.host, &p), CR_OK);
}

/* 2.1 looks for publications before it ticks: what is published in a tick takes another turn of the loop. */
static void test_publications_of_a_tick(void **state)
{
    (void)state;
    struct api_tick_event tick = { 0 };
    struct sigaction action = { .sa_handler = count_nudge };
    assert_int_equal(sigaction(SIGURG, &action, NULL), 0);
    assert_int_equal(begin(true), MOSQ_ERR_SUCCESS);
    publish_in_tick(); /* outside of a tick it is found without help */
    (void)fake_fire(MOSQ_EVT_TICK, &tick);
    assert_false(nudged_within(5));
    fake.on_tick = publish_in_tick;
    (void)fake_fire(MOSQ_EVT_TICK, &tick);
    assert_true(nudged_within(900));
    nudges = 0;
    assert_true(nudged_within(900)); /* and again, until the loop ticks */
    fake.on_tick = NULL;
    (void)fake_fire(MOSQ_EVT_TICK, &tick);
    nudges = 0;
    assert_false(nudged_within(5));
    end();
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    fake.on_tick = publish_in_tick;
    (void)fake_fire(MOSQ_EVT_TICK, &tick); /* 2.0 ticks before it looks */
    assert_false(nudged_within(5));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_kicks_wait_for_the_tick),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_publications_of_a_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
