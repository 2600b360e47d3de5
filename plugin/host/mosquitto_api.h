/* mosquitto_api: the broker's headers, and what they do not say about its versions. Included in this folder only. */
#ifndef CR_MOSQUITTO_API_H
#define CR_MOSQUITTO_API_H

#include <mosquitto.h>
#if __has_include(<mosquitto/broker.h>) /* 2.1 */
#include <mosquitto/broker.h>
#include <mosquitto/broker_plugin.h>
#include <mosquitto/mqtt_protocol.h>
#else
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>
#endif

/* Not every broker exports these: properties_init looks elsewhere then. */
#pragma weak mosquitto_property_next
#pragma weak mosquitto_property_identifier
#pragma weak mosquitto_property_read_binary
/* 2.1 only. */
int mosquitto_plugin_set_info(mosquitto_plugin_id_t *identifier, const char *plugin_name, const char *plugin_version)
    __attribute__((weak));
struct mosquitto *mosquitto_client(const char *clientid) __attribute__((weak));

/* Events of 2.1; 2.0 answers MOSQ_ERR_NOT_SUPPORTED when they are registered. */
enum { API_EVT_CONNECT = 11, API_EVT_CLIENT_OFFLINE = 28 };

/* 2.1: as if the callback were not there. 2.0 takes it for an error. */
enum { API_ERR_PLUGIN_IGNORE = 32 };

/* How the data of CONNECT, DISCONNECT and CLIENT_OFFLINE begins, in every version. */
struct api_client_event {
    void *future;
    struct mosquitto *client;
};

/* The data of TICK; the headers name `next` next_ns (2.0, never read) and next_ms (2.1). */
struct api_tick_event {
    void *future;
    long now_ns;
    long next;
    time_t now_s;
    time_t next_s;
};

#endif
