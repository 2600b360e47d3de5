/* dn: distinguished names (RFC 5280 section 4.1.2.4), read and written as DER and never as one string: no quoting, so
 * nothing to get around it. Pure; any thread. */
#ifndef CR_DN_H
#define CR_DN_H

#include "common/der.h"
#include "common/oid.h"
#include "common/profile.h"

/* One attribute of a name. */
struct cr_dn_attr {
    enum cr_oid type;       /* CR_OID_UNKNOWN for what has no meaning to us */
    int string_tag;         /* CR_DER_UTF8_STRING … */
    struct cr_bytes value;  /* the string's bytes */
    bool alone;             /* the only one of its RelativeDistinguishedName */
};

/* Walks the attributes of a Name. */
struct cr_dn_walk {
    struct cr_der rdns, rdn;
    bool rdn_alone;
};
/* CR_INVALID: not a Name. */
CR_MUST_USE cr_err cr_dn_walk_init(struct cr_dn_walk *walk, struct cr_bytes name);
/* CR_NOT_FOUND behind the last; CR_INVALID: not a Name. */
CR_MUST_USE cr_err cr_dn_walk_next(struct cr_dn_walk *walk, struct cr_dn_attr *attr);

/* Whether it is a Name of at most rdn_max RelativeDistinguishedNames. CR_INVALID otherwise. */
CR_MUST_USE cr_err cr_dn_check(struct cr_bytes name, unsigned rdn_max);

/* The one CN, where there is exactly one, UTF8String or PrintableString. CR_NOT_FOUND otherwise. */
CR_MUST_USE cr_err cr_dn_common_name(struct cr_bytes *value, struct cr_bytes name);

/* The attribute type that a profile calls "O", "OU", "C", "L" or "ST"; CR_OID_UNKNOWN for anything else. */
enum cr_oid cr_dn_type(const char *text);

/* Writes "O=Acme, CN=Issuing CA" for people to read, cut where the capacity ends; what is not
 * printable ASCII becomes '?'. Nothing may be decided by it. */
void cr_dn_text(char *text, size_t cap, struct cr_bytes name);

/* Writes a Name: the attributes in their order, each a RelativeDistinguishedName of its own, then the CN. Strings are
 * UTF8String, but the country is a PrintableString. */
void cr_dn_write(struct cr_der_writer *writer, const struct cr_subject_attr *attrs, unsigned attr_count,
                 const char *common_name);

#endif
