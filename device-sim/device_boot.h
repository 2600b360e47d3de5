/* device_boot: a device's beginnings: its fate, its agent's ports, and what happens when power comes on. */
#ifndef DEVICE_SIM_DEVICE_BOOT_H
#define DEVICE_SIM_DEVICE_BOOT_H

#include "device-sim/device.h"

/* Rolls what is decided once per device; the same for the same seed and name. */
CR_MUST_USE cr_err device_fate(struct device *device);
/* Rolls what is decided per renewal. */
void device_fate_renewal(struct device *device);

/* Opens the agent on the flash; on a first start provisions it from cert.pem and key.pem, or has it enrol. False:
 * impossible, or the power is gone again. */
bool device_boot(struct device *device);

double device_now_ms(void);                               /* monotonic */
double device_chance(struct device *device);              /* [0, 1) */
double device_vary(struct device *device, double jitter); /* 1 ± jitter */
void device_reason(struct device *device, const char *reason);
/* Flips bits of a certificate on its way, as a bad memory would. */
void device_damage(struct device *device, uint8_t *payload, size_t len);

#endif
