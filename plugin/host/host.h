/* host: what we need of a broker, and what a broker tells us. host_mosquitto.c implements it; flow tests have a fake
 * (tests/support/fake_host.h).
 *
 * Threads: everything here happens on the broker's loop, except log, which any thread may call (host_mosquitto queues
 * lines of other threads until the loop's next tick). Nothing here waits. */
#ifndef CR_HOST_H
#define CR_HOST_H

#include "common/bytes.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* A client during an event. Everything is borrowed and valid until the event's function returns. */
struct cr_client {
    const void *handle;        /* tells clients apart; only the host dereferences it, during the event */
    const char *id;            /* NULL: not known (yet, or any more) */
    const char *username;      /* NULL: none */
    const char *address;       /* NULL: offline */
    int protocol;              /* 3, 4 (3.1.1), 5 */
    bool persistent;           /* the session outlives the connection */
    /* With cr_router_message and cr_router_control: the broker did not ask cr_router_access about this message. It came
     * over a bridge of the broker's own (whose certificate is the remote server's: not a device), or another plugin
     * granted it before us. Refuse it where it is ours. */
    bool unchecked;
};

enum { CR_CORRELATION_MAX = 256, CR_CONTENT_TYPE_MAX = 64, CR_USER_PROPERTY_MAX = 16 };

/* What of an MQTT 5 request's properties concerns us. */
struct cr_request_properties {
    struct cr_bytes correlation; /* borrowed; at most CR_CORRELATION_MAX */
    unsigned user_properties;    /* how many there were; the host stops counting above CR_USER_PROPERTY_MAX */
    bool retain;                 /* the publish asks to be retained */
    bool excessive;              /* a bound was passed, or it was to be retained: refuse as malformed-request */
};

struct cr_publication {
    const char *client_id;       /* straight to this client, at QoS 1; NULL: to all subscribers ($SYS and events) */
    const char *topic;
    struct cr_bytes payload;
    int qos;
    bool retain;                 /* only without client_id */
    /* MQTT 5; ignored for older clients but for the expiry, which the broker honours for all */
    uint32_t expiry_s;           /* 0: none */
    const char *content_type;    /* NULL: none */
    struct cr_bytes correlation; /* empty: none */
    unsigned user_count;
    struct { const char *name, *value; } user[2];
};

struct cr_host;

struct cr_host_ops {
    /* Copies the publication into the broker's queue. CR_NOMEM or CR_IO: it will not be sent. */
    cr_err (*publish)(struct cr_host *host, const struct cr_publication *publication);
    /* Which TLS client certificate object the event's client has, only for comparison; NULL: none, or offline. A new
     * connection has another mark, as long as the former one is held (certificate_hold). Asked for when it is needed
     * (our topics, a client not seen before), not for each of the broker's messages. */
    const void *(*certificate_mark)(struct cr_host *host, const struct cr_client *client);
    /* Holds that certificate: *held is a reference that keeps its mark from being reused; *der views its encoding while
     * it is held. CR_NOT_FOUND: there is none. */
    cr_err (*certificate_hold)(struct cr_host *host, const struct cr_client *client, void **held, struct cr_blob *der);
    void (*certificate_drop)(struct cr_host *host, void *held);
    /* Closes the client's connection at the end of this tick, or of the next one. CR_FULL: too many at once. */
    cr_err (*kick)(struct cr_host *host, const char *client_id);
    /* level: 'e', 'w', 'n', 'd'. */
    void (*log)(struct cr_host *host, char level, const char *text);
};

struct cr_host {
    const struct cr_host_ops *ops;
};

/* The events, implemented by loop/router.c and called by the host. */

enum cr_access { CR_ACCESS_READ, CR_ACCESS_WRITE, CR_ACCESS_SUBSCRIBE, CR_ACCESS_UNSUBSCRIBE };
enum cr_verdict { CR_ALLOW, CR_DENY, CR_DEFER };
enum cr_handled {
    CR_NOT_OURS, /* leave the message as it is */
    CR_CONSUMED, /* acknowledge it, but pass nothing on: empty the payload, clear retain */
    CR_REFUSED,  /* deny it */
};

/* What is to become of a CONNECT. */
enum cr_login { CR_LOGIN_DEFER, CR_LOGIN_ALLOW, CR_LOGIN_DENY };

struct cr_router;

/* A client connects; asked only where the broker asks about user names at all. password: NULL: none. DEFER: none of our
 * business. Its session does not exist yet; the handle is the one that it will have. */
enum cr_login cr_router_login(struct cr_router *router, const struct cr_client *client, const char *password);

/* Whether a message on this topic could concern us at all: a look at its first byte, for the many that cannot. */
bool cr_router_concerns(const struct cr_router *router, const char *topic);
/* The short way for READ and WRITE of what cannot concern us by a client that was noticed already: the broker asks this for
 * each of its messages, twice. True: *verdict is the answer. False: ask cr_router_access. */
bool cr_router_passes(const struct cr_router *router, const void *handle, const char *topic, enum cr_verdict *verdict);
/* topic may hold wildcards with SUBSCRIBE and UNSUBSCRIBE. */
enum cr_verdict cr_router_access(struct cr_router *router, const struct cr_client *client, enum cr_access access,
                                 const char *topic);
/* A client's PUBLISH, after access was given. Also called again for QoS 2 duplicates. */
enum cr_handled cr_router_message(struct cr_router *router, const struct cr_client *client, const char *topic,
                                  struct cr_bytes payload, const struct cr_request_properties *properties);
/* A command on the operator channel. Never disconnects: the answer, also a refusal, is published. */
void cr_router_control(struct cr_router *router, const struct cr_client *client, struct cr_bytes payload,
                       const struct cr_request_properties *properties);
/* A client is there (2.1: CONNECT; 2.0: nothing, it is noticed with its first access). */
void cr_router_connected(struct cr_router *router, const struct cr_client *client);
/* Its connection is gone. A stale context's second farewell (certificate NULL) changes nothing. */
void cr_router_disconnected(struct cr_router *router, const struct cr_client *client);
/* A client came back to the session that the broker kept for it (2.0: all that is heard of it until it does something).
 * Maybe: the broker tells the same of sessions that are still away. client: its id counts. */
void cr_router_resumed(struct cr_router *router, const struct cr_client *client);
/* On every turn of the broker's loop: takes completions, keeps deadlines. Returns in how many ms it wants to be called
 * again at the latest (below 1000). */
unsigned cr_router_tick(struct cr_router *router);

#endif
