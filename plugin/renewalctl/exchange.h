/* exchange: one request and its response over one MQTT 5 connection.
 * Waits, but never past the options' timeout: what libmosquitto itself cannot bound (looking up a name, connecting) is
 * ended by the caller's alarm. One thread. */
#ifndef CR_CTL_EXCHANGE_H
#define CR_CTL_EXCHANGE_H

#include "plugin/renewalctl/options.h"

struct cJSON;

/* Connects, asks, takes the response, disconnects. CR_OK: *response is the caller's, to be freed with cJSON_Delete.
 * CR_UNAVAILABLE: no connection; CR_TIMEOUT: no answer in time; CR_DENIED: the broker did not take the request;
 * CR_INVALID: the answer cannot be read; CR_NOMEM. `why` is then one line. */
CR_MUST_USE cr_err ctl_exchange(struct cJSON **response, const struct ctl_options *options, struct cr_bytes request,
                                char why[CTL_WHY_CAP]);

#endif
