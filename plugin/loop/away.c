/* Operators that are away and whose session the broker keeps, such as a gateway for wakes that is being restarted. The
 * broker asks whether they may read an event when it queues it, and by then their certificate is gone with their
 * connection: so what they were is remembered. The broker's client object stays the same until somebody comes back for
 * the session. Then it is another, and the broker asks once more about what was queued: that is decided by the
 * certificate of the new connection, and a client id alone never reads anything. */
#include "plugin/loop/loop.h"

#include <stdlib.h>
#include <string.h>

enum { AWAY_MAX = 256 }; /* the longest away are forgotten */

struct cr_away {
    struct cr_session was; /* what loop_role looks at, and nothing else */
    UT_hash_handle hh;
};

static struct cr_away *away_of(const struct cr_router *router, const char *client_id)
{
    struct cr_away *away;

    HASH_FIND(hh, router->away, client_id, strlen(client_id), away);
    return away;
}

static void away_forget(struct cr_router *router, struct cr_away *away)
{
    HASH_DELETE(hh, router->away, away);
    free(away);
}

void loop_away_left(struct cr_router *router, const struct cr_session *session)
{
    struct cr_away *away;

    if (session->restricted || loop_role(router, session) == CR_ROLE_NONE) {
        return;
    }
    loop_away_appeared(router, session->client_id);
    if (HASH_COUNT(router->away) >= AWAY_MAX) {
        away_forget(router, router->away); /* the first is the oldest */
    }
    away = calloc(1, sizeof *away);
    if (away == NULL) {
        return;
    }
    away->was.handle = session->handle;
    memcpy(away->was.client_id, session->client_id, sizeof away->was.client_id);
    memcpy(away->was.username, session->username, sizeof away->was.username);
    away->was.has_certificate = session->has_certificate;
    away->was.refusal = session->refusal;
    away->was.facts = session->facts;
    away->was.not_after = session->not_after;
    HASH_ADD_KEYPTR(hh, router->away, away->was.client_id, strlen(away->was.client_id), away);
    if (away->hh.tbl == NULL) {
        free(away);
    }
}

void loop_away_appeared(struct cr_router *router, const char *client_id)
{
    struct cr_away *away = away_of(router, client_id);

    if (away != NULL) {
        away_forget(router, away);
    }
}

enum cr_role loop_away_role(const struct cr_router *router, const struct cr_client *client)
{
    const struct cr_away *away = client->id != NULL ? away_of(router, client->id) : NULL;

    if (away == NULL || away->was.handle != client->handle ||
        router->host->ops->certificate_mark(router->host, client) != NULL ||
        (away->was.has_certificate && loop_revoked_refusal(router, &away->was.facts) != CR_REFUSAL_NONE)) {
        return CR_ROLE_NONE;
    }
    return loop_role(router, &away->was);
}

void loop_away_fini(struct cr_router *router)
{
    while (router->away != NULL) {
        away_forget(router, router->away);
    }
}
