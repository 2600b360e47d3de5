#include "plugin/renewalctl/exchange.h"

#include "common/clock.h"
#include "common/topic.h"
#include "plugin/renewalctl/files.h"
#include "plugin/renewalctl/request.h"
#include "plugin/renewalctl/trouble.h"

#include <errno.h>
#include <mosquitto.h>
#include <stdio.h>
#include <string.h>

enum { KEEPALIVE_S = 60, LOOP_MS_MAX = 1000 };

struct exchange {
    const struct ctl_options *options;
    int port;
    struct cr_bytes request;
    struct cJSON *response;
    bool settled;
    bool connected;
    cr_err err;
    char *why; /* CTL_WHY_CAP */
    char log[CTL_LOG_CAP]; /* errors of the library, one a line, as far as they fit */
};

static void settle(struct exchange *exchange, cr_err err, const char *what, const char *detail)
{
    if (exchange->settled) {
        return;
    }
    exchange->settled = true;
    exchange->err = err;
    if (err != CR_OK) {
        (void)snprintf(exchange->why, CTL_WHY_CAP, "%s%s%.150s", what, detail[0] != '\0' ? ": " : "", detail);
    }
}

/* The connection could not be made, or has ended, with a code of the library's. */
static void settle_broken(struct exchange *exchange, int rc)
{
    int error = errno;
    bool closed = rc == MOSQ_ERR_CONN_LOST || rc == MOSQ_ERR_SUCCESS ||
                  (rc == MOSQ_ERR_ERRNO && (error == 0 || error == EPROTO || error == ECONNRESET || error == EPIPE));
    struct ctl_trouble trouble = {
        .options = exchange->options,
        .port = exchange->port,
        .connected = exchange->connected,
        .closed = closed,
        /* libmosquitto 2.1 has already closed the socket, and errno is about that. */
        .problem = closed                                     ? ""
                   : rc != MOSQ_ERR_ERRNO                     ? mosquitto_strerror(rc)
                   : error != 0 && error != EBADF             ? strerror(error)
                                                              : "nothing answers there",
        .log = exchange->log,
    };
    if (!exchange->settled) {
        exchange->settled = true;
        exchange->err = CR_UNAVAILABLE;
        ctl_trouble_text(exchange->why, &trouble);
    }
}

static void on_log(struct mosquitto *client, void *ctx, int level, const char *text)
{
    struct exchange *exchange = ctx;
    size_t len = strlen(exchange->log);
    (void)client;
    if (level == MOSQ_LOG_ERR) {
        (void)snprintf(exchange->log + len, sizeof exchange->log - len, "%s\n", text);
    }
}

static void on_connect(struct mosquitto *client, void *ctx, int reason, int flags, const mosquitto_property *properties)
{
    struct exchange *exchange = ctx;
    (void)flags;
    (void)properties;
    if (reason != 0) {
        settle(exchange, CR_UNAVAILABLE, "the broker refuses the connection", mosquitto_reason_string(reason));
        return;
    }
    exchange->connected = true;
    int rc = mosquitto_publish_v5(client, NULL, CR_TOPIC_CONTROL, (int)exchange->request.len, exchange->request.data, 1,
                                  false, NULL);
    if (rc != MOSQ_ERR_SUCCESS) {
        settle(exchange, CR_UNAVAILABLE, "cannot send", mosquitto_strerror(rc));
    }
}

static void on_disconnect(struct mosquitto *client, void *ctx, int reason, const mosquitto_property *properties)
{
    (void)client;
    (void)properties;
    /* Up to 127 it is a code of the library's, from 128 on a reason of MQTT's. */
    if (reason >= 128) {
        settle(ctx, CR_UNAVAILABLE, "the broker ended the connection", mosquitto_reason_string(reason));
    } else {
        settle_broken(ctx, reason);
    }
}

static void on_publish(struct mosquitto *client, void *ctx, int mid, int reason, const mosquitto_property *properties)
{
    (void)client;
    (void)mid;
    (void)properties;
    if (reason >= 128) {
        settle(ctx, CR_DENIED, "the broker did not take the command", mosquitto_reason_string(reason));
    }
}

static void on_message(struct mosquitto *client, void *ctx, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    struct exchange *exchange = ctx;
    (void)client;
    (void)properties;
    if (exchange->settled || strcmp(message->topic, CR_TOPIC_CONTROL_RESPONSE) != 0 || message->payloadlen < 0) {
        return;
    }
    cr_err err = ctl_response_read(&exchange->response,
                                   (struct cr_bytes){ message->payload, (size_t)message->payloadlen });
    if (err != CR_NOT_FOUND) {
        settle(exchange, err, "the broker's answer cannot be read", "");
    }
}

static cr_err configure(struct mosquitto *client, const struct ctl_options *options, char why[CTL_WHY_CAP])
{
    int rc = mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    }
    if (rc == MOSQ_ERR_SUCCESS && options->username[0] != '\0') {
        rc = mosquitto_username_pw_set(client, options->username,
                                       options->password[0] != '\0' ? options->password : NULL);
    }
    if (rc == MOSQ_ERR_SUCCESS && ctl_options_tls(options)) {
        const char *cafile = options->cafile[0] != '\0' ? options->cafile : NULL;
        const char *capath = options->capath[0] != '\0' ? options->capath : NULL;
        if (cafile == NULL && capath == NULL) {
            capath = "/etc/ssl/certs";
        }
        rc = mosquitto_tls_set(client, cafile, capath, options->cert[0] != '\0' ? options->cert : NULL,
                               options->key[0] != '\0' ? options->key : NULL, NULL);
        if (rc == MOSQ_ERR_SUCCESS && options->insecure) {
            rc = mosquitto_tls_insecure_set(client, true);
        }
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        (void)snprintf(why, CTL_WHY_CAP, "cannot set up the connection: %.150s", mosquitto_strerror(rc));
        return rc == MOSQ_ERR_NOMEM ? CR_NOMEM : CR_UNAVAILABLE;
    }
    return CR_OK;
}

cr_err ctl_exchange(struct cJSON **response, const struct ctl_options *options, struct cr_bytes request,
                    char why[CTL_WHY_CAP])
{
    const struct cr_clock *clock = cr_clock_system();
    int64_t deadline_ms = cr_mono_ms(clock) + (int64_t)options->timeout_s * 1000;
    int port = options->port != 0 ? (int)options->port : ctl_options_tls(options) ? 8883 : 1883;
    struct exchange exchange = { .options = options, .port = port, .request = request, .err = CR_TIMEOUT, .why = why };
    struct mosquitto *client = NULL;
    cr_err err = CR_NOMEM;

    *response = NULL;
    (void)mosquitto_lib_init();
    CR_TRY(ctl_files_check(options, why));
    err = CR_NOMEM;
    (void)snprintf(why, CTL_WHY_CAP, "out of memory");
    client = mosquitto_new(options->id[0] != '\0' ? options->id : NULL, true, &exchange);
    if (client == NULL) {
        goto out;
    }
    CR_TRY(configure(client, options, why));
    mosquitto_log_callback_set(client, on_log);
    mosquitto_connect_v5_callback_set(client, on_connect);
    mosquitto_disconnect_v5_callback_set(client, on_disconnect);
    mosquitto_publish_v5_callback_set(client, on_publish);
    mosquitto_message_v5_callback_set(client, on_message);

    int rc = mosquitto_connect_bind_v5(client, options->host, port, KEEPALIVE_S, NULL, NULL);
    if (rc != MOSQ_ERR_SUCCESS) {
        settle_broken(&exchange, rc);
    }
    while (!exchange.settled) {
        int64_t left_ms = deadline_ms - cr_mono_ms(clock);
        if (left_ms <= 0) {
            settle(&exchange, CR_TIMEOUT,
                   exchange.connected ? "no answer in time; does this broker run the plugin?"
                                      : "no connection in time; see -h, -p and --timeout",
                   "");
            break;
        }
        rc = mosquitto_loop(client, left_ms < LOOP_MS_MAX ? (int)left_ms : LOOP_MS_MAX, 1);
        if (rc != MOSQ_ERR_SUCCESS) {
            settle_broken(&exchange, rc);
        }
    }
    if (exchange.connected) {
        (void)mosquitto_disconnect_v5(client, 0, NULL);
        (void)mosquitto_loop(client, 0, 1); /* one chance for the farewell to leave */
    }
    *response = exchange.response;
    err = exchange.err;
out:
    mosquitto_destroy(client);
    (void)mosquitto_lib_cleanup();
    return err;
}
