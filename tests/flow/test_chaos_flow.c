/* Anything in any order: clients come and go, requests, commands, pushes, reloads, leaps of the clock, and a store that
 * refuses, stalls and loses answers. What must hold at every step: what chaos_world.h says, nobody may do what is
 * another's, and the short way says what the long one says; and in the end nothing is left. Pseudo-random from a fixed
 * seed: CR_CHAOS_SEED and CR_CHAOS_STEPS change it. */
#include "tests/flow/chaos_world.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 40000 };

#define BASE "trigger_rate 5\nmax_in_flight 16\ncutover_ask 20s\ncutover_close 60s\n"

static const char *const configs[] = {
    BASE "admin_identity boss\nslot operational\nrequest_timing window\n",
    BASE "admin_identity boss\nslot operational\nrequest_timing any\n",
    BASE "admin_identity boss\nslot operational\nrequest_timing any\naccept_expired 7d\n"
         "slot data\nrequest_timing any\n",
    BASE "admin_identity boss\nadmin_identity dev-1\nslot operational\nrequest_timing any\naccept_expired 1d\n",
    BASE "default_access allow\nslot data\ntls true\nrequest_timing any\n",
};
enum { CONFIGS = sizeof configs / sizeof configs[0] };

/* ---- what clients do ---- */

/* An expired certificate that was restricted once gets nothing back, whatever is reloaded. */
static bool is_to_be_denied(struct chaos *c, struct guest *guest)
{
    const struct cr_session *session = cr_sessions_find(&c->rig.router->sessions, &guest->client->client);

    guest->restricted = guest->restricted || (session != NULL && session->restricted);
    return guest->restricted && session->not_after < c->rig.clock.wall_s;
}

/* The short way, and the long one. */
static void ask_elsewhere(struct chaos *c, struct guest *guest, enum cr_access access)
{
    const struct cr_client *client = &guest->client->client;
    enum cr_verdict quick, verdict;
    bool passes = cr_router_passes(c->rig.router, client->handle, "some/topic", &quick);

    verdict = cr_router_access(c->rig.router, client, access, "some/topic");
    assert_true(!passes || quick == verdict);
    assert_true(is_to_be_denied(c, guest) ? verdict == CR_DENY : true);
    c->passed += passes;
}

static void ask_access(struct chaos *c, struct guest *guest)
{
    static const char *const slots[] = { "operational", "data" };
    enum cr_access access = chaos_dice(c, 2) == 0 ? CR_ACCESS_READ : CR_ACCESS_WRITE;
    const struct cr_client *client = &guest->client->client;
    enum cr_verdict quick, verdict;
    char topic[96];
    unsigned device = chaos_dice(c, DEVICES);

    if (chaos_dice(c, 2) == 0) {
        ask_elsewhere(c, guest, access);
        return;
    }
    snprintf(topic, sizeof topic, "$identity/v1/dev-%u/%s/%s", device, slots[chaos_dice(c, 2)],
             access == CR_ACCESS_READ ? "certificate" : "csr");
    assert_false(cr_router_passes(c->rig.router, client->handle, topic, &quick));
    verdict = cr_router_access(c->rig.router, client, access, topic);
    assert_int_not_equal(verdict, CR_DEFER);
    assert_true(verdict == CR_DENY || guest->being == &c->being[device]);
}

static void request(struct chaos *c, const struct guest *guest)
{
    struct cr_request_properties properties = { .user_properties = 0 };
    const struct cr_client *client = &guest->client->client;
    const struct cr_slot_record *slot;
    bool own = guest->being != NULL && chaos_dice(c, 16) != 0;
    struct being *being = &c->being[own ? guest->being - c->being : chaos_dice(c, DEVICES)];
    const char *slot_name = chaos_dice(c, 4) == 0 ? "data" : "operational";
    struct cr_bytes payload = rig_text(chaos_dice(c, 16) == 0 ? "{" : "");
    char topic[96], report[160];
    const char *verb = "get";

    switch (chaos_dice(c, 4)) {
    case 0:
        verb = "csr";
        if (chaos_dice(c, 4) == 0) {
            struct rig_key *key = &being->key[chaos_dice(c, CERTS)];

            rig_key_free(key);
            rig_key_make(key);
            cr_blob_fini(&being->csr);
            being->csr = rig_csr(key, being->name);
        }
        payload = cr_blob_view(&being->csr);
        break;
    case 1:
        verb = "report";
        slot = fake_ledger_slot(fake_store_ledger(c->rig.store), being->name, slot_name);
        snprintf(report, sizeof report, "{\"renewalId\":\"%s\",\"outcome\":\"%s\"}",
                 slot != NULL && slot->renewal_id[0] != '\0' ? slot->renewal_id
                                                              : "00000000-0000-4000-8000-000000000000",
                 chaos_dice(c, 2) == 0 ? "installed" : "failed");
        payload = rig_text(report);
        break;
    default:
        break;
    }
    snprintf(topic, sizeof topic, "$identity/v1/%s/%s/%s", being->name, slot_name, verb);
    if (cr_router_access(c->rig.router, client, CR_ACCESS_WRITE, topic) != CR_DENY) {
        (void)cr_router_message(c->rig.router, client, topic, payload, &properties);
    }
}

static void command(struct chaos *c, const struct guest *guest)
{
    struct cr_request_properties properties = { .user_properties = 0 };
    char json[128];

    snprintf(json, sizeof json, "{\"commands\":[{\"command\":\"%s\",\"device\":\"dev-%u\"}]}",
             chaos_dice(c, 4) == 0 ? "getDevice" : "triggerRenewal", chaos_dice(c, DEVICES));
    if (cr_router_access(c->rig.router, &guest->client->client, CR_ACCESS_WRITE, CR_TOPIC_CONTROL) == CR_ALLOW) {
        cr_router_control(c->rig.router, &guest->client->client, rig_text(json), &properties);
    }
}

/* Its new certificate, as if it had been received. */
static void learn(struct chaos *c)
{
    struct being *being = &c->being[chaos_dice(c, DEVICES)];
    const struct cr_slot_record *slot = fake_ledger_slot(fake_store_ledger(c->rig.store), being->name, "operational");
    struct cr_blob *cert = &being->cert[chaos_dice(c, CERTS)];

    if (slot != NULL && slot->state == CR_STATE_ISSUED && slot->certificate.len > 0) {
        cr_blob_fini(cert);
        assert_int_equal(cr_blob_copy(cert, slot->certificate.data, slot->certificate.len), CR_OK);
    } else if (chaos_dice(c, 4) == 0) {
        cr_blob_fini(cert);
        *cert = rig_certify(&c->rig, &being->key[chaos_dice(c, CERTS)], being->name, 7200 + (int64_t)chaos_dice(c, 40) * DAY_S);
    }
}

/* ---- what happens to us ---- */

static void reload(struct chaos *c)
{
    for (unsigned twice = 0; twice < 2; twice++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            if (c->guest[i].client != NULL) {
                ask_elsewhere(c, &c->guest[i], CR_ACCESS_WRITE);
            }
        }
        flow_rig_reload(&c->rig, configs[chaos_dice(c, CONFIGS)]);
    }
}

static void push(struct chaos *c)
{
    struct cr_job *job;

    assert_int_equal(cr_job_new(&job, CR_OP_PUSH, c->rig.setup), CR_OK);
    snprintf(job->device, sizeof job->device, "dev-%u", chaos_dice(c, DEVICES));
    job->outcome = CR_OUT_DONE;
    cr_pipeline_stored(&c->rig.pipeline, job);
}

static void fault(struct chaos *c)
{
    static const enum cr_refusal refusals[] = { CR_REFUSAL_CERTIFICATE_OUTDATED, CR_REFUSAL_ON_HOLD,
                                                CR_REFUSAL_INTERNAL };
    const char *device = chaos_ids[chaos_dice(c, DEVICES)];

    switch (chaos_dice(c, 16)) {
    case 0:
        fake_store_fail_next(c->rig.store, 1 + chaos_dice(c, 5));
        break;
    case 1:
        fake_store_lose_next(c->rig.store, 1 + chaos_dice(c, 5));
        break;
    case 2:
        fake_store_fault(c->rig.store, (enum fake_store_fault)chaos_dice(c, 5));
        break;
    case 3:
        fake_store_refuse_next(c->rig.store, refusals[chaos_dice(c, 3)]);
        break;
    case 4:
        (void)fake_store_time_out(c->rig.store);
        break;
    case 5:
        c->rig.random_fails = chaos_dice(c, 2) == 0;
        break;
    case 6:
        (void)fake_ledger_hold(fake_store_ledger(c->rig.store), device, "operational", chaos_dice(c, 2) == 0);
        break;
    default:
        fake_store_fault(c->rig.store, FAKE_STORE_WELL);
        c->rig.random_fails = false;
        break;
    }
}

static void time_passes(struct chaos *c)
{
    switch (chaos_dice(c, 800)) {
    case 0:
        flow_rig_pass(&c->rig, chaos_dice(c, 10 * DAY_S));
        break;
    case 1:
        flow_rig_pass(&c->rig, chaos_dice(c, 3600));
        break;
    case 2:
        c->rig.clock.wall_s += chaos_dice(c, 3 * DAY_S);
        break;
    case 3:
        c->rig.clock.wall_s -= chaos_dice(c, 2 * DAY_S);
        break;
    default:
        c->rig.clock.mono_ms += chaos_dice(c, 500);
        c->rig.clock.wall_s += chaos_dice(c, 4) == 0;
        break;
    }
}

static void step(struct chaos *c)
{
    struct cr_client resumed = { .id = chaos_dice(c, 16) != 0 ? chaos_ids[chaos_dice(c, IDS)] : NULL };
    struct guest *guest = &c->guest[chaos_dice(c, CLIENTS)];

    switch (chaos_dice(c, 16)) {
    case 0:
        if (guest->client != NULL) {
            chaos_leave(c, guest);
        }
        break;
    case 1: case 2:
        if (guest->client == NULL) {
            chaos_come(c, guest);
        }
        break;
    case 3:
        push(c);
        break;
    case 4:
        if (chaos_dice(c, 4) == 0) {
            fault(c);
        }
        break;
    case 5:
        if (chaos_dice(c, 16) == 0) {
            reload(c);
        }
        learn(c);
        break;
    case 6:
        cr_router_resumed(c->rig.router, &resumed);
        break;
    case 7: case 8: case 9:
        if (guest->client != NULL) {
            request(c, guest);
        }
        break;
    case 10:
        if (guest->client != NULL) {
            command(c, guest);
        }
        break;
    case 11: case 12:
        if (guest->client != NULL) {
            ask_access(c, guest);
        }
        break;
    case 13:
        (void)cr_router_tick(c->rig.router);
        break;
    default:
        flow_rig_pump(&c->rig);
        break;
    }
    chaos_close_kicked(c);
    time_passes(c);
}

static void whatever_happens_nobody_gets_what_is_anothers(void **state)
{
    const char *count = getenv("CR_CHAOS_STEPS");
    unsigned long steps = count != NULL ? strtoul(count, NULL, 10) : STEPS;
    struct chaos *c = malloc(sizeof *c);

    (void)state;
    assert_non_null(c);
    chaos_begin(c, configs[0]);
    for (unsigned long i = 0; i < steps; i++) {
        step(c);
    }
    fake_store_fault(c->rig.store, FAKE_STORE_WELL);
    for (unsigned i = 0; i < 100; i++) {
        c->rig.clock.mono_ms += 20;
        flow_rig_pump(&c->rig);
        chaos_close_kicked(c);
    }
    flow_rig_pump(&c->rig); /* what the last tick began */
    assert_int_equal(c->rig.router->in_flight, 0);
    print_message("%u published, %u certificates, %u closed, %u short ways\n", c->published, c->certificates, c->kicked,
                  c->passed);
    assert_true(c->certificates > 0 && c->kicked > 0 && c->passed > 0); /* else it shows little */
    chaos_end(c);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_happens_nobody_gets_what_is_anothers) };

    return cmocka_run_group_tests_name("chaos", tests, NULL, NULL);
}
