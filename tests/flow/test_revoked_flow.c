/* Hostile 98: what is revoked is closed and refused, whoever it is, and is not renewed; everybody else goes on. */
#include "plugin/loop/loop.h"
#include "plugin/worker/issuer.h"
#include "tests/support/flow_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CONFIG                                                                                                    \
    "default_access allow\nadmin_identity boss\nadmin_identity chief\nslot operational\nrequest_timing any\n"         \
    "accept_expired 7d\n"

static bool no_memory;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return no_memory ? NULL : __real_calloc(count, size);
}

static int start(void **state)
{
    return scene_start_with(state, CONFIG);
}

/* ---- what is told of revocation, by hand ---- */

static struct cr_revocations *news_make(struct cr_job **job, struct scene *s, bool anew, bool complete)
{
    assert_int_equal(cr_job_new(job, CR_OP_REVOKED, s->rig.setup), CR_OK);
    (*job)->revoked = calloc(1, sizeof *(*job)->revoked);
    assert_non_null((*job)->revoked);
    (*job)->revoked->anew = anew;
    (*job)->revoked->complete = complete;
    (*job)->revoked->version = 1000;
    (*job)->outcome = CR_OUT_DONE;
    return (*job)->revoked;
}

static void news_add(struct cr_revocations *news, struct scene *s, struct cr_bytes der, bool gone)
{
    struct cr_revocation *entry = &news->change[news->count++];
    struct cr_cert_facts facts;
    enum cr_refusal why;

    assert_int_equal(cr_trust_identify(s->rig.setup->trust, der, &facts, &why), CR_OK);
    *entry = (struct cr_revocation){ .serial = facts.serial, .reason = CR_REASON_KEY_COMPROMISE, .gone = gone,
                                     .at = s->rig.clock.wall_s, .not_after = facts.not_after };
    memcpy(entry->issuer, facts.issuer, sizeof entry->issuer);
}

static void tell(struct scene *s, struct cr_bytes der, bool gone)
{
    struct cr_job *job;

    news_add(news_make(&job, s, false, true), s, der, gone);
    loop_complete(s->rig.router, job);
    flow_rig_pump(&s->rig);
}

static void tell_mark(struct scene *s, enum cr_issuer_state state)
{
    struct cr_job *job;
    struct cr_revocations *news = news_make(&job, s, false, true);

    news->mark_count = state != CR_ISSUER_TRUSTED;
    memcpy(news->mark[0].id, cr_issuer_id(s->rig.setup->trust, 0), sizeof news->mark[0].id);
    news->mark[0].state = state;
    loop_complete(s->rig.router, job);
    flow_rig_pump(&s->rig);
}

/* ---- what comes of it ---- */

static const char *command(struct scene *s, const char *json)
{
    char batch[500];

    (void)snprintf(batch, sizeof batch, "{\"commands\":[%s]}", json);
    return rig_command(&s->rig, s->boss, batch);
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("expected %s in %s", part, text);
    }
}

static void revoke(struct scene *s, const char *reason)
{
    char json[200];

    (void)snprintf(json, sizeof json, "{\"command\":\"revokeDevice\",\"device\":\"meter-1\",\"reason\":\"%s\"}", reason);
    expect(command(s, json), "\"revoked\":1");
    flow_rig_pump(&s->rig);
}

static void expect_shut_out(struct scene *s, const struct cr_client *client)
{
    enum cr_verdict verdict;

    assert_int_equal(cr_router_access(s->rig.router, client, CR_ACCESS_WRITE, "some/topic"), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, client, CR_ACCESS_READ, "some/topic"), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, client, CR_ACCESS_SUBSCRIBE, "#"), CR_DENY);
    assert_int_equal(cr_router_access(s->rig.router, client, CR_ACCESS_WRITE, CSR_TOPIC), CR_DENY);
    assert_false(cr_router_passes(s->rig.router, client->handle, "some/topic", &verdict));
}

static void expect_welcome(struct scene *s, const struct cr_client *client)
{
    assert_int_equal(cr_router_login(s->rig.router, client, NULL), CR_LOGIN_DEFER);
    assert_int_equal(cr_router_access(s->rig.router, client, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
}

static void come_back(struct scene *s, const struct cr_blob *cert)
{
    scene_leave(s);
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(cert), 4);
}

static void hostile_98_a_revoked_device_is_off_and_stays_off(void **state)
{
    struct scene *s = *state;
    const struct fake_publication *alarm;

    reconnect(s, cr_blob_view(&s->cert));
    expect_welcome(s, s->client);
    revoke(s, "keyCompromise");
    expect_shut_out(s, s->client);
    assert_int_equal(s->rig.host.kicks, 1);
    assert_string_equal(s->rig.host.last_kick, "meter-1");
    assert_int_equal(rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr)), CR_REFUSED);
    assert_null(fake_host_take(&s->rig.host, "meter-1", "/certificate"));

    come_back(s, &s->cert);
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DENY);
    alarm = fake_host_take(&s->rig.host, NULL, "/event/security");
    while (alarm != NULL && strstr((const char *)alarm->payload.data, "\"alarm\":\"revoked\"") == NULL) {
        alarm = fake_host_take(&s->rig.host, NULL, "/event/security");
    }
    assert_non_null(alarm);
    expect((const char *)alarm->payload.data, "\"device\":\"meter-1\"");
    /* where the broker does not ask about logins, the first thing that it does is its last */
    expect_shut_out(s, s->client);
    flow_rig_pump(&s->rig);
    assert_int_equal(s->rig.host.kicks, 2);
    expect(command(s, "{\"command\":\"triggerRenewal\",\"device\":\"meter-1\"}"), "\"errorCode\":\"revoked\"");
    assert_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
}

static void nobody_else_is_disturbed(void **state)
{
    struct scene *s = *state;
    struct rig_key key;
    const struct cr_client *other;
    struct cr_blob cert;

    rig_key_make(&key);
    cert = rig_certify(&s->rig, &key, "meter-2", 90 * DAY_S);
    other = fake_host_connect(&s->rig.host, "meter-2", cr_blob_view(&cert), 4);
    expect_welcome(s, other);
    reconnect(s, cr_blob_view(&s->cert));
    expect_welcome(s, s->client);
    revoke(s, "unspecified");
    scene_live(s, 5);
    expect_welcome(s, other);
    assert_int_equal(s->rig.host.kicks, 1);
    cr_blob_fini(&cert);
    rig_key_free(&key);
}

static void it_is_told_apart_from_an_expired_one(void **state)
{
    struct scene *s = *state;

    reconnect(s, cr_blob_view(&s->cert));
    expect_welcome(s, s->client);
    flow_rig_pass(&s->rig, 90 * DAY_S);
    come_back(s, &s->cert); /* expired: it may renew, and nothing else */
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DEFER);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, CSR_TOPIC), CR_ALLOW);
    tell(s, cr_blob_view(&s->cert), false);
    expect_shut_out(s, s->client);
    come_back(s, &s->cert);
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DENY);
    expect_shut_out(s, s->client);
}

static void what_was_revoked_stays_so_when_its_device_is_released(void **state)
{
    struct scene *s = *state;
    struct cr_blob fresh;

    reconnect(s, cr_blob_view(&s->cert));
    revoke(s, "keyCompromise");
    expect(command(s, "{\"command\":\"getDevice\",\"device\":\"meter-1\"}"),
           "\"held\":true,\"hold\":\"revoked: keyCompromise\",\"revoked\":{\"reason\":\"keyCompromise\",\"at\":\"2030-");
    expect(command(s, "{\"command\":\"listRevoked\"}"), "\"device\":\"meter-1\",\"reason\":\"keyCompromise\",\"at\":");
    expect(command(s, "{\"command\":\"getStatus\"}"), "\"revoked\":{\"entries\":1,\"issuers\":0,");
    expect(command(s, "{\"command\":\"releaseDevice\",\"device\":\"meter-1\"}"), "\"slots\":[\"operational\"]");
    come_back(s, &s->cert);
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DENY);
    flow_rig_pass(&s->rig, 10);
    fresh = rig_certify(&s->rig, &s->next, "meter-1", 90 * DAY_S);
    come_back(s, &fresh);
    expect_welcome(s, s->client);
    scene_live(s, 5);
    expect_welcome(s, s->client);
    cr_blob_fini(&fresh);
}

static void a_hold_ends_with_the_release(void **state)
{
    struct scene *s = *state;

    reconnect(s, cr_blob_view(&s->cert));
    revoke(s, "certificateHold");
    assert_int_equal(s->rig.host.kicks, 1);
    expect(command(s, "{\"command\":\"releaseDevice\",\"device\":\"meter-1\"}"), "\"slots\":[\"operational\"]");
    flow_rig_pump(&s->rig);
    come_back(s, &s->cert);
    expect_welcome(s, s->client);
    expect(command(s, "{\"command\":\"listRevoked\"}"), "\"revoked\":[]");
}

static void an_operator_is_nobody_any_more(void **state)
{
    struct scene *s = *state;
    static const char ask[] = "{\"commands\":[{\"command\":\"getStatus\"}]}";
    struct cr_client event = { .id = "chief-client" };
    const struct cr_client *chief;
    struct cr_client view;
    struct rig_key key;
    struct cr_blob cert;

    rig_key_make(&key);
    cert = rig_certify(&s->rig, &key, "chief", 90 * DAY_S);
    chief = fake_host_connect(&s->rig.host, "chief-client", cr_blob_view(&cert), 4);
    ((struct fake_client *)(uintptr_t)chief->handle)->client.persistent = true;
    expect(rig_command(&s->rig, chief, ask), "\"uptime\"");
    /* while it is away, what is queued for it is what it may read */
    fake_host_offline(&s->rig.host, chief);
    cr_router_disconnected(s->rig.router, chief);
    event.handle = chief->handle;
    view = event;
    assert_int_equal(cr_router_access(s->rig.router, &view, CR_ACCESS_READ, "$CONTROL/cert-renewal/v1/event/alert"),
                     CR_ALLOW);
    tell(s, cr_blob_view(&cert), false);
    assert_int_equal(cr_router_access(s->rig.router, &view, CR_ACCESS_READ, "$CONTROL/cert-renewal/v1/event/alert"),
                     CR_DENY);
    tell(s, cr_blob_view(&cert), true);
    chief = fake_host_connect(&s->rig.host, "chief-client", cr_blob_view(&cert), 4);
    expect(rig_command(&s->rig, chief, ask), "\"uptime\"");
    tell(s, cr_blob_view(&cert), false); /* it has no presence: found by looking at all */
    flow_rig_pump(&s->rig);
    flow_rig_pump(&s->rig);
    assert_string_equal(s->rig.host.last_kick, "chief-client");
    assert_int_equal(cr_router_access(s->rig.router, chief, CR_ACCESS_WRITE, "$CONTROL/cert-renewal/v1"), CR_DENY);
    cr_blob_fini(&cert);
    rig_key_free(&key);
}

static void told_anew_there_is_no_moment_in_between(void **state)
{
    struct scene *s = *state;
    struct cr_revocations *news;
    struct cr_job *job;

    tell(s, cr_blob_view(&s->cert), false);
    come_back(s, &s->cert);
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DENY);
    (void)news_make(&job, s, true, false);
    loop_complete(s->rig.router, job);
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DENY);
    news = news_make(&job, s, false, false);
    news_add(news, s, cr_blob_view(&s->boss_cert), false);
    loop_complete(s->rig.router, job);
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DENY);
    assert_int_equal(cr_router_login(s->rig.router, s->boss, NULL), CR_LOGIN_DENY); /* of both */
    (void)news_make(&job, s, false, true);
    loop_complete(s->rig.router, job);
    expect_welcome(s, s->client); /* it is in the new one no more */
    assert_int_equal(cr_router_login(s->rig.router, s->boss, NULL), CR_LOGIN_DENY);
}

static void without_memory_what_is_known_stays_and_it_is_told_again(void **state)
{
    struct scene *s = *state;
    struct cr_receipt *receipt = cr_receipt_new();
    struct cr_revoked_state now;
    struct cr_job *job;
    bool lost;

    assert_non_null(receipt);
    tell(s, cr_blob_view(&s->cert), false);
    come_back(s, &s->cert);
    news_make(&job, s, true, true)->receipt = cr_receipt_take(receipt);
    no_memory = true;
    loop_complete(s->rig.router, job);
    no_memory = false;
    assert_int_equal(cr_receipt_look(receipt, &lost), 0);
    assert_true(lost);
    loop_revoked_state(s->rig.router, &now);
    assert_true(now.lacking);
    assert_int_equal(now.entries, 1);
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DENY);
    news_make(&job, s, true, true)->receipt = cr_receipt_take(receipt);
    loop_complete(s->rig.router, job);
    assert_int_equal(cr_receipt_look(receipt, &lost), 0);
    assert_false(lost);
    loop_revoked_state(s->rig.router, &now);
    assert_false(now.lacking);
    assert_int_equal(now.entries, 0);
    cr_receipt_drop(receipt);
}

static void the_record_is_believed_where_the_list_does_not_have_it(void **state)
{
    struct scene *s = *state;
    struct cr_job *job;

    reconnect(s, cr_blob_view(&s->cert));
    revoke(s, "keyCompromise");
    (void)news_make(&job, s, true, true); /* nothing is revoked, it says */
    loop_complete(s->rig.router, job);
    come_back(s, &s->cert);
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DEFER);
    assert_int_equal(cr_router_access(s->rig.router, s->client, CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
    flow_rig_pump(&s->rig);
    expect_shut_out(s, s->client);
    flow_rig_pump(&s->rig);
    assert_int_equal(s->rig.host.kicks, 2);
}

static void nothing_is_queued_for_it_while_it_is_away(void **state)
{
    struct scene *s = *state;

    scene_leave(s);
    s->client = fake_host_connect(&s->rig.host, "meter-1", cr_blob_view(&s->cert), 4);
    ((struct fake_client *)(uintptr_t)s->client->handle)->client.persistent = true;
    cr_router_connected(s->rig.router, s->client);
    flow_rig_pump(&s->rig);
    scene_leave(s);
    tell(s, cr_blob_view(&s->cert), false);
    scene_trigger(s); /* the list has it, its record does not: it is triggered, and not told */
    assert_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    tell(s, cr_blob_view(&s->cert), true);
    scene_trigger(s);
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
}

static void an_issuer_takes_all_of_its_certificates_along(void **state)
{
    struct scene *s = *state;
    char json[120];

    reconnect(s, cr_blob_view(&s->cert));
    expect_welcome(s, s->client);
    (void)snprintf(json, sizeof json, "{\"command\":\"revokeIssuer\",\"issuer\":\"%s\"}",
                   cr_issuer_id(s->rig.setup->trust, 0));
    expect(command(s, json), "\"errorCode\":\"issuer-in-use\"");
    expect(command(s, "{\"command\":\"revokeIssuer\",\"issuer\":\"0123456789abcdef\"}"), "\"errorCode\":\"unknown-issuer\"");
    assert_int_equal(loop_signer(s->rig.router), 0);
    tell_mark(s, CR_ISSUER_RETIRED);
    flow_rig_pump(&s->rig);
    assert_int_equal(loop_signer(s->rig.router), CR_NO_SIGNER);
    expect_shut_out(s, s->client);
    assert_int_equal(s->rig.host.kicks, 2); /* the boss, too */
    come_back(s, &s->cert);
    assert_int_equal(cr_router_login(s->rig.router, s->client, NULL), CR_LOGIN_DENY);
    tell_mark(s, CR_ISSUER_TRUSTED);
    come_back(s, &s->cert);
    expect_welcome(s, s->client);
    tell_mark(s, CR_ISSUER_REVOKED);
    flow_rig_pump(&s->rig);
    expect_shut_out(s, s->client);
}

/* The loop has others to serve: it looks at some of the sessions in each tick, while others come and go. */
static void a_fleet_is_looked_through_in_slices(void **state)
{
    enum { FLEET = 4100, SLICE = 2048 };
    static const struct cr_client *client[FLEET];
    struct scene *s = *state;
    struct cr_router *router = s->rig.router;
    struct cr_revocations *news;
    struct cr_job *job;
    char id[16];

    for (unsigned i = 0; i < FLEET; i++) {
        (void)snprintf(id, sizeof id, "c%u", i);
        client[i] = fake_host_connect(&s->rig.host, id, cr_blob_view(&s->cert), 4);
        assert_int_equal(cr_router_access(router, client[i], CR_ACCESS_WRITE, "some/topic"), CR_ALLOW);
    }
    news = news_make(&job, s, false, true);
    news->mark_count = 1;
    memcpy(news->mark[0].id, cr_issuer_id(s->rig.setup->trust, 0), sizeof news->mark[0].id);
    news->mark[0].state = CR_ISSUER_REVOKED;
    loop_complete(router, job);
    for (unsigned left = FLEET; left > 0; left -= left < SLICE ? left : SLICE) {
        unsigned closed = FLEET - left;

        assert_int_equal(router->counters.revoked_closed, closed);
        if (closed == SLICE) { /* just the one that would be next */
            fake_host_offline(&s->rig.host, client[closed]);
            cr_router_disconnected(router, client[closed]);
            left--;
            router->counters.revoked_closed++;
        }
        assert_true(cr_router_tick(router) <= 20 || left <= SLICE);
    }
    assert_int_equal(router->counters.revoked_closed, FLEET);
    (void)cr_router_tick(router); /* connections are closed a tick later */
    assert_int_equal(s->rig.host.kicks, FLEET - 1);
    for (unsigned i = 0; i < FLEET; i++) {
        if (i != SLICE) {
            fake_host_offline(&s->rig.host, client[i]);
            cr_router_disconnected(router, client[i]);
        }
    }
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, start, scene_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(hostile_98_a_revoked_device_is_off_and_stays_off),
        WITH_SCENE(nobody_else_is_disturbed),
        WITH_SCENE(it_is_told_apart_from_an_expired_one),
        WITH_SCENE(what_was_revoked_stays_so_when_its_device_is_released),
        WITH_SCENE(a_hold_ends_with_the_release),
        WITH_SCENE(an_operator_is_nobody_any_more),
        WITH_SCENE(told_anew_there_is_no_moment_in_between),
        WITH_SCENE(without_memory_what_is_known_stays_and_it_is_told_again),
        WITH_SCENE(the_record_is_believed_where_the_list_does_not_have_it),
        WITH_SCENE(nothing_is_queued_for_it_while_it_is_away),
        WITH_SCENE(a_fleet_is_looked_through_in_slices),
        WITH_SCENE(an_issuer_takes_all_of_its_certificates_along),
    };
    return cmocka_run_group_tests_name("revoked_flow", tests, NULL, NULL);
}
