#include "plugin/host/host_ops.h"

#include "plugin/host/properties.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

/* Set on the thread that the broker initialised the plugin on: its loop. */
static _Thread_local bool on_loop;

void host_ops_here(void)
{
    on_loop = true;
}

bool host_on_loop(void)
{
    return on_loop;
}

static int log_level(char level)
{
    switch (level) {
    case 'e': return MOSQ_LOG_ERR;
    case 'w': return MOSQ_LOG_WARNING;
    case 'd': return MOSQ_LOG_DEBUG;
    default: return MOSQ_LOG_NOTICE;
    }
}

void host_say(char level, const char *text)
{
    mosquitto_log_printf(log_level(level), "cert-renewal: %s", text);
}

static void op_log(struct cr_host *host, char level, const char *text)
{
    if (on_loop) {
        host_say(level, text);
    } else {
        cr_lines_put(((struct host_mosquitto *)host)->lines, level, text);
    }
}

static cr_err op_publish(struct cr_host *host, const struct cr_publication *publication)
{
    mosquitto_property *properties = NULL;
    const struct cr_bytes *payload = &publication->payload;
    if (payload->len > INT32_MAX) {
        return CR_INVALID;
    }
    cr_err err = properties_write(&properties, publication);
    if (err != CR_OK) {
        return err;
    }
    int rc = mosquitto_broker_publish_copy(publication->client_id, publication->topic, (int)payload->len,
                                           payload->len > 0 ? (const void *)payload->data : "", publication->qos,
                                           publication->retain, properties);
    if (rc == MOSQ_ERR_SUCCESS) {
        ((struct host_mosquitto *)host)->published = true;
        return CR_OK; /* the broker owns the properties now */
    }
    mosquitto_property_free_all(&properties);
    return rc == MOSQ_ERR_NOMEM ? CR_NOMEM : CR_IO;
}

/* A client's handle is the broker's own; during an event it may be asked about. */
static struct mosquitto *client_of(const struct cr_client *client)
{
    return (struct mosquitto *)(uintptr_t)client->handle;
}

const void *host_ops_certificate_mark(const struct cr_client *client)
{
    X509 *x509 = mosquitto_client_certificate(client_of(client));
    X509_free(x509); /* the connection keeps its own reference for as long as the event lasts */
    return x509;
}

static const void *op_certificate_mark(struct cr_host *host, const struct cr_client *client)
{
    (void)host;
    return host_ops_certificate_mark(client);
}

/* What certificate_hold gives out. */
struct held {
    X509 *x509;
    uint8_t der[];
};

static cr_err op_certificate_hold(struct cr_host *host, const struct cr_client *client, void **held,
                                  struct cr_blob *der)
{
    (void)host;
    *held = NULL;
    *der = (struct cr_blob){ NULL, 0 };
    X509 *x509 = mosquitto_client_certificate(client_of(client));
    if (x509 == NULL) {
        return CR_NOT_FOUND;
    }
    int len = i2d_X509(x509, NULL);
    struct held *h = len > 0 ? malloc(sizeof *h + (size_t)len) : NULL;
    if (h == NULL) {
        X509_free(x509);
        return len > 0 ? CR_NOMEM : CR_CRYPTO;
    }
    uint8_t *end = h->der;
    (void)i2d_X509(x509, &end);
    h->x509 = x509;
    *der = (struct cr_blob){ h->der, (size_t)len };
    *held = h;
    return CR_OK;
}

static void op_certificate_drop(struct cr_host *host, void *held)
{
    (void)host;
    struct held *h = held;
    X509_free(h->x509);
    free(h);
}

static cr_err op_kick(struct cr_host *host, const char *client_id)
{
    struct host_mosquitto *h = (struct host_mosquitto *)host;
    if (h->kick_count == KICKS_MAX) {
        return CR_FULL;
    }
    char *id = strdup(client_id);
    if (id == NULL) {
        return CR_NOMEM;
    }
    h->kick[h->kick_count++] = id;
    return CR_OK;
}

static const struct cr_host_ops ops = {
    .publish = op_publish,
    .certificate_mark = op_certificate_mark,
    .certificate_hold = op_certificate_hold,
    .certificate_drop = op_certificate_drop,
    .kick = op_kick,
    .log = op_log,
};

/* ---- for host_mosquitto.c ---- */

cr_err host_ops_init(struct host_mosquitto *h)
{
    h->host.ops = &ops;
    cr_err err = cr_lines_new(&h->lines);
    return err == CR_OK ? cr_nudge_new(&h->nudge) : err;
}

static void lines_flush(struct host_mosquitto *h)
{
    struct cr_log_line line;
    while (cr_lines_take(h->lines, &line)) {
        host_say(line.level, line.text);
    }
    unsigned lost = cr_lines_lost(h->lines);
    if (lost > 0) {
        mosquitto_log_printf(MOSQ_LOG_WARNING, "cert-renewal: %u log lines were lost: too many at once", lost);
    }
}

void host_ops_flush(struct host_mosquitto *h)
{
    lines_flush(h);
    for (unsigned i = 0; i < h->kick_count; i++) {
        (void)mosquitto_kick_client_by_clientid(h->kick[i], true);
        free(h->kick[i]);
    }
    h->kick_count = 0;
}

void host_ops_fini(struct host_mosquitto *h)
{
    for (unsigned i = 0; i < h->kick_count; i++) {
        free(h->kick[i]);
    }
    h->kick_count = 0;
    if (h->lines != NULL) {
        lines_flush(h);
        cr_lines_free(h->lines);
        h->lines = NULL;
    }
    arrivals_fini(&h->arrivals);
    cr_nudge_free(h->nudge);
    h->nudge = NULL;
}
