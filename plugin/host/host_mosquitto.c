#include "plugin/host/host_mosquitto.h"

#include "common/clock.h"
#include "common/topic.h"
#include "plugin/app.h"
#include "plugin/host/host_ops.h"
#include "plugin/host/properties.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One plugin in a process: the broker's own tables are per process too. */
static struct host_mosquitto *only_one;

enum { ARRIVAL_MS = 500 }; /* the slower networks' round trip */

/* ---- what the broker tells us ---- */

static struct cr_client client_view(const struct host_mosquitto *h, const struct mosquitto *client)
{
    return (struct cr_client){
        .handle = client,
        .id = mosquitto_client_id(client),
        .username = mosquitto_client_username(client),
        .address = client == h->gone ? NULL : mosquitto_client_address(client),
        .protocol = mosquitto_client_protocol_version(client),
        .persistent = !mosquitto_client_clean_session(client),
    };
}

/* Whether the access check was asked about just this publication, a moment ago. */
static bool was_checked(struct host_mosquitto *h, const void *client, const void *topic, const void *payload)
{
    bool checked = h->checked_client == client && h->checked_topic == topic && h->checked_payload == payload;
    h->checked_client = NULL;
    return checked;
}

static enum cr_access access_of(int access)
{
    switch (access) {
    case MOSQ_ACL_READ: return CR_ACCESS_READ;
    case MOSQ_ACL_SUBSCRIBE: return CR_ACCESS_SUBSCRIBE;
    case MOSQ_ACL_UNSUBSCRIBE: return CR_ACCESS_UNSUBSCRIBE;
    default: return CR_ACCESS_WRITE; /* also for what does not exist yet: the strictest */
    }
}

static int on_acl_check(int event, void *event_data, void *user_data)
{
    (void)event;
    const struct mosquitto_evt_acl_check *data = event_data;
    struct host_mosquitto *h = user_data;
    if (!host_on_loop() || data->topic == NULL) {
        return MOSQ_ERR_PLUGIN_DEFER; /* 2.1's http_api asks on a thread of its own */
    }
    enum cr_verdict verdict;
    if ((data->access == MOSQ_ACL_READ || data->access == MOSQ_ACL_WRITE) &&
        cr_router_passes(cr_app_router(h->app), data->client, data->topic, &verdict)) {
        return verdict == CR_ALLOW ? MOSQ_ERR_SUCCESS : MOSQ_ERR_PLUGIN_DEFER;
    }
    if (data->access == MOSQ_ACL_WRITE) {
        h->checked_client = data->client;
        h->checked_topic = data->topic;
        h->checked_payload = data->payload;
    }
    struct cr_client client = client_view(h, data->client);
    switch (cr_router_access(cr_app_router(h->app), &client, access_of(data->access), data->topic)) {
    case CR_ALLOW: return MOSQ_ERR_SUCCESS;
    case CR_DEFER: return MOSQ_ERR_PLUGIN_DEFER; /* never MOSQ_ERR_PLUGIN_IGNORE: it would grant what others denied */
    case CR_DENY: break;
    }
    return MOSQ_ERR_ACL_DENIED;
}

/* Nothing changes for whom we have no opinion of. 2.1 has an answer for that. 2.0 takes the question alone for a reason to
 * turn away whoever names a user, even where it would have let in everybody: there we say so for it. */
static int login_of_others(const struct host_mosquitto *h)
{
    if (h->connect_events) {
        return API_ERR_PLUGIN_IGNORE;
    }
    return h->login == CR_LOGIN_RULE_ALLOW ? MOSQ_ERR_SUCCESS : MOSQ_ERR_PLUGIN_DEFER;
}

/* A CONNECT; also, when the broker's configuration is read again, each session that it keeps. */
static int on_basic_auth(int event, void *event_data, void *user_data)
{
    (void)event;
    const struct mosquitto_evt_basic_auth *data = event_data;
    struct host_mosquitto *h = user_data;
    if (!host_on_loop() || data->client == NULL) {
        return login_of_others(h); /* 2.1's http_api */
    }
    h->gone = h->gone == data->client ? NULL : h->gone;
    struct cr_client client = client_view(h, data->client);
    client.username = data->username;
    switch (cr_router_login(cr_app_router(h->app), &client, data->password)) {
    case CR_LOGIN_ALLOW: return MOSQ_ERR_SUCCESS;
    case CR_LOGIN_DENY: return MOSQ_ERR_AUTH;
    case CR_LOGIN_DEFER: break;
    }
    return login_of_others(h);
}

static int on_message(int event, void *event_data, void *user_data)
{
    (void)event;
    struct mosquitto_evt_message *data = event_data;
    struct host_mosquitto *h = user_data;
    if (!cr_router_concerns(cr_app_router(h->app), data->topic)) {
        return MOSQ_ERR_SUCCESS;
    }
    struct cr_client client = client_view(h, data->client);
    client.unchecked = !was_checked(h, data->client, data->topic, data->payload);
    struct cr_bytes payload = { data->payload, data->payloadlen };
    struct cr_request_properties properties;
    properties_read(&properties, data->properties);
    properties.excessive = properties.excessive || data->retain; /* requests are not kept for later comers */
    enum cr_handled handled = cr_router_message(cr_app_router(h->app), &client, data->topic, payload, &properties);
    properties_free(&properties);
    switch (handled) {
    case CR_NOT_OURS:
        return MOSQ_ERR_SUCCESS;
    case CR_CONSUMED: /* there is no such return code; nothing in it, and kept nowhere, comes to the same */
        data->retain = false;
        data->payload = NULL; /* the broker frees the former one */
        data->payloadlen = 0;
        return MOSQ_ERR_SUCCESS;
    case CR_REFUSED:
        break;
    }
    return MOSQ_ERR_ACL_DENIED;
}

static int on_control(int event, void *event_data, void *user_data)
{
    (void)event;
    const struct mosquitto_evt_control *data = event_data;
    struct host_mosquitto *h = user_data;
    struct cr_client client = client_view(h, data->client);
    client.unchecked = !was_checked(h, data->client, data->topic, data->payload);
    struct cr_request_properties properties;
    properties_read(&properties, data->properties);
    struct cr_bytes payload = { data->payload, data->payloadlen };
    cr_router_control(cr_app_router(h->app), &client, payload, &properties);
    properties_free(&properties);
    return MOSQ_ERR_SUCCESS; /* anything else disconnects the client */
}

static int on_connect(int event, void *event_data, void *user_data)
{
    (void)event;
    const struct api_client_event *data = event_data;
    struct host_mosquitto *h = user_data;
    const char *id = mosquitto_client_id(data->client);
    h->gone = h->gone == data->client ? NULL : h->gone;
    /* Nearly every client says at once why it came: it subscribes or asks, and is noticed by that, as in 2.0. Only who
     * stays silent is noticed for having come: were it told right here what waits for it, one that is about to ask would
     * get an answer to what it has not asked. */
    if (id == NULL || mosquitto_client == NULL ||
        arrivals_add(&h->arrivals, id, data->client, cr_mono_ms(cr_clock_system()) + ARRIVAL_MS) != CR_OK) {
        struct cr_client client = client_view(h, data->client);
        cr_router_connected(cr_app_router(h->app), &client);
    }
    return MOSQ_ERR_SUCCESS;
}

/* Those that came a while ago and are still here. */
static void notice_arrivals(struct host_mosquitto *h)
{
    if (h->arrivals.first == NULL) {
        return;
    }
    int64_t now_ms = cr_mono_ms(cr_clock_system());
    for (; arrivals_due_ms(&h->arrivals) <= now_ms; arrivals_drop(&h->arrivals)) {
        const struct mosquitto *found = mosquitto_client(arrivals_id(&h->arrivals));
        if (found != NULL && found == arrivals_handle(&h->arrivals)) {
            struct cr_client client = client_view(h, found);
            if (host_ops_certificate_mark(&client) != NULL) { /* else it is offline, or nobody of ours */
                cr_router_connected(cr_app_router(h->app), &client);
            }
        }
    }
}

/* DISCONNECT, and 2.1's CLIENT_OFFLINE for a session that stays. */
static int on_disconnect(int event, void *event_data, void *user_data)
{
    const struct api_client_event *data = event_data;
    struct host_mosquitto *h = user_data;
    struct cr_client client = client_view(h, data->client);
    if (h->connect_events) {
        client.persistent = event == API_EVT_CLIENT_OFFLINE;
    }
    bool resumed = !h->connect_events && (host_ops_certificate_mark(&client) == NULL || !client.persistent);
    cr_router_disconnected(cr_app_router(h->app), &client);
    if (resumed) { /* 2.0 says farewell to the session that it kept when the client is back, or takes one over */
        cr_router_resumed(cr_app_router(h->app), &client);
    }
    h->gone = data->client;
    return MOSQ_ERR_SUCCESS;
}

static int on_tick(int event, void *event_data, void *user_data)
{
    (void)event;
    struct api_tick_event *data = event_data;
    struct host_mosquitto *h = user_data;
    h->gone = NULL;
    h->published = false;
    cr_nudge_over(h->nudge);
    notice_arrivals(h);
    unsigned next_ms = cr_router_tick(cr_app_router(h->app));
    host_ops_flush(h);
    /* 2.1 sleeps for next_s and next_ms together, but ticks again only when they have passed, so that a wake-up in
     * between would go round the loop and not get here. It adds them to now without carrying over more than one second:
     * two seconds back and two seconds more in milliseconds are the same sleep, and a time that has always passed. 2.0
     * reads neither. */
    if (h->connect_events) {
        data->next_s = -2;
        data->next = 2000 + (long)(next_ms > 0 && next_ms < 1000 ? next_ms : 1);
        if (h->published) {
            cr_nudge_start(h->nudge); /* it looks for publications before it ticks, not behind */
        }
    }
    return MOSQ_ERR_SUCCESS;
}

static int on_reload(int event, void *event_data, void *user_data)
{
    (void)event;
    (void)event_data;
    struct host_mosquitto *h = user_data;
    struct cr_broker_conf conf;
    if (cr_broker_conf_check(&conf) == CR_OK) {
        enum cr_login_rule login = cr_broker_conf_login(&conf);
        h->login = login == CR_LOGIN_RULE_ABSTAIN ? CR_LOGIN_RULE_DEFER : login;
    }
    cr_app_reload(h->app);
    /* 2.0 leaves the other plugins out when one does not defer; 2.1 ends when one does not succeed. */
    return h->connect_events ? MOSQ_ERR_SUCCESS : MOSQ_ERR_PLUGIN_DEFER;
}

/* ---- coming and going ---- */

static const struct registration {
    int event;
    MOSQ_FUNC_generic_callback callback;
    const char *topic;
    bool optional; /* 2.0 does not have it */
} registrations[] = {
    { MOSQ_EVT_ACL_CHECK, on_acl_check, NULL, false },
    { MOSQ_EVT_MESSAGE, on_message, NULL, false },
    { MOSQ_EVT_CONTROL, on_control, CR_TOPIC_CONTROL, false },
    { MOSQ_EVT_TICK, on_tick, NULL, false },
    { MOSQ_EVT_DISCONNECT, on_disconnect, NULL, false },
    { MOSQ_EVT_RELOAD, on_reload, NULL, false },
    { API_EVT_CONNECT, on_connect, NULL, true },
    { API_EVT_CLIENT_OFFLINE, on_disconnect, NULL, true },
    { MOSQ_EVT_BASIC_AUTH, on_basic_auth, NULL, false }, /* behind CONNECT, which tells the versions apart */
};
enum { REGISTRATIONS = sizeof registrations / sizeof registrations[0] };

_Static_assert(offsetof(struct api_tick_event, now_s) == offsetof(struct mosquitto_evt_tick, now_s) &&
                   offsetof(struct api_tick_event, next_s) == offsetof(struct mosquitto_evt_tick, next_s),
               "TICK is as it was");
_Static_assert(offsetof(struct api_client_event, client) == offsetof(struct mosquitto_evt_disconnect, client),
               "DISCONNECT is as it was");

static cr_err register_all(struct host_mosquitto *h)
{
    for (unsigned i = 0; i < REGISTRATIONS; i++) {
        const struct registration *r = &registrations[i];
        if (r->event == MOSQ_EVT_BASIC_AUTH && !h->connect_events && h->login == CR_LOGIN_RULE_ABSTAIN) {
            host_say('w', "this broker may be open to all (allow_anonymous true) and has another plugin, or a configuration"
                          " that cannot be read: it is not asked about logins, so that nobody is turned away. Who is"
                          " revoked is closed with the first message instead, and enrolment tokens are not accepted");
            continue;
        }
        int rc = mosquitto_callback_register(h->id, r->event, r->callback, r->topic, h);
        if (rc == MOSQ_ERR_SUCCESS) {
            h->connect_events = h->connect_events || r->event == API_EVT_CONNECT;
            h->registered |= 1U << i;
        } else if (rc == MOSQ_ERR_ALREADY_EXISTS) {
            host_say('e', "the plugin is already loaded: name it once in the broker's configuration");
            return CR_DENIED;
        } else if (!r->optional || rc != MOSQ_ERR_NOT_SUPPORTED) {
            mosquitto_log_printf(MOSQ_LOG_ERR, "cert-renewal: the broker refuses event %d with error %d", r->event, rc);
            return CR_UNAVAILABLE;
        }
    }
    return CR_OK;
}

static void unregister_all(struct host_mosquitto *h)
{
    for (unsigned i = 0; i < REGISTRATIONS; i++) {
        if ((h->registered & 1U << i) != 0) {
            const struct registration *r = &registrations[i];
            (void)mosquitto_callback_unregister(h->id, r->event, r->callback, r->topic);
        }
    }
    h->registered = 0;
}

static cr_err options_read(const char **config_path, const struct mosquitto_opt *options, int count)
{
    cr_err err = CR_OK;
    *config_path = NULL;
    for (int i = 0; i < count; i++) {
        if (strcmp(options[i].key, "config_file") != 0) {
            mosquitto_log_printf(MOSQ_LOG_ERR, "cert-renewal: plugin_opt_%s: the only option is plugin_opt_config_file",
                                 options[i].key);
            err = CR_INVALID;
        } else if (*config_path != NULL) {
            host_say('e', "plugin_opt_config_file is given twice");
            err = CR_INVALID;
        } else {
            *config_path = options[i].value;
        }
    }
    if (*config_path == NULL || **config_path == '\0') {
        host_say('e', "plugin_opt_config_file is missing: name the plugin's configuration file behind the plugin line");
        err = CR_INVALID;
    }
    return err;
}

static cr_err surroundings_check(struct host_mosquitto *h)
{
    struct cr_broker_conf conf;
    cr_err err = cr_broker_conf_check(&conf);
    h->login = err == CR_OK || err == CR_NOT_FOUND ? cr_broker_conf_login(&conf) : CR_LOGIN_RULE_ABSTAIN;
    if (conf.per_listener) {
        host_say('e', "per_listener_settings true is not supported: a plugin then sees one listener's events only."
                      " Remove it, or run another broker for the other listeners");
        return CR_DENIED;
    }
    if (err != CR_OK && err != CR_NOT_FOUND) {
        host_say('w', "the broker's configuration cannot be read: see to it that per_listener_settings is not set");
    }
    return CR_OK;
}

static void host_free(struct host_mosquitto *h)
{
    unregister_all(h);
    cr_app_stop(h->app);
    host_ops_fini(h);
    properties_fini();
    if (only_one == h) {
        only_one = NULL;
    }
    free(h);
}

/* A broker that another plugin, or a listener, keeps from starting ends without a word to us: the threads must not run on
 * while libraries clean up behind them. Nothing of the broker's is called any more. */
static void host_at_exit(void)
{
    if (only_one != NULL && only_one->process == getpid()) {
        cr_app_stop(only_one->app);
        only_one->app = NULL;
    }
}

int host_mosquitto_start(mosquitto_plugin_id_t *id, void **user_data, const struct mosquitto_opt *options, int count)
{
    static bool at_exit;
    const char *config_path;
    cr_err err = CR_BUG;
    *user_data = NULL;
    if (only_one != NULL) {
        host_say('e', "the plugin is already loaded: name it once in the broker's configuration");
        return MOSQ_ERR_INVAL;
    }
    host_ops_here();
    struct host_mosquitto *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return MOSQ_ERR_NOMEM;
    }
    h->id = id;
    only_one = h;
    CR_TRY(host_ops_init(h));
    CR_TRY(options_read(&config_path, options, count));
    CR_TRY(surroundings_check(h));
    if (mosquitto_plugin_set_info != NULL) {
        (void)mosquitto_plugin_set_info(id, "cert-renewal", CR_VERSION);
    }
    if (properties_init() != CR_OK) {
        host_say('w', "neither this broker nor libmosquitto.so.1 lets properties be read: answers carry no correlation data");
    }
    CR_TRY(register_all(h));
    CR_TRY(cr_app_start(&h->app, &h->host, config_path));
    *user_data = h;
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "cert-renewal: version %s is ready", CR_VERSION);
    if (!at_exit) {
        at_exit = atexit(host_at_exit) == 0;
    }
    h->process = getpid();
    return MOSQ_ERR_SUCCESS;
out:
    host_free(h);
    mosquitto_log_printf(MOSQ_LOG_ERR, "cert-renewal: not started: %s",
                         err == CR_INVALID || err == CR_DENIED ? "correct what is named above" : cr_err_text(err));
    return err == CR_NOMEM ? MOSQ_ERR_NOMEM : MOSQ_ERR_INVAL;
}

int host_mosquitto_stop(void *user_data)
{
    if (user_data != NULL) {
        host_free(user_data);
    }
    return MOSQ_ERR_SUCCESS;
}
