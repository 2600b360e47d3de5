/* Hostile 96: a certificate that expired while its device slept may renew, where the policy says so, and nothing else. */
#include "tests/support/flow_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ACCEPTING                                                                                                 \
    "default_access allow\nadmin_identity boss\nadmin_username chief\nslot operational\nrequest_timing any\n"         \
    "accept_expired 7d\n"
#define REFUSING "default_access allow\nadmin_identity boss\nslot operational\nrequest_timing any\n"

enum { LIFETIME_S = 90 * DAY_S - 3600 }; /* what is left of the scene's certificates */

static int start_accepting(void **state)
{
    return scene_start_with(state, ACCEPTING);
}

static int start_refusing(void **state)
{
    return scene_start_with(state, REFUSING);
}

static enum cr_verdict access_to(struct scene *s, enum cr_access access, const char *topic)
{
    return cr_router_access(s->rig.router, s->client, access, topic);
}

/* It sleeps until so long after its certificate's end, and appears. */
static void oversleep(struct scene *s, int64_t seconds)
{
    flow_rig_pass(&s->rig, LIFETIME_S + seconds);
    reconnect(s, cr_blob_view(&s->cert));
}

static void expect_only_renewal(struct scene *s)
{
    static const char *const closed[] = { "some/topic", "$SYS/broker/uptime", "$CONTROL/cert-renewal/v1",
                                          "$CONTROL/dynamic-security/v1", "$identity/v1/meter-2/operational/csr",
                                          "$identity/v1/meter-1/operational", "$identity/v1" };
    static const char *const filters[] = { "#", "+/topic", "some/topic", "$SYS/#", "$share/g/some/topic", "$CONTROL/#",
                                           "$CONTROL/cert-renewal/v1/response", "$identity/#", "$identity/v1/+/#",
                                           "$identity/v1/meter-2/#" };
    enum cr_verdict verdict;

    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        assert_int_equal(access_to(s, CR_ACCESS_WRITE, closed[i]), CR_DENY);
        assert_int_equal(access_to(s, CR_ACCESS_READ, closed[i]), CR_DENY);
        assert_false(cr_router_passes(s->rig.router, s->client->handle, closed[i], &verdict));
    }
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        assert_int_equal(access_to(s, CR_ACCESS_SUBSCRIBE, filters[i]), CR_DENY);
    }
    assert_int_equal(access_to(s, CR_ACCESS_SUBSCRIBE, "$identity/v1/meter-1/#"), CR_ALLOW);
    assert_int_equal(access_to(s, CR_ACCESS_READ, "$identity/v1/meter-1/operational/certificate"), CR_ALLOW);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
}

static void expect_nothing_at_all(struct scene *s)
{
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, CSR_TOPIC), CR_DENY);
    assert_int_equal(access_to(s, CR_ACCESS_READ, "$identity/v1/meter-1/operational/certificate"), CR_DENY);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_DENY);
    assert_int_equal(access_to(s, CR_ACCESS_READ, "some/topic"), CR_DENY);
    assert_int_equal(access_to(s, CR_ACCESS_SUBSCRIBE, "#"), CR_DENY);
}

static void who_overslept_may_renew_and_nothing_else(void **state)
{
    struct scene *s = *state;
    struct cr_bytes view;
    struct cr_blob leaf;

    reconnect(s, cr_blob_view(&s->cert));
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
    oversleep(s, 6 * DAY_S);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew")); /* it is due, surely */
    expect_only_renewal(s);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    view = leaf_of(take_certificate(s));
    assert_int_equal(cr_blob_copy(&leaf, view.data, view.len), CR_OK);
    expect_only_renewal(s);
    assert_int_equal(s->rig.host.kicks, 0);
    reconnect(s, cr_blob_view(&leaf)); /* the way back to everything */
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
    assert_int_equal(access_to(s, CR_ACCESS_SUBSCRIBE, "#"), CR_ALLOW);
    assert_int_equal(scene_slot(s)->generation, 1);
    scene_live(s, 3600);
    assert_int_equal(s->rig.host.kicks, 0);
    cr_blob_fini(&leaf);
}

static void it_is_closed_once_it_has_the_new_one(void **state)
{
    struct scene *s = *state;

    oversleep(s, DAY_S);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    take_certificate(s);
    scene_live(s, 1000);
    assert_int_equal(s->rig.host.kicks, 1);
}

static void after_that_it_is_too_late(void **state)
{
    struct scene *s = *state;

    oversleep(s, 7 * DAY_S + 1);
    expect_nothing_at_all(s);
    scene_live(s, 100);
    assert_int_equal(s->rig.host.kicks, 1);
    assert_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
}

static void it_is_shown_out_when_its_days_are_over(void **state)
{
    struct scene *s = *state;

    oversleep(s, 7 * DAY_S - 100);
    expect_only_renewal(s);
    scene_live(s, 200);
    assert_int_equal(s->rig.host.kicks, 1);
    expect_nothing_at_all(s);
}

static void without_the_policy_nothing_is_new(void **state)
{
    struct scene *s = *state;

    oversleep(s, 1);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, CSR_TOPIC), CR_DENY);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
    scene_live(s, 100);
    assert_int_equal(s->rig.host.kicks, 0);
}

static void who_was_connected_when_it_ran_out_may_renew(void **state)
{
    struct scene *s = *state;
    enum cr_verdict verdict;

    reconnect(s, cr_blob_view(&s->cert));
    flow_rig_pass(&s->rig, LIFETIME_S - 200);
    scene_live(s, 190);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
    assert_true(cr_router_passes(s->rig.router, s->client->handle, "some/topic", &verdict));
    assert_int_equal(verdict, CR_ALLOW);
    scene_live(s, 20);
    expect_only_renewal(s);
    assert_int_equal(s->rig.host.kicks, 0);
}

static void an_expired_certificate_is_no_operators(void **state)
{
    struct scene *s = *state;

    flow_rig_pass(&s->rig, LIFETIME_S + DAY_S);
    s->client = fake_host_connect(&s->rig.host, "boss-again", cr_blob_view(&s->boss_cert), 5);
    cr_router_connected(s->rig.router, s->client);
    expect_nothing_at_all(s);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "$CONTROL/cert-renewal/v1"), CR_DENY);
    assert_int_equal(access_to(s, CR_ACCESS_SUBSCRIBE, "$CONTROL/cert-renewal/v1/event/security"), CR_DENY);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "$identity/v1/boss/operational/csr"), CR_DENY);
    scene_live(s, 10);
    assert_int_equal(s->rig.host.kicks, 1);
}

static void nor_does_an_operators_user_name_help(void **state)
{
    struct scene *s = *state;
    struct cr_request_properties properties = { .user_properties = 0 };
    const struct fake_publication *reply;
    struct fake_client *fake;

    flow_rig_pass(&s->rig, LIFETIME_S + DAY_S);
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 5);
    fake = (struct fake_client *)(uintptr_t)s->client->handle;
    fake->client.username = "chief";
    cr_router_connected(s->rig.router, s->client);
    expect_nothing_at_all(s);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "$CONTROL/cert-renewal/v1"), CR_DENY);
    /* past the access check, by another plugin's grant */
    cr_router_control(s->rig.router, s->client, rig_text("{\"commands\":[{\"command\":\"getStatus\"}]}"), &properties);
    flow_rig_pump(&s->rig);
    reply = fake_host_take(&s->rig.host, NULL, "/response");
    assert_true(reply == NULL || (strstr((const char *)reply->payload.data, "\"errorCode\"") != NULL &&
                                  strstr((const char *)reply->payload.data, "\"data\"") == NULL));
}

/* A client id that is longer than we remember is no way around it. */
static void nobody_gets_past_unseen(void **state)
{
    struct scene *s = *state;
    static char id[400];

    memset(id, 'x', sizeof id - 1);
    flow_rig_pass(&s->rig, LIFETIME_S + DAY_S);
    s->client = fake_host_connect(&s->rig.host, id, cr_blob_view(&s->cert), 5);
    cr_router_connected(s->rig.router, s->client);
    expect_nothing_at_all(s);
    s->client = fake_host_connect(&s->rig.host, id, (struct cr_bytes){ NULL, 0 }, 5); /* without a certificate: no matter */
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
}

/* Nor is a certificate that we cannot make anything of, or one of a stranger that has ended. */
static void strangers_are_looked_at_as_well(void **state)
{
    struct scene *s = *state;
    static const uint8_t junk[] = { 0x30, 0x03, 0x02, 0x01, 0x01 };
    struct flow_rig other;
    struct cr_blob cert;

    s->client = fake_host_connect(&s->rig.host, "odd", (struct cr_bytes){ junk, sizeof junk }, 5);
    expect_nothing_at_all(s);
    flow_rig_start(&other, ANY_TIME);
    cert = rig_certify(&other, &s->key, "meter-1", 90 * DAY_S);
    s->client = fake_host_connect(&s->rig.host, "strange", cr_blob_view(&cert), 5);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, CSR_TOPIC), CR_DENY);
    flow_rig_pass(&s->rig, LIFETIME_S + 1);
    s->client = fake_host_connect(&s->rig.host, "strange-too", cr_blob_view(&cert), 5);
    expect_nothing_at_all(s);
    flow_rig_stop(&other);
    cr_blob_fini(&cert);
}

static void one_that_was_replaced_is_shown_out(void **state)
{
    struct scene *s = *state;
    struct cr_bytes view;
    struct cr_blob leaf;

    cr_router_connected(s->rig.router, s->client);
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    view = leaf_of(take_certificate(s));
    assert_int_equal(cr_blob_copy(&leaf, view.data, view.len), CR_OK);
    reconnect(s, cr_blob_view(&leaf)); /* generation 1 */
    oversleep(s, DAY_S);
    scene_live(s, 2);
    assert_int_equal(s->rig.host.kicks, 1);
    expect_nothing_at_all(s);
    assert_int_equal(scene_slot(s)->generation, 1);
    cr_blob_fini(&leaf);
}

/* The broker that does not look at a device's dates does not look at its issuer's either. */
static void the_issuer_must_be_valid_itself(void **state)
{
    struct scene *s = *state;
    struct cr_blob cert;

    flow_rig_pass(&s->rig, 10LL * 365 * DAY_S - 2 * DAY_S);
    cert = rig_certify(&s->rig, &s->key, "meter-1", 2 * DAY_S); /* nearly as long as its issuer */
    reconnect(s, cr_blob_view(&cert));
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
    flow_rig_pass(&s->rig, 3 * DAY_S);
    reconnect(s, cr_blob_view(&cert));
    expect_nothing_at_all(s);
    scene_live(s, 2);
    assert_int_equal(s->rig.host.kicks, 1);
    cr_blob_fini(&cert);
}

static void the_will_of_a_restricted_client_is_not_published(void **state)
{
    struct scene *s = *state;

    oversleep(s, DAY_S);
    expect_only_renewal(s);
    scene_leave(s);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_DENY);
    assert_int_equal(access_to(s, CR_ACCESS_READ, "some/topic"), CR_DENY); /* nor is anything kept for it */
}

/* The broker's next client, often the device itself with its new certificate, may well have the same handle. */
static void the_will_of_who_came_after_it_is(void **state)
{
    struct scene *s = *state;
    struct fake_client *place = (struct fake_client *)(uintptr_t)s->client->handle;
    struct cr_blob fresh;

    flow_rig_pass(&s->rig, LIFETIME_S + DAY_S);
    fresh = rig_certify(&s->rig, &s->next, "meter-1", 90 * DAY_S);
    cr_router_connected(s->rig.router, s->client);
    expect_only_renewal(s);
    flow_rig_pump(&s->rig);
    scene_leave(s);
    cr_blob_fini(&place->certificate);
    assert_int_equal(cr_blob_copy(&place->certificate, fresh.data, fresh.len), CR_OK);
    place->online = true;
    place->client.address = "127.0.0.1";
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
    flow_rig_pump(&s->rig);
    scene_leave(s);
    assert_int_equal(access_to(s, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
    cr_blob_fini(&fresh);
}

static void when_the_policy_ends_so_does_what_it_allowed(void **state)
{
    struct scene *s = *state;

    oversleep(s, DAY_S);
    expect_only_renewal(s);
    flow_rig_reload(&s->rig, REFUSING);
    expect_nothing_at_all(s);
    scene_live(s, 2);
    assert_int_equal(s->rig.host.kicks, 1);
}

#define WITH(start, test) cmocka_unit_test_setup_teardown(test, start, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(start_accepting, who_overslept_may_renew_and_nothing_else),
        WITH(start_accepting, it_is_closed_once_it_has_the_new_one),
        WITH(start_accepting, after_that_it_is_too_late),
        WITH(start_accepting, it_is_shown_out_when_its_days_are_over),
        WITH(start_refusing, without_the_policy_nothing_is_new),
        WITH(start_accepting, who_was_connected_when_it_ran_out_may_renew),
        WITH(start_accepting, an_expired_certificate_is_no_operators),
        WITH(start_accepting, nor_does_an_operators_user_name_help),
        WITH(start_accepting, nobody_gets_past_unseen),
        WITH(start_accepting, strangers_are_looked_at_as_well),
        WITH(start_accepting, one_that_was_replaced_is_shown_out),
        WITH(start_accepting, the_issuer_must_be_valid_itself),
        WITH(start_accepting, the_will_of_a_restricted_client_is_not_published),
        WITH(start_accepting, the_will_of_who_came_after_it_is),
        WITH(start_accepting, when_the_policy_ends_so_does_what_it_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
