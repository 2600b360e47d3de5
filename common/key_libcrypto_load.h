/* key_libcrypto_load: private keys into libcrypto without leaving copies of them on its heap, as its own decoders do.
 * Only for key_libcrypto.c. Any thread. */
#ifndef CR_KEY_LIBCRYPTO_LOAD_H
#define CR_KEY_LIBCRYPTO_LOAD_H

#include "common/key.h"

#include <openssl/evp.h>

/* PEM or DER, encrypted or not; NULL when it is no key of a kind that we use, or memory is short: libcrypto's error
 * queue tells. */
EVP_PKEY *cr_key_libcrypto_load(struct cr_bytes pem_or_der, const char *passphrase);

/* A key as cr_key_libcrypto_write() wrote it: what it says of its public half is believed. NULL: it is none. */
EVP_PKEY *cr_key_libcrypto_open(struct cr_bytes der);
/* As PKCS#8 into the caller's memory; *len in: its capacity. */
CR_MUST_USE cr_err cr_key_libcrypto_write(const EVP_PKEY *pkey, enum cr_key_type type, struct cr_bytes spki,
                                          uint8_t *der, size_t *len);

#endif
