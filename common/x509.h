/* x509: what certificates, CRLs and OCSP responses have in common, read and written. Pure; any thread. */
#ifndef CR_X509_H
#define CR_X509_H

#include "common/cert.h"
#include "common/der.h"
#include "common/oid.h"

enum { CR_KEY_ID_LEN = 20 };

/* A Time (RFC 5280 section 4.1.2.5): YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ, and nothing looser. CR_INVALID otherwise. */
CR_MUST_USE cr_err cr_x509_time_read(struct cr_der *reader, int64_t *unix_s);
/* A serial number: positive, minimal, at most CR_SERIAL_MAX octets with its sign. CR_INVALID otherwise. */
CR_MUST_USE cr_err cr_x509_serial_read(struct cr_der *reader, struct cr_serial *serial);

/* UTCTime until 2049, GeneralizedTime from then on. CR_INVALID: before 1970 or after 9999. */
CR_MUST_USE cr_err cr_x509_time_write(struct cr_der_writer *writer, int64_t unix_s);
/* GeneralizedTime, whenever it is. */
CR_MUST_USE cr_err cr_x509_generalized_write(struct cr_der_writer *writer, int64_t unix_s);
/* Makes an Extension of the value written since the mark. */
void cr_x509_extension_wrap(struct cr_der_writer *writer, enum cr_oid id, bool critical, size_t mark);

/* SHA-1 of the BIT STRING of a SubjectPublicKeyInfo: RFC 5280 section 4.2.1.2 (1). A name, no protection. CR_INVALID: it
 * is none; CR_CRYPTO. */
CR_MUST_USE cr_err cr_x509_key_id(uint8_t id[CR_KEY_ID_LEN], struct cr_bytes spki);
/* What an issuer's key is called in what it signs: as its own certificate calls it, or its key id, which is written to
 * `room`. */
CR_MUST_USE cr_err cr_x509_authority(struct cr_bytes *id, uint8_t room[CR_KEY_ID_LEN], const struct cr_cert *issuer);
/* The extension with that. */
CR_MUST_USE cr_err cr_x509_authority_write(struct cr_der_writer *writer, const struct cr_cert *issuer);

#endif
