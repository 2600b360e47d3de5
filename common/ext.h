/* ext: X.509 extensions (RFC 5280 section 4.2), as certificates have them and requests wish for them.
 * Pure; any thread. */
#ifndef CR_EXT_H
#define CR_EXT_H

#include "common/der.h"
#include "common/oid.h"

struct cr_ext {
    enum cr_oid id;        /* CR_OID_UNKNOWN: see type */
    struct cr_bytes type;  /* the OID's content */
    bool critical;
    struct cr_bytes value; /* what the OCTET STRING wraps */
};

/* Takes the next Extension off the content of an Extensions. CR_NOT_FOUND at its end, CR_INVALID when malformed. */
CR_MUST_USE cr_err cr_ext_next(struct cr_der *extensions, struct cr_ext *ext);
/* Whether this is the content of an Extensions: at least one, at most max. CR_INVALID otherwise. */
CR_MUST_USE cr_err cr_ext_check(struct cr_bytes extensions, unsigned max);
/* Whether two of them have the same type. The content passed cr_ext_check. */
bool cr_ext_duplicate(struct cr_bytes extensions);

/* The values. CR_INVALID: not DER of that shape. */
CR_MUST_USE cr_err cr_ext_basic_constraints(struct cr_bytes value, bool *ca);
enum { CR_KEY_USAGE_CERT_SIGN = 1 << 5, CR_KEY_USAGE_CRL_SIGN = 1 << 6 };
/* Bit n of the BIT STRING is 1 << n. */
CR_MUST_USE cr_err cr_ext_key_usage(struct cr_bytes value, unsigned *bits);
/* Whether an ExtKeyUsageSyntax has this purpose, or any purpose. */
CR_MUST_USE cr_err cr_ext_key_purpose(struct cr_bytes value, enum cr_oid purpose, bool *has);
CR_MUST_USE cr_err cr_ext_subject_key_id(struct cr_bytes value, struct cr_bytes *id);
/* Empty when it is there without a keyIdentifier. */
CR_MUST_USE cr_err cr_ext_authority_key_id(struct cr_bytes value, struct cr_bytes *id);

#endif
