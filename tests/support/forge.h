/* forge: DER in any shape, right or wrong, for tests; and the keys to sign it with.
 *
 * Values are written inside out, as they read in ASN.1: SEQ(f, OID(f, CR_OID_CN), UTF8(f, "dev-1")). All that is made
 * belongs to the forge and lives until forge_fini. Running out of memory ends the test program. One thread. */
#ifndef CR_TEST_FORGE_H
#define CR_TEST_FORGE_H

#include "common/bytes.h"
#include "common/der.h"
#include "common/oid.h"

#include <openssl/evp.h>

struct forge {
    struct forge_piece *pieces;
    struct forge_key *keys;
};

void forge_init(struct forge *f);
void forge_fini(struct forge *f);

/* A value of these parts. */
struct cr_bytes forge_value(struct forge *f, int tag, const struct cr_bytes *parts, size_t count);
/* The same with a length field of `octets` octets, whatever the minimum is; 0: indefinite. */
struct cr_bytes forge_value_long(struct forge *f, int tag, struct cr_bytes content, unsigned octets);
/* Parts, one after another. */
struct cr_bytes forge_join(struct forge *f, const struct cr_bytes *parts, size_t count);
struct cr_bytes forge_copy(struct forge *f, const void *data, size_t len);
/* The same bytes with one of them changed. */
struct cr_bytes forge_flip(struct forge *f, struct cr_bytes bytes, size_t at, uint8_t with);

#define FORGE_PARTS(...)                                                                                            \
    (const struct cr_bytes[]){ __VA_ARGS__ }, sizeof((const struct cr_bytes[]){ __VA_ARGS__ }) / sizeof(struct cr_bytes)
#define VALUE(f, tag, ...) forge_value(f, tag, FORGE_PARTS(__VA_ARGS__))
#define JOIN(f, ...) forge_join(f, FORGE_PARTS(__VA_ARGS__))
#define SEQ(f, ...) VALUE(f, CR_DER_SEQUENCE, __VA_ARGS__)
#define SET(f, ...) VALUE(f, CR_DER_SET, __VA_ARGS__)
#define OCTETS(f, ...) VALUE(f, CR_DER_OCTET_STRING, __VA_ARGS__)
#define HEX(f, text) forge_hex(f, text)
#define OID(f, oid) VALUE(f, CR_DER_OID, cr_oid(oid))
#define TEXT(text) ((struct cr_bytes){ (const uint8_t *)(text), sizeof(text) - 1 }) /* also with a NUL inside */
#define UTF8(f, text) VALUE(f, CR_DER_UTF8_STRING, forge_text(text))
#define NOTHING ((struct cr_bytes){ NULL, 0 })

struct cr_bytes forge_hex(struct forge *f, const char *text);
struct cr_bytes forge_text(const char *text);
struct cr_bytes forge_int(struct forge *f, uint8_t value);
struct cr_bytes forge_uint(struct forge *f, struct cr_bytes magnitude);
struct cr_bytes forge_bits(struct forge *f, uint8_t unused, struct cr_bytes octets);

/* Any key that libcrypto can make, also those that nobody should: curve names as libcrypto's; e is the exponent. */
EVP_PKEY *forge_key_ec(struct forge *f, const char *curve);
EVP_PKEY *forge_key_rsa(struct forge *f, unsigned bits, unsigned e);
/* An RSA key of two primes of half the bits: as from a generator that took the next prime for the second one, or as
 * from Infineon's library (ROCA). */
EVP_PKEY *forge_key_close_primes(struct forge *f, unsigned bits);
EVP_PKEY *forge_key_roca(struct forge *f, unsigned bits);
/* Its SubjectPublicKeyInfo; for EC keys with the point as "uncompressed", "compressed" or "hybrid", and the curve as
 * "named_curve" or "explicit". */
struct cr_bytes forge_spki(struct forge *f, EVP_PKEY *key, const char *point, const char *curve);
/* Its PKCS#8, PEM or DER; encrypted when passphrase is not NULL. */
struct cr_bytes forge_private(struct forge *f, EVP_PKEY *key, bool pem, const char *passphrase);
/* Signs with any digest, MD5 too. */
struct cr_bytes forge_sign(struct forge *f, EVP_PKEY *key, const char *digest, struct cr_bytes message);
struct cr_bytes forge_pem(struct forge *f, const char *label, struct cr_bytes der);

#endif
