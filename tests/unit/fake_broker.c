#include "fake_broker.h"

#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_broker fake;

/* ---- the broker ---- */

struct mqtt5__property {
    struct mqtt5__property *next;
    int identifier;
    size_t len;
};

int fake_fire(int event, void *data)
{
    return fake.callback[event] != NULL ? fake.callback[event](event, data, fake.user_data[event]) : -1;
}

int mosquitto_callback_register(mosquitto_plugin_id_t *id, int event, MOSQ_FUNC_generic_callback callback,
                                const void *topic, void *user_data)
{
    (void)id;
    (void)topic;
    if (event > MOSQ_EVT_DISCONNECT && !fake.v21) {
        return MOSQ_ERR_NOT_SUPPORTED;
    }
    if (event == fake.refuse_event) {
        return fake.refuse_rc;
    }
    fake.callback[event] = callback;
    fake.user_data[event] = user_data;
    fake.registered++;
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_callback_unregister(mosquitto_plugin_id_t *id, int event, MOSQ_FUNC_generic_callback callback,
                                  const void *topic)
{
    (void)id;
    (void)topic;
    if (fake.callback[event] != callback) {
        return MOSQ_ERR_NOT_FOUND;
    }
    fake.callback[event] = NULL;
    fake.registered--;
    return MOSQ_ERR_SUCCESS;
}

void mosquitto_log_printf(int level, const char *format, ...)
{
    size_t len = strlen(fake.log);
    va_list args;
    va_start(args, format);
    len += (size_t)snprintf(fake.log + len, sizeof fake.log - len, "%d ", level);
    len += (size_t)vsnprintf(fake.log + len, sizeof fake.log - len, format, args);
    (void)snprintf(fake.log + len, sizeof fake.log - len, "\n");
    va_end(args);
}

const char *mosquitto_client_id(const struct mosquitto *client)
{
    return client->id;
}

const char *mosquitto_client_username(const struct mosquitto *client)
{
    return client->username;
}

const char *mosquitto_client_address(const struct mosquitto *client)
{
    return client->address;
}

int mosquitto_client_protocol_version(const struct mosquitto *client)
{
    return client->protocol;
}

bool mosquitto_client_clean_session(const struct mosquitto *client)
{
    return client->clean;
}

void *mosquitto_client_certificate(const struct mosquitto *client)
{
    (void)client;
    if (fake.x509 != NULL) {
        (void)X509_up_ref(fake.x509);
    }
    return fake.x509;
}

struct mosquitto *mosquitto_client(const char *id)
{
    return fake.found != NULL && strcmp(fake.found->id, id) == 0 ? fake.found : NULL;
}

int mosquitto_kick_client_by_clientid(const char *id, bool with_will)
{
    (void)with_will;
    fake.kicked++;
    (void)snprintf(fake.kick_id, sizeof fake.kick_id, "%s", id);
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_broker_publish_copy(const char *id, const char *topic, int len, const void *payload, int qos, bool retain,
                                  mosquitto_property *properties)
{
    (void)id;
    (void)len;
    (void)qos;
    (void)retain;
    if (payload == NULL) {
        return MOSQ_ERR_INVAL;
    }
    if (fake.publish_rc != MOSQ_ERR_SUCCESS) {
        return fake.publish_rc;
    }
    (void)snprintf(fake.topic, sizeof fake.topic, "%s", topic);
    mosquitto_property_free_all(&properties);
    fake.published++;
    return MOSQ_ERR_SUCCESS;
}

static int add(mosquitto_property **list, int identifier)
{
    if (fake.property_fail > 0 && --fake.property_fail == 0) {
        return MOSQ_ERR_NOMEM;
    }
    mosquitto_property *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return MOSQ_ERR_NOMEM;
    }
    fake.properties += *list == NULL;
    p->identifier = identifier;
    p->next = *list;
    *list = p;
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_property_add_int32(mosquitto_property **list, int identifier, uint32_t value)
{
    (void)value;
    return add(list, identifier);
}

int mosquitto_property_add_string(mosquitto_property **list, int identifier, const char *value)
{
    (void)value;
    return add(list, identifier);
}

int mosquitto_property_add_binary(mosquitto_property **list, int identifier, const void *value, uint16_t len)
{
    (void)value;
    (void)len;
    return add(list, identifier);
}

int mosquitto_property_add_string_pair(mosquitto_property **list, int identifier, const char *name, const char *value)
{
    (void)name;
    (void)value;
    return add(list, identifier);
}

void mosquitto_property_free_all(mosquitto_property **list)
{
    fake.properties -= *list != NULL;
    while (*list != NULL) {
        mosquitto_property *next = (*list)->next;
        free(*list);
        *list = next;
    }
}

#if __has_include(<mosquitto/broker.h>) /* 2.1 */
mosquitto_property *mosquitto_property_next(const mosquitto_property *p)
#else
const mosquitto_property *mosquitto_property_next(const mosquitto_property *p)
#endif
{
    return p->next;
}

int mosquitto_property_identifier(const mosquitto_property *p)
{
    return p->identifier;
}

const mosquitto_property *mosquitto_property_read_binary(const mosquitto_property *list, int identifier, void **value,
                                                         uint16_t *len, bool skip_first)
{
    (void)skip_first;
    for (; list != NULL; list = list->next) {
        if (list->identifier == identifier) {
            *value = calloc(1, list->len + 1);
            *len = (uint16_t)list->len;
            return list;
        }
    }
    return NULL;
}

mosquitto_property *fake_properties(unsigned user_properties, size_t correlation_len)
{
    mosquitto_property *list = calloc(user_properties + 1, sizeof *list);
    if (list == NULL) {
        abort();
    }
    for (unsigned i = 0; i < user_properties; i++) {
        list[i].identifier = MQTT_PROP_USER_PROPERTY;
        list[i].next = &list[i + 1];
    }
    list[user_properties].identifier = correlation_len > 0 ? MQTT_PROP_CORRELATION_DATA : MQTT_PROP_CONTENT_TYPE;
    list[user_properties].len = correlation_len;
    return list;
}

/* ---- app and router ---- */

cr_err cr_app_start(struct cr_app **app, struct cr_host *host, const char *config_path)
{
    *app = NULL;
    (void)snprintf(fake.topic, sizeof fake.topic, "%s", config_path);
    fake.host = host;
    fake.app_running = fake.app_err == CR_OK;
    return fake.app_err;
}

void cr_app_stop(struct cr_app *app)
{
    (void)app;
    fake.app_running = false;
}

void cr_app_reload(struct cr_app *app)
{
    (void)app;
    fake.reloads++;
}

struct cr_router *cr_app_router(struct cr_app *app)
{
    (void)app;
    return NULL;
}

enum cr_verdict cr_router_access(struct cr_router *router, const struct cr_client *client, enum cr_access access,
                                 const char *topic)
{
    (void)router;
    fake.client = *client;
    fake.access = access;
    (void)snprintf(fake.topic, sizeof fake.topic, "%s", topic);
    return fake.verdict;
}

static void remember(const struct cr_client *client, const struct cr_request_properties *properties)
{
    fake.client = *client;
    fake.properties_seen = *properties;
    if (properties->correlation.len > 0 && properties->correlation.len <= sizeof fake.correlation) {
        memcpy(fake.correlation, properties->correlation.data, properties->correlation.len);
    }
}

enum cr_handled cr_router_message(struct cr_router *router, const struct cr_client *client, const char *topic,
                                  struct cr_bytes payload, const struct cr_request_properties *properties)
{
    (void)router;
    (void)payload;
    remember(client, properties);
    (void)snprintf(fake.topic, sizeof fake.topic, "%s", topic);
    return fake.handled;
}

void cr_router_control(struct cr_router *router, const struct cr_client *client, struct cr_bytes payload,
                       const struct cr_request_properties *properties)
{
    (void)router;
    (void)payload;
    remember(client, properties);
    fake.controls++;
}

enum cr_login cr_router_login(struct cr_router *router, const struct cr_client *client, const char *password)
{
    (void)router;
    fake.client = *client;
    (void)snprintf(fake.topic, sizeof fake.topic, "%s", password != NULL ? password : "");
    return fake.login;
}

void cr_router_connected(struct cr_router *router, const struct cr_client *client)
{
    (void)router;
    fake.client = *client;
    fake.connects++;
}

void cr_router_disconnected(struct cr_router *router, const struct cr_client *client)
{
    (void)router;
    fake.client = *client;
    fake.disconnects++;
}

void cr_router_resumed(struct cr_router *router, const struct cr_client *client)
{
    (void)router;
    fake.client = *client;
    fake.resumes++;
}

bool cr_router_concerns(const struct cr_router *router, const char *topic)
{
    (void)router;
    (void)topic;
    return true;
}

bool cr_router_passes(const struct cr_router *router, const void *handle, const char *topic, enum cr_verdict *verdict)
{
    (void)router;
    (void)handle;
    (void)topic;
    *verdict = CR_DENY;
    return false;
}

unsigned cr_router_tick(struct cr_router *router)
{
    (void)router;
    if (fake.on_tick != NULL) {
        fake.on_tick();
    }
    return fake.tick_ms;
}
