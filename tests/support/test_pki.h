/* test_pki: CAs and leaves made with the code under test, for tests that need some. Failures end the test. */
#ifndef CR_TEST_PKI_H
#define CR_TEST_PKI_H

#include "common/cert.h"

enum { TEST_PKI_NOW = 1800000000 }; /* 2027-01-15T08:00:00Z */

struct test_ca {
    struct cr_private_key *key; /* libcrypto's */
    struct cr_blob spki, der;
    struct cr_cert cert;
};

/* Valid from a day before TEST_PKI_NOW for ten years. issuer NULL: self-signed. */
void test_ca_make(struct test_ca *ca, const char *name, const struct test_ca *issuer, enum cr_key_type type);
void test_ca_make_at(struct test_ca *ca, const char *name, const struct test_ca *issuer, enum cr_key_type type,
                     int64_t not_before, int64_t not_after);
void test_ca_fini(struct test_ca *ca);
cr_cert_sign_fn test_ca_sign; /* ctx: struct test_ca */

/* A leaf of a new P-256 key under the profile and intent. *spki (may be NULL) is its key. */
void test_leaf_make(struct cr_blob *der, struct cr_blob *spki, const struct test_ca *ca,
                    const struct cr_profile *profile, const char *device, const struct cr_cert_intent *intent);

/* Files, in a directory that test_dir_remove() takes away. */
struct test_dir {
    char path[64];
};
void test_dir_make(struct test_dir *dir);
void test_dir_remove(struct test_dir *dir);
/* dir/name, valid until this is called for the eighth time again. */
const char *test_dir_file(const struct test_dir *dir, const char *name);
void test_file_write(const char *path, const void *data, size_t len, unsigned mode);
/* Certificates as PEM, one after another; ends with NULL. */
void test_file_write_certs(const char *path, const struct cr_blob *const *ders);
void test_file_write_key(const char *path, const struct cr_private_key *key, unsigned mode);

/* Runs a program (found in PATH) with standard output and error into `output`; its exit status, -1 when there is no
 * such program. Ends it after ten seconds. */
int test_run(char *output, size_t cap, const char *const *argv);

#endif
