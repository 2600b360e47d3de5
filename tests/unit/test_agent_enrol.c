/* The first certificate, and the one after the last was lost. Power is test_agent_power's. */
#include "test_agent_toy.h"
#include "test_agent_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct world world;
static struct agent_ports ports;
static struct agent_identity identity;

static struct agent *agent(void)
{
    return &world.agent;
}

static int set_up(void **state)
{
    (void)state;
    world_init_unborn(&world, &ports, AGENT_ENROL_FACTORY);
    world_open(&world, &ports);
    return 0;
}

/* A device with a certificate of its own, and a factory's identity to fall back to. */
static int set_up_born(void **state)
{
    (void)state;
    world_init(&world, &ports);
    world.config.enrol = AGENT_ENROL_FACTORY;
    world.config.refusals_max = 3;
    world.may_enrol = true;
    world_open(&world, &ports);
    return 0;
}

static enum agent_identity_kind shows(void)
{
    assert_int_equal(AGENT_OK, agent_credentials(agent(), &identity));
    return identity.kind;
}

/* A connection from its beginning to its end. */
static bool live(void)
{
    world.now_ms += 60 * 1000;
    if (!world_connect(&world)) {
        return false;
    }
    world_deliver(&world);
    world_hang_up(&world);
    return true;
}

static void test_from_the_factory(void **state)
{
    (void)state;
    assert_int_equal(AGENT_BY_FACTORY, shows());
    assert_true(world_connect(&world));
    assert_int_equal(1, world.csrs); /* at once */
    assert_true(world.record[AGENT_RECORD_KEY_1].there); /* and its key was durable before */
    world_deliver(&world);
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
    assert_true(agent_wants_reconnect(agent()));
    world_hang_up(&world);
    assert_int_equal(AGENT_BY_OWN, shows());
    assert_true(live());
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(1, world.generation);
    assert_int_equal(1, world.events[AGENT_EVENT_INSTALLED]);
    assert_int_equal(1, world.events[AGENT_EVENT_ENROLLED]);
    assert_string_equal("", world.detail); /* for the first time */
    world_trigger(&world); /* and its renewals are as anybody's */
    assert_true(live() && live());
    assert_int_equal(2, world.generation);
    assert_int_equal(1, world.events[AGENT_EVENT_ENROLLED]);
}

/* Without a certificate there is nothing to tell a good clock by. */
static void test_any_clock_will_do(void **state)
{
    (void)state;
    static const int64_t clocks[] = { 0, 1, TOY_NOW, TOY_NOW + 1000LL * 86400, -1 };
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        (void)set_up(NULL);
        world.now_s = clocks[i];
        assert_true(live() && live());
        assert_int_equal(1, world.generation);
    }
}

static void test_by_token(void **state)
{
    (void)state;
    world_init_unborn(&world, &ports, AGENT_ENROL_TOKEN);
    world_open(&world, &ports);
    assert_int_equal(AGENT_BY_TOKEN, shows());
    assert_int_equal(0, identity.key_len + identity.chain_len);
    assert_true(live() && live());
    assert_int_equal(1, world.generation);
    assert_int_equal(AGENT_BY_OWN, shows());
}

static void test_configurations(void **state)
{
    (void)state;
    struct agent fresh;
    struct agent_config config = world.config;
    uint8_t scratch[AGENT_SCRATCH_TRUST_MIN];
    config.own_link = false; /* another slot's certificate says nothing about the connection */
    assert_int_equal(AGENT_INVALID, agent_open(&fresh, &config, &ports, scratch, sizeof scratch));
    config = world.config;
    config.factory.key_len = 0;
    assert_int_equal(AGENT_INVALID, agent_open(&fresh, &config, &ports, scratch, sizeof scratch));
    config.factory.key_len = AGENT_KEY_MAX + 1;
    assert_int_equal(AGENT_INVALID, agent_open(&fresh, &config, &ports, scratch, sizeof scratch));
    config = world.config;
    config.factory.chain_len = AGENT_CHAIN_MAX + 1;
    assert_int_equal(AGENT_INVALID, agent_open(&fresh, &config, &ports, scratch, sizeof scratch));
    config.enrol = AGENT_ENROL_NEVER;
    assert_int_equal(AGENT_NOT_FOUND, agent_open(&fresh, &config, &ports, scratch, sizeof scratch));
}

static void test_not_allowed_yet(void **state)
{
    (void)state;
    world.may_enrol = false;
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(1, world.enrolments_rejected);
    assert_string_equal("already-enrolled", world.detail);
    for (unsigned i = 2; i <= 5; i++) { /* stays, and asks as often as it was told to */
        int64_t wait = agent_due_ms(agent()) - world.now_ms;
        assert_true(wait >= 29 * 1000 && wait <= 38 * 1000);
        assert_false(agent_wants_reconnect(agent()));
        world.now_ms = agent_due_ms(agent());
        assert_int_equal(AGENT_OK, agent_poll(agent()));
        world_deliver(&world);
        assert_int_equal(i, world.enrolments_rejected);
    }
    assert_int_equal(1, world.keys_asked);
    world.may_enrol = true;
    world.now_ms = agent_due_ms(agent());
    assert_int_equal(AGENT_OK, agent_poll(agent()));
    world_deliver(&world);
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
}

static void test_rejected_for_good_takes_another_key(void **state)
{
    (void)state;
    assert_true(world_connect(&world));
    world.inbox_len = 0;
    world_say(&world, "rejected", "{\"statusCode\":409,\"errorCode\":\"key-reused\"}");
    world_deliver(&world);
    assert_int_equal(1, world.events[AGENT_EVENT_GAVE_UP]);
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(1, world.csrs);
    assert_int_equal(AGENT_BUSY, agent_ask(agent())); /* `get` is nothing for this identity */
    assert_true(agent_due_ms(agent()) < INT64_MAX);
    world.now_ms = agent_due_ms(agent());
    assert_int_equal(AGENT_OK, agent_poll(agent()));
    assert_int_equal(2, world.keys_asked);
    world_deliver(&world);
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
}

static void test_damaged_certificate_is_asked_for_again(void **state)
{
    (void)state;
    world.corrupt_next = 1;
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(1, world.events[AGENT_EVENT_REFUSED]);
    assert_int_equal(AGENT_REQUESTED, agent_phase(agent()));
    world.now_ms = agent_due_ms(agent());
    assert_int_equal(AGENT_OK, agent_poll(agent()));
    world_deliver(&world);
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
    assert_int_equal(1, world.keys_asked);
    assert_int_equal(1, world.serials);
    assert_int_equal(0, world.failed_reports);
}

static void test_bad_certificates_take_another_key(void **state)
{
    (void)state;
    world.corrupt_next = 3;
    assert_true(world_connect(&world));
    world_deliver(&world);
    for (int i = 0; i < 3; i++) {
        assert_int_not_equal(AGENT_TRIAL, agent_phase(agent()));
        world.now_ms = agent_due_ms(agent());
        assert_int_equal(AGENT_OK, agent_poll(agent()));
        world_deliver(&world);
    }
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
    assert_int_equal(2, world.keys_asked);
}

static void test_certificate_that_nobody_takes(void **state)
{
    (void)state;
    world.refuse_next = 1;
    assert_true(live());
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
    assert_false(world_connect(&world));
    assert_int_equal(AGENT_BY_FACTORY, shows());
    assert_true(world_connect(&world));
    assert_int_equal(1, world.events[AGENT_EVENT_ROLLED_BACK]);
    assert_int_equal(1, world.csrs); /* not at once: it would go round and round */
    world.now_ms = agent_due_ms(agent());
    assert_int_equal(AGENT_OK, agent_poll(agent()));
    assert_int_equal(2, world.keys_asked);
    world_deliver(&world);
    world_hang_up(&world);
    assert_true(live());
    assert_int_equal(1, world.generation);
}

static void test_refused_falls_back(void **state)
{
    (void)state;
    world.cert[1].refused_at_connect = true;
    assert_false(live());
    assert_false(live());
    assert_int_equal(AGENT_BY_OWN, shows());
    agent_connect_failed(agent(), false); /* could be the network: does not count */
    assert_int_equal(AGENT_BY_OWN, shows());
    assert_false(live());
    assert_int_equal(AGENT_BY_FACTORY, shows());
    assert_string_equal("refused", world.detail);
    assert_true(live());
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
    assert_true(world.record[AGENT_RECORD_KEY_0].there && world.record[AGENT_RECORD_CHAIN_0].there);
    assert_true(live());
    assert_int_equal(1, world.generation);
    assert_string_equal("again", world.detail);
    assert_int_equal(AGENT_BY_OWN, shows());
}

static void test_success_forgets_refusals(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        world.cert[1].refused_at_connect = true;
        assert_false(live());
        assert_false(live());
        world.cert[1].refused_at_connect = false;
        assert_true(live());
    }
    assert_int_equal(AGENT_BY_OWN, shows());
    assert_int_equal(0, world.events[AGENT_EVENT_ENROLLING]);
}

static void test_temporary_refusal_does_not_lose_it(void **state)
{
    (void)state;
    world.cert[1].refused_at_connect = true;
    world.may_enrol = false; /* the plugin thinks well of the certificate */
    for (int i = 0; i < 3; i++) {
        assert_false(live());
    }
    world.now_ms += 60 * 1000;
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_int_equal(1, world.enrolments_rejected);
    assert_true(agent_wants_reconnect(agent())); /* back to its own */
    world_hang_up(&world);
    assert_int_equal(AGENT_BY_OWN, shows());
    unsigned rejected = world.enrolments_rejected, own = 0;
    for (int i = 0; i < 60; i++) { /* an hour of it: both in turn, the factory's more and more seldom */
        own += live() ? 0 : 1;
    }
    assert_true(world.enrolments_rejected - rejected >= 3 && world.enrolments_rejected - rejected <= 6);
    assert_true(own >= 50);
    world.cert[1].refused_at_connect = false;
    for (int i = 0; i < 3; i++) {
        (void)live();
    }
    assert_int_equal(AGENT_IDLE, agent_phase(agent()));
    assert_int_equal(1, world.current);
    assert_int_equal(0, world.generation);
    assert_int_equal(AGENT_BY_OWN, shows());
    world_trigger(&world); /* the key that was made meanwhile serves the next renewal */
    assert_true(live() && live());
    assert_int_equal(1, world.generation);
    assert_int_equal(1, world.keys_asked);
}

static void test_expired_falls_back(void **state)
{
    (void)state;
    world.now_s = TOY_NOW + 91LL * 86400;
    assert_int_equal(AGENT_BY_OWN, shows()); /* the plugin may take it still */
    agent_connect_failed(agent(), false);
    assert_int_equal(AGENT_BY_FACTORY, shows());
    assert_string_equal("expired", world.detail);
    (void)set_up_born(NULL);
    world.now_s = TOY_NOW + 100LL * 365 * 86400; /* no clock is right about that */
    assert_int_equal(AGENT_BY_OWN, shows());
    agent_connect_failed(agent(), false);
    assert_int_equal(AGENT_BY_OWN, shows());
}

/* Nobody answered for longer than its certificate lasts: that says nothing about the factory's. */
static void test_expired_while_nobody_answered(void **state)
{
    (void)state;
    world.now_s = TOY_NOW + 91LL * 86400;
    for (int i = 0; i < 30; i++) {
        (void)shows();
        agent_connect_failed(agent(), false);
        world.now_ms += 30 * 1000;
    }
    world.cert[1].refused_at_connect = true;
    unsigned connections = 0;
    while (world.generation == 0 && ++connections < 10) {
        (void)live();
    }
    assert_int_equal(1, world.generation);
    assert_true(connections <= 4);
}

/* The same in the middle of a renewal: both pairs have ended, and neither is at fault. */
static void test_expired_on_trial(void **state)
{
    (void)state;
    world_trigger(&world);
    assert_true(live());
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
    world.now_s += 200LL * 86400;
    for (int i = 0; i < 30; i++) {
        (void)shows();
        agent_connect_failed(agent(), false);
        world.now_ms += 30 * 1000;
    }
    world.cert[1].refused_at_connect = world.cert[2].refused_at_connect = true;
    for (int i = 0; i < 6 && world.generation == 0; i++) { /* in no time */
        if (world_connect(&world)) {
            world_deliver(&world);
            world_hang_up(&world);
        }
    }
    assert_int_equal(1, world.generation);
}

static void test_never_means_never(void **state)
{
    (void)state;
    world.config.enrol = AGENT_ENROL_NEVER;
    world.cert[1].refused_at_connect = true;
    for (int i = 0; i < 20; i++) {
        assert_false(live());
        assert_int_equal(AGENT_BY_OWN, shows());
    }
}

static void test_damaged_pairs_fall_back(void **state)
{
    (void)state;
    world.record[AGENT_RECORD_CHAIN_0].data[3] ^= 1;
    assert_int_equal(AGENT_BY_FACTORY, shows());
    assert_string_equal("storage", world.detail);
    assert_true(live() && live());
    assert_int_equal(1, world.generation);
    assert_int_equal(1, world.events[AGENT_EVENT_ENROLLED]);
    memset(world.record, 0, sizeof world.record); /* and everything at once */
    world_open(&world, &ports);
    assert_int_equal(AGENT_BY_FACTORY, shows());
    assert_true(live() && live());
    assert_int_equal(2, world.generation);
}

static void test_unanswered_goes_back(void **state)
{
    (void)state;
    world.cert[1].refused_at_connect = true;
    for (int i = 0; i < 3; i++) {
        assert_false(live());
    }
    assert_true(world_connect(&world));
    for (int i = 0; i < 10 && !agent_wants_reconnect(agent()); i++) {
        world.inbox_len = world.unacknowledged_len = 0; /* a plugin that knows nothing of enrolment */
        world.now_ms = agent_due_ms(agent());
        assert_int_equal(AGENT_OK, agent_poll(agent()));
    }
    assert_true(agent_wants_reconnect(agent()));
    world_hang_up(&world);
    assert_int_equal(AGENT_BY_OWN, shows());
}

/* A key that was asked for, and rotted since. */
static void test_damaged_key_takes_another(void **state)
{
    (void)state;
    world.may_enrol = false;
    assert_true(live());
    assert_int_equal(AGENT_REQUESTED, agent_phase(agent()));
    world.record[AGENT_RECORD_KEY_1].data[2] ^= 1;
    world.may_enrol = true;
    world_open(&world, &ports); /* its CSR was in RAM */
    assert_true(live() && live());
    assert_int_equal(1, world.generation);
    assert_int_equal(2, world.keys_asked);
}

/* A renewal's own trial, and then neither the new nor the old certificate is taken. */
static void test_both_refused(void **state)
{
    (void)state;
    world.refuse_next = 1;
    world_trigger(&world);
    assert_true(live());
    assert_int_equal(AGENT_TRIAL, agent_phase(agent()));
    world.cert[1].refused_at_connect = true;
    unsigned connections = 0;
    while (world.generation == 0 && ++connections < 20) {
        (void)live();
    }
    assert_int_equal(1, world.generation);
    assert_int_equal(1, world.events[AGENT_EVENT_ENROLLED]);
    assert_true(connections <= 12);
}

#define T(name) cmocka_unit_test_setup(name, set_up)
#define B(name) cmocka_unit_test_setup(name, set_up_born)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_from_the_factory), T(test_any_clock_will_do), T(test_by_token), T(test_configurations), T(test_not_allowed_yet),
        T(test_rejected_for_good_takes_another_key), T(test_damaged_certificate_is_asked_for_again),
        T(test_bad_certificates_take_another_key), T(test_certificate_that_nobody_takes),
        T(test_damaged_key_takes_another), B(test_refused_falls_back),
        B(test_success_forgets_refusals), B(test_temporary_refusal_does_not_lose_it), B(test_expired_falls_back),
        B(test_expired_while_nobody_answered), B(test_expired_on_trial), B(test_never_means_never), B(test_damaged_pairs_fall_back), B(test_unanswered_goes_back),
        B(test_both_refused),
    };
    return cmocka_run_group_tests_name("agent, enrolment", tests, NULL, NULL);
}
