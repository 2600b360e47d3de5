/* Trust bundles: which are taken, what is believed in then, and how it goes back. Power is test_agent_power's. */
#include "agent_slots.h"
#include "test_agent_toy.h"
#include "test_agent_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TOPIC "$identity/v1/meter-17/ca/trust"

static struct world world;
static struct agent_ports ports;
static char json[WORLD_PAYLOAD_MAX];
static size_t json_len;

static struct agent *agent(void)
{
    return &world.agent;
}

static int set_up(void **state)
{
    (void)state;
    world_init(&world, &ports);
    world_open(&world, &ports);
    return 0;
}

static void bundle(uint32_t version, bool replace, uint8_t first, uint8_t second, uint8_t signer)
{
    world.bundle.version = version;
    world.bundle.replace = replace;
    memcpy(world.bundle.cas, (const uint8_t[4]){ first, second }, 4);
    world.bundle.signer = signer;
    world.bundle_answered = false;
    json_len = world_bundle(&world, json, sizeof json);
}

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

static enum agent_err hears(void)
{
    return agent_message(agent(), TOPIC, (const uint8_t *)json, json_len, NULL);
}

static bool believes(uint8_t number)
{
    uint8_t trust[AGENT_TRUST_MAX];
    size_t len = 0;
    assert_int_equal(AGENT_OK, agent_trust(agent(), trust, sizeof trust, &len));
    return toy_ca_in(trust, len, number);
}

static void test_add(void **state)
{
    (void)state;
    assert_int_equal(0, agent_trust_version(agent()));
    assert_true(believes(1) && !believes(2));
    bundle(3, false, 2, 0, 1);
    assert_true(live());
    assert_string_equal("{\"version\":3,\"outcome\":\"installed\"}", world.bundle_report);
    assert_int_equal(3, agent_trust_version(agent()));
    assert_true(believes(1) && believes(2) && !believes(3));
    world.server_ca = 2;
    world_open(&world, &ports); /* power was off */
    assert_int_equal(3, agent_trust_version(agent()));
    assert_true(live());
    bundle(4, false, 2, 3, 2); /* by one that came with the last; one of them is known */
    assert_true(live());
    assert_true(believes(1) && believes(2) && believes(3));
    assert_int_equal(3 * TOY_CA_LEN, agent()->state.trust[agent()->state.trust_current].len);
}

static void test_replace_is_on_trial(void **state)
{
    (void)state;
    bundle(1, true, 1, 2, 1);
    assert_true(world_connect(&world));
    world_deliver(&world);
    assert_true(agent_trust_on_trial(agent()));
    assert_true(agent_wants_reconnect(agent()));
    assert_int_equal(0, world.bundle_reports); /* not before it has proven itself */
    world_hang_up(&world);
    assert_true(live());
    assert_false(agent_trust_on_trial(agent()));
    assert_string_equal("{\"version\":1,\"outcome\":\"installed\"}", world.bundle_report);
    world.server_ca = 2;
    assert_true(live());
    bundle(2, false, 3, 0, 1);
    assert_true(live());
    bundle(3, true, 1, 0, 3); /* and away with 2 and 3 */
    assert_true(live());
    world.server_ca = 1;
    assert_true(live());
    assert_true(believes(1) && !believes(2) && !believes(3));
    assert_int_equal(3, agent_trust_version(agent()));
}

static void test_replace_that_nobody_fits_goes_back(void **state)
{
    (void)state;
    bundle(1, false, 2, 0, 1);
    assert_true(live());
    world.server_ca = 2;
    bundle(5, true, 1, 0, 1); /* forgets who the broker is */
    assert_true(live());
    assert_int_equal(5, agent_trust_version(agent()));
    world.bundle_reports = 0;
    for (int i = 0; i < 3; i++) {
        assert_false(live());
    }
    assert_true(live()); /* under the former set */
    assert_string_equal("{\"version\":5,\"outcome\":\"rolled-back\"}", world.bundle_report);
    assert_int_equal(1, agent_trust_version(agent()));
    assert_false(agent_trust_on_trial(agent()));
    assert_true(believes(2));
    world.bundle_answered = false; /* the same one again: once was enough */
    world.bundle_reports = 0;
    assert_true(live());
    assert_int_equal(1, world.bundle_reports);
    assert_string_equal("{\"version\":5,\"outcome\":\"rolled-back\"}", world.bundle_report);
    assert_int_equal(1, agent_trust_version(agent()));
    bundle(6, true, 1, 2, 1);
    assert_true(live() && live());
    assert_int_equal(6, agent_trust_version(agent()));
}

static void test_no_network_does_not_roll_back(void **state)
{
    (void)state;
    struct agent_identity identity;
    uint8_t trust[AGENT_TRUST_MAX];
    size_t len = 0;
    bundle(1, true, 1, 2, 1);
    assert_true(live());
    for (int i = 0; i < 4 * 5 + 1; i++) {
        assert_int_equal(AGENT_OK, agent_credentials(agent(), &identity));
        assert_int_equal(AGENT_OK, agent_trust(agent(), trust, sizeof trust, &len));
        assert_int_equal(i % 4 == 3 ? TOY_CA_LEN : 2 * TOY_CA_LEN, len); /* every fourth with the former set */
        agent_connect_failed(agent(), false);
    }
    world_open(&world, &ports);
    assert_true(live());
    assert_int_equal(1, agent_trust_version(agent()));
    assert_string_equal("{\"version\":1,\"outcome\":\"installed\"}", world.bundle_report);
}

static void test_refusals_say_nothing_about_it(void **state)
{
    (void)state;
    bundle(1, true, 1, 2, 1);
    assert_true(live());
    world.cert[1].refused_at_connect = true;
    for (int i = 0; i < 10; i++) {
        assert_false(live());
        assert_true(believes(2));
    }
}

static void test_own_certificate_must_survive(void **state)
{
    (void)state;
    bundle(1, true, 2, 3, 1);
    assert_true(live());
    assert_string_equal("{\"version\":1,\"outcome\":\"failed\",\"reason\":\"own-certificate-untrusted\"}",
                        world.bundle_report);
    assert_int_equal(0, agent_trust_version(agent()));
    assert_true(believes(1) && !believes(2));
    assert_false(world.record[AGENT_RECORD_TRUST_0].there || world.record[AGENT_RECORD_TRUST_1].there);
}

static void test_confirmed_again(void **state)
{
    (void)state;
    bundle(7, false, 2, 0, 1);
    assert_true(live());
    for (uint32_t version = 1; version <= 7; version += 3) {
        bundle(version, true, 3, 0, 9); /* whatever is in it */
        world.bundle_report[0] = '\0';
        unsigned writes = 0;
        assert_true(world_connect(&world));
        writes = world.steps;
        assert_int_equal(AGENT_OK, hears());
        assert_int_equal(writes + 1, world.steps); /* the report, and no write */
        assert_string_equal("{\"version\":7,\"outcome\":\"installed\"}", world.bundle_report);
        world_hang_up(&world);
    }
    assert_true(believes(2) && !believes(3));
}

static void test_forged(void **state)
{
    (void)state;
    assert_true(world_connect(&world));
    bundle(1, false, 2, 0, 2); /* by itself */
    assert_int_equal(AGENT_OK, hears());
    assert_string_equal("{\"version\":1,\"outcome\":\"failed\",\"reason\":\"signature-not-valid\"}",
                        world.bundle_report);
    bundle(1, false, 2, 0, 1);
    char *at = strstr(json, "\"version\":1");
    assert_non_null(at);
    at[strlen("\"version\":")] = '9'; /* of another version */
    assert_int_equal(AGENT_OK, hears());
    assert_string_equal("{\"version\":9,\"outcome\":\"failed\",\"reason\":\"signature-not-valid\"}",
                        world.bundle_report);
    bundle(1, true, 1, 2, 1);
    at = strstr(json, "\"replace\"");
    assert_non_null(at);
    memcpy(at, "\"add\"    ", 9); /* of the other mode */
    world.bundle_report[0] = '\0';
    assert_int_equal(AGENT_OK, hears());
    assert_non_null(strstr(world.bundle_report, "signature-not-valid"));
    assert_int_equal(0, agent_trust_version(agent()));
    assert_false(world.record[AGENT_RECORD_TRUST_0].there || world.record[AGENT_RECORD_TRUST_1].there);
}

static void test_unreadable(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{}", "[]", "null", "{\"version\":1}",
        "{\"version\":0,\"mode\":\"add\",\"certificates\":[],\"signer\":[],\"signature\":\"\"}",
        "{\"version\":1,\"mode\":\"add\",\"certificates\":[],\"signer\":[],\"signature\":\"\"}",
        "{\"version\":1,\"mode\":\"add\",\"certificates\":[7],\"signer\":[],\"signature\":\"\"}",
        "{\"version\":1,\"mode\":\"add\",\"certificates\":[\"x\"],\"signer\":[],\"signature\":\"\"}",
    };
    assert_true(world_connect(&world));
    unsigned steps = world.steps;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(AGENT_INVALID, agent_message(agent(), TOPIC, (const uint8_t *)bad[i], strlen(bad[i]), NULL));
    }
    bundle(1, false, 2, 3, 1);
    for (size_t len = 0; len < json_len; len++) { /* truncated at every byte */
        assert_int_equal(AGENT_INVALID, agent_message(agent(), TOPIC, (const uint8_t *)json, len, NULL));
    }
    for (const char *field = json; (field = strstr(field, "\":")) != NULL; field++) { /* each field missing */
        char saved = json[field - 1 - json];
        json[field - 1 - json] = '_';
        assert_int_equal(AGENT_INVALID, hears());
        json[field - 1 - json] = saved;
    }
    assert_int_equal(steps, world.steps); /* nothing written, nothing said */
    for (size_t i = 0; i < json_len; i++) { /* each byte changed: never taken, and never believed */
        char saved = json[i];
        json[i] ^= 1;
        (void)hears();
        world.unacknowledged_len = 0;
        json[i] = saved;
        if (agent_trust_version(agent()) != 0) {
            /* White space within PEM and JSON, and the letter case of its escapes, are nobody's business. */
            assert_int_equal(1, agent_trust_version(agent()));
            assert_true(believes(2) && believes(3) && !believes(4));
            (void)set_up(NULL);
            assert_true(world_connect(&world));
        }
    }
}

static void test_too_large(void **state)
{
    (void)state;
    static char big[80 * 1024];
    int len = snprintf(big, sizeof big, "{\"version\":2,\"mode\":\"add\",\"certificates\":[\"");
    len += snprintf(big + len, sizeof big - (size_t)len, "-----BEGIN CERTIFICATE-----\\nMIIg");
    memset(big + len, 'A', 60000);
    len += 60000;
    len += snprintf(big + len, sizeof big - (size_t)len, "\\n-----END CERTIFICATE-----\\n\"],\"signer\":[\"x\"],"
                    "\"signature\":\"\"}");
    assert_true(world_connect(&world));
    assert_int_equal(AGENT_OK, agent_message(agent(), TOPIC, (const uint8_t *)big, (size_t)len, NULL));
    assert_string_equal("{\"version\":2,\"outcome\":\"failed\",\"reason\":\"too-large\"}", world.bundle_report);
    assert_int_equal(0, agent_trust_version(agent()));
    for (uint32_t version = 1; version <= 200; version++) { /* and what is added must end somewhere */
        bundle(version, false, (uint8_t)version, 0, 1);
        (void)hears();
        world.unacknowledged_len = 0;
    }
    assert_int_equal(200, agent_trust_version(agent())); /* the toy's CAs are small: each found room */
    assert_int_equal(200 * TOY_CA_LEN, agent()->state.trust[agent()->state.trust_current].len);
}

static void test_damaged_set(void **state)
{
    (void)state;
    bundle(1, false, 2, 0, 1);
    assert_true(live());
    bundle(2, false, 3, 0, 1);
    assert_true(live());
    unsigned current = agent()->state.trust_current;
    world.record[AGENT_RECORD_TRUST_0 + current].data[3] ^= 1;
    assert_true(believes(2) && !believes(3)); /* the one before */
    assert_int_equal(1, agent_trust_version(agent()));
    world.record[AGENT_RECORD_TRUST_0 + agent()->state.trust_current].data[3] ^= 1;
    assert_true(believes(1) && !believes(2)); /* the configuration's, which cannot be damaged */
    assert_int_equal(0, agent_trust_version(agent()));
    world.bundle_answered = false;
    assert_true(live()); /* and it comes again */
    assert_int_equal(2, agent_trust_version(agent()));
}

/* A certificate and a set on trial at once: what is good of them stays, and what is bad goes. */
static void test_two_trials(void **state)
{
    (void)state;
    for (unsigned bad = 0; bad < 4; bad++) {
        bool bad_cert = (bad & 1) != 0, bad_set = (bad & 2) != 0;
        (void)set_up(NULL);
        bundle(1, false, 2, 0, 1);
        assert_true(live());
        world.server_ca = 2;
        bundle(2, true, 1, bad_set ? 3 : 2, 1);
        world.refuse_next = bad_cert ? 1 : 0;
        world_trigger(&world);
        assert_true(live());
        assert_true(agent_phase(agent()) == AGENT_TRIAL && agent_trust_on_trial(agent()));
        for (int i = 0; i < 40; i++) {
            (void)live();
        }
        assert_int_equal(AGENT_IDLE, agent_phase(agent()));
        assert_false(agent_trust_on_trial(agent()));
        assert_int_equal(1, world.generation); /* a bad certificate was followed by a good one */
        assert_int_equal(bad_cert ? 1 : 0, world.rolled_back_reports);
        assert_int_equal(bad_set ? 1 : 2, agent_trust_version(agent()));
        assert_true(world.bundle_answered);
    }
}

/* A state record of before there were trust sets: 128 bytes, magic CRA1. */
static void test_old_state_record(void **state)
{
    (void)state;
    enum { OLD = 128 };
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *data = world.record[AGENT_RECORD_STATE_0 + i].data;
        if (world.record[AGENT_RECORD_STATE_0 + i].there) {
            data[3] = '1';
            toy_put(data + OLD - 4, agent_crc32(data, OLD - 4), 4);
            world.record[AGENT_RECORD_STATE_0 + i].len = OLD;
        }
    }
    world_open(&world, &ports);
    assert_int_equal(0, agent_trust_version(agent()));
    assert_false(agent()->state.enrolling || agent_trust_on_trial(agent()));
    world_trigger(&world);
    assert_true(live() && live());
    assert_int_equal(1, world.generation);
}

static void test_without_trust_updates(void **state)
{
    (void)state;
    world.config.trust_updates = false;
    assert_true(world_connect(&world));
    bundle(1, false, 2, 0, 1);
    assert_int_equal(AGENT_NOT_FOUND, hears());
    struct agent fresh;
    assert_int_equal(AGENT_OK, agent_open(&fresh, &world.config, &ports, world.scratch, AGENT_SCRATCH_MIN));
    world.config.trust_updates = true;
    assert_int_equal(AGENT_NO_ROOM, agent_open(&fresh, &world.config, &ports, world.scratch,
                                               AGENT_SCRATCH_TRUST_MIN - 1));
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_add), T(test_replace_is_on_trial), T(test_replace_that_nobody_fits_goes_back),
        T(test_no_network_does_not_roll_back), T(test_refusals_say_nothing_about_it),
        T(test_own_certificate_must_survive), T(test_confirmed_again), T(test_forged), T(test_unreadable),
        T(test_too_large), T(test_damaged_set), T(test_two_trials), T(test_old_state_record), T(test_without_trust_updates),
    };
    return cmocka_run_group_tests_name("agent, trust", tests, NULL, NULL);
}
