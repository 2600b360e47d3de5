/* link: one MQTT connection of one device: libmosquitto, driven by libuv without threads.
 *
 * Lifetime: link_open() … then either down() is called, once, and the link is gone; or the owner calls link_close()
 * or link_abort(), and the link is gone without a call. Both may happen inside a callback. Main thread only. */
#ifndef DEVICE_SIM_LINK_H
#define DEVICE_SIM_LINK_H

#include "common/err.h"
#include "device-sim/resolver.h"
#include "device-sim/tls.h"
#include "device-sim/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum link_end {
    LINK_REFUSED,     /* a fatal TLS alert, or a CONNACK that says no */
    LINK_CUT,         /* ended before CONNACK, after the broker had shown its certificate: a refusal that got lost? */
    LINK_UNREACHABLE, /* ended before that */
    LINK_LOST,        /* ended after CONNACK */
};

/* What the owner is told, always after libmosquitto has returned: what is published in answer is on the wire when
 * link_publish() returns, before anything that takes longer. settled: that was all for now. */
struct link_handler {
    void (*up)(void *ctx);
    /* renewal_id: MQTT 5's user property, or NULL. */
    void (*message)(void *ctx, const char *topic, const uint8_t *payload, size_t len, const char *renewal_id);
    void (*delivered)(void *ctx, uint32_t id);
    void (*settled)(void *ctx);
    void (*down)(void *ctx, enum link_end end);
};

struct link_config {
    uv_loop_t *loop;
    struct tls *tls;
    struct resolver *resolver; /* whose addresses it takes: fresh ones are the caller's business */
    int port;
    bool mqtt5, persistent;
    const struct link_handler *handler;
};

struct link;

/* What CONNECT carries beside the certificate. */
struct link_login {
    const char *user_name, *password;
};

/* Starts to connect, to the next of the broker's addresses that does not refuse at once. `config` and `identity` are
 * lent for the link's life; login: NULL: none. CR_IO: no connection can even be started. */
CR_MUST_USE cr_err link_open(struct link **link, const struct link_config *config, const char *client_id,
                             const struct tls_identity *identity, const struct link_login *login, void *ctx);
/* At QoS 1; delivered(id) when its PUBACK is in. CR_UNAVAILABLE: not connected. */
CR_MUST_USE cr_err link_publish(struct link *link, uint32_t id, const char *topic, const uint8_t *payload, size_t len);
/* Keeps the connection alive; about once a second. */
void link_tick(struct link *link);
/* Says goodbye, or just vanishes as a device does that loses power. */
void link_close(struct link *link);
void link_abort(struct link *link);

/* What went over it so far. */
struct wire link_wire(const struct link *link);

#endif
