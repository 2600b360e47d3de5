/* host_mosquitto: the plugin inside Mosquitto 2.0 and 2.1: what host.h asks for, by the broker's API.
 *
 * One .so serves all versions: it is told by what the broker lets be registered. Everything happens on the broker's
 * thread, which calls; other threads only log. */
#ifndef CR_HOST_MOSQUITTO_H
#define CR_HOST_MOSQUITTO_H

#include "plugin/host/mosquitto_api.h"

/* mosquitto_plugin_init: registers, reads the configuration, starts everything. Returns a MOSQ_ERR code; all mistakes
 * were logged, and nothing is left registered or running when it is not MOSQ_ERR_SUCCESS. */
int host_mosquitto_start(mosquitto_plugin_id_t *id, void **user_data, const struct mosquitto_opt *options, int count);
/* mosquitto_plugin_cleanup. Harmless when start failed. */
int host_mosquitto_stop(void *user_data);

#endif
