/* The agent's machine, one behaviour a test, over a world of memory. Power is test_agent_power's. */
#include "test_agent_toy.h"
#include "test_agent_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct world world;
static struct agent_ports ports;
static struct agent_config config;

static int set_up(void **state)
{
    (void)state;
    world_init(&world, &ports);
    world_open(&world, &ports);
    config = world_config;
    return 0;
}

static struct agent *agent(void)
{
    return &world.agent;
}

/* A renewal up to the certificate on trial. */
static void to_trial(void)
{
    world_trigger(&world);
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
    assert_true(agent_wants_reconnect(agent()));
    world_hang_up(&world);
}

static void test_trigger_to_report(void **state)
{
    (void)state;
    to_trial();
    assert_int_equal(0, world.installed_reports);
    assert_true(world_connect(&world));
    assert_int_equal(AGENT_INSTALLED, agent_phase(agent()));
    world_deliver(&world);
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(1, world.installed_reports);
    assert_int_equal(1, world.generation);
    assert_int_equal(1, world.csrs);
    assert_int_equal(1, world.events[AGENT_EVENT_DONE]);
    assert_int_equal(INT64_MAX, agent_due_ms(agent()));
}

static void test_quiet(void **state)
{
    (void)state;
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(1, world.events[AGENT_EVENT_QUIET]);
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(0, world.csrs);
}

static void test_many_renewals(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 20; i++) {
        to_trial();
        assert_true(world_connect(&world));
        world_deliver(&world);
        world_hang_up(&world);
        assert_int_equal(i, world.generation);
    }
    assert_int_equal(20, world.keys_made);
}

static void test_repeated_trigger_is_one_request(void **state)
{
    (void)state;
    const char *renew = "{\"renewalId\":\"00000000-0000-4000-8000-000000000001\",\"slot\":\"operational\"}";
    assert_true(world_connect(&world));
    world_deliver(&world);
    world_say(&world, "renew", renew);
    world_say(&world, "renew", renew);
    world_deliver(&world);
    assert_int_equal(1, world.csrs); /* rejected as too early, far away: given up; the second trigger came before that */
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
}

static void test_trigger_that_cannot_be_served(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{}", "[]", "{\"renewalId\":7}", "{\"renewalId\":\"x\"}",
        "{\"renewalId\":\"00000000-0000-4000-8000-00000000000G\"}",
        "{\"renewalId\":\"00000000-0000-4000-8000-000000000001\"} x",
        "{\"renewalId\":\"00000000-0000-4000-8000-000000000001\",\"slot\":\"data\"}",
        "{\"renewalId\":\"00000000-0000-4000-8000-000000000001\",\"keyAlgorithms\":[\"RSA\"]}",
    };
    assert_true(world_connect(&world));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(AGENT_INVALID, agent_message(agent(), "$identity/v1/meter-17/operational/renew",
                                                      (const uint8_t *)bad[i], strlen(bad[i]), NULL));
    }
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(0, world.csrs);
}

static void test_foreign_topics(void **state)
{
    (void)state;
    static const char *const topics[] = {
        "", "$identity/v1/meter-17/operational/csr", "$identity/v1/meter-17/data/renew",
        "$identity/v1/meter-18/operational/renew", "$identity/v1/meter-17/operational/renew/x",
        "identity/v1/meter-17/operational/renew",
    };
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        assert_int_equal(AGENT_NOT_FOUND, agent_message(agent(), topics[i], (const uint8_t *)"{}", 2, NULL));
    }
}

static void test_rejected_for_now(void **state)
{
    (void)state;
    world.any_time = true;
    assert_int_equal(AGENT_OK, agent_request(agent())); /* offline: asked at the next connection */
    assert_int_equal(AGENT_BUSY, agent_request(agent()));
    assert_int_equal(AGENT_BUSY, agent_ask(agent()));
    assert_true(world_connect(&world));
    world.inbox_len = 0; /* its certificate got lost */
    world_say(&world, "rejected", "{\"statusCode\":503,\"errorCode\":\"busy\",\"retryAfter\":7}");
    world_deliver(&world);
    assert_string_equal("busy", world.detail);
    assert_int_equal(AGENT_REQUESTED, agent_phase(agent()));
    assert_true(agent_due_ms(agent()) >= world.now_ms - 100 + 7000);
    assert_true(agent_due_ms(agent()) <= world.now_ms + 7000 * 5 / 4);
    assert_int_equal(AGENT_OK, agent_poll(agent()));
    assert_int_equal(1, world.csrs);
    world.now_ms = agent_due_ms(agent());
    assert_int_equal(AGENT_OK, agent_poll(agent()));
    assert_int_equal(2, world.csrs);
    assert_int_equal(1, world.keys_asked); /* the same key */
    world_deliver(&world);
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
}

static void test_rejected_for_good(void **state)
{
    (void)state;
    world.any_time = true;
    assert_int_equal(AGENT_OK, agent_request(agent()));
    assert_true(world_connect(&world));
    world.inbox_len = 0;
    world_say(&world, "rejected", "{\"statusCode\":422,\"errorCode\":\"key-not-allowed\"}");
    world_deliver(&world);
    assert_int_equal(1, world.events[AGENT_EVENT_GAVE_UP]);
    assert_string_equal("key-not-allowed", world.detail);
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    world.any_time = true;
    world.issued = 0;
    assert_int_equal(AGENT_OK, agent_request(agent()));
    assert_int_equal(2, world.keys_asked); /* another key */
}

static void test_pending(void **state)
{
    (void)state;
    world.any_time = true;
    assert_int_equal(AGENT_OK, agent_request(agent()));
    assert_true(world_connect(&world));
    struct world_message certificate = world.inbox[0];
    world.inbox_len = 0;
    world_say(&world, "pending", "{\"renewalId\":\"00000000-0000-4000-8000-00000000abcd\",\"retryAfter\":30}");
    world_deliver(&world);
    assert_true(agent_due_ms(agent()) >= world.now_ms + 29000);
    assert_string_equal("00000000-0000-4000-8000-00000000abcd", agent()->state.renewal_id);
    world.inbox[world.inbox_len++] = certificate;
    world_deliver(&world);
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
}

static void test_no_answer_backs_off(void **state)
{
    (void)state;
    world.any_time = true;
    assert_int_equal(AGENT_OK, agent_request(agent()));
    assert_true(world_connect(&world));
    int64_t last = 0;
    for (unsigned i = 2; i <= 10; i++) {
        int64_t wait = agent_due_ms(agent()) - world.now_ms;
        assert_true(wait >= last);
        assert_true(wait <= 64 * 10000 * 5 / 4);
        last = wait;
        world.now_ms = agent_due_ms(agent());
        world.inbox_len = world.unacknowledged_len = 0;
        assert_int_equal(AGENT_OK, agent_poll(agent()));
        assert_int_equal(i, world.csrs);
    }
    assert_true(last > 600 * 1000);
    agent_disconnected(agent());
    assert_int_equal(INT64_MAX, agent_due_ms(agent())); /* nothing to do without a connection */
}

static void test_certificates_that_are_not_for_us(void **state)
{
    (void)state;
    world_trigger(&world);
    assert_true(world_connect(&world));
    world.inbox_len = 0;
    agent()->csr_sent_ms = world.now_ms; /* no repeated request */
    world_say(&world, "renew", "{\"renewalId\":\"00000000-0000-4000-8000-000000000001\"}");
    world_deliver(&world); /* TRIAL: the world's plugin answers at once */
    uint8_t stranger[TOY_CHAIN_LEN] = { 0x30, 1, 2, 3, 4 };
    assert_int_equal(AGENT_OK, agent_message(agent(), "$identity/v1/meter-17/operational/certificate", stranger,
                                             sizeof stranger, NULL));
    assert_int_equal(AGENT_TRIAL, agent_phase(agent())); /* not looked at any more */
}

static void test_strangers_are_reported_in_the_end(void **state)
{
    (void)state;
    uint8_t stranger[TOY_CHAIN_LEN] = { 0x30, 1, 2, 3, 4 };
    world.any_time = true;
    assert_int_equal(AGENT_OK, agent_request(agent()));
    assert_true(world_connect(&world));
    world.inbox_len = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(AGENT_REQUESTED, agent_phase(agent()));
        assert_int_equal(AGENT_OK, agent_message(agent(), "$identity/v1/meter-17/operational/certificate", stranger,
                                                 sizeof stranger, "00000000-0000-4000-8000-00000000abcd"));
    }
    assert_int_equal(1, world.events[AGENT_EVENT_REFUSED]);
    assert_string_equal("certificate-for-another-key", world.detail);
    assert_int_equal(AGENT_FAILED, agent_phase(agent())); /* the plugin never named the renewal: `get` must do */
    world_deliver(&world);
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(0, world.failed_reports);
    /* The plugin still has the certificate of the key that was given up, and says so at the next appearance. */
    assert_int_not_equal(0, world.issued);
    assert_int_equal(1, world.csrs);
    world_hang_up(&world);
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(2, world.keys_asked);
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
}

static void test_corrupt_is_refused_and_reported(void **state)
{
    (void)state;
    world_trigger(&world);
    world.corrupt_next = 1;
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_string_equal("certificate-untrusted", world.detail);
    assert_int_equal(1, world.failed_reports);
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_true(world.triggered);
    world_hang_up(&world);
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
}

static void test_clock(void **state)
{
    (void)state;
    static const struct {
        int64_t now_s;
        bool accepted;
    } rows[] = {
        { 0, true },                             /* 1970: proves nothing */
        { 1893456000, true },                    /* within both certificates */
        { 1893456000 + 90LL * 86400 + 1, true }, /* past the current one, which just made the connection: wrong clock */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)set_up(NULL);
        world.now_s = rows[i].now_s;
        world_trigger(&world);
        assert_true(world_connect(&world));
        world_deliver(&world);
        assert_int_equal(rows[i].accepted ? AGENT_TRIAL : AGENT_IDLE, agent_phase(agent()));
    }
    (void)set_up(NULL);
    agent()->state.slot[0].validity.not_after += 1000LL * 86400; /* a long-lived current one vouches for the clock */
    world.now_s = 1893456000 + 100LL * 86400;
    world_trigger(&world);
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_string_equal("certificate-not-valid-now", world.detail);
}

static void test_refused_certificate_rolls_back(void **state)
{
    (void)state;
    world.refuse_next = 1;
    to_trial();
    assert_false(world_connect(&world)); /* refused: the very next one is with the old pair */
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(1, world.rolled_back_reports);
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(1, world.current);
    world_hang_up(&world);
    assert_true(world_connect(&world)); /* triggered again, and this time it is good */
    world_deliver(&world);
    world_hang_up(&world);
    assert_true(world_connect(&world));
    assert_int_equal(1, world.generation);
}

static void test_network_failures_do_not_roll_back(void **state)
{
    (void)state;
    struct agent_identity identity;
    to_trial();
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(AGENT_OK, agent_credentials(agent(), &identity));
            assert_int_equal(1, agent()->presented); /* the new one */
            agent_connect_failed(agent(), false);
        }
        assert_int_equal(AGENT_OK, agent_credentials(agent(), &identity));
        assert_int_equal(0, agent()->presented); /* is it the certificate? no: the old one fails as well */
        agent_connect_failed(agent(), false);
    }
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(1, world.generation);
    assert_int_equal(0, world.rolled_back_reports);
}

static void test_damaged_pairs(void **state)
{
    (void)state;
    struct agent_identity identity;
    to_trial();
    world.record[AGENT_RECORD_CHAIN_1].data[3] ^= 1; /* the one on trial */
    assert_int_equal(AGENT_OK, agent_credentials(agent(), &identity));
    assert_int_equal(AGENT_ROLLED_BACK, agent_phase(agent()));
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(1, world.rolled_back_reports);
    world_hang_up(&world);

    to_trial();
    world.record[AGENT_RECORD_KEY_0].data[1] ^= 1; /* the old one: nothing to fall back to, but nothing lost either */
    assert_true(world_connect(&world));
    world_deliver(&world);
    world_hang_up(&world);
    assert_int_equal(1, world.generation);
    world.record[AGENT_RECORD_KEY_1].data[1] ^= 1;
    assert_int_equal(AGENT_STORAGE, agent_credentials(agent(), &identity));
}

static void test_no_random_numbers_no_request(void **state)
{
    (void)state;
    world.random_fails = true;
    assert_int_equal(AGENT_CRYPTO, agent_prepare(agent()));
    assert_int_equal(AGENT_CRYPTO, agent_request(agent()));
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    world.random_fails = false;
    assert_int_equal(AGENT_OK, agent_prepare(agent()));
    unsigned writes = world.steps;
    assert_int_equal(AGENT_OK, agent_prepare(agent()));
    assert_int_equal(writes, world.steps); /* nothing left to prepare */
}

static void test_other_slot_is_installed_when_stored(void **state)
{
    (void)state;
    config.own_link = false;
    assert_int_equal(AGENT_OK, agent_open(agent(), &config, &ports, world.scratch, sizeof world.scratch));
    world_trigger(&world);
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(1, world.installed_reports);
    assert_int_equal(1, agent()->state.current);
}

static void test_who_cannot_report_is_seen(void **state)
{
    (void)state;
    world.any_time = true;
    assert_int_equal(AGENT_OK, agent_request(agent()));
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_string_equal("", agent()->state.renewal_id); /* DER and MQTT 3.1.1: nothing named the renewal */
    world_hang_up(&world);
    assert_true(world_connect(&world));
    assert_int_equal(AGENT_INSTALLED, agent_phase(agent()));
    world_deliver(&world);
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(0, world.installed_reports);
    assert_int_equal(1, world.generation); /* the plugin had something to see the connection by */
}

static void test_open_and_provision_refuse(void **state)
{
    (void)state;
    struct agent fresh;
    config.device = "a/b";
    assert_int_equal(AGENT_INVALID, agent_open(&fresh, &config, &ports, world.scratch, sizeof world.scratch));
    config = world_config;
    assert_int_equal(AGENT_NO_ROOM, agent_open(&fresh, &config, &ports, world.scratch, AGENT_SCRATCH_MIN - 1));
    memset(world.record, 0, sizeof world.record);
    assert_int_equal(AGENT_NOT_FOUND, agent_open(&fresh, &config, &ports, world.scratch, sizeof world.scratch));
    const uint8_t key[5] = { 'K', 1 }, chain[TOY_CHAIN_LEN] = { 0x30, 2 };
    assert_int_equal(AGENT_INVALID, agent_provision(&config, &ports, key, sizeof key, chain, sizeof chain));
    assert_int_equal(AGENT_NOT_FOUND, agent_open(&fresh, &config, &ports, world.scratch, sizeof world.scratch));
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_trigger_to_report), T(test_quiet), T(test_many_renewals), T(test_repeated_trigger_is_one_request),
        T(test_trigger_that_cannot_be_served), T(test_foreign_topics), T(test_rejected_for_now),
        T(test_rejected_for_good), T(test_pending), T(test_no_answer_backs_off),
        T(test_certificates_that_are_not_for_us), T(test_strangers_are_reported_in_the_end),
        T(test_corrupt_is_refused_and_reported), T(test_clock), T(test_refused_certificate_rolls_back),
        T(test_network_failures_do_not_roll_back), T(test_damaged_pairs), T(test_no_random_numbers_no_request),
        T(test_other_slot_is_installed_when_stored), T(test_who_cannot_report_is_seen),
        T(test_open_and_provision_refuse),
    };
    return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
