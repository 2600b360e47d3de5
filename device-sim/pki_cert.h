/* pki_cert: keys and certificates of the demo's PKI, by libcrypto. The plugin's own certificates are built elsewhere,
 * by other code: what one writes the other has to read. */
#ifndef DEVICE_SIM_PKI_CERT_H
#define DEVICE_SIM_PKI_CERT_H

#include "common/err.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

enum pki_kind {
    PKI_ROOT, PKI_ISSUING, PKI_SERVER, PKI_CLIENT,
    PKI_FACTORY /* of a device, by its factory: the name is also its serialNumber attribute, as in IEEE 802.1AR */
};

/* A key and its certificate. */
struct pki_pair {
    EVP_PKEY *key;
    X509 *cert;
};
void pki_pair_fini(struct pki_pair *pair);

/* Makes a key and has `issuer` (NULL: itself) certify it. `alt_names`: libcrypto's "DNS:a,IP:b", or NULL. */
CR_MUST_USE cr_err pki_pair_make(struct pki_pair *pair, enum pki_kind kind, const char *common_name,
                                 const char *alt_names, int64_t not_before, int64_t not_after,
                                 const struct pki_pair *issuer);

/* Reads both; CR_NOT_FOUND: one of the files is not there; CR_INVALID: not what it must be. */
CR_MUST_USE cr_err pki_pair_load(struct pki_pair *pair, const char *cert_path, const char *key_path);
/* Writes both as pki_file.h does, the key only for its owner; `above` (or NULL) follows in the certificate's file. The
 * key comes first, and a former certificate goes before it: whenever there is a certificate, it is that of the key. */
CR_MUST_USE cr_err pki_pair_save(const struct pki_pair *pair, const char *cert_path, const char *key_path,
                                 const X509 *above, bool durable);
/* One after another, as pki_file.h does, durable; those that are NULL are left out. */
CR_MUST_USE cr_err pki_certs_save(const char *path, const X509 *const *certs, size_t count);

#endif
