/* Invariants 5 and 7 of the device: whatever instant the power goes, and comes back, and goes again, there is a working
 * key and certificate, and the renewal completes once the power stays. Every write and every publish of a renewal is
 * cut, in every way a flash knows, alone and in pairs; a third cut is sampled. */
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
};

static const struct scenario scenarios[] = {
    { "a trigger", false, false, 0, 0, 1 },
    { "the device's own request", true, true, 0, 0, 1 },
    { "a certificate that arrives corrupt", false, false, 1, 0, 2 },
    { "a certificate that no connection accepts", false, false, 0, 1, 2 },
    { "a plugin that only answers", false, true, 0, 0, 1 },
};

struct cut_list {
    unsigned at[CUTS_MAX];
    enum cut how[CUTS_MAX];
    unsigned count;
};

static void start(struct world *world, struct agent_ports *ports, const struct scenario *scenario)
{
    world_init(world, ports);
    world->corrupt_next = scenario->corrupt_next;
    world->refuse_next = scenario->refuse_next;
    world->never_pushes = scenario->never_pushes;
    world->any_time = world->asks_itself = scenario->own_request;
    if (!scenario->own_request) {
        world_trigger(world);
    }
}

static void play(const struct scenario *scenario, const struct cut_list *cuts)
{
    static struct world world; /* too large for a stack under sanitizers */
    struct agent_ports ports;
    start(&world, &ports, scenario);
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
        assert_int_equal(2, world.serials);
        assert_true(asked == 0 || world.key_asked == asked);
        assert_int_equal(1, world.keys_asked);
    }
}

static unsigned steps_of(const struct scenario *scenario)
{
    static struct world world;
    struct agent_ports ports;
    start(&world, &ports, scenario);
    world_boot(&world, &ports, CONNECTIONS);
    assert_int_equal(1, world.generation);
    assert_int_equal(scenario->certificates + 1, world.serials);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trigger),
        cmocka_unit_test(test_own_request),
        cmocka_unit_test(test_corrupt_certificate),
        cmocka_unit_test(test_refused_certificate),
        cmocka_unit_test(test_answers_only),
    };
    return cmocka_run_group_tests_name("agent, power lost", tests, NULL, NULL);
}
