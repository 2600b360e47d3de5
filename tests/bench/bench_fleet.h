/* bench_fleet: a CA, devices with certificates of it, and requests made beforehand, so that no key is made while
 * something is measured. One thread; failures end the program. */
#ifndef CR_BENCH_FLEET_H
#define CR_BENCH_FLEET_H

#include "common/cert.h"

#include <openssl/ssl.h>

struct bench_ca {
    struct cr_blob der;
    struct cr_cert cert;
    struct cr_private_key *key;
};

/* Writes ca.pem, ca.key, server.pem and server.key (for "localhost") into a directory. */
void bench_ca_write(const char *dir);
/* Reads ca.pem and ca.key. */
void bench_ca_read(struct bench_ca *ca, const char *dir);
void bench_ca_fini(struct bench_ca *ca);

/* A TLS client context with a new key and its certificate. NULL ca: only trusts, has no certificate of its own. */
SSL_CTX *bench_device_context(struct bench_ca *ca, const char *device);

/* A CSR with a new P-256 key and CN=device: DER, allocated. */
struct cr_blob bench_csr_der(const char *device);
/* The same as PEM, NUL-terminated. */
struct cr_blob bench_csr_pem(const char *device);

#endif
