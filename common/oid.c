#include "common/oid.h"

#include "common/der.h"

enum { OID_MAX = 10 };

struct oid_row {
    uint8_t len;
    uint8_t content[OID_MAX];
};

/* Spelled in hex, each beside its dotted form. */
static const struct oid_row oids[CR_OID_COUNT] = {
    [CR_OID_EC_PUBLIC_KEY] = { 7, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 } },               /* 1.2.840.10045.2.1 */
    [CR_OID_P256] = { 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 } }, /* 1.2.840.10045.3.1.7 */
    [CR_OID_P384] = { 5, { 0x2b, 0x81, 0x04, 0x00, 0x22 } },                                    /* 1.3.132.0.34 */
    [CR_OID_RSA] = { 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 } }, /* 1.2.840.113549.1.1.1 */
    [CR_OID_ECDSA_SHA256] = { 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 } }, /* 1.2.840.10045.4.3.2 */
    [CR_OID_ECDSA_SHA384] = { 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03 } }, /* 1.2.840.10045.4.3.3 */
    [CR_OID_ECDSA_SHA512] = { 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04 } }, /* 1.2.840.10045.4.3.4 */
    [CR_OID_RSA_SHA256] = { 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b } }, /* 1.2.840.113549.1.1.11 */
    [CR_OID_RSA_SHA384] = { 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c } }, /* 1.2.840.113549.1.1.12 */
    [CR_OID_RSA_SHA512] = { 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d } }, /* 1.2.840.113549.1.1.13 */
    [CR_OID_CN] = { 3, { 0x55, 0x04, 0x03 } },                                                  /* 2.5.4.3 */
    [CR_OID_C] = { 3, { 0x55, 0x04, 0x06 } },                                                   /* 2.5.4.6 */
    [CR_OID_L] = { 3, { 0x55, 0x04, 0x07 } },                                                   /* 2.5.4.7 */
    [CR_OID_ST] = { 3, { 0x55, 0x04, 0x08 } },                                                  /* 2.5.4.8 */
    [CR_OID_O] = { 3, { 0x55, 0x04, 0x0a } },                                                   /* 2.5.4.10 */
    [CR_OID_OU] = { 3, { 0x55, 0x04, 0x0b } },                                                  /* 2.5.4.11 */
    [CR_OID_SERIAL_NUMBER] = { 3, { 0x55, 0x04, 0x05 } },                                       /* 2.5.4.5 */
    /* 1.2.840.113549.1.9.14 */
    [CR_OID_EXTENSION_REQUEST] = { 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e } },
    [CR_OID_SUBJECT_KEY_ID] = { 3, { 0x55, 0x1d, 0x0e } },                                      /* 2.5.29.14 */
    [CR_OID_KEY_USAGE] = { 3, { 0x55, 0x1d, 0x0f } },                                           /* 2.5.29.15 */
    [CR_OID_SUBJECT_ALT_NAME] = { 3, { 0x55, 0x1d, 0x11 } },                                    /* 2.5.29.17 */
    [CR_OID_BASIC_CONSTRAINTS] = { 3, { 0x55, 0x1d, 0x13 } },                                   /* 2.5.29.19 */
    [CR_OID_CRL_POINTS] = { 3, { 0x55, 0x1d, 0x1f } },                                          /* 2.5.29.31 */
    [CR_OID_POLICIES] = { 3, { 0x55, 0x1d, 0x20 } },                                            /* 2.5.29.32 */
    [CR_OID_AUTHORITY_KEY_ID] = { 3, { 0x55, 0x1d, 0x23 } },                                    /* 2.5.29.35 */
    [CR_OID_EXT_KEY_USAGE] = { 3, { 0x55, 0x1d, 0x25 } },                                       /* 2.5.29.37 */
    [CR_OID_AUTHORITY_INFO] = { 8, { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01 } },        /* 1.3.6.1.5.5.7.1.1 */
    /* 1.3.6.1.4.1.11129.2.4.3 */
    [CR_OID_CT_POISON] = { 10, { 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03 } },
    [CR_OID_CRL_NUMBER] = { 3, { 0x55, 0x1d, 0x14 } },                                          /* 2.5.29.20 */
    [CR_OID_CRL_REASON] = { 3, { 0x55, 0x1d, 0x15 } },                                          /* 2.5.29.21 */
    [CR_OID_ISSUING_POINT] = { 3, { 0x55, 0x1d, 0x1c } },                                       /* 2.5.29.28 */
    [CR_OID_OCSP_BASIC] = { 9, { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01 } }, /* 1.3.6.1.5.5.7.48.1.1 */
    [CR_OID_SHA1] = { 5, { 0x2b, 0x0e, 0x03, 0x02, 0x1a } },                                    /* 1.3.14.3.2.26 */
    [CR_OID_CA_ISSUERS] = { 8, { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02 } },            /* 1.3.6.1.5.5.7.48.2 */
    [CR_OID_EKU_ANY] = { 4, { 0x55, 0x1d, 0x25, 0x00 } },                                       /* 2.5.29.37.0 */
    [CR_OID_EKU_SERVER] = { 8, { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01 } },            /* 1.3.6.1.5.5.7.3.1 */
    [CR_OID_EKU_CLIENT] = { 8, { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02 } },            /* 1.3.6.1.5.5.7.3.2 */
    [CR_OID_EKU_CODE] = { 8, { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03 } },              /* 1.3.6.1.5.5.7.3.3 */
};

struct cr_bytes cr_oid(enum cr_oid oid)
{
    return (struct cr_bytes){ oids[oid].content, oids[oid].len };
}

enum cr_oid cr_oid_find(struct cr_bytes content)
{
    for (int i = CR_OID_UNKNOWN + 1; i < CR_OID_COUNT; i++) {
        if (cr_bytes_equal(content, cr_oid((enum cr_oid)i))) {
            return (enum cr_oid)i;
        }
    }
    return CR_OID_UNKNOWN;
}
