/* factory: what a factory certificate (IEEE 802.1AR: an IDevID) says about the device that has it. Read as DER. Pure; any
 * thread. */
#ifndef CR_FACTORY_H
#define CR_FACTORY_H

#include "common/cert.h"
#include "common/weak_list.h"
#include "plugin/config.h"

/* The id that the certificate names where `identity` says. "": it is not there, is there more than once, or could not be
 * an id. */
void cr_factory_device(char device[CR_NAME_CAP], const struct cr_cert *cert, enum cr_factory_identity identity);

/* Whether a device may come with such a key: P-256, P-384, RSA of 2048 to 4096 bits. *key views spki. */
bool cr_factory_key(struct cr_public_key *key, struct cr_bytes spki);

#endif
