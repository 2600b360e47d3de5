/* The three symbols that the broker looks for. */
#include "plugin/host/host_mosquitto.h"

#define ABI __attribute__((visibility("default")))

ABI int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
    for (int i = 0; i < supported_version_count; i++) {
        if (supported_versions[i] == MOSQ_PLUGIN_VERSION) {
            return MOSQ_PLUGIN_VERSION;
        }
    }
    return -1;
}

ABI int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, struct mosquitto_opt *options,
                              int option_count)
{
    return host_mosquitto_start(identifier, userdata, options, option_count);
}

ABI int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int option_count)
{
    (void)options;
    (void)option_count;
    return host_mosquitto_stop(userdata);
}
