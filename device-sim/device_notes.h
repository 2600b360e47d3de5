/* device_notes: the observer's notebook: what a device's renewal took, and what the agent told about it.
 *
 *     awake     from the start of the TCP connection (TLS handshake included) to the certificate's arrival, over all
 *               connections of the renewal; without the time in which nothing was pending
 *     connect   of each connection: TCP, TLS handshake, CONNECT to CONNACK
 *     exchange  on the open connection, from the CSR's PUBLISH to the certificate's arrival
 *     confirm   from the start of the connection that shows the new certificate to the report's PUBACK
 *     wire      TCP payload both ways, from the CSR's PUBLISH to the certificate's PUBACK */
#ifndef DEVICE_SIM_DEVICE_NOTES_H
#define DEVICE_SIM_DEVICE_NOTES_H

#include "device-sim/device.h"

void notes_booted(struct device *device);
void notes_connecting(struct device *device);
void notes_connected(struct device *device);
void notes_sending(struct device *device, const char *topic);
void notes_event(struct device *device, enum agent_event event, const char *detail);
/* All that a message caused is written: the wire can be read. */
void notes_wire(struct device *device);
/* The connection ends with the renewal not done. */
void notes_interrupted(struct device *device);
/* Whether the device has done all its renewals (with --forever it never has); counts one that was completed. */
bool notes_done(struct device *device);

#endif
