/* Invariants 5 and 7 of the device: whatever instant the power goes, and comes back, and goes again, there is a working
 * key and certificate, and the renewal completes once the power stays; likewise the first certificate of a device that
 * has none, and the set of whom it believes. Every write and every publish of it is cut, in every way a flash knows,
 * alone and in pairs; a third cut is sampled. */
#include "test_agent_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CONNECTIONS = 8, CUTS_MAX = 3 };

struct scenario {
    const char *name;
    bool own_request, never_pushes;
    unsigned corrupt_next, refuse_next;
    unsigned certificates; /* how many the plugin issues when nothing is cut */
    enum agent_enrol enrol;
    bool born;             /* has a certificate, which nobody takes any more */
};

static const struct scenario scenarios[] = {
    { "a trigger", false, false, 0, 0, 1, AGENT_ENROL_NEVER, false },
    { "the device's own request", true, true, 0, 0, 1, AGENT_ENROL_NEVER, false },
    { "a certificate that arrives corrupt", false, false, 1, 0, 2, AGENT_ENROL_NEVER, false },
    { "a certificate that no connection accepts", false, false, 0, 1, 2, AGENT_ENROL_NEVER, false },
    { "a plugin that only answers", false, true, 0, 0, 1, AGENT_ENROL_NEVER, false },
    { .name = "from the factory", .certificates = 1, .enrol = AGENT_ENROL_FACTORY },
    { .name = "by a token", .certificates = 1, .enrol = AGENT_ENROL_TOKEN },
    { .name = "from the factory, damaged", .corrupt_next = 1, .certificates = 1, .enrol = AGENT_ENROL_FACTORY },
    { .name = "from the factory, refused", .refuse_next = 1, .certificates = 2, .enrol = AGENT_ENROL_FACTORY },
    { .name = "again", .certificates = 1, .enrol = AGENT_ENROL_FACTORY, .born = true },
};

struct cut_list {
    unsigned at[CUTS_MAX];
    enum cut how[CUTS_MAX];
    unsigned count;
};

static void start(struct world *world, struct agent_ports *ports, const struct scenario *scenario)
{
    if (scenario->enrol != AGENT_ENROL_NEVER && !scenario->born) {
        world_init_unborn(world, ports, scenario->enrol);
    } else {
        world_init(world, ports);
    }
    if (scenario->born) {
        world->cert[1].refused_at_connect = true;
        world->config.enrol = scenario->enrol;
        world->config.refusals_max = 1;
        world->may_enrol = true;
    }
    world->corrupt_next = scenario->corrupt_next;
    world->refuse_next = scenario->refuse_next;
    world->never_pushes = scenario->never_pushes;
    world->any_time = world->asks_itself = scenario->own_request;
    if (!scenario->own_request && scenario->enrol == AGENT_ENROL_NEVER) {
        world_trigger(world);
    }
}

static void play(const struct scenario *scenario, const struct cut_list *cuts)
{
    static struct world world; /* too large for a stack under sanitizers */
    struct agent_ports ports;
    start(&world, &ports, scenario);
    uint32_t serials = world.serials;
    for (unsigned i = 0; i < cuts->count; i++) {
        world.cut_at = cuts->at[i];
        world.cut = cuts->how[i];
        world_boot(&world, &ports, CONNECTIONS);
        world_check_pair(&world, &ports);
    }
    uint32_t asked = world.key_asked;
    world.cut_at = 0;
    for (unsigned i = 0; i < 4 && (world.generation == 0 || agent_phase(&world.agent) != AGENT_IDLE); i++) {
        world_boot(&world, &ports, CONNECTIONS);
    }
    world_check_pair(&world, &ports);
    if (world.generation != 1 || agent_phase(&world.agent) != AGENT_IDLE || world.issued != 0 || world.triggered) {
        print_error("%s, cut at %u (%d) and %u (%d): generation %u, phase %d, issued %u, triggered %d\n",
                    scenario->name, cuts->at[0], cuts->how[0], cuts->at[1], cuts->how[1], world.generation,
                    (int)agent_phase(&world.agent), world.issued, world.triggered);
    }
    assert_int_equal(1, world.generation);
    assert_int_equal(AGENT_IDLE, agent_phase(&world.agent));
    assert_int_equal(0, world.issued);
    assert_false(world.triggered);
    /* A key that was asked for is asked for again, unless its certificate was refused: no second certificate. */
    if (scenario->certificates == 1) {
        assert_int_equal(serials + 1, world.serials);
        assert_true(asked == 0 || world.key_asked == asked);
        assert_int_equal(1, world.keys_asked);
    }
}

static unsigned steps_of(const struct scenario *scenario)
{
    static struct world world;
    struct agent_ports ports;
    start(&world, &ports, scenario);
    uint32_t serials = world.serials;
    world_boot(&world, &ports, CONNECTIONS);
    assert_int_equal(1, world.generation);
    assert_int_equal(serials + scenario->certificates, world.serials);
    assert_int_equal(AGENT_IDLE, agent_phase(&world.agent));
    assert_true(world.steps >= 9); /* three records, four states, a CSR, a report */
    return world.steps;
}

static void every_cut(const struct scenario *scenario)
{
    unsigned steps = steps_of(scenario);
    play(scenario, &(struct cut_list){ .count = 0 });
    for (unsigned first = 1; first <= steps; first++) {
        for (enum cut how = 0; how < CUT_COUNT; how++) {
            play(scenario, &(struct cut_list){ { first }, { how }, 1 });
            for (unsigned second = 1; second <= steps; second++) {
                for (enum cut again = 0; again < CUT_COUNT; again++) {
                    play(scenario, &(struct cut_list){ { first, second }, { how, again }, 2 });
                    play(scenario, &(struct cut_list){ { first, second, 1 + (first * 7 + second * 3 + again) % steps },
                                                       { how, again, (enum cut)((first + second) % CUT_COUNT) }, 3 });
                }
            }
        }
    }
}

static void test_trigger(void **state)
{
    (void)state;
    every_cut(&scenarios[0]);
}

static void test_own_request(void **state)
{
    (void)state;
    every_cut(&scenarios[1]);
}

static void test_corrupt_certificate(void **state)
{
    (void)state;
    every_cut(&scenarios[2]);
}

static void test_refused_certificate(void **state)
{
    (void)state;
    every_cut(&scenarios[3]);
}

static void test_answers_only(void **state)
{
    (void)state;
    every_cut(&scenarios[4]);
}

static void test_enrolment(void **state)
{
    (void)state;
    every_cut(&scenarios[5]);
    every_cut(&scenarios[6]);
}

static void test_enrolment_damaged(void **state)
{
    (void)state;
    every_cut(&scenarios[7]);
}

static void test_enrolment_refused(void **state)
{
    (void)state;
    every_cut(&scenarios[8]);
}

static void test_enrolment_again(void **state)
{
    (void)state;
    every_cut(&scenarios[9]);
}

/* --- whom the device believes --- */

enum { ADD, REPLACE, REPLACE_BADLY, BUNDLES };

/* A device that took version 1 (CAs 1 and 2) and gets version 2; the broker's certificate is CA 2's. */
static void believe(struct world *world, struct agent_ports *ports, int kind)
{
    world_init(world, ports);
    world->bundle.version = 1;
    memcpy(world->bundle.cas, (const uint8_t[4]){ 2 }, 4);
    world->bundle.signer = 1;
    world_boot(world, ports, 2);
    assert_int_equal(1, agent_trust_version(&world->agent));
    world->server_ca = 2;
    world->bundle.version = 2;
    world->bundle.replace = kind != ADD;
    memcpy(world->bundle.cas, (const uint8_t[4]){ 1, kind == REPLACE_BADLY ? 3 : 2, kind == ADD ? 3 : 0 }, 4);
    world->bundle_answered = false;
}

static void believe_cut(int kind, const struct cut_list *cuts)
{
    static struct world world;
    struct agent_ports ports;
    believe(&world, &ports, kind);
    for (unsigned i = 0; i < cuts->count; i++) {
        world.cut_at = cuts->at[i];
        world.cut = cuts->how[i];
        world_boot(&world, &ports, CONNECTIONS);
        world_check_pair(&world, &ports);
    }
    world.cut_at = 0;
    for (unsigned i = 0; i < 4 && !world.bundle_answered; i++) {
        world_boot(&world, &ports, CONNECTIONS);
    }
    assert_true(world.bundle_answered);
    assert_int_equal(kind == REPLACE_BADLY ? 1 : 2, agent_trust_version(&world.agent));
    assert_false(agent_trust_on_trial(&world.agent));
    world_open(&world, &ports);
    assert_true(world_connect(&world));
}

static void test_trust(void **state)
{
    (void)state;
    for (int kind = ADD; kind < BUNDLES; kind++) {
        static struct world world;
        struct agent_ports ports;
        believe(&world, &ports, kind);
        world_boot(&world, &ports, CONNECTIONS);
        unsigned steps = world.steps;
        assert_true(steps >= 4); /* `get`, set, state, report */
        for (unsigned first = 1; first <= steps; first++) {
            for (unsigned second = 0; second <= steps; second++) {
                for (unsigned how = 0; how < CUT_COUNT * CUT_COUNT; how++) {
                    believe_cut(kind, &(struct cut_list){ { first, second }, { how % CUT_COUNT, how / CUT_COUNT },
                                                          second == 0 ? 1 : 2 });
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trigger),
        cmocka_unit_test(test_own_request),
        cmocka_unit_test(test_corrupt_certificate),
        cmocka_unit_test(test_refused_certificate),
        cmocka_unit_test(test_answers_only),
        cmocka_unit_test(test_enrolment),
        cmocka_unit_test(test_enrolment_damaged),
        cmocka_unit_test(test_enrolment_refused),
        cmocka_unit_test(test_enrolment_again),
        cmocka_unit_test(test_trust),
    };
    return cmocka_run_group_tests_name("agent, power lost", tests, NULL, NULL);
}
