/* oid: the object identifiers that mean something to us, by name. Pure; any thread. */
#ifndef CR_OID_H
#define CR_OID_H

#include "common/bytes.h"

enum cr_oid {
    CR_OID_UNKNOWN = 0,
    /* public keys and curves */
    CR_OID_EC_PUBLIC_KEY, CR_OID_P256, CR_OID_P384, CR_OID_RSA,
    /* signatures */
    CR_OID_ECDSA_SHA256, CR_OID_ECDSA_SHA384, CR_OID_ECDSA_SHA512,
    CR_OID_RSA_SHA256, CR_OID_RSA_SHA384, CR_OID_RSA_SHA512,
    /* attribute types of names */
    CR_OID_CN, CR_OID_C, CR_OID_L, CR_OID_ST, CR_OID_O, CR_OID_OU, CR_OID_SERIAL_NUMBER,
    /* attributes of a request */
    CR_OID_EXTENSION_REQUEST,
    /* extensions */
    CR_OID_SUBJECT_KEY_ID, CR_OID_KEY_USAGE, CR_OID_SUBJECT_ALT_NAME, CR_OID_BASIC_CONSTRAINTS, CR_OID_CRL_POINTS,
    CR_OID_POLICIES, CR_OID_AUTHORITY_KEY_ID, CR_OID_EXT_KEY_USAGE, CR_OID_AUTHORITY_INFO, CR_OID_CT_POISON,
    /* of CRLs and their entries; OCSP */
    CR_OID_CRL_NUMBER, CR_OID_CRL_REASON, CR_OID_ISSUING_POINT, CR_OID_OCSP_BASIC, CR_OID_SHA1,
    /* what those hold */
    CR_OID_CA_ISSUERS, CR_OID_EKU_ANY, CR_OID_EKU_SERVER, CR_OID_EKU_CLIENT, CR_OID_EKU_CODE,
    CR_OID_COUNT
};

/* The content octets of its OBJECT IDENTIFIER; empty for CR_OID_UNKNOWN. */
struct cr_bytes cr_oid(enum cr_oid oid);
/* Which one these content octets are, CR_OID_UNKNOWN for any other. */
enum cr_oid cr_oid_find(struct cr_bytes content);

#endif
