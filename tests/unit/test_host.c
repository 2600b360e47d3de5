/* host_mosquitto: what is registered with which broker, and what each event returns. The broker is fake_broker.c. */
#include "fake_broker.h"

#include "common/clock.h"
#include "plugin/host/host_mosquitto.h"
#include "plugin/host/host_ops.h"

#include <openssl/x509.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct mosquitto_opt option = { "config_file", "/etc/x.conf" };
static void *host;

static int begin(bool v21)
{
    memset(&fake, 0, sizeof fake);
    fake.v21 = v21;
    return host_mosquitto_start(NULL, &host, &option, 1);
}

static void end(void)
{
    assert_int_equal(host_mosquitto_stop(host), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake.registered, 0);
    assert_false(fake.app_running);
}

static void test_start_and_stop(void **state)
{
    (void)state;
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    assert_string_equal(fake.topic, "/etc/x.conf");
    assert_int_equal(fake.registered, 7);
    end();
    assert_int_equal(begin(true), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake.registered, 9);
    end();
    assert_int_equal(host_mosquitto_stop(NULL), MOSQ_ERR_SUCCESS); /* as brokers do after a failed start */
}

/* Nothing of a failed start is left, whatever failed. */
static void test_failed_start(void **state)
{
    (void)state;
    static const int events[] = { MOSQ_EVT_ACL_CHECK, MOSQ_EVT_MESSAGE, MOSQ_EVT_CONTROL, MOSQ_EVT_TICK,
                                  MOSQ_EVT_DISCONNECT, MOSQ_EVT_RELOAD, API_EVT_CONNECT, API_EVT_CLIENT_OFFLINE,
                                  MOSQ_EVT_BASIC_AUTH };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        memset(&fake, 0, sizeof fake);
        fake.v21 = true;
        fake.refuse_event = events[i];
        fake.refuse_rc = MOSQ_ERR_NOMEM;
        assert_int_not_equal(host_mosquitto_start(NULL, &host, &option, 1), MOSQ_ERR_SUCCESS);
        assert_null(host);
        assert_int_equal(fake.registered, 0);
        assert_false(fake.app_running);
    }
    memset(&fake, 0, sizeof fake);
    fake.app_err = CR_INVALID;
    assert_int_equal(host_mosquitto_start(NULL, &host, &option, 1), MOSQ_ERR_INVAL);
    assert_null(host);
    assert_int_equal(fake.registered, 0);
}

static void test_options(void **state)
{
    (void)state;
    struct mosquitto_opt many[] = { { "config_file", "a" }, { "config_file", "b" } };
    struct mosquitto_opt other[] = { { "colour", "green" }, { "config_file", "a" } };
    struct mosquitto_opt empty = { "config_file", "" };
    memset(&fake, 0, sizeof fake);
    assert_int_not_equal(host_mosquitto_start(NULL, &host, NULL, 0), MOSQ_ERR_SUCCESS);
    assert_non_null(strstr(fake.log, "plugin_opt_config_file is missing"));
    assert_int_not_equal(host_mosquitto_start(NULL, &host, &empty, 1), MOSQ_ERR_SUCCESS);
    assert_int_not_equal(host_mosquitto_start(NULL, &host, many, 2), MOSQ_ERR_SUCCESS);
    assert_non_null(strstr(fake.log, "given twice"));
    assert_int_not_equal(host_mosquitto_start(NULL, &host, other, 2), MOSQ_ERR_SUCCESS);
    assert_non_null(strstr(fake.log, "plugin_opt_colour"));
    assert_int_equal(fake.registered, 0);
}

static void test_twice(void **state)
{
    (void)state;
    void *second;
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    assert_int_not_equal(host_mosquitto_start(NULL, &second, &option, 1), MOSQ_ERR_SUCCESS);
    assert_null(second);
    assert_non_null(strstr(fake.log, "already loaded"));
    assert_int_equal(fake.registered, 7); /* the first one is as it was */
    assert_true(fake.app_running);
    end();
    memset(&fake, 0, sizeof fake); /* another copy of the file: only the broker can tell */
    fake.refuse_event = MOSQ_EVT_CONTROL;
    fake.refuse_rc = MOSQ_ERR_ALREADY_EXISTS;
    assert_int_not_equal(host_mosquitto_start(NULL, &host, &option, 1), MOSQ_ERR_SUCCESS);
    assert_non_null(strstr(fake.log, "already loaded"));
}

static struct mosquitto client = { "id-1", "alice", "127.0.0.1", 5, false, NULL };

static int ask_access(int access, const char *topic, const void *payload)
{
    struct mosquitto_evt_acl_check data = { .client = &client, .topic = topic, .access = access, .payload = payload };
    return fake_fire(MOSQ_EVT_ACL_CHECK, &data);
}

static void test_access(void **state)
{
    (void)state;
    static const struct {
        enum cr_verdict verdict;
        int rc;
    } rows[] = { { CR_ALLOW, MOSQ_ERR_SUCCESS }, { CR_DENY, MOSQ_ERR_ACL_DENIED }, { CR_DEFER, MOSQ_ERR_PLUGIN_DEFER } };
    static const struct {
        int access;
        enum cr_access ours;
    } kinds[] = { { MOSQ_ACL_READ, CR_ACCESS_READ },           { MOSQ_ACL_WRITE, CR_ACCESS_WRITE },
                  { MOSQ_ACL_SUBSCRIBE, CR_ACCESS_SUBSCRIBE }, { MOSQ_ACL_UNSUBSCRIBE, CR_ACCESS_UNSUBSCRIBE },
                  { 0x40, CR_ACCESS_WRITE } };
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    for (size_t i = 0; i < 3; i++) {
        fake.verdict = rows[i].verdict;
        assert_int_equal(ask_access(MOSQ_ACL_READ, "a/b", NULL), rows[i].rc);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        (void)ask_access(kinds[i].access, "a/b", NULL);
        assert_int_equal(fake.access, kinds[i].ours);
    }
    assert_string_equal(fake.topic, "a/b");
    assert_ptr_equal(fake.client.handle, &client);
    assert_string_equal(fake.client.id, "id-1");
    assert_string_equal(fake.client.username, "alice");
    assert_string_equal(fake.client.address, "127.0.0.1");
    assert_int_equal(fake.client.protocol, 5);
    assert_true(fake.client.persistent);
    end();
}

static int ask_login(char *password)
{
    struct mosquitto_evt_basic_auth data = { .client = &client, .username = "alice", .password = password };
    return fake_fire(MOSQ_EVT_BASIC_AUTH, &data);
}

/* Whoever is none of our business gets in, or not, as without the plugin. */
static void test_login(void **state)
{
    (void)state;
    for (int v21 = 0; v21 < 2; v21++) {
        assert_int_equal(begin(v21 != 0), MOSQ_ERR_SUCCESS);
        fake.login = CR_LOGIN_ALLOW;
        assert_int_equal(ask_login("secret"), MOSQ_ERR_SUCCESS);
        assert_string_equal(fake.topic, "secret");
        assert_ptr_equal(fake.client.handle, &client);
        assert_string_equal(fake.client.username, "alice");
        fake.login = CR_LOGIN_DENY;
        assert_int_equal(ask_login(NULL), MOSQ_ERR_AUTH);
        fake.login = CR_LOGIN_DEFER;
        struct host_mosquitto *h = host;
        h->login = CR_LOGIN_RULE_ALLOW; /* where 2.0 lets everybody in, and would not any more */
        assert_int_equal(ask_login(NULL), v21 ? API_ERR_PLUGIN_IGNORE : MOSQ_ERR_SUCCESS);
        h->login = CR_LOGIN_RULE_DEFER;
        assert_int_equal(ask_login(NULL), v21 ? API_ERR_PLUGIN_IGNORE : MOSQ_ERR_PLUGIN_DEFER);
        end();
    }
}

static int verdict_elsewhere;
static void *ask_elsewhere(void *unused)
{
    (void)unused;
    verdict_elsewhere = ask_access(MOSQ_ACL_READ, "/index.html", NULL);
    return NULL;
}

/* 2.1's http_api asks on a thread of its own: nothing of the loop is touched. */
static void test_access_on_another_thread(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(begin(true), MOSQ_ERR_SUCCESS);
    fake.verdict = CR_ALLOW;
    fake.topic[0] = '\0';
    assert_int_equal(pthread_create(&thread, NULL, ask_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(verdict_elsewhere, MOSQ_ERR_PLUGIN_DEFER);
    assert_string_equal(fake.topic, "");
    end();
}

static struct mosquitto_evt_message message(char *topic, void *payload)
{
    return (struct mosquitto_evt_message){ .client = &client, .topic = topic, .payload = payload, .payloadlen = 3,
                                           .retain = true, .qos = 1 };
}

static void test_messages(void **state)
{
    (void)state;
    char topic[] = "t", payload[] = "abc";
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);

    struct mosquitto_evt_message data = message(topic, payload);
    fake.handled = CR_NOT_OURS;
    assert_int_equal(fake_fire(MOSQ_EVT_MESSAGE, &data), MOSQ_ERR_SUCCESS);
    assert_true(data.retain);
    assert_ptr_equal(data.payload, payload);
    assert_int_equal(data.payloadlen, 3);

    fake.handled = CR_CONSUMED;
    assert_int_equal(fake_fire(MOSQ_EVT_MESSAGE, &data), MOSQ_ERR_SUCCESS);
    assert_false(data.retain);
    assert_null(data.payload);
    assert_int_equal(data.payloadlen, 0);
    assert_ptr_equal(data.topic, topic); /* replacing it leaks in 2.0.11 */

    data = message(topic, payload);
    fake.handled = CR_REFUSED;
    assert_int_equal(fake_fire(MOSQ_EVT_MESSAGE, &data), MOSQ_ERR_ACL_DENIED);
    assert_ptr_equal(data.payload, payload);
    end();
}

/* A message is known to be checked when the access check came just before, about the same publication. */
static void test_unchecked_messages(void **state)
{
    (void)state;
    char topic[] = "t", other[] = "t", payload[] = "abc";
    struct mosquitto_evt_message data = message(topic, payload);
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    (void)fake_fire(MOSQ_EVT_MESSAGE, &data);
    assert_true(fake.client.unchecked);
    (void)ask_access(MOSQ_ACL_WRITE, topic, payload);
    (void)fake_fire(MOSQ_EVT_MESSAGE, &data);
    assert_false(fake.client.unchecked);
    (void)fake_fire(MOSQ_EVT_MESSAGE, &data); /* once only */
    assert_true(fake.client.unchecked);
    (void)ask_access(MOSQ_ACL_WRITE, other, payload);
    (void)fake_fire(MOSQ_EVT_MESSAGE, &data);
    assert_true(fake.client.unchecked);
    (void)ask_access(MOSQ_ACL_READ, topic, payload);
    (void)fake_fire(MOSQ_EVT_MESSAGE, &data);
    assert_true(fake.client.unchecked);

    struct mosquitto_evt_control control = { .client = &client, .topic = topic, .payload = payload, .payloadlen = 3 };
    assert_int_equal(fake_fire(MOSQ_EVT_CONTROL, &control), MOSQ_ERR_SUCCESS);
    assert_true(fake.client.unchecked);
    (void)ask_access(MOSQ_ACL_WRITE, topic, payload);
    assert_int_equal(fake_fire(MOSQ_EVT_CONTROL, &control), MOSQ_ERR_SUCCESS);
    assert_false(fake.client.unchecked);
    assert_int_equal(fake.controls, 2);
    end();
}

/* hostile 74 */
static void test_request_properties(void **state)
{
    (void)state;
    static const struct {
        unsigned user;
        size_t correlation;
        bool excessive;
    } rows[] = { { 0, 0, false },   { 3, 8, false },   { 16, 256, false }, { 17, 8, true },
                 { 0, 257, true },  { 1000, 0, true }, { 0, 65535, true } };
    char topic[] = "t", payload[] = "abc";
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mosquitto_evt_message data = message(topic, payload);
        data.retain = false;
        data.properties = fake_properties(rows[i].user, rows[i].correlation);
        (void)fake_fire(MOSQ_EVT_MESSAGE, &data);
        free(data.properties);
        assert_int_equal(fake.properties_seen.excessive, rows[i].excessive);
        if (!rows[i].excessive) {
            assert_int_equal(fake.properties_seen.user_properties, rows[i].user);
            assert_int_equal(fake.properties_seen.correlation.len, rows[i].correlation);
        }
    }
    struct mosquitto_evt_message retained = message(topic, payload);
    (void)fake_fire(MOSQ_EVT_MESSAGE, &retained); /* hostile 67 */
    assert_true(fake.properties_seen.excessive);
    end();
}

static void test_farewells(void **state)
{
    (void)state;
    struct mosquitto_evt_disconnect data = { .client = &client, .reason = -1 };
    struct api_client_event other = { .client = &client };
    struct api_tick_event tick = { 0 };
    assert_int_equal(begin(true), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake_fire(MOSQ_EVT_DISCONNECT, &data), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake.disconnects, 1);
    assert_false(fake.client.persistent); /* nothing is kept */
    /* its will is checked now; that must not look like a client that is there */
    (void)ask_access(MOSQ_ACL_WRITE, "will/topic", NULL);
    assert_null(fake.client.address);
    (void)fake_fire(MOSQ_EVT_TICK, &tick);
    (void)ask_access(MOSQ_ACL_WRITE, "some/topic", NULL); /* a new client at the same address */
    assert_string_equal(fake.client.address, "127.0.0.1");
    assert_int_equal(fake_fire(API_EVT_CLIENT_OFFLINE, &other), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake.disconnects, 2);
    assert_true(fake.client.persistent); /* the broker says so by the event */
    assert_int_equal(fake.resumes, 0);   /* whoever comes back is told with CONNECT */
    end();
}

/* 2.0 has no CONNECT, but the session that was kept for a client is bidden farewell when its client is back. */
static void test_farewells_of_kept_sessions(void **state)
{
    (void)state;
    struct mosquitto kept = client;
    struct mosquitto_evt_disconnect data = { .client = &kept, .reason = -1 };
    X509 *x509 = X509_new();
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    fake.x509 = x509;
    kept.clean = false;
    (void)fake_fire(MOSQ_EVT_DISCONNECT, &data); /* its connection ends */
    assert_true(fake.client.persistent);
    assert_int_equal(fake.resumes, 0);
    fake.x509 = NULL;
    (void)fake_fire(MOSQ_EVT_DISCONNECT, &data); /* it has none */
    assert_int_equal(fake.resumes, 1);
    fake.x509 = x509;
    kept.clean = true;
    (void)fake_fire(MOSQ_EVT_DISCONNECT, &data); /* it is taken over */
    assert_int_equal(fake.resumes, 2);
    assert_int_equal(fake.disconnects, 3);
    fake.x509 = NULL;
    X509_free(x509);
    end();
}

/* Ticks until somebody is noticed for having come, or for longer than it takes. */
static unsigned arrivals_noticed(void)
{
    struct api_tick_event tick = { 0 };
    int64_t end_ms = cr_mono_ms(cr_clock_system()) + 700;
    while (fake.connects == 0 && cr_mono_ms(cr_clock_system()) < end_ms) {
        (void)fake_fire(MOSQ_EVT_TICK, &tick);
    }
    return fake.connects;
}

/* 2.1 tells of a connection; who asks for something right then is noticed by that, who stays silent a little later. */
static void test_arrivals(void **state)
{
    (void)state;
    struct api_client_event came = { .client = &client };
    struct api_tick_event tick = { 0 };
    struct mosquitto successor = client;
    X509 *x509 = X509_new();
    static const struct {
        bool found, same, certificate;
        unsigned noticed;
    } rows[] = { { true, true, true, 1 }, { true, true, false, 0 }, { true, false, true, 0 }, { false, false, true, 0 } };
    assert_non_null(x509);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(begin(true), MOSQ_ERR_SUCCESS);
        fake.x509 = rows[i].certificate ? x509 : NULL;
        fake.found = !rows[i].found ? NULL : rows[i].same ? &client : &successor;
        assert_int_equal(fake_fire(API_EVT_CONNECT, &came), MOSQ_ERR_SUCCESS);
        (void)fake_fire(MOSQ_EVT_TICK, &tick);
        assert_int_equal(fake.connects, 0);
        assert_int_equal(arrivals_noticed(), rows[i].noticed);
        end();
    }
    assert_int_equal(begin(true), MOSQ_ERR_SUCCESS);
    (void)fake_fire(API_EVT_CONNECT, &came); /* nobody looks any more: freed */
    end();
    X509_free(x509);
}

/* What 2.1.2 makes of a tick's answer: how long it sleeps, and whether the next turn of the loop ticks. */
static void test_tick(void **state)
{
    (void)state;
    static const unsigned wishes[] = { 0, 1, 20, 500, 999, 1000, 5000 };
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        assert_int_equal(begin(true), MOSQ_ERR_SUCCESS);
        fake.tick_ms = wishes[i];
        for (long now_ns = 0; now_ns < 1000000000; now_ns += 499999999) {
            struct api_tick_event data = { .now_s = 1000, .now_ns = now_ns };
            assert_int_equal(fake_fire(MOSQ_EVT_TICK, &data), MOSQ_ERR_SUCCESS);
            long sleep_ms = (long)data.next_s * 1000 + data.next;
            assert_true(sleep_ms > 0 && sleep_ms < 1000);
            if (wishes[i] > 0 && wishes[i] < 1000) {
                assert_int_equal(sleep_ms, wishes[i]);
            }
            time_t at_s = data.now_s + data.next_s;
            long at_ns = data.now_ns + 1000000 * data.next;
            if (at_ns > 1000000000) {
                at_ns -= 1000000000;
                at_s += 1;
            }
            assert_true(at_s < data.now_s); /* so a wake-up ticks at once */
        }
        end();
    }
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    struct api_tick_event data = { 0 };
    fake.tick_ms = 20;
    assert_int_equal(fake_fire(MOSQ_EVT_TICK, &data), MOSQ_ERR_SUCCESS);
    assert_int_equal(data.next, 0);
    end();
}

static void test_reload(void **state)
{
    (void)state;
    struct mosquitto_evt_reload data = { 0 };
    assert_int_equal(begin(true), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake_fire(MOSQ_EVT_RELOAD, &data), MOSQ_ERR_SUCCESS);
    end();
    assert_int_equal(begin(false), MOSQ_ERR_SUCCESS);
    assert_int_equal(fake_fire(MOSQ_EVT_RELOAD, &data), MOSQ_ERR_PLUGIN_DEFER);
    assert_int_equal(fake.reloads, 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_and_stop),
        cmocka_unit_test(test_failed_start),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_access_on_another_thread),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_unchecked_messages),
        cmocka_unit_test(test_request_properties),
        cmocka_unit_test(test_farewells),
        cmocka_unit_test(test_farewells_of_kept_sessions),
        cmocka_unit_test(test_arrivals),
        cmocka_unit_test(test_tick),
        cmocka_unit_test(test_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
