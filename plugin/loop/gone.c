/* Connections that ended while they were restricted. The broker may send their will much later (MQTT 5's will delay), and
 * asks then as if they were still here: by the client's object, without a certificate. An object may have become another
 * client's by then, which has other names. */
#include "plugin/loop/loop.h"

#include <stdlib.h>

enum { GONE_MAX = 16384 }; /* the longest away are forgotten */

struct cr_gone {
    const void *handle;
    uint64_t names;
    UT_hash_handle hh;
};

static uint64_t gone_mix(uint64_t hash, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 1099511628211U; /* FNV-1a */
    }
    return hash * 31 + (text != NULL);
}

static uint64_t gone_names(const struct cr_client *client)
{
    return gone_mix(gone_mix(14695981039346656037U, client->id), client->username);
}

static void gone_forget(struct cr_router *router, struct cr_gone *gone)
{
    HASH_DELETE(hh, router->gone, gone);
    free(gone);
}

void loop_gone(struct cr_router *router, const struct cr_client *client, bool restricted)
{
    struct cr_gone *gone;

    HASH_FIND(hh, router->gone, &client->handle, sizeof client->handle, gone);
    if (gone != NULL) { /* this is the last that was heard of it, whoever had it before */
        gone_forget(router, gone);
    }
    if (!restricted) {
        return;
    }
    if (HASH_COUNT(router->gone) >= GONE_MAX) {
        gone_forget(router, router->gone); /* the first is the oldest */
    }
    gone = calloc(1, sizeof *gone);
    if (gone == NULL) {
        return;
    }
    gone->handle = client->handle;
    gone->names = gone_names(client);
    HASH_ADD(hh, router->gone, handle, sizeof gone->handle, gone);
    if (gone->hh.tbl == NULL) {
        free(gone);
    }
}

bool loop_gone_was_restricted(const struct cr_router *router, const struct cr_client *client)
{
    struct cr_gone *gone;

    HASH_FIND(hh, router->gone, &client->handle, sizeof client->handle, gone);
    return gone != NULL && gone->names == gone_names(client) &&
           (client->address == NULL || /* it is just leaving */
            router->host->ops->certificate_mark(router->host, client) == NULL);
}

void loop_gone_fini(struct cr_router *router)
{
    struct cr_gone *gone, *next;

    HASH_ITER(hh, router->gone, gone, next)
    {
        gone_forget(router, gone);
    }
}
