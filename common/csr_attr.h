/* csr_attr: the attributes of a request (RFC 2986 section 4.1), and the extensions wished for in them.
 * Shared by the walk (csr.c) and the rules (csr_check.c). Pure; any thread. */
#ifndef CR_CSR_ATTR_H
#define CR_CSR_ATTR_H

#include "common/ext.h"

struct cr_csr_attr {
    enum cr_oid type;
    struct cr_bytes values; /* content of the SET */
};

/* Takes the next Attribute off the content of [0]. CR_NOT_FOUND at its end, CR_INVALID when malformed. */
CR_MUST_USE cr_err cr_csr_attr_next(struct cr_der *attributes, struct cr_csr_attr *attr);

/* The extensions in the values of an extensionRequest (RFC 2985 section 5.4.2): the content of their one Extensions.
 * CR_INVALID: not exactly one value, or not that. */
CR_MUST_USE cr_err cr_csr_attr_extensions(const struct cr_csr_attr *attr, struct cr_bytes *extensions);

#endif
