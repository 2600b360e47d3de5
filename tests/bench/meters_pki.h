/* meters_pki: the replay's CA, the certificates that meters were provisioned with, and their requests. One thread;
 * failures end the program. */
#ifndef CR_METERS_PKI_H
#define CR_METERS_PKI_H

#include "common/cert.h"

struct meters_ca {
    struct cr_blob der;
    struct cr_cert cert;
    struct cr_private_key *key;
};

/* A new root, valid so, written to DIR/ca.pem and DIR/ca.key. */
void meters_ca_make(struct meters_ca *ca, const char *dir, int64_t not_before, int64_t not_after);
void meters_ca_fini(struct meters_ca *ca);

/* A certificate for a new key, whose private half is forgotten: the replay has no TLS. */
struct cr_blob meters_certify(const struct meters_ca *ca, const struct cr_profile *profile, const char *device,
                              int64_t not_before, int64_t not_after);

/* A request for another new key, DER; key_hash: of its SubjectPublicKeyInfo, to know the certificate again. */
struct cr_blob meters_request(const char *device, uint8_t key_hash[CR_SHA256_LEN]);

#endif
