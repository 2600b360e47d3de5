#include "plugin/host/properties.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* More than a message of any use has. Walking a list of thousands costs time that belongs to others. */
enum { PROPERTIES_MAX = CR_USER_PROPERTY_MAX + 8 };

static struct {
    __typeof__(&mosquitto_property_next) next;
    __typeof__(&mosquitto_property_identifier) identifier;
    __typeof__(&mosquitto_property_read_binary) read_binary;
    void *library;
} reader;

/* Debian's 2.0.11 and every 2.1 lend plugins what reads properties; Debian's 2.0.21 and a broker built by its own Makefile
 * do not. libmosquitto has the same functions over the same structure, which all of 2.0 shares. */
static void *library_function(const char *name)
{
    return reader.library != NULL ? dlsym(reader.library, name) : NULL;
}

cr_err properties_init(void)
{
    reader.next = mosquitto_property_next;
    reader.identifier = mosquitto_property_identifier;
    reader.read_binary = mosquitto_property_read_binary;
    if (reader.next != NULL && reader.identifier != NULL && reader.read_binary != NULL) {
        return CR_OK;
    }
    reader.library = dlopen("libmosquitto.so.1", RTLD_LAZY | RTLD_LOCAL);
    void *next = library_function("mosquitto_property_next");
    void *identifier = library_function("mosquitto_property_identifier");
    void *read_binary = library_function("mosquitto_property_read_binary");
    memcpy(&reader.next, &next, sizeof reader.next); /* C has no conversion from an object's address to a function's */
    memcpy(&reader.identifier, &identifier, sizeof reader.identifier);
    memcpy(&reader.read_binary, &read_binary, sizeof reader.read_binary);
    if (next == NULL || identifier == NULL || read_binary == NULL) {
        properties_fini();
        return CR_UNAVAILABLE;
    }
    return CR_OK;
}

void properties_fini(void)
{
    if (reader.library != NULL) {
        (void)dlclose(reader.library);
    }
    memset(&reader, 0, sizeof reader);
}

/* Looks over the list once. False: too many. */
static bool list_scan(struct cr_request_properties *request, bool *correlation, const mosquitto_property *list)
{
    unsigned count = 0;
    for (const mosquitto_property *p = list; p != NULL; p = reader.next(p)) {
        int identifier = reader.identifier(p);
        *correlation = *correlation || identifier == MQTT_PROP_CORRELATION_DATA;
        request->user_properties += identifier == MQTT_PROP_USER_PROPERTY;
        if (++count > PROPERTIES_MAX || request->user_properties > CR_USER_PROPERTY_MAX) {
            return false;
        }
    }
    return true;
}

void properties_read(struct cr_request_properties *request, const mosquitto_property *list)
{
    *request = (struct cr_request_properties){ 0 };
    if (list == NULL || reader.read_binary == NULL) {
        return;
    }
    bool correlation = false;
    request->excessive = !list_scan(request, &correlation, list);
    if (!correlation || request->excessive) {
        return;
    }
    void *data = NULL;
    uint16_t len = 0;
    if (reader.read_binary(list, MQTT_PROP_CORRELATION_DATA, &data, &len, false) == NULL ||
        len > CR_CORRELATION_MAX) {
        free(data);
        request->excessive = true; /* also when memory ran out: an answer without it would not be understood */
        return;
    }
    request->correlation = (struct cr_bytes){ data, len };
}

void properties_free(struct cr_request_properties *request)
{
    free((void *)(uintptr_t)request->correlation.data);
    request->correlation = (struct cr_bytes){ NULL, 0 };
}

cr_err properties_write(mosquitto_property **list, const struct cr_publication *publication)
{
    *list = NULL;
    int rc = MOSQ_ERR_SUCCESS;
    if (publication->expiry_s > 0) {
        rc = mosquitto_property_add_int32(list, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, publication->expiry_s);
    }
    if (rc == MOSQ_ERR_SUCCESS && publication->content_type != NULL) {
        rc = mosquitto_property_add_string(list, MQTT_PROP_CONTENT_TYPE, publication->content_type);
    }
    if (rc == MOSQ_ERR_SUCCESS && publication->correlation.len > 0) {
        rc = mosquitto_property_add_binary(list, MQTT_PROP_CORRELATION_DATA, publication->correlation.data,
                                           (uint16_t)publication->correlation.len);
    }
    for (unsigned i = 0; rc == MOSQ_ERR_SUCCESS && i < publication->user_count; i++) {
        rc = mosquitto_property_add_string_pair(list, MQTT_PROP_USER_PROPERTY, publication->user[i].name,
                                                publication->user[i].value);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        return CR_OK;
    }
    mosquitto_property_free_all(list);
    return CR_NOMEM;
}
