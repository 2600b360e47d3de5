/* device_identity: what a device starts from, what it shows, and whom it believes: files, agent and TLS. Main thread. */
#ifndef DEVICE_SIM_DEVICE_IDENTITY_H
#define DEVICE_SIM_DEVICE_IDENTITY_H

#include "device-sim/device.h"

/* Provisions the agent from cert.pem and key.pem. False: they are not there, or not for this device. */
bool device_provision(struct device *device);
/* The way in of a device without a certificate of its own, by --factory or --token. False: it has no factory.pem and
 * factory-key.pem. */
bool device_enrolment(struct device *device, struct agent_config *config);

/* What the agent wants to show and whom it wants to believe, ready for TLS. CR_IO, CR_INVALID: there is nothing. */
CR_MUST_USE cr_err device_identity_take(struct device *device, enum agent_identity_kind *kind);
/* Opens the link with it; as link_open(). */
CR_MUST_USE cr_err device_dial(struct device *device, enum agent_identity_kind kind);
void device_identity_fini(struct device *device);

#endif
