/* The library's client: how it is set up, and what it tells. */
#include "plugin/renewalctl/session_inside.h"

#include "common/topic.h"
#include "plugin/renewalctl/request.h"

#include <string.h>

static void on_log(struct mosquitto *client, void *ctx, int level, const char *text)
{
    struct ctl_session *session = ctx;
    size_t len = strlen(session->log);
    (void)client;
    if (level == MOSQ_LOG_ERR) {
        (void)snprintf(session->log + len, sizeof session->log - len, "%s\n", text);
    }
}

static void on_connect(struct mosquitto *client, void *ctx, int reason, int flags, const mosquitto_property *properties)
{
    struct ctl_session *session = ctx;
    (void)client;
    (void)flags;
    (void)properties;
    if (reason != 0) {
        session_settle(session, CR_UNAVAILABLE, "the broker refuses the connection", mosquitto_reason_string(reason));
    }
    session->connected = reason == 0;
}

static void on_disconnect(struct mosquitto *client, void *ctx, int reason, const mosquitto_property *properties)
{
    struct ctl_session *session = ctx;
    (void)client;
    (void)properties;
    session->broken = true;
    /* Up to 127 it is a code of the library's, from 128 on a reason of MQTT's. */
    if (reason >= 128) {
        session_settle(session, CR_UNAVAILABLE, "the broker ended the connection", mosquitto_reason_string(reason));
    } else {
        session_settle_broken(session, reason);
    }
}

static void on_publish(struct mosquitto *client, void *ctx, int mid, int reason, const mosquitto_property *properties)
{
    (void)client;
    (void)mid;
    (void)properties;
    if (reason >= 128) {
        session_settle(ctx, CR_DENIED, "the broker did not take the command", mosquitto_reason_string(reason));
    }
}

static void on_subscribe(struct mosquitto *client, void *ctx, int mid, int count, const int *granted,
                         const mosquitto_property *properties)
{
    struct ctl_session *session = ctx;
    (void)client;
    (void)mid;
    (void)properties;
    session->subscribed = count > 0 && granted[0] < 128;
    if (!session->subscribed) {
        session_settle(session, CR_DENIED, "the broker does not let you read there: the plugin's admin_identity and "
                       "viewer_identity say who may", "");
    }
}

/* What of a topic that is listened to says what it is; NULL: it is none. */
static const char *kind_of(const char *topic)
{
    static const char *const bases[] = { CR_TOPIC_CONTROL_EVENT "/", CR_TOPIC_CRL "/" };
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        size_t len = strlen(bases[i]);
        if (strncmp(topic, bases[i], len) == 0) {
            return topic + len;
        }
    }
    return NULL;
}

/* A response to one of those that were sent: it is kept until it is taken, as more than one can come at once. */
static void sent_answered(struct ctl_session *session, struct cr_bytes payload)
{
    const char *correlation[CTL_WINDOW];
    size_t place[CTL_WINDOW], count = 0, which = 0;
    struct cJSON *response = NULL;
    for (size_t i = 0; i < CTL_WINDOW; i++) {
        if (session->sent[i].correlation[0] != '\0' && session->sent[i].response == NULL) {
            place[count] = i;
            correlation[count++] = session->sent[i].correlation;
        }
    }
    cr_err err = count > 0 ? ctl_response_read_one(&response, &which, payload, correlation, count) : CR_NOT_FOUND;
    if (err == CR_OK) {
        session->sent[place[which]].response = response;
    }
    if (err != CR_NOT_FOUND) {
        session_settle(session, err, "the broker's answer cannot be read", "");
    }
}

static void on_message(struct mosquitto *client, void *ctx, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    struct ctl_session *session = ctx;
    struct cr_bytes payload = { message->payload, message->payloadlen > 0 ? (size_t)message->payloadlen : 0 };
    const char *kind = session->on_event != NULL ? kind_of(message->topic) : NULL;
    (void)client;
    (void)properties;
    if (kind != NULL) {
        session->on_event(session->owner, kind, payload);
        return;
    }
    if (strcmp(message->topic, CR_TOPIC_CONTROL_RESPONSE) != 0) {
        return;
    }
    if (session->correlation == NULL) {
        sent_answered(session, payload);
    } else if (!session->settled) {
        cr_err err = ctl_response_read(&session->response, payload, session->correlation);
        if (err != CR_NOT_FOUND) {
            session_settle(session, err, "the broker's answer cannot be read", "");
        }
    }
}

static int configure(struct mosquitto *client, const struct ctl_options *options)
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
    return rc;
}

cr_err session_client_new(struct ctl_session *session)
{
    const char *id = session->options->id;
    struct mosquitto *client = mosquitto_new(id[0] != '\0' ? id : NULL, true, session);
    int rc = client != NULL ? configure(client, session->options) : MOSQ_ERR_NOMEM;
    if (rc != MOSQ_ERR_SUCCESS) {
        (void)snprintf(session->why, sizeof session->why, "cannot set up the connection: %.150s",
                       mosquitto_strerror(rc));
        mosquitto_destroy(client);
        return rc == MOSQ_ERR_NOMEM ? CR_NOMEM : CR_UNAVAILABLE;
    }
    mosquitto_log_callback_set(client, on_log);
    mosquitto_connect_v5_callback_set(client, on_connect);
    mosquitto_disconnect_v5_callback_set(client, on_disconnect);
    mosquitto_publish_v5_callback_set(client, on_publish);
    mosquitto_subscribe_v5_callback_set(client, on_subscribe);
    mosquitto_message_v5_callback_set(client, on_message);
    session->client = client;
    session->connected = session->broken = false;
    return CR_OK;
}
