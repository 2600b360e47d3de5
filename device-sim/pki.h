/* pki: the certificates of a demo: root, issuing CA, broker, operator and devices, all P-256, all PEM.
 * What is there already is kept, so that devices can be added to a PKI later. */
#ifndef DEVICE_SIM_PKI_H
#define DEVICE_SIM_PKI_H

#include "device-sim/options.h"

/* The exit status: 0, or 3 after one line to stderr. */
int pki_make(const struct pki_options *options);

#endif
