/* properties: MQTT 5 properties in and out, within host.h's bounds. Broker loop only. */
#ifndef CR_PROPERTIES_H
#define CR_PROPERTIES_H

#include "plugin/host/host.h"
#include "plugin/host/mosquitto_api.h"

/* Finds what reads properties: the broker's own functions, else libmosquitto's. CR_UNAVAILABLE: neither; requests then
 * seem to have no properties. */
CR_MUST_USE cr_err properties_init(void);
void properties_fini(void);

/* What of a message's properties concerns us. properties_free when done with it. */
void properties_read(struct cr_request_properties *request, const mosquitto_property *list);
void properties_free(struct cr_request_properties *request);

/* The properties of a publication, for the broker, which owns them once it has taken the message; before that they are
 * freed with mosquitto_property_free_all. NULL when there are none. CR_NOMEM: *list is NULL. */
CR_MUST_USE cr_err properties_write(mosquitto_property **list, const struct cr_publication *publication);

#endif
