#include "tests/flow/chaos_world.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *const chaos_ids[IDS] = { "dev-0", "dev-1", "dev-2", "dev-3", "dev-4",
                                     "dev-5", "dev-6", "dev-7", "other", "boss" };

static struct chaos *only; /* the host's operations have no other way to it */

unsigned chaos_dice(struct chaos *c, unsigned sides)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return (unsigned)(c->random >> 33) % sides;
}

static unsigned id_of(const char *id)
{
    for (unsigned i = 0; i < IDS; i++) {
        if (strcmp(chaos_ids[i], id) == 0) {
            return i;
        }
    }
    fail_msg("nobody has the id %s", id);
    return 0;
}

static struct guest *guest_of(struct chaos *c, const char *id)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (c->guest[i].client != NULL && strcmp(c->guest[i].id, id) == 0) {
            return &c->guest[i];
        }
    }
    return NULL;
}

/* ---- what must hold ---- */

static bool is_noticed(struct chaos *c, const struct guest *guest)
{
    return cr_sessions_find(&c->rig.router->sessions, &guest->client->client) != NULL;
}

/* Whether this client is, or may well be, that device. Who was noticed is who it is; a session that is kept is whose it
 * was when it was noticed last. A trigger, which tells nothing, may meet somebody who has not done anything yet. */
static bool may_be_told(struct chaos *c, const char *id, const struct cr_topic *topic)
{
    const struct guest *guest = guest_of(c, id);
    const struct being *being = guest != NULL ? guest->being : c->keeper[id_of(id)];

    if ((guest == NULL || !is_noticed(c, guest)) && topic->verb != CR_VERB_RENEW && topic->verb != CR_VERB_PENDING) {
        return false;
    }
    if (guest != NULL ? !is_noticed(c, guest) : being == NULL) {
        return true;
    }
    return being != NULL && strcmp(being->name, topic->device) == 0;
}

static cr_err watch_publish(struct cr_host *host, const struct cr_publication *publication)
{
    struct chaos *c = only;
    struct guest *guest = publication->client_id != NULL ? guest_of(c, publication->client_id) : NULL;
    struct cr_topic topic;

    c->published++;
    (void)host;
    cr_topic_parse(&topic, CR_TOPIC_PREFIX_DEFAULT, publication->topic);
    if (publication->client_id == NULL) {
        assert_int_equal(topic.kind, CR_TOPIC_OPERATOR_EVENT);
    } else if (topic.kind == CR_TOPIC_OPERATOR_RESPONSE) {
        assert_non_null(guest);
    } else {
        assert_int_equal(topic.kind, CR_TOPIC_DEVICE);
        c->certificates += topic.verb == CR_VERB_CERTIFICATE;
        if (!may_be_told(c, publication->client_id, &topic)) {
            fail_msg("%s was sent to client %s", publication->topic, publication->client_id);
        }
    }
    return chaos_dice(c, 100) == 0 ? CR_NOMEM : CR_OK;
}

static cr_err watch_kick(struct cr_host *host, const char *client_id)
{
    struct chaos *c = only;
    const struct guest *guest = guest_of(c, client_id);
    const struct cr_session *session;

    (void)host;
    if (c->kicks == KICKS || chaos_dice(c, 4) == 0) {
        return CR_FULL;
    }
    assert_non_null(guest);
    session = cr_sessions_find(&c->rig.router->sessions, &guest->client->client);
    assert_non_null(session);
    assert_true(cr_deadline_is_set(&session->closing));
    snprintf(c->kick[c->kicks++], sizeof c->kick[0], "%s", client_id);
    return CR_OK;
}

/* ---- coming and going ---- */

void chaos_leave(struct chaos *c, struct guest *guest)
{
    struct fake_client *client = guest->client;

    c->keeper[id_of(guest->id)] = client->client.persistent && is_noticed(c, guest) ? guest->being : NULL;
    fake_host_offline(&c->rig.host, &client->client);
    guest->client = NULL;
    cr_router_disconnected(c->rig.router, &client->client);
    if (chaos_dice(c, 8) == 0) { /* a will, and a second farewell */
        (void)cr_router_access(c->rig.router, &client->client, CR_ACCESS_WRITE, "some/topic");
        cr_router_disconnected(c->rig.router, &client->client);
    }
}

void chaos_come(struct chaos *c, struct guest *guest)
{
    const struct being *being = &c->being[chaos_dice(c, DEVICES + 1)];
    const struct cr_blob *cert = &being->cert[chaos_dice(c, CERTS)];
    const char *id = chaos_dice(c, 8) == 0 ? chaos_ids[chaos_dice(c, IDS)] : being->name;
    struct guest *former = guest_of(c, id);
    bool stranger = chaos_dice(c, 16) == 0;

    if (former != NULL) { /* taken over */
        chaos_leave(c, former);
    }
    guest->being = stranger ? NULL : being;
    guest->id = id;
    guest->restricted = false;
    guest->client = (struct fake_client *)(uintptr_t)fake_host_connect(
        &c->rig.host, id, stranger ? (struct cr_bytes){ NULL, 0 } : cr_blob_view(cert), chaos_dice(c, 2) == 0 ? 4 : 5);
    guest->client->client.persistent = chaos_dice(c, 2) == 0;
    if (chaos_dice(c, 4) == 0) {
        cr_router_resumed(c->rig.router, &guest->client->client);
    }
    c->keeper[id_of(id)] = NULL;
    if (chaos_dice(c, 2) == 0) {
        cr_router_connected(c->rig.router, &guest->client->client);
    }
}

void chaos_close_kicked(struct chaos *c)
{
    while (c->kicks > 0) {
        struct guest *guest = guest_of(c, c->kick[--c->kicks]);

        if (guest != NULL) {
            c->kicked++;
            chaos_leave(c, guest);
        }
    }
}

/* ---- from the beginning to the end ---- */

void chaos_begin(struct chaos *c, const char *config)
{
    const char *seed = getenv("CR_CHAOS_SEED");

    memset(c, 0, sizeof *c);
    only = c;
    c->random = 0x9e3779b97f4a7c15u ^ (seed != NULL ? strtoul(seed, NULL, 10) * 7919 : 0);
    flow_rig_start(&c->rig, config);
    c->ops = *c->rig.host.host.ops;
    c->ops.publish = watch_publish;
    c->ops.kick = watch_kick;
    c->rig.host.host.ops = &c->ops;
    for (unsigned i = 0; i <= DEVICES; i++) {
        struct being *being = &c->being[i];

        snprintf(being->name, sizeof being->name, "%s", chaos_ids[i < DEVICES ? i : IDS - 1]);
        for (unsigned k = 0; k < CERTS; k++) {
            rig_key_make(&being->key[k]);
            being->cert[k] = rig_certify(&c->rig, &being->key[k], being->name,
                                         i == DEVICES ? 900 * DAY_S : 7200 + k * 45 * DAY_S);
        }
        being->csr = rig_csr(&being->key[0], being->name);
    }
}

void chaos_end(struct chaos *c)
{
    const struct cr_sessions *sessions = &c->rig.router->sessions;

    for (unsigned i = 0; i < CLIENTS; i++) {
        if (c->guest[i].client != NULL) {
            chaos_leave(c, &c->guest[i]);
        }
    }
    assert_int_equal(sessions->count, 0);
    assert_true(sessions->waiting == NULL && sessions->begins == NULL && sessions->asks == NULL);
    assert_true(sessions->leaves == NULL && sessions->expiries == NULL && sessions->closings == NULL);
    flow_rig_stop(&c->rig);
    for (unsigned i = 0; i <= DEVICES; i++) {
        for (unsigned k = 0; k < CERTS; k++) {
            rig_key_free(&c->being[i].key[k]);
            cr_blob_fini(&c->being[i].cert[k]);
        }
        cr_blob_fini(&c->being[i].csr);
    }
}
