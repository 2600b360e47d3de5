/* test_factory: certificates as factories give them to devices (IEEE 802.1AR IDevIDs), for tests. The CA is a test_ca;
 * failures end the test. */
#ifndef CR_TEST_FACTORY_H
#define CR_TEST_FACTORY_H

#include "tests/support/test_pki.h"

/* All zero: a P-256 key, no subject, valid for ever. */
struct test_factory_leaf {
    const char *cn;                  /* NULL: none; here and below */
    const char *serial_number;       /* the subject's serialNumber attribute */
    const char *san_dns, *san_uri;
    const char *second_dns, *second_uri;
    bool hardware_module;            /* an otherName with a HardwareModuleName (RFC 4108) in the SAN */
    bool server_only;                /* an extendedKeyUsage of serverAuth alone; else there is none */
    enum cr_key_type type;           /* CR_KEY_NONE: P-256 */
    unsigned rsa_bits;
    struct cr_bytes spki;            /* of this key instead of a new one */
    struct cr_bytes basic_constraints; /* this value instead of none; need not be DER */
    struct cr_bytes serial;          /* the INTEGER's content instead of 01 */
    int64_t not_before, not_after;   /* 0: a day before TEST_PKI_NOW, and 9999-12-31T23:59:59Z */
};

/* *key may be NULL; else it is libcrypto's and the caller's, and NULL where spki was given. */
void test_factory_leaf_make(struct cr_blob *der, struct cr_private_key **key, const struct test_ca *ca,
                            const struct test_factory_leaf *leaf);

#endif
