/* key_libcrypto_load: private keys into libcrypto without leaving copies of them on its heap, as its own decoders do.
 * Only for key_libcrypto.c. Any thread. */
#ifndef CR_KEY_LIBCRYPTO_LOAD_H
#define CR_KEY_LIBCRYPTO_LOAD_H

#include "common/bytes.h"

#include <openssl/evp.h>

/* PEM or DER, encrypted or not; NULL when it is no key of a kind that we use, or memory is short: libcrypto's error
 * queue tells. */
EVP_PKEY *cr_key_libcrypto_load(struct cr_bytes pem_or_der, const char *passphrase);

#endif
