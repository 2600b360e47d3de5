#include "device-sim/link.h"

#include <mosquitto.h>
#if __has_include(<mosquitto/mqtt_protocol.h>) /* 2.1 */
#include <mosquitto/mqtt_protocol.h>
#else
#include <mqtt_protocol.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { KEEPALIVE_S = 60, IN_FLIGHT_MAX = 8, SESSION_EXPIRY_S = 86400 };

/* Something that libmosquitto told, until the owner is told. */
enum happening_kind { CONNECTED, MESSAGE, DELIVERED };
struct happening {
    struct happening *next;
    enum happening_kind kind;
    int mid;
    char *renewal_id;
    size_t topic_len, len;
    uint8_t bytes[]; /* topic with its NUL, payload */
};

struct link {
    const struct link_config *config;
    const struct tls_identity *identity;
    void *ctx;
    struct mosquitto *mosq;
    uv_poll_t poll;
    struct happening *first, **last;
    bool polling, up, refused, answered, broken;
    bool driving;                  /* inside libmosquitto or one of the owner's callbacks */
    bool gone;                     /* the owner let go of it */
    bool started;                  /* TCP connected: the first event came */
    struct {
        int mid;                   /* 0: free */
        uint32_t id;
    } in_flight[IN_FLIGHT_MAX];
};

static void drive(uv_poll_t *poll, int status, int events);

/* Around each call into libmosquitto: TLS callbacks need to know whose handshake it is. */
static void enter(struct link *link)
{
    link->driving = true;
    link->config->tls->using = link->identity;
    link->config->tls->refused = &link->refused;
    link->config->tls->answered = &link->answered;
}

static void leave(struct link *link)
{
    link->driving = false;
    link->config->tls->using = NULL;
    link->config->tls->refused = link->config->tls->answered = NULL;
}

static void dispatch(struct link *link);

/* --- the end --- */

static void poll_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;
    free(link);
}

static void destroy(struct link *link)
{
    if (link->polling) {
        (void)uv_poll_stop(&link->poll); /* before its file descriptor can belong to somebody else */
    }
    enter(link);
    mosquitto_destroy(link->mosq);
    leave(link);
    link->mosq = NULL;
    link->gone = true;
    dispatch(link); /* frees what nobody will hear of any more */
    if (link->polling) {
        uv_close((uv_handle_t *)&link->poll, poll_closed);
    } else {
        free(link);
    }
}

static void end(struct link *link, enum link_end why)
{
    const struct link_handler *handler = link->config->handler;
    void *ctx = link->ctx;
    destroy(link);
    handler->down(ctx, why);
}

void link_close(struct link *link)
{
    if (link->up) {
        (void)mosquitto_disconnect(link->mosq);
    }
    link->gone = true;
    if (!link->driving) {
        destroy(link);
    }
}

void link_abort(struct link *link)
{
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    int fd = mosquitto_socket(link->mosq);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    link->gone = true;
    if (!link->driving) {
        destroy(link);
    }
}

/* --- libmosquitto's callbacks: they only note what happened --- */

static struct happening *happened(struct link *link, enum happening_kind kind, size_t extra)
{
    struct happening *one = calloc(1, sizeof *one + extra);
    if (one == NULL) {
        link->broken = true; /* better no connection than one that swallows messages */
        return NULL;
    }
    one->kind = kind;
    *link->last = one;
    link->last = &one->next;
    return one;
}

static void on_connect(struct mosquitto *mosq, void *obj, int rc)
{
    struct link *link = obj;
    (void)mosq;
    if (rc != 0) {
        link->refused = true;
    } else {
        (void)happened(link, CONNECTED, 0);
    }
}

/* MQTT 5's user property "renewal-id"; the caller frees it. */
static char *renewal_id_of(const mosquitto_property *properties)
{
    char *name = NULL, *value = NULL;
    const mosquitto_property *at = mosquitto_property_read_string_pair(properties, MQTT_PROP_USER_PROPERTY, &name,
                                                                       &value, false);
    while (at != NULL) {
        bool found = name != NULL && value != NULL && strcmp(name, "renewal-id") == 0;
        free(name);
        if (found) {
            return value;
        }
        free(value);
        name = value = NULL;
        at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value, true);
    }
    return NULL;
}

static void on_message(struct mosquitto *mosq, void *obj, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    struct link *link = obj;
    size_t topic_len = strlen(message->topic) + 1, len = (size_t)message->payloadlen;
    (void)mosq;
    struct happening *one = happened(link, MESSAGE, topic_len + len);
    if (one != NULL) {
        memcpy(one->bytes, message->topic, topic_len);
        if (len > 0) {
            memcpy(one->bytes + topic_len, message->payload, len);
        }
        one->topic_len = topic_len;
        one->len = len;
        one->renewal_id = renewal_id_of(properties);
    }
}

static void on_publish(struct mosquitto *mosq, void *obj, int mid)
{
    struct happening *one = happened(obj, DELIVERED, 0);
    (void)mosq;
    if (one != NULL) {
        one->mid = mid;
    }
}

static void happening_free(struct happening *one)
{
    free(one->renewal_id);
    free(one);
}

/* Tells the owner what happened, until it lets go of the link. */
static void dispatch(struct link *link)
{
    const struct link_handler *handler = link->config->handler;
    while (link->first != NULL) {
        struct happening *one = link->first;
        link->first = one->next;
        link->last = link->first == NULL ? &link->first : link->last;
        if (link->gone) {
            happening_free(one);
            continue;
        }
        switch (one->kind) {
        case CONNECTED:
            link->up = true;
            handler->up(link->ctx);
            break;
        case MESSAGE:
            handler->message(link->ctx, (const char *)one->bytes, one->bytes + one->topic_len, one->len,
                             one->renewal_id);
            break;
        case DELIVERED:
            for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
                if (link->in_flight[i].mid == one->mid) {
                    link->in_flight[i].mid = 0;
                    handler->delivered(link->ctx, link->in_flight[i].id);
                    break;
                }
            }
            break;
        }
        happening_free(one);
    }
}

/* --- the event loop --- */

static bool poll_again(struct link *link)
{
    int events = UV_READABLE | (link->up ? 0 : UV_DISCONNECT);
    /* Before CONNACK only the first event, the TCP connection, is about writing: libmosquitto then "wants to write" its
     * CONNECT all through the handshake, which would keep the loop spinning. */
    if (link->up ? mosquitto_want_write(link->mosq) : !link->started) {
        events |= UV_WRITABLE;
    }
    return uv_poll_start(&link->poll, events, drive) == 0;
}

/* After libmosquitto returned: what has come of it? */
static void settle(struct link *link, int rc)
{
    link->driving = true; /* a close in there waits until here */
    dispatch(link);
    bool alive = rc == MOSQ_ERR_SUCCESS && !link->broken && mosquitto_socket(link->mosq) >= 0 &&
                 (link->up || !link->refused);
    if (alive && link->up && !link->gone) {
        link->config->handler->settled(link->ctx);
    }
    link->driving = false;
    if (link->gone) {
        destroy(link);
    } else if (!alive || mosquitto_socket(link->mosq) < 0 || !poll_again(link)) {
        end(link, link->up ? LINK_LOST : link->refused ? LINK_REFUSED : link->answered ? LINK_CUT : LINK_UNREACHABLE);
    }
}

static void drive(uv_poll_t *poll, int status, int events)
{
    struct link *link = poll->data;
    link->started = true;
    enter(link);
    int rc = mosquitto_loop_read(link->mosq, 1); /* a reset connection too may have an alert in store, and why */
    if (rc == MOSQ_ERR_SUCCESS && mosquitto_socket(link->mosq) >= 0 && mosquitto_want_write(link->mosq)) {
        rc = mosquitto_loop_write(link->mosq, 1);
    }
    leave(link);
    /* libmosquitto takes a failed TCP connection for one that is still to come. */
    bool over = status != 0 || (!link->up && (events & UV_DISCONNECT) != 0);
    settle(link, rc == MOSQ_ERR_SUCCESS && over ? MOSQ_ERR_CONN_LOST : rc);
}

void link_tick(struct link *link)
{
    if (!link->up || link->driving) {
        return;
    }
    enter(link);
    int rc = mosquitto_loop_misc(link->mosq);
    leave(link);
    settle(link, rc);
}

/* --- opening --- */

static int options_set(struct link *link)
{
    const struct link_config *config = link->config;
    int version = config->mqtt5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311;
    int rc = mosquitto_int_option(link->mosq, MOSQ_OPT_PROTOCOL_VERSION, version);
    rc = rc != 0 ? rc : mosquitto_int_option(link->mosq, MOSQ_OPT_TCP_NODELAY, 1); /* Nagle would cost 40 ms */
    rc = rc != 0 ? rc : mosquitto_int_option(link->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    rc = rc != 0 ? rc : mosquitto_void_option(link->mosq, MOSQ_OPT_SSL_CTX, config->tls->ctx);
    mosquitto_connect_callback_set(link->mosq, on_connect);
    mosquitto_message_v5_callback_set(link->mosq, on_message);
    mosquitto_publish_callback_set(link->mosq, on_publish);
    return rc;
}

static int connect_start(struct link *link, const char *address)
{
    const struct link_config *config = link->config;
    if (!config->mqtt5 || !config->persistent) {
        return mosquitto_connect_async(link->mosq, address, config->port, KEEPALIVE_S);
    }
    /* A session that outlives its connection needs a property, and libmosquitto takes one only when TCP connects
     * synchronously: instantly to a broker nearby. */
    mosquitto_property *properties = NULL;
    int rc = mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, SESSION_EXPIRY_S);
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_connect_bind_v5(link->mosq, address, config->port, KEEPALIVE_S, NULL, properties);
    }
    mosquitto_property_free_all(&properties);
    return rc;
}

/* What is refused at once, as on a machine's own addresses, is tried at the next one. */
static int connect_anywhere(struct link *link)
{
    int rc = MOSQ_ERR_NO_CONN;
    for (unsigned i = 0; rc != MOSQ_ERR_SUCCESS && i < link->config->resolver->answer.count; i++) {
        rc = connect_start(link, resolver_next(link->config->resolver));
    }
    return rc;
}

cr_err link_open(struct link **out, const struct link_config *config, const char *client_id,
                 const struct tls_identity *identity, const struct link_login *login, void *ctx)
{
    struct link *link = calloc(1, sizeof *link);
    *out = NULL;
    if (link == NULL) {
        return CR_NOMEM;
    }
    link->config = config;
    link->identity = identity;
    link->ctx = ctx;
    link->last = &link->first;
    link->mosq = mosquitto_new(client_id, !config->persistent, link);
    if (link->mosq == NULL) {
        free(link);
        return CR_NOMEM;
    }
    enter(link);
    int rc = options_set(link);
    if (login != NULL && rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_username_pw_set(link->mosq, login->user_name, login->password);
    }
    rc = rc != MOSQ_ERR_SUCCESS ? rc : connect_anywhere(link);
    leave(link);
    if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(link->mosq) < 0 ||
        uv_poll_init(config->loop, &link->poll, mosquitto_socket(link->mosq)) != 0) {
        destroy(link);
        return CR_IO;
    }
    link->poll.data = link;
    link->polling = true;
    if (!poll_again(link)) {
        destroy(link);
        return CR_IO;
    }
    *out = link;
    return CR_OK;
}

cr_err link_publish(struct link *link, uint32_t id, const char *topic, const uint8_t *payload, size_t len)
{
    size_t slot = 0;
    while (slot < IN_FLIGHT_MAX && link->in_flight[slot].mid != 0) {
        slot++;
    }
    if (!link->up || link->gone || slot == IN_FLIGHT_MAX) {
        return CR_UNAVAILABLE;
    }
    int mid = 0;
    bool nested = link->driving;
    enter(link);
    int rc = mosquitto_publish(link->mosq, &mid, topic, (int)len, payload, 1, false);
    leave(link);
    link->driving = nested;
    if (rc != MOSQ_ERR_SUCCESS) {
        return CR_UNAVAILABLE; /* a broken socket shows up as an event */
    }
    link->in_flight[slot].mid = mid;
    link->in_flight[slot].id = id;
    return CR_OK;
}

struct wire link_wire(const struct link *link)
{
    return wire_count(mosquitto_socket(link->mosq));
}
